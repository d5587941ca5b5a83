"""The plan of the next trial: one page of its own, from the findings of `opsonin plan`."""

from typing import Any

from opsonin.report import words
from opsonin.report.commands import plan_command
from opsonin.report.content import Block, Chapter, Code, Drawing, Lines, Numbers, Table, Text
from opsonin.report.context import Context
from opsonin.report.figures import planning as figures

NAME, TITLE = "plan", "The next trial"
ROWS = 12  # sizes of the table; the figure's CSV holds all
HEADS = {
    "n": "patients",
    "events": "events",
    "needed": "responders needed",
    "alpha": "if no effect",
    "power": "power",
    "assurance": "assurance",
    "assurance_undoubted": "trial at its word",
    "false_positive": "if no effect",
}


def chapter(context: Context) -> Chapter:
    """What phase I showed, the size, the chance of success, and whom to take."""
    named = {f.name.rpartition(".")[2]: f for f in context.findings if f.name.startswith("plan.")}
    size = named.get("patients")
    if size is None or size.table is None:
        return Chapter(NAME, TITLE, absent="No plan was made; `opsonin plan` makes one.")
    endpoint = size.name.split(".")[1]
    chosen = None if words.missing(size.estimate) else int(size.estimate)
    blocks: list[Block] = [Numbers(_numbers(named, chosen))]
    blocks.append(Lines([("", words.sentence(text)) for text in _asked(context, endpoint)], "What was asked"))
    blocks.append(Lines([("", line) for line in _sentences(named["effect"].note)], "What this trial showed"))
    blocks.append(Lines([("", line) for line in _sentences(size.note)], "What the next trial needs"))
    table, ceiling = size.table, float(named["ceiling"].estimate)
    blocks.append(Drawing(figures.success_curves(endpoint, table, ceiling, chosen)))
    enriched = [f for f in context.findings if f.name == f"plan.{endpoint}.enriched" and f.table is not None]
    if enriched:
        marker = enriched[0].group.rpartition(", ")[0]
        blocks.append(Lines([("", line) for line in _sentences(enriched[0].note)], f"Choosing patients by {marker}"))
        blocks.append(Drawing(figures.enriched_curves(endpoint, marker, enriched[0].table)))
    blocks.append(_sizes(table, chosen))
    if enriched:
        blocks.append(_screened(enriched[0].table, chosen))
    blocks.append(Text(_method(size), quiet=True))
    asked = dict(context.questions.get("plan") or {})
    blocks.append(Code("How to make this plan again", plan_command(asked, asked.get("seed"))))
    return Chapter(NAME, TITLE, blocks)


def _numbers(named: dict[str, Any], chosen: int | None) -> list[tuple[str, str]]:
    out = [
        (f"{chosen:,}" if chosen else "none", "patients are enough" if chosen else "of the sizes looked at is enough")
    ]
    if chosen:
        out.append((words.share(named["power"].estimate), "power, if the planned effect is true"))
        out.append((words.share(named["assurance"].estimate), "probability of success, uncertainty counted"))
    out.append((words.share(named["ceiling"].estimate), "probability that there is an effect at all"))
    return out


def _asked(context: Context, endpoint: str) -> list[str]:
    title = context.manifest.title or "this trial"
    return [f"How large must a phase II be for {endpoint}, given what “{title}” leaves uncertain, and will it succeed?"]


def _sentences(note: str) -> list[str]:
    """A note's sentences, one a line; a full stop within a number is none."""
    out, line = [], ""
    for part in note.strip().split(". "):
        line = f"{line}. {part}" if line else part
        if line.count("(") == line.count(")"):
            out.append(words.sentence(line))
            line = ""
    return out


def _sizes(table: Any, chosen: int | None) -> Table:
    columns = [c for c in HEADS if c in table]
    shown = _spread(table, chosen)
    rows = [[_cell(c, row[c]) for c in columns] for row in shown.to_dict("records")]
    return Table("Sizes", [HEADS[c] for c in columns], rows, "", frozenset(range(len(columns))), small=True)


def _screened(table: Any, chosen: int | None) -> Table:
    shown = _spread(table, chosen)
    rows = [
        [
            str(r["reading"]),
            f"{int(r['n'])}",
            f"{int(r['screened'])}",
            *(words.share(r[c], whole=False) for c in ("all_comers", "enriched")),
        ]
        for r in shown.to_dict("records")
    ]
    heads = ["reading of the marker", "patients", "screened", "all", "high only"]
    return Table("Choosing patients", heads, rows, "", frozenset({1, 2, 3, 4}), small=True)


def _spread(table: Any, chosen: int | None) -> Any:
    """About a dozen sizes, the chosen one among them."""
    sizes = sorted(set(table["n"]))
    step = max(1, len(sizes) // ROWS)
    kept = {*sizes[::step], sizes[-1], *([chosen] if chosen else [])}
    return table[table["n"].isin(kept)]


def _cell(column: str, value: Any) -> str:
    if column in ("n", "needed"):
        return f"{int(value):,}"
    return f"{float(value):.0f}" if column == "events" else words.share(value, whole=False)


def _method(size: Any) -> str:
    return words.sentence(f"{size.method}. {size.reference}")
