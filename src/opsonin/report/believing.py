"""What to believe: the markers ranked by how seldom chance looks this good, each with what it is worth in words."""

import re
from typing import Any

from opsonin.analysis.believability.words import short
from opsonin.report import words
from opsonin.report.context import Context, value_of
from opsonin.report.figures.biomarkers import BELIEFS, NO_PERMUTATION, distance, evidence, judged, parts_of, screened
from opsonin.report.verdicts import Line

RARE = 0.10  # a link that fewer replicate trials show is hardly in the model
LOOKED = re.compile(r"strongest association of ([\d,]+)")


MEASURES = {"hazard_ratio": "hazard ratio", "odds_ratio": "odds ratio", "auc": "area under the ROC curve"}


def looked_into(context: Context) -> list[tuple[str, str, str, Any]]:
    """(outcome, marker, measure, finding) of every marker asked about, the strongest first: its ratio, else its area.

    Response is told by an area under the ROC curve where no odds ratio is given.
    """
    ratios = screened(context.findings)
    there = {(endpoint, marker) for endpoint, marker, _, _ in ratios}
    areas = [
        item
        for item in judged(context.findings)
        if item[2] == "auc" and item[:2] not in there and not words.missing(item[3].estimate)
    ]
    return sorted([*ratios, *areas], key=lambda item: (evidence(item[3]), -_far(item)))


def _far(item: tuple[str, str, str, Any]) -> float:
    return abs(float(item[3].estimate) - 0.5) if item[2] == "auc" else distance(item[3])


def biomarker(context: Context) -> list[Line]:
    """The strongest marker and what it is worth."""
    found = looked_into(context)
    if not found:
        return []
    endpoint, marker, measure, f = found[0]
    p = f", {_p(f)}" if words.p_value(f.p) else ""
    begin = f"{marker} and {endpoint}: {_measured(measure, f)}{p}."
    chance = _parts(context, endpoint, marker, measure).get("believability")
    if chance is None or not looked_at(chance):
        return [(begin, words.sentence(_chance(len(found))))]
    told = f"among {looked_at(chance)} associations looked at, chance makes one this strong in "
    told += f"{words.share(chance.estimate)} of trials" if chance.estimate else f"none of {int(chance.n):,} trials"
    return [(begin, words.sentence(told))]


def looked_at(chance: Any) -> str:
    """How many associations the null of the strongest went over; "" where it was this one alone."""
    found = LOOKED.search(str(chance.method))
    return found[1] if found else ""


def _p(finding: Any) -> str:
    """The p-value; "p ≤ 0.0020" where no permutation was as strong, so that fewer could not have said less."""
    text = words.p_value(finding.p)
    return text.replace("=", "≤") if NO_PERMUTATION in finding.note else text


def _step(finding: Any) -> str:
    """What a ratio is per, as its method says: " per doubling", " per SD"."""
    return short(finding).removeprefix(finding.unit or "ratio")


def _measured(measure: str, finding: Any) -> str:
    """ "hazard ratio per doubling 0.128 (0.0189–0.861)", "area under the ROC curve 0.721 (0.581–0.828)"."""
    step = "" if measure == "auc" else _step(finding)
    return f"{MEASURES.get(measure, measure)}{step} {value_of(finding, with_unit=False)}"


def _chance(examined: int) -> str:
    return f"the strongest of {examined} associations examined" if examined > 1 else "the only association examined"


def _parts(context: Context, endpoint: str, marker: str, measure: str) -> dict[str, Any]:
    """What is said of the belief in one finding, by part."""
    held = {parts_of(f): f for f in context.findings if f.name.startswith("biomarker.")}
    keys = {part: (endpoint, marker, f"{measure}.{part}") for part in BELIEFS}
    return {part: held[key] for part, key in keys.items() if key in held}


def believed(context: Context) -> list[Line]:
    """Biomarker findings from the most to the least believable, each with the reason."""
    ranked = []
    for endpoint, marker, measure, f in looked_into(context):
        parts = _parts(context, endpoint, marker, measure)
        chance, again = parts.get("believability"), parts.get("replication")
        share = float(chance.estimate) if chance is not None else 1.0 if words.missing(f.p) else float(f.p)
        doubt = again is not None and float(again.estimate) < RARE  # rare in its own model: believed less, however good
        ranked.append((doubt, share, f"{marker} and {endpoint}:", measure, f, parts))
    ranked.sort(key=lambda item: item[:2])  # stable: among equals their order stays
    told = []
    for *_, begin, measure, f, parts in ranked[:5]:
        reason = _held(measure, f, parts, brief=bool(told)) if "believability" in parts else _reason(f)
        told.append((begin, words.ended(reason)))
    return told


NOTHING = "do not build on it; this is what chance looks like"


def verdict(finding: Any, parts: dict[str, Any]) -> str:
    """What a finding held against chance is worth, in a few words."""
    share, again = float(parts["believability"].estimate), parts.get("replication")
    rare = again is not None and float(again.estimate) < RARE
    alone = 1.0 if words.missing(finding.p) else float(finding.p)
    if share >= 0.20 and looked_at(parts["believability"]) and alone < 0.05:
        lead = "a lead to test afresh, no finding"
        return f"{lead}; the model that made this trial hardly holds the link" if rare else lead
    if share >= 0.20:
        return NOTHING
    if rare:
        return "probably luck; this trial looks good, but the model that made it hardly holds the link"
    if share >= 0.05:
        return "weak; chance could have made it"
    return "suggestive, not more" if share >= 0.01 else "worth confirming in new patients"


def _held(measure: str, finding: Any, parts: dict[str, Any], brief: bool = False) -> str:
    """The verdict; then what chance makes, how exaggerated it is, how probable it is real, and what confirms it.

    brief: leave out what the line before has said already.   Of what chance makes anyway it says no more.
    """
    chance = parts["believability"]
    share, many = float(chance.estimate), looked_at(chance)
    counted = "events" if measure == "hazard_ratio" else "responders"
    events = "" if words.missing(finding.events) else f" with {int(finding.events):,} {counted}"
    looks = words.share(share) if share > 0 else "none"
    said = verdict(finding, parts)
    told = f"{said}. {words.capital(_measured(measure, finding))}{events}; "
    if brief:
        told += f"{looks} of the permuted data sets {'show one this strong' if many else 'look at least this good'}"
    elif many:
        told += f"of {int(chance.n):,} data sets with patients permuted, {looks} show one this strong among the {many} "
        told += "associations looked at"
    else:
        told += f"of {int(chance.n):,} data sets with the marker permuted, {looks} look at least this good"
    if said == NOTHING and brief:
        return told
    real, factor, plan = (parts.get(part) for part in ("probability_real", "exaggeration", "to_confirm"))
    if real is not None:
        told += f"; if one such link in ten is real, this one is with {_probability(real.estimate)} probability"
    if factor is not None and not words.missing(factor.estimate) and float(factor.estimate) >= 1.05:
        told += (
            f"; significant estimates of such trials are typically {words.number(factor.estimate, 2)} times too strong"
        )
    if plan is not None and not words.missing(plan.estimate):
        told += f"; to confirm it takes {words.number(plan.estimate, 2)} {plan.unit}"
    if "replication" in parts:
        told += f"; {words.share(parts['replication'].estimate, whole=False)} of replicate trials show the link"
    if "pooled" in parts:
        told += (
            f", whose {MEASURES.get(measure, measure)} is {value_of(parts['pooled'], with_unit=False)} over all of them"
        )
    return told


def _probability(share: Any) -> str:
    """A probability that something is real: never "100 %", however the arithmetic was rounded."""
    return words.share(share if words.missing(share) else min(float(share), 0.9999))


def _reason(finding: Any) -> str:
    if words.missing(finding.p):
        return "no test could be made, so it is a picture and no evidence"
    p = float(finding.p)
    if p < 0.005:
        verdict = "hard to explain by chance; worth confirming in new patients"
    elif p < 0.05:
        verdict = "suggestive; chance remains a plausible explanation, above all if other markers were tried"
    else:
        verdict = "not distinguishable from chance; do not build on it"
    events = "" if words.missing(finding.events) else f" with {int(finding.events):,} events"
    return f"{verdict} ({value_of(finding)}, {_p(finding)}{events})"


def to_confirm(context: Context) -> list[str]:
    """What the next trial needs for the most believable marker: its size, with the marker fixed beforehand."""
    ranked = []
    for endpoint, marker, measure, f in looked_into(context):
        parts = _parts(context, endpoint, marker, measure)
        chance, plan = parts.get("believability"), parts.get("to_confirm")
        if chance is None or plan is None or words.missing(plan.estimate):
            continue
        if verdict(f, parts) != NOTHING:
            ranked.append((float(chance.estimate), f"{marker}, its day, its scale and {endpoint}", plan))
    if not ranked:
        return []
    _, what, plan = min(ranked, key=lambda item: item[0])
    return [f"Fix {what} in the protocol of the next trial before looking. {words.unbroken(words.sentence(plan.note))}"]
