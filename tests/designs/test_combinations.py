"""Combinations: the grid's isotonic fit, options by lot, the waterfall's course, and named errors."""

from inspect import signature

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsonin.designs import (
    BlrmPair,
    BoinComb,
    MaxPatients,
    Pocrm,
    Scenario,
    Waterfall,
    design,
    next_subtrial,
    parse_outcomes,
    partial_order_crm,
    simulate,
    skeleton,
    standard_orders,
)
from opsonin.designs import grid as grids
from opsonin.designs.evidence import from_counts
from opsonin.errors import DesignError

TRUTH = Scenario([0.05, 0.12, 0.30, 0.12, 0.30, 0.48], columns=3)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_the_fit_rises_both_ways_and_is_the_nearest_that_does(seed):
    rng = np.random.default_rng(seed)
    values, weights = rng.uniform(size=(1, 6)), rng.uniform(0.2, 5, size=(1, 6))
    fit = grids.isotonic_grid(values, weights, 3)
    table = fit.reshape(2, 3)
    assert (np.diff(table, axis=0) >= -1e-6).all()
    assert (np.diff(table, axis=1) >= -1e-6).all()
    gradient = (weights * (values - fit))[0]
    assert abs(gradient @ fit[0]) < 1e-4  # the residual stands at right angles to the cone's face …
    for other in (np.ones(6), -np.ones(6), np.arange(6.0), np.repeat([0.0, 1.0], 3), np.tile([0.0, 1.0, 2.0], 2)):
        assert gradient @ other < 1e-3  # … and points away from it


def test_many_grids_are_fitted_as_one_is():
    rng = np.random.default_rng(3)
    values, weights = rng.uniform(size=(grids.MANY + 20, 12)), rng.uniform(0.1, 9, size=(grids.MANY + 20, 12))
    many = grids.isotonic_grid(values, weights, 4)
    few = np.concatenate([grids.isotonic_grid(values[i : i + 1], weights[i : i + 1], 4) for i in range(len(values))])
    np.testing.assert_allclose(many, few, atol=1e-9)


def test_equal_neighbours_are_named_and_drawn_by_lot():
    rule = BoinComb(6, 3, 0.30)
    made = rule.decide(parse_outcomes("1x1NNN", columns=3))
    assert made.action == "escalate"
    assert "2x1 and 1x2 are equally good; 2x1 is the first of them, draw one by lot" in made.reason
    found = simulate(MaxPatients(rule, 6), TRUTH, 2000, seed=2)
    second = found.patients[:, [1, 3]].sum(axis=0)
    assert abs(second[0] / second.sum() - 0.5) < 0.05


def test_a_cell_given_up_takes_all_above_with_it():
    rule = BoinComb(6, 3, 0.30)
    seen = rule.evidence(parse_outcomes("1x1NNN 1x2TTT", columns=3))
    assert rule.admissible(seen)[0].tolist() == [True, False, False, True, False, False]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 6), st.text("TN", min_size=1, max_size=3)), max_size=6))
def test_one_drug_moves_by_one_level_and_there_is_a_reason(cohorts):
    rule = BoinComb(6, 3, 0.30)
    made = rule.decide(parse_outcomes(" ".join(f"{cell}{letters}" for cell, letters in cohorts)))
    assert made.reason
    if cohorts and made.level is not None:
        seen = rule.evidence(parse_outcomes(" ".join(f"{cell}{letters}" for cell, letters in cohorts)))
        here, to = divmod(cohorts[-1][0] - 1, 3), divmod(made.level - 1, 3)
        assert abs(here[0] - to[0]) + abs(here[1] - to[1]) <= 1 or not rule.admissible(seen)[0, cohorts[-1][0] - 1]


def test_the_waterfall_goes_up_the_first_drug_and_then_row_by_row():
    empty = np.zeros((3, 4), dtype=int)
    first = next_subtrial(empty, empty)
    assert first is not None
    assert first.cells == ((1, 1), (2, 1), (3, 1), (3, 2), (3, 3), (3, 4))
    assert first.start == (1, 1)
    patients, dlt = empty.copy(), empty.copy()
    patients[0, 0], dlt[0, 0] = 6, 2
    patients[1, 0], dlt[1, 0] = 6, 4
    assert next_subtrial(patients, dlt) is None  # the MTD is in the lowest row: there is nothing above less


GRIDS = {"blrm-pair": BlrmPair(6, 3), "boin-comb": BoinComb(6, 3), "pocrm": Pocrm(6, 3), "waterfall": Waterfall(6, 3)}
cohort_at = st.tuples(st.integers(1, 6), st.text("TN", min_size=1, max_size=3))


def test_every_design_for_two_drugs_stands_in_these_tests():
    from opsonin.designs.registry import REGISTRY

    assert {name for name, make in REGISTRY.items() if "columns" in signature(make).parameters} == set(GRIDS)


@pytest.mark.parametrize("name", ["boin-comb", "pocrm", "waterfall"])
@settings(max_examples=25, deadline=None)
@given(cohorts=st.lists(cohort_at, max_size=6), seed=st.integers(0, 99))
def test_a_grid_decision_has_a_cell_and_a_reason_and_no_order_within_a_cohort(name, cohorts, seed):
    rng = np.random.default_rng(seed)
    mixed = [(cell, "".join(rng.permutation(list(letters)))) for cell, letters in cohorts]
    one, other = (
        GRIDS[name].decide(parse_outcomes(" ".join(f"{cell}{letters}" for cell, letters in each)))
        for each in (cohorts, mixed)
    )
    assert one == other
    assert one.reason
    assert one.level in (None, 1, 2, 3, 4, 5, 6)
    assert one.mtd in (None, 1, 2, 3, 4, 5, 6)
    assert (one.action == "declare") == (one.mtd is not None)


@pytest.mark.parametrize("name", ["boin-comb", "pocrm", "waterfall"])
def test_many_grid_trials_are_decided_as_each_alone(name):
    rng = np.random.default_rng(4)
    patients = rng.integers(0, 7, size=(40, 6))
    dlt = rng.binomial(patients, 0.3)
    current = np.where(patients.sum(axis=1) > 0, (patients > 0).argmax(axis=1) + 1, 0)
    many = GRIDS[name].decide_many(from_counts(patients, dlt, current))
    chosen = GRIDS[name].select_many(from_counts(patients, dlt, current))
    for row in range(40):
        seen = from_counts(patients[row : row + 1], dlt[row : row + 1], current[row : row + 1])
        assert [int(a[row]) for a in many] == [int(a[0]) for a in GRIDS[name].decide_many(seen)]
        assert chosen[row] == GRIDS[name].select_many(seen)[0]


@pytest.mark.parametrize("name", ["boin-comb", "pocrm", "waterfall"])
def test_grid_trials_end_are_the_same_again_and_declare_what_was_tried(name):
    one, again = (simulate(MaxPatients(GRIDS[name], 24), TRUTH, 60, seed=8) for _ in range(2))
    assert np.array_equal(one.mtd, again.mtd)
    assert np.array_equal(one.patients, again.patients)
    assert ((one.patients > 0) | (np.arange(1, 7) != one.mtd[:, None])).all()
    assert (one.patients.sum(axis=1) <= 24).all()


@settings(max_examples=30, deadline=None)
@given(cohorts=st.lists(cohort_at, min_size=1, max_size=6))
def test_the_partial_order_crm_never_goes_further_than_one_level_of_one_drug(cohorts):
    made = GRIDS["pocrm"].decide(parse_outcomes(" ".join(f"{cell}{letters}" for cell, letters in cohorts)))
    if made.level is not None:
        to = divmod(made.level - 1, 3)
        tried = [divmod(cell - 1, 3) for cell, _ in cohorts]
        assert min(max(to[0] - row, 0) + max(to[1] - column, 0) for row, column in tried) <= 1


def test_the_partial_order_crm_estimates_what_its_fit_does():
    orders = standard_orders(2, 3)
    patients, dlt = np.array([[6, 3, 3, 6, 3, 0]]), np.array([[0, 0, 1, 1, 2, 0]])
    rule = Pocrm(6, 3, 0.30)
    seen = from_counts(patients, dlt, np.array([4]))
    fit = partial_order_crm(orders, skeleton(6, 0.30, 3), patients[0], dlt[0], 0.30)
    np.testing.assert_allclose(rule.rates(seen)[0], fit.rates, rtol=1e-6)
    numbers = rule.decide(parse_outcomes("1x1NNNNNN 1x2NNN 1x3NNT 2x2NTT 2x1NNNNNT", 3)).numbers
    np.testing.assert_allclose(numbers["probability_of_orders"], fit.probability, atol=1e-6)


def test_orderings_never_put_more_of_both_drugs_first():
    for rows, columns in ((2, 2), (2, 3), (3, 5)):
        for order in standard_orders(rows, columns):
            place = np.argsort(order).reshape(rows, columns)
            assert (np.diff(place, axis=0) > 0).all()
            assert (np.diff(place, axis=1) > 0).all()
    assert len(standard_orders(2, 2)) == 2
    assert len(standard_orders(3, 3)) == 6


def test_without_a_dlt_the_partial_order_crm_goes_up_diagonal_by_diagonal():
    rule = GRIDS["pocrm"]
    assert rule.decide(parse_outcomes("1x1NNN", 3)).level == 2
    assert "1x2 and 2x1 are equally good" in rule.decide(parse_outcomes("1x1NNN", 3)).reason
    assert rule.decide(parse_outcomes("1x1NNN 1x2NNN", 3)).level == 4
    assert rule.decide(parse_outcomes("1x1NNN 1x2NNN 2x1NNN", 3)).level == 3
    found = simulate(MaxPatients(rule, 6), Scenario(np.zeros(6)), 2000, seed=2)
    second = found.patients[:, [1, 3]].sum(axis=0)
    assert abs(second[0] / second.sum() - 0.5) < 0.05  # equal ones by lot


def test_the_waterfall_begins_each_row_beside_the_mtd_of_the_one_before():
    rule = Waterfall(12, 4, 0.30, subtrials=(21, 18, 18))
    # the reference's own course: MTD at (3, 2), then (2, 3)
    first = "1x1NNNNNN 2x1NNNNNT 3x1NNNNNNNTT"
    made = rule.decide(parse_outcomes(f"{first} 3x2NNNNNNNNNTTT", 4))
    assert made.level == 7
    assert "its MTD is 3x2: the next subtrial begins at 2x3" in made.reason
    second = "2x2NNNNNNNNNT 2x3NNNNNNNNTTTT"
    made = rule.decide(parse_outcomes(f"{first} 3x2NNNNNNNNNTTT {second}", 4))
    assert made.level == 4
    end = rule.decide(parse_outcomes(f"{first} 3x2NNNNNNNNNTTT {second} 1x4" + "NNNNNNNNNNNNTTTTTT", 4))
    assert end.action == "declare"
    assert end.numbers["contour"] == ["1x4", "2x3", "3x2"]


def test_a_subtrial_has_no_more_patients_than_it_may():
    rule = Waterfall(6, 3, 0.30, enough=99, subtrials=(12, 7))
    found = simulate(rule, TRUTH, 300, seed=5)
    assert (found.patients[:, [0, 3, 4, 5]].sum(axis=1) <= 12).all()
    assert (found.patients[:, [1, 2]].sum(axis=1) <= 7).all()


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: Pocrm(6, 3, orders=((1, 2, 3),)), "each of the 6 cells once"),
        (lambda: Pocrm(6, 3, orders=((1, 2, 3, 4, 5, 5),)), "every combination once"),
        (lambda: Pocrm(6, 3, weights=(1.0,)), "5 numbers above 0"),
        (lambda: Pocrm(6, 3, prior=(0.1, 0.2)), "2 rates for 6 cells"),
        (lambda: Waterfall(6, 3, subtrials=(12,)), "one for each row"),
        (lambda: Waterfall(6, 3, enough=0), "1 or more"),
        (lambda: BoinComb(7, 3), "7 cells in rows of 3"),
        (lambda: BoinComb(6, 3, 1.4), "target"),
        (lambda: next_subtrial(np.zeros((2, 2), dtype=int), np.zeros((2, 3), dtype=int)), "one grid"),
        (lambda: BoinComb(6, 3).decide(parse_outcomes("7NNN")), "hold level 7"),
        (lambda: parse_outcomes("1x4NNN", columns=3), "3 levels of its second drug"),
        (lambda: design({"name": "boin-comb", "columns": 4}, 6), "6 cells in rows of 4"),
        (lambda: design({"name": "boin-comb", "columns": 3, "no_skipping": True}, 6), "is for one drug"),
    ],
)
def test_bad_input_is_named(ask, words):
    with pytest.raises(DesignError, match=words):
        ask()
