"""The reference path for whole schedules: no compilation, SciPy at tight tolerance, one patient after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from opsonin.errors import ModelError
from opsonin.simulate.ensemble import Arrays, Problem, empty_arrays

ZOOM = 21  # points looked at within a bracket of a crossing
FAILED = 2


def integrate_reference(
    model: Any, problem: Problem, progress: Callable[[int, int], None] | None = None
) -> tuple[Arrays, dict[int, str]]:
    """Every patient by `model.reference`; also the reasons of those that failed."""
    arrays = empty_arrays(problem)
    reasons: dict[int, str] = {}
    for patient in range(len(problem.initial)):
        try:
            _one(model, problem, patient, arrays)
        except ModelError as problem_met:
            reasons[patient] = str(problem_met)
            arrays.status[patient] = FAILED
            arrays.day[patient] = np.nan
            arrays.states[patient] = arrays.final[patient] = arrays.crossings[patient] = np.nan
        if progress is not None:
            progress(patient + 1, len(problem.initial))
    return arrays, reasons


def _one(model: Any, problem: Problem, patient: int, arrays: Arrays) -> None:
    symbolic, schedule = problem.symbolic, problem.schedule
    landing = [int(entry.species) for entry in symbolic.administrations.values()]
    events = [
        (float(time), landing[place], float(amount), float(length))
        for time, place, amount, length in zip(
            schedule.times, schedule.administration, schedule.amounts[patient], schedule.durations, strict=True
        )
        if amount != 0
    ]

    def states_at(times: np.ndarray) -> np.ndarray:
        return model.reference(
            problem.constants[patient], events, times, start=problem.start, initial=problem.initial[patient]
        )

    made = states_at(problem.times)
    arrays.states[patient] = made
    arrays.final[patient] = made[-1]
    species = len(symbolic.species)
    for j, (hazard, _, _) in enumerate(symbolic.thresholds):
        arrays.crossings[patient, j] = _crossing(states_at, problem, made, patient, j, species + hazard)


def _crossing(
    states_at: Callable[[np.ndarray], np.ndarray], problem: Problem, made: np.ndarray, patient: int, j: int, state: int
) -> float:
    """The first time at which a cumulative hazard reaches its threshold, by looking closer and closer."""
    limit = problem.limits[patient, j]
    if problem.initial[patient, state] >= limit:
        return problem.start
    above = np.flatnonzero(made[:, state] >= limit)
    if not len(above):
        return np.inf
    right = float(problem.times[above[0]])
    left = float(problem.times[above[0] - 1]) if above[0] else problem.start
    for _ in range(12):
        times = np.linspace(left, right, ZOOM)
        value = states_at(times)[:, state]
        first = int(np.argmax(value >= limit))
        if first == 0:  # the left end is at the limit but for rounding
            return left
        left, right = float(times[first - 1]), float(times[first])
        if right - left < 1e-10:
            break
    return right
