"""What is due at a stop, a part of the driver (see driver.py): boluses, infusions that start and end, states set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from numba import njit

if TYPE_CHECKING:
    LANES = 8
    Y = U = N_INPUTS = N_STATES = 0

# driver
SET_STATE, BOLUS, INFUSION_START, INFUSION_END = -1, 0, 1, 2


@njit(error_model="numpy", boundscheck=False)
def input_rates(w, at, lane, t, dose_time, dose_end, dose_input, amount):
    """Set U to the rates of the infusions that run at t, from scratch, so that none leaves a rounding error behind."""
    for column in range(at[N_INPUTS]):
        w[at[U] + LANES * column + lane] = 0.0
    for dose in range(dose_time.size):
        if dose_time[dose] <= t < dose_end[dose]:
            w[at[U] + LANES * dose_input[dose] + lane] += amount[dose] / (dose_end[dose] - dose_time[dose])


@njit(error_model="numpy", boundscheck=False)
def set_states(w, at, lane, order, values, added):
    """Put a lane's states at these values, or add them; nan leaves a state as it is."""
    for i in range(at[N_STATES]):
        value = values[order[i]]
        if value == value:
            n = at[Y] + LANES * i + lane
            w[n] = w[n] + value if added else value


@njit(error_model="numpy", boundscheck=False)
def take_doses(
    w, at, lane, order, t, event, event_time, event_kind, event_dose, dose_state, dose_time, dose_end, dose_input,
    amount, set_values, set_added,
):  # fmt: skip
    """Do what is due at t; the number of the next event that concerns this patient.

    event_dose: the number of the dose, or of the mark whose state is set.
    """
    changed = False
    while event < event_time.size:
        which, sets = event_dose[event], event_kind[event] == SET_STATE
        if not sets and amount[which] == 0.0:
            event += 1
            continue
        if event_time[event] > t:
            break
        if sets:
            set_states(w, at, lane, order, set_values[which], set_added[which])
        elif event_kind[event] == BOLUS:
            w[at[Y] + LANES * dose_state[which] + lane] += amount[which]
        else:
            changed = True
        event += 1
    if changed:
        input_rates(w, at, lane, t, dose_time, dose_end, dose_input, amount)
    return event
