"""Doses as the solver takes them: times, where they land, and amounts in the units of the states."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from opsonin.errors import RegimenError


@dataclass(frozen=True)
class Schedule:
    """Doses of n patients at K times.

    times: days.   administration: index into the model's administrations.   amounts: in the species' unit, what
    arrives after the bioavailable fraction; 0 means that this patient does not get this dose.   durations: days of
    infusion, 0 for a bolus.
    """

    times: Float[np.ndarray, " dose"]
    administration: Int[np.ndarray, " dose"]
    amounts: Float[np.ndarray, "patient dose"]
    durations: Float[np.ndarray, " dose"]

    def __post_init__(self) -> None:
        doses = len(self.times)
        if len(self.administration) != doses or len(self.durations) != doses or self.amounts.shape[1:] != (doses,):
            raise RegimenError(
                f"Schedule: {doses} times, {len(self.administration)} administrations, {len(self.durations)} durations "
                f"and amounts of shape {self.amounts.shape}; give one of each a dose, amounts as (patient, dose)."
            )
        if not (np.isfinite(self.times).all() and np.isfinite(self.durations).all()):
            raise RegimenError("Schedule: a dose's time or duration is not a number.")
        if doses and self.durations.min() < 0:
            raise RegimenError(f"Schedule: an infusion lasts {self.durations.min()} days; durations are 0 or more.")
        wrong = ~(np.isfinite(self.amounts) & (self.amounts >= 0))
        if wrong.any():
            patient, dose = (int(n) for n in np.argwhere(wrong)[0])
            raise RegimenError(
                f"Schedule: the dose of patient row {patient} at day {self.times[dose]:g} is "
                f"{self.amounts[patient, dose]}; amounts are finite and 0 or more."
            )

    @classmethod
    def empty(cls, patients: int) -> Schedule:
        """No dose at all, for n patients."""
        return cls(np.zeros(0), np.zeros(0, dtype=np.int64), np.zeros((patients, 0)), np.zeros(0))

    @property
    def patients(self) -> int:
        return self.amounts.shape[0]

    def rows(self, which: Int[np.ndarray, " chosen"] | Bool[np.ndarray, " patient"]) -> Schedule:
        """The schedule of some patients: row numbers or a mask."""
        return replace(self, amounts=np.ascontiguousarray(self.amounts[which]))

    def stopped(self, from_day: Float[np.ndarray, " patient"]) -> Schedule:
        """Without the doses that begin on a patient's day or after it (inf: all are given)."""
        return replace(self, amounts=np.where(self.times[None, :] < from_day[:, None], self.amounts, 0.0))

    def merged(self, other: Schedule) -> Schedule:
        """The doses of both, in order of time."""
        times = np.concatenate([self.times, other.times])
        order = np.argsort(times, kind="stable")
        return Schedule(
            times[order],
            np.concatenate([self.administration, other.administration])[order],
            np.ascontiguousarray(np.concatenate([self.amounts, other.amounts], axis=1)[:, order]),
            np.concatenate([self.durations, other.durations])[order],
        )
