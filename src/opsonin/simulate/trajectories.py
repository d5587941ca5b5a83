"""What a simulation gives back."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, Int


@dataclass(frozen=True)
class Failure:
    """A patient whose integration could not go on: row, why, and the day it stopped."""

    patient: int
    reason: str
    day: float

    def __str__(self) -> str:
        return f"patient row {self.patient}: {self.reason} (day {self.day:g})"


@dataclass(frozen=True)
class Trajectories:
    """States of n patients at T times.

    times: (T,), or (n, T) where each patient has their own, padded with inf (their states there are nan).
    states: species in their units, then cumulative hazards; at the time of a dose the state just before it.
    crossings: the first day on which the hazard of each threshold reached it, inf where it did not.
    final_state: at final_time (one, or one for each patient), before any dose of that moment: `simulate(...,
    start=tr.final_time, initial_state=tr.final_state)` goes on from here.
    failures: patients that stopped; they are NaN everywhere.
    steps: accepted and rejected steps of each patient.   methods: "explicit", "rosenbrock" or "reference" for each.
    event_names, event_days, event_counts: the model's events, the first day each happened (inf: it did not), how often.
    """

    times: Float[np.ndarray, "... time"]
    states: Float[np.ndarray, "patient time state"]
    crossings: Float[np.ndarray, "patient threshold"]
    final_state: Float[np.ndarray, "patient state"]
    final_time: float | Float[np.ndarray, " patient"]
    failures: list[Failure]
    steps: Int[np.ndarray, "patient two"]
    methods: list[str]
    names: tuple[str, ...]
    event_names: tuple[str, ...] = ()
    event_days: Float[np.ndarray, "patient event"] = field(default_factory=lambda: np.zeros((0, 0)))
    event_counts: Int[np.ndarray, "patient event"] = field(default_factory=lambda: np.zeros((0, 0), dtype=np.int64))

    @property
    def failed(self) -> Bool[np.ndarray, " patient"]:
        """A mask of the patients that stopped."""
        mask = np.zeros(len(self.states), dtype=bool)
        mask[[failure.patient for failure in self.failures]] = True
        return mask

    def event_day(self, name: str) -> Float[np.ndarray, " patient"]:
        """The first day on which an event happened, inf where it did not. Raises: KeyError listing the names."""
        if name not in self.event_names:
            raise KeyError(f"no event {name!r}; events: {', '.join(self.event_names) or 'none'}")
        return self.event_days[:, self.event_names.index(name)]

    def state(self, name: str) -> Float[np.ndarray, "patient time"]:
        """One state by name. Raises: KeyError listing the names."""
        if name not in self.names:
            raise KeyError(f"no state {name!r}; states: {', '.join(self.names)}")
        return self.states[:, :, self.names.index(name)]
