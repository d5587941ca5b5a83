"""Rules that count patients: how many there may be, and must be, and how many at one dose are enough."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from opsonin.designs.base import DECLARE, Decision, Decisions, decisions
from opsonin.designs.ending import ended_where
from opsonin.designs.evidence import Evidence
from opsonin.designs.wrappers import Wrapper, check_patients


@dataclass(frozen=True)
class MaxPatients(Wrapper):
    """End the trial when so many patients have been treated, and declare what the inner design selects; the last cohort
    is made smaller where it would be more. Patients on backfill do not count."""

    patients: int

    def __post_init__(self) -> None:
        check_patients(self.patients)

    def changed(self, seen: Evidence, made: Decisions) -> Decisions:
        escalated = seen.escalated
        full = (escalated >= self.patients) & ~made.stop
        going = made._replace(patients=np.minimum(made.patients, np.maximum(self.patients - escalated, 0)))
        return ended_where(full, going, seen, self.inner)

    def why(self, seen: Evidence, inner: Decision, made: Decision) -> str:
        if made.action == "wait":
            return f"all {self.patients} patients are treated, and some are still in their window: wait"
        if not made.stop:
            return f"{made.patients} more make {self.patients} patients"
        return f"all {self.patients} patients are treated: {self.declared(made)}"

    def said(self) -> str:
        return f"The trial has at most {self.patients} patients."


@dataclass(frozen=True)
class StopWhenTreated(Wrapper):
    """End the trial when so many patients have been treated at the dose that would be given next; declare a dose."""

    patients: int

    def __post_init__(self) -> None:
        check_patients(self.patients)

    def changed(self, seen: Evidence, made: Decisions) -> Decisions:
        there = np.maximum(made.level, 1)
        enough = (made.level > 0) & (seen.at("patients", there) >= self.patients)
        return ended_where(enough, made, seen, self.inner)

    def why(self, seen: Evidence, inner: Decision, made: Decision) -> str:
        return f"{self.dose_name(inner.level or 0)} has {self.patients} patients or more: {self.end(made)}"

    def said(self) -> str:
        return f"It ends when {self.patients} patients have been treated at the level that would be next."


@dataclass(frozen=True)
class StopWhenHere(Wrapper):
    """End the trial when so many patients have been treated at the current level; declare a dose.

    Where `stays`, only if the next ones would be treated there too.
    """

    patients: int
    stays: bool = False

    def __post_init__(self) -> None:
        check_patients(self.patients)

    def changed(self, seen: Evidence, made: Decisions) -> Decisions:
        there = np.maximum(seen.current, 1)
        enough = (seen.current > 0) & ~made.stop & (seen.at("patients", there) >= self.patients)
        if self.stays:
            enough &= made.level == seen.current
        return ended_where(enough, made, seen, self.inner)

    def why(self, seen: Evidence, inner: Decision, made: Decision) -> str:
        return f"{self.patients} patients or more at {self.dose_name(int(seen.current[0]))}: {self.end(made)}"

    def said(self) -> str:
        return f"It ends when {self.patients} patients have been treated at the current level."


@dataclass(frozen=True)
class MinPatients(Wrapper):
    """Declare no dose before so many patients have been treated; until then treat at the one that would be declared."""

    patients: int

    def changed(self, seen: Evidence, made: Decisions) -> Decisions:
        early = (made.action == DECLARE) & (seen.total < self.patients)
        size = np.minimum(getattr(self.inner, "cohort", 3), self.patients - seen.total)
        return made.where(early, decisions(seen.current, np.maximum(made.mtd, 1), np.maximum(size, 1)))

    def why(self, seen: Evidence, inner: Decision, made: Decision) -> str:
        return f"fewer than {self.patients} patients: go on at level {made.level}"

    def said(self) -> str:
        return f"It has at least {self.patients} patients before a dose is declared."
