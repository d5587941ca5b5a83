"""The one thing every design looks at: doses given and toxicities seen, with a short text form."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from opsonin.errors import DesignError


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Doses given and toxicities seen, one entry per evaluable patient in order of treatment.

    level: dose level, 1 is the lowest.   dlt: dose-limiting toxicity within the window.
    cohort: the cohort each patient belongs to, any integers; None takes each run of one level as a cohort.
    """

    level: Int[np.ndarray, " patient"]
    dlt: Bool[np.ndarray, " _patient"]
    cohort: Int[np.ndarray, " _patient"] | None = None

    def __post_init__(self) -> None:
        if self.level.shape != self.dlt.shape:  # the axis is marked "_" above, so that this message is the one seen
            raise DesignError(
                f"outcomes: level has shape {self.level.shape} but dlt has {self.dlt.shape}; give one entry per "
                "patient in each."
            )
        if self.level.size and self.level.min() < 1:
            raise DesignError(f"outcomes: a patient is at level {self.level.min()}; levels count from 1.")

    def __len__(self) -> int:
        return int(self.level.size)

    @property
    def text(self) -> str:
        """The short form, "1NNN 2NTN": per cohort its level, then T (DLT) or N for each patient."""
        words: list[str] = []
        previous = None
        cohorts = self.level if self.cohort is None else self.cohort
        for level, dlt, cohort in zip(self.level.tolist(), self.dlt.tolist(), cohorts.tolist(), strict=True):
            if (level, cohort) != previous:
                words.append(str(level))
                previous = (level, cohort)
            words[-1] += "T" if dlt else "N"
        return " ".join(words)

    def counts(self, levels: int) -> tuple[Int[np.ndarray, " level"], Int[np.ndarray, " level"]]:
        """Patients and DLTs at each of `levels` levels.

        Raises: DesignError where a patient was treated above the highest level.
        """
        if self.level.size and self.level.max() > levels:
            raise DesignError(
                f"outcomes {self.text!r} hold level {self.level.max()}, but the design has {levels} levels; "
                "give the design all levels of the protocol."
            )
        patients = np.bincount(self.level - 1, minlength=levels)
        toxic = np.bincount(self.level[self.dlt] - 1, minlength=levels)
        return patients, toxic


def parse_outcomes(text: str) -> Outcomes:
    """Read cohorts such as "1NNN 2NTN": a dose level, then T (DLT) or N for each patient.

    Raises: DesignError, naming the cohort and the accepted form.
    Source: the phase I notation of Brock (2019), arXiv:1907.00161.
    """
    level, dlt, cohort = [], [], []
    for number, word in enumerate(text.split(), start=1):
        match = re.fullmatch(r"([1-9]\d*)([TN]+)", word)
        if match is None:
            raise DesignError(
                f"cohort {number} of {text!r} is {word!r}; expected a dose level and one T or N per patient, "
                "such as '2NTN'."
            )
        level += [int(match[1])] * len(match[2])
        dlt += [letter == "T" for letter in match[2]]
        cohort += [number] * len(match[2])
    return outcomes(level, dlt, cohort)


def outcomes(level: Iterable[int], dlt: Iterable[bool], cohort: Iterable[int] | None = None) -> Outcomes:
    """Outcomes from any sequences."""
    made = None if cohort is None else np.array(list(cohort), dtype=np.int64)
    return Outcomes(np.array(list(level), dtype=np.int64), np.array(list(dlt), dtype=bool), made)
