"""Gray's test that the cumulative incidence of one cause is the same in all groups.

Source: Gray (1988), Ann Stat 16:1141 (the test for any number of groups, its weights and variance), with the ties of
R's cmprsk. Of each group: R(t) = Y(t) (1 − F(t−)) / S(t−), those who have not had this cause, as if others did not
remove them; score: the sum over events of (1 − F(t−))^rho (events − expected by R).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from opsonin.analysis.survival.competing import competing_events
from opsonin.analysis.survival.data import group_codes, strata_codes
from opsonin.errors import AnalysisError


@dataclass(frozen=True)
class GrayTest:
    """Gray's test. events: of the cause, per group.  score: weighted events less expected, the last group left out."""

    cause: str
    chi2: float
    df: int
    p: float
    groups: list[str]
    n: Int[np.ndarray, " group"]
    events: Int[np.ndarray, " group"]
    score: Float[np.ndarray, " compared"]
    variance: Float[np.ndarray, "compared compared"]

    def to_frame(self) -> pd.DataFrame:
        """One row a group: group, n, events."""
        return pd.DataFrame({"group": self.groups, "n": self.n, "events": self.events})


def gray_test(
    time: Any,
    status: Any,
    cause: Any,
    group: Any,
    *,
    strata: Any = None,
    rho: float | int = 0,
    censored: Any = 0,
) -> GrayTest:
    """Compare the cumulative incidence of `cause` between groups (in sorted order), stratified where asked.

    status: as for `cumulative_incidence`.
    Raises: AnalysisError where fewer than two groups, or no event while two are at risk, can be compared.
    """
    t, mine, other = competing_events(time, status, cause, censored)
    names, code = group_codes(group, t.size)
    k = len(names)
    if k < 2:
        raise AnalysisError(f"Gray's test compares two or more groups; there is {', '.join(names)}.")
    score, variance = np.zeros(k), np.zeros((k, k))
    stratum = strata_codes(strata, t.size)
    for s in np.unique(stratum):
        here = stratum == s
        if mine[here].any():
            u, v = _one_stratum(t[here], mine[here], other[here], code[here], k, float(rho))
            score, variance = score + u, variance + v
    kept = slice(0, k - 1)
    rank = int(np.linalg.matrix_rank(variance[kept, kept], hermitian=True))
    if rank < k - 1:
        raise AnalysisError(
            f"Gray's test needs events of {cause!r} while all groups are at risk; of {', '.join(names)} one is at risk "
            "at none of them. Leave it out, or compare the others."
        )
    from scipy.special import chdtrc

    chi2 = float(score[kept] @ np.linalg.solve(variance[kept, kept], score[kept]))
    counts = (np.bincount(code[w], minlength=k) for w in (np.ones(t.size, dtype=bool), mine))
    size, events = (c.astype(np.int64) for c in counts)
    p = float(chdtrc(k - 1, chi2))
    return GrayTest(str(cause), chi2, k - 1, p, names, size, events, score[kept], variance[kept, kept])


def _one_stratum(t: np.ndarray, mine: np.ndarray, other: np.ndarray, code: np.ndarray, k: int, rho: float):
    """Score (k,) and variance (k, k) of one stratum, by sums over its event times."""
    times = np.unique(t[mine | other])
    m = times.size
    risk, own, rest = np.zeros((m, k)), np.zeros((m, k)), np.zeros((m, k))
    for g in range(k):
        risk[:, g] = np.count_nonzero(code == g) - np.searchsorted(np.sort(t[code == g]), times)
        own[:, g] = np.bincount(np.searchsorted(times, t[mine & (code == g)]), minlength=m)
        rest[:, g] = np.bincount(np.searchsorted(times, t[other & (code == g)]), minlength=m)
    there = risk > 0
    held = np.where(there, risk, 1.0)
    free = np.cumprod(1 - np.where(there, own + rest, 0.0) / held, axis=0)
    free_before = np.vstack([np.ones(k), free[:-1]])
    incidence = np.cumsum(np.where(there, free_before * own / held, 0.0), axis=0)
    incidence_before = np.vstack([np.zeros(k), incidence[:-1]])
    # a group at risk has a curve above 0 just before
    adjusted = np.where(there, risk / np.where(there, free_before, 1.0), 0.0)
    events = own.sum(axis=1)
    total = adjusted.sum(axis=1)
    pooled = np.cumsum(events / total)
    pooled_before = np.r_[0.0, pooled[:-1]]
    w = np.maximum(1 - pooled_before, 0.0) ** rho
    expected_by = adjusted * (1 - incidence_before)
    whole = expected_by.sum(axis=1)
    share = expected_by / np.where(whole > 0, whole, 1.0)[:, None]
    score = w @ np.where(there, own - events[:, None] * share, 0.0)

    # the variance: each group's events of either kind move the score of group i by …
    left = np.where(1 - pooled_before > 0, 1 - pooled_before, 1.0)
    at_once = w[:, None, None] * (
        adjusted[:, :, None] * np.eye(k) - adjusted[:, :, None] * adjusted[:, None, :] / total[:, None, None]
    )
    later = np.cumsum(at_once * (events / (total * left))[:, None, None], axis=0)
    later = later[-1] - later
    curve = np.where(free > 0, free, 1.0)
    kept = np.where(free > 0, (1 - pooled)[:, None] / curve, 0.0)
    product = total[:, None] * free_before
    ties = np.where((events > 1)[:, None] & (product != 1), 1 - (events - 1)[:, None] / _nonzero(product - 1), 1.0)
    size = np.where(there, ties * free_before * events[:, None] / (total[:, None] * held), 0.0)
    moved = at_once + (1 - kept)[:, None, :] * later
    variance = np.einsum("sik,sjk,sk->ij", moved, moved, size, optimize=True)
    ties = 1 - np.maximum(rest - 1, 0.0) / np.maximum(risk - 1, 1.0)
    size = np.where((free > 0) & there, ties * free_before**2 * rest / held**2, 0.0)
    moved = kept[:, None, :] * later
    return score, variance + np.einsum("sik,sjk,sk->ij", moved, moved, size, optimize=True)


def _nonzero(values: np.ndarray) -> np.ndarray:
    return np.where(values == 0, 1.0, values)
