"""Weighted patients: how many they are worth, and their means and quantiles."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float

from opsonin.errors import FitError


def effective_sample_size(weights: Float[np.ndarray, "*shape n"]) -> np.ndarray:
    """How many equally weighted patients say as much about a mean: (Σw)² / Σw², along the last axis.

    Source: Kish (1965), Survey Sampling; Kong (1992), University of Chicago Statistics Technical Report 348.
    """
    w = np.asarray(weights, dtype=float)
    squares = (w**2).sum(axis=-1)
    return np.divide(w.sum(axis=-1) ** 2, squares, out=np.zeros_like(squares), where=squares > 0)


def weighted_mean(values: Any, weights: Any) -> float | np.ndarray:
    """The mean of values (n,) or (n, quantity) by weights (n,)."""
    x, w = np.asarray(values, dtype=float), checked_weights(weights)
    found = w @ x / w.sum()
    return float(found) if np.ndim(found) == 0 else found


def weighted_quantile(values: Any, weights: Any, share: float = 0.5) -> float:
    """The smallest value at or below which at least `share` of the weight lies; infinite values may stand for "never".

    So the median survival of patients who are all followed to their event is `weighted_quantile(time, weights)`.
    Raises: FitError for missing values, weights that are no weights, or a share that is none.
    """
    x, w = np.asarray(values, dtype=float), checked_weights(weights)
    if x.shape != w.shape or np.isnan(x).any():
        raise FitError(f"a weighted quantile needs a value for each of {w.size} weights; shape {x.shape} given.")
    if not 0 <= share <= 1:
        raise FitError(f"a quantile's share lies between 0 and 1, such as 0.5 for the median; {share:g} was given.")
    order = np.argsort(x, kind="stable")
    heaped = np.cumsum(w[order])
    place = np.searchsorted(heaped, share * heaped[-1] * (1 - 1e-12), side="left")
    return float(x[order][min(int(place), x.size - 1)])


def checked_weights(weights: Any) -> Float[np.ndarray, " n"]:
    """Weights as given, one for each patient.

    Raises: FitError where one is negative or missing, or none is above zero.
    """
    w = np.asarray(weights, dtype=float)
    if w.ndim != 1 or not np.isfinite(w).all() or (w < 0).any() or not w.sum() > 0:
        raise FitError("weights are one number of zero or more for each patient, and not all zero.")
    return w


def matrix(values: Any, what: str) -> Float[np.ndarray, "n quantity"]:
    """Values as (n, quantity), finite; a single column may come as (n,).

    Raises: FitError naming the first row (counted from 1) that cannot be used.
    """
    x = np.asarray(values, dtype=float)
    x = x[:, None] if x.ndim == 1 else x
    if x.ndim != 2 or x.shape[0] < 2 or x.shape[1] < 1:
        raise FitError(f"{what} are an array of patients by quantities, of two or more patients; shape {x.shape}.")
    bad = ~np.isfinite(x).all(axis=1)
    if bad.any():
        row = int(np.flatnonzero(bad)[0]) + 1
        raise FitError(f"{what}: row {row} has a value that is missing or infinite; leave such patients out.")
    return x
