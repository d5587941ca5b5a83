import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsonin.designs import (
    ACTIONS,
    Outcomes,
    Scenario,
    ThreePlusThree,
    exact_characteristics,
    from_counts,
    outcomes,
    parse_outcomes,
    simulate,
)
from opsonin.errors import DesignError

# the rule of the protocol, course by course: 3 patients, expand to 6, return to the lower level until it has 6
COURSES = [
    ("", "start", 1, 3),
    ("1NNN", "escalate", 2, 3),
    ("1NNT", "stay", 1, 3),
    ("1NNT 1NNN", "escalate", 2, 3),
    ("1NNN 2NTN", "stay", 2, 3),
    ("1NNN 2NTN 2NNN", "escalate", 3, 3),
    ("1NNN 2TTN", "de-escalate", 1, 3),
    ("1NNN 2NNN 3TNT", "de-escalate", 2, 3),
    ("1NNN 2NNN 3TNT 2NTN", "declare", None, 0),
    ("1NNN 2NNN 3TNT 2TTN", "de-escalate", 1, 3),
    ("1NNN 2NNN 3TNT 2TTN 1NNN", "declare", None, 0),
    ("1NNN 2NNN 3NNN 4NNN", "stay", 4, 3),
    ("1NN", "stay", 1, 1),
    ("1NNT 1NN", "stay", 1, 1),
]


@pytest.mark.parametrize(("seen", "action", "level", "patients"), COURSES)
def test_the_rule_is_followed(seen, action, level, patients):
    decision = ThreePlusThree(4).decide(parse_outcomes(seen))
    assert (decision.action, decision.level, decision.patients) == (action, level, patients)
    assert decision.reason


@pytest.mark.parametrize(
    ("seen", "mtd"),
    [
        ("1NNN 2NNN 3NNN 4NNN 4NNN", 4),  # the top level is cleared with six
        ("1NNN 2NNN 3NNN 4NNT 4NNN", 4),
        ("1TTN", None),  # level 1 is too toxic
        ("1NTN 1TNN", None),
        ("1NTN 1NNN 2TTT", 1),  # six were treated below already
        ("1NNN 2NNN 3NNN 4NNN 4NTT 3NNN", 3),
    ],
)
def test_the_trial_ends_with_the_right_mtd(seen, mtd):
    decision = ThreePlusThree(4).decide(parse_outcomes(seen))
    assert decision.stop
    assert decision.mtd == mtd
    assert decision.action == ("stop" if mtd is None else "declare")


def test_the_top_level_may_be_declared_with_three_if_asked():
    assert ThreePlusThree(2, fill_top=False).decide(parse_outcomes("1NNN 2NNN")).mtd == 2


def test_the_short_form_does_not_return():
    assert ThreePlusThree(3, return_to_lower=False).decide(parse_outcomes("1NNN 2NTT")).mtd == 1


def test_levels_that_do_not_exist_are_named():
    with pytest.raises(DesignError, match=r"'5NNN' hold level 5, but the design has 4"):
        ThreePlusThree(4).decide(parse_outcomes("5NNN"))
    with pytest.raises(DesignError, match="at least one dose level"):
        ThreePlusThree(0)


def run(design, toxic):
    """A whole trial: the k-th patient at level L has a DLT where toxic[L − 1][k]."""
    level, dlt, cohort, decisions = [], [], [], []
    while True:
        decision = design.decide(outcomes(level, dlt, cohort))
        decisions.append(decision)
        if decision.stop:
            return outcomes(level, dlt, cohort), decisions
        for _ in range(decision.patients):
            dlt.append(toxic[decision.level - 1][level.count(decision.level)])
            level.append(decision.level)
            cohort.append(len(decisions))


truths = st.integers(1, 5).flatmap(
    lambda levels: st.lists(st.lists(st.booleans(), min_size=6, max_size=6), min_size=levels, max_size=levels)
)


@given(truths)
def test_no_level_is_skipped_and_none_has_more_than_six(toxic):
    seen, _ = run(ThreePlusThree(len(toxic)), toxic)
    highest = np.maximum.accumulate(seen.level)
    assert seen.level[0] == 1
    assert (np.diff(highest) <= 1).all()
    assert (seen.counts(len(toxic))[0] <= 6).all()


@given(truths)
def test_the_mtd_is_the_highest_level_with_fewer_than_two_of_six(toxic):
    seen, decisions = run(ThreePlusThree(len(toxic)), toxic)
    patients, dlt = seen.counts(len(toxic))
    fit = [level for level in range(1, len(toxic) + 1) if patients[level - 1] == 6 and dlt[level - 1] < 2]
    assert decisions[-1].mtd == max(fit, default=None)
    assert not any(d.stop for d in decisions[:-1])


@given(truths)
def test_a_patient_goes_up_only_from_a_cleared_level(toxic):
    _, decisions = run(ThreePlusThree(len(toxic)), toxic)
    for decision in decisions:
        if decision.action == "escalate":
            below = decision.level - 2
            patients, dlt = decision.numbers["patients"][below], decision.numbers["dlt"][below]
            assert (patients, dlt) in [(3, 0), (6, 0), (6, 1)]


@given(truths, st.integers(0, 2**32))
def test_order_within_a_cohort_does_not_matter(toxic, seed):
    shuffle = np.random.default_rng(seed).permutation
    design = ThreePlusThree(len(toxic))
    seen, decisions = run(design, toxic)
    dlt = seen.dlt.copy()
    assert seen.cohort is not None
    for cohort in np.unique(seen.cohort):
        here = np.flatnonzero(seen.cohort == cohort)
        dlt[here] = dlt[shuffle(here)]
    shuffled = Outcomes(seen.level, dlt, seen.cohort)
    again = design.decide(shuffled)
    assert (again.action, again.level, again.mtd) == (decisions[-1].action, None, decisions[-1].mtd)


@given(
    st.integers(1, 4),
    st.booleans(),
    st.booleans(),
    st.lists(st.tuples(st.integers(1, 4), st.text("TN", min_size=1, max_size=3)), max_size=8),
)
def test_arrays_decide_as_single_trials_do_for_any_history(levels, back, fill, cohorts):
    """Also for histories the design itself would never make, such as a skipped level."""
    words = [f"{min(level, levels)}{letters}" for level, letters in cohorts]
    design = ThreePlusThree(levels, back, fill)
    seen = parse_outcomes(" ".join(words))
    one = design.decide(seen)
    patients, dlt = seen.counts(levels)
    current = np.array([seen.level[-1] if len(seen) else 0])
    counted = from_counts(patients[None], dlt[None], current)
    many, told = design.decide_many(counted), design._told(counted)
    assert ACTIONS[many.action[0]] == one.action == told.action
    assert (many.level[0], many.patients[0], many.mtd[0]) == (one.level or 0, one.patients, one.mtd or 0)
    assert (told.level, told.patients, told.mtd) == (one.level, one.patients, one.mtd)
    assert one.stop or one.patients >= 1
    if one.level is not None:
        assert patients[one.level - 1] + one.patients <= max(6, patients[one.level - 1])


def test_exact_characteristics_agree_with_every_course_played_out():
    from scipy.stats import binom

    probabilities = np.array([0.2, 0.5])
    design = ThreePlusThree(2)
    select, none = np.zeros(2), 0.0
    for counts in itertools.product(range(4), repeat=4):  # DLTs in two cohorts of three at each level
        cohorts = np.array(counts).reshape(2, 2)
        toxic = (np.arange(3) < cohorts[..., None]).reshape(2, 6)
        weight = binom.pmf(cohorts, 3, probabilities[:, None]).prod()
        mtd = run(design, toxic.tolist())[1][-1].mtd
        if mtd is None:
            none += weight
        else:
            select[mtd - 1] += weight
    found = exact_characteristics(design, probabilities)
    np.testing.assert_allclose(found.select, select, atol=1e-12)
    assert found.none == pytest.approx(none)
    assert found.select.sum() + found.none == pytest.approx(1)


def test_probabilities_are_checked():
    with pytest.raises(DesignError, match="3 levels, but 2"):
        exact_characteristics(ThreePlusThree(3), np.array([0.1, 0.2]))
    with pytest.raises(DesignError, match="between 0 and 1"):
        exact_characteristics(ThreePlusThree(2), np.array([0.1, 1.2]))


def test_rates_that_fall_with_dose_are_refused_unless_they_are_meant():
    falling = np.array([0.3, 0.1])
    with pytest.raises(DesignError, match=r"\[0.3, 0.1\] fall with dose"):
        exact_characteristics(ThreePlusThree(2), falling)
    found = exact_characteristics(ThreePlusThree(2), falling, falling=True)
    drawn = simulate(ThreePlusThree(2), Scenario(falling, falling=True), 20_000)
    for exact, one in [(found.none, drawn.mtd == 0), (found.select[1], drawn.mtd == 2)]:
        assert abs(exact - one.mean()) < 4 * one.std() / 20_000**0.5
