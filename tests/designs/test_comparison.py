"""Designs on the same patients, judged by one target."""

import numpy as np
import pytest

from opsonin.designs import (
    Accrual,
    Boin,
    Boin12,
    Crm,
    GBoin,
    MaxPatients,
    Saturating,
    Scenario,
    ThreePlusThree,
    simulate,
)
from opsonin.designs.comparison import Worth, compare_designs, decision_rows, innermost
from opsonin.designs.standard_truths import response_scenarios, standard_scenarios
from opsonin.errors import DesignError

DESIGNS = {"boin": MaxPatients(Boin(4, 0.30), 18), "3+3": ThreePlusThree(4), "crm": MaxPatients(Crm(4, 0.3), 18)}
SCENES = standard_scenarios(4, 0.30)


@pytest.fixture(scope="module")
def found():
    return compare_designs(DESIGNS, SCENES, 0.30, trials=300, seed=3, accrual=Accrual(14.0), cohorts=2)


def test_standard_scenarios_have_the_target_at_each_level_in_turn():
    for level in range(4):
        rates = SCENES[f"level {level + 1} is right"].dlt
        assert rates[level] == pytest.approx(0.30)
        assert (np.diff(rates) > 0).all()
    assert SCENES["all levels too toxic"].dlt.min() > 0.45
    assert SCENES["all levels safe"].dlt.max() < 0.10


def test_the_numbers_are_those_of_simulated_trials(found):
    scene = "level 2 is right"
    alone = simulate(DESIGNS["boin"], SCENES[scene], 300, seed=3, accrual=Accrual(14.0))
    table = found.characteristics().set_index(["scenario", "design", "measure"])
    row = table.loc[(scene, "boin", "right dose")]
    assert row["mean"] == pytest.approx(alone.select[1])
    assert row["se"] == pytest.approx(np.sqrt(alone.select[1] * (1 - alone.select[1]) / 299))
    assert table.loc[(scene, "3+3", "patients"), "mean"] < table.loc[(scene, "boin", "patients"), "mean"]
    assert (table.xs("days", level="measure")["mean"] > 0).all()


def test_where_every_level_is_too_toxic_it_is_right_to_declare_none(found):
    table = found.characteristics().set_index(["scenario", "design", "measure"])["mean"]
    for name in DESIGNS:
        scene = ("all levels too toxic", name)
        assert table[(*scene, "right dose")] == table[(*scene, "no dose")]
        assert table[(*scene, "share of patients overdosed")] == 1.0
        assert table[(*scene, "too toxic dose")] == pytest.approx(1 - table[(*scene, "no dose")])


def test_differences_are_on_the_same_patients(found):
    table = found.differences().set_index(["scenario", "design", "measure"])
    means = found.characteristics().set_index(["scenario", "design", "measure"])["mean"]
    key = ("level 3 is right", "3+3", "patients")
    assert table.loc[key, "difference"] == pytest.approx(means[key] - means[("level 3 is right", "boin", "patients")])
    assert set(found.differences()["less"]) == {"boin"}


def test_every_dose_has_its_row(found):
    table = found.by_dose()
    assert len(table) == len(SCENES) * len(DESIGNS) * 4
    assert (table.groupby(["scenario", "design"])["declared"].sum() <= 1 + 1e-12).all()


def test_decision_rows_are_the_published_boundaries():
    # target 0.30, Liu & Yuan (2015), table 1: up to 0, 0, 0, 0, 1, 1 DLTs go up; from 1, 1, 2, 2, 2, 3 go down
    table = decision_rows(MaxPatients(Boin(4, 0.30), 18), 6)
    assert table["up"].tolist() == [0, 0, 0, 0, 1, 1]
    assert table["down"].tolist() == [1, 1, 2, 2, 2, 3]
    assert table["give_up"].isna().tolist() == [True, True, False, False, False, False]
    assert table["give_up"].tolist()[2:] == [3, 3, 4, 4]
    assert decision_rows(Crm(4), 6).empty
    assert innermost(MaxPatients(Boin(4), 9)) == Boin(4)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: compare_designs({}, SCENES, 0.3), "at least one design"),
        (lambda: compare_designs(DESIGNS, {}, 0.3), "one scenario"),
        (lambda: compare_designs(DESIGNS, SCENES, 1.3), "target is 1.3"),
        (lambda: compare_designs(DESIGNS, {"short": Scenario([0.1, 0.2])}, 0.3), "4 levels, but the truth 2"),
    ],
)
def test_bad_input_is_named(make, words):
    with pytest.raises(DesignError, match=words):
        make()


def test_the_best_dose_is_worth_most_of_those_that_may_be_given():
    truth = Scenario([0.05, 0.1, 0.2, 0.5], efficacy=[0.1, 0.4, 0.45, 0.6])
    found = compare_designs({"boin12": MaxPatients(Boin12(4), 12)}, {"one": truth}, 0.30, trials=200, cohorts=1)
    judged = found.simulated["one"]["boin12"]
    worth = found.worth.of(truth.dlt, truth.efficacy)
    assert worth[1] == pytest.approx(0.9 * 0.4 * 100 + 40 * 0.9 * 0.6 + 60 * 0.1 * 0.4)
    assert judged.best.tolist() == [False, True, False, False]  # the last one is worth no less, but far too toxic
    table = found.characteristics().set_index("measure")["mean"]
    assert table["best dose"] == pytest.approx(judged.select[1])


def test_where_nobody_responds_it_is_best_to_declare_none():
    truth = Scenario([0.05, 0.1, 0.2, 0.3], efficacy=[0.02] * 4)
    designs = {"boin12": MaxPatients(Boin12(4), 24), "boin": MaxPatients(Boin(4), 24)}
    found = compare_designs(designs, {"one": truth}, 0.30, trials=200, cohorts=1)
    table = found.characteristics().set_index(["design", "measure"])["mean"]
    for name in designs:
        assert table[name, "best dose"] == table[name, "no dose"]
    assert table["boin12", "best dose"] > table["boin", "best dose"]


def test_a_design_is_not_judged_on_what_patients_do_not_show():
    for rule, words in ((Boin12(4), "responses"), (GBoin(4), "grades"), (Saturating(Boin(4)), "an immune effect")):
        with pytest.raises(DesignError, match=f"looks at {words}, which patients of the truth 'one' do not show"):
            compare_designs({"it": MaxPatients(rule, 9)}, {"one": Scenario([0.1, 0.2, 0.3, 0.4])}, 0.30, trials=2)


def test_scenarios_with_responses_have_each_level_best_in_turn():
    scenes = response_scenarios(4, 0.30, 21.0, 84.0, graded=True)
    worth = Worth()
    for level in range(4):
        truth = scenes[f"level {level + 1} is best"]
        allowed = truth.dlt < 0.42
        assert np.where(allowed, worth.of(truth.dlt, truth.efficacy), -1).argmax() == level
        assert truth.grades[:, 3:].sum(axis=1) == pytest.approx(truth.dlt)
        assert (np.diff(truth.immune) >= 0).all()
    assert scenes["no level works"].efficacy.max() < worth.least
