"""Assembles the chapters and writes the report as one HTML file that needs no network."""

import json
import os
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from opsonin.analysis import Finding
from opsonin.errors import ReportError
from opsonin.record import Replicates, TrialRecord
from opsonin.record.species import said, species_of
from opsonin.report.chapters import (
    biomarkers,
    cohort,
    cohort_summary,
    discovery,
    immune,
    methods,
    pharmacokinetics,
    plan,
    response,
    safety,
    summary,
    synergy,
    trial,
    why,
)
from opsonin.report.content import Chapter
from opsonin.report.context import Context
from opsonin.report.figures.base import Figure
from opsonin.report.figures.canvas import six_digits
from opsonin.report.groups import grouped
from opsonin.report.species import told_of

CHAPTERS = (summary, trial, safety, pharmacokinetics, immune, response, biomarkers, methods)
# rooms that read no findings but those of these names: they can be drawn before there are any others
OWN = {
    safety.NAME: ("safety",),
    pharmacokinetics.NAME: ("pk",),
    immune.NAME: ("immune",),
    response.NAME: ("response", "survival", "tumour"),
}
MOST_ROWS = 20_000  # of a figure's values in the page; the record holds all


class Ahead(NamedTuple):
    """What of a report is there before all findings are: chapters by name, and drawings and values of their figures."""

    chapters: dict[str, Chapter]
    drawings: dict[str, str]
    values: dict[str, str]


def drawn_ahead(record: TrialRecord, findings: Iterable[Finding]) -> Ahead:
    """The chapters of OWN, from a record and findings of which only those of other names are missing."""
    context = _context(record, findings, None)
    made = {room.NAME: room.chapter(context) for room in _rooms(context) if room.NAME in OWN}
    figures = [figure for chapter in made.values() for figure in chapter.figures]
    drawings = {figure.name: _drawing(figure) for figure in figures}
    return Ahead(made, drawings, {figure.name: _values(figure) for figure in figures})


def write_report(
    record: TrialRecord,
    findings: Iterable[Finding],
    path: str | Path,
    replicates: Replicates | int | None = None,
    ahead: Ahead | None = None,
    tables: Mapping[str, Any] | None = None,
) -> Path:
    """Write the report of a record and its findings to `path` (.html) and give the path.

    replicates: the replicate trials, or only their number; their operating characteristics come as findings.
    ahead: what `drawn_ahead` gave for the same record.   tables: of discovery, by name, which its chapters draw.
    The same inputs give the same bytes. Raises: ReportError where the file cannot be written.
    """
    target = Path(path)
    page = render(record, list(findings), replicates, ahead, tables)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_text(page, encoding="utf-8")
            os.replace(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as problem:
        what = f"the report {target} cannot be written: {problem.strerror}"
        raise ReportError(f"{what}; choose another place.") from problem
    return target


def chapters_of(
    record: TrialRecord,
    findings: Iterable[Finding],
    replicates: Replicates | int | None = None,
    ahead: Ahead | None = None,
    tables: Mapping[str, Any] | None = None,
) -> list[Chapter]:
    """The chapters in order; those without data say why."""
    context = _context(record, findings, replicates, tables)
    there = {} if ahead is None else ahead.chapters
    return [there[room.NAME] if room.NAME in there else room.chapter(context) for room in _rooms(context)]


def _context(
    record: TrialRecord,
    findings: Iterable[Finding],
    replicates: Replicates | int | None,
    tables: Mapping[str, Any] | None = None,
) -> Context:
    """What the chapters are given. Responses that only lesions tell are derived first."""
    from opsonin.analysis.derived import completed

    record = completed(record, record.manifest.questions).record
    return Context(record, list(findings), grouped(record), _count(replicates), dict(tables or {}))


def _rooms(context: Context) -> tuple[Any, ...]:
    """A plan, a cohort and an explanation have reports of their own."""
    if context.named("plan"):
        return (plan, methods)
    if context.questions.get("explain"):
        return (why, methods)
    if context.questions.get("discovery") and context.tables:
        return (*discovery.rooms(context), methods)
    if context.named("cohort") and not any(len(getattr(context.record, name)) for name in ("exposures", "decisions")):
        return (cohort_summary, *cohort.ROOMS, methods)
    more = cohort.ROOMS if context.named("cohort") else ()
    more = (*more, synergy) if context.questions.get("synergy") else more
    more = (*more, why) if context.named("why") else more
    return (*CHAPTERS[:-1], *more, methods)


def render(
    record: TrialRecord,
    findings: Iterable[Finding],
    replicates: Replicates | int | None = None,
    ahead: Ahead | None = None,
    tables: Mapping[str, Any] | None = None,
) -> str:
    """The page as text."""
    species = species_of(record.manifest.questions)
    chapters = [told_of(chapter, species) for chapter in chapters_of(record, findings, replicates, ahead, tables)]
    figures = [figure for chapter in chapters for figure in chapter.figures]
    drawn, told = ({}, {}) if ahead is None else (ahead.drawings, ahead.values)
    manifest = record.manifest
    virtual = manifest.kind == "virtual"
    return _page().render(
        title=manifest.title or "Trial report",
        source=manifest.source,
        kind=manifest.kind,
        kind_words=said(_kind_words(virtual, manifest.questions or {}), species),
        version=manifest.software_version,
        chapters=[_numbered(chapter, k + 1) for k, chapter in enumerate(chapters)],
        drawings={figure.name: said(drawn.get(figure.name) or _drawing(figure), species) for figure in figures},
        values={figure.name: told.get(figure.name) or _values(figure) for figure in figures},
        css=_resource("report.css"),
        script=_resource("report.js"),
        plotly=_plotly(),
    )


def _kind_words(virtual: bool, questions: Mapping[str, Any]) -> str:
    if questions.get("discovery"):
        return "Patients' samples"
    if questions.get("cohort"):
        return "Virtual cohort: made-up patients, no one was treated" if virtual else "Cohort data"
    return "Virtual trial: simulated patients, no one was treated" if virtual else "Trial data"


def _count(replicates: Replicates | int | None) -> int | None:
    if replicates is None or isinstance(replicates, int):
        return replicates
    return len(replicates.trials)


def _numbered(chapter: Chapter, number: int) -> dict[str, Any]:
    return {
        "name": chapter.name,
        "title": chapter.title,
        "number": number,
        "absent": chapter.absent,
        "lead": chapter.lead,
        "blocks": chapter.blocks,
    }


def _drawing(figure: Figure) -> str:
    return script_safe(figure.plot.to_json())


def _values(figure: Figure) -> str:
    """A figure's data as JSON, for its CSV; numbers to six digits keep the page light."""
    frame = figure.data.head(MOST_ROWS)
    columns = [_cells(frame[name]) for name in frame.columns]
    content = {"columns": [str(name) for name in frame.columns], "rows": list(zip(*columns, strict=True))}
    return script_safe(json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")))


def _cells(column: Any) -> list[Any]:
    """A column's values as JSON: yes and no, whole numbers, numbers to six digits, text; missing ones as null."""
    missing = column.isna().to_numpy()
    kind = column.dtype.kind
    if kind == "f":
        values: list[Any] = six_digits(column.to_numpy(dtype=float, na_value=np.nan)).tolist()
        missing |= ~np.isfinite(column.to_numpy(dtype=float, na_value=np.nan))
    elif kind == "b":
        values = ["yes" if value is True or value == 1 else "no" for value in column.fillna(False)]
    elif kind in "iu":
        values = [int(value) for value in column.fillna(0)]
    else:
        values = [_cell(value) for value in column]
    return [None if gone else value for value, gone in zip(values, missing, strict=True)]


def _cell(value: Any) -> Any:
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | float | np.number):
        return float(f"{float(value):.6g}") if np.isfinite(value) else None
    return str(value)


def script_safe(text: str) -> str:
    """JSON that cannot end the script element it stands in, whatever users named their terms."""
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _resource(name: str) -> str:
    return (files("opsonin.report") / "templates" / name).read_text(encoding="utf-8")


def load_page() -> None:
    """Load what every page is made of, so that the first report does not wait for it."""
    _page()
    _plotly()


@cache
def _page() -> Any:
    from jinja2 import Environment, StrictUndefined

    return Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True).from_string(
        _resource("report.html")
    )


@cache
def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    return get_plotlyjs()
