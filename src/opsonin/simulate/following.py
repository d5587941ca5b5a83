"""One patient on the uncompiled path through resets and steady states: from mark to mark by the model's reference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float

SOON = 1e-9  # days after a moment at which what happened at that moment is looked at


class Mark(NamedTuple):
    """At this day the state becomes `values` (nan: stays as it is), or they are added to it."""

    day: float
    values: Float[np.ndarray, " state"]
    added: bool


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
) -> tuple[Float[np.ndarray, "time state"], Float[np.ndarray, " state"]]:
    """States at times, and at the end before its doses.

    doses: (day, state, amount, duration).   marks: in order of time.   times: increasing, inf where padded (nan comes
    back).   after: whether a state is looked at after the marks and doses of its moment.
    """
    made = np.full((len(times), len(initial)), np.nan)
    plain = [(float(day), int(index), float(amount), float(length)) for day, index, amount, length in doses]
    state, here = initial, start
    due = [mark for mark in marks if start <= mark.day < end]
    for mark in [*due, None]:
        until = end if mark is None else mark.day
        wanted = times + np.where(after, SOON, 0.0)
        rows = np.flatnonzero((wanted >= here) & (times < until) & (wanted < until))
        rows = np.union1d(rows, np.flatnonzero((times == until) & ~after & (times >= here)))
        if mark is None:
            rows = np.union1d(rows, np.flatnonzero((times <= until) & (wanted >= here) & np.isfinite(times)))
        asked = np.unique(np.append(np.minimum(wanted[rows], until), until))
        if until > here:
            states = model.reference(constants, plain, asked, start=here, initial=state, **options)
            made[rows] = states[np.searchsorted(asked, np.minimum(wanted[rows], until))]
            state, here = states[-1], until
        elif len(rows):
            made[rows] = state
        if mark is not None:
            with np.errstate(invalid="ignore"):
                state = np.where(np.isnan(mark.values), state, mark.values + (state if mark.added else 0.0))
    return made, state
