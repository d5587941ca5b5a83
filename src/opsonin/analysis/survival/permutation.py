"""The log-rank test by shuffling the groups among patients (of each stratum), with its Monte Carlo error.

For more patients, or more groups, than `exact_logrank` takes. Source: Good (2005), Permutation, Parametric and
Bootstrap Tests of Hypotheses; Phipson & Smyth (2010), Stat Appl Genet Mol Biol 9:39, for p; Neuhaus (1993), Ann Stat
21:1760, for the studentised statistic, which stays right in large samples where the groups are censored differently.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from opsonin.analysis.survival.data import checked, group_codes, strata_codes
from opsonin.analysis.survival.logrank import curve_before, weight
from opsonin.analysis.survival.rank_scores import rank_scores
from opsonin.errors import AnalysisError

PURPOSE = "log-rank permutation"


@dataclass(frozen=True)
class PermutationTest:
    """A permutation test of two or more groups.

    statistic: chi-squared like, of the groups as they are.  drawn: the same under each permutation.
    p: (1 + permutations at least as far) / (1 + permutations).  p_error: its Monte Carlo standard error.
    """

    groups: list[str]
    statistic: float
    drawn: Float[np.ndarray, " permutation"]
    p: float
    p_error: float
    studentised: bool
    n: int
    events: int


def permutation_logrank(
    time: Any,
    event: Any,
    group: Any,
    *,
    strata: Any = None,
    rho: float | int = 0,
    gamma: float | int = 0,
    studentised: bool = False,
    permutations: int = 10_000,
    seed: int = 1,
) -> PermutationTest:
    """The log-rank test of two or more groups by permutation, weighted as `logrank`, within strata where given.

    studentised: divide each permutation's statistic by its own log-rank variance instead of the common one.
    Raises: AnalysisError where fewer than two groups, or nothing that could differ, is there.
    """
    t, d, _ = checked(time, event)
    names, code = group_codes(group, t.size)
    k = len(names)
    if k < 2:
        raise AnalysisError(f"a permutation test compares two or more groups; there is {', '.join(names) or 'none'}.")
    if permutations < 1:
        raise AnalysisError(f"a permutation test needs at least one permutation; {permutations} were asked for.")
    from opsonin.analysis.random_kernels import key_of
    from opsonin.analysis.survival.permutation_kernels import shuffled_logranks, shuffled_sums

    stratum = strata_codes(strata, t.size)
    order = np.lexsort((t, stratum))
    t, d, code, stratum = t[order], d[order], code[order].astype(np.int64), stratum[order]
    last = np.searchsorted(stratum, stratum, side="right")
    identity = np.arange(t.size) + 1  # blocks of one: nothing moves
    key = key_of(seed, PURPOSE)
    if studentised:
        opens, w = _ties(t, d, stratum, float(rho), float(gamma))
        one = shuffled_logranks(d, opens, code, identity, w, k, key, 0, 1)
        many = shuffled_logranks(d, opens, code, last, w, k, key, 0, permutations)
        seen, drawn = _own_form(*one)[0], _own_form(*many)
    else:
        scores = rank_scores(t, d, stratum, float(rho), float(gamma))
        covariance = _covariance(scores, code, stratum, k)
        seen = _form(shuffled_sums(scores, code, identity, k, key, 0, 1), covariance)[0]
        drawn = _form(shuffled_sums(scores, code, last, k, key, 0, permutations), covariance)
    if not (math.isfinite(seen) and (np.ptp(drawn) > 0 or seen > 0)):
        raise AnalysisError("a permutation test needs events while two groups or more are at risk; there are none.")
    reached = int((drawn >= seen * (1 - 1e-9)).sum())
    p = (1 + reached) / (1 + permutations)
    error = math.sqrt(p * (1 - p) / permutations)
    return PermutationTest(names, float(seen), drawn, p, error, studentised, int(t.size), int(d.sum()))


def _covariance(scores: np.ndarray, code: np.ndarray, stratum: np.ndarray, k: int) -> np.ndarray:
    """The covariance of the groups' sums of scores over all permutations."""
    out = np.zeros((k, k))
    for s in np.unique(stratum):
        own = scores[stratum == s]
        size = own.size
        if size < 2:
            continue
        counts = np.bincount(code[stratum == s], minlength=k).astype(float)
        spread = float(((own - own.mean()) ** 2).sum()) / (size - 1) / size
        out += spread * (size * np.diag(counts) - np.outer(counts, counts))
    return out


def _form(sums: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Each row's quadratic form in the generalised inverse, since sums that add up to 0 have a singular covariance."""
    return np.einsum("bi,ij,bj->b", sums, np.linalg.pinv(covariance, rcond=1e-10, hermitian=True), sums)


def _own_form(score: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Each row's log-rank chi-squared by its own variance; 0 where nothing could differ."""
    if score.shape[1] == 2:
        own = variance[:, 0, 0]
        return np.where(own > 1e-12, score[:, 0] ** 2 / np.where(own > 1e-12, own, 1.0), 0.0)
    return np.einsum("bi,bij,bj->b", score, np.linalg.pinv(variance, rcond=1e-10, hermitian=True), score)


def _ties(t: np.ndarray, d: np.ndarray, stratum: np.ndarray, rho: float, gamma: float) -> tuple[np.ndarray, np.ndarray]:
    """Where strata and times open, and the weight of the events at each row's time; rows by stratum and time."""
    fresh = np.r_[True, np.diff(stratum) > 0]
    opens = np.where(fresh, 2, np.where(np.r_[True, np.diff(t) > 0], 1, 0)).astype(np.int64)
    w = np.ones(t.size)
    for s in np.unique(stratum):
        here = np.flatnonzero(stratum == s)
        times = np.unique(t[here][d[here]])
        if times.size:
            risk = (here.size - np.searchsorted(t[here], times)).astype(float)
            deaths = np.bincount(np.searchsorted(times, t[here][d[here]]), minlength=times.size).astype(float)
            by_time = weight(curve_before(deaths, risk), rho, gamma)
            w[here] = by_time[np.minimum(np.searchsorted(times, t[here]), times.size - 1)]
    return opens, w
