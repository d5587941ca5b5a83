"""`opsonin simulate`: any number of virtual patients under a study's regimen, to tables or to summaries."""

from __future__ import annotations

import sys
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import typer
from rich.markup import escape

from opsonin.cli.screen import console, table
from opsonin.errors import SimulationError

if TYPE_CHECKING:
    import pandas as pd

    from opsonin.simulate import Streamed

INTERRUPTED = 130
PROBABILITIES = (0.05, 0.25, 0.5, 0.75, 0.95)
SUMMARY = "summary.csv"
MOST_DAYS = 8  # of an output that the screen shows
_EVERY = 5.0  # seconds between lines of progress where there is no terminal


def simulate_study(
    name: str,
    patients: int,
    level: int,
    days: tuple[float, float, float],
    outputs: str | None,
    out: Path | None,
    storage: str,
    summary: bool,
    resume: bool,
    seed: int,
    threads: int | None,
    workers: int | None,
    rtol: float,
) -> None:
    """Simulate, and write or show what comes out."""
    import numpy as np

    first, last, every = days
    if not (every > 0 and last >= first and np.isfinite([first, last, every]).all()):
        raise SimulationError(f"from day {first:g} to day {last:g} every {every:g} days there is no value to give.")
    if resume and out is None:
        raise SimulationError("--resume goes on with what is in a folder; name it with --out.")
    count = int((last - first) / every * (1 + 1e-12)) + 1
    times = first + every * np.arange(count)

    from opsonin.simulate import Mean, Quantiles, StreamInterrupted, simulate_stream
    from opsonin.simulate.stream.asking import check_place, make_job
    from opsonin.study import Study
    from opsonin.study.simulated import StudyPatients

    source = StudyPatients(Study.load(name), level, seed, last)
    asked = [one.strip() for one in outputs.split(",") if one.strip()] if outputs else source.measured
    if out is None and not summary:  # a quick look: as if kept in memory, which is what the limit is for
        check_place(
            make_job(source, patients, times, asked, None, "auto", rtol, None), None, None, "single", False, 1.0
        )
    reduced = {"mean": Mean(), "quantiles": Quantiles(PROBABILITIES)} if summary or out is None else {}
    progress = _Progress()
    try:
        made = simulate_stream(
            source,
            patients,
            times,
            asked,
            out=out,
            storage=storage,
            reduce=reduced,
            resume=resume,
            threads=threads,
            workers=workers,
            rtol=rtol,
            progress=progress,
        )
    except StreamInterrupted as stopped:
        progress.end()
        kept = (
            f"{stopped.done:,} of {stopped.total:,} patients are finished and kept in {out}; the same command with "
            "--resume goes on."
            if out is not None
            else "nothing was to be kept; with --out what is finished stays, and --resume goes on."
        )
        typer.echo(f"\ninterrupted: {kept}", err=True)
        raise typer.Exit(INTERRUPTED) from None
    progress.end()
    _conclude(made, out, source.study.built.protocol.levels[level - 1].name)


def _conclude(made: Streamed, out: Path | None, level: str) -> None:
    screen = console()
    if made.reduced:
        whole = summary_table(made)
        if out is not None:
            whole.to_csv(out / SUMMARY, index=False, float_format="%.6g")
        _show(whole, made, level)
    if made.failed:
        screen.print(f"  • {made.failed:,} of {made.patients:,} simulations stopped early:", soft_wrap=True)
        for line in made.failures:
            screen.print(f"    {escape(line)}", soft_wrap=True)
    if out is not None:
        screen.print(f"tables    {escape(str(out))}", soft_wrap=True)


def summary_table(made: Streamed) -> pd.DataFrame:
    """One row an output and day: how many patients, mean, standard deviation, range, quantiles."""
    import numpy as np
    import pandas as pd

    moments, quantiles = made.reduced["mean"], made.reduced["quantiles"]
    days, names = len(made.times), len(made.outputs)
    columns: dict[str, Any] = {
        "output": np.repeat(np.array(made.outputs, dtype=object), days),
        "unit": np.repeat(np.array(made.units, dtype=object), days),
        "day": np.tile(made.times, names),
        "patients": moments.count.T.ravel(),
        "mean": moments.mean.T.ravel(),
        "sd": moments.sd.T.ravel(),
        "smallest": moments.smallest.T.ravel(),
    }
    for n, probability in enumerate(PROBABILITIES):
        columns[f"{100 * probability:g} %"] = quantiles[n].T.ravel()
    return pd.DataFrame(columns | {"largest": moments.largest.T.ravel()})


def _show(whole: pd.DataFrame, made: Streamed, level: str) -> None:
    import numpy as np

    shown = np.unique(np.linspace(0, len(made.times) - 1, MOST_DAYS).round().astype(int))
    some = whole[np.isin(whole["day"], made.times[shown])]
    text = [
        [row[0], row[1], f"{row[2]:g}", f"{row[3]:,}", *(f"{value:.4g}" for value in row[4:])]
        for row in some.itertuples(index=False, name=None)
    ]
    title = f"{level}: {made.patients:,} virtual patients, every dose given"
    console().print(table(title, list(whole.columns), text, right=list(whole.columns)[2:]))


class _Progress:
    """How many patients are done, how fast, and the time left: a bar on a terminal, a line now and then otherwise."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._task: Any = None
        self._began, self._before, self._told = 0.0, -1, 0
        self._said = monotonic()

    def __call__(self, done: int, total: int) -> None:
        now = monotonic()
        if self._before < 0:
            self._began, self._before, self._told = now, done, done
            self._start(done, total)
        text = progress_text(done, total, done - self._before, now - self._began)
        if self._bar is not None:
            self._bar.update(self._task, completed=done, description=text)
        elif done > self._told and (now - self._said > _EVERY or done == total):
            self._said, self._told = now, done
            typer.echo(f"  {text}", err=True)

    def _start(self, done: int, total: int) -> None:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn

            columns = (BarColumn(), TextColumn("{task.description}"))
            self._bar = Progress(*columns, console=Console(stderr=True, highlight=False), transient=True)
            self._bar.start()
            self._task = self._bar.add_task("", total=total, completed=done)

    def end(self) -> None:
        """Leave the line to what comes."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def progress_text(done: int, total: int, here: int, seconds: float) -> str:
    """Patients done, a second, and the time left.   here: those done in these seconds."""
    said = f"{done:,} of {total:,} patients"
    if here <= 0 or seconds <= 0:
        return said
    rate = here / seconds
    if done == total:
        return f"{said}, {rate:,.0f} a second"
    return f"{said}, {rate:,.0f} a second, {time_text((total - done) / rate)} left"


def time_text(seconds: float) -> str:
    """A length of time in words, as exact as it is worth."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:.1f} days"
