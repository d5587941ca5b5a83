"""Chapter 1, one page: what was asked, what was found, what to believe, what is assumed, what to do next."""

import re
from typing import Any

from opsonin.record.species import HUMAN, species_of
from opsonin.report import believing, monitoring, phase_two, responses, verdicts, words
from opsonin.report.chapters import synergy, why
from opsonin.report.chapters.methods import sentence_of
from opsonin.report.content import Block, Chapter, Lines, Numbers
from opsonin.report.context import Context
from opsonin.report.figures.biomarkers import screened
from opsonin.report.groups import level_names, short_names
from opsonin.report.keynumbers import key_numbers

NAME, TITLE = "summary", "Summary"
LINES = 8
ASSUMED = 3


def chapter(context: Context) -> Chapter:
    """The page for the clinician; every line is built from the record and its findings."""
    blocks: list[Block] = [
        Numbers(key_numbers(context)),
        Lines([("", line) for line in asked(context)], "What was asked"),
    ]
    blocks.append(Lines(found(context), "What was found"))
    believed = believing.believed(context)
    if believed:
        blocks.append(Lines(believed, "What to believe, the strongest first", ordered=True))
    assumed = assumptions(context)
    if assumed:
        blocks.append(Lines(assumed, "What is assumed that matters most"))
    blocks.append(Lines([("", line) for line in next_steps(context)], "What to do next"))
    return Chapter(NAME, TITLE, blocks)


def asked(context: Context) -> list[str]:
    """The questions of the study, each in a sentence."""
    questions, out = context.questions, []
    names = list(short_names(level_names(context.record).values()).values())
    agent, together = questions.get("escalating_agent"), questions.get("escalating_agents")
    if phase_two.has_arms(context) or questions.get("phase_two"):
        out += phase_two.asked(context)
    elif together:
        by = f", by the {questions['design']} design" if questions.get("design") else ""
        shown = words.listed(names, "or")
        out.append(f"Which doses of {words.listed(together)} are tolerated together: {shown}{by}?")
    elif agent or (context.groups.ordered and len(names) > 1):
        design = questions.get("design")
        by = f", by the {design} design" if design else ""
        what, shown = agent or "the treatment", words.listed(names, "or")
        if not agent and context.record.adverse_events.empty and context.record.disposition.empty:
            out.append(f"What does the dose of {what} change: {shown}?")  # nothing is on record of who tolerated it
        else:
            tolerated = "tolerated" if context.sought == "maximum tolerated dose" else f"the {context.sought}"
            out.append(f"Which dose of {what} is {tolerated}: {shown}{by}?")
    elif not context.groups.single:
        labels = context.groups.labels
        shown = words.some_of(labels, context.groups.noun)
        out.append(f"How do {shown} compare?")
    else:
        out.append(f"What happened to {words.counted(context.patients, 'patient')}?")
    interaction = questions.get("interaction") or []
    if interaction:
        out.append(f"Do the drugs change each other's exposure ({words.listed(interaction)})?")
    asked_markers = questions.get("biomarkers") or []
    for item in asked_markers:
        when = f" on day {item['day']}" if item.get("day") is not None else ""
        out.append(f"Does {item['marker']}{when} go with {words.listed(item.get('against') or ['outcome'])}?")
    for item in questions.get("synergy") or []:
        out.append(f"Does {item['together']} change {item['marker']} by more than {words.listed(item['alone'])} do?")
    markers = questions.get("markers") or []
    if markers:
        shown = (
            words.listed(markers) if len(markers) <= 5 else f"{words.listed(markers[:4])} and {len(markers) - 4} others"
        )
        out.append(f"Do baseline markers go with outcome ({shown})?")
    return out


def found(context: Context) -> list[verdicts.Line]:
    """Five to eight lines, the dose first; what does not fit stands in its chapter."""
    ordered = [
        verdicts.dose(context)[:1] or phase_two.decided(context)[:2],
        verdicts.harm(context)[:1],
        verdicts.exposure(context)[:1],
        monitoring.immune(context)[:1],
        responses.response(context)[:2],
        responses.by_indication(context),
        verdicts.survival(context)[:2],
        believing.biomarker(context)[:1],
        synergy.in_words(context)[:3],
        why.headline(context),
    ]
    lines = [line for part in ordered for line in part]
    while len(lines) > LINES:  # shorten the longest part, so that every subject keeps a line
        longest = max(ordered, key=len)
        longest.pop()
        lines = [line for part in ordered for line in part]
    return lines or [("Nothing could be estimated from this record;", "see Methods and provenance for the reasons.")]


def assumptions(context: Context) -> list[verdicts.Line]:
    """What most of the outcome's variance rests on, where the study asks why; then one for each subject it asks about.

    Else the first ones. An assumption, or what was calibrated to.
    """
    items = [item if isinstance(item, dict) else {"sentence": str(item)} for item in context.manifest.assumptions or []]
    chosen = _that_count(context, items)[: ASSUMED - 1]
    mice = species_of(context.questions) != HUMAN  # their own assumptions stand first; the others are of patients
    for topic in () if mice else _topics(context):  # the most telling word first
        about = [item for word in topic for item in items if item not in chosen and word in _text(item)]
        chosen += about[:1]
    chosen += [item for item in items if item not in chosen][: max(0, (ASSUMED if mice else 2) - len(chosen))]
    lines = [("", _brief(sentence_of(item), item, context)) for item in chosen[:ASSUMED]]
    if len(items) > len(lines):
        lines.append(("", f"{len(items) - len(lines)} more stand in Methods and provenance."))
    return lines


def _that_count(context: Context, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The assumptions whose parameters account for the outcome's variance by themselves, the largest share first."""
    shares = [f for f in context.ending("why.variance", "share") if not words.missing(f.lower) and float(f.lower) > 0]
    out: list[dict[str, Any]] = []
    for f in sorted(shares, key=lambda f: -float(f.estimate)):
        name = f.name.removeprefix("why.variance.").removesuffix(".share")
        out += [item for item in items if name in (item.get("parameters") or []) and item not in out]
    return out


def _brief(sentence: str, item: dict[str, Any], context: Context) -> str:
    """Without the values of every indication, each with its source: they stand in Methods and provenance."""
    names = "|".join(re.escape(str(name)) for name in context.questions.get("indications") or [])
    first = re.search(rf"; [\d.e+-]+ in (?:{names}) \(", sentence) if names else None
    values = sentence.rfind(f" ({(item.get('parameters') or [''])[0]} = ")
    if first is None or values < first.start():
        return sentence
    return f"{sentence[: first.start()]}; values differ by indication{sentence[values:]}"


def _topics(context: Context) -> list[tuple[str, ...]]:
    """What the questions are about, as words to look for in an assumption."""
    questions = context.questions
    dose: list[tuple[str, ...]] = [("maximum tolerated", "dose-limiting", "toxicit")]
    topics = [] if phase_two.has_arms(context) else dose
    if questions.get("interaction"):
        topics.append(("exposure to", "clearance falls", "interaction", "exposure of"))
    topics += [
        (str(item["marker"]).lower(), f" {str(item['marker']).split()[-1].lower()} ")
        for item in questions.get("biomarkers") or []
    ]
    return [*topics, ("survival", "progression", "tumour"), ("response", "kill")]


def _text(item: dict[str, Any]) -> str:
    return f"{item.get('sentence', '')} {' '.join(map(str, item.get('parameters') or []))}".lower()


def next_steps(context: Context) -> list[str]:
    """What the numbers call for: more patients at the dose, a marker tested afresh, missing data collected."""
    out = []
    chosen = context.named("design.mtd_selected")
    declared = [f for f in context.named("safety.mtd") if not words.missing(f.estimate)]
    names = level_names(context.record)
    if declared:
        name = names.get(int(declared[0].estimate), "the declared dose")
        best = max((float(f.estimate) for f in chosen), default=1.0)
        unsure = (
            f", since no dose is declared in more than {words.share(best)} of replicate trials" if best < 0.75 else ""
        )
        out.append(
            f"Treat an expansion cohort at {name} before a phase II{unsure}; watch the toxicities that limited "
            "the dose."
        )
    for f in context.named("pk"):
        if f.name.endswith("auc_ratio") and not words.missing(f.lower) and float(f.lower) > 1:
            analyte = f.name.split(".")[1]
            out.append(
                f"Watch {analyte}-related toxicity under the combination, and sample {analyte} in the next trial: "
                "exposure rises."
            )
            break
    hazards = [item for item in screened(context.findings) if item[2] == "hazard_ratio"]
    out += believing.to_confirm(context)
    strong = [(endpoint, marker) for endpoint, marker, _, f in hazards if not words.missing(f.p) and float(f.p) < 0.01]
    if strong and not context.virtual and not out:
        endpoint, marker = strong[0]
        out.append(f"Confirm {marker} as a marker of {endpoint} in further patients before using it.")
    vain = [
        f"{marker} ({endpoint})" for endpoint, marker, _, f in hazards if not words.missing(f.p) and float(f.p) > 0.2
    ]
    if vain and not context.virtual:
        shown = vain if len(vain) < 5 else [*vain[:3], f"{len(vain) - 3} others"]
        tells = "it" if len(vain) == 1 else "them"
        out.append(f"Do not select patients by {words.listed(shown)}: nothing here tells {tells} from chance.")
    if not context.virtual:
        out.append("Read Methods and provenance for rows left out and for what the record cannot answer.")
    elif not out:
        out.append("Set the assumed parameters against data before planning on these results.")
    return out
