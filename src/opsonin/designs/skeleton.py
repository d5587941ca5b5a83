"""Skeletons of the CRM: prior guesses of DLT rates, spread so that neighbouring doses can be told apart."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from opsonin.errors import DesignError

MODELS = ("empiric", "logistic")


def skeleton(
    levels: int, target: float, guess: int, half_width: float = 0.05, model: str = "empiric", intercept: float = 3.0
) -> Float[np.ndarray, " level"]:
    """Prior DLT rates by indifference intervals.

    guess: the level thought to be the MTD, whose prior rate is the target.   half_width: at the borders between two
    levels their rates are target - and + half_width, so that rates within it are not told apart.
    intercept: of the logistic model.
    Source: Lee & Cheung (2009), Clin Trials 6:227, doi:10.1177/1740774509105076.
    Raises: DesignError for levels, targets or widths that allow no skeleton.
    """
    if model not in MODELS:
        raise DesignError(f"the CRM model {model!r} is unknown; use {' or '.join(MODELS)}.")
    if not 1 <= guess <= levels:
        raise DesignError(f"the prior guess of the MTD is level {guess}, but there are {levels} levels.")
    if not 0 < target - half_width < target + half_width < 1:
        raise DesignError(f"a target of {target:g} with a half width of {half_width:g} leaves the interval (0, 1).")
    low, high = target - half_width, target + half_width
    made = np.empty(levels)
    made[guess - 1] = target
    if model == "empiric":
        ratio = np.log(high) / np.log(low)
        for level in range(guess, levels):
            made[level] = made[level - 1] ** ratio
        for level in range(guess - 1, 0, -1):
            made[level - 1] = made[level] ** (1 / ratio)
        return made
    dose = np.empty(levels)
    dose[guess - 1] = _logit(target) - intercept
    ratio = (_logit(low) - intercept) / (_logit(high) - intercept)
    for level in range(guess, levels):
        dose[level] = dose[level - 1] / ratio
    for level in range(guess - 1, 0, -1):
        dose[level - 1] = dose[level] * ratio
    return 1.0 / (1.0 + np.exp(-intercept - dose))


def check_skeleton(rates: Float[np.ndarray, " level"]) -> None:
    """Raises: DesignError where prior rates do not rise, or leave (0, 1)."""
    if not rates.size or np.any(~((rates > 0) & (rates < 1))):
        raise DesignError(f"a skeleton holds DLT rates between 0 and 1; {rates.tolist()} were given.")
    if np.any(np.diff(rates) <= 0):
        at = int(np.flatnonzero(np.diff(rates) <= 0)[0]) + 1
        raise DesignError(
            f"a skeleton rises with dose, but level {at + 1} ({rates[at]:g}) is not above level {at} "
            f"({rates[at - 1]:g})."
        )


def _logit(p: float) -> float:
    return float(np.log(p / (1 - p)))
