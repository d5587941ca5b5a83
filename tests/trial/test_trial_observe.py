"""From truth to readings."""

import numpy as np
import pytest
from scipy.stats import norm
from scipy.stats import poisson as exact

from opsonin import random
from opsonin.trial import TumourPlan
from opsonin.trial.observe import assay, flow, poisson, seen_diameters

N = 20_000
UNIFORM = random.uniform(1, "test", np.arange(N), draws=2)
SCORE = norm.ppf(UNIFORM[:, 1])


def test_assay_error_is_unbiased_with_the_stated_cv():
    read = assay(np.full(N, 100.0), SCORE, 0.15, None)
    assert read.value.mean() == pytest.approx(100, rel=0.005)
    assert read.value.std() / read.value.mean() == pytest.approx(0.15, rel=0.03)
    assert not read.below_limit.any()


def test_below_the_limit_the_value_is_missing():
    read = assay(np.array([0.0, 9.9, 10.0, np.nan]), np.zeros(4), 0.0, 10.0)
    assert read.below_limit.tolist() == [True, True, False, False]
    np.testing.assert_array_equal(read.value, [np.nan, np.nan, 10.0, np.nan])


@pytest.mark.parametrize("mean", [0.3, 5.0, 29.0, 31.0, 400.0, 20_000.0])
def test_counts_follow_the_poisson_distribution(mean):
    counts = poisson(np.full(N, mean), UNIFORM[:, 0])
    assert np.abs(counts - exact.ppf(UNIFORM[:, 0], mean)).max() <= (0 if mean < 30 else 1)
    assert counts.mean() == pytest.approx(mean, abs=4 * np.sqrt(mean / N))
    assert counts.var() == pytest.approx(mean, rel=0.05)


def test_rare_cells_are_counted_less_precisely():
    common = flow(np.full(N, 500.0), np.full(N, 0.5), UNIFORM[:, 0], SCORE, 0.0, None, 10_000.0).value
    rare = flow(np.full(N, 1.0), np.full(N, 0.001), UNIFORM[:, 0], SCORE, 0.0, None, 10_000.0).value
    assert common.std() / common.mean() == pytest.approx(1 / np.sqrt(5000), rel=0.05)
    assert rare.std() / rare.mean() == pytest.approx(1 / np.sqrt(10), rel=0.05)


def test_ratios_have_no_counting_error():
    value = flow(np.full(3, 2.0), np.full(3, np.nan), UNIFORM[:3, 0], np.zeros(3), 0.0, None, 100.0).value
    np.testing.assert_array_equal(value, 2.0)


def test_scans_are_read_in_millimetres():
    plan = TumourPlan(measurement_cv=0.0)
    read = seen_diameters(np.array([40.4, 5.6, 5.4, 2.1, 1.9, 0.0, np.nan]), np.zeros(7), plan)
    np.testing.assert_array_equal(read, [40, 6, 5, 5, 0, 0, np.nan])
