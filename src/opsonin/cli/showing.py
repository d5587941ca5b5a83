"""`opsonin show`: a record and its findings as tables in the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.padding import Padding

from opsonin.cli.screen import console, table
from opsonin.results import FINDINGS, REPORT, record_folder

if TYPE_CHECKING:
    from rich.console import RenderableType

    from opsonin.analysis import Finding, Findings
    from opsonin.record import TrialRecord

WIDE = 130  # columns of a terminal from which on the methods are shown
SAID = ("", "dimensionless", "proportion", "ratio", "hazard ratio", "ratio of hazard ratios", "ratio to baseline")
SAID += ("area under the ROC curve", "odds ratio")  # the finding's name says these
NARROW, ROOMY = (24, 14, 16), (44, 34, 24)  # what a group, an estimate and an interval get before they wrap


def show_results(folder: Path) -> None:
    """Print sizes of tables, subjects and DLTs by level or arm, and the findings, if there are any beside the record.

    Raises: RecordError where the folder holds no record, or a damaged one.
    """
    where = record_folder(folder)
    from opsonin.record import TrialRecord

    record = TrialRecord.load(where)
    screen = console()
    screen.print(f"[bold]{escape(record.manifest.title or str(folder))}[/bold]")
    screen.print(_provenance(record))
    for made in _tables(record, where.parent / FINDINGS, wide=screen.width >= WIDE):
        screen.print()
        screen.print(made)
    if (where.parent / REPORT).is_file():
        screen.print(f"\nreport    {escape(str(where.parent / REPORT))}", soft_wrap=True)


def _provenance(record: TrialRecord) -> str:
    manifest = record.manifest
    seed = f", seed {manifest.seed}" if manifest.seed is not None else ""
    left = f"; {manifest.left_out} rows of the data were left out" if manifest.left_out else ""
    return f"{manifest.kind} trial{seed}, written by Opsonin {manifest.software_version}{left}"


def _tables(record: TrialRecord, findings: Path, wide: bool) -> Iterator[RenderableType]:
    sizes = [(name, f"{len(frame):,}") for name, frame in record.tables.items() if len(frame)]
    yield table("Record", ("table", "rows"), sizes, right=["rows"])
    groups = _groups(record)
    if groups:
        columns = ("group", "subjects", "evaluable", "with DLT", "DLTs")
        yield table("Subjects", columns, groups, right=columns[1:4])
    if len(record.decisions):
        rows = record.decisions[["decision_id", "decision", "level_from", "level_to", "reason"]].astype("object")
        rows = rows.where(rows.notna(), "–").itertuples(index=False)
        yield table("Decisions", ("", "decision", "from", "to", "reason"), rows)
    if findings.is_file():
        from opsonin.analysis import Findings

        found = Findings.load(findings)
        yield from _findings(found.results, wide)
        names = _endpoints(record, found)
        if names:
            yield table("Endpoints", ("", ""), names)
        if found.notes:
            yield table("Not answered", ("",), [(text,) for text in found.notes])


def _groups(record: TrialRecord) -> list[tuple[str, int, int | str, int, str]]:
    """Subjects, DLT-evaluable subjects and subjects with a DLT by level (arm where there is none)."""
    subjects = record.subjects
    by = "level" if subjects["level"].notna().any() else "arm"
    if not subjects[by].notna().any():
        return []
    events = record.adverse_events
    limiting = events[events["dlt"].fillna(False).astype(bool)]
    judged = record.disposition.loc[record.disposition["milestone"] == "DLT-evaluable", "subject_id"]
    rows = []
    for value, here in subjects.groupby(by):
        ids = here["subject_id"]
        mine = limiting[limiting["subject_id"].isin(ids)]
        arms = here["arm"].dropna().unique()
        name = f"{value}: {arms[0]}" if by == "level" and len(arms) == 1 else str(value)
        evaluable = int(ids.isin(judged).sum()) if len(judged) else "–"
        terms = ", ".join(sorted(set(mine["term"].astype(str))))
        rows.append((name, len(ids), evaluable, mine["subject_id"].nunique(), terms or "–"))
    return rows


def _findings(found: list[Finding], wide: bool) -> Iterator[RenderableType]:
    """One block of aligned lines: the name of each finding, with its method where there is room, then its groups."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    cells = [_numbers(f) for f in found]
    widths = [max((len(row[k]) for row in cells), default=0) for k in range(5)]
    widths = [min(w, most) for w, most in zip(widths, (*(ROOMY if wide else NARROW), *widths[3:]), strict=True)]
    blocks: list[RenderableType] = [Text("Findings (group, estimate, interval, p, n)", style="bold")]
    for name in dict.fromkeys(f.name for f in found):
        rows = [(f, numbers) for f, numbers in zip(found, cells, strict=True) if f.name == name]
        methods = dict.fromkeys(f.method for f, _ in rows)
        blocks.append(Text.assemble((name, "cyan"), (f"  {'; '.join(methods)}" if wide else "", "dim")))
        grid = Table.grid(padding=(0, 2, 0, 0))
        for k, width in enumerate(widths):
            grid.add_column(width=width, justify="left" if k < 3 else "right")
        for _, numbers in rows:
            grid.add_row(*(escape(cell) for cell in numbers))
        blocks.append(Padding(grid, (0, 0, 0, 2)))
    yield Group(*blocks)


def _numbers(found: Finding) -> tuple[str, ...]:
    from opsonin.report.words import between, missing, number, p_value

    interval = "" if missing(found.lower) and missing(found.upper) else between(found.lower, found.upper)
    unit = "" if found.unit in SAID else f" {found.unit}"
    p = "" if missing(found.p) else p_value(found.p)
    n = "" if found.n is None else f"{found.n:,}"
    return found.group, f"{number(found.estimate)}{unit}", interval, p, n


def _endpoints(record: TrialRecord, found: Findings) -> list[tuple[str, str]]:
    """What the endpoints are called."""
    from opsonin.analysis.asked import endpoint_name

    codes = dict.fromkeys(f.name.split(".")[1] for f in found.results if f.name.startswith("survival."))
    return [(code, endpoint_name(record.manifest.questions, code)) for code in codes]
