"""Worker processes that simulate jobs, each with a world of its own, built from the same recipe.

A worker is a fresh interpreter that reads jobs from its standard input and writes pieces to its standard output, as
pickles. (Not `multiprocessing`: its fresh processes run the user's main program again unless that is guarded.) It ends
when its input ends, so also when the run is killed.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from opsonin.errors import OpsoninError, SimulationError
from opsonin.trial.runners import Runner, Stopped, Tell, cores, side_by_side
from opsonin.trial.world import Job, Piece, World

_BEGIN = "import pickle, sys; sys.path[:] = pickle.load(sys.stdin.buffer); import opsonin.trial.worker as w; w.serve()"


class Workers(Runner):
    """So many worker processes; a context, at whose end they are gone.

    A single job is simulated here, as sending it away would only take longer.
    """

    def __init__(self, count: int, recipe: Callable[[], World], threads: int | None = None):
        """recipe: makes a worker's world; it is pickled, so a function of a module, perhaps a partial one.

        threads: of all workers together; all cores where None.
        """
        self.hands = count
        self.threads = max(1, cores() if threads is None else threads)
        share = max(1, self.threads // count)
        self._idle = [_Worker(recipe, share) for _ in range(count)]
        self._all = list(self._idle)
        self._turn = threading.Lock()

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._all:
            worker.end()

    def run(self, world: World, jobs: Sequence[Job], tell: Tell) -> Iterator[Piece]:
        if len(jobs) == 1:
            yield world.simulate(jobs[0], self.threads, tell)
            return
        yield from side_by_side(jobs, self.hands, self._send, tell)

    def _send(self, job: Job, report: Tell) -> Piece:
        with self._turn:
            worker = self._idle.pop()
        try:
            return worker.simulate(job, report)
        finally:
            with self._turn:
                self._idle.append(worker)


class _Worker:
    """One process."""

    def __init__(self, recipe: Callable[[], World], threads: int):
        # a session of its own: Ctrl-C in the terminal is for the run, which ends its workers itself
        self.process = subprocess.Popen(
            [sys.executable, "-c", _BEGIN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        self._say(sys.path)
        self._say((recipe, threads))

    def simulate(self, job: Job, report: Tell) -> Piece:
        """The piece of a job.   Raises: SimulationError where the process ended; what the simulation raised there."""
        self._say(job)
        while True:
            answer = self._hear()
            if isinstance(answer, int):
                try:
                    report(answer)
                except Stopped:
                    self.end()  # it would go on with the job
                    raise
            elif isinstance(answer, OpsoninError):
                raise answer
            else:
                return answer

    def end(self) -> None:
        """Stop the process, whatever it does: all that it knows can be made again."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):  # something was still unsent
                    pipe.close()

    def _say(self, what: Any) -> None:
        assert self.process.stdin is not None
        try:
            pickle.dump(what, self.process.stdin, protocol=pickle.HIGHEST_PROTOCOL)
            self.process.stdin.flush()
        except (BrokenPipeError, ValueError):  # ValueError: the pipe is closed here already
            self._gone()

    def _hear(self) -> Any:
        assert self.process.stdout is not None
        try:
            return pickle.load(self.process.stdout)
        except (EOFError, ValueError, pickle.UnpicklingError):
            self._gone()

    def _gone(self) -> None:
        code = self.process.wait()
        raise SimulationError(
            f"a worker process ended before its work was done (exit code {code}; −9 may mean that memory ran out). "
            "Run it again with fewer workers; `--resume` takes up what is finished."
        )
