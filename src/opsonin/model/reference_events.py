"""Events on the uncompiled path: found on SciPy's dense output, then done, with all they bring about at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import sympy

from opsonin.errors import ModelError

if TYPE_CHECKING:
    from opsonin.model.symbolic import SymbolicModel

LOOKS = 8  # points in every step of the integrator at which guards are looked at
ONE_MOMENT = 1e-11  # roots that are closer, in days and relative to the day, are one moment
MOST_AT_ONCE = 100  # rounds of events that follow each other at one moment
MOST_EVENTS = 10_000  # in one call


class Happening(NamedTuple):
    """An event that took place."""

    day: float
    name: str


class Events:
    """The events of one patient: guards, what is due, and what it makes of the state."""

    def __init__(self, symbolic: SymbolicModel, constants: np.ndarray) -> None:
        self.symbolic, self.constants = symbolic, constants
        self.names = [event.name for event in symbolic.events]
        self.directions = np.array([event.direction for event in symbolic.events])
        self.happened: list[Happening] = []
        self._guards, self._values = event_functions(symbolic)

    def sides(self, t: float, y: np.ndarray, u: np.ndarray) -> np.ndarray:
        """The sign of each guard. Raises: ModelError for a guard that is no number."""
        with np.errstate(all="ignore"):
            guards = np.array(self._guards(t, y, self.constants, u), dtype=float).reshape(len(self.names))
        if np.isnan(guards).any():
            name = self.names[int(np.flatnonzero(np.isnan(guards))[0])]
            raise ModelError(f"event {name!r}: its condition is not a number on day {t:g}.")
        return np.sign(guards)

    def due(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """Which events happen where guards go from one side to another."""
        rising = (before < 0) & (after >= 0) & (self.directions >= 0)
        return rising | ((before > 0) & (after <= 0) & (self.directions <= 0))

    def settle(self, t: float, y: np.ndarray, u: np.ndarray, before: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The state after the events that are due, those that they bring about, and so on; and the sides there.

        before: the sides before the state came to be as it is. Raises: ModelError where this never ends.
        """
        after = self.sides(t, y, u)
        for _ in range(MOST_AT_ONCE):
            due = np.flatnonzero(self.due(before, after))
            if not len(due):
                return y, after
            y = self._done(t, y, u, due)
            before, after = after, self.sides(t, y, u)
        last = sorted({happening.name for happening in self.happened if happening.day == t})
        raise ModelError(f"events trigger each other for ever on day {t:g}: {', '.join(map(repr, last))}.")

    def first(
        self, begin: float, end: float, at: Callable[[float], Any], u: Callable[[float], Any], before: np.ndarray
    ) -> tuple[float | None, np.ndarray]:
        """The first moment of a step at which an event is due, or None; and the sides just before it, or at the end.

        at: the state in the step. Roots are found by bisection, to the last digit, at their far side.
        """
        left = begin
        for right in np.linspace(begin, end, LOOKS + 1)[1:].tolist():
            after = self.sides(right, at(right), u(right))
            due = np.flatnonzero(self.due(before, after))
            if len(due):
                roots = [self._root(int(event), left, right, at, u, before) for event in due]
                limit = min(roots) + ONE_MOMENT * max(1.0, abs(min(roots)))
                return max(root for root in roots if root <= limit), before
            left, before = right, after
        return None, before

    def _root(self, event: int, left: float, right: float, at: Any, u: Any, before: np.ndarray) -> float:
        while True:
            middle = 0.5 * (left + right)
            if not left < middle < right:
                return right
            if self.due(before, self.sides(middle, at(middle), u(middle)))[event]:
                right = middle
            else:
                left = middle

    def _done(self, t: float, y: np.ndarray, u: np.ndarray, due: np.ndarray) -> np.ndarray:
        made = y.copy()
        for event in due:
            traced = self.symbolic.events[event]
            with np.errstate(all="ignore"):
                values = self._values[event](t, y, self.constants, u)
            for state, value in zip(traced.assignments, values, strict=True):
                species = self.symbolic.species_list[state]
                if not np.isfinite(value) or (species.nonnegative and value < 0):
                    raise ModelError(
                        f"event {traced.name!r} sets species {species.name!r} to {float(value):g} {species.unit} on "
                        f"day {t:g}, but it cannot be {'negative' if value < 0 else 'undefined'}."
                    )
                made[state] = value
            self.happened.append(Happening(float(t), traced.name))
        if len(self.happened) > MOST_EVENTS:
            last = sorted({happening.name for happening in self.happened[-10:]})
            raise ModelError(f"{MOST_EVENTS} events by day {t:g}, the last of them {', '.join(map(repr, last))}.")
        return made


def event_functions(symbolic: SymbolicModel) -> tuple[Callable[..., Any], list[Callable[..., Any]]]:
    """guards(t, y, constants, inputs) of all events, and for each its new values; made once per model."""
    if not symbolic.events:
        return (lambda t, y, constants, inputs: []), []
    if "events" not in symbolic.functions:
        arguments = [
            symbolic.time,
            list(symbolic.state_symbols),
            list(symbolic.constant_symbols),
            [given.symbol for given in symbolic.inputs],
        ]
        guards = sympy.lambdify(arguments, [event.guard for event in symbolic.events], modules="numpy", cse=True)
        values = [
            sympy.lambdify(arguments, list(event.assignments.values()), modules="numpy", cse=True)
            for event in symbolic.events
        ]
        symbolic.functions["events"] = (guards, values)
    return symbolic.functions["events"]
