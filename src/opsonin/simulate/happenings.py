"""The model's events as the driver takes them, and what stopped a patient, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Int

from opsonin.simulate.driver_plan import snapped
from opsonin.simulate.inputs import Pieces, pieces

if TYPE_CHECKING:
    from opsonin.simulate.ensemble import Arrays, Problem

UNDERFLOW, NOT_FINITE, BAD_START = 1, 2, 4
FOR_EVER, IMPOSSIBLE, UNDEFINED, TOO_MANY = 5, 6, 7, 8
EVENT_REASONS = {
    FOR_EVER: "events trigger each other for ever",
    IMPOSSIBLE: "an event sets a species to what it cannot be",
    UNDEFINED: "an event's condition is not a number",
    TOO_MANY: "more than 10000 events",
}


def event_tables(symbolic: Any, rows: np.ndarray) -> tuple[Int[np.ndarray, " event"], Int[np.ndarray, "value three"]]:
    """Each event's direction, and (event, row of the state, whether it cannot be negative) of every new value.

    rows: the row of each of the model's states.
    """
    from opsonin.model.codegen_events import jumps

    directions = np.array([event.direction for event in symbolic.events], dtype=np.int64)
    table = [
        (event, int(rows[state]), int(symbolic.species_list[state].nonnegative)) for event, state in jumps(symbolic)
    ]
    return directions, np.array(table, dtype=np.int64).reshape(-1, 3)


def input_pieces(problem: Problem) -> Pieces:
    """The inputs between their breaks; a break within a tenth of a millisecond of a time wanted is on it exactly."""
    made = pieces(problem.symbolic, problem.inputs)
    return made._replace(breaks=snapped(made.breaks, problem))


def reason(problem: Problem, arrays: Arrays, row: int) -> str:
    """Why a patient stopped: the event, the species, or the law that has no value at the start."""
    from opsonin.model.codegen_events import jumps
    from opsonin.simulate.ensemble import REASONS

    status, events = int(arrays.status[row]), problem.symbolic.events
    if status in (FOR_EVER, TOO_MANY):
        last = arrays.days[row, :, 1]
        which = last == last.max() if status == FOR_EVER else arrays.happened[row] * 10 >= arrays.happened[row].max()
        named = ", ".join(sorted(repr(event.name) for event, one in zip(events, which, strict=True) if one))
        return f"{REASONS[status]}: {named}"
    if status == UNDEFINED:
        return f"the condition of event {events[int(arrays.fault[row, 0])].name!r} is not a number"
    if status == IMPOSSIBLE:
        event, state = jumps(problem.symbolic)[int(arrays.fault[row, 0])]
        species = problem.symbolic.species_list[state]
        cannot = "is infinite or not a number" + (", or below nought" if species.nonnegative else "")
        return f"event {events[event].name!r} sets species {species.name!r} to what {cannot}"
    if status == BAD_START and np.isfinite(problem.initial[row]).all():
        return _what_is_negative(problem, row)
    told = at_start(problem, arrays, row)
    if status == BAD_START and told:
        return f"{REASONS[status]}: {told}"
    return told or REASONS[status]


def at_start(problem: Problem, arrays: Arrays, row: int) -> str:
    """Which law, state or constant has no value where a patient starts; "" where all have, or it stopped later."""
    from opsonin.model.diagnosis import what_is_undefined
    from opsonin.model.series import InputsOfPatient

    begin, schedule = float(problem.start[row]), problem.schedule
    if int(arrays.status[row]) not in (UNDERFLOW, NOT_FINITE, BAD_START) or not arrays.day[row] <= begin:
        return ""
    state = problem.initial[row].copy()
    landing = [entry.species for entry in problem.symbolic.administrations.values()]
    times, durations = (np.atleast_2d(table) for table in (schedule.times, schedule.durations))
    boluses = (times[row if len(times) > 1 else 0] == begin) & (durations[row if len(durations) > 1 else 0] == 0)
    for dose in np.flatnonzero(boluses):
        state[landing[schedule.administration[dose]]] += schedule.amounts[row, dose]
    given = InputsOfPatient(problem.symbolic, {series.name: series.of(row) for series in problem.inputs})
    return what_is_undefined(problem.symbolic, problem.constants[row], state, begin, given.values(begin), dated=False)


def _what_is_negative(problem: Problem, row: int) -> str:
    """The species that begins furthest below nought, in its own scale."""
    species = problem.symbolic.species_list
    sizes = [
        problem.initial[row, i] / problem.symbolic.absolute_scale[i] if each.nonnegative else 0.0
        for i, each in enumerate(species)
    ]
    worst = int(np.argmin(sizes))
    amount = f"{problem.initial[row, worst]:g} {species[worst].unit}"
    return (
        f"species {species[worst].name!r} begins at {amount} and cannot be negative; begin at nought or above, or "
        "declare it with nonnegative=False"
    )
