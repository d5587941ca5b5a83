"""BOIN: stay while the observed DLT rate lies between two bounds that make wrong moves least likely."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from opsonin.designs.evidence import Evidence
from opsonin.designs.table import (
    DOWN,
    HERE,
    UP,
    DecisionTable,
    TableDesign,
    check_rates,
    check_size,
    nearest_to_target,
    overdose_probability,
    too_toxic,
)
from opsonin.errors import DesignError

_ROUNDING = 1e-12  # a rate of counts that equals a bound but for rounding counts as on it


@dataclass(frozen=True)
class Boin(TableDesign):
    """The Bayesian optimal interval design.

    target: DLT rate sought.   too_low, too_high: rates taken to be clearly below and above it (0.6 and 1.4 targets).
    confidence: a dose is given up where P(rate > target) exceeds it, from three patients on.
    extra_safe: the trial also ends where that of the lowest dose exceeds confidence - offset.
    bounded: only doses whose estimated rate is below the de-escalation bound may be declared.
    one_of_three_stays: one DLT in three patients is no reason to go down, as in the 3+3; with a target of 25 % the
    bounds say it is.   cohort: patients treated together.
    Source: Liu & Yuan (2015), J R Stat Soc C 64:507, doi:10.1111/rssc.12089, equation (4); Yan et al. (2020), J Stat
    Softw 94(13), for the options.
    """

    levels: int
    target: float = 0.30
    too_low: float | None = None
    too_high: float | None = None
    confidence: float = 0.95
    extra_safe: bool = False
    offset: float = 0.05
    bounded: bool = False
    cohort: int = 3
    one_of_three_stays: bool = False

    def __post_init__(self) -> None:
        check_size(self.levels, self.cohort)
        check_rates(target=self.target, confidence=self.confidence)
        low, high = self.rates_apart
        if not 0 < low < self.target < high < 1:
            raise DesignError(
                f"BOIN needs 0 < too_low < target < too_high < 1; {low:g}, {self.target:g} and {high:g} were given."
            )

    @property
    def name(self) -> str:
        return "boin"

    @property
    def rates_apart(self) -> tuple[float, float]:
        """The rates taken to be clearly too low and too high."""
        low = 0.6 * self.target if self.too_low is None else self.too_low
        return low, 1.4 * self.target if self.too_high is None else self.too_high

    @property
    def bounds(self) -> tuple[float, float]:
        """Observed rates at or below which to go up, and at or above which to go down."""
        p, (low, high) = self.target, self.rates_apart
        up = math.log((1 - low) / (1 - p)) / math.log(p * (1 - low) / (low * (1 - p)))
        down = math.log((1 - p) / (1 - high)) / math.log(high * (1 - p) / (p * (1 - high)))
        return up, down

    def table(self, most: int) -> DecisionTable:
        patients, dlt = np.meshgrid(np.arange(most + 1), np.arange(most + 1), indexing="ij")
        return DecisionTable(self.verdict(patients, dlt), too_toxic(most, self.target, self.confidence))

    def verdict(self, patients: np.ndarray, dlt: np.ndarray) -> Int[np.ndarray, "*shape"]:
        """By the bounds, for numbers that need not be whole too."""
        rate, (up, down) = np.divide(dlt, patients, out=np.zeros(patients.shape), where=patients > 0), self.bounds
        move = np.select([rate <= up + _ROUNDING, rate >= down - _ROUNDING], [UP, DOWN], default=HERE)
        if self.one_of_three_stays:
            move = np.where((patients == 3) & (dlt == 1) & (move == DOWN), HERE, move)
        return move

    def admissible(self, seen: Evidence) -> Bool[np.ndarray, "trial dose"]:
        allowed = super().admissible(seen)
        if self.extra_safe:
            patients, dlt = seen.patients[:, 0], seen.dlt[:, 0]
            over = overdose_probability(patients, dlt, self.target) > self.confidence - self.offset
            allowed = allowed & ~((patients >= 3) & over)[:, None]
        return allowed

    def select_many(self, seen: Evidence) -> Int[np.ndarray, " trial"]:
        rates = self.rates(seen)
        if self.bounded:
            rates = np.where(rates <= self.bounds[1], rates, np.nan)
        return nearest_to_target(rates, self.target)

    def describe(self) -> str:
        up, down = self.bounds
        return (
            f"BOIN with target {self.target:.0%}: go up where at most {up:.1%} of the patients at a level have a DLT, "
            f"down where at least {down:.1%} have; a level is given up where its rate is above the target with a "
            f"probability over {self.confidence:.0%}. The MTD is the level whose isotonic estimate is nearest to the "
            "target."
        )

    def _bounds(self, patients: int) -> str:
        up, down = self.bounds
        return f"; up to {up:.3f} go up, from {down:.3f} go down"
