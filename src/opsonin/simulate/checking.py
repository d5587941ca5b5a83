"""What `simulate` is given, checked and brought into the shapes of the solvers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from opsonin.errors import SimulationError
from opsonin.model.derived import completed
from opsonin.simulate.inputs import InputSeries, checked_inputs
from opsonin.simulate.schedule import Schedule

if TYPE_CHECKING:
    from opsonin.simulate.ensemble import Problem

HAIR = 1e-9  # days followed past the last time where it is looked at after its doses


METHODS = ("auto", "explicit", "rosenbrock", "reference")


def check_method(method: str) -> None:
    """Raises: SimulationError for a method that there is not."""
    if method not in METHODS:
        raise SimulationError(f"method {method!r} is none of {', '.join(map(repr, METHODS))}.")


def check_rtol(rtol: float) -> None:
    """Raises: SimulationError for a relative tolerance that no solver holds."""
    if not 1e-13 < rtol < 1:
        raise SimulationError(f"rtol is {rtol}; give a relative tolerance between 1e-13 and 1.")


def checked(
    model: Any,
    constants: np.ndarray,
    schedule: Schedule,
    times: np.ndarray,
    after: np.ndarray | None,
    thresholds: np.ndarray | None,
    start: Any,
    initial_state: np.ndarray | None,
    rtol: float,
    inputs: Sequence[InputSeries],
) -> Problem:
    """The problem that arguments of `simulate` pose. Raises: SimulationError saying which do not fit."""
    from opsonin.simulate.ensemble import Problem

    symbolic = model.symbolic
    constants = _numbers("constants", constants)
    if constants.ndim != 2:
        raise SimulationError(f"constants have shape {constants.shape}; give (patient, constant), one row a patient.")
    constants = completed(symbolic, constants)
    if constants.shape[1] != len(symbolic.constants):
        raise SimulationError(
            f"constants have {constants.shape[1]} columns, the model has {len(symbolic.constants)} constants; "
            "give them in the order of model.symbolic.constants."
        )
    patients = len(constants)
    _check_schedule(symbolic, schedule, patients)
    wanted, late = _times(_numbers("times", times), after, patients)
    check_rtol(rtol)
    begin, end = _span(schedule, wanted, late, start, initial_state is None, patients)
    given = None if initial_state is None else _numbers("initial_state", initial_state)
    first_state = model.initial_state(constants) if given is None else given
    if first_state.shape != (patients, len(symbolic.states)):
        raise SimulationError(
            f"initial_state has shape {first_state.shape}; expected ({patients}, {len(symbolic.states)})."
        )
    return Problem(
        symbolic,
        constants,
        np.ascontiguousarray(first_state),
        schedule,
        None,
        begin,
        end,
        wanted,
        late,
        _limits(symbolic, thresholds, patients),
        float(rtol),
        checked_inputs(symbolic, inputs, patients),
    )


def _numbers(what: str, given: Any) -> np.ndarray:
    """An array of floats. Raises: SimulationError for what cannot be read as one."""
    try:
        return np.ascontiguousarray(given, float)
    except (TypeError, ValueError):
        raise SimulationError(f"{what} are no array of numbers; give rows of one length, of numbers alone.") from None


def _check_schedule(symbolic: Any, schedule: Schedule, patients: int) -> None:
    if schedule.patients != patients:
        raise SimulationError(f"the schedule is for {schedule.patients} patients, constants for {patients}.")
    places = schedule.administration
    if len(places) and places.max() >= len(symbolic.administrations):
        raise SimulationError(
            "the schedule names an administration that this model does not have; build it with this model."
        )


def _times(times: np.ndarray, after: np.ndarray | None, patients: int) -> tuple[np.ndarray, np.ndarray | None]:
    """Times wanted, one row for all patients or one for each, and which are looked at after their doses."""
    if times.ndim not in (1, 2) or (times.ndim == 2 and len(times) != patients):
        raise SimulationError(f"times have shape {times.shape}; give (T,), or ({patients}, T), one row a patient.")
    wanted = np.ascontiguousarray(np.atleast_2d(times), float)
    late = None if after is None else np.ascontiguousarray(np.atleast_2d(after), bool)
    if late is not None and late.shape != wanted.shape:
        raise SimulationError(f"after has {late.size} entries, times have shape {times.shape}; give one for each time.")
    if not wanted.shape[1]:
        raise SimulationError("times must be finite, increasing days, at least one.")
    padded = np.isposinf(wanted) if times.ndim == 2 else np.zeros(wanted.shape, dtype=bool)
    rises = wanted[:, 1:] > wanted[:, :-1]
    if late is not None:  # a moment may be looked at twice: before its doses, then after them
        rises |= (wanted[:, 1:] == wanted[:, :-1]) & late[:, 1:] & ~late[:, :-1]
    wrong = ~np.isfinite(wanted) & ~padded
    wrong[:, 1:] |= ~(rises | padded[:, 1:])
    wrong[:, 0] |= padded[:, 0]
    if wrong.any():
        whose = f" (patient row {int(np.argwhere(wrong)[0, 0])})" if times.ndim == 2 else ""
        raise SimulationError(f"times must be finite, increasing days, at least one{whose}.")
    return wanted, late


def _span(
    schedule: Schedule, wanted: np.ndarray, late: np.ndarray | None, start: Any, from_the_model: bool, patients: int
) -> tuple[np.ndarray, np.ndarray]:
    """The day on which each patient begins and ends. Raises: SimulationError for doses and times before the start."""
    first_dose = np.where(schedule.amounts != 0, schedule.times, np.inf).min(axis=1, initial=np.inf)
    if schedule.marks is not None:
        first_dose = np.minimum(first_dose, schedule.marks.times.min(axis=1, initial=np.inf))
    first_time = np.broadcast_to(wanted[:, 0], (patients,))
    if start is None:
        begin = np.full(patients, min(first_dose.min(initial=np.inf), first_time.min(initial=np.inf)))
    else:
        try:
            begin = np.array(np.broadcast_to(np.asarray(start, float), (patients,)))
        except ValueError:
            raise SimulationError(f"start has shape {np.shape(start)}; give one day, or one a patient.") from None
        if not np.isfinite(begin).all():
            raise SimulationError(f"start is {begin[~np.isfinite(begin)][0]}; give a day.")
    early = np.flatnonzero(first_time < begin)
    if len(early):
        row = early[0]
        raise SimulationError(
            f"the first time wanted, day {first_time[row]:g}, is before the start, day {begin[row]:g}."
        )
    early = np.flatnonzero(first_dose < begin)
    if from_the_model and len(early):
        row = early[0]
        raise SimulationError(
            f"a dose at day {first_dose[row]:g} is before the start, day {begin[row]:g}; start earlier, or give the "
            "initial_state that the doses so far have led to."
        )
    last = np.where(np.isfinite(wanted), wanted, -np.inf)
    end = last.max(axis=1)
    if late is not None:
        end = np.where(((last == end[:, None]) & late).any(axis=1), end + HAIR, end)
    return begin, np.array(np.broadcast_to(end, (patients,)))


def _limits(symbolic: Any, thresholds: np.ndarray | None, patients: int) -> np.ndarray:
    count = len(symbolic.thresholds)
    limits = np.full((patients, count), np.inf) if thresholds is None else _numbers("thresholds", thresholds)
    if limits.shape != (patients, count):
        raise SimulationError(
            f"thresholds have shape {limits.shape}; expected ({patients}, {count}), one for each of "
            "model.symbolic.thresholds."
        )
    if np.isnan(limits).any():
        row = int(np.argwhere(np.isnan(limits))[0, 0])
        raise SimulationError(f"thresholds of patient row {row} hold nan; give inf for what is never crossed.")
    return limits
