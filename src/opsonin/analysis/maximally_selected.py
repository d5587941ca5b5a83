"""Maximally selected statistics: every cut of a marker is tried, and the largest standardised statistic is judged.

The statistic of a cut is the sum of the patients' scores below it, standardised by its mean and variance when the
scores are dealt to the patients at random (within strata). Four answers to "how often is the largest this large by
chance": two approximations, an exact bound for few patients, and permutation.
Source: Lausen & Schumacher (1992), Biometrics 48:73; Lausen, Sauerbrei & Schumacher (1994), in Computational
Statistics (Physica), 483; Hothorn & Lausen (2003), Comput Stat Data Anal 43:121 (scores, exact bound); the first is 1
for a statistic below 1, as in R's maxstat.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, Int

from opsonin.analysis.statistics import NAN
from opsonin.errors import AnalysisError
from opsonin.random import uniform

EXACT = 50  # patients up to which the exact bound is worked out: its table grows with n³
COMPILE = 2_000_000  # scores to be dealt beyond which a compiled loop pays for its start
SAME = 1e-9  # statistics closer than this are equal, whatever the order of the sums


def logrank_scores_of_ranks(
    time: Float[np.ndarray, " n"], event: Bool[np.ndarray, " n"], strata: Int[np.ndarray, " n"]
) -> Float[np.ndarray, " n"]:
    """Log-rank scores: the event less the sum of 1/(at risk) over the events by then, within strata.

    Those tied on a time share its last rank, so that each of them counts as at risk alone (Hothorn & Lausen 2003).
    """
    scores = np.zeros(time.size)
    for s in np.unique(strata):
        rows = np.flatnonzero(strata == s)
        t, d = time[rows], event[rows]
        ordered = np.sort(t)
        until = np.searchsorted(ordered, t, side="right")
        share = d / (t.size - until + 1)
        order = np.argsort(t, kind="stable")
        scores[rows] = d - np.cumsum(share[order])[until - 1]
    return scores


@dataclass(frozen=True)
class Search:
    """All admissible cuts of one marker: patients in order of the marker, low those up to `size` of them.

    order: rows of the patients in order of the marker. scale: one over the standard deviation of each cut's sum.
    statistic: standardised, positive where the low group has more (earlier) events than its share.
    """

    order: Int[np.ndarray, " n"]
    scores: Float[np.ndarray, " n"] = field(repr=False)  # centred within strata, in order of the marker
    strata: Int[np.ndarray, " n"] = field(repr=False)  # in order of the marker
    size: Int[np.ndarray, " cut"]
    last_low: Float[np.ndarray, " cut"]
    first_high: Float[np.ndarray, " cut"]
    scale: Float[np.ndarray, " cut"] = field(repr=False)
    statistic: Float[np.ndarray, " cut"]

    @property
    def best(self) -> int:
        """The cut with the largest statistic; the lowest where several share it."""
        strength = np.abs(self.statistic)
        return int(np.flatnonzero(strength >= strength.max() - SAME)[0])

    @property
    def largest(self) -> float:
        """The largest statistic, without its sign."""
        return float(np.abs(self.statistic).max())


def search(
    scores: Float[np.ndarray, " n"],
    marker: Float[np.ndarray, " n"],
    strata: Int[np.ndarray, " n"],
    between: tuple[float, float],
) -> Search:
    """The standardised statistic at every cut that leaves at least and at most these shares of the patients low.

    Raises: AnalysisError where no cut is admissible, or no cut tells patients of one stratum apart.
    """
    n = marker.size
    order = np.argsort(marker, kind="stable")
    x, s = marker[order], strata[order]
    _, s = np.unique(s, return_inverse=True)
    s = s.reshape(-1)
    size = np.flatnonzero(x[1:] > x[:-1]) + 1
    size = size[(size >= max(1, math.floor(n * between[0]))) & (size <= math.floor(n * between[1]))]
    groups = int(s.max(initial=-1)) + 1
    centred, variance = np.zeros(n), np.zeros(size.size)
    for g in range(groups):
        here = s == g
        count = int(here.sum())
        if count < 2:
            continue
        own = scores[order[here]] - scores[order[here]].mean()
        centred[here] = own
        low = np.cumsum(here)[size - 1] if size.size else size
        variance += low * (count - low) / (count * (count - 1)) * float(own @ own)
    kept = variance > 1e-12 * max(float((centred**2).sum()), 1e-300)
    size, variance = size[kept], variance[kept]
    if not size.size:
        low, high = (f"{100 * share:.0f} %" for share in between)
        raise AnalysisError(
            f"no cut of the marker leaves {low} to {high} of the {n} patients low and tells them apart; the marker (or "
            "the outcome) takes too few values."
        )
    scale = 1 / np.sqrt(variance)
    statistic = np.cumsum(centred)[size - 1] * scale
    return Search(order, centred, s, size, x[size - 1], x[size], scale, statistic)


def p_lausen_1992(largest: float, between: tuple[float, float]) -> float:
    """The chance of so large a statistic, from a limiting Gaussian process over the shares `between`."""
    if largest < 1:
        return 1.0
    b, (low, high) = largest, between
    if not 0 < low < high < 1:
        return NAN
    density = math.exp(-b * b / 2) / math.sqrt(2 * math.pi)
    p = 4 * density / b + density * (b - 1 / b) * math.log(high * (1 - low) / ((1 - high) * low))
    return min(max(p, 0.0), 1.0)


def p_lausen_1994(largest: float, sizes: Int[np.ndarray, " cut"], n: int) -> float:
    """An improved Bonferroni bound: the chance at the first cut, and of crossing between neighbouring cuts."""
    b = largest
    m, after = sizes[:-1].astype(float), sizes[1:].astype(float)
    gap = np.sqrt(np.maximum(1 - m * (n - after) / ((n - m) * after), 0.0))
    crossings = float((np.exp(-b * b / 2) / math.pi * (gap - (b * b / 4 - 1) * gap**3 / 6)).sum())
    return min(max(math.erfc(b / math.sqrt(2)) + crossings, 0.0), 1.0)


def p_exact_bound(
    scores: Float[np.ndarray, " n"],
    marker: Float[np.ndarray, " n"],
    between: tuple[float, float],
    *,
    as_maxstat: bool = False,
) -> float:
    """An upper bound from the exact distribution of each cut's statistic, the scores rounded to 0, …, n.

    Permutations that are this large at a cut, and whatever comes next are as large at the following one, count once.
    as_maxstat: as R's maxstat 0.7-25 has it, which counts only statistics beyond the one seen and forgets the subsets
    whose scores sum to 0; a little too small, for comparison only.
    """
    n = scores.size
    lifted = scores - scores.min()
    whole = np.rint(lifted * n / lifted.max()).astype(np.int64)
    found = search(whole.astype(float), marker, np.zeros(n, dtype=np.int64), between)
    total, m = int(whole.sum()), found.size
    mean = m / n * total
    spread = np.sqrt(m * (n - m) / (n**2 * (n - 1)) * (n * float((whole**2).sum()) - float(total) ** 2))
    ways = _subset_sums(whole)[m]
    z = (np.arange(total + 1)[None, :] - mean[:, None]) / spread[:, None]
    bar = found.largest + SAME if as_maxstat else found.largest - SAME
    far = np.abs(z) > bar
    if as_maxstat:
        far[:, 0] = False
    chance = np.where(far, ways, 0.0)
    p = float(chance.sum())
    ascending = np.cumsum(np.sort(whole))
    for k in range(m.size - 1):
        more = int(m[k + 1] - m[k])
        least, most = int(ascending[more - 1]), int(ascending[-1] - (ascending[-1 - more] if more < n else 0))
        at = np.flatnonzero(far[k])
        low, high = at[at < mean[k]], at[at > mean[k]]
        low = low[low + most <= total]
        low = low[z[k + 1, low + most] < -bar]
        high = high[high + least <= total]
        high = high[z[k + 1, high + least] > bar]
        p -= float(ways[k, low].sum() + ways[k, high].sum())
    return min(max(p, 0.0), 1.0)


def _subset_sums(whole: Int[np.ndarray, " n"]) -> Float[np.ndarray, "size total"]:
    """The chance that a random subset of each size has each sum (the shift algorithm of Streitberg & Röhmel 1986)."""
    n, total = whole.size, int(whole.sum())
    ways = np.zeros((n + 1, total + 1))
    ways[0, 0] = 1.0
    for added, score in enumerate(whole.tolist(), start=1):
        before = ways.copy()
        sizes = np.arange(1, added + 1)
        ways[: added + 1] *= ((added - np.arange(added + 1)) / added)[:, None]
        ways[1 : added + 1, score:] += (sizes / added)[:, None] * before[:added, : total + 1 - score]
    return ways


def permuted_maxima(found: Search, permutations: int, seed: int, purpose: str) -> Float[np.ndarray, " permutation"]:
    """The largest statistic in each of so many deals of the scores to the patients of the same stratum.

    The numbers depend on seed, purpose and the permutation alone, not on whether the loop was compiled.
    """
    place = np.argsort(found.strata, kind="stable")  # patients of a stratum side by side
    ends = np.cumsum(np.bincount(found.strata))[found.strata[place]]
    back = np.argsort(place)
    module = "opsonin.analysis.cutpoint_kernels"
    if found.order.size * permutations > COMPILE or module in sys.modules:
        from opsonin.analysis.cutpoint_kernels import key_of, largest_of_permutations

        key = key_of(seed, purpose)
        return largest_of_permutations(found.scores[place], ends, back, found.size, found.scale, key, permutations)
    out = np.empty(permutations)
    block = max(1, 500_000 // found.order.size)
    for first in range(0, permutations, block):
        which = np.arange(first, min(first + block, permutations))
        dealt = _deal(found.scores[place], ends, uniform(seed, purpose, which, draws=place.size))
        sums = np.cumsum(dealt[:, back], axis=1)[:, found.size - 1]
        out[which] = np.abs(sums * found.scale).max(axis=1)
    return out


def _deal(
    values: Float[np.ndarray, " n"], ends: Int[np.ndarray, " n"], draws: Float[np.ndarray, "permutation n"]
) -> Float[np.ndarray, "permutation n"]:
    """Fisher and Yates's shuffle of every row within blocks: as `random_kernels.shuffle`, swap for swap."""
    out = np.tile(values, (draws.shape[0], 1))
    rows = np.arange(draws.shape[0])
    for i in range(values.size):
        j = i + (draws[:, i] * (ends[i] - i)).astype(np.int64)
        held = out[rows, j]
        out[rows, j] = out[:, i]
        out[:, i] = held
    return out
