"""Discrimination by a given time: those with the event by then against those beyond it, the censored weighted for.

Source: Heagerty, Lumley & Pepe (2000), Biometrics 56:337 (cumulative cases, dynamic controls); Uno et al. (2007), J Am
Stat Assoc 102:527 (weights); Blanche, Dartigues & Jacqmin-Gadda (2013), Stat Med 32:5381 (standard error).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from opsonin.analysis.performance.censoring import Weighted, checked_horizons, weighted
from opsonin.analysis.statistics import NAN, Estimate, two_sided_p
from opsonin.analysis.survival.data import numbers
from opsonin.errors import AnalysisError


@dataclass(frozen=True)
class AucOverTime:
    """The chance that of a patient with the event by a time and one beyond it, the first has the higher marker.

    One entry per time; NaN where there are no cases or no controls. influence: what each patient adds to each estimate
    (divided by n, its standard deviation over √n is the standard error); it compares two markers.
    """

    time: Float[np.ndarray, " at"]
    auc: Float[np.ndarray, " at"]
    se: Float[np.ndarray, " at"]
    cases: Int[np.ndarray, " at"]
    controls: Int[np.ndarray, " at"]
    influence: Float[np.ndarray, "n at"] = field(repr=False)
    n: int
    level: float

    def to_frame(self) -> pd.DataFrame:
        """One row a time: auc, se, lower, upper, cases, controls."""
        half = NormalDist().inv_cdf(0.5 + self.level / 2) * self.se
        columns = {"time": self.time, "auc": self.auc, "se": self.se, "lower": np.maximum(self.auc - half, 0.0)}
        columns |= {"upper": np.minimum(self.auc + half, 1.0), "cases": self.cases, "controls": self.controls}
        return pd.DataFrame(columns)

    def minus(self, other: AucOverTime) -> pd.DataFrame:
        """These areas less those of another marker in the same patients: time, difference, lower, upper, p.

        Raises: AnalysisError where patients or times differ.
        """
        if self.influence.shape != other.influence.shape or (self.time != other.time).any():
            raise AnalysisError("two markers are compared in the same patients and at the same times.")
        rows = []
        for k, at in enumerate(self.time):
            gap, p = difference_of_influences(
                self.auc[k] - other.auc[k], self.influence[:, k] - other.influence[:, k], self.level
            )
            rows.append({"time": at, "difference": gap.value, "lower": gap.lower, "upper": gap.upper, "p": p})
        return pd.DataFrame(rows)


def auc_over_time(
    time: Any, event: Any, marker: Any, times: Any, *, closed: bool = True, level: float = 0.95
) -> AucOverTime:
    """The area under the receiver operating characteristic for the event by each of `times`.

    marker: (n,), or (n, times) where a prediction belongs to each time; high means the event. closed: who has the event
    on the very day asked for is a case (riskRegression); False leaves those out (timeROC).
    Raises: AnalysisError for unusable data, a missing marker, or times beyond the follow-up.
    """
    t, d, at = checked_horizons(time, event, times)
    x = predictions(marker, t.size, at.size, "marker")
    auc, se = np.full(at.size, np.nan), np.full(at.size, np.nan)
    influence = np.full((t.size, at.size), np.nan)
    cases, controls = np.zeros(at.size, dtype=np.int64), np.zeros(at.size, dtype=np.int64)
    for k, horizon in enumerate(at):
        w = weighted(t, d, float(horizon), closed=closed)
        cases[k], controls[k] = int((w.case > 0).sum()), int((w.control > 0).sum())
        if cases[k] and controls[k]:
            auc[k], influence[:, k] = _area(x[:, k], w)
            se[k] = standard_error(influence[:, k])
    return AucOverTime(at, auc, se, cases, controls, influence, t.size, level)


def roc_curve(time: Any, event: Any, marker: Any, at: float, *, closed: bool = True) -> pd.DataFrame:
    """The curve behind one area: a row for each cut, "high" being marker >= cut.

    Columns: cut, sensitivity, specificity, positive_predictive_value, negative_predictive_value, youden.
    Raises: AnalysisError as `auc_over_time`, and where there are no cases or no controls.
    """
    t, d, horizon = checked_horizons(time, event, at)
    x = predictions(marker, t.size, 1, "marker")[:, 0]
    w = weighted(t, d, float(horizon[0]), closed=closed)
    if not w.case.any() or not w.control.any():
        raise AnalysisError(
            f"by {horizon[0]:g} there are no patients with the event, or none without; choose another time."
        )
    cuts, where = np.unique(x, return_inverse=True)
    yes = np.cumsum(np.bincount(where.reshape(-1), w.case)[::-1])[::-1]
    no = np.cumsum(np.bincount(where.reshape(-1), w.control)[::-1])[::-1]
    all_yes, all_no = yes[0], no[0]
    below = (all_yes - yes) + (all_no - no)
    negative = np.divide(all_no - no, below, out=np.full(cuts.size, np.nan), where=below > 1e-12)
    columns = {"cut": cuts, "sensitivity": yes / all_yes, "specificity": 1 - no / all_no}
    columns |= {"positive_predictive_value": yes / (yes + no), "negative_predictive_value": negative}
    return pd.DataFrame(columns | {"youden": yes / all_yes - no / all_no})


def _area(x: Float[np.ndarray, " n"], w: Weighted) -> tuple[float, Float[np.ndarray, " n"]]:
    """The area and each patient's influence on it; the weight of the controls is the same for all and falls out."""
    case, control = w.case > 0, w.control > 0
    total, others = float(w.case.sum()), int(control.sum())
    ordered = np.sort(x[control])
    beaten = np.searchsorted(ordered, x, side="left") + np.searchsorted(ordered, x, side="right")
    beaten = np.where(case, beaten / (2 * others), 0.0)  # the share of controls with a lower marker, half of the ties
    area = float(w.case @ beaten / total)
    order = np.argsort(x[case], kind="stable")
    heaped = np.r_[0.0, np.cumsum(w.case[case][order])]
    at_most = heaped[np.searchsorted(x[case][order], x, side="right")]
    less = heaped[np.searchsorted(x[case][order], x, side="left")]
    topped = 1 - (at_most + less) / (2 * total)  # the weighted share of cases with a higher marker
    of_cases = x.size * w.case * (beaten - area) / total
    of_controls = np.where(control, x.size * (topped - area) / others, 0.0)
    return area, of_controls + of_cases + w.censoring.influence(of_cases, 0.0, w.horizon)


def predictions(values: Any, n: int, times: int, what: str) -> Float[np.ndarray, "n at"]:
    """Values as (n, times); a single column serves all times.

    Raises: AnalysisError for missing values or another shape.
    """
    x = numbers(values, what)
    x = x[:, None] if x.ndim == 1 else x
    if x.ndim != 2 or x.shape[0] != n or x.shape[1] not in (1, times):
        raise AnalysisError(
            f"a {what} has one value for each of {n} patients (and {times} times); shape {x.shape} given."
        )
    missing = int((~np.isfinite(x)).any(axis=1).sum())
    if missing:
        raise AnalysisError(f"the {what} misses values of {missing} of {n} patients; leave those out.")
    return np.broadcast_to(x, (n, times))


def standard_error(influence: Float[np.ndarray, " n"]) -> float:
    """Of an estimate whose influence function has these values."""
    return float(influence.std(ddof=1)) / math.sqrt(influence.size) if influence.size > 1 else NAN


def difference_of_influences(gap: float, influence: Float[np.ndarray, " n"], level: float) -> tuple[Estimate, float]:
    """A difference with its interval and two-sided p, from the difference of the influences."""
    se = standard_error(influence)
    half = NormalDist().inv_cdf(0.5 + level / 2) * se
    return Estimate(float(gap), float(gap) - half, float(gap) + half), two_sided_p(gap / se) if se > 0 else NAN
