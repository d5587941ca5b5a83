"""`simulate`: patients, their constants and their doses in, trajectories and times of events out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from opsonin.errors import SimulationError
from opsonin.simulate.schedule import Schedule
from opsonin.simulate.trajectories import Failure, Trajectories

if TYPE_CHECKING:
    from opsonin.simulate.ensemble import Arrays, Problem


def simulate(
    model: Any,
    constants: Float[np.ndarray, "patient constant"],
    schedule: Schedule,
    times: Float[np.ndarray, " time"],
    *,
    thresholds: Float[np.ndarray, "patient threshold"] | None = None,
    start: float | int | None = None,
    initial_state: Float[np.ndarray, "patient state"] | None = None,
    method: str = "auto",
    rtol: float = 1e-5,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Trajectories:
    """Integrate every patient alone, from `start` to the last of `times`.

    constants: in the order of model.symbolic.constants.   times: increasing days at which states are wanted.
    thresholds: cumulative hazard at which each of model.symbolic.thresholds is crossed (an exponential draw divided by
    its share; inf: never, or already crossed in an earlier segment).
    start: day to begin; where None the first of the doses and times.   initial_state: to go on from, else the model's.
    A dose exactly at `start` is given; one at the last time is left to the segment that begins there. Doses before
    `start` belong to earlier segments (an infusion that still runs goes on), so they need an initial_state.
    method: "rosenbrock" (order 5, for stiff and ordinary models), "explicit" (order 5, for slow ones), "auto" (for each
    patient by their fastest rate, see ensemble.choose), "reference" (SciPy, uncompiled, slow).
    rtol: relative tolerance of every state in every step; absolute tolerance is rtol / 1000 of the state's scale.
    A step that takes an amount below nought by more than its absolute tolerance is repeated with a smaller one; a
    smaller undershoot becomes nought, so that no step makes more than the absolute tolerance out of nothing.
    threads: default all cores available. Results are the same, byte for byte, for any number.
    progress: called as progress(patients done, patients).
    Raises: SimulationError for arrays that do not fit. A patient whose integration stops is in `failures`.
    """
    from opsonin.simulate import ensemble

    problem = _checked(model, constants, schedule, times, thresholds, start, initial_state, rtol)
    reasons: dict[int, str] = {}
    patients = len(constants)
    if method == "reference":
        from opsonin.simulate.uncompiled import integrate_reference

        methods = [method] * patients
        arrays, reasons = integrate_reference(model, problem, progress)
    elif method in ("auto", "explicit", "rosenbrock"):
        methods = ensemble.choose(model, problem) if method == "auto" else [str(method)] * patients
        arrays = ensemble.integrate(problem, methods, threads, progress)
    else:
        raise SimulationError(f"method {method!r} is none of 'auto', 'explicit', 'rosenbrock', 'reference'.")
    return _trajectories(problem, arrays, methods, reasons)


def _trajectories(problem: Problem, arrays: Arrays, methods: list[str], reasons: dict[int, str]) -> Trajectories:
    from opsonin.simulate.ensemble import REASONS

    failures = [
        Failure(int(row), reasons.get(int(row), REASONS[int(arrays.status[row])]), float(arrays.day[row]))
        for row in np.flatnonzero(arrays.status)
    ]
    return Trajectories(
        times=problem.times,
        states=arrays.states,
        crossings=arrays.crossings,
        final_state=arrays.final,
        final_time=float(problem.times[-1]),
        failures=failures,
        steps=arrays.steps,
        methods=methods,
        names=tuple(problem.symbolic.states),
    )


def _checked(
    model: Any,
    constants: np.ndarray,
    schedule: Schedule,
    times: np.ndarray,
    thresholds: np.ndarray | None,
    start: float | int | None,
    initial_state: np.ndarray | None,
    rtol: float,
) -> Problem:
    from opsonin.simulate.ensemble import Problem

    symbolic = model.symbolic
    patients = len(constants)
    if constants.shape[1] != len(symbolic.constants):
        raise SimulationError(
            f"constants have {constants.shape[1]} columns, the model has {len(symbolic.constants)} constants; "
            "give them in the order of model.symbolic.constants."
        )
    if schedule.patients != patients:
        raise SimulationError(f"the schedule is for {schedule.patients} patients, constants for {patients}.")
    if len(schedule.administration) and schedule.administration.max() >= len(symbolic.administrations):
        raise SimulationError(
            "the schedule names an administration that this model does not have; build it with this model."
        )
    if not len(times) or not np.isfinite(times).all() or np.any(np.diff(times) <= 0):
        raise SimulationError("times must be finite, increasing days, at least one.")
    if not 1e-13 < rtol < 1:
        raise SimulationError(f"rtol is {rtol}; give a relative tolerance between 1e-13 and 1.")
    given = (schedule.amounts != 0).any(axis=0)
    first_dose = schedule.times[given].min() if given.any() else np.inf
    begin = float(min(times[0], first_dose) if start is None else start)
    if not np.isfinite(begin):
        raise SimulationError(f"start is {begin}; give a day.")
    if times[0] < begin:
        raise SimulationError(f"the first time wanted, day {times[0]:g}, is before the start, day {begin:g}.")
    if initial_state is None and first_dose < begin:
        raise SimulationError(
            f"a dose at day {first_dose:g} is before the start, day {begin:g}; start earlier, or give the "
            "initial_state that the doses so far have led to."
        )
    first_state = model.initial_state(constants) if initial_state is None else initial_state
    if first_state.shape != (patients, len(symbolic.states)):
        raise SimulationError(
            f"initial_state has shape {first_state.shape}; expected ({patients}, {len(symbolic.states)})."
        )
    count = len(symbolic.thresholds)
    limits = np.full((patients, count), np.inf) if thresholds is None else thresholds
    if limits.shape != (patients, count):
        raise SimulationError(
            f"thresholds have shape {limits.shape}; expected ({patients}, {count}), one for each of "
            "model.symbolic.thresholds."
        )
    if np.isnan(limits).any():
        row = int(np.argwhere(np.isnan(limits))[0, 0])
        raise SimulationError(f"thresholds of patient row {row} hold nan; give inf for what is never crossed.")
    return Problem(
        symbolic,
        np.ascontiguousarray(constants, float),
        np.ascontiguousarray(first_state, float),
        schedule,
        begin,
        np.ascontiguousarray(times, float),
        np.ascontiguousarray(limits, float),
        float(rtol),
    )
