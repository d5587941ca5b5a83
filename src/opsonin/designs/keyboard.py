"""Keyboard: go where the posterior of the DLT rate is densest, among intervals as wide as the one sought."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from opsonin.designs.table import DOWN, HERE, UP, DecisionTable, TableDesign, check_rates, check_size, too_toxic
from opsonin.errors import DesignError


@dataclass(frozen=True)
class Keyboard(TableDesign):
    """The keyboard design.

    target: DLT rate sought.   below, above: the target key goes from target - below to target + above; keys of that
    width lie beside it on both sides, and the ends of (0, 1) that no whole key covers have none.
    confidence: a dose is given up where P(rate > target) exceeds it, from `at_least` patients on.
    Source: Yan, Mandrekar & Yuan (2017), Clin Cancer Res 23:3994, doi:10.1158/1078-0432.CCR-17-0220.
    """

    levels: int
    target: float = 0.30
    below: float = 0.05
    above: float = 0.05
    confidence: float = 0.95
    at_least: int = 3
    cohort: int = 3

    def __post_init__(self) -> None:
        check_size(self.levels, self.cohort)
        check_rates(target=self.target, confidence=self.confidence)
        check_interval("the target key", self.target, self.below, self.above)

    @property
    def name(self) -> str:
        return "keyboard"

    @property
    def edges(self) -> Float[np.ndarray, " edge"]:
        """The edges of all keys, in order."""
        width = self.below + self.above
        low, high = self.target - self.below, self.target + self.above
        down = np.arange(int((low + 1e-12) / width), 0, -1)
        up = np.arange(1, int((1 - high + 1e-12) / width) + 1)
        return np.concatenate([low - width * down, [low, high], high + width * up])

    def table(self, most: int) -> DecisionTable:
        patients, dlt = np.meshgrid(np.arange(most + 1), np.arange(most + 1), indexing="ij")
        edges = self.edges
        strongest = interval_masses(np.maximum(patients, dlt), dlt, edges).argmax(axis=-1)
        home = int(np.flatnonzero(np.isclose(edges, self.target - self.below))[0])
        move = np.select([strongest < home, strongest > home], [UP, DOWN], default=HERE)
        return DecisionTable(move, too_toxic(most, self.target, self.confidence, self.at_least))

    def describe(self) -> str:
        low, high = self.target - self.below, self.target + self.above
        return (
            f"Keyboard with target {self.target:.0%}: stay where the DLT rate is likeliest in the key from {low:.0%} "
            f"to {high:.0%}, go up where it is likeliest in a lower key, down where in a higher one."
        )


def interval_masses(
    patients: np.ndarray, dlt: np.ndarray, edges: Float[np.ndarray, " edge"]
) -> Float[np.ndarray, "... interval"]:
    """The posterior mass of a DLT rate in each interval, after a uniform prior."""
    from scipy.special import betainc

    below = betainc(1.0 + dlt[..., None], 1.0 + (patients - dlt)[..., None], np.clip(edges, 0.0, 1.0))
    return np.diff(below, axis=-1)


def check_interval(what: str, target: float, below: float, above: float) -> None:
    """Raises: DesignError where an interval around the target does not lie within (0, 1) or has no width."""
    if not (below > 0 and above > 0 and target - below > 0 and target + above < 1):
        raise DesignError(
            f"{what} goes from {target - below:g} to {target + above:g}; it lies within (0, 1) around the target."
        )
