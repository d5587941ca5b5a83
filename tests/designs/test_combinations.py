"""Combinations: the grid's isotonic fit, options by lot, the waterfall's course, and named errors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsonin.designs import BoinComb, MaxPatients, Scenario, design, next_subtrial, parse_outcomes, simulate
from opsonin.designs import grid as grids
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
    assert "2x1 and 1x2 are equally good" in made.reason
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


@pytest.mark.parametrize(
    ("ask", "words"),
    [
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
