"""What every design answers: given what we have seen, what next?"""

from __future__ import annotations

import abc
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, NamedTuple, get_args

import numpy as np
from jaxtyping import Bool, Int

from opsonin.designs.evidence import Evidence, evidence
from opsonin.designs.outcomes import Outcomes
from opsonin.errors import DesignError

Action = Literal["start", "escalate", "stay", "de-escalate", "stop", "declare", "wait"]
ACTIONS: tuple[Action, ...] = get_args(Action)
START, ESCALATE, STAY, DEESCALATE, STOP, DECLARE, WAIT = range(len(ACTIONS))


@dataclass(frozen=True)
class Decision:
    """What a design says next.

    action: "declare" ends the trial with a dose, "stop" without one, "wait" asks again when more is known.
    level: where the next patients are treated (None at the end, or while waiting).   patients: how many of them.
    mtd: the dose declared, None unless declared: the maximum tolerated one, or the best one of designs that seek it.
    reason: for the person reading the report.   numbers: what the decision rests on.
    backfill: lower levels that are open to patients who come while those treated next are watched.
    """

    action: Action
    level: int | None
    patients: int
    mtd: int | None
    reason: str
    numbers: dict[str, Any] = field(default_factory=dict)
    backfill: tuple[int, ...] = ()

    @property
    def stop(self) -> bool:
        """Whether the trial ends here."""
        return self.level is None and self.action != "wait"


class Decisions(NamedTuple):
    """The decisions of many trials at once, 0 standing for None.   action: index into ACTIONS."""

    action: Int[np.ndarray, " trial"]
    level: Int[np.ndarray, " trial"]
    patients: Int[np.ndarray, " trial"]
    mtd: Int[np.ndarray, " trial"]

    @property
    def stop(self) -> Bool[np.ndarray, " trial"]:
        return (self.level == 0) & (self.action != WAIT)

    def first(self) -> Decision:
        """The decision of the first trial, without its reason."""
        action, level, patients, mtd = (int(array[0]) for array in self)
        return Decision(ACTIONS[action], level or None, patients, mtd or None, "")

    def take(self, rows: np.ndarray) -> Decisions:
        """The decisions of some trials."""
        return Decisions(*(array[rows] for array in self))

    def where(self, other: Bool[np.ndarray, " trial"], theirs: Decisions) -> Decisions:
        """These decisions, but `theirs` where `other`."""
        return Decisions(*(np.where(other, b, a) for a, b in zip(self, theirs, strict=True)))


class Design(abc.ABC):
    """A dose-finding rule over `levels` dose levels, 1 the lowest; of a combination, the cells of a grid row by row.

    needs: what it looks at beside counts of patients and DLTs (evidence.NEEDS).   seeks: what it declares in the end.
    """

    levels: int
    needs: ClassVar[frozenset[str]] = frozenset()
    seeks: ClassVar[str] = "maximum tolerated dose"
    backfills: ClassVar[bool] = False  # whether patients may be treated below the level of the escalation meanwhile

    @property
    @abc.abstractmethod
    def name(self) -> str:
        """As a study file writes it."""

    @abc.abstractmethod
    def decide_many(self, seen: Evidence) -> Decisions:
        """The decisions of many trials: a function of the evidence alone."""

    @abc.abstractmethod
    def explain(self, seen: Evidence, made: Decision) -> tuple[str, dict[str, Any]]:
        """Why one trial's decision was made, in words, and the numbers it rests on."""

    def select_many(self, seen: Evidence) -> Int[np.ndarray, " trial"]:
        """The dose to declare if the trials ended now, 0 for none. A design that ends by itself need not say."""
        raise NotImplementedError(f"{type(self).__name__} says itself when it ends; it cannot be ended by a wrapper.")

    def admissible(self, seen: Evidence) -> Bool[np.ndarray, "trial dose"]:
        """Doses at which patients may be treated, not shown to be too toxic; all, where the design has no such rule."""
        return np.ones(seen.patients.shape, dtype=bool)

    def tolerated(self, seen: Evidence) -> Bool[np.ndarray, "trial dose"]:
        """Doses that what has been seen does not speak against: the design would not go below them for safety."""
        return self.admissible(seen)

    def open_to_backfill(self, seen: Evidence) -> Bool[np.ndarray, "trial dose"]:
        """Doses at which patients may be treated while the last cohort is watched; none, unless the design says so."""
        return np.zeros(seen.patients.shape, dtype=bool)

    def evidence(self, seen: Outcomes) -> Evidence:
        """One trial's outcomes as this design looks at them.

        Raises: DesignError where they hold what the design does not have or know.
        """
        windows = (getattr(self, name, None) for name in ("window_days", "score_of_grade", "efficacy_window_days"))
        return evidence(seen, self.levels, *windows)

    def decide(self, seen: Outcomes) -> Decision:
        """The decision after these outcomes, with its reason.

        Raises: DesignError where the outcomes hold levels the design does not have.
        """
        known = self.evidence(seen)
        return self.told(known, self.decide_many(known).first())

    def told(self, seen: Evidence, made: Decision) -> Decision:
        """The decision made on one trial's evidence, with its reason and what goes with it."""
        reason, numbers = self.explain(seen, made)
        return replace(made, reason=reason, numbers=numbers, backfill=self._backfill(seen, made))

    def _backfill(self, seen: Evidence, made: Decision) -> tuple[int, ...]:
        """The doses open to backfill beside the patients of this decision."""
        if made.stop or not self.backfills:
            return ()
        at = seen.current if made.level is None else np.array([made.level])
        return tuple((np.flatnonzero(self.open_to_backfill(replace(seen, current=at))[0]) + 1).tolist())

    def dose_name(self, dose: int) -> str:
        """What a dose is called in a reason: "level 2", or "2x3" of two drugs."""
        return f"level {dose}"

    def dose_label(self, dose: int) -> str:
        """A dose as outcomes write it: "2", or "2x3" of two drugs."""
        return self.dose_name(dose).removeprefix("level ")

    def describe(self) -> str:
        """The rule in words, for a report."""
        return self.name


def sought(design: Design) -> float:
    """The DLT rate that a design seeks.   Raises: DesignError where it has none, as the 3+3."""
    rate = getattr(design, "target", None)
    if rate is None:
        raise DesignError(f"the design {design.name!r} has no target rate to hold doses against; give one.")
    return float(rate)


def decisions(
    current: Int[np.ndarray, " trial"],
    level: Int[np.ndarray, " trial"],
    patients: Int[np.ndarray, " trial"] | int,
    mtd: Int[np.ndarray, " trial"] | None = None,
    ends: Bool[np.ndarray, " trial"] | None = None,
) -> Decisions:
    """Decisions from where each trial goes; the action follows from that.

    level: of the next patients.   ends: trials that end, with `mtd` (0: none) declared.
    """
    going = np.where(current == 0, START, STAY - np.sign(level - current))  # ESCALATE, STAY, DEESCALATE in this order
    size = np.broadcast_to(np.asarray(patients, dtype=np.int64), level.shape)
    nothing = np.zeros_like(level)
    if ends is None:
        return Decisions(going, level, size.copy(), nothing)
    chosen = nothing if mtd is None else np.where(ends, mtd, 0)
    action = np.where(ends, np.where(chosen > 0, DECLARE, STOP), going)
    return Decisions(action, np.where(ends, 0, level), np.where(ends, 0, size), chosen)
