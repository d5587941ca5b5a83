"""`opsonin why --assumed`: which assumed parameters of a study its outcome hangs on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.markup import escape

from opsonin.cli.screen import Phases, console, table
from opsonin.errors import StudyError

SHOWN = 15  # parameters in the terminal
TABLE = "assumptions.csv"


def study_assumptions(
    name: str,
    changes: Sequence[str],
    outcome: str,
    level: int,
    fold: float,
    out: Path | None,
    seed: int,
    threads: int | None,
) -> None:
    """Print the strongest; with `out` write all of them there, assumptions.csv.

    Raises: StudyError where changes are asked for too, and whatever `assumed_shares` refuses.
    """
    from opsonin.report import words
    from opsonin.study import Study
    from opsonin.study.assumptions import assumed_shares

    if changes:
        raise StudyError("--assumed asks about all that is assumed, --change about one mechanism; ask one at a time.")
    if out is not None and out.exists() and not out.is_dir():
        raise StudyError(f"{out} is a file; name a folder for the table.")
    study = Study.load(name)
    with Phases() as progress:
        progress("building the model", 0, 0)
        found = assumed_shares(
            study, outcome=outcome, level=level, fold=fold, seed=seed, threads=threads, progress=progress
        )
    screen = console()
    screen.print(f"[bold]{escape(study.file.title)}[/bold]")
    clear = found.table[found.table["lower"] > 0]
    left = f" ({found.unable} more cannot start with theirs)" if found.unable else ""
    screen.print(
        f"{len(found.table)} parameters are assumed. With each uncertain by a factor of {fold:g} either way, "
        f"{escape(outcome)}: {100 * found.rate:.1f} % of {found.n:,} virtual patients{left}; as assumed "
        f"{100 * found.rate_as_assumed:.1f} %. With so many patients {len(clear)} can be told from nought; alone, they "
        f"account for {100 * clear['share'].sum():.0f} % of the variance.",
        soft_wrap=True,
    )
    lines = [
        (
            str(row["parameter"]).replace("_", " "),
            f"{row['value']:.4g} {row['unit']}".replace(" dimensionless", ""),
            words.with_interval(row["share"], row["lower"], row["upper"], percent=True),
            str(row["source"]).partition(":")[2].strip() or str(row["source"]),
        )
        for _, row in found.table.head(SHOWN).iterrows()
    ]
    screen.print()
    screen.print(table("Share of the variance", ("", "value", "estimate (95 % interval)", "assumed"), lines))
    if found.nought:
        screen.print(f"\nAssumed to be nought, and left so: {escape(', '.join(found.nought))}.", soft_wrap=True)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        found.table.to_csv(out / TABLE, index=False)
        screen.print(f"\ntable     {escape(str(out / TABLE))}", soft_wrap=True)
