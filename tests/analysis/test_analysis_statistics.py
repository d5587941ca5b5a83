"""Small-sample statistics against published numbers and independent implementations."""

import math
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsonin.analysis.statistics import (
    difference_of_proportions,
    fisher_exact,
    geometric_cv_percent,
    geometric_mean,
    line,
    mean_interval,
    midranks,
    proportion,
    rank_sum_p,
    signed_rank_p,
    trend_p,
)


@given(st.integers(0, 30), st.integers(1, 30))
def test_exact_intervals_are_those_of_an_exact_test(events, n):
    from scipy.stats import binomtest

    events = min(events, n)
    reference = binomtest(events, n).proportion_ci(method="exact")
    assert (proportion(events, n).lower, proportion(events, n).upper) == pytest.approx(tuple(reference), abs=1e-9)


# Newcombe (1998), Stat Med 17:873, table II, method 10
@pytest.mark.parametrize(
    ("a", "n", "b", "m", "lower", "upper"),
    [(56, 70, 48, 80, 0.0524, 0.3339), (9, 10, 3, 10, 0.1705, 0.8090), (10, 10, 0, 10, 0.6075, 1.0)],
)
def test_differences_of_proportions_are_newcombes(a, n, b, m, lower, upper):
    found = difference_of_proportions(a, n, b, m)
    assert found.lower == pytest.approx(lower, abs=6e-5)
    assert found.upper == pytest.approx(upper, abs=6e-5)


@given(st.integers(1, 15), st.integers(1, 15), st.data())
def test_fishers_p_is_scipys(n, m, data):
    from scipy.stats import fisher_exact as reference

    a, b = data.draw(st.integers(0, n)), data.draw(st.integers(0, m))
    assert fisher_exact(a, n, b, m) == pytest.approx(reference([[a, n - a], [b, m - b]])[1], rel=1e-8)


@given(st.lists(st.floats(-5, 5).filter(lambda v: abs(v) > 1e-3), min_size=1, max_size=20, unique_by=abs))
def test_the_signed_rank_p_is_scipys_exact_one(differences):
    from scipy.stats import wilcoxon

    reference: Any = wilcoxon(differences, method="exact")
    assert signed_rank_p(differences) == pytest.approx(reference.pvalue, rel=1e-9)


def test_the_signed_rank_p_of_many_is_near_the_normal_one():
    from scipy.stats import wilcoxon

    x = np.random.default_rng(1).normal(0.2, 1, 80)
    reference: Any = wilcoxon(x, method="asymptotic")
    assert signed_rank_p(x) == pytest.approx(reference.pvalue, rel=1e-6)
    assert math.isnan(signed_rank_p([0.0, 0.0]))


def test_a_geometric_mean_leaves_out_what_is_not_positive():
    assert geometric_mean([1.0, 4.0, 0.0, np.nan]).value == pytest.approx(2.0)
    assert geometric_cv_percent(np.exp([-1.0, 1.0])) == pytest.approx(100 * math.sqrt(math.expm1(2.0)))
    assert math.isnan(mean_interval([3.0]).lower)


def test_a_line_gives_back_its_slope():
    rng = np.random.default_rng(2)
    x = np.arange(40.0)
    found = line(x, 2 * x + 1 + rng.normal(0, 0.5, 40))
    assert found.lower < 2 < found.upper
    assert found.p < 1e-10
    assert math.isnan(line(np.ones(5), np.arange(5.0)).slope)


def test_a_trend_is_found_whatever_its_shape_and_noise_is_not():
    group = np.repeat([1.0, 2.0, 3.0, 4.0], 5)
    rng = np.random.default_rng(3)
    assert trend_p(group, np.exp(group) + rng.normal(0, 1, 20), 1, "up") < 0.001
    assert trend_p(group, rng.normal(0, 1, 20), 1, "noise") > 0.05
    assert trend_p(group, -group, 1, "x") == trend_p(group, group, 1, "x")


def test_the_rank_sum_test_is_exact_in_small_groups_and_scipys_in_large_ones():
    from scipy.stats import mannwhitneyu

    generator = np.random.default_rng(4)
    for m, n in ((3, 4), (8, 10), (20, 25), (40, 40), (120, 2), (1, 250)):
        x, y = generator.normal(size=m), generator.normal(0.5, size=n)
        assert rank_sum_p(x, y) == pytest.approx(mannwhitneyu(x, y, method="exact").pvalue, rel=1e-9)
    x, y = generator.integers(0, 9, 60), generator.integers(1, 10, 50)
    reference = mannwhitneyu(x, y, method="asymptotic", use_continuity=False).pvalue
    assert rank_sum_p(x, y) == pytest.approx(reference, rel=1e-9)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=5), st.lists(st.integers(0, 4), min_size=1, max_size=5))
def test_the_rank_sum_test_with_ties_counts_every_division(x, y):
    ranks = midranks(np.array([*x, *y], dtype=float))
    mean = len(x) * (ranks.size + 1) / 2
    far = abs(ranks[: len(x)].sum() - mean)
    sums = np.array([ranks[list(chosen)].sum() for chosen in combinations(range(ranks.size), len(x))])
    assert rank_sum_p(x, y) == pytest.approx(float((np.abs(sums - mean) >= far - 1e-9).mean()))


def test_the_rank_sum_test_of_one_side_alone_says_nothing_and_of_equal_values_one():
    assert math.isnan(rank_sum_p([], [1.0, 2.0]))
    assert math.isnan(rank_sum_p([math.nan], [1.0, 2.0]))
    assert rank_sum_p([2.0, 2.0], [2.0, 2.0, 2.0]) == 1.0
    assert rank_sum_p([2.0] * 30, [2.0] * 30) == 1.0
