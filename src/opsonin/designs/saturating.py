"""The lowest dose that does what more does not do better: by the immune effect, among doses that are tolerated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from opsonin.designs.base import Decision, Decisions, Design
from opsonin.designs.evidence import IMMUNE, Evidence
from opsonin.designs.isotonic import isotonic
from opsonin.designs.wrappers import Wrapper
from opsonin.errors import DesignError


@dataclass(frozen=True)
class Saturating(Wrapper):
    """Let another design find the highest tolerated dose, and declare the lowest one whose immune effect reaches a
    share of the greatest mean effect up to there.

    Means are isotonic over doses, weighted by the patients measured: the effect is taken not to fall with dose. An
    effect is counted from `baseline`, where there is none.
    share: of the greatest mean effect, assumed 0.9 unless given, as less than a tenth is within most assays' error.
    baseline: of the endpoint without treatment (1 for a ratio to baseline, 0 for a change or an occupancy).
    Source: the rule is our own; that immune effects saturate below the MTD is why agencies ask for the optimal rather
    than the maximum dose (FDA 2024, Optimizing the Dosage of Human Prescription Drugs and Biological Products for the
    Treatment of Oncologic Diseases).
    """

    share: float = 0.9
    baseline: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise DesignError(
                f"share is a part of the greatest effect, above 0 and at most 1; {self.share:g} was given."
            )

    @property
    def needs(self) -> frozenset[str]:  # type: ignore[override]
        return self.inner.needs | {IMMUNE}

    @property
    def seeks(self) -> str:  # type: ignore[override]
        return "optimal biological dose"

    def effects(self, seen: Evidence) -> Float[np.ndarray, "trial dose"]:
        """The isotonic mean effect at each dose where somebody was measured; NaN elsewhere.

        Raises: DesignError where the evidence holds no immune endpoint.
        """
        if seen.immune is None or seen.immune_known is None:
            raise DesignError("this design looks at an immune endpoint, which the outcomes do not hold.")
        known = seen.immune_known > 0
        mean = np.divide(seen.immune, seen.immune_known, out=np.zeros(seen.immune.shape), where=known) - self.baseline
        return isotonic(mean, seen.immune_known.astype(float), known)

    def lowest(self, seen: Evidence, highest: Int[np.ndarray, " trial"]) -> Int[np.ndarray, " trial"]:
        """The lowest dose up to another one with an effect near enough to the greatest; without data that other one."""
        doses = np.arange(1, self.levels + 1)
        effect = np.where((doses <= highest[:, None]) & (seen.patients > 0), self.effects(seen), np.nan)
        known = ~np.isnan(effect)
        most = np.where(known, effect, -np.inf).max(axis=1)
        enough = known & (effect >= (self.share * most)[:, None]) & (most > 0)[:, None]
        return np.where(enough.any(axis=1), enough.argmax(axis=1) + 1, highest)

    def changed(self, seen: Evidence, made: Decisions) -> Decisions:
        found = made.mtd > 0
        if not found.any():
            return made
        return made._replace(mtd=np.where(found, self.lowest(seen, made.mtd), made.mtd))

    def select_many(self, seen: Evidence) -> Int[np.ndarray, " trial"]:
        highest = self.inner.select_many(seen)
        return np.where(highest > 0, self.lowest(seen, highest), 0)

    def why(self, seen: Evidence, inner: Decision, made: Decision) -> str:
        return (
            f"level {inner.mtd} is tolerated, but level {made.mtd} already has {self.share:.0%} of the immune effect "
            "seen up to there"
        )

    def said(self) -> str:
        return (
            f"Of the tolerated levels the lowest is declared that has {self.share:.0%} of the greatest immune effect "
            "among them."
        )


def with_saturating(inner: Design, given: Any) -> Design:
    """A design that declares the lowest saturating dose, from a study file's `saturating = 0.9` (the share), or from a
    table { share = 0.9, baseline = 1.0 }.

    Raises: DesignError for anything else.
    """
    options = dict(given) if isinstance(given, Mapping) else {"share": given}
    strange = sorted(set(options) - {"share", "baseline"})
    number = all(isinstance(value, int | float) and not isinstance(value, bool) for value in options.values())
    if strange or not number:
        raise DesignError(
            f"the option 'saturating' is {given!r}; give the share of the greatest immune effect, such as 0.9, or a "
            "table { share = 0.9, baseline = 1.0 }."
        )
    return Saturating(inner, **{key: float(value) for key, value in options.items()})
