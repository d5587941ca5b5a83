"""Designs that decide from patients and DLTs at the current dose by a table: interval designs, and one's own."""

from __future__ import annotations

import abc
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from opsonin.designs.base import Decision, Decisions, Design, decisions
from opsonin.designs.evidence import Evidence
from opsonin.designs.isotonic import isotonic
from opsonin.errors import DesignError

UP, HERE, DOWN = 1, 0, -1
LARGEST = 120  # patients at one dose that a table goes up to
_TINY = 1e-10  # breaks ties of isotonic estimates: below the target the higher dose is nearer, above it the lower one


class DecisionTable(NamedTuple):
    """What to do after `dlt` of `patients` at the current dose: row patients (from 0), column dlt.

    move: UP, HERE or DOWN.   eliminate: whether the dose and all above it are given up.
    """

    move: Int[np.ndarray, "patients dlt"]
    eliminate: Bool[np.ndarray, "patients dlt"]


class TableDesign(Design):
    """A design whose next dose is one step from the current one, as its table says.

    cohort: patients treated together.   A dose that is given up stays so, as nobody is treated there any more.
    """

    target: float
    cohort: int

    @abc.abstractmethod
    def table(self, most: int) -> DecisionTable:
        """The decisions for up to `most` patients at a dose."""

    @cached_property
    def _table(self) -> DecisionTable:
        return self.table(LARGEST)

    def admissible(self, seen: Evidence) -> Bool[np.ndarray, "trial dose"]:
        given_up = self._table.eliminate.take(seen.patients * (LARGEST + 1) + seen.dlt)
        if given_up.any():
            for dose in range(1, given_up.shape[1]):  # few doses: quicker than to accumulate along them
                given_up[:, dose] |= given_up[:, dose - 1]
        return ~given_up

    def decide_many(self, seen: Evidence) -> Decisions:
        _check_size(seen)
        current = seen.current
        allowed = self.admissible(seen)
        last = np.maximum(current, 1)
        move = self._table.move[seen.at("patients", last), seen.at("dlt", last)]
        highest = allowed.sum(axis=1)  # admissible doses are the lowest so many
        level = np.clip(current + move, 1, np.minimum(np.maximum(highest, 1), self.levels))
        level = np.where(current == 0, 1, level)
        return decisions(current, level, self.cohort, ends=(highest == 0) & (current > 0))

    def counted(self, seen: Evidence) -> tuple[np.ndarray, np.ndarray]:
        """Patients and DLTs at each dose as this design counts them, which is what `verdict` is about."""
        return seen.patients, seen.dlt

    def verdict(self, patients: np.ndarray, dlt: np.ndarray) -> Int[np.ndarray, "*shape"]:
        """UP, HERE or DOWN after so many DLTs in so many patients, whatever the doses around."""
        table = self._table
        most = int(patients.max(initial=0))
        if most > LARGEST:
            raise DesignError(f"{most} patients together are more than the {LARGEST} of this design's table.")
        return np.where(table.eliminate[patients, dlt], DOWN, table.move[patients, dlt])

    def tolerated(self, seen: Evidence) -> Bool[np.ndarray, "trial dose"]:
        """Doses from which, and from all below, the patients there would not lead down, alone or with the next dose's.

        Source: Zhao et al. (2024), Clin Cancer Res 30:673, the rule by which doses are closed to backfill.
        """
        patients, dlt = self.counted(seen)
        above = [np.concatenate([table[:, 1:], np.zeros_like(table[:, :1])], axis=1) for table in (patients, dlt)]
        fine = (self.verdict(patients, dlt) != DOWN) | (self.verdict(patients + above[0], dlt + above[1]) != DOWN)
        return np.logical_and.accumulate(fine, axis=1) & self.admissible(seen)

    def select_many(self, seen: Evidence) -> Int[np.ndarray, " trial"]:
        return nearest_to_target(self.rates(seen), self.target)

    def rates(self, seen: Evidence) -> Float[np.ndarray, "trial dose"]:
        """Isotonic DLT rates at the doses tried and not given up; NaN elsewhere.

        Source: Liu & Yuan (2015), J R Stat Soc C 64:507, whose software adds 0.05 to DLTs and 0.1 to patients and
        weights by the inverse variance of a beta distribution.
        """
        there = (seen.patients > 0) & self.admissible(seen)
        dlt, patients = seen.dlt + 0.05, seen.patients + 0.1
        variance = dlt * (patients - dlt) / (patients**2 * (patients + 1))
        return isotonic(dlt / patients, 1 / variance, there)

    def explain(self, seen: Evidence, made: Decision) -> tuple[str, dict[str, Any]]:
        numbers = {"patients": seen.patients[0].tolist(), "dlt": seen.dlt[0].tolist()}
        if not seen.current[0]:
            return f"no patients yet: treat {made.patients} at level {made.level}", numbers
        here = int(seen.current[0])
        treated, toxic = int(seen.patients[0, here - 1]), int(seen.dlt[0, here - 1])
        told = f"{toxic} of {treated} with DLT at level {here} ({toxic / treated:.2f}{self._bounds(treated)})"
        if made.stop:
            return f"{told}: level 1 is too toxic, so no level is the MTD", numbers
        move = int(self._table.move[treated, toxic])
        wanted = {UP: "go up", HERE: "stay", DOWN: "go down"}[move]
        allowed = int(self.admissible(seen)[0].sum())
        held = ""
        if made.level == here and move == UP:
            held = f", but level {here + 1} was too toxic" if allowed < self.levels and here == allowed else ""
            held = held or ", but this is the highest level"
        elif made.level == here and move == DOWN:
            held = ", but this is the lowest level"
        elif allowed < here:
            wanted = f"too toxic: not used again; go down to level {made.level}"
        return f"{told}: {wanted}{held}", numbers

    def _bounds(self, patients: int) -> str:
        """The bounds a rate is held against, in words for a reason; none for a table without such bounds."""
        return ""


def overdose_probability(
    patients: Float[np.ndarray, "*shape"] | Int[np.ndarray, "*shape"],
    dlt: Float[np.ndarray, "*shape"] | Int[np.ndarray, "*shape"],
    target: float,
) -> Float[np.ndarray, "*shape"]:
    """P(DLT rate > target) after a uniform prior: Beta(1 + dlt, 1 + patients - dlt)."""
    from scipy.special import betaincc

    return np.asarray(betaincc(1.0 + dlt, 1.0 + patients - dlt, target))


def too_toxic(most: int, target: float, confidence: float, at_least: int = 3) -> Bool[np.ndarray, "patients dlt"]:
    """Whether P(DLT rate > target) exceeds a confidence, from so many patients on; a table (patients, dlt)."""
    patients, dlt = np.meshgrid(np.arange(most + 1), np.arange(most + 1), indexing="ij")
    possible = (dlt <= patients) & (patients >= at_least)
    return possible & (overdose_probability(np.maximum(patients, dlt), dlt, target) > confidence)


def nearest_to_target(rates: Float[np.ndarray, "trial dose"], target: float) -> Int[np.ndarray, " trial"]:
    """The dose whose rate is nearest to the target; of equal rates the higher below it, the lower above; 0: none."""
    known = ~np.isnan(rates)
    apart = np.abs(np.where(known, rates, np.inf) + _TINY * np.arange(1, rates.shape[1] + 1) - target)
    return np.where(known.any(axis=1), apart.argmin(axis=1) + 1, 0)


def _check_size(seen: Evidence) -> None:
    most = int(seen.patients.max(initial=0))
    if most > LARGEST:
        raise DesignError(f"{most} patients at one dose; this design's table ends at {LARGEST}: stop the trial before.")


def check_rates(**given: float) -> None:
    """Raises: DesignError for a probability that is not between 0 and 1."""
    for name, value in given.items():
        if not 0.0 < value < 1.0:
            raise DesignError(f"{name.replace('_', ' ')} is {value:g}; it lies between 0 and 1.")


def check_size(levels: int, cohort: int = 1) -> None:
    """Raises: DesignError without a dose level or without patients in a cohort."""
    if levels < 1:
        raise DesignError(f"a design needs at least one dose level; {levels} were given.")
    if cohort < 1:
        raise DesignError(f"a cohort has at least one patient; {cohort} were given.")
