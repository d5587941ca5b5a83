"""Immune monitoring: change from baseline per marker, day and group, and whether the change goes with the dose."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from opsonin.analysis.asked import Asked
from opsonin.analysis.findings import Finding, note
from opsonin.analysis.immune_composition import composition_findings
from opsonin.analysis.immune_courses import course_findings
from opsonin.analysis.statistics import geometric_mean, line, signed_rank_p, trend_p

MOST = 80  # pairs of marker and day that get findings of their own
WILCOXON = "Wilcoxon 1945, doi:10.2307/3001968; Hollander & Wolfe 1999"
JONCKHEERE = "Jonckheere 1954, doi:10.1093/biomet/41.1-2.133"


def protocol_day(day: Any) -> np.ndarray:
    """Protocol days of elapsed days: 0.3 → 1, 14.0 → 15, −21.0 → −21 (there is no day 0)."""
    whole = np.floor(np.asarray(day, dtype=float) + 1e-6).astype(int)
    return np.where(whole >= 0, whole + 1, whole)


def marker_table(measurements: pd.DataFrame) -> Any:
    """Measurements with a `name` (marker, and compartment where it has several), `protocol_day`, positive `amount`.

    What is below the limit, or 0, takes half the smallest positive value of its marker, so that it has a logarithm.
    """
    rows: Any = measurements.copy()
    rows["subject_id"], rows["marker"] = rows["subject_id"].astype(str), rows["marker"].astype(str)
    rows["compartment"] = rows["compartment"].astype(str)
    several = rows.groupby("marker")["compartment"].nunique()
    joined = rows["marker"] + " (" + rows["compartment"] + ")"
    rows["name"] = np.where(rows["marker"].map(several) > 1, joined, rows["marker"])
    value = rows["value"].to_numpy(dtype=float, na_value=np.nan)
    low = rows["below_limit"].fillna(False).to_numpy(dtype=bool)
    rows["measured"] = np.where(low, np.nan, value)
    smallest = rows["name"].map(rows[rows["measured"] > 0].groupby("name")["measured"].min())
    floor = smallest.to_numpy(dtype=float) / 2
    rows["amount"] = np.where(low | (value == 0), floor, value)
    rows = rows[np.isfinite(rows["amount"]) & (rows["amount"] > 0)].copy()
    rows["protocol_day"] = protocol_day(rows["day"])
    return rows


def change_table(measurements: pd.DataFrame, exposures: pd.DataFrame) -> pd.DataFrame:
    """One row a subject, marker and later day: name, unit, protocol_day, baseline, amount, fold.

    Baseline: the row flagged so (the last of them), else the last value before the subject's first dose of any agent.
    """
    rows = marker_table(measurements)
    first = exposures.assign(subject_id=exposures["subject_id"].astype(str)).groupby("subject_id")["start_day"].min()
    start = rows["subject_id"].map(first).fillna(0.0).to_numpy(dtype=float)
    flagged = rows["baseline"].fillna(False).to_numpy(dtype=bool)
    key = ["subject_id", "name"]
    has_flag = rows.assign(flag=flagged).groupby(key)["flag"].transform("any").to_numpy(dtype=bool)
    early = np.where(has_flag, flagged, rows["day"].to_numpy(dtype=float) <= start + 1e-6)
    base = rows[early].sort_values("day", kind="stable").groupby(key).last()[["amount", "day"]]
    base = base.rename(columns={"amount": "baseline_amount", "day": "baseline_day"}).reset_index()
    joined = rows[~early].merge(base, on=key, how="inner")
    joined = joined[joined["day"] > joined["baseline_day"]]
    joined["fold"] = joined["amount"] / joined["baseline_amount"]
    columns = ["subject_id", "name", "unit", "protocol_day", "day", "baseline_amount", "amount", "fold"]
    return joined[columns].reset_index(drop=True)


def immune_findings(asked: Asked) -> list[Finding]:
    """Fold change from baseline per marker and day, in each group and in all, and its trend with dose."""
    measurements = asked.table("measurements")
    if not len(measurements):
        return [note("immune", "No immune monitoring: the record has no measurements.")]
    table = change_table(measurements, asked.table("exposures"))
    if not len(table):
        return [note("immune", "No change from baseline: no marker was measured both before and after the first dose.")]
    table["group"] = table["subject_id"].map(asked.groups.of)
    value = measurements["value"].to_numpy(dtype=float, na_value=np.nan)
    negative = measurements.loc[value < 0, "marker"].astype(str)
    dose, dose_words = subject_doses(asked)
    counts = table.groupby(["name", "protocol_day"], sort=False).size().sort_values(ascending=False, kind="stable")
    kept = set(counts.index[:MOST])
    found: list[Finding] = []
    for key, rows in table.groupby(["name", "protocol_day"], sort=True):
        if key in kept:
            name, day = str(rows["name"].iloc[0]), int(rows["protocol_day"].iloc[0])
            found += _changes(asked, name, day, rows)
            found += _trend(asked, name, day, rows, dose, dose_words)
    if len(counts) > MOST:
        found.append(
            note("immune", f"{len(counts) - MOST:,} rarer pairs of marker and day have no finding of their own.")
        )
    if len(negative):
        said = f"{len(negative)} values below 0 ({', '.join(sorted(set(negative))[:6])}) have no ratio to baseline."
        found.append(note("immune", said))
    pairs = pd.MultiIndex.from_frame(table[["name", "protocol_day"]])
    found += course_findings(asked, table[pairs.isin(kept)], dose, dose_words)
    return found + composition_findings(asked, dose, dose_words)


def subject_doses(asked: Asked) -> tuple[pd.Series, str]:
    """What stands for the dose of each subject: the first amount of the escalating agent, else the number of the level.

    Empty where neither varies, and where two agents are escalated, whose combinations have no order. The text says
    which, as "doubling of the interleukin-2 dose".
    """
    if asked.questions.get("escalating_agents"):
        return pd.Series(dtype=float), ""
    exposures, subjects = asked.table("exposures"), asked.table("subjects")
    given = exposures[exposures["amount"] > 0].sort_values("start_day", kind="stable")
    first = given.groupby([given["agent"].astype(str), "subject_id"])["amount"].first()
    agent = asked.questions.get("escalating_agent")
    agents = [agent] if agent else sorted(set(first.index.get_level_values(0)))
    if asked.groups.ordered:
        for one in agents:
            amounts = first[one] if one in first.index.get_level_values(0) else pd.Series(dtype=float)
            if amounts.nunique() > 1:
                return amounts.astype(float), f"doubling of the {one} dose"
    level = subjects.set_index("subject_id")["level"].dropna().astype(float)
    return (2.0**level, "dose level") if level.nunique() > 1 else (pd.Series(dtype=float), "")


def _changes(asked: Asked, name: str, day: int, rows: Any) -> list[Finding]:
    found = []
    for label, members in asked.groups.each():
        own = rows[rows["subject_id"].isin(members)]
        if not len(own):
            continue
        fold = own["fold"].to_numpy(dtype=float)
        value = geometric_mean(fold)
        median = float(np.median(fold))
        found.append(
            Finding(
                f"immune.{name}.fold_change",
                f"{label}, day {day}",
                *value,
                0.95,
                signed_rank_p(np.log(fold)),
                len(own),
                unit="ratio to baseline",
                method="geometric mean of value / baseline, Student's interval; signed-rank p",
                reference=WILCOXON,
                note=f"Median {median:.3g}.",
                table=own,
            )
        )
    return found


def _trend(asked: Asked, name: str, day: int, rows: Any, dose: pd.Series, words: str) -> list[Finding]:
    """The slope of log2 fold change on log2 dose, with a permutation test that assumes no line."""
    given = rows["subject_id"].map(dose).to_numpy(dtype=float, na_value=np.nan) if len(dose) else np.array([])
    known = np.isfinite(given) & (given > 0)
    if known.sum() < 4 or np.unique(given[known]).size < 2:
        return []
    x, y = np.log2(given[known]), np.log2(rows["fold"].to_numpy(dtype=float)[known])
    fitted = line(x, y)
    p = trend_p(x, y, asked.seed, f"immune trend {name} day {day}")
    direction = "falls" if fitted.slope < 0 else "rises"
    certain = (
        ""
        if math.isfinite(fitted.lower) and fitted.lower * fitted.upper > 0
        else ", though no change is within the interval"
    )
    table = rows[known].assign(dose=given[known])
    return [
        Finding(
            f"immune.{name}.dose_trend",
            f"day {day}",
            fitted.slope,
            fitted.lower,
            fitted.upper,
            0.95,
            p,
            int(known.sum()),
            unit=f"log2 fold change per {words}",
            method="least squares; p by permutation of Jonckheere's statistic",
            reference=JONCKHEERE,
            note=f"With dose the ratio to baseline {direction}{certain}.",
            table=table,
        )
    ]
