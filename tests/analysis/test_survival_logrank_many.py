"""Many log-rank tests at once: each the test of its own data set."""

import numpy as np
import pytest

from opsonin.analysis.survival import logrank, logrank_many
from opsonin.errors import AnalysisError


@pytest.mark.parametrize("stratified", [False, True])
def test_each_row_is_the_log_rank_test_of_its_data(stratified):
    rng = np.random.default_rng(1)
    t = rng.integers(1, 12, (60, 16)).astype(float)
    t[rng.random(t.shape) < 0.1] = np.nan
    d, g, s = rng.random(t.shape) < 0.6, rng.random(t.shape) < 0.4, rng.integers(0, 2, t.shape)
    found = logrank_many(t, d, g, strata=s if stratified else None)
    compared = 0
    for k in range(60):
        there = np.isfinite(t[k])
        try:
            one = logrank(t[k][there], d[k][there], g[k][there], strata=s[k][there] if stratified else None)
        except AnalysisError:
            assert np.isnan(found.z[k])
            continue
        assert found.z[k] ** 2 == pytest.approx(one.chi2, rel=1e-9, abs=1e-12)
        assert found.p[k] == pytest.approx(one.p)
        assert (found.observed[k], found.expected[k]) == (one.observed[1], pytest.approx(one.expected[1]))
        assert (found.n[k], found.events[k]) == (there.sum(), d[k][there].sum())
        compared += 1
    assert compared > 50


def test_one_row_of_groups_serves_all_trials_and_the_false_alarms_are_as_many_as_announced():
    rng = np.random.default_rng(2)
    found = logrank_many(rng.exponential(size=(4000, 40)), [[1]], np.arange(40) % 2)
    assert (found.p < 0.05).mean() == pytest.approx(0.05, abs=0.014)  # 4 standard errors
    assert found.z.mean() == pytest.approx(0, abs=0.07)


@pytest.mark.parametrize(
    ("time", "event", "group", "message"),
    [
        (np.ones((3, 4)), np.ones((2, 4)), np.ones(4), "one shape"),
        ([[1.0, -2.0]], [[1, 1]], [[0, 1]], "-2 of patient 2, trial 1, is negative"),
        ([[1.0, 2.0]], [[1, 2]], [[0, 1]], "the events of many"),
        ([[1.0, 2.0]], [[1, 1]], [[0, 3]], "the group of many"),
    ],
)
def test_what_is_no_set_of_trials_is_refused(time, event, group, message):
    with pytest.raises(AnalysisError, match=message):
        logrank_many(time, event, group)


def test_a_trial_of_one_group_has_no_test():
    assert np.isnan(logrank_many([[1.0, 2.0]], [[1, 1]], [[1, 1]]).p[0])
