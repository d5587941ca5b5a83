"""Chapter 3: adverse events by term, grade and dose; dose-limiting toxicities; onset."""

import pandas as pd

from opsonin.report import words
from opsonin.report.content import Block, Chapter, Drawing, Table
from opsonin.report.context import Context, findings_table
from opsonin.report.figures import safety as figures
from opsonin.report.figures.trial import dlt_patients, evaluable

NAME, TITLE = "safety", "Safety"
LISTED = 60


def chapter(context: Context) -> Chapter:
    """Events by term and grade, DLTs, and when events began."""
    events = context.record.adverse_events
    if events.empty:
        return Chapter(NAME, TITLE, absent="The record holds no adverse events, so nothing can be said about safety.")
    blocks: list[Block] = []
    limiting = _limiting(context)
    if limiting is not None:
        blocks.append(limiting)
    main = figures.events_by_grade(context.record, context.groups)
    if main is not None:
        blocks.append(Drawing(main))
    blocks.append(_by_term(context))
    onset = figures.onset(context.record, context.groups)
    if onset is not None:
        blocks.append(Drawing(onset))
    table = findings_table(
        "Safety in numbers",
        context.named("safety"),
        _name,
        "Each with the interval of its method; see Methods.",
        folded=True,
    )
    if table is not None:
        blocks.append(table)
    return Chapter(NAME, TITLE, blocks, lead=_lead(context))


def _name(finding) -> str:
    return (
        finding.name.removeprefix("safety.")
        .replace("_", " ")
        .replace(".", ": ")
        .replace("mtd", "MTD")
        .replace("dlt", "DLT")
    )


def _lead(context: Context) -> str:
    events = context.record.adverse_events
    with_event = int(events["subject_id"].nunique())
    text = (
        f"{len(events):,} adverse events; {words.count_of(with_event, context.patients, 'patients')} had at least one"
    )
    if events["related"].notna().any():
        related = int(events.loc[events["related"] == "yes", "subject_id"].nunique())
        text += f", and {words.count_of(related, context.patients)} at least one judged related to treatment"
    if events["grade"].notna().any():
        severe = int(events.loc[events["grade"].fillna(0) >= 3, "subject_id"].nunique())
        text += f"; {words.count_of(severe, context.patients)} had one of grade 3 or worse"
    return words.sentence(text)


def _limiting(context: Context) -> Table | None:
    """One row per dose-limiting event."""
    events = context.record.adverse_events
    if (
        events["dlt"].isna().all()
        and "level" in context.record.subjects
        and context.record.subjects["level"].isna().all()
    ):
        return None
    part = events[events["dlt"].fillna(False).astype(bool)]
    if events["dlt"].isna().all():
        return None
    group = context.groups.label(part["subject_id"].astype(str))
    rows = [
        [
            str(row.subject_id),
            str(name),
            str(row.term),
            "–" if words.missing(row.grade) else str(int(row.grade)),
            words.protocol_day(row.start_day),
        ]
        for row, name in zip(part.itertuples(), group, strict=True)
    ]
    sizes = _judged(context)
    counts = pd.Series(group.to_numpy(), index=part["subject_id"].astype(str)).reset_index().drop_duplicates()
    told = [
        f"{int((counts.iloc[:, 1] == name).sum())} of {sizes[name]} at {name}"
        for name in context.groups.labels
        if sizes[name]
    ]
    caption = f"Patients with a dose-limiting toxicity: {words.listed(told)}."
    left = sum(context.groups.sizes().values()) - sum(sizes.values())
    if left:
        caption += f" {words.capital(words.counted(left, 'patient'))} could not be judged and {_is(left)} not counted."
    return Table(
        "Dose-limiting toxicities",
        ["patient", context.groups.noun, "event", "grade", "first day"],
        rows or [["none", "", "", "", ""]],
        caption,
        frozenset({3}),
    )


def _judged(context: Context) -> dict[str, int]:
    """How many of each group could be judged for a dose-limiting toxicity, or had one; all, where nobody says."""
    judged = evaluable(context.record)
    if judged is None:
        return context.groups.sizes()
    of = context.groups.of[context.groups.of.index.isin(judged | dlt_patients(context.record))]
    return {label: int((of == label).sum()) for label in context.groups.labels}


def _is(count: int) -> str:
    return "is" if count == 1 else "are"


def _by_term(context: Context) -> Table:
    """Patients with each term, any grade and grade 3 or worse, by group."""
    worst, scale = figures.worst_by_patient(context.record, context.groups)
    terms = figures.ranked_terms(worst)
    sizes = context.groups.sizes()
    labels = [name for name in context.groups.labels if sizes[name]]
    rows = []
    any_grade = worst.groupby(["term", "group"]).size()
    severe = worst[worst["worst"] >= 3].groupby(["term", "group"]).size()
    for term in terms[:LISTED]:
        cells = []
        for name in labels:
            n, bad = int(any_grade.get((term, name), 0)), int(severe.get((term, name), 0))
            # where a cell has to wrap, it does so before the slash
            cells.append(f"{n}{words.NBSP}({words.share(n / sizes[name])}) /{words.NBSP}{bad}" if n else "0")
        rows.append([term.lower(), *cells])
    what = "grade 3 or worse" if scale == "grade" else "severe or worse"
    more = f" The {LISTED} most frequent of {len(terms)} terms." if len(terms) > LISTED else ""
    return Table(
        "Patients with each adverse event",
        ["term", *(f"{name} (n{words.NBSP}={words.NBSP}{sizes[name]:,})" for name in labels)],
        rows,
        f"Patients with the event (share of the group) / with {what}.{more}",
        frozenset(range(1, len(labels) + 1)),
        small=True,
        folded=len(rows) > 12,
    )
