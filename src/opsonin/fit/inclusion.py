"""Selection of virtual patients so that their outcomes are distributed as those observed.

Each plausible patient is included with a probability in proportion to the observed density over the plausible
density at its outcomes; the proportion is the one at which the selected are distributed most like the observed.
Source: Allen, Rieger & Musante (2016), CPT Pharmacometrics Syst Pharmacol 5:140.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from opsonin.errors import FitError
from opsonin.fit.reference import Normal, Observed, neighbour_density
from opsonin.fit.weights import effective_sample_size, matrix
from opsonin.random import uniform

TRIES = 20  # selections by which one proportion is judged
STEPS = 41  # proportions tried
FEWEST = 20  # a selection of fewer patients has no distribution worth comparing


@dataclass(frozen=True)
class Inclusion:
    """One entry per plausible patient.

    probability: of being included, which may serve as a weight.   selected: one selection by the seed.
    proportion: which the ratio of the densities was multiplied by.   clipped: share of patients whose probability would
    have been above 1.   distance: Kolmogorov–Smirnov statistic of each outcome, of the selected against the observed.
    """

    probability: Float[np.ndarray, " n"]
    selected: Bool[np.ndarray, " n"]
    proportion: float
    clipped: float
    distance: Float[np.ndarray, " outcome"]
    tried: Float[np.ndarray, "step 3"] = field(repr=False)

    @property
    def effective(self) -> float:
        """How many equally weighted patients the probabilities, as weights, are worth."""
        return float(effective_sample_size(self.probability))


def inclusion(
    outcomes: Any, observed: Normal | Observed, *, neighbours: int = 5, proportion: float | None = None, seed: int = 1
) -> Inclusion:
    """The probability of including each plausible patient, and one selection.

    outcomes: (n, outcome), of the plausible patients, in the scale of `observed` (`Normal` or `Observed`).
    neighbours: of each patient, by which the plausible density is found.   proportion: None to search for it by the
    mean summed Kolmogorov–Smirnov statistic of 20 selections, as it trades many patients against a true shape.
    `tried` has a row each: proportion, patients selected, that mean.
    Raises: FitError where outcomes coincide, or where no proportion selects 20 patients: the plausible patients then
    hardly reach where the observed are.
    """
    y = matrix(outcomes, "outcomes of plausible patients")
    n, d = y.shape
    if d != observed.dimensions:
        raise FitError(f"plausible patients have {d} outcomes but the observed {observed.dimensions}.")
    if not 1 <= neighbours < n:
        raise FitError(f"{neighbours} neighbours of {n} plausible patients; ask for fewer, or make more patients.")
    scaled = y / observed.scales
    plausible = neighbour_density(scaled, neighbours) - float(np.log(observed.scales).sum())
    ratio = observed.log_density(y) - plausible
    if not np.isfinite(ratio).any() or float(ratio.max()) < -500:
        raise FitError("no plausible patient has outcomes where the observed are; widen what is plausible.")
    ratio = np.exp(ratio - ratio.max())
    ladder, at = _Margins(y, observed), uniform(seed, "inclusion", np.arange(TRIES), draws=n)
    tried = np.empty((0, 3))
    if proportion is None:
        # from the patient with the largest ratio being certain, to all but those without any chance
        high = 1 / max(float(np.quantile(ratio[ratio > 0], 0.05)), 1e-12)
        steps = np.exp(np.linspace(0.0, np.log(max(high, 10.0)), STEPS))
        tried = np.array([(step, *ladder.judged(at < np.minimum(1.0, step * ratio))) for step in steps])
        if not np.isfinite(tried[:, 2]).any():
            raise FitError(
                f"no proportion selects {FEWEST} of {n} plausible patients: they hardly reach where the observed are. "
                "Make more of them, or widen what is plausible."
            )
        proportion = float(tried[int(np.argmin(tried[:, 2])), 0])
    probability = np.minimum(1.0, proportion * ratio)
    selected = at[0] < probability
    clipped = float((proportion * ratio > 1).mean())
    return Inclusion(probability, selected, proportion, clipped, ladder.distance(selected), tried)


class _Margins:
    """The outcomes sorted once, with the observed distribution function at each."""

    def __init__(self, y: np.ndarray, observed: Normal | Observed):
        self.order = np.argsort(y, axis=0, kind="stable")
        ordered = np.take_along_axis(y, self.order, axis=0)
        self.observed = np.column_stack([observed.margin(k, ordered[:, k]) for k in range(y.shape[1])])

    def distance(self, selected: np.ndarray) -> np.ndarray:
        """The Kolmogorov–Smirnov statistic of each outcome; NaN where fewer than two are selected."""
        if selected.sum() < 2:
            return np.full(self.order.shape[1], np.nan)
        chosen = selected[self.order]
        after = np.cumsum(chosen, axis=0) / selected.sum()
        before = after - chosen / selected.sum()
        return np.maximum(np.abs(after - self.observed), np.abs(before - self.observed)).max(axis=0, initial=0.0)

    def judged(self, selections: np.ndarray) -> tuple[float, float]:
        """Mean patients selected and mean summed distance, which is infinite where a selection is too small."""
        sizes = selections.sum(axis=1)
        if sizes.min() < FEWEST:
            return float(sizes.mean()), float("inf")
        return float(sizes.mean()), float(np.mean([self.distance(s).sum() for s in selections]))
