"""The BLRM for two drugs: a logistic curve for each, and an interaction that may be protective or harmful."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from opsonin.designs.base import Decision, Decisions, Design
from opsonin.designs.blrm import CHOICES, check_doses
from opsonin.designs.evidence import Evidence
from opsonin.designs.grid import cell_name, check_grid, grid_decisions, height
from opsonin.designs.normal_posterior import Points, posteriors
from opsonin.designs.table import check_rates, check_size
from opsonin.errors import DesignError


@dataclass(frozen=True)
class BlrmPair(Design):
    """The BLRM for combinations; cells of the grid are counted row by row from 1.

    Each drug alone has logit rate αi + exp(βi) · log(dose / reference). Together, with odds₀ those of two independent
    causes (rate₁ + rate₂ - rate₁ rate₂), the odds are odds₀ · exp(η · dose₁/reference₁ · dose₂/reference₂).
    levels: cells in all;   columns: levels of the second drug, whose rows are those of the first one.
    row_doses, column_doses: of each drug, in any unit; where not given each is twice the one below.
    references: dose of each drug at which its rate is logit⁻¹(αi); the middle ones where not given.
    prior_mean, prior_sd: of α1, β1, α2, β2, η.   correlations: of α1 and β1, and of α2 and β2; co-data of each drug
    alone give such a prior (codata.codata_prior, codata.moments).
    target, too_low, too_high, overdose, choose, cohort: as of Blrm.
    The next cell has at most one level more of one of the drugs than the last cohort's.
    Source: Neuenschwander et al. (2015), in Zhao & Yang (eds), Statistical Methods in Drug Combination Studies;
    Neuenschwander, Roychoudhury & Schmidli (2016), Stat Biopharm Res 8:345.
    """

    levels: int
    columns: int = 2
    target: float = 0.25
    row_doses: tuple[float, ...] | None = None
    column_doses: tuple[float, ...] | None = None
    references: tuple[float, ...] | None = None
    too_low: float | None = None
    too_high: float | None = None
    overdose: float = 0.25
    choose: str = "likeliest"
    prior_mean: tuple[float, ...] = (-1.3862943611198906, 0.0, -1.3862943611198906, 0.0, 0.0)  # 20% at each reference
    prior_sd: tuple[float, ...] = (2.0, 1.0, 2.0, 1.0, 1.121)  # η: odds up to nine times as high, or as low
    correlations: tuple[float, ...] = (0.0, 0.0)
    cohort: int = 3

    def __post_init__(self) -> None:
        check_size(self.levels, self.cohort)
        check_grid(self.levels, self.columns)
        low, high = self.interval
        check_rates(target=self.target, too_low=low, too_high=high)
        if not low < self.target < high:
            raise DesignError(f"the target {self.target:g} lies between too_low {low:g} and too_high {high:g}.")
        if not 0 < self.overdose < 1:
            raise DesignError(f"overdose {self.overdose:g} is the greatest probability allowed, in (0, 1).")
        if self.choose not in CHOICES:
            raise DesignError(f"the BLRM's choice {self.choose!r} is unknown; use {' or '.join(CHOICES)}.")
        for amounts, count in zip(self.amounts, (self.rows, self.columns), strict=True):
            check_doses(amounts, count)
        if self.references is not None and (len(self.references) != 2 or min(self.references) <= 0):
            raise DesignError(f"references are two doses above 0, one of each drug; {self.references} were given.")
        if len(self.prior_mean) != 5 or len(self.prior_sd) != 5 or min(self.prior_sd) <= 0:
            raise DesignError("prior_mean and prior_sd hold five numbers each (α1, β1, α2, β2, η), the latter above 0.")
        if len(self.correlations) != 2 or not max(np.abs(self.correlations)) < 1:
            raise DesignError(f"correlations are two numbers in (-1, 1), one a drug; {self.correlations} were given.")

    @property
    def name(self) -> str:
        return "blrm-pair"

    @property
    def rows(self) -> int:
        """Levels of the first drug."""
        return self.levels // self.columns

    @property
    def interval(self) -> tuple[float, float]:
        """The bounds of the target interval."""
        low = 0.64 * self.target if self.too_low is None else self.too_low
        return low, 1.32 * self.target if self.too_high is None else self.too_high

    @cached_property
    def amounts(self) -> tuple[np.ndarray, np.ndarray]:
        """The doses of each drug."""
        given = ((self.row_doses, self.rows), (self.column_doses, self.columns))
        first, second = (2.0 ** np.arange(k) if doses is None else np.array(doses, dtype=float) for doses, k in given)
        return first, second

    @cached_property
    def _scaled(self) -> tuple[np.ndarray, np.ndarray]:
        """Doses over their references."""
        middle = tuple(doses[(len(doses) - 1) // 2] for doses in self.amounts)
        references = middle if self.references is None else self.references
        return self.amounts[0] / references[0], self.amounts[1] / references[1]

    def logits(self, at: Float[np.ndarray, "*shape parameter"]) -> Float[np.ndarray, "*shape dose"]:
        """Logits of the DLT rates at all cells."""
        first, second = self._scaled
        alone = []  # minus the logarithm of the probability of no DLT by each drug
        for drug, scaled in ((0, first), (2, second)):
            logit = at[..., drug, None] + np.exp(at[..., drug + 1, None]) * np.log(scaled)
            alone.append(np.maximum(logit, 0) + np.log1p(np.exp(-np.abs(logit))))
        both = alone[0][..., :, None] + alone[1][..., None, :]
        both = np.maximum(both, 1e-300)
        logit = both + np.log(-np.expm1(-both)) + at[..., 4, None, None] * (first[:, None] * second)
        return logit.reshape(*at.shape[:-1], self.levels)

    @cached_property
    def covariance(self) -> Float[np.ndarray, "parameter parameter"]:
        """Of the prior."""
        related = np.eye(5)
        for drug, correlation in zip((0, 2), self.correlations, strict=True):
            related[drug, drug + 1] = related[drug + 1, drug] = correlation
        sd = np.array(self.prior_sd, dtype=float)
        return related * sd * sd[:, None]

    def _posteriors(self, patients: np.ndarray, dlt: np.ndarray) -> Iterator[Points]:
        return posteriors(self.logits, np.array(self.prior_mean, dtype=float), self.covariance, patients, dlt)

    def below(self, seen: Evidence, rates: tuple[float, ...]) -> Float[np.ndarray, "trial dose rate"]:
        """P(DLT rate < each of `rates`); trials with the same counts are worked out once."""
        counts = np.concatenate([seen.patients, seen.dlt], axis=1)
        _, first, which = np.unique(counts, axis=0, return_index=True, return_inverse=True)
        found = [points.below(rates) for points in self._posteriors(seen.patients[first], seen.dlt[first])]
        return np.concatenate(found)[which.reshape(-1)]

    def exceeds(self, seen: Evidence, rate: float) -> Float[np.ndarray, "trial dose"]:
        """P(DLT rate > `rate`) at each cell."""
        return 1 - self.below(seen, (rate,))[:, :, 0]

    def estimates(self, seen: Evidence) -> Float[np.ndarray, "trial dose"]:
        """The posterior mean of the DLT rates."""
        return np.concatenate([points.rates() for points in self._posteriors(seen.patients, seen.dlt)])

    def _judged(self, seen: Evidence) -> tuple[np.ndarray, np.ndarray]:
        """P(in the interval) and P(above it) at each cell."""
        under = self.below(seen, self.interval)
        return under[:, :, 1] - under[:, :, 0], 1 - under[:, :, 1]

    def admissible(self, seen: Evidence) -> Bool[np.ndarray, "trial dose"]:
        return self._judged(seen)[1] <= self.overdose

    def within_reach(self, current: Int[np.ndarray, " trial"]) -> Bool[np.ndarray, "trial dose"]:
        """Cells with at most one level more of one of the drugs than at the current one; the first at the start."""
        row, column = np.divmod(np.arange(self.levels), self.columns)
        here_row, here_column = np.divmod(np.maximum(current, 1) - 1, self.columns)
        up, right = row - here_row[:, None], column - here_column[:, None]
        return (np.maximum(up, 0) + np.maximum(right, 0) <= 1) & (current > 0)[:, None] | (np.arange(self.levels) == 0)

    def _best(self, likely: np.ndarray, over: np.ndarray, among: np.ndarray) -> Int[np.ndarray, " trial"]:
        """The chosen cell of each trial, 0 where none is admissible; the "highest" has the most levels of both."""
        allowed = (over <= self.overdose) & among
        worth = likely if self.choose == "likeliest" else height(self.levels, self.columns) + likely
        return np.where(allowed.any(axis=1), np.where(allowed, worth, -1.0).argmax(axis=1) + 1, 0)

    def decide_many(self, seen: Evidence) -> Decisions:
        level = self._best(*self._judged(seen), self.within_reach(seen.current))
        ends = (level == 0) & (seen.current > 0)
        level = np.where(seen.current == 0, 1, np.maximum(level, 1))
        return grid_decisions(seen.current, level, self.columns, self.levels, self.cohort, ends)

    def select_many(self, seen: Evidence) -> Int[np.ndarray, " trial"]:
        return self._best(*self._judged(seen), seen.patients > 0)

    def explain(self, seen: Evidence, made: Decision) -> tuple[str, dict[str, Any]]:
        likely, over = (array[0] for array in self._judged(seen))
        mean = self.estimates(seen)[0]
        numbers = {
            "patients": seen.patients[0].tolist(),
            "dlt": seen.dlt[0].tolist(),
            "columns": self.columns,
            "estimated_rates": [round(float(p), 6) for p in mean],
            "probability_target": [round(float(p), 6) for p in likely],
            "probability_overdose": [round(float(p), 6) for p in over],
        }
        if not seen.current[0]:
            return f"no patients yet: treat {made.patients} at 1x1", numbers
        low, high = self.interval
        rule = f"at most {self.overdose:.0%} may be risked"
        if made.level is None:
            return f"P(DLT rate > {high:.2f}) is above {self.overdose:.0%} at every cell within reach: stop", numbers
        at = made.level - 1
        return (
            f"{self.dose_name(made.level)}: DLT rate {mean[at]:.2f} expected, P({low:.2f} to {high:.2f}) "
            f"{likely[at]:.0%}, P(above) {over[at]:.0%}, {rule}"
        ), numbers

    def dose_name(self, dose: int) -> str:
        return cell_name(dose, self.columns)

    def describe(self) -> str:
        low, high = self.interval
        return (
            f"BLRM for {self.rows} x {self.columns} combinations with overdose control, target interval {low:.0%} to "
            f"{high:.0%}: at most one level of one drug up, to cells with P(DLT rate > {high:.0%}) at most "
            f"{self.overdose:.0%}."
        )
