"""The document on a comparison of designs, as blocks that HTML and Word are written from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from opsonin.designs import Boin12, Pathways, parse_outcomes, rank_based_scores
from opsonin.designs.comparison import TOO_HIGH, Comparison, decision_rows, innermost
from opsonin.designs.evidence import GRADES, LOTS
from opsonin.report.dose_finding.pathway_tree import pathway_tree

MEASURES = {  # measure → heading, kind
    "right dose": ("right dose", "share"),
    "too toxic dose": ("too toxic dose", "share"),
    "no dose": ("no dose", "share"),
    "patients": ("patients", "number"),
    "DLTs": ("DLTs", "number"),
    "share of patients overdosed": ("patients overdosed", "share"),
    "days": ("months", "months"),
}
MONTH = 30.4375  # days
DECISIONS = 12  # patients at a level up to which decisions are tabulated
RANKED = (0, 3, 6, 9)  # patients at a level whose outcomes are ranked by what they are worth
STATES = 60  # rows of a table of pathways in the document; the CSV holds all


@dataclass(frozen=True)
class About:
    """What the document is about, beside the numbers.

    levels: the dose of each level.   notes: sentences on where the scenarios come from.
    """

    title: str
    levels: list[str]
    source: str = ""
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Heading:
    text: str


@dataclass(frozen=True)
class Words:
    text: str


@dataclass(frozen=True)
class Grid:
    """A table.   rows: cells as they are printed, the first column to the left, the others to the right or left."""

    caption: str
    heads: list[str]
    rows: list[list[str]]
    right: bool = True


@dataclass(frozen=True)
class Image:
    """A picture as SVG; Word gets its caption."""

    caption: str
    svg: str


Block = Heading | Words | Grid | Image


def document(found: Comparison, about: About) -> list[Block]:
    """The blocks, in order."""
    return [
        *_what(found, about),
        *_tables(found),
        *_characteristics(found, about),
        *_differences(found),
        *_pathways(found),
    ]


def _what(found: Comparison, about: About) -> Iterator[Block]:
    yield Heading("What was compared")
    named = [f"{label} {name}" for label, name in zip(labels(found), about.levels, strict=True)]
    yield Words(f"Dose levels: {'; '.join(named)}.")
    yield Grid("The designs", ["design", "rule"], [[n, one.describe()] for n, one in found.designs.items()], False)
    over = [told for name, one in found.designs.items() if (told := _goes_over(name, one))]
    if over:
        yield Words(f"{' '.join(over)} The option no_skipping = true goes over no level.")
    yield Words(
        f"Each design was simulated in {found.trials:,} trials a scenario (seed {found.seed}), all on the same "
        f"patients, who come every {found.accrual.days:g} days on average while a cohort is open{_watched(found)}. "
        f"A dose is right where its DLT rate is nearest to {found.target:.0%}, and too toxic where its rate is above "
        f"that and it is not right; where every rate is {TOO_HIGH * found.target:.0%} or more, it is right to "
        "declare none. Numbers after ± are Monte Carlo standard errors."
    )
    if found.worth is not None:
        worth = found.worth
        yield Words(
            f"A dose is best where patients' outcomes are worth most on average: a response without a DLT counts 100, "
            f"neither {worth.good:g}, both {worth.bad:g}, a DLT without a response 0; of the doses with a DLT rate "
            f"below {TOO_HIGH * found.target:.0%} and a response rate of at least {worth.least:.0%}. Where there is "
            "none, it is best to declare none."
        )
    for note in about.notes:
        yield Words(note)


def _goes_over(name: str, design: Any) -> str:
    """What a design of one agent does after a first cohort without a DLT, where it goes over untried levels."""
    if getattr(design, "columns", None) is not None:
        return ""
    first = design.decide(parse_outcomes(""))
    if first.level is None or not first.patients:
        return ""
    each = "Ng0" if GRADES in design.needs else "N"
    then = design.decide(parse_outcomes(f"{first.level}{each * first.patients}"))
    if then.level is None or then.level <= first.level + 1:
        return ""
    return (
        f"{name} goes over untried levels: after {first.patients} without a DLT at level {first.level} it treats the "
        f"next at level {then.level}."
    )


def _watched(found: Comparison) -> str:
    """How long patients of a cohort wait for those ahead of them, where they do."""
    sentinel, stagger = found.accrual.sentinel_days, found.accrual.stagger_days
    said = [f"the second of a cohort {sentinel:g} days after the first or later"] if sentinel else []
    said += [f"the third and later ones {stagger:g} days after the one ahead or later"] if stagger else []
    return f" ({', '.join(said)})" if said else ""


def labels(found: Comparison) -> list[str]:
    """What the dose levels are called: "1", "2", or "1x1", "1x2" of two drugs."""
    one = next(iter(found.designs.values()))
    return [one.dose_label(dose) for dose in range(1, one.levels + 1)]


def measures(found: Comparison) -> dict[str, tuple[str, str]]:
    """The measures that are shown, with heading and kind; where responses are looked at, the best dose first."""
    if found.worth is None:
        return MEASURES
    told = {"best dose": ("best dose", "share"), **MEASURES, "responses": ("responses", "number")}
    return told | {"right dose": ("nearest to target", "share")}


def _tables(found: Comparison) -> Iterator[Block]:
    yield Heading("Decision tables")
    none = []
    for name, one in found.designs.items():
        rows = decision_rows(one, DECISIONS)
        if rows.empty:
            none.append(name)
            continue
        words = [[_whole(row[c], ends) for c, ends in _ENDS.items()] for row in rows.to_dict("records")]
        heads = ["patients at the level", "go up", "stay", "go down", "not used again"]
        yield Grid(f"{name}: by DLTs at the current level", heads, [_with_stay(row) for row in words])
    followed, rest = [n for n in none if n in found.ahead], [n for n in none if n not in found.ahead]
    if followed:
        decides = "decides" if len(followed) == 1 else "decide"
        yield Words(
            f"{', '.join(followed)}: {decides} from more than the counts at the current level; what follows from the "
            "first cohorts stands among the pathways below."
        )
    if rest:
        looks = "looks" if len(rest) == 1 else "look"
        yield Words(
            f"{', '.join(rest)}: {looks} at grades or an immune effect, whose outcomes cannot all be listed; `opsonin "
            "decide` says what follows from those seen."
        )
    for name, one in found.designs.items():
        yield from _ranks(name, innermost(one))


def _ranks(name: str, design: Any) -> Iterator[Block]:
    """The rank of each outcome at a level, of designs that go by it."""
    if type(design) is not Boin12 or abs(design.good + design.bad - 100) > 1e-9:
        return
    table = rank_based_scores(design, RANKED)
    most = int(table["responses"].max())
    rows = []
    for (patients, dlt), mine in table.groupby(["patients", "dlt"]):
        ranks = [f"{rank:g}" if good else "×" for rank, good in zip(mine["rank"], mine["admissible"], strict=True)]
        rows.append([str(patients), str(dlt), *ranks, *[""] * (most + 1 - len(ranks))])
    heads = ["patients at the level", "with DLT", *(f"{k} responses" if k == 0 else str(k) for k in range(most + 1))]
    yield Grid(f"{name}: outcomes by desirability, the highest rank is the best (×: not used again)", heads, rows)


_ENDS = {"patients": "", "up": "≤ ", "down": "≥ ", "give_up": "≥ "}


def _whole(value: Any, sign: str) -> str:
    return "–" if pd.isna(value) else f"{sign}{int(value)}"


def _with_stay(row: list[str]) -> list[str]:
    """With the DLTs between going up and going down."""
    patients, up, down, out = row
    low = 0 if up == "–" else int(up.split()[1]) + 1
    high = int(patients) if down == "–" else int(down.split()[1]) - 1
    stay = "–" if low > high else str(low) if low == high else f"{low} to {high}"
    return [patients, up, stay, down, out]


def _characteristics(found: Comparison, about: About) -> Iterator[Block]:
    yield Heading("Operating characteristics")
    table = by_key(found.characteristics(), "mean")
    doses = found.by_dose()
    shown = measures(found)
    for scene, truth in found.scenarios.items():
        yield Words(f"{scene}: DLT rates {_rates(truth.dlt, found)}{_responses(truth, found)}.")
        rows = [
            [n, *(cell(*table.get((scene, n, m), _UNKNOWN), k) for m, (_, k) in shown.items())] for n in found.designs
        ]
        yield Grid(scene, ["design", *(head for head, _ in shown.values())], rows)
        mine = doses[doses["scenario"] == scene]
        rows = []
        for name in found.designs:
            one = mine[mine["design"] == name]
            pairs = zip(one["declared"], one["patients"], strict=True)
            rows.append([name, *(f"{100 * chosen:.0f} % ({many:.1f})" for chosen, many in pairs)])
        yield Grid(
            f"{scene}: how often each level is declared (patients treated there)", ["design", *_heads(found)], rows
        )


_UNKNOWN = (float("nan"), float("nan"))


def _heads(found: Comparison) -> list[str]:
    """The levels as columns: "level 1", or "1x1" of two drugs."""
    one = next(iter(found.designs.values()))
    return [one.dose_name(dose) for dose in range(1, one.levels + 1)]


def _rates(rates: Any, found: Comparison) -> str:
    """Rates by level; of two drugs with the cell of each."""
    named = labels(found)
    if "x" not in named[-1]:
        return ", ".join(f"{rate:.1%}" for rate in rates)
    return ", ".join(f"{label} {rate:.1%}" for label, rate in zip(named, rates, strict=True))


def _responses(truth: Any, found: Comparison) -> str:
    rates = getattr(truth, "efficacy", None)
    return "" if found.worth is None or rates is None else f"; response rates {_rates(rates, found)}"


def by_key(table: pd.DataFrame, value: str) -> dict[tuple[str, str, str], tuple[float, float]]:
    """(scenario, design, measure) → a value and its standard error."""
    columns = (table[name] for name in ("scenario", "design", "measure", value, "se"))
    return {(scene, name, measure): (mean, se) for scene, name, measure, mean, se in zip(*columns, strict=True)}


def cell(mean: float, se: float, kind: str) -> str:
    """A mean with its Monte Carlo standard error, as it is printed."""
    if mean != mean:
        return "–"
    if kind == "share":
        return f"{100 * mean:.1f} % ± {100 * se:.1f}"
    scale = MONTH if kind == "months" else 1.0
    return f"{mean / scale:.1f} ± {se / scale:.1f}"


def _differences(found: Comparison) -> Iterator[Block]:
    table = found.differences()
    if table.empty:
        return
    first = next(iter(found.designs))
    yield Heading(f"Differences from {first}, on the same patients")
    best = [] if found.worth is None else ["best dose"]
    wanted = [*best, "right dose", "too toxic dose", "share of patients overdosed", "patients"]
    shown = measures(found)
    numbers = by_key(table, "difference")
    rows = []
    for scene in found.scenarios:
        for name in list(found.designs)[1:]:
            cells = [_apart(*numbers.get((scene, name, m), _UNKNOWN), shown[m][1]) for m in wanted]
            rows.append([scene, name, *cells])
    yield Grid(f"Each design less {first}", ["scenario", "design", *(shown[m][0] for m in wanted)], rows)


def _apart(mean: float, se: float, kind: str) -> str:
    if mean != mean:
        return "–"
    many = 100 if kind == "share" else 1
    points = " points" if kind == "share" else ""
    return f"{many * mean:+.1f}{points} ± {many * se:.1f}"


def _pathways(found: Comparison) -> Iterator[Block]:
    if not found.ahead:
        return
    yield Heading("Dose-transition pathways")
    yield Words(
        "What each design does after everything its first cohorts can show. Courses that lead to the same counts are "
        "one state. In each box: DLTs of patients at the levels tried, and where the next patients go"
        f"{'' if found.worth is None else '; after + how many responded, and how many of them had a DLT too'}."
    )
    if any(LOTS in ahead.design.needs for ahead in found.ahead.values()):
        yield Words("Of equally good combinations one is drawn by lot in a trial; here the first one is taken.")
    for name, ahead in found.ahead.items():
        yield Image(f"{name}: {len(ahead.links)} cohorts, {ahead.states:,} states", pathway_tree(ahead, name))
        yield _states(name, ahead)


def _states(name: str, ahead: Pathways) -> Grid:
    table = ahead.to_frame()
    shown = table.head(STATES)
    more = f"; the first {STATES} of {len(table)} states" if len(table) > STATES else ""
    rows = [
        [str(row["cohort"]), row["seen"], row["decision"], _goes(row, ahead)]
        for row in shown.to_dict("records")
    ]  # fmt: skip
    return Grid(f"{name}: decisions{more}", ["after cohort", "DLTs of patients, by level", "decision", "level"], rows)


def _goes(row: dict[Any, Any], ahead: Pathways) -> str:
    level = row["mtd"] if pd.isna(row["level"]) else row["level"]
    return "" if pd.isna(level) else ahead.design.dose_label(int(level))
