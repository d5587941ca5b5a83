"""The screen as a chapter of `analyse`: what is asked, who is left out, and what cannot be."""

import numpy as np
import pandas as pd
import pytest

from opsonin.analysis import analyse
from opsonin.analysis.screening import screen
from opsonin.errors import AnalysisError
from opsonin.record import Manifest, TrialRecord

N = 60
IDS = [f"P{k:02d}" for k in range(N)]


@pytest.fixture(scope="module")
def record():
    rng = np.random.default_rng(4)
    values = rng.lognormal(3, 1, size=(N, 6))
    day = np.ceil(rng.exponential(200 / values[:, 0] * np.median(values[:, 0]))) + 14
    age = rng.normal(60, 8, N)
    age[3] = np.nan
    subjects = pd.DataFrame({"subject_id": IDS, "age_years": age, "sex": np.where(rng.random(N) < 0.5, "F", "M")})
    survival = pd.DataFrame({"subject_id": IDS, "endpoint": "PFS", "day": day, "event": True, "origin_day": 0.0})
    best = np.where(values[:, 1] > np.median(values[:, 1]), "PR", "PD")
    best[:10] = "SD"
    responses = pd.DataFrame({"subject_id": IDS, "criteria": "RECIST 1.1", "day": 42.0, "best": True, "overall": best})
    parts = [
        pd.DataFrame(
            {
                "subject_id": IDS, "marker": f"m{k}", "compartment": "blood", "day": when, "value": values[:, k],
                "unit": "cells/µl", "below_limit": False, "baseline": when < 0,
            }
        )
        for k in range(6) for when in (-1.0, 14.0)
    ]  # fmt: skip
    measurements = pd.concat(parts, ignore_index=True)
    tables = {"subjects": subjects, "survival": survival, "measurements": measurements}
    return TrialRecord(tables | {"responses": responses.assign(source="reported")}, Manifest())


def test_every_marker_is_screened_and_the_strongest_stands_first(record):
    found = analyse(record, questions={"screen": ["PFS", "response"]}).named("screen")
    assert found[0].name == "screen.PFS.markers"
    assert found[1].name == "screen.PFS.m0.hazard_ratio"
    assert "per doubling" in found[1].method
    assert found.get("screen.response.m1.odds_ratio").estimate > 1
    assert len(found) == 2 * (1 + 6)


def test_the_numbers_are_those_of_the_function(record):
    finding = analyse(record, questions={"screen": "PFS"}).get("screen.PFS.m0.hazard_ratio")
    rows = record.measurements.query("marker == 'm0' and baseline")
    value = np.log2(rows.set_index("subject_id")["value"].reindex(IDS).to_numpy(dtype=float))
    one = screen(record.survival["day"], record.survival["event"], value).table.iloc[0]
    assert [finding.estimate, finding.lower, finding.upper] == pytest.approx(
        one[["estimate", "lower", "upper"]].tolist()
    )


def test_adjusted_covariates_are_named_and_who_lacks_them_is_left_out(record):
    found = analyse(record, questions={"screen": ["PFS"], "adjust": ["age_years", "sex"]})
    said = found.get("screen.PFS.markers")
    assert "Adjusted for age_years, sex. 1 without one of them" in said.note
    assert said.n == N - 1
    assert "adjusted" in found.get("screen.PFS.m0.hazard_ratio").method


def test_a_later_sample_is_a_landmark(record):
    found = analyse(record, questions={"screen": {"against": ["PFS"], "day": 15, "markers": ["m0", "m1"]}})
    assert "Landmark at day 14" in found.get("screen.PFS.markers").note
    assert {f.name for f in found.named("screen")} == {"screen.PFS.markers", *(
        f"screen.PFS.{m}.hazard_ratio" for m in ("m0", "m1")
    )}  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"screen": ["OS"]}, "No screen against 'OS'; there are PFS, response"),
        ({"screen": {"against": ["PFS"], "markers": ["IL-6"]}}, "no marker is called 'IL-6'"),
        ({"screen": {"against": ["PFS"], "day": 8}}, "no marker was measured on day 8"),
        ({"screen": ["PFS"], "adjust": ["kit"]}, "no column 'kit' to adjust for"),
    ],
)
def test_what_cannot_be_screened_is_said(record, asked, said):
    assert any(said in text for text in (f.note for f in analyse(record, questions=asked).named("note.screen")))


def test_a_question_of_the_wrong_kind_is_refused(record):
    with pytest.raises(AnalysisError, match=r"screen = .* cannot be used"):
        analyse(record, questions={"screen": {"markers": ["m0"]}})


def test_nothing_is_screened_unasked(record):
    assert not analyse(record).named("screen")
