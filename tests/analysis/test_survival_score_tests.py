"""Exact and permutation score tests of one covariate: all exchanges, counted or drawn."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from opsonin.analysis.survival import cox, exact_logrank, exact_score_test, permutation_score_test
from opsonin.analysis.survival.rank_scores import rank_scores
from opsonin.errors import AnalysisError

rows = st.lists(
    st.tuples(st.integers(1, 9), st.booleans(), st.integers(0, 5), st.integers(0, 1)), min_size=4, max_size=6
)


def _columns(some):
    t, d, x, s = (np.array(column) for column in zip(*some, strict=True))
    assume(np.ptp(x) > 0 and d.any())
    return t.astype(float), d, x.astype(float), s


@given(rows, st.booleans())
@settings(max_examples=50)
def test_the_exact_p_is_the_share_of_all_exchanges(some, stratified):
    t, d, x, s = _columns(some)
    s = s if stratified else np.zeros_like(s)
    scores, parts = rank_scores(t, d, s), [np.flatnonzero(s == k) for k in np.unique(s)]
    sums = []
    for orders in itertools.product(*(itertools.permutations(part) for part in parts)):
        moved = np.empty(t.size)
        for part, order in zip(parts, orders, strict=True):
            moved[part] = x[list(order)]
        sums.append(scores @ moved)
    sums = np.array(sums)
    assume(np.ptp(sums) > 1e-9)
    gap, far = scores @ x - sums.mean(), sums - sums.mean()
    found = exact_score_test(t, d, x, strata=s)
    assert found.arrangements == len(sums)
    assert found.z == pytest.approx(gap / sums.std(), abs=1e-9)
    assert found.p == pytest.approx((np.abs(far) >= abs(gap) - 1e-9).mean())
    assert found.p_more == pytest.approx((far >= gap - 1e-9).mean())
    assert found.p_fewer == pytest.approx((far <= gap + 1e-9).mean())


def test_a_covariate_of_two_values_is_the_exact_log_rank_test():
    rng = np.random.default_rng(3)
    t, d, g, s = rng.exponential(size=17), rng.random(17) < 0.8, np.arange(17) % 2, np.repeat([1, 2, 3], [3, 8, 6])
    one, other = exact_score_test(t, d, g, strata=s), exact_logrank(t, d, g, strata=s)
    assert (one.p, one.z, one.p_more) == (pytest.approx(other.p), pytest.approx(other.z), pytest.approx(other.p_more))


def test_seventeen_in_three_dose_levels_exactly_and_by_permutation():
    rng = np.random.default_rng(7)
    s = np.repeat([1, 2, 3], [3, 8, 6])
    x = rng.normal(size=17) + s
    t, d = rng.exponential(np.exp(0.8 * (x - s))), rng.random(17) < 0.9
    exact = exact_score_test(t, d, x, strata=s)
    assert exact.arrangements == math.factorial(3) * math.factorial(8) * math.factorial(6)
    drawn = permutation_score_test(t, d, x, strata=s, permutations=40_000)
    assert drawn.statistic == pytest.approx(exact.z**2)
    assert abs(drawn.p - exact.p) < 4 * drawn.p_error
    assert exact.z < 0  # higher values live longer
    assert np.sign(cox(t, d, x, strata=s).coefficient[0]) == np.sign(exact.z)
    other = exact_score_test(t**2, d, 3 * x + 5, strata=s)  # scale and origin of neither matter
    assert other.p == pytest.approx(exact.p)


def test_what_cannot_be_counted_is_refused_with_what_can():
    t = np.arange(1.0, 15.0)
    with pytest.raises(AnalysisError, match=r"14 patients has too many arrangements.*permutation_score_test"):
        exact_score_test(t, np.ones(14), t[::-1])
    assert permutation_score_test(t, np.ones(14), t[::-1], permutations=500).p < 0.01
    with pytest.raises(AnalysisError, match="the same for everyone"):
        exact_score_test(t, np.ones(14), np.ones(14))
    for test in (exact_score_test, permutation_score_test):
        with pytest.raises(AnalysisError, match="there are none"):
            test([1.0, 2.0, 3.0], [0, 0, 0], [1.0, 2.0, 3.0])
