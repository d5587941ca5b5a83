"""Parts that change a model from outside or at once: Input (a covariate in time) and Event (a jump of the state)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from opsonin.errors import ModelError
from opsonin.model import checks
from opsonin.model.checks import Law, Number

INTERPOLATIONS = ("previous", "linear")


@dataclass(frozen=True)
class Input:
    """Given from outside as a series in time: a measured covariate, a room's oxygen, a pump's set rate.

    default: the value, in `unit`, for patients without a series, and before the first time of a "previous" one.
    interpolation: "previous" holds each value until the next time; "linear" draws straight lines between the times
    and is flat outside them.
    """

    name: str
    unit: str
    default: Number
    interpolation: Literal["previous", "linear"] = "previous"
    meaning: str = ""

    def __post_init__(self) -> None:
        checks.identifier(self)
        checks.finite(self, "default", self.default)
        if self.interpolation not in INTERPOLATIONS:
            raise ModelError(
                f"input {self.name!r}: interpolation must be 'previous' or 'linear', not {self.interpolation!r}."
            )


@dataclass(frozen=True)
class Event:
    """A jump of the state at the moment when a law reaches nought: a lesion is resected, a clone goes extinct.

    when: a law in any unit. The event happens where its value comes from below nought to nought or above (direction
    +1), from above to nought or below (−1), or either (0), whether the value flows there or a dose, an input or another
    event carries it. Where it starts beyond nought it has to come back first.
    do: {species: new value}, a number in the species' unit or a law; all are computed from the state just before.
    Events of one moment happen together; what they bring about follows at once. Where two set one species, the one
    declared later counts.
    """

    name: str
    when: Law
    do: Mapping[str, Number | Law]
    direction: Literal[1, -1, 0] = 1
    meaning: str = ""

    def __post_init__(self) -> None:
        checks.named(self)
        checks.law(self, "when", self.when)
        if self.direction not in (1, -1, 0):
            raise ModelError(
                f"event {self.name!r}: direction is +1 (rising through nought), -1 (falling) or 0 (either), "
                f"not {self.direction!r}."
            )
        if not isinstance(self.do, Mapping) or not self.do:
            raise ModelError(f"event {self.name!r}: do must be {{species: new value}} of at least one species.")
        for species, value in self.do.items():
            if not callable(value):
                checks.finite(self, f"the new value of {species!r}", value)
