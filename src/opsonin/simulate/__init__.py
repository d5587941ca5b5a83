"""Regimens in, trajectories out: the solver does not know what states mean.

    build_schedule(model, constants, [oral("imatinib", 400, "mg", dose_days(1, 14))]) -> Schedule
    simulate(model, constants, schedule, times) -> Trajectories
    simulate_stream(source, 1_000_000, times, outputs, out=folder) -> Streamed
    sensitivities(model, constants, schedule, times, parameters) -> Sensitivities
    steady_states(model, constants) -> SteadyStates

The compiled solvers load Numba at their first call.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from opsonin.simulate.inputs import InputSeries
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
    from opsonin.simulate.factors import between, spread_of, within_factor
    from opsonin.simulate.global_sensitivity import morris, pawn, sobol
    from opsonin.simulate.model_outcomes import ModelOutcomes
    from opsonin.simulate.nonmem import EventTable, read_events
    from opsonin.simulate.outcome_sensitivity import outcome_sensitivities
    from opsonin.simulate.sensitivity import sensitivities
    from opsonin.simulate.steady_state import steady_states
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
    "InputSeries",
    "Mean",
    "ModelOutcomes",
    "Moments",
    "Patients",
    "Quantiles",
    "Reducer",
    "Schedule",
    "Source",
    "StreamInterrupted",
    "Streamed",
    "Trajectories",
    "between",
    "build_schedule",
    "day_time",
    "dose_days",
    "intravenous_bolus",
    "intravenous_infusion",
    "morris",
    "open_stream",
    "oral",
    "outcome_sensitivities",
    "pawn",
    "read_events",
    "sensitivities",
    "simulate",
    "simulate_events",
    "simulate_stream",
    "sobol",
    "spread_of",
    "steady_states",
    "subcutaneous",
    "within_factor",
]

ELSEWHERE = {  # what few need; streams, with their processes and pipes, are the rest
    "EventTable": "nonmem",
    "ModelOutcomes": "model_outcomes",
    "between": "factors",
    "morris": "global_sensitivity",
    "outcome_sensitivities": "outcome_sensitivity",
    "pawn": "global_sensitivity",
    "read_events": "nonmem",
    "sensitivities": "sensitivity",
    "simulate_events": "events_run",
    "sobol": "global_sensitivity",
    "spread_of": "factors",
    "steady_states": "steady_state",
    "within_factor": "factors",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"opsonin.simulate has no {name!r}; its public names are {', '.join(__all__)}.")
    return getattr(import_module(f"opsonin.simulate.{ELSEWHERE.get(name, 'stream')}"), name)


def __dir__() -> list[str]:
    return __all__
