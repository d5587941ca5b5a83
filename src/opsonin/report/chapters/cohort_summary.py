"""The first page of a cohort's report: what was asked, found, is to be believed, is assumed, and what comes next."""

from typing import Any

from opsonin.report import verdicts, words
from opsonin.report.chapters.cohort import outcome_of
from opsonin.report.chapters.methods import sentence_of
from opsonin.report.chapters.summary import ASSUMED
from opsonin.report.content import Block, Chapter, Lines, Numbers
from opsonin.report.context import Context, value_of
from opsonin.report.figures.survival import endpoint_name

NAME, TITLE = "summary", "Summary"


def chapter(context: Context) -> Chapter:
    """One page for the clinician."""
    blocks: list[Block] = [
        Numbers(_numbers(context)),
        Lines([("", line) for line in asked(context)], "What was asked"),
        Lines(found(context), "What was found"),
    ]
    believed = believe(context)
    if believed:
        blocks.append(Lines(believed, "What to believe", ordered=True))
    items = [item if isinstance(item, dict) else {"sentence": str(item)} for item in context.manifest.assumptions or []]
    if items:
        blocks.append(Lines([("", sentence_of(item)) for item in items[:ASSUMED]], "What is assumed that matters most"))
    blocks.append(Lines([("", line) for line in next_steps(context)], "What to do next"))
    return Chapter(NAME, TITLE, blocks)


def _parts(context: Context) -> tuple[str, dict[str, Any], list[Any]]:
    """The outcome, the findings on all markers by measure, and the markers' ratios in the model of all variables."""
    outcome = outcome_of(context)
    added = {f.name.rpartition(".")[2]: f for f in context.named(f"cohort.{outcome}.added.all markers")}
    names = set(dict(context.questions.get("cohort") or {}).get("markers") or [])
    together = context.named(f"cohort.{outcome}.multivariable")
    return outcome, added, [f for f in together if f.name.split(".multivariable.")[1] in names]


def _numbers(context: Context) -> list[tuple[str, str]]:
    outcome, added, ratios = _parts(context)
    follow = next(f for f in context.findings if f.name == f"cohort.{outcome}.follow_up")
    out = [(f"{follow.events} of {follow.n}", f"patients with the event, {outcome}")]
    for f in ratios[:2]:
        out.append((words.number(f.estimate, whole=False), f"hazard ratio of {f.group}, others in the model"))
    if "concordance_gain" in added:
        gain = added["concordance_gain"]
        out.append((f"{float(gain.estimate):+.3f}".replace("-", words.MINUS), "concordance, by the markers"))
    return out[:4]


def asked(context: Context) -> list[str]:
    """The question in one sentence or two."""
    question = dict(context.questions.get("cohort") or {})
    outcome = outcome_of(context)
    markers, adjust = list(question.get("markers") or []), list(question.get("adjust") or [])
    name = endpoint_name(context.record, outcome)
    out = [f"Do{'' if len(markers) > 1 else 'es'} {words.listed(markers)} go with {name}?"]
    if adjust:
        out.append(f"Do they add to what {words.listed(adjust)} tell already?")
    return out


def found(context: Context) -> list[verdicts.Line]:
    """Each marker with all variables in the model; the cut; what the markers add together."""
    outcome, added, ratios = _parts(context)
    lines = []
    for f in ratios:
        clear = not words.missing(f.lower) and (float(f.upper) < 1 or float(f.lower) > 1)
        way = "high values go with a later event" if float(f.estimate) < 1 else "high values go with an earlier event"
        verdict = way if clear else "the interval includes no association"
        begin = f"{f.group}: hazard ratio {value_of(f)}, {words.p_value(f.p)}, the others in the model;"
        lines.append((begin, words.ended(verdict)))
    test, gain = added.get("likelihood_ratio"), added.get("concordance_gain")
    if test is not None and gain is not None:
        adds = not words.missing(test.p) and float(test.p) < 0.05
        begin = f"Together they {'add to' if adds else 'are not shown to add to'} the clinical variables"
        size = value_of(gain, with_unit=False)
        honest = "corrected for optimism" if not words.missing(gain.lower) else "not corrected for optimism"
        lines.append((f"{begin} ({test.method} {words.p_value(test.p)});", f"concordance changes by {size}, {honest}."))
    for f in context.ending(f"cohort.{outcome}", "searched_ratio"):
        marker = f.name.rpartition(".")[0].split(".", 2)[2]
        lines.append((f"The best cut of {marker}, with the price of the search:", _cut(f)))
    lines += [("", words.sentence(f.note)) for f in context.named("cohort.missing") if "differs" in f.note]
    return lines or [("Nothing could be estimated from this cohort;", "see Methods and provenance for the reasons.")]


def _cut(finding: Any) -> str:
    return words.ended(f"hazard ratio {value_of(finding)} of high against low, {words.p_value(finding.p)}")


def believe(context: Context) -> list[verdicts.Line]:
    """Each marker in the order of its p, with what speaks for and against it."""
    outcome, _, ratios = _parts(context)
    alone = {str(f.group): f for f in context.named(f"cohort.{outcome}.univariable")}
    out = []
    for f in sorted(ratios, key=lambda f: 1.0 if words.missing(f.p) else float(f.p)):
        p = 1.0 if words.missing(f.p) else float(f.p)
        verdict = "worth confirming" if p < 0.01 else "suggestive, not more" if p < 0.05 else "do not build on it"
        also = alone.get(str(f.group))
        said = ""
        if also is not None and not words.missing(also.p) and (float(also.p) < 0.05) != (p < 0.05):
            said = f"; alone its ratio is {value_of(also)}, so that much hangs on the other variables"
        out.append((f"{f.name.split('.multivariable.')[1]}:", words.ended(f"{verdict} ({words.p_value(f.p)}){said}")))
    return out


def next_steps(context: Context) -> list[str]:
    """What the numbers call for."""
    outcome, added, ratios = _parts(context)
    good = [f.name.split(".multivariable.")[1] for f in ratios if not words.missing(f.p) and float(f.p) < 0.05]
    out = []
    if good:
        out.append(
            f"Fix {words.listed(good)}, the model and {outcome} in a protocol, and test them in other patients: a "
            "cohort that was looked at cannot confirm what it suggested."
        )
        out.append("Use the markers as they are measured, not cut in two: no cut is sharply told from its neighbours.")
    else:
        out.append("Do not select patients by these markers: nothing here tells them from chance.")
    slope = added.get("calibration_slope")
    if slope is not None and not words.missing(slope.estimate) and float(slope.estimate) < 0.85:
        to = words.number(slope.estimate, 2)
        out.append(f"Shrink the model before it predicts: in new patients its slope is about {to}.")
    if context.virtual:
        out.append("Run the same analysis on a real cohort: this one is made up.")
    return out
