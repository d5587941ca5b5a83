"""The CRM for partial orders: several ways in which combinations may be ordered by toxicity, weighed by the data."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from opsonin.designs.skeleton import check_skeleton
from opsonin.errors import DesignError

_FARTHEST = 12.0


class PartialOrderFit(NamedTuple):
    """probability: of each ordering;   order: the most probable one (from 0);   exponent: its maximum likelihood
    estimate;   rates: DLT rates of the combinations under it;   recommended: whose rate is nearest to the target."""

    probability: Float[np.ndarray, " order"]
    order: int
    exponent: float
    rates: Float[np.ndarray, " combination"]
    recommended: int


def working_models(
    orders: Int[np.ndarray, "order combination"], rates: Float[np.ndarray, " combination"]
) -> Float[np.ndarray, "order combination"]:
    """The skeleton of each ordering: combination orders[o, k] (from 1) has the k-th rate.

    Raises: DesignError where an ordering does not hold every combination once.
    """
    check_skeleton(rates)
    if orders.ndim != 2 or np.any(np.sort(orders, axis=1) != np.arange(1, len(rates) + 1)):
        raise DesignError("an ordering holds every combination once, by its number from 1.")
    made = np.empty(orders.shape)
    np.put_along_axis(made, orders - 1, np.broadcast_to(rates, orders.shape), axis=1)
    return made


def partial_order_crm(
    orders: Int[np.ndarray, "order combination"],
    rates: Float[np.ndarray, " combination"],
    patients: Int[np.ndarray, " combination"],
    dlt: Int[np.ndarray, " combination"],
    target: float,
    prior: Float[np.ndarray, " order"] | None = None,
) -> PartialOrderFit:
    """Fit rate = skeleton ^ a for each ordering and take the most probable one.

    prior: of the orderings, equal where not given.
    Source: Wages, Conaway & O'Quigley (2011), Biometrics 67:1555, doi:10.1111/j.1541-0420.2011.01560.x.
    Raises: DesignError for orderings that are none, for more DLTs than patients, and without both a DLT and a patient
    without one, when there is no maximum (escalate by the protocol's first stage until then).
    """
    models = working_models(orders, rates)
    if np.any((dlt < 0) | (dlt > patients)):
        raise DesignError("there are at most as many DLTs as patients at each combination.")
    if not 0 < dlt.sum() < patients.sum():
        raise DesignError(
            "the partial-order CRM needs a DLT and a patient without one; until then go by the first stage."
        )
    weight = np.full(len(models), 1 / len(models)) if prior is None else np.asarray(prior, dtype=float)
    fits = [_most_likely(model, patients, dlt) for model in models]
    logs = np.array([value for _, value in fits]) + np.log(weight)
    chance = np.exp(logs - logs.max())
    chance /= chance.sum()
    best = int(np.round(chance, 9).argmax())
    exponent = fits[best][0]
    found = models[best] ** exponent
    return PartialOrderFit(chance, best, exponent, found, int(np.abs(found - target).argmin()) + 1)


def _most_likely(model: np.ndarray, patients: np.ndarray, dlt: np.ndarray) -> tuple[float, float]:
    """The exponent of greatest likelihood, and the log likelihood there."""
    from scipy.optimize import brentq

    log_model = np.log(model)

    def rising(log_exponent: float) -> float:
        rate = np.exp(np.exp(log_exponent) * log_model)
        return float((log_model * (dlt - (patients - dlt) * rate / (1 - rate))).sum())

    root: Any = brentq(rising, -_FARTHEST, 4.0)
    exponent = float(np.exp(root))
    rate = model**exponent
    return exponent, float((dlt * np.log(rate) + (patients - dlt) * np.log1p(-rate)).sum())
