"""The solver's loop over steps and patients, compiled together with one model and one method.

This file is read as text and put behind the generated functions (model/codegen.py, steps.py) in a kernel file; it is
never imported as part of the package, so the names it uses are declared below for the reader and the type checker.

LANES patients are in work at once, each with their own time and step; the vector instructions of a step serve all of
them, and a lane that finishes takes the next patient. Nothing that a lane computes depends on the other lanes.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

if TYPE_CHECKING:
    N_STATES = N_JACOBIAN = N_INPUTS = LANES = ORDER = STAGES = N_ALL = 1
    TY = H = NORM = BEFORE = GROW = ACCEPTED = Y = F = NEW = ATOL = FLOOR = U = JAC = STAGE = 0
    AUTONOMOUS = ROOTS = False
    JACOBIAN_ROWS = JACOBIAN_COLUMNS = np.zeros(1, dtype=np.int64)
    prepare: Any
    rhs_jac: Any
    dfdt: Any
    step: Any
    dense: Any
    judge: Any
    keep: Any

# driver
RUNNING, FINISHED, UNDERFLOW, NOT_FINITE, TOO_MANY_STEPS, BAD_START = -1, 0, 1, 2, 3, 4
BOLUS, INFUSION_START, INFUSION_END = 0, 1, 2
SMALLEST_STEP = 1e-13  # days, and relative to the time
TINY = 1e-150  # smaller values are set to nought: arithmetic on denormal numbers is slow and they mean nothing


@njit(cache=True, nogil=True, error_model="numpy", fastmath=False, boundscheck=False)
def begin(w):
    """Rates and Jacobian of all lanes at Y. A root has an infinite slope at nought: that entry is left out."""
    rhs_jac(w)
    if not AUTONOMOUS:
        dfdt(w)
    if ROOTS:
        for n in range(LANES * N_JACOBIAN):
            if not abs(w[JAC + n]) < math.inf:
                w[JAC + n] = 0.0


@njit(cache=True, nogil=True, error_model="numpy", fastmath=False, boundscheck=False)
def first_step(w, lane, rtol, span):
    """A starting step in days from the first and second derivative (Hairer, Nørsett & Wanner I, II.4).

    The second is J f. Only values at this moment enter, so a restart begins like a start.
    """
    slope, size, bend = 0.0, 0.0, 0.0
    for i in range(N_STATES):
        n = LANES * i + lane
        weight = 1.0 / (w[ATOL + n] + rtol * abs(w[Y + n]))
        size = max(size, abs(w[Y + n]) * weight)
        slope = max(slope, abs(w[F + n]) * weight)
        w[STAGE + n] = 0.0
    if not slope > 1e-10:
        return span
    if not slope < math.inf:
        return min(1e-6, span)
    for entry in range(N_JACOBIAN):
        i, j = JACOBIAN_ROWS[entry], JACOBIAN_COLUMNS[entry]
        w[STAGE + LANES * i + lane] += w[JAC + LANES * entry + lane] * w[F + LANES * j + lane]
    for i in range(N_STATES):
        n = LANES * i + lane
        bend = max(bend, abs(w[STAGE + n]) / (w[ATOL + n] + rtol * abs(w[Y + n])))
    h = 0.01 * size / slope if size > 1e-5 else 1e-6
    if not bend < math.inf:
        return min(h, span)
    return min(min(100.0 * h, (0.01 / max(slope, bend)) ** (1.0 / ORDER)), span)


@njit(cache=True, nogil=True, error_model="numpy", fastmath=False, boundscheck=False)
def work_array():
    """The array w, aligned to the 64 bytes of a row."""
    room = np.zeros(N_ALL + LANES)
    skip = (-(room.ctypes.data // 8)) % LANES
    return room[skip : skip + N_ALL]


@njit(cache=True, nogil=True, error_model="numpy", fastmath=False, boundscheck=False)
def note_crossings(w, lane, watched, limits, found):
    """Write the first time at which each watched state reaches its limit within the accepted step.

    The interpolant of the step is searched by regula falsi (Illinois), to the resolution of the time.
    """
    t, h = w[TY + lane], w[H + lane]
    for j in range(watched.size):
        n = LANES * watched[j] + lane
        if not w[NEW + n] >= limits[j] or found[j] < math.inf:
            continue
        left, right = 0.0, 1.0
        below, above = w[Y + n] - limits[j], w[NEW + n] - limits[j]
        if below >= 0.0:
            found[j] = t
            continue
        side = 0
        for _ in range(60):
            middle = (left * above - right * below) / (above - below)
            if not left < middle < right:
                middle = 0.5 * (left + right)
            value = dense(w, middle, h, watched[j], lane) - limits[j]
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


@njit(cache=True, nogil=True, error_model="numpy", fastmath=False, boundscheck=False)
def input_rates(w, lane, t, dose_time, dose_end, dose_input, amount):
    """Set U to the rates of the infusions that run at t, from scratch, so that none leaves a rounding error behind."""
    for column in range(N_INPUTS):
        w[U + LANES * column + lane] = 0.0
    for dose in range(dose_time.size):
        if dose_time[dose] <= t < dose_end[dose]:
            w[U + LANES * dose_input[dose] + lane] += amount[dose] / (dose_end[dose] - dose_time[dose])


@njit(cache=True, nogil=True, error_model="numpy", fastmath=False, boundscheck=False)
def take_doses(
    w, lane, t, event, event_time, event_kind, event_dose, dose_state, dose_time, dose_end, dose_input, amount
):
    """Give what is due at t; the number of the next event that concerns this patient."""
    changed = False
    while event < event_time.size and (event_time[event] <= t or amount[event_dose[event]] == 0.0):
        dose = event_dose[event]
        if amount[dose] != 0.0:
            if event_kind[event] == BOLUS:
                w[Y + LANES * dose_state[dose] + lane] += amount[dose]
            else:
                changed = True
        event += 1
    if changed:
        input_rates(w, lane, t, dose_time, dose_end, dose_input, amount)
    return event


@njit(cache=True, nogil=True, error_model="numpy", fastmath=False, boundscheck=False)
def run_block(
    first, last, constants, initial, start, end, times, stop_at_outputs,
    event_time, event_kind, event_dose, dose_input, dose_state, dose_time, dose_end, amounts,
    watched, limits, rtol, atol, floor, max_steps,
    states, crossings, final, status, day, steps,
):  # fmt: skip
    """Integrate patients first … last - 1 from start to end, writing into their own rows.

    Events are sorted by time; those of amount nought are passed over. An output at the time of a dose is the state
    just before it. floor: -1 for states that cannot be negative, -inf where a sign
    is allowed. steps[i]: accepted, rejected.
    """
    n_times, n_events = times.size, event_time.size
    w = work_array()
    who = np.full(LANES, -1, dtype=np.int64)
    event, output = np.zeros(LANES, dtype=np.int64), np.zeros(LANES, dtype=np.int64)
    stop, proposed, target = np.zeros(LANES), np.zeros(LANES), np.zeros(LANES)
    lands, rejected_before, fresh = np.zeros(LANES, np.bool_), np.zeros(LANES, np.bool_), np.zeros(LANES, np.bool_)
    at_stop = np.ones(LANES, np.bool_)
    begins = event_time.size
    for e in range(event_time.size - 1, -1, -1):
        if event_time[e] >= start:
            begins = e
    following, active = first, 0
    w[H : H + LANES] = 1e-3
    for i in range(N_STATES):
        w[FLOOR + LANES * i : FLOOR + LANES * (i + 1)] = floor[i]
    while True:
        # lanes at a stop: outputs due, the end, doses; a lane that is free takes the next patient
        for lane in range(LANES):
            while at_stop[lane]:
                patient = who[lane]
                if patient < 0:
                    if following >= last:
                        at_stop[lane] = False
                        break
                    patient = following
                    following += 1
                    active += 1
                    who[lane] = patient
                    prepare(constants[patient], w, lane)
                    status[patient] = RUNNING
                    for i in range(N_STATES):
                        w[Y + LANES * i + lane] = initial[patient, i]
                        w[ATOL + LANES * i + lane] = atol[patient, i]
                        if not abs(initial[patient, i]) < math.inf:
                            status[patient] = BAD_START
                    for j in range(watched.size):
                        reached = initial[patient, watched[j]] >= limits[patient, j]
                        crossings[patient, j] = start if reached else math.inf
                    w[TY + lane] = start
                    event[lane], output[lane] = begins, 0
                    steps[patient, 0], steps[patient, 1] = 0, 0
                    input_rates(w, lane, start, dose_time, dose_end, dose_input, amounts[patient])
                t = w[TY + lane]
                while output[lane] < n_times and times[output[lane]] <= t:
                    for i in range(N_STATES):
                        states[patient, output[lane], i] = w[Y + LANES * i + lane]
                    output[lane] += 1
                if t >= end or status[patient] != RUNNING:
                    finish(w, lane, patient, states, crossings, final, status, day)
                    who[lane] = -1
                    active -= 1
                    continue
                event[lane] = take_doses(
                    w, lane, t, event[lane], event_time, event_kind, event_dose, dose_state, dose_time, dose_end,
                    dose_input, amounts[patient],
                )  # fmt: skip
                stop[lane] = min(end, event_time[event[lane]]) if event[lane] < n_events else end
                at_stop[lane] = False
                fresh[lane] = True
        if active == 0:
            return
        begin(w)
        for lane in range(LANES):
            if who[lane] < 0:
                continue
            t = w[TY + lane]
            if fresh[lane]:
                proposed[lane] = first_step(w, lane, rtol, stop[lane] - t)
                w[BEFORE + lane] = 1e-4
                fresh[lane] = rejected_before[lane] = False
            target[lane] = stop[lane]
            if stop_at_outputs and output[lane] < n_times and times[output[lane]] < stop[lane]:
                target[lane] = times[output[lane]]
            h = proposed[lane]
            lands[lane] = t + 1.02 * h >= target[lane]
            if lands[lane]:
                h = target[lane] - t
            elif t + 1.9 * h > target[lane]:
                h = 0.5 * (target[lane] - t)  # two equal steps rather than one and a splinter
            w[H + lane] = h
        step(w)
        judge(w, rtol)
        for lane in range(LANES):
            w[ACCEPTED + lane] = 0.0
            patient = who[lane]
            if patient < 0:
                continue
            t, tried, norm = w[TY + lane], w[H + lane], w[NORM + lane]
            if not norm <= 1.0:
                steps[patient, 1] += 1
                shrink = 0.9 / math.sqrt(math.sqrt(norm)) if norm < math.inf else 0.25
                proposed[lane] = tried * max(0.1, shrink)
                rejected_before[lane] = True
                if proposed[lane] < SMALLEST_STEP * max(1.0, abs(t)):
                    status[patient] = UNDERFLOW if norm == norm else NOT_FINITE
                    at_stop[lane] = True
            else:
                w[ACCEPTED + lane] = 1.0
                steps[patient, 0] += 1
                reached = target[lane] if lands[lane] else t + tried
                if watched.size > 0:
                    note_crossings(w, lane, watched, limits[patient], crossings[patient])
                while output[lane] < n_times and times[output[lane]] < reached:
                    theta = (times[output[lane]] - t) / tried
                    for i in range(N_STATES):
                        states[patient, output[lane], i] = dense(w, theta, tried, i, lane)
                    output[lane] += 1
                w[BEFORE + lane] = max(norm, 1e-4)
                grow = min(6.0, max(0.2, w[GROW + lane]))
                if rejected_before[lane]:
                    grow = min(grow, 1.0)
                    rejected_before[lane] = False
                wished = tried * grow
                proposed[lane] = max(proposed[lane], wished) if tried < proposed[lane] else wished
                w[TY + lane] = reached
                at_stop[lane] = reached >= stop[lane] or (stop_at_outputs and lands[lane])
            if steps[patient, 0] + steps[patient, 1] >= max_steps and status[patient] == RUNNING:
                if w[TY + lane] < end:
                    status[patient] = TOO_MANY_STEPS
                at_stop[lane] = True
        keep(w)


@njit(cache=True, nogil=True, error_model="numpy", fastmath=False, boundscheck=False)
def finish(w, lane, patient, states, crossings, final, status, day):
    """Write what is left to write of a patient who reached the end or stopped."""
    if status[patient] == RUNNING:
        status[patient] = FINISHED
        day[patient] = math.nan
        for i in range(N_STATES):
            final[patient, i] = w[Y + LANES * i + lane]
    else:
        day[patient] = w[TY + lane]
        final[patient] = math.nan
        states[patient] = math.nan
        crossings[patient] = math.nan


@njit(cache=True, nogil=True, error_model="numpy", fastmath=False, boundscheck=False)
def fastest(first, last, constants, initial, start, rho):
    """The fastest rate of each patient's equations at the start (1/day): power iteration with their Jacobian."""
    w = work_array()
    v, x = np.zeros(N_STATES), np.zeros(N_STATES)
    for patient in range(first, last):
        prepare(constants[patient], w, 0)
        w[TY] = start
        for i in range(N_STATES):
            w[Y + LANES * i] = initial[patient, i]
            v[i] = 1.0 + 0.1 * (i % 7)
        begin(w)
        rho[patient] = 0.0
        for _ in range(30):
            size = math.sqrt((v * v).sum())
            if not 0.0 < size < math.inf:
                break
            x[:] = v / size
            v[:] = 0.0
            for entry in range(N_JACOBIAN):
                v[JACOBIAN_ROWS[entry]] += w[JAC + LANES * entry] * x[JACOBIAN_COLUMNS[entry]]
            rho[patient] = math.sqrt((v * v).sum())
