"""Parts computed by threads or by worker processes; whoever finishes first is handed on first."""

from __future__ import annotations

import pickle
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from multiprocessing import connection, get_context
from time import monotonic
from typing import Any, Protocol, runtime_checkable

from opsonin.errors import OpsoninError, SimulationError

PATIENCE = 0.2  # seconds between looks at how far the parts are
AHEAD = 4  # parts for each thread or worker that may be finished before the slowest one is

Tick = Callable[[int], None]
Progress = Callable[[int], None]


@runtime_checkable
class Task(Protocol):
    """What is done with a part: computed, written, reduced. Gives what the calling thread needs to know of it."""

    def __call__(self, number: int, threads: int, tick: Tick) -> Any: ...


class _Stopped(Exception):
    """The work is no longer wanted."""


def by_threads(task: Task, todo: Sequence[int], threads: int, running: Progress) -> Iterator[tuple[int, Any]]:
    """(number, what the task gave) of every part, as they come.

    running: called with the patients done in parts that are not finished yet. Where the loop over this is left early,
    by an error or Ctrl-C, parts under way are given up within milliseconds.
    """
    stop = threading.Event()
    done_in: dict[int, int] = {}
    at_once = max(1, min(threads, len(todo)))

    def one(number: int) -> Any:
        def tick(done: int) -> None:
            done_in[number] = done
            if stop.is_set():
                raise _Stopped

        tick(0)
        return task(number, max(1, threads // at_once), tick)

    waiting: dict[Future[Any], int] = {}
    left = iter(todo)
    with ThreadPoolExecutor(at_once) as pool:
        try:
            upcoming = next(left, None)
            while waiting or upcoming is not None:
                while upcoming is not None and len(waiting) <= at_once and _near(upcoming, waiting.values(), at_once):
                    waiting[pool.submit(one, upcoming)] = upcoming
                    upcoming = next(left, None)
                finished, _ = wait(waiting, timeout=PATIENCE, return_when=FIRST_COMPLETED)
                for future in finished:
                    number = waiting.pop(future)
                    made = future.result()
                    done_in.pop(number, None)
                    yield number, made
                running(sum(done_in.values()))
        finally:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)


def _near(number: int, waiting: Any, at_once: int) -> bool:
    """Whether a part may begin: what is finished out of order is held in memory, so nobody runs far ahead."""
    return number - min(waiting, default=number) <= AHEAD * at_once


def by_workers(
    task: Task, todo: Sequence[int], workers: int, threads: int, running: Progress
) -> Iterator[tuple[int, Any]]:
    """As `by_threads`, by so many processes that share the threads.

    Workers begin afresh (spawn), end when this process ends, however it does, and leave Ctrl-C to it.
    Raises: SimulationError where the task cannot be sent to them, or one of them dies.
    """
    sent = _pickled(task)
    context = get_context("spawn")
    team: dict[Any, Any] = {}
    busy: dict[Any, int] = {}
    done_in: dict[int, int] = {}
    left = iter(todo)
    try:
        hands = max(1, min(workers, len(todo)))
        for _ in range(hands):
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs, sent, max(1, threads // hands)), daemon=True)
            process.start()
            theirs.close()  # so that the pipe ends when the worker does
            team[ours] = process
        upcoming = next(left, None)
        while busy or upcoming is not None:
            for pipe in team:
                if pipe not in busy and upcoming is not None and _near(upcoming, busy.values(), len(team)):
                    _tell(pipe, upcoming, team[pipe])
                    busy[pipe] = upcoming
                    upcoming = next(left, None)
            for pipe in connection.wait(list(busy), timeout=PATIENCE):
                kind, number, what = _heard(pipe, busy, team)
                if kind == "running":
                    done_in[number] = what
                    continue
                if kind == "failed":
                    raise what
                del busy[pipe]
                done_in.pop(number, None)
                yield number, what
            running(sum(done_in.values()))
    finally:
        for pipe, process in team.items():
            if pipe in busy:
                process.terminate()  # whatever it writes is put in place whole, or not at all
            pipe.close()  # the idle ones end by themselves
        for process in team.values():
            process.join()


def _pickled(task: Task) -> bytes:
    try:
        return pickle.dumps(task)
    except (pickle.PicklingError, AttributeError, TypeError) as problem:
        raise SimulationError(
            f"this stream cannot be sent to worker processes ({problem}). Define its source and reducers as classes at "
            "the top of a module, with the model made inside them, or leave `workers` out: threads are as fast."
        ) from problem


def _tell(pipe: Any, number: int, process: Any) -> None:
    try:
        pipe.send(number)
    except (BrokenPipeError, ConnectionResetError):
        raise _dead(process, number) from None


def _heard(pipe: Any, busy: dict[Any, int], team: dict[Any, Any]) -> tuple[str, int, Any]:
    try:
        return pipe.recv()
    except (EOFError, ConnectionResetError):
        raise _dead(team[pipe], busy[pipe]) from None


def _dead(process: Any, number: int) -> SimulationError:
    process.join(1.0)
    return SimulationError(
        f"a worker process ended (exit code {process.exitcode}) while it computed part {number}; memory may have run "
        "out, or a script that starts workers lacks its `if __name__ == '__main__':`. Finished parts are kept."
    )


def _serve(pipe: Any, sent: bytes, threads: int) -> None:
    """A worker's life: numbers of parts in, what the task gives out, until the pipe ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        try:
            task = pickle.loads(sent)
        except Exception as problem:  # whatever a user's module raises on import
            pipe.recv()
            pipe.send(("failed", -1, SimulationError(f"a worker process cannot load the stream: {problem!r}")))
            return
        while True:
            number = pipe.recv()
            try:
                made = task(number, threads, _Reporting(pipe, number))
            except OpsoninError as problem:
                pipe.send(("failed", number, type(problem)(str(problem))))
            except OSError as problem:
                pipe.send(("failed", number, problem))
            else:
                pipe.send(("done", number, made))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the parent is gone, or wants no more


class _Reporting:
    """A worker's tick: tells now and then how far its part is, and so notices that nobody listens any more."""

    def __init__(self, pipe: Any, number: int):
        self.pipe, self.number, self.said = pipe, number, monotonic()

    def __call__(self, done: int) -> None:
        if monotonic() - self.said > PATIENCE:
            self.said = monotonic()
            self.pipe.send(("running", self.number, done))
