"""Who was enrolled in replicate trials, and in which order a trial enrols the pool's patients."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from opsonin import random
from opsonin.errors import StudyError


@dataclass(frozen=True, eq=False)
class Enrolment:
    """Who was enrolled where, one entry a patient, sorted by trial and slot (order of enrolment, from 0).

    trial: from 1.   patient: row of the pool.   cohort: from 1, 0 on backfill.   enrolled_day, judged_day: on the
    trial's clock, when the patient came and when it was known whether there was a DLT.
    """

    trial: Int[np.ndarray, " enrolled"]
    slot: Int[np.ndarray, " enrolled"]
    patient: Int[np.ndarray, " enrolled"]
    level: Int[np.ndarray, " enrolled"]
    cohort: Int[np.ndarray, " enrolled"]
    enrolled_day: Float[np.ndarray, " enrolled"]
    judged_day: Float[np.ndarray, " enrolled"]
    dlt: Bool[np.ndarray, " enrolled"]
    evaluable: Bool[np.ndarray, " enrolled"]

    def __len__(self) -> int:
        return len(self.trial)

    def of_trial(self, number: int) -> Int[np.ndarray, " row"]:
        """The rows of one trial."""
        first, last = np.searchsorted(self.trial, [number, number + 1])
        return np.arange(first, last)

    def only(self, number: int) -> Enrolment:
        """The patients of one trial."""
        mine = self.of_trial(number)
        return Enrolment(*(getattr(self, field.name)[mine] for field in fields(self)))


class Order:
    """The order in which each trial would enrol the pool's patients: a weighted draw without replacement."""

    def __init__(self, weights: Float[np.ndarray, " patient"], seed: int, trials: int):
        self.weights, self.seed, self.trials = weights, seed, trials
        self.depth = 0
        self.order: Any = None
        self._draw(min(len(weights), 64))

    def patients(
        self, trial: Int[np.ndarray, " enrolled"], slot: Int[np.ndarray, " enrolled"]
    ) -> Int[np.ndarray, " enrolled"]:
        """The patient in each slot (from 0) of each trial (from 0).

        Raises: StudyError where a trial needs more patients than the pool has.
        """
        deepest = int(slot.max())
        if deepest >= len(self.weights):
            raise StudyError(
                f"a trial needs more than the {len(self.weights)} patients of the pool; make population.pool larger."
            )
        if deepest >= self.depth:
            self._draw(min(len(self.weights), 2 * deepest + 1))
        return self.order[trial, slot]

    def _draw(self, depth: int) -> None:
        trials = np.arange(1, self.trials + 1)
        self.order = random.weighted_order(self.seed, "enrolment", self.weights, trials, depth)
        self.depth = depth
