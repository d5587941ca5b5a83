"""Streams of models with events, inputs and dosing schedules: what `simulate` gives, whatever the blocks."""

import numpy as np
import pytest

from opsonin.errors import SimulationError
from opsonin.model import Event, Input, Model, Module, Observable, Process, Species
from opsonin.simulate import FromArrays, Schedule, open_stream, simulate, simulate_stream
from opsonin.simulate.inputs import InputSeries, inputs_at
from small_models import parameter

TIMES = np.linspace(0.0, 8.0, 9)
COUNT = 90


def cut_out() -> Model:
    """A lesion that grows with a temperature given from outside and is cut out at a limit."""
    cut = {"a": lambda a, share: share * a}
    return Model(
        [
            Module(
                "lesion",
                [
                    parameter("k", 0.8, "1/day"),
                    parameter("limit", 2.0, "mg"),
                    parameter("share", 0.4, ""),
                    Input("warmth", "", 1.0, "linear"),
                    Species("a", "mg", 1.0),
                    Process("growth", lambda a, k, warmth: k * warmth * a, produces="a"),
                    Event("surgery", lambda a, limit: a - limit, cut),
                    Observable("glow", "measurements", lambda a, warmth: a * warmth, "mg", panel="skin"),
                ],
            )
        ]
    )


def test_events_and_inputs_are_those_of_simulate(tmp_path):
    model, generator = cut_out(), np.random.default_rng(1)
    constants = np.tile(model.symbolic.typical, (COUNT, 1))
    constants[:, model.symbolic.constants.index("k")] *= generator.uniform(0.01, 2.0, COUNT)
    warmth = InputSeries("warmth", np.array([0.0, 4.0, 8.0]), generator.uniform(0.2, 1.0, (COUNT, 3)))
    schedule = Schedule.empty(COUNT)
    source = FromArrays(model, constants, schedule, inputs=(warmth,))
    out = tmp_path / "out"
    simulate_stream(source, COUNT, TIMES, ["a", "glow"], out=out, precision="double", block=7, threads=2)
    table, known = open_stream(out).table(), open_stream(out).patient_table()

    made = simulate(model, constants, schedule, TIMES, inputs=(warmth,), start=0.0)
    glow = model.observe(["glow"], made.states, constants, TIMES, inputs_at(model.symbolic, (warmth,), TIMES))
    assert np.array_equal(table["a"], made.states[:, :, 0].ravel())
    assert np.array_equal(table["glow"], glow.ravel())
    assert made.event_days is not None
    happened = np.isfinite(made.event_days[:, 0])
    assert happened.any()
    assert not happened.all()
    assert np.array_equal(known["day of surgery"][happened], made.event_days[happened, 0])
    assert known["day of surgery"][~happened].isna().all()


def test_a_stream_with_another_series_is_another_stream(tmp_path):
    model = cut_out()
    constants, out = np.tile(model.symbolic.typical, (COUNT, 1)), tmp_path / "out"

    def stream(value, **more):
        series = InputSeries("warmth", np.array([0.0]), np.array([value]))
        source = FromArrays(model, constants, Schedule.empty(COUNT), inputs=(series,))
        return simulate_stream(source, COUNT, TIMES, ["a"], out=out, **more)

    stream(0.1)
    with pytest.raises(SimulationError, match="it is of other patients or doses"):
        stream(0.2, resume=True)
