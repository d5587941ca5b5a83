"""What the summary of discovery says first: large numbers, the most important findings, and what else to know."""

from typing import Any

from opsonin.report import words
from opsonin.report.context import Context
from opsonin.report.figures import discovery_targets as aims

FOUND = 5  # lines of each kind
HOLDS = 0.05  # false discovery rate
RESPONSE = ("responder", "non-responder")
ASKED = {
    "states": "Which kinds and states of cells are in whose samples, and which of them {differ}?",
    "targets": "At which molecules of these cells could a therapy aim, and how sure is their order?",
    "plasticity": "Who survives the drug: a few that were selected, many that changed, or cells of a known programme?",
}


def asked(context: Context, question: str) -> str:
    """The question in words."""
    first, second = groups(context)
    told = "go with response" if (first, second) == RESPONSE else f"differ between {first} and {second}"
    return ASKED.get(question, question).format(differ=told)


def probability(value: float) -> str:
    """Two digits, however small: 0.034, 0.00055, 1.1 × 10⁻⁹."""
    return f"{value:.2g}" if value >= 1e-4 or value == 0 else words.number(value, 2).replace(" ", words.NBSP)


def groups(context: Context) -> tuple[str, str]:
    contrast = next((str(f.group) for f in context.findings if f.name == "states.features"), "")
    first, _, second = contrast.partition(" against ")
    return first or "responder", second or "non-responder"


def numbers(context: Context, question: str) -> list[tuple[str, str]]:
    out = []
    if context.patients:
        out.append((f"{context.patients}", "patient" if context.patients == 1 else "patients"))
    held = context.named("states.cells")
    if held:
        out.append((f"{int(held[0].estimate):,}", "cells that hold"))
    kept = next((f for f in context.findings if f.name == "states.features"), None)
    if kept is not None:
        out.append((f"{int(kept.estimate)}", "features that hold at a false discovery rate of 5 %"))
    if question == "targets" and "targets" in context.tables:
        out.append((f"{len(context.tables['targets'])}", "candidates"))
        first = context.tables["targets"].sort_values("rank").iloc[0]
        reach = (
            f"; {first['lower']:.0f} to {first['upper']:.0f} when data are drawn anew" if "lower" in first.index else ""
        )
        out.append((str(first["gene"]), f"ranks first{reach}"))
    verdict = context.named("plasticity.clones.kept")
    if verdict:
        out.append((str(verdict[0].note), "is what the clones say"))
    lines = context.tables.get("growth")
    if lines is not None:
        two = int((lines["states"].astype(int) == 2).sum())
        out.append((f"{two} of {len(lines)}", "lines in two states of growth"))
    sets = context.tables.get("overlaps")
    if sets is not None and "q" in sets.columns:
        more = int(((sets["q"] <= 0.05) & (sets["fold"] > 1)).sum())
        out.append(
            (
                f"{more} of {len(sets)}",
                "programmes share more genes than chance gives, at a false discovery rate of 5 %",
            )
        )
    return out[:4]


def found(context: Context, question: str) -> list[tuple[str, str]]:
    """The most important findings, a line each."""
    if question == "states":
        table = context.tables.get("states")
        return [] if table is None else _surest(table, *groups(context))
    if question == "targets" and "targets" in context.tables:
        return _first_targets(context.tables["targets"])
    pages = context.tables.get("pages")
    if question == "plasticity" and pages is not None:
        text = "\n".join(pages["text"].astype(str))
        return [("", words.sentence(line[2:])) for line in text.splitlines() if line.startswith("- ")][:6]
    table = context.tables.get("states")
    measured = [] if table is None or not len(table) else _surest(table, *groups(context))
    return [*_lines_of_growth(context), *_shared(context), *measured]


def _surest(table: Any, first: str, second: str) -> list[tuple[str, str]]:
    rows = table.sort_values("p", kind="stable").head(FOUND).to_dict("records")
    none = (
        []
        if (table["p_bh"] <= HOLDS).any()
        else [("", "No feature holds at a false discovery rate of 5 %; the surest:")]
    )
    return none + [
        (str(row["feature"]),
         f"{first} less {second}: {words.with_interval(row['difference'], row['lower'], row['upper'])}"
         f"{' points' if row.get('unit') == 'percent' else ''}, {words.p_value(row['p'])}; false discovery rate "
         f"{probability(row['p_bh'])}; chance that the strongest of all features is as strong "
         f"{probability(row['p_max'])}.")
        for row in rows
    ]  # fmt: skip


def _first_targets(table: Any) -> list[tuple[str, str]]:
    """The first genes, with the best and the worst of the parts that were measured."""
    top = table.sort_values("rank", kind="stable").head(FOUND)
    there = {part: aims.measured(top, part) for part in aims.PARTS if part in top.columns}
    lines = []
    for place, row in enumerate(top.to_dict("records")):
        parts = sorted(
            (float(row[part]), name) for part, name in aims.PARTS.items() if part in there and there[part][place]
        )
        told = f"rank {row['rank']:.0f} (95 %: {row['lower']:.0f} to {row['upper']:.0f}), score {row['score']:.2f}"
        if len(parts) > 1:
            (worst, least), (best, most) = parts[0], parts[-1]
            told += f"; best: {most} ({best:.2f}), worst: {least} ({worst:.2f})"
        lines.append((str(row["gene"]), f"{told}."))
    return lines


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
    low, high = (words.number(rate, 2) for rate in (rates[0][0], rates[-1][0]))
    spread = f"mean growth rates of lines run from {low} ({rates[0][1]}) to {high} ({rates[-1][1]})"
    differ = context.named("plasticity.growth.lines_differ")
    p = f"; Kruskal–Wallis p = {probability(differ[0].p)}" if differ else ""
    return [("", words.sentence(f"{said}, the other {one} by one" if two else said)), ("", words.sentence(spread + p))]


def _shared(context: Context) -> list[tuple[str, str]]:
    table = context.tables.get("overlaps")
    if table is None:
        return []
    return [
        (
            str(row["set"]),
            f"shares {int(row['shared'])} of its {int(row['genes']):,} genes ({row['expected']:.0f} by "
            f"chance), p = {probability(row['p'])}, false discovery rate {probability(row['q'])}.",
        )
        for row in table.sort_values("p", kind="stable").head(FOUND).to_dict("records")
    ]


def untold(context: Context, shown: list[tuple[str, str]]) -> list[str]:
    """Notes that neither the lines above nor a chapter's own list say already."""
    said = {text for _, text in shown}
    compared_ = context.tables.get("target_comparisons")
    if compared_ is not None:
        said |= {words.sentence(str(one)) for one in compared_["sentence"]}
    again = ("clones: ",) if "pages" in context.tables else ()
    again += ("growth: of ",) if "growth" in context.tables else ()
    return [note for note in [*context.notes("discovery"), *_of_reading(context)]
            if words.sentence(note) not in said and not note.startswith(again)]  # fmt: skip


def _of_reading(context: Context) -> list[str]:
    """What the readers of the files noted, such as patients whose response is neither."""
    read = context.tables.get("read")
    if read is None:
        return []
    rows = read[(read["what"] == "note") & read["file"].notna() & (read["file"] != "")].to_dict("records")
    return [str(r["reason"]) + ("" if words.missing(r["count"]) else f" ({int(r['count']):,})") for r in rows]
