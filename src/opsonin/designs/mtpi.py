"""mTPI and mTPI-2: go where the posterior of the DLT rate has most mass per width."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from opsonin.designs.keyboard import check_interval, interval_masses
from opsonin.designs.table import DOWN, HERE, UP, DecisionTable, TableDesign, check_rates, check_size, too_toxic

_ROUNDING = 1e-12


@dataclass(frozen=True)
class Mtpi(TableDesign):
    """The modified toxicity probability interval design: (0, target - below), the equivalence interval around the
    target, and (target + above, 1).

    confidence: a dose is given up where P(rate > target) exceeds it, from `at_least` patients on.
    Source: Ji, Liu, Li & Bekele (2010), Clin Trials 7:653, doi:10.1177/1740774510382799.
    """

    levels: int
    target: float = 0.30
    below: float = 0.05
    above: float = 0.05
    confidence: float = 0.95
    at_least: int = 2
    cohort: int = 3

    def __post_init__(self) -> None:
        check_size(self.levels, self.cohort)
        check_rates(target=self.target, confidence=self.confidence)
        check_interval("the equivalence interval", self.target, self.below, self.above)

    @property
    def name(self) -> str:
        return "mtpi"

    @property
    def edges(self) -> Float[np.ndarray, " edge"]:
        """The edges of all intervals from 0 to 1."""
        return np.array([0.0, self.target - self.below, self.target + self.above, 1.0])

    def table(self, most: int) -> DecisionTable:
        patients, dlt = np.meshgrid(np.arange(most + 1), np.arange(most + 1), indexing="ij")
        edges = self.edges
        density = interval_masses(np.maximum(patients, dlt), dlt, edges) / np.diff(edges)
        densest = density.argmax(axis=-1)
        home = int(np.flatnonzero(np.isclose(edges, self.target - self.below))[0])
        move = np.select([densest < home, densest > home], [UP, DOWN], default=HERE)
        return DecisionTable(move, too_toxic(most, self.target, self.confidence, self.at_least))

    def describe(self) -> str:
        low, high = self.target - self.below, self.target + self.above
        return (
            f"mTPI{self.name.removeprefix('mtpi')} with target {self.target:.0%}: stay where the DLT rate has "
            f"its greatest posterior density from {low:.0%} to {high:.0%}, go up where below, down where above."
        )


@dataclass(frozen=True)
class Mtpi2(Mtpi):
    """mTPI-2: the intervals below and above are cut into pieces as wide as the equivalence interval; the outermost
    pieces may be narrower.

    Source: Guo, Wang, Yang, Lynn & Ji (2017), Contemp Clin Trials 58:23, doi:10.1016/j.cct.2017.04.006.
    """

    @property
    def name(self) -> str:
        return "mtpi-2"

    @property
    def edges(self) -> Float[np.ndarray, " edge"]:
        width = self.below + self.above
        low, high = self.target - self.below, self.target + self.above
        down, up = np.arange(low, _ROUNDING, -width)[::-1], np.arange(high, 1 - _ROUNDING, width)
        return np.concatenate([[0.0], down, up, [1.0]])
