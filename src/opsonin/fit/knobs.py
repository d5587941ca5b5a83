"""Parameters within bounds, searched where no bound is: the logit of where a value lies between its bounds.

Where the lower bound is above 0 the place is that of the logarithm, since rates and concentrations differ by factors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from opsonin.errors import FitError


@dataclass(frozen=True)
class Knobs:
    """lower, upper: bounds that a value never reaches.   names: for messages."""

    names: tuple[str, ...]
    lower: Float[np.ndarray, " knob"]
    upper: Float[np.ndarray, " knob"]

    @classmethod
    def made(cls, start: Any, lower: Any, upper: Any, names: Sequence[str] | None) -> tuple[Knobs, np.ndarray]:
        """The knobs and where they start, as free numbers.

        Raises: FitError naming the parameter that does not start strictly between its bounds.
        """
        value = np.atleast_1d(np.asarray(start, dtype=float))
        low, high = (np.broadcast_to(np.asarray(x, dtype=float), value.shape) for x in (lower, upper))
        told = tuple(names) if names is not None else tuple(f"parameter {k + 1}" for k in range(value.size))
        if len(told) != value.size:
            raise FitError(f"{value.size} parameters have {len(told)} names.")
        for name, x, a, b in zip(told, value, low, high, strict=True):
            if not (np.isfinite([x, a, b]).all() and a < x < b):
                raise FitError(f"{name} starts at {x:g}, which is not between its bounds {a:g} and {b:g}.")
        knobs = cls(told, low.copy(), high.copy())
        return knobs, knobs.free(value)

    def free(self, value: Float[np.ndarray, "*shape knob"]) -> np.ndarray:
        """Values as unbounded numbers."""
        share = (self._scaled(value) - self._scaled(self.lower)) / (self._scaled(self.upper) - self._scaled(self.lower))
        share = np.clip(share, 1e-12, 1 - 1e-12)
        return np.log(share) - np.log1p(-share)

    def values(self, free: Float[np.ndarray, "*shape knob"]) -> np.ndarray:
        """Unbounded numbers as values."""
        share = 0.5 * (1 + np.tanh(0.5 * np.asarray(free, dtype=float)))
        low, high = self._scaled(self.lower), self._scaled(self.upper)
        at = low + share * (high - low)
        return np.where(self.by_factor, np.exp(at), at)

    @property
    def by_factor(self) -> np.ndarray:
        """Which are searched on the logarithm."""
        return self.lower > 0

    def stuck(self, free: Float[np.ndarray, " knob"]) -> list[str]:
        """The names of parameters that ended within a thousandth of a bound."""
        return [name for name, u in zip(self.names, free, strict=True) if abs(u) > 6.9]

    def _scaled(self, value: np.ndarray) -> np.ndarray:
        return np.where(self.by_factor, np.log(np.where(self.by_factor, value, 1.0)), value)
