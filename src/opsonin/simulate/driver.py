"""The solver's loop over steps and patients, compiled together with one model and one method.

This file is read as text and put behind the generated functions (model/codegen.py, steps.py) in a kernel file; it is
never imported as part of the package, so the names it uses are declared below for the reader and the type checker.
"""

# The generated part of a kernel ends with everything above this file's line "# driver".
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

if TYPE_CHECKING:
    N_STATES: int
    N_JACOBIAN: int
    N_LU: int
    N_PREPARED: int
    N_INPUTS: int
    ORDER: int
    STAGES: int
    FIRST_SAME_AS_LAST: bool
    prepare: Any
    rhs: Any
    begin: Any
    step: Any
    dense: Any

# driver
FINISHED, UNDERFLOW, NOT_FINITE, TOO_MANY_STEPS, BAD_START = 0, 1, 2, 3, 4
BOLUS, INFUSION_START, INFUSION_END = 0, 1, 2
SMALLEST_STEP = 1e-13  # days, and relative to the time
TINY = 1e-150  # smaller values are set to nought: arithmetic on denormal numbers is slow and they mean nothing


@njit(cache=True, nogil=True, error_model="numpy", fastmath=False, boundscheck=False)
def first_step(t, y, q, u, f, rtol, atol, span, stage, err):
    """A starting step from the first and second derivative (Hairer, Nørsett & Wanner I, II.4), in days.

    States are weighted as in the error norm. Only values at t enter, so a restart begins like a start.
    """
    slope = 0.0
    size = 0.0
    for i in range(N_STATES):
        weight = 1.0 / (atol[i] + rtol * abs(y[i]))
        size = max(size, abs(y[i]) * weight)
        slope = max(slope, abs(f[i]) * weight)
    if not slope > 1e-10:
        return span
    if not slope < math.inf:
        return 1e-6
    h = min(0.01 * size / slope if size > 1e-5 else 1e-6, span)
    for i in range(N_STATES):
        stage[i] = y[i] + h * f[i]
    rhs(t + h, stage, q, u, err)
    bend = 0.0
    for i in range(N_STATES):
        bend = max(bend, abs(err[i] - f[i]) / (atol[i] + rtol * abs(y[i])))
    bend /= h
    steepest = max(slope, bend)
    if not steepest < math.inf:
        return h
    guess = (0.01 / steepest) ** (1.0 / ORDER)
    return min(min(100.0 * h, guess), span)


@njit(cache=True, nogil=True, error_model="numpy", fastmath=False, boundscheck=False)
def error_norm(y, new, err, rtol, atol, signed):
    """The largest error over the states in units of their tolerance; inf if not finite or if a state is negative.

    signed: states that may be negative; the others may undershoot nought by their tolerance and no more.
    """
    worst = 0.0
    for i in range(N_STATES):
        if not abs(new[i]) < math.inf or not abs(err[i]) < math.inf:
            return math.nan
        tolerance = atol[i] + rtol * max(abs(y[i]), abs(new[i]))
        worst = max(worst, abs(err[i]) / tolerance)
        if new[i] < -tolerance and not signed[i]:
            return math.inf
        if abs(new[i]) < TINY:
            new[i] = 0.0
    return worst


@njit(cache=True, nogil=True, error_model="numpy", fastmath=False, boundscheck=False)
def note_crossings(t, h, y, new, k, watched, limits, found):
    """Write the first time at which each watched state reaches its limit within the accepted step.

    The interpolant of the step is searched by regula falsi (Illinois), to the resolution of the time.
    """
    for j in range(watched.size):
        state = watched[j]
        if found[j] < math.inf or not new[state] >= limits[j]:
            continue
        left, right = 0.0, 1.0
        below, above = y[state] - limits[j], new[state] - limits[j]
        if below >= 0.0:
            found[j] = t
            continue
        side = 0
        for _ in range(60):
            middle = (left * above - right * below) / (above - below)
            if not left < middle < right:
                middle = 0.5 * (left + right)
            value = dense(middle, h, state, y, new, k) - limits[j]
            if value < 0.0:
                left, below = middle, value
                if side == -1:
                    above *= 0.5
                side = -1
            else:
                right, above = middle, value
                if side == 1:
                    below *= 0.5
                side = 1
                if value == 0.0:
                    break
            if (right - left) * h <= 4e-16 * (abs(t) + h):
                break
        found[j] = t + h * right


@njit(cache=True, nogil=True, error_model="numpy", fastmath=False, boundscheck=False)
def run_block(
    first, last, constants, initial, start, end, times, stop_at_outputs,
    event_time, event_kind, event_dose, dose_input, dose_state, dose_time, dose_end, amounts,
    watched, limits, rtol, atol, signed, max_steps,
    states, crossings, final, status, day, steps,
):  # fmt: skip
    """Integrate patients first … last - 1 from start to end, each alone, writing into their own rows.

    Events are sorted by time; those of amount nought are passed over. An output at the time of a dose is the state
    just before it. steps[i]: accepted, rejected.
    """
    n_times, n_events, n_watched = times.size, event_time.size, watched.size
    q = np.empty(N_PREPARED)
    u = np.zeros(max(1, N_INPUTS))
    k = np.zeros((STAGES, N_STATES))
    f, ft, stage, err = np.zeros(N_STATES), np.zeros(N_STATES), np.zeros(N_STATES), np.zeros(N_STATES)
    y, new = np.zeros(N_STATES), np.zeros(N_STATES)
    jac, lu = np.zeros(max(1, N_JACOBIAN)), np.zeros(N_LU)
    for patient in range(first, last):
        prepare(constants[patient], q)
        tolerance, amount, limit, found = atol[patient], amounts[patient], limits[patient], crossings[patient]
        y[:] = initial[patient]
        t = start
        event, output, taken, rejected, failed = 0, 0, 0, 0, FINISHED
        for i in range(N_STATES):
            if not abs(y[i]) < math.inf:
                failed = BAD_START
        for j in range(n_watched):
            found[j] = start if y[watched[j]] >= limit[j] else math.inf
        while event < n_events and event_time[event] < start:
            event += 1
        input_rates(start, dose_time, dose_end, dose_input, amount, u)
        while failed == FINISHED:
            while output < n_times and times[output] <= t:
                states[patient, output] = y
                output += 1
            if t >= end:
                break
            changed = False
            while event < n_events and event_time[event] <= t:
                dose = event_dose[event]
                if amount[dose] != 0.0:
                    if event_kind[event] == BOLUS:
                        y[dose_state[dose]] += amount[dose]
                    else:
                        changed = True
                event += 1
            if changed:
                input_rates(t, dose_time, dose_end, dose_input, amount, u)
            while event < n_events and amount[event_dose[event]] == 0.0:
                event += 1
            stop = min(end, event_time[event]) if event < n_events else end
            begin(t, y, q, u, k, f, ft, jac)
            h = first_step(t, y, q, u, f, rtol, tolerance, stop - t, stage, err)
            before = 1e-4
            was_rejected = False
            finite = True
            while t < stop:
                target = stop
                if stop_at_outputs and output < n_times and times[output] < stop:
                    target = times[output]
                tried = h
                lands = t + 1.02 * h >= target
                if lands:
                    tried = target - t
                elif t + 1.9 * h > target:
                    tried = 0.5 * (target - t)  # two equal steps rather than one and a splinter
                step(t, tried, y, q, u, k, f, ft, jac, lu, stage, new, err)
                norm = error_norm(y, new, err, rtol, tolerance, signed)
                if not norm <= 1.0:
                    rejected += 1
                    finite = norm == norm
                    shrink = 0.9 * norm ** (-1.0 / ORDER) if norm < math.inf else 0.25
                    h = tried * max(0.1, shrink)
                    was_rejected = True
                    if h < SMALLEST_STEP * max(1.0, abs(t)):
                        failed = UNDERFLOW if finite else NOT_FINITE
                        break
                    if taken + rejected >= max_steps:
                        failed = TOO_MANY_STEPS
                        break
                    continue
                taken += 1
                reached = target if lands else t + tried
                if n_watched > 0:
                    note_crossings(t, tried, y, new, k, watched, limit, found)
                while output < n_times and times[output] < reached:
                    theta = (times[output] - t) / tried
                    for i in range(N_STATES):
                        states[patient, output, i] = dense(theta, tried, i, y, new, k)
                    output += 1
                grow = 0.9 * max(norm, 1e-10) ** (-0.7 / ORDER) * before ** (0.4 / ORDER)
                before = max(norm, 1e-4)
                if was_rejected:
                    grow = min(grow, 1.0)
                    was_rejected = False
                proposed = tried * min(6.0, max(0.2, grow))
                h = max(h, proposed) if tried < h else proposed
                t = reached
                y, new = new, y
                while output < n_times and times[output] <= t and t < stop:
                    states[patient, output] = y
                    output += 1
                if taken + rejected >= max_steps and t < end:
                    failed = TOO_MANY_STEPS
                    break
                if t < stop:
                    if FIRST_SAME_AS_LAST:
                        for i in range(N_STATES):
                            f[i] = k[STAGES - 1, i]
                    else:
                        begin(t, y, q, u, k, f, ft, jac)
        status[patient] = failed
        steps[patient, 0] = taken
        steps[patient, 1] = rejected
        if failed == FINISHED:
            final[patient] = y
            day[patient] = math.nan
        else:
            final[patient] = math.nan
            states[patient] = math.nan
            crossings[patient] = math.nan
            day[patient] = t


@njit(cache=True, nogil=True, error_model="numpy", fastmath=False, boundscheck=False)
def input_rates(t, dose_time, dose_end, dose_input, amount, u):
    """Set u to the rates of the infusions that run at t, from scratch, so that none leaves a rounding error behind."""
    u[:] = 0.0
    for dose in range(dose_time.size):
        if dose_time[dose] <= t < dose_end[dose]:
            u[dose_input[dose]] += amount[dose] / (dose_end[dose] - dose_time[dose])


@njit(cache=True, nogil=True, error_model="numpy", fastmath=False, boundscheck=False)
def stiffness(first, last, constants, initial, start, rho):
    """Estimate of the fastest rate of each patient's system at the start (1/day), by power iteration on differences."""
    q = np.empty(N_PREPARED)
    u = np.zeros(max(1, N_INPUTS))
    f, g, v, y = np.zeros(N_STATES), np.zeros(N_STATES), np.zeros(N_STATES), np.zeros(N_STATES)
    for patient in range(first, last):
        prepare(constants[patient], q)
        y[:] = initial[patient]
        rhs(start, y, q, u, f)
        scale = 0.0
        for i in range(N_STATES):
            scale = max(scale, abs(y[i]))
            v[i] = 1.0 + 0.1 * (i % 7)
        small = 1e-7 * max(scale, 1e-6)
        rate = 0.0
        for _ in range(30):
            size = 0.0
            for i in range(N_STATES):
                size += v[i] * v[i]
            size = math.sqrt(size)
            if not 0.0 < size < math.inf:
                break
            for i in range(N_STATES):
                v[i] = y[i] + small * v[i] / size
            rhs(start, v, q, u, g)
            rate = 0.0
            for i in range(N_STATES):
                v[i] = (g[i] - f[i]) / small
                rate += v[i] * v[i]
            rate = math.sqrt(rate)
        rho[patient] = rate
