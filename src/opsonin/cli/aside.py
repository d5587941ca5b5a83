"""A second process for a run's analyses and report: it loads what they need while the first one builds the model.

While trial 1's patients are simulated without an agent here, and the tables of the replicate trials are made, trial 1
is analysed there and its report begun; while the tables are written here, the report is. Where there is one core only,
or the process is lost, the same is done here.
"""

from __future__ import annotations

import gc
import os
import pickle
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

from opsonin.errors import OpsoninError
from opsonin.results import FINDINGS, REPORT

if TYPE_CHECKING:
    from opsonin.analysis import Findings
    from opsonin.analysis.everything import Part
    from opsonin.record import TrialRecord
    from opsonin.report.write import Ahead

_BEGIN = "import pickle, sys; sys.path[:] = pickle.load(sys.stdin.buffer); import opsonin.cli.aside as a; a.serve()"


class Aside:
    """A context, at whose end the process is gone."""

    def __init__(self, threads: int | None, seed: int):
        """threads: that the run may use, all cores where None; there is no process for a single one.

        seed: of the analyses.
        """
        self._seed = seed
        self._process: subprocess.Popen[bytes] | None = None
        self._sending: Thread | None = None
        self._record: TrialRecord | None = None
        self._worlds: dict[str, TrialRecord] = {}
        self._rest: tuple[Any, ...] = ()
        if (_cores() if threads is None else min(threads, _cores())) > 1:
            # a session of its own: Ctrl-C in the terminal is for the run, which ends this process itself
            self._process = subprocess.Popen(
                [sys.executable, "-c", _BEGIN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
            )
            self._send(sys.path)

    def __enter__(self) -> Aside:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            if self._sending is not None:
                self._sending.join()
            for pipe in (self._process.stdin, self._process.stdout):
                try:
                    assert pipe is not None
                    pipe.close()
                except BrokenPipeError:  # something was still unsent
                    continue

    def trial(self, record: TrialRecord) -> None:
        """Analyse trial 1, as far as that needs nothing else."""
        self._record = record
        self._send((record.view(), self._seed))

    def potential(self, worlds: dict[str, TrialRecord]) -> None:
        """Analyse trial 1 in comparison with its patients without an agent."""
        self._worlds = worlds
        self._send({agent: record.view() for agent, record in worlds.items()})

    def report(self, rest: Part, trials: int | None, folder: Path, notes: list[str]) -> None:
        """Write the findings and the report.

        rest: the chapters that look at replicates;   trials: how many;   notes: the record's, of which some were not
        known when trial 1 was.
        """
        self._rest = (rest, trials, folder, notes)
        self._send(self._rest)

    def findings(self) -> Findings:
        """All findings, once they and the report are written.   Raises: what analysing and writing raise."""
        answer = self._hear()
        if isinstance(answer, OpsoninError):
            raise answer
        if answer is not None:
            return answer
        assert self._record is not None
        part = _analysed(self._record, self._seed) | _compared(self._record, self._worlds, self._seed)
        return _reported(part, self._record, *self._rest)

    def _send(self, what: Any) -> None:
        """Without waiting for the process to read it."""
        process = self._process
        if process is None:
            return
        before = self._sending

        def send() -> None:
            if before is not None:
                before.join()
            assert process.stdin is not None
            try:
                pickle.dump(what, process.stdin, protocol=pickle.HIGHEST_PROTOCOL)
                process.stdin.flush()
            except (BrokenPipeError, ValueError):  # it has ended: `findings` sees that
                return

        self._sending = Thread(target=send, daemon=True)
        self._sending.start()

    def _hear(self) -> Any:
        """What the process answers, None where there is none."""
        if self._process is None or self._process.stdout is None:
            return None
        try:
            return pickle.load(self._process.stdout)
        except (EOFError, pickle.UnpicklingError):
            return None


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def serve() -> None:
    """What runs in the process."""
    channel = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # nothing printed must get among the answers
    _load_ahead()
    try:
        try:
            record, seed = pickle.load(sys.stdin.buffer)
            part = _analysed(record, seed)
            part |= _compared(record, pickle.load(sys.stdin.buffer), seed)
            ahead = _drawn(part, record)
            answer = _reported(part, record, *pickle.load(sys.stdin.buffer), ahead=ahead)
        except OpsoninError as problem:
            answer = problem
        pickle.dump(answer, channel, protocol=pickle.HIGHEST_PROTOCOL)
        channel.flush()
    except (EOFError, BrokenPipeError):
        os._exit(0)  # the run is over; nobody reads what is still unsaid


def _load_ahead() -> None:
    """All that the analyses and the report import or read where they first need it, before there is anything to do."""
    gc.set_threshold(400_000, 20, 100)  # as the command line does, and for the same reason
    for name in ("analysis.everything", "analysis.derived", "criteria.lesion_arrays"):
        import_module(f"opsonin.{name}")
    import_module("scipy.special")
    from opsonin.report.write import load_page
    from opsonin.units import registry

    load_page()
    registry()


def _analysed(record: TrialRecord, seed: int) -> Part:
    from opsonin.analysis.everything import CHAPTERS, OF_POTENTIAL, OF_REPLICATES, analyse_part

    own = [chapter for chapter in CHAPTERS if chapter not in OF_REPLICATES + OF_POTENTIAL]
    return analyse_part(own, record, seed=seed)


def _compared(record: TrialRecord, worlds: dict[str, TrialRecord], seed: int) -> Part:
    from opsonin.analysis.everything import OF_POTENTIAL, analyse_part

    return analyse_part(OF_POTENTIAL, record, potential=worlds, seed=seed)


def _drawn(part: Part, record: TrialRecord) -> Ahead:
    from opsonin.analysis.everything import joined
    from opsonin.report.write import drawn_ahead

    return drawn_ahead(record, joined(part))


def _reported(
    part: Part,
    record: TrialRecord,
    rest: Part,
    trials: int | None,
    folder: Path,
    notes: list[str],
    ahead: Ahead | None = None,
) -> Findings:
    from opsonin.analysis.everything import joined
    from opsonin.report import write_report

    record.manifest.notes = notes
    findings = joined(part | rest)
    findings.save(folder / FINDINGS)
    write_report(record, findings, folder / REPORT, replicates=trials, ahead=ahead)
    return findings
