"""The likelihoods that screens climb, compiled: Cox's partial likelihood and the logistic one, to third derivatives.

Rows of a Cox model are sorted by stratum, then from the latest time to the earliest, so that one pass adds up every
risk set. `mark` says where a row begins a new time (1) or a new stratum (2). Third derivatives serve Firth's penalty.
Source: Cox (1972), J R Stat Soc B 34:187; Efron (1977), J Am Stat Assoc 72:557; Firth (1993), Biometrika 80:27.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from opsonin.analysis.screen_codes import LOGISTIC

NEW_TIME, NEW_STRATUM = 1, 2


@njit(cache=True, nogil=True)
def evaluate(kind, z, y, mark, efron, beta, third, gradient, information, cubes):
    """The log likelihood at `beta`; fills gradient (p,), information (p, p) and, if `third`, its derivatives (p, p, p).

    z: covariates (p, n).   y: event or response, 0 or 1.   cubes[a, b, c]: d information[a, b] / d beta[c].
    """
    if kind == LOGISTIC:
        return logistic(z, y, beta, third, gradient, information, cubes)
    if z.shape[0] == 1:
        value, first, second, cube = cox_of_one(z[0], y, mark, efron, beta[0])
        gradient[0], information[0, 0], cubes[0, 0, 0] = first, second, cube
        return value
    return cox_of_several(z, y, mark, efron, beta, third, gradient, information, cubes)


@njit(cache=True, nogil=True)
def cox_of_one(x, y, mark, efron, beta):
    """Value, gradient, information and its derivative for one covariate; −∞ where the risks leave floating point."""
    n = x.size
    risk = np.empty(n)
    top = 0.0
    for i in range(n):
        top = max(top, beta * x[i])
    for i in range(n):
        risk[i] = math.exp(beta * x[i] - top)
    value = gradient = information = cube = 0.0
    s0 = s1 = s2 = s3 = 0.0
    product = 1.0  # of risk sets: one logarithm for many
    i = 0
    while i < n:
        if mark[i] == NEW_STRATUM:
            s0 = s1 = s2 = s3 = 0.0
        d0 = d1 = d2 = d3 = dying = 0.0
        count = 0
        j = i
        while j < n and (j == i or mark[j] == 0):
            r, v = risk[j], x[j]
            rv = r * v
            s0 += r
            s1 += rv
            s2 += rv * v
            s3 += rv * v * v
            if y[j] == 1:
                d0 += r
                d1 += rv
                d2 += rv * v
                d3 += rv * v * v
                dying += v
                count += 1
            j += 1
        i = j
        if count == 0:
            continue
        if s0 <= 0.0 or not math.isfinite(s0):
            return -math.inf, 0.0, 0.0, 0.0
        value += beta * dying - count * top
        gradient += dying
        for place in range(count):
            f = place / count if efron else 0.0
            total = s0 - f * d0
            share = 1 / total
            m1, m2, m3 = (s1 - f * d1) * share, (s2 - f * d2) * share, (s3 - f * d3) * share
            if not 1e-200 < product * total < 1e200:
                value -= math.log(product)
                product = 1.0
            product *= total
            gradient -= m1
            information += m2 - m1 * m1
            cube += m3 - 3 * m1 * m2 + 2 * m1 * m1 * m1
    value -= math.log(product)
    return value, gradient, information, cube


@njit(cache=True, nogil=True)
def cox_of_several(z, y, mark, efron, beta, third, gradient, information, cubes):
    """The partial likelihood of several covariates; see `evaluate`."""
    p, n = z.shape
    linear = np.zeros(n)
    for a in range(p):
        for i in range(n):
            linear[i] += beta[a] * z[a, i]
    top = linear.max()
    value = 0.0
    gradient[:] = 0.0
    information[:] = 0.0
    cubes[:] = 0.0
    s0, s1, s2, s3 = 0.0, np.zeros(p), np.zeros((p, p)), np.zeros((p, p, p))
    d1, d2, d3 = np.zeros(p), np.zeros((p, p)), np.zeros((p, p, p))
    m1, m2 = np.zeros(p), np.zeros((p, p))
    i = 0
    while i < n:
        if mark[i] == NEW_STRATUM:
            s0 = 0.0
            s1[:] = 0.0
            s2[:] = 0.0
            s3[:] = 0.0
        d0 = 0.0
        count = 0
        j = i
        while j < n and (j == i or mark[j] == 0):
            r = math.exp(linear[j] - top)
            s0 += r
            _add(s1, s2, s3, z, j, r, third)
            if y[j] == 1:
                if count == 0:
                    d1[:] = 0.0
                    d2[:] = 0.0
                    d3[:] = 0.0
                d0 += r
                _add(d1, d2, d3, z, j, r, third)
                value += linear[j] - top
                for a in range(p):
                    gradient[a] += z[a, j]
                count += 1
            j += 1
        i = j
        if count == 0:
            continue
        if s0 <= 0.0 or not math.isfinite(s0):
            return -math.inf
        for place in range(count):
            f = place / count if efron else 0.0
            total = s0 - f * d0
            value -= math.log(total)
            for a in range(p):
                m1[a] = (s1[a] - f * d1[a]) / total
                gradient[a] -= m1[a]
                for b in range(a + 1):
                    m2[a, b] = (s2[a, b] - f * d2[a, b]) / total
                    information[a, b] += m2[a, b] - m1[a] * m1[b]
            if third:
                for a in range(p):
                    for b in range(a + 1):
                        for c in range(b + 1):
                            crossed = m1[a] * m2[b, c] + m1[b] * m2[a, c] + m1[c] * m2[a, b]
                            m3 = (s3[a, b, c] - f * d3[a, b, c]) / total
                            cubes[a, b, c] += m3 - crossed + 2 * m1[a] * m1[b] * m1[c]
    _mirror(information, cubes, third)
    return value


@njit(cache=True, nogil=True)
def logistic(z, y, beta, third, gradient, information, cubes):
    """The logistic likelihood; the intercept is a row of ones in z; see `evaluate`."""
    p, n = z.shape
    gradient[:] = 0.0
    information[:] = 0.0
    cubes[:] = 0.0
    first, second, cube = np.zeros(p), np.zeros((p, p)), np.zeros((p, p, p))
    value = 0.0
    for i in range(n):
        linear = 0.0
        for a in range(p):
            linear += beta[a] * z[a, i]
        tail = math.exp(-abs(linear))
        share = 1 / (1 + tail) if linear >= 0 else tail / (1 + tail)
        value += linear * y[i] - max(linear, 0.0) - math.log1p(tail)
        weight = tail / (1 + tail) ** 2
        for a in range(p):
            gradient[a] += (y[i] - share) * z[a, i]
        _add(first, second, cube, z, i, weight, 0 * p)
        if third:
            skew = weight * (1 - 2 * share)
            for a in range(p):
                for b in range(a + 1):
                    for c in range(b + 1):
                        cubes[a, b, c] += skew * z[a, i] * z[b, i] * z[c, i]
    information[:] = second
    _mirror(information, cubes, third)
    return value


@njit(cache=True, nogil=True)
def _add(first, second, cube, z, i, weight, third):
    """Add a row's weighted moments, in the lower triangle."""
    for a in range(z.shape[0]):
        va = weight * z[a, i]
        first[a] += va
        for b in range(a + 1):
            vb = va * z[b, i]
            second[a, b] += vb
            if third:
                for c in range(b + 1):
                    cube[a, b, c] += vb * z[c, i]


@njit(cache=True, nogil=True)
def _mirror(information, cubes, third):
    """Fill the other orders of the indices from a ≥ b ≥ c."""
    p = information.shape[0]
    for a in range(p):
        for b in range(a + 1):
            information[b, a] = information[a, b]
            if third:
                for c in range(b + 1):
                    v = cubes[a, b, c]
                    cubes[a, c, b] = v
                    cubes[b, a, c] = v
                    cubes[b, c, a] = v
                    cubes[c, a, b] = v
                    cubes[c, b, a] = v
