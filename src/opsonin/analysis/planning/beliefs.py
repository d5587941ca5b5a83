"""What phase I leaves behind as beliefs: a response rate, a hazard, a hazard ratio, each with its uncertainty.

Source: O'Hagan, Stevens & Campbell (2005), Pharm Stat 4:187 (assurance: power averaged over the belief);
Spiegelhalter, Abrams & Myles (2004), Bayesian Approaches to Clinical Trials, ch. 5 (sceptical priors of a log ratio);
Ibrahim & Chen (2000), Stat Sci 15:46 (earlier patients who count for less than new ones).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from opsonin.errors import AnalysisError
from opsonin.random import normal, uniform


@dataclass(frozen=True)
class RateBelief:
    """A response rate: Beta(hits + ½, misses + ½), Jeffreys' prior updated by what was seen.

    hits, n: may be fractions, where phase I counts for less than it has patients.
    """

    hits: float
    n: float

    def __post_init__(self):
        if not 0 <= self.hits <= self.n:
            raise AnalysisError(f"{self.hits:g} responders of {self.n:g} patients make no rate.")

    @property
    def shapes(self) -> tuple[float, float]:
        """The two parameters of the beta distribution."""
        return self.hits + 0.5, self.n - self.hits + 0.5

    @property
    def mean(self) -> float:
        """The expected rate."""
        a, b = self.shapes
        return a / (a + b)

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """The central interval of the belief."""
        from scipy.special import betaincinv

        tail = (1 - level) / 2
        return float(betaincinv(*self.shapes, tail)), float(betaincinv(*self.shapes, 1 - tail))

    def above(self, rate: float) -> float:
        """The probability that the true rate is higher than this."""
        from scipy.special import betainc

        return 1.0 - float(betainc(*self.shapes, rate))

    def chance_of_at_least(self, hits: int, n: int) -> float:
        """The probability of so many responders among n new patients (beta-binomial)."""
        from scipy.special import betaln, gammaln

        if hits <= 0:
            return 1.0
        if hits > n:
            return 0.0
        a, b = self.shapes
        k = np.arange(hits, n + 1)
        ways = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
        return min(1.0, float(np.exp(ways + betaln(k + a, n - k + b) - betaln(a, b)).sum()))


@dataclass(frozen=True)
class HazardBelief:
    """A constant hazard: Gamma(events, time at risk).   events: infinite where the hazard is taken as known."""

    per_day: float
    events: float

    def __post_init__(self):
        if not (self.per_day > 0 and math.isfinite(self.per_day)) or not self.events > 0:
            raise AnalysisError(
                f"a hazard of {self.per_day:g} a day from {self.events:g} events says nothing about new patients."
            )

    @property
    def median_days(self) -> float:
        """The median time to the event that belongs to it."""
        return math.log(2) / self.per_day

    def draws(self, seed: int, purpose: str, count: int) -> Float[np.ndarray, " draw"]:
        """Hazards a day, as likely as the belief has them."""
        if math.isinf(self.events):
            return np.full(count, self.per_day)
        from scipy.special import gammaincinv

        u = uniform(seed, purpose, np.arange(count))[:, 0]
        return self.per_day * gammaincinv(self.events, u) / self.events


@dataclass(frozen=True)
class RatioBelief:
    """A log hazard ratio, normal.   Below 0 the treatment is better."""

    log_ratio: float
    sd: float

    def __post_init__(self):
        if not (math.isfinite(self.log_ratio) and self.sd >= 0 and math.isfinite(self.sd)):
            raise AnalysisError("a belief about a hazard ratio has a finite estimate and a finite standard error.")

    @property
    def ratio(self) -> float:
        """The median hazard ratio."""
        return math.exp(self.log_ratio)

    @property
    def better(self) -> float:
        """The probability that the true hazard ratio is below 1: no trial of any size succeeds more often."""
        if self.sd == 0:
            return float(self.log_ratio < 0)
        return 0.5 * math.erfc(self.log_ratio / self.sd / math.sqrt(2))

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """The central interval of the hazard ratio."""
        from statistics import NormalDist

        half = NormalDist().inv_cdf(0.5 + level / 2) * self.sd
        return math.exp(self.log_ratio - half), math.exp(self.log_ratio + half)

    def doubted(self, prior_sd: float | None) -> RatioBelief:
        """The belief combined with a prior that expects no effect, give or take `prior_sd`; None: as it is."""
        if prior_sd is None or self.sd == 0:
            return self
        if not prior_sd > 0:
            raise AnalysisError(f"the prior's standard deviation is {prior_sd:g}; give a number above 0, or none.")
        weight = prior_sd**2 / (prior_sd**2 + self.sd**2)
        return RatioBelief(self.log_ratio * weight, self.sd * math.sqrt(weight))

    def draws(self, seed: int, purpose: str, count: int) -> Float[np.ndarray, " draw"]:
        """Hazard ratios, as likely as the belief has them."""
        return np.exp(self.log_ratio + self.sd * normal(seed, purpose, np.arange(count))[:, 0])


def ratio_of(treated: HazardBelief, control: HazardBelief) -> RatioBelief:
    """What two hazards say of their ratio: the variance of a log hazard is one over its events."""
    variance = sum(0.0 if math.isinf(h.events) else 1.0 / h.events for h in (treated, control))
    return RatioBelief(math.log(treated.per_day / control.per_day), math.sqrt(variance))


def hazard_from(events: float, days_at_risk: float, weight: float = 1.0) -> HazardBelief:
    """The hazard of patients followed for so long in sum.   weight: what each of them counts.

    Raises: AnalysisError where nobody had the event, or nobody was at risk.
    """
    if events < 1 or days_at_risk <= 0:
        raise AnalysisError("a hazard needs one event or more; nobody had the event, so that no trial can be planned.")
    return HazardBelief(events / days_at_risk, events * weight)


def percent(share: float) -> str:
    """A share in words: "82 %"."""
    return f"{100 * share:.0f} %"
