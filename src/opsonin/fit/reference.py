"""What an observed population looks like: a normal distribution from published moments, or the patients themselves.

Both give a standard deviation of each outcome (`scales`, so that distances mean the same in each), the density at a
point and the share of the population at or below a value in one outcome (`margin`): all that a selection needs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from opsonin.errors import FitError
from opsonin.fit.weights import matrix


@dataclass(frozen=True)
class Normal:
    """Outcomes that are jointly normal, on whatever scale the caller chose (logarithms of concentrations, say).

    mean: (outcome,).   covariance: (outcome, outcome).   Raises: FitError where it is no covariance matrix.
    """

    mean: np.ndarray
    covariance: np.ndarray

    def __post_init__(self) -> None:
        mean = np.atleast_1d(np.asarray(self.mean, dtype=float))
        covariance = np.atleast_2d(np.asarray(self.covariance, dtype=float))
        if covariance.shape != (mean.size, mean.size) or not np.allclose(covariance, covariance.T):
            raise FitError(f"{mean.size} means need a symmetric covariance matrix of that size: {covariance.shape}.")
        object.__setattr__(self, "mean", mean)
        object.__setattr__(self, "covariance", covariance)
        try:
            np.linalg.cholesky(covariance)
        except np.linalg.LinAlgError:
            raise FitError("the covariance matrix is not positive definite; check its correlations.") from None

    @property
    def dimensions(self) -> int:
        return self.mean.size

    @property
    def scales(self) -> np.ndarray:
        return np.sqrt(np.diag(self.covariance))

    def log_density(self, y: np.ndarray) -> np.ndarray:
        factor = np.linalg.cholesky(self.covariance)
        z = np.linalg.solve(factor, (y - self.mean).T)
        half = float(np.log(np.diag(factor)).sum()) + 0.5 * self.dimensions * math.log(2 * math.pi)
        return -0.5 * (z**2).sum(axis=0) - half

    def margin(self, k: int, y: np.ndarray) -> np.ndarray:
        from scipy.special import ndtr

        return ndtr((y - self.mean[k]) / self.scales[k])


@dataclass(frozen=True)
class Observed:
    """The outcomes of observed patients, (patient, outcome); their density is a normal kernel's.

    The kernel has the patients' own correlations and Scott's width; patients are drawn towards their mean so that the
    smoothing does not widen them. (The distance to a nearest neighbour would do badly here: its tails are too heavy.)
    Source: Scott (1992), Multivariate Density Estimation; Jones (1991), Stat Probab Lett 12:227 (the variance kept).
    Raises: FitError for missing values, or outcomes that are the same in all patients or follow from one another.
    """

    values: np.ndarray

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", matrix(self.values, "observed outcomes"))
        try:
            np.linalg.cholesky(np.atleast_2d(np.cov(self.values.T)))
        except np.linalg.LinAlgError:
            raise FitError(
                "an observed outcome is the same in all patients or follows from the others; leave it out, or give "
                "more patients than outcomes."
            ) from None

    @property
    def dimensions(self) -> int:
        return self.values.shape[1]

    @cached_property
    def scales(self) -> np.ndarray:
        return self.values.std(axis=0, ddof=1)

    def log_density(self, y: np.ndarray) -> np.ndarray:
        n, d = self.values.shape
        factor = np.linalg.cholesky(np.atleast_2d(np.cov(self.values.T)))
        mean = self.values.mean(axis=0)
        width = n ** (-1 / (d + 4))
        centres = math.sqrt(1 - width**2) * np.linalg.solve(factor, (self.values - mean).T).T
        out = np.empty(len(y))
        step = max(1, 4_000_000 // n)  # memory only
        for first in range(0, len(y), step):
            z = np.linalg.solve(factor, (y[first : first + step] - mean).T).T
            squares = (z**2).sum(axis=1)[:, None] + (centres**2).sum(axis=1) - 2 * z @ centres.T
            out[first : first + step] = np.logaddexp.reduce(-0.5 * squares / width**2, axis=1)
        half = float(np.log(np.diag(factor)).sum()) + d * (math.log(width) + 0.5 * math.log(2 * math.pi))
        return out - math.log(n) - half

    def margin(self, k: int, y: np.ndarray) -> np.ndarray:
        ordered = np.sort(self.values[:, k])
        return np.searchsorted(ordered, y, side="right") / ordered.size


def neighbour_density(points: Float[np.ndarray, "n outcome"], neighbours: int) -> Float[np.ndarray, " n"]:
    """The logarithm of the density at each point: its nearest neighbours over the volume of the ball that holds them.

    Source: Loftsgaarden & Quesenberry (1965), Ann Math Stat 36:1049.
    Raises: FitError where so many points coincide that a ball has no volume.
    """
    from scipy.spatial import KDTree
    from scipy.special import gammaln

    n, d = points.shape
    radius = np.asarray(KDTree(points).query(points, k=neighbours + 1)[0])[:, -1]
    if (radius <= 0).any():
        raise FitError(
            f"{int((radius <= 0).sum())} patients share their outcomes with {neighbours} or more others, as yes-or-no "
            "outcomes do; a density needs outcomes that differ. Use `tilt` or `populations` for shares."
        )
    unit_ball = 0.5 * d * math.log(math.pi) - float(gammaln(0.5 * d + 1))
    # the last neighbour lies on the sphere itself, so that one fewer is inside
    inside = max(neighbours - 1, 0.5)
    return math.log(inside / (n - 1)) - unit_ball - d * np.log(radius)
