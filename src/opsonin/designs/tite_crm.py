"""TITE-CRM: the CRM for late toxicity; a patient without a DLT so far counts by a weight that grows with follow-up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float, Int

from opsonin.designs.crm import TWO, Crm, Nodes
from opsonin.designs.evidence import FOLLOW_UP, PATIENTS, Evidence, Patients
from opsonin.errors import DesignError

SCHEMES = ("linear", "adaptive")


@dataclass(frozen=True)
class TiteCrm(Crm):
    """The time-to-event CRM: a patient without a DLT so far contributes 1 - w · rate to the likelihood.

    window_days: of the DLT.   scheme: how w grows from 0 to 1: "linear" with follow-up, or "adaptive", by the times of
    the DLTs seen so far.
    Source: Cheung & Chappell (2000), Biometrics 56:1177, doi:10.1111/j.0006-341X.2000.01177.x, sections 2 and 5.
    """

    window_days: float = 28.0
    scheme: str = "linear"
    needs: ClassVar[frozenset[str]] = frozenset({FOLLOW_UP, PATIENTS})

    def describe(self) -> str:
        return (
            f"TITE-{super().describe()} Patients in their window of {self.window_days:g} days count for what has been "
            "followed."
        )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.model == TWO:
            raise DesignError(f"the TITE-CRM has one parameter; the model {TWO!r} is the CRM's.")
        if not self.window_days > 0:
            raise DesignError(f"the DLT window has {self.window_days:g} days; give a number above 0.")
        if self.scheme not in SCHEMES:
            raise DesignError(f"the weights {self.scheme!r} are unknown; use {' or '.join(SCHEMES)}.")

    @property
    def name(self) -> str:
        return "tite-crm"

    def weights(self, people: Patients) -> Float[np.ndarray, "trial patient"]:
        """How much of each patient without a DLT counts; 1 for the others."""
        if self.scheme == "linear":
            return people.weight
        made = np.array(people.weight)
        for trial in np.flatnonzero(people.dlt.any(axis=1)):
            time, dlt = people.time[trial], people.dlt[trial]
            support = np.sort(time[dlt])
            corners = np.concatenate([[0.0], support, [1.0]])
            # DLTs by each day, and within a stretch in proportion, over one more than all of them
            passed = np.searchsorted(support, time, side="right")
            width = corners[passed + 1] - corners[passed]
            part = np.divide(time - corners[passed], width, out=np.zeros_like(time), where=width > 0)
            grown = (passed + part) / (len(support) + 1)
            made[trial] = np.where(dlt | (time >= 1), 1.0, grown) * (people.dose[trial] > 0)
        return made

    def _pending(self, seen: Evidence) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Patients who count in part: trial, dose (from 0), weight; and per dose how many there are."""
        assert seen.individuals is not None
        people = seen.individuals
        weight = self.weights(people)
        partly = (people.dose > 0) & ~people.dlt & (weight < 1)
        trial, place = np.nonzero(partly)
        dose = people.dose[trial, place] - 1
        count = np.zeros(seen.patients.shape, dtype=np.int64)
        np.add.at(count, (trial, dose), 1)
        return trial, dose, weight[trial, place], count

    def log_likelihood(self, seen: Evidence, nodes: Nodes) -> Float[np.ndarray, "trial node"]:
        log_rate, log_other = nodes.log_rate, nodes.log_other
        trial, dose, weight, partly = self._pending(seen)
        made = seen.dlt @ log_rate.T + (seen.patients - seen.dlt - partly) @ log_other.T
        if not len(trial):
            return made
        terms = np.log1p(-weight[:, None] * np.exp(log_rate).T[dose])
        first = np.flatnonzero(np.diff(trial, prepend=-1))  # patients stand trial by trial
        made[trial[first]] += np.add.reduceat(terms, first, axis=0)
        return made

    def distinct(self, seen: Evidence) -> tuple[Evidence, Int[np.ndarray, " trial"]]:
        return seen, np.arange(len(seen))

    def _others(self, seen: Evidence, rate: np.ndarray) -> Any:
        """What stands for the number without a DLT in the score: w (1 - rate) / (1 - w rate) of each."""
        trial, dose, weight, partly = self._pending(seen)
        made = (seen.patients - seen.dlt - partly).astype(float)
        here = rate[trial, dose]
        np.add.at(made, (trial, dose), weight * (1 - here) / (1 - weight * here))
        return made
