"""Competing risks: the cumulative incidence of one cause while others may come first, and Gray's test between groups.

Source: Aalen (1978), Ann Stat 6:534, and Marubini & Valsecchi (1995), Analysing Survival Data from Clinical Trials and
Observational Studies, ch. 10, for the curve and its variance; Gray (1988), Ann Stat 16:1141, for the test. The numbers
are those of R's cmprsk.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from opsonin.analysis.survival.data import checked, checked_level
from opsonin.errors import AnalysisError


@dataclass(frozen=True)
class CumulativeIncidence:
    """The chance of having had the event by one cause; one entry per distinct time.

    events: of this cause; others: of other causes.  se: of the incidence.  lower, upper: pointwise on the log(−log)
    scale (Choudhury 2002, Stat Med 21:1129), NaN where the incidence is still 0.
    """

    cause: str
    time: Float[np.ndarray, " time"]
    at_risk: Int[np.ndarray, " time"]
    events: Int[np.ndarray, " time"]
    others: Int[np.ndarray, " time"]
    incidence: Float[np.ndarray, " time"]
    se: Float[np.ndarray, " time"]
    lower: Float[np.ndarray, " time"]
    upper: Float[np.ndarray, " time"]
    level: float
    n: int
    ends: bool  # everyone had some event, so that the curve is known for ever

    @property
    def n_events(self) -> int:
        """Events of this cause."""
        return int(self.events.sum())

    def at(self, times: Any) -> pd.DataFrame:
        """The curve at given times: time, at_risk (just before), incidence, se, lower, upper.

        After the last time seen it is unknown (NaN) unless everyone has had an event.
        """
        t = np.atleast_1d(np.asarray(times, dtype=float))
        where = np.searchsorted(self.time, t, side="right")
        beyond = (t > self.time[-1]) & (not self.ends)
        columns = {"time": t, "at_risk": np.r_[self.at_risk, 0][np.searchsorted(self.time, t, side="left")]}
        for name, start in (("incidence", 0.0), ("se", 0.0), ("lower", math.nan), ("upper", math.nan)):
            columns[name] = np.where(beyond, math.nan, np.r_[start, getattr(self, name)][where])
        return pd.DataFrame(columns)

    def to_frame(self) -> pd.DataFrame:
        """One row a distinct time."""
        names = ("time", "at_risk", "events", "others", "incidence", "se", "lower", "upper")
        return pd.DataFrame({name: getattr(self, name) for name in names})


def cumulative_incidence(
    time: Any, status: Any, cause: Any, *, censored: Any = 0, level: float = 0.95
) -> CumulativeIncidence:
    """The cumulative incidence of `cause`.   status: the cause of each patient's event, or the `censored` value.

    Raises: AnalysisError for data that cannot be survival data, or a cause that nobody had.
    """
    t, mine, other = competing_events(time, status, cause, censored)
    distinct, index = np.unique(t, return_inverse=True)
    m = distinct.size
    d1, d2, leaving = (np.bincount(index.reshape(-1)[w], minlength=m) for w in (mine, other, np.ones(t.size, bool)))
    at_risk = np.cumsum(leaving[::-1])[::-1]
    r, any_event = at_risk.astype(float), d1 + d2
    free = np.cumprod(1.0 - any_event / r)
    before = np.r_[1.0, free[:-1]]
    incidence = np.cumsum(before * d1 / r)
    se = np.sqrt(_variance(incidence, free, before, d1, d2, r))
    lower, upper = _limits(incidence, se, NormalDist().inv_cdf(0.5 + checked_level(level) / 2))
    ends = bool(free[-1] == 0)
    return CumulativeIncidence(
        str(cause), distinct, at_risk, d1, d2, incidence, se, lower, upper, level, int(t.size), ends
    )


def competing_events(time: Any, status: Any, cause: Any, censored: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times, who had the event by `cause`, who by another cause.

    Raises: AnalysisError for a missing status, a cause that nobody had, or texts none of which is `censored`.
    """
    values = np.asarray(status)
    if values.ndim == 1 and pd.isna(values).any():
        row = int(np.flatnonzero(pd.isna(values))[0]) + 1
        raise AnalysisError(f"the status of row {row} is missing; write {censored!r} where a patient was censored.")
    seen = sorted({str(v) for v in values.ravel().tolist()})
    if values.dtype.kind in "biuf" and not isinstance(cause, str) and not isinstance(censored, str):
        mine, none = values == cause, values == censored
    else:
        mine, none = values.astype(str) == str(cause), values.astype(str) == str(censored)
    t, mine, _ = checked(time, mine)
    if str(cause) == str(censored):
        raise AnalysisError(f"the cause {cause!r} is also the value that says censored; name the censored value.")
    if not none.any() and any(v.lower().startswith("cens") or v in ("", "none", "None") for v in seen):
        raise AnalysisError(f"nobody has the status {censored!r}, which says censored, among {', '.join(seen[:6])}.")
    if not mine.any():
        raise AnalysisError(f"nobody had the event by the cause {cause!r}; the statuses are {', '.join(seen[:6])}.")
    return t, mine, ~mine & ~none


def _variance(f: np.ndarray, s: np.ndarray, before: np.ndarray, d1: np.ndarray, d2: np.ndarray, r: np.ndarray):
    """Var F(t) = Σ over event times u ≤ t of S(u−)²/r² times, for events of the cause, d₁ c₁ [1 − (F(t) − F(u))/S(u)]²
    and for others d₂ c₂ [(F(t) − F(u))/S(u)]²; c = 1 − (d − 1)/(r − 1) for ties. The last term is 0 where S(u) = 0.
    """
    alive = s > 0
    inverse = np.where(alive, 1.0 / np.where(alive, s, 1.0), 0.0)
    fewer = np.maximum(r - 1, 1.0)
    own = (before / r) ** 2 * d1 * (1 - np.maximum(d1 - 1, 0) / fewer)
    rest = np.where(alive, (before / r) ** 2 * d2 * (1 - np.maximum(d2 - 1, 0) / fewer), 0.0)
    gone, one = f * inverse, 1 + f * inverse
    # the squares expanded in F(t), so that sums over u are running sums
    constant = np.cumsum(own * one**2 + rest * gone**2)
    linear = np.cumsum((own * one + rest * gone) * inverse)
    square = np.cumsum((own + rest) * inverse**2)
    return np.maximum(constant - 2 * f * linear + f**2 * square, 0.0)


def _limits(f: np.ndarray, se: np.ndarray, z: float) -> tuple[np.ndarray, np.ndarray]:
    inside = (f > 0) & (f < 1 - 1e-12)  # sums that are 1 may miss it by rounding
    held = np.where(inside, f, 0.5)
    spread = z * np.where(inside, se, 0.0) / (held * np.abs(np.log(held)))
    lower, upper = held ** np.exp(spread), held ** np.exp(-spread)
    return np.where(inside, lower, np.nan), np.where(inside, upper, np.nan)
