"""Stochastic approximation: calibration to what a fresh sample of patients shows each time, by steps that shrink.

A search with one fixed pool meets the figures in that pool, luck included. Here every step draws its own patients, the
same ones for the two parameter values it compares, and luck averages out. Steps are those of Gauss and Newton, whose
slopes are mended along each random direction.
Source: Robbins & Monro (1951), Ann Math Stat 22:400; slopes estimated on the way: Wei (1987), Ann Stat 15:1115, by the
update of Broyden (1965), Math Comput 19:577, along the simultaneous perturbations of Spall (1992), IEEE Trans Automat
Contr 37:332; averaging: Polyak & Juditsky (1992), SIAM J Control Optim 30:838.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float

from opsonin.errors import FitError
from opsonin.fit.calibration import FAR, as_numbers
from opsonin.fit.knobs import Knobs
from opsonin.fit.targets import Target, misfit
from opsonin.random import uniform

DECAY = 0.602  # of the gain, as a power of the step: the slowest that Spall's conditions allow
DAMPING = 0.02  # of Gauss–Newton steps, as a share of the mean squared slope
LARGEST = 0.5  # no step is longer, on the search's scale


@dataclass(frozen=True)
class Approximation:
    """values: of the parameters, the mean of the second half of the steps.   summaries, misfit: mean over the `checks`
    fresh seeds, and its distance from the target in the target's standard errors.   noise: standard deviation of each
    summary between seeds.   path: values after each step.   at_bound: names of parameters that ended at a bound.
    """

    names: tuple[str, ...]
    values: Float[np.ndarray, " knob"]
    summaries: Float[np.ndarray, " target"]
    misfit: Float[np.ndarray, " target"]
    noise: Float[np.ndarray, " target"]
    at_bound: list[str]
    evaluations: int
    path: Float[np.ndarray, "step knob"] = field(repr=False)


def approximate(
    summaries: Callable[[np.ndarray, int], Any],
    targets: Sequence[Target],
    start: Any,
    lower: Any,
    upper: Any,
    *,
    names: Sequence[str] | None = None,
    steps: int = 100,
    perturbation: float = 0.15,
    checks: int = 10,
    seed: int = 1,
) -> Approximation:
    """Parameters between bounds for which summaries of fresh samples meet the targets on average.

    summaries: from parameter values (knob,) and a seed to as many numbers as targets; the same for the same two.
    steps: each asks for two summaries.   perturbation: how far apart these two are, on the search's scale (the logit of
    the place between the bounds). checks: fresh seeds at the end, which no step has used.
    Where a summary is curved in the sample, such as the logit of a share among few patients, the mean of many small
    samples differs a little from one large sample: a few hundred patients a sample make that harmless.
    Raises: FitError where bounds do not hold the start, or summaries at the start are no numbers.
    """
    knobs, free = Knobs.made(start, lower, upper, names)
    if steps < 10 or checks < 2 or not targets:
        raise FitError("an approximation needs a target, ten steps and two checks.")
    aims = tuple(targets)
    count = 0

    def told(at: np.ndarray, key: int) -> np.ndarray:
        nonlocal count
        count += 1
        return as_numbers(summaries(knobs.values(at), key), len(aims))

    def residuals(at: np.ndarray, key: int) -> np.ndarray:
        z = misfit(aims, told(at, key))
        return np.where(np.isfinite(z), np.clip(z, -FAR, FAR), FAR)

    if not np.isfinite(told(free, seed)).all():
        raise FitError("a summary is not a number at the start; begin where every summary can be had.")
    slopes = _first_slopes(residuals, free, perturbation, seed)
    path = np.empty((steps, free.size))
    for k in range(steps):
        signs = np.where(uniform(seed, "simultaneous perturbation", k, draws=free.size) < 0.5, -1.0, 1.0)
        key = _seed(seed, k)
        high, low = residuals(free + perturbation * signs, key), residuals(free - perturbation * signs, key)
        # Broyden: the slopes agree with what was seen along this direction, and stay as they were across it
        missed = (high - low) / (2 * perturbation) - slopes @ signs
        slopes = slopes + np.outer(missed, signs) / free.size
        information = slopes.T @ slopes
        damped = information + DAMPING * max(float(np.diag(information).mean()), 1e-12) * np.eye(free.size)
        move = np.linalg.solve(damped, slopes.T @ (0.5 * (high + low)))
        move *= min(1.0, LARGEST / max(float(np.linalg.norm(move)), 1e-300))
        free = free - move / (1 + k / (0.1 * steps)) ** DECAY
        path[k] = free
    best = path[steps // 2 :].mean(axis=0)
    fresh = np.array([told(best, _seed(seed, steps + 1 + k)) for k in range(checks)])
    mean = fresh.mean(axis=0)
    return Approximation(
        knobs.names, knobs.values(best), mean, misfit(aims, mean), fresh.std(axis=0, ddof=1), knobs.stuck(best), count,
        knobs.values(path),
    )  # fmt: skip


def _first_slopes(
    residuals: Callable[[np.ndarray, int], np.ndarray], at: np.ndarray, width: float, seed: int
) -> np.ndarray:
    """Change of each residual by each free parameter, (target, knob), among one sample's patients."""
    key = _seed(seed, 0)
    moves = width * np.eye(at.size)
    return np.column_stack([(residuals(at + m, key) - residuals(at - m, key)) / (2 * width) for m in moves])


def _seed(seed: int, number: int) -> int:
    """A seed for the patients of one step."""
    return int(uniform(seed, "patients of a step", number)[0] * 2**31)
