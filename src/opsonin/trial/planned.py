"""The doses of a block of patients if nothing changes them: one amount a treatment, and the days it is repeated on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int


class Treated(NamedTuple):
    """One treatment.   dose: numbers of its doses in the plan's list;   taken: their days;
    once: the schedule of a single dose on day 0."""

    dose: Int[np.ndarray, " repeat"]
    taken: Float[np.ndarray, " repeat"]
    once: Any


class PlannedDoses:
    """All planned doses, a column each, in order of time; what is the same for every dose of a treatment is kept once.

    dose: each column's number in the plan's list.   administration: where it lands.   times: of arrival, durations,
    lags (None: none), (column,) or (patient, column) where patients differ.
    """

    def __init__(self, treated: Sequence[Treated], patients: int):
        treatment = np.repeat(np.arange(len(treated)), [len(one.dose) for one in treated])
        dose = np.concatenate([one.dose for one in treated]) if treated else np.zeros(0, dtype=np.int64)
        taken = np.concatenate([one.taken for one in treated]) if treated else np.zeros(0)
        lag = _side_by_side([one.once.times for one in treated])
        times = taken + lag[..., treatment]
        first = times if times.ndim == 1 else times.min(axis=0, initial=np.inf)
        order = np.argsort(first, kind="stable")
        self._of = treatment[order]
        self._once = np.concatenate([np.zeros((patients, 0)), *(one.once.amounts for one in treated)], axis=1)
        self.dose = dose[order]
        self.times = np.ascontiguousarray(times[..., order])
        self.durations = _side_by_side([one.once.durations for one in treated])[..., self._of]
        self.lags = lag[..., self._of] if lag.any() else None
        places = [int(one.once.administration[0]) for one in treated]
        self.administration = np.array(places, dtype=np.int64)[self._of]

    def amounts(
        self, rows: Int[np.ndarray, " chosen"], columns: Int[np.ndarray, " column"]
    ) -> Float[np.ndarray, "chosen column"]:
        """What arrives of these doses in these patients, in the units of the model's states."""
        return np.take(self._once[rows], self._of[columns], axis=1)


def _side_by_side(parts: list[np.ndarray]) -> np.ndarray:
    """(treatment,), or (patient, treatment) where patients differ in one of them."""
    if not parts:
        return np.zeros(0)
    if all(part.ndim == 1 for part in parts):
        return np.concatenate(parts)
    patients = next(len(part) for part in parts if part.ndim == 2)
    return np.concatenate([np.broadcast_to(part, (patients, 1)) for part in parts], axis=1)
