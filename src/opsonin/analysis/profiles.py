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
