"""Findings in plain sentences: the number, its interval, and what it means, for the first page."""

import re
from typing import Any

from opsonin.report import words
from opsonin.report.context import Context, value_of
from opsonin.report.figures.pharmacokinetics import LIMITS
from opsonin.report.figures.survival import endpoint_name
from opsonin.report.groups import level_names
from opsonin.report.phase_two import has_arms

Line = tuple[str, str]  # the strong beginning, and the rest of the sentence


def dose(context: Context) -> list[Line]:
    """The dose that the design seeks, the evidence at it, and how often replicates choose it; none where none is."""
    if has_arms(context):
        return []
    declared = [row for row in context.record.decisions.itertuples() if row.decision in ("declare", "stop")]
    found = [f for f in context.findings if f.name == "safety.mtd"]
    if not found and not declared:
        return []
    names = level_names(context.record)
    level: Any = found[0].estimate if found else declared[-1].level_to
    if words.missing(level):
        tolerable = "tolerable" if context.sought == "maximum tolerated dose" else f"the {context.sought}"
        return [
            (f"No dose was declared {tolerable}:", words.ended(found[0].note if found else str(declared[-1].reason)))
        ]
    name = names.get(int(level), f"level {int(level)}")
    limiting = _limiting_at(context, int(level))
    text = f"{limiting} had a dose-limiting toxicity there" if limiting else "by the design's rule"
    above = _limiting_at(context, int(level) + 1)
    if above:
        text += f", {above} at the next level, {names.get(int(level) + 1, '')}"
    chosen = [f for f in context.named("design.mtd_selected") if str(f.group) == name]
    if chosen:
        many = f"{int(chosen[0].n):,} " if not words.missing(chosen[0].n) else ""
        text += f"; over {many}replicate trials it is chosen in {value_of(chosen[0])}"
        text += _sureness(float(chosen[0].estimate))
    return [(words.sentence(f"{context.sought}: {name}"), words.sentence(text))]


def _sureness(chosen: float) -> str:
    if chosen >= 0.8:
        return ", so another trial would very likely say the same"
    if chosen >= 0.5:
        return ", so another trial would more likely than not say the same"
    return ", so another trial may well say otherwise"


def _limiting_at(context: Context, level: int) -> str:
    subjects, events = context.record.subjects, context.record.adverse_events
    ids = set(subjects.loc[subjects["level"] == level, "subject_id"].astype(str))
    disposition = context.record.disposition
    judged = set(disposition.loc[disposition["milestone"] == "DLT-evaluable", "subject_id"].astype(str))
    ids = ids & judged if judged else ids
    if not ids:
        return ""
    with_dlt = events.loc[events["dlt"].fillna(False).astype(bool), "subject_id"].astype(str)
    return f"{len(ids & set(with_dlt))} of {len(ids)} patients"


def harm(context: Context) -> list[Line]:
    """The most frequent events and the share with a severe one, among those treated."""
    anyone = overall(context, "safety.any_event")
    if context.record.adverse_events.empty or anyone is None:
        return []
    named = {f.name for f in context.named("safety.event")}
    terms = [f for name in named if (f := overall(context, name)) is not None and f.events]
    terms.sort(key=lambda f: (-f.events, f.name))
    shown = [f"{f.name.removeprefix('safety.event.').lower()} ({words.share(f.estimate)})" for f in terms[:3]]
    text = f"most frequent {words.listed(shown)}"
    severe = overall(context, "safety.severe_event")
    if severe is not None:
        kind = "event of grade 3 or worse" if context.record.adverse_events["grade"].notna().any() else "severe event"
        text += f"; {words.count_of(int(severe.events), int(severe.n))} had a{'n' * (kind[0] == 'e')} {kind}"
    begin = f"Adverse events in {words.count_of(int(anyone.events), int(anyone.n), 'patients')}:"
    return [(begin, words.ended(text if shown else text.partition("; ")[2]))]


def overall(context: Context, name: str) -> Any:
    """The finding of this name over everyone: its group is "all", or the only one; None where there is none."""
    found = [f for f in context.findings if f.name == name and not words.missing(f.estimate)]
    return next((f for f in found if f.group in ("all", None)), found[0] if len(found) == 1 else None)


def exposure(context: Context) -> list[Line]:
    """All interactions asked about in one line: is exposure raised, lowered, unchanged, or undecided?"""
    ratios = [f for f in context.named("pk") if f.name.endswith("auc_ratio")]
    told = []
    for f in ratios[:5]:
        verdict = interaction(f).partition(" (")[0]
        told.append(f"{f.name.split('.')[1]} × {value_of(f)}{contrast(f)}, {verdict}")
    return [("Exposure, AUC ratios:", words.ended("; ".join(told)))] if told else []


def contrast(finding: Any) -> str:
    """What changes between the sides of a ratio: " with interleukin-2"; the group where that is not said."""
    added = re.fullmatch(r"Between the periods: (.+) added\.", finding.note)
    if added:
        return f" with {added[1]}"
    without = re.match(r"with vs without ([^,]+)", str(finding.group))
    if without:
        return f" with {without[1]}"
    return "" if finding.group in ("all", "", None) else f" ({finding.group})"


def interaction(finding: Any) -> str:
    """What a ratio of exposures means against 0.80–1.25."""
    low, high = finding.lower, finding.upper
    if words.missing(low) or words.missing(high):
        return "no interval can be given, so nothing can be said"
    low, high = float(low), float(high)
    if LIMITS[0] <= low and high <= LIMITS[1]:
        return "no relevant change (the interval lies within 0.80–1.25)"
    if low > LIMITS[1]:
        return "relevantly raised (the interval lies above 1.25)"
    if high < LIMITS[0]:
        return "relevantly lowered (the interval lies below 0.80)"
    if low > 1:
        return "raised, though perhaps by less than a quarter"
    if high < 1:
        return "lowered, though perhaps by less than a fifth"
    return "undecided"


def survival(context: Context) -> list[Line]:
    """Hazard ratios between groups with medians; medians alone where there is one group."""
    out: list[Line] = []
    told: set[str] = set()
    ratios = [f for f in context.named("survival") if f.name.endswith(".hazard_ratio")]
    if context.groups.ordered:
        ratios = []  # a ratio per dose level says less than the median of everyone
    if 0 < len(ratios) <= 4:
        for f in ratios:
            endpoint = f.name.split(".")[1]
            name = endpoint_name(context.record, endpoint)
            contrast = "" if f.group in ("all", "", None) else f" ({f.group})"
            p = f", {words.p_value(f.p)}" if words.p_value(f.p) else ""
            begin = f"{words.capital(name)}: hazard ratio {value_of(f)}{p}{contrast}."
            medians = "" if endpoint in told else _medians(context, endpoint)  # once an endpoint
            told.add(endpoint)
            out.append((begin, f"{words.sentence(hazard(f))}{_over_time(context, f)} {medians}".strip()))
        return out
    if len(ratios) > 4:
        return [_across_groups(context, endpoint) for endpoint in dict.fromkeys(f.name.split(".")[1] for f in ratios)]
    for endpoint in dict.fromkeys(
        f.name.split(".")[1] for f in context.named("survival") if f.name.endswith(".median")
    ):
        medians = _medians(context, endpoint)
        if medians:
            name = words.capital(endpoint_name(context.record, endpoint))
            out.append((f"{name}:", words.ended(medians[0].lower() + medians[1:])))
    if len(out) == 2:  # two medians share a line
        (one, told_one), (other, told_other) = out
        return [(one, f"{told_one[:-1]}; {other[0].lower()}{other[1:-1]} {told_other}")]
    return out


def _over_time(context: Context, ratio: Any) -> str:
    """What to make of a hazard ratio that does not hold over time; nothing where it does."""
    stem = ratio.name.removesuffix("hazard_ratio")
    tests = [f for f in context.named(f"{stem}max_combo") if f.group == ratio.group and words.p_value(f.p)]
    if not tests:
        return ""
    return (
        f" The ratio changes over time and is an average: look at the curves (max-combo {words.p_value(tests[0].p)})."
    )


def _across_groups(context: Context, endpoint: str) -> Line:
    """Many groups in one line: the range of medians, the log-rank test, how many ratios exclude 1."""
    medians = [f for f in context.named(f"survival.{endpoint}.median") if f.group not in ("all", "", None)]
    ratios = context.named(f"survival.{endpoint}.hazard_ratio")
    clear = [f for f in ratios if not words.missing(f.lower) and (float(f.lower) > 1 or float(f.upper) < 1)]
    told = f"{len(clear)} of {len(ratios)} hazard ratios have an interval that excludes 1" if ratios else ""
    if 0 < len(clear) <= 2:
        told += f" ({'; '.join(f'{f.group}, {value_of(f)}' for f in clear)})"
    tests = [f for f in context.findings if f.name == f"survival.{endpoint}.logrank" and words.p_value(f.p)]
    told = "; ".join(part for part in (told, f"log-rank {words.p_value(tests[0].p)}" if tests else "") if part)
    name = endpoint_name(context.record, endpoint)
    begin = f"{words.capital(name)} in {len(context.groups.labels)} {words.several(context.groups.noun)}:"
    if len(medians) > 1:
        low, high = min(medians, key=lambda f: float(f.estimate)), max(medians, key=lambda f: float(f.estimate))
        begin = f"{begin[:-1]}, median from {value_of(low)} in {low.group} to {value_of(high)} in {high.group}:"
    return (begin, words.ended(told))


def hazard(finding: Any) -> str:
    """What a hazard ratio and its interval mean."""
    if words.missing(finding.lower) or words.missing(finding.upper):
        return "no interval can be given"
    low, high, estimate = float(finding.lower), float(finding.upper), float(finding.estimate)
    if high < 1:
        return f"the hazard is lower by {words.share(1 - estimate)}, and the interval excludes no difference"
    if low > 1 and estimate > 2:
        return f"the hazard is {words.number(estimate)} times as high, and the interval excludes no difference"
    if low > 1:
        return f"the hazard is higher by {words.share(estimate - 1)}, and the interval excludes no difference"
    if high / low > 3:
        return "the interval is too wide to say which way it goes"
    return "the interval includes no difference"


def _medians(context: Context, endpoint: str) -> str:
    medians = [f for f in context.findings if f.name == f"survival.{endpoint}.median"]
    inside = [f for f in medians if f.group not in ("all", "", None)]
    few = 0 < len(inside) <= 4 and not context.groups.ordered
    medians = inside if few else [f for f in medians if f not in inside] or medians[:1]
    if not medians:
        return ""
    told = []
    for f in medians:
        months = f.unit == "days" and max(_or_zero(f.estimate), _or_zero(f.lower)) > 182
        scale, unit = (30.4375, "months") if months else (1.0, f.unit or "days")
        ends = [None if words.missing(x) else float(x) / scale for x in (f.estimate, f.lower, f.upper)]
        text = "not reached" if ends[0] is None else f"{words.with_interval(ends[0], ends[1], ends[2])} {unit}"
        told.append(text if f.group in ("all", "", None) or len(medians) == 1 else f"{f.group} {text}")
    return words.sentence(f"Median {'; '.join(told)}")


def _or_zero(value: Any) -> float:
    return 0.0 if words.missing(value) else float(value)
