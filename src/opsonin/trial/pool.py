"""The pool of virtual patients and what each would show under each dose level: simulated once, when first asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Int

from opsonin.errors import StudyError
from opsonin.trial.plan import Plan
from opsonin.trial.potential import PotentialOutcomes
from opsonin.trial.protocol import Protocol, Treatment
from opsonin.trial.runners import BATCH, Runner, Threads, divide
from opsonin.trial.world import LEAD_IN, Failure, Piece, World

if TYPE_CHECKING:
    from opsonin.patients import VirtualPatients
    from opsonin.trial.kept import Kept

Key = tuple[int, tuple[str, ...]]
WHOLE = 0.25  # where this share of the pool is needed at a level, all of it is simulated: few large blocks are faster
PHASE = "simulating virtual patients"
Progress = Callable[[str, int, int], None]


class Pool:
    """Virtual patients with their potential outcomes, keyed (level, agents left out), under the protocol's policy.

    A patient's outcomes depend on the patient, the key and the seed alone: not on who is simulated beside them, in
    blocks of what size, by how many threads or processes or in what order. What has been simulated is kept.
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
        batch: int = BATCH,
        runner: Runner | None = None,
        kept: Kept | None = None,
    ):
        """batch: pairs of patient and level simulated together (memory only).   runner: who simulates; threads of this
        process where None.   kept: where finished blocks are kept on the disk, and taken from.
        progress: called with a phase, pairs simulated so far, and how many there will be (0: not known).

        Raises: StudyError where the protocol asks for what the model does not measure.
        """
        self.world = World(model, patients, protocol, seed)
        self.progress, self.batch, self.kept = progress, batch, kept
        self.runner: Runner = Threads(threads) if runner is None else runner
        self._outcomes: dict[Key, PotentialOutcomes] = {}
        self._asked: dict[Key, np.ndarray] = {}
        self._failures: list[Failure] = []
        self._simulated, self._expected = 0, 0
        for piece in kept.pieces() if kept is not None else ():
            self._put(piece)

    def __len__(self) -> int:
        return len(self.world)

    @property
    def model(self) -> Any:
        return self.world.model

    @property
    def patients(self) -> VirtualPatients:
        return self.world.patients

    @property
    def protocol(self) -> Protocol:
        return self.world.protocol

    @property
    def plan(self) -> Plan:
        return self.world.plan

    @property
    def seed(self) -> int:
        return self.world.seed

    @property
    def covariates(self) -> Any:
        """Baseline columns of `subjects`, one row a patient."""
        return self.patients.covariates

    @property
    def weights(self) -> np.ndarray:
        return self.patients.weights

    @property
    def failures(self) -> list[tuple[int, int, str, float]]:
        """Simulations that stopped, of patients who were asked for: patient, level, reason, day.

        One that stopped before levels part is told once, at the lowest level asked for.
        """
        told: dict[tuple[int, int, tuple[str, ...]], tuple[int, int, str, float]] = {}
        for patient, level, left_out, why, day in self._failures:
            asked = sorted(k for (k, gone), rows in self._asked.items() if gone == left_out and rows[patient])
            at = (asked[0] if asked else 0) if level == LEAD_IN else level
            if at in asked:
                told[patient, at, left_out] = (patient, at, why, day)
        return sorted(told.values())

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
            what, count = self.protocol.level_word, len(self.protocol.levels)
            raise StudyError(f"there is no {what} {level}; the protocol has {'1' if count == 1 else f'1 to {count}'}.")
        if left_out - agents:
            strange = sorted(left_out - agents)[0]
            raise StudyError(f"{strange!r} cannot be left out: the protocol gives {', '.join(sorted(agents))}.")
        key = (level, tuple(sorted(left_out)))
        kept = self._room(key)
        wanted = np.arange(len(self)) if patients is None else np.unique(patients)
        self._asked.setdefault(key, np.zeros(len(self), dtype=bool))[wanted] = True
        missing = wanted[~kept.done[wanted]]
        if len(missing) >= WHOLE * len(self):
            missing = np.flatnonzero(~kept.done)
        self._simulate(missing, np.full(len(missing), level), key[1])
        return kept

    def expect(self, enrolled: int) -> None:
        """Simulate all patients at all levels at once where trials will come to need most of them anyway.

        enrolled: how many patients will be enrolled at the first level: more than the pool has, and most are drawn.
        """
        if enrolled < len(self):
            return
        levels = np.arange(1, len(self.protocol.levels) + 1)
        missing = [(np.flatnonzero(~self._room((level, ())).done), level) for level in levels.tolist()]
        self._expected = len(self) * len(levels)
        self._simulate(
            np.concatenate([rows for rows, _ in missing]),
            np.concatenate([np.full(len(rows), level) for rows, level in missing]),
            (),
        )
        self._expected = 0

    def amounts(self, treatment: Treatment, level: int, rows: Int[np.ndarray, " chosen"]) -> np.ndarray:
        """One dose of a treatment for each of these patients, in the treatment's unit: flat, by weight or by surface.

        Raises: StudyError where weight or surface is needed and not known.
        """
        return self.world.amounts(treatment, level, rows)

    def _room(self, key: Key) -> PotentialOutcomes:
        if key not in self._outcomes:
            self._outcomes[key] = PotentialOutcomes.empty(self.plan, len(self))
        return self._outcomes[key]

    def _simulate(self, rows: np.ndarray, levels: np.ndarray, left_out: tuple[str, ...]) -> None:
        if not len(rows):
            return
        before = self._simulated
        self._tell(before)
        self.world.prepare(left_out)
        jobs = divide(rows, levels, left_out, self.runner.hands, self.batch)
        for piece in self.runner.run(self.world, jobs, lambda done: self._tell(before + done)):
            self._put(piece)
            if self.kept is not None:
                self.kept.add(piece)
        self._tell(self._simulated)

    def _put(self, piece: Piece) -> None:
        """Take the outcomes of a finished block in."""
        for level in np.unique(piece.job.levels).tolist():
            here = np.flatnonzero(piece.job.levels == level)
            self._room((level, piece.job.left_out)).put(piece.job.rows[here], piece.outcomes.take(here))
        self._failures += piece.failures
        self._simulated += len(piece.job)

    def _tell(self, done: int) -> None:
        if self.progress is not None:
            self.progress(PHASE, done, self._expected)
