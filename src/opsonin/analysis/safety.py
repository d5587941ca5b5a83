"""Safety findings: exposure, adverse events by term and worst grade, dose-limiting toxicities, time to onset."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from opsonin.analysis.asked import Asked
from opsonin.analysis.findings import Finding, note
from opsonin.analysis.response import EXACT, EXACT_SOURCE
from opsonin.analysis.statistics import proportion

TERMS = 15  # terms with findings of their own; the tables hold all
SEVERE = ("SEVERE", "LIFE THREATENING", "LIFE-THREATENING", "FATAL", "DEATH")
SEVERITY_ORDER = ("MILD", "MODERATE", *SEVERE)


def treated(asked: Asked) -> pd.Index:
    """Who the events are counted among: subjects with an exposure; everyone where the record has no exposures."""
    ids, given = asked.groups.of.index, asked.table("exposures")
    return ids[ids.isin(given["subject_id"])] if len(given) else ids


def worst_events(events: Any) -> Any:
    """One row a subject and term: the worst grade (or severity), first day, whether any was related, serious, a DLT.

    `worst` is "grade 3" where grades are there, else the severity's own word, else "not graded".
    """
    rows: Any = events[events["term"].notna()].copy()
    rows["subject_id"], rows["term"] = rows["subject_id"].astype(str), rows["term"].astype(str)
    graded = rows["grade"].notna().to_numpy()
    word = rows["severity"].astype("string").str.upper().fillna("")
    place = {name: k + 1 for k, name in enumerate(SEVERITY_ORDER)}
    rows["rank"] = np.where(
        graded, rows["grade"].astype("Float64").fillna(0).to_numpy(dtype=float), word.map(place).fillna(0)
    )
    ungraded = word.str.lower().where(word != "", "not graded").to_numpy(dtype=object)
    grade = ("grade " + rows["grade"].astype("string").fillna("")).to_numpy(dtype=object)
    rows["worst"] = np.where(graded, grade, ungraded)
    rows["severe"] = np.where(graded, rows["rank"] >= 3, word.isin(SEVERE))
    rows["is_related"] = (rows["related"].astype("string").str.lower() == "yes").fillna(False).to_numpy(dtype=bool)
    for flag in ("serious", "dlt"):
        rows[flag] = rows[flag].fillna(False).astype(bool)
    rows = rows.sort_values(["subject_id", "term", "rank"], ascending=[True, True, False], kind="stable")
    by = rows.groupby(["subject_id", "term"], sort=False)
    out = by.agg(
        worst=("worst", "first"),
        rank=("rank", "first"),
        severe=("severe", "max"),
        first_day=("start_day", "min"),
        related=("is_related", "max"),
        serious=("serious", "max"),
        dlt=("dlt", "max"),
        events=("term", "size"),
    )
    return out.reset_index()


def adverse_event_table(asked: Asked) -> Any:
    """Subjects by term, group and worst grade, of those treated; commonest terms first.

    Columns: term, group, worst, rank, subjects, n (treated in the group), percent, total (subjects with the term).
    """
    worst, at_risk = worst_events(asked.table("adverse_events")), treated(asked)
    worst = worst[worst["subject_id"].isin(at_risk)]
    worst["group"] = worst["subject_id"].map(asked.groups.of)
    counts = worst.groupby(["term", "group", "worst", "rank"], as_index=False).agg(subjects=("subject_id", "nunique"))
    size = {label: len(members.intersection(at_risk)) for label, members in asked.groups.each()}
    counts["n"] = counts["group"].map(size)
    counts["percent"] = 100 * counts["subjects"] / counts["n"]
    total = worst.groupby("term")["subject_id"].nunique()
    counts["total"] = counts["term"].map(total)
    return counts.sort_values(["total", "term", "group", "rank"], ascending=[False, True, True, True]).reset_index(
        drop=True
    )


def dlt_table(asked: Asked) -> Any:
    """One row a dose level: level, group, enrolled, evaluable, dlt (subjects), rate with exact limits, terms."""
    subjects, events, disposition = (asked.table(t) for t in ("subjects", "adverse_events", "disposition"))
    level = subjects.set_index("subject_id")["level"].dropna().astype(int)
    limiting = events[events["dlt"].fillna(False).to_numpy(dtype=bool)]
    said = disposition[disposition["milestone"] == "DLT-evaluable"]["subject_id"]
    rows = []
    for number, name in sorted(asked.levels.items()):
        members = level.index[level == number]
        judged = members[members.isin(said) | members.isin(limiting["subject_id"])] if len(said) else members
        own = limiting[limiting["subject_id"].isin(judged)]
        hit = own["subject_id"].nunique()
        rate = proportion(hit, len(judged))
        terms = own.groupby("term", observed=True)["subject_id"].nunique().sort_values(ascending=False)
        listed = ", ".join(f"{term} ({count})" for term, count in terms.items())
        rows.append((number, name, len(members), len(judged), hit, *rate, listed))
    columns = ("level", "group", "enrolled", "evaluable", "dlt", "rate", "lower", "upper", "terms")
    return pd.DataFrame(rows, columns=pd.Index(columns))


def safety_findings(asked: Asked) -> list[Finding]:
    """Exposure, events, dose-limiting toxicities and onset; notes where tables are missing."""
    found = exposure_findings(asked)
    if not len(asked.table("adverse_events")):
        return [*found, *_dlt_findings(asked), note("safety", "No adverse events are recorded.")]
    return [*found, *_event_findings(asked), *_dlt_findings(asked), *_onset_findings(asked)]


def exposure_findings(asked: Asked) -> list[Finding]:
    """Per agent and group, as median with quartiles: days on treatment, and the amount in all.

    Where rows are periods of dosing instead of single doses, the amount of the last period stands for the total, which
    the record then does not say.
    """
    rows = asked.table("exposures")
    if not len(rows):
        return [note("safety.exposure", "No exposures are recorded: events are counted among all subjects.")]
    rows = rows[rows["amount"] != 0]  # doses held
    end = rows["end_day"].fillna(rows["start_day"])
    rows = rows.assign(end=end, agent=rows["agent"].astype(str), unit=rows["unit"].astype(str))
    rows["period"] = rows["end"] - rows["start_day"] >= 1
    by = rows.sort_values("start_day", kind="stable").groupby(["agent", "unit", "subject_id"], as_index=False)
    each = by.agg(
        total=("amount", "sum"),
        dose=("amount", "last"),
        first=("start_day", "min"),
        last=("end", "max"),
        period=("period", "max"),
    )
    each["days"] = np.floor(each["last"]) - np.floor(each["first"]) + 1
    found = []
    for (agent, unit), own in each.groupby(["agent", "unit"], sort=True):
        column, kind = ("dose", "amount") if own["period"].any() else ("total", "total_amount")
        for label, members in asked.groups.each():
            part = own[own["subject_id"].isin(members)]
            if len(part):
                found.append(_quartiles(f"safety.exposure.{agent}.days", label, part["days"], "days", part))
            if len(part) and (own[column] > 0).any():
                found.append(_quartiles(f"safety.exposure.{agent}.{kind}", label, part[column], str(unit), part))
    return found


def _quartiles(name: str, group: str, values: pd.Series, unit: str, table: pd.DataFrame) -> Finding:
    low, mid, high = (float(q) for q in np.quantile(values.to_numpy(dtype=float), [0.25, 0.5, 0.75]))
    words = {"total_amount": "doses summed", "amount": "dose of the last period", "days": "first to last dose"}
    what = words[name.rsplit(".", 1)[1]]
    return Finding(
        name, group, mid, low, high, 0.5, n=len(values), unit=unit, method=f"{what}; median with quartiles", table=table
    )


def _event_findings(asked: Asked) -> list[Finding]:
    worst, at_risk, table = worst_events(asked.table("adverse_events")), treated(asked), adverse_event_table(asked)
    severe = "grade 3 or more" if asked.table("adverse_events")["grade"].notna().any() else "severe"
    kinds = {
        "safety.any_event": ("any adverse event", np.ones(len(worst), dtype=bool)),
        "safety.severe_event": (f"an adverse event that is {severe}", worst["severe"].to_numpy(dtype=bool)),
        "safety.related_event": ("an adverse event related to treatment", worst["related"].to_numpy(dtype=bool)),
        "safety.serious_event": ("a serious adverse event", worst["serious"].to_numpy(dtype=bool)),
    }
    commonest = list(dict.fromkeys(table["term"]))[:TERMS]
    limiting = sorted(set(worst.loc[worst["dlt"].astype(bool), "term"]) - set(commonest))
    for term in commonest + limiting:
        here = (worst["term"] == term).to_numpy()
        kinds[f"safety.event.{term}"] = (f"{term}, any grade", here)
        kinds[f"safety.severe_event.{term}"] = (f"{term}, {severe}", here & worst["severe"].to_numpy(dtype=bool))
    found = []
    for name, (what, which) in kinds.items():
        having = set(worst.loc[which, "subject_id"])
        if not having and name.startswith("safety.severe_event."):
            continue
        for label, members in asked.groups.each():
            counted = members.intersection(at_risk)
            if len(counted):
                hit = sum(member in having for member in counted)
                found.append(_share(name, label, hit, len(counted), f"subjects with {what} among those treated", table))
    dropped = table["term"].nunique() - len(commonest + limiting)
    if dropped > 0:
        found.append(note("safety.event", f"{dropped} rarer terms have no finding of their own; the table holds them."))
    return found


def _share(name: str, group: str, events: int, n: int, what: str, table: pd.DataFrame) -> Finding:
    value, lower, upper = proportion(events, n)
    return Finding(
        name,
        group,
        value,
        lower,
        upper,
        0.95,
        n=n,
        events=events,
        unit="proportion",
        method=f"{what}; {EXACT}",
        reference=EXACT_SOURCE,
        table=table,
    )


def _dlt_findings(asked: Asked) -> list[Finding]:
    if not asked.levels:
        return []
    table = dlt_table(asked)
    what = "subjects with a dose-limiting toxicity among those evaluable for it"
    return [
        _share("safety.dlt_rate", row.group, int(row.dlt), int(row.evaluable), what, table)
        for row in table.itertuples()
        if row.evaluable
    ]


def _onset_findings(asked: Asked) -> list[Finding]:
    """The day of the first event of each common term: median and quartiles of those who had it."""
    worst = worst_events(asked.table("adverse_events"))
    worst = worst[worst["first_day"].notna() & worst["subject_id"].isin(treated(asked))]
    found = []
    for term in worst["term"].value_counts().index[:TERMS]:
        days = worst.loc[worst["term"] == term, "first_day"].to_numpy(dtype=float)
        low, mid, high = (float(q) for q in np.quantile(days, [0.25, 0.5, 0.75]))
        method = "elapsed day of the first event of those who had one (day 1 starts at 0); median with quartiles"
        found.append(
            Finding(f"safety.onset.{term}", "all", mid, low, high, 0.5, n=days.size, unit="days", method=method)
        )
    return found
