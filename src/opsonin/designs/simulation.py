"""Trials under a known truth, many at once: treat, look, decide, until every trial has ended.

Designs that wait until everybody's window has closed are simulated on counts alone (`_by_counts`), those that decide
while patients are still followed on each trial's own clock (`clock.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from opsonin.designs.base import Design
from opsonin.designs.characteristics import Simulated
from opsonin.designs.clock import by_clock
from opsonin.designs.draws import Accrual, Lots, People
from opsonin.designs.evidence import FOLLOW_UP, GRADES, IMMUNE, PATIENTS, Evidence
from opsonin.designs.truth import Truth
from opsonin.errors import DesignError

BLOCK = 20_000  # trials simulated together: memory only


def simulate(
    design: Design, truth: Truth, trials: int = 10_000, seed: int = 1, *, accrual: Accrual | None = None
) -> Simulated:
    """Simulate trials of a design under a truth.

    The patients of trial t depend on seed and t alone: designs simulated with one seed meet the same patients, and more
    trials leave the first ones as they were.   accrual: where given, how long the trials take is simulated too; designs
    for late toxicity always need it (10 days between patients where it is not given).
    Raises: DesignError where truth and design have another number of doses, or the design never ends.
    """
    if truth.doses != design.levels:
        raise DesignError(f"the design has {design.levels} levels, but the truth {truth.doses} doses.")
    if trials < 1:
        raise DesignError(f"{trials} trials were asked for; give at least 1.")
    parts = []
    for first in range(0, trials, BLOCK):
        numbers = np.arange(first + 1, min(first + BLOCK, trials) + 1)
        if accrual is not None or design.backfills or design.needs & {FOLLOW_UP, GRADES, IMMUNE, PATIENTS}:
            parts.append(by_clock(design, truth, numbers, seed, accrual or Accrual()))
        else:
            parts.append(_by_counts(design, truth, numbers, seed))
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return Simulated(design.name, truth, getattr(design, "target", None), *columns)


def compare(
    designs: Mapping[str, Design], truth: Truth, trials: int = 10_000, seed: int = 1, **given: Any
) -> dict[str, Simulated]:
    """Several designs on the same patients."""
    return {name: simulate(design, truth, trials, seed, **given) for name, design in designs.items()}


def _by_counts(design: Design, truth: Truth, numbers: np.ndarray, seed: int) -> tuple[np.ndarray, ...]:
    """(mtd, patients, dlt, efficacy, days, backfilled) of trials in which a cohort is judged before the next comes."""
    trials, doses = len(numbers), design.levels
    treated, dlt, efficacy, both = (np.zeros((trials, doses), dtype=np.int64) for _ in range(4))
    current, last, last_dlt, mtd = (np.zeros(trials, dtype=np.int64) for _ in range(4))
    people, lots, going = People(truth, numbers, seed, timed=False), Lots(design, numbers, seed), np.arange(trials)
    while len(going):
        seen = Evidence(
            treated[going], dlt[going], current[going], last[going], last_dlt[going],
            efficacy=efficacy[going], both=both[going], lot=lots.next(going),
        )  # fmt: skip
        made = design.decide_many(seen)
        stop = made.stop
        if stop.any():
            mtd[going[stop]] = made.mtd[stop]
            going, made, total = going[~stop], made.take(~stop), seen.total[~stop]
            if not len(going):
                break
        else:
            total = seen.total
        if made.patients.min() < 1:
            raise DesignError(
                f"the design {design.name!r} treats nobody and does not end; this is a fault of the design."
            )
        size = int(made.patients.max())
        at = made.level - 1
        last_dlt[going] = 0
        for member in range(size):
            rows = np.arange(len(going)) if member < made.patients.min() else np.flatnonzero(made.patients > member)
            who = going[rows]
            shown = people.show(who, total[rows] + member, made.level[rows])
            dlt[who, at[rows]] += shown.dlt
            last_dlt[who] += shown.dlt
            efficacy[who, at[rows]] += shown.efficacy
            both[who, at[rows]] += shown.efficacy & shown.dlt
        treated[going, at] += made.patients
        current[going], last[going] = made.level, made.patients
    return mtd, treated, dlt, efficacy, np.full(trials, np.nan), np.zeros_like(treated)
