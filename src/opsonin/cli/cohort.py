"""`opsonin cohort`: a retrospective cohort from its data to a results folder."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from opsonin.cli.given import listed
from opsonin.cli.screen import Phases, console
from opsonin.results import FINDINGS, MAP, RECORD, REPORT, new_results, refuse_foreign

if TYPE_CHECKING:
    from opsonin.analysis import Findings
    from opsonin.record import TrialRecord

CHAPTERS = ("groups", "survival", "cohort")


def analyse_cohort(
    data: str,
    mapping: str | None,
    outcome: str | None,
    markers: str | None,
    adjust: str | None,
    categories: str | None,
    at: float | None,
    out: Path | None,
    seed: int,
) -> None:
    """Read a cohort, ask what was asked, and write record, findings and report.

    Raises: ImportDataError for data that cannot be read; AnalysisError for an outcome, marker or column it lacks.
    """
    folder = out or Path("results") / (Path(mapping).stem if mapping else Path(data).stem.split(".")[0])
    refuse_foreign(folder)
    lists = {"markers": markers, "adjust": adjust, "categories": categories}
    given = {name: listed(text) for name, text in lists.items() if text is not None}
    asked = {"outcome": outcome, **given, "at_months": at}
    with Phases() as progress:
        progress("reading the data")
        record = _record(data, mapping)
        question = dict(record.manifest.questions.get("cohort") or {})
        question |= {name: value for name, value in asked.items() if value is not None}
        record.manifest.questions["cohort"] = question
        if record.manifest.kind == "real":
            record.manifest.seed = seed  # of permutations and samples; a virtual record keeps that of its patients
        elif seed != 1:
            record.manifest.notes.append(f"Permutations and samples were drawn with --seed {seed}.")
        progress("analysing")
        findings = _analysed(record, seed)
        with new_results(folder) as fresh:
            record.save(fresh / RECORD)
            findings.save(fresh / FINDINGS)
            if mapping:
                shutil.copyfile(_mapping_file(mapping), fresh / MAP)
            progress("writing the report")
            from opsonin.report import write_report

            write_report(record, findings, fresh / REPORT)
    _conclude(record, findings, folder)


def _mapping_file(mapping: str) -> Path:
    from opsonin.record.read import example

    return Path(mapping) if Path(mapping).is_file() else example(mapping)


def _record(data: str, mapping: str | None) -> TrialRecord:
    from opsonin.record import read_data
    from opsonin.record.virtual_cohorts import virtual_cohort, virtual_cohorts

    if data in virtual_cohorts() and not Path(data).exists() and mapping is None:
        return virtual_cohort(data)
    return read_data(data, mapping)


def _analysed(record: TrialRecord, seed: int) -> Findings:
    """The chapters of a cohort; what cannot be asked is an error here, not a note in a report of nothing."""
    from opsonin.analysis import ask
    from opsonin.analysis.cohort_data import read_cohort
    from opsonin.analysis.everything import analyse_part, joined

    read_cohort(ask(record, seed=seed))
    return joined(analyse_part(CHAPTERS, record, seed=seed))


def _conclude(record: TrialRecord, findings: Findings, folder: Path) -> None:
    from opsonin.report.chapters.cohort_summary import found
    from opsonin.report.context import Context
    from opsonin.report.groups import grouped

    screen, told = console(), Context(record, findings, grouped(record), None)
    if record.manifest.kind == "virtual":
        for line in record.manifest.notes[:1]:
            screen.print(f"  • {escape(line)}", soft_wrap=True)
    lines: list[tuple[str, Any]] = list(found(told))
    for strong, rest in lines:
        screen.print(f"  • {escape(f'{strong} {rest}'.strip())}", soft_wrap=True)
    screen.print(f"record    {escape(str(folder / RECORD))}", soft_wrap=True)
    screen.print(f"report    {escape(str(folder / REPORT))}", soft_wrap=True)
