"""Who is counted, what endpoints are called, and from when on a marker may speak."""

import pandas as pd
import pytest

from opsonin.analysis import Findings, analyse
from opsonin.analysis.asked import endpoint_name
from opsonin.errors import AnalysisError
from opsonin.record import Manifest, TrialRecord

IDS = [f"P{k}" for k in range(12)]


def _survival(day, event=True, origin=0.0, endpoint="OS"):
    return pd.DataFrame({"subject_id": IDS, "endpoint": endpoint, "day": day, "event": event, "origin_day": origin})


def _record(groups, by="arm", responders=(), assessed=(), **tables):
    subjects = pd.DataFrame({"subject_id": IDS, by: groups})
    best = pd.DataFrame({"subject_id": list(assessed)})
    best["overall"] = ["PR" if s in responders else "PD" for s in assessed]
    best = best.assign(criteria="RECIST 1.1", day=0.0, best=True, source="reported")
    return TrialRecord({"subjects": subjects, "responses": best} | tables, Manifest())


def test_a_cohort_whose_response_nobody_recorded_is_not_counted_as_failing():
    found = analyse(_record(["a"] * 6 + ["b"] * 6, responders=IDS[:3], assessed=IDS[:5]))
    assert (found.get("response.objective_rate", "a").events, found.get("response.objective_rate", "a").n) == (3, 6)
    every = found.get("response.objective_rate", "all")
    assert (every.events, every.n) == (3, 6)
    assert "among all subjects outside b" in every.method
    assert [f for f in found.named("response") if f.group == "b"] == []
    assert any("anyone in b: no rate is given there, and the 6 subjects are not counted" in n for n in found.notes)


def test_a_dose_level_without_a_response_still_counts_among_all():
    found = analyse(_record([1] * 6 + [2] * 6, by="level", responders=IDS[:3], assessed=IDS[:5]))
    assert found.get("response.objective_rate", "all").n == 12
    assert any("anyone in level 2: no rate is given there; among all they count as none" in n for n in found.notes)


def test_endpoints_have_the_names_that_the_record_gives_them():
    questions = {"endpoint_names": {"TTDE": "Time to First Dermatologic Event"}}
    assert endpoint_name(questions, "TTDE") == "Time to First Dermatologic Event"
    assert endpoint_name(None, "PFS") == "progression-free survival"
    assert endpoint_name({}, "XYZ") == "XYZ"
    record = _record(["a"] * 6 + ["b"] * 6, survival=_survival(range(1, 13), endpoint="TTDE"))
    found = analyse(record, questions=questions)
    for name, group in (("survival.TTDE.median", "a"), ("survival.TTDE.logrank", "a vs b")):
        assert found.get(name, group).note.startswith("TTDE: Time to First Dermatologic Event.")


def _sampled_on_day_15(values):
    rows = {"subject_id": IDS, "marker": "NK", "compartment": "blood", "day": 14.0, "value": values}
    return pd.DataFrame(rows | {"unit": "cells/µl", "below_limit": False, "baseline": False})


def test_a_landmark_counts_on_the_days_of_the_trial_whatever_the_endpoints_origin():
    """Randomised ten days before day 1, a time of 20 days ends on day 11: before the sample."""
    survival = _survival([20.0] * 3 + [40.0, 50, 60, 70, 80, 90, 100, 110, 120], origin=-10.0)
    record = _record(["a"] * 12, survival=survival, measurements=_sampled_on_day_15(range(1, 13)))
    ask = {"biomarkers": [{"marker": "NK", "day": 15, "against": ["OS"]}]}
    found = analyse(record, questions=ask).get("biomarker.OS.NK.hazard_ratio")
    assert found.n == 9
    assert "3 left out, 3 with the event by then" in found.note
    assert found.table["day"].tolist()[0] == pytest.approx(40 - 10 - 14)


def test_an_endpoint_that_is_not_there_is_named():
    record = _record(["a"] * 12, survival=_survival(range(1, 13)), measurements=_sampled_on_day_15(range(12)))
    ask = {"biomarkers": [{"marker": "NK", "day": 15, "against": ["PFS"]}]}
    assert "NK at day 15: no endpoint 'PFS'; there are OS." in analyse(record, questions=ask).notes


@pytest.mark.parametrize(
    "questions",
    [{"markers": "TMB"}, {"biomarkers": [{"day": 15}]}, {"cut": {"TMB": "ten"}}, {"level_names": 3}, {"strata": 4}],
)
def test_a_question_of_the_wrong_kind_is_named(questions):
    with pytest.raises(AnalysisError, match=f"of the questions, {next(iter(questions))} = .*; write"):
        analyse(_record(["a"] * 12), questions=questions)


@pytest.mark.parametrize(
    "text",
    [
        '[{"name": 3}]',
        '[{"name": "a", "estimate": "x"}]',
        '[{"name": "a", "estimate": [1]}]',
        '[{"name": "a", "n": "x"}]',
        '[{"name": "a", "group": null}]',
        '[{"name": "a", "p": true}]',
    ],
)
def test_damaged_findings_are_refused(text, tmp_path):
    path = tmp_path / "findings.json"
    path.write_text(text)
    with pytest.raises(AnalysisError, match=r"findings\.json: .* of finding 1 is .*damaged"):
        Findings.load(path)


def test_a_median_in_months_that_is_not_reached_is_said_so():
    record = _record(["a"] * 12, survival=_survival(range(1, 13), event=False))
    assert analyse(record).get("survival.OS.median", "a").text() == "not reached"
