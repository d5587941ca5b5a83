"""The commands and their options."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from opsonin.cli.dose_finding import add_commands
from opsonin.cli.interrupts import INTERRUPTED, raising
from opsonin.cli.of_models import add_commands as add_model_commands
from opsonin.errors import OpsoninError


class _Guarded(TyperGroup):
    """Turns what a user can cause into one line on stderr and an exit code, never a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            with raising():
                return super().invoke(ctx)
        except OpsoninError as problem:
            typer.echo(f"error: {problem}", err=True)
            raise typer.Exit(2) from None
        except KeyboardInterrupt:
            typer.echo("\ninterrupted; earlier results are as they were.", err=True)
            raise typer.Exit(INTERRUPTED) from None


app = typer.Typer(
    cls=_Guarded,
    help="The workbench for early-phase cancer immunotherapy: virtual and real trials, one record, the same analyses.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Begin with: list, then new my-study.toml, check my-study.toml, run my-study.toml. Data of your own: "
    "analyse, cohort or discover. Research software; not a medical device.",
)

Seed = Annotated[int, typer.Option(min=0, help="The one seed of all random numbers.")]
Out = Annotated[Path | None, typer.Option(help="The results folder; results/<name> otherwise.")]


def _version(wanted: bool) -> bool:
    if wanted:
        from opsonin.version import __version__

        typer.echo(f"opsonin {__version__}")
        raise typer.Exit
    return wanted


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    pass


@app.command("list")
def list_() -> None:
    """What is bundled: studies, therapies, designs, indications, mappings."""
    from opsonin.cli.listing import list_everything

    list_everything()


@app.command()
def new(
    path: Annotated[Path, typer.Argument(help="The study file to write.")],
    start: Annotated[
        str, typer.Option("--from", help="A bundled study, or a study file, to start from.")
    ] = "imatinib-il2",
) -> None:
    """Write a study file to start from; an existing file is never overwritten."""
    from opsonin.cli.studies import new_study

    new_study(path, start)


@app.command()
def check(study: Annotated[str, typer.Argument(help="A study file, or the name of a bundled study.")]) -> None:
    """Say what a study means in words, or what is wrong and where."""
    from opsonin.cli.studies import check_study

    check_study(study)


@app.command()
def run(
    study: Annotated[str, typer.Argument(help="A study file, or the name of a bundled study.")],
    seed: Seed = 1,
    trials: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many replicate trials.")] = 1,
    out: Out = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Cores to use; all otherwise.")] = None,
    workers: Annotated[
        int, typer.Option(min=1, max=1024, help="Processes that share the simulations (and the cores).")
    ] = 1,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a run that was stopped or killed, from what it had finished.")
    ] = False,
) -> None:
    """Run a study on virtual patients: a record, findings and a report come out."""
    from opsonin.cli.running import run_study

    run_study(study, seed, trials, out, threads, workers, resume)


add_model_commands(app)


@app.command()
def analyse(
    data: Annotated[Path, typer.Argument(help="A file or folder: CSV, Parquet, ADaM, or a record.")],
    map_: Annotated[
        str | None,
        typer.Option("--map", metavar="MAP.toml", help="A mapping file, or a bundled one that `list` names."),
    ] = None,
    out: Out = None,
    seed: Seed = 1,
) -> None:
    """Read a real trial's data and write its record, findings and report."""
    from opsonin.cli.running import analyse_data

    analyse_data(data, map_, out, seed)


@app.command()
def gate(
    panel: Annotated[Path, typer.Argument(metavar="PANEL.toml", help="Which tube is whose, which gates are markers.")],
    out: Out = None,
) -> None:
    """Gate FCS files by a saved strategy and count cells per µl: a record comes out (extra: cytometry)."""
    from opsonin.cli.gating import gate_files

    gate_files(panel, out)


@app.command()
def cohort(
    data: Annotated[str, typer.Argument(help="A file or folder of data, a record, or the bundled gist-cohort.")],
    map_: Annotated[
        str | None, typer.Option("--map", metavar="MAP.toml", help="A mapping file, or a bundled one.")
    ] = None,
    outcome: Annotated[str | None, typer.Option(help="The time to an event: PFS, OS, RFS … PFS if left out.")] = None,
    markers: Annotated[str | None, typer.Option(help='Markers, between commas: "CD3,NKp46".')] = None,
    adjust: Annotated[str | None, typer.Option(help='Clinical variables, between commas: "miettinen,kit".')] = None,
    categories: Annotated[
        str | None, typer.Option(help="Adjustments to take as categories though they are ordered or numbers.")
    ] = None,
    at: Annotated[float | None, typer.Option(min=0, help="Months at which predictions are checked.")] = None,
    out: Out = None,
    seed: Seed = 1,
) -> None:
    """A retrospective cohort: do markers go with outcome, and do they add to what the clinic knows?"""
    from opsonin.cli.cohort import analyse_cohort

    analyse_cohort(data, map_, outcome, markers, adjust, categories, at, out, seed)


@app.command()
def discover(
    data: Annotated[Path, typer.Argument(help="A file or folder: h5ad, 10x, tables of cells, counts or expression.")],
    map_: Annotated[
        str, typer.Option("--map", metavar="MAP.toml", help="A mapping of samples, or a bundled one: melanoma-icb …")
    ],
    question: Annotated[str, typer.Option(help="states, targets or plasticity.")] = "states",
    out: Out = None,
    seed: Seed = 1,
) -> None:
    """From patients' samples to cell states, targets or plasticity, patients being the unit (extra: discovery)."""
    from opsonin.cli.discover import discover_data

    discover_data(data, map_, question, out, seed)


@app.command()
def plan(
    results: Annotated[Path, typer.Argument(help="A results folder, or a record folder.")],
    endpoint: Annotated[
        str, typer.Option(help="response, 'disease control', or a time to an event such as PFS.")
    ] = "PFS",
    group: Annotated[
        str | None, typer.Option(help="The dose level or arm to go on with; all patients otherwise.")
    ] = None,
    weight: Annotated[float | None, typer.Option(help="What a patient of this trial counts: 1, or less.")] = None,
    null: Annotated[float | None, typer.Option(help="The response rate not worth pursuing (0.1).")] = None,
    target: Annotated[
        float | None, typer.Option(help="The response rate hoped for; the expected one otherwise.")
    ] = None,
    control_median: Annotated[
        float | None, typer.Option(help="Months: the comparator's median, where this trial had no control.")
    ] = None,
    control_events: Annotated[float | None, typer.Option(help="Events behind it; taken as known otherwise.")] = None,
    ratio: Annotated[
        float | None, typer.Option(help="The hazard ratio to plan with; the doubted one otherwise.")
    ] = None,
    alpha: Annotated[float | None, typer.Option(help="One-sided error: 0.05 for a response, else 0.10.")] = None,
    power: Annotated[float | None, typer.Option(help="Power, or assurance, wanted (0.8).")] = None,
    accrual: Annotated[float | None, typer.Option(help="Months of accrual (18).")] = None,
    follow_up: Annotated[float | None, typer.Option(help="Months from the last patient to the analysis (12).")] = None,
    dropout: Annotated[float | None, typer.Option(help="Share of patients lost a year (0.05).")] = None,
    doubt: Annotated[
        float | None, typer.Option(help="SD of the sceptical prior of log hazard ratios (0.5); 0 for none.")
    ] = None,
    largest: Annotated[int | None, typer.Option(min=20, max=5000, help="The largest trial looked at.")] = None,
    enrich: Annotated[
        str | None, typer.Option(metavar="MARKER", help="Compare with taking high patients only.")
    ] = None,
    day: Annotated[int | None, typer.Option(help="The protocol day of that marker; baseline otherwise.")] = None,
    cut: Annotated[float | None, typer.Option(help="Where high begins; the median otherwise.")] = None,
    trials: Annotated[int | None, typer.Option(min=100, help="Simulated trials for each size (2000).")] = None,
    out: Annotated[Path | None, typer.Option(help="A folder for the plan's findings and report.")] = None,
    seed: Seed = 1,
) -> None:
    """Plan the next trial from what this one showed: its size, power, and the probability that it succeeds."""
    from opsonin.cli.planning import plan_trial

    plan_trial(
        results, out, seed, endpoint=endpoint, group=group, weight=weight, null_rate=null, target_rate=target,
        control_median_months=control_median, control_events=control_events, planned_ratio=ratio, alpha=alpha,
        goal=power, accrual_months=accrual, follow_up_months=follow_up, dropout_per_year=dropout, prior_sd=doubt,
        largest=largest, enrich=enrich, day=day, cut=cut, trials=trials,
    )  # fmt: skip


@app.command()
def show(folder: Annotated[Path, typer.Argument(help="A results folder, or a record folder.")]) -> None:
    """The record and the findings of a results folder, as tables."""
    from opsonin.cli.showing import show_results

    show_results(folder)


@app.command()
def explain(
    name: Annotated[
        str, typer.Argument(help="A therapy, your own ./file.py:function, a study, or first-core, full-core.")
    ],
    diagram: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the model instead: .svg, or .dot for Graphviz.")
    ] = None,
) -> None:
    """A therapy: its parameters with units and sources, its processes as equations; or a picture of the model."""
    from opsonin.cli.explaining import explain_name

    explain_name(name, diagram)


add_commands(app)


def run_command() -> None:
    """Do what the command line asks for, and end the process."""
    gc.set_threshold(400_000, 20, 100)  # models and tables are many objects that stay: looking through them is in vain
    app()
