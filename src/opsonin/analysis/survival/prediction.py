"""Survival curves that a Cox model predicts, with their standard errors.

Source: the cumulative hazard of Breslow (1974, Biometrics 30:89), or of Efron (1977) for tied events, at the fit; its
variance by Tsiatis (1981), Ann Stat 9:93, and Therneau & Grambsch (2000), ch. 10: the steps' own variance and that of
the coefficients. As in R's `survfit.coxph`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from opsonin.analysis.survival.design import new_rows
from opsonin.errors import AnalysisError

if TYPE_CHECKING:
    from opsonin.analysis.survival.cox import CoxFit

INTERVALS = ("log", "log-log", "plain")


class _Baseline(NamedTuple):
    """Of one stratum, before the first time and after each: the cumulative hazard of a patient with the mean of every
    covariate, the variance of its steps, and its steps times the mean covariates of the risk set, as far as they matter
    for the coefficients' own error (time + 1, k)."""

    hazard: np.ndarray
    noise: np.ndarray
    moved: np.ndarray


@dataclass(frozen=True, eq=False)
class CoxCurves:
    """Predicted survival, one row per new patient and one column per event time; steps hold until the next time.

    last: the last time at which someone of the patient's stratum was followed; beyond it nothing is known.
    `probability` and `at` compute no more than the times asked.
    """

    time: Float[np.ndarray, " time"]
    last: Float[np.ndarray, " row"]
    level: float
    interval: str
    _ratio: Float[np.ndarray, " row"] = field(repr=False)  # hazard ratio against the mean patient
    _lever: Float[np.ndarray, "row covariate"] = field(repr=False)  # covariates, times the root of their variance
    _stratum: Int[np.ndarray, " row"] = field(repr=False)
    _baseline: dict[int, _Baseline] = field(repr=False)

    @cached_property
    def _whole(self) -> tuple[np.ndarray, np.ndarray]:
        return self._hazard(np.arange(1, self.time.size + 1))

    @property
    def cumulative_hazard(self) -> Float[np.ndarray, "row time"]:
        """−log survival."""
        return self._whole[0]

    @property
    def survival(self) -> Float[np.ndarray, "row time"]:
        """The probability of living on."""
        return np.exp(-self._whole[0])

    @property
    def se(self) -> Float[np.ndarray, "row time"]:
        """The standard error of the survival probability."""
        return self.survival * self._whole[1]

    @property
    def lower(self) -> Float[np.ndarray, "row time"]:
        """The pointwise lower limit."""
        return _limits(*self._whole, self.interval, self.level)[0]

    @property
    def upper(self) -> Float[np.ndarray, "row time"]:
        """The pointwise upper limit."""
        return _limits(*self._whole, self.interval, self.level)[1]

    def probability(self, times: Any) -> Float[np.ndarray, "row asked"]:
        """Survival at the times asked, NaN after the last follow-up."""
        asked, index = self._asked(times)
        base = np.zeros((self.last.size, asked.size))
        for code, baseline in self._baseline.items():
            base[self._stratum == code] = baseline.hazard[index]
        return np.where(asked > self.last[:, None], np.nan, np.exp(-self._ratio[:, None] * base))

    def at(self, times: Any) -> pd.DataFrame:
        """Survival at the times asked with standard error and interval; NaN after the last follow-up."""
        asked, index = self._asked(times)
        hazard, error = self._hazard(index)
        survival, (lower, upper) = np.exp(-hazard), _limits(hazard, error, self.interval, self.level)
        columns = {"survival": survival, "se": survival * error, "lower": lower, "upper": upper}
        unknown = asked > self.last[:, None]
        where = {"row": np.repeat(np.arange(self.last.size), asked.size), "time": np.tile(asked, self.last.size)}
        return pd.DataFrame(where | {name: np.where(unknown, np.nan, v).ravel() for name, v in columns.items()})

    @property
    def median(self) -> Float[np.ndarray, " row"]:
        """The first time at which a curve is at or below one half; NaN where it stays above."""
        below = self.survival <= 0.5 + 1e-12
        if not self.time.size:
            return np.full(self.last.size, np.nan)
        return np.where(below.any(axis=1), self.time[below.argmax(axis=1)], np.nan)

    def to_frame(self) -> pd.DataFrame:
        """One row per new patient and event time."""
        return self.at(self.time)

    def _asked(self, times: Any) -> tuple[np.ndarray, np.ndarray]:
        asked = np.atleast_1d(np.asarray(times, dtype=float))
        if not np.isfinite(asked).all() or (asked < 0).any():
            raise AnalysisError("survival is predicted at times that are 0 or above.")
        return asked, np.searchsorted(self.time, asked, side="right")

    def _hazard(self, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The cumulative hazard and its standard error (row, index); index 0 is before the first event."""
        hazard, spread = np.zeros((self.last.size, index.size)), np.zeros((self.last.size, index.size))
        for code, baseline in self._baseline.items():
            own = self._stratum == code
            base, ratio = baseline.hazard[index], self._ratio[own, None]
            through = np.zeros((int(own.sum()), index.size))
            for one, other in zip(self._lever[own].T, baseline.moved[index].T, strict=True):
                through += (one[:, None] * base - other) ** 2
            hazard[own], spread[own] = ratio * base, ratio**2 * (baseline.noise[index] + through)
        return hazard, np.sqrt(spread)


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
    data, scale = fit._data, fit._data.scale
    steps = {code: own for code, own in _steps(fit).items() if (codes == code).any()}
    time = np.unique(np.concatenate([own[0] for own in steps.values()] or [np.zeros(0)]))
    variance = fit.variance if fit._robust_variance is None else fit._robust_variance
    half = np.linalg.cholesky(variance * np.outer(scale, scale))
    scaled = (x - data.centre) / scale
    ratio = np.exp(np.clip(scaled @ (fit.coefficient * scale), -300.0, 300.0))
    last = np.array([data.time[data.strata == code].max() for code in range(int(data.strata.max()) + 1)])
    baseline = {}
    for code, (own, step, square, moved) in steps.items():
        place = np.r_[0, np.searchsorted(own, time, side="right")]
        sums = (np.concatenate([np.zeros((1, *v.shape[1:])), np.cumsum(v, axis=0)]) for v in (step, square, moved))
        hazard, noise, mean = (v[place] for v in sums)
        baseline[code] = _Baseline(hazard, noise, mean @ half)
    return CoxCurves(time, last[codes], fit.level, interval, ratio, scaled @ half, codes, baseline)


def _steps(fit: CoxFit) -> dict[int, tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
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
