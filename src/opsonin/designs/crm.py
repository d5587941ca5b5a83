"""The continual reassessment method: one curve of DLT rates over doses, re-estimated after every cohort."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from opsonin.designs.base import Decision, Decisions, Design, decisions
from opsonin.designs.evidence import Evidence
from opsonin.designs.logistic_posterior import LogisticPrior, posteriors
from opsonin.designs.skeleton import MODELS, check_skeleton, skeleton
from opsonin.designs.table import check_rates, check_size, overdose_probability
from opsonin.errors import DesignError

NODES = 181  # of the trapezoidal rule over the prior's range for up to FEW patients: exact to rounding
FEW = 40  # twice as many nodes for four times as many patients, whose posterior is half as wide
WIDE = 2.0  # twice as many nodes for twice the prior standard deviation from here on: the posterior does not widen so
WIDEST = 50.0  # prior standard deviation; beyond it there would be too many nodes, for no other estimate
RANGE = 8.0  # prior standard deviations on both sides
FARTHEST = 12.0  # the maximum likelihood estimate of the slope's logarithm is sought between plus and minus this
_METHODS = ("bayes", "mle")
TWO = "logistic-2"  # the model with two parameters
_LABELLED = 3.0  # the intercept of one-parameter logistic curves, and of skeletons by indifference intervals


class Nodes(NamedTuple):
    """Values of β, the logarithm of the prior there, and logarithms of DLT rates and of their complements."""

    beta: Float[np.ndarray, " node"]
    log_prior: Float[np.ndarray, " node"]
    log_rate: Float[np.ndarray, "node dose"]
    log_other: Float[np.ndarray, "node dose"]


class Estimate(NamedTuple):
    """The model's parameter in each trial, its posterior variance (NaN without one), and the DLT rates at it."""

    beta: Float[np.ndarray, " trial"]
    variance: Float[np.ndarray, " trial"]
    rates: Float[np.ndarray, "trial dose"]


@dataclass(frozen=True)
class Crm(Design):
    """The CRM: a curve with a parameter β ~ N(0, scale²), or two.

    empiric: DLT rate = skeleton ^ exp(β).   logistic: logit rate = intercept + exp(β) · dose, the dose label chosen so
    that β = 0 gives the skeleton; the intercept is 3 where not given.   logistic-2: the same with an unknown intercept,
    of a normal prior with intercept_sd around the one given, or around the target's logit.
    target: DLT rate sought.   prior: the skeleton; by indifference intervals with the middle level as prior guess of
    the MTD where none is given (half width 0.05).   method: "bayes" (rates at the posterior mean of β, of two
    parameters posterior mean rates) or "mle" (of one); before there is both a DLT and a patient without one, the latter
    goes up one level after each cohort without a DLT.
    confidence: the trial ends where P(rate > target) at the lowest level, by its own patients after a uniform prior,
    exceeds it, from three patients there on (1: never).   cohort: patients treated together.
    Source: O'Quigley, Pepe & Fisher (1990), Biometrics 46:33; O'Quigley & Shen (1996), Biometrics 52:673, for
    likelihood in two stages; Cheung (2011), Dose Finding by the Continual Reassessment Method; Whitehead & Brunier
    (1995), Stat Med 14:885, for two parameters.
    """

    levels: int
    target: float = 0.25
    prior: tuple[float, ...] | None = None
    model: str = "empiric"
    method: str = "bayes"
    scale: float = 1.34**0.5
    intercept: float | None = None
    confidence: float = 0.95
    cohort: int = 1
    intercept_sd: float = 2.0

    def __post_init__(self) -> None:
        check_size(self.levels, self.cohort)
        check_rates(target=self.target)
        if self.model not in (*MODELS, TWO):
            raise DesignError(f"the CRM model {self.model!r} is unknown; use {', '.join(MODELS)} or {TWO}.")
        if self.method not in _METHODS:
            raise DesignError(f"the CRM method {self.method!r} is unknown; use {' or '.join(_METHODS)}.")
        if self.model == TWO and self.method == "mle":
            raise DesignError("the CRM with two parameters is fitted by Bayes only; use another model for likelihood.")
        if not (self.scale > 0 and self.intercept_sd > 0 and 0 < self.confidence <= 1):
            raise DesignError(
                f"scale {self.scale:g} and intercept_sd {self.intercept_sd:g} are above 0, and confidence "
                f"{self.confidence:g} in (0, 1]."
            )
        if self.scale > WIDEST:
            raise DesignError(f"scale is {self.scale:g}; give {WIDEST:g} at most, which says next to nothing already.")
        if len(self.skeleton) != self.levels:
            raise DesignError(f"the skeleton has {len(self.skeleton)} rates, but the design {self.levels} levels.")
        check_skeleton(self.skeleton)

    @property
    def name(self) -> str:
        return "crm"

    @cached_property
    def skeleton(self) -> Float[np.ndarray, " level"]:
        """The prior DLT rates."""
        if self.prior is not None:
            return np.array(self.prior, dtype=float)
        return self.guess((self.levels + 1) // 2)

    def guess(self, level: int) -> Float[np.ndarray, " level"]:
        """The skeleton by indifference intervals with this level as prior guess of the MTD."""
        model = "empiric" if self.model == "empiric" else "logistic"
        given = self.intercept is not None and self.model == "logistic"
        half = min(0.05, 0.5 * self.target)
        return skeleton(self.levels, self.target, level, half, model, self.offset if given else _LABELLED)

    @property
    def offset(self) -> float:
        """The intercept of the logistic curve, or the prior mean of an unknown one."""
        if self.intercept is not None:
            return self.intercept
        return math.log(self.target / (1 - self.target)) if self.model == TWO else _LABELLED

    @cached_property
    def labels(self) -> Float[np.ndarray, " level"]:
        """What stands for each dose on the logistic curve, so that its prior guess is the skeleton."""
        return np.log(self.skeleton / (1 - self.skeleton)) - self.offset

    def rates(self, beta: Float[np.ndarray, " node"]) -> Float[np.ndarray, "node dose"]:
        """DLT rates at values of β."""
        slope = np.exp(beta)[:, None]
        if self.model == "empiric":
            return np.exp(slope * np.log(self.skeleton))
        return 1.0 / (1.0 + np.exp(-np.clip(self.offset + slope * self.labels, -700, 700)))

    @cached_property
    def _grids(self) -> dict[int, Nodes]:
        return {}

    def nodes(self, doublings: int) -> Nodes:
        """The nodes of the integral over β, so many times twice as dense as for few patients."""
        if doublings not in self._grids:
            wider = max(math.ceil(math.log2(self.scale / WIDE)), 0)
            beta = np.linspace(-RANGE * self.scale, RANGE * self.scale, (NODES - 1) * 2 ** (doublings + wider) + 1)
            rates = np.clip(self.rates(beta), 1e-300, 1 - 1e-16)
            self._grids[doublings] = Nodes(beta, -0.5 * (beta / self.scale) ** 2, np.log(rates), np.log1p(-rates))
        return self._grids[doublings]

    def log_likelihood(self, seen: Evidence, nodes: Nodes) -> Float[np.ndarray, "trial node"]:
        """The log likelihood of each trial at the nodes."""
        return seen.dlt @ nodes.log_rate.T + (seen.patients - seen.dlt) @ nodes.log_other.T

    def estimate(self, seen: Evidence) -> Estimate:
        """The fitted curve of each trial."""
        if self.model == TWO:
            return self._two_parameters(seen)
        if self.method == "mle":
            beta = self._most_likely(seen)
            return Estimate(beta, np.full(len(seen), np.nan), self.rates(beta))
        doublings = np.ceil(np.log(np.maximum(seen.total, 1) / FEW) / np.log(4)).clip(0).astype(np.int64)
        if doublings.max(initial=0) == 0:
            return self._posterior(seen, self.nodes(0))
        mean, variance = np.empty(len(seen)), np.empty(len(seen))
        for number in np.unique(doublings).tolist():
            rows = np.flatnonzero(doublings == number)
            found = self._posterior(seen.take(rows), self.nodes(number))
            mean[rows], variance[rows] = found.beta, found.variance
        return Estimate(mean, variance, self.rates(mean))

    def _two_parameters(self, seen: Evidence) -> Estimate:
        covariance = np.diag([self.intercept_sd**2, self.scale**2])
        prior = LogisticPrior(self.labels, np.array([self.offset, 0.0]), covariance)
        found = [(*lattice.moments(), lattice.rates()[0]) for lattice in posteriors(prior, seen.patients, seen.dlt)]
        mean, spread, rates = (np.concatenate(column) for column in zip(*found, strict=True))
        return Estimate(mean[:, 1], spread[:, 1, 1], rates)

    def _posterior(self, seen: Evidence, nodes: Nodes) -> Estimate:
        beta = nodes.beta
        weight = self.log_likelihood(seen, nodes)
        weight += nodes.log_prior
        weight -= weight.max(axis=1, keepdims=True)
        np.exp(weight, out=weight)
        moments = weight @ np.stack([np.ones_like(beta), beta, beta**2], axis=1)
        mean = moments[:, 1] / moments[:, 0]
        return Estimate(mean, moments[:, 2] / moments[:, 0] - mean**2, self.rates(mean))

    def slope_of_likelihood(self, seen: Evidence, beta: Float[np.ndarray, " trial"]) -> Float[np.ndarray, " trial"]:
        """The derivative of the log likelihood by β."""
        rate = np.clip(self.rates(beta), 1e-300, 1 - 1e-16)
        logistic = (1 - rate) * (np.log(rate / (1 - rate)) - self.offset)
        by_beta = np.log(rate) if self.model == "empiric" else logistic  # d log(rate) / dβ
        return (by_beta * (seen.dlt - self._others(seen, rate) * rate / (1 - rate))).sum(axis=1)

    def _others(self, seen: Evidence, rate: np.ndarray) -> Any:
        return seen.patients - seen.dlt

    def _most_likely(self, seen: Evidence) -> Float[np.ndarray, " trial"]:
        """By bisection of the derivative; at an end of the range where the likelihood has no maximum inside."""
        low, high = np.full(len(seen), -FARTHEST), np.full(len(seen), FARTHEST)
        for _ in range(60):
            middle = 0.5 * (low + high)
            rising = self.slope_of_likelihood(seen, middle) > 0
            low, high = np.where(rising, middle, low), np.where(rising, high, middle)
        return 0.5 * (low + high)

    def recommended(self, seen: Evidence) -> Int[np.ndarray, " trial"]:
        """The level whose estimated rate is nearest to the target; trials with the same evidence are estimated once."""
        one_of, which = self.distinct(seen)
        return (np.abs(self.estimate(one_of).rates - self.target).argmin(axis=1) + 1)[which]

    def distinct(self, seen: Evidence) -> tuple[Evidence, Int[np.ndarray, " trial"]]:
        """One trial for each different evidence, and which of them each trial is."""
        if len(seen) < 2:
            return seen, np.zeros(len(seen), dtype=np.int64)
        counts = np.concatenate([seen.patients, seen.dlt], axis=1)
        _, first, which = np.unique(counts, axis=0, return_index=True, return_inverse=True)
        return seen.take(first), which.reshape(-1)

    def decide_many(self, seen: Evidence) -> Decisions:
        level = self.recommended(seen)
        if self.method == "mle":
            dlt = seen.dlt.sum(axis=1)
            one_kind = (dlt == 0) | (dlt == seen.total)
            stepping = np.where(dlt == 0, np.minimum(seen.current + 1, self.levels), np.maximum(seen.current - 1, 1))
            level = np.where(one_kind, stepping, level)
        level = np.where(seen.current == 0, 1, level)
        return decisions(seen.current, level, self.cohort, ends=self._ends(seen))

    def tolerated(self, seen: Evidence) -> Bool[np.ndarray, "trial dose"]:
        """The levels up to the one recommended; without an estimate all below a DLT."""
        highest = self.recommended(seen)
        if self.method == "mle":
            dlt = seen.dlt.sum(axis=1)
            lowest = np.where(dlt > 0, (seen.dlt > 0).argmax(axis=1), self.levels)
            highest = np.where((dlt == 0) | (dlt == seen.total), lowest, highest)
        return (np.arange(1, self.levels + 1) <= highest[:, None]) & ~self._ends(seen)[:, None]

    def _ends(self, seen: Evidence) -> np.ndarray:
        if self.confidence >= 1:
            return np.zeros(len(seen), dtype=bool)
        patients, dlt = seen.patients[:, 0], seen.dlt[:, 0]
        return (patients >= 3) & (overdose_probability(patients, dlt, self.target) > self.confidence)

    def select_many(self, seen: Evidence) -> Int[np.ndarray, " trial"]:
        """The level tried whose estimated rate is nearest to the target; a curve may point to one nobody has had."""
        apart = np.where(seen.patients > 0, np.abs(self.estimate(seen).rates - self.target), np.inf)
        return np.where((seen.total > 0) & ~self._ends(seen), apart.argmin(axis=1) + 1, 0)

    def limits(self, found: Estimate, level: float = 0.90) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper limits of the DLT rates: the curve at β plus and minus so many posterior standard deviations.

        Source: Cheung (2011), section 3.4.
        Raises: DesignError for two parameters, whose curves are not told apart by β alone.
        """
        if self.model == TWO:
            raise DesignError("limits are those of a curve with one parameter; for two see Blrm.curve.")
        from statistics import NormalDist

        width = NormalDist().inv_cdf(0.5 + level / 2) * np.sqrt(found.variance)
        return self.rates(found.beta + width), self.rates(found.beta - width)

    def explain(self, seen: Evidence, made: Decision) -> tuple[str, dict[str, Any]]:
        found = self.estimate(seen)
        rates = found.rates[0]
        numbers = {
            "patients": seen.patients[0].tolist(),
            "dlt": seen.dlt[0].tolist(),
            "estimated_rates": [round(float(rate), 6) for rate in rates],
            "beta": float(found.beta[0]),
        }
        if not seen.current[0]:
            return f"no patients yet: treat {made.patients} at level {made.level}", numbers
        if made.stop:
            return f"{int(seen.dlt[0, 0])} of {int(seen.patients[0, 0])} with DLT at level 1: too toxic", numbers
        told = ", ".join(f"{rate:.2f}" for rate in rates)
        nearest = int(np.abs(rates - self.target).argmin()) + 1
        if made.level == nearest:
            return f"estimated DLT rates {told}: level {nearest} is nearest to the target {self.target:.2f}", numbers
        return "without both a DLT and a patient without one there is no estimate: one level at a time", numbers

    def describe(self) -> str:
        prior = ", ".join(f"{rate:.2f}" for rate in self.skeleton)
        kind = (
            "posterior mean rates"
            if self.model == TWO
            else "posterior mean"
            if self.method == "bayes"
            else "maximum likelihood"
        )
        return (
            f"CRM ({self.model} model, {kind}) with target {self.target:.0%} and prior DLT rates {prior}: the next "
            "patients get the level whose estimated rate is nearest to the target."
        )
