"""One-covariate Cox models for many small data sets at once: replicate trials, or one trial's permutations.

The same model as `cox` (Efron or Breslow ties, strata), with a leading axis of data sets instead of a loop.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from opsonin.errors import AnalysisError

STEPS = 25
LIMIT = 12.0  # per SD of the covariate: further out the likelihood is taken for monotone


@dataclass(frozen=True)
class ManyCox:
    """One entry per data set; NaN where no event has anyone to be compared with, or the covariate is constant.

    coefficient, se: of the covariate as given; NaN where `monotone` (no finite estimate).
    score_z: the score statistic at 0, U/√V: the log-rank-like test, which exists where the estimate does not.
    """

    coefficient: Float[np.ndarray, " trial"]
    se: Float[np.ndarray, " trial"]
    score_z: Float[np.ndarray, " trial"]
    monotone: Bool[np.ndarray, " trial"]
    n: Int[np.ndarray, " trial"]
    events: Int[np.ndarray, " trial"]


def cox_single_covariate_many(
    time: Any, event: Any, covariate: Any, *, strata: Any = None, ties: str = "efron", estimate: bool = True
) -> ManyCox:
    """Fit each row of (trial, patient) arrays; arrays with one row serve all rows of the others.

    A patient with a NaN time or covariate is absent. strata: integers. estimate False: the score test alone (fast).
    Raises: AnalysisError where shapes disagree or ties are unknown.
    """
    t, d, x = (np.atleast_2d(np.asarray(a)) for a in (time, event, covariate))
    s = np.zeros((1, 1), dtype=np.int64) if strata is None else np.atleast_2d(np.asarray(strata))
    try:
        shape = np.broadcast_shapes(t.shape, d.shape, x.shape, s.shape)
    except ValueError as problem:
        shapes = ", ".join(str(a.shape) for a in (t, d, x, s))
        raise AnalysisError(
            f"times, events, covariate and strata must have one shape (trial, patient), not {shapes}."
        ) from problem
    if ties not in ("efron", "breslow"):
        raise AnalysisError(f"ties {ties!r} is unknown; use 'efron' or 'breslow'.")
    x = np.broadcast_to(x, shape).astype(float)
    shared = t.shape[0] == d.shape[0] == s.shape[0] == 1 and bool(np.isfinite(x).all())
    of_times = (1, shape[1]) if shared else shape  # the same times everywhere are put in order once
    t, d = np.broadcast_to(t, of_times).astype(float), np.broadcast_to(d, of_times).astype(bool)
    s = np.broadcast_to(s, of_times)
    there = np.isfinite(t) if shared else np.isfinite(t) & np.isfinite(x)
    n = np.broadcast_to(there.sum(axis=1), shape[:1])
    size = np.maximum(n, 1)
    centre = np.where(there, x, 0.0).sum(axis=1) / size
    x = np.where(there, x - centre[:, None], 0.0)
    scale = np.sqrt((x**2).sum(axis=1) / size)
    varies = scale > 1e-12 * np.maximum(np.abs(centre), 1e-300)
    x = x / np.where(varies, scale, 1.0)[:, None]
    parts = [_Ties(np.where(there & (s == k), t, -1.0), d & there & (s == k), ties) for k in np.unique(s[there])]
    zero = np.zeros(shape[0])
    value, gradient, information = _sums(parts, x, zero)
    usable = varies & (information > 1e-9)
    with np.errstate(invalid="ignore", divide="ignore"):
        z = np.where(usable, gradient / np.sqrt(np.where(usable, information, 1.0)), np.nan)
    events = np.broadcast_to((d & there).sum(axis=1), shape[:1])
    nothing = np.full(shape[0], np.nan)
    if not estimate:
        return ManyCox(nothing, nothing, z, np.zeros(shape[0], dtype=bool), n, events)
    beta = zero
    for _ in range(STEPS):
        step = np.where(usable, gradient / np.maximum(information, 1e-8), 0.0)
        step = np.clip(step, -2.0, 2.0)
        for _half in range(12):
            tried = np.clip(beta + step, -LIMIT, LIMIT)
            new = _sums(parts, x, tried)
            worse = new[0] < value - 1e-10 * (1 + np.abs(value))
            if not worse.any():
                break
            step = np.where(worse, step / 2, step)
        moved = np.abs(tried - beta).max(initial=0.0)
        beta, (value, gradient, information) = tried, new
        if moved < 1e-8:
            break
    monotone = usable & ((np.abs(beta) > LIMIT - 0.5) | (information < 1e-4))
    fine = usable & ~monotone
    root = np.sqrt(np.where(fine, information, 1.0))
    per_unit = np.where(varies, scale, 1.0)
    coefficient, se = np.where(fine, beta / per_unit, np.nan), np.where(fine, 1 / root / per_unit, np.nan)
    return ManyCox(coefficient, se, z, monotone, n, events)


def _placed(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The values (trial, patient) at each data set's places, or at those of the one row that serves all."""
    return np.take(values, places[0], axis=1) if places.shape[0] == 1 else np.take_along_axis(values, places, axis=1)


class _Ties:
    """One stratum of every data set, in order of time: where each tie group starts and how Efron thins it.

    One row where all data sets have the same times.
    """

    def __init__(self, t: np.ndarray, d: np.ndarray, ties: str):
        # absent patients carry time −1 and stand first, in front of every risk set; events stand before censorings
        self.order = np.argsort(t, axis=1, kind="stable")
        self.time = np.take_along_axis(t, self.order, axis=1)
        self.event = np.take_along_axis(d, self.order, axis=1)
        place = np.broadcast_to(np.arange(t.shape[1]), t.shape)
        new = np.ones(t.shape, dtype=bool)
        new[:, 1:] = self.time[:, 1:] != self.time[:, :-1]
        self.start = np.maximum.accumulate(np.where(new, place, 0), axis=1)
        last = np.ones(t.shape, dtype=bool)
        last[:, :-1] = new[:, 1:]
        self.end = np.minimum.accumulate(np.where(last, place, t.shape[1])[:, ::-1], axis=1)[:, ::-1]
        seen = np.cumsum(self.event, axis=1)
        before = np.take_along_axis(seen - self.event, self.start, axis=1)
        count = np.take_along_axis(seen, self.end, axis=1) - before
        rank = seen - self.event - before
        self.fraction = np.where(self.event & (count > 1), rank / np.maximum(count, 1), 0.0)
        if ties == "breslow":
            self.fraction = np.zeros(t.shape)
        self.tied = bool(self.fraction.any())

    def per_death(self, values: np.ndarray) -> np.ndarray:
        """The sum over each event's risk set, less Efron's fraction of the tied; values in the stratum's order."""
        tail = np.cumsum(values[:, ::-1], axis=1)[:, ::-1]
        risk = _placed(tail, self.start)
        if not self.tied:
            return risk
        dying = np.cumsum(np.where(self.event, values, 0.0), axis=1)
        first = _placed(dying - np.where(self.event, values, 0.0), self.start)
        return risk - self.fraction * (_placed(dying, self.end) - first)


def _sums(parts: list[_Ties], x: np.ndarray, beta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log likelihood, gradient and information of every data set."""
    value, gradient, information = (np.zeros(x.shape[0]) for _ in range(3))
    linear = np.clip(x * beta[:, None], -300.0, 300.0)
    risk = np.exp(linear)
    for part in parts:
        own_x, own_linear, own_risk = (_placed(a, part.order) for a in (x, linear, risk))
        # far out the difference cancels to less than the patient's own share, and its logarithm would be none
        s0 = np.where(part.event, np.maximum(part.per_death(own_risk), own_risk * (1 - part.fraction)), 1.0)
        mean = np.where(part.event, part.per_death(own_risk * own_x), 0.0) / s0
        second = np.where(part.event, part.per_death(own_risk * own_x**2), 0.0) / s0
        value = value + np.where(part.event, own_linear - np.log(s0), 0.0).sum(axis=1)
        gradient = gradient + np.where(part.event, own_x - mean, 0.0).sum(axis=1)
        information = information + (second - mean**2).sum(axis=1)
    return value, gradient, information
