"""Response findings: best response, objective response, disease control, differences, how long stability lasted."""

from __future__ import annotations

from typing import Any

import pandas as pd

from opsonin.analysis.asked import Asked
from opsonin.analysis.comparison import EVERYONE
from opsonin.analysis.findings import Finding, note, with_note
from opsonin.analysis.response_durations import duration_findings
from opsonin.analysis.statistics import difference_of_proportions, fisher_exact, proportion
from opsonin.analysis.survival import kaplan_meier
from opsonin.analysis.time_to_event import KM, KM_SOURCE, endpoint_table

CATEGORIES = ("CR", "PR", "SD", "PD", "NE")
IMMUNE = {"iCR": "CR", "iPR": "PR", "iSD": "SD", "iUPD": "PD", "iCPD": "PD"}
EXACT = "exact binomial interval (Clopper–Pearson)"
EXACT_SOURCE = "Clopper & Pearson 1934, doi:10.1093/biomet/26.4.404"
NEWCOMBE_SOURCE = "Newcombe 1998, doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I"
WEEK = 7.0


def best_responses(responses: pd.DataFrame) -> pd.Series:
    """The best overall response of each subject that has one: CR, PR, SD, PD or NE, by subject_id.

    Where several criteria were used, the first by name counts; iRECIST words are read as their RECIST counterparts.
    """
    rows = responses[responses["best"].to_numpy(dtype=bool, na_value=False)].sort_values("criteria", kind="stable")
    first = rows.drop_duplicates("subject_id")
    overall = first["overall"].astype(str).replace(IMMUNE)
    return pd.Series(overall.to_numpy(dtype=object), index=pd.Index(first["subject_id"].astype(str)), name="best")


def response_table(asked: Asked) -> pd.DataFrame:
    """One row a group: subjects, each best response counted, none recorded, responders, evaluable.

    A group in which no response was recorded for anyone has no row. Where groups are cohorts or arms it was not
    assessed, and its subjects are not counted among all; dose levels belong to one trial, and all of theirs are.
    A subject without a response in a group that was assessed counts as none.
    """
    best, rows = best_responses(asked.table("responses")), []
    silent = unassessed(asked)
    left = set().union(*(asked.groups.members(g) for g in silent)) if silent else set()
    for label, members in asked.groups.each():
        members = members[~members.isin(left)] if label == EVERYONE and left else members
        own = best.reindex(members)
        if own.notna().any():
            counts = {c: int((own == c).sum()) for c in CATEGORIES}
            other = {"none recorded": int(own.isna().sum()), "responders": counts["CR"] + counts["PR"]}
            evaluable = sum(counts[c] for c in CATEGORIES if c != "NE")
            rows.append({"group": label, "subjects": len(members), **counts, **other, "evaluable": evaluable})
    names = ["group", "subjects", *CATEGORIES, "none recorded", "responders", "evaluable"]
    return pd.DataFrame(rows, columns=pd.Index(names))


def unassessed(asked: Asked) -> list[str]:
    """The cohorts or arms (not dose levels) in which no one has a response on record."""
    known = best_responses(asked.table("responses")).index
    there = [(g, asked.groups.members(g)) for g in asked.groups.labels if not asked.groups.ordered]
    return [g for g, members in there if len(members) and not members.isin(known).any()]


def response_findings(asked: Asked) -> list[Finding]:
    """Response rates per group, their differences, times and durations; what was derived from lesions is said."""
    said = [note("response", words) for words in asked.underived]
    found = _rates_and_times(asked)
    told = [with_note(f, " ".join(asked.derived)) if f.name == "response.objective_rate" else f for f in found]
    return said + told


def _rates_and_times(asked: Asked) -> list[Finding]:
    if not asked.table("responses")["best"].fillna(False).any():
        return [note("response", "No response rates: the record has no best overall responses.")]
    table = response_table(asked)
    only = bool(asked.questions.get("responder_only"))
    out = unassessed(asked)
    among = {EVERYONE: f"all subjects outside {', '.join(out)}"} if out else {}
    found = [f for row in table.to_dict("records") for f in _rates(dict(row), table, only, among)]
    if only:
        found.append(
            note("response.best", "Only responder or not is known: no disease control, no best response by word.")
        )
    silent = [g for g in asked.groups.labels if g not in set(table["group"]) and asked.groups.size(g)]
    if silent:
        gone = sum(asked.groups.size(g) for g in out)
        rest = f", and the {gone:,} subjects are not counted among all" if out else "; among all they count as none"
        words = f"No response is recorded for anyone in {', '.join(silent)}: no rate is given there{rest}."
        found.append(note("response", words))
    counts: dict[Any, Any] = table.set_index("group").to_dict("index")
    for one, other in asked.groups.contrasts() if not asked.groups.ordered else []:
        if one in counts and other in counts:
            found.append(_difference(one, counts[one], other, counts[other]))
    return found if only else found + stable_disease(asked) + duration_findings(asked, best_responses)


def _rates(row: dict[Any, Any], table: pd.DataFrame, responder_only: bool, among: dict[str, str]) -> list[Finding]:
    """The rates of one row of the response table.   among: who the subjects of a group are, where not all of it."""
    whom = among.get(row["group"], "all subjects")
    n, evaluable = row["subjects"], row["evaluable"]
    controlled = row["responders"] + row["SD"]
    asked_for: list[tuple[str, int, int, str]] = [
        ("response.objective_rate", row["responders"], n, f"CR or PR among {whom}"),
        (
            "response.objective_rate_evaluable",
            row["responders"],
            evaluable,
            "CR or PR among those with CR, PR, SD or PD",
        ),
        ("response.disease_control_rate", controlled, n, f"CR, PR or SD among {whom}"),
        *((f"response.best.{c}", row[c], n, f"best response {c} among {whom}") for c in CATEGORIES),
    ]
    asked_for = asked_for[:2] if responder_only else asked_for
    return [_rate(name, row["group"], events, size, what, table) for name, events, size, what in asked_for]


def _rate(name: str, group: str, events: int, n: int, what: str, table: pd.DataFrame) -> Finding:
    value, lower, upper = proportion(events, n)
    method = f"{what}; {EXACT}"
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
        method=method,
        reference=EXACT_SOURCE,
        table=table,
    )


def _difference(one: str, a: dict[Any, Any], other: str, b: dict[Any, Any]) -> Finding:
    hits, n, others, m = a["responders"], a["subjects"], b["responders"], b["subjects"]
    gap = difference_of_proportions(hits, n, others, m)
    return Finding(
        name="response.objective_rate_difference",
        group=f"{one} vs {other}",
        estimate=gap.value,
        lower=gap.lower,
        upper=gap.upper,
        level=0.95,
        p=fisher_exact(hits, n, others, m),
        n=n + m,
        events=hits + others,
        unit="proportion",
        method="difference of objective response rates; Newcombe's interval, Fisher's exact p",
        reference=NEWCOMBE_SOURCE,
    )


def stable_disease(asked: Asked) -> list[Finding]:
    """How long stable disease lasted: time to progression (TTP, else PFS) of those whose best response is SD."""
    survival, best = asked.table("survival"), best_responses(asked.table("responses"))
    there = set(survival["endpoint"].dropna().astype(str))
    endpoint = next((e for e in ("TTP", "PFS") if e in there), None)
    stable = best.index[best == "SD"]
    if endpoint is None or not len(stable):
        return []
    rows = endpoint_table(survival, endpoint, asked.groups.of)
    rows = rows[rows["subject_id"].isin(stable)]
    if not len(rows):
        return []
    curve = kaplan_meier(rows["day"], rows["event"])
    median, lower, upper = (value / WEEK for value in curve.median)
    return [
        Finding(
            name="response.stable_disease_duration",
            estimate=median,
            lower=lower,
            upper=upper,
            level=0.95,
            n=curve.n,
            events=curve.n_events,
            unit="weeks",
            method=f"{endpoint} from day 1 of those whose best response is SD; {KM}",
            reference=KM_SOURCE,
            table=curve.to_frame(),
        )
    ]
