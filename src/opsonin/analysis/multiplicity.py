"""Adjusted p-values: what each p is worth after many were looked at.

Source: Holm (1979), Scand J Stat 6:65; Hochberg (1988), Biometrika 75:800; Hommel (1988), Biometrika 75:383, by the
algorithm of Wright (1992), Biometrics 48:1005; Benjamini & Hochberg (1995), J R Stat Soc B 57:289; Benjamini &
Yekutieli (2001), Ann Stat 29:1165.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float

from opsonin.analysis.survival.data import numbers
from opsonin.errors import AnalysisError

METHODS = ("bonferroni", "holm", "hochberg", "hommel", "bh", "by")


def adjust_p(p: Any, method: str = "bh") -> Float[np.ndarray, " test"]:
    """Adjusted p-values in the order given; a missing p (NaN) stays missing and does not count as looked at.

    method: "bonferroni", "holm", "hochberg" (independent or positively dependent tests), "hommel" (the same, never
    weaker) hold the chance of any false discovery; "bh" the false discovery rate (independent or positively dependent),
    "by" the same under any dependence.
    Raises: AnalysisError for a p outside 0 to 1 or an unknown method.
    """
    given = numbers(p, "p-value")
    if given.ndim != 1:
        raise AnalysisError(f"p-values are adjusted as one list; an array of shape {given.shape} was given.")
    if method not in METHODS:
        raise AnalysisError(f"the adjustment {method!r} is unknown; use one of {', '.join(METHODS)}.")
    known = ~np.isnan(given)
    wrong = known & ~((given >= 0) & (given <= 1))
    if wrong.any():
        where = int(np.flatnonzero(wrong)[0])
        raise AnalysisError(f"the p-value {given[where]:g} at place {where + 1} is not between 0 and 1.")
    out = np.full(given.size, np.nan)
    if known.any():
        out[known] = _adjust(given[known], method)
    return out


def _adjust(p: Float[np.ndarray, " m"], method: str) -> Float[np.ndarray, " m"]:
    m = p.size
    order = np.argsort(p, kind="stable")
    ordered, rank = p[order], np.arange(1, m + 1)
    if method == "bonferroni":
        adjusted = m * ordered
    elif method == "holm":
        adjusted = np.maximum.accumulate((m - rank + 1) * ordered)
    elif method == "hommel":
        adjusted = _hommel(ordered)
    else:
        harmonic = float((1.0 / rank).sum()) if method == "by" else 1.0
        factor = m - rank + 1 if method == "hochberg" else harmonic * m / rank
        adjusted = np.minimum.accumulate((factor * ordered)[::-1])[::-1]
    out = np.empty(m)
    out[order] = np.minimum(adjusted, 1.0)
    return out


def _hommel(ordered: Float[np.ndarray, " m"]) -> Float[np.ndarray, " m"]:
    """Simes' test of every subset, by Wright's recursion over the subset's size; quadratic in the number of tests."""
    m = ordered.size
    best = np.full(m, float((m * ordered / np.arange(1, m + 1)).min()))
    adjusted = best.copy()
    for size in range(m - 1, 1, -1):
        first = m - size + 1  # the largest size − 1 p-values stand behind the first m − size + 1
        worst = float((size * ordered[first:] / np.arange(2, size + 1)).min())
        best[:first] = np.minimum(size * ordered[:first], worst)
        best[first:] = best[m - size]
        adjusted = np.maximum(adjusted, best)
    return np.maximum(adjusted, ordered)
