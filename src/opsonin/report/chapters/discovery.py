"""The report of discovery: what was asked and found, from the findings and the plain tables that discovery wrote."""

from typing import Any

from opsonin.report import words
from opsonin.report.chapters import biomarkers
from opsonin.report.chapters.cohort import Room
from opsonin.report.content import Block, Chapter, Drawing, Lines, Numbers, Table
from opsonin.report.context import Context, findings_table
from opsonin.report.figures import discovery_cells as cells
from opsonin.report.figures import discovery_plasticity as plastic
from opsonin.report.figures import discovery_states as compared
from opsonin.report.figures import discovery_targets as aims

ASKED = {
    "states": "Which kinds and states of cells are in whose samples, and which of them go with response?",
    "targets": "At which molecules of these cells could a therapy aim, and how sure is their order?",
    "plasticity": "Who survives the drug: a few that were selected, many that changed, or cells of a known programme?",
}
SHOWN, PAGES = 20, 10
SIDES = (("for", "For"), ("against", "Against"), ("not known", "Not known"))


def summary(context: Context) -> Chapter:
    """What was asked, what was found, and what to know before believing it."""
    question = str(context.questions["discovery"])
    blocks: list[Block] = []
    numbers = _numbers(context, question)
    if numbers:
        blocks.append(Numbers(numbers))
    blocks.append(Lines([("", ASKED.get(question, question))], "What was asked"))
    found = _found(context, question)
    if found:
        blocks.append(Lines(found, "What was found"))
    told = context.notes("discovery")
    if told:
        blocks.append(Lines([("", words.sentence(text)) for text in told], "What to know"))
    return Chapter("summary", "Summary", blocks)


def samples(context: Context) -> Chapter:
    """The cells: quality control, the map, markers, composition."""
    drawn = [
        _drawn(context, "umap", cells.cell_map),
        _drawn(context, "dots", cells.dots),
        _drawn(context, "composition", cells.composition),
        _drawn(context, "quality", cells.quality),
    ]
    blocks: list[Block] = [Drawing(figure) for figure in drawn if figure is not None]
    agreement = context.tables.get("agreement")
    if agreement is not None:
        rows = [[str(r["type"]), f"{int(r['cells']):,}", *(f"{float(r[c]):.2f}" for c in ("precision", "recall", "f1"))]
                for r in agreement.to_dict("records")]  # fmt: skip
        heads, told = ["", "cells", "precision", "recall", "F1"], "F1 is the harmonic mean of precision and recall."
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
    first, second = _groups(context)
    drawn = [compared.differences(table, first, second)]
    if "features" in context.tables:
        drawn.append(compared.strips(context.tables["features"], table, first, second))
    blocks: list[Block] = [Drawing(figure) for figure in drawn if figure is not None]
    screened = findings_table(
        "Features before treatment against times to events", context.named("screen")[: SHOWN + 1], _name, folded=True
    )
    return Chapter("states", "States and response", [*blocks, *([screened] if screened else [])])


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
    numbers = context.named("plasticity.clones", "plasticity.growth")[:SHOWN]
    table = findings_table("Numbers", numbers, _name, counted="n")
    if table is not None:
        blocks.append(table)
    if not blocks:
        return Chapter("plasticity", "Plasticity", absent="Plasticity was not asked.")
    return Chapter("plasticity", "Plasticity", blocks)


def rooms(context: Context) -> tuple[Any, ...]:
    """The chapters of the question asked, in order."""
    of = {"states": (samples, states), "targets": (targets,), "plasticity": (plasticity,)}
    asked = list(of.get(str(context.questions["discovery"]), ()))
    if samples not in asked and "composition" in context.tables:
        asked.insert(0, samples)
    more = (biomarkers,) if context.named("biomarker") else ()
    return (*(Room(make) for make in (summary, *asked)), *more)


def _name(finding: Any) -> str:
    return finding.name.partition(".")[2].replace("_", " ").replace(".", ", ")


def _drawn(context: Context, name: str, draw: Any) -> Any:
    table = context.tables.get(name)
    return None if table is None or not len(table) else draw(table)


def _groups(context: Context) -> tuple[str, str]:
    contrast = next((str(f.group) for f in context.findings if f.name == "states.features"), "")
    first, _, second = contrast.partition(" against ")
    return first or "responder", second or "non-responder"


def _steps(context: Context) -> list[Block]:
    table = context.tables.get("methods")
    if table is None:
        return []
    return [Lines([("", str(one)) for one in table["sentence"]], "What was done with the cells", folded=True)]


def _numbers(context: Context, question: str) -> list[tuple[str, str]]:
    out = []
    if context.patients:
        out.append((f"{context.patients}", "patients"))
    held = context.named("states.cells")
    if held:
        out.append((f"{int(held[0].estimate):,}", "cells that hold"))
    kept = next((f for f in context.findings if f.name == "states.features"), None)
    if kept is not None:
        out.append((f"{int(kept.estimate)}", "features that hold at a false discovery rate of 5 %"))
    if question == "targets" and "targets" in context.tables:
        out.append((f"{len(context.tables['targets'])}", "candidates"))
        out.append((str(context.tables["targets"].sort_values("rank")["gene"].iloc[0]), "ranks first"))
    verdict = context.named("plasticity.clones.kept")
    if verdict:
        out.append((str(verdict[0].note), "is what the clones say"))
    return out[:4]


def _found(context: Context, question: str) -> list[tuple[str, str]]:
    """The most important findings, a line each."""
    found = [f for f in context.named(question) if f.name != "states.features"]
    if question == "states":
        first, second = _groups(context)
        surest = sorted((f for f in found if f.name.endswith(".difference")), key=lambda f: f.p)[:5]
        return [(f.name.removeprefix("states.").removesuffix(".difference"),
                 f"{first} less {second}: {f.text()}, {words.p_value(f.p)}; {f.note}.") for f in surest]  # fmt: skip
    if question == "targets" and "targets" in context.tables:
        top = context.tables["targets"].sort_values("rank", kind="stable").head(5)
        reach = "rank {rank:.0f} ({lower:.0f} to {upper:.0f}), score {score:.2f}"
        return [
            (str(row["gene"]), reach.format(**{str(k): v for k, v in row.items()})) for row in top.to_dict("records")
        ]
    pages = context.tables.get("pages")
    if question == "plasticity" and pages is not None:
        text = "\n".join(pages["text"].astype(str))
        return [("", words.sentence(line[2:])) for line in text.splitlines() if line.startswith("- ")][:6]
    return [*_lines_of_growth(context), *_shared(context)]


def _lines_of_growth(context: Context) -> list[tuple[str, str]]:
    table = context.tables.get("growth")
    if table is None:
        return []
    two = [str(one) for one, states in zip(table["line"], table["states"], strict=True) if int(states) == 2]
    one = len(table) - len(two)
    said = (
        f"{words.listed(two)} best described by two states of growth" if two else "no line needs two states of growth"
    )
    rates = sorted(zip(table["rate"].astype(float), table["line"].astype(str), strict=True))
    spread = f"mean growth from {rates[0][0]:.2g} ({rates[0][1]}) to {rates[-1][0]:.2g} ({rates[-1][1]})"
    differ = context.named("plasticity.growth.lines_differ")
    p = f"; the lines differ, {words.p_value(differ[0].p)}" if differ else ""
    return [("", words.sentence(f"{said}, the other {one} by one" if two else said)), ("", words.sentence(spread + p))]


def _shared(context: Context) -> list[tuple[str, str]]:
    table = context.tables.get("overlaps")
    if table is None:
        return []
    return [
        (
            str(row["set"]),
            f"shares {int(row['shared'])} of its {int(row['genes'])} genes ({row['expected']:.0f} by "
            f"chance), {words.p_value(row['p'])}, false discovery rate {row['q']:.2g}",
        )
        for row in table.sort_values("p", kind="stable").head(5).to_dict("records")
    ]
