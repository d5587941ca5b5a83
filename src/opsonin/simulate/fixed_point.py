"""Fixed points of a map, of many patients at once: iteration with Anderson's acceleration, each row alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

MEMORY = 6  # differences kept for the extrapolation
FAR = 1e8  # × scale: what has grown beyond this will not come to rest
WORSE = 10.0  # an extrapolation this much worse than the best point so far is given up


class Found(NamedTuple):
    """state: the last points.   settled: whether their row converged.

    change: relative, by one more round; 1 where a row was lost.
    """

    state: Float[np.ndarray, "row state"]
    settled: Bool[np.ndarray, " row"]
    change: Float[np.ndarray, "row state"]
    rounds: Int[np.ndarray, " row"]


def fixed_points(
    step: Callable[[np.ndarray, np.ndarray], np.ndarray],
    begin: Float[np.ndarray, "row state"],
    scale: Float[np.ndarray, "row state"],
    nonnegative: Bool[np.ndarray, " state"],
    tolerance: float,
    most: int,
    accelerated: bool = True,
) -> Found:
    """Points that `step` leaves where they are.

    step(rows, states) gives the images of some rows; rows are independent of each other.
    scale: what is nought for each state; a change below tolerance × (|state| + scale) is none.
    accelerated: with Anderson's extrapolation from the last MEMORY rounds, which for a linear map of s states is done
    after about s + 1 rounds (Walker & Ni 2011, doi:10.1137/10078356X); else plain iteration, also where every round
    is another map with the same fixed point.
    """
    state = begin.copy()
    count, size = state.shape
    settled, lost = np.zeros(count, dtype=bool), np.zeros(count, dtype=bool)
    rounds = np.zeros(count, dtype=np.int64)
    change = np.full((count, size), np.inf)
    best, largest = np.full(count, np.inf), np.abs(state) + scale
    best_image = state.copy()
    points = np.full((MEMORY + 1, count, size), np.nan)
    residuals = np.full((MEMORY + 1, count, size), np.nan)
    for _ in range(most):
        rows = np.flatnonzero(~settled)
        if not len(rows):
            break
        image = step(rows, state[rows])
        rounds[rows] += 1
        residual = image - state[rows]
        change[rows] = residual / (np.abs(image) + scale[rows])
        largest[rows] = np.fmax(largest[rows], np.abs(image))
        lost[rows] = ~np.isfinite(residual).all(axis=1) | (np.abs(image) > FAR * scale[rows]).any(axis=1)
        settled[rows] = (np.abs(change[rows]).max(axis=1, initial=0.0) <= tolerance) | lost[rows]
        worst = np.abs(residual / largest[rows]).max(axis=1, initial=0.0)
        points[:, rows] = np.roll(points[:, rows], 1, axis=0)
        residuals[:, rows] = np.roll(residuals[:, rows], 1, axis=0)
        points[0, rows], residuals[0, rows] = state[rows], residual
        bad = worst > WORSE * best[rows]
        points[1:, rows[bad]] = np.nan  # the history has misled: begin again at the best image
        residuals[1:, rows[bad]] = np.nan
        good = worst < best[rows]
        best[rows[good]], best_image[rows[good]] = worst[good], image[good]
        following = image
        if accelerated:
            following = _extrapolated(points[:, rows], residuals[:, rows], 1.0 / largest[rows], image)
            wrong = ~np.isfinite(following).all(axis=1)
            following[wrong] = image[wrong]
            following = np.where(nonnegative[None, :], np.maximum(following, 0.0), following)
        following[bad] = best_image[rows[bad]]
        state[rows] = np.where(settled[rows, None], image, following)
    change[lost] = np.where(np.isfinite(state[lost]) & (np.abs(state[lost]) < FAR * scale[lost]), 0.0, 1.0)
    return Found(state, settled & ~lost, change, rounds)


def _extrapolated(points: np.ndarray, residuals: np.ndarray, weight: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Anderson's next point: the images combined so that the residual would be least were the map linear."""
    steps = np.moveaxis(points[:-1] - points[1:], 0, -1)  # (row, state, memory)
    bends = np.moveaxis(residuals[:-1] - residuals[1:], 0, -1)
    known = np.isfinite(bends).all(axis=1, keepdims=True) & np.isfinite(steps).all(axis=1, keepdims=True)
    steps, bends = np.where(known, steps, 0.0), np.where(known, bends, 0.0)
    if not known.any():
        return image.copy()
    weighted = bends * weight[:, :, None]
    length = np.linalg.norm(weighted, axis=1, keepdims=True)
    length = np.where(length > 0, length, 1.0)
    with np.errstate(all="ignore"):
        share = np.linalg.pinv(np.nan_to_num(weighted / length), rcond=1e-9) @ (residuals[0] * weight)[:, :, None]
    return image - ((steps + bends) @ (share / np.swapaxes(length, 1, 2)))[:, :, 0]
