"""A logistic model with one covariate, made for few patients: profile intervals, Firth's penalty for few events.

Source: Firth (1993), Biometrika 80:27; Heinze & Schemper (2002), Stat Med 21:2409; McCullagh & Nelder (1989), ch. 4.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from jaxtyping import Bool, Float

from opsonin.errors import AnalysisError

STEPS = 200
SPARSE = 5  # with fewer events, or fewer without, the plain estimate is far too large too often
FARTHEST = 200.0  # per SD of the covariate: a limit beyond this is no limit


@dataclass(frozen=True)
class LogisticFit:
    """log odds = intercept + slope · x.   lower, upper: of the slope, by profile likelihood; infinite if none.

    p: likelihood ratio test of slope = 0.   covariance: of (intercept, slope).   separated: a value of x parts those
    with from those without the event, so that plain likelihood has no finite slope.   penalised: Firth's penalty was
    used.
    """

    intercept: float
    slope: float
    lower: float
    upper: float
    p: float
    covariance: Float[np.ndarray, "2 2"]
    separated: bool
    penalised: bool
    n: int
    events: int
    level: float

    def probability(self, x: Float[np.ndarray, " point"]) -> Float[np.ndarray, "3 point"]:
        """The probability at x with its pointwise interval (Wald, on the log odds): estimate, lower, upper."""
        at = self.intercept + self.slope * x
        c = self.covariance
        se = np.sqrt(np.maximum(c[0, 0] + 2 * x * c[0, 1] + x * x * c[1, 1], 0.0))
        width = NormalDist().inv_cdf(0.5 + self.level / 2) * se
        return _expit(np.stack([at, at - width, at + width]))


def is_separated(x: Float[np.ndarray, " n"], event: Bool[np.ndarray, " n"]) -> bool:
    """Whether some value of x has all events on one side (touching it included) and all others on the other."""
    yes, no = x[event], x[~event]
    return bool(yes.min() >= no.max() or yes.max() <= no.min())


def logistic(
    x: Float[np.ndarray, " n"], event: Bool[np.ndarray, " n"], level: float = 0.95, penalised: bool | None = None
) -> LogisticFit:
    """Fit the log odds of an event on one covariate.

    penalised: Firth's penalty, which keeps the slope finite and takes off most of its small-sample bias; None takes it
    where x separates the events or fewer than five patients had, or had not, the event.
    Raises: AnalysisError where nobody or everybody had the event, x is the same for all, or a separated slope is not
    to be penalised.
    """
    events = int(event.sum())
    if events == 0 or events == event.size:
        who = "nobody" if events == 0 else "everybody"
        raise AnalysisError(f"a logistic model needs patients with and without the event; {who} had it.")
    centre, scale = float(x.mean()), float(x.std())
    if not scale > 1e-12 * max(1.0, abs(centre)):
        raise AnalysisError("a logistic model needs a covariate that differs between patients.")
    separated = is_separated(x, event)
    if penalised is None:
        penalised = separated or min(events, event.size - events) < SPARSE
    if separated and not penalised:
        raise AnalysisError(
            "a value of the covariate separates the events, so that the slope is infinite; penalise it."
        )
    model = _Likelihood((x - centre) / scale, event.astype(float), penalised)
    intercept, slope = model.fit()
    top, cut = model.value(intercept, slope), NormalDist().inv_cdf(0.5 + level / 2) ** 2

    def fallen(at: float) -> float:
        return 2 * (top - model.value(model.intercept_at(at), at)) - cut

    lower, upper = (_limit(fallen, slope, way) / scale for way in (-1.0, 1.0))
    null = 2 * (top - model.value(model.intercept_at(0.0), 0.0))
    back = np.array([[1.0, -centre / scale], [0.0, 1.0 / scale]])
    covariance = back @ np.linalg.inv(model.information(intercept, slope)) @ back.T
    return LogisticFit(
        intercept - slope * centre / scale,
        slope / scale,
        lower,
        upper,
        math.erfc(math.sqrt(max(null, 0.0) / 2)),
        covariance,
        separated,
        penalised,
        int(x.size),
        events,
        level,
    )


class _Likelihood:
    """Of intercept a and slope b; `penalised` adds half the log determinant of the information (Firth)."""

    def __init__(self, z: np.ndarray, y: np.ndarray, penalised: bool):
        self.z, self.y, self.penalised = z, y, penalised
        self.design = np.stack([np.ones_like(z), z], axis=1)

    def information(self, a: float, b: float) -> np.ndarray:
        p = _expit(a + b * self.z)
        return (self.design * (p * (1 - p))[:, None]).T @ self.design

    def value(self, a: float, b: float) -> float:
        return float(self.values(np.array([a]), b)[0])

    def values(self, a: np.ndarray, b: float) -> np.ndarray:
        """The logarithm at several intercepts."""
        eta = a[:, None] + b * self.z
        plain = eta @ self.y - np.logaddexp(0.0, eta).sum(axis=1)
        if not self.penalised:
            return plain
        w = np.exp(-np.logaddexp(0.0, eta) - np.logaddexp(0.0, -eta))
        total = w.sum(axis=1)
        middle = (w @ self.z) / total
        determinant = total * (w * (self.z - middle[:, None]) ** 2).sum(axis=1)
        return plain + 0.5 * np.log(np.maximum(determinant, 1e-300))

    def score(self, a: float, b: float) -> np.ndarray:
        p = _expit(a + b * self.z)
        rest = self.y - p
        if self.penalised:
            rest = rest + self._leverage(p * (1 - p)) * (0.5 - p)
        return self.design.T @ rest

    def _leverage(self, w: np.ndarray) -> np.ndarray:
        """The diagonal of the weighted hat matrix; nothing where no weight is left to tell patients apart."""
        total = w.sum()
        if total == 0.0:
            return np.zeros_like(w)
        apart = self.z - (w @ self.z) / total
        spread = w @ (apart * apart)
        return w * (1 / total + (apart * apart / spread if spread > 0.0 else 0.0))

    def fit(self) -> tuple[float, float]:
        """Fisher scoring with step halving."""
        at, value = np.zeros(2), self.value(0.0, 0.0)
        for _ in range(STEPS):
            step = np.linalg.solve(self.information(*at), self.score(*at))
            while (new := self.value(*(at + step))) < value - 1e-13 and np.abs(step).max() > 1e-12:
                step = step / 2
            at, value = at + step, new
            if np.abs(step).max() < 1e-10:
                return float(at[0]), float(at[1])
        raise AnalysisError("the logistic model did not converge; look at the exposures for an extreme value.")

    def intercept_at(self, b: float) -> float:
        """The best intercept for a fixed slope, where its score changes sign."""
        reach = 40.0 + 2 * abs(b) * float(np.abs(self.z).max())
        low, high = -reach, reach
        if not self.penalised:
            return _root(lambda a: -float(self.score(a, b)[0]), low, high)
        for _ in range(2):  # the penalised likelihood may have several tops, and be flat far out: begin at its highest
            grid = np.linspace(low, high, 81)
            best = int(np.argmax(self.values(grid, b)))
            low, high = float(grid[max(best - 1, 0)]), float(grid[min(best + 1, 80)])
        return _root(lambda a: -float(self.score(a, b)[0]), low, high)


def _limit(fallen: Callable[[float], float], slope: float, way: float) -> float:
    """Where the profile has fallen far enough on one side of the estimate; infinite where it never does."""
    step = 0.5
    while fallen(slope + way * step) < 0:
        step *= 2
        if step > FARTHEST:
            return way * math.inf
    inner, outer = slope + way * step / 2 if step > 0.5 else slope, slope + way * step
    return _root(lambda share: fallen(inner + share * (outer - inner)), 0.0, 1.0) * (outer - inner) + inner


def _root(f: Callable[[float], float], low: float, high: float) -> float:
    """Where a function that begins below 0 crosses it: inverse quadratic steps where they are safe, halving elsewhere.

    Source: Chandrupatla (1997), Adv Eng Software 28:145.
    """
    a, b, at_a, at_b = high, low, f(high), f(low)
    if at_a < 0 or at_b >= 0:
        return high if at_a < 0 else low
    c, at_c, share = a, at_a, 0.5
    for _ in range(200):
        x = a + share * (b - a)
        value = f(x)
        if (value > 0) == (at_a > 0):
            c, at_c = a, at_a
        else:
            c, b, at_c, at_b = b, a, at_b, at_a
        a, at_a = x, value
        best = a if abs(at_a) < abs(at_b) else b
        narrow = 5e-13 * max(1.0, abs(best)) / abs(b - a) if b != a else 1.0
        if narrow > 0.5 or value == 0:
            return best if value != 0 else x
        place, fall = (a - b) / (c - b), (at_a - at_b) / (at_c - at_b)
        if fall * fall < place and (1 - fall) ** 2 < 1 - place:
            share = at_a / (at_b - at_a) * at_c / (at_b - at_c)
            share += (c - a) / (b - a) * at_a / (at_c - at_a) * at_b / (at_c - at_b)
        else:
            share = 0.5
        share = min(1 - narrow, max(narrow, share))
    return b if abs(at_b) < abs(at_a) else a


def _expit(eta: np.ndarray) -> np.ndarray:
    return np.exp(-np.logaddexp(0.0, -eta))
