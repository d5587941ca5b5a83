"""Binomial probabilities as arrays, and the checks that all phase II designs share."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from opsonin.errors import DesignError


def pmf(n: int, p: float) -> Float[np.ndarray, " count"]:
    """P(X = 0), …, P(X = n)."""
    from scipy.special import gammaln, xlog1py, xlogy

    x = np.arange(n + 1)
    return np.exp(gammaln(n + 1) - gammaln(x + 1) - gammaln(n - x + 1) + xlogy(x, p) + xlog1py(n - x, -p))


def above(n: int, p: float) -> Float[np.ndarray, " count"]:
    """P(X > 0), …, P(X > n), each summed from the small end."""
    tail = np.cumsum(pmf(n, p)[::-1])[::-1]
    return np.append(tail[1:], 0.0)


def check_rates(p0: float, p1: float, alpha: float, beta: float) -> None:
    """Raises: DesignError where response rates or error probabilities make no test."""
    if not 0 < p0 < p1 < 1:
        raise DesignError(f"response rates are 0 < p0 < p1 < 1; p0 = {p0:g} and p1 = {p1:g} were given.")
    if not (0 < alpha < 1 and 0 < beta < 1):
        raise DesignError(f"error probabilities lie between 0 and 1; alpha = {alpha:g}, beta = {beta:g} were given.")
