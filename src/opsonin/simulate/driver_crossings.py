"""When a cumulative hazard reaches a patient's draw, a part of the driver (see driver.py)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from numba import njit

if TYPE_CHECKING:
    LANES = 8
    TY = H = Y = STAGE = THETA = WEIGHT = K = LIMIT = N_INTEGRATED = N_WEIGHTS = WEIGH = 0
    call: Any

# driver


@njit(error_model="numpy", boundscheck=False)
def within(w, pointer, at, functions, lane, theta, state):
    """One state of one lane at a fraction of its last step."""
    w[at[THETA] + lane] = theta
    call(functions[WEIGH], pointer)
    n = LANES * state + lane
    value = w[at[WEIGHT] + lane] * w[at[Y] + n] + w[at[WEIGHT] + LANES + lane] * w[at[STAGE] + n]
    for stage in range(at[N_WEIGHTS] - 2):
        value += w[at[WEIGHT] + LANES * (2 + stage) + lane] * w[at[K] + LANES * stage * at[N_INTEGRATED] + n]
    return value


@njit(error_model="numpy", boundscheck=False)
def note_crossings(w, pointer, at, functions, lane, watched, found, end):
    """Write the first time at which each watched state reaches its limit within the accepted step.

    end: the range of the states at the end of what counts of the step: STAGE, or DENSE where an event ends it.

    A limit is met once: it becomes infinite then.

    The interpolant of the step is searched by regula falsi (Illinois), to the resolution of the time.
    """
    t, h = w[at[TY] + lane], w[at[H] + lane]
    for j in range(watched.size):
        n = LANES * watched[j] + lane
        limit = w[at[LIMIT] + LANES * j + lane]
        if not w[at[end] + n] >= limit:
            continue
        w[at[LIMIT] + LANES * j + lane] = math.inf
        left, right = 0.0, 1.0
        below, above = w[at[Y] + n] - limit, w[at[STAGE] + n] - limit
        if below >= 0.0:
            found[j] = t
            continue
        side = 0
        for _ in range(60):
            middle = (left * above - right * below) / (above - below)
            if not left < middle < right:
                middle = 0.5 * (left + right)
            value = within(w, pointer, at, functions, lane, middle, watched[j]) - limit
            if value < 0.0:
                left, below = middle, value
                above *= 0.5 if side == -1 else 1.0
                side = -1
            else:
                right, above = middle, value
                below *= 0.5 if side == 1 else 1.0
                side = 1
            if value == 0.0 or (right - left) * h <= 4e-16 * (abs(t) + h):
                break
        found[j] = t + h * right
