"""Replicate trials on their own clock, for designs that look at more than counts: days, responses, grades, markers.

The engine is that of simulated designs (opsonin.designs.on_clock); the patients are those of a study's pool, with the
days on which their DLTs and responses show, and their assays' errors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from opsonin.designs import Accrual, Decisions, Design
from opsonin.designs.backfilling import Backfilling
from opsonin.designs.base import WAIT
from opsonin.designs.draws import Lots
from opsonin.designs.evidence import EFFICACY, IMMUNE
from opsonin.designs.followed import Followed
from opsonin.designs.on_clock import run_on_clock
from opsonin.designs.truth import Shown
from opsonin.trial.decided import Steps, decided_on_clock
from opsonin.trial.endpoints import Outcomes, Shows, check_endpoints, immune_day, immune_effect, looked_at
from opsonin.trial.enrol import Escalation, accrual_waits
from opsonin.trial.enrolment import Enrolment, Order
from opsonin.trial.plan import Plan


@dataclass(frozen=True, eq=False)
class OnClock(Escalation):
    """Trials on their own clock.   state: all their patients;   days, sizes, lots: of each step, the day on which it
    was made, how many patients had been enrolled, and the number by which ties were broken."""

    enrolment: Enrolment
    steps: Steps
    design: Design
    state: Followed
    days: Float[np.ndarray, " step"]
    sizes: Int[np.ndarray, " step"]
    lots: Float[np.ndarray, " step"] | None

    def decisions(self, enrolled: Enrolment) -> pd.DataFrame:
        return decided_on_clock(enrolled, self.steps, self.design, self.state, self.days, self.sizes, self.lots)


class PoolPeople:
    """The pool's patients as they come to replicate trials.   needs: what the design looks at."""

    def __init__(self, plan: Plan, shows: Shows, order: Order, needs: frozenset[str], seed: int, pool_seed: int):
        self.plan, self.shows, self.order, self.needs = plan, shows, order, needs
        self.seed, self.pool_seed = seed, pool_seed
        self.replaces = plan.protocol.replace == "not evaluable"

    def show(
        self, trial: Int[np.ndarray, " patient"], slot: Int[np.ndarray, " patient"], dose: Int[np.ndarray, " patient"]
    ) -> Shown:
        """What patient `slot` (from 0) of a trial (from 0) shows at a dose (from 1)."""
        patient = self.order.patients(trial, slot)
        seen = self.shows.seen(dose, patient)
        immune = np.full(len(patient), np.nan)
        if IMMUNE in self.needs:
            for level in np.unique(dose).tolist():
                here = np.flatnonzero(dose == level)
                mine, enrolled = patient[here], (trial[here] + 1, slot[here])
                true = self.shows.outcomes(level, np.unique(mine)).take(mine)
                immune[here] = immune_effect(self.plan, true, mine, self.seed, self.pool_seed, enrolled)
        return Shown(
            np.isfinite(seen.dlt),
            seen.dlt,
            np.isfinite(seen.response),
            seen.response,
            seen.grade,
            immune,
            seen.judged,
            seen.settled if EFFICACY in self.needs else None,
            seen.evaluable if self.replaces else None,
        )


class PoolWaits:
    """Exponential waits between the patients of replicate trials."""

    def __init__(self, plan: Plan, seed: int):
        self.plan, self.seed = plan, seed

    def of(
        self, trial: Int[np.ndarray, " patient"], slot: Int[np.ndarray, " patient"]
    ) -> Float[np.ndarray, " patient"]:
        """Days between patient `slot` of a trial (from 0) and the one before, or the opening of the trial."""
        return accrual_waits(self.plan, self.seed, trial + 1, slot)


class _Noted:
    """Every decision as it is made."""

    def __init__(self, state: Followed):
        self.state = state
        self.steps: list[tuple[np.ndarray, np.ndarray, Decisions]] = []
        self.days: list[np.ndarray] = []
        self.sizes: list[np.ndarray] = []
        self.lots: list[np.ndarray] = []

    def __call__(self, going: np.ndarray, day: np.ndarray, made: Decisions, lot: np.ndarray | None) -> None:
        cohort = self.state.cohort[going].max(axis=1, initial=0)
        self.steps.append((going + 1, cohort, made))
        self.days.append(day)
        self.sizes.append(self.state.size[going].copy())
        if lot is not None:
            self.lots.append(lot)

    def sorted(self) -> tuple[Steps, np.ndarray, np.ndarray, np.ndarray | None]:
        """Steps, days, sizes and lots, by trial and time. A wait is told once, on the day on which it begins."""
        order = np.argsort(np.concatenate([trial for trial, *_ in self.steps]), kind="stable")
        steps = Steps.joined(self.steps)
        waits = steps.made.action == WAIT
        begins = ~waits | ~np.roll(waits, 1) | (np.diff(steps.trial, prepend=0) > 0)
        order = order[begins]
        days, sizes = np.concatenate(self.days)[order], np.concatenate(self.sizes)[order]
        return steps.take(begins), days, sizes, np.concatenate(self.lots)[order] if self.lots else None


def escalate_on_clock(
    plan: Plan,
    weights: Float[np.ndarray, " patient"],
    outcomes: Outcomes,
    design: Design,
    seed: int,
    trials: int,
    pool_seed: int,
) -> OnClock:
    """Run the escalation of trials whose design looks at more than counts; see `opsonin.trial.enrol.escalate`."""
    check_endpoints(plan, design)
    numbers, protocol = np.arange(1, trials + 1), plan.protocol
    window = float(getattr(design, "window_days", None) or protocol.dlt_window_days)
    response_window = float(getattr(design, "efficacy_window_days", None) or protocol.response_days or window)
    needs, score = looked_at(design), getattr(design, "score_of_grade", None)
    order, shows = Order(weights, seed, trials), Shows(plan, outcomes, len(weights), needs)
    people = PoolPeople(plan, shows, order, needs, seed, pool_seed)
    state = Followed(
        trials,
        design.levels,
        design.needs,
        window,
        response_window,
        score,
        immune_day(plan),
        lead=-plan.start,
        backfills=design.backfills,
        also=needs - design.needs,
    )
    noted = _Noted(state)
    beside = None
    if design.backfills:
        beside = Backfilling(design, people, Accrual(protocol.accrual_days), numbers, seed)
    lots = Lots(design, numbers, seed)
    run_on_clock(design, state, people, PoolWaits(plan, seed), lots, protocol.gaps, beside, noted)
    return OnClock(_enrolled(plan, state, shows, order), *_with(design, state, noted))


def _with(
    design: Design, state: Followed, noted: _Noted
) -> tuple[Steps, Design, Followed, np.ndarray, np.ndarray, np.ndarray | None]:
    steps, days, sizes, lots = noted.sorted()
    return steps, design, state, days, sizes, lots


def _enrolled(plan: Plan, state: Followed, shows: Shows, order: Order) -> Enrolment:
    """Everybody, by trial and slot."""
    row, slot = np.nonzero(state.dose > 0)
    at = row, slot
    patient, level = order.patients(row, slot), state.dose[at]
    seen = shows.seen(level, patient)
    entry = state.entry[at]
    return Enrolment(
        row + 1,
        slot,
        patient,
        level,
        state.cohort[at],
        entry - state.lead,
        entry + seen.judged,
        np.isfinite(seen.dlt),
        seen.evaluable,
    )
