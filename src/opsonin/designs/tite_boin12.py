"""TITE-BOIN12: BOIN12 for late toxicity and late response, each patient counting for what is likely still to come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float

from opsonin.designs.base import Decision, Decisions
from opsonin.designs.boin12 import Boin12
from opsonin.designs.effective import (
    at_doses,
    chances,
    check_windows,
    decided_unless,
    efficacy_sizes,
    nothing_known,
    still_followed,
    toxicity_sizes,
)
from opsonin.designs.evidence import EFFICACY, FOLLOW_UP, PATIENTS, Evidence


@dataclass(frozen=True)
class TiteBoin12(Boin12):
    """The TITE-BOIN12 design, by its approximated likelihood.

    DLTs and responses are counted of the effective numbers of patients, and a patient still in a window counts for the
    probability that the event comes yet; utilities, ranks and moves are BOIN12's.
    window_days, efficacy_window_days: of the DLT and of the response.   most_pending: accrual waits while more than
    this share of the patients at the current dose are in either window.
    Of our own: a trial that would end because no dose may be given waits first until everybody has been judged.
    Source: Zhou, Lin, Lee, Li, Wang, Li & Yuan (2022), Stat Med 41:1918, doi:10.1002/sim.9337, sections 2.2.2-2.2.3.
    """

    window_days: float = 28.0
    efficacy_window_days: float = 56.0
    most_pending: float = 0.5
    needs: ClassVar[frozenset[str]] = frozenset({EFFICACY, FOLLOW_UP, PATIENTS})

    def __post_init__(self) -> None:
        super().__post_init__()
        check_windows(self.most_pending, window_days=self.window_days, efficacy_window_days=self.efficacy_window_days)

    @property
    def name(self) -> str:
        return "tite-boin12"

    def sizes(self, seen: Evidence) -> tuple[np.ndarray, np.ndarray]:
        return toxicity_sizes(seen), efficacy_sizes(seen)

    def utility_counts(self, seen: Evidence) -> Float[np.ndarray, "trial dose"]:
        """The sum of the patients' expected utilities / 100 at each dose."""
        people = seen.individuals
        if people is None or seen.efficacy is None:
            return super().utility_counts(seen)
        toxic, good = self.sizes(seen)
        t = chances(seen.dlt, toxic, people, people.dlt, people.weight)
        e = chances(seen.efficacy, good, people, people.efficacy, people.efficacy_weight)
        utility = self.good + (100 - self.good) * e - self.good * t + (self.good + self.bad - 100) * e * t
        return at_doses(utility, people, self.levels) / 100

    def decide_many(self, seen: Evidence) -> Decisions:
        if seen.pending is None or seen.efficacy_pending is None:
            return super().decide_many(seen)
        at = (seen.trials, np.maximum(seen.current, 1) - 1)
        most = self.most_pending * seen.patients[at]
        waits = (seen.pending[at] > most) | (seen.efficacy_pending[at] > most)
        return decided_unless((waits & (seen.current > 0)) | nothing_known(seen), seen, super().decide_many)

    def explain(self, seen: Evidence, made: Decision) -> tuple[str, dict[str, Any]]:
        if made.action != "wait":
            return super().explain(seen, made)
        told = self._told(seen, int(seen.current[0]))
        ends = bool(super().decide_many(seen).stop[0])
        why = "no dose may be given on what is known, which may change" if ends else "too much is not known yet"
        return f"{told}: wait, as {why}", self._numbers(seen)

    def _numbers(self, seen: Evidence) -> dict[str, Any]:
        toxic, good = self.sizes(seen)
        return super()._numbers(seen) | {
            "patients_for_dlt": toxic[0].round(6).tolist(),
            "patients_for_response": good[0].round(6).tolist(),
        }

    def _told(self, seen: Evidence, here: int) -> str:
        return f"{super()._told(seen, here)}{still_followed(seen, here)}"

    def describe(self) -> str:
        return (
            f"TITE-{super().describe()} Patients in their windows of {self.window_days:g} (DLT) and "
            f"{self.efficacy_window_days:g} days (response) count for what has been followed; accrual waits while more "
            f"than {self.most_pending:.0%} of those at a level are in one."
        )
