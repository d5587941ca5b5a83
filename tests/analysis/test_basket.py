"""Baskets: what indications borrow from one another, against brute force and by laws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsonin.analysis.basket import MEAN, MEAN_SD, SPREAD_SD, basket, same_rates
from opsonin.errors import AnalysisError


def brute_force(hits, n, threshold, draws=400_000, seed=1):
    """The same posterior by importance sampling from the prior: medians, limits, probabilities, spread."""
    r = np.random.default_rng(seed)
    hits, n = np.array(hits), np.array(n)
    spread = np.abs(r.normal(0, SPREAD_SD, draws))
    odds = r.normal(MEAN, MEAN_SD, draws)[:, None] + spread[:, None] * r.normal(size=(draws, len(n)))
    p = 1 / (1 + np.exp(-odds))
    log = (hits * np.log(p) + (n - hits) * np.log1p(-p)).sum(axis=1)
    w = np.exp(log - log.max())
    w /= w.sum()

    def quantiles(x):
        order = np.argsort(x)
        return x[order][np.searchsorted(np.cumsum(w[order]), [0.5, 0.025, 0.975])]

    return [quantiles(p[:, k]) for k in range(len(n))], w @ (p > threshold), quantiles(spread)


@pytest.mark.parametrize(
    ("hits", "n"), [([2, 3, 1, 9], [20, 20, 20, 20]), ([0, 1], [9, 17]), ([4, 4, 4], [10, 20, 40])]
)
def test_the_posterior_is_that_of_brute_force(hits, n):
    made = basket([str(k) for k in range(len(n))], hits, n, threshold=0.1)
    rates, above, spread = brute_force(hits, n, 0.1)
    for ours, theirs in zip(made.rates, rates, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=0.008)  # some ten thousand effective draws
    np.testing.assert_allclose(made.above, above, atol=0.015)
    np.testing.assert_allclose(made.spread, spread, atol=0.06)


def test_an_outlier_is_drawn_in_less_than_its_neighbours_would_have_it():
    alike = basket(list("abcd"), [3, 3, 3, 4], [20] * 4)
    apart = basket(list("abcd"), [3, 3, 3, 16], [20] * 4)
    assert alike.spread.estimate < apart.spread.estimate
    assert abs(alike.rates[3].estimate - 13 / 80) < 0.02  # near the pooled rate, 0.2 alone
    assert 0.6 < apart.rates[3].estimate < 0.8
    assert alike.p > 0.9
    assert apart.p == pytest.approx(2e-4)


def test_borrowing_makes_intervals_narrower_where_rates_agree():
    made = basket(list("abcdef"), [4] * 6, [20] * 6)
    for rate, alone in zip(made.rates, made.alone, strict=True):
        assert rate.upper - rate.lower < 0.75 * (alone.upper - alone.lower)


counts = st.lists(st.tuples(st.integers(0, 12), st.integers(1, 18)), min_size=2, max_size=5)


@settings(max_examples=15, deadline=None)
@given(counts, st.integers(0, 100))
def test_laws_of_any_basket(pairs, seed):
    n = [max(hits, size) for hits, size in pairs]
    hits = [hits for hits, _ in pairs]
    names = [f"i{k}" for k in range(len(n))]
    made = basket(names, hits, n, threshold=0.2, seed=seed)
    turned = basket(names[::-1], hits[::-1], n[::-1], threshold=0.2, seed=seed)
    np.testing.assert_allclose(made.rates, turned.rates[::-1], rtol=1e-9)
    for rate in made.rates:
        assert 0 < rate.lower < rate.estimate < rate.upper < 1
    assert ((made.above >= 0) & (made.above <= 1)).all()
    assert 0 < made.p <= 1
    if hits[0] < n[0]:
        more = basket(names, [hits[0] + 1, *hits[1:]], n, threshold=0.2, seed=seed)
        assert more.rates[0].estimate > made.rates[0].estimate


def test_equal_rates_are_found_different_as_often_as_p_says():
    """Under the null p is (nearly) uniform, never too small."""
    r = np.random.default_rng(5)
    p = [same_rates(r.binomial(15, 0.3, 3), np.array([15] * 3), k) for k in range(120)]
    assert np.mean(np.array(p) <= 0.1) < 0.1 + 3 * np.sqrt(0.1 * 0.9 / 120)


@pytest.mark.parametrize(
    ("names", "hits", "n"), [(["a"], [1], [2]), (["a", "b"], [1, 3], [2, 2]), (["a", "b"], [0, 0], [2, 0])]
)
def test_what_is_no_basket_is_refused(names, hits, n):
    with pytest.raises(AnalysisError, match="basket"):
        basket(names, hits, n)
