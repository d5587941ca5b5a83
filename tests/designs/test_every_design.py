"""The laws that every design obeys, whatever its rule: a level it has, a reason, no skipping where told, and nothing
that depends on the order within a cohort, on other trials, or on how many there are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsonin.designs import (
    ACTIONS,
    Accelerated,
    Accrual,
    Backfill,
    Blrm,
    Boin,
    Boin12,
    BoinEt,
    Coherent,
    Cohorts,
    Crm,
    EffTox,
    GBoin,
    I3Plus3,
    Keyboard,
    MaxPatients,
    MinPatients,
    Mtpi,
    Mtpi2,
    NoSkipping,
    OneStepUp,
    OwnTable,
    RollingSix,
    Scenario,
    StopWhenPrecise,
    StopWhenTooToxic,
    ThreePlusThree,
    TiteBoin,
    TiteBoin12,
    TiteBoinEt,
    TiteCrm,
    UBoin,
    design,
    names,
    parse_outcomes,
    simulate,
)
from opsonin.designs.evidence import from_counts
from opsonin.errors import DesignError

ROWS = (("E", "D"), ("E", "S", "DU"), ("E", "S", "D", "DU"))
DESIGNS = {
    "3+3": ThreePlusThree(4),
    "blrm": Blrm(4),
    "boin": Boin(4, 0.30),
    "boin-et": BoinEt(4),
    "boin12": Boin12(4),
    "crm": Crm(4, 0.30),
    "efftox": EffTox(4),
    "gboin": GBoin(4),
    "i3+3": I3Plus3(4),
    "keyboard": Keyboard(4),
    "mtpi": Mtpi(4),
    "mtpi-2": Mtpi2(4),
    "rolling-six": RollingSix(4),
    "table": OwnTable(4, ROWS),
    "tite-boin": TiteBoin(4),
    "tite-boin-et": TiteBoinEt(4),
    "tite-boin12": TiteBoin12(4),
    "tite-crm": TiteCrm(4, 0.30),
    "u-boin": UBoin(4),
}
WRAPPED = {
    "accelerated": Accelerated(ThreePlusThree(4)),
    "backfill": Backfill(Boin(4, 0.30), 6),
    "coherent": Coherent(Crm(4, 0.30)),
    "cohorts": Cohorts(Boin(4), (1, 1, 3, 3)),
    "min": MinPatients(MaxPatients(Boin(4), 6), 9),
    "one step": OneStepUp(Crm(4, 0.30)),
    "precise": StopWhenPrecise(Boin(4, 0.30), 0.6),
    "too-toxic": StopWhenTooToxic(Boin(4, 0.30), 0.8, 2),
}
EVERY = list((DESIGNS | WRAPPED).items())
TRUTH = Scenario(
    [0.05, 0.15, 0.30, 0.50],
    efficacy=[0.1, 0.3, 0.5, 0.5],
    grades=[
        [0.6, 0.2, 0.15, 0.05, 0, 0],
        [0.4, 0.3, 0.15, 0.1, 0.05, 0],
        [0.3, 0.2, 0.2, 0.2, 0.1, 0],
        [0.1, 0.2, 0.2, 0.3, 0.2, 0],
    ],
)
cohort = st.tuples(
    st.integers(1, 4), st.lists(st.tuples(st.sampled_from("NTEB"), st.integers(0, 4)), min_size=1, max_size=4)
)


def written(cohorts):
    return " ".join(f"{level}{''.join(f'{letter}g{grade}' for letter, grade in people)}" for level, people in cohorts)


def test_every_registered_design_stands_in_these_tests():
    assert set(names()) - {"blrm-pair", "boin-comb", "pocrm", "waterfall"} <= set(DESIGNS)  # test_combinations


@pytest.mark.parametrize(("name", "rule"), EVERY, ids=[name for name, _ in EVERY])
@settings(max_examples=25, deadline=None)
@given(cohorts=st.lists(cohort, max_size=6))
def test_a_decision_has_a_level_and_a_reason(name, rule, cohorts):
    made = rule.decide(parse_outcomes(written(cohorts)))
    assert made.action in ACTIONS
    assert made.reason
    assert made.level in (None, 1, 2, 3, 4)
    assert made.mtd in (None, 1, 2, 3, 4)
    assert (made.action == "declare") == (made.mtd is not None)
    assert made.stop == (made.action in ("stop", "declare"))
    assert (made.level is None) == (made.stop or made.action == "wait")
    if made.level is not None:
        assert made.patients >= 1


@pytest.mark.parametrize(("name", "rule"), EVERY, ids=[name for name, _ in EVERY])
@settings(max_examples=20, deadline=None)
@given(cohorts=st.lists(cohort, min_size=1, max_size=5), seed=st.integers(0, 99))
def test_order_within_a_cohort_does_not_matter(name, rule, cohorts, seed):
    rng = np.random.default_rng(seed)
    mixed = [(level, [people[i] for i in rng.permutation(len(people))]) for level, people in cohorts]
    one, other = (rule.decide(parse_outcomes(written(each))) for each in (cohorts, mixed))
    assert (one.action, one.level, one.patients, one.mtd) == (other.action, other.level, other.patients, other.mtd)


@pytest.mark.parametrize("name", ["boin", "crm", "keyboard", "table", "boin12"])
@settings(max_examples=30, deadline=None)
@given(cohorts=st.lists(cohort, max_size=6))
def test_no_level_is_skipped_where_told(name, cohorts):
    made = NoSkipping(DESIGNS[name]).decide(parse_outcomes(written(cohorts)))
    highest = max((level for level, _ in cohorts), default=0)
    assert made.level is None or made.level <= highest + 1


@pytest.mark.parametrize("name", ["3+3", "boin", "crm", "i3+3", "keyboard", "mtpi", "mtpi-2", "table"])
def test_many_trials_are_decided_as_each_alone(name):
    rng = np.random.default_rng(4)
    patients = rng.integers(0, 9, size=(60, 4))
    dlt = rng.binomial(patients, 0.3)
    current = np.where(patients.sum(axis=1) > 0, np.maximum((patients > 0).argmax(axis=1) + 1, 1), 0)
    many = DESIGNS[name].decide_many(from_counts(patients, dlt, current))
    for row in range(60):
        alone = DESIGNS[name].decide_many(
            from_counts(patients[row : row + 1], dlt[row : row + 1], current[row : row + 1])
        )
        assert [int(a[row]) for a in many] == [int(a[0]) for a in alone]


@pytest.mark.parametrize(("name", "rule"), EVERY, ids=[name for name, _ in EVERY])
def test_trials_end_and_are_the_same_again(name, rule):
    ends = rule if name in ("3+3", "rolling-six", "accelerated", "min") else MaxPatients(rule, 18)
    truth = TRUTH if name != "min" else Scenario([0.05, 0.15, 0.30, 0.50])
    one, again = (simulate(ends, truth, 40, seed=8, accrual=Accrual(9.0)) for _ in range(2))
    assert np.array_equal(one.mtd, again.mtd)
    assert np.array_equal(one.patients, again.patients)
    assert (one.dlt <= one.patients).all()
    assert (one.mtd <= 4).all()
    assert ((one.patients > 0) | (np.arange(1, 5) != one.mtd[:, None])).all()  # what is declared was tried
    assert (one.days >= 0).all()


def test_rolling_six_is_quicker_than_three_plus_three():
    six, three = (simulate(rule, TRUTH, 200, accrual=Accrual(9.0)) for rule in (RollingSix(4), ThreePlusThree(4)))
    assert six.days.mean() < three.days.mean()
    assert (six.patients <= 6).all()


def test_rolling_six_waits_and_goes_on_as_published():
    rule = RollingSix(4)
    assert rule.decide(parse_outcomes("1NNN")).level == 2
    assert rule.decide(parse_outcomes("1NN 1N@3d")).level == 1
    assert rule.decide(parse_outcomes("1NNNN 1N@3dN@3d")).action == "wait"
    assert rule.decide(parse_outcomes("1TNNNN 1N@3d")).action == "wait"
    assert rule.decide(parse_outcomes("1NNNN 1N@3d")).level == 1
    assert rule.decide(parse_outcomes("1NNNNN 1N@3d")).level == 2  # at most one DLT in six, whatever the last one shows
    assert rule.decide(parse_outcomes("1NNN 2TT 1NN 1N@3d")).mtd == 1
    assert rule.decide(parse_outcomes("1NNNNNT")).level == 2
    assert rule.decide(parse_outcomes("1NNN 2NTT")).level == 1
    assert rule.decide(parse_outcomes("1TT")).action == "stop"
    assert rule.decide(parse_outcomes("1NNN 2NTT 1NNN")).mtd == 1


def test_acceleration_ends_at_the_first_sign():
    rule = Accelerated(ThreePlusThree(4))
    assert rule.decide(parse_outcomes("1Ng0")).level == 2
    assert rule.decide(parse_outcomes("1Ng0 2Ng2")).level == 3
    slow = rule.decide(parse_outcomes("1Ng0 2Ng2 3Ng2"))
    assert (slow.level, slow.patients) == (3, 2)
    assert rule.decide(parse_outcomes("1Ng0 2Tg3")).level == 2


def test_acceleration_follows_each_patient_to_the_end_whatever_is_inside():
    rule = Accelerated(TiteBoin(4), 0)
    assert rule.decide(parse_outcomes("1N@5d")).action == "wait"
    assert rule.decide(parse_outcomes("1N")).level == 2
    assert rule.decide(parse_outcomes("1T")).action != "wait"


def test_rules_have_names_in_a_study_file():
    options = {"accelerated": 0, "cohorts": [1, 3, 3, 3], "patients": 6, "min_patients": 9}
    made = design({"name": "boin", **options}, 4)
    rule = MaxPatients(MinPatients(Accelerated(Cohorts(Boin(4), (1, 3, 3, 3)), 0), 9), 6)
    for seen in ("", "1N", "1N 2N", "1N 2T", "1N 2T 1N", "1NNN 2NNN"):
        assert made.decide(parse_outcomes(seen)) == rule.decide(parse_outcomes(seen))
    assert design({"name": "3+3", "accelerated": True}, 4).decide(parse_outcomes("1Ng0")).level == 2
    assert design({"name": "table", "rows": [list(row) for row in ROWS]}, 4).decide(parse_outcomes("1NNN")).level == 2


def test_a_grade_counts_by_its_score():
    rule = GBoin(4)
    assert rule.decide(parse_outcomes("1Ng1Ng1Ng1")).level == 2
    assert rule.decide(parse_outcomes("1Ng2Ng2Ng2")).action == "stay"
    assert rule.decide(parse_outcomes("1Ng0Ng0Ng1 2Tg4Tg3Ng2")).level == 1


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Cohorts(Boin(4), (3, 3)), "one for each of 4 levels"),
        (lambda: design({"name": "boin", "cohorts": ["a", 1, 1, 1]}, 4), "one for each of 4 levels"),
        (lambda: design({"name": "boin", "accelerated": "yes"}, 4), "give true, or the number"),
        (lambda: design({"name": "boin", "stop_when_here": 0}, 4), "it cannot end at 0"),
        (lambda: design({"name": "boin", "stop_when_treated": -1}, 4), "it cannot end at -1"),
        (lambda: design({"name": "efftox", "doses": [1, 2, 3, float("nan")]}, 4), "finite"),
        (lambda: design({"name": "crm", "prior": 0.2}, 4), "it must be a list"),
        (lambda: Accelerated(Boin(4), -1), "0 or more"),
        (lambda: GBoin(4, scores=(0, 1, 0.5, 1, 1, 1)), "never fall"),
        (lambda: GBoin(4).decide(parse_outcomes("1Ng1NT")), "patient 2 .* has no grade"),
        (lambda: Coherent(ThreePlusThree(4)), "has no target rate"),
        (lambda: RollingSix(4, 0.0), "above 0"),
        (lambda: from_counts(np.array([[2]]), np.array([[3]]), np.array([1])), "3 DLTs in 2 patients at level 1"),
    ],
)
def test_bad_input_is_named(make, words):
    with pytest.raises(DesignError, match=words):
        make()


@pytest.mark.parametrize("name", [name for name in names() if name != "table"])
def test_every_design_says_its_own_rule(name):
    told = design(name, 4).describe()
    assert len(told.split()) > 15  # a rule, not a name


def test_designs_that_differ_are_told_apart():
    told = {name: design(name, 4).describe() for name in ("boin", "tite-boin", "gboin", "crm", "tite-crm", "i3+3")}
    assert len(set(told.values())) == len(told)
    assert told["gboin"].startswith("gBOIN")
    assert told["tite-boin"].startswith("TITE-BOIN")
    assert told["tite-crm"].startswith("TITE-CRM")
    assert "25%" in told["i3+3"]
