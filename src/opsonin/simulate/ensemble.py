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
from opsonin.model.linear_part import Modes
from opsonin.simulate import driver_code
from opsonin.simulate.compiled import Solver, solver, watched_states
from opsonin.simulate.driver_plan import Plan, plan
from opsonin.simulate.exact_modes import exact_modes, with_exact
from opsonin.simulate.happenings import EVENT_REASONS, event_tables, input_pieces
from opsonin.simulate.inputs import InputSeries
from opsonin.simulate.schedule import Schedule
from opsonin.simulate.steady_dosing import Settings

BLOCK = 64  # patients a thread takes at a time at most: even load, smooth progress, few idle lanes at the end
MEASURED = 1024  # patients a thread takes at a time to choose their methods
MAX_STEPS = 200_000
ATOL_FACTOR = 1e-3  # absolute tolerance = rtol × this × the state's scale
STIFF_RATE = 2.0  # 1/day; see `choose`
REASONS = {
    1: "the step became too small: a rate is singular here, or goes on taking from a species of which nothing is left; "
    "look at the laws that divide, and at those that take an amount whatever is there",
    2: "a state or its rate is no longer a finite number; look at the laws that divide or grow without bound, and at "
    "the amounts of doses",
    3: f"more than {MAX_STEPS} steps: the equations are too stiff for the explicit method (use 'auto'), or a rate goes "
    "on taking from a species of which nothing is left",
    4: "the state to start from is not finite",
    9: "the explicit method turned out not to suit it; use 'auto' or 'rosenbrock'",
    **EVENT_REASONS,
}
TURNED_STIFF = 9  # the driver's status of a patient whose explicit steps were short for stability alone
_compiling = threading.Lock()


class Problem(NamedTuple):
    """What all patients of a call share and each patient's own rows, checked.

    times: one row for all patients or one for each, padded with inf.   after: which of them are looked at after the
    doses of their moment.   settings: what states become at the schedule's marks.
    """

    symbolic: Any
    constants: Float[np.ndarray, "patient constant"]
    initial: Float[np.ndarray, "patient state"]
    schedule: Schedule
    settings: Settings | None
    start: Float[np.ndarray, " patient"]
    end: Float[np.ndarray, " patient"]
    times: Float[np.ndarray, "rows time"]
    after: Bool[np.ndarray, "rows time"] | None
    limits: Float[np.ndarray, "patient threshold"]
    rtol: float
    inputs: tuple[InputSeries, ...] = ()


class Arrays(NamedTuple):
    """What is filled in, one row a patient.

    happened: how often each event of the model did.   days: the first and the last day it did.
    fault: which event, or which of its new values, stopped the patient.
    """

    states: np.ndarray
    crossings: np.ndarray
    final: np.ndarray
    status: np.ndarray
    day: np.ndarray
    steps: np.ndarray
    happened: np.ndarray
    days: np.ndarray
    fault: np.ndarray


def empty_arrays(problem: Problem) -> Arrays:
    """Arrays for the answers of a problem."""
    patients, states = problem.initial.shape
    events = len(problem.symbolic.events)
    return Arrays(
        np.empty((patients, problem.times.shape[1], states)),
        np.empty(problem.limits.shape),
        np.empty((patients, states)),
        np.zeros(patients, dtype=np.int64),
        np.empty(patients),
        np.zeros((patients, 2), dtype=np.int64),
        np.zeros((patients, events), dtype=np.int64),
        np.tile([np.inf, -np.inf], (patients, events, 1)),
        np.zeros((patients, 1), dtype=np.int64),
    )


def choose(model: Any, problem: Problem, threads: int | None = None) -> list[str]:
    """ "explicit" or "rosenbrock" for each patient, by the fastest rate of their own equations.

    The rate is what a power iteration with the Jacobian comes to at the model's own initial state and time 0, so that
    every segment of a patient is integrated alike. An explicit method may step about 3.3 / rate at most; the
    Rosenbrock method steps as accuracy allows, often days, at about twice the cost a step. So the explicit pair pays
    only where nothing in the model is faster than about STIFF_RATE; who becomes faster on the way changes (`turns`).
    Where the model cannot start: "rosenbrock".
    """
    patients = len(problem.initial)
    rate = np.full(patients, np.inf)
    try:
        initial = model.initial_state(problem.constants)
    except ModelError:
        return ["rosenbrock"] * patients
    start = np.ascontiguousarray(initial)
    given = np.array([each.default for each in problem.symbolic.inputs], dtype=float)

    with _one_compiler():
        model = solver(problem.symbolic, "rosenbrock").model
        measure = driver_code.call("fastest", [*model, problem.constants, start, 0.0, given, rate])
    with ThreadPoolExecutor(available_threads() if threads is None else max(1, threads)) as pool:
        for done in [pool.submit(measure, *block) for block in _blocks(np.arange(patients), MEASURED)]:
            done.result()
    return ["explicit" if value < STIFF_RATE else "rosenbrock" for value in rate]


def integrate(
    problem: Problem,
    methods: list[str],
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    turns: bool = False,
    modes: Modes | None = None,
) -> Arrays:
    """Integrate every patient with their method; rows do not depend on threads, blocks or each other.

    turns: whether a patient whose equations turn out too stiff for the explicit method on the way is begun again with
    the Rosenbrock method; `methods` then says so.   modes: of the patients' linear parts, where they are known.
    progress(done, total) is called from the calling thread, which stays interruptible: on an exception (Ctrl-C too)
    the blocks not yet begun are dropped and the running ones, milliseconds each, are waited for.
    """
    arrays = empty_arrays(problem)
    total = len(problem.initial)
    shared = plan(problem, ATOL_FACTOR)
    allowed = max(1, available_threads() if threads is None else threads)
    if modes is None:
        modes = exact_modes(problem.symbolic, problem.constants, allowed)
    named = with_exact(methods, modes)
    if progress is not None:
        progress(0, total)
    work = _Work(problem, shared, arrays, modes, turns)
    _run(work, named, np.arange(total), threads, progress)
    turned = np.flatnonzero(arrays.status == TURNED_STIFF)
    if len(turned):
        for row in turned.tolist():
            methods[row] = "rosenbrock"
        _run(work, with_exact(methods, modes), turned, threads, None)
    return arrays


class _Work(NamedTuple):
    """What every block of a call works on."""

    problem: Problem
    shared: Plan
    arrays: Arrays
    modes: Modes
    turns: bool


def _run(
    work: _Work,
    methods: list[str],
    patients: np.ndarray,
    threads: int | None,
    progress: Callable[[int, int], None] | None,
) -> None:
    """Integrate some patients, in blocks over threads."""
    total = len(patients)
    allowed = max(1, available_threads() if threads is None else threads)
    size = min(BLOCK, LANES * max(1, -(-total // (4 * LANES * allowed))))
    jobs = []
    for method in sorted({methods[row] for row in patients.tolist()}):
        chosen = patients[[methods[row] == method for row in patients.tolist()]]
        with _one_compiler():  # compiles, or reads the compiled code, once and before any thread needs it
            run = _runner(solver(work.problem.symbolic, method), work)
        jobs += [(run, first, last) for first, last in _blocks(chosen, size)]
    if allowed == 1 and progress is None:  # a trial's blocks, each in a thread of its own already
        for run, first, last in jobs:
            run(first, last)
        return
    done = 0
    with ThreadPoolExecutor(max(1, min(len(jobs), allowed))) as pool:
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


def _runner(chosen: Solver, work: _Work) -> driver_code.Call:
    problem, shared = work.problem, work.shared
    exact = (work.modes.rates, work.modes.shapes, work.modes.back)
    if not chosen.exact:
        exact = tuple(mode[:, :0] for mode in exact)
    rows, watched = chosen.rows, watched_states(problem.symbolic)
    times = problem.times
    if problem.after is not None:  # the driver writes what is due at a stop before its doses; a hair later is after
        times = np.where(problem.after, np.nextafter(times, np.inf), times)
    own = (*input_pieces(problem), *event_tables(problem.symbolic, rows))

    return driver_code.call(
        "run_block",
        [
            *chosen.model, problem.constants, problem.initial, problem.start, problem.end, times,
            shared.event_time, shared.event_kind, shared.event_dose, shared.dose_input, rows[shared.dose_state],
            shared.dose_time, shared.dose_end, shared.amounts, shared.set_values, shared.set_added,
            rows[watched], problem.limits, *own, chosen.inputs, *exact, problem.rtol, shared.atol, MAX_STEPS,
            work.turns, *work.arrays,
        ],
    )  # fmt: skip


def failed_mask(arrays: Arrays) -> Bool[np.ndarray, " patient"]:
    """Patients whose integration stopped."""
    return arrays.status != 0
