"""The chapter Why: who responds, what separates them, which mechanisms, and what holds the others back."""

from typing import Any

from opsonin.report import words
from opsonin.report.content import Block, Chapter, Drawing, Lines
from opsonin.report.context import Context, findings_table, remarks
from opsonin.report.figures import why as figures
from opsonin.report.figures.pathways import SUMS, shared_out

NAME, TITLE = "why", "Why they respond"
SMALL = 0.02  # a share of the variance below this is not worth a sentence
STRONG = 0.7  # an area this far from 0.5, either way, is worth a sentence


def chapter(context: Context) -> Chapter:
    """In words first, then the four pictures, then the numbers."""
    found = context.named("why")
    if not found:
        return Chapter(NAME, TITLE, absent="Nobody asked why patients respond; `opsonin why` does.")
    blocks: list[Block] = []
    lines = in_words(context)
    if lines:
        blocks.append(Lines(lines, "In words"))
    drawn = (figures.separated, figures.explained, figures.restored, figures.resistance_map, shared_out)
    blocks += [Drawing(figure) for figure in (draw(found) for draw in drawn) if figure is not None]
    blocks += remarks(context, "why")
    for title, prefix, endings in (
        ("What separates responders, in numbers", "why.separation", ("auc",)),
        ("Shares of the variance of response, in numbers", "why.variance", ("share", "interaction", "total")),
        ("One mechanism changed, in numbers", "why.counterfactual", ("turned", "only", "lost", "rate_difference")),
        ("The map of resistance, in numbers", "why.resistance", ("share", "alone")),
        ("The pathways of the benefit, in numbers", "why.pathway", ("benefit", "alone", "needed")),
    ):
        table = findings_table(title, context.ending(prefix, *endings), _told, folded=True)
        if table is not None:
            blocks.append(table)
    return Chapter(NAME, TITLE, blocks, lead=_meaning(context))


def _meaning(context: Context) -> str:
    """What it is to respond, where that is not the response of the criteria."""
    outcome = next((f.note for f in context.named("why.response.rate")), "")
    means = f"To respond means here: {outcome}." if outcome not in ("", "response") else ""
    if not _whom(context):
        return means
    asked = f"Asked of all patients of the pool{_whom(context)}, not of those whom one trial enrolled."
    return f"{means} {asked}".strip()


def _whom(context: Context) -> str:
    """ " with solid CAR T": the arm or dose of which it is asked, where there are several."""
    name = context.questions.get("why_of")
    return f" with {name}" if name else ""


def in_words(context: Context) -> list[tuple[str, str]]:
    """What a clinician would say of it, a line a question."""
    out: list[tuple[str, str]] = []
    found = context.named("why")
    rate = next((f for f in found if f.name == "why.response.rate"), None)
    if rate is not None:
        told = words.with_interval(rate.estimate, rate.lower, rate.upper, percent=True)
        out.append(("Who responds.", f"{rate.events:,} of {rate.n:,} patients{_whom(context)}: {told}."))
    rows = figures.named(found, "why.separation.", ".auc")
    for title, some in (
        ("What marks them.", rows[rows["group"] != figures.HIDDEN]),
        ("What no clinic measures.", rows[rows["group"] == figures.HIDDEN]),
    ):
        if len(some):
            out.append((title, _marks(some)))
    rows = figures.named(found, "why.variance.", ".share").sort_values("estimate", ascending=False)
    if len(rows):
        clear = rows[(rows["lower"] > 0) & (rows["estimate"] >= SMALL)]  # of fifty, some are above 0 by chance
        some = clear if len(clear) else rows.head(1)
        top = [f"{r['name']} ({words.share(round(max(r['estimate'], 0), 3))})" for _, r in some.head(3).iterrows()]
        out.append(("What makes them differ.", f"By themselves, most of the variance: {words.listed(top)}."))
    rows = figures.named(found, "why.counterfactual.", ".turned")
    single = rows[rows["name"] != "any one"].sort_values("estimate", ascending=False)
    if len(single):
        best = single.iloc[0]
        share = words.with_interval(best["estimate"], best["lower"], best["upper"], percent=True)
        said = f"Of those without response {share} would have responded with one change: {best['name']}."
        anyone = rows[rows["name"] == "any one"]
        if len(anyone):
            none = 1 - float(anyone["estimate"].iloc[0])
            said += f" {words.share(round(none, 3))} are turned by no single change."
        out.append(("What holds the others back.", said))
    through = _through(found)
    if through:
        out.append(("Through what the treatment works.", through))
    return out


def _through(found: Any) -> str:
    """Each pathway's part of the benefit, the largest first; empty where nobody asked."""
    rows = figures.named(found, "why.pathway.", ".benefit")
    parts = rows[~rows["name"].isin(SUMS)].sort_values("estimate", ascending=False)
    if not len(parts):
        return ""
    told = [f"{r['name']} {r['note'].removesuffix(' of the whole')}".strip() for _, r in parts.iterrows()]
    return f"{words.capital(words.listed(told))} of the benefit."


def headline(context: Context) -> list[tuple[str, str]]:
    """For the first page: what would have turned most of the others, and the pathways; empty where nobody asked."""
    found = context.named("why")
    outcome = next((f.note for f in found if f.name == "why.response.rate"), "response")
    lines: list[tuple[str, str]] = []
    rows = figures.named(found, "why.counterfactual.", ".turned")
    single = rows[rows["name"] != "any one"].sort_values("estimate", ascending=False, kind="stable")
    if len(single):
        best = single.iloc[0]
        share = words.with_interval(best["estimate"], best["lower"], best["upper"], percent=True)
        told = f"of {int(best['n']):,} virtual patients without it, {share} would have had it with one change"
        lines.append((f"Why, {outcome}{_whom(context)}:", f"{told}: {best['name']}."))
    through = _through(found)
    if through:
        lines.append((f"Through what, {outcome}{_whom(context)}:", through))
    return lines


def _marks(rows: Any) -> str:
    """The strongest three, in words."""
    rows = rows.assign(distance=(rows["estimate"] - 0.5).abs()).sort_values("distance", ascending=False)
    told = [
        f"{row['name']} is {'higher' if row['estimate'] > 0.5 else 'lower'} (area {words.number(row['estimate'])})"
        for _, row in rows[rows["distance"] >= STRONG - 0.5].head(3).iterrows()
    ]
    if told:
        return f"In responders {words.listed(told)}."
    top = rows.iloc[0]
    return f"No single one tells them apart well; the nearest is {top['name']} (area {words.number(top['estimate'])})."


def _told(finding: Any) -> str:
    """A finding's row in a table: what it is about, and which part of it."""
    inner = finding.name.removeprefix("why.").partition(".")[2]
    name, _, part = inner.rpartition(".")
    name = figures.readable(name)
    if finding.name.startswith("why.pathway."):
        return {"benefit": name, "alone": f"{name}: alone", "needed": f"{name}: lost without it"}[part]
    told = {
        "auc": "",
        "share": "",
        "alone": "would respond with this barrier alone removed",
        "turned": "would respond",
        "only": "would respond by this alone",
        "lost": "responders lost",
        "rate_difference": "change of the rate",
        "interaction": "beyond the two alone",
        "total": "all parameters by themselves",
    }[part]
    if part == "total":
        return "assumed parameters" if name == "assumed" else told
    return f"{name}: {told}" if told else name
