"""Replicate trials from a pool: escalate, observe, and write everything down as the record's tables."""

from __future__ import annotations

import typing
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from opsonin.designs import Design, outcomes
from opsonin.trial import samples, tables
from opsonin.trial.enrol import escalate
from opsonin.trial.enrolment import Enrolment
from opsonin.trial.given import exposures
from opsonin.trial.plan import Plan
from opsonin.trial.potential import PotentialOutcomes, gather
from opsonin.trial.products import products
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
    one = enrolment.only(1)
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
    escalation = escalate(plan, pool.weights, at, design, seed, trials, pool.seed)
    return escalation.enrolment, escalation.decisions


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
    if plan.products and "exposures" in made:
        made["products"] = products(plan, enrolment, made["exposures"], pool)
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
