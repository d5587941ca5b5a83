"""Compositions: laws of log-ratios, zeros, and the sign test against its definition."""

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from opsonin.analysis.compositions import (
    aitchison_distance,
    centred_log_ratios,
    composition_change,
    composition_trend,
    isometric_log_ratios,
    pivot_basis,
    replace_zeros,
    shares,
)
from opsonin.errors import AnalysisError

PARTS = arrays(float, (5, 4), elements=st.floats(1e-3, 1e4))
LAWS = settings(max_examples=40, deadline=None)


@LAWS
@given(PARTS, st.floats(1e-6, 1e6))
def test_only_ratios_count(parts, scale):
    assert centred_log_ratios(parts * scale) == pytest.approx(centred_log_ratios(parts), abs=1e-9)
    assert aitchison_distance(parts, parts * scale) == pytest.approx(np.zeros(5), abs=1e-9)


@LAWS
@given(PARTS, PARTS)
def test_isometric_coordinates_keep_distances(one, other):
    straight = np.linalg.norm(isometric_log_ratios(one) - isometric_log_ratios(other), axis=1)
    assert straight == pytest.approx(aitchison_distance(one, other), abs=1e-9)


@LAWS
@given(PARTS, PARTS)
def test_distances_of_part_of_the_parts_are_no_larger(one, other):
    """Subcompositional dominance (Aitchison 1986): leaving a part out brings nothing farther apart."""
    assert (aitchison_distance(one[:, :3], other[:, :3]) <= aitchison_distance(one, other) + 1e-9).all()


@LAWS
@given(PARTS, PARTS, PARTS)
def test_what_multiplies_both_changes_no_distance(one, other, factor):
    assert aitchison_distance(one * factor, other * factor) == pytest.approx(aitchison_distance(one, other), abs=1e-6)


def test_the_basis_is_orthonormal_and_sums_to_zero():
    basis = pivot_basis(5)
    assert basis.T @ basis == pytest.approx(np.eye(4), abs=1e-12)
    assert basis.sum(axis=0) == pytest.approx(np.zeros(4), abs=1e-12)


def test_shares_add_up_to_one():
    assert shares([[1, 3], [2, 2]]).tolist() == [[0.25, 0.75], [0.5, 0.5]]


def test_zeros_take_a_share_of_the_limit_and_leave_other_ratios():
    parts = np.array([[0.0, 30.0, 60.0], [5.0, 20.0, 75.0]])
    filled = replace_zeros(parts, limit=[2.0, 1.0, 1.0])
    assert filled[0].tolist() == [1.3, 30.0, 60.0]
    assert filled[1].tolist() == [5.0, 20.0, 75.0]
    assert replace_zeros(parts)[0, 0] == pytest.approx(0.65 * 5.0)


def test_the_sign_test_is_that_of_all_signs():
    rng = np.random.default_rng(3)
    before = rng.uniform(1, 5, (6, 3))
    after = before * np.exp(rng.normal([0.4, 0, 0], 0.3, (6, 3)))
    change = isometric_log_ratios(after) - isometric_log_ratios(before)

    def hotelling(x):
        mean = x.mean(axis=0)
        return mean @ np.linalg.solve(np.cov(x.T), mean)

    seen = hotelling(change)
    drawn = [hotelling(change * np.array(signs)[:, None]) for signs in itertools.product((1, -1), repeat=6)]
    found = composition_change(before, after)
    assert found.exact
    assert found.p == pytest.approx(np.mean(np.array(drawn) >= seen * (1 - 1e-9)))


def test_parts_are_compared_with_the_mean_of_the_others():
    rng = np.random.default_rng(1)
    before = rng.uniform(1, 5, (9, 4))
    after = before * np.array([2.0, 1, 1, 1]) * np.exp(rng.normal(0, 0.05, (9, 4)))
    found = composition_change(before, after, names=["NK", "B", "CD4+", "CD8+"])
    frame: Any = found.to_frame().set_index("part")
    assert frame.loc["NK", "lower"] < 2 < frame.loc["NK", "upper"]
    assert frame.loc["B", "ratio"] == pytest.approx(2 ** (-1 / 3), rel=0.1)
    logs = np.log(after / before)
    other = stats.ttest_1samp(logs[:, 0] - logs[:, 1:].mean(axis=1), 0.0)
    assert frame.loc["NK", "p"] == pytest.approx(other.pvalue, rel=1e-9)
    assert found.p == pytest.approx(2 / 2**9)  # the fewest of 512 signs: all and none


def test_no_change_is_rejected_no_more_often_than_said():
    rejected = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        before = rng.uniform(1, 5, (8, 4))
        after = before * np.exp(rng.standard_t(3, (8, 4)) * 0.4)
        rejected += composition_change(before, after, seed=seed).p <= 0.05
    assert rejected / 200 < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)


def test_more_patients_are_tested_by_drawn_signs_and_reproducibly():
    rng = np.random.default_rng(2)
    before = rng.uniform(1, 5, (30, 3))
    after = before * np.exp(rng.normal([0.15, 0, 0], 0.3, (30, 3)))
    one, other = (composition_change(before, after, seed=7) for _ in range(2))
    assert not one.exact
    assert one.p == other.p
    change = isometric_log_ratios(after) - isometric_log_ratios(before)
    statistic = 30 * change.mean(axis=0) @ np.linalg.solve(np.cov(change.T), change.mean(axis=0))
    parametric = stats.f.sf(statistic * (30 - 2) / (2 * 29), 2, 28)  # Hotelling's own, for normal changes
    assert one.p == pytest.approx(parametric, abs=0.02)


def test_a_dose_that_moves_the_composition_is_found_and_strata_are_kept():
    rng = np.random.default_rng(4)
    dose = np.repeat([1.0, 2.0, 3.0, 4.0], 5)
    ratios = rng.normal(0, 0.2, (20, 3))
    moved = ratios + np.outer(dose, [0.2, -0.1, 0.0])
    assert composition_trend(moved, dose).p < 0.01
    assert composition_trend(ratios, dose).p > 0.05
    assert 0 < composition_trend(moved, dose).r_squared < 1
    site = np.tile(["a", "b"], 10)
    shifted = ratios + np.where(site == "a", 5.0, 0.0)[:, None]
    assert composition_trend(shifted, site).p < 0.01
    assert composition_trend(shifted, site, strata=site).p == 1.0  # within a stratum there is nothing to permute


def test_the_trend_of_one_coordinate_is_the_correlation():
    rng = np.random.default_rng(5)
    dose, y = rng.normal(size=15), rng.normal(size=15)
    assert composition_trend(y[:, None], dose).r_squared == pytest.approx(np.corrcoef(dose, y)[0, 1] ** 2)


WRONG = [
    (lambda: centred_log_ratios([[1.0, 0.0]]), "part 2 of row 1 is 0.*replace_zeros"),
    (lambda: shares([[1.0, -2.0]]), "part 2 of row 1 is -2"),
    (lambda: shares([[1.0, np.nan]]), "part 2 of row 1 is nan"),
    (lambda: shares([[0.0, 0.0]]), "row 1 has nothing in any part"),
    (lambda: shares([1.0, 2.0]), "two or more parts in columns"),
    (lambda: shares([["many", 2.0]]), "are numbers"),
    (lambda: replace_zeros([[0.0, 1.0], [0.0, 2.0]]), "part 1 is zero in every row"),
    (lambda: replace_zeros([[0.0, 1.0]], limit=[0.0, 1.0]), "above 0"),
    (lambda: composition_change([[1.0, 2.0]], [[2.0, 1.0]]), "two or more patients"),
    (lambda: composition_change([[1.0, 2.0]] * 3, [[2.0, 1.0]] * 2), "same patients and parts"),
    (lambda: composition_trend([[1.0], [2.0], [3.0]], [1, 1, 1]), "values that differ"),
]


@pytest.mark.parametrize(("call", "words"), WRONG, ids=[words for _, words in WRONG])
def test_what_is_no_composition_is_named(call, words):
    with pytest.raises(AnalysisError, match=words):
        call()
