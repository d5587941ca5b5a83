"""Moments at which a patient's state is set: resets, and steady states of imagined trains of earlier doses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from opsonin.errors import RegimenError

RESET, STEADY, ADDED = 0, 1, 2


@dataclass(frozen=True)
class Marks:
    """Up to M marks of each of n patients.

    times: days; inf where a patient has fewer.
    kinds: RESET puts every species at its initial value (cumulative hazards go on). STEADY puts them at the steady
    state of a train of doses that began long ago; ADDED adds that steady state to what is there.
    The train: administration; amounts of each dose, in the species' unit, as they arrive; durations of their infusion
    (days, 0 for a bolus); intervals between them (days); elapsed since the last of them arrived (days).
    An interval of 0 is an infusion that has always run: amounts holds its rate, per day. Where the amount is 0 it is
    the steady state of the patient without doses.
    elapsed below 0 asks for the profile continued backwards from the next arrival, as NONMEM does where a lag is
    longer than the interval: linear models only.
    settling: the species that are brought to their steady state; where None all that anything depends on.
    """

    times: Float[np.ndarray, "patient mark"]
    kinds: Int[np.ndarray, "patient mark"]
    administration: Int[np.ndarray, "patient mark"]
    amounts: Float[np.ndarray, "patient mark"]
    durations: Float[np.ndarray, "patient mark"]
    intervals: Float[np.ndarray, "patient mark"]
    elapsed: Float[np.ndarray, "patient mark"]
    settling: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if len({array.shape for array in self.arrays()}) != 1:
            shapes = ", ".join(str(array.shape) for array in self.arrays())
            raise RegimenError(f"Marks: arrays of shapes {shapes}; give one of each a mark, as (patient, mark).")
        for name in ("amounts", "durations", "intervals"):
            values = getattr(self, name)
            if not (np.isfinite(values) & (values >= 0)).all():
                raise RegimenError(f"Marks: {name} are finite and 0 or more.")
        if np.isnan(self.times).any() or not np.isfinite(self.elapsed).all():
            raise RegimenError("Marks: a time is not a number.")

    @classmethod
    def none(cls, patients: int) -> Marks:
        """No mark at all, for n patients."""
        nothing = np.zeros((patients, 0))
        whole = nothing.astype(np.int64)
        return cls(nothing, whole, whole, nothing, nothing, nothing, nothing)

    def arrays(self) -> list[np.ndarray]:
        """All (patient, mark) arrays, in the order of the fields."""
        return [getattr(self, field.name) for field in fields(self) if field.name != "settling"]

    def __len__(self) -> int:
        return self.times.shape[1]

    def rows(self, which: Int[np.ndarray, " chosen"] | Bool[np.ndarray, " patient"]) -> Marks:
        """The marks of some patients."""
        return Marks(*(array[which] for array in self.arrays()), settling=self.settling)

    def kept(self, which: Bool[np.ndarray, "patient mark"]) -> Marks:
        """Without the marks for which `which` is false."""
        return replace(self, times=np.where(which, self.times, np.inf)).sorted()

    def merged(self, other: Marks) -> Marks:
        """The marks of both, in order of time."""
        if len(self) and len(other) and self.settling != other.settling:
            raise RegimenError("two schedules name different species to settle; give both the same `settling`.")
        both = [np.concatenate(pair, axis=1) for pair in zip(self.arrays(), other.arrays(), strict=True)]
        settling = self.settling if len(self) else other.settling
        return Marks(*both, settling=settling).sorted()

    def sorted(self) -> Marks:
        """In order of time, without the columns that no patient uses."""
        order = np.argsort(self.times, axis=1, kind="stable")
        used = int(np.isfinite(self.times).sum(axis=1).max(initial=0))
        kept = [np.take_along_axis(array, order, axis=1)[:, :used] for array in self.arrays()]
        return Marks(*kept, settling=self.settling)


def marks_of(patients: int, rows: Sequence[tuple[int, Sequence[float | int]]], settling: Sequence[str] | None) -> Marks:
    """Marks from (patient, the values of `Marks.arrays` in order), in any order."""
    counts = np.bincount([patient for patient, _ in rows], minlength=patients) if rows else np.zeros(patients, int)
    shape = (patients, int(counts.max(initial=0)))
    filled = [np.full(shape, np.inf), *(np.zeros(shape, dtype=np.int64) for _ in range(2))]
    filled += [np.zeros(shape) for _ in range(4)]
    following = np.zeros(patients, dtype=np.int64)
    for patient, values in rows:
        for array, value in zip(filled, values, strict=True):
            array[patient, following[patient]] = value
        following[patient] += 1
    return Marks(*filled, settling=None if settling is None else tuple(settling)).sorted()
