"""Replicate trials from a pool: escalate, observe, and write everything down as the record's tables."""

from __future__ import annotations

import typing
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from opsonin.conduct import decision_row, decision_table
from opsonin.designs import Design, outcomes
from opsonin.trial import samples, tables
from opsonin.trial.enrol import Enrolment, enrol
from opsonin.trial.given import exposures
from opsonin.trial.plan import Plan
from opsonin.trial.potential import PotentialOutcomes, gather
from opsonin.trial.protocol import Protocol

if TYPE_CHECKING:
    from opsonin.record import Manifest, Replicates, TrialRecord

Decided = Callable[[Enrolment], pd.DataFrame]


@typing.runtime_checkable
class Early(typing.Protocol):
    """Who is told of trial 1 before the tables of the other trials are made, to look at it meanwhile."""

    def trial(self, record: TrialRecord) -> None:
        """Trial 1. Its notes may grow until all trials are there."""

    def potential(self, worlds: dict[str, TrialRecord]) -> None:
        """Agent left out → trial 1's patients had they not been given it."""


class TrialRun(NamedTuple):
    """record: trial 1.   replicates: every trial, trial 1 included.   potential: agent left out → trial 1's patients
    had they not been given it (subjects, exposures and concentrations)."""

    record: TrialRecord
    replicates: Replicates
    potential: dict[str, TrialRecord]


def run_trials(
    pool: Any,
    protocol: Protocol,
    design: Design | None,
    seed: int,
    trials: int = 1,
    left_out: Sequence[str] = (),
    manifest: Manifest | None = None,
    early: Early | None = None,
) -> TrialRun:
    """Run replicate trials on a pool.

    pool: what `Pool` gives: `plan`, `outcomes(level, left_out, patients)`, `amounts(treatment, level, patients)`,
    `covariates`, `weights`, `seed`, `expect(enrolled)`. Patients who are never enrolled need not be simulated.
    design: of the dose levels; None for a protocol with arms, which says itself whom it enrols.
    trials: how many; trial 1 is the same for any number.   left_out: agents whose absence is simulated for trial 1.
    manifest: of the record, of kind "virtual" where None.   early: told of trial 1, then of its potential worlds.
    Raises: StudyError where a trial needs more patients than the pool has.
    """
    from opsonin.record import Manifest, Replicates, TrialRecord

    about = Manifest(kind="virtual", title=protocol.title, seed=seed) if manifest is None else manifest
    levels: dict[int, PotentialOutcomes] = {}

    def at(level: int, patients: np.ndarray) -> PotentialOutcomes:
        levels[level] = pool.outcomes(level, frozenset(), patients)
        return levels[level]

    enrolment, decided = _enrolled(pool, at, design, seed, trials)
    one = _only(enrolment, 1)
    told = _tables(pool, one, gather(levels, one.level, one.patient), decided, seed)
    record = TrialRecord({name: table.drop(columns="trial") for name, table in told.items()}, replace(about, tables={}))
    if early is not None:
        early.trial(record)
    potential = {agent: TrialRecord(_without(agent, pool, one, seed), about) for agent in left_out if len(one)}
    if early is not None:
        early.potential(potential)
    made = _tables(pool, enrolment, gather(levels, enrolment.level, enrolment.patient), decided, seed)
    return TrialRun(record, Replicates(made, about), potential)


def _enrolled(
    pool: Any, at: Callable[[int, np.ndarray], PotentialOutcomes], design: Design | None, seed: int, trials: int
) -> tuple[Enrolment, Decided]:
    """Who is enrolled in which trial, and what makes the `decisions` of some of them."""
    plan: Plan = pool.plan
    arms = plan.protocol.arms
    if arms is not None:
        from opsonin.trial.allocate import allocate

        pool.expect(trials * sum(map(sum, arms.patients)))
        allocation = allocate(plan, pool.weights, at, seed, trials)
        enrolled = allocation.enrolment
        for arm in np.unique(enrolled.level).tolist():  # outcomes that no look has asked for
            at(arm, enrolled.patient[enrolled.level == arm])
        return enrolled, allocation.decisions
    assert design is not None
    pool.expect(trials * design.decide(outcomes([], [])).patients)
    replaced = plan.protocol.replace != "nobody"

    def decided(own: Enrolment) -> pd.DataFrame:
        return _decisions(own, design, own.evaluable | (not replaced))

    return enrol(plan, pool.weights, at, design, seed, trials), decided


def _only(enrolment: Enrolment, number: int) -> Enrolment:
    """The patients of one trial."""
    mine = enrolment.of_trial(number)
    return Enrolment(*(getattr(enrolment, name)[mine] for name in Enrolment.__dataclass_fields__))


def _tables(
    pool: Any, enrolment: Enrolment, seen: PotentialOutcomes, decided: Decided, seed: int
) -> dict[str, pd.DataFrame]:
    """Every table that has rows, with its `trial` column.   seen: the outcomes of the enrolled patients."""
    plan = pool.plan
    made = {
        "subjects": tables.subjects(plan, enrolment, pool),
        "exposures": exposures(plan, enrolment, seen, pool),
        "adverse_events": tables.adverse_events(plan, enrolment, seen),
        "concentrations": samples.concentrations(plan, enrolment, seen, seed, pool.seed),
        "measurements": samples.measurements(plan, enrolment, seen, seed, pool.seed),
        "lesions": tables.lesions(plan, enrolment, seen),
        "responses": tables.responses(plan, enrolment, seen),
        "survival": tables.survival(plan, enrolment, seen),
        "disposition": tables.disposition(plan, enrolment, seen),
        "decisions": decided(enrolment),
    }
    return {name: table for name, table in made.items() if len(table)}


def _without(agent: str, pool: Any, first: Enrolment, seed: int) -> dict[str, pd.DataFrame]:
    """Trial 1's patients without an agent: what they were given and what their blood samples show."""
    gone = frozenset({agent})
    levels = {
        level: pool.outcomes(level, gone, first.patient[first.level == level])
        for level in np.unique(first.level).tolist()
    }
    seen = gather(levels, first.level, first.patient)
    made = {
        "subjects": tables.subjects(pool.plan, first, pool),
        "exposures": exposures(pool.plan, first, seen, pool, gone),
        "concentrations": samples.concentrations(pool.plan, first, seen, seed, pool.seed, gone),
    }
    return {name: table.drop(columns="trial") for name, table in made.items() if len(table)}


def _decisions(enrolment: Enrolment, design: Design, counted: np.ndarray) -> pd.DataFrame:
    """Every trial's decisions, one before the first cohort and one after each, as conduct writes them.

    counted: which of the enrolled patients the design looks at.
    """
    start = decision_row(1, 0.0, None, design.name, "", None, design.decide(outcomes([], [])))
    known: dict[tuple[Any, ...], dict[str, Any]] = {}
    rows, trials = [], []
    looked_at = [column[counted] for column in (enrolment.level, enrolment.dlt, enrolment.cohort)]
    before = np.concatenate([[0], np.cumsum(counted)])  # how many of those stand before each enrolled patient
    first = np.flatnonzero((np.diff(enrolment.trial, prepend=0) != 0) | (np.diff(enrolment.cohort, prepend=0) != 0))
    last_day = np.maximum.reduceat(enrolment.judged_day, first).tolist()
    ends = [*first[1:].tolist(), len(enrolment)]
    begin = 0
    for row, end, day in zip(first.tolist(), ends, last_day, strict=True):  # cohort by cohort
        trial, cohort, level = int(enrolment.trial[row]), int(enrolment.cohort[row]), int(enrolment.level[end - 1])
        if cohort == 1:
            begin = row
            rows.append(start)
            trials.append(trial)
        told = [column[before[begin] : before[end]] for column in looked_at]
        key = (cohort, level, *(part.tobytes() for part in told))  # a thousand trials go few ways
        if key not in known:
            seen = outcomes(*(part.tolist() for part in told))
            known[key] = decision_row(cohort + 1, 0.0, cohort, design.name, seen.text, level, design.decide(seen))
        rows.append(known[key] | {"day": day})
        trials.append(trial)
    table = decision_table(rows)
    table.insert(0, "trial", np.array(trials, dtype=np.int64))
    return table
