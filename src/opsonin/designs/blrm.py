"""Bayesian logistic regression with overdose control: a curve of DLT rates over doses, and how sure one is of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from opsonin.designs.base import Decision, Decisions, Design, decisions
from opsonin.designs.codata import Between, Source, codata_prior, source_of
from opsonin.designs.evidence import Evidence
from opsonin.designs.logistic_posterior import LogisticPrior
from opsonin.designs.mixture_posterior import Mixed, mixed_posteriors
from opsonin.designs.table import check_rates, check_size
from opsonin.errors import DesignError

CHOICES = ("likeliest", "highest")


class Curve(NamedTuple):
    """The posterior of the DLT rate at each dose: mean, standard deviation, median and 95% limits."""

    mean: Float[np.ndarray, "trial dose"]
    sd: Float[np.ndarray, "trial dose"]
    lower: Float[np.ndarray, "trial dose"]
    median: Float[np.ndarray, "trial dose"]
    upper: Float[np.ndarray, "trial dose"]


@dataclass(frozen=True)
class Blrm(Design):
    """The BLRM: logit DLT rate = α + exp(β) · log(dose / reference), (α, β) bivariate normal.

    target: DLT rate sought; too_low, too_high: the interval around it, 0.64 and 1.32 times the target where not given.
    overdose: a dose is admissible while P(rate > too_high) is at most that; the trial ends where no dose is.
    choose: of the admissible doses the "likeliest" to lie in the interval, or the "highest".
    doses: of the levels, in any unit; where not given each is twice the one below.   reference: the dose at which the
    rate is logit⁻¹(α); the middle level's where not given.   prior_mean, prior_sd, correlation: of α and β.
    mixture: in place of that prior, parts of one: (weight, mean of α, mean of β, sd of α, sd of β, correlation) each.
    codata: other trials (codata.Source, or tables of its fields), whose curves and this one's are exchangeable with
    probability `exchangeable`, and otherwise apart; the prior above is then that of their common mean, and of a trial
    apart.   between: medians of the standard deviations of α and β between exchangeable trials.
    cohort: patients treated together.   The dose declared in the end is chosen among those tried.
    Source: Neuenschwander, Branson & Gsponer (2008), Stat Med 27:2420, doi:10.1002/sim.3230.
    """

    levels: int
    target: float = 0.25
    doses: tuple[float, ...] | None = None
    reference: float | None = None
    too_low: float | None = None
    too_high: float | None = None
    overdose: float = 0.25
    choose: str = "likeliest"
    prior_mean: tuple[float, ...] = (-0.8472978603872036, 0.0)  # a rate of 30% at the reference
    prior_sd: tuple[float, ...] = (2.0, 1.0)
    correlation: float = 0.0
    mixture: tuple[tuple[float, ...], ...] | None = None
    codata: tuple[Any, ...] | None = None
    exchangeable: float = 0.8
    between: tuple[float, ...] = (0.25, 0.125)
    cohort: int = 3

    def __post_init__(self) -> None:
        check_size(self.levels, self.cohort)
        low, high = self.interval
        check_rates(target=self.target, too_low=low, too_high=high)
        if not low < self.target < high:
            raise DesignError(f"the target {self.target:g} lies between too_low {low:g} and too_high {high:g}.")
        if not 0 < self.overdose < 1:
            raise DesignError(f"overdose {self.overdose:g} is the greatest probability allowed, in (0, 1).")
        if self.choose not in CHOICES:
            raise DesignError(f"the BLRM's choice {self.choose!r} is unknown; use {' or '.join(CHOICES)}.")
        check_doses(self.amounts, self.levels)
        if self.reference is not None and not self.reference > 0:
            raise DesignError(f"the reference dose {self.reference:g} must be above 0.")
        if len(self.prior_mean) != 2 or len(self.prior_sd) != 2:
            raise DesignError("prior_mean and prior_sd hold two numbers each, for the intercept and the log slope.")
        if self.codata and (self.mixture or self.correlation):
            raise DesignError("co-data make the prior from independent α and β: give no mixture or correlation.")
        if not 0 <= self.exchangeable <= 1:
            raise DesignError(f"the probability {self.exchangeable:g} of being exchangeable lies in [0, 1].")
        _ = self._sources, self._between  # checks them
        for part in self.mixture or ((1.0, *self.prior_mean, *self.prior_sd, self.correlation),):
            if len(part) != 6 or not (min(part[3], part[4]) > 0 and -1 < part[5] < 1 and part[0] > 0):
                raise DesignError(
                    "prior standard deviations and weights are above 0 and the correlation in (-1, 1); a part of a "
                    f"mixture holds six numbers, its weight first; {tuple(part)} was given."
                )

    @property
    def name(self) -> str:
        return "blrm"

    @property
    def interval(self) -> tuple[float, float]:
        """The bounds of the target interval."""
        low = 0.64 * self.target if self.too_low is None else self.too_low
        return low, 1.32 * self.target if self.too_high is None else self.too_high

    @cached_property
    def amounts(self) -> Float[np.ndarray, " dose"]:
        """The doses."""
        return 2.0 ** np.arange(self.levels) if self.doses is None else np.array(self.doses, dtype=float)

    @property
    def _sources(self) -> list[Source]:
        return [source_of(given) for given in self.codata or ()]

    @property
    def _between(self) -> Between:
        return Between(tuple(self.prior_mean), tuple(self.prior_sd), tuple(self.between))

    @cached_property
    def parts(self) -> tuple[tuple[float, ...], ...]:
        """The prior of (α, β): (weight, mean of α, mean of β, sd of α, sd of β, correlation) of each part."""
        if self.codata:
            return codata_prior(self._sources, self.reference_dose, self.exchangeable, self._between)
        return self.mixture or ((1.0, *self.prior_mean, *self.prior_sd, self.correlation),)

    @property
    def reference_dose(self) -> float:
        """The dose at which the rate is logit⁻¹(α)."""
        return float(self.amounts[(self.levels - 1) // 2]) if self.reference is None else self.reference

    @cached_property
    def x(self) -> Float[np.ndarray, " dose"]:
        """log(dose / reference)."""
        return np.log(self.amounts / self.reference_dose)

    @cached_property
    def priors(self) -> list[tuple[float, LogisticPrior]]:
        """The parts of the prior of the curve, with their weights."""
        total = sum(part[0] for part in self.parts)
        found = []
        for weight, mean_a, mean_b, sd_a, sd_b, r in self.parts:
            covariance = np.array([[sd_a**2, r * sd_a * sd_b], [r * sd_a * sd_b, sd_b**2]], dtype=float)
            found.append((weight / total, LogisticPrior(self.x, np.array([mean_a, mean_b], dtype=float), covariance)))
        return found

    def posteriors(self, patients: np.ndarray, dlt: np.ndarray) -> Iterator[Mixed]:
        """The posteriors of the curves of trials with these counts, block by block."""
        return mixed_posteriors(self.priors, patients, dlt)

    def below(self, seen: Evidence, rates: tuple[float, ...]) -> Float[np.ndarray, "trial dose rate"]:
        """P(DLT rate < each of `rates`); trials with the same counts are worked out once."""
        counts = np.concatenate([seen.patients, seen.dlt], axis=1)
        _, first, which = np.unique(counts, axis=0, return_index=True, return_inverse=True)
        cuts = np.array(rates)[None, None]
        found = [lattice.below(cuts) for lattice in self.posteriors(seen.patients[first], seen.dlt[first])]
        return np.concatenate(found)[which.reshape(-1)]

    def exceeds(self, seen: Evidence, rate: float) -> Float[np.ndarray, "trial dose"]:
        """P(DLT rate > `rate`) at each dose."""
        return 1 - self.below(seen, (rate,))[:, :, 0]

    def curve(self, seen: Evidence) -> Curve:
        """The posterior of the DLT rates."""
        parts = np.array([0.025, 0.5, 0.975])
        found = []
        for lattice in self.posteriors(seen.patients, seen.dlt):
            limits = lattice.quantiles(parts)
            found.append((*lattice.rates(), limits[:, :, 0], limits[:, :, 1], limits[:, :, 2]))
        return Curve(*(np.concatenate(column) for column in zip(*found, strict=True)))

    def _judged(self, seen: Evidence) -> tuple[np.ndarray, np.ndarray]:
        """P(in the interval) and P(above it) at each dose."""
        under = self.below(seen, self.interval)
        return under[:, :, 1] - under[:, :, 0], 1 - under[:, :, 1]

    def admissible(self, seen: Evidence) -> Bool[np.ndarray, "trial dose"]:
        return self._judged(seen)[1] <= self.overdose

    def _best(self, likely: np.ndarray, over: np.ndarray, among: np.ndarray) -> Int[np.ndarray, " trial"]:
        """The chosen dose of each trial, 0 where none is admissible."""
        allowed = (over <= self.overdose) & among
        worth = likely if self.choose == "likeliest" else np.broadcast_to(np.arange(self.levels), likely.shape)
        return np.where(allowed.any(axis=1), np.where(allowed, worth, -1.0).argmax(axis=1) + 1, 0)

    def decide_many(self, seen: Evidence) -> Decisions:
        level = self._best(*self._judged(seen), np.ones(seen.patients.shape, dtype=bool))
        ends = (level == 0) & (seen.current > 0)
        level = np.where(seen.current == 0, 1, level)
        return decisions(seen.current, level, self.cohort, ends=ends)

    def select_many(self, seen: Evidence) -> Int[np.ndarray, " trial"]:
        return self._best(*self._judged(seen), seen.patients > 0)

    def explain(self, seen: Evidence, made: Decision) -> tuple[str, dict[str, Any]]:
        likely, over = (array[0] for array in self._judged(seen))
        mean = np.concatenate([lattice.rates()[0] for lattice in self.posteriors(seen.patients, seen.dlt)])[0]
        numbers = {
            "patients": seen.patients[0].tolist(),
            "dlt": seen.dlt[0].tolist(),
            "estimated_rates": [round(float(p), 6) for p in mean],
            "probability_target": [round(float(p), 6) for p in likely],
            "probability_overdose": [round(float(p), 6) for p in over],
        }
        if not seen.current[0]:
            return f"no patients yet: treat {made.patients} at level {made.level}", numbers
        rule = f"at most {self.overdose:.0%} may be risked"
        if made.level is None:
            return f"at level 1 P(DLT rate > {self.interval[1]:.2f}) is {over[0]:.0%}, and {rule}: too toxic", numbers
        low, high = self.interval
        at = made.level - 1
        told = (
            f"level {made.level}: DLT rate {mean[at]:.2f} expected, P({low:.2f} to {high:.2f}) {likely[at]:.0%}, "
            f"P(above) {over[at]:.0%}, {rule}"
        )
        if made.level < self.levels:
            told += f"; at level {made.level + 1} {likely[at + 1]:.0%} and {over[at + 1]:.0%}"
        return told, numbers

    def describe(self) -> str:
        low, high = self.interval
        doses = ", ".join(f"{dose:g}" for dose in self.amounts)
        return (
            f"BLRM with overdose control, doses {doses}, target interval {low:.0%} to {high:.0%}: of the doses with "
            f"P(DLT rate > {high:.0%}) at most {self.overdose:.0%} the next patients get "
            + ("the one likeliest to lie in the interval." if self.choose == "likeliest" else "the highest.")
            + self._borrowed()
        )

    def _borrowed(self) -> str:
        if not self.codata:
            return ""
        names = ", ".join(f"{s.name} ({sum(s.dlt)} of {sum(s.patients)} with DLT)" for s in self._sources)
        return f" Co-data, exchangeable with probability {self.exchangeable:.0%}: {names}."


def check_doses(amounts: Float[np.ndarray, " dose"], levels: int) -> None:
    """Raises: DesignError where there is not one dose a level, or they do not rise from above 0."""
    if len(amounts) != levels:
        raise DesignError(f"{len(amounts)} doses were given, but the design has {levels} levels.")
    if amounts[0] <= 0 or np.any(np.diff(amounts) <= 0) or not np.isfinite(amounts).all():
        raise DesignError(f"doses rise with the level from above 0; {amounts.tolist()} were given.")
