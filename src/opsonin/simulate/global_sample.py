"""The sample of a global sensitivity analysis: drawn by SALib, evaluated by a function, checked."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np
from jaxtyping import Float

from opsonin.errors import SimulationError
from opsonin.simulate.factors import Factor

Function = Callable[[np.ndarray], np.ndarray]
MOST_NUMBERS = 10**9  # in a sample: 8 GB


def salib(part: str) -> ModuleType:
    """A module of SALib. Raises: SimulationError where it is not installed."""
    try:
        return importlib.import_module(f"SALib.{part}")
    except ModuleNotFoundError as problem:
        raise SimulationError(
            "global sensitivity needs SALib; install it with: pip install 'opsonin[sensitivity]'"
        ) from problem


def check_bootstrap(level: float, resamples: int) -> None:
    """Raises: SimulationError for intervals that no bootstrap gives."""
    if not 0 < level < 1:
        raise SimulationError(f"level is {level}; intervals hold a share between 0 and 1, such as 0.95.")
    if resamples < 2:
        raise SimulationError(f"resamples is {resamples}; a bootstrap needs 2 or more, better hundreds.")


def problem_of(factors: Sequence[Factor], samples: int) -> dict[str, Any]:
    """The factors as SALib takes them, as shares of their distributions.

    Raises: SimulationError for no factor, one given twice, and a sample that no memory holds.
    """
    names = [factor.name for factor in factors]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise SimulationError(f"the factor {twice!r} is given twice; each may vary in one way only.")
    if not names:
        raise SimulationError("no factor is given; name at least one thing that varies.")
    if samples != int(samples):
        raise SimulationError(f"{samples} is no size of a sample; give a whole number.")
    numbers = samples * (len(names) + 2) * len(names)
    if numbers > MOST_NUMBERS:
        raise SimulationError(
            f"a sample of {samples:,} for {len(names)} factors is {numbers:.2g} numbers, more than memory should hold; "
            f"give at most {max(1, MOST_NUMBERS // (numbers // samples)):,}."
        )
    return {"num_vars": len(names), "names": names, "bounds": [[0.0, 1.0]] * len(names)}


def evaluate(
    function: Function, factors: Sequence[Factor], shares: np.ndarray
) -> tuple[Float[np.ndarray, "sample outcome"], tuple[str, ...]]:
    """The outcomes of the sample, checked, and their names."""
    values = np.stack([factor.at(shares[:, k]) for k, factor in enumerate(factors)], axis=1)
    made = np.asarray(function(values), float)
    outcomes = made[:, None] if made.ndim == 1 else made
    if outcomes.ndim != 2 or len(outcomes) != len(values):
        raise SimulationError(
            f"the function gave outcomes of shape {made.shape} for {len(values)} samples; expected one row a sample."
        )
    count = outcomes.shape[1]
    names = tuple(getattr(function, "names", None) or (f"outcome {j + 1}" for j in range(count)))
    wrong = np.argwhere(~np.isfinite(outcomes))
    if len(wrong):
        row, column = (int(k) for k in wrong[0])
        at = ", ".join(f"{factor.name} = {values[row, k]:.6g}" for k, factor in enumerate(factors))
        why = getattr(function, "reasons", {}).get(row)
        others = len(np.unique(wrong[:, 0])) - 1
        raise SimulationError(
            f"outcome {names[column]!r} is {outcomes[row, column]} in sample row {row} (patient with {at})"
            + (f": {why}" if why else "")
            + (f"; {others} other rows have no number either. " if others else ". ")
            + "Narrow the factors, or choose an outcome that every patient has."
        )
    noise = getattr(function, "noise", 1e-12)
    for j, column in enumerate(outcomes.T):
        if np.ptp(column) <= noise * np.abs(column).max():
            raise SimulationError(
                f"outcome {names[j]!r} is {column[0]:.6g} in all {len(column)} samples: none of "
                f"{', '.join(factor.name for factor in factors[:8])}{' …' if len(factors) > 8 else ''} moves it, so "
                "nothing can be told; vary others, or leave it out."
            )
    return outcomes, names
