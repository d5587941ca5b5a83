"""How a parameter differs between patients: a spread turns a median and a standard normal number into a value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from opsonin.errors import ModelError


@dataclass(frozen=True)
class LogNormal:
    """The value is the median; cv is the coefficient of variation of the values themselves.

    The logarithm has the standard deviation sqrt(log(1 + cv²)).
    """

    cv: float | int

    def __post_init__(self) -> None:
        _positive("LogNormal", "cv", self.cv)

    def at(self, median: np.ndarray | float, z: np.ndarray | float) -> np.ndarray:
        """Values at the standard normal numbers `z`; the two arrays broadcast."""
        return np.asarray(median * np.exp(np.sqrt(np.log1p(self.cv**2)) * np.asarray(z)))

    def __str__(self) -> str:
        return f"log-normal, CV {100 * self.cv:.3g} %"


@dataclass(frozen=True)
class Normal:
    """The value is the mean; sd is in the parameter's unit."""

    sd: float | int

    def __post_init__(self) -> None:
        _positive("Normal", "sd", self.sd)

    def at(self, median: np.ndarray | float, z: np.ndarray | float) -> np.ndarray:
        """Values at the standard normal numbers `z`; the two arrays broadcast."""
        return np.asarray(median + self.sd * np.asarray(z))

    def __str__(self) -> str:
        return f"normal, SD {self.sd:.3g}"


@dataclass(frozen=True)
class LogitNormal:
    """For a value in (0, 1), which is the median; sd is the standard deviation of its log odds."""

    sd: float | int

    def __post_init__(self) -> None:
        _positive("LogitNormal", "sd", self.sd)

    def at(self, median: np.ndarray | float, z: np.ndarray | float) -> np.ndarray:
        """Values at the standard normal numbers `z`; the two arrays broadcast."""
        centre = np.asarray(median)
        odds = centre / (1 - centre) * np.exp(self.sd * np.asarray(z))
        return np.asarray(odds / (1 + odds))

    def __str__(self) -> str:
        return f"logit-normal, SD {self.sd:.3g}"


Spread = LogNormal | Normal | LogitNormal


def _positive(spread: str, field: str, value: float) -> None:
    if not (isinstance(value, float | int) and np.isfinite(value) and value > 0):
        raise ModelError(
            f"{spread}({field}={value!r}): {field} must be a positive number, such as 0.3; leave the spread out for "
            "none."
        )
