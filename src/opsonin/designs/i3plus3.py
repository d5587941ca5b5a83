"""i3+3: an interval design whose table follows from two comparisons of fractions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from opsonin.designs.keyboard import check_interval
from opsonin.designs.table import DOWN, HERE, UP, DecisionTable, TableDesign, check_rates, check_size, too_toxic

_ROUNDING = 1e-12


@dataclass(frozen=True)
class I3Plus3(TableDesign):
    """The i3+3 design: below the equivalence interval go up, inside it stay; above it go down, unless one DLT less
    would be below the interval, where the patients are too few to tell: stay.

    target: DLT rate sought.   below, above: the equivalence interval goes from target - below to target + above.
    confidence: a dose is given up where P(rate > target) exceeds it, from three patients on.
    Source: Liu, Wang & Ji (2020), J Biopharm Stat 30:294, doi:10.1080/10543406.2019.1636811.
    """

    levels: int
    target: float = 0.30
    below: float = 0.05
    above: float = 0.05
    confidence: float = 0.95
    cohort: int = 3

    def __post_init__(self) -> None:
        check_size(self.levels, self.cohort)
        check_rates(target=self.target, confidence=self.confidence)
        check_interval("the equivalence interval", self.target, self.below, self.above)

    @property
    def name(self) -> str:
        return "i3+3"

    def describe(self) -> str:
        low, high = self.target - self.below, self.target + self.above
        return (
            f"i3+3 with target {self.target:.0%}: go up where fewer than {low:.0%} of the patients at a level have a "
            f"DLT, stay up to {high:.0%}, go down above; stay where one DLT less would be below {low:.0%}."
        )

    def table(self, most: int) -> DecisionTable:
        patients, dlt = np.meshgrid(np.arange(most + 1), np.arange(most + 1), indexing="ij")
        size = np.maximum(patients, 1)
        rate, one_less = dlt / size, (dlt - 1) / size
        low, high = self.target - self.below - _ROUNDING, self.target + self.above + _ROUNDING
        move = np.select([rate < low, rate <= high, one_less < low], [UP, HERE, HERE], default=DOWN)
        return DecisionTable(move, too_toxic(most, self.target, self.confidence))
