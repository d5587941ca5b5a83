"""The report of discovery: what was asked and found, from the findings and the plain tables that discovery wrote."""

from typing import Any

from opsonin.report import words
from opsonin.report.chapters import biomarkers
from opsonin.report.chapters.cohort import Room
from opsonin.report.chapters.discovery_found import RESPONSE, asked, found, groups, numbers, untold
from opsonin.report.content import Block, Chapter, Drawing, Lines, Numbers, Table
from opsonin.report.context import Context, findings_table
from opsonin.report.figures import discovery_cells as cells
from opsonin.report.figures import discovery_plasticity as plastic
from opsonin.report.figures import discovery_states as compared
from opsonin.report.figures import discovery_targets as aims

SHOWN, PAGES = 20, 10
AT_DEPTH = "log-ratios are compared at"  # how discovery's note of a common depth begins
SIDES = (("for", "For"), ("against", "Against"), ("not known", "Not known"))
CLONES = {
    "kept": "common clones that are seen after",
    "diversity_ratio": "effective number of clones, after over before",
    "spread": "clones' own change beyond replicates, SD of log2",
    "founders": "share of the founders that would give these survivors",
    "likeness.within_before": "likeness of replicates before, correlation of log frequencies",
    "likeness.before_to_after": "likeness of before and after, the same",
    "likeness_corrected": "the same, corrected for what replicates allow",
}


def summary(context: Context) -> Chapter:
    """What was asked, what was found, and what to know before believing it."""
    question = str(context.questions["discovery"])
    blocks: list[Block] = []
    large = numbers(context, question)
    if large:
        blocks.append(Numbers(large))
    blocks.append(Lines([("", asked(context, question))], "What was asked"))
    surest = found(context, question)
    if surest:
        blocks.append(Lines(surest, "What was found"))
    told = untold(context, surest)
    if told:
        blocks.append(Lines([("", words.sentence(text)) for text in told], "What to know"))
    return Chapter("summary", "Summary", blocks)


def samples(context: Context) -> Chapter:
    """The cells: quality control, the map, markers, composition."""
    drawn = [
        _drawn(context, "umap", cells.cell_map),
        _drawn(context, "dots", cells.dots),
        _drawn(context, "composition", lambda table: cells.composition(table, groups(context))),
        _drawn(context, "quality", cells.quality),
    ]
    blocks: list[Block] = [Drawing(figure) for figure in drawn if figure is not None]
    agreement = context.tables.get("agreement")
    if agreement is not None:
        rows = [[str(r["type"]), f"{int(r['cells']):,}", *(f"{float(r[c]):.2f}" for c in ("precision", "recall", "f1"))]
                for r in agreement.to_dict("records")]  # fmt: skip
        heads = ["type by markers", "cells by label", "precision", "recall", "F1"]
        told = ("A given label counts as the type that most of its cells were found to be, so that several labels can "
                "be one type. F1 is the harmonic mean of precision and recall.")  # fmt: skip
        numeric = frozenset(range(1, 5))
        blocks.append(Table("Given labels, and what the markers say", heads, rows, told, numeric, small=True))
    if not blocks:
        return Chapter("samples", "Samples", absent="Published tables were asked, no samples.")
    return Chapter("samples", "Samples", [*blocks, *_steps(context)])


def states(context: Context) -> Chapter:
    """Features against the groups, and their findings."""
    table = context.tables.get("states")
    if table is None or not len(table):
        notes = [note for note in context.notes("discovery") if "compared" in note]
        return Chapter(
            "states", "States and response", absent=" ".join(map(words.sentence, notes)) or "Nothing to compare."
        )
    first, second = groups(context)
    drawn = [compared.differences(table, first, second)]
    if "features" in context.tables:
        at_depth = any(note.startswith(AT_DEPTH) for note in context.notes("discovery"))
        features = context.tables["features"]
        by = "group" if "group" in features.columns else "response"
        drawn.append(compared.strips(features, table, first, second, by, at_depth=at_depth))
    blocks: list[Block] = [Drawing(figure) for figure in drawn if figure is not None]
    screened = findings_table(
        "Features before treatment against times to events", context.named("screen")[: SHOWN + 1], _name, folded=True
    )
    title = "States and response" if (first, second) == RESPONSE else "States compared"
    return Chapter("states", title, [*blocks, *([screened] if screened else [])])


def targets(context: Context) -> Chapter:
    """The ranking, its parts, what separates neighbours, and a page for each of the first."""
    table = context.tables.get("targets")
    if table is None:
        return Chapter("targets", "Targets", absent="Targets were not asked.")
    drawn = [aims.ranking(table), aims.parts(table)]
    blocks: list[Block] = [Drawing(figure) for figure in drawn if figure is not None]
    compared_ = context.tables.get("target_comparisons")
    if compared_ is not None:
        blocks.append(Lines([("", str(one)) for one in compared_["sentence"]], "Why one is above another"))
    weights = context.tables.get("target_weights")
    if weights is not None:
        rows = [[str(one) for one in row] for row in weights.itertuples(index=False)]
        heads, numeric = [str(c) for c in weights.columns], frozenset(range(1, weights.shape[1]))
        told = "How far the order hangs on each part."
        blocks.append(Table("Ranks without a part", heads, rows, told, numeric, small=True))
    pages = context.tables.get("target_pages")
    if pages is not None:
        for gene in list(dict.fromkeys(pages["gene"]))[:PAGES]:
            own = pages[pages["gene"] == gene]
            lines = [(title, words.sentence(str(said))) for side, title in SIDES
                     for said in own[own["side"] == side]["sentence"]]  # fmt: skip
            row = table[table["gene"] == gene].iloc[0]
            reach = f" ({row['lower']:.0f} to {row['upper']:.0f})" if "lower" in row.index else ""
            blocks.append(Lines(lines, f"{gene}: rank {int(row['rank'])}{reach} of {len(table)}"))
    return Chapter("targets", "Targets", blocks)


def plasticity(context: Context) -> Chapter:
    """Clones, growth and shared programmes, as far as they were asked."""
    verdict = next((f.note for f in context.named("plasticity.clones.kept")), "")
    drawn: list[Any] = []
    if "clone_table" in context.tables:
        drawn.append(plastic.clones(context.tables["clone_table"], str(verdict)))
    if {"growth", "growth_rates"} <= set(context.tables):
        drawn.append(plastic.growth(context.tables["growth_rates"], context.tables["growth"]))
    drawn.append(_drawn(context, "overlaps", plastic.overlaps))
    blocks: list[Block] = [Drawing(figure) for figure in drawn if figure is not None]
    by_name = {f.name.removeprefix("plasticity.clones."): f for f in context.named("plasticity.clones")}
    told = "p: of losing as many by sampling alone; of no fall in diversity; of no difference between clones."
    rows = [by_name[name] for name in CLONES if name in by_name]
    of_clones = findings_table("Clones in numbers", rows, _of_clones, told, counted="clones")
    of_response = findings_table(
        "Programmes before therapy against response, bulk cohorts", context.named("plasticity.response"),
        lambda f: f.name.removeprefix("plasticity.response."), counted="patients",
    )  # fmt: skip
    blocks += [table for table in (of_clones, _growth(context), of_response) if table is not None]
    if not blocks:
        measured = "features" in context.tables
        absent = "Features of samples alone were asked." if measured else "Plasticity was not asked."
        return Chapter("plasticity", "Plasticity", absent=absent)
    return Chapter("plasticity", "Plasticity", blocks)


def rooms(context: Context) -> tuple[Any, ...]:
    """The chapters of the question asked, in order."""
    of = {"states": (samples, states), "targets": (targets,), "plasticity": (plasticity,)}
    wanted = list(of.get(str(context.questions["discovery"]), ()))
    if states not in wanted and "states" in context.tables:
        wanted.append(states)
    if samples not in wanted and "composition" in context.tables:
        wanted.insert(0, samples)
    more = (biomarkers,) if context.named("biomarker") else ()
    return (*(Room(make) for make in (summary, *wanted)), *more)


def _of_clones(finding: Any) -> str:
    return CLONES[finding.name.removeprefix("plasticity.clones.")]


def _growth(context: Context) -> Table | None:
    """Each line's colonies, and whether one growth state or two describe them."""
    table = context.tables.get("growth")
    needed = {"n", "rate", "negative", "best", "margin", "p", "states"}
    if table is None or not needed <= set(table.columns):
        return None
    rows = [[str(r["line"]), f"{int(r['n']):,}", words.number(r["rate"], 2), words.share(r["negative"]), str(r["best"]),
             words.number(r["margin"]), words.bare_p(r["p"]), str(int(r["states"]))]
            for r in table.to_dict("records")]  # fmt: skip
    heads = [
        "line",
        "colonies",
        "mean rate",
        "shrinking",
        "best description",
        "BIC gained by two states",
        "p",
        "states",
    ]
    told = ("Two states are said where the BIC of the best single state (normal, skewed, heavy tails, both) is higher "
            "than that of two, and the bootstrap from that single state agrees (p).")  # fmt: skip
    return Table("Growth states by line", heads, rows, told, frozenset({1, 2, 3, 5, 6, 7}), small=True)


def _name(finding: Any) -> str:
    return finding.name.partition(".")[2].replace("_", " ").replace(".", ", ")


def _drawn(context: Context, name: str, draw: Any) -> Any:
    table = context.tables.get(name)
    return None if table is None or not len(table) else draw(table)


def _steps(context: Context) -> list[Block]:
    table = context.tables.get("methods")
    if table is None:
        return []
    return [Lines([("", str(one)) for one in table["sentence"]], "What was done with the cells", folded=True)]
