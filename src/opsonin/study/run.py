"""Running a study: virtual patients, their potential outcomes, replicate trials, findings."""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from opsonin.errors import StudyError
from opsonin.record.species import HUMAN, said
from opsonin.results import FINDINGS, POTENTIAL, RECORD, REPLICATES, STUDY, new_results
from opsonin.study.batches import with_batches
from opsonin.study.contrasts import left_out
from opsonin.study.provenance import manifest
from opsonin.version import __version__

if TYPE_CHECKING:
    from opsonin.analysis import Findings
    from opsonin.patients import VirtualPatients
    from opsonin.record import Replicates, TrialRecord
    from opsonin.study.build import Built
    from opsonin.study.study import Progress, Study
    from opsonin.trial.kept import Kept
    from opsonin.trial.run import Early
    from opsonin.trial.runners import Runner
    from opsonin.trial.world import World

_TOLD = 10  # failed simulations that are told one by one


@dataclass(frozen=True)
class Trials:
    """The trials of a study, before anybody has looked at them.

    record: trial 1;   replicates: all trials, where there are several;   potential: agent left out → the same patients
    of trial 1 without it.
    """

    study: Study
    seed: int
    record: TrialRecord
    replicates: Replicates | None
    potential: dict[str, TrialRecord]

    def view(self) -> Trials:
        """The same tables for another thread."""
        potential = {agent: record.view() for agent, record in self.potential.items()}
        replicates = None if self.replicates is None else self.replicates.view()
        return replace(self, record=self.record.view(), replicates=replicates, potential=potential)

    def write(self, folder: Path) -> None:
        """Write the tables and the study as it was run into a folder that is there."""
        self.record.save(folder / RECORD)
        if self.replicates is not None:
            self.replicates.save(folder / REPLICATES)
        for agent, record in self.potential.items():
            record.save(folder / POTENTIAL / agent)
        (folder / STUDY).write_text(self.study.text, encoding="utf-8")
        for path in self.study.therapy_files:
            shutil.copyfile(path, folder / path.name)

    def analysed(self) -> Run:
        """The trials with what the analyses find in them."""
        from opsonin.analysis import Findings, analyse
        from opsonin.study.why import asked_why

        findings = analyse(self.record, self.replicates, potential=self.potential, seed=self.seed)
        findings = Findings([*findings, *asked_why(self.study, self.seed)])
        return Run(self.study, self.record, self.replicates, findings, self.potential)


@dataclass(frozen=True)
class Run:
    """What came out of a study.

    record, replicates, potential: as in Trials;   findings: what the analyses found.
    """

    study: Study
    record: TrialRecord
    replicates: Replicates | None
    findings: Findings
    potential: dict[str, TrialRecord] = field(default_factory=dict)

    def save(self, folder: str | Path) -> Path:
        """Write the results folder (without a report: `opsonin.write_report` adds it), replacing older results at once.

        Raises: RecordError where the folder holds something else, or cannot be written.
        """
        with new_results(folder) as fresh:
            self.write(fresh)
        return Path(folder)

    def write(self, folder: Path) -> None:
        """Write the tables, the findings and the study as it was run into a folder that is there."""
        Trials(self.study, 0, self.record, self.replicates, self.potential).write(folder)
        self.findings.save(folder / FINDINGS)


def simulate(
    study: Study,
    seed: int,
    trials: int,
    threads: int | None,
    progress: Progress | None,
    workers: int = 1,
    kept: Kept | None = None,
    early: Early | None = None,
) -> Trials:
    """`trials` replicate trials on the study's pool of virtual patients (see Study.run)."""
    if workers > 1:
        from opsonin.trial.workers import Workers

        # they build the model for themselves, meanwhile
        with Workers(workers, partial(_world, replace(study), seed), threads) as runner:
            return _simulate(study, seed, trials, progress or _silent, runner, kept, early)
    from opsonin.trial.runners import Threads

    return _simulate(study, seed, trials, progress or _silent, Threads(threads), kept, early)


def unfinished(study: Study, folder: Path, seed: int) -> Kept:
    """Where in a folder the finished simulations of a run are kept: told apart by all that they depend on."""
    from opsonin.trial.kept import Kept

    model = study.built.model.symbolic.content_hash
    told = json.dumps([study.digest, model, seed, __version__, platform.machine()])
    return Kept(folder / hashlib.blake2b(told.encode(), digest_size=8).hexdigest())


def _world(study: Study, seed: int) -> World:
    """What a worker simulates with."""
    from opsonin.trial.world import World

    return World(study.built.model, _patients(study, seed), study.built.protocol, seed)


def _patients(study: Study, seed: int) -> VirtualPatients:
    """The study's pool: so many of each indication, one indication after the other, each with numbers of its own."""
    from opsonin.patients import VirtualPatients, sample_patients

    built, count = study.built, study.file.population.pool
    parts = [
        with_batches(study, sample_patients(built.model, one, count, seed, k * count), seed)
        for k, one in enumerate(built.indications)
    ]
    if len(parts) == 1:
        return parts[0]
    import pandas as pd

    return VirtualPatients(
        np.concatenate([part.ids for part in parts]),
        np.concatenate([part.constants for part in parts]),
        pd.concat([part.covariates for part in parts], ignore_index=True),
        np.concatenate([part.weights for part in parts]),
        np.concatenate([part.thresholds for part in parts]),
    )


def _simulate(
    study: Study, seed: int, trials: int, say: Progress, runner: Runner, kept: Kept | None, early: Early | None
) -> Trials:
    say("building the model", 0, 0)
    built = study.built
    say = told_of(say, built.species)
    from opsonin.trial import Pool, run_trials

    patients = _patients(study, seed)
    _compile(built, patients, say)
    pool = Pool(built.model, patients, built.protocol, seed, progress=say, runner=runner, kept=kept)
    about = manifest(study, built, seed)
    aside = left_out(built.comparisons)
    try:
        made = run_trials(pool, built.protocol, built.design, seed, trials, aside, about, early)
    except StudyError as problem:  # a pool may run short because its patients cannot be simulated
        raise StudyError(" ".join([str(problem), *_failures(pool.failures)[:2]])) from problem
    about.notes += [said(note, built.species) for note in _failures(pool.failures)]
    made.record.manifest.notes = about.notes
    return Trials(study, seed, made.record, made.replicates if trials > 1 else None, made.potential)


def _compile(built: Built, patients: VirtualPatients, say: Progress) -> None:
    """One patient for an hour: compiles the model's kernel, or finds it compiled in the user's cache."""
    say("compiling the model (kept for later runs)", 0, 0)
    from opsonin.simulate import Schedule, simulate

    hour = np.array([1 / 24])
    simulate(built.model, patients.constants[:1], Schedule.empty(1), hour, start=0.0, method="rosenbrock", threads=1)


def _failures(failures: list[tuple[int, int, str, float]]) -> list[str]:
    """What to say of patients whose simulation stopped: patient of the pool, level, reason, day."""
    told = [
        f"Patient {patient + 1} of the pool at level {level}: the simulation stopped on day {day:.1f} ({reason}); the "
        "patient counts as lost from view then."
        for patient, level, reason, day in sorted(failures)
    ]
    if len(told) <= _TOLD:
        return told
    patients = len({patient for patient, *_ in failures})
    return [
        f"The simulation of {patients} patients of the pool stopped early ({len(told)} times, over all levels); they "
        "count as lost from view then.",
        *told[:_TOLD],
        f"… and {len(told) - _TOLD} more such simulations.",
    ]


def told_of(say: Progress, species: str) -> Progress:
    """Progress in words of this species."""
    if species == HUMAN:
        return say
    return lambda phase, done, total: say(said(phase, species), done, total)


def _silent(phase: str, done: int, total: int) -> None:
    """No progress wanted."""
