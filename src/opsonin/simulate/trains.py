"""Trains of equal doses that have always been given, one a row, and what of them runs within one interval."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

SAME = 1e-9  # days


class Trains(NamedTuple):
    """One row each.

    patient: row of the constants.   mark: column of the marks.   time: of the mark (days).   state: where doses land.
    amount, duration, interval, elapsed: as in Marks; an interval of 0 is an infusion at the rate `amount` per day.
    """

    patient: Int[np.ndarray, " row"]
    mark: Int[np.ndarray, " row"]
    time: Float[np.ndarray, " row"]
    state: Int[np.ndarray, " row"]
    amount: Float[np.ndarray, " row"]
    duration: Float[np.ndarray, " row"]
    interval: Float[np.ndarray, " row"]
    elapsed: Float[np.ndarray, " row"]

    def chosen(self, rows: np.ndarray) -> Trains:
        """Some rows: numbers or a mask."""
        return Trains(*(column[rows] for column in self))


class Cycle(NamedTuple):
    """The interval from one arrival to the next, as two stretches of constant rate after a bolus.

    bolus: at its beginning.   first, second: rate of infusion (per day) in each stretch.   turn: days until the first
    stretch ends: infusions longer than the interval overlap, `whole` of them all the time and one more until then.
    """

    bolus: Float[np.ndarray, " row"]
    first: Float[np.ndarray, " row"]
    second: Float[np.ndarray, " row"]
    turn: Float[np.ndarray, " row"]


def cycle_of(trains: Trains) -> Cycle:
    """What arrives within each train's interval (an interval of 0: at any time)."""
    periodic = trains.interval > 0
    infused = periodic & (trains.duration > 0)
    interval = np.where(periodic, trains.interval, 1.0)
    whole = np.floor((trains.duration + SAME) / interval)
    rest = np.maximum(trains.duration - whole * interval, 0.0)
    rest = np.where(rest < 2 * SAME, 0.0, rest)
    rate = np.where(infused, trains.amount / np.where(infused, trains.duration, 1.0), 0.0)
    first, second = rate * (whole + (rest > 0)), rate * whole
    return Cycle(
        np.where(periodic & ~infused, trains.amount, 0.0),
        np.where(periodic, first, trains.amount),
        np.where(periodic, second, trains.amount),
        np.where(infused, rest, 0.0),
    )
