"""The patients of one record as arrays, a row each, and the figures that publications print of such patients."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from opsonin.units import DAYS_PER_MONTH

_GOOD = ("CR", "PR", "iCR", "iPR")
Figure = Callable[["ClinicalPatients"], float]


@dataclass(frozen=True, eq=False)
class ClinicalPatients:
    """What became of patients. Times are days from protocol day 1, inf for what was never seen.

    os, pfs, ttp: end of follow-up or event, with whether it was the event.   best: 2 CR, 1 PR, 0 SD, -1 PD, -2 none.
    response: of the first CR or PR.   related: highest grade of a related adverse event (0 none, NaN where it has no
    grade);   released, neurotoxic: of cytokine release and of neurotoxicity.   baseline_mm: sum of target lesions;
    first_ratio, first_scan, least_ratio: of it at the first scan, that day, and at best;   shrunk: the day it was first
    30 % below baseline.   released_on: the day of the first cytokine release.
    """

    os: Float[np.ndarray, " patient"]
    died: Bool[np.ndarray, " patient"]
    pfs: Float[np.ndarray, " patient"]
    progressed: Bool[np.ndarray, " patient"]
    ttp: Float[np.ndarray, " patient"]
    grown: Bool[np.ndarray, " patient"]
    best: Int[np.ndarray, " patient"]
    response: Float[np.ndarray, " patient"]
    related: Float[np.ndarray, " patient"]
    any_related: Bool[np.ndarray, " patient"]
    released: Float[np.ndarray, " patient"]
    neurotoxic: Float[np.ndarray, " patient"]
    baseline_mm: Float[np.ndarray, " patient"]
    first_ratio: Float[np.ndarray, " patient"]
    first_scan: Float[np.ndarray, " patient"]
    least_ratio: Float[np.ndarray, " patient"]
    shrunk: Float[np.ndarray, " patient"]
    released_on: Float[np.ndarray, " patient"]

    def __len__(self) -> int:
        return len(self.os)

    def take(self, rows: Any) -> ClinicalPatients:
        """The patients of these rows (an index array or a mask)."""
        return ClinicalPatients(*(getattr(self, field.name)[rows] for field in fields(self)))

    @property
    def responders(self) -> ClinicalPatients:
        """Those whose best response is CR or PR."""
        return self.take(self.best >= 1)

    @property
    def doubling(self) -> Float[np.ndarray, " patient"]:
        """Volume doubling time between baseline and the first scan, days: volume goes with the cube of a diameter.

        inf where the sum did not grow, NaN without two scans.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            rate = 3 * np.log(self.first_ratio) / self.first_scan
            return np.where(np.isnan(rate), np.nan, np.where(rate > 0, np.log(2) / rate, np.inf))

    @property
    def lasting(self) -> tuple[Float[np.ndarray, " patient"], Bool[np.ndarray, " patient"]]:
        """How long responses lasted, and whether their end was seen; of all patients, NaN without a response."""
        with np.errstate(invalid="ignore"):
            return np.where(np.isfinite(self.response), self.pfs - self.response, np.nan), self.progressed


def clinical_patients(record: Any) -> ClinicalPatients:
    """The patients of a record, in the order of its subjects."""
    ids = pd.Index(record.subjects["subject_id"].astype(str))
    times = {name: _times(record.survival, name, ids) for name in ("OS", "PFS", "TTP")}
    responses = record.responses
    visits = responses[~responses["best"].fillna(False).to_numpy(dtype=bool)]
    best = responses[responses["best"].fillna(False).to_numpy(dtype=bool)]
    word = pd.Series(best["overall"].astype(str).to_numpy(), best["subject_id"].astype(str)).reindex(ids)
    codes = {"CR": 2, "PR": 1, "SD": 0, "PD": -1, "iCR": 2, "iPR": 1, "iSD": 0, "iUPD": -1, "iCPD": -1}
    found = word.map(codes).fillna(-2).to_numpy(dtype=np.int64)
    good = visits[visits["overall"].astype(str).isin(_GOOD)]
    change = visits.assign(ratio=1 + visits["change_from_baseline_percent"].astype(float) / 100)
    events = record.adverse_events
    terms = events["term"].astype(str)
    released = terms.str.contains("cytokine release")
    related = events[events["related"].astype(str) == "yes"]
    response = _first(good, "day", ids)
    return ClinicalPatients(
        *times["OS"],
        *times["PFS"],
        *times["TTP"],
        best=found,
        response=np.where(found >= 1, response, np.inf),
        related=_worst(related, ids),
        any_related=ids.isin(related["subject_id"].astype(str)),
        released=_worst(events[released], ids),
        neurotoxic=_worst(events[terms.str.contains("neuro|encephalo|effector cell")], ids),
        baseline_mm=_baseline(record, ids),
        first_ratio=_of_first(change, "ratio", ids),
        first_scan=_of_first(change, "day", ids),
        least_ratio=change.groupby(change["subject_id"].astype(str))["ratio"].min().reindex(ids).to_numpy(dtype=float),
        shrunk=_first(change[change["ratio"] <= 0.7 + 1e-9], "day", ids),
        released_on=_first(events[released], "start_day", ids),
    )


def _times(survival: pd.DataFrame, endpoint: str, ids: pd.Index) -> tuple[np.ndarray, np.ndarray]:
    rows = survival[(survival["endpoint"] == endpoint).to_numpy(dtype=bool)]
    mine = rows.set_index(rows["subject_id"].astype(str)).reindex(ids)
    return mine["day"].to_numpy(dtype=float), mine["event"].fillna(False).to_numpy(dtype=bool)


def _first(rows: pd.DataFrame, column: str, ids: pd.Index) -> np.ndarray:
    first = rows.groupby(rows["subject_id"].astype(str))[column].min().reindex(ids)
    return first.astype(float).fillna(np.inf).to_numpy(dtype=float)


def _of_first(scans: pd.DataFrame, column: str, ids: pd.Index) -> np.ndarray:
    """A column at each patient's first scan."""
    first = scans.sort_values("day", kind="stable").drop_duplicates("subject_id")
    return first.set_index(first["subject_id"].astype(str))[column].reindex(ids).to_numpy(dtype=float)


def _worst(events: pd.DataFrame, ids: pd.Index) -> np.ndarray:
    worst = events.groupby(events["subject_id"].astype(str))["grade"].max().reindex(ids)
    return worst.astype("Float64").fillna(0.0).to_numpy(dtype=float)


def _baseline(record: Any, ids: pd.Index) -> np.ndarray:
    lesions = record.lesions
    if not len(lesions):
        return np.full(len(ids), np.nan)
    first = lesions[(lesions["scan_id"].astype(str) == "baseline").to_numpy(dtype=bool)]
    return first.groupby(first["subject_id"].astype(str))["diameter_mm"].sum().reindex(ids).to_numpy(dtype=float)


def median_time(days: np.ndarray, event: np.ndarray, share: float = 0.5) -> float:
    """The time by which a share has had the event, in months (inf: not reached); NaN without patients."""
    from opsonin.analysis.survival import kaplan_meier

    known = np.isfinite(days)
    if not known.any():
        return np.nan
    found = kaplan_meier(np.maximum(days[known], 0.0), event[known]).quantile(share).estimate
    return float(found) / DAYS_PER_MONTH if np.isfinite(found) else np.inf


def free_at(days: np.ndarray, event: np.ndarray, months: float) -> float:
    """The percentage still without the event; NaN where nobody was followed so long."""
    from opsonin.analysis.survival import kaplan_meier

    known = np.isfinite(days)
    if not known.any():
        return np.nan
    row = kaplan_meier(np.maximum(days[known], 0.0), event[known]).at([months * DAYS_PER_MONTH])
    return 100 * float(row["survival"].iloc[0])


def _percent(mask: np.ndarray) -> float:
    return 100 * float(np.mean(mask)) if len(mask) else np.nan


def _middle(values: np.ndarray, share: float = 0.5) -> float:
    known = values[np.isfinite(values)]
    return float(np.quantile(known, share)) if known.size else np.nan


def _ongoing(p: ClinicalPatients, months: float) -> float:
    days, event = p.lasting
    return free_at(days[np.isfinite(days)], event[np.isfinite(days)], months)


FIGURES: dict[str, Figure] = {
    "objective_response_rate": lambda p: _percent(p.best >= 1),
    "overall_remission_rate": lambda p: _percent(p.best >= 1),
    "complete_response_rate": lambda p: _percent(p.best == 2),
    "stable_disease_rate": lambda p: _percent(p.best == 0),
    "progressive_disease_as_best_response": lambda p: _percent(p.best == -1),
    "median_os_months": lambda p: median_time(p.os, p.died),
    "median_pfs_months": lambda p: median_time(p.pfs, p.progressed),
    "median_time_to_progression_months": lambda p: median_time(p.ttp, p.grown),
    "pfs_upper_quartile_months": lambda p: median_time(p.pfs, p.progressed, 0.75),
    "os_lower_quartile_months": lambda p: median_time(p.os, p.died, 0.25),
    "median_pfs_months_of_responders": lambda p: median_time(p.responders.pfs, p.responders.progressed),
    "median_duration_of_response_months": lambda p: median_time(*p.responders.lasting),
    "median_stable_disease_duration_months": lambda p: median_time(p.ttp[p.best == 0], p.grown[p.best == 0]),
    "median_time_to_response_months": lambda p: _middle(p.responders.response) / DAYS_PER_MONTH,
    "grade3plus_trae_rate": lambda p: _percent(p.related >= 3),
    "trae_any_rate": lambda p: _percent(p.any_related),
    "crs_any_rate": lambda p: _percent(p.released >= 1),
    "crs_grade3plus_rate": lambda p: _percent(p.released >= 3),
    "neurologic_event_any_rate": lambda p: _percent(p.neurotoxic >= 1),
    "neurotoxicity_grade3plus_rate": lambda p: _percent(p.neurotoxic >= 3),
    "median_baseline_sld_mm": lambda p: _middle(p.baseline_mm),
    "baseline_sld_mm_10th_centile": lambda p: _middle(p.baseline_mm, 0.1),
    "baseline_sld_mm_90th_centile": lambda p: _middle(p.baseline_mm, 0.9),
    "median_diameter_ratio_at_first_scan": lambda p: _middle(p.first_ratio),
    "share_decrease_30pct_at_first_scan": lambda p: _of_scanned(p.first_ratio, p.first_ratio <= 0.7),
    "share_increase_20pct_at_first_scan": lambda p: _of_scanned(p.first_ratio, p.first_ratio >= 1.2),
    "share_decrease_30pct_at_best": lambda p: _of_scanned(p.least_ratio, p.least_ratio <= 0.7),
    "share_with_any_decrease_of_target_lesions": lambda p: _of_scanned(p.least_ratio, p.least_ratio < 1),
    "median_days_to_decrease_30pct": lambda p: _middle(p.shrunk),
    "share_of_responses_lasting_6m": lambda p: _ongoing(p, 6),
    "median_crs_onset_days": lambda p: _middle(p.released_on),
    "volume_doubling_time_days": lambda p: _quantile_or_never(p.doubling),
    "share_vdt_below_3_months": lambda p: _of_scanned(p.doubling, p.doubling < 3 * DAYS_PER_MONTH, never=True),
    "share_vdt_above_9_months": lambda p: _of_scanned(p.doubling, p.doubling > 9 * DAYS_PER_MONTH, never=True),
}
AT_MONTHS: dict[str, Callable[[ClinicalPatients, float], float]] = {
    r"os_rate_(\d+)m": lambda p, months: free_at(p.os, p.died, months),
    r"pfs_rate_(\d+)m": lambda p, months: free_at(p.pfs, p.progressed, months),
    r"efs_rate_(\d+)m": lambda p, months: free_at(p.pfs, p.progressed, months),
    r"relapse_free_rate_(\d+)m": lambda p, months: _ongoing(p, months),
    r"share_of_responders_ongoing_(\d+)m": lambda p, months: _ongoing(p, months),
    r"share_of_responders_free_at_(\d+)m": lambda p, months: free_at(p.responders.pfs, p.responders.progressed, months),
    r"disease_free_rate_(\d+)m_from_cr": lambda p, months: _ongoing(p.take(p.best == 2), months),
}


def _of_scanned(values: np.ndarray, mask: np.ndarray, never: bool = False) -> float:
    """The percentage among those with a value.   never: infinity is one."""
    return _percent(mask[~np.isnan(values) if never else np.isfinite(values)])


def _quantile_or_never(values: np.ndarray) -> float:
    """The median of values that may be infinite."""
    known = np.sort(values[~np.isnan(values)])
    return float(known[known.size // 2]) if known.size else np.nan


def figure_of(quantity: str) -> Figure | None:
    """The function that gives a published quantity of patients, in its published unit; None where there is none."""
    if quantity in FIGURES:
        return FIGURES[quantity]
    for pattern, figure in AT_MONTHS.items():
        match = re.fullmatch(pattern, quantity)
        if match:
            months = float(match[1])
            return lambda p, figure=figure, months=months: figure(p, months)
    return None


def hazard_ratio(one: ClinicalPatients, other: ClinicalPatients, endpoint: str) -> float:
    """Of patients against others; NaN where nothing can be compared.   endpoint: "os" or "pfs"."""
    rows = (np.arange(len(side))[None, :] for side in (one, other))
    return float(hazard_ratios(one, other, endpoint, *rows)[0])


def hazard_ratios(
    one: ClinicalPatients,
    other: ClinicalPatients,
    endpoint: str,
    mine: Int[np.ndarray, "draw chosen"],
    theirs: Int[np.ndarray, "draw others"],
) -> Float[np.ndarray, " draw"]:
    """The hazard ratio of each draw of patients from both sides."""
    from opsonin.analysis.survival.many import cox_single_covariate_many

    time, event = ("os", "died") if endpoint == "os" else ("pfs", "progressed")
    days = np.concatenate([getattr(one, time)[mine], getattr(other, time)[theirs]], axis=1)
    happened = np.concatenate([getattr(one, event)[mine], getattr(other, event)[theirs]], axis=1)
    group = np.repeat([1.0, 0.0], [mine.shape[1], theirs.shape[1]])[None, :]
    return np.exp(cox_single_covariate_many(np.maximum(days, 0.0), happened, group).coefficient)
