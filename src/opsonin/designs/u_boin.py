"""U-BOIN: explore by BOIN first, then treat at the dose of highest mean utility."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Bool, Float, Int

from opsonin.designs.base import Decision, Decisions, Design, decisions
from opsonin.designs.beta_tails import above, below
from opsonin.designs.boin import Boin
from opsonin.designs.boin12 import utility_counts
from opsonin.designs.evidence import EFFICACY, LOTS, Evidence
from opsonin.designs.table import check_rates
from opsonin.errors import DesignError

_ROUNDING = 1e-12
_SURE = 0.95  # of BOIN, by which a dose and those above are given up
ALLOCATIONS = ("best", "proportional")


@dataclass(frozen=True)
class UBoin(Design):
    """The utility-based BOIN design for the optimal biological dose, in two stages.

    toxicity: the highest DLT rate that is acceptable;   efficacy: the lowest response rate that is.
    margin: BOIN seeks `toxicity` less this.   good, bad: utilities of neither toxicity nor response, and of both
    (response alone has 100, toxicity alone 0); those given here are assumed, elicit your own.
    First stage: BOIN on DLTs, until a dose has `first_stage` patients. Second stage: where the highest dose tried has a
    DLT rate up to BOIN's lower bound, the untried one above is tried; else the dose tried, and not given up, of highest
    posterior mean utility is given (allocation "best"), or one by lot with chances as their utilities ("proportional").
    The trial ends when a dose has `second_stage` patients, or none may be given.
    sure_toxic, sure_futile: a dose may be given in the second stage unless its DLT rate is above `toxicity`, or its
    response rate below `efficacy`, with a greater posterior probability. prior_patients: what the prior, of equal
    chances for the four outcomes, counts for.
    A dose is given up for good, with those above, where its DLT rate is above `toxicity` with more than 0.95 after a
    uniform prior, from three patients on; here in both stages. Of equal utilities the lower dose is taken.
    Source: Zhou, Lee & Yuan (2019), Stat Med 38:5299, doi:10.1002/sim.8361.
    """

    levels: int
    toxicity: float = 0.30
    efficacy: float = 0.20
    margin: float = 0.05
    good: float = 30.0
    bad: float = 50.0
    first_stage: int = 12
    second_stage: int = 24
    sure_toxic: float = 0.95
    sure_futile: float = 0.90
    prior_patients: float = 1.0
    allocation: str = "best"
    cohort: int = 3
    seeks: ClassVar[str] = "optimal biological dose"

    def __post_init__(self) -> None:
        check_rates(
            toxicity=self.toxicity, efficacy=self.efficacy, sure_toxic=self.sure_toxic, sure_futile=self.sure_futile
        )
        if not 0 <= self.margin < self.toxicity:
            raise DesignError(f"margin is {self.margin:g}; it is 0 or more and below toxicity ({self.toxicity:g}).")
        _ = self.single  # checks levels, cohort and the target
        if not (0 <= self.good <= 100 and 0 <= self.bad <= 100):
            raise DesignError(f"utilities lie between 0 and 100; {self.good:g} and {self.bad:g} were given.")
        if not 1 <= self.first_stage <= self.second_stage:
            raise DesignError(
                f"a dose has {self.first_stage} patients at the end of the first stage and {self.second_stage} at that "
                "of the second; the second number is not to be smaller."
            )
        if not self.prior_patients > 0:
            raise DesignError(f"prior_patients is {self.prior_patients:g}; give a number above 0.")
        if self.allocation not in ALLOCATIONS:
            raise DesignError(f"the allocation {self.allocation!r} is unknown; use {' or '.join(ALLOCATIONS)}.")

    @property
    def name(self) -> str:
        return "u-boin"

    @property
    def needs(self) -> frozenset[str]:  # type: ignore[override]  - lots only where allocation is by lot
        return frozenset({EFFICACY, LOTS} if self.allocation == "proportional" else {EFFICACY})

    @property
    def target(self) -> float:
        """The DLT rate that BOIN seeks."""
        return self.toxicity - self.margin

    @cached_property
    def single(self) -> Boin:
        """The design by whose bounds DLT rates are judged."""
        return Boin(self.levels, self.target, cohort=self.cohort)

    def utility(self, seen: Evidence) -> Float[np.ndarray, "trial dose"]:
        """The posterior mean utility of each dose."""
        prior = self.prior_patients * (100 + self.good + self.bad) / 4
        summed = 100 * utility_counts(seen, self.good, self.bad, self.name)
        return (prior + summed) / (self.prior_patients + seen.patients)

    def given_up(self, seen: Evidence) -> Bool[np.ndarray, "trial dose"]:
        """Doses not used again, as they or ones below are too toxic."""
        out = (seen.patients >= 3) & (above(seen.dlt, seen.patients, self.toxicity) > _SURE)
        return np.logical_or.accumulate(out, axis=1)

    def admissible(self, seen: Evidence) -> Bool[np.ndarray, "trial dose"]:
        if seen.efficacy is None:
            raise DesignError(f"the design {self.name!r} needs each patient's response; write outcomes as '1NTEB'.")
        half = self.prior_patients / 2
        toxic = above(seen.dlt, seen.patients, self.toxicity, half) > self.sure_toxic
        futile = below(seen.efficacy, seen.patients, self.efficacy, half) > self.sure_futile
        return ~self.given_up(seen) & ~(toxic & (seen.patients > 0)) & ~(futile & (seen.patients > 0))

    def second(self, seen: Evidence) -> Bool[np.ndarray, " trial"]:
        """Trials in their second stage."""
        return np.asarray((seen.patients >= self.first_stage).any(axis=1))

    def explores(self, seen: Evidence) -> Bool[np.ndarray, " trial"]:
        """Trials whose second stage tries an untried dose next."""
        top = np.maximum(seen.highest, 1)
        rate = seen.at("dlt", top) / np.maximum(seen.at("patients", top), 1)
        free = ~self.given_up(seen)[seen.trials, np.minimum(top, self.levels - 1)]
        return self.second(seen) & (rate <= self.single.bounds[0] + _ROUNDING) & (top < self.levels) & free

    def decide_many(self, seen: Evidence) -> Decisions:
        best = self._second_stage(seen)
        explores, second = self.explores(seen), self.second(seen)
        level = np.where(second, np.where(explores, seen.highest + 1, best), self._first_stage(seen))
        full = (seen.patients >= self.second_stage).any(axis=1)
        ends = (full | (level == 0)) & (seen.current > 0)
        mtd = np.where(full, self.select_many(seen), 0) if full.any() else np.zeros_like(level)
        return decisions(seen.current, level, self.cohort, mtd, ends)

    def _first_stage(self, seen: Evidence) -> Int[np.ndarray, " trial"]:
        """BOIN's next dose, 0 where the lowest is given up."""
        here = np.maximum(seen.current, 1)
        up, down = self.single.bounds
        rate = seen.at("dlt", here) / np.maximum(seen.at("patients", here), 1)
        move = np.select([rate <= up + _ROUNDING, rate >= down - _ROUNDING], [1, -1], default=0)
        left = (~self.given_up(seen)).sum(axis=1)  # the lowest so many
        level = np.clip(here + move, 1, np.maximum(left, 1))
        return np.where(seen.current == 0, 1, np.where(left == 0, 0, level))

    def _second_stage(self, seen: Evidence) -> Int[np.ndarray, " trial"]:
        """The dose of highest utility, or by lot; 0 where none may be given."""
        open_ = (seen.patients > 0) & self.admissible(seen)
        utility = np.where(open_, np.round(self.utility(seen), 10), -1.0)
        best = utility.argmax(axis=1)
        if self.allocation == "proportional" and seen.lot is not None:
            steps = np.cumsum(np.where(open_, np.maximum(utility, 1e-9), 0.0), axis=1)
            drawn = (steps <= (seen.lot * steps[:, -1])[:, None]).sum(axis=1)
            best = np.where(open_.any(axis=1), np.minimum(drawn, self.levels - 1), best)
        return np.where(open_.any(axis=1), best + 1, 0)

    def select_many(self, seen: Evidence) -> Int[np.ndarray, " trial"]:
        open_ = (seen.patients > 0) & self.admissible(seen)
        utility = np.where(open_, np.round(self.utility(seen), 10), -1.0)
        return np.where(open_.any(axis=1), utility.argmax(axis=1) + 1, 0)

    def explain(self, seen: Evidence, made: Decision) -> tuple[str, dict[str, Any]]:
        assert seen.efficacy is not None
        utility = self.utility(seen)[0]
        numbers = {
            "patients": seen.patients[0].tolist(),
            "dlt": seen.dlt[0].tolist(),
            "responses": seen.efficacy[0].tolist(),
            "utility": [round(float(value), 6) for value in utility],
            "stage": 2 if self.second(seen)[0] else 1,
        }
        if not seen.current[0]:
            return f"no patients yet: treat {made.patients} at level {made.level}", numbers
        here = int(seen.current[0])
        treated, toxic, good = (int(a[0, here - 1]) for a in (seen.patients, seen.dlt, seen.efficacy))
        told = f"level {here}: {toxic} of {treated} with DLT, {good} with response"
        if made.action == "declare":
            most = int(seen.patients.max())
            return f"{told}: a level has {most} patients; level {made.mtd} has the highest utility", numbers
        if made.stop:
            if self.given_up(seen)[0, 0]:
                return f"{told}: level 1 is too toxic", numbers
            return f"{told}: every level tried is too toxic or responds too seldom", numbers
        assert made.level is not None
        if not self.second(seen)[0]:
            up, down = self.single.bounds
            words = {"escalate": "go up", "de-escalate": "go down"}.get(made.action, "stay")
            return f"{told}; first stage (up to {up:.3f} go up, from {down:.3f} go down): {words}", numbers
        if self.explores(seen)[0]:
            return f"{told}; second stage: level {made.level - 1} is tolerated, so {made.level} is tried", numbers
        of = f"utility {utility[made.level - 1]:.1f}"
        how = f"has the highest {of}" if self.allocation == "best" else f"by lot ({of})"
        return f"{told}; second stage: level {made.level} {how}", numbers

    def describe(self) -> str:
        return (
            f"U-BOIN: BOIN with target {self.target:.0%} until a level has {self.first_stage} patients, then the level "
            f"of highest mean utility, DLT rate at most {self.toxicity:.0%} and response rate at least "
            f"{self.efficacy:.0%}, until one has {self.second_stage}; neither is worth {self.good:g} of 100, both "
            f"together {self.bad:g}."
        )
