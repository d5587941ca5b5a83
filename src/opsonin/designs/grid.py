"""Two drugs: the cells of a grid, row by row, and isotonic regression over both directions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from opsonin.designs.base import Decisions, decisions
from opsonin.designs.evidence import Evidence
from opsonin.designs.isotonic import isotonic
from opsonin.errors import DesignError

STEPS, SETTLED = 2000, 1e-7
MANY = 2  # fits from which on the compiled loop is used: a single decision needs no compiler


def check_grid(levels: int, columns: int) -> int:
    """The number of rows.   Raises: DesignError where the cells are not whole rows, or there is no grid."""
    if columns < 2 or levels < 2 * columns or levels % columns:
        raise DesignError(
            f"a combination needs at least two levels of each drug: {levels} cells in rows of {columns} were given."
        )
    return levels // columns


def cell_name(cell: int, columns: int) -> str:
    """ "2x3" for a cell counted from 1."""
    return f"{(cell - 1) // columns + 1}x{(cell - 1) % columns + 1}"


def drawn(names: Sequence[str], to: str, seen: Evidence) -> str:
    """Which of equally good cells is taken, in words: by lot, or, where none was drawn, the first of them."""
    how = f"{to} by lot" if seen.lot is not None else f"{to} is the first of them, draw one by lot"
    return f"{' and '.join(names)} are equally good; {how}"


def height(cells: int, columns: int) -> Int[np.ndarray, " cell"]:
    """How many levels of both drugs together each cell is above the lowest one."""
    return np.add(*np.divmod(np.arange(cells), columns))


def grid_decisions(
    current: Int[np.ndarray, " trial"],
    level: Int[np.ndarray, " trial"],
    columns: int,
    cells: int,
    patients: int,
    ends: Bool[np.ndarray, " trial"],
) -> Decisions:
    """Decisions by cells; up is where more levels of both together are given."""
    high = height(cells, columns)
    was = np.where(current > 0, high[np.maximum(current, 1) - 1] + 1, 0)
    return decisions(was, high[level - 1] + 1, patients, ends=ends)._replace(level=np.where(ends, 0, level))


def at_or_above(cells: Bool[np.ndarray, "trial cell"], columns: int) -> Bool[np.ndarray, "trial cell"]:
    """Cells at which both drugs are at least as high as at one of the cells given."""
    if not cells.any():
        return cells
    grid = cells.reshape(len(cells), -1, columns).copy()
    for row in range(1, grid.shape[1]):  # few of them: quicker than to accumulate
        grid[:, row] |= grid[:, row - 1]
    for column in range(1, columns):
        grid[:, :, column] |= grid[:, :, column - 1]
    return grid.reshape(cells.shape)


def neighbours(rows: int, columns: int, steps: tuple[tuple[int, int], ...]) -> Int[np.ndarray, "cell step"]:
    """The cell (from 0) that each step from each cell leads to; -1 beyond the grid."""
    row, column = np.divmod(np.arange(rows * columns), columns)
    to = np.stack([np.stack([row + dr, column + dc], axis=-1) for dr, dc in steps], axis=1)
    inside = (to >= 0).all(axis=-1) & (to[..., 0] < rows) & (to[..., 1] < columns)
    return np.where(inside, to[..., 0] * columns + to[..., 1], -1)


def isotonic_grid(
    values: Float[np.ndarray, "trial cell"], weights: Float[np.ndarray, "trial cell"], columns: int
) -> Float[np.ndarray, "trial cell"]:
    """The weighted least-squares fit that never falls along rows or columns.

    Projections on rising rows and on rising columns in turn, each less what it changed last time (Dykstra's algorithm).
    Source: Dykstra & Robertson (1982), Ann Stat 10:708; Bril, Dykstra, Pillers & Robertson (1984), Appl Stat 33:352.
    """
    made = np.array(values, dtype=float)
    if len(made) >= MANY:
        from opsonin.designs.grid_kernels import fit_grids

        fit_grids(made, np.ascontiguousarray(weights, dtype=float), columns, STEPS, SETTLED)
        return made
    open_ = np.arange(len(made))
    by_row, by_column = np.zeros_like(made), np.zeros_like(made)
    for _ in range(STEPS):
        start, weight = made[open_], weights[open_]
        rows = _along_rows(start - by_row[open_], weight, columns)
        by_row[open_] = rows - (start - by_row[open_])
        both = _along_columns(rows - by_column[open_], weight, columns)
        by_column[open_] = both - (rows - by_column[open_])
        made[open_] = both
        moving = (np.abs(both - rows).max(axis=1) > SETTLED) | (np.abs(both - start).max(axis=1) > SETTLED)
        open_ = open_[moving]
        if not len(open_):
            break
    return made


def _along_rows(values: np.ndarray, weights: np.ndarray, columns: int) -> np.ndarray:
    shape = values.shape
    flat, mass = values.reshape(-1, columns), weights.reshape(-1, columns)
    return isotonic(flat, mass, np.ones(flat.shape, dtype=bool)).reshape(shape)


def _along_columns(values: np.ndarray, weights: np.ndarray, columns: int) -> np.ndarray:
    trials = len(values)
    turned = [a.reshape(trials, -1, columns).swapaxes(1, 2) for a in (values, weights)]
    fitted = _along_rows(turned[0].reshape(trials, -1), turned[1].reshape(trials, -1), turned[0].shape[2])
    return fitted.reshape(turned[0].shape).swapaxes(1, 2).reshape(values.shape)
