"""The smallest change of a pool's weights that meets published figures.

Of all weights, those nearest to the given ones (in relative entropy) whose weighted means lie where the figures are,
each figure held as firmly as it is known. They multiply the given weights by exp(λ · features).
Source: Csiszár (1975), Ann Probab 3:146; soft constraints: Dudík, Phillips & Schapire (2007), J Mach Learn Res 8:1217.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from opsonin.errors import FitError
from opsonin.fit.targets import Target
from opsonin.fit.weights import checked_weights, effective_sample_size, matrix

MOST_STEPS = 200
TOLERANCE = 1e-10


@dataclass(frozen=True)
class Tilt:
    """weights: one a patient, with mean 1.   reached: the weighted means of the features.   multipliers: λ, by feature.

    distance: the relative entropy to the given weights (0: nothing had to change).
    """

    weights: Float[np.ndarray, " n"]
    reached: Float[np.ndarray, " target"]
    multipliers: Float[np.ndarray, " target"]
    distance: float

    @property
    def effective(self) -> float:
        """How many equally weighted patients these are worth."""
        return float(effective_sample_size(self.weights))


def tilt(features: Any, targets: Sequence[Target], *, weights: Any = None, firmness: float = 1.0) -> Tilt:
    """Weights under which the means of the features meet the targets.

    features: (n, target), what each patient adds to each figure: 1 for a responder, 1 for who is alive at 12 months; a
    published median is the share beyond it, 0.5. Targets on a log or logit scale keep their standard error to first
    order. weights: to start from, equal ones if None. firmness: how many times its information each figure counts;
    large values meet the targets exactly and may leave few effective patients.
    Raises: FitError where shapes do not fit or a feature is the same in all patients.
    """
    x = matrix(features, "features")
    if len(targets) != x.shape[1]:
        raise FitError(f"{x.shape[1]} features need as many targets; {len(targets)} were given.")
    if not firmness > 0:
        raise FitError(f"the firmness is a number above 0, not {firmness:g}.")
    start = np.ones(len(x)) if weights is None else checked_weights(weights)
    if start.size != len(x):
        raise FitError(f"{len(x)} patients need as many weights; {start.size} were given.")
    start = start / start.sum()
    centre = start @ x
    scale = np.sqrt(start @ (x - centre) ** 2)
    if not (scale > 0).all():
        name = targets[int(np.flatnonzero(~(scale > 0))[0])].name
        raise FitError(f"{name!r} is the same in every patient, so that no weights can change it; widen the pool.")
    z = (x - centre) / scale
    aim = (np.array([t.value for t in targets]) - centre) / scale
    softness = (np.array([_plain_se(t) for t in targets]) / scale) ** 2 / firmness
    multipliers, found = _solved(z, start, aim, softness)
    distance = float((found * np.log(np.maximum(found, 1e-300) / np.maximum(start, 1e-300))).sum())
    return Tilt(found * len(x), found @ x, multipliers / scale, max(distance, 0.0))


def _plain_se(target: Target) -> float:
    """The standard error of a target in its own unit."""
    slope = {"plain": 1.0, "log": target.value, "logit": target.value * (1 - target.value)}[target.scale]
    return target.se * slope


def _solved(z: np.ndarray, start: np.ndarray, aim: np.ndarray, softness: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Newton's ascent of the concave dual λ·aim − log Σ w exp(λ·z) − ½ Σ softness λ², steps halved until it rises."""
    multipliers = np.zeros(aim.size)
    value, w = _dual(multipliers, z, start, aim, softness)
    for _ in range(MOST_STEPS):
        mean = w @ z
        slope = aim - mean - softness * multipliers
        if np.abs(slope).max() < TOLERANCE:
            return multipliers, w
        bend = (z * w[:, None]).T @ z - np.outer(mean, mean) + np.diag(softness)
        step = np.linalg.lstsq(bend, slope, rcond=None)[0]
        step *= min(1.0, 20.0 / max(float(np.abs(step).max()), 1e-300))
        for _ in range(60):
            better, tried = _dual(multipliers + step, z, start, aim, softness)
            if better >= value:
                break
            step = step / 2
        else:
            return multipliers, w  # at the precision of the numbers
        if better - value <= 1e-15 * (1 + abs(value)) and np.abs(step).max() < 1e-9:
            return multipliers + step, tried
        multipliers, value, w = multipliers + step, better, tried
    raise FitError(
        "the figures cannot be met together by reweighting these patients; give the targets wider standard errors, "
        "less firmness, or a pool that reaches them."
    )


def _dual(
    multipliers: np.ndarray, z: np.ndarray, start: np.ndarray, aim: np.ndarray, softness: np.ndarray
) -> tuple[float, np.ndarray]:
    exponent = z @ multipliers
    top = float(exponent.max())
    w = start * np.exp(exponent - top)
    total = float(w.sum())
    value = float(multipliers @ aim) - top - np.log(total) - 0.5 * float((softness * multipliers**2).sum())
    return value, w / total
