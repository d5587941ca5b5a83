"""The chance of still being followed: the Kaplan–Meier curve of the censoring, by which the uncensored are weighted.

Source: Robins & Rotnitzky (1992), AIDS Epidemiology: Methodological Issues, 297; Graf et al. (1999), Stat Med 18:2529;
the influence of estimating it: Blanche, Dartigues & Jacqmin-Gadda (2013), Stat Med 32:5381, appendix.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from opsonin.analysis.survival.data import checked
from opsonin.errors import AnalysisError


@dataclass(frozen=True)
class Censoring:
    """The curve G of the time to censoring, of checked data: steps at `time`, `survival` after each.

    Who has the event on a day is no longer at risk of being censored that day. at_risk: followed on each distinct day;
    of_row: the day of each patient.
    """

    time: Float[np.ndarray, " time"]
    survival: Float[np.ndarray, " time"]
    censored: Float[np.ndarray, " time"]
    at_risk: Float[np.ndarray, " time"]
    of_row: Int[np.ndarray, " n"]
    event: Bool[np.ndarray, " n"]

    def at(self, times: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        """G(t), the step at t taken."""
        return np.r_[1.0, self.survival][np.searchsorted(self.time, times, side="right")]

    def before(self, times: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        """G(t−), the step at t not yet taken."""
        return np.r_[1.0, self.survival][np.searchsorted(self.time, times, side="left")]

    def influence(self, cases: Float[np.ndarray, " n"], controls: float, horizon: float) -> Float[np.ndarray, " n"]:
        """What each patient's follow-up adds to a weighted mean by way of the weights.

        cases: what each patient with the event by the horizon contributes (weight included), 0 for others; controls:
        the sum over those beyond it. A patient censored on a day raises all weights later than that day; whoever was at
        risk there lowers them (the martingale of the censoring over those at risk, as in riskRegression).
        """
        later = np.bincount(self.of_row, cases, minlength=self.time.size)
        later = np.cumsum(later[::-1])[::-1] - later + np.where(self.time <= horizon, controls, 0.0)
        step = later / self.at_risk  # (later / n) / (at risk / n)
        gone = np.cumsum(step * self.censored / self.at_risk)
        return np.where(self.event, 0.0, step[self.of_row]) - gone[self.of_row]


def censoring_curve(time: Float[np.ndarray, " n"], event: Bool[np.ndarray, " n"]) -> Censoring:
    """The censoring curve of checked data."""
    distinct, where = np.unique(time, return_inverse=True)
    where = where.reshape(-1)
    leaving = np.bincount(where, minlength=distinct.size).astype(float)
    events = np.bincount(where[event], minlength=distinct.size).astype(float)
    at_risk = np.cumsum(leaving[::-1])[::-1]
    exposed, censored = at_risk - events, leaving - events
    hazard = np.divide(censored, exposed, out=np.zeros_like(censored), where=exposed > 0)
    return Censoring(distinct, np.cumprod(1.0 - hazard), censored, at_risk, where, event)


@dataclass(frozen=True)
class Weighted:
    """Who has had the event by a horizon and who is beyond it, with the weights that stand for the censored.

    case: 1/G(T−) of those with the event by the horizon, else 0. control: 1/G(horizon) of those beyond it, else 0.
    """

    horizon: float
    case: Float[np.ndarray, " n"]
    control: Float[np.ndarray, " n"]
    censoring: Censoring

    def influence(self, of_cases: Float[np.ndarray, " n"], of_controls: Float[np.ndarray, " n"]) -> np.ndarray:
        """Of the mean of (of_cases + of_controls), weights included, on each patient; before its mean is taken off."""
        return of_cases + of_controls + self.censoring.influence(of_cases, float(of_controls.sum()), self.horizon)


def weighted(
    time: Float[np.ndarray, " n"], event: Bool[np.ndarray, " n"], horizon: float, *, closed: bool = True
) -> Weighted:
    """Weights of checked data at a horizon. closed: an event on the very day of the horizon counts as by then."""
    curve = censoring_curve(time, event)
    by_then = event & ((time <= horizon) if closed else (time < horizon))
    case = np.where(by_then, 1 / np.where(by_then, curve.before(time), 1.0), 0.0)
    beyond = time > horizon
    control = np.zeros(time.size)
    if beyond.any():
        control[beyond] = 1 / float(curve.at(np.array([horizon]))[0])
    return Weighted(float(horizon), case, control, curve)


def checked_horizons(
    time: object, event: object, times: object
) -> tuple[Float[np.ndarray, " n"], Bool[np.ndarray, " n"], Float[np.ndarray, " at"]]:
    """Checked survival data and the times asked for, in order.

    Raises: AnalysisError for unusable data, and for times before 0 or at which nobody was followed any more.
    """
    t, d, _ = checked(time, event)
    at = np.atleast_1d(np.asarray(times, dtype=float))
    if not t.size:
        raise AnalysisError("there are no patients; predictions are judged in some.")
    if at.ndim != 1 or not at.size or not np.isfinite(at).all() or (at < 0).any() or (np.diff(at) <= 0).any():
        raise AnalysisError("the times to look at are numbers from 0 on in increasing order.")
    if at[-1] >= t.max():
        raise AnalysisError(
            f"nobody was followed beyond {at[-1]:g} (the last at {t.max():g}); ask for an earlier time."
        )
    return t, d, at
