"""The Kaplan–Meier curve with its intervals, quantiles and restricted mean.

Source: Kaplan & Meier (1958), J Am Stat Assoc 53:457; Greenwood's variance; intervals as Kalbfleisch & Prentice
(2002), The Statistical Analysis of Failure Time Data, ch. 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from opsonin.analysis.survival.data import checked, checked_level
from opsonin.errors import AnalysisError

NEAR = 1e-9  # the curve "equals" a level within this, as rounding of products needs


class Quantile(NamedTuple):
    """A time by which a given share has had the event, with its interval; NaN where not reached."""

    estimate: float
    lower: float
    upper: float


@dataclass(frozen=True)
class KaplanMeier:
    """A survival curve; one entry per distinct time, steps at the times with events.

    se: of the survival probability (Greenwood).  lower, upper: pointwise, NaN where undefined (curve at 0).
    """

    time: Float[np.ndarray, " time"]
    at_risk: Int[np.ndarray, " time"]
    events: Int[np.ndarray, " time"]
    censored: Int[np.ndarray, " time"]
    survival: Float[np.ndarray, " time"]
    se: Float[np.ndarray, " time"]
    lower: Float[np.ndarray, " time"]
    upper: Float[np.ndarray, " time"]
    level: float
    interval: str
    n: int
    entered: Float[np.ndarray, " n"] | None = None  # the entry times in order, where they differ

    @property
    def n_events(self) -> int:
        """Events over the whole curve."""
        return int(self.events.sum())

    @property
    def median(self) -> Quantile:
        """The median with its interval (Brookmeyer & Crowley 1982: where the pointwise limits cross one half)."""
        return self.quantile(0.5)

    def quantile(self, share: float) -> Quantile:
        """The time by which `share` (0 to 1) has had the event; the midpoint where the curve equals 1 − share."""
        goal = 1.0 - share
        return Quantile(*(_crossing(self.time, curve, goal) for curve in (self.survival, self.lower, self.upper)))

    def at(self, times: Any) -> pd.DataFrame:
        """The curve at given times: time, at_risk (just before), survival, se, lower, upper.

        After the last time seen the curve is unknown (NaN) unless it has reached 0.
        """
        t = np.atleast_1d(np.asarray(times, dtype=float))
        where = np.searchsorted(self.time, t, side="right")
        ahead = np.r_[np.cumsum((self.events + self.censored)[::-1])[::-1], 0]
        risk = ahead[np.searchsorted(self.time, t, side="left")]
        if self.entered is not None:  # who comes later is not at risk yet
            risk = risk - (self.n - np.searchsorted(self.entered, t, side="left"))
        columns = {"time": t, "at_risk": np.maximum(risk, 0)}
        beyond = (t > self.time[-1]) & (self.survival[-1] > 0) if self.time.size else np.ones(t.size, dtype=bool)
        for name, start in (("survival", 1.0), ("se", 0.0), ("lower", 1.0), ("upper", 1.0)):
            value = np.r_[start, getattr(self, name)][where]
            columns[name] = np.where(beyond, math.nan, value)
        return pd.DataFrame(columns)

    def restricted_mean(self, until: float) -> tuple[float, float]:
        """The mean time to event up to `until`, and its standard error (area under the curve)."""
        inside = self.time < until
        knots = np.r_[0.0, self.time[inside], until]
        areas = np.r_[1.0, self.survival[inside]] * np.diff(knots)
        rest = np.cumsum(areas[::-1])[::-1][1:]
        d, r = self.events[inside].astype(float), self.at_risk[inside].astype(float)
        jump = np.divide(d, r * (r - d), out=np.zeros_like(d), where=(r > d) & (d > 0))
        return float(areas.sum()), math.sqrt(float((rest**2 * jump).sum()))

    def to_frame(self) -> pd.DataFrame:
        """One row a distinct time."""
        names = ("time", "at_risk", "events", "censored", "survival", "se", "lower", "upper")
        return pd.DataFrame({name: getattr(self, name) for name in names})


def kaplan_meier(
    time: Any, event: Any, *, entry: Any = None, interval: str = "log-log", level: float = 0.95
) -> KaplanMeier:
    """The Kaplan–Meier curve of right-censored (and, with `entry`, left-truncated) times.

    event: 1 or True for an event.  interval: pointwise on the log-log, log or plain scale.
    Raises: AnalysisError for data that cannot be survival data.
    """
    if interval not in ("log-log", "log", "plain"):
        raise AnalysisError(f"the interval {interval!r} is unknown; use 'log-log', 'log' or 'plain'.")
    t, d, start = checked(time, event, entry)
    level = checked_level(level)
    distinct, index = np.unique(t, return_inverse=True)
    events = np.bincount(index[d], minlength=distinct.size).astype(np.int64)
    leaving = np.bincount(index, minlength=distinct.size).astype(np.int64)
    at_risk = np.cumsum(leaving[::-1])[::-1]
    if start is not None:
        at_risk = at_risk - (t.size - np.searchsorted(np.sort(start), distinct, side="left"))
    r = np.maximum(at_risk, 1).astype(float)
    survival = np.cumprod(1.0 - events / r)
    alive = r > events
    hazard_variance = np.cumsum(np.where(alive, events / (r * np.where(alive, r - events, 1.0)), np.inf))
    z = NormalDist().inv_cdf(0.5 + level / 2)
    lower, upper, se = _limits(survival, hazard_variance, z, interval)
    return KaplanMeier(
        distinct,
        at_risk.astype(np.int64),
        events,
        leaving - events,
        survival,
        se,
        lower,
        upper,
        level,
        interval,
        t.size,
        None if start is None else np.sort(start),
    )


def _limits(survival: np.ndarray, variance: np.ndarray, z: float, interval: str):
    """Pointwise limits and standard error; NaN where the curve has reached 0."""
    alive = (survival > 0) & np.isfinite(variance)
    s, width = np.where(alive, survival, 0.5), np.sqrt(np.where(alive, variance, 0.0))
    if interval == "plain":
        lower, upper = s - z * s * width, s + z * s * width
    elif interval == "log":
        lower, upper = s * np.exp(-z * width), s * np.exp(z * width)
    else:
        below_one = s < 1
        loglog = np.log(-np.log(np.where(below_one, s, 0.5)))
        spread = z * width / np.abs(np.log(np.where(below_one, s, 0.5)))
        lower = np.where(below_one, np.exp(-np.exp(loglog + spread)), 1.0)
        upper = np.where(below_one, np.exp(-np.exp(loglog - spread)), 1.0)
    lower, upper = np.maximum(lower, 0.0), np.minimum(upper, 1.0)
    return np.where(alive, lower, np.nan), np.where(alive, upper, np.nan), np.where(alive, s * width, np.nan)


def _crossing(time: np.ndarray, curve: np.ndarray, goal: float) -> float:
    """The first time the curve is at or below `goal`; the midpoint of the step where it equals it."""
    at_or_below = np.flatnonzero(curve <= goal + NEAR)
    if not at_or_below.size:
        return math.nan
    first = int(at_or_below[0])
    if curve[first] < goal - NEAR:
        return float(time[first])
    below = np.flatnonzero(curve < goal - NEAR)
    return float(time[first] + time[below[0] if below.size else -1]) / 2
