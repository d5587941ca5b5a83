"""Isotonic regression of many trials at once: the estimates nearest to the observed ones that never fall with dose."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float


def isotonic(
    values: Float[np.ndarray, "trial dose"],
    weights: Float[np.ndarray, "trial dose"],
    there: Bool[np.ndarray, "trial dose"],
) -> Float[np.ndarray, "trial dose"]:
    """Weighted isotonic means over the doses that are `there`; NaN at the others.

    The i-th is the largest, over a ≤ i, of the smallest, over b ≥ i, mean of a … b, which the pooling of adjacent
    violators comes to.  Source: Robertson, Wright & Dykstra (1988), Order Restricted Statistical Inference, thm 1.4.4.
    """
    trials, doses = values.shape
    mass = np.where(there, weights, 0.0)
    sums = np.concatenate([np.zeros((trials, 1)), np.cumsum(np.where(there, mass * values, 0.0), axis=1)], axis=1)
    masses = np.concatenate([np.zeros((trials, 1)), np.cumsum(mass, axis=1)], axis=1)
    found = np.full((trials, doses), -np.inf)
    for a in range(doses):
        with np.errstate(invalid="ignore", divide="ignore"):  # a stretch without any dose has no mean
            mean = (sums[:, a + 1 :] - sums[:, a : a + 1]) / (masses[:, a + 1 :] - masses[:, a : a + 1])
        mean = np.where(there[:, a:] & there[:, a : a + 1], mean, np.inf)
        least = np.minimum.accumulate(mean[:, ::-1], axis=1)[:, ::-1]  # over b from each i on
        found[:, a:] = np.where(there[:, a : a + 1], np.maximum(found[:, a:], least), found[:, a:])
    return np.where(there, found, np.nan)
