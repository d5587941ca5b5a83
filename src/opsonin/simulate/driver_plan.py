"""Doses and marks as the compiled driver takes them: sorted events, where doses land, and tolerances."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

if TYPE_CHECKING:
    from opsonin.simulate.ensemble import Problem

SET_STATE, BOLUS, INFUSION_START, INFUSION_END = -1, 0, 1, 2  # in this order at one moment
SAME = 1e-9  # days; a tenth of a millisecond
MOST_PAIRS = 2_000  # of moments and times of one patient that are compared each with each


class Plan(NamedTuple):
    """Tables of events and doses have one row for all patients or one for each."""

    event_time: Float[np.ndarray, "rows event"]
    event_kind: Int[np.ndarray, "rows event"]
    event_dose: Int[np.ndarray, "rows event"]
    dose_input: Int[np.ndarray, " dose"]
    dose_state: Int[np.ndarray, " dose"]
    dose_time: Float[np.ndarray, "rows dose"]
    dose_end: Float[np.ndarray, "rows dose"]
    amounts: Float[np.ndarray, "patient dose"]
    set_values: Float[np.ndarray, "patients mark state"]
    set_added: Bool[np.ndarray, "patients mark"]
    atol: Float[np.ndarray, "patient state"]


def plan(problem: Problem, atol_factor: float) -> Plan:
    """The events of a problem's schedule in order of time; atol_factor: absolute tolerance by rtol and scale."""
    symbolic, schedule, settings = problem.symbolic, problem.schedule, problem.settings
    landing = [int(entry.species) for entry in symbolic.administrations.values()]
    inputs = sorted(set(landing))
    state = np.array([landing[place] for place in schedule.administration], dtype=np.int64)
    column = np.array([inputs.index(index) for index in state], dtype=np.int64)
    times, durations = np.atleast_2d(schedule.times), np.atleast_2d(schedule.durations)
    begin, end = snapped(times, problem), snapped(times + durations, problem)
    begin, end = np.broadcast_arrays(begin, end)
    values, added = np.zeros((1, 0, problem.initial.shape[1])), np.zeros((1, 0), dtype=bool)
    marks = np.zeros((1, 0))
    if settings is not None and schedule.marks is not None:
        values, added = settings.values, settings.added
        marks = snapped(schedule.marks.times, problem)
    event_time, event_kind, event_dose = _events(begin, end, marks)
    return Plan(
        event_time,
        event_kind,
        event_dose,
        column,
        state,
        np.ascontiguousarray(begin),
        np.ascontiguousarray(end),
        np.ascontiguousarray(schedule.amounts),
        np.ascontiguousarray(values),
        np.ascontiguousarray(added),
        problem.rtol * atol_factor * _scale(problem, state),
    )


def _events(
    begin: Float[np.ndarray, "rows dose"], end: Float[np.ndarray, "rows dose"], marks: Float[np.ndarray, "more mark"]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Time, kind and number of dose or mark of every event, each row in order of time."""
    rows, doses = max(len(begin), len(marks)) if len(begin) else 0, begin.shape[1]
    begin, end = (np.broadcast_to(array, (rows, doses)) for array in (begin, end))
    marks = np.broadcast_to(marks, (rows, marks.shape[1]))
    infused = end > begin  # an infusion shorter than the time can tell is a bolus: its amount arrives all the same
    number = np.broadcast_to(np.arange(doses), (rows, doses))
    time = [marks, begin]
    kind = [np.full(marks.shape, SET_STATE), np.where(infused, INFUSION_START, BOLUS)]
    which = [np.broadcast_to(np.arange(marks.shape[1]), marks.shape), number]
    some = infused.any(axis=0)
    time.append(np.where(infused, end, np.inf)[:, some])
    kind.append(np.full((rows, int(some.sum())), INFUSION_END))
    which.append(number[:, some])
    joined = [np.concatenate(part, axis=1) for part in (time, kind, which)]
    order = np.lexsort((joined[2], joined[1], joined[0]), axis=1)
    times, kinds, numbers = (np.take_along_axis(array, order, axis=1) for array in joined)
    return times, kinds.astype(np.int64), numbers.astype(np.int64)


def _scale(problem: Problem, dose_state: np.ndarray) -> Float[np.ndarray, "patient state"]:
    """Each state's size: the model's own, or the patient's largest dose into it where that is larger."""
    scale = np.tile(problem.symbolic.absolute_scale, (len(problem.initial), 1))
    for dose, state in enumerate(dose_state):
        np.maximum(scale[:, state], problem.schedule.amounts[:, dose], out=scale[:, state])
    if problem.settings is not None:  # a steady state is no smaller than what leads to it
        np.fmax(scale, np.abs(problem.settings.values).max(axis=1, initial=0.0, where=_known(problem)), out=scale)
    return scale


def _known(problem: Problem) -> np.ndarray:
    assert problem.settings is not None
    return ~np.isnan(problem.settings.values)


def snapped(moments: Float[np.ndarray, "rows moment"], problem: Problem) -> Float[np.ndarray, "some moment"]:
    """Moments within a tenth of a millisecond of an output time or the start count as that time exactly."""
    times, start = problem.times, problem.start
    if not moments.shape[1]:
        return moments
    together = len(start) == 0 or bool(np.all(start == start[0]))
    if len(times) == 1 and together:
        return nearest(moments, np.unique(np.append(times[0], start[:1])))
    made = np.broadcast_to(moments, (len(start), moments.shape[1]))
    if len(times) == 1:
        made = nearest(made, times[0])
    elif made.shape[1] * times.shape[1] > MOST_PAIRS:
        made = np.stack([nearest(row, points) for row, points in zip(made, times, strict=True)])
    else:
        made = _nearest_of_own(made, times)
    return np.where(np.abs(made - start[:, None]) < SAME, start[:, None], made)


def nearest(moments: np.ndarray, fixed: np.ndarray) -> np.ndarray:
    """Moments, on one of the fixed (increasing) ones where they are the same but for rounding."""
    right = np.clip(np.searchsorted(fixed, moments), 0, len(fixed) - 1)
    left = np.maximum(right - 1, 0)
    with np.errstate(invalid="ignore"):
        close = np.where(np.abs(fixed[left] - moments) <= np.abs(fixed[right] - moments), fixed[left], fixed[right])
        return np.where(np.abs(close - moments) < SAME, close, moments)


def _nearest_of_own(moments: np.ndarray, times: np.ndarray) -> np.ndarray:
    """The same for every row with its own times: few of each, so that all pairs are looked at, block by block."""
    made = np.array(moments)
    rows = max(1, 4_000_000 // (moments.shape[1] * times.shape[1]))
    for first in range(0, len(made), rows):
        block = slice(first, first + rows)
        with np.errstate(invalid="ignore"):
            apart = np.abs(moments[block, :, None] - times[block, None, :])
        apart = np.where(np.isnan(apart), np.inf, apart)  # what is not there from what is not there
        close = np.take_along_axis(times[block], apart.argmin(axis=2), axis=1)
        made[block] = np.where(apart.min(axis=2) < SAME, close, moments[block])
    return made
