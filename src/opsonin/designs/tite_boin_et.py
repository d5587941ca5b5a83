"""TITE-BOIN-ET: BOIN-ET for late toxicity and late response."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Bool

from opsonin.designs.base import Decision, Decisions
from opsonin.designs.boin_et import BoinEt
from opsonin.designs.effective import (
    awaited,
    check_windows,
    decided_unless,
    efficacy_sizes,
    nothing_known,
    still_followed,
    toxicity_sizes,
)
from opsonin.designs.evidence import EFFICACY, FOLLOW_UP, LOTS, PATIENTS, Evidence


@dataclass(frozen=True)
class TiteBoinEt(BoinEt):
    """The TITE-BOIN-ET design: rates are events over the effective numbers of patients; the moves are BOIN-ET's.

    window_days, efficacy_window_days: of the DLT and of the response.   most_pending: accrual waits while more than
    this share of the patients at the current dose are in either window.
    Doses are given up for DLTs on all patients treated, as if those still followed had none, and for few responses on
    the effective number, as nobody should count as without a response who may have one yet. Of our own: a trial that
    would end because no dose may be given waits first until everybody has been judged.
    Source: Takeda, Morita & Taguri (2020), Pharm Stat 19:335, doi:10.1002/pst.1995.
    """

    window_days: float = 28.0
    efficacy_window_days: float = 56.0
    most_pending: float = 0.5
    needs: ClassVar[frozenset[str]] = frozenset({EFFICACY, FOLLOW_UP, LOTS, PATIENTS})

    def __post_init__(self) -> None:
        super().__post_init__()
        check_windows(self.most_pending, window_days=self.window_days, efficacy_window_days=self.efficacy_window_days)

    @property
    def name(self) -> str:
        return "tite-boin-et"

    def sizes(self, seen: Evidence) -> tuple[np.ndarray, np.ndarray]:
        return toxicity_sizes(seen), efficacy_sizes(seen)

    def waits(self, seen: Evidence) -> Bool[np.ndarray, " trial"]:
        """Trials in which too many at the current dose are in a window."""
        if seen.individuals is None:
            return np.zeros(len(seen), dtype=bool)
        toxic, good = awaited(seen.individuals)
        here = (seen.individuals.dose == seen.current[:, None]) & (seen.current > 0)[:, None]
        many = (here & (toxic | good)).sum(axis=1) > self.most_pending * here.sum(axis=1)
        return many | nothing_known(seen)

    def decide_many(self, seen: Evidence) -> Decisions:
        return decided_unless(self.waits(seen), seen, super().decide_many)

    def explain(self, seen: Evidence, made: Decision) -> tuple[str, dict[str, Any]]:
        if made.action != "wait":
            return super().explain(seen, made)
        ends = bool(super().decide_many(seen).stop[0])
        why = "no dose may be given on what is known, which may change" if ends else "too much is not known yet"
        return f"{self._told(seen, int(seen.current[0]))}: wait, as {why}", self._numbers(seen)

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
