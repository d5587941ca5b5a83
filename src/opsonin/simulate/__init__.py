"""Regimens in, trajectories out: the solver does not know what states mean.

    build_schedule(model, constants, [oral("imatinib", 400, "mg", dose_days(1, 14))]) -> Schedule
    simulate(model, constants, schedule, times) -> Trajectories

The compiled solvers load Numba at their first call.
"""

from __future__ import annotations

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

__all__ = [
    "Failure",
    "GivenDoses",
    "Schedule",
    "Trajectories",
    "build_schedule",
    "day_time",
    "dose_days",
    "intravenous_bolus",
    "intravenous_infusion",
    "oral",
    "simulate",
    "subcutaneous",
]
