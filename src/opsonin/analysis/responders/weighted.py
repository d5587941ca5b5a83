"""Checks and intervals that the questions about responders share; patients may carry weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from opsonin.analysis.statistics import NAN, Estimate, proportion
from opsonin.analysis.survival.data import numbers, responses
from opsonin.errors import AnalysisError


def answers(response: Any, weights: Any = None) -> tuple[Bool[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Responses as bool and weights with mean 1 (equal where None).

    Raises: AnalysisError for missing or other responses, for weights that are none, or where all patients or none
    respond.
    """
    yes = responses(response)
    w = np.ones(yes.size) if weights is None else numbers(weights, "weight")
    if w.shape != yes.shape or not np.isfinite(w).all() or (w < 0).any() or not w.sum() > 0:
        raise AnalysisError(f"weights are one number of zero or more for each of {yes.size} patients, not all zero.")
    if not (w[yes].sum() > 0 and w[~yes].sum() > 0):
        raise AnalysisError(
            f"{int(yes.sum())} of {yes.size} patients respond; who responds and why can only be asked where some do "
            "and some do not."
        )
    return yes, w / w.mean()


def columns(values: Any, n: int, what: str) -> dict[str, np.ndarray]:
    """Named columns of numbers, one value a patient, from a data frame or a mapping.

    Raises: AnalysisError where there are none or one has another length, naming it.
    """
    if not isinstance(values, pd.DataFrame | Mapping):
        raise AnalysisError(f"{what} come as a data frame, or as arrays by name; {type(values).__name__} was given.")
    found = {str(name): numbers(values[name], what.removesuffix("s")) for name in values}
    if not found:
        raise AnalysisError(f"no {what} were given.")
    for name, x in found.items():
        if x.shape != (n,):
            raise AnalysisError(f"{name!r}: {n} patients need as many values; an array of shape {x.shape} was given.")
    return found


def effective(weights: np.ndarray) -> float:
    """How many equally weighted patients these are worth (Kish 1965, Survey Sampling)."""
    squares = float((weights**2).sum())
    return float(weights.sum()) ** 2 / squares if squares > 0 else 0.0


def share(hit: Bool[np.ndarray, " n"], weights: Float[np.ndarray, " n"], level: float) -> Estimate:
    """The weighted share of patients with its interval: exact where weights are equal.

    With weights the exact interval is that of the effective number of patients (Korn & Graubard 1998, Surv Methodol
    24:193). NaN where there are no patients.
    """
    total = float(weights.sum())
    if not total > 0:
        return Estimate(NAN, NAN, NAN)
    n = effective(weights)
    found = float(weights[hit].sum()) / total
    if abs(n - round(n)) < 1e-9 and np.ptp(weights[weights > 0]) < 1e-12:
        return proportion(int(hit[weights > 0].sum()), round(n), level)
    from scipy.special import betaincinv

    tail, events = (1 - level) / 2, found * n
    lower = float(betaincinv(events, n - events + 1, tail)) if events > 0 else 0.0
    upper = float(betaincinv(events + 1, n - events, 1 - tail)) if n - events > 1e-12 else 1.0
    return Estimate(found, lower, upper)


def paired_difference(gained: float, lost: float, n: float, level: float) -> Estimate:
    """(gained − lost) / n of the same patients under two conditions, with its interval.

    gained, lost: patients (or effective ones) who changed either way. Source: Agresti & Min (2005), Stat Med 24:729
    (half a patient added to each cell).
    """
    from statistics import NormalDist

    if not n > 0:
        return Estimate(NAN, NAN, NAN)
    b, c, total = gained + 0.5, lost + 0.5, n + 2
    centre = (b - c) / total
    half = NormalDist().inv_cdf(0.5 + level / 2) * math.sqrt(max(b + c - (b - c) ** 2 / total, 0.0)) / total
    return Estimate((gained - lost) / n, max(centre - half, -1.0), min(centre + half, 1.0))


def weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    """The value below which half of the weight lies, the mean of two where it is exactly half; NaN without weight."""
    kept = weights > 0
    if not kept.any():
        return NAN
    order = np.argsort(values[kept], kind="stable")
    x, heaped = values[kept][order], np.cumsum(weights[kept][order])
    half = 0.5 * heaped[-1]
    low = int(np.searchsorted(heaped, half * (1 - 1e-12), side="left"))
    high = int(np.searchsorted(heaped, half * (1 + 1e-12), side="right"))
    return float(0.5 * (x[low] + x[min(high, x.size - 1)]))
