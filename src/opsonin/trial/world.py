"""Everything that decides what a virtual patient would show: model, patients, protocol and seed; and its simulation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jaxtyping import Int

from opsonin import random
from opsonin.trial.block import Block
from opsonin.trial.course import follow, lead_in
from opsonin.trial.doses import dose_amounts
from opsonin.trial.plan import Plan, make_plan
from opsonin.trial.planned import PlannedDoses, Treated
from opsonin.trial.potential import PotentialOutcomes
from opsonin.trial.protocol import Protocol, Treatment
from opsonin.trial.responding import judged_by

if TYPE_CHECKING:
    from opsonin.patients import VirtualPatients

LEAD_IN = 0  # stands for the level of what happened before levels part


class Job(NamedTuple):
    """Patients to simulate together, each at a level, all without the same agents.

    rows: of the pool, rising; a patient's levels stand together.   left_out: agents not given, in order.
    """

    rows: Int[np.ndarray, " pair"]
    levels: Int[np.ndarray, " pair"]
    left_out: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)


class Failure(NamedTuple):
    """A simulation that stopped.   patient: row of the pool.   level: LEAD_IN before levels part."""

    patient: int
    level: int
    left_out: tuple[str, ...]
    reason: str
    day: float


class Piece(NamedTuple):
    """What a job came to: outcomes in the job's order."""

    job: Job
    outcomes: PotentialOutcomes
    failures: tuple[Failure, ...]


class World:
    """Model, virtual patients, protocol and seed: what a job comes to is a function of these alone.

    Not of the other jobs, the patients beside one, the number of threads, or the process in which it is simulated.
    Jobs of different patients may run at the same time.
    """

    def __init__(self, model: Any, patients: VirtualPatients, protocol: Protocol, seed: int):
        """Raises: StudyError where the protocol asks for what the model does not measure, or judges patients by their
        indication who are of none of its."""
        self.model, self.patients, self.protocol, self.seed = model, patients, protocol, seed
        self.plan: Plan = make_plan(model, protocol)
        self._criteria = judged_by(protocol, patients.ids)
        self._leads: dict[tuple[str, ...], tuple[PotentialOutcomes, np.ndarray]] = {}
        self._failed: dict[tuple[int, tuple[str, ...]], Failure] = {}
        self._errors: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.patients.ids)

    def prepare(self, left_out: Sequence[str]) -> None:
        """Room for what jobs without these agents share; called before such jobs run side by side."""
        key = tuple(left_out)
        if key not in self._leads:
            states = np.empty((len(self), len(self.model.symbolic.states)))
            self._leads[key] = PotentialOutcomes.empty(self.plan, len(self)), states
        self._scan_errors()

    def simulate(self, job: Job, threads: int | None = None, report: Callable[[int], None] | None = None) -> Piece:
        """What the patients of a job would show.   report: called with the number of pairs that are finished."""
        self.prepare(job.left_out)
        made, state = self._lead_in(job, threads)
        block = self._block(job.rows, job.levels, job.left_out, threads)
        made = follow(block, made, state, report)
        failures = [
            Failure(int(job.rows[row]), int(job.levels[row]), job.left_out, why, float(day))
            for row, (why, day) in sorted(block.failures.items())
        ]
        before = [(row, job.left_out) for row in np.unique(job.rows).tolist()]
        return Piece(job, made, (*(self._failed[key] for key in before if key in self._failed), *failures))

    def amounts(
        self,
        treatment: Treatment,
        level: int | Int[np.ndarray, " chosen"],
        rows: Int[np.ndarray, " chosen"],
    ) -> np.ndarray:
        """One dose of a treatment for each of these patients, in the treatment's unit: flat, by weight or by surface.

        level: of all, or of each.   Raises: StudyError where weight or surface is needed and not known.
        """
        return dose_amounts(treatment, level, self.patients.covariates.iloc[rows])

    def _lead_in(self, job: Job, threads: int | None) -> tuple[PotentialOutcomes, np.ndarray]:
        """What these patients show before levels part, and their states then; simulated once for all levels."""
        kept, states = self._leads[job.left_out]
        rows = np.unique(job.rows)
        missing = rows[~kept.done[rows]]
        if len(missing):
            block = self._block(missing, np.ones(len(missing), dtype=np.int64), job.left_out, threads)
            made, states[missing] = lead_in(block)
            made.done[:] = True
            kept.put(missing, made)
            for row, (why, day) in block.failures.items():
                patient = int(missing[row])
                self._failed[patient, job.left_out] = Failure(patient, LEAD_IN, job.left_out, why, float(day))
        return kept.take(job.rows), states[job.rows]

    def _block(self, rows: np.ndarray, levels: np.ndarray, left_out: tuple[str, ...], threads: int | None) -> Block:
        constants = np.ascontiguousarray(self.patients.constants[rows])
        return Block(
            self.model,
            self.plan,
            constants,
            np.ascontiguousarray(self.patients.thresholds[rows]),
            self._planned(rows, levels, constants, left_out),
            self._scan_errors()[rows],
            rows,
            levels,
            self._criteria[rows],
            left_out,
            self.seed,
            threads,
        )

    def _planned(
        self, rows: np.ndarray, levels: np.ndarray, constants: np.ndarray, left_out: tuple[str, ...]
    ) -> PlannedDoses:
        from opsonin.simulate import GivenDoses, build_schedule

        treated, doses = [], self.plan.doses
        for number, treatment in enumerate(self.protocol.treatments):
            mine = np.flatnonzero(doses.treatment == number)
            if treatment.agent in left_out or not len(mine):
                continue
            amount = self.amounts(treatment, levels, rows)[:, None]
            once = GivenDoses(
                treatment.agent, treatment.route, treatment.unit, np.zeros(1), amount, treatment.infusion_days
            )
            treated.append(Treated(mine, doses.times[mine], build_schedule(self.model, constants, [once])))
        return PlannedDoses(treated, len(rows))

    def _scan_errors(self) -> np.ndarray:
        """Standard normal errors of every reading (patient, lesion, scan): the same at every level."""
        if self._errors is None:
            lesions, scans = np.arange(len(self.plan.lesions)), np.arange(len(self.plan.scans) + 1)
            ids = np.asarray(self.patients.ids)[:, None, None]
            drawn = random.normal(self.seed, "scan reading", ids, lesions[None, :, None], scans[None, None, :])
            self._errors = drawn[..., 0]
        return self._errors
