"""gBOIN: BOIN on graded toxicity, where a mild event counts for part of a DLT and a severe one for more."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Bool, Float

from opsonin.designs.base import Decision, Decisions, decisions
from opsonin.designs.boin import Boin
from opsonin.designs.evidence import GRADES, Evidence
from opsonin.designs.isotonic import isotonic
from opsonin.designs.table import overdose_probability
from opsonin.errors import DesignError


@dataclass(frozen=True)
class GBoin(Boin):
    """The generalised BOIN design for toxicity grades.

    Each patient has a score by the grade of the worst toxicity, divided by the largest; its mean at the current level
    is held against BOIN's bounds, as if scores were parts of DLTs (quasi-Bernoulli likelihood).
    scores: of grades 0 to 5; by default 0, 0, 0.5, 1, 1.5, 1.5, as where a grade 2 counts half a DLT.
    target: mean score sought, on the scale from 0 to 1 (0.313 where a third of patients may have a DLT, in the paper).
    Source: Mu, Yuan, Xu, Mandrekar & Yin (2019), J R Stat Soc C 68:289, doi:10.1111/rssc.12263, sections 2 and 3.
    """

    target: float = 0.313
    scores: tuple[float, ...] = (0.0, 0.0, 0.5, 1.0, 1.5, 1.5)
    needs: ClassVar[frozenset[str]] = frozenset({GRADES})

    def describe(self) -> str:
        return f"g{super().describe()} Rates are mean scores of patients' worst grades, as shares of the highest."

    def __post_init__(self) -> None:
        super().__post_init__()
        given = np.array(self.scores, dtype=float)
        if given.shape != (6,) or np.any(given < 0) or np.any(np.diff(given) < 0) or given[-1] <= 0:
            raise DesignError(f"scores of grades 0 to 5 are six numbers that never fall; {self.scores} were given.")

    @property
    def name(self) -> str:
        return "gboin"

    @cached_property
    def score_of_grade(self) -> Float[np.ndarray, " grade"]:
        """The score of each grade, from 0 to 1."""
        given = np.array(self.scores, dtype=float)
        return given / given[-1]

    def _score(self, seen: Evidence) -> np.ndarray:
        if seen.score is None:
            raise DesignError("gBOIN needs each patient's worst grade; write outcomes as '1Ng1Ng2Tg3'.")
        return seen.score

    def admissible(self, seen: Evidence) -> Bool[np.ndarray, "trial dose"]:
        over = overdose_probability(seen.patients, self._score(seen), self.target) > self.confidence
        return ~np.logical_or.accumulate(over & (seen.patients >= 3), axis=1)

    def counted(self, seen: Evidence) -> tuple[np.ndarray, np.ndarray]:
        return seen.patients, self._score(seen)

    def decide_many(self, seen: Evidence) -> Decisions:
        here = np.maximum(seen.current, 1)
        move = self.verdict(seen.at("patients", here), self._score(seen)[seen.trials, here - 1])
        highest = self.admissible(seen).sum(axis=1)
        level = np.clip(here + move, 1, np.minimum(np.maximum(highest, 1), self.levels))
        level = np.where(seen.current == 0, 1, level)
        return decisions(seen.current, level, self.cohort, ends=(highest == 0) & (seen.current > 0))

    def rates(self, seen: Evidence) -> Float[np.ndarray, "trial dose"]:
        """Isotonic mean scores at the levels tried and not given up; NaN elsewhere."""
        there = (seen.patients > 0) & self.admissible(seen)
        score, patients = self._score(seen) + 0.05, seen.patients + 0.1
        variance = score * (patients - score) / (patients**2 * (patients + 1))
        return isotonic(score / patients, 1 / variance, there)

    def explain(self, seen: Evidence, made: Decision) -> tuple[str, dict[str, Any]]:
        score = self._score(seen)[0]
        numbers = {"patients": seen.patients[0].tolist(), "scores": [round(float(value), 6) for value in score]}
        if not seen.current[0]:
            return f"no patients yet: treat {made.patients} at level {made.level}", numbers
        here = int(seen.current[0])
        treated = int(seen.patients[0, here - 1])
        up, down = self.bounds
        told = f"mean score {score[here - 1] / treated:.2f} of {treated} at level {here} ({up:.3f} to {down:.3f} stay)"
        if made.stop:
            return f"{told}: level 1 is too toxic, so no level is the MTD", numbers
        return f"{told}: {made.action} to level {made.level}" if made.level != here else f"{told}: stay", numbers
