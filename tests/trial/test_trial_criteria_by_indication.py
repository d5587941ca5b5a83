"""A basket whose indications are judged by different criteria: each patient as if all were judged by theirs."""

from dataclasses import fields, replace

import numpy as np
import pytest

from opsonin.analysis import response_times
from opsonin.criteria import responses_from_lesions
from opsonin.errors import StudyError
from opsonin.trial import Level, Pool, Treatment, TumourPlan, assumptions, run_trials
from opsonin.trial.arms import Arms
from opsonin.trial.responding import responded
from trial import small

MIXED = ("marrow", "iRECIST", "RECIST 1.1", "marrow")
EACH = 30
ARMS = Arms(("acute", "immune", "solid", "chronic"), EACH, ((0, 12),) * 4)


def basket(criteria, arms=ARMS):
    return small.small_protocol(
        levels=(Level(1, "observation"), Level(2, "drug")),
        treatments=(Treatment("drug", (0.0, 500.0), "mg", "oral", ((1, 5),), cycle_days=21.0),),
        dlt=(),
        dlt_window_days=0.0,
        replace="nobody",
        tumour=TumourPlan(criteria=criteria, every_days=35.0),
        observe_days=350.0,
        arms=arms,
    )


def pool_of(model, criteria):
    return Pool(model, small.small_patients(model, 4 * EACH), basket(criteria), seed=11)


@pytest.fixture(scope="module")
def mixed(model):
    return pool_of(model, MIXED)


@pytest.fixture(scope="module")
def run(mixed):
    return run_trials(mixed, mixed.protocol, None, 5, 6)


@pytest.mark.parametrize("criteria", ["marrow", "iRECIST", "RECIST 1.1"])
def test_a_patient_shows_what_they_would_if_all_were_judged_by_their_criteria(model, mixed, criteria):
    alike = pool_of(model, criteria)
    seen, theirs = mixed.outcomes(2), alike.outcomes(2)
    mine = np.flatnonzero(np.repeat(np.array(MIXED) == criteria, EACH))
    assert np.isfinite(seen.progression[mine]).any()
    for field in fields(seen):
        if field.name != "criteria":
            np.testing.assert_array_equal(getattr(seen, field.name)[mine], getattr(theirs, field.name)[mine])
    for days in (126.0, 350.0):
        for ours, other in zip(responded(mixed.plan, seen, days), responded(alike.plan, theirs, days), strict=True):
            np.testing.assert_array_equal(ours[mine], other[mine])


def test_criteria_make_a_difference_here(model, mixed):
    """Else the test above could not fail."""
    seen, solid = mixed.outcomes(2), pool_of(model, "RECIST 1.1").outcomes(2)
    for criteria in ("marrow", "iRECIST"):
        mine = np.flatnonzero(np.repeat(np.array(MIXED) == criteria, EACH))
        made, theirs = (np.isfinite(one.seen_mm[mine]).any(axis=1).sum(axis=1) for one in (seen, solid))
        # by iRECIST patients are scanned for longer, though the day of progression stays
        assert (seen.progression[mine] != solid.progression[mine]).any() or (made > theirs).any(), criteria


def test_patients_taken_from_the_pool_are_still_judged_by_their_own(model, mixed):
    """As the question who responds takes the first of each indication: numbers go with patients, rows do not."""
    rows = np.concatenate([k * EACH + np.arange(7) for k in range(4)])
    some = Pool(model, mixed.patients.take(rows), mixed.protocol, seed=11)
    np.testing.assert_array_equal(some.outcomes(2).progression, mixed.outcomes(2).progression[rows])
    np.testing.assert_array_equal(some.outcomes(2).criteria, np.repeat([0, 1, 2, 0], 7))


def test_the_record_says_of_each_patient_by_which_criteria(run):
    record = run.record
    record.validate()
    indication = record.subjects.set_index("subject_id")["indication"].astype(str)
    by = dict(zip(ARMS.indications, MIXED, strict=True))
    responses = record.responses
    assert (responses["criteria"].astype(str) == responses["subject_id"].map(indication.map(by)).astype(str)).all()
    for criteria in set(MIXED):
        members = indication.index[indication.map(by) == criteria]
        again = responses_from_lesions(record.lesions[record.lesions["subject_id"].isin(members)], criteria)
        mine = responses[responses["subject_id"].isin(members)].set_index(["subject_id", "day", "best"])
        both = mine.join(again.set_index(["subject_id", "day", "best"]), rsuffix="_again", how="inner")
        assert len(both) >= len(again) - len(members)
        assert (both["overall"].astype(str) == both["overall_again"].astype(str)).all()
        said = mine["reason"].dropna().astype(str)
        assert said.str.startswith("marrow:").all() == (criteria == "marrow")


def test_times_of_response_are_told_of_everybody(run):
    times = response_times(run.record.responses, run.record.survival, run.record.disposition)
    assert set(times["subject_id"]) == set(run.record.subjects["subject_id"].astype(str))
    ttp = run.record.survival[run.record.survival["endpoint"] == "TTP"].set_index("subject_id")
    progressed = ttp["day"].where(ttp["event"].astype(bool)).reindex(times["subject_id"]).to_numpy(dtype=float)
    np.testing.assert_array_equal(times["progression_day"].to_numpy(dtype=float), progressed)


def test_the_assumptions_name_the_criteria_of_each_indication(mixed):
    said = " ".join(one["sentence"] for one in assumptions(mixed.protocol))
    assert "Judged are acute by marrow, immune by iRECIST, solid by RECIST 1.1, chronic by marrow." in said
    assert "progression (by iRECIST, once it is confirmed)" in said
    assert "marrow, iRECIST and RECIST 1.1 responses need no confirmation" in said


def test_criteria_that_fit_no_basket_are_refused(model):
    with pytest.raises(StudyError, match="2 criteria are given for 4 indications of arms; give one for all"):
        basket(("marrow", "RECIST 1.1"))
    with pytest.raises(StudyError, match="2 criteria are given for 0 indications"):
        small.small_protocol(tumour=TumourPlan(criteria=("marrow", "RECIST 1.1")))
    for criteria, named in (("WHO", "'WHO'"), (("marrow", "WHO"), "'WHO'"), ((), "none")):
        with pytest.raises(
            StudyError, match=f"the criteria of scans are {named}; known are RECIST 1.1, iRECIST, Lugano"
        ):
            TumourPlan(criteria=criteria)
    far = replace(small.small_patients(model, 2), ids=np.array([3, 120]))
    with pytest.raises(StudyError, match="patient 120 is of none of the 4 indications of 30 patients each"):
        Pool(model, far, basket(MIXED), seed=11)
