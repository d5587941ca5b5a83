"""Weighted, exact and permutation tests, and contrasts of restricted means: laws, hand-worked numbers, refusals."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from opsonin.analysis.survival import (
    exact_logrank,
    kaplan_meier,
    logrank,
    max_combo,
    permutation_logrank,
    restricted_means,
)
from opsonin.analysis.survival.rank_scores import rank_scores
from opsonin.analysis.survival.weighted import chance_of_maximum
from opsonin.errors import AnalysisError
from opsonin.random import uniform

rows = st.lists(st.tuples(st.integers(1, 12), st.booleans(), st.booleans(), st.booleans()), min_size=6, max_size=11)


def _columns(some):
    t, d, g, s = (np.array(column) for column in zip(*some, strict=True))
    assume(0 < g.sum() < g.size and d.any())
    return t.astype(float), d, g.astype(int), s.astype(int)


def _crossing(n=40, seed=3):
    """Two groups whose curves cross: one dies early or late, the other in between."""
    rng = np.random.default_rng(seed)
    first = np.where(rng.random(n) < 0.5, rng.uniform(0, 3, n), rng.uniform(9, 20, n))
    t = np.r_[first, rng.uniform(3, 10, n)]
    return t, np.ones(2 * n, dtype=bool), np.repeat(["early or late", "between"], n)


# -- weights and the max-combo test


@given(rows, st.sampled_from([(0, 0), (1, 0), (0, 1), (0.5, 2)]))
@settings(max_examples=60)
def test_one_weight_of_the_max_combo_is_the_weighted_log_rank_test(some, weights):
    t, d, g, s = _columns(some)
    try:
        combo = max_combo(t, d, g, weights=[weights], strata=s)
    except AnalysisError:  # no event of that weight while both are at risk
        assume(False)
    test = logrank(t, d, g, strata=s, rho=weights[0], gamma=weights[1])
    assert combo.z[0] ** 2 == pytest.approx(test.chi2, rel=1e-8, abs=1e-12)
    assert combo.p_joint == pytest.approx(test.p, rel=1e-8)


@given(rows)
@settings(max_examples=40)
def test_the_max_combo_lies_between_its_strongest_test_and_bonferroni(some):
    t, d, g, _ = _columns(some)
    try:
        combo = max_combo(t, d, g)
    except AnalysisError:
        assume(False)
    assert combo.p.min() * (1 - 1e-4) <= combo.p_joint <= min(1.0, 4 * combo.p.min() * (1 + 1e-4))
    other = max_combo(np.exp(t / 7), d, 1 - g)  # a monotone transform of time and the groups exchanged
    np.testing.assert_allclose(other.z, -combo.z, atol=1e-9)


def test_curves_that_cross_are_seen_by_the_max_combo_and_not_by_the_log_rank_test():
    t, d, g = _crossing()
    combo = max_combo(t, d, g)
    assert logrank(t, d, g).p > 0.01
    assert combo.p_joint < 1e-6
    assert combo.strongest == (0.0, 1.0)


@pytest.mark.parametrize("largest", [0.4, 1.7, 3.0, 6.0])
@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_the_chance_of_a_maximum_of_independent_normals(largest, dimension):
    one = math.erfc(largest / math.sqrt(2))
    expected = -math.expm1(dimension * math.log1p(-one))
    assert chance_of_maximum(largest, np.eye(dimension)) == pytest.approx(expected, rel=1e-4)


def test_the_chance_of_a_maximum_of_five_correlated_normals_agrees_with_scipy():
    from scipy.stats import multivariate_normal

    correlation = 0.4 + 0.6 * np.eye(5)
    inside = multivariate_normal(np.zeros(5), correlation, seed=1).cdf(np.full(5, 2.2), lower_limit=np.full(5, -2.2))
    assert chance_of_maximum(2.2, correlation) == pytest.approx(1 - inside, rel=5e-3)


# -- exact tests


@given(rows, st.booleans())
@settings(max_examples=60)
def test_the_exact_p_is_the_share_of_all_arrangements(some, stratified):
    t, d, g, s = _columns(some)
    s = s if stratified else np.zeros_like(s)
    scores = rank_scores(t, d, s)
    sums = []
    parts = [np.flatnonzero(s == k) for k in np.unique(s)]
    for chosen in itertools.product(*(itertools.combinations(part, int(g[part].sum())) for part in parts)):
        sums.append(scores[[row for part in chosen for row in part]].sum())
    sums = np.array(sums)
    assume(np.ptp(sums) > 1e-9)
    gap = scores[g == 1].sum() - sums.mean()
    found = exact_logrank(t, d, g, strata=s)
    assert found.arrangements == len(sums)
    assert found.z == pytest.approx(gap / sums.std(), abs=1e-9)
    assert found.p == pytest.approx((np.abs(sums - sums.mean()) >= abs(gap) - 1e-9).mean())
    assert found.p_more == pytest.approx((sums - sums.mean() >= gap - 1e-9).mean())
    assert found.p_fewer == pytest.approx((sums - sums.mean() <= gap + 1e-9).mean())
    assert found.p_mid <= found.p


@given(rows, st.randoms())
@settings(max_examples=30)
def test_the_exact_test_knows_neither_order_nor_scale(some, order):
    t, d, g, s = _columns(some)
    try:
        one = exact_logrank(t, d, g, strata=s)
    except AnalysisError:
        assume(False)
    places = list(range(t.size))
    order.shuffle(places)
    other = exact_logrank((t**3)[places], d[places], g[places], strata=s[places])
    assert (other.p, other.z) == (pytest.approx(one.p), pytest.approx(one.z))


def test_complete_separation_of_three_and_three_has_the_smallest_p_there_is():
    found = exact_logrank([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [1] * 6, ["b"] * 3 + ["a"] * 3)
    assert found.p_more == pytest.approx(1 / 20)
    assert found.arrangements == 20
    assert found.z > 0


def test_an_exact_test_of_seventeen_in_three_dose_levels_is_quick_and_of_three_hundred_refused():
    t = np.arange(1.0, 18.0)
    found = exact_logrank(t, np.ones(17), np.arange(17) % 2, strata=np.repeat([1, 2, 3], [3, 8, 6]))
    assert 0 < found.p <= 1
    with pytest.raises(AnalysisError, match="use permutation_logrank"):
        exact_logrank(np.arange(1.0, 301.0), np.ones(300), np.arange(300) % 2)


# -- permutations


@pytest.mark.parametrize("studentised", [False, True])
@pytest.mark.parametrize("k", [2, 3])
def test_every_permutation_is_the_log_rank_test_of_its_labels(studentised, k):
    rng = np.random.default_rng(4)
    t, d = np.sort(rng.integers(1, 15, 24)).astype(float), rng.random(24) < 0.7
    g, s = rng.integers(0, k, 24), np.zeros(24, dtype=int)
    found = permutation_logrank(t, d, g, studentised=studentised, permutations=25, seed=3)
    scores = rank_scores(t, d, s)
    for number in range(25):
        labels = g.copy()
        for i, u in enumerate(uniform(3, "log-rank permutation", number, draws=24)):
            j = i + int(u * (24 - i))
            labels[i], labels[j] = labels[j], labels[i]
        sizes = np.bincount(labels, minlength=k)
        means = np.bincount(labels, scores, minlength=k) / sizes
        expected = logrank(t, d, labels).chi2 if studentised else (sizes * means**2).sum() / scores.var(ddof=1)
        assert found.drawn[number] == pytest.approx(expected, rel=1e-9)
    if studentised:
        assert found.statistic == pytest.approx(logrank(t, d, g).chi2)


def test_permutations_agree_with_the_exact_distribution_within_their_stated_error():
    rng = np.random.default_rng(8)
    t, d = rng.exponential(size=17).round(1), rng.random(17) < 0.8
    g, s = np.arange(17) % 2, np.repeat([1, 2, 3], [3, 8, 6])
    exact = exact_logrank(t, d, g, strata=s)
    drawn = permutation_logrank(t, d, g, strata=s, permutations=20_000)
    assert drawn.statistic == pytest.approx(exact.z**2)
    assert abs(drawn.p - exact.p) < 4 * drawn.p_error
    assert permutation_logrank(t, d, g, strata=s, permutations=20_000).p == drawn.p
    assert permutation_logrank(t, d, g, strata=s, permutations=500, seed=2).p != drawn.p


@given(rows)
@settings(max_examples=20)
def test_studentised_permutations_of_strata_know_no_order_of_patients(some):
    t, d, g, s = _columns(some)
    try:
        one = logrank(t, d, g, strata=s)
    except AnalysisError:
        assume(False)
    try:
        found = permutation_logrank(t, d, g, strata=s, studentised=True, permutations=20)
    except AnalysisError:
        assert one.chi2 == pytest.approx(0.0, abs=1e-9)
        return
    assert found.statistic == pytest.approx(one.chi2, abs=1e-9)


# -- restricted means


@given(rows)
@settings(max_examples=40)
def test_the_contrasts_are_those_of_the_two_curves(some):
    t, d, g, _ = _columns(some)
    found = restricted_means(t, d, g, reference=1)
    a, b = (kaplan_meier(t[g == k], d[g == k]).restricted_mean(found.until) for k in (0, 1))
    assert found.groups == ("0", "1")
    assert found.mean == (pytest.approx(a[0]), pytest.approx(b[0]))
    assert found.difference.estimate == pytest.approx(a[0] - b[0])
    turned = restricted_means(t, d, g, reference=0)
    assert turned.difference.estimate == pytest.approx(-found.difference.estimate)
    if math.isfinite(found.ratio.lower):
        assert turned.ratio.upper == pytest.approx(1 / found.ratio.lower)


def test_a_restricted_mean_beyond_what_is_known_is_refused_with_the_longest_horizon():
    t, d, g = [5.0, 9.0, 7.0, 12.0], [1, 0, 1, 0], ["a", "a", "b", "b"]
    with pytest.raises(AnalysisError, match=r"curve of a is known up to 9.*at most 9"):
        restricted_means(t, d, g, until=10)
    assert restricted_means(t, d, g).until == 9.0
    # everyone in a has died by 9, so that the curve is known to stay at 0
    assert restricted_means(t, [1, 1, 1, 0], g, until=11).mean == (pytest.approx(9.0), pytest.approx(7.0))


def test_groups_without_any_loss_have_a_difference_of_nothing_and_no_ratio_of_it():
    found = restricted_means([5.0, 9.0, 7.0, 12.0], [0, 0, 0, 0], ["a", "a", "b", "b"])
    assert found.difference.estimate == 0.0
    assert math.isnan(found.difference.p)
    assert math.isnan(found.lost_ratio.estimate)


# -- refusals


@pytest.mark.parametrize("test", [max_combo, exact_logrank, restricted_means])
def test_tests_of_two_groups_refuse_one_and_three(test):
    t, d = [1.0, 2.0, 3.0, 4.0], [1, 1, 0, 1]
    for group in (["a"] * 4, ["a", "b", "c", "a"]):
        with pytest.raises(AnalysisError, match="two groups"):
            test(t, d, group)


@pytest.mark.parametrize("test", [logrank, max_combo, exact_logrank, permutation_logrank])
def test_tests_of_data_without_events_say_so(test):
    with pytest.raises(AnalysisError, match=r"no event|there are none"):
        test([1.0, 2.0, 3.0, 4.0], [0] * 4, ["a", "a", "b", "b"])
