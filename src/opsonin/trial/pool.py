"""The pool of virtual patients and what each would show under each dose level: simulated once, when first asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Int

from opsonin import random
from opsonin.errors import StudyError
from opsonin.trial.course import Block, follow, lead_in
from opsonin.trial.plan import Plan, dose_times, make_plan
from opsonin.trial.potential import PotentialOutcomes
from opsonin.trial.protocol import Protocol, Treatment

if TYPE_CHECKING:
    from opsonin.patients import VirtualPatients

Key = tuple[int, frozenset[str]]
WHOLE = 0.25  # where this share of the pool is needed at a level, all of it is simulated: few large blocks are faster
Progress = Callable[[str, int, int], None]


class Pool:
    """Virtual patients with their potential outcomes, keyed (level, agents left out), under the protocol's policy.

    A patient's outcomes depend on the patient, the key and the seed alone: not on who is simulated beside them, in
    blocks of what size, by how many threads or in what order. What has been simulated is kept.
    """

    def __init__(
        self,
        model: Any,
        patients: VirtualPatients,
        protocol: Protocol,
        seed: int,
        *,
        threads: int | None = None,
        progress: Progress | None = None,
        batch: int = 2000,
    ):
        """batch: patients simulated together (memory only).   progress: called with a phase, done and total.

        Raises: StudyError where the protocol asks for what the model does not measure.
        """
        self.model, self.patients, self.protocol, self.seed = model, patients, protocol, seed
        self.plan: Plan = make_plan(model, protocol)
        self.threads, self.progress, self.batch = threads, progress, batch
        self.failures: list[tuple[int, int, str, float]] = []
        self._kept: dict[Key, PotentialOutcomes] = {}
        self._leads: dict[frozenset[str], tuple[PotentialOutcomes, np.ndarray]] = {}
        self._errors: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.patients.ids)

    @property
    def covariates(self) -> Any:
        """Baseline columns of `subjects`, one row a patient."""
        return self.patients.covariates

    @property
    def weights(self) -> np.ndarray:
        return self.patients.weights

    def outcomes(
        self,
        level: int,
        left_out: frozenset[str] = frozenset(),
        patients: Int[np.ndarray, " chosen"] | None = None,
    ) -> PotentialOutcomes:
        """What the pool's patients would show at a level: arrays over the whole pool.

        left_out: agents not given.   patients: rows that are needed, None for all; others may be empty (see `done`).
        Raises: StudyError for a level the protocol does not have or an agent it does not give.
        """
        agents = {treatment.agent for treatment in self.protocol.treatments}
        if not 1 <= level <= len(self.protocol.levels):
            raise StudyError(f"there is no dose level {level}; the protocol has 1 to {len(self.protocol.levels)}.")
        if left_out - agents:
            strange = sorted(left_out - agents)[0]
            raise StudyError(f"{strange!r} cannot be left out: the protocol gives {', '.join(sorted(agents))}.")
        key = (level, left_out)
        kept = self._kept.setdefault(key, PotentialOutcomes.empty(self.plan, len(self)))
        wanted = np.arange(len(self)) if patients is None else np.unique(patients)
        missing = wanted[~kept.done[wanted]]
        if len(missing) >= WHOLE * len(self):
            missing = np.flatnonzero(~kept.done)
        for first in range(0, len(missing), self.batch):
            rows = missing[first : first + self.batch]
            kept.put(rows, self._simulate(rows, level, left_out, (first, len(missing))))
        return kept

    def _simulate(
        self, rows: np.ndarray, level: int, left_out: frozenset[str], share: tuple[int, int]
    ) -> PotentialOutcomes:
        phase = f"simulating level {level}" + (f" without {', '.join(sorted(left_out))}" if left_out else "")

        def report(done: int) -> None:
            if self.progress is not None:
                self.progress(phase, share[0] + done, share[1])

        report(0)
        made, state = self._lead_in(rows, left_out)
        block = self._block(rows, level, left_out)
        made = follow(block, made, state, report)
        self._report_failures(rows, level, block)
        return made

    def _lead_in(self, rows: np.ndarray, left_out: frozenset[str]) -> tuple[PotentialOutcomes, np.ndarray]:
        """What these patients show before levels part, and their states then; simulated once for all levels."""
        if left_out not in self._leads:
            states = np.empty((len(self), len(self.model.symbolic.states)))
            self._leads[left_out] = PotentialOutcomes.empty(self.plan, len(self)), states
        kept, states = self._leads[left_out]
        missing = rows[~kept.done[rows]]
        if len(missing):
            block = self._block(missing, 1, left_out)
            made, states[missing] = lead_in(block)
            made.done[:] = True
            kept.put(missing, made)
            self._report_failures(missing, 1, block)
        return kept.take(rows), states[rows]

    def _block(self, rows: np.ndarray, level: int, left_out: frozenset[str]) -> Block:
        constants = np.ascontiguousarray(self.patients.constants[rows])
        return Block(
            self.model,
            self.plan,
            constants,
            np.ascontiguousarray(self.patients.thresholds[rows]),
            self._schedule(rows, constants, level, left_out),
            self._scan_errors()[rows],
            self.threads,
        )

    def _report_failures(self, rows: np.ndarray, level: int, block: Block) -> None:
        self.failures += [(int(rows[row]), level, why, day) for row, (why, day) in sorted(block.failures.items())]

    def _schedule(self, rows: np.ndarray, constants: np.ndarray, level: int, left_out: frozenset[str]) -> Any:
        from opsonin.simulate import GivenDoses, build_schedule

        doses = [
            GivenDoses(
                treatment.agent,
                treatment.route,
                treatment.unit,
                times,
                self.amounts(treatment, level, rows)[:, None] * np.ones(len(times)),
                treatment.infusion_days,
            )
            for treatment in self.protocol.treatments
            if treatment.agent not in left_out and len(times := dose_times(treatment, self.plan.end))
        ]
        return build_schedule(self.model, constants, doses)

    def amounts(self, treatment: Treatment, level: int, rows: Int[np.ndarray, " chosen"]) -> np.ndarray:
        """One dose of a treatment for each of these patients, in the treatment's unit: flat, by weight or by surface.

        Raises: StudyError where weight or surface is needed and not known.
        """
        column = {"flat": None, "kg": "weight_kg", "m2": "bsa_m2"}[treatment.basis]
        if column is None:
            return np.full(len(rows), treatment.dose(level))
        if column not in self.covariates:
            raise StudyError(
                f"{treatment.agent} is dosed per {treatment.basis}, but these patients have no {column}; dose it flat."
            )
        return treatment.dose(level) * self.covariates[column].to_numpy(dtype=float)[rows]

    def _scan_errors(self) -> np.ndarray:
        """Standard normal errors of every reading (patient, lesion, scan): the same at every level."""
        if self._errors is None:
            lesions, scans = np.arange(len(self.plan.lesions)), np.arange(len(self.plan.scans) + 1)
            ids = np.asarray(self.patients.ids)[:, None, None]
            drawn = random.normal(self.seed, "scan reading", ids, lesions[None, :, None], scans[None, None, :])
            self._errors = drawn[..., 0]
        return self._errors
