"""Chapter 4: concentrations, exposure parameters, and whether one drug changes another."""

from typing import Any

from opsonin.report import words
from opsonin.report.content import Block, Chapter, Drawing, Table
from opsonin.report.context import Context, findings_table, remarks
from opsonin.report.figures import pharmacokinetics as figures
from opsonin.report.figures.exposure_response import exposure_response

NAME, TITLE = "pharmacokinetics", "Pharmacokinetics"
EFFECTS = {"dlt": "dose-limiting toxicity", "severe": "event of grade 3 or worse"}
MEASURES = ("auc", "cmax", "tmax", "half_life", "clearance")
FEWER = (
    " n: in how many patients the slope after the peak could be read; where the others fell below the limit of "
    "quantification, these are the slowest, and their mean is not that of all."
)


def chapter(context: Context) -> Chapter:
    """Profiles, parameters, and ratios between occasions or potential outcomes."""
    if context.record.concentrations.empty:
        return Chapter(NAME, TITLE, absent="The record holds no drug concentrations, so no exposure can be computed.")
    blocks: list[Block] = []
    forest = figures.ratios(context.named("pk"))
    if forest is not None:
        blocks.append(Drawing(forest))
    blocks += [Drawing(figure) for figure in figures.profiles(context.record, context.groups)]
    blocks += remarks(context, "pk", "pharmacokinetics")
    blocks += _exposure_response(context)
    blocks += _parameters(context)
    proportional = [] if _one_level(context) else context.ending("pk", "dose_proportionality")
    table = findings_table(
        "Dose proportionality: exponent of dose in exposure",
        proportional,
        lambda f: f.name.removeprefix("pk.").removesuffix(".dose_proportionality"),
        "An exponent of 1 is proportional: twice the dose gives twice the exposure.",
    )
    if table is not None:
        blocks.append(table)
    return Chapter(NAME, TITLE, blocks, lead=_lead(context))


def _one_level(context: Context) -> bool:
    """Whether all were treated at one level: doses then differ by patients' size alone, which is no test of doses."""
    levels = context.record.subjects.get("level")
    return levels is not None and bool(levels.notna().all()) and levels.nunique() == 1


def _exposure_response(context: Context) -> list[Block]:
    """Does who had more drug have more toxicity, and more of the change that was asked about?"""
    blocks: list[Block] = [Drawing(figure) for figure in exposure_response(context.record, context.groups)]
    found = [f for f in context.named("pk") if ".exposure_" in f.name]
    if found:
        rows = [[*_effect(f), words.bare_p(f.p), f"{int(f.n):,}", _events(f)] for f in found]
        columns = ["effect", "exposure", "per doubling of the exposure (interval)", "p", "patients", "events"]
        caption = " ".join(dict.fromkeys(words.sentence(f.note) for f in found if f.events is not None and f.note))
        blocks.append(Table("Exposure–response in numbers", columns, rows, caption, frozenset({3, 4, 5}), small=True))
    return blocks


def _effect(finding: Any) -> list[str]:
    """What is set against the exposure, the exposure, and the number: "odds × 3.10 (1.20–9.00)"."""
    analyte, _, effect = finding.name.removeprefix("pk.").partition(".exposure_")
    when = str(finding.group).partition(", ")
    value = words.with_interval(finding.estimate, finding.lower, finding.upper)
    scale = "odds ×" if finding.events is not None else "log₂ fold change"
    return [words.capital(EFFECTS.get(effect, when[2])), f"{analyte}, {when[0]}", f"{scale} {value}"]


def _events(finding: Any) -> str:
    return "" if words.missing(finding.events) else f"{int(finding.events):,}"


def _lead(context: Context) -> str:
    table = context.record.concentrations
    analytes = words.listed(table["analyte"].drop_duplicates())
    below = int(table["below_limit"].fillna(False).astype(bool).sum())
    text = f"{len(table):,} samples of {analytes} in {table['subject_id'].nunique():,} patients"
    if below:
        text += f"; {words.count_of(below, len(table))} below the limit of quantification"
    return words.sentence(text)


def _parameters(context: Context) -> list[Block]:
    """One table an analyte: rows are groups and occasions, cells geometric mean and its variation."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for f in context.named("pk"):
        analyte, _, measure = f.name.removeprefix("pk.").rpartition(".")
        if measure in MEASURES:
            found.setdefault(analyte, {}).setdefault(str(f.group), {})[measure] = f
    blocks: list[Block] = []
    for analyte, by_group in found.items():
        measures = [m for m in MEASURES if any(m in row for row in by_group.values())]
        units = {m: next(row[m].unit for row in by_group.values() if m in row) for m in measures}
        heads = [f"{figures.measure_name(m)}, {units[m].replace('*', '·')}" for m in measures]
        rows = [[group, _n(row), *(_cell(row.get(m), _most(row)) for m in measures)] for group, row in by_group.items()]
        fewer = any(" n = " in cell for row in rows for cell in row)
        blocks.append(
            Table(
                f"Exposure to {analyte}, by non-compartmental analysis",
                ["", "patients", *heads],
                rows,
                "Geometric mean (geometric coefficient of variation); for tmax the median (range)."
                + (FEWER if fewer else ""),
                frozenset(range(1, len(heads) + 2)),
                small=True,
                folded=len(rows) > 12,
            )
        )
    return blocks


def _most(row: dict[str, Any]) -> int:
    """The patients of a row: of what could be read in most of them."""
    return max((int(f.n) for f in row.values() if not words.missing(f.n)), default=0)


def _n(row: dict[str, Any]) -> str:
    return f"{_most(row):,}" if _most(row) else ""


def _cell(finding: Any, patients: int) -> str:
    """A mean with its variation, and of how many where these are fewer than the row's patients."""
    if finding is None:
        return "–"
    fewer = f", n = {int(finding.n):,}" if not words.missing(finding.n) and int(finding.n) < patients else ""
    if finding.name.endswith(".tmax"):
        return words.with_interval(finding.estimate, finding.lower, finding.upper)
    variation = (
        finding.note.removeprefix("Geometric CV ").rstrip(".") if finding.note.startswith("Geometric CV") else ""
    )
    return words.number(finding.estimate) + (f" ({variation})" if variation else "") + fewer
