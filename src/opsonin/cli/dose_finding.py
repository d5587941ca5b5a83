"""The commands about dose finding and their options: `opsonin decide` and `opsonin design compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

STUDY = typer.Argument(help="A study file, or the name of a bundled study.")


def add_commands(app: typer.Typer) -> None:
    """Give the command line these commands."""
    app.command()(decide)
    designs = typer.Typer(no_args_is_help=True, help="Dose-finding designs: compare them for a protocol.")
    designs.command("compare")(design_compare)
    app.add_typer(designs, name="design")


def decide(
    study: Annotated[str, STUDY],
    record: Annotated[
        Path | None, typer.Option(help="The trial's results or record folder; the decision is written into it.")
    ] = None,
    outcomes: Annotated[
        str | None, typer.Option(help='Instead of a record, outcomes as text: "1NNN 2NTN", T for a patient with DLT.')
    ] = None,
    design: Annotated[
        str | None, typer.Option(help='Another design than the study\'s: crm, or with options "crm(target=0.25)".')
    ] = None,
    day: Annotated[
        float | None, typer.Option(help="Today on the trial's clock; every DLT window is over otherwise.")
    ] = None,
    write: Annotated[bool, typer.Option(help="Write the decision into the record.")] = True,
) -> None:
    """What the design recommends now, why, and what it will do for every outcome of the next cohort."""
    from opsonin.cli.deciding import decide_next

    decide_next(study, record, outcomes, design, day, write)


def design_compare(
    study: Annotated[str, STUDY],
    designs: Annotated[
        str,
        typer.Option(
            help='Between commas, with options in brackets: "boin, crm(target=0.25), careful = boin(target=0.2)", or a '
            "TOML file with a table each; the others are compared with the first."
        ),
    ],
    out: Annotated[Path, typer.Option(help="The folder for the document and its tables.")],
    target: Annotated[
        float | None, typer.Option(help="DLT rate sought; the one of the study's design, or 0.30, otherwise.")
    ] = None,
    patients: Annotated[int | None, typer.Option(min=1, help="At most in a trial; 6 a level otherwise.")] = None,
    cohort: Annotated[int | None, typer.Option(min=1, help="Patients treated together; 3 otherwise.")] = None,
    cohorts: Annotated[int, typer.Option(min=1, max=20, help="How far pathways are followed.")] = 3,
    trials: Annotated[int, typer.Option(min=1, max=1_000_000, help="Simulated for each scenario.")] = 2000,
    accrual: Annotated[float, typer.Option(help="Days between patients, on average.")] = 14.0,
    truth: Annotated[
        list[str] | None,
        typer.Option(
            help="What designs are judged under, once or more: pool (the study's virtual patients), standard "
            "(scenarios around the target), rates such as 0.05,0.1,0.3,0.5, or a file (.toml of scenarios, .csv of "
            "series); pool and standard otherwise."
        ),
    ] = None,
    virtual: Annotated[bool, typer.Option(help="Without --truth: also on the study's virtual patients.")] = True,
    word: Annotated[bool | None, typer.Option(help="A Word file; if python-docx is installed otherwise.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="The one seed of all random numbers.")] = 1,
) -> None:
    """The document a protocol needs: decision tables, operating characteristics, pathways (HTML, Word, CSV)."""
    from opsonin.cli.comparing import compare_study_designs

    compare_study_designs(
        study, designs, out, target=target, patients=patients, cohort=cohort, cohorts=cohorts, trials=trials,
        accrual=accrual, truths=truth, virtual=virtual, word=word, seed=seed,
    )  # fmt: skip
