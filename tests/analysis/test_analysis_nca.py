"""Non-compartmental analysis: known profiles, laws any profile obeys, and input it refuses."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsonin.analysis.noncompartmental import NO_SLOPE, nca, terminal_slope
from opsonin.errors import AnalysisError

HOURS = np.array([0.5, 1.0, 2.0, 4.0, 8.0, 12.0, 24.0])


def test_a_bolus_into_one_compartment_gives_back_its_parameters():
    concentration = 100 / 20 * np.exp(-0.1 * HOURS)
    found = nca(HOURS, concentration, dose=100, route="bolus", method="linear-up log-down")
    assert found.c0 == pytest.approx(5.0)
    assert found.half_life == pytest.approx(math.log(2) / 0.1)
    assert found.auc_inf_obs == pytest.approx(50.0)
    assert found.clearance_obs == pytest.approx(2.0)
    assert found.vz_obs == pytest.approx(20.0)
    assert found.vss_obs == pytest.approx(20.0)
    assert found.mrt_inf_obs == pytest.approx(10.0)


def test_half_the_infusion_time_is_taken_off_the_residence_time():
    t = np.r_[0.0, np.linspace(0.1, 60, 4000)]
    given_in = 2.0
    up = np.minimum(t, given_in)
    concentration = 5 / (given_in * 0.1) * (1 - np.exp(-0.1 * up)) * np.exp(-0.1 * np.maximum(t - given_in, 0))
    found = nca(t, concentration, dose=100, route="infusion", infusion=given_in)
    assert found.mrt_inf_obs == pytest.approx(10.0, rel=1e-3)
    assert found.clearance_obs == pytest.approx(2.0, rel=1e-3)


def test_a_zero_after_the_last_concentration_adds_its_triangle_to_auc_all_alone():
    found = nca(np.array([0.0, 1.0, 2.0, 3.0, 5.0]), np.array([0.0, 4.0, 2.0, 1.0, 0.0]))
    assert found.auc_last == pytest.approx(2 + 3 + 1.5)
    assert found.auc_all == pytest.approx(found.auc_last + 1.0)
    assert (found.tlast, found.clast) == (3.0, 1.0)


def test_the_lag_is_the_last_time_before_anything_was_measurable():
    assert nca(np.array([0.0, 0.5, 1.0, 2.0]), np.array([0.0, 0.0, 3.0, 1.0])).tlag == 0.5
    assert nca(np.array([0.25, 0.5, 1.0]), np.array([1.0, 2.0, 1.0])).tlag == 0.0


def test_the_longer_of_two_equally_good_terminal_fits_wins():
    t = np.arange(1.0, 9.0)
    assert terminal_slope(t, np.exp(-0.3 * t)).points == 7  # all after Tmax
    assert terminal_slope(t, np.exp(-0.3 * t), from_tmax=True).points == 8


def test_a_rising_tail_has_no_terminal_slope():
    found = nca(np.array([0.0, 1.0, 2.0, 3.0, 4.0]), np.array([0.0, 5.0, 1.0, 2.0, 3.0]), dose=10)
    assert math.isnan(found.half_life)
    assert math.isnan(found.auc_inf_obs)
    assert found.auc_last == pytest.approx(2.5 + 3 + 1.5 + 2.5)
    assert terminal_slope(np.array([1.0, 2.0]), np.array([2.0, 1.0])) == NO_SLOPE


def test_a_profile_below_the_limit_throughout_has_no_exposure():
    found = nca(HOURS, np.zeros(7), dose=10)
    assert found.cmax == found.auc_last == 0.0
    assert math.isnan(found.tmax)


profiles = st.tuples(
    st.lists(st.floats(0.05, 5.0), min_size=4, max_size=9), st.lists(st.floats(0.01, 100.0), min_size=9, max_size=9)
)


@pytest.mark.parametrize("method", ["linear", "linear-up log-down"])
@pytest.mark.parametrize("route", ["extravascular", "bolus"])
@given(profile=profiles, fold=st.floats(0.1, 10.0))
def test_exposure_is_proportional_to_concentration_and_clearance_does_not_change(method, route, profile, fold):
    t, c = np.cumsum(profile[0]), np.array(profile[1][: len(profile[0])])
    one, more = nca(t, c, 10.0, route, method=method), nca(t, fold * c, fold * 10.0, route, method=method)
    for name in ("auc_last", "auc_inf_obs", "cmax", "aumc_last"):
        assert getattr(more, name) == pytest.approx(fold * getattr(one, name), rel=1e-6, nan_ok=True)
    for name in ("clearance_obs", "half_life", "mrt_inf_obs", "vz_pred"):
        assert getattr(more, name) == pytest.approx(getattr(one, name), rel=1e-6, nan_ok=True)


@given(profiles)
def test_the_log_rule_never_gives_more_than_the_linear_one(profile):
    t, c = np.cumsum(profile[0]), np.array(profile[1][: len(profile[0])])
    assert nca(t, c, method="linear-up log-down").auc_last <= nca(t, c).auc_last * (1 + 1e-12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0.0, 1.0], [1.0]), "one time for each concentration"),
        (([0.0, 1.0], [1.0, -2.0]), "-2 is negative"),
        (([1.0, 1.0], [1.0, 2.0]), "times must increase"),
        (([-1.0, 1.0], [1.0, 2.0]), "not be negative"),
        (([0.0, 1.0], [1.0, 2.0], 10, "infusion"), "needs its length"),
        (([0.0, 1.0], [1.0, 2.0], 10, "bolus", 0, "cubic"), "'cubic' is unknown"),
    ],
)
def test_bad_profiles_are_named(arguments, message):
    t, c, *rest = arguments
    with pytest.raises(AnalysisError, match=message):
        nca(np.array(t), np.array(c), *rest)
