"""Phase II decisions of a record: counted from its responses where it holds no look, refused where it cannot be."""

import pandas as pd
import pytest

from opsonin.analysis import analyse
from opsonin.designs.phase_two.inference import two_stage_inference
from opsonin.errors import AnalysisError
from opsonin.record import Manifest, TrialRecord

SIMON = {"name": "simon", "null": 0.05, "target": 0.25}  # 0 of 9 stops; more than 2 of 17 is worth going on with


def record(arms, questions):
    """arms: name → (patients, responders)."""
    rows = [(arm, k < hits) for arm, (n, hits) in arms.items() for k in range(n)]
    ids = [f"P{k:03d}" for k in range(len(rows))]
    subjects = pd.DataFrame({"subject_id": ids, "arm": [arm for arm, _ in rows]})
    responses = pd.DataFrame(
        {
            "subject_id": ids,
            "criteria": "RECIST 1.1",
            "day": 42.0,
            "best": True,
            "overall": ["PR" if hit else "SD" for _, hit in rows],
            "source": "reported",
        }
    )
    manifest = Manifest(kind="real", title="phase II", questions=questions)
    return TrialRecord({"subjects": subjects, "responses": responses}, manifest)


@pytest.mark.parametrize(
    ("n", "hits", "said"),
    [
        (9, 0, "stop for futility"),
        (9, 1, "enrol up to 17"),
        (17, 2, "not worth going on with"),
        (17, 3, "worth going on"),
    ],
)
def test_a_real_arm_is_judged_by_its_design(n, hits, said):
    found = analyse(record({"drug": (n, hits)}, {"phase_two": SIMON}))
    rate = next(f for f in found.results if f.name == "phase_two.response_rate")
    assert said in rate.note
    assert (rate.n, rate.events) == (n, hits)
    exact = two_stage_inference(hits, 0, 9, 17, 0.05, 0.025)
    assert (rate.estimate, rate.lower, rate.upper) == pytest.approx((exact.estimate, exact.lower, exact.upper))


def test_between_looks_nothing_is_decided_and_each_arm_has_its_own():
    found = analyse(record({"a": (12, 2), "b": (17, 6), "c": (20, 6)}, {"phase_two": SIMON}))
    assert [f.group for f in found.results if f.name == "phase_two.response_rate"] == ["b"]
    notes = [text for text in found.notes if "phase II decision" in text]
    assert any("for a: 2 of 12 responded; the next look is at 17" in text for text in notes)
    assert any("for c: 6 of 20 responded; 17 were planned" in text for text in notes)


def test_one_stage_has_its_exact_interval():
    found = analyse(record({"a": (27, 6)}, {"phase_two": {"name": "single-stage", "null": 0.05, "target": 0.20}}))
    rate = next(f for f in found.results if f.name == "phase_two.response_rate")
    assert rate.estimate == pytest.approx(6 / 27)
    assert rate.lower == pytest.approx(0.0862, abs=1e-4)  # binom.test(6, 27)
    assert rate.upper == pytest.approx(0.4226, abs=1e-4)


def test_what_is_no_design_is_named():
    with pytest.raises(AnalysisError, match="a phase II design, such as"):
        analyse(record({"a": (9, 1)}, {"phase_two": {"name": "simon"}}))
    found = analyse(record({"a": (9, 1)}, {"phase_two": {"name": "simn", "null": 0.05, "target": 0.2}}))
    assert any("did you mean 'simon'" in text for text in found.notes)


def test_a_record_that_asks_for_none_has_none():
    found = analyse(record({"a": (9, 1)}, {}))
    assert not any(f.name.startswith(("phase_two", "basket")) for f in found.results)
    assert not any("phase II" in text for text in found.notes)
