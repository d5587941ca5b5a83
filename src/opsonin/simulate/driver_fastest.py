"""How fast a patient's equations are, by which a method is chosen, a part of the driver (see driver.py)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from numba import njit

if TYPE_CHECKING:
    LANES = 8
    TY = GIVEN = P = Y = LU = N_ALL = N_INTEGRATED = N_GIVEN = N_CONSTANTS = PREPARE = BEGIN = 0
    call: Any

# driver


@njit(error_model="numpy", boundscheck=False)
def fastest(
    first, last, w, book, flags, at, functions, jacobian, by_time, order, constants, initial, start, given, rho
):  # fmt: skip
    """The fastest rate of each patient's equations at the start (1/day): power iteration with their Jacobian.

    given: values of the inputs.   w, book, flags: room to work in.
    """
    size, places = at[N_INTEGRATED], jacobian.shape[0]
    v, x = w[at[N_ALL] : at[N_ALL] + size], w[at[N_ALL] + size : at[N_ALL] + 2 * size]
    for block in range(first, last, LANES):
        for lane in range(min(LANES, last - block)):
            w[at[TY] + lane] = start
            for k in range(at[N_GIVEN]):
                w[at[GIVEN] + LANES * k + lane] = given[k]
            for i in range(at[N_CONSTANTS]):
                w[at[P] + LANES * i + lane] = constants[block + lane, i]
            for i in range(order.size):
                w[at[Y] + LANES * i + lane] = initial[block + lane, order[i]]
        call(functions[PREPARE], w.ctypes.data)
        call(functions[BEGIN], w.ctypes.data)
        for lane in range(min(LANES, last - block)):
            for i in range(at[N_INTEGRATED]):
                v[i] = 1.0 + 0.1 * (i % 7)
            rho[block + lane], before = 0.0, -1.0
            for _ in range(30):
                length = norm(v)
                if not 0.0 < length < math.inf:
                    break
                for i in range(size):
                    x[i], v[i] = v[i] / length, 0.0
                for entry in range(places):
                    place = at[LU] + LANES * jacobian[entry, 2] + lane
                    v[jacobian[entry, 0]] += w[place] * x[jacobian[entry, 1]]
                rho[block + lane] = norm(v)
                if abs(rho[block + lane] - before) < 1e-3 * before:
                    break
                before = rho[block + lane]


@njit(error_model="numpy", boundscheck=False)
def norm(v):
    """The Euclidean length of a vector."""
    squares = 0.0
    for i in range(v.size):
        squares += v[i] * v[i]
    return math.sqrt(squares)
