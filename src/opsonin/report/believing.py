"""What to believe: the markers ranked by how seldom chance looks this good, and what it takes to confirm one."""

import math
from typing import Any

from opsonin.report import words
from opsonin.report.context import Context, value_of
from opsonin.report.figures.biomarkers import parts_of, screened
from opsonin.report.verdicts import Line

RARE = 0.10  # a link that fewer replicate trials show is hardly in the model


def biomarker(context: Context) -> list[Line]:
    """The strongest marker and what it is worth."""
    found = screened(context.findings)
    if not found:
        return []
    endpoint, marker, measure, f = found[0]
    p = f", {_p(f)}" if words.p_value(f.p) else ""
    step = _step(f)
    begin = f"{marker} and {endpoint}: {measure.replace('_', ' ')}{step} {value_of(f)}{p}."
    return [(begin, words.sentence(_chance(len(found))))]


def _p(finding: Any) -> str:
    """The p-value; "p ≤ 0.0020" where no permutation was as strong, so that fewer could not have said less."""
    text = words.p_value(finding.p)
    return text.replace("=", "≤") if "No permutation is as strong" in finding.note else text


def _step(finding: Any) -> str:
    """What a hazard ratio is per, as its method says: " per doubling", " per SD"."""
    for said in ("per doubling", "per SD"):
        if said in finding.method:
            return f" {said}"
    return ""


def _chance(examined: int) -> str:
    return f"the strongest of {examined} associations examined" if examined > 1 else "the only association examined"


def believed(context: Context) -> list[Line]:
    """Biomarker findings from the most to the least believable, each with the reason."""
    held: dict[tuple[str, str, str], Any] = {parts_of(f): f for f in context.named("biomarker")}
    ranked = []
    for endpoint, marker, measure, f in screened(context.findings):
        chance = held.get((endpoint, marker, f"{measure}.believability"))
        again = held.get((endpoint, marker, f"{measure}.replication"))
        share = float(chance.estimate) if chance is not None else 1.0 if words.missing(f.p) else float(f.p)
        doubt = again is not None and float(again.estimate) < RARE  # rare in its own model: believed less, however good
        reason = _reason(f) if chance is None else _held(f, chance, again)
        ranked.append((doubt, share, f"{marker} and {endpoint}:", words.ended(reason)))
    ranked.sort(key=lambda item: item[:2])  # stable: among equals the order of screened() stays
    return [(begin, reason) for *_, begin, reason in ranked[:5]]


def _held(finding: Any, chance: Any, again: Any) -> str:
    """The share of null data sets that look as good, how often replicates show it, and what that means."""
    share = float(chance.estimate)
    rare = again is not None and float(again.estimate) < RARE
    if share >= 0.20:
        verdict = "do not build on it; this is what chance looks like"
    elif rare:
        verdict = "probably luck; this trial looks good, but the model that made it hardly holds the link"
    elif share >= 0.05:
        verdict = "weak; chance could have made it"
    elif share >= 0.01:
        verdict = "suggestive, not more"
    else:
        verdict = "worth confirming in new patients"
    events = "" if words.missing(finding.events) else f" with {int(finding.events):,} events"
    looks = words.share(share) if share > 0 else "none"
    told = (
        f"{verdict}. Hazard ratio{_step(finding)} {value_of(finding)}{events}; of {int(chance.n):,} data sets with the "
    )
    told += f"marker permuted, {looks} look at least this good"
    if again is not None:
        told += f"; {words.share(again.estimate, whole=False)} of replicate trials show the link"
    return told


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


def events_to_confirm(hazard_ratio: float, power: float = 0.8) -> int:
    """Events needed to show a hazard ratio between two halves at two-sided 5 %.

    Source: Schoenfeld (1983), Biometrics 39:499: d = (z + z)² / (¼ · log² HR).
    """
    from statistics import NormalDist

    z = NormalDist().inv_cdf(0.975) + NormalDist().inv_cdf(power)
    return math.ceil(z**2 / (0.25 * math.log(hazard_ratio) ** 2))
