"""How fast a patient's equations are, by which a method is chosen, a part of the driver (see driver.py)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

if TYPE_CHECKING:
    LANES = 8
    TY = GIVEN = P = Y = LU = N_ALL = N_INTEGRATED = N_GIVEN = N_CONSTANTS = PREPARE = BEGIN = 0
    call: Any
    work_array: Any

# driver


@njit(cache=True, nogil=True, error_model="numpy", fastmath=False, boundscheck=False)
def fastest(first, last, at, functions, jacobian, by_time, order, constants, initial, start, given, rho):
    """The fastest rate of each patient's equations at the start (1/day): power iteration with their Jacobian.

    given: values of the inputs.
    """
    w = work_array(at[N_ALL])
    size = at[N_INTEGRATED]
    v, x = np.zeros(size), np.zeros(size)
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
                length = math.sqrt((v * v).sum())
                if not 0.0 < length < math.inf:
                    break
                x[:] = v / length
                v[:] = 0.0
                for entry in range(jacobian.shape[0]):
                    place = at[LU] + LANES * jacobian[entry, 2] + lane
                    v[jacobian[entry, 0]] += w[place] * x[jacobian[entry, 1]]
                rho[block + lane] = math.sqrt((v * v).sum())
                if abs(rho[block + lane] - before) < 1e-3 * before:
                    break
                before = rho[block + lane]
