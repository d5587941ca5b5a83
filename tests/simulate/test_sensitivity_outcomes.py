"""Local sensitivities of outcomes against closed forms."""

import numpy as np
import pytest

from opsonin.errors import SimulationError
from opsonin.simulate import build_schedule, oral
from opsonin.simulate.outcome_sensitivity import outcome_sensitivities

DAYS = np.linspace(0, 6, 601)


@pytest.fixture
def made(linear, constants):
    rows = constants(linear, 2, clearance=np.array([120.0, 60.0]))
    schedule = build_schedule(linear, rows, [oral("drug", 100.0, "mg", [0.0])])
    outcomes = ["plasma: AUC", "plasma: max", "plasma: at 1", "gone: last", "nausea: risk", "plasma: mean from 1 to 2"]
    return outcome_sensitivities(linear, rows, schedule, DAYS, ["ka", "clearance", "absorbed"], outcomes, rtol=1e-7)


def test_elasticities_of_a_linear_drug(made):
    area, peak, one_day = (made.elasticities[:, j] for j in range(3))
    assert made.outcomes[0] == "plasma: AUC"
    assert area[0] == pytest.approx([0, -1, 1], abs=1e-3)  # AUC = F · dose / (CL / V)
    assert peak[:, 2] == pytest.approx([1, 1], abs=1e-3)  # linear in what arrives
    ka, k = 6.0, np.array([2.0, 1.0])
    # of the closed form (Bateman) at its peak, by differences
    peaks = [np.log(c) for c in (peak_of(ka * (1 + h), k) for h in (1e-6, -1e-6))]
    assert peak[:, 0] == pytest.approx((peaks[0] - peaks[1]) / 2e-6, abs=2e-4)
    at = [np.log(bateman(1.0, ka, k * (1 + h))) for h in (1e-6, -1e-6)]
    assert one_day[:, 1] == pytest.approx((at[0] - at[1]) / 2e-6, rel=1e-4)


def test_a_risk_follows_the_cumulative_hazard(made, linear):
    hazard = 0.1 * 80 / 120  # rate_by_drug · F · dose / CL, all of it within six days
    value, slope = made.values[0, 4], made.derivatives[0, 4, 1]
    assert value == pytest.approx(1 - np.exp(-hazard), rel=1e-4)
    assert slope == pytest.approx(-np.exp(-hazard) * hazard / 120, rel=1e-3)  # the last of it comes later


def test_an_outcome_without_a_derivative_is_refused(linear, constants):
    rows = constants(linear, 1)
    schedule = build_schedule(linear, rows, [oral("drug", 100.0, "mg", [0.0])])
    for outcome in ("plasma: time above 3", lambda made, _: made.states[:, -1, 0]):
        with pytest.raises(SimulationError, match="has no derivative that forward equations give"):
            outcome_sensitivities(linear, rows, schedule, DAYS, ["ka"], [outcome])


def bateman(t: float, ka: float, k: np.ndarray) -> np.ndarray:
    return ka / (ka - k) * (np.exp(-k * t) - np.exp(-ka * t))


def peak_of(ka: float, k: np.ndarray) -> np.ndarray:
    at = np.log(ka / k) / (ka - k)
    return ka / (ka - k) * (np.exp(-k * at) - np.exp(-ka * at))
