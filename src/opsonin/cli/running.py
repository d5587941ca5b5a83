"""`opsonin run` and `opsonin analyse`: from a study or from data to a results folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from opsonin.cli.aside import Aside
from opsonin.cli.interrupts import Interrupts
from opsonin.cli.screen import Phases, console
from opsonin.errors import StudyError
from opsonin.results import FINDINGS, MAP, RECORD, REPORT, new_results, refuse_foreign, unfinished_folder

if TYPE_CHECKING:
    from opsonin.analysis import Findings
    from opsonin.record import Replicates, TrialRecord
    from opsonin.study import Study


def run_study(
    name: str, seed: int, trials: int, out: Path | None, threads: int | None, workers: int = 1, resume: bool = False
) -> None:
    """Run a study and write its results folder.   resume: take up what an earlier run of it had finished."""
    with Aside(threads, seed) as aside:
        from opsonin.study import Study

        study = Study.load(name)
        folder = out or Path("results") / study.name
        refuse_foreign(folder)
        _run(study, seed, trials, folder, threads, workers, resume, aside)


def _run(
    study: Study, seed: int, trials: int, folder: Path, threads: int | None, workers: int, resume: bool, aside: Aside
) -> None:
    unfinished = unfinished_folder(folder)
    with Interrupts() as interrupts, Phases() as progress, _keeping(unfinished):
        progress("building the model")
        kept = study.unfinished(unfinished, seed)
        if not resume:
            shutil.rmtree(unfinished, ignore_errors=True)
        else:
            progress.note(_going_on(unfinished, len(kept)))
        say = _LoadingAhead(progress, interrupts)
        made = study.simulate(seed, trials, threads, say, workers=workers, kept=kept, early=aside)
        with new_results(folder) as fresh:
            interrupts.check()
            progress("analysing")
            from opsonin.analysis.everything import OF_REPLICATES, analyse_part
            from opsonin.study.why import asked_why

            rest = analyse_part(OF_REPLICATES, made.record, made.replicates, made.potential, seed=seed)
            rest["why"] = asked_why(study, seed, threads, progress)
            aside.report(rest, None if made.replicates is None else trials, fresh, made.record.manifest.notes)
            progress("writing the tables")
            made.write(fresh)
            progress("writing the report")
            import_module("opsonin.report.chapters.summary")  # for the last words, while the other process writes
            findings = aside.findings()
            interrupts.check()
        shutil.rmtree(unfinished, ignore_errors=True)
    _conclude(made.record, findings, made.replicates, folder)


class _LoadingAhead:
    """Progress that loads what comes after the simulations while they run, as they leave the interpreter free."""

    def __init__(self, progress: Phases, interrupts: Interrupts):
        self.progress, self.interrupts = progress, interrupts
        self.loading: Thread | None = None

    def __call__(self, phase: str, done: int, total: int) -> None:
        self.interrupts.check()
        self.progress(phase, done, total)
        if self.loading is None and 0 <= done < total:
            self.loading = Thread(target=_load_ahead, daemon=True)
            self.loading.start()
        elif self.loading is not None and done >= total:
            self.loading.join()  # so that no two threads load the same


def _load_ahead() -> None:
    for name in ("opsonin.analysis.everything", "pyarrow.parquet"):
        import_module(name)


@contextmanager
def _keeping(unfinished: Path) -> Iterator[None]:
    """Says how to go on where a run is stopped after some of its simulations were kept.

    A study that cannot be run as it is leaves nothing: it has to be changed, and then all is simulated anew.
    """
    try:
        yield
    except StudyError:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    except KeyboardInterrupt:
        if unfinished.is_dir():
            Console(stderr=True, highlight=False).print(
                "\nwhat is finished is kept: the same command with --resume goes on.", soft_wrap=True
            )
        raise


def _going_on(unfinished: Path, blocks: int) -> str:
    """What --resume found."""
    if blocks:
        return f"going on: {blocks} {'block' if blocks == 1 else 'blocks'} of simulations are finished."
    if unfinished.is_dir():
        return "starting anew: what is kept there is of another study, seed or version."
    return "starting anew: nothing of an earlier run is kept there."


def analyse_data(data: Path, mapping: str | None, out: Path | None, seed: int) -> None:
    """Read a real trial's data, analyse it and write its results folder."""
    folder = out or Path("results") / (Path(mapping).stem if mapping else data.stem.split(".")[0])
    refuse_foreign(folder)
    with Phases() as progress:
        progress("reading the data")
        from opsonin.record import read_data

        record = read_data(data, mapping)
        if record.manifest.kind == "real":
            record.manifest.seed = seed  # of the permutations; a virtual record keeps that of its patients
        progress("analysing")
        from opsonin.analysis import analyse

        findings = analyse(record, seed=seed)
        with new_results(folder) as fresh:
            progress("writing the tables")
            record.save(fresh / RECORD)
            findings.save(fresh / FINDINGS)
            if mapping:
                shutil.copyfile(_mapping_file(mapping), fresh / MAP)
            _report(record, findings, fresh, None, progress)
    _conclude(record, findings, None, folder)


def _report(
    record: TrialRecord, findings: Findings, folder: Path, replicates: Replicates | None, progress: Phases
) -> None:
    progress("writing the report")
    from opsonin.report import write_report

    write_report(record, findings, folder / REPORT, replicates=replicates)


def _conclude(record: TrialRecord, findings: Findings, replicates: Replicates | None, folder: Path) -> None:
    from opsonin.cli.headlines import headlines

    screen = console()
    for line in headlines(record, findings, replicates):
        screen.print(f"  • {escape(line)}", soft_wrap=True)
    if record.manifest.kind == "virtual":
        for note in record.manifest.notes[:1]:
            screen.print(f"  • {escape(note)} See the report's methods.", soft_wrap=True)
    screen.print(f"record    {escape(str(folder / RECORD))}", soft_wrap=True)
    screen.print(f"report    {escape(str(folder / REPORT))}", soft_wrap=True)


def _mapping_file(mapping: str) -> Path:
    from opsonin.record.read import example

    path = Path(mapping)
    return path if path.is_file() else example(mapping)
