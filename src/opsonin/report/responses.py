"""Who responded, in sentences for the first page: arm by arm, and in a basket from one indication to the other."""

from typing import Any

from opsonin.report import words
from opsonin.report.context import Context
from opsonin.report.figures.response import best_responses

Line = tuple[str, str]  # the strong beginning, and the rest of the sentence
EACH = 4  # so many groups are named one by one; of more, the lowest and the highest


def response(context: Context) -> list[Line]:
    """Objective responses, and stable disease where nobody or few responded; three groups or four in one line.

    Of more groups the lowest and the highest; over all of them only where all were treated alike.
    """
    if context.record.responses.empty:
        return []
    groups = context.groups
    rows = best_responses(context.record, groups)
    if (rows["best"] == "missing").all():
        return []
    if groups.ordered or groups.single:
        return [_of(context, rows, "")]
    if len(groups.labels) > EACH:
        whole = _of(context, rows, "")[0].rstrip(".") if groups.noun == "indication" else "Objective response"
        spread = _spread(context, groups.labels, {name: name for name in groups.labels}, "response.objective_rate")
        return [(f"{whole}:", spread)] if spread else [_of(context, rows, "")]
    each = [_of(context, rows[rows["group"] == name], f" {_beside(context)} {name}") for name in groups.labels]
    if len(each) < 3:
        return each
    said = [text.removeprefix("Objective response ").removesuffix(".") for text, _ in each]
    return [("Objective response", words.ended("; ".join(said)))]


def by_indication(context: Context) -> list[Line]:
    """Where several arms treat several indications: how many responded in each, which a rate of the arm hides."""
    arms, indications = context.groups.labels, [str(name) for name in context.questions.get("indications") or []]
    if context.groups.noun == "indication" or len(arms) < 2 or len(indications) < 2:
        return []
    told = []
    for name in indications:
        cells = {arm: f"{arm}, {name}" for arm in arms}
        if len(arms) > EACH:
            text = _spread(context, arms, cells, "basket.response_rate").removesuffix(".")
        else:
            found = {str(f.group): f for f in context.named("basket.response_rate")}
            known = [(arm, found[cell]) for arm, cell in cells.items() if cell in found]
            text = ", ".join(f"{_counted(f)} {_beside(context)} {arm}" for arm, f in known)
        if text:
            told.append(f"in {name} {text}")
    return [("Responses by indication:", words.ended("; ".join(told)))] if told else []


def _beside(context: Context) -> str:
    return "in" if context.groups.noun == "indication" else "with"


def _counted(finding: Any) -> str:
    return f"{int(finding.events):,} of {int(finding.n):,}"


def _spread(context: Context, names: Any, groups: dict[str, str], finding: str) -> str:
    """From the group with the lowest rate to the one with the highest, in counts; "" where fewer than two are known."""
    found = {str(f.group): f for f in context.named(finding) if f.name == finding and f.n and f.events is not None}
    known = [(name, found[groups[name]]) for name in names if groups[name] in found]
    if len(known) < 2:
        return ""
    known.sort(key=lambda item: item[1].events / item[1].n)
    (low, few), (high, many) = known[0], known[-1]
    if few.events == many.events == 0:
        return f"none in any of {len(known)} {words.several(context.groups.noun)}."
    beside = _beside(context)
    return f"from {_counted(few)} {beside} {low} to {_counted(many)} ({_share(many)}) {beside} {high}."


def _share(finding: Any) -> str:
    return words.share(finding.events / finding.n)


def _of(context: Context, rows: Any, where: str) -> Line:
    group = where.strip().partition(" ")[2] or "all"
    rate = [f for f in context.named("response.objective_rate") if f.name == "response.objective_rate"]
    rate = [f for f in rate if str(f.group) == group] or (rate if context.groups.single and len(rate) == 1 else [])
    # the analysis decides who is counted: a group without any response data is not
    n, total = int(rows["best"].isin(["CR", "PR"]).sum()), len(rows)
    if rate and rate[0].n and rate[0].events is not None:
        n, total = int(rate[0].events), int(rate[0].n)
    bracket = (
        f", interval {words.between(rate[0].lower, rate[0].upper, percent=True)}"
        if rate and not words.missing(rate[0].lower)
        else ""
    )
    stable = int((rows["best"] == "SD").sum())
    if context.questions.get("responder_only"):
        stable = 0  # only responder or not is known
    rest = f"stable disease was the best response of {words.count_of(stable, total)}" if stable else ""
    return (
        f"Objective response{where} in {n:,} of {total:,} ({words.share(n / total)}{bracket}).",
        words.sentence(rest),
    )
