"""A trial with one arm and a response: exact binomial size, cut-off and power; the chance that it succeeds.

Source: A'Hern (2001), Stat Med 20:859 (one-stage designs by the exact binomial distribution).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from opsonin.analysis.planning.beliefs import RateBelief
from opsonin.errors import AnalysisError


class SingleArm(NamedTuple):
    """n patients; the treatment goes on with `needed` responders or more.

    alpha: the chance of that at the rate not worth pursuing;   power: at the rate hoped for.
    """

    n: int
    needed: int
    alpha: float
    power: float


def single_arm(
    null_rate: float, rate: float, alpha: float = 0.05, power: float = 0.8, largest: int = 300
) -> SingleArm | None:
    """The smallest trial that holds alpha and has the power; None where `largest` patients are too few.

    Raises: AnalysisError for rates that are not in order, null_rate < rate.
    """
    if not 0 < null_rate < rate < 1:
        raise AnalysisError(
            f"a rate of {rate:g} cannot be told from {null_rate:g}; the rate hoped for lies above the rate that is not "
            "worth pursuing, and both between 0 and 1."
        )
    sizes = np.arange(1, largest + 1)
    needed = responders_needed(sizes, null_rate, alpha)
    reached = at_least(needed, sizes, rate)
    enough = np.flatnonzero(reached >= power)
    if not enough.size:
        return None
    k = int(enough[0])
    at_null = float(at_least(needed[k : k + 1], sizes[k : k + 1], null_rate)[0])
    return SingleArm(int(sizes[k]), int(needed[k]), at_null, float(reached[k]))


def responders_needed(n: Int[np.ndarray, " size"], null_rate: float, alpha: float) -> Int[np.ndarray, " size"]:
    """The fewest responders that a rate not worth pursuing reaches with a chance of alpha at most; n + 1: none can."""
    if not (0 < null_rate < 1 and 0 < alpha < 1):
        raise AnalysisError(f"the rate {null_rate:g} and the error {alpha:g} lie between 0 and 1.")
    out = np.empty(len(n), dtype=np.int64)
    for k, size in enumerate(n):
        tail = at_least(np.arange(size + 2), np.full(size + 2, size), null_rate)
        out[k] = int(np.flatnonzero(tail <= alpha)[0])
    return out


def at_least(hits: Int[np.ndarray, " case"], n: Int[np.ndarray, " case"], rate: float) -> Float[np.ndarray, " case"]:
    """The chance of so many responders or more among n."""
    from scipy.special import betainc

    hits, n = np.asarray(hits), np.asarray(n)
    inner = (hits > 0) & (hits <= n)
    tail = betainc(np.where(inner, hits, 1), np.where(inner, n - hits + 1, 1), rate)
    return np.where(hits <= 0, 1.0, np.where(inner, tail, 0.0))


class SingleArmRow(NamedTuple):
    """One size of a one-arm trial: what it needs, and how likely it is to get it."""

    n: int
    needed: int
    alpha: float
    power: float
    assurance: float


def single_arm_rows(
    belief: RateBelief, null_rate: float, target: float, alpha: float, sizes: Int[np.ndarray, " size"]
) -> list[SingleArmRow]:
    """Each size with the responders needed, its power at the target rate and its assurance under the belief."""
    needed = responders_needed(sizes, null_rate, alpha)
    at_null, at_target = at_least(needed, sizes, null_rate), at_least(needed, sizes, target)
    return [
        SingleArmRow(int(n), int(r), float(a), float(p), belief.chance_of_at_least(int(r), int(n)))
        for n, r, a, p in zip(sizes, needed, at_null, at_target, strict=True)
    ]


def events_needed(ratio: float, alpha: float, power: float, treated_share: float = 0.5) -> int | None:
    """Events to show a hazard ratio by a one-sided log-rank test; None where there is nothing to show.

    Source: Schoenfeld (1983), Biometrics 39:499.
    """
    from statistics import NormalDist

    if ratio >= 1:
        return None
    z = NormalDist().inv_cdf(1 - alpha) + NormalDist().inv_cdf(power)
    return math.ceil(z**2 / (treated_share * (1 - treated_share) * math.log(ratio) ** 2))
