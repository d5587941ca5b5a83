"""TITE-BOIN: BOIN for late toxicity, each patient still in the window counting as much as has been followed of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float

from opsonin.designs.base import WAIT, Decision, Decisions, decisions
from opsonin.designs.boin import Boin
from opsonin.designs.evidence import FOLLOW_UP, Evidence
from opsonin.errors import DesignError


@dataclass(frozen=True)
class TiteBoin(Boin):
    """The time-to-event BOIN design, in its form with standardised follow-up.

    The DLT rate at the current dose is DLTs over the effective number of patients: those whose window has closed, or
    who had a DLT, and of the others the part of the window that has been followed.
    window_days: of the DLT.   most_pending: accrual waits while more than this share of the patients at the current
    dose are in their window; it also waits at the lowest dose while the rate there is too high and somebody is.
    Doses are given up on all patients treated, as if those still followed had no DLT, which cannot be too early.
    Source: Yuan, Lin, Li, Nie & Warren (2018), Clin Cancer Res 24:4921, doi:10.1158/1078-0432.CCR-18-0246; Lin & Yuan
    (2020), Biometrics 76:314, for the effective number.
    """

    window_days: float = 28.0
    most_pending: float = 0.5
    needs: ClassVar[frozenset[str]] = frozenset({FOLLOW_UP})

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.window_days > 0:
            raise DesignError(f"the DLT window has {self.window_days:g} days; give a number above 0.")
        if not 0 < self.most_pending <= 1:
            raise DesignError(f"most_pending is {self.most_pending:g}; it is a share above 0 and at most 1.")

    @property
    def name(self) -> str:
        return "tite-boin"

    def effective(self, seen: Evidence) -> Float[np.ndarray, "trial dose"]:
        """The effective number of patients at each dose."""
        if seen.pending is None or seen.followed is None:
            return seen.patients.astype(float)
        return seen.patients - seen.pending + seen.followed

    def counted(self, seen: Evidence) -> tuple[np.ndarray, np.ndarray]:
        return self.effective(seen), seen.dlt

    def decide_many(self, seen: Evidence) -> Decisions:
        current = seen.current
        here = np.maximum(current, 1)
        at = (seen.trials, here - 1)
        size = self.effective(seen)[at]
        move = self.verdict(size, seen.dlt[at])
        highest = self.admissible(seen).sum(axis=1)
        level = np.clip(here + move, 1, np.minimum(np.maximum(highest, 1), self.levels))
        level = np.where(current == 0, 1, level)
        made = decisions(current, level, self.cohort, ends=(highest == 0) & (current > 0))
        if seen.pending is None:
            return made
        pending = seen.pending[at]
        waits = pending > self.most_pending * seen.patients[at]
        waits |= (here == 1) & (move < 0) & (pending > 0)
        waits &= (current > 0) & ~made.stop & (highest >= here)
        nothing = np.zeros_like(level)
        return made.where(waits, Decisions(np.full_like(made.action, WAIT), nothing, nothing, nothing))

    def explain(self, seen: Evidence, made: Decision) -> tuple[str, dict[str, Any]]:
        here = int(seen.current[0])
        if not here or made.stop or seen.pending is None or not seen.pending[0, here - 1]:
            return super().explain(seen, made)
        size, toxic = float(self.effective(seen)[0, here - 1]), int(seen.dlt[0, here - 1])
        treated, pending = int(seen.patients[0, here - 1]), int(seen.pending[0, here - 1])
        numbers = {
            "patients": seen.patients[0].tolist(),
            "dlt": seen.dlt[0].tolist(),
            "pending": seen.pending[0].tolist(),
            "effective_patients": self.effective(seen)[0].round(6).tolist(),
        }
        told = f"{toxic} of {treated} with DLT at level {here}, {pending} still in the window"
        if made.action == "wait":
            why = "too many are" if pending > self.most_pending * treated else "the lowest level may be too toxic"
            return f"{told}: wait, as {why}", numbers
        up, down = self.bounds
        words = {"escalate": "go up", "de-escalate": "go down"}.get(made.action, "stay")
        return f"{told}, {toxic / size:.2f} by follow-up ({up:.3f} to {down:.3f} stay): {words}", numbers

    def describe(self) -> str:
        return (
            f"TITE-{super().describe()} Patients in their window of {self.window_days:g} days count as much as has "
            f"been followed; accrual waits while more than {self.most_pending:.0%} of those at a level are in it."
        )
