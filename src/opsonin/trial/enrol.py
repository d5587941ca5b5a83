"""Replicate trials, all at once: enrol from the pool, judge, let the design decide, until every trial has stopped.

A design that decides from counts of patients and DLTs has cohorts filled one after the other (here); any other one runs
on each trial's own clock (enrol_clock.py).
"""

from __future__ import annotations

import abc
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from opsonin import random
from opsonin.designs import Decisions, Design, Evidence
from opsonin.designs.evidence import LOTS
from opsonin.trial.decided import Steps, decided_by_cohort
from opsonin.trial.endpoints import Outcomes, Shows
from opsonin.trial.enrolment import Enrolment, Order
from opsonin.trial.plan import Plan

__all__ = ["ByCohort", "Enrolment", "Escalation", "enrol", "escalate"]


class Escalation(abc.ABC):
    """The escalation of replicate trials: who was enrolled, and what the design decided."""

    enrolment: Enrolment

    @abc.abstractmethod
    def decisions(self, enrolled: Enrolment) -> pd.DataFrame:
        """The decisions of these patients' trials as they were made, with their `trial`, in order of time."""


@dataclass(frozen=True, eq=False)
class ByCohort(Escalation):
    """Trials whose cohorts are filled one after the other.   steps: one before the first cohort, one after each."""

    enrolment: Enrolment
    steps: Steps
    design: Design
    seed: int
    replaced: bool

    def decisions(self, enrolled: Enrolment) -> pd.DataFrame:
        counted = enrolled.evaluable | (not self.replaced)
        return decided_by_cohort(enrolled, self.steps, self.design, counted, self.seed)


def escalate(
    plan: Plan,
    weights: Float[np.ndarray, " patient"],
    outcomes: Outcomes,
    design: Design,
    seed: int,
    trials: int,
    pool_seed: int | None = None,
) -> Escalation:
    """Run the escalation of `trials` trials.

    weights: of the pool's patients; more weight is enrolled more often, nobody twice in a trial.
    outcomes: (level, rows of the pool) → the potential outcomes at a level, in which these rows are simulated.
    pool_seed: of readings that a policy acts on; `seed` where None.
    Raises: StudyError where a trial needs more patients than the pool has, or the protocol does not measure what the
    design looks at.
    """
    if design.backfills or design.needs - {LOTS}:
        from opsonin.trial.enrol_clock import escalate_on_clock

        return escalate_on_clock(
            plan, weights, outcomes, design, seed, trials, seed if pool_seed is None else pool_seed
        )
    return _by_cohort(plan, weights, outcomes, design, seed, trials)


def enrol(
    plan: Plan, weights: Float[np.ndarray, " patient"], outcomes: Outcomes, design: Design, seed: int, trials: int
) -> Enrolment:
    """Who is enrolled where in the escalation of `trials` trials; see `escalate`."""
    return escalate(plan, weights, outcomes, design, seed, trials).enrolment


@dataclass(eq=False)
class _Trials:
    """The running state of every trial, one entry each."""

    patients: np.ndarray
    dlt: np.ndarray
    current: np.ndarray
    cohort: np.ndarray
    enrolled: np.ndarray
    clock: np.ndarray
    last_patients: np.ndarray
    last_dlt: np.ndarray

    @classmethod
    def begin(cls, trials: int, levels: int) -> _Trials:
        """Nobody is enrolled yet."""
        patients, dlt = (np.zeros((trials, levels), dtype=np.int64) for _ in range(2))
        current, cohort, enrolled, last, last_dlt = (np.zeros(trials, dtype=np.int64) for _ in range(5))
        return cls(patients, dlt, current, cohort, enrolled, np.zeros(trials), last, last_dlt)

    def evidence(self, going: np.ndarray, lot: np.ndarray | None) -> Evidence:
        """What the designs of these trials may look at: counts, with those of the last cohort."""
        return Evidence(
            self.patients[going],
            self.dlt[going],
            self.current[going],
            self.last_patients[going],
            self.last_dlt[going],
            lot=lot,
        )


def _by_cohort(plan: Plan, weights: np.ndarray, outcomes: Outcomes, design: Design, seed: int, trials: int) -> ByCohort:
    numbers = np.arange(1, trials + 1)
    order, shows = Order(weights, seed, trials), Shows(plan, outcomes, len(weights))
    state = _Trials.begin(trials, design.levels)
    found: list[tuple[np.ndarray, ...]] = []
    steps: list[tuple[np.ndarray, np.ndarray, Decisions]] = []
    going = np.arange(trials)
    while len(going):
        lot = None
        if LOTS in design.needs:
            lot = cohort_lot(seed, numbers[going], state.cohort[going])
        made = design.decide_many(state.evidence(going, lot))
        steps.append((numbers[going], state.cohort[going], made))
        on = ~made.stop
        going, level, wanted = going[on], made.level[on], made.patients[on]
        state.cohort[going] += 1
        state.current[going] = level
        before = state.patients[going].sum(axis=1), state.dlt[going].sum(axis=1)
        found += _cohort(plan, shows, order, state, going, level, wanted, seed, numbers)
        state.last_patients[going] = state.patients[going].sum(axis=1) - before[0]
        state.last_dlt[going] = state.dlt[going].sum(axis=1) - before[1]
    columns = [np.concatenate(parts) for parts in zip(*found, strict=True)]
    sort = np.lexsort((columns[1], columns[0]))
    enrolment = Enrolment(*(column[sort] for column in columns))
    return ByCohort(enrolment, Steps.joined(steps), design, seed, plan.protocol.replace != "nobody")


def cohort_lot(
    seed: int, trial: Int[np.ndarray, " trial"], cohort: Int[np.ndarray, " trial"]
) -> Float[np.ndarray, " trial"]:
    """The lot by which a design breaks ties after so many cohorts of a trial (from 1)."""
    return random.uniform(seed, "design lot", trial, cohort)[..., 0]


def _cohort(
    plan: Plan,
    shows: Shows,
    order: Order,
    state: _Trials,
    going: np.ndarray,
    level: np.ndarray,
    wanted: np.ndarray,
    seed: int,
    numbers: np.ndarray,
) -> list[tuple[np.ndarray, ...]]:
    """Fill one cohort of each of these trials, replacing who cannot be judged."""
    found: list[tuple[np.ndarray, ...]] = []
    opened = state.clock[going].copy()  # when the next patients may come
    done, last = opened.copy(), opened.copy()  # last: when the latest patient of the cohort came
    missing, treated = wanted.copy(), np.zeros(len(going), dtype=np.int64)
    while (missing > 0).any():
        rows = np.repeat(np.flatnonzero(missing > 0), missing[missing > 0])
        trial = going[rows]
        place = _position(rows)
        slot, member = state.enrolled[trial] + place, treated[rows] + place
        patient = order.patients(trial, slot)
        arrival = _arrivals(plan, opened, rows, numbers[trial], slot, seed, member, last)
        seen = shows.seen(level[rows], patient)
        dlt, evaluable = np.isfinite(seen.dlt), seen.evaluable
        counted = evaluable if plan.protocol.replace == "not evaluable" else np.ones(len(rows), dtype=bool)
        judged = arrival - plan.start + seen.judged
        found.append((numbers[trial], slot, patient, level[rows], state.cohort[trial], arrival, judged, dlt, evaluable))
        np.add.at(state.patients, (trial[counted], level[rows][counted] - 1), 1)
        np.add.at(state.dlt, (trial[dlt], level[rows][dlt] - 1), 1)
        np.add.at(state.enrolled, trial, 1)
        np.maximum.at(done, rows, judged)
        np.maximum.at(last, rows, arrival)
        np.add.at(treated, rows, 1)
        # the next patients come after the last one so far, and after it is known that somebody must be replaced
        np.maximum.at(opened, rows, np.where(counted, arrival, judged))
        missing = np.bincount(rows[~counted], minlength=len(going))
    state.clock[going] = done
    return found


def _arrivals(
    plan: Plan,
    opened: np.ndarray,
    rows: np.ndarray,
    trial: np.ndarray,
    slot: np.ndarray,
    seed: int,
    member: np.ndarray,
    last: np.ndarray,
) -> np.ndarray:
    """Days on which patients come: exponential waits, one after the other, from when the cohort is open; nobody before
    the one ahead in the cohort has been watched as long as the protocol says.

    member: place in the cohort, from 0.   last: when the latest patient of each cohort came before these.
    """
    waits = accrual_waits(plan, seed, trial, slot)
    first = np.flatnonzero(np.diff(rows, prepend=-1))
    if any(plan.protocol.gaps):
        sentinel, stagger = plan.protocol.gaps
        least = np.where(member == 0, 0.0, np.where(member == 1, sentinel, stagger))
        least[first] -= (opened - last)[rows[first]]  # of which some is over when a cohort opens again
        waits = np.maximum(waits, least)
    total = np.cumsum(waits)
    before = np.repeat(total[first] - waits[first], np.diff(np.append(first, len(rows))))
    return opened[rows] + total - before


def accrual_waits(
    plan: Plan, seed: int, trial: Int[np.ndarray, " enrolled"], slot: Int[np.ndarray, " enrolled"]
) -> Float[np.ndarray, " enrolled"]:
    """Days until each patient comes, from when they may.   trial: from 1."""
    return plan.protocol.accrual_days * random.exponential(seed, "accrual", trial, slot)[..., 0]


def _position(rows: np.ndarray) -> np.ndarray:
    """0, 1, … within each run of equal values."""
    first = np.flatnonzero(np.diff(rows, prepend=-1))
    return np.arange(len(rows)) - np.repeat(first, np.diff(np.append(first, len(rows))))
