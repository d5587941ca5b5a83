"""The commands about dose finding and their options: `opsonin decide` and `opsonin design compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

STUDY = typer.Argument(help="A study file, or the name of a bundled study.")


def add_commands(app: typer.Typer) -> None:
    """Give the command line these commands."""
    app.command()(decide)


def decide(
    study: Annotated[str, STUDY],
    record: Annotated[
        Path | None, typer.Option(help="The trial's results or record folder; the decision is written into it.")
    ] = None,
    outcomes: Annotated[
        str | None, typer.Option(help='Instead of a record, outcomes as text: "1NNN 2NTN", T for a patient with DLT.')
    ] = None,
    design: Annotated[str | None, typer.Option(help="Another design than the study's.")] = None,
    day: Annotated[
        float | None, typer.Option(help="Today on the trial's clock; every DLT window is over otherwise.")
    ] = None,
    write: Annotated[bool, typer.Option(help="Write the decision into the record.")] = True,
) -> None:
    """What the design recommends now, why, and what it will do for every outcome of the next cohort."""
    from opsonin.cli.deciding import decide_next

    decide_next(study, record, outcomes, design, day, write)
