"""One patient on the uncompiled path through resets and steady states: from mark to mark by the model's reference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from opsonin.model.reference import course
from opsonin.model.reference_events import Happening


class Mark(NamedTuple):
    """At this day the state becomes `values` (nan: stays as it is), or they are added to it."""

    day: float
    values: Float[np.ndarray, " state"]
    added: bool


class Followed(NamedTuple):
    """States at the times wanted, the state at the end, and the model's events that took place."""

    states: Float[np.ndarray, "time state"]
    final: Float[np.ndarray, " state"]
    happened: list[Happening]


def follow(
    model: Any,
    constants: Float[np.ndarray, " constant"],
    doses: Sequence[tuple[Any, ...]],
    marks: Sequence[Mark],
    times: Float[np.ndarray, " time"],
    after: Bool[np.ndarray, " time"],
    start: float,
    end: float,
    initial: Float[np.ndarray, " state"],
    **options: Any,
) -> Followed:
    """States at times, and at the end before its doses.

    doses: (day, state, amount, duration).   marks: in order of time.   times: increasing, inf where padded (nan comes
    back).   after: whether a state is looked at after the marks and doses of its moment.   options: of `course`.
    """
    made = np.full((len(times), len(initial)), np.nan)
    plain = [(float(day), int(index), float(amount), float(length)) for day, index, amount, length in doses]
    state, here = initial, start
    happened: list[Happening] = []
    due = [mark for mark in marks if start <= mark.day < end]
    for number, mark in enumerate([*due, None]):
        until = end if mark is None else mark.day
        late = (times >= here) & ((times < until) if mark is not None else (times <= until))
        early = (times >= here if number == 0 else times > here) & (times <= until)  # a mark may be at the start
        rows = np.flatnonzero(np.where(after, late, early))
        if until > here:
            asked = np.unique(np.append(times[rows], until))
            states, more = course(model, constants, plain, asked, start=here, initial=state, **options)
            happened += more
            made[rows] = states[np.searchsorted(asked, times[rows])]
            following = states[-1]
        else:
            made[rows] = following = state
        for row in rows[after[rows]]:
            for day, index, amount, length in plain:
                made[row, index] += amount if day == times[row] and length == 0 else 0.0
        state, here = following, until
        if mark is not None:
            with np.errstate(invalid="ignore"):
                state = np.where(np.isnan(mark.values), state, mark.values + (state if mark.added else 0.0))
    return Followed(made, state, happened)
