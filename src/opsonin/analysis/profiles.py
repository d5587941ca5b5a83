"""Concentration–time profiles of a record, one after each sampled dose, and their non-compartmental parameters.

Below the limit of quantification counts as 0 before the first and after the last measurable sample of a profile and
is left out in between.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from opsonin.analysis.noncompartmental import nca
from opsonin.errors import UnitError
from opsonin.units import factor

HOURS = 24.0
METHOD = "linear-up log-down"
ROUTES = {"intravenous bolus": "bolus", "intravenous infusion": "infusion"}


def nca_table(concentrations: pd.DataFrame, exposures: pd.DataFrame) -> pd.DataFrame:
    """One row a subject, analyte, matrix and period: dose, units, samples, below_limit, auc, parameters (hours).

    auc: over the sampled interval.  clearance (l/h): dose / AUC extrapolated after a first dose, dose / auc when dosing
    is repeated (steady state assumed), NaN for metabolites and where the dose or its unit is unknown.
    """
    rows, doses = _timed(concentrations), _Doses(exposures)
    low = rows["below_limit"].fillna(False).to_numpy(dtype=bool)
    value = np.where(low, 0.0, rows["value"].to_numpy(dtype=float, na_value=np.nan))
    hours, days = rows["hours"].to_numpy(dtype=float), rows["dose_day"].to_numpy(dtype=float)
    keys = ["subject_id", "analyte", "matrix", "period"]
    texts = {name: rows[name].to_numpy(dtype=object) for name in (*keys, "agent", "unit")}
    out = []
    for own in _groups(rows.groupby(keys, sort=False, observed=True).ngroup().to_numpy()):
        values = _profile(hours[own], value[own], low[own])
        if values is None:
            continue
        t, c, below = values
        told = {name: str(texts[name][own[0]]) for name in texts}
        analyte, agent, dose_day = told["analyte"], told["agent"], float(days[own[0]])
        given = doses.of(agent, told["subject_id"], dose_day)
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
        first: dict[str, Any] = {name: told[name] for name in keys}
        first |= {"dose_day": dose_day, "agent": agent, "dose": dose, "dose_unit": given["unit"]}
        litres = _litres_per_hour(given["unit"], told["unit"]) if math.isfinite(clearance) else math.nan
        clearance = clearance * litres
        first |= {"unit": told["unit"], "samples": int(t.size), "below_limit": below, "auc": auc}
        out.append(first | found.to_dict() | {"clearance": clearance})
    return pd.DataFrame(out)


def _timed(concentrations: pd.DataFrame) -> Any:
    """Rows with hours after dose, dose day and period as plain columns; those without a time are left out."""
    rows: Any = concentrations.copy()
    rows = rows.reset_index(drop=True)
    rows["dose_day"] = given = rows["dose_day"].astype(float)
    worked = (rows["day"].astype(float) - rows["dose_day"]) * HOURS
    rows["hours"] = rows["hours_after_dose"].astype(float).fillna(worked)
    rows["dose_day"] = rows["dose_day"].fillna(rows["day"].astype(float) - rows["hours"] / HOURS)
    rows = rows[rows["hours"].notna()]
    day = np.floor(rows["dose_day"].to_numpy(dtype=float) + 1e-6).astype(int)
    named = pd.Series([f"day {d + 1 if d >= 0 else d}" for d in day], index=rows.index)
    rows["period"] = rows["period"].astype(object).where(rows["period"].notna(), named)
    return _of_one_dose(rows, given)


def _of_one_dose(rows: Any, given: pd.Series) -> Any:
    """The period of every sample is that of the first after its dose, though a visit's name may change overnight.

    given: the dose days that the record states; where it states none, the periods stand as they are.
    """
    told = given[rows.index].notna().to_numpy(dtype=bool)
    own: Any = rows[told].assign(dose=rows.loc[told, "dose_day"].round(4))
    first = own.sort_values("hours", kind="stable").groupby(
        ["subject_id", "analyte", "matrix", "dose"], sort=False, observed=True
    )
    rows.loc[told, "period"] = first["period"].transform("first").reindex(own.index)
    return rows


def _groups(number: np.ndarray) -> list[np.ndarray]:
    """The rows of each group, by its number; those of −1 belong to none."""
    order = np.argsort(number, kind="stable")
    edges = np.flatnonzero(np.diff(number[order], prepend=-1))
    return np.split(order, edges)[1:]


def _profile(hours: np.ndarray, value: np.ndarray, low: np.ndarray) -> tuple[np.ndarray, np.ndarray, int] | None:
    """Times and concentrations of one profile, sorted, averaged over repeats; below the limit as the module says.

    value: 0 where `low`, below the limit.
    """
    order = np.argsort(hours, kind="stable")
    hours, value = hours[order], value[order]
    before = hours < 0
    if before.any() and not (hours == 0).any():  # the last sample before the dose stands for hour 0
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


class _Doses:
    """The doses of every agent and subject."""

    def __init__(self, exposures: pd.DataFrame):
        who = zip(exposures["agent"].astype(str), exposures["subject_id"].astype(str), strict=True)
        self.rows: dict[tuple[str, str], list[int]] = {}
        for row, key in enumerate(who):
            self.rows.setdefault(key, []).append(row)
        self.start = exposures["start_day"].to_numpy(dtype=float, na_value=np.nan)
        self.end = exposures["end_day"].fillna(exposures["start_day"]).to_numpy(dtype=float, na_value=np.nan)
        self.amount = exposures["amount"].to_numpy(dtype=float, na_value=np.nan)
        self.unit, self.route = (exposures[name].to_numpy(dtype=object) for name in ("unit", "route"))

    def of(self, agent: str, subject: str, dose_day: float) -> dict[str, Any]:
        """Amount, unit, route and infusion hours of the dose on a day, and whether the agent was dosed before."""
        own = np.array(self.rows.get((agent, subject), []), dtype=np.int64)
        start, end = self.start[own], self.end[own]
        on = np.flatnonzero((start <= dose_day + 0.5) & (end >= dose_day - 0.5))
        if not on.size:
            return {"amount": math.nan, "unit": "", "route": "", "hours": 0.0, "repeated": False}
        row = own[on[-1]]
        length = float(self.end[row] - self.start[row])
        return {
            "amount": float(self.amount[row]),
            "unit": str(self.unit[row]),
            "route": str(self.route[row]),
            "hours": HOURS * length if 0 < length < 1 else 0.0,
            "repeated": bool((start < dose_day - 0.5).any()),
        }


@cache
def _litres_per_hour(dose_unit: str, unit: str) -> float:
    """What dose / AUC in the record's units is multiplied by to be in l/h; NaN where the units do not allow it."""
    try:
        return factor(f"{dose_unit} / ({unit}) / hour", "liter / hour")
    except UnitError:
        return math.nan
