"""Many patients at once: each alone with their own steps, in blocks over threads."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from opsonin.errors import ModelError
from opsonin.model.lanes import LANES
from opsonin.simulate.compiled import Solver, ready, watched_states
from opsonin.simulate.schedule import Schedule

BLOCK = 64  # patients a thread takes at a time at most: even load, smooth progress, few idle lanes at the end
MAX_STEPS = 200_000
ATOL_FACTOR = 1e-3  # absolute tolerance = rtol × this × the state's scale
STIFF_RATE = 2.0  # 1/day; see `choose`
REASONS = {
    1: "the step became too small: the equations are too stiff or singular here",
    2: "a state or its rate is no longer a finite number",
    3: f"more than {MAX_STEPS} steps",
    4: "the state to start from is not finite",
}
_compiling = threading.Lock()


class Problem(NamedTuple):
    """What all patients of a call share and each patient's own rows, checked."""

    symbolic: Any
    constants: Float[np.ndarray, "patient constant"]
    initial: Float[np.ndarray, "patient state"]
    schedule: Schedule
    start: float
    times: Float[np.ndarray, " time"]
    limits: Float[np.ndarray, "patient threshold"]
    rtol: float


class Arrays(NamedTuple):
    """What is filled in, one row a patient."""

    states: np.ndarray
    crossings: np.ndarray
    final: np.ndarray
    status: np.ndarray
    day: np.ndarray
    steps: np.ndarray


def empty_arrays(problem: Problem) -> Arrays:
    """Arrays for the answers of a problem."""
    patients, states = problem.initial.shape
    return Arrays(
        np.empty((patients, len(problem.times), states)),
        np.empty(problem.limits.shape),
        np.empty((patients, states)),
        np.zeros(patients, dtype=np.int64),
        np.empty(patients),
        np.zeros((patients, 2), dtype=np.int64),
    )


def choose(model: Any, problem: Problem) -> list[str]:
    """ "explicit" or "rosenbrock" for each patient, by the fastest rate of their own equations.

    The rate is what a power iteration with the Jacobian comes to at the model's own initial state and time 0, so that
    every segment of a patient is integrated alike. An explicit method may step about 3.3 / rate at most; the
    Rosenbrock method steps as accuracy allows, often days, at about twice the cost a step. So the explicit pair pays
    only where nothing in the model is faster than about STIFF_RATE. Where the model cannot start: "rosenbrock".
    """
    patients = len(problem.initial)
    rate = np.full(patients, np.inf)
    try:
        initial = model.initial_state(problem.constants)
    except ModelError:
        return ["rosenbrock"] * patients
    start = np.ascontiguousarray(initial)
    with _one_compiler():
        ready(
            problem.symbolic,
            "rosenbrock",
            lambda solver: solver.driver.fastest(0, patients, *solver.model, problem.constants, start, 0.0, rate),
        )
    return ["explicit" if value < STIFF_RATE else "rosenbrock" for value in rate]


def integrate(
    problem: Problem,
    methods: list[str],
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Arrays:
    """Integrate every patient with their method; rows do not depend on threads, blocks or each other.

    progress(done, total) is called from the calling thread, which stays interruptible: on an exception (Ctrl-C too)
    the blocks not yet begun are dropped and the running ones, milliseconds each, are waited for.
    """
    arrays = empty_arrays(problem)
    total = len(problem.initial)
    allowed = max(1, available_threads() if threads is None else threads)
    size = min(BLOCK, LANES * max(1, -(-total // (4 * LANES * allowed))))
    shared = _shared(problem)
    jobs = []
    for method in sorted(set(methods)):
        chosen = np.flatnonzero(np.array([name == method for name in methods]))
        with _one_compiler():  # compiles, or reads the compiled code, once and before any thread needs it
            solver = ready(problem.symbolic, method, lambda s: _runner(s, problem, shared, arrays)(0, 0))
        run = _runner(solver, problem, shared, arrays)
        jobs += [(run, first, last) for first, last in _blocks(chosen, size)]
    workers = max(1, min(len(jobs), allowed))
    if progress is not None:
        progress(0, total)
    done = 0
    with ThreadPoolExecutor(workers) as pool:
        waiting = {pool.submit(run, first, last): last - first for run, first, last in jobs}
        try:
            while waiting:
                finished, _ = wait(waiting, timeout=0.5, return_when=FIRST_COMPLETED)
                for future in finished:
                    future.result()
                    done += waiting.pop(future)
                if progress is not None and finished:
                    progress(done, total)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return arrays


@contextmanager
def _one_compiler() -> Iterator[None]:
    """One thread compiles at a time, without the collector of circular garbage, which takes a seventh of the time."""
    with _compiling:
        collecting = gc.isenabled()
        gc.disable()
        try:
            yield
        finally:
            if collecting:
                gc.enable()


def available_threads() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _blocks(rows: np.ndarray, size: int) -> list[tuple[int, int]]:
    """Runs of consecutive rows, at most `size` long: (first, last + 1)."""
    runs = np.split(rows, np.flatnonzero(np.diff(rows) != 1) + 1) if len(rows) else []
    return [(int(run[i]), int(run[min(i + size, len(run)) - 1]) + 1) for run in runs for i in range(0, len(run), size)]


def _runner(solver: Solver, problem: Problem, shared: tuple[Any, ...], arrays: Arrays) -> Callable[[int, int], None]:
    events, (dose_input, dose_state, *doses), atol = shared
    patients = len(problem.initial)
    start, end = np.full(patients, problem.start), np.full(patients, float(problem.times[-1]))
    rows, watched = solver.rows, watched_states(problem.symbolic)

    def run(first: int, last: int) -> None:
        solver.driver.run_block(
            first, last, *solver.model, problem.constants, problem.initial, start, end, problem.times[None, :],
            *events, dose_input, rows[dose_state], *doses, rows[watched], problem.limits, problem.rtol, atol, MAX_STEPS,
            *arrays,
        )  # fmt: skip

    return run


def _shared(problem: Problem) -> tuple[Any, ...]:
    """Events in order of time, where doses land, and tolerances, as the driver takes them."""
    symbolic, schedule = problem.symbolic, problem.schedule
    landing = [int(entry.species) for entry in symbolic.administrations.values()]
    inputs = sorted(set(landing))
    state = np.array([landing[place] for place in schedule.administration], dtype=np.int64)
    column = np.array([inputs.index(index) for index in state], dtype=np.int64)
    begin = _snapped(schedule.times, problem)
    end = _snapped(schedule.times + schedule.durations, problem)
    infused = end > begin  # an infusion shorter than the time can tell is a bolus: its amount arrives all the same
    doses = np.arange(len(begin))
    time = np.concatenate([begin, end[infused]])
    kind = np.concatenate([np.where(infused, 1, 0), np.full(int(infused.sum()), 2)]).astype(np.int64)
    which = np.concatenate([doses, doses[infused]]).astype(np.int64)
    order = np.lexsort((which, kind, time))
    events = (time[order][None, :], kind[order][None, :], which[order][None, :])
    atol = problem.rtol * ATOL_FACTOR * _scale(problem, state)
    return events, (column, state, begin[None, :], end[None, :], schedule.amounts), atol


def _scale(problem: Problem, dose_state: np.ndarray) -> Float[np.ndarray, "patient state"]:
    """Each state's size: the model's own, or the patient's largest dose into it where that is larger."""
    scale = np.tile(problem.symbolic.absolute_scale, (len(problem.initial), 1))
    for dose, state in enumerate(dose_state):
        np.maximum(scale[:, state], problem.schedule.amounts[:, dose], out=scale[:, state])
    return scale


def _snapped(moments: np.ndarray, problem: Problem) -> np.ndarray:
    """Moments within a tenth of a millisecond of an output time or the start count as that time exactly."""
    fixed = np.unique(np.append(problem.times, problem.start))
    right = np.clip(np.searchsorted(fixed, moments), 0, len(fixed) - 1)
    left = np.maximum(right - 1, 0)
    nearest = np.where(np.abs(fixed[left] - moments) <= np.abs(fixed[right] - moments), fixed[left], fixed[right])
    return np.where(np.abs(nearest - moments) < 1e-9, nearest, moments)


def failed_mask(arrays: Arrays) -> Bool[np.ndarray, " patient"]:
    """Patients whose integration stopped."""
    return arrays.status != 0
