"""A patient enters a lane and leaves it, a part of the driver (see driver.py)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from numba import njit

if TYPE_CHECKING:
    LANES = 8
    TY = Y = P = ATOL = LIMIT = TAKEN = REJECTED = STIFF = N_STATES = N_BOUNDED = N_INTEGRATED = N_CONSTANTS = 0
    PREPARE = 0
    call: Any

# driver
RUNNING, FINISHED, UNDERFLOW, NOT_FINITE, TOO_MANY_STEPS, BAD_START, TURNED_STIFF = -1, 0, 1, 2, 3, 4, 9
UNDERSHOOT = 1000.0  # absolute tolerances below nought that another solver may leave in a state; more is a mistake


@njit(error_model="numpy", boundscheck=False)
def take_patient(w, pointer, at, functions, lane, order, start, constants, initial, atol):
    """Put a patient's constants, states and tolerances into a lane; RUNNING, or BAD_START for a state that cannot be.

    A state that cannot be negative and is, within rounding of another solver, becomes nought.
    """
    for i in range(at[N_CONSTANTS]):
        w[at[P] + LANES * i + lane] = constants[i]
    call(functions[PREPARE], pointer)
    w[at[TY] + lane] = start
    w[at[TAKEN] + lane] = w[at[REJECTED] + lane] = w[at[STIFF] + lane] = 0.0
    status = RUNNING
    for i in range(at[N_STATES]):
        value, least = initial[order[i]], atol[order[i]]
        if i < at[N_INTEGRATED]:
            w[at[ATOL] + LANES * i + lane] = least
        if value < 0.0 and (i < at[N_BOUNDED] or i >= at[N_INTEGRATED]):
            if value < -UNDERSHOOT * least:
                status = BAD_START
            value = 0.0
        w[at[Y] + LANES * i + lane] = value
        if not abs(value) < math.inf:
            status = BAD_START
    return status


@njit(error_model="numpy", boundscheck=False)
def set_limits(w, at, lane, watched, limits, found):
    """Note what each watched state waits for, and in `found`, which holds the start, that others are not reached."""
    for j in range(watched.size):
        crossed = w[at[Y] + LANES * watched[j] + lane] >= limits[j]
        w[at[LIMIT] + LANES * j + lane] = math.inf if crossed else limits[j]
        if not crossed:
            found[j] = math.inf


@njit(error_model="numpy", boundscheck=False)
def write_states(w, first, order, row):
    """The states of a lane as a row of the answer, in the order of the model."""
    for i in range(order.size):
        row[order[i]] = w[first + LANES * i]


@njit(error_model="numpy", boundscheck=False)
def finish(w, at, lane, order, patient, written, states, crossings, final, status, day, steps):
    """Write what is left to write of a patient who reached the end or stopped.   written: how many outputs are."""
    steps[patient, 0], steps[patient, 1] = w[at[TAKEN] + lane], w[at[REJECTED] + lane]
    if status[patient] == RUNNING:
        status[patient] = FINISHED
        day[patient] = math.nan
        write_states(w, at[Y] + lane, order, final[patient])
        states[patient, written:] = math.nan  # of times that pad the row
    else:
        day[patient] = w[at[TY] + lane]
        final[patient] = math.nan
        states[patient] = math.nan
        crossings[patient] = math.nan
