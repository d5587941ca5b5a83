"""Trials under a known truth, many at once: treat, look, decide, until every trial has ended.

Designs that wait until everybody's window has closed are simulated on counts alone (`_by_counts`), those that decide
while patients are still followed on each trial's own clock (`clock.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int

from opsonin import random
from opsonin.designs.base import Design
from opsonin.designs.characteristics import Simulated
from opsonin.designs.evidence import FOLLOW_UP, GRADES, IMMUNE, LOTS, PATIENTS, Evidence
from opsonin.designs.truth import Drawn, Truth
from opsonin.errors import DesignError

BLOCK = 20_000  # trials simulated together: memory only
DRAWN = 36  # patients a trial drawn at first; more where a trial needs them
MOST = 500  # patients of one trial; a design that goes on beyond that has no end


@dataclass(frozen=True)
class Accrual:
    """How patients come.   days: from one to the next, on average;   even: at even times, else exponential ones.

    sentinel_days: that the second patient of a cohort waits after the first;   stagger_days: each further one after the
    one before.
    """

    days: float = 10.0
    even: bool = False
    sentinel_days: float = 0.0
    stagger_days: float = 0.0

    def __post_init__(self) -> None:
        if not self.days > 0:
            raise DesignError(f"patients come {self.days:g} days apart; give a number above 0.")
        if min(self.sentinel_days, self.stagger_days) < 0:
            raise DesignError("sentinel_days and stagger_days are days to wait, 0 or more.")


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
        if accrual is not None or design.needs & {FOLLOW_UP, GRADES, IMMUNE, PATIENTS}:
            from opsonin.designs.clock import by_clock

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


class Source:
    """The patients of a block of trials, drawn as far as they are needed."""

    def __init__(self, truth: Truth, numbers: Int[np.ndarray, " trial"], seed: int):
        self.truth, self.numbers, self.seed = truth, numbers, seed
        self.depth = 0
        self.drawn: Any = None

    def upto(self, patients: int) -> Drawn:
        """At least so many patients of each trial."""
        if patients > self.depth:
            if patients > MOST:
                raise DesignError(
                    f"a trial has gone beyond {MOST} patients; give the design an end, such as MaxPatients(…, 30)."
                )
            self.depth = max(DRAWN, 2 * self.depth, patients)
            self.drawn = self.truth.draw(self.seed, self.numbers, self.depth)
            if hasattr(self.drawn, "timed"):
                self.drawn.timed = False
        return self.drawn


class Lots:
    """A uniform number for each trial and decision, where a design breaks ties by lot."""

    def __init__(self, design: Design, numbers: Int[np.ndarray, " trial"], seed: int):
        self.wanted, self.numbers, self.seed = LOTS in design.needs, numbers, seed
        self.step, self.drawn = 0, np.zeros((len(numbers), 0))

    def next(self, going: Int[np.ndarray, " trial"]) -> np.ndarray | None:
        """The numbers of these trials for the next decision; None where nobody asks for them."""
        if not self.wanted:
            return None
        if self.step >= self.drawn.shape[1]:
            self.drawn = random.uniform(self.seed, "design lot", self.numbers, draws=max(32, 2 * self.step))
        self.step += 1
        return self.drawn[going, self.step - 1]


def _by_counts(design: Design, truth: Truth, numbers: np.ndarray, seed: int) -> tuple[np.ndarray, ...]:
    """(mtd, patients, dlt, efficacy, days) of trials in which nobody is treated before the last cohort is judged."""
    trials, doses = len(numbers), design.levels
    treated, dlt, efficacy, both = (np.zeros((trials, doses), dtype=np.int64) for _ in range(4))
    current, last, last_dlt, mtd = (np.zeros(trials, dtype=np.int64) for _ in range(4))
    source, going, lots = Source(truth, numbers, seed), np.arange(trials), Lots(design, numbers, seed)
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
        people = source.upto(int(total.max()) + size)
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
    return mtd, treated, dlt, efficacy, np.full(trials, np.nan)
