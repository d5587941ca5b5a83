"""The commands that ask a study's model, without a trial: `opsonin simulate`, `sensitivity` and `why`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

STUDY = typer.Argument(help="A study file, or the name of a bundled study.")
SEED = typer.Option(min=0, help="The one seed of all random numbers.")


def add_commands(app: typer.Typer) -> None:
    """Give the command line these commands."""
    for command in (simulate, sensitivity, why):
        app.command()(command)


def simulate(
    study: Annotated[str, STUDY],
    patients: Annotated[int, typer.Option(min=1, help="How many virtual patients.")] = 1000,
    level: Annotated[int, typer.Option(min=1, help="The dose level that all of them get, or the arm.")] = 1,
    days: Annotated[float, typer.Option(help="The last day; protocol day 1 begins at 0.")] = 180.0,
    every: Annotated[float, typer.Option(help="Days from one value to the next.")] = 1.0,
    from_day: Annotated[float, typer.Option(help="The day of the first value.")] = 0.0,
    outputs: Annotated[
        str | None, typer.Option(help="Observables and states, between commas; all measured ones otherwise.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The folder for the tables.")] = None,
    format_: Annotated[str, typer.Option("--format", help="Of the tables: parquet or zarr.")] = "parquet",
    summary: Annotated[
        bool, typer.Option("--summary", help="Mean, SD and quantiles; without --out nothing else.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with what an earlier call left in --out.")] = False,
    seed: Annotated[int, SEED] = 1,
    threads: Annotated[int | None, typer.Option(min=1, help="Cores to use; all otherwise.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes that share the work.")] = None,
    rtol: Annotated[float, typer.Option(help="Relative tolerance of the solver.")] = 1e-5,
) -> None:
    """Follow any number of virtual patients under a study's regimen, in bounded memory; no trial, every dose given."""
    from opsonin.cli.simulating import simulate_study

    simulate_study(
        study, patients, level, (from_day, days, every), outputs, out, format_, summary, resume, seed, threads, workers,
        rtol,
    )  # fmt: skip


def sensitivity(
    study: Annotated[str, STUDY],
    outcome: Annotated[
        list[str] | None,
        typer.Option(
            help="Such as 'imatinib: AUC from 13 to 14'; may be repeated. What the study asks about otherwise."
        ),
    ] = None,
    parameters: Annotated[
        str | None, typer.Option(help="What varies, between commas; all that differs between patients otherwise.")
    ] = None,
    method: Annotated[str, typer.Option(help="local, sobol, morris or pawn.")] = "local",
    samples: Annotated[
        int | None, typer.Option(min=2, help="Sobol: a power of 2 (256); Morris: trajectories (20); PAWN: (1000).")
    ] = None,
    level: Annotated[int, typer.Option(min=1, help="The dose level, or the arm by its number.")] = 1,
    days: Annotated[float, typer.Option(help="The last day; protocol day 1 begins at 0.")] = 21.0,
    fold: Annotated[float, typer.Option(help="Parameters alike in all patients vary within this factor.")] = 2.0,
    most: Annotated[int, typer.Option(min=1, help="Factors shown for each outcome.")] = 10,
    out: Annotated[Path | None, typer.Option(metavar="FILE.csv", help="Write every index, too.")] = None,
    seed: Annotated[int, SEED] = 1,
    threads: Annotated[int | None, typer.Option(min=1, help="Cores to use; all otherwise.")] = None,
) -> None:
    """What the outcomes of a study's typical patient depend on: locally, or over all that differs between patients."""
    from opsonin.cli.sensitivity import study_sensitivity

    study_sensitivity(study, outcome or [], parameters, method, samples, level, days, fold, most, out, seed, threads)


def why(
    study: Annotated[str, STUDY],
    change: Annotated[
        list[str] | None,
        typer.Option(help="Such as 'slower growth: tumour_growth_rate = responders', or '= 0.5'; may be repeated."),
    ] = None,
    outcome: Annotated[str, typer.Option(help="response, or 'progression-free at 6 months'.")] = "response",
    level: Annotated[int, typer.Option(min=1, help="The dose level, or the arm by its number.")] = 1,
    early: Annotated[int | None, typer.Option(help="Protocol day of the early panel; the first one otherwise.")] = None,
    assumed: Annotated[
        bool, typer.Option("--assumed", help="Instead, which assumed parameters the outcome hangs on.")
    ] = False,
    fold: Annotated[float, typer.Option(help="With --assumed: how uncertain they are, as a factor either way.")] = 2.0,
    out: Annotated[Path | None, typer.Option(help="A folder for findings, patients and report.")] = None,
    seed: Annotated[int, SEED] = 1,
    threads: Annotated[int | None, typer.Option(min=1, help="Cores to use; all otherwise.")] = None,
) -> None:
    """Who of a study's virtual patients responds, what separates them, and what would have turned the others."""
    if assumed:
        from opsonin.cli.assumptions import study_assumptions

        study_assumptions(study, change or [], outcome, level, fold, out, seed, threads)
        return
    from opsonin.cli.why import study_why

    study_why(study, change or [], outcome, level, early, out, seed, threads)
