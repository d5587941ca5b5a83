"""Values of inputs in time, from series of one patient: the one definition that every path follows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from opsonin.errors import ModelError
from opsonin.model.trace import unknown

if TYPE_CHECKING:
    from opsonin.model.symbolic import SymbolicModel

Series = tuple[Float[np.ndarray, " knot"], Float[np.ndarray, " knot"]]  # increasing days, values; padded with inf days


def series_values(
    interpolation: str, default: float, knots: np.ndarray, values: np.ndarray, moments: np.ndarray
) -> np.ndarray:
    """The input at each of the moments.

    "previous": the value of the last knot at or before the moment, `default` before the first. "linear": on the line
    between the knots around it, flat outside them. Without knots: `default`.
    """
    held = np.isfinite(knots)
    knots, values = knots[held], values[held]
    if not len(knots):
        return np.full(np.shape(moments), float(default))
    if interpolation == "linear":
        return np.interp(moments, knots, values)
    place = np.searchsorted(knots, moments, side="right") - 1
    return np.where(place < 0, default, values[np.maximum(place, 0)])


class InputsOfPatient:
    """All inputs of a model for one patient: `values(t)`, `slopes(t)`, and the days on which one bends or steps."""

    def __init__(self, symbolic: SymbolicModel, series: Mapping[str, Series] | None) -> None:
        known = {given.name: given for given in symbolic.inputs}
        self.inputs = symbolic.inputs
        self.series: dict[str, Series] = {}
        for name, (times, values) in (series or {}).items():
            if name not in known:
                raise ModelError(f"a series is given for input {name!r}, {unknown(name, known)}")
            self.series[name] = _checked(name, np.asarray(times, float), np.asarray(values, float))

    @property
    def knots(self) -> list[float]:
        """Days on which any series has a value, increasing."""
        return sorted({float(day) for times, _ in self.series.values() for day in times})

    def values(self, moment: float) -> np.ndarray:
        """Each input at the moment; a step that falls on it is done."""
        empty = (np.zeros(0), np.zeros(0))
        return np.array(
            [
                series_values(
                    given.interpolation, given.default, *self.series.get(given.name, empty), np.array([moment])
                )[0]
                for given in self.inputs
            ],
            dtype=float,
        )

    def slopes(self, begin: float, end: float) -> np.ndarray:
        """The change of each input a day between two moments with no knot between them."""
        linear = np.array([given.interpolation == "linear" for given in self.inputs], dtype=bool)
        return np.where(linear, (self.values(end) - self.values(begin)) / (end - begin), 0.0)


def input_columns(symbolic: SymbolicModel, given: Mapping[str, Any] | None, shape: tuple[int, int]) -> list[np.ndarray]:
    """The values (patient, time) of each input of the model: those given, else its default.

    Raises: ModelError for a name that is no input, or values of another shape.
    """
    known = {each.name: each for each in symbolic.inputs}
    for name, values in (given or {}).items():
        if name not in known:
            raise ModelError(f"values are given for input {name!r}, {unknown(name, known)}")
        try:
            np.broadcast_to(values, shape)
        except ValueError:
            raise ModelError(
                f"input {name!r} has values of shape {np.shape(values)}; expected (patient, time) = {shape}."
            ) from None
    return [np.broadcast_to((given or {}).get(each.name, each.default), shape) for each in symbolic.inputs]


def _checked(name: str, times: np.ndarray, values: np.ndarray) -> Series:
    """Raises: ModelError for times that do not increase and values that are no numbers, naming the day."""
    if times.ndim != 1 or times.shape != values.shape:
        raise ModelError(
            f"input {name!r}: a patient's times and values are rows of one length; these have shapes {times.shape} "
            f"and {values.shape}."
        )
    held = ~np.isposinf(times)
    times, values = times[held], values[held]
    if not np.isfinite(times).all() or np.any(np.diff(times) <= 0):
        raise ModelError(f"input {name!r}: its times must be finite and increase.")
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        raise ModelError(f"input {name!r} is {values[wrong[0]]} on day {times[wrong[0]]:g}; give a finite number.")
    return times, values
