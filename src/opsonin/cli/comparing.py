"""`opsonin design compare`: the document a protocol needs on its design."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape

from opsonin.cli.screen import Phases, console, table

if TYPE_CHECKING:
    from opsonin.designs.comparison import Comparison
    from opsonin.study import Study

TARGET = 0.30  # where the study's design has none


def compare_study_designs(
    study: str,
    designs: str,
    out: Path,
    *,
    target: float | None,
    patients: int | None,
    cohort: int | None,
    cohorts: int,
    trials: int,
    accrual: float,
    truths: list[str] | None,
    virtual: bool,
    word: bool | None,
    seed: int,
) -> None:
    """Compare designs under the truths asked for and write the document.

    truths: as `study_truths` reads them; the study's virtual patients, where `virtual`, and standard scenarios where
    None.
    Raises: StudyError, DesignError for what cannot be built; ReportError where it cannot be written.
    """
    from opsonin.designs import Accrual
    from opsonin.designs.comparison import compare_designs
    from opsonin.report.dose_finding import About, write_comparison
    from opsonin.study import Study
    from opsonin.study.asked_designs import compared_design, read_designs
    from opsonin.study.dose_finding import level_names
    from opsonin.study.truths import POOL, STANDARD, study_truths

    read = Study.load(study)
    sought = _target(read) if target is None else target
    given = {"target": target, "patients": patients, "cohort": cohort}
    wanted = {name: value for name, value in given.items() if value is not None}
    planned = read.file.escalation.design
    usual = {"target": sought, "cohort": 3} | {key: planned[key] for key in ("patients", "cohort") if key in planned}
    made = {label: compared_design(read, one, usual, wanted) for label, one in read_designs(designs).items()}
    with Phases() as progress:
        under = [*([POOL] if virtual else []), STANDARD] if truths is None else truths
        needs = frozenset().union(*(one.needs for one in made.values()))
        scenarios, notes = study_truths(read, under, sought, seed, progress, needs)
        progress("simulating trials")
        coming = Accrual(accrual, False, *read.file.escalation.gaps)
        found = compare_designs(made, scenarios, sought, trials, seed, coming, cohorts)
        progress("writing the document")
        written = write_comparison(found, About(read.file.title, level_names(read), read.file.source, notes), out, word)
    _say(found)
    for path in written[: 2 if written[1].suffix == ".docx" else 1]:
        console().print(f"document  {escape(str(path))}", soft_wrap=True)


def _target(study: Study) -> float:
    from opsonin.study.dose_finding import study_design

    return float(getattr(study_design(study), "target", TARGET))


def _say(found: Comparison) -> None:
    from opsonin.report.dose_finding.content import by_key, cell, measures

    shown = measures(found)
    heads = ["design", *(head for head, _ in shown.values())]
    numbers = by_key(found.characteristics(), "mean")
    screen = console()
    for scene in found.scenarios:
        unknown = (float("nan"), float("nan"))
        rows = [
            [n, *(cell(*numbers.get((scene, n, m), unknown), kind) for m, (_, kind) in shown.items())]
            for n in found.designs
        ]
        screen.print()
        screen.print(table(scene, heads, rows, right=heads[1:]))
    screen.print()
