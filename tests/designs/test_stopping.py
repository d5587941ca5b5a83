"""Stopping because a dose is too toxic, or because the right one is known well enough."""

import numpy as np
import pytest
from scipy.stats import beta

from opsonin.designs import (
    Accrual,
    Blrm,
    Boin,
    MaxPatients,
    NoSkipping,
    Scenario,
    StopWhenHere,
    StopWhenPrecise,
    StopWhenTooToxic,
    StopWhenTreated,
    ThreePlusThree,
    TiteBoin,
    TiteCrm,
    design,
    from_counts,
    parse_outcomes,
    simulate,
)
from opsonin.designs.stopping import exceeds
from opsonin.errors import DesignError


def test_probabilities_are_those_of_the_design_where_it_has_a_model():
    patients, dlt = np.array([[6, 3, 0]]), np.array([[1, 2, 0]])
    seen = from_counts(patients, dlt, np.array([2]))
    uniform = beta.sf(0.3, 1 + dlt, 1 + patients - dlt)
    np.testing.assert_allclose(exceeds(NoSkipping(Boin(3)), seen, 0.3), uniform)
    model = Blrm(3)
    np.testing.assert_allclose(exceeds(NoSkipping(model), seen, 0.3), model.exceeds(seen, 0.3))
    assert np.abs(model.exceeds(seen, 0.3) - uniform).max() > 0.02


def test_a_toxic_lowest_dose_ends_the_trial_without_one():
    inner = Boin(3, 0.25)
    protocol = StopWhenTooToxic(inner, 0.80)
    seen = parse_outcomes("1NNN 2TTN 1NTT")
    assert not inner.decide(seen).stop
    risk = beta.sf(0.25, 3, 5)
    assert risk > 0.70
    assert StopWhenTooToxic(inner, risk - 0.001).decide(seen).action == "stop"
    assert not StopWhenTooToxic(inner, risk + 0.001).decide(seen).stop
    toxic = protocol.decide(parse_outcomes("1NTT 1NNT"))
    assert (toxic.action, toxic.mtd) == ("stop", None)
    assert "no level is declared" in toxic.reason
    assert protocol.decide(parse_outcomes("")).level == 1


def test_a_toxic_higher_dose_ends_the_trial_with_one_below_it():
    protocol = StopWhenTooToxic(Boin(4, 0.25), 0.90, level=3)
    seen = parse_outcomes("1NNN 2NNN 3TTN 2NNT")
    assert protocol.decide(parse_outcomes("1NNN 2NNN")).level == 3
    made = protocol.decide(seen)
    assert (made.action, made.mtd) == ("declare", 2)
    assert "level 2 is the maximum tolerated dose" in made.reason
    known = protocol.evidence(seen)
    assert protocol.admissible(known).tolist() == [[True, True, False, False]]
    assert protocol.select_many(known).tolist() == [2]


@pytest.mark.parametrize("inner", [Boin(3, 0.30), Blrm(3, 0.30)])
def test_a_dose_known_well_is_declared(inner):
    patients, dlt = np.array([[3, 30, 3]] * 2), np.array([[0, 9, 2]] * 2)
    seen = from_counts(patients, dlt, np.array([2, 2]))
    at = inner.decide_many(seen).level
    low, high = (exceeds(inner, seen, rate)[0, at[0] - 1] for rate in (0.20, 0.40))
    reached = StopWhenPrecise(inner, low - high - 1e-3).decide_many(seen)
    assert reached.stop.all()
    assert (reached.mtd == inner.select_many(seen)).all()
    assert not StopWhenPrecise(inner, low - high + 1e-3).decide_many(seen).stop.any()
    assert not StopWhenPrecise(inner, low - high - 1e-3, patients=31).decide_many(seen).stop.any()


def test_the_reason_of_precision():
    made = StopWhenPrecise(Boin(2, 0.30), 0.70).decide(parse_outcomes("1NNN 2" + 21 * "N" + 9 * "T"))
    assert made.action == "declare"
    assert made.mtd == 2
    assert "P(DLT rate at level 2 within 0.10 of 0.30)" in made.reason


def test_rules_save_patients_where_they_should():
    """Where every dose is toxic the first one does, where one dose is right the second one."""
    toxic, right = Scenario([0.5, 0.6, 0.7]), Scenario([0.05, 0.28, 0.6])
    rules = {"stop_when_too_toxic": 0.90, "stop_when_precise": 0.65}
    found = {}
    for name in ("none", *rules):
        options = {"name": "boin", "target": 0.28, "patients": 45}
        options |= {name: rules[name]} if name in rules else {}
        made = design(options, 3)
        found[name] = [simulate(made, truth, 1000, seed=4) for truth in (toxic, right)]
    patients = {name: [f.patients.sum(axis=1).mean() for f in pair] for name, pair in found.items()}
    assert patients["stop_when_too_toxic"][0] < 0.9 * patients["none"][0]
    assert patients["stop_when_precise"][1] < 0.9 * patients["none"][1]
    assert np.mean(found["stop_when_too_toxic"][0].mtd == 0) >= np.mean(found["none"][0].mtd == 0)
    assert np.mean(found["stop_when_precise"][1].mtd == 2) > 0.6


def test_both_work_with_the_blrm():
    options = {"name": "blrm", "patients": 30, "stop_when_precise": 0.7, "stop_when_too_toxic": 0.8}
    made = design(options, 4)
    assert isinstance(made, MaxPatients)
    found = simulate(made, Scenario([0.05, 0.12, 0.25, 0.45]), 100, seed=3)
    assert (found.patients.sum(axis=1) <= 30).all()
    assert "It ends when" in made.describe()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: StopWhenTooToxic(Boin(3), 1.0), "confidence"),
        (lambda: StopWhenTooToxic(Boin(3), 0.9, 4), "has 3 levels"),
        (lambda: StopWhenTooToxic(Boin(3), 0.9, 1, 1.2), r"\(0, 1\)"),
        (lambda: StopWhenTooToxic(ThreePlusThree(3)), "no target"),
        (lambda: StopWhenPrecise(Boin(3), 0.0), "confidence"),
        (lambda: StopWhenPrecise(Boin(3), 0.8, 0.5), "leaves"),
        (lambda: StopWhenPrecise(ThreePlusThree(3)), "no target"),
    ],
)
def test_wrong_options_are_named(make, says):
    with pytest.raises(DesignError, match=says):
        make()


@pytest.mark.parametrize(
    ("protocol", "seen"),
    [
        (StopWhenTreated(TiteBoin(3), 6), "1TTNNN 1N@20d"),
        (StopWhenHere(TiteCrm(3), 3), "1N 1N 1N@5d"),
        (StopWhenPrecise(TiteBoin(3), 0.1, 0.2, 6), "1TTNNN 1N@20d"),
        (StopWhenTooToxic(TiteBoin(3), 0.70, level=2), "1NNN 2TT 1N@5d"),
    ],
)
def test_no_rule_declares_a_dose_while_somebody_is_followed(protocol, seen):
    made = protocol.decide(parse_outcomes(seen))
    assert (made.action, made.level, made.mtd) == ("wait", None, None)
    assert "still in their window: wait" in made.reason
    assert protocol.decide(parse_outcomes(seen.replace("@5d", "").replace("@20d", ""))).action == "declare"


def test_where_every_patient_has_a_dlt_no_dose_is_declared_on_those_whose_is_still_to_come():
    protocol = StopWhenTreated(TiteCrm(2, 0.25, cohort=3), 6)
    found = simulate(protocol, Scenario([1.0, 1.0]), 100, accrual=Accrual(3.0))
    assert found.none == 1.0


def test_a_dose_that_nobody_had_does_not_end_the_trial_by_its_prior():
    protocol = StopWhenTooToxic(Boin(3, 0.05), 0.90, level=2)  # before any patient the probability is 0.95
    assert protocol.decide(parse_outcomes("1NNN")).level == 2
    assert protocol.decide(parse_outcomes("1NNN 2TNN")).action == "declare"
