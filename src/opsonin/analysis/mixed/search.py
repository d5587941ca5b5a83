"""Where the likelihood of a mixed model is highest: the search over the random effects' relative factor Λ."""

from __future__ import annotations

import math

import numpy as np

from opsonin.analysis.mixed.likelihood import Likelihood, Point
from opsonin.errors import AnalysisError

WIDEST = 1e5  # of Λ: subjects that differ this many residual SDs leave no residual to speak of
STEPS = 100
NOTHING = 1e-16  # a residual variance this small, of the outcome's
NONE = 1e-5  # a part of Λ this small is a variance of zero
ALIKE = 1e-7  # of two criteria no farther apart, that at the boundary is taken: the search creeps up to it without end
# Λ's (1, 1), (2, 1), (2, 2): first where it stays at a boundary, whose gradient is 0 (correlation ±1, slopes alone,
# intercepts alone), then inside
STARTS = ((1.0, 0.3, 0.0), (0.0, 0.0, 1.0), (1.0, 0.0, 0.0), (1.0, 0.0, 1.0), (0.2, 0.0, 3.0))


def best_factor(model: Likelihood) -> tuple[np.ndarray, Point]:
    """Λ at the maximum and the criterion there.

    Raises: AnalysisError where the residual variance is zero, or no maximum is found.
    """
    found = _one(model) if model.random == 1 else _two(model)
    factor, point = found
    if float(np.abs(factor).max()) > WIDEST or point.sigma2 < NOTHING:
        raise AnalysisError(
            "the residual variance is zero: the rows of each subject lie exactly on the model; look for repeated or "
            "computed values."
        )
    return factor, point


def _one(model: Likelihood) -> tuple[np.ndarray, Point]:
    """A single standard deviation ≥ 0: the derivative's zero, by bisection and secants on a bracket."""

    def at(theta: float) -> Point:
        return model.at(np.array([[theta]]))

    # on a coarse grid first: the criterion of few subjects can have two minima, one of them at 0
    grid = np.array([0.0, 0.01, 0.1, 0.3, 0.6, 1.0, 1.7, 3.0, 8.0, 30.0, 1e3])
    best = int(np.argmin(model.deviances(grid)))
    if best == len(grid) - 1:
        low, high = float(grid[best]), WIDEST
        if at(high).gradient[0, 0] < 0:
            return np.array([[2 * WIDEST]]), at(high)
    else:
        low, high = float(grid[max(best - 1, 0)]), float(grid[best + 1])
    if best == 0:
        low = NONE
        if at(low).gradient[0, 0] >= 0:
            return np.zeros((1, 1)), at(0.0)
    theta = _zero(lambda t: float(at(t).gradient[0, 0]), low, high)
    return np.array([[theta]]), at(theta)


def _zero(slope, low: float, high: float) -> float:
    """The zero of a function that rises through it between two points, by Illinois' rule and bisection."""
    a, b, fa, fb = low, high, slope(low), slope(high)
    if fa >= 0:
        return low
    if fb <= 0:
        return high
    for step in range(STEPS):
        middle = (a * fb - b * fa) / (fb - fa) if step % 3 else (a + b) / 2
        f = slope(middle)
        if f == 0 or b - a <= 4e-16 * b:
            return middle
        if f < 0:
            a, fa = middle, f
            fb = fb / 2 if step % 3 else fb
        else:
            b, fb = middle, f
            fa = fa / 2 if step % 3 else fa
        if b - a <= 1e-13 * b:
            break
    return (a + b) / 2


def _two(model: Likelihood) -> tuple[np.ndarray, Point]:
    """Intercept and slope: three numbers, by a bounded quasi-Newton search from several starts, then Newton's steps."""
    from scipy.optimize import minimize

    rows, columns = np.tril_indices(model.random)

    def criterion(theta: np.ndarray) -> tuple[float, np.ndarray]:
        factor = np.zeros((model.random, model.random))
        factor[rows, columns] = theta
        point = model.at(factor)
        return point.deviance, point.gradient[rows, columns]

    bounds = [(0.0, 2 * WIDEST) if r == c else (-2 * WIDEST, 2 * WIDEST) for r, c in zip(rows, columns, strict=True)]
    tight = {"ftol": 1e-14, "gtol": 1e-9, "maxiter": 300, "maxcor": 20}
    best = None
    for start in STARTS:
        found = minimize(criterion, np.array(start), jac=True, method="L-BFGS-B", bounds=bounds, options=tight)
        if math.isfinite(found.fun) and (best is None or found.fun < best.fun - ALIKE):
            best = found
    if best is None:
        raise AnalysisError("the likelihood of the mixed model has no maximum that could be found; use slope=None.")
    theta = _polished(criterion, best.x)
    factor = np.zeros((model.random, model.random))
    factor[rows, columns] = theta
    return factor, model.at(factor)


def _polished(criterion, theta: np.ndarray) -> np.ndarray:
    """Newton's steps on the gradient, its derivative by central differences; none at a boundary."""
    diagonal = np.array([True, False, True])
    if (theta[diagonal] < NONE).any():
        return theta
    value, gradient = criterion(theta)
    for _ in range(4):
        width = 1e-5 * np.maximum(np.abs(theta), 0.1)
        second = np.empty((theta.size, theta.size))
        for k in range(theta.size):
            shift = np.zeros(theta.size)
            shift[k] = width[k]
            second[k] = (criterion(theta + shift)[1] - criterion(theta - shift)[1]) / (2 * width[k])
        second = (second + second.T) / 2
        if np.linalg.eigvalsh(second)[0] <= 0:
            return theta
        step = -np.linalg.solve(second, gradient)
        there, slope = criterion(theta + step)
        if there > value + 1e-9 or np.abs(slope).max() >= np.abs(gradient).max():
            return theta
        theta, value, gradient = theta + step, there, slope
    return theta
