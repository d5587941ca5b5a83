"""Survival curves that a Cox model predicts, with their standard errors.

Source: the cumulative hazard of Breslow (1974, Biometrics 30:89), or of Efron (1977) for tied events, at the fit; its
variance by Tsiatis (1981), Ann Stat 9:93, and Therneau & Grambsch (2000), ch. 10: the steps' own variance and that of
the coefficients. As in R's `survfit.coxph`.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from opsonin.analysis.survival.design import new_rows
from opsonin.errors import AnalysisError

if TYPE_CHECKING:
    from opsonin.analysis.survival.cox import CoxFit

INTERVALS = ("log", "log-log", "plain")


@dataclass(frozen=True)
class CoxCurves:
    """Predicted survival, one row per new patient and one column per event time; steps hold until the next time.

    se: of the survival probability.   cumulative_hazard: −log survival.   last: the last time at which someone of the
    patient's stratum was followed; beyond it nothing is known.
    """

    time: Float[np.ndarray, " time"]
    survival: Float[np.ndarray, "row time"]
    se: Float[np.ndarray, "row time"]
    lower: Float[np.ndarray, "row time"]
    upper: Float[np.ndarray, "row time"]
    cumulative_hazard: Float[np.ndarray, "row time"]
    last: Float[np.ndarray, " row"]
    level: float
    interval: str

    def probability(self, times: Any) -> Float[np.ndarray, "row asked"]:
        """Survival at the times asked, NaN after the last follow-up."""
        return self._at(self.survival, 1.0, times)

    def at(self, times: Any) -> pd.DataFrame:
        """Survival at the times asked with standard error and interval; NaN after the last follow-up."""
        asked = np.atleast_1d(np.asarray(times, dtype=float))
        columns = {"survival": (self.survival, 1.0), "se": (self.se, 0.0)}
        columns |= {"lower": (self.lower, 1.0), "upper": (self.upper, 1.0)}
        rows = self.survival.shape[0]
        where = {"row": np.repeat(np.arange(rows), asked.size), "time": np.tile(asked, rows)}
        return pd.DataFrame(where | {n: self._at(v, first, asked).ravel() for n, (v, first) in columns.items()})

    def _at(self, values: np.ndarray, first: float, times: Any) -> np.ndarray:
        asked = np.atleast_1d(np.asarray(times, dtype=float))
        if not np.isfinite(asked).all() or (asked < 0).any():
            raise AnalysisError("survival is predicted at times that are 0 or above.")
        stepped = np.hstack([np.full((values.shape[0], 1), first), values])
        found = stepped[:, np.searchsorted(self.time, asked, side="right")]
        return np.where(asked > self.last[:, None], np.nan, found)

    @property
    def median(self) -> Float[np.ndarray, " row"]:
        """The first time at which a curve is at or below one half; NaN where it stays above."""
        below = self.survival <= 0.5 + 1e-12
        return np.where(below.any(axis=1), self.time[below.argmax(axis=1)], np.nan)

    def to_frame(self) -> pd.DataFrame:
        """One row per new patient and event time."""
        return self.at(self.time)


def predicted_survival(fit: CoxFit, newdata: Any, *, strata: Any = None, interval: str = "log") -> CoxCurves:
    """Survival of patients with the covariates `newdata`, from time 0.

    newdata: a DataFrame or mapping by covariate, or numbers in the fit's order.   strata: of a stratified fit, one
    label for all or one per patient.   interval: log (R's default), log-log or plain.
    Raises: AnalysisError where a covariate or the stratum is missing or unknown.
    """
    if interval not in INTERVALS:
        raise AnalysisError(f"the interval {interval!r} is unknown; choose from {', '.join(INTERVALS)}.")
    x = new_rows(newdata, fit.names)
    codes = _strata(fit, strata, x.shape[0])
    baseline = _baseline(fit)
    time = np.unique(np.concatenate([baseline[c][0] for c in np.unique(codes) if c in baseline] or [np.zeros(0)]))
    data, rows = fit._data, x.shape[0]
    scaled = (x - data.centre) / data.scale
    variance = fit.variance if fit._robust_variance is None else fit._robust_variance
    half = np.linalg.cholesky(variance * np.outer(data.scale, data.scale))
    hazard, spread = np.zeros((rows, time.size)), np.zeros((rows, time.size))
    ratio = np.exp(np.clip(scaled @ (fit.coefficient * data.scale), -300.0, 300.0))
    last = np.zeros(rows)
    for code in np.unique(codes):
        own = codes == code
        last[own] = data.time[data.strata == code].max()
        if code not in baseline:  # nobody of this stratum had the event: nothing falls
            continue
        times, steps, squares, moved = baseline[code]
        place = np.searchsorted(times, time, side="right")
        base = np.r_[0.0, np.cumsum(steps)][place]
        noise = np.r_[0.0, np.cumsum(squares)][place]
        mean = np.vstack([np.zeros(moved.shape[1]), np.cumsum(moved, axis=0)])[place]
        hazard[own] = ratio[own, None] * base
        through = np.zeros((int(own.sum()), time.size))
        for one, other in zip((scaled[own] @ half).T, (mean @ half).T, strict=True):
            through += (one[:, None] * base - other) ** 2
        spread[own] = ratio[own, None] ** 2 * (noise + through)
    survival, error = np.exp(-hazard), np.sqrt(np.maximum(spread, 0.0))
    lower, upper = _limits(hazard, error, interval, fit.level)
    return CoxCurves(time, survival, survival * error, lower, upper, hazard, last, fit.level, interval)


def _baseline(fit: CoxFit) -> dict[int, tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """Of each stratum with events: times, steps of the hazard of a patient with every covariate at its mean, their
    variances, and steps times the mean (scaled) covariates of the risk set."""
    data, found = fit._data, {}
    for m in data.likelihood().moments(fit.coefficient * data.scale):
        s, at = m.stratum, m.stratum.of_time
        step = np.exp(-m.shift) / m.s0
        steps, squares = np.bincount(at, step), np.bincount(at, step**2)
        found[int(data.strata[s.rows[0]])] = (s.times, steps, squares, s.per_time(m.mean * step[:, None]))
    return found


def _strata(fit: CoxFit, strata: Any, rows: int) -> np.ndarray:
    labels = fit._data.strata_labels
    if not labels:
        if strata is not None:
            raise AnalysisError("the model has no strata; leave `strata` out of the prediction.")
        return np.zeros(rows, dtype=np.int64)
    known = f"the model has the strata {', '.join(labels)}"
    if strata is None:
        raise AnalysisError(f"{known}; say to which the new patients belong.")
    asked = np.atleast_1d(np.asarray(strata)).astype(str)
    if asked.size not in (1, rows):
        raise AnalysisError(f"there are {rows} new patients but {asked.size} strata.")
    unknown = sorted(set(asked.tolist()) - set(labels))
    if unknown:
        raise AnalysisError(f"{known}, not {unknown[0]!r}.")
    return np.broadcast_to(np.searchsorted(labels, asked), (rows,))


def _limits(hazard: np.ndarray, error: np.ndarray, interval: str, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Pointwise limits of survival from the cumulative hazard and its standard error; within 0 and 1."""
    z = NormalDist().inv_cdf(0.5 + level / 2)
    if interval == "log":
        return np.exp(-(hazard + z * error)), np.exp(-np.maximum(hazard - z * error, 0.0))
    if interval == "plain":
        width = z * np.exp(-hazard) * error
        return np.maximum(np.exp(-hazard) - width, 0.0), np.minimum(np.exp(-hazard) + width, 1.0)
    there = hazard > 0
    width = np.where(there, z * error / np.where(there, hazard, 1.0), 0.0)
    factor = np.exp(np.clip(width, 0.0, 500.0))
    return np.exp(-hazard * factor), np.exp(-hazard / factor)
