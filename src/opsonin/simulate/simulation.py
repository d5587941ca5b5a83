"""`simulate`: patients, their constants and their doses in, trajectories and times of events out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float

from opsonin.simulate.checking import check_method, checked
from opsonin.simulate.inputs import InputSeries
from opsonin.simulate.schedule import Schedule
from opsonin.simulate.trajectories import Failure, Trajectories

if TYPE_CHECKING:
    from opsonin.model.linear_part import Modes
    from opsonin.simulate.ensemble import Arrays, Problem

NO_STEADY_STATE = 9  # a status beside those of the driver and of events
INNER_RTOL = 1e-2  # of one interval on the way to a steady state, relative to the run's: errors add up over intervals


def simulate(
    model: Any,
    constants: Float[np.ndarray, "patient constant"],
    schedule: Schedule,
    times: Float[np.ndarray, "... time"],
    *,
    after: Bool[np.ndarray, "... time"] | None = None,
    thresholds: Float[np.ndarray, "patient threshold"] | None = None,
    start: float | int | Float[np.ndarray, " patient"] | None = None,
    initial_state: Float[np.ndarray, "patient state"] | None = None,
    method: str = "auto",
    rtol: float = 1e-5,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    inputs: Sequence[InputSeries] = (),
    modes: Modes | None = None,
) -> Trajectories:
    """Integrate every patient alone, from `start` to the last of `times`.

    constants: in the order of model.symbolic.constants.   times: increasing days at which states are wanted, (T,) or,
    for each patient, (n, T) padded with inf.   after: which of them, of the same shape, are looked at after the doses,
    resets and steady states of their moment; before them where None.
    thresholds: cumulative hazard at which each of model.symbolic.thresholds is crossed (an exponential draw divided by
    its share; inf: never, or already crossed in an earlier segment).
    start: day to begin, one or (n,); where None the first of all doses and times.   initial_state: to go on from, else
    the model's. Each patient is followed to their own last time.
    A dose exactly at `start` is given; one at the last time is left to the segment that begins there. Doses before
    `start` belong to earlier segments (an infusion that still runs goes on), so they need an initial_state.
    method: "rosenbrock" (for stiff and ordinary models), "explicit" (order 5, for slow ones), "auto" (begins each
    patient by their fastest rate, and again with "rosenbrock" where that turns out necessary on the way), "reference"
    (SciPy's LSODA, uncompiled, slow). The compiled ones advance a linear part of the model exactly.
    rtol: relative tolerance of every state in every step; absolute tolerance is rtol / 1000 of the state's scale.
    A step that takes an amount below nought by more than its absolute tolerance is repeated with a smaller one; a
    smaller undershoot becomes nought, so that no step makes more than the absolute tolerance out of nothing.
    threads: default all cores available. Results are the same, byte for byte, for any number.
    progress: called as progress(patients done, patients).
    inputs: series of the model's inputs; an input without one has its default.
    modes: `exact_modes(model.symbolic, constants)`, for who simulates the same patients segment after segment.
    Raises: SimulationError for arrays that do not fit. A patient whose integration stops is in `failures`.
    """
    from opsonin.simulate import ensemble

    check_method(method)
    problem = checked(model, constants, schedule, times, after, thresholds, start, initial_state, rtol, inputs)
    problem, unsettled = _at_marks(model, problem, method, threads)
    reasons: dict[int, str] = {}
    patients = len(constants)
    if method == "reference":
        from opsonin.simulate.uncompiled import integrate_reference

        methods = [method] * patients
        arrays, reasons = integrate_reference(model, problem, progress)
    else:
        methods = ensemble.choose(model, problem, threads) if method == "auto" else [str(method)] * patients
        arrays = ensemble.integrate(problem, methods, threads, progress, method == "auto", modes)
    for row, (why, day) in unsettled.items():
        arrays.status[row], arrays.day[row], reasons[row] = NO_STEADY_STATE, day, why
        arrays.states[row] = arrays.final[row] = arrays.crossings[row] = np.nan
    return _trajectories(problem, times, arrays, methods, reasons)


def _at_marks(
    model: Any, problem: Problem, method: str, threads: int | None
) -> tuple[Problem, dict[int, tuple[str, float]]]:
    """The problem with what states become at its marks, and the patients for whom there is no steady state."""
    marks = problem.schedule.marks
    if marks is None:
        return problem, {}
    from opsonin.simulate.steady_dosing import settings

    marks = marks.kept((marks.times >= problem.start[:, None]) & (marks.times < problem.end[:, None]))
    inner = max(1e-12, INNER_RTOL * problem.rtol)

    def advance(
        model: Any, constants: np.ndarray, initial: np.ndarray, schedule: Schedule, start: np.ndarray, end: np.ndarray
    ) -> np.ndarray:
        return simulate(
            model, constants, schedule, end[:, None], start=start, initial_state=initial, method=method, rtol=inner,
            threads=threads,
        ).final_state  # fmt: skip

    found = settings(model, problem.constants, marks, problem.rtol, advance)
    return problem._replace(schedule=replace(problem.schedule, marks=marks), settings=found), found.failures


def _trajectories(
    problem: Problem, times: np.ndarray, arrays: Arrays, methods: list[str], reasons: dict[int, str]
) -> Trajectories:
    from opsonin.simulate.happenings import reason

    failures = [
        Failure(int(row), reasons.get(int(row)) or reason(problem, arrays, int(row)), float(arrays.day[row]))
        for row in np.flatnonzero(arrays.status)
    ]
    together = bool(np.all(problem.end == problem.end[:1]))
    return Trajectories(
        times=np.ascontiguousarray(times, float),
        states=arrays.states,
        crossings=arrays.crossings,
        final_state=arrays.final,
        final_time=float(problem.end[0]) if together and len(problem.end) else problem.end,
        failures=failures,
        steps=arrays.steps,
        methods=methods,
        names=tuple(problem.symbolic.states),
        event_names=tuple(event.name for event in problem.symbolic.events),
        event_days=arrays.days[:, :, 0],
        event_counts=arrays.happened,
    )
