"""Backfill: which doses are open, how backfilled patients count, and the operating characteristics its authors tell."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsonin.designs import (
    Accrual,
    Backfill,
    Boin,
    Boin12,
    BoinComb,
    Crm,
    Keyboard,
    MaxPatients,
    RollingSix,
    Scenario,
    StopWhenHere,
    ThreePlusThree,
    TiteBoin,
    design,
    difference,
    names,
    parse_outcomes,
    simulate,
)
from opsonin.errors import DesignError

FIVE = Backfill(MaxPatients(Boin(5, 0.25), 30))
# Zhao et al. (2024), Clin Cancer Res 30:673, tables 3 and 4: DLT and response rates; then, with and without backfill,
# right dose %, too toxic dose %, patients below, at and above the MTD, months
SCENARIOS = {
    3: (
        [0.04, 0.12, 0.25, 0.43, 0.63],
        [0.10, 0.20, 0.30, 0.45, 0.58],
        [57.6, 9.7, 16.9, 9.8, 4.2, 14.3],
        [56.7, 12.3, 11.4, 8.0, 4.6, 14.3],
    ),
    5: (
        [0.02, 0.05, 0.08, 0.11, 0.25],
        [0.05, 0.10, 0.15, 0.20, 0.30],
        [62.8, 0.0, 27.2, 7.2, 0.0, 15.5],
        [63.9, 0.0, 17.6, 7.3, 0.0, 15.1],
    ),
    11: (
        [0.02, 0.06, 0.10, 0.25, 0.40],
        [0.10, 0.30, 0.32, 0.35, 0.36],
        [57.0, 13.1, 24.3, 9.7, 3.5, 15.6],
        [53.3, 17.1, 14.0, 7.7, 4.0, 15.5],
    ),
}
people = st.text("NTEB", min_size=1, max_size=4)
course = st.lists(st.tuples(st.integers(1, 4), people, st.booleans()), min_size=1, max_size=7)


def decided(text, rule=FIVE):
    return rule.decide(parse_outcomes(text))


def written(cohorts):
    return " ".join(f"{'+' * beside}{level}{letters}" for level, letters, beside in cohorts)


@pytest.mark.parametrize(
    ("text", "open_"),
    [
        ("", ()),
        ("1NNN 2NNN", ()),  # no response yet
        ("1NEN", (1,)),  # while level 2 is watched
        ("1NEN 2NNN", (1, 2)),  # a response at a lower level is enough
        ("1NNN 2NEN", (2,)),
        ("1NEN 2NNN +1NNNNNNNNN", (2,)),  # twelve patients
        ("1NEN 2NNN +1NT", (1, 2)),
        ("1NEN 2NNN 3NNN +1TTN", (1, 2, 3)),  # 2 of 6, but 2 of 9 with the next level
        ("1NEN 2NNN +1TTT", ()),  # 3 of 6, and 3 of 9 with the next level
        ("1NEN 2NNN 3NNN 4NNN 5NTT +2TTT", (1,)),  # level 2 is closed, and level 3 with it
    ],
)
def test_open_levels(text, open_):
    made = decided(text)
    assert made.backfill == open_
    assert made.numbers["open_to_backfill"] == list(open_)


def test_without_a_response_where_told():
    assert decided("1NNN 2NNN", Backfill(MaxPatients(Boin(5, 0.25), 30), responses=False)).backfill == (1, 2)


@pytest.mark.parametrize(
    ("text", "action", "level"),
    [
        ("1NEN 2NNN", "escalate", 3),
        ("1NEN 2NNN +1NN", "escalate", 3),
        ("1NEN 2NNN +1TT 3NNN", "escalate", 4),  # 2 of 11 together
        ("1NEN 2NTNN +1NTT 3NNN", "escalate", 4),  # 1 of 7 from level 2 on, the highest that disagrees
        ("1NEN 2NNN +2TTN 3NNN", "stay", 3),  # 2 of 9 from level 2 on
        ("1NEN 2NNN +1TTT", "de-escalate", 1),  # 3 of 9 together, and 3 of 6 at level 1 itself
        ("1NEN 2NNNNNN 3NNN +2TTTT 3NTN", "de-escalate", 1),  # 4 of 10 at level 2, 5 of 16 together
        ("1NNE 2NNN 3NNNNNN +2TT", "escalate", 4),  # 2 of 5 at level 2, 2 of 11 together
        ("1NNN 2TNN +1NNNNNN", "de-escalate", 1),  # nobody speaks against it
    ],
)
def test_levels_that_disagree_are_pooled(text, action, level):
    made = decided(text)
    assert (made.action, made.level) == (action, level)
    assert made.reason


def test_pooling_goes_down_to_the_highest_dose_still_fine():
    rule = Backfill(MaxPatients(Boin(5, 0.25), 60), most=30)
    # level 1 speaks against staying at 4 (5 of 15); 1 to 4 together 11 of 33: down to 3, up to which 5 of 21 are fine
    made = decided("1EEE +1TTTTTNNNNNNN 2NNN 3NNN 4TTTTTTNNNNNN", rule)
    assert (made.action, made.level) == ("de-escalate", 3)


@settings(max_examples=25, deadline=None)
@given(cohorts=course)
def test_without_anybody_on_backfill_boin_decides_as_ever_unless_levels_disagree(cohorts):
    text = written([(level, letters, False) for level, letters, _ in cohorts])
    plain, filled = (decided(text, rule) for rule in (FIVE.inner, FIVE))
    if "speaks against" not in filled.reason:
        assert (plain.action, plain.level, plain.mtd) == (filled.action, filled.level, filled.mtd)


@settings(max_examples=25, deadline=None)
@given(cohorts=course, rule=st.sampled_from([FIVE, Backfill(MaxPatients(Crm(5), 30)), Backfill(Keyboard(5), 6)]))
def test_open_levels_are_below_and_not_full(cohorts, rule):
    seen = parse_outcomes(written(cohorts))
    made = rule.decide(seen)
    patients = seen.counts(5)[0]
    current = seen.level[~seen.beside]
    last = made.level or (int(current[-1]) if len(current) else 0)
    assert all(level < last and patients[level - 1] < rule.most for level in made.backfill)
    assert not (made.stop and made.backfill)


def test_backfilled_patients_are_no_cohort():
    seen = FIVE.evidence(parse_outcomes("1NEN 2NNT +1TN"))
    assert (int(seen.current[0]), int(seen.last_patients[0]), int(seen.last_dlt[0])) == (2, 3, 1)
    assert seen.backfilled.tolist() == [[2, 0, 0, 0, 0]]
    assert (int(seen.total[0]), int(seen.escalated[0])) == (8, 6)
    assert parse_outcomes("1NEN +1TN 2NNT").text == "1NEN +1TN 2NNT"


def test_who_responded_while_still_followed_opens_a_level_but_is_no_patient_yet():
    rule = Backfill(MaxPatients(Boin12(4), 12))
    seen = rule.evidence(parse_outcomes("1NNN 2NNN +1E@5dE@4dE@3dE@2d"))
    assert seen.pending.tolist() == [[4, 0, 0, 0]]
    known = rule.judged(seen)
    assert known.patients.tolist() == [[3, 3, 0, 0]]
    assert (known.efficacy <= known.patients).all()
    assert 1 in rule.decide(parse_outcomes("1NNN 2NNN +1E@5d")).backfill


def test_the_escalation_has_its_own_number_of_patients():
    rule = Backfill(MaxPatients(Boin(3, 0.25), 6))
    assert decided("1NEN +1NNNNNN", rule).level == 2
    assert decided("1NEN +1NNNNNN 2NNN", rule).action == "declare"


@pytest.mark.parametrize("rule", [Boin(5, 0.25), TiteBoin(5, 0.25, window_days=60), Crm(5, 0.25, cohort=3)])
def test_trials_with_backfill(rule):
    truth = Scenario([0.05, 0.10, 0.25, 0.4, 0.5], efficacy=[0.3] * 5, window_days=60, efficacy_window_days=60)
    inner = MaxPatients(rule, 24)
    with_, without = (simulate(one, truth, 150, seed=2, accrual=Accrual(7.0)) for one in (Backfill(inner), inner))
    assert without.backfilled.sum() == 0
    assert with_.backfilled.sum() > 150
    assert (with_.backfilled <= with_.patients).all()
    assert (with_.backfilled.max(axis=0) <= 12).all()
    assert ((with_.patients - with_.backfilled).sum(axis=1) <= 24).all()
    assert "patients on backfill" in set(with_.summary()["measure"])
    assert with_.to_frame()["backfilled"].sum() == pytest.approx(with_.backfilled.sum(axis=1).mean())
    beside = difference(with_, without).set_index("measure").loc["patients on backfill", "difference"]
    assert beside == pytest.approx(with_.backfilled.sum(axis=1).mean())
    again = simulate(Backfill(inner), truth, 60, seed=2, accrual=Accrual(7.0))
    assert np.array_equal(again.patients, with_.patients[:60])


def test_without_responses_nobody_is_on_backfill_and_the_trials_are_the_same():
    truth = Scenario([0.05, 0.10, 0.25, 0.4, 0.5])
    with_, without = (simulate(one, truth, 200, seed=2, accrual=Accrual(7.0)) for one in (FIVE, FIVE.inner))
    assert with_.backfilled.sum() == 0
    for name in ("mtd", "patients", "dlt", "days"):
        assert np.array_equal(getattr(with_, name), getattr(without, name))


@settings(max_examples=25, deadline=None)
@given(cohorts=course)
def test_the_3_plus_3_decides_on_its_own_cohorts(cohorts):
    rule = Backfill(ThreePlusThree(4))
    alone = [(level, letters, False) for level, letters, beside in cohorts if not beside]
    plain, filled = ThreePlusThree(4).decide(parse_outcomes(written(alone))), decided(written(cohorts), rule)
    assert (plain.action, plain.level, plain.patients, plain.mtd) == (
        filled.action, filled.level, filled.patients, filled.mtd,
    )  # fmt: skip


def test_the_3_plus_3_closes_levels_by_backfilled_dlts():
    rule = design({"name": "3+3", "backfill": {"responses": False}}, 4)
    assert decided("1NNN 2NNN +1TNN", rule).backfill == (1, 2)
    assert decided("1NNN 2NNN +1TTTT", rule).backfill == ()
    found = simulate(rule, Scenario([0.1, 0.2, 0.3, 0.4]), 200, seed=1, accrual=Accrual(5.0))
    assert ((found.patients - found.backfilled) <= 6).all()
    assert found.backfilled.sum() > 200
    assert "do not count" in rule.describe()


@pytest.mark.parametrize(
    "name", sorted(set(names()) - {"rolling-six", "boin-comb", "blrm-pair", "pocrm", "waterfall", "table"})
)
def test_every_design_of_one_drug_takes_it(name):
    rule = design({"name": name, "backfill": {"most": 6, "responses": False}}, 4)
    truth = Scenario([0.05, 0.15, 0.30, 0.50], efficacy=[0.1, 0.3, 0.5, 0.5], grades=[[0.5, 0.2, 0.1, 0.2, 0, 0]] * 4)
    found = simulate(rule, truth, 6, seed=3, accrual=Accrual(5.0))
    assert found.backfilled.max() <= 6
    assert found.backfilled.sum() > 0 or name == "tite-crm"  # which never waits


def test_a_complete_trial_waits_for_the_last_on_backfill():
    truth = Scenario([0.05, 0.10, 0.25, 0.4, 0.5], efficacy=[0.5] * 5, window_days=60, efficacy_window_days=60)
    quick, whole = (
        simulate(Backfill(MaxPatients(Boin(5), 15), complete=end), truth, 200, seed=2, accrual=Accrual(7.0))
        for end in (False, True)
    )
    assert whole.days.mean() > quick.days.mean()
    assert (whole.days >= quick.days).all()


@pytest.mark.slow
@pytest.mark.parametrize("number", SCENARIOS)
def test_operating_characteristics_as_published(number):
    """Selection within four standard errors, the published ones taken to be of 1,000 trials. Patients within 6 % and
    duration within 8 %: published trials of BOIN alone are shorter by a month too, as where patients come at uniform
    intervals and not, as here, at exponential ones, of which more is left after a wait."""
    dlt, efficacy, *published = SCENARIOS[number]
    truth = Scenario(dlt, efficacy=efficacy, window_days=30, efficacy_window_days=30)
    alone = MaxPatients(StopWhenHere(Boin(5, 0.25, one_of_three_stays=True), 9, stays=True), 30)
    right, over = truth.dlt == 0.25, truth.dlt > 0.25
    below = ~right & ~over
    for rule, theirs in zip((Backfill(alone), alone), published, strict=True):
        found = simulate(rule, truth, 4_000, seed=5, accrual=Accrual(10.0))
        for which, share in ((right, theirs[0]), (over, theirs[1])):
            p = share / 100
            assert abs(found.select[which].sum() - p) <= 4 * np.sqrt(p * (1 - p) * (1 / 1000 + 1 / 4000)) + 5e-4
        patients = found.patients.mean(axis=0)
        for which, mean in zip((below, right, over), theirs[2:5], strict=True):
            assert patients[which].sum() == pytest.approx(mean, rel=0.06, abs=0.1)
        assert found.days.mean() / 30 == pytest.approx(theirs[5], rel=0.08)


def test_a_study_asks_for_it():
    made = design({"name": "boin", "target": 0.25, "backfill": 9}, 5)
    assert isinstance(made, Backfill)
    assert (made.most, made.responses, made.inner.patients) == (9, True, 30)
    made = design({"name": "tite-boin", "backfill": {"most": 6, "responses": False, "complete": True}}, 4)
    assert (made.most, made.responses, made.complete) == (6, False, True)
    assert "open" in made.describe()
    assert isinstance(design({"name": "boin", "backfill": False}, 5), MaxPatients)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Backfill(RollingSix(4)), "goes on without waiting"),
        (lambda: Backfill(Backfill(Boin(4))), "has backfill already"),
        (lambda: Backfill(Boin(4), 0), "has room for a patient"),
        (lambda: Backfill(BoinComb(6, 2)), "is for one drug"),
        (lambda: design({"name": "boin", "backfill": "yes"}, 4), "backfill is 'yes'"),
        (lambda: design({"name": "boin", "backfill": {"cap": 3}}, 4), "give the patients a level has at most"),
        (lambda: design({"name": "rolling-six", "backfill": 6}, 4), "goes on without waiting"),
        (lambda: parse_outcomes("+NNN"), "expected a dose level"),
    ],
)
def test_bad_input_is_named(make, words):
    with pytest.raises(DesignError, match=words):
        make()
