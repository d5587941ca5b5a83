"""EffTox: the dose with the best trade of response against toxicity, by a model of both."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Bool, Float, Int

from opsonin.designs.base import Decision, Decisions, Design, decisions
from opsonin.designs.efftox_posterior import Curves, EffToxPosterior, Prior
from opsonin.designs.evidence import EFFICACY, Evidence
from opsonin.designs.table import check_rates, check_size
from opsonin.errors import DesignError

# of the prostate cancer trial of Thall et al. (2014): doses 1, 2, 4, 6.6 and 10 ml/kg, worth 0.9 patients
USUAL_PRIOR = Prior((-7.9593, 3.5487), (1.5482, 3.5018), (0.7367, 2.5423), (3.4181, 2.4406), (0.0, 0.2), (0.0, 1.0))
USUAL_RATIO = 10.0  # of the highest to the lowest dose, where none are given


@dataclass(frozen=True)
class EffTox(Design):
    """The EffTox design.

    doses: in any unit, rising; none given: evenly spaced on the log scale from 1 to 10.   prior: see Prior; the default
    one is of a trial with such doses, elicit your own (`efftox_prior`).
    toxicity, efficacy: a dose is acceptable where P(DLT rate < toxicity) > least_tolerable and P(response rate >
    efficacy) > least_effective; the lowest untried one need only be tolerable, so that it may be learned about.
    contour: three pairs of equal desirability 0: the response rate needed without toxicity, the DLT rate allowed when
    all respond, and a response and a DLT rate between.   A dose's desirability is 1 less the distance of its posterior
    mean rates from (1, 0), in the norm in which the three lie equally far.
    Treated is the most desirable acceptable dose, of those from one below the lowest tried to one above the highest.
    The posterior is by quadrature: mean rates within 0.006 and chances within 0.012 where DLT and response go together,
    or exclude each other, as far as they can; a tenth of that on average.
    Source: Thall & Cook (2004), Biometrics 60:684, doi:10.1111/j.0006-341X.2004.00218.x; Thall, Herrick, Nguyen, Venier
    & Norris (2014), Clin Trials 11:657, doi:10.1177/1740774514547397, for contour and prior.
    """

    levels: int
    doses: tuple[float, ...] = ()
    toxicity: float = 0.30
    efficacy: float = 0.50
    least_tolerable: float = 0.10
    least_effective: float = 0.10
    contour: tuple[float, float, float, float] = (0.5, 0.65, 0.7, 0.25)
    prior: tuple[tuple[float, float], ...] = USUAL_PRIOR
    cohort: int = 3
    needs: ClassVar[frozenset[str]] = frozenset({EFFICACY})
    seeks: ClassVar[str] = "most desirable dose"

    def __post_init__(self) -> None:
        check_size(self.levels, self.cohort)
        check_rates(
            toxicity=self.toxicity,
            efficacy=self.efficacy,
            least_tolerable=self.least_tolerable,
            least_effective=self.least_effective,
        )
        if self.doses and len(self.doses) != self.levels:
            raise DesignError(f"{len(self.doses)} doses were given, but the design has {self.levels} levels.")
        if self.doses and (min(self.doses) <= 0 or np.any(np.diff(self.doses) <= 0)):
            raise DesignError(f"doses are above 0 and rise from level to level; {list(self.doses)} were given.")
        if len(self.prior) != len(Prior._fields) or any(len(pair) != 2 for pair in self.prior):
            raise DesignError(f"the prior has a mean and a standard deviation of each of {', '.join(Prior._fields)}.")
        if any(not spread > 0 for _, spread in self.prior[:5]) or self.prior[5][1] < 0:
            raise DesignError("standard deviations of the prior are above 0 (that of the association may be 0).")
        _ = self.norm  # checks the contour

    @property
    def name(self) -> str:
        return "efftox"

    @property
    def target(self) -> float:
        """The DLT rate that is not to be exceeded."""
        return self.toxicity

    @cached_property
    def norm(self) -> float:
        """The exponent of the norm in which the three pairs of the contour lie equally far from (1, 0)."""
        return contour_norm(*self.contour)

    @cached_property
    def _posterior(self) -> EffToxPosterior:
        doses = np.array(self.doses) if self.doses else np.geomspace(1.0, USUAL_RATIO, self.levels)
        x = np.log(doses)
        return EffToxPosterior(x - x.mean(), Prior(*self.prior), self.toxicity, self.efficacy)

    def curves(self, seen: Evidence) -> Curves:
        """Posterior mean rates, and the chances that a dose is tolerable and effective."""
        return self._posterior.curves(seen)

    def desirability(self, curves: Curves) -> Float[np.ndarray, "trial dose"]:
        """Of the posterior mean rates: 1 at (1, 0), 0 on the contour, negative beyond it."""
        without, with_all, *_ = self.contour
        away = ((1 - curves.efficacy) / (1 - without)) ** self.norm + (curves.toxicity / with_all) ** self.norm
        return np.round(1 - away ** (1 / self.norm), 9)

    def _acceptable(self, seen: Evidence, curves: Curves) -> Bool[np.ndarray, "trial dose"]:
        doses = np.arange(1, self.levels + 1)
        tolerable = curves.tolerable > self.least_tolerable
        fresh = (doses == seen.highest[:, None] + 1) & (seen.patients == 0)
        return tolerable & ((curves.effective > self.least_effective) | fresh)

    def admissible(self, seen: Evidence) -> Bool[np.ndarray, "trial dose"]:
        return self._acceptable(seen, self.curves(seen))

    def decide_many(self, seen: Evidence) -> Decisions:
        curves = self.curves(seen)
        doses = np.arange(1, self.levels + 1)
        lowest = np.where(seen.patients > 0, doses, self.levels + 1).min(axis=1)
        near = (doses >= lowest[:, None] - 1) & (doses <= seen.highest[:, None] + 1)
        open_ = near & self._acceptable(seen, curves)
        best = np.where(open_, self.desirability(curves), -np.inf).argmax(axis=1) + 1
        level = np.where(seen.current == 0, 1, best)
        return decisions(seen.current, level, self.cohort, ends=~open_.any(axis=1) & (seen.current > 0))

    def select_many(self, seen: Evidence) -> Int[np.ndarray, " trial"]:
        curves = self.curves(seen)
        there = (seen.patients > 0) & self._acceptable(seen, curves)
        best = np.where(there, self.desirability(curves), -np.inf).argmax(axis=1) + 1
        return np.where(there.any(axis=1), best, 0)

    def other_priors(self) -> dict[str, EffTox]:
        """The design under other priors, by what is different: half and twice the spread, and the odds of either."""
        prior, made = Prior(*self.prior), {}
        for words, factor in (("half", 0.5), ("twice", 2.0)):
            wider = Prior._make([*((m, factor * s) for m, s in prior[:5]), prior.association])
            made[f"{words} the prior SDs"] = replace(self, prior=wider)
            for event, name in (("a DLT", "tox_0"), ("a response", "eff_0")):
                mean, spread = getattr(prior, name)
                moved = prior._replace(**{name: (mean + math.log(factor), spread)})
                made[f"{words} the prior odds of {event}"] = replace(self, prior=moved)
        return made

    def explain(self, seen: Evidence, made: Decision) -> tuple[str, dict[str, Any]]:
        assert seen.efficacy is not None
        curves = self.curves(seen)
        desirable = self.desirability(curves)[0]
        numbers = {
            "patients": seen.patients[0].tolist(),
            "dlt": seen.dlt[0].tolist(),
            "responses": seen.efficacy[0].tolist(),
            **{f"{name}": table[0].round(6).tolist() for name, table in curves._asdict().items()},
            "desirability": desirable.round(6).tolist(),
        }
        if not seen.current[0]:
            return f"no patients yet: treat {made.patients} at level {made.level}", numbers
        here = int(seen.current[0])
        treated, toxic, good = (int(a[0, here - 1]) for a in (seen.patients, seen.dlt, seen.efficacy))
        told = f"level {here}: {toxic} of {treated} with DLT, {good} with response"
        if made.stop:
            return f"{told}: no level is both tolerable and effective", numbers
        assert made.level is not None
        at = made.level - 1
        rates = f"{curves.efficacy[0, at]:.0%} response and {curves.toxicity[0, at]:.0%} DLTs expected"
        return f"{told}: level {made.level} is the most desirable ({desirable[at]:.2f}), {rates}", numbers

    def describe(self) -> str:
        return (
            f"EffTox: the most desirable level of those with a chance over {self.least_tolerable:.0%} that fewer than "
            f"{self.toxicity:.0%} have a DLT and over {self.least_effective:.0%} that more than {self.efficacy:.0%} "
            f"respond; as desirable are {self.contour[0]:.0%} response without toxicity, full response with "
            f"{self.contour[1]:.0%} DLTs, and {self.contour[2]:.0%} with {self.contour[3]:.0%}."
        )


def contour_norm(without: float, with_all: float, response: float, toxicity: float) -> float:
    """The p with ((1 - response) / (1 - without))^p + (toxicity / with_all)^p = 1.

    Raises: DesignError for rates outside (0, 1), and a third point that no such curve goes through.
    """
    check_rates(without=without, with_all=with_all, response=response, toxicity=toxicity)
    a, b = (1 - response) / (1 - without), toxicity / with_all
    if not (a < 1 and b < 1):
        raise DesignError(
            f"the contour's point between, {response:g} response with {toxicity:g} DLTs, needs more response than "
            f"{without:g} and fewer DLTs than {with_all:g}."
        )
    low, high = 1e-6, 1e6
    for _ in range(200):  # the sum falls as p rises
        middle = math.sqrt(low * high)
        low, high = (middle, high) if a**middle + b**middle > 1 else (low, middle)
    return math.sqrt(low * high)
