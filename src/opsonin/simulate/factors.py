"""Factors of a global sensitivity analysis: what varies, and how far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from opsonin.errors import SimulationError

TAIL = 1e-6  # the sample keeps off the ends of a distribution, where a normal score is infinite


@dataclass(frozen=True)
class Factor:
    """What varies: a name, and the values at shares of its distribution, 0 to 1.

    words: the distribution as a table shows it.
    """

    name: str
    quantile: Callable[[np.ndarray], np.ndarray]
    words: str

    def at(self, share: Float[np.ndarray, " sample"]) -> Float[np.ndarray, " sample"]:
        """The values below which these shares of the distribution lie."""
        return np.asarray(self.quantile(np.clip(share, TAIL, 1 - TAIL)), float)


def between(name: str, low: float | int, high: float | int) -> Factor:
    """Anything from low to high, evenly."""
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise SimulationError(f"factor {name!r}: from {low} to {high} is no range; give a lower and a higher number.")
    return Factor(name, lambda share: low + (high - low) * share, f"{low:.4g} to {high:.4g}, even")


def within_factor(name: str, value: float | int, fold: float | int) -> Factor:
    """From value / fold to value × fold, even in the logarithm: what is known but for a factor."""
    if not (np.isfinite(value) and value != 0):
        raise SimulationError(f"factor {name!r}: its value is {value}, of which there is no multiple; give a range.")
    if not (np.isfinite(fold) and fold > 1):
        raise SimulationError(f"factor {name!r}: a factor of {fold} is no range; give a number above 1.")
    return Factor(
        name, lambda share: value * fold ** (2 * share - 1), f"{value:.4g} within a factor of {fold:.4g}, log-even"
    )


def spread_of(parameter: Any, value: float | int | None = None) -> Factor:
    """A Parameter as it differs between patients, within its plausibility limits; in the parameter's unit.

    value: its median where that is not the parameter's own.
    Raises: SimulationError for a parameter without a spread.
    """
    if parameter.spread is None:
        raise SimulationError(
            f"parameter {parameter.name!r} has no spread between patients; give a range, "
            f"such as within_factor({parameter.name!r}, {parameter.value}, 2)."
        )
    middle = parameter.value if value is None else value
    return scored(
        parameter.name,
        lambda z: parameter.spread.at(middle, z),
        parameter.lower,
        parameter.upper,
        str(parameter.spread),
    )


def scored(
    name: str,
    at: Callable[[np.ndarray], np.ndarray],
    lower: float | int | None = None,
    upper: float | int | None = None,
    words: str = "",
) -> Factor:
    """A factor given as a rising function of standard normal scores, cut off at limits."""
    from scipy.special import ndtr

    low = 0.0 if lower is None else ndtr(_score(at, lower))
    high = 1.0 if upper is None else ndtr(_score(at, upper))
    if not low < high:
        raise SimulationError(f"factor {name!r} has no value between its limits {lower} and {upper}.")

    def quantile(share: np.ndarray) -> np.ndarray:
        from scipy.special import ndtri

        return at(ndtri(np.clip(low + (high - low) * share, 1e-15, 1 - 1e-15)))

    limits = "" if lower is None and upper is None else f", within {_limit(lower)} to {_limit(upper)}"
    return Factor(name, quantile, f"{words}{limits}")


def _limit(value: float | int | None) -> str:
    return "…" if value is None or not np.isfinite(value) else f"{value:.4g}"


def _score(at: Callable[[np.ndarray], np.ndarray], value: float | int) -> float:
    """The score at which the function reaches the value, by halving [−9, 9]."""
    low, high = -9.0, 9.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if float(at(np.array([middle]))[0]) < value else (low, middle)
    return low
