"""Least squares of a continuous outcome on each of many markers, each with its own complete cases."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from opsonin.analysis.screen_codes import (
    ALIKE,
    COLUMNS,
    CONSTANT,
    ERROR,
    EVENTS,
    FITTED,
    LOWER,
    PENALISED,
    REDUNDANT,
    SCORE,
    SEPARATES,
    SLOPE,
    STATUS,
    UNSETTLED,
    UPPER,
    N,
)  # fmt: skip


def screen_linear(
    markers: Float[np.ndarray, "marker patient"],
    outcome: Float[np.ndarray, " patient"],
    others: Float[np.ndarray, "covariate patient"],
    level: float,
) -> tuple[Float[np.ndarray, "marker column"], Float[np.ndarray, " marker"]]:
    """A row of screen_codes per marker, and the two-sided p of Student's t.   others: its first row is ones.

    By Frisch & Waugh (1933, Econometrica 1:387): outcome and marker less what the covariates explain of them.
    """
    from scipy.special import stdtr, stdtrit

    k = markers.shape[0]
    out, p = np.full((k, COLUMNS), np.nan), np.full(k, np.nan)
    out[:, [PENALISED, SEPARATES, EVENTS]] = 0
    measured = np.isfinite(markers)
    _, which = np.unique(measured, axis=0, return_inverse=True)
    which = which.reshape(-1)
    for group in np.unique(which):
        own = np.flatnonzero(which == group)
        kept = measured[own[0]]
        n = int(kept.sum())
        out[own, N] = n
        base = _basis(others[:, kept])
        df = n - base.shape[1] - 1
        if df < 1:
            out[own, STATUS] = UNSETTLED
            continue
        x, y = markers[own][:, kept], outcome[kept]
        centred = x - x.mean(axis=1, keepdims=True)
        scale = np.abs(centred).max(axis=1)
        flat = ~(scale > 1e-12 * np.maximum(np.abs(x.mean(axis=1)), 1e-300))
        scaled = centred / np.where(flat, 1.0, scale)[:, None]
        rest, left = scaled - (scaled @ base) @ base.T, y - base @ (base.T @ y)
        own_sum, all_sum = (rest**2).sum(axis=1), (scaled**2).sum(axis=1)
        alike = ~flat & (own_sum <= ALIKE * all_sum)
        out[own[flat], STATUS], out[own[alike], STATUS] = CONSTANT, REDUNDANT
        fine = ~flat & ~alike
        sxx, sxy, unit = own_sum[fine], rest[fine] @ left, scale[fine]
        slope = sxy / sxx
        residual = np.maximum(float(left @ left) - slope * sxy, 0.0)
        error = np.sqrt(residual / df / sxx)
        half = stdtrit(df, 0.5 + level / 2) * error
        rows = own[fine]
        out[rows, STATUS], out[rows, SLOPE], out[rows, ERROR] = FITTED, slope / unit, error / unit
        out[rows, LOWER], out[rows, UPPER] = (slope - half) / unit, (slope + half) / unit
        with np.errstate(divide="ignore", invalid="ignore"):
            t = np.where(error > 0, slope / error, np.where(slope == 0, 0.0, np.inf))
        out[rows, SCORE] = t**2
        p[rows] = 2 * stdtr(df, -np.abs(t))
    return out, p


def _basis(others: np.ndarray) -> np.ndarray:
    """Orthonormal columns that span the covariates among these patients."""
    left, size, _ = np.linalg.svd(others.T, full_matrices=False)
    return left[:, size > 1e-10 * max(float(size[0]), 1e-300)] if size.size else left
