"""The waterfall design: the MTD contour of two drugs row by row, each a one-drug trial that begins where one ended."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Int

from opsonin.designs.base import DECLARE, STOP, Decision, Decisions, Design
from opsonin.designs.boin import Boin
from opsonin.designs.boin_comb import BoinComb
from opsonin.designs.evidence import Evidence, from_counts
from opsonin.designs.grid import cell_name, check_grid, grid_decisions
from opsonin.errors import DesignError


class Subtrial(NamedTuple):
    """Cells (row, column), counted from 1, in rising order, and where to start; None where none is left."""

    cells: tuple[tuple[int, int], ...]
    start: tuple[int, int]


def next_subtrial(
    patients: Int[np.ndarray, "row column"],
    dlt: Int[np.ndarray, "_row _column"],
    target: float = 0.30,
    **options: object,
) -> Subtrial | None:
    """The subtrial after those whose outcomes are given; the first one where there are none.

    The first climbs the first drug at the lowest level of the second, then the second at the highest of the first:
    (1,1) … (J,1), (J,2) … (J,K). After one with its MTD at row j and column k the next is in row j - 1, from its second
    column on, and starts at column k + 1: more of the second drug where there is less of the first.
    options: of `Boin`.
    Source: Zhang & Yuan (2016), Stat Med 35:4850, doi:10.1002/sim.7095.
    Raises: DesignError for tables that differ in shape, or outcomes that no such course of subtrials gives.
    """
    if patients.shape != dlt.shape or patients.ndim != 2 or min(patients.shape) < 2:
        raise DesignError(f"patients and DLTs are tables of one grid; shapes {patients.shape}, {dlt.shape} were given.")
    rows, columns = patients.shape
    first = [(row, 0) for row in range(rows)] + [(rows - 1, column) for column in range(1, columns)]
    if not patients.sum():
        return _subtrial(first, first[0])
    done = [row for row in range(rows) if patients[row, 1:].any()]
    course = first if not done or done[0] == rows - 1 else [(done[0], column) for column in range(1, columns)]
    tried = np.array([[patients[cell] for cell in course]]), np.array([[dlt[cell] for cell in course]])
    design = Boin(len(course), target, **options)  # type: ignore[arg-type]
    chosen = int(design.select_many(from_counts(*tried, np.array([1])))[0])
    if not chosen:
        return None
    row, column = course[chosen - 1]
    if row == 0:
        return None
    following = [(row - 1, other) for other in range(1, columns)]
    return _subtrial(following, (row - 1, min(column + 1, columns - 1)))


def _subtrial(cells: list[tuple[int, int]], start: tuple[int, int]) -> Subtrial:
    return Subtrial(tuple((row + 1, column + 1) for row, column in cells), (start[0] + 1, start[1] + 1))


@dataclass(frozen=True)
class Waterfall(Design):
    """The waterfall design; cells of the grid are counted row by row from 1.

    One-drug BOIN trials in turn (see `next_subtrial`), each until its patients are treated, or `enough` at a cell at
    which BOIN would stay. The next one begins beside the MTD of the one before; after the lowest row, or where a
    subtrial finds its lowest cell too toxic, the trial ends. Declared is the tried cell whose estimate, isotonic in
    both drugs, is nearest to the target; the whole contour stands among the decision's numbers.
    levels: cells in all;   columns: levels of the second drug, whose rows are those of the first one.
    subtrials: patients of each subtrial at most, the first one's and the others', in order; six a cell where not given.
    The other options are those of Boin.
    Source: Zhang & Yuan (2016), Stat Med 35:4850, doi:10.1002/sim.7095.
    """

    levels: int
    columns: int = 2
    target: float = 0.30
    too_low: float | None = None
    too_high: float | None = None
    confidence: float = 0.95
    enough: int = 12
    subtrials: tuple[int, ...] | None = None
    cohort: int = 3

    def __post_init__(self) -> None:
        check_grid(self.levels, self.columns)
        _ = self.whole  # checks the rates
        if self.enough < 1:
            raise DesignError(f"a subtrial ends with so many patients at a cell: 1 or more, not {self.enough}.")
        if self.subtrials is not None and (len(self.subtrials) != self.rows or min(self.subtrials) < 1):
            raise DesignError(
                f"subtrials are {self.rows} numbers of patients, one for each row; {self.subtrials} were given."
            )

    @property
    def name(self) -> str:
        return "waterfall"

    @property
    def rows(self) -> int:
        """Levels of the first drug."""
        return self.levels // self.columns

    @cached_property
    def whole(self) -> BoinComb:
        """The design by which the MTD and the contour are found at the end."""
        options = (self.target, self.too_low, self.too_high, self.confidence)
        return BoinComb(self.levels, self.columns, *options, cohort=self.cohort)

    @cached_property
    def courses(self) -> list[Int[np.ndarray, " cell"]]:
        """The cells (from 0) of each subtrial, in rising order: the first one, then the rows from the top down."""
        cells = np.arange(self.levels).reshape(self.rows, self.columns)
        first = np.concatenate([cells[:, 0], cells[-1, 1:]])
        return [first, *(cells[row, 1:] for row in range(self.rows - 2, -1, -1))]

    @cached_property
    def _course_of(self) -> Int[np.ndarray, " cell"]:
        made = np.zeros(self.levels, dtype=np.int64)
        for number, cells in enumerate(self.courses):
            made[cells] = number
        return made

    @cached_property
    def singles(self) -> list[Boin]:
        """The one-drug design of each subtrial."""
        options = (self.target, self.too_low, self.too_high, self.confidence)
        return [Boin(len(cells), *options, cohort=self.cohort) for cells in self.courses]

    def most(self, course: int) -> int:
        """Patients of a subtrial at most."""
        return 6 * len(self.courses[course]) if self.subtrials is None else self.subtrials[course]

    def _following(self, course: int, chosen: np.ndarray) -> np.ndarray:
        """The cell (from 1) at which the next subtrial begins after one with its MTD there (from 1); 0 for none."""
        row, column = np.divmod(self.courses[course][np.maximum(chosen, 1) - 1], self.columns)
        start = (row - 1) * self.columns + np.minimum(column + 1, self.columns - 1) + 1
        return np.where((chosen > 0) & (row > 0), start, 0)

    def _within(self, seen: Evidence, course: int) -> tuple[np.ndarray, Evidence]:
        """The trials whose current cell lies in a subtrial, and what they have seen there."""
        cells = self.courses[course]
        rows = np.flatnonzero((seen.current > 0) & (self._course_of[np.maximum(seen.current, 1) - 1] == course))
        place = np.zeros(self.levels, dtype=np.int64)
        place[cells] = np.arange(1, len(cells) + 1)
        current = place[seen.current[rows] - 1]
        return rows, Evidence(seen.patients[np.ix_(rows, cells)], seen.dlt[np.ix_(rows, cells)], current)

    def decide_many(self, seen: Evidence) -> Decisions:
        level, size = np.ones(len(seen), dtype=np.int64), np.full(len(seen), self.cohort)
        ends = np.zeros(len(seen), dtype=bool)
        for course, cells in enumerate(self.courses):
            rows, mine = self._within(seen, course)
            if not len(rows):
                continue
            design, left = self.singles[course], self.most(course) - mine.total
            made = design.decide_many(mine)
            enough = (made.level == mine.current) & (mine.at("patients", mine.current) >= self.enough)
            over = (left <= 0) | enough | made.stop
            found = np.zeros(len(rows), dtype=np.int64)
            asked = np.flatnonzero(over & ~made.stop)
            found[asked] = design.select_many(mine.take(asked)) if len(asked) else 0
            start = self._following(course, found)
            level[rows] = np.where(over, np.maximum(start, 1), cells[np.maximum(made.level, 1) - 1] + 1)
            size[rows] = np.where(over, self.cohort, np.minimum(self.cohort, np.maximum(left, 1)))
            ends[rows] = over & (start == 0)
        made = grid_decisions(seen.current, level, self.columns, self.levels, 1, ends)
        made = made._replace(patients=np.where(ends, 0, size))
        if ends.any():
            mtd = np.zeros(len(seen), dtype=np.int64)
            mtd[ends] = self.select_many(seen.take(ends))
            made = made._replace(mtd=mtd, action=np.where(ends, np.where(mtd > 0, DECLARE, STOP), made.action))
        return made

    def admissible(self, seen: Evidence) -> Bool[np.ndarray, "trial dose"]:
        return self.whole.admissible(seen)

    def select_many(self, seen: Evidence) -> Int[np.ndarray, " trial"]:
        return self.whole.select_many(seen)

    def explain(self, seen: Evidence, made: Decision) -> tuple[str, dict[str, Any]]:
        numbers: dict[str, Any] = {
            "patients": seen.patients[0].tolist(),
            "dlt": seen.dlt[0].tolist(),
            "columns": self.columns,
        }
        if not seen.current[0]:
            return f"no patients yet: treat {made.patients} at 1x1", numbers
        here = int(seen.current[0])
        course = int(self._course_of[here - 1])
        numbers["subtrial"] = course + 1
        treated, toxic = int(seen.patients[0, here - 1]), int(seen.dlt[0, here - 1])
        told = f"subtrial {course + 1}: {toxic} of {treated} with DLT at {self.dose_name(here)}"
        if made.level is None:
            numbers["contour"] = [self.dose_name(cell) for cell in self.whole.contour(seen)[0]]
            if made.mtd is None:
                return f"{told}: every combination tried is too toxic", numbers
            contour = f"the MTD contour is {', '.join(numbers['contour'])}"
            return (
                f"{told}; it was the last one: {contour}; {self.dose_name(made.mtd)} is nearest to the target",
                numbers,
            )
        to = self.dose_name(made.level)
        if int(self._course_of[made.level - 1]) != course:
            _, mine = self._within(seen, course)
            found = int(self.singles[course].select_many(mine)[0])
            mtd = self.dose_name(int(self.courses[course][found - 1]) + 1)
            return f"{told}; its MTD is {mtd}: the next subtrial begins at {to}", numbers
        low, high = self.whole.single.bounds
        return f"{told} (up to {low:.3f} up, from {high:.3f} down): {to}", numbers

    def dose_name(self, dose: int) -> str:
        return cell_name(dose, self.columns)

    def describe(self) -> str:
        low, high = self.whole.single.bounds
        return (
            f"Waterfall design for {self.rows} x {self.columns} combinations with target {self.target:.0%}: one-drug "
            f"BOIN trials in turn (at most {low:.1%} with DLT, up; at least {high:.1%}, down), first over the first "
            "drug and its highest row, then row by row, each beginning beside the MTD of the one before; together they "
            "find the MTD contour."
        )
