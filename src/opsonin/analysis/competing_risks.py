"""Competing causes of an endpoint's events: how often each comes first, and whether groups differ in it.

One less a Kaplan–Meier curve that censors the other causes says how often a cause would come in a world without them;
the cumulative incidence says how often it comes in this one.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from opsonin.analysis.asked import STANDARD, Asked
from opsonin.analysis.findings import Finding, note
from opsonin.analysis.survival import cumulative_incidence, fine_gray, gray_test
from opsonin.errors import AnalysisError
from opsonin.units import DAYS_PER_MONTH

MONTHS = (6, 12, 24)
ENOUGH = 5  # events of a cause below which groups are not compared
FOLLOWED = 0.1  # the share still at risk at the latest month that is reported
INCIDENCE = "cumulative incidence (Aalen–Johansen); log(−log) interval"
INCIDENCE_SOURCE = "Aalen 1978, doi:10.1214/aos/1176344198; Choudhury 2002, doi:10.1002/sim.1166"
GRAY_SOURCE = "Gray 1988, doi:10.1214/aos/1176350951"
FINE_GRAY_SOURCE = "Fine & Gray 1999, doi:10.1080/01621459.1999.10474144"
CENSORED = "\x00censored"  # no cause is called so


def competing_findings(asked: Asked, rows: pd.DataFrame, endpoint: str, strata: Any) -> list[Finding]:
    """The findings of an endpoint whose events have two causes or more; none where the record knows of fewer.

    rows: of `endpoint_table`, with group.  strata: of the rows that have a group.
    """
    status = causes_of(asked.table("survival"), endpoint, rows)
    causes = sorted(set(status) - {CENSORED})
    if len(causes) < 2:
        return []
    found = [f for cause in causes for f in _incidences(asked, rows, status, endpoint, cause)]
    grouped = rows["group"].notna().to_numpy(dtype=bool)
    if rows.loc[grouped, "group"].nunique() < 2:
        return found
    for cause in causes:
        if int((status[grouped] == cause).sum()) >= ENOUGH:
            found += _comparisons(asked, rows[grouped], status[grouped], endpoint, cause, strata)
    return found


def causes_of(survival: pd.DataFrame, endpoint: str, rows: pd.DataFrame) -> np.ndarray:
    """The cause of each row's event, or CENSORED; an event without a cause has the cause "not known".

    survival: the record's table.  rows: of `endpoint_table`.  All are CENSORED where the record names no cause.
    """
    table = survival[(survival["endpoint"] == endpoint).to_numpy(dtype=bool, na_value=False)]
    if "cause" not in table or not table["cause"].notna().any():
        return np.full(len(rows), CENSORED, dtype=object)
    table = table.assign(subject_id=table["subject_id"].astype(str))
    of = table.drop_duplicates("subject_id").set_index("subject_id")["cause"]
    cause = rows["subject_id"].map(of).astype("string").fillna("not known").str.replace(".", " ").to_numpy(dtype=object)
    return np.where(rows["event"].to_numpy(dtype=bool), cause, CENSORED)


def _incidences(asked: Asked, rows: pd.DataFrame, status: np.ndarray, endpoint: str, cause: str) -> list[Finding]:
    """The incidence in each group at the latest of 6, 12 and 24 months to which a tenth of all was followed."""
    if endpoint not in STANDARD:
        return []
    day = rows["day"].to_numpy(dtype=float)
    long_enough = [m for m in MONTHS if (day >= m * DAYS_PER_MONTH).sum() >= max(FOLLOWED * day.size, 1)]
    if not long_enough:
        return []
    months, found = long_enough[-1], []
    groups = [label for label in asked.groups.labels if (rows["group"] == label).any()]
    for label in [*groups, *(["all"] if asked.groups.several else [])]:
        own = np.ones(len(rows), dtype=bool) if label == "all" else (rows["group"] == label).to_numpy(dtype=bool)
        if not (status[own] == cause).any():
            continue  # the cause was not seen in this group: its incidence is 0, without an interval
        curve = cumulative_incidence(day[own], status[own], cause, censored=CENSORED)
        at: Any = curve.at(months * DAYS_PER_MONTH).iloc[0]
        if not math.isfinite(at["incidence"]):
            continue
        found.append(
            Finding(
                name=f"survival.{endpoint}.{cause}.incidence_{months}_months",
                group=label,
                estimate=float(at["incidence"]),
                lower=float(at["lower"]),
                upper=float(at["upper"]),
                level=curve.level,
                n=curve.n,
                events=curve.n_events,
                unit="proportion",
                method=f"{INCIDENCE}; {int(at['at_risk'])} still at risk",
                reference=INCIDENCE_SOURCE,
                table=curve.to_frame(),
            )
        )
    return found


def _comparisons(
    asked: Asked, rows: pd.DataFrame, status: np.ndarray, endpoint: str, cause: str, strata: Any
) -> list[Finding]:
    """Gray's test between the groups, and subdistribution hazard ratios against the reference (or per dose level)."""
    if not asked.groups.compared:
        return []
    name, day = f"survival.{endpoint}.{cause}", rows["day"]
    group = rows["group"].astype(str).to_numpy(dtype=object)
    found, events = [], int((status == cause).sum())
    try:
        test = gray_test(day, status, cause, group, strata=strata, censored=CENSORED)
        found.append(
            Finding(
                name=f"{name}.gray",
                group=" vs ".join(test.groups) if len(test.groups) == 2 else f"{len(test.groups)} groups",
                estimate=test.chi2,
                p=test.p,
                n=len(rows),
                events=events,
                unit=f"chi-squared on {test.df} degree{'s' if test.df > 1 else ''} of freedom",
                method=f"Gray's test of the cumulative incidence of {cause}"
                + (", stratified" if strata is not None else ""),
                reference=GRAY_SOURCE,
                table=test.to_frame(),
            )
        )
    except AnalysisError as problem:
        found.append(note(f"{name}.gray", f"No Gray's test of {cause} ({endpoint}): {problem}"))
    everyone = np.ones(len(rows), dtype=bool)
    if asked.groups.ordered:
        place = pd.Series(group).map({label: k for k, label in enumerate(asked.groups.labels)})
        tries = [("per dose level", everyone, place.to_numpy(dtype=float))]
    else:
        pairs = [pair for pair in asked.groups.contrasts() if set(pair) <= set(group)]
        tries = [(f"{a} vs {b}", np.isin(group, [a, b]), (group == a).astype(float)) for a, b in pairs]
    for contrast, kept, covariate in tries:
        found += _ratio(day[kept], status[kept], cause, covariate[kept], f"{name}.subdistribution_ratio", contrast)
    return found


def _ratio(day: Any, status: np.ndarray, cause: str, covariate: np.ndarray, name: str, group: str) -> list[Finding]:
    try:
        fit = fine_gray(day, status, cause, covariate, names=[group], censored=CENSORED)
    except AnalysisError as problem:
        return [note(name, f"No subdistribution hazard ratio ({name}, {group}): {problem}", group)]
    lower, upper = (float(v) for v in fit.interval[0])
    return [
        Finding(
            name=name,
            group=group,
            estimate=float(fit.hazard_ratio[0]),
            lower=lower,
            upper=upper,
            level=fit.level,
            p=float(fit.p[0]),
            n=fit.n,
            events=fit.events,
            unit="hazard ratio",
            method=f"Fine and Gray's model; {fit.competing} events of other causes; Wald interval and p",
            reference=FINE_GRAY_SOURCE,
            note=f"Above 1: more patients come to {cause} first, be it that its own hazard is higher or that of the "
            "other causes lower.",
            table=fit.to_frame(),
        )
    ]
