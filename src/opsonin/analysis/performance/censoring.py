"""The chance of still being followed: the Kaplan–Meier curve of the censoring, by which the uncensored are weighted.

Source: Robins & Rotnitzky (1992), AIDS Epidemiology: Methodological Issues, 297; Graf et al. (1999), Stat Med 18:2529.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float


@dataclass(frozen=True)
class Censoring:
    """The curve G of the time to censoring: steps at `time`, `survival` after each; those at risk just before it.

    at_risk: those under observation at each distinct time. hazard: the share of those at risk who are censored there.
    """

    time: Float[np.ndarray, " time"]
    survival: Float[np.ndarray, " time"]
    hazard: Float[np.ndarray, " time"]
    at_risk: Float[np.ndarray, " time"]

    def at(self, times: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        """G(t), the step at t taken."""
        return np.r_[1.0, self.survival][np.searchsorted(self.time, times, side="right")]

    def before(self, times: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        """G(t−), the step at t not yet taken."""
        return np.r_[1.0, self.survival][np.searchsorted(self.time, times, side="left")]


def censoring_curve(
    time: Float[np.ndarray, " n"], event: Bool[np.ndarray, " n"], *, events_first: bool = True
) -> Censoring:
    """The censoring curve of checked data.

    events_first: who has the event on a day is no longer at risk of being censored that day (R's concordance); without
    it they are (the reverse Kaplan–Meier of pec, timeROC and riskRegression subtracts them too, at their left limit).
    """
    distinct, where = np.unique(time, return_inverse=True)
    leaving = np.bincount(where, minlength=distinct.size).astype(float)
    events = np.bincount(where[event], minlength=distinct.size).astype(float)
    at_risk = np.cumsum(leaving[::-1])[::-1]
    exposed = at_risk - events if events_first else at_risk
    censored = leaving - events
    hazard = np.divide(censored, exposed, out=np.zeros_like(censored), where=exposed > 0)
    return Censoring(distinct, np.cumprod(1.0 - hazard), hazard, at_risk)
