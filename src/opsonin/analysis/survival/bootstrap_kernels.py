"""Compiled: survival statistics of thousands of samples drawn with replacement. Imported only where they are wanted.

Rows stand in order of time (of stratum, then time, for the hazard ratio); a sample is a count of each row. The numbers
are those of `kaplan_meier` and `cox` on the sample written out.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from opsonin.analysis.random_kernels import fill_uniform

MEDIAN, RESTRICTED_MEAN, SURVIVAL = 0, 1, 2
NEAR = 1e-9
LIMIT = 20.0  # per SD of the covariate: further out the likelihood is taken for monotone
STEPS = 40


@njit(cache=True, nogil=True)
def draw_counts(counts, unit, last, key, number):
    """Draw as many rows with replacement as there are, within blocks of neighbours: `last` as for `shuffle`."""
    fill_uniform(unit, key, number)
    counts[:] = 0.0
    start, i = 0, 0
    while start < counts.size:
        end = last[start]
        for i in range(start, end):
            counts[start + int(unit[i] * (end - start))] += 1.0
        start = end


@njit(cache=True, nogil=True)
def curve_statistic(time, event, counts, kind, argument):
    """The median (argument: 0.5), the restricted mean up to, or the survival at `argument`, of one sample."""
    at_risk = counts.sum()
    survival, area, reached = 1.0, 0.0, 0.0
    midpoint = math.nan
    i, n = 0, time.size
    while i < n:
        now, dead, gone = time[i], 0.0, 0.0
        while i < n and time[i] == now:
            gone += counts[i]
            if event[i]:
                dead += counts[i]
            i += 1
        if gone == 0.0:
            continue
        if kind != MEDIAN and now >= argument and (kind == RESTRICTED_MEAN or now > argument):
            break
        area += survival * (now - reached)
        reached = now
        survival *= 1.0 - dead / at_risk
        at_risk -= gone
        if kind == MEDIAN:
            if survival < argument - NEAR:
                return now if math.isnan(midpoint) else (midpoint + now) / 2
            if survival <= argument + NEAR and math.isnan(midpoint):
                midpoint = now
    if kind == RESTRICTED_MEAN:
        return area + survival * (argument - reached)
    if kind == SURVIVAL:
        return survival
    return math.inf if math.isnan(midpoint) else (midpoint + reached) / 2


@njit(cache=True, nogil=True)
def curve_statistics(time, event, last, kind, argument, key, first, replicates):
    """`curve_statistic` of each replicate, (replicates,)."""
    out = np.empty(replicates)
    counts, unit = np.empty(time.size), np.empty(time.size)
    for b in range(replicates):
        draw_counts(counts, unit, last, key, first + b)
        out[b] = curve_statistic(time, event, counts, kind, argument)
    return out


@njit(cache=True, nogil=True)
def log_hazard_ratio(opens, event, x, counts):
    """Cox's estimate for one covariate (Efron's ties) of one sample; ±inf where monotone, NaN where nothing varies.

    opens: 2 for the first row of a stratum, 1 for the first of a time, else 0.
    """
    beta = 0.0
    value, gradient, information = _derivatives(opens, event, x, counts, beta)
    if information < 1e-9:
        return math.nan
    for _ in range(STEPS):
        step = min(max(gradient / max(information, 1e-12), -2.0), 2.0)
        for _half in range(30):
            new_value, new_gradient, new_information = _derivatives(opens, event, x, counts, beta + step)
            if new_value >= value - 1e-10 * (1.0 + abs(value)):
                break
            step /= 2.0
        beta += step
        value, gradient, information = new_value, new_gradient, new_information
        if abs(beta) > LIMIT or information < 1e-7:
            return math.inf if beta > 0.0 else -math.inf
        if abs(step) < 1e-9:
            break
    return beta


@njit(cache=True, nogil=True)
def _derivatives(opens, event, x, counts, beta):
    value, gradient, information = 0.0, 0.0, 0.0
    s0 = s1 = s2 = d0 = d1 = d2 = 0.0
    deaths, moved = 0.0, 0.0
    for i in range(x.size - 1, -1, -1):
        if counts[i] > 0.0:
            risk = counts[i] * math.exp(beta * x[i])
            s0 += risk
            s1 += risk * x[i]
            s2 += risk * x[i] * x[i]
            if event[i]:
                d0 += risk
                d1 += risk * x[i]
                d2 += risk * x[i] * x[i]
                deaths += counts[i]
                moved += counts[i] * x[i]
        if opens[i] > 0 and deaths > 0.0:
            for k in range(int(deaths)):
                part = k / deaths
                whole = s0 - part * d0
                mean = (s1 - part * d1) / whole
                value -= math.log(whole)
                gradient -= mean
                information += (s2 - part * d2) / whole - mean * mean
            value += beta * moved
            gradient += moved
            d0 = d1 = d2 = 0.0
            deaths, moved = 0.0, 0.0
        if opens[i] == 2:
            s0 = s1 = s2 = 0.0
    return value, gradient, information


@njit(cache=True, nogil=True)
def log_hazard_ratios(opens, event, x, last, key, first, replicates):
    """`log_hazard_ratio` of each replicate, (replicates,)."""
    out = np.empty(replicates)
    counts, unit = np.empty(x.size), np.empty(x.size)
    for b in range(replicates):
        draw_counts(counts, unit, last, key, first + b)
        out[b] = log_hazard_ratio(opens, event, x, counts)
    return out
