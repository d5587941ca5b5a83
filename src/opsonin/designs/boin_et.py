"""BOIN-ET: stay, go up or down by intervals of both the DLT rate and the response rate."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from opsonin.designs.base import Decision, Decisions, Design, decisions
from opsonin.designs.beta_tails import above, below
from opsonin.designs.evidence import EFFICACY, LOTS, Evidence
from opsonin.designs.isotonic import isotonic
from opsonin.designs.table import check_rates, check_size, nearest_to_target
from opsonin.errors import DesignError

_ROUNDING = 1e-12
_STEP = 0.01  # between the bounds that are compared
_LOOK = 100  # patients for whom wrong decisions are counted, as the authors do
BEST = ("response", "utility")


class Bounds(NamedTuple):
    """A DLT rate up to `low` is low, from `high` on too high; a response rate up to `few` is too low."""

    low: float
    high: float
    few: float


@dataclass(frozen=True)
class BoinEt(Design):
    """The BOIN-ET design for the optimal biological dose.

    toxicity: the DLT rate sought;   efficacy: the response rate sought.
    too_low, too_high: DLT rates taken to be clearly below and above (0.1 and 1.4 times `toxicity`);   too_few: a
    response rate taken to be too low (0.6 times `efficacy`). The bounds make wrong decisions least likely when the six
    pairs of these rates are equally likely.
    Few responses: up where the DLT rate is low; where it is not too high, up to an untried dose, else to that of the
    three neighbours with the most responses, equal ones by lot. Enough responses: stay. Too many DLTs: down.
    sure_toxic, sure_futile: a dose is given up where its DLT rate is above `toxicity` (and those above with it), or its
    response rate below `too_few`, with a greater probability after a uniform prior; the next one beyond is taken then.
    best: declared is the dose of the highest response rate up to the MTD ("response"), or of the highest utility
    response - 0.33 DLT - 1.09 DLT where above too_high ("utility", Liu & Johnson 2016).
    Source: Takeda, Taguri & Morita (2018), Pharm Stat 17:383, doi:10.1002/pst.1864. The bounds minimise the paper's
    probability itself: the authors' software has a slip in its fourth term, which moves them by 0.01 at most.
    """

    levels: int
    toxicity: float = 0.30
    efficacy: float = 0.60
    too_low: float | None = None
    too_high: float | None = None
    too_few: float | None = None
    sure_toxic: float = 0.95
    sure_futile: float = 0.99
    best: str = "response"
    cohort: int = 3
    needs: ClassVar[frozenset[str]] = frozenset({EFFICACY, LOTS})
    seeks: ClassVar[str] = "optimal biological dose"

    def __post_init__(self) -> None:
        check_size(self.levels, self.cohort)
        check_rates(
            toxicity=self.toxicity, efficacy=self.efficacy, sure_toxic=self.sure_toxic, sure_futile=self.sure_futile
        )
        low, high, few = self.rates_apart
        if not 0 < low < self.toxicity < high < 1:
            raise DesignError(
                f"BOIN-ET needs 0 < too_low < toxicity < too_high < 1; {low:g}, {self.toxicity:g}, {high:g} were given."
            )
        if not 0 < few < self.efficacy:
            raise DesignError(f"BOIN-ET needs 0 < too_few < efficacy; {few:g} and {self.efficacy:g} were given.")
        if self.best not in BEST:
            raise DesignError(f"the best dose by {self.best!r} is unknown; use {' or '.join(BEST)}.")

    @property
    def name(self) -> str:
        return "boin-et"

    @property
    def target(self) -> float:
        """The DLT rate sought."""
        return self.toxicity

    @property
    def rates_apart(self) -> tuple[float, float, float]:
        """DLT rates clearly too low and too high, and a response rate clearly too low."""
        return (
            0.1 * self.toxicity if self.too_low is None else self.too_low,
            1.4 * self.toxicity if self.too_high is None else self.too_high,
            0.6 * self.efficacy if self.too_few is None else self.too_few,
        )

    @cached_property
    def bounds(self) -> Bounds:
        """The bounds that make wrong decisions least likely."""
        return least_wrong(self.toxicity, self.efficacy, *self.rates_apart)

    def sizes(self, seen: Evidence) -> tuple[np.ndarray, np.ndarray]:
        """How many patients DLTs, and responses, are counted of at each dose; tables (trial, dose)."""
        return seen.patients, seen.patients

    def admissible(self, seen: Evidence) -> Bool[np.ndarray, "trial dose"]:
        if seen.efficacy is None:
            raise DesignError(f"the design {self.name!r} needs each patient's response; write outcomes as '1NTEB'.")
        toxic = above(seen.dlt, seen.patients, self.toxicity) > self.sure_toxic
        futile = below(seen.efficacy, self.sizes(seen)[1], self.rates_apart[2]) > self.sure_futile
        return ~np.logical_or.accumulate(toxic, axis=1) & ~futile

    def rates(self, seen: Evidence) -> tuple[Float[np.ndarray, "trial dose"], Float[np.ndarray, "trial dose"]]:
        """The DLT and response rates at each dose; -1 where nothing is known."""
        found = []
        assert seen.efficacy is not None
        for events, size in zip((seen.dlt, seen.efficacy), self.sizes(seen), strict=True):
            found.append(np.divide(events, size, out=np.full(size.shape, -1.0), where=size > 0))
        return found[0], found[1]

    def options(self, seen: Evidence) -> tuple[Int[np.ndarray, " trial"], Bool[np.ndarray, "trial option"]]:
        """The step that is wanted, and which of one down, the same dose and one up are equally good for it.

        The step is -1, 0 or 1, and 2 where the neighbours' responses decide.
        """
        here = np.maximum(seen.current, 1)
        at = (seen.trials, here - 1)
        toxic, good = self.rates(seen)
        bounds = self.bounds
        few = good[at] <= bounds.few + _ROUNDING
        low, high = toxic[at] <= bounds.low + _ROUNDING, toxic[at] >= bounds.high - _ROUNDING
        fresh = (here < self.levels) & (seen.patients[seen.trials, np.minimum(here, self.levels - 1)] == 0)
        step = np.select([high, ~few, low | fresh], [-1, 0, 1], default=2)
        padded = np.pad(good, ((0, 0), (1, 1)), constant_values=-1.0)
        near = np.stack([padded[seen.trials, here - 1 + k] for k in range(3)], axis=1)
        equal = near >= near.max(axis=1, keepdims=True) - _ROUNDING
        single = np.arange(-1, 2) == step[:, None]
        return step, np.where((step == 2)[:, None], equal, single)

    def decide_many(self, seen: Evidence) -> Decisions:
        here = np.maximum(seen.current, 1)
        _, equal = self.options(seen)
        count = equal.sum(axis=1)
        lot = np.zeros(len(seen)) if seen.lot is None else seen.lot
        wanted = np.minimum((lot * count).astype(np.int64), count - 1)
        place = (np.cumsum(equal, axis=1) <= wanted[:, None]).sum(axis=1)
        level = np.clip(here + place - 1, 1, self.levels)
        allowed = self.admissible(seen)
        doses = np.arange(1, self.levels + 1)
        beyond = np.where(allowed & (doses >= level[:, None]), doses, self.levels + 1).min(axis=1)
        short = np.where(allowed & (doses <= level[:, None]), doses, 0).max(axis=1)
        up = (level > here) & (beyond <= self.levels)  # further up where the dose wanted may not be given, else back
        level = np.where(up, beyond, short)
        level = np.where(seen.current == 0, 1, level)
        return decisions(seen.current, level, self.cohort, ends=(level == 0) & (seen.current > 0))

    def select_many(self, seen: Evidence) -> Int[np.ndarray, " trial"]:
        toxic, good = self.rates(seen)
        tried = seen.patients > 0
        smooth = isotonic(toxic, np.where(tried, seen.patients, 0.0), tried)
        there = tried & self.admissible(seen)
        if self.best == "utility":
            known = np.where(there, smooth, 0.0)
            value = good - 0.33 * known - 1.09 * known * (known > self.rates_apart[1])
        else:
            mtd = nearest_to_target(np.where(there, smooth, np.nan), self.toxicity)
            there = there & (np.arange(1, self.levels + 1) <= mtd[:, None])
            value = good
        score = np.where(there, np.round(value, 12), -np.inf)  # of equal ones the lowest
        return np.where(there.any(axis=1), score.argmax(axis=1) + 1, 0)

    def explain(self, seen: Evidence, made: Decision) -> tuple[str, dict[str, Any]]:
        numbers = self._numbers(seen)
        if not seen.current[0]:
            return f"no patients yet: treat {made.patients} at level {made.level}", numbers
        here = int(seen.current[0])
        told = self._told(seen, here)
        if made.stop:
            return f"{told}: no level that may be given is left", numbers
        step, equal = self.options(seen)
        wanted = int(step[0])
        good = f"enough responses (over {self.bounds.few:.2f})"
        why = {-1: f"too many DLTs (from {self.bounds.high:.2f})", 0: good, 1: "few responses, and DLTs not too many"}
        words = {-1: "go down", 0: "stay", 1: "go up"}
        if wanted == 2:
            best = [str(here + k - 1) for k in range(3) if equal[0, k]]
            numbers["options"] = [int(level) for level in best]
            lot = f"; level {made.level} by lot" if len(best) > 1 else ""
            levels = f"level {best[0]} has" if len(best) == 1 else f"levels {' and '.join(best)} have"
            return f"{told}: few responses, and of the neighbours {levels} the most{lot}", numbers
        assert made.level is not None
        went = (made.level > here) - (made.level < here)
        if went == wanted and abs(made.level - here) <= 1:
            return f"{told}: {why[wanted]}, {words[wanted]}", numbers
        end = (wanted > 0 and here == self.levels) or (wanted < 0 and here == 1)
        blocked = "there is none further" if end and made.level == here else "not every level may be given"
        return f"{told}: {why[wanted]}, {words[wanted]}; {blocked}: level {made.level}", numbers

    def _numbers(self, seen: Evidence) -> dict[str, Any]:
        """What a decision rests on."""
        assert seen.efficacy is not None
        return {
            "patients": seen.patients[0].tolist(),
            "dlt": seen.dlt[0].tolist(),
            "responses": seen.efficacy[0].tolist(),
            "bounds": list(self.bounds),
        }

    def _told(self, seen: Evidence, here: int) -> str:
        """What was seen at a level, in words."""
        assert seen.efficacy is not None
        treated, toxic, good = (int(a[0, here - 1]) for a in (seen.patients, seen.dlt, seen.efficacy))
        return f"level {here}: {toxic} of {treated} with DLT, {good} with response"

    def describe(self) -> str:
        low, high, few = self.bounds
        return (
            f"BOIN-ET for a DLT rate of {self.toxicity:.0%} and a response rate of {self.efficacy:.0%}: with more than "
            f"{few:.0%} responses stay; with fewer go up where at most {low:.0%} have a DLT, and to the neighbour with "
            f"the most responses, or an untried one above, where more have; from {high:.0%} with DLT go down."
        )


def least_wrong(toxicity: float, efficacy: float, too_low: float, too_high: float, too_few: float) -> Bounds:
    """The bounds, in steps of 0.01, that make wrong decisions least likely; of equal ones the lowest.

    Wrong are, with too few responses: not to go up at a low DLT rate, not to go down at one too high; with enough: not
    to stay, unless the DLT rate is too high. Of the neighbours each is taken as likely.
    """
    from scipy.special import bdtr

    def steps(start: float, end: float) -> np.ndarray:
        return start + _STEP * np.arange(int((end - start) / _STEP + 1e-9) + 1)

    low, high, few = steps(too_low, toxicity), steps(toxicity, too_high), steps(too_few, efficacy)

    def up_to(bound: np.ndarray, rate: float, less: int = 0) -> np.ndarray:
        return bdtr(np.floor(_LOOK * bound + 1e-7) - less, _LOOK, rate)

    rates = (too_low, toxicity, too_high)
    is_low = {p: up_to(low, p)[:, None, None] for p in rates}
    not_high = {p: up_to(high, p, 1)[None, :, None] for p in rates}
    is_few = {q: up_to(few, q)[None, None, :] for q in (too_few, efficacy)}
    wrong = np.zeros((len(low), len(high), len(few)))
    for p, q in (
        (too_low, too_few),
        (too_low, efficacy),
        (toxicity, efficacy),
        (too_high, too_few),
        (too_high, efficacy),
    ):
        middle = not_high[p] - is_low[p]
        right_by_chance = middle * is_few[q] / 3
        if p == too_high:
            right = 1 - not_high[p]
        elif q == too_few:
            right = is_low[p] * is_few[q]
        else:
            right = not_high[p] * (1 - is_few[q])
        wrong = wrong + 1 - right - right_by_chance
    i, j, k = np.unravel_index(int(np.round(wrong, 12).argmin()), wrong.shape)
    return Bounds(*(round(float(bound), 10) for bound in (low[i], high[j], few[k])))
