"""Local sensitivities across events and moved doses, on the reference path and, where it knows them, compiled."""

import numpy as np
import pytest

from opsonin.errors import ModelError, SimulationError
from opsonin.model import Administration, Event, Input, Model, Module, Observable, Parameter, Process, Species
from opsonin.simulate import Schedule, build_schedule, intravenous_infusion, oral, simulate
from opsonin.simulate.inputs import InputSeries
from opsonin.simulate.sensitivity import sensitivities

ASSUMED = "assumed: a test"
TIMES = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 5.0])


def resected() -> Model:
    """A tumour that grows until it is seen, and is then cut down to a share of itself; a scan at a day of its own."""
    parts = [
        Parameter("growth", 0.7, "1/day", ASSUMED),
        Parameter("seen", 4.0, "dimensionless", ASSUMED),
        Parameter("left", 0.2, "dimensionless", ASSUMED),
        Parameter("scan_day", 3.3, "day", ASSUMED),
        Species("tumour", "dimensionless", 1.0),
        Species("scans", "dimensionless", 0.0),
        Species("memory", "dimensionless", 0.5),
        Process("growth of the tumour", lambda growth, tumour: growth * tumour, produces="tumour"),
        Process("memory made", lambda growth, tumour, memory: growth * tumour / (1 + memory), produces="memory"),
        Event("resection", lambda tumour, seen: tumour - seen, {"tumour": lambda tumour, left: left * tumour}),
        Event("scan", lambda t, scan_day: t - scan_day, {"scans": lambda scans, tumour: scans + tumour}),
    ]
    return Model([Module("tumour", parts)])


def test_a_derivative_crosses_an_event():
    """Before it exp(g t); the event comes at log(seen)/g; after it left · exp(g t), whatever it was seen at."""
    model = resected()
    constants = model.symbolic.typical[None, :]
    days = TIMES[:5]  # at 4.3 it is seen again
    later = days > np.log(4) / 0.7
    made = sensitivities(
        model,
        constants,
        Schedule.empty(1),
        days,
        ["growth", "seen", "left"],
        outputs=["tumour"],
        method="reference",
        rtol=1e-9,
    )
    assert made.values[0, :, 0] == pytest.approx(np.exp(0.7 * days) * np.where(later, 0.2, 1))
    by_growth, by_seen, by_left = made.of("tumour")[0].T
    assert by_growth == pytest.approx(days * made.values[0, :, 0], rel=1e-6)
    assert by_seen == pytest.approx(np.zeros(5), abs=1e-6)
    assert by_left == pytest.approx(np.where(later, np.exp(0.7 * days), 0), rel=1e-6)


@pytest.mark.parametrize("method", ["reference", "rosenbrock", "explicit"])
@pytest.mark.parametrize("parameter", ["growth", "seen", "left", "scan_day"])
def test_events_agree_with_differences_of_two_simulations(parameter, method):
    model = resected()
    constants = model.symbolic.typical[None, :]
    made = sensitivities(
        model, constants, Schedule.empty(1), TIMES, [parameter], outputs=["tumour", "scans", "memory"],
        method=method, rtol=1e-8,
    )  # fmt: skip
    column = model.symbolic.constants.index(parameter)
    ends = []
    for sign in (1, -1):
        moved = constants.copy()
        moved[:, column] *= 1 + 1e-4 * sign
        ends.append(simulate(model, moved, Schedule.empty(1), TIMES, method="reference", rtol=1e-9).states[:, :, :3])
    expected = (ends[0] - ends[1]) / (2e-4 * constants[0, column])
    assert made.derivatives[..., 0] == pytest.approx(expected, rel=2e-5, abs=2e-5)


def test_what_moves_a_dose_in_time_is_refused():
    parts = [
        Parameter("loss", 1.0, "1/day", ASSUMED),
        Parameter("wait", 0.3, "day", ASSUMED),
        Species("gut", "mg"),
        Process("loss", lambda loss, gut: loss * gut, consumes="gut"),
        Administration("drug", "oral", "gut", lag=lambda wait: wait),
    ]
    model = Model([Module("drug", parts)])
    constants = model.symbolic.typical[None, :]
    schedule = build_schedule(model, constants, [oral("drug", 10.0, "mg", [0.0])])
    with pytest.raises(SimulationError, match="drug, oral: when its doses arrive depends on wait"):
        sensitivities(model, constants, schedule, TIMES, ["wait"])
    made = sensitivities(model, constants, schedule, TIMES, ["loss"], outputs=["gut"], method="reference", rtol=1e-9)
    after = TIMES[1:] - 0.3
    assert made.of("gut")[0, 1:, 0] == pytest.approx(-after * 10 * np.exp(-after), rel=1e-6)


def test_an_event_on_a_sloping_input_is_refused():
    parts = [
        Parameter("growth", 0.7, "1/day", ASSUMED),
        Input("dose_rate", "1/day", 0.0, interpolation="linear"),
        Species("tumour", "dimensionless", 1.0),
        Process("growth", lambda growth, tumour: growth * tumour, produces="tumour"),
        Event("stop", lambda dose_rate, growth: dose_rate - growth, {"tumour": 0.0}),
    ]
    model = Model([Module("tumour", parts)])
    with pytest.raises(ModelError, match="event 'stop' would need the slope of input 'dose_rate'"):
        sensitivities(model, model.symbolic.typical[None, :], Schedule.empty(1), TIMES, ["growth"])


def test_an_infusion_into_what_an_event_reads_is_refused():
    parts = [
        Parameter("loss", 1.0, "1/day", ASSUMED),
        Parameter("limit", 3.0, "mg", ASSUMED),
        Species("plasma", "mg"),
        Process("loss", lambda loss, plasma: loss * plasma, consumes="plasma"),
        Event("dialysis", lambda plasma, limit: plasma - limit, {"plasma": 0.0}),
        Administration("drug", "intravenous infusion", "plasma"),
    ]
    model = Model([Module("drug", parts)])
    constants = model.symbolic.typical[None, :]
    schedule = build_schedule(model, constants, [intravenous_infusion("drug", 10.0, "mg", [0.0], 24.0)])
    with pytest.raises(SimulationError, match="an infusion enters 'plasma', which event 'dialysis' reads or sets"):
        sensitivities(model, constants, schedule, TIMES, ["loss"])


def test_a_covariate_in_time_is_followed():
    """Growth by a rate that is another one from day 2 on: d log y / d sensitivity is the area under the rate."""
    parts = [
        Parameter("sensitivity", 0.5, "dimensionless", ASSUMED),
        Input("rate", "1/day", 0.3),
        Species("cells", "dimensionless", 1.0),
        Process("growth", lambda sensitivity, rate, cells: sensitivity * rate * cells, produces="cells"),
        Observable("exposed", "measurements", lambda rate, cells, sensitivity: rate * cells * sensitivity, "1/day"),
    ]
    model = Model([Module("cells", parts)])
    constants = np.tile(model.symbolic.typical, (2, 1))
    series = InputSeries("rate", np.array([2.0]), np.array([[0.8], [0.1]]))
    made = sensitivities(
        model, constants, Schedule.empty(2), TIMES, ["sensitivity"], inputs=[series], start=0.0, rtol=1e-8
    )
    later = np.array([[0.8], [0.1]])
    area = 0.3 * np.minimum(TIMES, 2) + later * np.maximum(TIMES - 2, 0)
    assert made.of("cells")[:, :, 0] == pytest.approx(area * np.exp(0.5 * area), rel=1e-6)
    assert made.relative("exposed")[:, :, 0] == pytest.approx(1 + 0.5 * area, rel=1e-6)
