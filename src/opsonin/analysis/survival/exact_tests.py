"""Exact tests of two groups: every way the group labels could have fallen among the patients (of each stratum).

The statistic is linear in the labels, the second group's sum of scores, so that its whole distribution is found by
halves: all subset sums of each half of the patients, paired by sorting (the split-up algorithm), after equal scores are
counted together. Source: Streitberg & Röhmel (1986), Stat Softw Newsl 12:10; van de Wiel (2001), J Stat Comput Simul
70:233; Hothorn (2006), Am Stat 60:257.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from opsonin.analysis.statistics import two_sided_p
from opsonin.analysis.survival.data import checked, group_codes, strata_codes
from opsonin.analysis.survival.rank_scores import rank_scores
from opsonin.errors import AnalysisError

LARGEST = 1 << 21  # subset sums held of one half; with 17 different scores a half has 2¹⁷


@dataclass(frozen=True)
class ExactTest:
    """An exact (conditional) rank test of two groups.

    z: the standardised statistic, > 0 where the second group has more events than expected.  p: the share of all
    arrangements with a statistic as far from its mean or farther.  p_more, p_fewer: one-sided, the second group having
    more, or fewer, events.  p_mid: p with half of those exactly as far.  p_asymptotic: by the normal distribution.
    arrangements: how many there are, as a number that may be rounded.
    """

    groups: list[str]
    z: float
    p: float
    p_more: float
    p_fewer: float
    p_mid: float
    p_asymptotic: float
    arrangements: float
    scores: Float[np.ndarray, " n"]
    n: int
    events: int


class Distribution(NamedTuple):
    """The values a sum can take, in order, and their probabilities."""

    value: np.ndarray
    chance: np.ndarray


def exact_logrank(
    time: Any,
    event: Any,
    group: Any,
    *,
    strata: Any = None,
    rho: float | int = 0,
    gamma: float | int = 0,
) -> ExactTest:
    """The exact log-rank test of two groups (in sorted order), weighted as `logrank`, within strata where given.

    Exact if censoring is alike in both groups (or unrelated to the group, as the labels are shuffled with it).
    Raises: AnalysisError where there are not two groups, nothing could differ, or there are too many arrangements.
    """
    t, d, _ = checked(time, event)
    names, code = group_codes(group, t.size)
    if len(names) != 2:
        raise AnalysisError(f"an exact log-rank test compares two groups; there are {len(names)}.")
    stratum = strata_codes(strata, t.size)
    scores = rank_scores(t, d, stratum, float(rho), float(gamma))
    found = exact_test(scores, code == 1, stratum)
    if found is None:
        raise AnalysisError(
            "an exact log-rank test needs events of patients at risk with others of both groups; there are none."
        )
    z, p, more, fewer, mid, ways = found
    return ExactTest(names, z, p, more, fewer, mid, two_sided_p(z), ways, scores, int(t.size), int(d.sum()))


def exact_test(scores: np.ndarray, second: np.ndarray, stratum: np.ndarray) -> tuple[float, ...] | None:
    """z, two-sided, upper, lower and mid p, and the number of arrangements; None where the sum can take one value only.

    Raises: AnalysisError where there are too many arrangements.
    """
    parts, gap, variance, ways = [], 0.0, 0.0, 1
    for s in np.unique(stratum):
        here = stratum == s
        own, size, chosen = scores[here], int(here.sum()), int(second[here].sum())
        spread = own - own.mean()
        gap += float(spread[second[here]].sum())
        ways *= math.comb(size, chosen)
        if 0 < chosen < size and float(np.abs(spread).max()) > 0:
            variance += chosen * (size - chosen) / (size * (size - 1)) * float(spread @ spread)
            parts.append(_stratum_parts(spread, chosen))
    found = tails(parts, gap, variance, float(np.abs(scores).max(initial=0.0)) * scores.size)
    return None if found is None else (*found, float(min(ways, 10**300)))


def tails(strata: list[list[Pair]], gap: float, variance: float, size: float) -> tuple[float, ...] | None:
    """z and the two-sided, upper, lower and mid p of a sum of independent parts; None where it can take one value only.

    strata: the centred sum of each.  gap: the sum seen, less its mean.  size: of the terms, for what rounding may do.
    """
    if not variance > 1e-24:
        return None
    near = 1e-9 * max(1.0, size)
    joined = _joined(strata)
    at_least, at_most = (_beyond(joined, gap, near, side) for side in (1, -1))
    far = _beyond(joined, abs(gap), near, 1) + _beyond(joined, -abs(gap), near, -1)
    farther = _beyond(joined, abs(gap) + 2 * near, 0.0, 1) + _beyond(joined, -abs(gap) - 2 * near, 0.0, -1)
    p = min(1.0, far) if abs(gap) > near else 1.0
    return gap / math.sqrt(variance), p, min(1.0, at_least), min(1.0, at_most), min(1.0, (far + farther) / 2)


class Pair(NamedTuple):
    """Two independent parts of a sum, combined only when its tails are asked for; one pair per share of labels."""

    first: Distribution
    second: Distribution
    chance: float


def _stratum_parts(scores: np.ndarray, chosen: int) -> list[Pair]:
    """The sum over a random `chosen` of these scores, as pairs of halves: one pair per number taken from the first."""
    value, count = np.unique(np.round(scores / _grain(scores)) * _grain(scores), return_counts=True)
    first = _first_half(count)
    sums = [_subset_sums(value[w], count[w], chosen) for w in (first, ~first)]
    ways = math.comb(scores.size, chosen)
    pairs = []
    for taken in range(chosen + 1):
        one, other = sums[0].get(taken), sums[1].get(chosen - taken)
        if one is not None and other is not None:
            a, b = int(count[first].sum()), int(count[~first].sum())
            pairs.append(Pair(one, other, math.comb(a, taken) * math.comb(b, chosen - taken) / ways))
    return pairs


def _grain(scores: np.ndarray) -> float:
    """Scores closer than this are equal but for rounding."""
    return 1e-11 * max(1.0, float(np.abs(scores).max()))


def _first_half(count: np.ndarray) -> np.ndarray:
    """Share the distinct scores out so that both parts have about as many subset sums."""
    first, load = np.zeros(count.size, dtype=bool), [0.0, 0.0]
    for k in np.argsort(-count, kind="stable"):
        side = int(load[1] < load[0])
        first[k] = side == 0
        load[side] += math.log2(count[k] + 1)
    if max(load) > math.log2(LARGEST):
        raise AnalysisError(
            f"an exact test of {int(count.sum())} patients with {count.size} different scores has too many "
            "arrangements; use permutation_logrank."
        )
    return first


def _subset_sums(value: np.ndarray, count: np.ndarray, most: int) -> dict[int, Distribution]:
    """By how many are taken: the sums of subsets, and their chances among subsets of that size."""
    table: dict[int, tuple[np.ndarray, np.ndarray]] = {0: (np.zeros(1), np.ones(1))}
    for v, c in zip(value, count, strict=True):
        grown: dict[int, list[tuple[np.ndarray, np.ndarray]]] = {}
        for size, (sums, ways) in table.items():
            for more in range(min(int(c), most - size) + 1):
                grown.setdefault(size + more, []).append((sums + more * v, ways * math.comb(int(c), more)))
        table = {
            size: (np.concatenate([s for s, _ in parts]), np.concatenate([w for _, w in parts]))
            for size, parts in grown.items()
        }
    out = {}
    for size, (sums, ways) in table.items():
        order = np.argsort(sums, kind="stable")
        out[size] = Distribution(sums[order], ways[order] / ways.sum())
    return out


def _joined(strata: list[list[Pair]]) -> list[Pair]:
    """All strata as pairs: the one with most sums keeps its halves, the others' are added to either, in balance."""
    strata = sorted(strata, key=lambda pairs: max(pair.first.value.size + pair.second.value.size for pair in pairs))
    pairs, rest = strata[-1], [Distribution(np.zeros(1), np.ones(1))] * 2
    for part in sorted((_spread_out(own) for own in strata[:-1]), key=lambda sums: -sums.value.size):
        side = int(rest[1].value.size < rest[0].value.size)
        rest[side] = _sum(rest[side], part)
    return [Pair(_sum(pair.first, rest[0]), _sum(pair.second, rest[1]), pair.chance) for pair in pairs]


def _spread_out(pairs: list[Pair]) -> Distribution:
    """The distribution of a stratum's sum itself."""
    sums = [_sum(pair.first, pair.second) for pair in pairs]
    value = np.concatenate([one.value for one in sums])
    chance = np.concatenate([one.chance * pair.chance for one, pair in zip(sums, pairs, strict=True)])
    return merged(value, chance)


def _sum(one: Distribution, other: Distribution) -> Distribution:
    if other.value.size == 1:
        return Distribution(one.value + other.value[0], one.chance)
    if one.value.size * other.value.size > 4 * LARGEST:
        raise AnalysisError("an exact test of so many patients has too many arrangements; use permutation_logrank.")
    return merged(np.add.outer(one.value, other.value).ravel(), np.multiply.outer(one.chance, other.chance).ravel())


def merged(value: np.ndarray, chance: np.ndarray) -> Distribution:
    """Values in order, those equal but for rounding as one."""
    order = np.argsort(value, kind="stable")
    value, chance = value[order], chance[order]
    new = np.r_[True, np.diff(value) > 1e-10 * max(1.0, float(np.abs(value).max()))]
    return Distribution(value[new], np.bincount(np.cumsum(new) - 1, chance))


def _beyond(pairs: list[Pair], bound: float, near: float, side: int) -> float:
    """The chance that the sum is at least (side 1) or at most (side −1) the bound, up to rounding."""
    total = 0.0
    for first, second, chance in pairs:
        below = np.r_[0.0, np.cumsum(second.chance)]
        if side > 0:
            place = np.searchsorted(second.value, bound - near - first.value, side="left")
            share = below[-1] - below[place]
        else:
            share = below[np.searchsorted(second.value, bound + near - first.value, side="right")]
        total += chance * float((first.chance * share).sum())  # a long dot product would start the library's threads
    return total
