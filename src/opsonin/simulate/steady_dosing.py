"""What a patient's state becomes at each mark of a schedule: the initial state, or a train of doses' steady state.

Linear kinetics are solved exactly (steady_linear.py). Others are brought to rest by integrating one interval again
and again, with Anderson's extrapolation (fixed_point.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from opsonin.errors import SimulationError
from opsonin.simulate.fixed_point import fixed_points
from opsonin.simulate.marks import ADDED, RESET, Marks
from opsonin.simulate.schedule import Schedule
from opsonin.simulate.steady_linear import is_affine, settle_exactly
from opsonin.simulate.trains import Trains, cycle_of

MOST_ROUNDS = 300
LONGEST = 2.0**14  # days: the last windows of an infusion that has always run
TOLERANCE = 1e-2  # of a steady state, relative to the rtol of the run
Advance = Callable[[Any, np.ndarray, np.ndarray, Schedule, np.ndarray, np.ndarray], np.ndarray]


class Settings(NamedTuple):
    """What happens at the marks.

    values: (patient, mark, state) the new values; nan leaves a state as it is.   added: (patient, mark) whether they
    are added to what is there.   failures: patient -> why there is no steady state.
    """

    values: Float[np.ndarray, "patient mark state"]
    added: Bool[np.ndarray, "patient mark"]
    failures: dict[int, tuple[str, float]]


def settings(
    model: Any,
    constants: Float[np.ndarray, "patient constant"],
    marks: Marks,
    rtol: float,
    advance: Advance,
) -> Settings:
    """Values for every mark.

    advance(model, constants, initial, schedule, start, end): integrates rows each from their start to their end; rows
    that fail are nan. It is asked for steady states of kinetics that are not linear only.
    Raises: SimulationError for a species in `settling` that the model does not have, and where a profile is to be
    continued backwards of kinetics that are not linear.
    """
    symbolic = model.symbolic
    patients, count = marks.times.shape
    values = np.full((patients, count, len(symbolic.states)), np.nan)
    added = (marks.kinds == ADDED) & np.isfinite(marks.times)
    initial = model.initial_state(constants)
    species = len(symbolic.species)
    reset = (marks.kinds == RESET) & np.isfinite(marks.times)
    values[:, :, :species] = np.where(reset[:, :, None], initial[:, None, :species], values[:, :, :species])
    patient, column = np.nonzero((marks.kinds != RESET) & np.isfinite(marks.times))
    if not len(patient):
        return Settings(values, added, {})
    landing = np.array([int(entry.species) for entry in symbolic.administrations.values()], dtype=np.int64)
    where = (patient, column)
    trains = Trains(
        patient, column, marks.times[where], landing[marks.administration[where]], marks.amounts[where],
        marks.durations[where], marks.intervals[where], marks.elapsed[where],
    )  # fmt: skip
    settling = settling_states(symbolic, marks.settling)
    failures: dict[int, tuple[str, float]] = {}
    if is_affine(symbolic, settling):
        made = settle_exactly(symbolic, settling, constants, trains, ~added[where])
        found, settled, lingering = made.state, made.settled, made.lingering
    else:
        found, settled, lingering = _settle(model, settling, constants, initial, trains, added[where], rtol, advance)
    _check_backwards(symbolic, settling, found, trains, failures)
    values[patient[:, None], column[:, None], np.array(settling)[None, :]] = found
    for row in np.flatnonzero(~settled).tolist():
        names = [symbolic.states[settling[n]] for n in np.flatnonzero(lingering[row])]
        failures.setdefault(int(patient[row]), (_reason(names, trains, row), float(trains.time[row])))
    return Settings(values, added, failures)


def _check_backwards(
    symbolic: Any, settling: list[int], found: np.ndarray, trains: Trains, failures: dict[int, tuple[str, float]]
) -> None:
    """A profile continued backwards may be negative, which only some species can be."""
    for n, index in enumerate(settling):
        species = symbolic.species_list[index]
        for row in np.flatnonzero((trains.elapsed < 0) & (found[:, n] < 0) & species.nonnegative).tolist():
            failures[int(trains.patient[row])] = (
                f"the profile continued backwards from the next arrival begins at {found[row, n]:g} {species.unit} of "
                f"{species.name}, which cannot be negative; declare it with nonnegative=False, or let the doses that "
                "are on their way arrive (beyond_interval='periodic')",
                float(trains.time[row]),
            )


def settling_states(symbolic: Any, settling: tuple[str, ...] | None) -> list[int]:
    """The states that are brought to a steady state, by index: those named, else all that a rate depends on.

    A state on which nothing depends (what has been eliminated, a cumulative hazard) only adds up.
    """
    if settling is None:
        return sorted({column for _, column in symbolic.jacobian if column < len(symbolic.species)})
    unknown = [name for name in settling if name not in symbolic.species]
    if unknown:
        raise SimulationError(f"no species {unknown[0]!r} to settle; the model's: {', '.join(symbolic.species)}.")
    return sorted(symbolic.species.index(name) for name in settling)


def _reason(names: list[str], trains: Trains, row: int) -> str:
    doses = f"{trains.amount[row]:g} every {trains.interval[row]:g} days"
    if trains.interval[row] == 0:
        doses = f"{trains.amount[row]:g} a day" if trains.amount[row] else "no dose"
    listed = ", ".join(names[:5]) + (" and others" if len(names) > 5 else "")
    return (
        f"there is no steady state under {doses}: {listed or 'a state'} would not come to rest; name the species that "
        "do in `settling`, or give the doses one by one"
    )


def _settle(
    model: Any, settling: list[int], constants: np.ndarray, initial: np.ndarray, trains: Trains, added: np.ndarray,
    rtol: float, advance: Advance,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """Steady states by integration: (row, settling state), whether found, and which states were still moving."""
    if (trains.elapsed < 0).any():
        day = float(trains.time[np.flatnonzero(trains.elapsed < 0)[0]])
        raise SimulationError(
            f"the steady state at day {day:g} has a lag longer than its interval; NONMEM's continued profile is "
            "that of linear kinetics only. Use beyond_interval='periodic'."
        )
    found, settled, moving = _at_rest(model, settling, constants, initial, trains, rtol, advance)
    if added.any():  # what the doses add to the patient without them
        rows = np.flatnonzero(added)
        alone = trains.chosen(rows)
        alone = alone._replace(amount=np.zeros(len(rows)), interval=np.zeros(len(rows)))
        base, rests, drifting = _at_rest(model, settling, constants, initial, alone, rtol, advance)
        found[rows] -= base
        settled[rows] &= rests
        moving[rows] |= drifting
    return found, settled, moving


def _at_rest(
    model: Any, settling: list[int], constants: np.ndarray, initial: np.ndarray, trains: Trains, rtol: float,
    advance: Advance,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    columns = np.array(settling)
    species = model.symbolic.species_list
    nonnegative = np.array([species[index].nonnegative for index in settling])
    begin = initial[trains.patient][:, columns]
    dose = np.maximum(trains.amount, 0.0)[:, None] * (columns[None, :] == trains.state[:, None])
    scale = 1e-3 * np.maximum(model.symbolic.absolute_scale[columns], dose)
    window = np.ones(len(begin))

    def round_of(rows: np.ndarray, states: np.ndarray) -> np.ndarray:
        some = trains.chosen(rows)
        length = np.where(some.interval > 0, some.interval, window[rows])
        window[rows] = np.minimum(2 * window[rows], LONGEST)
        return _advanced(model, constants, initial, some, states, columns, length, advance)

    found = np.empty_like(begin)
    settled, moving = np.zeros(len(begin), dtype=bool), np.zeros(begin.shape, dtype=bool)
    for periodic in (True, False):
        rows = np.flatnonzero((trains.interval > 0) == periodic)
        if len(rows):
            made = fixed_points(
                lambda some, states, rows=rows: round_of(rows[some], states),
                begin[rows], scale[rows], nonnegative, max(TOLERANCE * rtol, 1e-10), MOST_ROUNDS, accelerated=periodic,
            )  # fmt: skip
            found[rows], settled[rows] = made.state, made.settled
            moving[rows] = np.abs(made.change) > 0.1 * np.abs(made.change).max(axis=1, keepdims=True)
    later = np.flatnonzero(settled & (trains.interval > 0) & (trains.elapsed < trains.interval))
    if len(later):
        some = trains.chosen(later)
        found[later] = _advanced(model, constants, initial, some, found[later], columns, some.elapsed, advance)
    return found, settled, moving


def _advanced(
    model: Any, constants: np.ndarray, initial: np.ndarray, trains: Trains, states: np.ndarray, columns: np.ndarray,
    length: np.ndarray, advance: Advance,
) -> np.ndarray:  # fmt: skip
    """The settling states so long after an arrival, from what they are just before it; others begin initially."""
    whole = initial[trains.patient].copy()
    whole[:, columns] = states
    begin = trains.time - np.where(trains.interval > 0, trains.elapsed, 0.0)
    schedule = _arrivals(model.symbolic, trains, begin, length)
    made = advance(model, constants[trains.patient], whole, schedule, begin, begin + length)
    return made[:, columns]


def _arrivals(symbolic: Any, trains: Trains, begin: np.ndarray, length: np.ndarray) -> Schedule:
    """What arrives in so many days from an arrival on: a bolus, and two stretches of infusion."""
    cycle = cycle_of(trains)
    landing = [int(entry.species) for entry in symbolic.administrations.values()]
    one = np.minimum(cycle.turn, length)
    two = length - one
    columns = [(begin, cycle.bolus, np.zeros_like(length)), (begin, cycle.first * one, one)]
    columns.append((begin + one, cycle.second * two, two))
    places = sorted({landing.index(int(state)) for state in trains.state})
    times, amounts, durations, administration = [], [], [], []
    for place in places:
        mine = trains.state == landing[place]
        for time, amount, duration in columns:
            times.append(time)
            amounts.append(np.where(mine, amount, 0.0))
            durations.append(duration)
            administration.append(place)
    stacked = [np.stack(column, axis=1) for column in (times, amounts, durations)]
    return Schedule(stacked[0], np.array(administration, dtype=np.int64), stacked[1], stacked[2])
