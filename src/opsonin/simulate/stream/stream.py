"""`simulate_stream`: any number of patients in bounded memory, part by part, written or reduced as they come."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

import numpy as np

from opsonin.errors import SimulationError
from opsonin.simulate.stream import work
from opsonin.simulate.stream.asking import asked_of, check_place, make_job, make_writer
from opsonin.simulate.stream.folder import TOLD, Ledger, failures_of
from opsonin.simulate.stream.parts import Job, Source
from opsonin.simulate.stream.reading import Streamed
from opsonin.simulate.stream.reducers import Reducer, State

KEEP_SHARE = 0.05  # of the time may go into copies of the reducers' states on disk
MEMORY_GIB = 1.0


class StreamInterrupted(KeyboardInterrupt):
    """Ctrl-C during a stream.   done: patients whose parts are finished and kept."""

    def __init__(self, done: int, total: int):
        super().__init__(f"interrupted: {done:,} of {total:,} patients are finished")
        self.done, self.total = done, total


def simulate_stream(
    source: Source,
    patients: int,
    times: Any,
    outputs: Any,
    *,
    out: str | Path | None = None,
    storage: str | None = "parquet",
    precision: str = "single",
    reduce: Mapping[str, Reducer] | None = None,
    resume: bool = False,
    threads: int | None = None,
    workers: int | None = None,
    block: int | None = None,
    start: float | int | None = None,
    method: str = "auto",
    rtol: float = 1e-5,
    memory_gib: float = MEMORY_GIB,
    progress: Callable[[int, int], None] | None = None,
) -> Streamed:
    """Simulate patients 0 to `patients` − 1 of a source, and write or reduce what comes out, in bounded memory.

    times: increasing days.   outputs: names of states and observables.
    out: a folder for the tables; None: values are kept in memory where they fit into memory_gib, or reduced only.
    storage: "parquet", "zarr" (needs the extra `streams`) or None, so that only what is reduced is kept in `out`.
    precision: "single" or "double", of what is written; reducers see double.
    reduce: name -> reducer, such as {"mean": Mean(), "quantiles": Quantiles()}.
    resume: go on with what an earlier call of the same left in `out`.
    threads: cores, default all.   workers: processes instead, `threads` shared among them; models whose work is mostly
    Python gain by them.   block: patients simulated together, for less memory still.
    start, method, rtol: as `simulate` takes them; start: the first patient's first dose, or the first
    time, where not given.
    progress: called as progress(patients done, patients).
    Every number is the same for any threads, workers, block and however often it was interrupted; so are the files.
    Raises: SimulationError where something does not fit, or the results have no place; StreamInterrupted on Ctrl-C.
    """
    job = make_job(source, patients, times, outputs, start, method, rtol, block)
    reducers = dict(reduce or {})
    for name, one in reducers.items():
        if not isinstance(one, Reducer):
            raise SimulationError(f"reduce[{name!r}] is {one!r}, which is no reducer: it needs of, merge and result.")
    if resume and out is None:
        raise SimulationError("to resume is to go on with what is in a folder; give `out`.")
    folder = None if out is None else Path(out)
    stored = None if folder is None else storage
    check_place(job, folder, stored, precision, bool(reducers), memory_gib)
    asked = asked_of(job, stored, precision, reducers)
    writer = None if folder is None or stored is None else make_writer(job, folder, stored, precision)
    task = _Task(job, writer, tuple(reducers.values()), folder is None and not reducers)
    ledger = None if folder is None else Ledger(folder, asked, resume)
    try:
        run = _Run(job, task.reducers, ledger, progress or _silent)
        if run.todo and writer is not None:
            writer.begin(job.patients, job.part)
        cores = work_cores(threads)
        if workers is None or workers < 1:
            run.consume(lambda todo: work.by_threads(task, todo, cores, run.running))
        else:
            run.consume(lambda todo: work.by_workers(task, todo, workers, cores, run.running))
    finally:
        if ledger is not None:
            ledger.close(False)  # closed already where all went well
    reduced = {name: one.result(state) for (name, one), state in zip(reducers.items(), run.merged[1], strict=True)}
    return Streamed(
        folder,
        job.patients,
        job.times,
        job.outputs,
        tuple(asked["units"]),
        run.failures["patients"],
        tuple(run.failures["first"]),
        stored,
        job.part,
        True,
        reduced,
        run.values,
    )


def work_cores(threads: int | None) -> int:
    """Threads as asked for, or all cores."""
    from opsonin.simulate.ensemble import available_threads

    return available_threads() if threads is None else max(1, threads)


class _Receipt(NamedTuple):
    """What the calling thread is told of a part."""

    told: dict[str, Any]
    states: list[State]
    values: np.ndarray | None


@dataclass(frozen=True)
class _Task:
    """Compute, write and reduce one part; in any thread or process."""

    job: Job
    writer: Any
    reducers: tuple[Reducer, ...]
    give_values: bool

    def __call__(self, number: int, threads: int, tick: work.Tick) -> _Receipt:
        part = self.job.compute(number, threads, tick)
        files = {} if self.writer is None else self.writer.write(part)
        told = {"files": files, "failed": len(part.failures), "failures": [str(one) for one in part.failures[:TOLD]]}
        kept = part.values
        if part.failures and self.reducers:
            kept = np.delete(part.values, [one.patient - part.first for one in part.failures], axis=0)
        return _Receipt(told, [one.of(kept) for one in self.reducers], part.values if self.give_values else None)


class _Run:
    """The calling thread's side: books, merged states in the order of parts, progress."""

    def __init__(
        self,
        job: Job,
        reducers: tuple[Reducer, ...],
        ledger: Ledger | None,
        progress: Callable[[int, int], None],
    ):
        self.job, self.reducers, self.ledger, self.progress = job, reducers, ledger, progress
        # how many parts, from the first on, are merged, and what they came to: one value, so that Ctrl-C cannot part it
        self.merged: tuple[int, list[State]] = (0, []) if ledger is None or not reducers else ledger.reduced()
        if ledger and ledger.complete and reducers and self.merged[0] < job.parts:
            raise SimulationError(
                f"{ledger.folder} is complete, but what was reduced is gone from it; delete the folder or name another."
            )
        self.values = None if ledger or reducers else np.empty((job.patients, len(job.times), len(job.outputs)))
        self.failures: dict[str, Any] = {"patients": 0, "first": []}
        self.pending: dict[int, list[State]] = {}
        self.failed: dict[int, dict[str, Any]] = {}
        self.keep_next = monotonic()
        self.todo = [] if ledger and ledger.complete else [n for n in range(job.parts) if not self._finished(n)]
        self.done = job.patients - sum(b - a for a, b in map(job.bounds, self.todo))

    def _finished(self, number: int) -> bool:
        there = self.ledger is not None and number in self.ledger.finished
        return there and (not self.reducers or number < self.merged[0])

    def consume(self, parts: Callable[[list[int]], Iterator[tuple[int, _Receipt]]]) -> None:
        """Take every part that is not finished yet."""
        self.progress(self.done, self.job.patients)
        complete = False
        try:
            if self.todo:
                with closing(parts(self.todo)) as stream:  # type: ignore[type-var]
                    for number, receipt in stream:
                        self._take(number, receipt)
            complete = True
        except KeyboardInterrupt:
            raise StreamInterrupted(self.done, self.job.patients) from None
        except OSError as problem:
            where = "the results" if self.ledger is None else str(self.ledger.folder)
            raise SimulationError(
                f"{where} cannot be written: {problem.strerror or problem}; what is finished is kept. Make room and go "
                "on with it (--resume)."
            ) from problem
        finally:
            self._close(complete)

    def _take(self, number: int, receipt: _Receipt) -> None:
        first, last = self.job.bounds(number)
        if receipt.values is not None and self.values is not None:
            self.values[first:last] = receipt.values
        if self.reducers and number >= self.merged[0]:
            self.pending[number] = receipt.states
            self._merge()
        if self.ledger is not None:
            self.ledger.note(number, receipt.told)
            if self.reducers and monotonic() >= self.keep_next:
                began = monotonic()
                self.ledger.keep(*self.merged)
                self.keep_next = monotonic() + (monotonic() - began) / KEEP_SHARE
        elif receipt.told["failed"]:
            self.failed[number] = receipt.told
        self.done += last - first
        self.progress(self.done, self.job.patients)

    def _merge(self) -> None:
        while self.merged[0] in self.pending:
            number, states = self.merged
            coming = self.pending[number]
            if number:
                pairs = zip(self.reducers, states, coming, strict=True)
                coming = [one.merge(before, new) for one, before, new in pairs]
            self.merged = (number + 1, coming)
            del self.pending[number]

    def _close(self, complete: bool) -> None:
        if self.ledger is None:
            parts = [self.failed[number] for number in sorted(self.failed)]
            self.failures = failures_of(parts)
            return
        if self.reducers and self.merged[0] and not self.ledger.complete:
            self.ledger.keep(*self.merged)
        self.ledger.close(complete)
        if complete:
            self.failures = self.ledger.failures

    def running(self, done: int) -> None:
        """Patients done in parts that are under way."""
        self.progress(min(self.done + done, self.job.patients), self.job.patients)


def _silent(done: int, total: int) -> None:
    """No progress wanted."""
