"""Accelerated titration: one patient a level until toxicity shows, then the usual cohorts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from opsonin.designs.base import Decision, Decisions, Design, decisions
from opsonin.designs.ending import still_open, waiting
from opsonin.designs.evidence import GRADES, Evidence
from opsonin.designs.wrappers import Wrapper
from opsonin.errors import DesignError


@dataclass(frozen=True)
class Accelerated(Wrapper):
    """Begin with single patients, going up after each, until the first DLT, the second patient with a toxicity of
    grade 2 or more, or the highest level; then go on with the inner design, from the level reached. Each is followed to
    the end of the window before the next, whatever the inner design waits for.

    moderate: patients with grade 2 or more that end the acceleration (0: only a DLT does, and grades are not needed).
    Source: Simon et al. (1997), J Natl Cancer Inst 89:1138, doi:10.1093/jnci/89.15.1138, designs 2 and 3 (without
    escalation within a patient).
    """

    moderate: int = 2

    def __post_init__(self) -> None:
        if self.moderate < 0:
            raise DesignError(f"a number of patients is 0 or more; moderate = {self.moderate} was given.")

    @property
    def needs(self) -> frozenset[str]:  # type: ignore[override]
        return self.inner.needs | (frozenset({GRADES}) if self.moderate else frozenset())

    def accelerating(self, seen: Evidence) -> np.ndarray:
        """Whether each trial still treats single patients."""
        going = (seen.dlt.sum(axis=1) == 0) & (seen.patients[:, -1] == 0) & (seen.patients.max(axis=1) <= 1)
        if self.moderate:
            if seen.moderate is None:
                raise DesignError("acceleration looks at grades; write outcomes as '1Ng2', or set moderate = 0.")
            going &= seen.moderate.sum(axis=1) < self.moderate
        return going

    def changed(self, seen: Evidence, made: Decisions) -> Decisions:
        fast = self.accelerating(seen)
        level = np.minimum(seen.current + 1, self.levels)
        waits = fast & still_open(seen, self)
        return made.where(fast, decisions(seen.current, level, 1)).where(waits, waiting(made))

    def why(self, seen: Evidence, inner: Decision, made: Decision) -> str:
        if made.action == "wait":
            return "accelerated: wait for the one patient at this level"
        return f"accelerated: one patient at level {made.level}"

    def said(self) -> str:
        mild = f" or {self.moderate} patients with a toxicity of grade 2 or more" if self.moderate else ""
        return f"It begins with one patient a level, until the first DLT{mild}."


def with_acceleration(design: Design, given: Any) -> Design:
    """An accelerated design as a study file asks for it: true, or how many patients with grade 2 end it (0: none do).

    Raises: DesignError for anything else.
    """
    if given is False:
        return design
    if given is not True and type(given) is not int:
        raise DesignError(
            f"accelerated is {given!r}; give true, or the number of patients with a toxicity of grade 2 or more that "
            "end the acceleration (0: only a DLT does)."
        )
    return Accelerated(design) if given is True else Accelerated(design, given)
