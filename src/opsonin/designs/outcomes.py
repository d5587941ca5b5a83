"""The one thing every design looks at: doses given and what was seen, with a short text form."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from opsonin.errors import DesignError

_PATIENT = re.compile(r"([NTEB])(?:g([0-5]))?(?:@(\d+(?:\.\d+)?)d)?")
_COHORT = re.compile(r"\+?([1-9]\d{0,3})(?:[x×]([1-9]\d{0,3}))?((?:[NTEB](?:g[0-5])?(?:@\d+(?:\.\d+)?d)?)+)")
_LETTERS = {(False, False): "N", (True, False): "T", (False, True): "E", (True, True): "B"}


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Doses given and what was seen, one entry per evaluable patient in order of treatment.

    level: dose level, 1 is the lowest; of a combination the number of its cell, row by row.
    dlt: dose-limiting toxicity within the window, or so far.
    cohort: the cohort each patient belongs to, any integers; None takes each run of one level as a cohort.
    efficacy: response; None where it is not looked at.   followed_days: how long so far, inf for the whole window;
    None where everybody has been followed to its end.   grade: of the worst toxicity, -1 unknown; None if not used.
    immune: the immune endpoint, NaN where it is not known; None if not used.   columns: of the grid of a combination.
    backfill: who was treated beside the cohorts by which the dose is found; None: nobody.
    """

    level: Int[np.ndarray, " patient"]
    dlt: Bool[np.ndarray, " _patient"]
    cohort: Int[np.ndarray, " _patient"] | None = None
    efficacy: Bool[np.ndarray, " _patient"] | None = None
    followed_days: Float[np.ndarray, " _patient"] | None = None
    grade: Int[np.ndarray, " _patient"] | None = None
    immune: Float[np.ndarray, " _patient"] | None = None
    columns: int | None = None
    backfill: Bool[np.ndarray, " _patient"] | None = None

    def __post_init__(self) -> None:
        for name in ("dlt", "cohort", "efficacy", "followed_days", "grade", "immune", "backfill"):
            array = getattr(self, name)  # their axes are marked "_" above, so that this message is the one seen
            if array is not None and array.shape != self.level.shape:
                raise DesignError(
                    f"outcomes: level has shape {self.level.shape} but {name} has {array.shape}; give one entry per "
                    "patient in each."
                )
        if self.level.size and self.level.min() < 1:
            raise DesignError(f"outcomes: a patient is at level {self.level.min()}; levels count from 1.")
        if self.followed_days is not None and not np.all(self.followed_days >= 0):
            raise DesignError("outcomes: days of follow-up are 0 or more.")

    def __len__(self) -> int:
        return int(self.level.size)

    @property
    def text(self) -> str:
        """The short form, "1NNN 2NTN": per cohort its level, then a letter for each patient (see `parse_outcomes`)."""
        words: list[str] = []
        previous = None
        cohorts, beside = self.cohorts.tolist(), self.beside.tolist()
        for place, (level, cohort) in enumerate(zip(self.level.tolist(), cohorts, strict=True)):
            if (level, cohort, beside[place]) != previous:
                words.append(("+" if beside[place] else "") + self._dose(level))
                previous = (level, cohort, beside[place])
            words[-1] += self._patient(place)
        return " ".join(words)

    @property
    def cohorts(self) -> Int[np.ndarray, " patient"]:
        """The cohort of each patient; runs of one level where none are given."""
        return self.level if self.cohort is None else self.cohort

    @property
    def beside(self) -> Bool[np.ndarray, " patient"]:
        """Who was treated on backfill, beside the cohorts."""
        return np.zeros(len(self), dtype=bool) if self.backfill is None else self.backfill

    def _dose(self, level: int) -> str:
        if self.columns is None:
            return str(level)
        return f"{(level - 1) // self.columns + 1}x{(level - 1) % self.columns + 1}"

    def _patient(self, place: int) -> str:
        letter = _LETTERS[bool(self.dlt[place]), self.efficacy is not None and bool(self.efficacy[place])]
        if self.grade is not None and self.grade[place] >= 0:
            letter += f"g{int(self.grade[place])}"
        if self.followed_days is not None and np.isfinite(self.followed_days[place]):
            letter += f"@{float(self.followed_days[place]):g}d"
        return letter

    def counts(self, levels: int) -> tuple[Int[np.ndarray, " level"], Int[np.ndarray, " level"]]:
        """Patients and DLTs at each of `levels` levels.

        Raises: DesignError where a patient was treated above the highest level.
        """
        self.check(levels)
        return self.count(levels), self.count(levels, self.dlt)

    def check(self, levels: int) -> None:
        """Raises: DesignError where a patient was treated above the highest level."""
        if self.level.size and self.level.max() > levels:
            raise DesignError(
                f"outcomes {self.text!r} hold level {self._dose(int(self.level.max()))}, but the design has {levels} "
                "levels; give the design all levels of the protocol."
            )

    def count(self, levels: int, which: Bool[np.ndarray, " patient"] | None = None) -> Int[np.ndarray, " level"]:
        """How many patients there are at each level, of all or of some."""
        return np.bincount((self.level if which is None else self.level[which]) - 1, minlength=levels)


def parse_outcomes(text: str, columns: int | None = None) -> Outcomes:
    """Read cohorts such as "1NNN 2NTN": a dose level, then a letter for each patient.

    N: neither toxicity nor response, T: DLT, E: response, B: both. A letter may be followed by the worst grade ("Ng2")
    and by the days of follow-up so far ("N@14d"; none: the whole window). The level of a combination is "2x3", row and
    column of a grid with so many `columns`. "+1NT" are patients treated on backfill, beside the cohorts.
    Raises: DesignError, naming the cohort and the accepted form.
    Source: the phase I notation of Brock (2019), arXiv:1907.00161; with efficacy, Brock et al. (2017), BMC Med Res
    Methodol 17:112.
    """
    level, patients, cohort, beside = [], [], [], []
    for number, word in enumerate(text.split(), start=1):
        match = _COHORT.fullmatch(word)
        if match is None:
            raise DesignError(
                f"cohort {number} of {text!r} is {word!r}; expected a dose level and one letter per patient (N, T; "
                "with efficacy also E, B), such as '2NTN', '1NTEB' or, with days of follow-up, '2NN@14d'."
            )
        found = _PATIENT.findall(match[3])
        level += [_cell(number, text, match, columns)] * len(found)
        patients += found
        cohort += [number] * len(found)
        beside += [word.startswith("+")] * len(found)
    made = _from_letters(level, patients, cohort, columns)
    return replace(made, backfill=np.array(beside, dtype=bool)) if any(beside) else made


def _cell(number: int, text: str, match: re.Match[str], columns: int | None) -> int:
    if match[2] is None:
        return int(match[1])
    if columns is None or int(match[2]) > columns:
        there = (
            "one drug, whose levels are single numbers" if columns is None else f"{columns} levels of its second drug"
        )
        raise DesignError(f"cohort {number} of {text!r} is at {match[1]}x{match[2]}, but the design has {there}.")
    return (int(match[1]) - 1) * columns + int(match[2])


def _from_letters(
    level: list[int], patients: Sequence[tuple[str, str, str]], cohort: list[int], columns: int | None
) -> Outcomes:
    letters = [letter for letter, *_ in patients]
    some: dict[str, Any] = {}
    if any(letter in "EB" for letter in letters):
        some["efficacy"] = np.array([letter in "EB" for letter in letters], dtype=bool)
    if any(grade for _, grade, _ in patients):
        some["grade"] = np.array([int(grade) if grade else -1 for _, grade, _ in patients], dtype=np.int64)
    if any(days for *_, days in patients):
        some["followed_days"] = np.array([float(days) if days else np.inf for *_, days in patients])
    return Outcomes(
        np.array(level, dtype=np.int64),
        np.array([letter in "TB" for letter in letters], dtype=bool),
        np.array(cohort, dtype=np.int64),
        columns=columns,
        **some,
    )


def outcomes(level: Iterable[int], dlt: Iterable[bool], cohort: Iterable[int] | None = None) -> Outcomes:
    """Outcomes from any sequences."""
    made = None if cohort is None else np.array(list(cohort), dtype=np.int64)
    return Outcomes(np.array(list(level), dtype=np.int64), np.array(list(dlt), dtype=bool), made)
