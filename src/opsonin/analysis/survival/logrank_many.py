"""The log-rank test of two groups in many small data sets at once: replicate trials, or designs under simulation.

The same numbers as `logrank`, with a leading axis of data sets instead of a loop.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from opsonin.errors import AnalysisError


class ManyLogRanks(NamedTuple):
    """One entry per data set; NaN where no event falls while both groups are at risk.

    z: > 0 where those with group True have more events than expected; z² is the chi-squared of `logrank`.
    """

    z: Float[np.ndarray, " trial"]
    p: Float[np.ndarray, " trial"]
    observed: Float[np.ndarray, " trial"]
    expected: Float[np.ndarray, " trial"]
    n: Int[np.ndarray, " trial"]
    events: Int[np.ndarray, " trial"]


def logrank_many(time: Any, event: Any, group: Any, *, strata: Any = None) -> ManyLogRanks:
    """Test each row of (trial, patient) arrays; arrays with one row serve all rows of the others.

    group: True or 1 for the second group.  A patient with a NaN time is absent.  strata: integers.
    Raises: AnalysisError where shapes disagree, a time is negative, or events and groups are not 0 and 1.
    """
    arrays = [np.atleast_2d(np.asarray(a)) for a in (time, event, group, 0 if strata is None else strata)]
    try:
        t, d, g, s = np.broadcast_arrays(*arrays)
    except ValueError as problem:
        shapes = ", ".join(str(a.shape) for a in arrays)
        raise AnalysisError(
            f"times, events, group and strata must have one shape (trial, patient), not {shapes}."
        ) from problem
    t = t.astype(float)
    there = np.isfinite(t)
    if (t[there] < 0).any():
        trial, patient = (int(i[0]) for i in np.nonzero(there & (t < 0)))
        raise AnalysisError(f"the time {t[trial, patient]:g} of patient {patient + 1}, trial {trial + 1}, is negative.")
    for name, values in (("events", d), ("group", g)):
        if not np.isin(values[there], (0, 1)).all():
            raise AnalysisError(f"the {name} of many log-rank tests must be 0 and 1.")
    d, g = (d == 1) & there, (g == 1) & there
    observed, expected, variance = (np.zeros(t.shape[0]) for _ in range(3))
    for k in np.unique(s[there]):
        own = there & (s == k)
        o, e, v = _one_stratum(np.where(own, t, -1.0), d & own, g & own)
        observed, expected, variance = observed + o, expected + e, variance + v
    usable = variance > 1e-12
    z = np.where(usable, (observed - expected) / np.sqrt(np.where(usable, variance, 1.0)), np.nan)
    from scipy.special import ndtr

    return ManyLogRanks(z, 2 * ndtr(-np.abs(z)), observed, expected, there.sum(axis=1), d.sum(axis=1))


def _one_stratum(t: np.ndarray, d: np.ndarray, g: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Observed and expected events of the second group, and the variance, of every data set; absent ones have −1."""
    order = np.argsort(t, axis=1, kind="stable")
    t, d, g = (np.take_along_axis(a, order, axis=1) for a in (t, d, g))
    place = np.broadcast_to(np.arange(t.shape[1]), t.shape)
    opens = np.ones(t.shape, dtype=bool)
    opens[:, 1:] = t[:, 1:] != t[:, :-1]
    closes = np.ones(t.shape, dtype=bool)
    closes[:, :-1] = opens[:, 1:]
    first = np.maximum.accumulate(np.where(opens, place, 0), axis=1)
    last = np.minimum.accumulate(np.where(closes, place, t.shape[1])[:, ::-1], axis=1)[:, ::-1]
    risk = (t.shape[1] - first).astype(float)
    own = np.take_along_axis(np.cumsum(g[:, ::-1], axis=1)[:, ::-1], first, axis=1)
    seen = np.cumsum(d, axis=1)
    deaths = np.take_along_axis(seen, last, axis=1) - np.take_along_axis(seen - d, first, axis=1)
    share = own / risk
    # each of the deaths of one time carries its part of their hypergeometric variance
    spread = share * (1 - share) * (risk - deaths) / np.maximum(risk - 1, 1.0)
    return tuple(np.where(d, part, 0.0).sum(axis=1) for part in (g.astype(float), share, spread))
