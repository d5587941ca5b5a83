"""Rules that end a trial early by how sure one is: that a dose is too toxic, or that the right one is found."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from opsonin.designs.base import Decision, Decisions, Design, sought
from opsonin.designs.ending import ended, ended_where, still_open, waiting
from opsonin.designs.evidence import Evidence
from opsonin.designs.table import overdose_probability
from opsonin.designs.wrappers import Wrapper
from opsonin.errors import DesignError


def exceeds(design: Design, seen: Evidence, rate: float) -> Float[np.ndarray, "trial dose"]:
    """P(DLT rate > `rate`) at each dose: by the design's own model, where it has one with a posterior of the rates
    (an `exceeds` of its own, as the BLRM), otherwise by each dose's own patients after a uniform prior."""
    own = getattr(design, "exceeds", None)
    return overdose_probability(seen.patients, seen.dlt, rate) if own is None else own(seen, rate)


@dataclass(frozen=True)
class StopWhenTooToxic(Wrapper):
    """End the trial when a certain dose is too toxic: P(its DLT rate > rate) above `confidence`.

    level: the dose looked at; with the lowest one no dose is declared, otherwise one below it that was tried.
    rate: the design's target where not given.
    """

    confidence: float = 0.90
    level: int = 1
    rate: float | None = None

    def __post_init__(self) -> None:
        if not 0 < self.confidence < 1:
            raise DesignError(f"the confidence {self.confidence:g} that a dose is too toxic lies in (0, 1).")
        if not 1 <= self.level <= self.inner.levels:
            raise DesignError(f"level {self.level} is watched, but the design has {self.inner.levels} levels.")
        if not 0 < self.limit < 1:
            raise DesignError(f"the DLT rate {self.limit:g} that is too toxic lies in (0, 1).")

    @property
    def limit(self) -> float:
        """The DLT rate above which the dose is too toxic."""
        return sought(self.inner) if self.rate is None else self.rate

    def too_toxic(self, seen: Evidence) -> Bool[np.ndarray, " trial"]:
        """Whether the dose is."""
        risk = exceeds(self.inner, seen, self.limit)[:, self.level - 1]
        known = seen.patients[:, self.level - 1] > 0 if self._by_patients else seen.current > 0
        return known & (risk > self.confidence)

    @property
    def _by_patients(self) -> bool:
        """Whether the dose is judged by its own patients, without whom nothing but the prior speaks against it."""
        return getattr(self.inner, "exceeds", None) is None

    def changed(self, seen: Evidence, made: Decisions) -> Decisions:
        stops = self.too_toxic(seen) & ~made.stop
        if not stops.any():
            return made
        mtd = self._below(seen, self.inner.select_many(seen))
        waits = stops & (mtd > 0) & still_open(seen, self)  # who is in the window still says which dose is declared
        return made.where(stops, ended(mtd)).where(waits, waiting(made))

    def _below(self, seen: Evidence, chosen: np.ndarray) -> Int[np.ndarray, " trial"]:
        """The chosen dose, or the highest tried one below the toxic one where that is lower; 0 for none."""
        numbers = np.arange(1, self.level)
        tried = np.where(seen.patients[:, : self.level - 1] > 0, numbers, 0).max(axis=1, initial=0)
        return np.minimum(chosen, tried)

    def select_many(self, seen: Evidence) -> Int[np.ndarray, " trial"]:
        chosen = self.inner.select_many(seen)
        return np.where(self.too_toxic(seen), self._below(seen, chosen), chosen)

    def admissible(self, seen: Evidence) -> Bool[np.ndarray, "trial dose"]:
        from_there = np.arange(1, self.levels + 1) >= self.level
        return self.inner.admissible(seen) & ~(self.too_toxic(seen)[:, None] & from_there)

    def why(self, seen: Evidence, inner: Decision, made: Decision) -> str:
        risk = float(exceeds(self.inner, seen, self.limit)[0, self.level - 1])
        told = f"P(DLT rate at level {self.level} > {self.limit:.2f}) is {risk:.1%}, above {self.confidence:.1%}"
        return f"{told}: {self.end(made)}"

    def said(self) -> str:
        return (
            f"It ends when P(DLT rate at level {self.level} > {self.limit:.0%}) is above {self.confidence:.0%}, "
            "with no dose of at least that level."
        )


@dataclass(frozen=True)
class StopWhenPrecise(Wrapper):
    """End the trial when the DLT rate at the dose that would be next is known well, and declare a dose.

    confidence: P(rate within `within` of the target) reaches it.   patients: treated there at least.
    rate: the design's target where not given.
    """

    confidence: float = 0.80
    within: float = 0.10
    patients: int = 6
    rate: float | None = None

    def __post_init__(self) -> None:
        rate = self.centre
        if not 0 < self.confidence < 1:
            raise DesignError(f"the confidence {self.confidence:g} in a dose's DLT rate lies in (0, 1).")
        if not 0 < rate - self.within < rate + self.within < 1:
            raise DesignError(f"a DLT rate of {rate:g} give or take {self.within:g} leaves the interval (0, 1).")

    @property
    def centre(self) -> float:
        """The DLT rate sought."""
        return sought(self.inner) if self.rate is None else self.rate

    def _sure(self, seen: Evidence) -> Float[np.ndarray, "trial dose"]:
        low, high = (exceeds(self.inner, seen, self.centre + sign * self.within) for sign in (-1, 1))
        return low - high

    def changed(self, seen: Evidence, made: Decisions) -> Decisions:
        there = np.maximum(made.level, 1)
        enough = (made.level > 0) & (seen.at("patients", there) >= max(self.patients, 1))
        if not enough.any():
            return made
        sure = self._sure(seen)[seen.trials, there - 1]
        return ended_where(enough & (sure >= self.confidence), made, seen, self.inner)

    def why(self, seen: Evidence, inner: Decision, made: Decision) -> str:
        assert inner.level is not None
        sure = float(self._sure(seen)[0, inner.level - 1])
        told = f"P(DLT rate at level {inner.level} within {self.within:.2f} of {self.centre:.2f}) is {sure:.0%}"
        return f"{told}: {self.end(made)}"

    def said(self) -> str:
        return (
            f"It ends when, at the next level, P(DLT rate within {self.within:.0%} of {self.centre:.0%}) is at least "
            f"{self.confidence:.0%} after {self.patients} patients there."
        )
