"""The top of a penalised likelihood, and how far each coefficient may go before it has fallen too far.

Fisher scoring until steps are short, then with the curvature learnt from the steps (BFGS; Nocedal & Wright 2006, ch.
6), as the information of the plain likelihood is not the curvature of the penalised one. Limits are where the signed
root of the profile's fall is the normal quantile (Venzon & Moolgavkar 1988, Appl Stat 37:87, ask for the same by
other steps).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
import pandas as pd
from jaxtyping import Float

from opsonin.analysis.survival.cox import Test
from opsonin.analysis.survival.likelihood import Evaluation
from opsonin.errors import AnalysisError

STEPS = 300
LONGEST = 2.0  # one step, per SD of a covariate
FARTHEST = 300.0  # per SD: a limit beyond this is no limit


@runtime_checkable
class Likelihood(Protocol):
    """What is climbed; a value that is not finite says that `theta` is too far out."""

    def at(self, theta: np.ndarray) -> Evaluation: ...


class Top(NamedTuple):
    """Where a likelihood is highest."""

    theta: np.ndarray
    value: float
    gradient: np.ndarray
    information: np.ndarray


class Profile(NamedTuple):
    """Of one coefficient: its limits (infinite where there are none), and twice the fall of the likelihood at 0."""

    lower: float
    upper: float
    chi2: float


@dataclass(frozen=True)
class ProfiledFit:
    """A regression of log ratios whose intervals and p come from profiles.   lower, upper: infinite where none.

    p: likelihood-ratio test of each coefficient.
    """

    names: list[str]
    coefficient: Float[np.ndarray, " term"]
    se: Float[np.ndarray, " term"]
    lower: Float[np.ndarray, " term"]
    upper: Float[np.ndarray, " term"]
    p: Float[np.ndarray, " term"]
    variance: Float[np.ndarray, "term term"]
    log_likelihood_null: float
    log_likelihood: float
    likelihood_ratio: Test
    n: int
    events: int
    level: float

    @property
    def interval(self) -> np.ndarray:
        """Limits of the ratio, shape (term, 2); 0 or infinite where there are none."""
        with np.errstate(over="ignore"):
            return np.exp(np.stack([self.lower, self.upper], axis=1))

    @property
    def _ratio(self) -> np.ndarray:
        with np.errstate(over="ignore"):
            return np.exp(self.coefficient)

    def _frame(self, ratio: str) -> pd.DataFrame:
        low, high = self.interval.T
        columns = {"covariate": self.names, "coefficient": self.coefficient, "se": self.se}
        return pd.DataFrame(columns | {ratio: self._ratio, "lower": low, "upper": high, "p": self.p})


def highest(model: Likelihood, start: np.ndarray, fixed: int | None = None) -> Top:
    """Climb from `start`, with the coefficient number `fixed` held where it is.

    Raises: AnalysisError where no top is found.
    """
    free = np.array([k for k in range(start.size) if k != fixed], dtype=np.int64)
    theta, here = start.astype(float), model.at(start.astype(float))
    if not free.size:
        return Top(theta, here.value, here.gradient, here.information)
    inverse, learnt = _inverse(here, free), False
    for _ in range(STEPS):
        step = inverse @ here.gradient[free]
        if learnt and not step @ here.gradient[free] > 0:
            inverse, learnt = _inverse(here, free), False
            step = inverse @ here.gradient[free]
        step = step * min(1.0, LONGEST / max(float(np.abs(step).max()), 1e-300))
        for _half in range(40):
            tried = theta.copy()
            tried[free] += step
            there = model.at(tried)
            if math.isfinite(there.value) and there.value >= here.value - 1e-13 * (1 + abs(here.value)):
                break
            step = step / 2
        else:
            if not learnt:  # nothing near is higher: as far as rounding lets one climb
                return Top(theta, here.value, here.gradient, here.information)
            inverse, learnt = _inverse(here, free), False
            continue
        moved, bend = float(np.abs(step).max()), here.gradient[free] - there.gradient[free]
        theta, here = tried, there
        if moved < 1e-9:
            return Top(theta, here.value, here.gradient, here.information)
        if moved < 0.3 and step @ bend > 1e-14 * float(np.linalg.norm(step) * np.linalg.norm(bend)):
            inverse, learnt = _bfgs(inverse if learnt else _inverse(here, free), step, bend), True
        else:
            inverse, learnt = _inverse(here, free), False
    raise AnalysisError(
        "the penalised likelihood has no top that can be found; look for a covariate with an extreme value, "
        "or leave out covariates."
    )


def profile(model: Likelihood, top: Top, which: int, level: float) -> Profile:
    """The limits of coefficient `which`, and the likelihood-ratio statistic of its being 0."""
    wanted = NormalDist().inv_cdf(0.5 + level / 2)
    variance = np.linalg.inv(top.information)[which, which]
    limits = [_limit(model, top, which, way, wanted, math.sqrt(variance)) for way in (-1.0, 1.0)]
    start = top.theta.copy()
    start[which] = 0.0
    return Profile(limits[0], limits[1], 2 * max(top.value - highest(model, start, which).value, 0.0))


def _limit(model: Likelihood, top: Top, which: int, way: float, wanted: float, se: float) -> float:
    """By safeguarded Newton steps on the signed root r(b) = √(2 (top − profile(b))), which is near a straight line."""
    best = float(top.theta[which])
    inner, outer, at = best, math.inf, best + way * wanted * se
    theta = top.theta.copy()
    for _ in range(200):
        if abs(at) > FARTHEST and not math.isfinite(outer):
            return way * math.inf
        here = _held(model, theta, which, at)
        root = math.inf if here is None else math.sqrt(max(2 * (top.value - here.value), 0.0))
        if abs(root - wanted) < 1e-9 or abs(at - inner) < 1e-12 * max(1.0, abs(at)):
            # the rest may have a second, higher top, where a first climb did not lead
            others = (_held(model, start, which, at) for start in (top.theta, np.zeros(theta.size)))
            higher = [
                other for other in others if other is not None and (here is None or other.value > here.value + 1e-7)
            ]
            if not higher:
                return at
            here = max(higher, key=lambda other: other.value)
            root, outer = math.sqrt(max(2 * (top.value - here.value), 0.0)), math.inf
        if root < wanted:
            inner = at
        else:
            outer = at
        slope = 0.0 if here is None or root == 0.0 else -way * float(here.gradient[which]) / root
        guess = at - way * (root - wanted) / slope if slope > 0 else math.nan
        if here is not None:
            theta = here.theta
        if math.isfinite(outer):
            inside = min(inner, outer) < guess < max(inner, outer)
            at = guess if inside else (inner + outer) / 2
        else:
            farthest = best + 4 * (at - best)
            onward = way * (guess - at) > 0
            at = guess if onward and way * (farthest - guess) > 0 else farthest
    return at


def _held(model: Likelihood, start: np.ndarray, which: int, at: float) -> Top | None:
    """The top with one coefficient held at a value, climbed to from `start`; None where nothing is finite there."""
    theta = start.copy()
    theta[which] = at
    return highest(model, theta, which) if math.isfinite(model.at(theta).value) else None


def _inverse(here: Evaluation, free: np.ndarray) -> np.ndarray:
    return np.linalg.pinv(here.information[np.ix_(free, free)], hermitian=True)


def _bfgs(inverse: np.ndarray, step: np.ndarray, bend: np.ndarray) -> np.ndarray:
    """The inverse curvature that explains how the gradient fell by `bend` over `step`."""
    curvature = step @ bend
    left = np.eye(step.size) - np.outer(step, bend) / curvature
    return left @ inverse @ left.T + np.outer(step, step) / curvature
