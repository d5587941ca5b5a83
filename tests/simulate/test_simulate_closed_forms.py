"""The compiled solvers against solutions on paper."""

import numpy as np
import pytest

from opsonin.simulate import (
    build_schedule,
    intravenous_bolus,
    intravenous_infusion,
    oral,
    simulate,
)

METHODS = ["rosenbrock", "explicit"]
TIMES = np.array([0.0, 0.01, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0])
KA, KE = 6.0, 2.0  # 1/day, the typical patient of the linear model: clearance / volume = 120 / 60


def run(model, constants, doses, times=TIMES, **options):
    rows = constants(model, 1)
    return simulate(model, rows, build_schedule(model, rows, doses), times, rtol=1e-7, **options)


@pytest.mark.parametrize("method", METHODS)
def test_a_bolus_decays_exponentially(linear, constants, method):
    made = run(linear, constants, [intravenous_bolus("drug", 100.0, "mg", [0.0])], method=method)
    expected = 100.0 * np.exp(-KE * TIMES)
    assert made.state("plasma")[0, 0] == 0.0  # an output at the time of a dose is the state before it
    np.testing.assert_allclose(made.state("plasma")[0, 1:], expected[1:], rtol=3e-6, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_an_infusion_rises_to_its_plateau_and_falls(linear, constants, method):
    made = run(linear, constants, [intravenous_infusion("drug", 100.0, "mg", [0.0], hours=12)], method=method)
    rate, stop = 200.0, 0.5
    during = rate / KE * (1 - np.exp(-KE * np.minimum(TIMES, stop)))
    expected = during * np.exp(-KE * np.maximum(TIMES - stop, 0.0))
    np.testing.assert_allclose(made.state("plasma")[0], expected, rtol=3e-6, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_an_oral_dose_follows_the_bateman_function(linear, constants, method):
    """Source: Bateman (1910), Proc Camb Phil Soc 15:423; one compartment with first-order absorption."""
    made = run(linear, constants, [oral("drug", 0.1, "g", [0.0])], method=method)
    expected = 0.8 * 100.0 * KA / (KA - KE) * (np.exp(-KE * TIMES) - np.exp(-KA * TIMES))
    np.testing.assert_allclose(made.state("plasma")[0], expected, rtol=3e-6, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_what_is_given_is_somewhere(linear, constants, method):
    doses = [oral("drug", 80.0, "mg", np.arange(4.0)), intravenous_infusion("drug", 60.0, "mg", [1.5, 2.5], hours=6)]
    made = run(linear, constants, doses, method=method)
    total = made.state("depot") + made.state("plasma") + made.state("gone")
    # depot and plasma are advanced exactly, what is gone is integrated: the sum holds to the tolerance, 1e-5, at worst
    assert total[0, -1] == pytest.approx(4 * 64.0 + 2 * 60.0, rel=1e-8)


def test_three_times_the_dose_is_three_times_the_amount(linear, constants):
    rows = constants(linear, 3)
    doses = [oral("drug", np.array([[1.0], [3.0], [0.0]]), "mg", np.arange(5.0))]
    made = simulate(linear, rows, build_schedule(linear, rows, doses), TIMES, rtol=1e-8).state("plasma")
    np.testing.assert_allclose(made[1], 3 * made[0], rtol=1e-6, atol=1e-9)
    assert (made[2] == 0.0).all()


@pytest.mark.parametrize("method", METHODS)
def test_a_constant_hazard_crosses_at_its_draw_over_its_rate(linear, constants, method):
    draws = np.array([[0.001, 0.05, np.inf], [0.0, 0.0999, 7.0]])
    rows = constants(linear, 2)
    none = build_schedule(linear, rows, [])
    made = simulate(linear, rows, none, np.array([0.0, 5.0]), thresholds=draws, method=method)
    np.testing.assert_allclose(made.crossings[:, :2], draws[:, :2] / 0.02, rtol=1e-12)
    assert np.isinf(made.crossings[:, 2]).all()


def test_a_hazard_that_follows_the_drug_crosses_where_its_integral_does(linear, constants):
    rows = constants(linear, 1)
    schedule = build_schedule(linear, rows, [intravenous_bolus("drug", 60.0, "mg", [0.0])])
    limit = 0.03  # H(t) = 0.1 / KE (1 - exp(-KE t)) at 1 mg/l
    limits = np.array([[np.inf, np.inf, limit]])
    made = simulate(linear, rows, schedule, np.array([0.0, 3.0]), thresholds=limits, rtol=1e-7)
    assert made.crossings[0, 2] == pytest.approx(-np.log(1 - limit * KE / 0.1) / KE, rel=1e-5)


@pytest.mark.parametrize("method", ["auto", "reference"])
def test_no_patients_at_all_are_simulated_at_once(linear, method):
    nobody = np.zeros((0, len(linear.symbolic.constants)))
    schedule = build_schedule(linear, nobody, [oral("drug", 100.0, "mg", [0.0, 1.0])])
    made = simulate(linear, nobody, schedule, np.array([0.0, 2.0]), method=method)
    assert made.states.shape == (0, 2, len(linear.symbolic.states))
    assert not made.failures
