"""Permutation p-values of many markers at once, within strata; and of each against the strongest of all.

The statistic is a sum of marker times score (of the log-rank test, or response less its mean) over its SD under
permutation. Each marker is permuted among those who have it; markers of different patients are exchanged alike, so
that they stay correlated. Source: Hothorn 2006, doi:10.1198/000313006X118430; Westfall & Young (1993), Resampling-Based
Multiple Testing, ch. 2 (the single-step maximum).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from opsonin.analysis.believability.null import induced, permutation_sd
from opsonin.random import uniform

BLOCK = 2_000_000  # numbers of permuted scores held at a time
MOST_WORK = 2e10  # multiplications that a screen may spend on permutations
FEWEST, MOST = 1999, 99_999


class Permuted(NamedTuple):
    """p: of each marker alone.   family: chance that the strongest of all markers is as strong.   z: statistic / SD."""

    p: Float[np.ndarray, " marker"]
    family: Float[np.ndarray, " marker"]
    z: Float[np.ndarray, " marker"]


def enough(markers: int, patients: int) -> int:
    """How many permutations so many markers want (the smallest p should survive the adjustment), within reason."""
    affordable = int(MOST_WORK / max(markers * patients, 1))
    return int(max(FEWEST, min(100 * markers, MOST, affordable)))


def permutation_p(
    markers: Float[np.ndarray, "marker patient"],
    strata: Int[np.ndarray, " patient"],
    scores_of: Callable[[np.ndarray], np.ndarray],
    draws: int,
    seed: int,
    purpose: str,
) -> Permuted:
    """Two-sided p by `draws` permutations within the strata.   scores_of: of the patients kept (a mask), in order.

    The p counts the observed among the draws, so that it never is 0 and the test is never too bold.
    """
    k, n = markers.shape
    measured = np.isfinite(markers)
    _, which = np.unique(measured, axis=0, return_inverse=True)
    which = which.reshape(-1)
    z, at_least, beyond = np.full(k, np.nan), np.zeros(k), np.zeros(k)
    groups = []
    for group in np.unique(which):
        own = np.flatnonzero(which == group)
        kept = measured[own[0]]
        if kept.sum() < 2:
            continue
        x, codes = markers[own][:, kept].T, strata[kept]
        x = x / np.maximum(np.abs(x).max(axis=0), 1e-300)  # squares of huge values overflow, of tiny ones vanish
        x = x - x.mean(axis=0)
        scores = scores_of(kept)
        sd = permutation_sd(x, scores, codes)
        usable = sd > 1e-12 * max(float(np.abs(scores).max()), 1e-300)
        own, x, sd = own[usable], x[:, usable], sd[usable]
        if own.size:
            # permutations keep each stratum's own sum, which the statistic is measured from
            middle = _expected(x, scores, codes)
            z[own] = (scores @ x - middle) / sd
            groups.append((own, kept, x / sd, scores, middle / sd))
    step = max(1, BLOCK // max(n, k))
    for first in range(0, draws, step):
        count = min(step, draws - first)
        exchange = _exchanges(strata, np.arange(first, first + count), seed, purpose)
        largest = np.zeros(count)
        for own, kept, x, scores, middle in groups:
            places = exchange if kept.all() else induced(exchange, kept)
            size = np.abs(scores[places] @ x - middle)
            at_least[own] += (size >= np.abs(z[own]) - 1e-9).sum(axis=0)
            largest = np.maximum(largest, size.max(axis=1))
        ordered = np.sort(largest)
        known = np.isfinite(z)
        beyond[known] += count - np.searchsorted(ordered, np.abs(z[known]) - 1e-9, side="left")
    missing = ~np.isfinite(z)
    p, family = (1 + at_least) / (1 + draws), (1 + beyond) / (1 + draws)
    p[missing], family[missing] = np.nan, np.nan
    return Permuted(p, family, z)


def _exchanges(strata: np.ndarray, draws: np.ndarray, seed: int, purpose: str) -> np.ndarray:
    """Who stands for whom in the draws of these numbers, each within their stratum, (draw, patient)."""
    numbers = uniform(seed, purpose, draws, draws=strata.size)
    there = np.argsort(strata, kind="stable")
    out = np.empty(numbers.shape, dtype=np.int64)
    out[:, there] = np.argsort(strata[None, :] + numbers, axis=1, kind="stable")
    return out


def _expected(x: np.ndarray, scores: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """The mean of the statistic under permutation within strata."""
    total = np.zeros(x.shape[1])
    for code in np.unique(codes):
        here = codes == code
        total += scores[here].sum() * x[here].mean(axis=0)
    return total
