"""Rolling six: two to six patients at a level at the same time, decided on what is known when the next one comes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Int

from opsonin.designs.base import WAIT, Decision, Decisions, Design, decisions
from opsonin.designs.evidence import FOLLOW_UP, Evidence
from opsonin.designs.table import check_size
from opsonin.errors import DesignError

MOST = 6  # patients at a level


@dataclass(frozen=True)
class RollingSix(Design):
    """The rolling six design, one patient at a time.

    At a level: two DLTs, go down (not again above); three or more patients, all followed without a DLT, or six with at
    most one DLT whatever those still followed will show (five followed without a DLT, or all six), go up; else another
    patient there while there are fewer than six, and then wait. The MTD is the highest level with at most one DLT in
    six, or in three to six at the highest level.
    window_days: of the DLT.
    Source: Skolnik, Barrett, Jayaraman, Patel & Adamson (2008), J Clin Oncol 26:190, doi:10.1200/JCO.2007.12.7712; its
    table of decisions in Frankel et al. (2020), JAMA Netw Open 3:e204787, table 2.
    """

    levels: int
    window_days: float = 28.0
    needs: ClassVar[frozenset[str]] = frozenset({FOLLOW_UP})

    def __post_init__(self) -> None:
        check_size(self.levels)
        if not self.window_days > 0:
            raise DesignError(f"the DLT window has {self.window_days:g} days; give a number above 0.")

    @property
    def name(self) -> str:
        return "rolling-six"

    def decide_many(self, seen: Evidence) -> Decisions:
        toxic = seen.dlt >= 2
        below = np.where(toxic.any(axis=1), toxic.argmax(axis=1), self.levels)  # the highest level not too toxic
        here = np.minimum(np.maximum(seen.current, 1), np.maximum(below, 1))
        patients, dlt = seen.at("patients", here), seen.at("dlt", here)
        pending = np.zeros_like(patients) if seen.pending is None else seen.at("pending", here)
        known = patients - pending
        cleared = ((dlt == 0) & (pending == 0) & (patients >= 3)) | ((patients >= MOST) & (dlt + pending <= 1))
        up = cleared & (here < below)
        full = patients >= MOST
        ends = (below == 0) | (cleared & (here == below) & (full | (here == self.levels)))
        waits = full & ~cleared & ~ends & (known < patients)
        level = np.where(up, here + 1, here)
        level = np.where(seen.current == 0, 1, level)
        made = decisions(seen.current, level, 1, mtd=np.where(below > 0, here, 0), ends=ends & (seen.current > 0))
        nothing = np.zeros_like(level)
        waits &= (seen.current > 0) & ~made.stop
        return made.where(waits, Decisions(np.full_like(made.action, WAIT), nothing, nothing, nothing))

    def select_many(self, seen: Evidence) -> Int[np.ndarray, " trial"]:
        """The highest level with three patients or more and fewer than two DLTs, below every one with two."""
        toxic = np.logical_or.accumulate(seen.dlt >= 2, axis=1)
        fit = (seen.patients >= 3) & ~toxic
        return np.where(fit, np.arange(1, self.levels + 1), 0).max(axis=1)

    def explain(self, seen: Evidence, made: Decision) -> tuple[str, dict[str, Any]]:
        pending = np.zeros_like(seen.patients) if seen.pending is None else seen.pending
        numbers = {
            "patients": seen.patients[0].tolist(), "dlt": seen.dlt[0].tolist(), "pending": pending[0].tolist(),
        }  # fmt: skip
        if not seen.current[0]:
            return "no patients yet: treat the first at level 1", numbers
        here = int(seen.current[0])
        treated, toxic, open_ = (int(a[0, here - 1]) for a in (seen.patients, seen.dlt, pending))
        told = f"{toxic} DLT in {treated} at level {here}, {open_} still followed"
        said = {
            "declare": f"level {made.mtd} is the MTD",
            "stop": "level 1 is too toxic, so no level is the MTD",
            "wait": "six are treated: wait",
            "escalate": f"go up to level {made.level}",
            "de-escalate": f"too toxic: go down to level {made.level}",
            "stay": f"another patient at level {made.level}",
            "start": "start",
        }
        return f"{told}: {said[made.action]}", numbers

    def describe(self) -> str:
        return (
            "Rolling six: up to six patients at a level at once; three to six followed without a DLT, or one DLT in "
            "six, go up; two DLTs, go down."
        )
