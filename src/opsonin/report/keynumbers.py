"""Up to four numbers that a reader should carry away, each with what it is; they head the first page."""

from typing import Any

from opsonin.report import words
from opsonin.report.context import Context, value_of
from opsonin.report.figures.response import assessed, best_responses
from opsonin.report.figures.survival import endpoint_name
from opsonin.report.groups import level_names, shared_words, short_names
from opsonin.report.verdicts import overall

MOST = 4
SIDE_BY_SIDE = 3  # arms whose response rates fit on one line


def key_numbers(context: Context) -> list[tuple[str, str]]:
    """(number, what it is): the dose and its certainty, hazard ratios, events, responses, medians; the first four.

    Pooled over arms that are compared, a median would mean nothing: it is given for dose levels and single groups.
    """
    groups = context.groups
    if groups.ordered or groups.single:
        found = [*_dose(context), *_responses(context), *_medians(context)]
    else:
        found = [*_dose(context), *_ratios(context), *_responses(context)]  # a dose of two agents: no order of groups
    if len(found) < MOST:
        found += _harmed(context)
    if len(found) < MOST:
        among = "" if groups.single else f" in {len(groups.labels)} {words.several(groups.noun)}"
        found.insert(0, (f"{context.patients:,}", f"patients{among}"))
    return found[:MOST]


def _dose(context: Context) -> list[tuple[str, str]]:
    declared = [f for f in context.named("safety.mtd") if not words.missing(f.estimate)]
    if not declared:
        return []
    names = level_names(context.record)
    name = names.get(int(declared[0].estimate), f"level {int(declared[0].estimate)}")
    short = short_names(names.values()).get(name, name)
    of = shared_words(name, short)
    out = [(short, f"{context.sought}{f' of {of}' if of else ''}")]
    for f in context.named("design.mtd_selected"):
        if str(f.group) == name:
            out.append((words.share(f.estimate, whole=False), f"of {int(f.n):,} replicate trials choose this dose"))
    return out


def _ratios(context: Context) -> list[tuple[str, str]]:
    ratios = [f for f in context.named("survival") if f.name.endswith(".hazard_ratio")]
    if len(ratios) > 4:
        return []
    several = len({f.group for f in ratios}) > 1
    return [
        (
            words.number(f.estimate, whole=False),
            f"hazard ratio, {_endpoint(context, f)} {_bracket(f)}{f', {f.group}' if several else ''}",
        )
        for f in ratios[:2]
    ]


def _bracket(finding: Any) -> str:
    return f"({words.between(finding.lower, finding.upper, whole=False)})"


def _responses(context: Context) -> list[tuple[str, str]]:
    if context.record.responses.empty:
        return []
    rows = assessed(best_responses(context.record, context.groups), context.groups)
    if (rows["best"] == "missing").all():
        return []
    hit, groups = rows["best"].isin(["CR", "PR"]), context.groups
    known = [name for name in groups.labels if (rows["group"] == name).any()]
    if groups.ordered or groups.noun == "indication" or len(known) < 2:
        return [(f"{int(hit.sum()):,} of {len(rows):,}", "objective responses (CR or PR)")]
    shares = {name: hit[rows["group"] == name].mean() for name in known}
    if len(known) <= SIDE_BY_SIDE:
        told = [words.share(shares[name], whole=False) for name in known]
        told = [*(text.removesuffix(f"{words.NBSP}%") for text in told[:-1]), told[-1]] if len(told) > 2 else told
        return [(" / ".join(told), f"objective response, {' / '.join(known)}")]
    low, high = min(known, key=lambda name: shares[name]), max(known, key=lambda name: shares[name])
    told = words.between(shares[low], shares[high], percent=True, whole=False)
    of = f"{len(known)} {words.several(groups.noun)}"
    return [(told, f"objective response, lowest ({low}) and highest ({high}) of {of}")]


def _harmed(context: Context) -> list[tuple[str, str]]:
    anyone = overall(context, "safety.any_event")
    return [] if anyone is None else [(words.share(anyone.estimate), "of patients had an adverse event")]


def _medians(context: Context) -> list[tuple[str, str]]:
    whole = [f for f in context.named("survival") if f.name.endswith(".median") and f.group in ("all", "", None)]
    order = {"PFS": 0, "TTP": 1, "OS": 2}
    whole.sort(key=lambda f: order.get(f.name.split(".")[1], 3))
    return [(value_of(f).partition(" (")[0] + f" {f.unit}", f"median {_endpoint(context, f)}") for f in whole]


def _endpoint(context: Context, finding: Any) -> str:
    return endpoint_name(context.record, finding.name.split(".")[1])
