"""BOIN12: the dose with the best trade of response against toxicity, found by ranks that a table can print."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from opsonin.designs.base import Decision, Decisions, Design, decisions
from opsonin.designs.beta_tails import above, below
from opsonin.designs.boin import Boin
from opsonin.designs.evidence import EFFICACY, Evidence
from opsonin.designs.table import check_rates, nearest_to_target
from opsonin.errors import DesignError

_ROUNDING = 1e-12
EXPLORED = 9  # patients at a tolerated dose after which the untried one above is tried


@dataclass(frozen=True)
class Boin12(Design):
    """The BOIN12 design for the optimal biological dose.

    toxicity: the highest DLT rate that is acceptable;   efficacy: the lowest response rate that is.
    good, bad: utilities of neither toxicity nor response, and of both (response alone has 100, toxicity alone 0).
    Each patient counts as their utility / 100 of a success; a dose is desirable as far as its mean utility, after a
    uniform prior, exceeds half way between that of a dose just unacceptable and 100.
    From a dose whose DLT rate is above BOIN's upper bound go down; between the bounds, with `enough` patients there,
    the more desirable of it and the one below; else of it and both neighbours. A tolerated dose with nine patients is
    left for an untried one above.
    sure_toxic, sure_futile: a dose is given up where its DLT rate is above `toxicity` (and those above with it), or its
    response rate below `efficacy`, with a greater posterior probability.
    Source: Lin, Zhou, Yan, Li & Yuan (2020), JCO Precis Oncol 4:1393, doi:10.1200/PO.20.00257, and its supplement.
    """

    levels: int
    toxicity: float = 0.35
    efficacy: float = 0.25
    good: float = 40.0
    bad: float = 60.0
    enough: int = 6
    sure_toxic: float = 0.95
    sure_futile: float = 0.90
    cohort: int = 3
    needs: ClassVar[frozenset[str]] = frozenset({EFFICACY})
    seeks: ClassVar[str] = "optimal biological dose"

    def __post_init__(self) -> None:
        check_rates(efficacy=self.efficacy, sure_toxic=self.sure_toxic, sure_futile=self.sure_futile)
        _ = self.single  # checks levels, cohort and the toxicity
        if not (0 <= self.good <= 100 and 0 <= self.bad <= 100):
            raise DesignError(f"utilities lie between 0 and 100; {self.good:g} and {self.bad:g} were given.")

    @property
    def name(self) -> str:
        return "boin12"

    @property
    def target(self) -> float:
        """The DLT rate that BOIN's bounds are made for."""
        return self.toxicity

    @cached_property
    def single(self) -> Boin:
        """The design by whose bounds DLT rates are judged."""
        return Boin(self.levels, self.toxicity, cohort=self.cohort)

    @property
    def benchmark(self) -> float:
        """The mean utility a dose is held against."""
        t, e = self.toxicity, self.efficacy
        least = 100 * e * (1 - t) + self.good * (1 - t) * (1 - e) + self.bad * t * e
        return least + (100 - least) / 2

    def utility_counts(self, seen: Evidence) -> Float[np.ndarray, "trial dose"]:
        """The sum of the patients' utilities / 100 at each dose."""
        return utility_counts(seen, self.good, self.bad, self.name)

    def desirability(self, seen: Evidence) -> Float[np.ndarray, "trial dose"]:
        """P(mean utility > benchmark)."""
        return above(self.utility_counts(seen), seen.patients, self.benchmark / 100)

    def sizes(self, seen: Evidence) -> tuple[np.ndarray, np.ndarray]:
        """How many patients DLTs, and responses, are counted of at each dose; tables (trial, dose)."""
        return seen.patients, seen.patients

    def _too_toxic(self, seen: Evidence) -> Bool[np.ndarray, "trial dose"]:
        return above(seen.dlt, self.sizes(seen)[0], self.toxicity) >= self.sure_toxic

    def _futile(self, seen: Evidence) -> Bool[np.ndarray, "trial dose"]:
        assert seen.efficacy is not None
        return below(seen.efficacy, self.sizes(seen)[1], self.efficacy) >= self.sure_futile

    def tolerable(self, seen: Evidence) -> Bool[np.ndarray, "trial dose"]:
        """Doses neither shown to be too toxic by themselves nor to respond too seldom."""
        return ~self._too_toxic(seen) & ~self._futile(seen)

    def admissible(self, seen: Evidence) -> Bool[np.ndarray, "trial dose"]:
        return ~np.logical_or.accumulate(self._too_toxic(seen), axis=1) & ~self._futile(seen)

    def decide_many(self, seen: Evidence) -> Decisions:
        here = np.maximum(seen.current, 1)
        allowed = self.admissible(seen)
        patients, dlt = seen.at("patients", here), seen.at("dlt", here)
        size = self.sizes(seen)[0][seen.trials, here - 1]
        rate = np.divide(dlt, size, out=np.zeros(len(seen)), where=size > 0)
        up, down = self.single.bounds
        high, low = rate >= down - _ROUNDING, rate <= up + _ROUNDING
        doses = np.arange(1, self.levels + 1)
        apart = doses - here[:, None]
        near = np.abs(apart) <= 1
        between = ~high & ~low & (patients >= self.enough)
        near &= ~(between[:, None] & (apart == 1))
        near &= allowed
        best = np.full(near.shape, -1.0)
        best[near] = np.round(above(self.utility_counts(seen)[near], seen.patients[near], self.benchmark / 100), 12)
        level = self.levels - best[:, ::-1].argmax(axis=1)  # of equal ones the highest
        none_near = best.max(axis=1) < 0
        below = np.where(allowed & (apart < 0), doses, 0).max(axis=1)
        nearest = np.where(allowed, np.abs(apart), self.levels + 1).argmin(axis=1) + 1
        level = np.where(none_near, nearest, level)
        keeps = allowed[seen.trials, here - 1]
        level = np.where(high, np.where(below > 0, below, np.where(keeps, here, nearest)), level)
        higher = np.minimum(here, self.levels - 1)
        fresh = seen.patients[seen.trials, higher] == 0
        explores = (patients >= EXPLORED) & ~high & (here < self.levels) & fresh & allowed[seen.trials, higher]
        level = np.where(explores, here + 1, level)
        level = np.where(seen.current == 0, 1, level)
        return decisions(seen.current, level, self.cohort, ends=~allowed.any(axis=1) & (seen.current > 0))

    def select_many(self, seen: Evidence) -> Int[np.ndarray, " trial"]:
        """The dose of highest mean utility among those not above the one whose DLT rate is nearest to `toxicity`."""
        mtd = nearest_to_target(self.single.rates(seen), self.toxicity)
        doses = np.arange(1, self.levels + 1)
        there = (seen.patients > 0) & self.admissible(seen) & (doses <= mtd[:, None])
        mean = np.where(there, (1 + self.utility_counts(seen)) / (2 + seen.patients), -1.0)
        return np.where(there.any(axis=1), mean.argmax(axis=1) + 1, 0)

    def explain(self, seen: Evidence, made: Decision) -> tuple[str, dict[str, Any]]:
        assert seen.efficacy is not None
        score = self.desirability(seen)[0]
        numbers = self._numbers(seen)
        if not seen.current[0]:
            return f"no patients yet: treat {made.patients} at level {made.level}", numbers
        here = int(seen.current[0])
        treated, toxic = int(seen.patients[0, here - 1]), int(seen.dlt[0, here - 1])
        size = float(self.sizes(seen)[0][0, here - 1])
        told = self._told(seen, here)
        if made.stop:
            return f"{told}: every level is too toxic or responds too seldom", numbers
        assert made.level is not None
        _, down = self.single.bounds
        if size > 0 and toxic / size >= down - _ROUNDING:
            return f"{told}: DLT rate at or above {down:.3f}, so down to level {made.level}", numbers
        fresh = made.level > here and not seen.patients[0, made.level - 1]
        if treated >= EXPLORED and fresh:
            return f"{told}: tolerated by {treated}, so the untried level {made.level} is tried", numbers
        why = f"the most desirable ({score[made.level - 1]:.2f}) of those that may be given"
        return f"{told}: level {made.level} is {why}", numbers

    def _numbers(self, seen: Evidence) -> dict[str, Any]:
        """What a decision rests on."""
        assert seen.efficacy is not None
        return {
            "patients": seen.patients[0].tolist(),
            "dlt": seen.dlt[0].tolist(),
            "responses": seen.efficacy[0].tolist(),
            "desirability": [round(float(value), 6) for value in self.desirability(seen)[0]],
        }

    def _told(self, seen: Evidence, here: int) -> str:
        """What was seen at a level, in words."""
        assert seen.efficacy is not None
        treated, toxic, good = (int(a[0, here - 1]) for a in (seen.patients, seen.dlt, seen.efficacy))
        return f"level {here}: {toxic} of {treated} with DLT, {good} with response"

    def describe(self) -> str:
        return (
            f"BOIN12: the level with the best trade of response against toxicity, DLT rate at most {self.toxicity:.0%} "
            f"and response rate at least {self.efficacy:.0%}; neither is worth {self.good:g} of 100, both together "
            f"{self.bad:g}."
        )


def utility_counts(seen: Evidence, good: float, bad: float, name: str) -> Float[np.ndarray, "trial dose"]:
    """The sum of the patients' utilities / 100 at each dose.

    good, bad: utilities of neither toxicity nor response, and of both.   name: of the design that asks.
    Raises: DesignError where responses are not known.
    """
    if seen.efficacy is None or seen.both is None:
        raise DesignError(f"the design {name!r} needs each patient's response; write outcomes as '1NTEB'.")
    alone = seen.efficacy - seen.both
    neither = seen.patients - seen.dlt - alone
    return (100 * alone + good * neither + bad * seen.both) / 100


def rank_based_scores(design: Boin12, sizes: Sequence[int]) -> pd.DataFrame:
    """The rank of every outcome at a dose by desirability, as a protocol prints it: columns patients, dlt, responses,
    admissible, rank (NaN where not admissible; equal ones share the mean rank).

    sizes: numbers of patients at a dose, 0 for an untried one.
    Raises: DesignError where utilities do not add (good + bad = 100), so that counts do not give the utility.
    """
    if abs(design.good + design.bad - 100) > 1e-9:
        raise DesignError("ranks by numbers of DLTs and responses need utilities that add: good + bad = 100.")
    rows = [(n, t, e) for n in sizes for t in range(n + 1) for e in range(n + 1)]
    patients, dlt, responses = (np.array(column)[:, None] for column in zip(*rows, strict=True))
    both = np.minimum(dlt, responses)  # any split gives the same sum
    seen = Evidence(patients, dlt, np.ones(len(rows), dtype=np.int64), efficacy=responses, both=both)
    one = Boin12(1, *(getattr(design, f) for f in ("toxicity", "efficacy", "good", "bad", "enough")))
    allowed = one.tolerable(seen)[:, 0]
    score = pd.Series(np.round(one.desirability(seen)[:, 0], 12)).where(allowed)
    made = pd.DataFrame(rows, columns=pd.Index(["patients", "dlt", "responses"]))
    return made.assign(admissible=allowed, rank=score.rank(method="average"))
