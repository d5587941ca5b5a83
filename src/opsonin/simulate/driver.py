"""The solver's loop over steps and patients, compiled once for all models and methods.

This file and its parts (`compiled.DRIVER`) are read as text and put together into one kernel file; they are never
imported as part of the package, so the names they use are declared below for the reader and the type checker.

LANES patients are in work at once, each with their own time and step; the vector instructions of a step serve all of
them, and a lane that finishes takes the next patient. Nothing that a lane computes depends on the other lanes.

at: the places of a model's ranges in w, and its sizes; functions: the addresses of its functions (calling.py).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

if TYPE_CHECKING:
    LANES = 8
    N_STATES = N_INTEGRATED = N_ALL = STIFF_STEPS = N_GIVEN = N_EVENTS = 0
    TY = H = THETA = NORM = RTOL = PROPOSED = STOP = NEXT = MOST = BEFORE = FRESH = IDLE = ACCEPTED = LANDED = 0
    REACHED = TAKEN = REJECTED = STIFF = MASK = Y = STAGE = DENSE = FOUND = ADVANCE = DENSE_STATES = KEEP = 0
    RUNNING = UNDERFLOW = NOT_FINITE = TOO_MANY_STEPS = TURNED_STIFF = 0
    call: Any
    take_patient: Any
    set_limits: Any
    write_states: Any
    finish: Any
    input_rates: Any
    take_doses: Any
    note_crossings: Any
    take_inputs: Any
    begin_sides: Any
    settle: Any
    locate_events: Any
    end_steps_at_events: Any
    set_modes: Any
    enter_exact: Any

# driver


@njit(error_model="numpy", boundscheck=False)
def run_block(
    first, last, w, book, flags, at, functions, jacobian, by_time, order, constants, initial, start, end, times,
    event_time, event_kind, event_dose, dose_input, dose_row, dose_time, dose_end, amounts, set_values, set_added,
    watched, limits, breaks, given, slopes, directions, jumps, input_row, rates, shapes, back,
    rtol, atol, max_steps, turns,
    states, crossings, final, status, day, steps, happened, days, fault,
):  # fmt: skip
    """Integrate patients first … last - 1 from start to end, writing into their own rows.

    Tables of times (wanted, events, doses) have one row for all patients or one for each; what is not there is inf.
    Events are sorted by time; doses of amount nought are passed over. An output at the time of a dose is the state
    just before it. set_values, set_added: what a patient's states become at each of their marks; without marks one row
    for all. steps[i]: accepted, rejected.
    breaks, given, slopes: the inputs' pieces (driver_events.take_inputs).   directions, jumps, happened, days, fault:
    of the model's own events (driver_events.settle). At one moment inputs step, then events happen, then outputs are
    taken, then doses, and last the events that they bring about.
    w, book, flags: room to work in, of this call alone, w aligned to the 64 bytes of a row and filled with noughts.
    turns: whether a patient whose steps are short for stability alone stops with TURNED_STIFF.
    input_row, rates, shapes, back: where doses enter and each patient's modes, of what is advanced exactly.
    """
    n_times, n_events, n_states = times.shape[1], event_time.shape[1], at[N_STATES]
    n_exact = n_states - at[N_INTEGRATED]
    pointer, mask = w.ctypes.data, w[at[MASK] : at[MASK] + 1].view(np.int64)
    who, event, output, piece = book[0], book[1], book[2], book[3]
    due, at_stop, ended, theta = flags[0], flags[1], flags[2], w[at[N_ALL] :]
    who[:], at_stop[:] = -1, True
    changes = at[N_EVENTS] + at[N_GIVEN] > 0
    following, active = first, 0
    for lane in range(LANES):
        w[at[RTOL] + lane], w[at[MOST] + lane] = rtol, max_steps
        w[at[PROPOSED] + lane] = w[at[STOP] + lane] = w[at[BEFORE] + lane] = w[at[IDLE] + lane] = 1.0
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
                    w[at[IDLE] + lane] = 0.0
                    event[lane], output[lane], piece[lane] = 0, 0, 0
                    table = min(patient, event_time.shape[0] - 1)
                    while event[lane] < n_events and event_time[table, event[lane]] < start[patient]:
                        event[lane] += 1
                    if n_exact > 0:
                        set_modes(w, at, lane, rates[patient], shapes[patient])
                    status[patient] = take_patient(
                        w, pointer, at, functions, lane, order, start[patient], constants[patient], initial[patient],
                        atol[patient],
                    )  # fmt: skip
                    crossings[patient] = start[patient]
                    set_limits(w, at, lane, watched, limits[patient], crossings[patient])
                    table = min(patient, dose_time.shape[0] - 1)
                    input_rates(
                        w, at, lane, start[patient], dose_time[table], dose_end[table], dose_input, amounts[patient]
                    )
                    happened[patient], days[patient, :, 0], days[patient, :, 1] = 0, math.inf, -math.inf
                    table = min(patient, breaks.shape[0] - 1)
                    piece[lane] = take_inputs(
                        w, at, lane, start[patient], 0, breaks[table], given[table], slopes[table]
                    )
                    if directions.size > 0 and status[patient] == RUNNING:
                        status[patient] = begin_sides(w, pointer, at, functions, lane, fault[patient])
                t = w[at[TY] + lane]
                table = min(patient, breaks.shape[0] - 1)
                if piece[lane] < breaks.shape[1] and breaks[table, piece[lane]] <= t:
                    piece[lane] = take_inputs(w, at, lane, t, piece[lane], breaks[table], given[table], slopes[table])
                    if directions.size > 0 and status[patient] == RUNNING:
                        status[patient] = settle(
                            w, pointer, at, functions, lane, directions, jumps, happened[patient], days[patient],
                            fault[patient],
                        )  # fmt: skip
                table = min(patient, times.shape[0] - 1)
                while output[lane] < n_times and times[table, output[lane]] <= t:
                    write_states(w, at[Y] + lane, order, states[patient, output[lane]])
                    output[lane] += 1
                w[at[NEXT] + lane] = times[table, output[lane]] if output[lane] < n_times else math.inf
                if t >= end[patient] or status[patient] != RUNNING:
                    finish(w, at, lane, order, patient, output[lane], states, crossings, final, status, day, steps)
                    who[lane] = -1
                    w[at[IDLE] + lane] = 1.0
                    active -= 1
                    continue
                plan, table = min(patient, event_time.shape[0] - 1), min(patient, dose_time.shape[0] - 1)
                settings = min(patient, set_values.shape[0] - 1)
                event[lane] = take_doses(
                    w, at, lane, order, t, event[lane], event_time[plan], event_kind[plan], event_dose[plan], dose_row,
                    dose_time[table], dose_end[table], dose_input, amounts[patient], set_values[settings],
                    set_added[settings],
                )  # fmt: skip
                if directions.size > 0:
                    status[patient] = settle(
                        w, pointer, at, functions, lane, directions, jumps, happened[patient], days[patient],
                        fault[patient],
                    )  # fmt: skip
                    if status[patient] != RUNNING:
                        continue
                w[at[STOP] + lane] = end[patient]
                table = min(patient, breaks.shape[0] - 1)
                if piece[lane] < breaks.shape[1]:
                    w[at[STOP] + lane] = min(end[patient], breaks[table, piece[lane]])
                if event[lane] < n_events:
                    w[at[STOP] + lane] = min(w[at[STOP] + lane], event_time[plan, event[lane]])
                if n_exact > 0 and not enter_exact(
                    w, at, lane, input_row, rates[patient], shapes[patient], back[patient]
                ):
                    status[patient] = NOT_FINITE
                    continue
                at_stop[lane] = False
                w[at[FRESH] + lane] = 1.0
        if active == 0:
            return
        call(functions[ADVANCE], pointer)
        waiting, ending = False, False
        if directions.size > 0:
            for lane in range(LANES):
                asked = (mask[0] >> lane) & 1 and w[at[ACCEPTED] + lane] > 0.0
                ended[lane] = asked and w[at[FOUND] + lane] > 0.0
                ending |= ended[lane]
            if ending:
                locate_events(w, pointer, at, functions, ended, theta, directions)
        for lane in range(LANES):
            due[lane] = False
            if not (mask[0] >> lane) & 1:
                continue
            patient = who[lane]
            accepted = w[at[ACCEPTED] + lane] > 0.0
            landed = accepted and w[at[LANDED] + lane] > 0.0
            at_stop[lane] = landed or ended[lane]
            if accepted:
                if watched.size > 0:
                    note_crossings(
                        w, pointer, at, functions, lane, watched, crossings[patient], DENSE if ended[lane] else STAGE
                    )
                due[lane] = in_step(w[at[NEXT] + lane], w[at[REACHED] + lane], changes and at_stop[lane])
                waiting |= due[lane]
                if landed and not ended[lane] and w[at[STOP] + lane] >= end[patient]:
                    continue
            if turns and accepted and w[at[STIFF] + lane] >= STIFF_STEPS:
                status[patient] = TURNED_STIFF
                at_stop[lane] = True
            if w[at[TAKEN] + lane] + w[at[REJECTED] + lane] >= max_steps:
                status[patient] = TOO_MANY_STEPS
                at_stop[lane] = True
            elif not accepted:
                status[patient] = UNDERFLOW if w[at[NORM] + lane] == w[at[NORM] + lane] else NOT_FINITE
                at_stop[lane] = True
        # outputs within the step, one of every lane that has one at a time
        while waiting:
            for lane in range(LANES):
                if due[lane]:
                    moment, reached = w[at[NEXT] + lane], w[at[REACHED] + lane]
                    w[at[THETA] + lane] = 1.0 if moment >= reached else (moment - w[at[TY] + lane]) / w[at[H] + lane]
            call(functions[DENSE_STATES], pointer)
            waiting = False
            for lane in range(LANES):
                if due[lane]:
                    patient = who[lane]
                    write_states(w, at[DENSE] + lane, order, states[patient, output[lane]])
                    output[lane] += 1
                    moment = math.inf
                    if output[lane] < n_times:
                        moment = times[min(patient, times.shape[0] - 1), output[lane]]
                    w[at[NEXT] + lane] = moment
                    due[lane] = in_step(moment, w[at[REACHED] + lane], changes and at_stop[lane])
                    waiting |= due[lane]
        if ending:
            end_steps_at_events(w, pointer, at, functions, ended, theta)
        call(functions[KEEP], pointer)
        if ending:
            for lane in range(LANES):
                patient = who[lane]
                if ended[lane] and status[patient] == RUNNING:
                    status[patient] = settle(
                        w, pointer, at, functions, lane, directions, jumps, happened[patient], days[patient],
                        fault[patient],
                    )  # fmt: skip


@njit(error_model="numpy", boundscheck=False)
def in_step(moment, reached, left_to_stop):
    """Whether an output is taken from the step; at its end events and inputs may still change what is seen there."""
    return moment < reached or (moment == reached and not left_to_stop)
