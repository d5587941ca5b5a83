"""What every chapter is given: the record, its findings by name, and its groups."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from opsonin.report import words
from opsonin.report.content import Block, Lines, Table, Text
from opsonin.report.groups import Groups

UNITLESS = (None, "", "dimensionless", "1", "ratio", "hazard ratio", "odds ratio")
FRACTIONS = ("fraction", "proportion", "share", "probability")


@dataclass(frozen=True)
class Context:
    """record: a TrialRecord.   findings: of the record (and its replicates).   replicates: how many trials, or None.

    tables: of discovery, by name.
    """

    record: Any
    findings: Sequence[Any]
    groups: Groups
    replicates: int | None = None
    tables: Mapping[str, Any] = field(default_factory=dict)

    @property
    def manifest(self) -> Any:
        return self.record.manifest

    @property
    def questions(self) -> dict[str, Any]:
        return self.record.manifest.questions or {}

    @property
    def sought(self) -> str:
        """What the design declares: the maximum tolerated dose, or an optimal one."""
        return str(self.questions.get("design_seeks") or "maximum tolerated dose")

    @property
    def virtual(self) -> bool:
        return self.record.manifest.kind == "virtual"

    @property
    def patients(self) -> int:
        return int(self.record.subjects["subject_id"].nunique())

    def named(self, *prefixes: str) -> list[Any]:
        """Findings that carry a number and whose name is, or begins with, one of the dotted prefixes."""
        return [
            f
            for f in self.findings
            if any(f.name == p or f.name.startswith(p + ".") for p in prefixes) and not words.missing(f.estimate)
        ]

    def ending(self, prefix: str, *endings: str) -> list[Any]:
        return [f for f in self.named(prefix) if f.name.rpartition(".")[2] in endings]

    def notes(self, *topics: str) -> list[str]:
        """What an analysis could not do and why."""
        wanted = [f for f in self.findings if f.name.startswith("note.") and f.name.split(".")[1] in topics]
        return list(dict.fromkeys(f.note for f in wanted if f.note))


def is_fraction(finding: Any) -> bool:
    """Whether a finding's numbers are to be written as percentages."""
    last = finding.name.rpartition(".")[2]
    return finding.unit in FRACTIONS or last.endswith(
        ("_rate", "_share", "_fraction", "_probability", "selected", "_rate_evaluable")
    )


def value_of(finding: Any, with_unit: bool = True) -> str:
    """The estimate and its interval with its unit: "0.729 (0.618–0.859)", "11.1 % (3.1–26.1)", "12.0 days"."""
    if words.missing(finding.estimate):
        return "not reached" if finding.name.endswith(".median") else "–"
    if is_fraction(finding):
        return words.with_interval(finding.estimate, finding.lower, finding.upper, percent=True)
    text = words.with_interval(finding.estimate, finding.lower, finding.upper)
    unit = "" if not with_unit or finding.unit in UNITLESS or finding.unit.startswith("chi-squared") else finding.unit
    return f"{text} {'%' if unit == 'percent' else unit}".strip()


def findings_table(
    title: str,
    findings: Sequence[Any],
    name: Callable[[Any], str],
    caption: str = "",
    folded: bool = False,
    counted: str = "patients",
    events: str = "events",
) -> Table | None:
    """Findings as rows: what, in whom, number with interval, p, n; columns that would be empty are left out."""
    if not findings:
        return None
    whole = "all" if any(f.group not in ("all", None) for f in findings) else ""
    columns: list[tuple[str, list[str]]] = [
        ("", [name(f) for f in findings]),
        ("group or contrast", [whole if f.group in ("all", None) else str(f.group) for f in findings]),
        ("estimate (interval)", [value_of(f) for f in findings]),
        ("p", [words.bare_p(f.p) if words.p_value(f.p) else "" for f in findings]),
        (counted, ["" if words.missing(f.n) else f"{int(f.n):,}" for f in findings]),
        (events, ["" if words.missing(f.events) else f"{int(f.events):,}" for f in findings]),
    ]
    kept = [(head, cells) for k, (head, cells) in enumerate(columns) if k == 0 or any(cells)]
    return Table(
        title,
        [head for head, _ in kept],
        list(zip(*(cells for _, cells in kept), strict=True)),
        caption,
        frozenset(k for k, (head, _) in enumerate(kept) if head not in ("", "group or contrast")),
        small=len(findings) > 12,
        folded=folded,
    )


def pivot(
    title: str, findings: Sequence[Any], column: Callable[[Any], str], order: Sequence[str] = (), caption: str = ""
) -> Table | None:
    """Findings as a table of groups by measures, each cell the number with its interval.

    column: the heading of a finding's measure.   order: groups in reading order; others follow; "all" comes last.
    """
    if not findings:
        return None
    cells: dict[str, dict[str, str]] = {}
    heads: dict[str, str] = {}
    for f in findings:
        unit = "" if is_fraction(f) or f.unit in UNITLESS or f.unit in column(f) else f", {f.unit}"
        heads.setdefault(column(f), f"{column(f)}{unit}")
        cells.setdefault(str(f.group), {}).setdefault(column(f), value_of(f, with_unit=False))
    place = {name: k for k, name in enumerate([*order, "none"])}
    names = sorted(cells, key=lambda name: len(place) + (name == "all") if name not in place else place[name])
    rows = [[name, *(cells[name].get(head, "") for head in heads)] for name in names]
    return Table(title, ["", *heads.values()], rows, caption, frozenset(range(1, len(heads) + 1)), small=True)


def remarks(context: Context, *topics: str) -> list[Block]:
    """What could not be done and why: quiet sentences, or a folded list where there are many."""
    told = [words.sentence(text) for text in context.notes(*topics)]
    if len(told) > 3:
        return [Lines([("", text) for text in told], f"What could not be analysed, and why ({len(told)})", folded=True)]
    return [Text(text, quiet=True) for text in told]
