"""Who comes, when, and by which lot: what simulated trials draw, the same for every design."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from opsonin import random
from opsonin.designs.base import Design
from opsonin.designs.evidence import LOTS
from opsonin.designs.truth import Shown, Truth
from opsonin.errors import DesignError

DRAWN = 36  # patients (decisions, waits) of a trial drawn at first; more where a trial needs them
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


class People:
    """The patients of a block of trials, drawn as far as they are needed.   timed: with the days on which it shows.

    most: how many each trial is thought to need; where it is wrong more are drawn.
    """

    def __init__(
        self, truth: Truth, numbers: Int[np.ndarray, " trial"], seed: int, timed: bool, most: int | None = None
    ):
        self.truth, self.numbers, self.seed, self.timed = truth, numbers, seed, timed
        self.depth, self.first = 0, DRAWN if most is None else most

    def show(
        self, trial: Int[np.ndarray, " patient"], slot: Int[np.ndarray, " patient"], dose: Int[np.ndarray, " patient"]
    ) -> Shown:
        """What patient `slot` (from 0) of trial `trial` (from 0) shows at a dose (from 1).

        Raises: DesignError where a trial has more patients than any should have.
        """
        wanted = int(slot.max()) + 1
        if wanted > self.depth:
            if wanted > MOST:
                raise DesignError(
                    f"a trial has gone beyond {MOST} patients; give the design an end, such as MaxPatients(…, 30)."
                )
            self.depth = max(self.first, 2 * self.depth, wanted)
            self.drawn = self.truth.draw(self.seed, self.numbers, self.depth, self.timed)
        return self.drawn.show(trial, slot, dose)


class Lots:
    """A uniform number for each trial and decision, where a design breaks ties by lot."""

    def __init__(self, design: Design, numbers: Int[np.ndarray, " trial"], seed: int):
        self.wanted, self.numbers, self.seed = LOTS in design.needs, numbers, seed
        self.step, self.drawn = 0, np.zeros((len(numbers), 0))

    def next(self, going: Int[np.ndarray, " trial"]) -> Float[np.ndarray, " trial"] | None:
        """The numbers of these trials for the next decision; None where nobody asks for them."""
        if not self.wanted:
            return None
        if self.step >= self.drawn.shape[1]:
            self.drawn = random.uniform(self.seed, "design lot", self.numbers, draws=max(DRAWN, 2 * self.step))
        self.step += 1
        return self.drawn[going, self.step - 1]


class Waits:
    """Days between one patient and the next, of each trial.   purpose: of the random numbers."""

    def __init__(
        self, accrual: Accrual, numbers: Int[np.ndarray, " trial"], seed: int, purpose: str = "design accrual"
    ):
        self.accrual, self.numbers, self.seed, self.purpose = accrual, numbers, seed, purpose
        self.depth, self.drawn = 0, np.zeros((len(numbers), 0))

    def of(
        self, trial: Int[np.ndarray, " patient"], slot: Int[np.ndarray, " patient"]
    ) -> Float[np.ndarray, " patient"]:
        """The wait before patient `slot` of each trial; the first one comes on day 0."""
        if int(slot.max()) >= self.depth:
            self.depth = max(DRAWN, 2 * self.depth, int(slot.max()) + 1)
            self.drawn = random.exponential(self.seed, self.purpose, self.numbers, draws=self.depth)
        part = np.ones(len(trial)) if self.accrual.even else self.drawn[trial, slot]
        return np.where(slot == 0, 0.0, self.accrual.days * part)
