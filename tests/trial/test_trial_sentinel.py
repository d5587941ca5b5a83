"""Patients of a cohort who wait until those ahead of them have been watched for a while."""

import numpy as np
import pytest

from opsonin.designs import Boin, MaxPatients, TiteBoin
from opsonin.errors import StudyError
from opsonin.trial import assumptions
from opsonin.trial.endpoints import Outcomes
from opsonin.trial.enrol import enrol
from opsonin.trial.enrol_clock import escalate_on_clock
from opsonin.trial.plan import make_plan
from trial import small

SENTINEL, STAGGER = 20.0, 9.0
TRIALS = 40
BY_COUNTS = MaxPatients(Boin(3, 0.3), 15)
DESIGNS = {"by counts": BY_COUNTS, "on the clock": MaxPatients(TiteBoin(3, 0.3, window_days=21.0), 15)}
TINY = 1e-9  # days


@pytest.fixture(scope="module")
def outcomes(model, pool) -> Outcomes:
    return lambda level, rows: pool.outcomes(level)


def protocol(sentinel=SENTINEL, stagger=STAGGER, **more):
    return small.small_protocol(sentinel_days=sentinel, stagger_days=stagger, accrual_days=5.0, **more)


def enrolled(model, outcomes, design, **said):
    return enrol(make_plan(model, protocol(**said)), np.ones(120), outcomes, design, 5, TRIALS)


def waits(made):
    """Each patient's place in the cohort, from 0, and the days since the one ahead in it (NaN for the first)."""
    same = (np.diff(made.trial, prepend=0) == 0) & (np.diff(made.cohort, prepend=0) == 0)
    first = np.flatnonzero(~same)
    place = np.arange(len(made)) - first[np.cumsum(~same) - 1]
    return place, np.where(same, np.diff(made.enrolled_day, prepend=0.0), np.nan)


@pytest.mark.parametrize("name", DESIGNS)
@pytest.mark.parametrize(("sentinel", "stagger"), [(SENTINEL, STAGGER), (SENTINEL, 0.0), (0.0, STAGGER)])
def test_nobody_is_dosed_before_the_one_ahead_was_watched(model, outcomes, name, sentinel, stagger):
    place, since = waits(enrolled(model, outcomes, DESIGNS[name], sentinel=sentinel, stagger=stagger))
    assert (place > 1).sum() > 50
    for mine, least in [(place == 1, sentinel), (place > 1, stagger)]:
        assert (since[mine] >= least - TINY).all()
        assert (since[mine] > least + TINY).any()  # who comes later than that waits for nobody
        assert np.isclose(since[mine], least, atol=TINY).any() == (least > 0)


def test_a_design_that_counts_enrols_the_same_patients_later(model, outcomes):
    plain = enrolled(model, outcomes, BY_COUNTS, sentinel=0.0, stagger=0.0)
    slow = enrolled(model, outcomes, BY_COUNTS)
    for name in ("trial", "slot", "patient", "level", "cohort", "dlt"):
        assert np.array_equal(getattr(plain, name), getattr(slow, name))
    assert (slow.enrolled_day >= plain.enrolled_day - TINY).all()
    assert (slow.enrolled_day > plain.enrolled_day + 100).any()


@pytest.mark.parametrize("replace", ["not evaluable", "nobody"])
def test_both_ways_of_filling_cohorts_keep_the_same_days(model, outcomes, replace):
    plan = make_plan(model, protocol(replace=replace))
    counted = enrol(plan, np.ones(120), outcomes, BY_COUNTS, 5, TRIALS)
    clocked = escalate_on_clock(plan, np.ones(120), outcomes, BY_COUNTS, 5, TRIALS, 5).enrolment
    assert np.array_equal(counted.patient, clocked.patient)
    assert not counted.evaluable.all()  # so that cohorts open again where they are replaced
    np.testing.assert_allclose(counted.enrolled_day, clocked.enrolled_day, atol=1e-6)


@pytest.mark.parametrize(
    ("sentinel", "stagger", "words"),
    [
        (7.0, 2.0, " The second patient of a cohort is dosed 7 days after the first or later, each further one is"),
        (7.0, 0.0, " The second patient of a cohort is dosed 7 days after the first or later."),
        (0.0, 2.0, " From the third of a cohort, each further one is dosed 2 days after the one ahead or later."),
    ],
)
def test_the_manifest_tells_of_it(sentinel, stagger, words):
    sentences = [one["sentence"] for one in assumptions(protocol(sentinel, stagger))]
    plain = [one["sentence"] for one in assumptions(protocol(0.0, 0.0))]
    changed = [new for new, old in zip(sentences, plain, strict=True) if new != old]
    assert len(changed) == 1
    assert words in changed[0]


def test_nobody_waits_for_less_than_no_time():
    with pytest.raises(StudyError, match="0 or more"):
        protocol(-1.0)
