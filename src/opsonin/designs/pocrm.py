"""The CRM for partial orders as a design for two drugs: one curve, and several ways to order the combinations."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Bool, Float, Int

from opsonin.designs.base import Decision, Decisions, Design
from opsonin.designs.evidence import LOTS, Evidence
from opsonin.designs.grid import cell_name, check_grid, drawn, grid_decisions, height, neighbours
from opsonin.designs.partial_order import working_models
from opsonin.designs.skeleton import skeleton
from opsonin.designs.table import check_rates, check_size, overdose_probability
from opsonin.errors import DesignError

_NEAREST, _FARTHEST = 1e-4, 60.0  # exponents between which the likeliest one is sought
_STEPS, _SETTLED = 60, 1e-6  # of Newton's method, or halvings; on the scale of the exponent's logarithm
_LEAST = 3  # patients at the lowest combination from which on the trial may end for toxicity


@dataclass(frozen=True)
class Pocrm(Design):
    """The CRM for partial orders; cells of the grid are counted row by row from 1.

    Within an ordering of all cells by toxicity, rate = skeleton ^ a. Until there is both a DLT and a patient without
    one the trial goes up: after a cohort without a DLT to an untried cell with the fewest levels of both drugs
    together, equal ones by lot. From then on a is estimated by maximum likelihood in each ordering, the most probable
    ordering is taken, and the next patients get the cell whose rate is nearest to the target, of those with at most one
    level of one drug more than a cell that was tried.
    levels: cells in all;   columns: levels of the second drug, whose rows are those of the first one.
    orders: orderings, each with every cell once from the least toxic one; six standard ones where none are given (by
    rows, by columns, and by diagonals: up, down, and both in turn).   weights: their prior probabilities, else equal.
    prior: the skeleton; by indifference intervals with the middle cell as prior guess of the MTD where none is given.
    confidence: the trial ends where P(rate > target) at the lowest cell, by its own patients after a uniform prior,
    exceeds it (1: never).
    Source: Wages, Conaway & O'Quigley (2011), Biometrics 67:1555, and Clin Trials 8:380; the six orderings: Wages &
    Conaway (2013), Pharm Stat 12:217. The lowest cells first, the reach and the end for toxicity are common practice.
    """

    levels: int
    columns: int = 2
    target: float = 0.30
    orders: tuple[tuple[int, ...], ...] | None = None
    weights: tuple[float, ...] | None = None
    prior: tuple[float, ...] | None = None
    confidence: float = 0.95
    cohort: int = 3
    needs: ClassVar[frozenset[str]] = frozenset({LOTS})

    def __post_init__(self) -> None:
        check_size(self.levels, self.cohort)
        check_grid(self.levels, self.columns)
        check_rates(target=self.target)
        if not 0 < self.confidence <= 1:
            raise DesignError(f"confidence {self.confidence:g} is a probability above 0.")
        if self.prior is not None and len(self.prior) != self.levels:
            raise DesignError(f"the skeleton has {len(self.prior)} rates for {self.levels} cells; give one for each.")
        if self.orders is not None and any(len(order) != self.levels for order in self.orders):
            raise DesignError(f"an ordering holds each of the {self.levels} cells once, by its number from 1.")
        count = len(self._models)  # checks the orderings and the skeleton
        if self.weights is not None and (len(self.weights) != count or min(self.weights) <= 0):
            raise DesignError(f"weights are {count} numbers above 0, one for each ordering; {self.weights} were given.")

    @property
    def name(self) -> str:
        return "pocrm"

    @property
    def rows(self) -> int:
        """Levels of the first drug."""
        return self.levels // self.columns

    @cached_property
    def _models(self) -> Float[np.ndarray, "order cell"]:
        """The skeleton of each ordering."""
        orders = standard_orders(self.rows, self.columns) if self.orders is None else np.array(self.orders)
        rates = skeleton(self.levels, self.target, (self.levels + 1) // 2) if self.prior is None else self.prior
        return working_models(orders, np.asarray(rates, dtype=float))

    def _fit(
        self, patients: Int[np.ndarray, "state cell"], dlt: Int[np.ndarray, "state cell"]
    ) -> tuple[np.ndarray, np.ndarray]:
        """DLT rates under the most probable ordering (state, cell), and the orderings' probabilities (state, order).

        The log likelihood is concave in the exponent, so that Newton's steps find it, halved in where they leave the
        bracket; states have both a DLT and a patient without one.
        """
        logs = np.log(self._models)  # (order, cell)
        free, toxic = (patients - dlt)[:, None, :], dlt[:, None, :]
        at = np.zeros((len(patients), len(logs)))  # the exponent's logarithm
        low, high = np.full_like(at, np.log(_NEAREST)), np.full_like(at, np.log(_FARTHEST))
        for _ in range(_STEPS):
            power = np.exp(at)
            rate = np.exp(power[..., None] * logs)
            odds = rate / np.maximum(1 - rate, 1e-300)
            slope = (logs * (toxic - free * odds)).sum(axis=2)
            bend = -power * (logs**2 * free * odds * (1 + odds)).sum(axis=2)
            low, high = np.where(slope > 0, at, low), np.where(slope > 0, high, at)
            to = at - slope / np.minimum(bend, -1e-300)
            to = np.where((to > low) & (to < high), to, 0.5 * (low + high))
            moved = float(np.abs(to - at).max(initial=0.0))
            at = to
            if moved < _SETTLED:
                break
        log_rate = np.exp(at)[..., None] * logs
        other = np.log(np.maximum(-np.expm1(log_rate), 1e-300))
        value = (dlt[:, None, :] * log_rate + free * other).sum(axis=2)
        if self.weights is not None:
            value = value + np.log(self.weights)
        chance = np.exp(value - value.max(axis=1, keepdims=True))
        chance /= chance.sum(axis=1, keepdims=True)
        best = np.round(chance, 9).argmax(axis=1)
        return np.exp(log_rate[np.arange(len(best)), best]), chance

    def rates(self, seen: Evidence) -> Float[np.ndarray, "trial dose"]:
        """The estimated DLT rates; NaN without both a DLT and a patient without one. Equal counts are fitted once."""
        made = np.full(seen.patients.shape, np.nan)
        total, toxic = seen.total, seen.dlt.sum(axis=1)
        rows = np.flatnonzero((toxic > 0) & (toxic < total))
        if not len(rows):
            return made
        counts = np.concatenate([seen.patients[rows], seen.dlt[rows]], axis=1)
        states, which = np.unique(counts, axis=0, return_inverse=True)
        fitted, _ = self._fit(states[:, : self.levels], states[:, self.levels :])
        made[rows] = fitted[which.reshape(-1)]
        return made

    def admissible(self, seen: Evidence) -> Bool[np.ndarray, "trial dose"]:
        over = overdose_probability(seen.patients[:, 0], seen.dlt[:, 0], self.target) > self.confidence
        return np.repeat(~(over & (seen.patients[:, 0] >= _LEAST))[:, None], self.levels, axis=1)

    @cached_property
    def _above(self) -> Bool[np.ndarray, "cell cell"]:
        """Which cells may follow once a cell was tried: all with no more of either drug, and one level up of one."""
        row, column = np.divmod(np.arange(self.levels), self.columns)
        below = (row <= row[:, None]) & (column <= column[:, None])
        for cell, steps in enumerate(neighbours(self.rows, self.columns, ((1, 0), (0, 1)))):
            below[cell, steps[steps >= 0]] = True
        return below

    def within_reach(self, seen: Evidence) -> Bool[np.ndarray, "trial dose"]:
        """Cells with at most one level of one drug more than a cell that was tried."""
        return ((seen.patients > 0).astype(np.int64) @ self._above.astype(np.int64)) > 0

    def _next_up(self, seen: Evidence) -> Bool[np.ndarray, "trial dose"]:
        """The untried cells within reach with the fewest levels of both drugs together."""
        high = height(self.levels, self.columns)
        open_ = (seen.patients == 0) & self.within_reach(seen)
        lowest = np.where(open_, high, self.levels).min(axis=1)
        return open_ & (high == lowest[:, None])

    def _upwards(self, seen: Evidence) -> Int[np.ndarray, " trial"]:
        """The cell of a trial without a model yet: up after a cohort without a DLT, else where it is."""
        here = np.maximum(seen.current, 1) - 1
        clean = seen.dlt[seen.trials, here] == 0
        equal = self._next_up(seen)
        count = equal.sum(axis=1)
        lot = np.zeros(len(seen)) if seen.lot is None else seen.lot
        wanted = np.minimum((lot * np.maximum(count, 1)).astype(np.int64), np.maximum(count - 1, 0))
        place = np.cumsum(equal, axis=1) - 1
        chosen = (equal & (place == wanted[:, None])).argmax(axis=1)
        stays = np.where(clean, here, 0)  # nobody without a DLT yet: back to the lowest
        return np.where(clean & (count > 0), chosen, stays) + 1

    def decide_many(self, seen: Evidence) -> Decisions:
        rates = self.rates(seen)
        apart = np.where(self.within_reach(seen), np.abs(rates - self.target), np.inf)
        fitted = ~np.isnan(rates[:, 0])
        level = np.where(fitted, np.round(np.where(np.isnan(apart), np.inf, apart), 9).argmin(axis=1) + 1, 0)
        level = np.where(fitted, level, self._upwards(seen))
        level = np.where(seen.current == 0, 1, level)
        ends = ~self.admissible(seen)[:, 0] & (seen.current > 0)
        return grid_decisions(seen.current, level, self.columns, self.levels, self.cohort, ends)

    def select_many(self, seen: Evidence) -> Int[np.ndarray, " trial"]:
        """The tried cell whose rate is nearest to the target; without a DLT the highest one tried, with DLTs alone
        none."""
        rates, there = self.rates(seen), seen.patients > 0
        fitted = ~np.isnan(rates[:, 0])
        apart = np.where(there & fitted[:, None], np.abs(rates - self.target), np.inf)
        nearest = np.round(apart, 9).argmin(axis=1) + 1
        high = np.where(there, height(self.levels, self.columns), -1)
        clean = (seen.dlt.sum(axis=1) == 0) & (seen.total > 0)
        found = np.where(fitted, nearest, np.where(clean, high.argmax(axis=1) + 1, 0))
        return np.where(self.admissible(seen)[:, 0], found, 0)

    def explain(self, seen: Evidence, made: Decision) -> tuple[str, dict[str, Any]]:
        numbers: dict[str, Any] = {
            "patients": seen.patients[0].tolist(),
            "dlt": seen.dlt[0].tolist(),
            "columns": self.columns,
        }
        if not seen.current[0]:
            return f"no patients yet: treat {made.patients} at 1x1", numbers
        if made.level is None and made.mtd is None:
            return f"the DLT rate at 1x1 is above {self.target:.0%} with more than {self.confidence:.0%}: stop", numbers
        rates = self.rates(seen)[0]
        cell = made.level or made.mtd or 1
        if np.isnan(rates[0]):
            every = "a DLT" if not seen.dlt[0].sum() else "a patient without a DLT"
            names = [self.dose_name(int(k) + 1) for k in np.flatnonzero(self._next_up(seen)[0])]
            to = self.dose_name(cell)
            if len(names) > 1 and to in names:
                numbers["options"] = names
                to = drawn(names, to, seen)
            return f"without {every} yet there is no model: {to}", numbers
        _, chance = self._fit(seen.patients, seen.dlt)
        best = int(np.round(chance[0], 9).argmax())
        numbers["estimated_rates"] = [round(float(rate), 6) for rate in rates]
        numbers["probability_of_orders"] = [round(float(one), 6) for one in chance[0]]
        return (
            f"{self.dose_name(cell)}: estimated DLT rate {rates[cell - 1]:.3f}, of those within reach nearest to "
            f"{self.target:.2f}, by ordering {best + 1} of {len(chance[0])} (probability {chance[0, best]:.2f})"
        ), numbers

    def dose_name(self, dose: int) -> str:
        return cell_name(dose, self.columns)

    def describe(self) -> str:
        return (
            f"CRM for partial orders over {self.rows} x {self.columns} combinations with target {self.target:.0%} and "
            f"{len(self._models)} orderings: up by one level of one drug until there is a DLT, then to the combination "
            "whose estimated rate is nearest to the target under the most probable ordering."
        )


def standard_orders(rows: int, columns: int) -> Int[np.ndarray, "order cell"]:
    """Six orderings of a grid's cells (from 1): by rows, by columns, and by diagonals, each from its first row to its
    last, the other way round, or in turn, beginning with either. Equal ones, as of a grid of 2 x 2, stand once.

    Source: Wages & Conaway (2013), Pharm Stat 12:217, doi:10.1002/pst.1575.
    """
    cells = np.arange(1, rows * columns + 1).reshape(rows, columns)
    diagonals = [[int(cells[r, k - r]) for r in range(rows) if 0 <= k - r < columns] for k in range(rows + columns - 1)]

    def along(backwards: list[bool]) -> list[int]:
        return [c for line, back in zip(diagonals, backwards, strict=True) for c in (line[::-1] if back else line)]

    turn = [k % 2 == 0 for k in range(len(diagonals))]
    every = [
        cells.ravel().tolist(),
        cells.T.ravel().tolist(),
        along([False] * len(diagonals)),
        along([True] * len(diagonals)),
        along(turn),
        along([not one for one in turn]),
    ]
    return np.array(list(dict.fromkeys(tuple(one) for one in every)), dtype=np.int64)
