"""What is due at a stop, a part of the driver (see driver.py): boluses, infusions that start and end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from numba import njit

if TYPE_CHECKING:
    LANES = 8
    Y = U = N_INPUTS = 0

# driver
BOLUS, INFUSION_START, INFUSION_END = 0, 1, 2


@njit(cache=True, nogil=True, error_model="numpy", fastmath=False, boundscheck=False)
def input_rates(w, at, lane, t, dose_time, dose_end, dose_input, amount):
    """Set U to the rates of the infusions that run at t, from scratch, so that none leaves a rounding error behind."""
    for column in range(at[N_INPUTS]):
        w[at[U] + LANES * column + lane] = 0.0
    for dose in range(dose_time.size):
        if dose_time[dose] <= t < dose_end[dose]:
            w[at[U] + LANES * dose_input[dose] + lane] += amount[dose] / (dose_end[dose] - dose_time[dose])


@njit(cache=True, nogil=True, error_model="numpy", fastmath=False, boundscheck=False)
def take_doses(
    w, at, lane, t, event, event_time, event_kind, event_dose, dose_state, dose_time, dose_end, dose_input, amount
):
    """Give what is due at t; the number of the next event that concerns this patient."""
    changed = False
    while event < event_time.size and (event_time[event] <= t or amount[event_dose[event]] == 0.0):
        dose = event_dose[event]
        if amount[dose] != 0.0:
            if event_kind[event] == BOLUS:
                w[at[Y] + LANES * dose_state[dose] + lane] += amount[dose]
            else:
                changed = True
        event += 1
    if changed:
        input_rates(w, at, lane, t, dose_time, dose_end, dose_input, amount)
    return event
