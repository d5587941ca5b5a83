"""Chapter 7: which markers go with outcome, and whether that is worth believing."""

from typing import Any

from opsonin.report import words
from opsonin.report.content import Block, Chapter, Drawing, Text
from opsonin.report.context import Context, findings_table, remarks
from opsonin.report.figures import biomarkers as figures

NAME, TITLE = "biomarkers", "Biomarkers"
DRAWN = 6  # marker and outcome pairs that get their own pictures


def chapter(context: Context) -> Chapter:
    """The screen, then each highlighted marker: scatter, curves, observed against the null."""
    pairs = highlighted(context)
    named = context.named("biomarker")
    if not pairs and not named:
        why = (
            "The record holds no marker that could be set against an outcome."
            if context.record.measurements.empty
            else "The study asks for no marker to be set against an outcome; name some under [questions] or [analysis]."
        )
        return Chapter(NAME, TITLE, absent=why)
    blocks: list[Block] = []
    screen = figures.screen(named)
    if screen is not None:
        blocks.append(Drawing(screen))
    for marker, endpoint, day in pairs[:DRAWN]:
        cut = (context.questions.get("cut") or {}).get(marker)
        drawn = [
            figures.dots(context.record, context.groups, marker, endpoint, day),
            figures.split_curves(context.record, context.groups, marker, endpoint, day, cut),
        ]
        blocks += [Drawing(figure) for figure in drawn if figure is not None]
    blocks += [Drawing(figure) for figure in nulls(context)]
    held = [f for f in named if f.name.endswith((".believability", ".replication"))]
    told = [f for f in held if f.name.endswith(".replication") and f.note][:DRAWN]
    blocks += [Text(words.sentence(f"{_subject(f)}: {f.note}")) for f in told]
    blocks += remarks(context, "biomarker")
    numbers = [f for f in named if f not in held]
    for title, part in (("Markers against outcome, in numbers", numbers), ("Held against chance, in numbers", held)):
        table = findings_table(title, part, _name, folded=len(part) > 20)
        if table is not None:
            blocks.append(table)
    lead = ""
    if len(pairs) > DRAWN:
        lead = (
            f"{len(pairs)} pairs of marker and outcome were asked for; the first {DRAWN} are drawn, the table has all."
        )
    return Chapter(NAME, TITLE, blocks, lead=lead)


def highlighted(context: Context) -> list[tuple[str, str, Any]]:
    """(marker, endpoint, protocol day or None) of each question, in the study's order, where the record can show it."""
    held = (
        set(context.record.measurements["marker"].dropna().astype(str)) if len(context.record.measurements) else set()
    )
    endpoints = set(context.record.survival["endpoint"].dropna().astype(str)) if len(context.record.survival) else set()
    asked = [
        (str(item["marker"]), endpoint, item.get("day"))
        for item in context.questions.get("biomarkers") or []
        for endpoint in item.get("against") or sorted(endpoints)
    ]
    asked += [
        (str(marker), endpoint, None) for marker in context.questions.get("markers") or [] for endpoint in ("OS", "PFS")
    ]
    return [(m, e, d) for m, e, d in dict.fromkeys(asked) if m in held and e in endpoints]


def nulls(context: Context) -> list[Any]:
    """Pictures of observed against null, for findings whose table holds the null's strengths."""
    out = []
    for f in context.named("biomarker"):
        table = getattr(f, "table", None)
        if table is None or "null_strength" not in table or len(out) >= 4:
            continue
        observed = float(table["observed"].iloc[0])
        out.append(
            figures.null_against_observed(_subject(f), table["null_strength"].to_numpy(dtype=float), observed, f.note)
        )
    return out


def _subject(finding: Any) -> str:
    endpoint, marker, _ = figures.parts_of(finding)
    return f"{marker} and {endpoint}"


def _name(finding: Any) -> str:
    endpoint, marker, measure = figures.parts_of(finding)
    said = {"auc": "area under the ROC curve", "hazard_ratio.believability": "null at least as strong"}
    return f"{marker}, {endpoint}: {said.get(measure, measure.replace('_', ' ').replace('hazard ratio.', ''))}"
