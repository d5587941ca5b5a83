"""Pharmacokinetic findings: exposure per period and group, ratios with and without a partner, dose proportionality.

Below the limit of quantification counts as 0 before the first and after the last measurable sample of a profile and
is left out in between. AUC is taken over the sampled interval; subjects without a measurable sample are left out of
geometric means.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from opsonin.analysis.asked import Asked
from opsonin.analysis.findings import Finding, note
from opsonin.analysis.noncompartmental import nca
from opsonin.analysis.statistics import geometric_cv_percent, geometric_mean, line, mean_interval, t_p
from opsonin.errors import UnitError
from opsonin.units import factor

HOURS = 24.0
METHOD = "linear-up log-down"
TRAPEZOIDS = "non-compartmental, linear-up log-down trapezoids; below the limit = 0 at the ends of a profile"
NCA_SOURCE = "Gabrielsson & Weiner 2016, Pharmacokinetic and Pharmacodynamic Data Analysis, 5th ed."
POWER_SOURCE = "Gough 1995, Drug Inf J 29:1039; Smith 2000, doi:10.1023/A:1026451721686"
RATIO_SOURCE = "Schuirmann 1987, doi:10.1007/BF01068419"
ROUTES = {"intravenous bolus": "bolus", "intravenous infusion": "infusion"}
REPORTED = (
    ("auc", "auc", "{unit}·h", "AUC over the sampled interval"),
    ("cmax", "cmax", "{unit}", "highest concentration"),
    ("half_life", "half_life", "h", "terminal half-life"),
    ("clearance", "clearance", "l/h", "dose / AUC (apparent where not intravenous)"),
)


def nca_table(concentrations: pd.DataFrame, exposures: pd.DataFrame) -> pd.DataFrame:
    """One row a subject, analyte, matrix and period: dose, units, samples, below_limit, auc, parameters (hours).

    auc: over the sampled interval.  clearance (l/h): dose / AUC extrapolated after a first dose, dose / auc when dosing
    is repeated (steady state assumed), NaN for metabolites and where the dose or its unit is unknown.
    """
    rows = _timed(concentrations)
    doses = dict(iter(exposures.assign(agent=exposures["agent"].astype(str)).groupby("agent")))
    out = []
    keys = ["subject_id", "analyte", "matrix", "period"]
    for key, own in rows.groupby(keys, sort=False, observed=True):
        values = _profile(own)
        if values is None:
            continue
        t, c, below = values
        subject, analyte = str(own["subject_id"].iloc[0]), str(own["analyte"].iloc[0])
        agent, dose_day = str(own["agent"].iloc[0]), float(own["dose_day"].iloc[0])
        given = _dose(doses.get(agent), subject, dose_day)
        route = ROUTES.get(given["route"], "extravascular") if analyte == agent else "extravascular"
        if route == "infusion" and not given["hours"] > 0:
            route = "extravascular"
        if route == "bolus" and t.size and t[0] == 0:
            t, c = t[1:], c[1:]  # the sample at hour 0 was drawn before the bolus
        dose = given["amount"] if analyte == agent else math.nan
        known = dose if math.isfinite(dose) else 0.0
        found = nca(t, c, known, route, given["hours"] if route == "infusion" else 0.0, METHOD)
        auc = found.auc_all
        clearance = dose / auc if given["repeated"] and auc > 0 else found.clearance_obs
        first = dict(zip(keys, map(str, key if isinstance(key, tuple) else (key,)), strict=True))
        first |= {"dose_day": dose_day, "agent": agent, "dose": dose, "dose_unit": given["unit"]}
        litres = _litres_per_hour(given["unit"], str(own["unit"].iloc[0])) if math.isfinite(clearance) else math.nan
        clearance = clearance * litres
        first |= {"unit": str(own["unit"].iloc[0]), "samples": int(t.size), "below_limit": below, "auc": auc}
        out.append(first | found.to_dict() | {"clearance": clearance})
    return pd.DataFrame(out)


def pharmacokinetic_findings(asked: Asked) -> list[Finding]:
    """Exposure of every analyte, its ratios with and without a partner, and dose proportionality."""
    concentrations, exposures = asked.table("concentrations"), asked.table("exposures")
    if not len(concentrations):
        return [note("pk", "No pharmacokinetics: the record has no concentrations.")]
    table = nca_table(concentrations, exposures)
    if not len(table):
        return [note("pk", "No pharmacokinetics: no sample has a time after its dose.")]
    table["group"] = table["subject_id"].map(asked.groups.of)
    others = {
        a: nca_table(_table(r, "concentrations"), _table(r, "exposures")) for a, r in (asked.potential or {}).items()
    }
    found: list[Finding] = []
    for analyte in _ordered(table["analyte"], asked.questions.get("analytes") or ()):
        own: Any = table[(table["analyte"] == analyte) & (table["auc"] > 0)]
        if not len(own):
            found.append(note(f"pk.{analyte}", f"{analyte} was below the limit of quantification in every sample."))
            continue
        found += _exposure(asked, analyte, own)
        found += _ratios(asked, analyte, own, exposures, others)
        found += _proportionality(analyte, own)
    return found


def ratio_finding(name: str, group: str, with_it: pd.Series, without: pd.Series, method: str, remark: str) -> Finding:
    """The geometric mean ratio of paired values (matched by index) with its 90 % interval."""
    pairs = pd.concat([with_it, without], axis=1, join="inner", keys=["with", "without"]).dropna()
    pairs = pairs[(pairs > 0).all(axis=1)]
    logs = np.log(pairs["with"].to_numpy(dtype=float) / pairs["without"].to_numpy(dtype=float))
    estimate, lower, upper = mean_interval(logs, 0.90)
    p = math.nan
    if logs.size > 1 and logs.std() > 0:
        p = t_p(estimate / (float(logs.std(ddof=1)) / math.sqrt(logs.size)), logs.size - 1)
    table = pairs.assign(ratio=np.exp(logs)).reset_index(names="subject_id")
    value, low, high = (math.exp(v) if math.isfinite(v) else math.nan for v in (estimate, lower, upper))
    return Finding(
        name,
        group,
        value,
        low,
        high,
        0.90,
        p,
        int(logs.size),
        unit="ratio",
        method=method,
        reference=RATIO_SOURCE,
        note=remark,
        table=table,
    )


def _timed(concentrations: pd.DataFrame) -> Any:
    """Rows with hours after dose, dose day and period as plain columns; those without a time are left out."""
    rows: Any = concentrations.copy()
    rows["dose_day"] = rows["dose_day"].astype(float)
    worked = (rows["day"].astype(float) - rows["dose_day"]) * HOURS
    rows["hours"] = rows["hours_after_dose"].astype(float).fillna(worked)
    rows["dose_day"] = rows["dose_day"].fillna(rows["day"].astype(float) - rows["hours"] / HOURS)
    rows = rows[rows["hours"].notna()]
    day = np.floor(rows["dose_day"].to_numpy(dtype=float) + 1e-6).astype(int)
    named = pd.Series([f"day {d + 1 if d >= 0 else d}" for d in day], index=rows.index)
    rows["period"] = rows["period"].astype(object).where(rows["period"].notna(), named)
    return rows


def _profile(own: Any) -> tuple[np.ndarray, np.ndarray, int] | None:
    """Times and concentrations of one profile, sorted, averaged over repeats; below the limit as the module says."""
    rows = own.sort_values("hours", kind="stable")
    hours = rows["hours"].to_numpy(dtype=float)
    low = rows["below_limit"].fillna(False).to_numpy(dtype=bool)
    value = np.where(low, 0.0, rows["value"].to_numpy(dtype=float, na_value=np.nan))
    before = hours < 0
    if before.any() and not (hours == 0).any():  # the last sample before the dose stands for hour 0
        hours = hours.copy()
        hours[np.flatnonzero(before)[-1]] = 0.0
    keep = (hours >= 0) & np.isfinite(value)
    if not keep.any():
        return None
    times, where = np.unique(hours[keep], return_inverse=True)
    mean = np.bincount(where, value[keep]) / np.bincount(where)
    positive = np.flatnonzero(mean > 0)
    if positive.size:
        inside = np.arange(mean.size)
        gap = (mean == 0) & (inside > positive[0]) & (inside < positive[-1])
        times, mean = times[~gap], mean[~gap]
    return times, mean, int(low.sum())


def _dose(given: Any, subject: str, dose_day: float) -> dict[str, Any]:
    """Amount, unit, route and infusion hours of the dose on a day, and whether the agent was dosed before."""
    nothing = {"amount": math.nan, "unit": "", "route": "", "hours": 0.0, "repeated": False}
    if given is None:
        return nothing
    own = given[given["subject_id"].astype(str) == subject]
    start = own["start_day"].to_numpy(dtype=float)
    end = own["end_day"].fillna(own["start_day"]).to_numpy(dtype=float)
    on = np.flatnonzero((start <= dose_day + 0.5) & (end >= dose_day - 0.5))
    if not on.size:
        return nothing
    row = own.iloc[int(on[-1])]
    length = float(end[on[-1]] - start[on[-1]])
    repeated = bool((start < dose_day - 0.5).any())
    hours = HOURS * length if 0 < length < 1 else 0.0
    return {
        "amount": float(row["amount"]),
        "unit": str(row["unit"]),
        "route": str(row["route"]),
        "hours": hours,
        "repeated": repeated,
    }


@cache
def _litres_per_hour(dose_unit: str, unit: str) -> float:
    """What dose / AUC in the record's units is multiplied by to be in l/h; NaN where the units do not allow it."""
    try:
        return factor(f"{dose_unit} / ({unit}) / hour", "liter / hour")
    except UnitError:
        return math.nan


def _exposure(asked: Asked, analyte: str, own: Any) -> list[Finding]:
    found = []
    for period, part in own.groupby("period", sort=False):
        for label, members in asked.groups.each():
            rows = part[part["subject_id"].isin(members)]
            if not len(rows):
                continue
            words = {"unit": rows["unit"].iloc[0]}
            for name, column, unit, what in REPORTED:
                value = geometric_mean(rows[column])
                if not math.isfinite(value.value):
                    continue
                n = int((rows[column] > 0).sum())
                found.append(
                    Finding(
                        f"pk.{analyte}.{name}",
                        f"{label}, {period}",
                        *value,
                        0.95,
                        n=n,
                        unit=unit.format(**words),
                        method=f"{what}; geometric mean; {TRAPEZOIDS}",
                        reference=NCA_SOURCE,
                        note=f"Geometric CV {geometric_cv_percent(rows[column]):.0f} %." if n > 1 else "",
                        table=rows,
                    )
                )
            low, mid, high = (float(q) for q in np.quantile(rows["tmax"].to_numpy(dtype=float), [0.0, 0.5, 1.0]))
            found.append(
                Finding(
                    f"pk.{analyte}.tmax",
                    f"{label}, {period}",
                    mid,
                    low,
                    high,
                    1.0,
                    n=len(rows),
                    unit="h",
                    method="time of the highest concentration; median and range",
                    table=rows,
                )
            )
    return found


def _ratios(asked: Asked, analyte: str, own: Any, exposures: Any, others: dict[str, pd.DataFrame]) -> list[Finding]:
    """With and without a partner: between periods of the record, then against the potential outcome without it."""
    asked_for = asked.questions.get("interaction")
    if asked_for and analyte not in asked_for:
        return []
    found = []
    days = own.groupby("period")["dose_day"].median().sort_values()
    for period in days.index[1:]:
        found += _between_periods(analyte, own, exposures, days, days.index[0], period)
    for agent, without in others.items():
        if agent == own["agent"].iloc[0] or not len(without):
            continue
        there = without[(without["analyte"] == analyte) & (without["auc"] > 0)]
        shared = [p for p in days.index if p in set(there["period"])]
        remark = f"Without: the same virtual patients' potential outcome with {agent} left out."
        for period in shared[-1:]:
            one, other = (x[x["period"] == period].set_index("subject_id") for x in (own, there))
            group, method = (
                f"with vs without {agent}, {period}",
                "paired geometric mean ratio, 90 % interval (Student's t)",
            )
            for name, column in (("auc_ratio", "auc"), ("cmax_ratio", "cmax")):
                found.append(ratio_finding(f"pk.{analyte}.{name}", group, one[column], other[column], method, remark))
    return found


def _between_periods(analyte: str, own: Any, exposures: Any, days: Any, first: str, then: str) -> list[Finding]:
    came = sorted(_agents_on(exposures, days[then]) - _agents_on(exposures, days[first]))
    went = sorted(_agents_on(exposures, days[first]) - _agents_on(exposures, days[then]))
    said = [f"{', '.join(agents)} {word}" for agents, word in ((came, "added"), (went, "stopped")) if agents]
    remark = f"Between the periods: {' and '.join(said) or 'no agent was added or stopped'}."
    one, other = (own[own["period"] == p].set_index("subject_id") for p in (then, first))
    method = "paired geometric mean ratio within subjects, 90 % interval (Student's t)"
    group = f"{then} vs {first}"
    return [
        ratio_finding(f"pk.{analyte}.{name}", group, one[column], other[column], method, remark)
        for name, column in (("auc_ratio", "auc"), ("cmax_ratio", "cmax"))
    ]


def _agents_on(exposures: Any, day: float) -> set[str]:
    """The agents that at least half of those still dosed with anything received on a day."""
    end = exposures["end_day"].fillna(exposures["start_day"])
    on = exposures[(exposures["start_day"] < day + 0.99) & (end > day - 0.01)]
    count = on.groupby(on["agent"].astype(str))["subject_id"].nunique()
    return set(count.index[count >= 0.5 * on["subject_id"].nunique()])


def _proportionality(analyte: str, own: Any) -> list[Finding]:
    """The power model: AUC ∝ dose^b, for a parent drug given at several doses."""
    found = []
    for period, rows in own[own["dose"] > 0].groupby("period", sort=False):
        if rows["dose"].nunique() < 2 or len(rows) < 4:
            continue
        x, y = np.log(rows["dose"].to_numpy(dtype=float)), np.log(rows["auc"].to_numpy(dtype=float))
        fitted = line(x, y, 0.90)
        found.append(
            Finding(
                f"pk.{analyte}.dose_proportionality",
                str(period),
                fitted.slope,
                fitted.lower,
                fitted.upper,
                0.90,
                n=len(rows),
                unit="exponent",
                method="power model: log AUC on log dose, 90 % interval; 1 is proportional",
                reference=POWER_SOURCE,
                table=rows[["subject_id", "dose", "dose_unit", "auc", "unit"]],
            )
        )
    return found


def _ordered(there: Iterable[Any], first: Iterable[str]) -> list[str]:
    names = list(dict.fromkeys(str(a) for a in there))
    return [a for a in first if a in names] + [a for a in names if a not in set(first)]


def _table(record: Any, name: str) -> Any:
    frame = getattr(record, name)
    return frame.assign(subject_id=frame["subject_id"].astype(str))
