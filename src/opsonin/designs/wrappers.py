"""Rules added to any design by wrapping it, so that a protocol reads as one expression:

MaxPatients(NoSkipping(Boin(levels=5, target=0.30)), 30)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from opsonin.designs.base import STAY, Decision, Decisions, Design, sought
from opsonin.designs.evidence import Evidence
from opsonin.designs.outcomes import Outcomes
from opsonin.errors import DesignError


@dataclass(frozen=True)
class Wrapper(Design):
    """A design that changes what another one decides. What it does not change is the inner one's."""

    inner: Design

    @property
    def levels(self) -> int:  # type: ignore[override]  - the inner design's own
        return self.inner.levels

    @property
    def needs(self) -> frozenset[str]:  # type: ignore[override]
        return self.inner.needs

    @property
    def seeks(self) -> str:  # type: ignore[override]
        return self.inner.seeks

    @property
    def backfills(self) -> bool:  # type: ignore[override]
        return self.inner.backfills

    @property
    def name(self) -> str:
        return self.inner.name

    def decide_many(self, seen: Evidence) -> Decisions:
        return self.changed(seen, self.inner.decide_many(seen))

    def changed(self, seen: Evidence, made: Decisions) -> Decisions:
        """What becomes of the inner design's decisions."""
        raise NotImplementedError

    def why(self, seen: Evidence, inner: Decision, made: Decision) -> str:
        """What to add to the reason where the decision was changed."""
        raise NotImplementedError

    def declared(self, made: Decision) -> str:
        """What a decision that ends the trial declares, in words."""
        return f"{self.dose_name(made.mtd)} is the {self.seeks}" if made.mtd else "no level is declared"

    def end(self, made: Decision) -> str:
        """What a rule that ends the trial comes to: to wait for those still in their window, or to declare."""
        return "some are still in their window: wait" if made.action == "wait" else self.declared(made)

    def dose_name(self, dose: int) -> str:
        return self.inner.dose_name(dose)

    def select_many(self, seen: Evidence) -> Int[np.ndarray, " trial"]:
        return self.inner.select_many(seen)

    def admissible(self, seen: Evidence) -> Bool[np.ndarray, "trial dose"]:
        return self.inner.admissible(seen)

    def tolerated(self, seen: Evidence) -> Bool[np.ndarray, "trial dose"]:
        return self.inner.tolerated(seen)

    def open_to_backfill(self, seen: Evidence) -> Bool[np.ndarray, "trial dose"]:
        return self.inner.open_to_backfill(seen)

    def evidence(self, seen: Outcomes) -> Evidence:
        return self.inner.evidence(seen)

    def explain(self, seen: Evidence, made: Decision) -> tuple[str, dict[str, Any]]:
        inner = self.inner.decide_many(seen).first()
        reason, numbers = self.inner.explain(seen, inner)
        if replace(made, reason="", numbers={}) != inner:
            reason = f"{reason}; {self.why(seen, inner, made)}"
        return reason, numbers

    def describe(self) -> str:
        return f"{self.inner.describe()} {self.said()}".strip()

    def said(self) -> str:
        """The added rule in words."""
        return ""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "inner":
            raise AttributeError(name)
        return getattr(self.inner, name)


@dataclass(frozen=True)
class NoSkipping(Wrapper):
    """Never treat more than one level above the highest level tried."""

    def __post_init__(self) -> None:
        check_ladder(self.inner, "no level is skipped")

    def changed(self, seen: Evidence, made: Decisions) -> Decisions:
        return made._replace(level=np.minimum(made.level, seen.highest + 1))  # which is above the current level still

    def why(self, seen: Evidence, inner: Decision, made: Decision) -> str:
        return f"held at level {made.level}: no level is skipped"

    def said(self) -> str:
        return "No level is skipped."


@dataclass(frozen=True)
class StartAt(Wrapper):
    """Treat the first patients at another level than the lowest."""

    level: int

    def __post_init__(self) -> None:
        if not 1 <= self.level <= self.inner.levels:
            raise DesignError(f"the trial starts at level {self.level}, but the design has {self.inner.levels} levels.")

    def changed(self, seen: Evidence, made: Decisions) -> Decisions:
        return made._replace(level=np.where((seen.current == 0) & (made.level > 0), self.level, made.level))

    def why(self, seen: Evidence, inner: Decision, made: Decision) -> str:
        return f"the protocol starts at level {self.level}"

    def said(self) -> str:
        return f"The first patients are treated at level {self.level}."


@dataclass(frozen=True)
class OneStepUp(Wrapper):
    """Never go up by more than one level from the last cohort's."""

    def __post_init__(self) -> None:
        check_ladder(self.inner, "one level up at a time")

    def changed(self, seen: Evidence, made: Decisions) -> Decisions:
        most = np.where(seen.current > 0, seen.current + 1, made.level)
        return made._replace(level=np.minimum(made.level, most))

    def why(self, seen: Evidence, inner: Decision, made: Decision) -> str:
        return f"held at level {made.level}: one level up at a time"

    def said(self) -> str:
        return "It goes up by one level at a time."


@dataclass(frozen=True)
class Coherent(Wrapper):
    """Never go up after a cohort in which the DLT rate was at or above the target, nor down after one without a DLT.

    down: whether the second part holds; a design that looks at responses may well go down for them.
    Source: Cheung (2005), Biometrika 92:863; for cohorts, Cheung (2011), Dose Finding by the CRM, section 5.3.
    """

    down: bool = True

    def __post_init__(self) -> None:
        check_ladder(self.inner, "coherence")
        sought(self.inner)

    def changed(self, seen: Evidence, made: Decisions) -> Decisions:
        if seen.last_dlt is None or seen.last_patients is None:
            raise DesignError("coherence needs to know the last cohort's outcomes, which these counts do not hold.")
        rate = seen.last_dlt / np.maximum(seen.last_patients, 1)
        held = (made.level > seen.current) & (rate >= sought(self.inner)) & (seen.current > 0)
        if self.down:
            held |= (made.level < seen.current) & (made.level > 0) & (seen.last_dlt == 0)
        level = np.where(held, seen.current, made.level)
        return made._replace(level=level, action=np.where(held, STAY, made.action))

    def why(self, seen: Evidence, inner: Decision, made: Decision) -> str:
        down = inner.level is not None and made.level is not None and inner.level < made.level
        cohort = "without a DLT" if down else "with too many DLTs"
        return f"held at level {made.level}: the last cohort was {cohort}"

    def said(self) -> str:
        down = ", nor down after one without any" if self.down else ""
        return f"It never goes up after a cohort with too many DLTs{down}."


@dataclass(frozen=True)
class Cohorts(Wrapper):
    """Cohorts of a size of their own at each level.   sizes: one for each level."""

    sizes: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        _check_sizes(self.inner, self.sizes)

    def changed(self, seen: Evidence, made: Decisions) -> Decisions:
        size = np.array(self.sizes, dtype=np.int64)[np.maximum(made.level, 1) - 1]
        return made._replace(patients=np.where(made.level > 0, size, made.patients))

    def why(self, seen: Evidence, inner: Decision, made: Decision) -> str:
        return f"cohorts at level {made.level} have {made.patients}"

    def said(self) -> str:
        return f"Cohorts have {', '.join(str(size) for size in self.sizes)} patients, level by level."


def with_cohorts(inner: Design, sizes: Sequence[Any]) -> Cohorts:
    """From the list of a study file, which may hold anything.   Raises: DesignError as `Cohorts`."""
    _check_sizes(inner, sizes)
    return Cohorts(inner, tuple(sizes))


def _check_sizes(inner: Design, sizes: Sequence[Any]) -> None:
    whole = all(isinstance(size, int) and size >= 1 for size in sizes)
    if len(sizes) != inner.levels or not whole:
        raise DesignError(f"cohort sizes are one for each of {inner.levels} levels, 1 or more: {tuple(sizes)}.")


def check_ladder(design: Design, rule: str) -> None:
    """Raises: DesignError for two drugs, whose cells are no ladder: a cell's number does not say how high it is."""
    if getattr(design, "columns", None) is not None:
        raise DesignError(
            f"the rule {rule!r} is for one drug; {design.name!r} moves by one level of one drug as it is."
        )


def check_patients(patients: int) -> None:
    """Raises: DesignError where a trial is to end before anybody is treated."""
    if patients < 1:
        raise DesignError(f"a trial has at least one patient; it cannot end at {patients}.")
