"""Published figures as targets: a value, how sure it is, and the scale on which its error is about normal."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from jaxtyping import Float

from opsonin.errors import FitError

SCALES: dict[str, tuple[Callable[[np.ndarray], np.ndarray], str]] = {
    "plain": (lambda x: x, "a number"),
    "log": (np.log, "above 0"),
    "logit": (lambda x: np.log(x) - np.log1p(-x), "between 0 and 1"),
}
EDGE = 1e-9  # a simulated share of 0 or 1, and a time of 0, lie so far inside their scale


@dataclass(frozen=True)
class Target:
    """One published figure.

    value: in the unit of the summaries it is compared with (a share as 0 to 1).   se: standard error on `scale`.
    scale: "plain", "log" (medians, ratios, concentrations) or "logit" (shares).
    events, n: of a share, where both were published; its likelihood is then exactly binomial.
    """

    name: str
    value: float
    se: float
    scale: str = "plain"
    events: int | None = None
    n: int | None = None

    def __post_init__(self) -> None:
        if self.scale not in SCALES:
            raise FitError(f"target {self.name!r}: the scale {self.scale!r} is unknown; use {', '.join(SCALES)}.")
        if not (math.isfinite(self.value) and math.isfinite(self.se) and self.se > 0):
            raise FitError(
                f"target {self.name!r}: a target needs a value and a standard error above 0; {self.value:g} and "
                f"{self.se:g} were given."
            )
        if (self.scale == "log" and self.value <= 0) or (self.scale == "logit" and not 0 < self.value < 1):
            raise FitError(
                f"target {self.name!r}: on the {self.scale} scale a value is {SCALES[self.scale][1]}, not "
                f"{self.value:g}."
            )

    @classmethod
    def share(cls, name: str, events: int, n: int) -> Target:
        """So many of n patients: binomial. The standard error is that of the logit with half a patient added to each
        side (Haldane 1956, Ann Hum Genet 20:309), so that 0 of n and n of n have one too.

        Raises: FitError for more events than patients.
        """
        if n < 1 or not 0 <= events <= n:
            raise FitError(f"target {name!r}: {events} of {n} patients is no share.")
        a, b = events + 0.5, n - events + 0.5
        return cls(name, a / (a + b), math.sqrt(1 / a + 1 / b), "logit", events, n)

    @classmethod
    def interval(
        cls, name: str, value: float, lower: float, upper: float, scale: str = "log", level: float = 0.95
    ) -> Target:
        """A value with its published interval, whose width on the scale gives the standard error.

        Raises: FitError where the ends are not in order or do not fit the scale.
        """
        if scale not in SCALES:
            raise FitError(f"target {name!r}: the scale {scale!r} is unknown; use {', '.join(SCALES)}.")
        bad = (scale == "log" and lower <= 0) or (scale == "logit" and not (lower > 0 and upper < 1))
        if not lower < upper or not lower <= value <= upper or bad:
            raise FitError(
                f"target {name!r}: the interval {lower:g} to {upper:g} around {value:g} is out of order, or has ends "
                f"that are not {SCALES[scale][1]}."
            )
        low, high = (float(SCALES[scale][0](np.asarray(x, dtype=float))) for x in (lower, upper))
        return cls(name, value, (high - low) / (2 * NormalDist().inv_cdf(0.5 + level / 2)), scale)


def misfit(targets: Sequence[Target], summaries: Float[np.ndarray, "*shape target"]) -> np.ndarray:
    """How many standard errors each summary lies above its target, on the target's scale; shape of the summaries.

    Raises: FitError where the number of summaries is not that of the targets.
    """
    s = _checked(targets, summaries)
    out = np.empty(s.shape)
    for k, t in enumerate(targets):
        out[..., k] = (_scaled(s[..., k], t.scale) - _scaled(np.asarray(t.value), t.scale)) / t.se
    return out


def log_likelihood(
    targets: Sequence[Target],
    summaries: Float[np.ndarray, "*shape target"],
    noise: Float[np.ndarray, "*shape target"] | None = None,
) -> Float[np.ndarray, "*shape"]:
    """The logarithm of how likely the published figures are under these summaries, constants left out.

    Shares with counts are binomial, others normal on their scale. noise: the standard deviation of the summaries from
    having been simulated (or from what the model leaves out), in their own units; it widens each target, and makes a
    share's likelihood normal on the logit.
    """
    s = _checked(targets, summaries)
    out = np.zeros(s.shape[:-1])
    extra = None if noise is None else np.broadcast_to(np.asarray(noise, dtype=float), s.shape)
    for k, t in enumerate(targets):
        x = s[..., k]
        if t.events is not None and t.n is not None and extra is None:
            share = np.clip(x, EDGE, 1 - EDGE)
            out += t.events * np.log(share) + (t.n - t.events) * np.log1p(-share)
            continue
        variance = np.full(x.shape, t.se**2)
        if extra is not None:
            variance = variance + (extra[..., k] * _slope(x, t.scale)) ** 2
        gap = _scaled(x, t.scale) - _scaled(np.asarray(t.value), t.scale)
        out += -0.5 * gap**2 / variance - 0.5 * np.log(variance)
    return out


def _checked(targets: Sequence[Target], summaries: np.ndarray) -> np.ndarray:
    s = np.asarray(summaries, dtype=float)
    if not targets or s.ndim < 1 or s.shape[-1] != len(targets):
        raise FitError(f"{len(targets)} targets are compared with as many summaries; the array has shape {s.shape}.")
    return s


def _scaled(x: np.ndarray, scale: str) -> np.ndarray:
    """A summary on its target's scale; what lies at or beyond an edge is taken just inside."""
    if scale == "log":
        x = np.maximum(x, EDGE)
    elif scale == "logit":
        x = np.clip(x, EDGE, 1 - EDGE)
    return np.asarray(SCALES[scale][0](x))


def _slope(x: np.ndarray, scale: str) -> np.ndarray:
    """The derivative of the scale."""
    if scale == "log":
        return 1 / np.maximum(x, EDGE)
    if scale == "logit":
        inside = np.clip(x, EDGE, 1 - EDGE)
        return 1 / (inside * (1 - inside))
    return np.ones_like(x)
