"""Covariates in time: series of each patient for a model's inputs, and the pieces in which a solver takes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from opsonin.errors import SimulationError


@dataclass(frozen=True)
class InputSeries:
    """Values of one input of the model, for all patients alike or for each.

    times: days, increasing: (K,) where all have the same, else (n, K).   values: in the input's unit, (K,) where all
    have the same, else (n, K). A patient with fewer than K times has inf in the rest of the row.
    Between and outside the times, the input's own `interpolation` counts (see `opsonin.model.Input`).
    Raises: SimulationError naming input, patient row and day.
    """

    name: str
    times: Float[np.ndarray, "... knot"]
    values: Float[np.ndarray, "... knot"]

    def __post_init__(self) -> None:
        shapes = {array.shape for array in (self.times, self.values) if array.ndim == 2}
        last = {array.shape[-1] for array in (self.times, self.values)}
        if self.times.ndim not in (1, 2) or self.values.ndim not in (1, 2) or len(last) > 1 or len(shapes) > 1:
            raise SimulationError(
                f"input {self.name!r} has times of shape {self.times.shape} and values of shape {self.values.shape}; "
                "give (knot,) or (patient, knot) for each, with as many knots in both."
            )
        times, values = (np.atleast_2d(array) for array in (self.times, self.values))
        held = np.isfinite(times)
        wrong = np.isnan(times) | np.isneginf(times)
        wrong[:, 1:] |= (times[:, 1:] <= times[:, :-1]) & ~np.isposinf(times[:, 1:])
        if wrong.any():
            row, knot = (int(n) for n in np.argwhere(wrong)[0])
            raise SimulationError(
                f"input {self.name!r}, patient row {row}: time {knot + 1} of its series is day {times[row, knot]:g}; "
                "days are finite and increase, with inf only at the end of a row."
            )
        wrong = held & ~np.isfinite(values)
        if wrong.any():
            row, knot = (int(n) for n in np.argwhere(wrong)[0])
            day = np.broadcast_to(times, wrong.shape)[row, knot]
            value = np.broadcast_to(values, wrong.shape)[row, knot]
            raise SimulationError(
                f"input {self.name!r} is {value:g} for patient row {row} on day {day:g}; give a finite number, or "
                "leave the day out."
            )

    @property
    def patients(self) -> int | None:
        """How many patients it has rows for; None where it is the same for all."""
        sizes = [len(array) for array in (self.times, self.values) if array.ndim == 2]
        return sizes[0] if sizes else None

    def rows(self, which: Int[np.ndarray, " chosen"] | Bool[np.ndarray, " patient"] | slice) -> InputSeries:
        """The series of some patients: row numbers, a mask or a slice."""
        times, values = (array[which] if array.ndim == 2 else array for array in (self.times, self.values))
        return replace(self, times=times, values=values)

    def of(self, row: int) -> tuple[Float[np.ndarray, " knot"], Float[np.ndarray, " knot"]]:
        """Days and values of one patient."""
        times, values = (array[row] if array.ndim == 2 else array for array in (self.times, self.values))
        held = np.isfinite(times)
        return times[held], values[held]


class Pieces(NamedTuple):
    """Inputs as a solver takes them: between two breaks each is a line. One row a patient, or one row for all.

    breaks: days, increasing, padded with inf.   value, slope: (row, piece, input) at the beginning of each piece and a
    day; piece 0 is before the first break, piece b begins at break b − 1.
    """

    breaks: Float[np.ndarray, "row break"]
    value: Float[np.ndarray, "row piece input"]
    slope: Float[np.ndarray, "row piece input"]


def checked_inputs(symbolic: Any, inputs: Sequence[InputSeries], patients: int) -> tuple[InputSeries, ...]:
    """The series in the order given.

    Raises: SimulationError for one that is for no input of the model, for one given already, or for other patients.
    """
    known = [given.name for given in symbolic.inputs]
    for number, series in enumerate(inputs):
        if series.name not in known:
            near = get_close_matches(series.name, known, n=1, cutoff=0.6)
            hint = f"did you mean {near[0]!r}?" if near else f"its inputs: {', '.join(known) or 'none'}."
            raise SimulationError(f"a series is given for {series.name!r}, which is no input of the model; {hint}")
        if series.name in [other.name for other in inputs[:number]]:
            raise SimulationError(f"two series are given for input {series.name!r}; give one.")
        if series.patients not in (None, patients):
            raise SimulationError(
                f"input {series.name!r} has series of {series.patients} patients, constants are of {patients}."
            )
    return tuple(inputs)


def pieces(symbolic: Any, inputs: Sequence[InputSeries]) -> Pieces:
    """The inputs of a model between their breaks, for all patients at once."""
    given = {series.name: series for series in inputs}
    sizes = {series.patients for series in inputs if series.patients is not None}
    rows = sizes.pop() if sizes else 1
    moments = [np.broadcast_to(series.times, (rows, series.times.shape[-1])) for series in inputs]
    breaks = np.sort(np.concatenate([np.empty((rows, 0)), *moments], axis=1), axis=1)
    breaks[:, 1:][breaks[:, 1:] == breaks[:, :-1]] = np.inf
    breaks = np.sort(breaks, axis=1)
    breaks = breaks[:, : int(np.isfinite(breaks).sum(axis=1).max())]
    value = np.empty((rows, breaks.shape[1] + 1, len(symbolic.inputs)))
    slope = np.zeros_like(value)
    for k, asked in enumerate(symbolic.inputs):
        value[:, :, k] = asked.default
        if asked.name in given:
            value[:, :, k], slope[:, :, k] = _lines(given[asked.name], breaks, asked)
    return Pieces(breaks, value, slope)


def _lines(series: InputSeries, breaks: np.ndarray, asked: Any) -> tuple[np.ndarray, np.ndarray]:
    """Value and slope (row, piece) of one series in every piece between the breaks, which hold all its days."""
    shape = (len(breaks), series.times.shape[-1])
    times, values = np.broadcast_to(series.times, shape), np.broadcast_to(series.values, shape)
    last = np.isfinite(times).sum(axis=1, keepdims=True) - 1  # -1 where a patient has no series
    begin = np.concatenate([np.full((len(breaks), 1), -np.inf), breaks], axis=1)  # of each piece
    reached = np.zeros(begin.shape, dtype=np.int64)  # days of the series at or before it
    for knot in range(shape[1]):
        reached += times[:, [knot]] <= begin
    if asked.interpolation == "previous":
        held = np.take_along_axis(values, np.maximum(reached - 1, 0), axis=1)
        return np.where(reached == 0, asked.default, held), np.zeros(begin.shape)
    left = np.clip(reached - 1, 0, np.maximum(last, 0))
    right = np.clip(reached, 0, np.maximum(last, 0))
    inside = (reached > 0) & (right > left) & np.isfinite(begin)
    x0, x1 = np.take_along_axis(times, left, axis=1), np.take_along_axis(times, right, axis=1)
    v0, v1 = np.take_along_axis(values, left, axis=1), np.take_along_axis(values, right, axis=1)
    with np.errstate(invalid="ignore"):  # infinite days at the end of shorter rows, masked below
        slope = np.where(inside, (v1 - v0) / np.where(inside, x1 - x0, 1.0), 0.0)
        along = np.where(inside, slope * (begin - x0), 0.0)
    return np.where(last < 0, asked.default, v0 + along), slope


def inputs_at(symbolic: Any, inputs: Sequence[InputSeries], times: np.ndarray) -> dict[str, np.ndarray]:
    """The values (patient or 1, time) of the given series at times (T,), as `model.observe` takes them."""
    from opsonin.model.series import series_values

    asked = {each.name: each for each in symbolic.inputs}
    return {
        series.name: np.stack(
            [
                series_values(asked[series.name].interpolation, asked[series.name].default, *series.of(row), times)
                for row in range(series.patients or 1)
            ]
        )
        for series in inputs
    }
