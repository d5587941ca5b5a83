"""The 3+3 design, with return to the lower level."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool

from opsonin.designs.base import DECLARE, DEESCALATE, ESCALATE, START, STAY, STOP, Decision, Decisions, Design
from opsonin.designs.evidence import Evidence
from opsonin.errors import DesignError

_WORDS = {3: "three", 6: "six"}


@dataclass(frozen=True)
class ThreePlusThree(Design):
    """Treat three; none with DLT: go up; one: treat three more; two or more: the level is too toxic, go down.

    The level below a toxic one is filled up to six patients. The MTD is the highest level with fewer than two DLTs in
    six, and no level ever has more than six patients.

    levels: number of dose levels.
    return_to_lower: False declares the level below a toxic one without filling it (the design's short form).
    fill_top: False declares the highest level as soon as it is cleared, with three patients if none has a DLT.
    Source: Storer 1989 (Biometrics 45:925); with return to the lower level, Korn 1994 (Stat Med 13:1799).
    """

    levels: int
    return_to_lower: bool = True
    fill_top: bool = True

    def __post_init__(self) -> None:
        if self.levels < 1:
            raise DesignError(f"a 3+3 design needs at least one dose level; {self.levels} were given.")

    @property
    def name(self) -> str:
        return "3+3"

    def describe(self) -> str:
        text = (
            "3+3: three patients a level; none with DLT, go up; one of three, treat three more; two or more, the level "
            "is too toxic"
        )
        if self.return_to_lower:
            text += ", and the level below is filled up to six patients"
        return text + ". The MTD is the highest level with fewer than 2 DLTs in 6."

    def tolerated(self, seen: Evidence) -> Bool[np.ndarray, "trial dose"]:
        """Doses at which, as at all below, fewer than a third had a DLT, alone or with the next dose's patients."""
        tables = [np.pad(table, ((0, 0), (0, 1))) for table in (seen.patients, seen.dlt)]
        both = [table[:, :-1] + table[:, 1:] for table in tables]
        fine = (3 * seen.dlt < np.maximum(seen.patients, 1)) | (3 * both[1] < np.maximum(both[0], 1))
        return np.logical_and.accumulate(fine, axis=1)

    def explain(self, seen: Evidence, made: Decision) -> tuple[str, dict[str, Any]]:
        told = self._told(seen)
        return told.reason, told.numbers

    def _told(self, seen: Evidence) -> Decision:
        """The decision of one trial step by step, as a person would go through it."""
        patients, dlt = seen.patients[0].tolist(), seen.dlt[0].tolist()
        numbers = {"patients": patients, "dlt": dlt}
        if not sum(patients):
            return Decision("start", 1, 3, None, "no patients yet: treat three at level 1", numbers)
        toxic = [level for level in range(1, self.levels + 1) if dlt[level - 1] >= 2]
        below = min(toxic, default=self.levels + 1) - 1  # the highest level not shown to be too toxic
        here = int(seen.current[0])
        while here < below and _cleared(patients[here - 1], dlt[here - 1]) and patients[here]:
            here += 1  # the level above has been tried already: the decision is about that one
        seen_here = f"{dlt[here - 1]} of {patients[here - 1]} with DLT at level {here}"
        if here > below:
            return self._go_down(below, seen_here, numbers)
        return self._go_on(here, below, seen_here, numbers)

    def _go_down(self, below: int, seen: str, numbers: dict[str, Any]) -> Decision:
        if below == 0:
            reason = f"{seen}: level 1 is too toxic, so no level is the MTD"
            return Decision("stop", None, 0, None, reason, numbers)
        treated, toxic = numbers["patients"][below - 1], numbers["dlt"][below - 1]
        if treated >= 6 or (_cleared(treated, toxic) and not self.return_to_lower):
            reason = f"{seen}: too toxic; level {below} had {toxic} of {treated} and is the MTD"
            return Decision("declare", None, 0, below, reason, numbers)
        full = 6 if self.return_to_lower or treated >= 3 else 3
        reason = f"{seen}: too toxic; return to level {below} until it has {_WORDS[full]} patients"
        return Decision("de-escalate", below, full - treated, None, reason, numbers)

    def _go_on(self, here: int, below: int, seen: str, numbers: dict[str, Any]) -> Decision:
        treated, toxic = numbers["patients"][here - 1], numbers["dlt"][here - 1]
        capped = here == below and below < self.levels  # the level above is too toxic
        if treated < 3:
            return Decision("stay", here, 3 - treated, None, f"{seen}: complete the three", numbers)
        if not _cleared(treated, toxic):
            return Decision("stay", here, 6 - treated, None, f"{seen}: treat up to six", numbers)
        if here < below:
            return Decision("escalate", here + 1, 3, None, f"{seen}: go up to level {here + 1}", numbers)
        if treated < 6 and (self.return_to_lower if capped else self.fill_top):
            why = "the level above is too toxic" if capped else "this is the highest level"
            return Decision("stay", here, 6 - treated, None, f"{seen}; {why}: treat up to six", numbers)
        why = "the level above is too toxic" if capped else "the highest level"
        return Decision("declare", None, 0, here, f"{seen} ({why}): level {here} is the MTD", numbers)

    def decide_many(self, seen: Evidence) -> Decisions:
        patients, dlt, current = seen.patients, seen.dlt, seen.current
        trials = np.arange(len(current))
        toxic = dlt >= 2
        below = np.where(toxic.any(axis=1), toxic.argmax(axis=1), self.levels)
        clear = (patients >= 6) | ((patients >= 3) & (dlt == 0))
        here = current.copy()
        for level in range(1, self.levels):  # as in `decide`: on to the highest level that has been tried already
            here += (here == level) & (level < below) & clear[:, level - 1] & (patients[:, level] > 0)
        down = here > below
        at = np.where(down, below, here)  # the level the decision is about
        treated, cleared = patients[trials, at - 1], clear[trials, at - 1]
        fill = np.where(down | (below < self.levels), self.return_to_lower, self.fill_top)
        begin, stop = current == 0, down & (below == 0)
        escalate = ~down & cleared & (at < below)
        declare = (at == below) & cleared & ((treated >= 6) | ~fill)
        action = np.select(
            [begin, stop, declare, escalate, down], [START, STOP, DECLARE, ESCALATE, DEESCALATE], default=STAY
        )
        ends = stop & ~begin | (action == DECLARE)
        level = np.where(ends, 0, np.where(begin, 1, at + (action == ESCALATE)))
        short = (treated < 3) & (~down | ~fill)
        missing = np.where(short, 3 - treated, 6 - treated)
        wanted = np.where(begin | (action == ESCALATE), 3, missing)
        return Decisions(action, level, np.where(ends, 0, wanted), np.where(action == DECLARE, at, 0))


def _cleared(treated: int, toxic: int) -> bool:
    """Fit to go up from: six with fewer than two DLTs, or three and more with none."""
    return treated >= 6 or (treated >= 3 and toxic == 0)
