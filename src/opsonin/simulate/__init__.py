"""Regimens in, trajectories out: the solver does not know what states mean.

    build_schedule(model, constants, [oral("imatinib", 400, "mg", dose_days(1, 14))]) -> Schedule
    simulate(model, constants, schedule, times) -> Trajectories
    simulate_stream(source, 1_000_000, times, outputs, out=folder) -> Streamed

The compiled solvers load Numba at their first call.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from opsonin.simulate.regimen import (
    GivenDoses,
    build_schedule,
    day_time,
    dose_days,
    intravenous_bolus,
    intravenous_infusion,
    oral,
    subcutaneous,
)
from opsonin.simulate.schedule import Schedule
from opsonin.simulate.simulation import simulate
from opsonin.simulate.trajectories import Failure, Trajectories

if TYPE_CHECKING:
    from opsonin.simulate.events_run import simulate_events
    from opsonin.simulate.nonmem import EventTable, read_events
    from opsonin.simulate.stream import (
        FromArrays,
        Mean,
        Moments,
        Patients,
        Quantiles,
        Reducer,
        Source,
        Streamed,
        StreamInterrupted,
        open_stream,
        simulate_stream,
    )

__all__ = [
    "EventTable",
    "Failure",
    "FromArrays",
    "GivenDoses",
    "Mean",
    "Moments",
    "Patients",
    "Quantiles",
    "Reducer",
    "Schedule",
    "Source",
    "StreamInterrupted",
    "Streamed",
    "Trajectories",
    "build_schedule",
    "day_time",
    "dose_days",
    "intravenous_bolus",
    "intravenous_infusion",
    "open_stream",
    "oral",
    "read_events",
    "simulate",
    "simulate_events",
    "simulate_stream",
    "subcutaneous",
]

EVENTS = {
    "EventTable": "opsonin.simulate.nonmem",
    "read_events": "opsonin.simulate.nonmem",
    "simulate_events": "opsonin.simulate.events_run",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"opsonin.simulate has no {name!r}; its public names are {', '.join(__all__)}.")
    if name in EVENTS:
        return getattr(import_module(EVENTS[name]), name)
    return getattr(import_module("opsonin.simulate.stream"), name)  # processes and pipes, which a trial does without


def __dir__() -> list[str]:
    return __all__
