"""BOIN for two drugs: up or down by one level of one of them, whichever is likelier to hit the interval sought."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Bool, Float, Int

from opsonin.designs.base import Decision, Decisions, Design
from opsonin.designs.boin import Boin
from opsonin.designs.evidence import LOTS, Evidence
from opsonin.designs.grid import (
    at_or_above,
    cell_name,
    check_grid,
    drawn,
    grid_decisions,
    height,
    isotonic_grid,
    neighbours,
)
from opsonin.designs.table import DOWN, LARGEST, UP

_TIE = 1e-5  # by which a higher cell counts as more toxic than a lower one of the same estimate
_PRIOR = 0.5  # of the beta distribution by which cells are compared
_KNOWN = (
    5e-4  # a patient, by which of nearly equal cells the better known one is preferred, as the authors' software does
)


@dataclass(frozen=True)
class BoinComb(Design):
    """The BOIN design for combinations; cells of the grid are counted row by row from 1.

    levels: cells in all;   columns: levels of the second drug, whose rows are those of the first one.
    At a cell the rate is held against BOIN's bounds. Up (down) goes to that neighbour, one level of one drug higher
    (lower), whose rate lies between the bounds with the greatest probability; equal ones are drawn by lot.
    A cell is given up, with all where neither drug is lower, as in BOIN.
    The MTD is the cell tried and not given up whose estimate, isotonic in both drugs, is nearest to the target.
    Source: Lin & Yin (2017), Stat Methods Med Res 26:2155, doi:10.1177/0962280215594494.
    """

    levels: int
    columns: int = 2
    target: float = 0.30
    too_low: float | None = None
    too_high: float | None = None
    confidence: float = 0.95
    extra_safe: bool = False
    offset: float = 0.05
    cohort: int = 3
    needs: ClassVar[frozenset[str]] = frozenset({LOTS})

    def __post_init__(self) -> None:
        check_grid(self.levels, self.columns)
        _ = self.single  # checks the rates

    @property
    def name(self) -> str:
        return "boin-comb"

    @property
    def rows(self) -> int:
        """Levels of the first drug."""
        return self.levels // self.columns

    @cached_property
    def single(self) -> Boin:
        """The one-drug design whose table and bounds are used at each cell."""
        return Boin(
            self.levels, self.target, self.too_low, self.too_high, self.confidence, self.extra_safe, self.offset,
            cohort=self.cohort,
        )  # fmt: skip

    @cached_property
    def _promise(self) -> Float[np.ndarray, "patients dlt"]:
        """P(rate between the bounds) after so many DLTs in so many patients."""
        from scipy.special import betainc

        patients, dlt = np.meshgrid(np.arange(LARGEST + 1), np.arange(LARGEST + 1), indexing="ij")
        a, b = dlt + _PRIOR, np.maximum(patients - dlt, 0) + _PRIOR
        low, high = self.single.bounds
        return betainc(a, b, high) - betainc(a, b, low)

    @cached_property
    def _steps(self) -> Int[np.ndarray, "move cell step"]:
        """Where a move (HERE, UP, and DOWN as the last) may lead from each cell, by one level of either drug."""
        up = neighbours(self.rows, self.columns, ((1, 0), (0, 1)))
        made = np.full((3, *up.shape), -1)
        made[UP], made[DOWN] = up, neighbours(self.rows, self.columns, ((-1, 0), (0, -1)))
        return made

    def admissible(self, seen: Evidence) -> Bool[np.ndarray, "trial dose"]:
        out = self.single._table.eliminate.take(seen.patients * (LARGEST + 1) + seen.dlt)
        allowed = ~at_or_above(out, self.columns)
        if self.extra_safe:
            allowed &= self.single.admissible(seen)[:, :1]
        return allowed

    def options(self, seen: Evidence, allowed: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The move at each trial's cell, and the cells (from 0) that are equally good for it, -1 for none.

        allowed: cells not given up, where they are known already.
        """
        here = np.maximum(seen.current, 1) - 1
        move = self.single._table.move[seen.patients[seen.trials, here], seen.dlt[seen.trials, here]]
        to = self._steps[move, here]
        at = np.maximum(to, 0) + self.levels * seen.trials[:, None]
        open_ = (to >= 0) & (self.admissible(seen) if allowed is None else allowed).take(at)
        treated = seen.patients.take(at)
        worth = self._promise.take(treated * (LARGEST + 1) + seen.dlt.take(at)) + _KNOWN * treated
        promise = np.where(open_, worth, -1.0)
        best = np.maximum(promise[:, :1], promise[:, 1:])
        return move, np.where(open_ & (promise >= best - 1e-12), to, -1)

    def decide_many(self, seen: Evidence) -> Decisions:
        allowed = self.admissible(seen)
        _, equal = self.options(seen, allowed)
        lot = 0.0 if seen.lot is None else seen.lot
        one, other = equal.T
        chosen = np.where((one >= 0) & ((other < 0) | (lot < 0.5)), one, other)
        level = np.where(chosen >= 0, chosen + 1, np.maximum(seen.current, 1))
        blocked = ~allowed[seen.trials, level - 1]  # the cell itself was given up, and no lower neighbour is left
        level = np.where(blocked, allowed.argmax(axis=1) + 1, level)
        level = np.where(seen.current == 0, 1, level)
        ends = ~allowed[:, 0] & (seen.current > 0)
        return grid_decisions(seen.current, level, self.columns, self.levels, self.cohort, ends)

    def rates(self, seen: Evidence) -> Float[np.ndarray, "trial dose"]:
        """Estimates that never fall with either drug, of all cells; untried ones by a prior of a tenth of a patient."""
        raw, weight = (seen.dlt + 0.05) / (seen.patients + 0.1), seen.patients + 0.1
        return isotonic_grid(raw, weight, self.columns)

    @cached_property
    def _order(self) -> tuple[Float[np.ndarray, " cell"], Int[np.ndarray, " cell"]]:
        """What is added to estimates to tell equal ones apart; cells column by column, as of those that are still equal
        that with the least of the second drug is declared."""
        row, column = np.divmod(np.arange(self.levels), self.columns)
        return _TIE * height(self.levels, self.columns), np.argsort(column * self.rows + row)

    def select_many(self, seen: Evidence) -> Int[np.ndarray, " trial"]:
        there = (seen.patients > 0) & self.admissible(seen)
        raised, order = self._order
        apart = np.where(there, np.abs(self.rates(seen) + raised - self.target), np.inf)
        best = np.round(apart[:, order], 6).argmin(axis=1)
        return np.where(there.any(axis=1), order[best] + 1, 0)

    def contour(self, seen: Evidence) -> list[list[int]]:
        """The MTD of each row that has one, from the lowest row: cells from 1, trial by trial.

        A row's MTD with less of the second drug than that of a higher row is left out: more of both is tolerated.
        """
        there = (seen.patients > 0) & self.admissible(seen)
        apart = np.where(there, np.abs(self.rates(seen) - self.target), np.inf).reshape(len(seen), self.rows, -1)
        found = []
        for trial in range(len(seen)):
            cells: list[int] = []
            least = 0
            for row in range(self.rows - 1, -1, -1):
                column = int(apart[trial, row].argmin())
                if np.isfinite(apart[trial, row, column]) and column >= least:
                    cells.append(row * self.columns + column + 1)
                    least = column
            found.append(cells[::-1])
        return found

    def explain(self, seen: Evidence, made: Decision) -> tuple[str, dict[str, Any]]:
        numbers = {"patients": seen.patients[0].tolist(), "dlt": seen.dlt[0].tolist(), "columns": self.columns}
        if not seen.current[0]:
            return f"no patients yet: treat {made.patients} at 1x1", numbers
        here = int(seen.current[0])
        treated, toxic = int(seen.patients[0, here - 1]), int(seen.dlt[0, here - 1])
        low, high = self.single.bounds
        where = self.dose_name(here)
        told = f"{toxic} of {treated} with DLT at {where} (up to {low:.3f} up, from {high:.3f} down)"
        if made.stop:
            return f"{told}: 1x1 is too toxic, so no combination is the MTD", numbers
        _, equal = self.options(seen)
        names = [self.dose_name(int(cell) + 1) for cell in equal[0] if cell >= 0]
        numbers["options"] = names
        assert made.level is not None
        to = self.dose_name(made.level)
        if len(names) > 1:
            return f"{told}: {drawn(names, to, seen)}", numbers
        return f"{told}: {to}", numbers

    def dose_name(self, dose: int) -> str:
        return cell_name(dose, self.columns)

    def describe(self) -> str:
        low, high = self.single.bounds
        return (
            f"BOIN for {self.rows} x {self.columns} combinations with target {self.target:.0%}: at most {low:.1%} with "
            f"DLT, one level of one drug up; at least {high:.1%}, one down; to the neighbour likeliest to lie between."
        )
