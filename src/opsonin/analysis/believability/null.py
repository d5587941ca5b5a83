"""What chance makes: data sets in which nothing links markers to outcomes, by permutation within dose level or arm.

Whole patients are shuffled: the marker values of one patient, all of them, meet the outcomes of another of the same
stratum. So markers stay correlated with each other, endpoints with each other, and what the dose does to both stays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from opsonin.random import uniform

PERMUTATIONS = ((300, 1999), (1500, 499), (10**9, 199))  # up to so many patients, so many permutations
SOURCE = "permutation within strata: Good 2005, Permutation, Parametric and Bootstrap Tests of Hypotheses, 3rd ed."


@dataclass(frozen=True)
class Null:
    """Strengths (|z|) that chance makes, and the one observed.   words: how the null was made, as "of 1,999 shuffles".

    strengths: of the strongest among `looked_at` associations, one a draw.   alone: of this association by itself,
    where that was drawn too.
    """

    observed: float
    strengths: Float[np.ndarray, " draw"]
    words: str
    looked_at: int = 1
    alone: Float[np.ndarray, " drawn"] | None = None

    @property
    def share(self) -> float:
        """How often the null's strongest is at least as strong as the observed."""
        return share_beyond(self.strengths, self.observed)

    @property
    def share_alone(self) -> float:
        """How often this association alone is at least as strong under the null."""
        return share_beyond(self.strengths if self.alone is None else self.alone, self.observed)


def share_beyond(strengths: np.ndarray, observed: float) -> float:
    """The share of strengths at least as large as |observed|, ties included in spite of rounding."""
    return float((strengths >= abs(observed) - 1e-9).mean())


def draws_for(patients: int) -> int:
    """How many permutations for so many patients: fewer where each costs more and the null is smooth anyhow."""
    return next(count for most, count in PERMUTATIONS if patients <= most)


def shuffle_within(
    strata: Int[np.ndarray, "trial slot"],
    values: Float[np.ndarray, "trial slot"],
    draws: Float[np.ndarray, "trial slot"],
) -> Float[np.ndarray, "trial slot"]:
    """Each row's values permuted among the slots of the same stratum. draws: uniform numbers in (0, 1)."""
    there, anyhow = np.argsort(strata, axis=1, kind="stable"), np.argsort(strata + draws, axis=1, kind="stable")
    out = np.empty_like(values)
    np.put_along_axis(out, there, np.take_along_axis(values, anyhow, axis=1), axis=1)
    return out


def permutations_within(strata: Int[np.ndarray, " patient"], draws: int, seed: int, purpose: str) -> np.ndarray:
    """Random exchanges of patients that keep each within their stratum, shape (draw, patient): who stands for whom."""
    size = strata.size
    numbers = uniform(seed, purpose, np.arange(draws), draws=size)
    there = np.argsort(strata, kind="stable")
    out = np.empty((draws, size), dtype=np.int64)
    out[:, there] = np.argsort(strata[None, :] + numbers, axis=1, kind="stable")
    return out


def induced(exchange: Int[np.ndarray, "draw patient"], kept: Bool[np.ndarray, " patient"]) -> np.ndarray:
    """The same exchanges among those kept alone, as places among them, shape (draw, kept).

    Whoever would stand for one who is not kept is followed on until one who is. Of random permutations this makes
    random permutations, and two sets that differ in few patients are exchanged alike, so that associations measured in
    different patients stay correlated. Source: the induced (first return) permutation, which deletes elements from
    their cycles; Pitman 2006, Combinatorial Stochastic Processes, section 3.1.
    """
    members = np.flatnonzero(kept)
    found = exchange[:, members]
    outside = ~kept[found]
    while outside.any():
        rows, places = np.nonzero(outside)
        found[rows, places] = exchange[rows, found[rows, places]]
        outside = ~kept[found]
    return (np.cumsum(kept) - 1)[found]


def permutation_sd(
    x: Float[np.ndarray, "patient marker"], scores: Float[np.ndarray, " patient"], strata: Int[np.ndarray, " patient"]
) -> Float[np.ndarray, " marker"]:
    """The SD of each marker's sum of x times scores when patients are permuted within each stratum.

    Source: Hothorn 2006, doi:10.1198/000313006X118430 (the conditional variance of a linear statistic).
    """
    total = np.zeros(x.shape[1])
    for code in np.unique(strata):
        own, score = x[strata == code], scores[strata == code]
        if score.size > 1:
            total += own.var(axis=0, ddof=1) * float(((score - score.mean()) ** 2).sum())
    return np.sqrt(total)
