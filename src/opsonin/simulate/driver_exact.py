"""The states that are advanced exactly, a part of the driver (see driver.py and model/codegen_exact.py)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from numba import njit

if TYPE_CHECKING:
    LANES = 8
    N_STATES = N_INTEGRATED = N_INPUTS = Y = U = Z = LAMBDA = SHAPE = CONSTANT = 0

# driver


@njit(error_model="numpy", boundscheck=False)
def set_modes(w, at, lane, rates, shapes):
    """The exponential modes of the patient that a lane takes: λ (mode,) and V (state, mode)."""
    for k in range(rates.size):
        w[at[LAMBDA] + LANES * k + lane] = rates[k]
        for j in range(rates.size):
            w[at[SHAPE] + LANES * (j * rates.size + k) + lane] = shapes[j, k]


@njit(error_model="numpy", boundscheck=False)
def enter_exact(w, at, lane, input_row, rates, shapes, back):
    """From the states and the infusions of this moment: what the infusions drive to, and the modes.

    x = CONSTANT + V z with CONSTANT = -V Λ⁻¹ V⁻¹ u. From scratch at every stop, so that a restart is exact.
    Whether all of them are finite: no step looks at the error of these states, so that nobody else would notice.
    """
    size, first = rates.size, at[N_INTEGRATED]
    for j in range(size):
        w[at[CONSTANT] + LANES * j + lane] = 0.0
    for column in range(at[N_INPUTS]):
        u, place = w[at[U] + LANES * column + lane], input_row[column] - first
        if u == 0.0 or place < 0:
            continue
        for k in range(size):
            drive = -back[k, place] * u / rates[k]
            for j in range(size):
                w[at[CONSTANT] + LANES * j + lane] += shapes[j, k] * drive
    for k in range(size):
        mode = 0.0
        for j in range(size):
            away = w[at[Y] + LANES * (first + j) + lane] - w[at[CONSTANT] + LANES * j + lane]
            mode += back[k, j] * away
        w[at[Z] + LANES * k + lane] = mode
        if not abs(mode) < math.inf:
            return False
    return True
