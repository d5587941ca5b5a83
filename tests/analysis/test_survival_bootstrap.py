"""The bootstrap: each replicate is the statistic of its sample, and the intervals are what they are called."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from opsonin.analysis.survival import bootstrap, cox, kaplan_meier
from opsonin.errors import AnalysisError
from opsonin.random import uniform

times = st.lists(st.tuples(st.integers(1, 9), st.booleans()), min_size=3, max_size=14)


def _samples(t, d, count, purpose="bootstrap all"):
    order = np.argsort(t, kind="stable")
    for number in range(count):
        rows = order[(uniform(7, purpose, number, draws=t.size) * t.size).astype(int)]
        yield t[rows], d[rows]


@given(times, st.floats(0.5, 9.5))
@settings(max_examples=40)
def test_every_replicate_is_the_curve_of_its_sample(some, horizon):
    t, d = np.array([t for t, _ in some], dtype=float), np.array([d for _, d in some])
    known = t[~d].max() if (~d[t == t.max()]).any() else math.inf
    assume(horizon <= known)
    median = bootstrap(t, d, "median", replicates=6, seed=7)
    mean = bootstrap(t, d, "restricted mean", until=horizon, replicates=6, seed=7)
    at = bootstrap(t, d, "survival", at=horizon, replicates=6, seed=7)
    for k, (time, event) in enumerate(_samples(t, d, 6)):
        curve = kaplan_meier(time, event)
        expected = curve.median.estimate
        assert median.replicates[k] == (expected if math.isfinite(expected) else math.inf)
        assert mean.replicates[k] == pytest.approx(curve.restricted_mean(horizon)[0])
        # after its last time the curve of a sample stays as it is
        assert at.replicates[k] == pytest.approx(np.r_[1.0, curve.survival[curve.time <= horizon]][-1], abs=1e-15)
    whole = kaplan_meier(t, d)
    assert mean.estimate == pytest.approx(whole.restricted_mean(horizon)[0])
    assert at.estimate == pytest.approx(whole.at(horizon)["survival"][0], abs=1e-15)


@pytest.mark.parametrize("stratified", [False, True])
def test_every_replicate_of_a_hazard_ratio_is_the_cox_model_of_its_sample(stratified):
    rng = np.random.default_rng(6)
    t, d = rng.integers(1, 20, 40).astype(float), rng.random(40) < 0.8
    x, strata = rng.normal(3, 2, 40), np.repeat([0, 1], [15, 25])
    strata = strata if stratified else np.zeros(40, dtype=int)
    found = bootstrap(t, d, "hazard ratio", covariate=x, strata=strata, replicates=8, seed=7)
    assert found.estimate == pytest.approx(cox(t, d, x, strata=strata).hazard_ratio[0], rel=1e-6)
    order = np.lexsort((t, strata))
    starts, sizes = np.searchsorted(strata[order], strata[order]), np.bincount(strata)[strata[order]]
    for k in range(8):
        rows = order[starts + (uniform(7, "bootstrap all", k, draws=40) * sizes).astype(int)]
        one = cox(t[rows], d[rows], x[rows], strata=strata[rows])
        assert found.replicates[k] == pytest.approx(one.hazard_ratio[0], rel=1e-6)
    without = cox(t[1:], d[1:], x[1:], strata=strata[1:]).hazard_ratio[0]
    assert np.isclose(found.jackknife, without, rtol=1e-6).any()


def test_the_spread_of_a_restricted_mean_is_its_standard_error():
    rng = np.random.default_rng(2)
    t, follow = rng.exponential(10, 200), rng.uniform(5, 30, 200)
    found = bootstrap(np.minimum(t, follow), t <= follow, "restricted mean", until=12, replicates=4000)
    mean, se = kaplan_meier(np.minimum(t, follow), t <= follow).restricted_mean(12)
    assert found.se == pytest.approx(se, rel=0.06)
    for kind in ("percentile", "bca"):
        low, high = found.interval(kind)
        assert low == pytest.approx(mean - 1.96 * se, abs=0.25 * se)
        assert high == pytest.approx(mean + 1.96 * se, abs=0.25 * se)


def test_the_difference_of_two_groups_is_drawn_within_each():
    t = np.r_[np.arange(1.0, 21.0), np.arange(11.0, 31.0)]
    group = np.repeat(["early", "late"], 20)
    found = bootstrap(t, np.ones(40), "median", group=group, replicates=2000)
    assert found.what == "median, late less early"
    assert found.estimate == 10.0
    low, high = found.interval()
    assert low < 10 < high
    turned = bootstrap(t, np.ones(40), "median", group=group, reference="late", replicates=2000)
    assert turned.interval() == (-high, -low)


def test_a_median_that_is_not_reached_makes_the_upper_limit_infinite():
    found = bootstrap(np.arange(1.0, 13.0), [1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0], replicates=1000)
    low, high = found.interval()
    assert low < found.estimate < math.inf == high
    assert math.isnan(found.se)


def test_a_bootstrap_is_a_function_of_its_seed():
    t = np.arange(1.0, 30.0)
    one, same, other = (bootstrap(t, np.ones(29), replicates=50, seed=s).replicates for s in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()
    np.testing.assert_array_equal(bootstrap(t, np.ones(29), replicates=80).replicates[:50], one)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"statistic": "mean"}, "'mean' is unknown; choose from median"),
        ({"statistic": "restricted mean"}, "needs `until`"),
        ({"statistic": "median", "until": 3}, "takes no `until`"),
        ({"statistic": "hazard ratio"}, "needs `covariate`"),
        ({"statistic": "hazard ratio", "covariate": [1, 1, 1, 1]}, "the same for everyone"),
        ({"statistic": "hazard ratio", "covariate": [4, 3, 2, 1]}, "no finite estimate"),
        ({"statistic": "survival", "at": 9}, "known up to 4"),
        ({"statistic": "median", "group": ["a", "b", "c", "a"]}, "compares two groups"),
        ({"statistic": "survival", "at": 0}, "later than 0"),
    ],
)
def test_what_cannot_be_resampled_is_refused(arguments, message):
    with pytest.raises(AnalysisError, match=message):
        bootstrap([1.0, 2.0, 3.0, 4.0], [1, 1, 1, 0], **arguments)


def test_the_corrected_interval_is_refused_for_a_median():
    with pytest.raises(AnalysisError, match="use 'percentile' for a median"):
        bootstrap(np.arange(1.0, 9.0), np.ones(8), replicates=20).interval("bca")


def test_a_bootstrap_of_two_patients_is_wide_and_no_failure():
    found = bootstrap([5.0, 9.0], [1, 0], "restricted mean", until=9, group=["a", "b"], replicates=30)
    assert found.interval("bca") == found.interval() == (found.estimate, found.estimate)
    assert bootstrap([20.0], [0], "survival", at=10, replicates=20).interval("bca") == (1.0, 1.0)
