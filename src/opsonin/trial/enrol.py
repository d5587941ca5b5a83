"""Replicate trials, all at once: enrol from the pool, judge, let the design decide, until every trial has stopped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from opsonin import random
from opsonin.designs import Design, Evidence
from opsonin.designs.evidence import LOTS
from opsonin.errors import StudyError
from opsonin.trial.plan import Plan
from opsonin.trial.potential import PotentialOutcomes

Outcomes = Callable[[int, np.ndarray], PotentialOutcomes]


@dataclass(frozen=True, eq=False)
class Enrolment:
    """Who was enrolled where, one entry a patient, sorted by trial and slot (order of enrolment, from 0).

    trial: from 1.   patient: row of the pool.   enrolled_day, judged_day: on the trial's clock, when the patient came
    and when it was known whether there was a DLT.   counted: evaluable, or nobody is replaced.
    """

    trial: Int[np.ndarray, " enrolled"]
    slot: Int[np.ndarray, " enrolled"]
    patient: Int[np.ndarray, " enrolled"]
    level: Int[np.ndarray, " enrolled"]
    cohort: Int[np.ndarray, " enrolled"]
    enrolled_day: Float[np.ndarray, " enrolled"]
    judged_day: Float[np.ndarray, " enrolled"]
    dlt: Bool[np.ndarray, " enrolled"]
    evaluable: Bool[np.ndarray, " enrolled"]

    def __len__(self) -> int:
        return len(self.trial)

    def of_trial(self, number: int) -> Int[np.ndarray, " row"]:
        """The rows of one trial."""
        first, last = np.searchsorted(self.trial, [number, number + 1])
        return np.arange(first, last)


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


def enrol(
    plan: Plan, weights: Float[np.ndarray, " patient"], outcomes: Outcomes, design: Design, seed: int, trials: int
) -> Enrolment:
    """Run the escalation of `trials` trials.

    weights: of the pool's patients; more weight is enrolled more often, nobody twice in a trial.
    outcomes: (level, rows of the pool) → the potential outcomes at a level, in which these rows are simulated.
    Raises: StudyError where a trial needs more patients than the pool has, or the design looks at more than counts.
    """
    _check(design)
    levels, numbers = design.levels, np.arange(1, trials + 1)
    order = _Order(weights, seed, trials)
    state = _Trials(
        np.zeros((trials, levels), dtype=np.int64),
        np.zeros((trials, levels), dtype=np.int64),
        np.zeros(trials, dtype=np.int64),
        np.zeros(trials, dtype=np.int64),
        np.zeros(trials, dtype=np.int64),
        np.zeros(trials),
        np.zeros(trials, dtype=np.int64),
        np.zeros(trials, dtype=np.int64),
    )
    found: list[tuple[np.ndarray, ...]] = []
    going = np.arange(trials)
    while len(going):
        lot = None
        if LOTS in design.needs:
            lot = random.uniform(seed, "design lot", numbers[going], state.cohort[going])[..., 0]
        made = design.decide_many(state.evidence(going, lot))
        on = ~made.stop
        going, level, wanted = going[on], made.level[on], made.patients[on]
        state.cohort[going] += 1
        state.current[going] = level
        before = state.patients[going].sum(axis=1), state.dlt[going].sum(axis=1)
        found += _cohort(plan, outcomes, order, state, going, level, wanted, seed, numbers)
        state.last_patients[going] = state.patients[going].sum(axis=1) - before[0]
        state.last_dlt[going] = state.dlt[going].sum(axis=1) - before[1]
    columns = [np.concatenate(parts) for parts in zip(*found, strict=True)]
    sort = np.lexsort((columns[1], columns[0]))
    return Enrolment(*(column[sort] for column in columns))


def _check(design: Design) -> None:
    """Raises: StudyError for a design whose evidence a virtual trial does not gather."""
    beyond = sorted(design.needs - {LOTS})
    if beyond:
        raise StudyError(
            f"the design {design.name!r} looks at {' and '.join(beyond)} beside counts of patients and DLTs; virtual "
            "trials fill cohort after cohort and cannot show it that yet. Compare it with others on the study's "
            "virtual patients (opsonin design compare), or run the study with a design that waits, such as boin or crm."
        )


def _cohort(
    plan: Plan,
    outcomes: Outcomes,
    order: _Order,
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
    done = opened.copy()
    missing = wanted.copy()
    while (missing > 0).any():
        rows = np.repeat(np.flatnonzero(missing > 0), missing[missing > 0])
        trial = going[rows]
        place = _position(rows)
        slot = state.enrolled[trial] + place
        patient = order.patients(trial, slot)
        arrival = _arrivals(plan, opened, rows, numbers[trial], slot, seed)
        dlt, counted, evaluable, known = _judge(plan, outcomes, level[rows], patient)
        judged = arrival - plan.start + known
        found.append((numbers[trial], slot, patient, level[rows], state.cohort[trial], arrival, judged, dlt, evaluable))
        np.add.at(state.patients, (trial[counted], level[rows][counted] - 1), 1)
        np.add.at(state.dlt, (trial[dlt], level[rows][dlt] - 1), 1)
        np.add.at(state.enrolled, trial, 1)
        np.maximum.at(done, rows, judged)
        # the next patients come after the last one so far, and after it is known that somebody must be replaced
        np.maximum.at(opened, rows, np.where(counted, arrival, judged))
        missing = np.bincount(rows[~counted], minlength=len(going))
    state.clock[going] = done
    return found


def _judge(
    plan: Plan, outcomes: Outcomes, level: np.ndarray, patient: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """DLT, counted by the design, evaluable, and the patient's own day on which that was known."""
    dlt, evaluable = np.zeros(len(level), dtype=bool), np.zeros(len(level), dtype=bool)
    known = np.zeros(len(level))
    for number in np.unique(level).tolist():
        here = level == number
        seen = outcomes(number, patient[here]).take(patient[here])
        dlt[here] = np.isfinite(seen.first_limiting(plan))
        evaluable[here] = seen.evaluable(plan)
        known[here] = seen.judged_on(plan)
    counted = evaluable if plan.protocol.replace == "not evaluable" else np.ones(len(level), dtype=bool)
    return dlt, counted, evaluable, known


def _arrivals(
    plan: Plan, opened: np.ndarray, rows: np.ndarray, trial: np.ndarray, slot: np.ndarray, seed: int
) -> np.ndarray:
    """Days on which patients come: exponential waits, one after the other, from when the cohort is open."""
    waits = plan.protocol.accrual_days * random.exponential(seed, "accrual", trial, slot)[..., 0]
    total = np.cumsum(waits)
    first = np.flatnonzero(np.diff(rows, prepend=-1))
    before = np.repeat(total[first] - waits[first], np.diff(np.append(first, len(rows))))
    return opened[rows] + total - before


def _position(rows: np.ndarray) -> np.ndarray:
    """0, 1, … within each run of equal values."""
    first = np.flatnonzero(np.diff(rows, prepend=-1))
    return np.arange(len(rows)) - np.repeat(first, np.diff(np.append(first, len(rows))))


class _Order:
    """The order in which each trial would enrol the pool's patients: a weighted draw without replacement."""

    def __init__(self, weights: np.ndarray, seed: int, trials: int):
        self.weights, self.seed, self.trials = weights, seed, trials
        self.depth = 0
        self.order: Any = None
        self._draw(min(len(weights), 64))

    def patients(self, trial: np.ndarray, slot: np.ndarray) -> np.ndarray:
        """The patient in each slot (from 0) of each trial (from 0)."""
        deepest = int(slot.max())
        if deepest >= len(self.weights):
            raise StudyError(
                f"a trial needs more than the {len(self.weights)} patients of the pool; make population.pool larger."
            )
        if deepest >= self.depth:
            self._draw(min(len(self.weights), 2 * deepest + 1))
        return self.order[trial, slot]

    def _draw(self, depth: int) -> None:
        trials = np.arange(1, self.trials + 1)
        self.order = random.weighted_order(self.seed, "enrolment", self.weights, trials, depth)
        self.depth = depth
