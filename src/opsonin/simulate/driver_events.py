"""Events and inputs, a part of the driver (see driver.py): when a guard passes nought, and what the state becomes.

The state at an event is that of the step's own interpolant, on which the event was found, and everything after that
moment in the step is dropped. A guard counts as passed by its sign alone, so a patient who goes on from a final state
in a new call knows what has happened already.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from numba import njit

if TYPE_CHECKING:
    LANES = 8
    TY = TD = H = THETA = REACHED = FOUND = LOOKED = Y = DENSE = STAGE = GUARD = SIDE = JUMP = 0
    GIVEN = SLOPE = SINCE = N_STATES = N_GIVEN = N_EVENTS = DENSE_STATES = GUARDS = JUMPS = RUNNING = 0
    call: Any

# driver
EVENTS_FOR_EVER, EVENT_IMPOSSIBLE, EVENT_UNDEFINED, TOO_MANY_EVENTS = 5, 6, 7, 8
MOST_AT_ONCE = 100  # rounds of events that follow each other at one moment
MOST_EVENTS = 10_000  # of one patient in one call
ONE_MOMENT = 1e-11  # roots that are closer, in days and relative to the day, are one moment


@njit(error_model="numpy", boundscheck=False)
def take_inputs(w, at, lane, t, piece, breaks, value, slope):
    """Set the inputs to their piece at t; the number of that piece."""
    while piece < breaks.size and breaks[piece] <= t:
        piece += 1
    for k in range(at[N_GIVEN]):
        w[at[GIVEN] + LANES * k + lane] = value[piece, k]
        w[at[SLOPE] + LANES * k + lane] = slope[piece, k]
        w[at[SINCE] + lane] = breaks[piece - 1] if piece > 0 else t
    return piece


@njit(error_model="numpy", boundscheck=False)
def look_at_state(w, pointer, at, functions, lane):
    """GUARD of a lane at its state Y and time TY, which become its DENSE and TD."""
    for i in range(at[N_STATES]):
        w[at[DENSE] + LANES * i + lane] = w[at[Y] + LANES * i + lane]
    w[at[TD] + lane] = w[at[TY] + lane]
    call(functions[GUARDS], pointer)


@njit(error_model="numpy", boundscheck=False)
def passed(w, at, lane, e, direction):
    """Whether the guard of event e went from SIDE to GUARD through nought."""
    before, after = w[at[SIDE] + LANES * e + lane], w[at[GUARD] + LANES * e + lane]
    rising = direction >= 0 and before < 0.0 and after >= 0.0
    return rising or (direction <= 0 and before > 0.0 and after <= 0.0)


@njit(error_model="numpy", boundscheck=False)
def count_passed(w, at, lane, directions):
    """How many guards have passed, or are no numbers."""
    count = 0
    for e in range(directions.size):
        guard = w[at[GUARD] + LANES * e + lane]
        if passed(w, at, lane, e, directions[e]) or guard != guard:
            count += 1
    return count


@njit(error_model="numpy", boundscheck=False)
def begin_sides(w, pointer, at, functions, lane, fault):
    """Note the guards of a state from which a patient starts. What is beyond nought here has not passed it."""
    look_at_state(w, pointer, at, functions, lane)
    for e in range(at[N_EVENTS]):
        guard = w[at[GUARD] + LANES * e + lane]
        w[at[SIDE] + LANES * e + lane] = guard
        if guard != guard:
            fault[0] = e
            return EVENT_UNDEFINED
    return RUNNING


@njit(error_model="numpy", boundscheck=False)
def settle(w, pointer, at, functions, lane, directions, jumps, happened, days, fault):
    """Do the events that are due at Y and TY, those that they bring about, and so on; the patient's status.

    SIDE: the guards before Y came to be as it is; afterwards those of the new Y.   jumps: (event, state, whether it
    cannot be negative) of each new value.   happened: counts.   days: first and last day of each event.
    fault: the event, or the new value, that cannot be.
    """
    t = w[at[TY] + lane]
    for following in range(MOST_AT_ONCE + 1):
        look_at_state(w, pointer, at, functions, lane)
        for e in range(directions.size):
            guard = w[at[GUARD] + LANES * e + lane]
            if guard != guard:
                fault[0] = e
                return EVENT_UNDEFINED
        if count_passed(w, at, lane, directions) == 0:
            break
        if following == MOST_AT_ONCE:
            return EVENTS_FOR_EVER
        call(functions[JUMPS], pointer)
        for e in range(directions.size):
            if passed(w, at, lane, e, directions[e]):
                happened[e] += 1
                days[e, 0], days[e, 1] = min(days[e, 0], t), t
                for place in range(jumps.shape[0]):
                    if jumps[place, 0] == e:
                        value = w[at[JUMP] + LANES * place + lane]
                        if not abs(value) < math.inf or (jumps[place, 2] and value < 0.0):
                            fault[0] = place
                            return EVENT_IMPOSSIBLE
                        w[at[Y] + LANES * jumps[place, 1] + lane] = value
        if happened.sum() > MOST_EVENTS:
            return TOO_MANY_EVENTS
        for e in range(directions.size):
            w[at[SIDE] + LANES * e + lane] = w[at[GUARD] + LANES * e + lane]
    for e in range(directions.size):
        w[at[SIDE] + LANES * e + lane] = w[at[GUARD] + LANES * e + lane]
    return RUNNING


@njit(error_model="numpy", boundscheck=False)
def look_within(w, pointer, at, functions, lanes):
    """DENSE, TD and GUARD at THETA of each lane; the end of a step is the time reached to the last digit."""
    call(functions[DENSE_STATES], pointer)
    for lane in range(LANES):
        if lanes[lane] and w[at[THETA] + lane] >= 1.0:
            w[at[TD] + lane] = w[at[REACHED] + lane]
    call(functions[GUARDS], pointer)


@njit(error_model="numpy", boundscheck=False)
def locate_events(w, pointer, at, functions, lanes, theta, directions):
    """End the step of these lanes at their first event: theta, its fraction; REACHED its time; DENSE the state there.

    Bisection on the interpolant, all lanes at once, to the last digit of the time or the fraction; the far side counts.
    Events within ONE_MOMENT behind it happen with it.
    """
    for lane in range(LANES):
        if lanes[lane]:
            theta[lane] = w[at[FOUND] + lane]
    searching = True
    while searching:
        searching = False
        for lane in range(LANES):
            if lanes[lane]:
                left, right = w[at[LOOKED] + lane], theta[lane]
                middle = 0.5 * (left + right)
                finest = 1e-16 * (abs(w[at[TY] + lane]) + w[at[H] + lane])
                going = left < middle < right and (right - left) * w[at[H] + lane] > finest
                w[at[THETA] + lane] = middle if going else right
                searching |= going
        if searching:
            look_within(w, pointer, at, functions, lanes)
            for lane in range(LANES):
                middle = w[at[THETA] + lane]
                if lanes[lane] and middle < theta[lane]:
                    if count_passed(w, at, lane, directions) > 0:
                        theta[lane] = middle
                    else:
                        w[at[LOOKED] + lane] = middle
    look_within(w, pointer, at, functions, lanes)
    for lane in range(LANES):
        if lanes[lane]:
            w[at[LOOKED] + lane] = count_passed(w, at, lane, directions)
            later = ONE_MOMENT * max(1.0, abs(w[at[TY] + lane])) / w[at[H] + lane]
            w[at[THETA] + lane] = min(1.0, theta[lane] + later)
    look_within(w, pointer, at, functions, lanes)
    for lane in range(LANES):
        if lanes[lane]:
            if count_passed(w, at, lane, directions) > w[at[LOOKED] + lane]:
                theta[lane] = w[at[THETA] + lane]
            w[at[THETA] + lane] = theta[lane]
    look_within(w, pointer, at, functions, lanes)
    for lane in range(LANES):
        if lanes[lane]:
            w[at[REACHED] + lane] = min(w[at[TD] + lane], w[at[REACHED] + lane])


@njit(error_model="numpy", boundscheck=False)
def end_steps_at_events(w, pointer, at, functions, lanes, theta):
    """Make the state at the event the new state of the step."""
    for lane in range(LANES):
        if lanes[lane]:
            w[at[THETA] + lane] = theta[lane]
    call(functions[DENSE_STATES], pointer)
    for lane in range(LANES):
        if lanes[lane]:
            for i in range(at[N_STATES]):
                w[at[STAGE] + LANES * i + lane] = w[at[DENSE] + LANES * i + lane]
