"""The reference path for whole schedules: no compilation, SciPy's LSODA, one patient after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from opsonin.errors import ModelError
from opsonin.simulate.driver_plan import nearest
from opsonin.simulate.ensemble import Arrays, Problem, empty_arrays
from opsonin.simulate.following import Followed, Mark, follow

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
    symbolic = problem.symbolic
    times = _row(problem.times, patient)
    after = np.zeros(len(times), dtype=bool) if problem.after is None else _row(problem.after, patient)
    doses, marks = _doses(problem, patient), _marks(problem, patient)

    def ran(wanted: np.ndarray, late: np.ndarray) -> Followed:
        return follow(
            model,
            problem.constants[patient],
            doses,
            marks,
            wanted,
            late,
            float(problem.start[patient]),
            float(problem.end[patient]),
            problem.initial[patient],
            inputs={series.name: series.of(patient) for series in problem.inputs},
            rtol=problem.rtol,
        )

    made = ran(times, after)
    names = [event.name for event in symbolic.events]
    for day, name in made.happened:
        place = names.index(name)
        arrays.happened[patient, place] += 1
        arrays.days[patient, place] = min(arrays.days[patient, place, 0], day), day
    arrays.states[patient], arrays.final[patient] = made.states, made.final
    known = np.isfinite(times)
    species = len(symbolic.species)
    for j, (hazard, _, _) in enumerate(symbolic.thresholds):
        arrays.crossings[patient, j] = _crossing(
            lambda wanted: ran(wanted, np.zeros(len(wanted), dtype=bool)).states,
            problem,
            times[known],
            made.states[known],
            patient,
            j,
            species + hazard,
        )


def _row(table: np.ndarray, patient: int) -> np.ndarray:
    """A patient's row of a table that has one for each, or one for all."""
    return table[patient if len(table) > 1 else 0]


def _doses(problem: Problem, patient: int) -> list[tuple[float, int, float, float]]:
    """(day, state, amount, duration) of what a patient gets; days within rounding of a time wanted are that time."""
    symbolic, schedule = problem.symbolic, problem.schedule
    landing = [int(entry.species) for entry in symbolic.administrations.values()]
    arrays = (schedule.times, schedule.amounts, schedule.durations)
    time, amount, length = (np.broadcast_to(array, schedule.amounts.shape)[patient] for array in arrays)
    fixed = np.unique(np.append(_row(problem.times, patient), problem.start[patient]))
    begin, end = nearest(time, fixed), nearest(time + length, fixed)
    return [
        (float(begin[k]), landing[place], float(amount[k]), float(end[k] - begin[k]))
        for k, place in enumerate(schedule.administration)
        if amount[k] != 0
    ]


def _marks(problem: Problem, patient: int) -> list[Mark]:
    """What the patient's state becomes, in order of time."""
    marks, settings = problem.schedule.marks, problem.settings
    if marks is None or settings is None:
        return []
    fixed = np.unique(np.append(_row(problem.times, patient), problem.start[patient]))
    return [
        Mark(float(day), settings.values[patient, n], bool(settings.added[patient, n]))
        for n, day in enumerate(nearest(marks.times[patient], fixed))
        if np.isfinite(day)
    ]


def _crossing(
    states_at: Callable[[np.ndarray], np.ndarray],
    problem: Problem,
    wanted: np.ndarray,
    made: np.ndarray,
    patient: int,
    j: int,
    state: int,
) -> float:
    """The first time at which a cumulative hazard reaches its threshold, by looking closer and closer."""
    limit, start = problem.limits[patient, j], float(problem.start[patient])
    if problem.initial[patient, state] >= limit:
        return start
    above = np.flatnonzero(made[:, state] >= limit)
    if not len(above):
        return np.inf
    right = float(wanted[above[0]])
    left = float(wanted[above[0] - 1]) if above[0] else start
    for _ in range(12):
        if not right > left:
            break
        times = np.linspace(left, right, ZOOM)
        value = states_at(times)[:, state]
        first = int(np.argmax(value >= limit))
        if first == 0:  # the left end is at the limit but for rounding
            return left
        left, right = float(times[first - 1]), float(times[first])
        if right - left < 1e-10:
            break
    return right
