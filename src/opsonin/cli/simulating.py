"""`opsonin simulate`: any number of virtual patients under a study's regimen, to tables or to summaries."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.markup import escape

from opsonin.cli.given import listed
from opsonin.cli.interrupts import INTERRUPTED
from opsonin.cli.screen import Phases, console, table
from opsonin.errors import SimulationError

if TYPE_CHECKING:
    import pandas as pd

    from opsonin.simulate import Streamed

PROBABILITIES = (0.05, 0.25, 0.5, 0.75, 0.95)
SUMMARY = "summary.csv"
MOST_DAYS = 8  # of an output that the screen shows
MOST_TIMES = 100_000  # values of an output and patient


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

    from opsonin.record.species import said
    from opsonin.study.planned import check_day

    first, last, every = days
    if not (every > 0 and last >= first and np.isfinite([first, last, every]).all()):
        raise SimulationError(f"from day {first:g} to day {last:g} every {every:g} days there is no value to give.")
    check_day(first)
    check_day(last)
    if (last - first) / every >= MOST_TIMES:
        raise SimulationError(
            f"from day {first:g} to day {last:g} every {every:g} days are more than {MOST_TIMES:,} values of an "
            "output and patient; give a larger --every."
        )
    if resume and out is None:
        raise SimulationError("--resume goes on with what is in a folder; name it with --out.")
    count = int((last - first) / every * (1 + 1e-12)) + 1
    times = first + every * np.arange(count)

    from opsonin.simulate import Mean, Quantiles, StreamInterrupted, simulate_stream
    from opsonin.simulate.stream.asking import check_place, make_job
    from opsonin.study import Study
    from opsonin.study.simulated import StudyPatients

    source = StudyPatients(Study.load(name), level, seed, last)
    asked = listed(outputs) if outputs else source.measured
    if out is None and not summary:  # a quick look: as if kept in memory, which is what the limit is for
        check_place(
            make_job(source, patients, times, asked, None, "auto", rtol, None), None, None, "single", False, 1.0
        )
    phase = said("simulating patients", source.study.built.species)
    reduced = {"mean": Mean(), "quantiles": Quantiles(PROBABILITIES)} if summary or out is None else {}
    try:
        with Phases() as progress:
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
                progress=lambda done, total: progress(phase, done, total),
            )
    except StreamInterrupted as stopped:
        kept = (
            f"{stopped.done:,} of {stopped.total:,} patients are finished and kept in {out}; the same command with "
            "--resume goes on."
            if out is not None
            else "nothing was to be kept; with --out what is finished stays, and --resume goes on."
        )
        typer.echo(f"\ninterrupted: {kept}", err=True)
        raise typer.Exit(INTERRUPTED) from None
    built = source.study.built
    _conclude(made, out, built.protocol.levels[level - 1].name, said("virtual patients", built.species))


def _conclude(made: Streamed, out: Path | None, level: str, whom: str) -> None:
    screen = console()
    if made.reduced:
        whole = summary_table(made)
        if out is not None:
            whole.to_csv(out / SUMMARY, index=False, float_format="%.6g")
        _show(whole, made, level, whom)
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


def _show(whole: pd.DataFrame, made: Streamed, level: str, whom: str) -> None:
    import numpy as np

    shown = np.unique(np.linspace(0, len(made.times) - 1, MOST_DAYS).round().astype(int))
    some = whole[np.isin(whole["day"], made.times[shown])]
    text = [
        [row[0], row[1], f"{row[2]:g}", f"{row[3]:,}", *(f"{value:.4g}" for value in row[4:])]
        for row in some.itertuples(index=False, name=None)
    ]
    title = f"{level}: {made.patients:,} {whom}, every dose given"
    console().print(table(title, list(whole.columns), text, right=list(whole.columns)[2:]))
