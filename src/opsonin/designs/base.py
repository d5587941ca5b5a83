"""What every design answers: given what we have seen, what next?"""

from __future__ import annotations

import abc
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from jaxtyping import Bool, Int

from opsonin.designs.outcomes import Outcomes

Action = Literal["start", "escalate", "stay", "de-escalate", "stop", "declare"]
ACTIONS: tuple[Action, ...] = get_args(Action)


@dataclass(frozen=True)
class Decision:
    """What a design says next.

    action: "declare" ends the trial with an MTD, "stop" without one.   level: where the next patients are treated
    (None at the end).   patients: how many of them.   mtd: None unless declared.
    reason: for the person reading the report.   numbers: what the decision rests on.
    """

    action: Action
    level: int | None
    patients: int
    mtd: int | None
    reason: str
    numbers: dict[str, Any] = field(default_factory=dict)

    @property
    def stop(self) -> bool:
        """Whether the trial ends here."""
        return self.level is None


class Decisions(NamedTuple):
    """The decisions of many trials at once, 0 standing for None.   action: index into ACTIONS."""

    action: Int[np.ndarray, " trial"]
    level: Int[np.ndarray, " trial"]
    patients: Int[np.ndarray, " trial"]
    mtd: Int[np.ndarray, " trial"]

    @property
    def stop(self) -> Bool[np.ndarray, " trial"]:
        return self.level == 0


class Design(abc.ABC):
    """A dose-finding rule over `levels` dose levels, 1 the lowest."""

    levels: int

    @property
    @abc.abstractmethod
    def name(self) -> str:
        """As a study file writes it."""

    @abc.abstractmethod
    def decide(self, seen: Outcomes) -> Decision:
        """The decision after these outcomes, with its reason.

        Raises: DesignError where the outcomes hold levels the design does not have.
        """

    def describe(self) -> str:
        """The rule in words, for a report."""
        return self.name

    def decide_many(
        self,
        patients: Int[np.ndarray, "trial level"],
        dlt: Int[np.ndarray, "trial level"],
        current: Int[np.ndarray, " trial"],
    ) -> Decisions:
        """The same decisions for many trials, from counts per level and each trial's current level (0: none yet).

        This form asks `decide` trial by trial; a design with an array form of its rule overrides it.
        """
        made = [self.decide(_as_outcomes(*row)) for row in zip(patients, dlt, current.tolist(), strict=True)]
        return Decisions(
            np.array([ACTIONS.index(d.action) for d in made], dtype=np.int64),
            np.array([d.level or 0 for d in made], dtype=np.int64),
            np.array([d.patients for d in made], dtype=np.int64),
            np.array([d.mtd or 0 for d in made], dtype=np.int64),
        )


def _as_outcomes(patients: np.ndarray, dlt: np.ndarray, current: int) -> Outcomes:
    """Outcomes with these counts, the current level's patients last."""
    level = np.repeat(np.arange(1, patients.size + 1), patients)
    toxic = np.concatenate([np.arange(n) < t for n, t in zip(patients, dlt, strict=True)]).astype(bool)
    order = np.argsort(level == current, kind="stable")
    return Outcomes(level[order], toxic[order])
