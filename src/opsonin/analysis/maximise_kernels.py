"""Newton's method, Firth's penalty and profile likelihood for the last coefficient, compiled; see likelihood_kernels.

The covariate of interest stands last, so that the model without it is the leading block.
Source: Firth (1993), Biometrika 80:27; Heinze & Schemper (2001), Biometrics 57:114, for Cox models and profiles.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from opsonin.analysis.likelihood_kernels import evaluate

STEPS, FIRTH_STEPS, HALVINGS = 60, 300, 40
LONGEST = 5.0  # per step and SD of a covariate
OUTERMOST = 400.0  # per SD: a profile limit beyond this is none


@njit(cache=True, nogil=True)
def cholesky(a, size, low):
    """The lower factor of the leading block of `a`; False where it is not positive definite."""
    for i in range(size):
        for j in range(i + 1):
            total = a[i, j]
            for k in range(j):
                total -= low[i, k] * low[j, k]
            if i == j:
                if not total > 0.0 or not math.isfinite(total):
                    return False
                low[i, i] = math.sqrt(total)
            else:
                low[i, j] = total / low[j, j]
    return True


@njit(cache=True, nogil=True)
def solve(low, size, right, out):
    """out = (L Lᵀ)⁻¹ right, for the leading block."""
    for i in range(size):
        total = right[i]
        for k in range(i):
            total -= low[i, k] * out[k]
        out[i] = total / low[i, i]
    for i in range(size - 1, -1, -1):
        total = out[i]
        for k in range(i + 1, size):
            total -= low[k, i] * out[k]
        out[i] = total / low[i, i]


@njit(cache=True, nogil=True)
def value_at(kind, z, y, mark, efron, beta, penalised, gradient, information, cubes, low):
    """The log likelihood, or the penalised one with its modified score; −∞ where there is none."""
    p = beta.size
    value = evaluate(kind, z, y, mark, efron, beta, penalised, gradient, information, cubes)
    if not penalised or not math.isfinite(value):
        return value
    if not cholesky(information, p, low):
        return -math.inf
    unit, column = np.zeros(p), np.zeros(p)
    for b in range(p):
        value += math.log(low[b, b])  # half the logarithm of the determinant
        unit[:] = 0.0
        unit[b] = 1.0
        solve(low, p, unit, column)
        for c in range(p):
            for a in range(p):
                gradient[c] += 0.5 * column[a] * cubes[a, b, c]
    return value


@njit(cache=True, nogil=True)
def climb(kind, z, y, mark, efron, beta, free, penalised, value, gradient, information, cubes, low):
    """Maximise over the first `free` coefficients, in place, from `beta` with its `value` and derivatives.

    The derivatives are left at the top. Returns the value there and whether the climb settled. Steps by the
    information, halved until the value does not fall; the information is that of the plain likelihood also under the
    penalty, as in coxphf and logistf.
    """
    p = beta.size
    step, there = np.zeros(p), np.zeros(p)
    new_gradient, new_information, new_cubes = np.zeros(p), np.zeros((p, p)), np.zeros((p, p, p))
    if free == 0:
        return value, math.isfinite(value)
    for _ in range(FIRTH_STEPS if penalised else STEPS):
        if not math.isfinite(value) or not cholesky(information, free, low):
            return value, False
        solve(low, free, gradient, step)
        longest = 0.0
        for a in range(free):
            longest = max(longest, abs(step[a]))
        share = min(1.0, LONGEST / longest) if longest > 0 else 1.0
        new = -math.inf
        for _half in range(HALVINGS):
            there[:] = beta
            for a in range(free):
                there[a] += share * step[a]
            new = value_at(kind, z, y, mark, efron, there, penalised, new_gradient, new_information, new_cubes, low)
            if new >= value - 1e-12 * (1 + abs(value)):
                break
            share *= 0.5
        if not new >= value - 1e-12 * (1 + abs(value)):
            return value, longest < 1e-6  # no better point along the step: as far as floating point goes
        gain = new - value
        beta[:] = there
        value = new
        gradient[:] = new_gradient
        information[:] = new_information
        cubes[:] = new_cubes
        flat = gain <= 1e-13 * (1 + abs(value)) and share * longest < 1e-6
        if share * longest < 1e-9 or (flat and not penalised):  # the penalty's steps shorten slowly
            return value, True
    return value, False


@njit(cache=True, nogil=True)
def profile_at(kind, z, y, mark, efron, start, last, penalised):
    """The highest log likelihood with the last coefficient held at `last`, and whether the climb there settled.

    `start` is moved to that top.
    """
    p = start.size
    gradient, information, cubes = np.zeros(p), np.zeros((p, p)), np.zeros((p, p, p))
    low = np.zeros((p, p))
    start[p - 1] = last
    value = value_at(kind, z, y, mark, efron, start, penalised, gradient, information, cubes, low)
    return climb(kind, z, y, mark, efron, start, p - 1, penalised, value, gradient, information, cubes, low)


@njit(cache=True, nogil=True)
def profile_limit(kind, z, y, mark, efron, best, top, way, step, cut, penalised):
    """Where, on one side of the estimate, twice the profile has fallen by `cut`, and whether all climbs settled.

    Infinite where it never falls so far. Brackets by doubling, then the Illinois variant of the false position
    (Dowell & Jarratt 1971, BIT 11:168).
    """
    p = best.size
    at = best.copy()
    centre = best[p - 1]
    near, fallen_near = 0.0, -cut
    far = step
    steady = True
    while True:
        value, settled = profile_at(kind, z, y, mark, efron, at, centre + way * far, penalised)
        fallen = 2 * (top - value) - cut
        steady = steady and (settled or not math.isfinite(value))
        if not fallen < 0:
            break
        near, fallen_near = far, fallen
        far *= 2
        if far > OUTERMOST:
            return way * math.inf, steady
    kept = 0  # which end the last steps kept: −1 the near one, 1 the far one
    for _ in range(200):
        middle = 0.5 * (near + far)
        if math.isfinite(fallen):
            crossing = (near * fallen - far * fallen_near) / (fallen - fallen_near)
            middle = crossing if near < crossing < far else middle
        value, settled = profile_at(kind, z, y, mark, efron, at, centre + way * middle, penalised)
        here = 2 * (top - value) - cut
        steady = steady and (settled or not math.isfinite(value))
        if abs(here) < 1e-10 or far - near < 1e-11 * (1 + far):
            return centre + way * middle, steady
        if here < 0:
            near, fallen_near = middle, here
            fallen = 0.5 * fallen if kept == 1 else fallen
            kept = 1
        else:
            far, fallen = middle, here
            fallen_near = 0.5 * fallen_near if kept == -1 else fallen_near
            kept = -1
    return centre + way * 0.5 * (near + far), steady
