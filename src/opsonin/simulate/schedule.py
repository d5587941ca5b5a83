"""Doses as the solver takes them: times, where they land, and amounts in the units of the states."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from opsonin.errors import RegimenError
from opsonin.simulate.marks import Marks


@dataclass(frozen=True)
class Schedule:
    """Doses of n patients, K each.

    times: days on which they begin to arrive, (K,) where they are the same for all patients, else (n, K).
    administration: index into the model's administrations.   amounts: in the species' unit, what arrives after the
    bioavailable fraction; 0 means that this patient does not get this dose, and its time may then be inf.
    durations: days of infusion, 0 for a bolus; (K,) or (n, K).
    marks: resets and steady states.   lags: days from taking to arriving, where not 0; (K,) or (n, K).
    """

    times: Float[np.ndarray, "... dose"]
    administration: Int[np.ndarray, " dose"]
    amounts: Float[np.ndarray, "patient dose"]
    durations: Float[np.ndarray, "... dose"]
    marks: Marks | None = None
    lags: Float[np.ndarray, "... dose"] | None = None

    def __post_init__(self) -> None:
        shapes = ((self.amounts.shape[1],), self.amounts.shape)
        given = [self.times, self.durations] + ([] if self.lags is None else [self.lags])
        if self.administration.shape != shapes[0] or any(array.shape not in shapes for array in given):
            raise RegimenError(
                f"Schedule: times of shape {self.times.shape}, {len(self.administration)} administrations, durations "
                f"of shape {self.durations.shape} and amounts of shape {self.amounts.shape}; give amounts as "
                "(patient, dose), the others one a dose, times and durations also as (patient, dose)."
            )
        if self.administration.size and (self.administration.dtype.kind not in "iu" or self.administration.min() < 0):
            raise RegimenError(
                f"Schedule: administrations are {self.administration.tolist()[:5]}…; each is a whole number from 0 on, "
                "the place of an entry in the model's administrations."
            )
        wrong = ~(np.isfinite(self.amounts) & (self.amounts >= 0))
        if wrong.any():
            patient, dose = (int(n) for n in np.argwhere(wrong)[0])
            raise RegimenError(
                f"Schedule: the dose of patient row {patient} at day {self.taken_at(patient, dose):g} is "
                f"{self.amounts[patient, dose]}; amounts are finite and 0 or more."
            )
        unknown = ~np.isfinite(self.times) | ~np.isfinite(self.durations)
        unknown = np.isnan(self.times) | (unknown & (self.amounts > 0))  # (patient, dose)
        if unknown.any():
            patient, dose = (int(n) for n in np.argwhere(unknown)[0])
            raise RegimenError(
                f"Schedule: dose {dose + 1} of patient row {patient}: its time or duration is not a number; give "
                "finite days, or an amount of 0 where there is no dose."
            )
        if self.durations.size and self.durations.min() < 0:
            raise RegimenError(f"Schedule: an infusion lasts {self.durations.min()} days; durations are 0 or more.")
        if self.marks is not None and len(self.marks.times) != self.patients:
            raise RegimenError(f"Schedule: marks of {len(self.marks.times)} patients, doses of {self.patients}.")

    @classmethod
    def empty(cls, patients: int) -> Schedule:
        """No dose at all, for n patients."""
        return cls(np.zeros(0), np.zeros(0, dtype=np.int64), np.zeros((patients, 0)), np.zeros(0))

    @property
    def patients(self) -> int:
        return self.amounts.shape[0]

    @property
    def shared(self) -> bool:
        """Whether all patients' doses have the same times and durations."""
        return self.times.ndim == 1 and self.durations.ndim == 1

    def taken_at(self, patient: int, dose: int) -> float:
        """The day on which a patient takes a dose: its arrival less the lag."""
        time, lag = (array if array is None or array.ndim == 1 else array[patient] for array in (self.times, self.lags))
        assert time is not None
        return float(time[dose] - (0.0 if lag is None else lag[dose]))

    def rows(self, which: Int[np.ndarray, " chosen"] | Bool[np.ndarray, " patient"]) -> Schedule:
        """The schedule of some patients: row numbers or a mask."""
        chosen = {
            name: np.ascontiguousarray(array[which])
            for name in ("times", "durations", "lags")
            if (array := getattr(self, name)) is not None and array.ndim == 2
        }
        marks = None if self.marks is None else self.marks.rows(which)
        return replace(self, amounts=np.ascontiguousarray(self.amounts[which]), marks=marks, **chosen)

    def stopped(self, from_day: Float[np.ndarray, " patient"]) -> Schedule:
        """Without the doses that are taken on a patient's day or after it (inf: all are given), and without such marks.

        A dose taken before still arrives, however long its lag.
        """
        taken = self.times if self.lags is None else self.times - self.lags
        marks = None if self.marks is None else self.marks.kept(self.marks.times < from_day[:, None])
        return replace(self, amounts=np.where(taken < from_day[:, None], self.amounts, 0.0), marks=marks)

    def merged(self, other: Schedule) -> Schedule:
        """The doses and marks of both, in order of time."""
        return self.beside(other).ordered()

    def beside(self, other: Schedule) -> Schedule:
        """The doses and marks of both, first one's and then the other's."""
        if self.patients != other.patients:
            raise RegimenError(f"schedules of {self.patients} and {other.patients} patients cannot be merged.")
        lags = None
        if self.lags is not None or other.lags is not None:
            lags = _joined(*(np.zeros_like(s.times) if s.lags is None else s.lags for s in (self, other)))
        marks = self.marks if other.marks is None else other.marks
        if self.marks is not None and other.marks is not None:
            marks = self.marks.merged(other.marks)
        return Schedule(
            _joined(self.times, other.times),
            np.concatenate([self.administration, other.administration]),
            np.concatenate([self.amounts, other.amounts], axis=1),
            _joined(self.durations, other.durations),
            marks,
            lags,
        )

    def ordered(self) -> Schedule:
        """Columns by the first time at which any patient has that dose; the solver sorts each patient's events."""
        first = self.times if self.times.ndim == 1 else self.times.min(axis=0, initial=np.inf)
        if not np.any(first[1:] < first[:-1]):
            return self
        order = np.argsort(first, kind="stable")
        return replace(
            self,
            times=np.take(self.times, order, axis=-1),
            administration=self.administration[order],
            amounts=np.take(self.amounts, order, axis=1),  # several times as fast as an index, which makes two copies
            durations=np.take(self.durations, order, axis=-1),
            lags=None if self.lags is None else np.take(self.lags, order, axis=-1),
        )


def _joined(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Side by side; per patient where one of them is."""
    if one.ndim == other.ndim:
        return np.concatenate([one, other], axis=-1)
    patients = len(one if one.ndim == 2 else other)
    return np.concatenate([np.broadcast_to(a, (patients, a.shape[-1])) for a in (one, other)], axis=1)
