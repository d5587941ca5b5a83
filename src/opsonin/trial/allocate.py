"""Replicate trials without a dose ladder, all at once: patients come, are randomised between arms, and are counted."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from opsonin import random
from opsonin.conduct import decision_table
from opsonin.errors import StudyError
from opsonin.trial.arms import Arms, block_of
from opsonin.trial.enrol import Enrolment
from opsonin.trial.plan import Plan
from opsonin.trial.potential import PotentialOutcomes
from opsonin.trial.responding import responded

Outcomes = Callable[[int, np.ndarray], PotentialOutcomes]


class Look(NamedTuple):
    """Responses of one arm in one indication counted once.   trial: from 1;   stage: from 0;   day: of the trial."""

    trial: int
    indication: int
    arm: int
    stage: int
    day: float
    responses: int
    action: str
    reason: str


@dataclass(frozen=True, eq=False)
class Allocation:
    """Who was enrolled where (levels are arms), and what the looks of the design decided."""

    enrolment: Enrolment
    looks: list[Look]
    plan: Plan

    def decisions(self, enrolled: Enrolment) -> pd.DataFrame:
        """The `decisions` of the trials of these patients, with their `trial`."""
        arms = self.plan.protocol.arms
        assert arms is not None
        trials = set(np.unique(enrolled.trial).tolist())
        rows, numbers, count = [], [], dict.fromkeys(trials, 0)
        for look in sorted((one for one in self.looks if one.trial in trials), key=lambda one: (one.trial, one.day)):
            count[look.trial] += 1
            rows.append(_decision(look, count[look.trial], arms, self.plan.protocol.levels[look.arm].name))
            numbers.append(look.trial)
        table = decision_table(rows)
        table.insert(0, "trial", np.array(numbers, dtype=np.int64))
        return table


def allocate(
    plan: Plan, weights: Float[np.ndarray, " patient"], outcomes: Outcomes, seed: int, trials: int
) -> Allocation:
    """Enrol `trials` trials of a protocol with arms.

    weights: of the pool's patients; more weight is enrolled more often, nobody twice in a trial.
    outcomes: (arm, rows of the pool) → the potential outcomes in an arm (1 is the first), in which these are simulated.
    Raises: StudyError where a trial needs more patients of an indication than the pool has.
    """
    arms = plan.protocol.arms
    assert arms is not None
    stream = [_Stream(plan, arms, number, weights, seed, trials) for number in range(len(arms.indications))]
    found: list[_Came] = []
    looks: list[Look] = []
    for stage in range(arms.stages):
        here = [part for one in stream for part in one.enrol(stage)]
        found += here
        if arms.design is not None and here:
            looks += _look(plan, arms, stream, here, outcomes, stage)
    if not found:
        raise StudyError("nobody is enrolled in this trial.")
    return Allocation(_sorted(found), looks, plan)


class _Came(NamedTuple):
    """Patients who came at a stage of an indication, one entry each.   row: of the trial;   arm: from 0."""

    row: Int[np.ndarray, " enrolled"]
    indication: Int[np.ndarray, " enrolled"]
    patient: Int[np.ndarray, " enrolled"]
    arm: Int[np.ndarray, " enrolled"]
    stage: Int[np.ndarray, " enrolled"]
    day: Float[np.ndarray, " enrolled"]


class _Stream:
    """The patients of one indication, as they come to every trial.   open: arms that take patients (trial, arm)."""

    def __init__(self, plan: Plan, arms: Arms, number: int, weights: np.ndarray, seed: int, trials: int):
        self.arms, self.number, self.seed = arms, number, seed
        self.wait_days = plan.protocol.accrual_days
        self.numbers = np.arange(1, trials + 1)
        self.clock = np.zeros(trials)
        self.taken = np.zeros(trials, dtype=np.int64)
        self.open: Bool[np.ndarray, "trial arm"] = np.tile(np.array(arms.patients[number]) > 0, (trials, 1))
        self.responses = np.zeros((trials, arms.count), dtype=np.int64)
        most, name = sum(arms.patients[number]), arms.indications[number]
        if most > arms.pool:
            raise StudyError(
                f"a trial enrols {most} patients of {name}, but the pool has {arms.pool}; make population.pool larger."
            )
        own = weights[number * arms.pool : (number + 1) * arms.pool]
        purpose = "enrolment" if number == 0 else f"enrolment {name}"
        self.order = random.weighted_order(seed, purpose, own, self.numbers, most) if most else None

    def enrol(self, stage: int) -> list[_Came]:
        """Who comes at a stage, trials whose arms are open alike together."""
        added = self.arms.added(self.number, stage)
        found = []
        for pattern in np.unique(self.open, axis=0):
            rows = np.flatnonzero((self.open == pattern).all(axis=1))
            counts = tuple(count if on else 0 for count, on in zip(added, pattern.tolist(), strict=True))
            if sum(counts):
                found.append(self._come(rows, counts, stage))
        return found

    def _come(self, rows: np.ndarray, counts: tuple[int, ...], stage: int) -> _Came:
        planned, block = _blocks(counts)
        slot = self.taken[rows][:, None] + np.arange(len(planned))
        keys = self.numbers[rows][:, None], self.number, slot
        drawn = random.uniform(self.seed, "arm", *keys)[..., 0]
        arm = planned[np.argsort(block + drawn, axis=1, kind="stable")]
        waits = self.wait_days * random.exponential(self.seed, "arrival", *keys)[..., 0]
        day = self.clock[rows][:, None] + np.cumsum(waits, axis=1)
        assert self.order is not None
        patient = np.take_along_axis(self.order[rows], slot, axis=1) + self.number * self.arms.pool
        self.taken[rows] += len(planned)
        shape = patient.shape
        return _Came(
            np.broadcast_to(rows[:, None], shape).ravel(),
            np.full(patient.size, self.number),
            patient.ravel(),
            arm.ravel(),
            np.full(patient.size, stage),
            day.ravel(),
        )


def _blocks(counts: tuple[int, ...]) -> tuple[Int[np.ndarray, " patient"], Int[np.ndarray, " patient"]]:
    """The arms of as many patients, block by block, and the number of each one's block."""
    block = block_of(counts)
    times = sum(counts) // len(block)
    return np.tile(np.array(block, dtype=np.int64), times), np.repeat(np.arange(times), len(block))


def _look(
    plan: Plan, arms: Arms, stream: list[_Stream], came: list[_Came], outcomes: Outcomes, stage: int
) -> list[Look]:
    """Count the responses of every open arm at the end of a stage, and close arms as the design says."""
    design = arms.design
    assert design is not None
    row, indication, patient, arm, _, day = (np.concatenate(column) for column in zip(*came, strict=True))
    responder, known = np.zeros(len(row), dtype=bool), np.zeros(len(row))
    for number in np.unique(arm).tolist():
        here = arm == number
        shown = responded(plan, outcomes(number + 1, patient[here]).take(patient[here]), arms.response_days)
        responder[here], known[here] = shown
    judged = day - plan.start + known
    looks: list[Look] = []
    for one in stream:
        mine = indication == one.number
        last = np.full(one.open.shape, -np.inf)
        np.add.at(one.responses, (row[mine], arm[mine]), responder[mine])
        np.maximum.at(last, (row[mine], arm[mine]), judged[mine])
        for trial, number in np.argwhere(np.isfinite(last)).tolist():
            count = int(one.responses[trial, number])
            made = design.decide(stage, count)
            at = float(last[trial, number])
            looks.append(Look(trial + 1, one.number, number, stage, at, count, made.action, made.reason))
            one.open[trial, number] = made.action == "stay"
        one.clock = np.maximum(one.clock, last.max(axis=1))
    return looks


def _sorted(found: list[_Came]) -> Enrolment:
    """The patients of each trial in the order in which they came."""
    row, _, patient, arm, stage, day = (np.concatenate(column) for column in zip(*found, strict=True))
    order = np.lexsort((patient, day, row))
    row, patient, arm, stage, day = (column[order] for column in (row, patient, arm, stage, day))
    slot = np.arange(len(row)) - np.searchsorted(row, row)
    none = np.zeros(len(row), dtype=bool)
    return Enrolment(row + 1, slot, patient, arm + 1, stage + 1, day, day, none, ~none)


def _decision(look: Look, number: int, arms: Arms, arm: str) -> dict[str, object]:
    """One row of `decisions`: what was seen, and what follows for the arm."""
    assert arms.design is not None
    patients = arms.design.stages[look.stage]
    where = f"{arm}, {arms.indications[look.indication]}" if len(arms.indications) > 1 else arm
    about = {
        "arm": arm,
        "indication": arms.indications[look.indication],
        "patients": patients,
        "responses": look.responses,
        "response_days": arms.response_days,
    }
    return {
        "decision_id": f"D{number:02d}",
        "day": look.day,
        "cohort": look.stage + 1,
        "design": arms.design.name,
        "seen": f"{where}: {look.responses} of {patients}",
        "level_from": None,
        "decision": look.action,
        "level_to": None,
        "reason": f"{where}: {look.reason}",
        "numbers": json.dumps(about),
    }
