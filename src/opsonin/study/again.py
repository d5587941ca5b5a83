"""A study's virtual patients at one dose level or arm, simulated as they are and again with parameters changed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float, Int

from opsonin.errors import StudyError
from opsonin.study.changes import Change, changed_patients
from opsonin.study.judging import judge_of, takes_scans

if TYPE_CHECKING:
    from opsonin.patients import VirtualPatients
    from opsonin.study.study import Progress, Study
    from opsonin.trial import Plan, Pool, PotentialOutcomes

FEWEST = 40  # patients, below which nothing of this is worth asking


class Again:
    """The same patients under the same random numbers, whatever is changed in them.

    patients: of the pool, so many of each indication, all where None.   groups: the indication of each, "all" where
    there is one.   rows: where in the pool each is.   good, known: whose outcome is asked about and had, and of whom
    it is known.
    """

    def __init__(
        self,
        study: Study,
        outcome: str,
        level: int,
        seed: int,
        patients: int | None = None,
        threads: int | None = None,
        progress: Progress | None = None,
        able: bool = False,
    ):
        """able: only patients whose numbers go together, so that the model can start.

        Raises: StudyError for an outcome that is none or takes scans that there are not, or fewer than 40 patients
        who can be judged.
        """
        from opsonin.study.run import _patients, told_of

        built = study.built
        if built.protocol.tumour is None and takes_scans(outcome):
            raise StudyError("response needs scans; give `tumour` under [assessments].")
        self.judge = judge_of(outcome, built.protocol.observe_days)
        self.study, self.level, self.seed, self.threads = study, level, seed, threads
        self.progress = None if progress is None else told_of(progress, built.species)
        self.rows, self.groups = _chosen(study, patients)
        self.patients: VirtualPatients = _patients(study, seed).take(self.rows)
        if able:
            from opsonin.model.evaluate import able_to_start

            kept = able_to_start(built.model.symbolic, self.patients.constants)
            self.rows, self.groups, self.patients = self.rows[kept], self.groups[kept], self.patients.take(kept)
        self.plan: Plan
        self.plan, self.base = self.outcomes(self.patients)
        self.good, self.known = self.judge(self.plan, self.base)
        if self.known.sum() < FEWEST:
            raise StudyError(
                f"{int(self.known.sum())} of the virtual patients can be judged; enlarge `pool` under [population]."
            )

    @property
    def model(self) -> Any:
        return self.study.built.model

    @cached_property
    def differing(self) -> dict[str, Float[np.ndarray, " patient"]]:
        """What differs between the patients: parameters and covariates, without what follows from them."""
        symbolic, constants = self.model.symbolic, self.patients.constants
        own = [k for k in range(constants.shape[1]) if k not in symbolic.derived and np.ptp(constants[:, k]) > 0]
        return {symbolic.constants[k]: constants[:, k] for k in own}

    def changed(
        self, *changes: Mapping[str, Change]
    ) -> tuple[PotentialOutcomes, Bool[np.ndarray, " patient"], Bool[np.ndarray, " patient"]]:
        """What the patients then show, who has the outcome, and of whom it is known; several changes are made at once.

        Raises: StudyError where the median responder is asked for and nobody responds.
        """
        some = self.patients
        for parts in changes:
            some = changed_patients(some, parts, self.model.symbolic, self.good, self.known)
        plan, made = self.outcomes(some)
        return made, *self.judge(plan, made)

    def outcomes(self, some: VirtualPatients) -> tuple[Plan, PotentialOutcomes]:
        from opsonin.trial import Pool as _Pool

        built = self.study.built
        pool: Pool = _Pool(built.model, some, built.protocol, self.seed, threads=self.threads, progress=self.progress)
        return pool.plan, pool.outcomes(self.level)


def _chosen(study: Study, patients: int | None) -> tuple[Int[np.ndarray, " patient"], np.ndarray]:
    """Rows of the pool, the first so many of each indication, and the indication of each."""
    indications, count = study.built.indications, study.file.population.pool
    take = count if patients is None else min(patients, count)
    if take < 1:
        raise StudyError(f"{patients} patients are too few to ask anything of.")
    rows = np.concatenate([k * count + np.arange(take) for k in range(len(indications))])
    names = [one.name if len(indications) > 1 else "all" for one in indications]
    return rows, np.repeat(np.array(names, dtype=object), take)
