"""Standard normal scores of parameters, from the patients that were drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float

from opsonin.errors import FitError
from opsonin.fit.weights import matrix


def normal_scores(values: Any, *, independent: bool = False) -> Float[np.ndarray, "n parameter"]:
    """The standard normal score of each value by its rank among the patients, whatever the parameter's distribution.

    values: (n, parameter).   independent: scores that are no longer correlated, as `populations` needs them: each
    column is then what is new in its parameter beside those before it (by the Cholesky factor of the correlations).
    Source: van der Waerden (1952), Indag Math 14:453, at the places of Blom (1958), Statistical Estimates and
    Transformed Beta-Variables.   Raises: FitError for missing values, a parameter that is the same in all patients or
    has few values, or parameters that follow from one another.
    """
    from scipy.special import ndtri

    x = matrix(values, "parameters")
    n, parameters = x.shape
    out = np.empty((n, parameters))
    for k in range(parameters):
        distinct, where, count = np.unique(x[:, k], return_inverse=True, return_counts=True)
        if distinct.size < min(20, n):
            raise FitError(
                f"parameter {k + 1} has {distinct.size} values in {n} patients; scores need one that varies."
            )
        rank = np.cumsum(count) - (count - 1) / 2
        out[:, k] = ndtri((rank[where.reshape(-1)] - 0.375) / (n + 0.25))
    if independent and parameters > 1:
        try:
            factor = np.linalg.cholesky(np.corrcoef(out.T))
        except np.linalg.LinAlgError:
            raise FitError("some parameters follow from others; leave those out.") from None
        out = np.linalg.solve(factor, out.T).T
    return out
