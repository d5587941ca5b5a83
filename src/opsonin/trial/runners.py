"""Who simulates the jobs of a pool: threads of this process. (Worker processes are in workers.py.)"""

from __future__ import annotations

import abc
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

import numpy as np

from opsonin.trial.world import Job, Piece, World

BATCH = 4000  # pairs of patient and level simulated together at most: memory, and how often finished work is kept
SMALL = 64  # fewer pairs are not worth dividing
_GLANCE = 0.2  # seconds between looks at how far the jobs are
Tell = Callable[[int], None]


class Runner(abc.ABC):
    """Simulates jobs side by side.   hands: how many at the same time."""

    hands: int

    @abc.abstractmethod
    def run(self, world: World, jobs: Sequence[Job], tell: Tell) -> Iterator[Piece]:
        """The pieces as they are finished, in any order.   tell: called with the pairs finished so far."""


class Stopped(Exception):
    """Ends a job that nobody waits for any more."""


class Threads(Runner):
    """Jobs over the threads of this process.

    One job a thread, not one job over all threads: while one job observes its patients in Python, another integrates.
    """

    def __init__(self, threads: int | None = None):
        """threads: all the cores this process may use where None."""
        self.hands = max(1, cores() if threads is None else threads)

    def run(self, world: World, jobs: Sequence[Job], tell: Tell) -> Iterator[Piece]:
        if len(jobs) == 1:
            yield world.simulate(jobs[0], self.hands, tell)
            return
        share = max(1, self.hands // len(jobs))
        yield from side_by_side(jobs, self.hands, lambda job, report: world.simulate(job, share, report), tell)


def side_by_side(
    jobs: Sequence[Job], hands: int, simulate: Callable[[Job, Tell], Piece], tell: Tell
) -> Iterator[Piece]:
    """Each job in a thread of its own, so many at a time.

    Where the caller stops (Ctrl-C, or an error of another job) the jobs end at their next report.
    """
    far = [0] * len(jobs)
    stopping = False

    def one(number: int) -> Piece:
        def report(done: int) -> None:
            if stopping:
                raise Stopped
            far[number] = done

        report(0)
        return simulate(jobs[number], report)

    with ThreadPoolExecutor(hands) as pool:
        waiting: set[Future[Piece]] = {pool.submit(one, number) for number in range(len(jobs))}
        try:
            while waiting:
                finished, waiting = wait(waiting, timeout=_GLANCE, return_when=FIRST_COMPLETED)
                for future in finished:
                    yield future.result()
                tell(sum(far))
        finally:
            stopping = True
            pool.shutdown(wait=True, cancel_futures=True)


def divide(rows: np.ndarray, levels: np.ndarray, left_out: tuple[str, ...], hands: int, batch: int) -> list[Job]:
    """Pairs of patient and level as jobs of much the same size; a patient's levels stay together.

    hands: how many jobs run side by side.   batch: pairs in a job, about, at most.
    """
    order = np.lexsort((levels, rows))
    rows, levels = rows[order], levels[order]
    count = -(-len(rows) // batch)
    if len(rows) >= 2 * SMALL:
        count = -(-count // hands) * hands  # so that no hand is idle at the end
    starts = np.flatnonzero(np.diff(rows, prepend=-1))  # where the next patient begins
    wanted = len(rows) * np.arange(1, count) / count
    cuts = np.unique(starts[np.minimum(np.searchsorted(starts, wanted), len(starts) - 1)])
    parts = zip(np.split(rows, cuts), np.split(levels, cuts), strict=True)
    return [Job(mine, there, left_out) for mine, there in parts if len(mine)]


def cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
