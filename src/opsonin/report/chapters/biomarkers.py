"""Chapter 7: which markers go with outcome, and whether that is worth believing."""

import re
from dataclasses import replace
from typing import Any

from opsonin.analysis.asked import ask
from opsonin.analysis.markers import Question, biomarker_questions
from opsonin.report import words
from opsonin.report.content import Block, Chapter, Drawing, Lines
from opsonin.report.context import Context, findings_table, remarks
from opsonin.report.figures import biomarkers as figures
from opsonin.report.figures.belief import belief
from opsonin.report.figures.cohort import cut_profile
from opsonin.report.figures.predictive import treatment_by_marker
from opsonin.report.figures.screens import asked_for, screened_all
from opsonin.report.figures.survival import endpoint_name

NAME, TITLE = "biomarkers", "Biomarkers"
DRAWN = 6  # marker and outcome pairs that get their own pictures


def chapter(context: Context) -> Chapter:
    """The screen, then each highlighted marker: scatter, curves, and how far to believe it."""
    pairs = highlighted(context)
    named = context.named("biomarker")
    screens = context.ending("screen", "markers")
    if not pairs and not named and not screens:
        why = (
            "The record holds no marker that could be set against an outcome."
            if context.record.measurements.empty
            else "The study asks for no marker to be set against an outcome; name some under [questions] or [analysis]."
        )
        return Chapter(NAME, TITLE, absent=why)
    blocks: list[Block] = []
    every = [screened_all(e := f.name.split(".")[1], endpoint_name(context.record, e), f) for f in screens]
    blocks += [Drawing(figure) for figure in (*every, asked_for(named)) if figure is not None]
    beliefs = believed(context)
    for question, endpoint in pairs[:DRAWN]:
        cut = (context.questions.get("cut") or {}).get(question.marker)
        drawn = [
            figures.dots(context.record, context.groups, question, endpoint),
            figures.split_curves(context.record, context.groups, question, endpoint, cut),
        ]
        blocks += [Drawing(figure) for figure in drawn if figure is not None]
        blocks += _searched_cut(context, question, endpoint)
        blocks += _by_treatment(context, question, endpoint)
        blocks += [block for subject in (endpoint, "response") for block in beliefs.pop((subject, question.label), [])]
    left = [block for some in beliefs.values() for block in some]
    blocks += left[: 2 * max(0, DRAWN - len(pairs))]
    blocks += remarks(context, "biomarker", "screen")
    held = [f for f in named if figures.parts_of(f)[2].rpartition(".")[2] in figures.BELIEFS]
    numbers = [f for f in named if f not in held]
    ratios = context.ending("screen", "hazard_ratio", "odds_ratio")
    listed = findings_table("The strongest of the screen, in numbers", ratios, _screened, folded=len(ratios) > 20)
    blocks += [listed] if listed is not None else []
    for title, part in (
        ("Markers against outcome, in numbers", numbers),
        ("How far to believe them, in numbers", held),
    ):
        heads = (
            {"counted": "patients, data sets or trials", "events": "events, or data sets as strong"}
            if part is held
            else {}
        )
        table = findings_table(title, part, _name, folded=len(part) > 20, **heads)
        if table is not None:
            blocks.append(table)
    lead = ""
    if len(pairs) > DRAWN:
        lead = (
            f"{len(pairs)} pairs of marker and outcome were asked for; the first {DRAWN} are drawn, the table has all."
        )
    return Chapter(NAME, TITLE, blocks, lead=lead)


def highlighted(context: Context) -> list[tuple[Question, str]]:
    """Each question with each of its endpoints, in the study's order, where the record can show it."""
    asked = ask(context.record)
    endpoints = set(context.record.survival["endpoint"].dropna().astype(str)) if len(context.record.survival) else set()
    pairs = [(q, e) for q in biomarker_questions(asked) for e in q.against if e in endpoints and not q.time_varying]
    return list(dict.fromkeys(pairs))


def _searched_cut(context: Context, question: Question, endpoint: str) -> list[Block]:
    """Every cut of a marker whose cut was searched, and what the search costs."""
    stem = f"biomarker.{endpoint}.{question.label}"
    found = {f.name: f for f in context.named(f"{stem}.searched_cut", f"{stem}.searched_ratio")}
    if len(found) < 2:
        return []
    figure = cut_profile(found[f"{stem}.searched_ratio"], found[f"{stem}.searched_cut"])
    if figure is None:
        return []
    name = f"biomarker-{words.code_safe(question.label)}-{words.code_safe(endpoint)}-cut"
    return [Drawing(replace(figure, name=name, title=f"{figure.title}: {endpoint_name(context.record, endpoint)}"))]


def _by_treatment(context: Context, question: Question, endpoint: str) -> list[Block]:
    """The treatment's hazard ratio along the marker, for each contrast of randomised arms."""
    name = f"biomarker.{endpoint}.{question.label}.interaction"
    unit = context.record.measurements.loc[context.record.measurements["marker"] == question.marker, "unit"].dropna()
    drawn = []
    for f in (f for f in context.findings if f.name == name):
        of = f"{question.label} and {endpoint}"
        of += f", {f.group}" if sum(other.name == name for other in context.findings) > 1 else ""
        said = words.unit_name(unit.iloc[0]) if len(unit) and not question.change else ""
        drawn.append(treatment_by_marker(of, question.label, said, f, "per doubling" in f.method))
    return [Drawing(figure) for figure in drawn if figure is not None]


def believed(context: Context) -> dict[tuple[str, str], list[Block]]:
    """For each (endpoint, marker): the picture of how far to believe it, and what replicate trials say."""
    named = context.named("biomarker")
    parts: dict[tuple[str, str, str], dict[str, Any]] = {}
    for f in named:
        endpoint, marker, measure = figures.parts_of(f)
        what, _, part = measure.rpartition(".")
        if part in figures.BELIEFS:
            parts.setdefault((endpoint, marker, what), {})[part] = f
    out: dict[tuple[str, str], list[Block]] = {}
    for endpoint, marker, what, f in figures.judged(named):
        mine = parts.get((endpoint, marker, what), {})
        subject = f"{marker} and {endpoint}" + (", interaction with treatment" if what == "interaction" else "")
        drawn = None if what == "interaction" else belief(subject, f, mine)  # in words alone: the curve above shows it
        blocks: list[Block] = [] if drawn is None else [Drawing(drawn)]
        told = [("Who is compared.", left_out(f)), *((head, _words(mine, some)) for head, some in HEADS)]
        if any(text for _, text in told):
            blocks.append(Lines([(head, text) for head, text in told if text], f"In words: {subject}"))
        out.setdefault((endpoint, marker), []).extend(blocks)
    return out


def left_out(finding: Any) -> str:
    """Of a finding's note what says who is not among the patients compared, and what a naive comparison gets wrong."""
    sentences = re.split(r"(?<=\.) ", finding.note)
    return words.unbroken(" ".join(s for s in sentences if s.startswith(("Landmark", "Naive")) or "left out" in s))


def _words(parts: dict[str, Any], some: tuple[str, ...]) -> str:
    return words.unbroken(" ".join(words.sentence(parts[part].note) for part in some if part in parts))


HEADS = (
    ("Chance.", ("believability",)),
    ("Size.", ("exaggeration",)),
    ("Truth.", ("probability_real",)),
    ("The model.", ("replication", "pooled")),
    ("Next.", ("to_confirm",)),
)
SAID = {
    "auc": "area under the ROC curve",
    "believability": "chance at least as strong",
    "exaggeration": "times too strong if significant",
    "probability_real": "probability that it is real, if one in ten is",
    "to_confirm": "events to confirm it",
    "replication": "replicate trials that show it",
    "pooled": "over replicate trials",
}


def _screened(finding: Any) -> str:
    _, endpoint, rest = finding.name.split(".", 2)
    return f"{rest.rpartition('.')[0]}, {endpoint}"


def _name(finding: Any) -> str:
    endpoint, marker, measure = figures.parts_of(finding)
    what, _, part = measure.rpartition(".")
    of = f" of the {what.replace('_', ' ')}" if what and what != "hazard_ratio" and part in SAID else ""
    return f"{marker}, {endpoint}: {SAID.get(part, measure.replace('_', ' '))}{of}"
