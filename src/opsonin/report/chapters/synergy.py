"""The chapter Synergy: whether two treatments together do more than independent effects would make."""

from typing import Any

import pandas as pd

from opsonin.report import words
from opsonin.report.content import Block, Chapter, Drawing, Lines
from opsonin.report.context import Context, findings_table, remarks
from opsonin.report.figures.base import Figure
from opsonin.report.figures.forest import forest

NAME, TITLE = "synergy", "Synergy"
CAPTION = (
    "Observed over expected: the marker under both treatments over what independent effects (Bliss) make of the other "
    "three arms. 1 is independence; an interval that holds 1 cannot tell."
)


def chapter(context: Context) -> Chapter:
    """A line a question, the ratios with their intervals, the numbers."""
    found = context.named("synergy")
    if not found:
        notes = " ".join(words.sentence(text) for text in context.notes("synergy"))
        return Chapter(NAME, TITLE, absent=notes or "Nobody asked about synergy.")
    blocks: list[Block] = [Lines(in_words(context), "In words")]
    figure = _drawn(found)
    blocks += [] if figure is None else [Drawing(figure)]
    blocks += remarks(context, "synergy")
    table = findings_table("Synergy in numbers", found, _told)
    blocks += [] if table is None else [table]
    return Chapter(NAME, TITLE, blocks)


def in_words(context: Context) -> list[tuple[str, str]]:
    """What is found of each question."""
    out = []
    for f in context.ending("synergy", "excess"):
        stem = f.name.removesuffix(".excess")
        expected, observed = (_first(context, f"{stem}.{what}", f.group) for what in ("expected", "observed"))
        if expected is None or observed is None:
            continue
        told = (
            f"× {words.number(observed.estimate, whole=False)} of {_control(expected)}, where independent effects "
            f"would make × {words.number(expected.estimate, whole=False)}: observed over expected "
            f"{words.with_interval(f.estimate, f.lower, f.upper)}. {f.note}"
        )
        best = _first(context, f"{stem}.over_best", f.group)
        if best is not None:
            ratio = words.with_interval(best.estimate, best.lower, best.upper)
            told = f"{words.ended(told)} Over the better of the two alone: {ratio}."
        share = _first(context, f"{stem}.told", f.group)
        if share is not None:
            often = words.count_of(int(share.events), int(share.n), "replicate trials")
            told = f"{words.ended(told)} More than independence is told by {often}."
        out.append((f"{f.group}, {_marker(f)}:", words.ended(told)))
    return out


def _first(context: Context, name: str, group: str) -> Any:
    return next((f for f in context.findings if f.name == name and f.group == group), None)


def _control(finding: Any) -> str:
    return str(finding.note).removeprefix("relative to ") or "control"


def _marker(finding: Any) -> str:
    return finding.name.removeprefix("synergy.").rpartition(".")[0]


def _drawn(found: list[Any]) -> Figure | None:
    ratios = [f for f in found if f.name.endswith(".excess")]
    if not ratios:
        return None
    names = [f"{f.group}: {_marker(f)}" for f in ratios]
    rows = pd.DataFrame(
        {"name": names, **{part: [float(getattr(f, part)) for f in ratios] for part in ("estimate", "lower", "upper")}}
    )
    plot = forest(names, rows, "observed over expected of independent effects")
    return Figure("synergy-ratios", "Together, against independent effects", CAPTION, plot, rows)


def _told(finding: Any) -> str:
    part = {
        "excess": "observed over expected",
        "over_best": "both over the better of the two alone",
        "expected": "expected of independent effects",
        "observed": "observed",
        "alone": "alone",
        "excess_over_trials": "observed over expected, over replicate trials",
        "told": "replicate trials that tell more than independence",
    }[finding.name.rpartition(".")[2]]
    return f"{_marker(finding)}: {part}"
