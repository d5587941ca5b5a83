"""Trials under a known truth, many at once: treat, look, decide, until every trial has ended.

Designs that wait until everybody's window has closed are simulated on counts alone (`_by_counts`), those that decide
while patients are still followed on each trial's own clock (`clock.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np

from opsonin.designs.base import Design
from opsonin.designs.characteristics import Simulated
from opsonin.designs.clock import by_clock
from opsonin.designs.draws import MOST, Accrual, Lots, People
from opsonin.designs.evidence import FOLLOW_UP, GRADES, IMMUNE, PATIENTS, Evidence
from opsonin.designs.truth import Scenario, Truth
from opsonin.errors import DesignError

BLOCK = 20_000  # trials simulated together: memory only


def simulate(
    design: Design,
    truth: Truth,
    trials: int = 10_000,
    seed: int = 1,
    *,
    accrual: Accrual | None = None,
    threads: int = 1,
) -> Simulated:
    """Simulate trials of a design under a truth.

    The patients of trial t depend on seed and t alone: designs simulated with one seed meet the same patients, and more
    trials leave the first ones as they were.   accrual: where given, how long the trials take is simulated too; designs
    for late toxicity always need it (10 days between patients where it is not given).   threads: at work on blocks of
    trials side by side; they change no trial.
    Raises: DesignError where truth and design have another number of doses, where DLT rates fall with dose in a
    scenario that does not say that they may, or the design never ends.
    """
    if truth.doses != design.levels:
        raise DesignError(f"the design has {design.levels} levels, but the truth {truth.doses} doses.")
    check_order(design, truth)
    if trials < 1:
        raise DesignError(f"{trials} trials were asked for; give at least 1.")
    if threads < 1:
        raise DesignError(f"{threads} threads were asked for; give at least 1.")
    timed = accrual is not None or design.backfills or design.needs & {FOLLOW_UP, GRADES, IMMUNE, PATIENTS}

    def run(numbers: np.ndarray) -> tuple[np.ndarray, ...]:
        if timed:
            return by_clock(design, truth, numbers, seed, accrual or Accrual())
        return _by_counts(design, truth, numbers, seed)

    size = min(BLOCK, -(-trials // threads))
    blocks = [np.arange(first + 1, min(first + size, trials) + 1) for first in range(0, trials, size)]
    if threads == 1:
        parts = [run(block) for block in blocks]
    else:
        with ThreadPoolExecutor(threads) as pool:
            parts = list(pool.map(run, blocks))
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return Simulated(design.name, truth, getattr(design, "target", None), *columns)


def check_order(design: Design, truth: Truth) -> None:
    """Raises: DesignError for a scenario in which a higher dose has fewer DLTs, against what designs assume."""
    if not isinstance(truth, Scenario) or truth.falling:
        return
    rates, columns = truth.dlt, getattr(design, "columns", None)
    if not replace(truth, columns=columns).monotone:
        raise DesignError(
            f"the DLT rates {rates.tolist()} fall with dose, but the design {design.name!r} assumes that they do not; "
            "put the doses in order, or say falling = true to see what it does then."
        )


def compare(
    designs: Mapping[str, Design], truth: Truth, trials: int = 10_000, seed: int = 1, **given: Any
) -> dict[str, Simulated]:
    """Several designs on the same patients."""
    return {name: simulate(design, truth, trials, seed, **given) for name, design in designs.items()}


class _Counts:
    """What is known of the trials of a block that still go on, row by row.   number: of each (from 0) in the block."""

    def __init__(self, trials: int, doses: int):
        self.number = np.arange(trials)
        self.treated, self.dlt, self.efficacy, self.both = (np.zeros((trials, doses), np.int64) for _ in range(4))
        self.current, self.last, self.last_dlt = (np.zeros(trials, dtype=np.int64) for _ in range(3))

    def keep(self, rows: np.ndarray) -> None:
        """Go on with some of them."""
        for name, array in vars(self).items():
            setattr(self, name, array[rows])

    def add(self, table: np.ndarray, level: np.ndarray, more: np.ndarray) -> None:
        """More at one dose of each trial."""
        table.reshape(-1)[np.arange(len(table)) * table.shape[1] + level - 1] += more


def _by_counts(design: Design, truth: Truth, numbers: np.ndarray, seed: int) -> tuple[np.ndarray, ...]:
    """(mtd, patients, dlt, efficacy, days, backfilled) of trials in which a cohort is judged before the next comes."""
    trials, doses = len(numbers), design.levels
    mtd, found = np.zeros(trials, dtype=np.int64), [np.zeros((trials, doses), dtype=np.int64) for _ in range(3)]
    people, lots = People(truth, numbers, seed, timed=False, most=_most(design)), Lots(design, numbers, seed)
    going = _Counts(trials, doses)
    while True:
        seen = Evidence(
            going.treated, going.dlt, going.current, going.last, going.last_dlt,
            efficacy=going.efficacy, both=going.both, lot=lots.next(going.number),
        )  # fmt: skip
        made = design.decide_many(seen)
        total, stop = seen.total, made.stop
        if stop.any():
            ended = going.number[stop]
            mtd[ended] = made.mtd[stop]
            for table, known in zip(found, (going.treated, going.dlt, going.efficacy), strict=True):
                table[ended] = known[stop]
            going.keep(~stop)
            made, total = made.take(~stop), total[~stop]
        if not len(going.number):
            return mtd, *found, np.full(trials, np.nan), np.zeros((trials, doses), dtype=np.int64)
        least, most = int(made.patients.min()), int(made.patients.max())
        if least < 1:
            raise DesignError(
                f"the design {design.name!r} treats nobody and does not end; this is a fault of the design."
            )
        new = np.zeros((3, len(total)), dtype=np.int64)
        for member in range(most):
            rows = slice(None) if member < least else np.flatnonzero(made.patients > member)
            shown = people.show(going.number[rows], total[rows] + member, made.level[rows])
            new[0, rows] += shown.dlt
            if shown.efficacy.any():
                new[1, rows] += shown.efficacy
                new[2, rows] += shown.efficacy & shown.dlt
        going.add(going.treated, made.level, made.patients)
        for table, more in zip((going.dlt, going.efficacy, going.both), new, strict=True):
            going.add(table, made.level, more)
        going.current, going.last, going.last_dlt = made.level, made.patients, new[0]


def _most(design: Design) -> int | None:
    """The patients of a trial at most, where the design says so; a hint only, of how many to draw at once."""
    patients = getattr(design, "patients", None)
    return patients if isinstance(patients, int) and patients < MOST else None
