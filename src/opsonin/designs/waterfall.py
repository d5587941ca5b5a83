"""The waterfall design: the MTD contour of two drugs row by row, each a one-drug trial that begins where one ended."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from opsonin.designs.boin import Boin
from opsonin.designs.evidence import from_counts
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
