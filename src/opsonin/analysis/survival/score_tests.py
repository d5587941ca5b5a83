"""A covariate against survival in few patients: the score test of Cox's model, exact or by permutation.

The statistic is the sum of each patient's log-rank score times their covariate, the score of Cox's model at no effect.
Its distribution, if the covariate is not linked to survival, is over all exchanges of the covariate among patients (of
each stratum: of a dose level, so that what the dose does to both is no link). Source: Kalbfleisch & Prentice (2002),
The Statistical Analysis of Failure Time Data, ch. 7; Phipson & Smyth (2010), Stat Appl Genet Mol Biol 9:39.
"""

from __future__ import annotations

import math
from functools import cache
from itertools import combinations
from typing import Any

import numpy as np

from opsonin.analysis.statistics import two_sided_p
from opsonin.analysis.survival.data import checked, strata_codes
from opsonin.analysis.survival.design import design
from opsonin.analysis.survival.exact_tests import Distribution, ExactTest, Pair, merged, tails
from opsonin.analysis.survival.permutation import PermutationTest
from opsonin.analysis.survival.rank_scores import rank_scores
from opsonin.errors import AnalysisError

LARGEST = 12  # patients of one stratum, whose 12! orders are 924 pairs of halves of 720
PURPOSE = "score permutation"


def exact_score_test(
    time: Any, event: Any, covariate: Any, *, strata: Any = None, rho: float | int = 0, gamma: float | int = 0
) -> ExactTest:
    """The exact p of one covariate: every exchange of its values among the patients of each stratum.

    z > 0, and p_more: higher values go with more events.  groups of the result are empty.
    Raises: AnalysisError where nothing could differ, or a stratum has more than 12 patients.
    """
    t, d, x, stratum, scores = _prepared(time, event, covariate, strata, rho, gamma)
    largest = int(np.bincount(stratum).max())
    if largest > LARGEST:
        raise AnalysisError(
            f"a stratum of {largest} patients has too many arrangements to count; up to {LARGEST} can be, beyond use "
            "permutation_score_test."
        )
    parts, seen, variance, ways = [], 0.0, 0.0, 1
    for s in np.unique(stratum):
        a, v = scores[stratum == s], x[stratum == s]
        a, v = a - a.mean(), v - v.mean()
        seen += float(a @ v)
        ways *= math.factorial(a.size)
        if a.size > 1 and np.abs(a).max() > 0 and np.abs(v).max() > 0:
            variance += float(a @ a) * float(v @ v) / (a.size - 1)
            parts.append(_orders(a, v))
    found = tails(parts, seen, variance, float(np.abs(scores).max()) * t.size)
    if found is None:
        raise AnalysisError(_NOTHING)
    z, p, more, fewer, mid = found
    return ExactTest([], z, p, more, fewer, mid, two_sided_p(z), float(ways), scores, int(t.size), int(d.sum()))


def permutation_score_test(
    time: Any,
    event: Any,
    covariate: Any,
    *,
    strata: Any = None,
    rho: float | int = 0,
    gamma: float | int = 0,
    permutations: int = 10_000,
    seed: int = 1,
) -> PermutationTest:
    """The p of one covariate by exchanging its values among the patients of each stratum; statistic: z².

    Raises: AnalysisError where nothing could differ.
    """
    t, d, x, stratum, scores = _prepared(time, event, covariate, strata, rho, gamma)
    if permutations < 1:
        raise AnalysisError(f"a permutation test needs at least one permutation; {permutations} were asked for.")
    from opsonin.analysis.random_kernels import key_of
    from opsonin.analysis.survival.permutation_kernels import shuffled_products

    order = np.argsort(stratum, kind="stable")
    scores, x, stratum = scores[order], x[order], stratum[order]
    variance = 0.0
    for s in np.unique(stratum):
        here = stratum == s
        x[here] -= x[here].mean()
        own = scores[here] - scores[here].mean()
        variance += float(own @ own) * float(x[here] @ x[here]) / max(int(here.sum()) - 1, 1)
    if not variance > 1e-24:
        raise AnalysisError(_NOTHING)
    last = np.searchsorted(stratum, stratum, side="right")
    seen = float(scores @ x) ** 2 / variance
    drawn = shuffled_products(scores, x, last, key_of(seed, PURPOSE), 0, permutations) ** 2 / variance
    p = (1 + int((drawn >= seen * (1 - 1e-9)).sum())) / (1 + permutations)
    error = math.sqrt(p * (1 - p) / permutations)
    return PermutationTest([], seen, drawn, p, error, False, int(t.size), int(d.sum()))


_NOTHING = "a score test needs events of patients at risk with others of another value; there are none."


def _prepared(time: Any, event: Any, covariate: Any, strata: Any, rho: float | int, gamma: float | int):
    """Times, events, the covariate per SD, strata and scores."""
    t, d, _ = checked(time, event)
    x = design(covariate, None, t.size)[0]
    if x.shape[1] != 1:
        raise AnalysisError(f"a score test takes one covariate; {x.shape[1]} were given.")
    one = x[:, 0] - x[:, 0].mean()
    spread = float(np.abs(one).max()) if t.size else 0.0
    if not spread > 1e-12 * max(float(np.abs(x).max(initial=0.0)), 1e-300):
        raise AnalysisError("the covariate is the same for everyone; it cannot be linked to anything.")
    stratum = strata_codes(strata, t.size)
    return t, d, one / spread, stratum, rank_scores(t, d, stratum, float(rho), float(gamma))


def _orders(a: np.ndarray, x: np.ndarray) -> list[Pair]:
    """The sum of a times x over all orders of x: the first half of `a` takes some values of x, the rest the others."""
    n = a.size
    half = n // 2
    pairs = []
    for taken in combinations(range(n), half):
        left = np.delete(x, taken)
        pairs.append(Pair(_sums(a[:half], x[list(taken)]), _sums(a[half:], left), 1 / math.comb(n, half)))
    return pairs


def _sums(a: np.ndarray, x: np.ndarray) -> Distribution:
    """a times x over all orders of x."""
    if not a.size:
        return Distribution(np.zeros(1), np.ones(1))
    orders = _permutations(a.size)
    return merged(x[orders] @ a, np.full(len(orders), 1 / len(orders)))


@cache
def _permutations(size: int) -> np.ndarray:
    """All orders of 0, 1, …, (size!, size)."""
    orders = np.zeros((1, 0), dtype=np.int64)
    for new in range(size):  # insert each further number in every place of every order
        orders = np.concatenate([np.insert(orders, place, new, axis=1) for place in range(new + 1)])
    return orders
