"""Findings on when responses came, whether they were confirmed, how long they lasted; and pseudoprogression."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from opsonin.analysis.asked import Asked
from opsonin.analysis.durations import GOOD, duration_of_response, response_times
from opsonin.analysis.findings import Finding
from opsonin.analysis.statistics import proportion
from opsonin.analysis.survival import kaplan_meier
from opsonin.analysis.time_to_event import KM, KM_SOURCE
from opsonin.units import DAYS_PER_MONTH

EXACT = "exact binomial interval (Clopper–Pearson)"
EXACT_SOURCE = "Clopper & Pearson 1934, doi:10.1093/biomet/26.4.404"
RESPONSE_SOURCE = "Eisenhauer 2009, Eur J Cancer 45:228, sections 4.6.1 and 4.6.2"
IMMUNE_SOURCE = "Seymour 2017, Lancet Oncol 18:e143"


def duration_findings(asked: Asked, best_of: Callable[[pd.DataFrame], pd.Series]) -> list[Finding]:
    """Confirmed responses, time to response and its duration per group, and iUPD that resolved.

    best_of: gives the best overall response by subject. Groups without a dated response have none of the times.
    """
    responses = asked.table("responses")
    times = response_times(responses, asked.table("survival"), asked.table("disposition"))
    confirmed, known = _confirmed(responses)
    found: list[Finding] = []
    for label, members in asked.groups.each():
        own = times[times["subject_id"].isin(members)]
        if known and best_of(responses).reindex(members).notna().any():
            hits = int(pd.Index(members).isin(confirmed).sum())
            method = f"CR or PR that was seen again in time, among all subjects; {EXACT}"
            found.append(_share("response.objective_rate_confirmed", label, hits, len(members), method))
        responded = own[own["response_day"].notna()]
        if len(responded):
            found += [_waiting(responded, label), _lasting(own, label)]
    if responses["overall"].isin(["iUPD", "iCPD"]).any():
        seen = times["subject_id"].isin(
            responses.loc[responses["overall"].isin(["iUPD", "iCPD"]), "subject_id"].astype(str)
        )
        hits = int((times["resolved"].astype(bool) & seen).sum())
        method = f"an unconfirmed progression that iSD, iPR or iCR followed, among those with one; {EXACT}"
        found.append(
            _share("response.pseudoprogression_rate", "all", hits, int(seen.sum()), method, reference=IMMUNE_SOURCE)
        )
    return found


def _confirmed(responses: pd.DataFrame) -> tuple[list[str], bool]:
    """Who has a confirmed response, and whether the record knows of confirmation at all."""
    rows = responses[responses["overall"].isin(GOOD)]
    yes = rows[rows["confirmed"].fillna(False).to_numpy(dtype=bool)]
    return yes["subject_id"].astype(str).unique().tolist(), bool(rows["confirmed"].notna().any())


def _share(
    name: str, label: str, hits: int, n: int, method: str, reference: str = f"{EXACT_SOURCE}; {RESPONSE_SOURCE}"
) -> Finding:
    value, lower, upper = proportion(hits, n)
    return Finding(
        name=name,
        group=label,
        estimate=value,
        lower=lower,
        upper=upper,
        level=0.95,
        n=n,
        events=hits,
        unit="proportion",
        method=method,
        reference=reference,
    )


def _waiting(responded: pd.DataFrame, label: str) -> Finding:
    days = responded["response_day"].to_numpy(dtype=float)
    lower, middle, upper = (float(v) / DAYS_PER_MONTH for v in np.quantile(days, [0.0, 0.5, 1.0]))
    return Finding(
        name="response.time_to_response",
        group=label,
        estimate=middle,
        lower=lower,
        upper=upper,
        n=len(days),
        unit="months",
        method="day 1 to the first CR or PR that counts, of the responders; median and range",
        reference=RESPONSE_SOURCE,
        table=responded,
    )


def _lasting(own: pd.DataFrame, label: str) -> Finding:
    rows = duration_of_response(own)
    # a response seen on the last visit has been seen for no time yet: the least that can be said of it is a moment
    curve = kaplan_meier(rows["day"].clip(lower=0.0), rows["event"])
    median, lower, upper = (value / DAYS_PER_MONTH for value in curve.median)
    return Finding(
        name="response.duration_of_response",
        group=label,
        estimate=median,
        lower=lower,
        upper=upper,
        level=curve.level,
        n=curve.n,
        events=curve.n_events,
        unit="months",
        method=f"first response to progression or death, censored at the last evaluable visit; {KM}",
        reference=f"{KM_SOURCE}; {RESPONSE_SOURCE}",
        note="" if np.isfinite(median) else "The median is not reached.",
        table=rows,
    )
