"""The posterior of the DLT rates themselves under a one-parameter curve, not the rates at the parameter's mean."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from opsonin.designs.skeleton import check_skeleton
from opsonin.errors import DesignError

NODES = 6001
RATE_MODELS = ("empiric", "logistic_gamma")


class RatePosterior(NamedTuple):
    """Mean, median and 95% limits of the DLT rate at each level."""

    mean: Float[np.ndarray, " level"]
    median: Float[np.ndarray, " level"]
    lower: Float[np.ndarray, " level"]
    upper: Float[np.ndarray, " level"]


def rate_posterior(
    patients: Int[np.ndarray, " level"],
    dlt: Int[np.ndarray, " level"],
    prior: Float[np.ndarray, " level"],
    model: str = "empiric",
    *,
    scale: float = 1.34**0.5,
    intercept: float = 3.0,
    shape: float = 1.0,
    rate: float = 1.0,
) -> RatePosterior:
    """The posterior of DLT rates after these counts.

    prior: the skeleton.   model: "empiric", rate = skeleton ^ exp(β), β ~ N(0, scale²); or "logistic_gamma", logit rate
    = intercept + β · x, β ~ Gamma(shape, rate), x such that the prior mean of β gives the skeleton.
    Source: Cheung (2011), Dose Finding by the Continual Reassessment Method; Levy et al. (2006), Br J Clin Pharmacol
    for the second.
    Raises: DesignError for a skeleton that does not rise, an unknown model, more DLTs than patients, or no prior.
    """
    check_skeleton(prior)
    if model not in RATE_MODELS:
        raise DesignError(f"the model {model!r} is unknown; use {' or '.join(RATE_MODELS)}.")
    if not (scale > 0 and shape > 0 and rate > 0):
        raise DesignError("scale, shape and rate of a prior are above 0.")
    if np.any((dlt < 0) | (dlt > patients)):
        raise DesignError(f"{dlt.tolist()} DLTs in {patients.tolist()} patients; there are at most as many DLTs.")
    if model == "empiric":
        t = np.linspace(-10 * scale, 10 * scale, NODES)
        log_prior = -0.5 * (t / scale) ** 2
        slope = np.exp(t)[:, None]
        log_rate = slope * np.log(prior)
        rates = np.exp(log_rate)
        log_other = np.log(-np.expm1(log_rate))
    else:  # the logarithm of β, so that the density vanishes at both ends
        t = np.linspace(-45 / shape - np.log(rate), np.log((shape + 60) / rate), NODES)
        log_prior = shape * t - rate * np.exp(t)
        logit = intercept + np.exp(t)[:, None] * (np.log(prior / (1 - prior)) - intercept) * rate / shape
        log_rate, log_other = -np.logaddexp(0, -logit), -np.logaddexp(0, logit)
        rates = np.exp(log_rate)
    weight = log_prior + log_rate @ dlt + log_other @ (patients - dlt)
    weight = np.exp(weight - weight.max())
    weight /= weight.sum()
    cumulative = np.cumsum(weight) - 0.5 * weight
    keep = weight > 1e-30
    places = np.interp([0.025, 0.5, 0.975], cumulative[keep], np.arange(NODES)[keep])
    falls = rates[-1] < rates[0]  # with the parameter; then the quantiles are exchanged
    at = np.stack([np.exp(np.interp(places, np.arange(NODES), column)) for column in log_rate.T], axis=1)
    low, high = np.where(falls, at[2], at[0]), np.where(falls, at[0], at[2])
    return RatePosterior(weight @ rates, at[1], low, high)
