"""One model for each of thousands of markers, compiled: each marker's own complete cases, Firth where it separates."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from opsonin.analysis.likelihood_kernels import NEW_STRATUM, NEW_TIME
from opsonin.analysis.maximise_kernels import cholesky, climb, profile_at, profile_limit, solve, value_at
from opsonin.analysis.screen_codes import (
    ALIKE,
    AUTO,
    CONSTANT,
    ERROR,
    EVENTS,
    FARTHEST,
    FIRTH,
    FITTED,
    LOGISTIC,
    LOWER,
    NO_EVENTS,
    PENALISED,
    RATIO,
    REDUNDANT,
    RUNAWAY,
    SCORE,
    SEPARATED,
    SEPARATES,
    SLOPE,
    STATUS,
    UNSETTLED,
    UPPER,
    N,
)  # fmt: skip


@njit(cache=True, nogil=True)
def screen_block(kind, markers, time, y, stratum, others, efron, method, cut, out):
    """Fit each row of `markers` (k, n) with `others` (q, n); patients sorted by stratum, then from the latest time on.

    NaN is a missing marker; `others` has none (for the logistic model its first row is ones).   cut: the χ² that a
    profile may fall by.   out: (k, COLUMNS).
    """
    for k in range(markers.shape[0]):
        _one(kind, markers[k], time, y, stratum, others, efron, method, cut, out[k])


@njit(cache=True, nogil=True)
def _one(kind, marker, time, y, stratum, others, efron, method, cut, out):
    out[:] = np.nan
    rows = _complete(kind, marker, y, stratum)
    n, q = rows.size, others.shape[0]
    event, mark = np.empty(n), np.zeros(n, np.int8)
    events = 0
    for i in range(n):
        event[i] = y[rows[i]]
        events += int(event[i])
        if i > 0 and stratum[rows[i]] != stratum[rows[i - 1]]:
            mark[i] = NEW_STRATUM
        elif i > 0 and time[rows[i]] != time[rows[i - 1]]:
            mark[i] = NEW_TIME
    out[N], out[EVENTS], out[PENALISED], out[SEPARATES] = n, events, 0, 0
    if events == 0 or (kind == LOGISTIC and events == n):
        out[STATUS] = NO_EVENTS
        return
    z, scale, used = np.empty((q + 1, n)), 1.0, 0
    for c in range(q + 1):
        for i in range(n):
            z[used, i] = marker[rows[i]] if c == q else others[c, rows[i]]
        if kind == LOGISTIC and c == 0:
            used += 1
            continue
        scale = _standardise(z[used])
        if scale > 0:
            used += 1
        elif c == q:
            out[STATUS] = CONSTANT
            return
    z = z[:used]
    if used > 1:
        z = _independent(kind, z, event, mark, efron)
    if z.shape[0] == 0:
        out[STATUS] = REDUNDANT
        return
    _fit(kind, z, event, mark, efron, method, cut, out)
    for c in (SLOPE, ERROR, LOWER, UPPER):
        out[c] /= scale


@njit(cache=True, nogil=True)
def _fit(kind, z, event, mark, efron, method, cut, out):
    """The models without and with the marker, the last row of z; then Firth's, where asked for or needed."""
    p = z.shape[0]
    plain = 0 * p  # a number and not a literal, for which Numba would compile everything once more
    gradient, information, cubes = np.zeros(p), np.zeros((p, p)), np.zeros((p, p, p))
    low, beta = np.zeros((p, p)), np.zeros(p)
    null = value_at(kind, z, event, mark, efron, beta, plain, gradient, information, cubes, low)
    null, settled = climb(kind, z, event, mark, efron, beta, p - 1, plain, null, gradient, information, cubes, low)
    if p == 1 and not information[0, 0] > ALIKE:  # constant in every risk set that saw an event
        out[STATUS] = REDUNDANT
        return
    regular = cholesky(information, p, low)
    separates = p > 1 and (not regular or _far(beta, low, p - 1))  # then the covariates do, with or without the marker
    if settled and regular and not separates:
        out[SCORE] = _score(gradient, low)
    alone_in_it = p == 1 or (kind == LOGISTIC and p == 2)  # then order alone decides whether there is an estimate
    separates = separates or (alone_in_it and _parts_in_order(kind, z, event, mark))
    if not separates:
        alone = low[p - 1, p - 1] ** 2
        best, settled = climb(kind, z, event, mark, efron, beta, p, plain, null, gradient, information, cubes, low)
        regular = cholesky(information, p, low)
        separates = not alone_in_it and (not regular or _ran_away(beta, low, alone))
        if not regular:
            out[STATUS] = UNSETTLED
        elif not separates:
            out[SLOPE], out[ERROR] = beta[p - 1], 1 / low[p - 1, p - 1]
            out[RATIO] = max(2 * (best - null), 0.0)
            half = math.sqrt(cut) * out[ERROR]
            out[LOWER], out[UPPER] = out[SLOPE] - half, out[SLOPE] + half
            out[STATUS] = FITTED if settled else UNSETTLED
    if separates:
        out[STATUS], out[SEPARATES] = SEPARATED, 1
    if method == FIRTH or (method == AUTO and separates):
        _firth(kind, z, event, mark, efron, cut, out)


@njit(cache=True, nogil=True)
def _firth(kind, z, event, mark, efron, cut, out):
    """The penalised estimate with its profile interval, and the penalised likelihood ratio against 0."""
    p = z.shape[0]
    penalised = 0 * p + 1
    gradient, information, cubes = np.zeros(p), np.zeros((p, p)), np.zeros((p, p, p))
    low, beta = np.zeros((p, p)), np.zeros(p)
    top = value_at(kind, z, event, mark, efron, beta, penalised, gradient, information, cubes, low)
    top, settled = climb(kind, z, event, mark, efron, beta, p, penalised, top, gradient, information, cubes, low)
    if not settled or not cholesky(information, p, low):
        out[STATUS] = UNSETTLED
        return
    wald = 1 / low[p - 1, p - 1]
    null, steady = profile_at(kind, z, event, mark, efron, np.zeros(p), 0.0, penalised)
    out[PENALISED], out[SLOPE], out[ERROR] = 1, beta[p - 1], wald
    out[RATIO] = max(2 * (top - null), 0.0)
    step = min(max(math.sqrt(cut) * wald, 1e-3), 5.0)
    out[LOWER], below = profile_limit(kind, z, event, mark, efron, beta, top, -1.0, step, cut, penalised)
    out[UPPER], above = profile_limit(kind, z, event, mark, efron, beta, top, 1.0, step, cut, penalised)
    out[STATUS] = SEPARATED if out[SEPARATES] else FITTED
    if not (steady and below and above):
        out[STATUS] = UNSETTLED
    if kind == LOGISTIC:
        out[ERROR] = _augmented_error(z, beta, low)


@njit(cache=True, nogil=True)
def _augmented_error(z, beta, low):
    """The standard error of the last coefficient where each patient counts 1 + leverage times, as in R's logistf."""
    p, n = z.shape
    row, solved, augmented = np.zeros(p), np.zeros(p), np.zeros((p, p))
    for i in range(n):
        linear = 0.0
        for a in range(p):
            row[a] = z[a, i]
            linear += beta[a] * z[a, i]
        tail = math.exp(-abs(linear))
        weight = tail / (1 + tail) ** 2
        solve(low, p, row, solved)
        leverage = 0.0
        for a in range(p):
            leverage += weight * row[a] * solved[a]
        for a in range(p):
            for b in range(p):
                augmented[a, b] += weight * (1 + leverage) * row[a] * row[b]
    factor = np.zeros((p, p))
    return 1 / factor[p - 1, p - 1] if cholesky(augmented, p, factor) else np.nan


@njit(cache=True, nogil=True)
def _complete(kind, marker, y, stratum):
    """The rows with the marker; for a response also only strata with patients of both kinds, as others say nothing."""
    n, found = marker.size, 0
    rows = np.empty(n, np.int64)
    start = 0
    while start < n:
        end = start
        while end < n and stratum[end] == stratum[start]:
            end += 1
        here, hits, first = 0, 0.0, found
        for i in range(start, end):
            if math.isfinite(marker[i]):
                rows[found] = i
                found += 1
                here += 1
                hits += y[i]
        if kind == LOGISTIC and (hits == 0 or hits == here):
            found = first
        start = end
    return rows[:found]


@njit(cache=True, nogil=True)
def _standardise(values):
    """Centre and scale in place; the SD, or 0 where all are the same."""
    mean = values.mean()
    centred = values - mean
    spread = np.abs(centred).max()
    if not spread > 1e-12 * max(abs(mean), 1e-300):
        return 0.0
    scale = spread * math.sqrt(((centred / spread) ** 2).mean())  # squares of huge or tiny values stay in range
    values[:] = centred / scale
    return scale


@njit(cache=True, nogil=True)
def _independent(kind, z, event, mark, efron):
    """The covariates that say something beyond those before them; none at all where the last of them does not."""
    p = z.shape[0]
    plain = 0 * p
    gradient, information, cubes = np.zeros(p), np.zeros((p, p)), np.zeros((p, p, p))
    keep, low = np.zeros(p, np.bool_), np.zeros((p, p))
    value_at(kind, z, event, mark, efron, np.zeros(p), plain, gradient, information, cubes, low)
    for a in range(p):
        for b in range(a + 1):
            total = information[a, b]
            for c in range(b):
                total -= low[a, c] * low[b, c]
            if a != b:
                low[a, b] = total / low[b, b] if keep[b] else 0.0
            elif total > ALIKE * max(information[a, a], 1e-6):
                keep[a], low[a, a] = True, math.sqrt(total)
    return z[keep] if keep[p - 1] else z[:0]


@njit(cache=True, nogil=True)
def _score(gradient, low):
    """The score statistic of the last coefficient, the others at their maximum: U² over its conditional variance."""
    p = gradient.size
    unit, column = np.zeros(p), np.zeros(p)
    unit[p - 1] = 1.0
    solve(low, p, unit, column)
    return gradient[p - 1] ** 2 * column[p - 1]


@njit(cache=True, nogil=True)
def _parts_in_order(kind, z, event, mark):
    """Whether one covariate separates: all who die have the highest (or the lowest) value of everyone at risk.

    For a response: all responders' values lie on one side of the others' (touching included).
    """
    x = z[z.shape[0] - 1]
    highest, lowest = True, True
    if kind == LOGISTIC:
        yes, no = x[event == 1], x[event == 0]
        return yes.min() >= no.max() or yes.max() <= no.min()
    most, least = -math.inf, math.inf
    i = 0
    while i < x.size:
        if mark[i] == NEW_STRATUM:
            most, least = -math.inf, math.inf
        j = i
        while j < x.size and (j == i or mark[j] == 0):
            most, least = max(most, x[j]), min(least, x[j])
            j += 1
        for k in range(i, j):
            if event[k] == 1:
                highest = highest and x[k] == most
                lowest = lowest and x[k] == least
        i = j
    return highest or lowest


@njit(cache=True, nogil=True)
def _far(beta, low, size):
    """Whether one of the leading coefficients went far or has hardly any information left."""
    unit, column = np.zeros(size), np.zeros(size)
    for a in range(size):
        unit[:] = 0.0
        unit[a] = 1.0
        solve(low, size, unit, column)
        if abs(beta[a]) > FARTHEST or column[a] > RUNAWAY**2:
            return True
    return False


@njit(cache=True, nogil=True)
def _ran_away(beta, low, alone):
    """Whether the climb went to infinity; the marker's information, `alone` before, must have gone on the way."""
    last = low[beta.size - 1, beta.size - 1] ** 2
    lost = abs(beta[beta.size - 1]) > FARTHEST or (last < RUNAWAY**-2 and last < 1e-3 * alone)
    return lost or _far(beta, low, beta.size - 1)
