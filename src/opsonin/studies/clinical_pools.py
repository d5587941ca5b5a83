"""Virtual patients for a published indication and treatment: which study stands for them, or why none does."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from opsonin.errors import ModelError
from opsonin.studies.clinical_patients import ClinicalPatients, clinical_patients

MAPPING = Path(__file__).with_name("clinical_pools.toml")
_TABLES = ("subjects", "survival", "responses", "lesions", "adverse_events")
OBSERVE, SCANS = "61 months", "8 weeks"
# words of a setting that mean a part of the patients, which only a [[setting]] can choose
SUBGROUPS = (
    "TC0",
    "TC3",
    "TMB",
    "CPS",
    "TPS",
    "PD-L1",
    "ctDNA",
    "albumin",
    "neutrophil",
    "SLD",
    "against",
    "deficient",
)


class NotRepresented(Exception):
    """No virtual patients stand for a published figure; the message says why."""


@dataclass(frozen=True)
class Mapped:
    """The mapping file, read."""

    indications: Mapping[str, list[str]]
    patients: Mapping[str, str]
    no_patients: Mapping[str, str]
    treatments: Mapping[str, dict[str, Any]]
    settings: Mapping[str, dict[str, Any]]
    scans: Mapping[str, str]
    criteria: Mapping[str, str]
    read_as: Mapping[str, str]
    elsewhere: Mapping[str, str]
    causes: Mapping[str, str]

    def words(self, row: str, indication: str) -> str:
        """The published words of the patients whom a row's trial enrolled: of its indication, or a part of them."""
        return next((words for pattern, words in self.patients.items() if re.search(pattern, row)), indication)

    @classmethod
    def read(cls, path: Path = MAPPING) -> Mapped:
        """From clinical_pools.toml."""
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        return cls(
            data["indications"],
            data["patients"],
            data["no_patients"],
            {name: one for one in data["therapy"] for name in one["published"]},
            {name: one for one in data["setting"] for name in one["published"]},
            data["scans"],
            data["criteria"],
            data["read_as"],
            data["elsewhere"],
            data["causes"],
        )


@dataclass(frozen=True, eq=False)
class ClinicalPool:
    """Patients under one treatment, with their baseline columns.   scanned: whether lesions are seen in them."""

    patients: ClinicalPatients
    baseline: pd.DataFrame
    scanned: bool = True

    def part(self, setting: Mapping[str, Any] | None) -> ClinicalPatients:
        """The patients whom a setting means.   Raises: NotRepresented where the pool does not tell them apart."""
        among = None if setting is None else setting.get("among")
        if among is not None:
            return self.patients.take(np.isin(self.patients.best, among))
        where = None if setting is None else setting.get("where")
        if where is None:
            return self.patients
        values = self._column(where["column"])
        mask = (values >= where.get("from", -np.inf)) & (values < where.get("below", np.inf))
        if not mask.any():
            raise NotRepresented(f"nobody in the pool has {where['column']} in that range")
        return self.patients.take(mask)

    def halves(self, column: str) -> tuple[ClinicalPatients, ClinicalPatients]:
        """Those below the median of a baseline column, and the others."""
        values = self._column(column)
        below = values < np.nanmedian(values)
        return self.patients.take(below), self.patients.take(~below)

    def _column(self, name: str) -> np.ndarray:
        if name not in self.baseline or self.baseline[name].isna().all():
            raise NotRepresented(f"the pool has no baseline column {name}")
        return self.baseline[name].to_numpy(dtype=float)


class ClinicalPools:
    """The pools of all published indications and treatments, each simulated when it is first asked for."""

    def __init__(self, patients: int, seed: int, mapped: Mapped | None = None):
        """patients: in each pool."""
        self.count, self.seed = patients, seed
        self.mapped = Mapped.read() if mapped is None else mapped
        self._made: dict[tuple[str, str, str], ClinicalPool] = {}

    def pool(self, indication: str, treatment: str, scans: str = SCANS) -> ClinicalPool:
        """The pool of a published indication and treatment.   scans: how often they are made.

        Raises: NotRepresented, with the reason.
        """
        key = (indication, treatment, scans)
        if key not in self._made:
            self._made[key] = self._simulated(indication, treatment, scans)
        return self._made[key]

    def scans(self, row: str) -> str:
        """How often a row's trial made scans."""
        return next((every for pattern, every in self.mapped.scans.items() if re.search(pattern, row)), SCANS)

    def scan_days(self, row: str) -> float:
        """The days between two scans of a row's trial."""
        from opsonin.study.texts import Duration

        return Duration.read(self.scans(row)).days

    def setting(self, words: str) -> Mapping[str, Any] | None:
        """What a setting means for the pool, None for all of it.

        Raises: NotRepresented for a part of the patients that no [[setting]] describes.
        """
        if words in self.mapped.settings:
            return self.mapped.settings[words]
        part = next((word for word in SUBGROUPS if word in words), None)
        if part is not None:
            raise NotRepresented(f"the pool does not tell apart patients by {part}")
        return None

    def _simulated(self, indication: str, treatment: str, scans: str) -> ClinicalPool:
        name = self._indication(indication)
        about = self.mapped.treatments.get(treatment)
        if about is None:
            raise NotRepresented(f"no module of {treatment}")
        if "study" in about:
            return _of_study(about["study"], name, self.count, self.seed)
        tumour = {"every": scans, "criteria": self.mapped.criteria.get(indication, "RECIST 1.1")}
        return self._of_regimen(name, treatment, [dict(one) for one in about["regimen"]], tumour)

    def _indication(self, published: str) -> str:
        from opsonin.patients import indication_names

        if published in self.mapped.no_patients:
            raise NotRepresented(self.mapped.no_patients[published])
        known = indication_names()
        found = next((name for name in self.mapped.indications.get(published, []) if name in known), None)
        if found is None:
            raise NotRepresented(f"no patients of {published}")
        return found

    def _of_regimen(
        self, indication: str, treatment: str, regimen: list[dict[str, Any]], tumour: dict[str, str]
    ) -> ClinicalPool:
        from opsonin import therapies

        known = therapies.names()
        for one in regimen:
            one["agent"] = next((agent for agent in one["agent"] if agent in known), None)
            if one["agent"] is None:
                raise NotRepresented(f"no module of {treatment}")
        enrolment: dict[str, Any] = {"patients": self.count, "accrual": "1 day"}
        if not regimen:  # a study gives something: an arm of one patient, who is left out of the pool
            regimen = [{"agent": "imatinib", "dose": "400 mg", "days": "1", "arm": "treated"}]
            enrolment |= {"arms": ["untreated", "treated"], "patients": {"untreated": self.count, "treated": 1}}
        from opsonin.study import Study
        from opsonin.study.file import StudyFile
        from opsonin.study.names import check_names

        file = StudyFile.model_validate(
            {
                "title": f"{treatment} in {indication}",
                "population": {"indication": indication, "pool": 4 * self.count},
                "treatment": regimen,
                "enrolment": enrolment,
                "assessments": {"tumour": tumour},
                "follow_up": {"observe": OBSERVE},
            }
        )
        study = Study(treatment, "", file, Path(treatment))
        check_names(study)
        try:
            record = _without(study.simulate(self.seed).record, "treated")
        except ModelError as problem:  # a treatment for which these patients lack something
            raise NotRepresented(f"{treatment} does not fit these patients: {problem}") from problem
        return ClinicalPool(
            clinical_patients(record), record.subjects.reset_index(drop=True), len(record.responses) > 0
        )


def _without(record: Any, arm: str) -> Any:
    """The tables of which pools are made, without the patients of an arm."""
    left_out = record.subjects.loc[record.subjects["arm"] == arm, "subject_id"]
    tables = {name: getattr(record, name) for name in _TABLES}
    return SimpleNamespace(**{name: rows[~rows["subject_id"].isin(left_out)] for name, rows in tables.items()})


def _of_study(name: str, indication: str, patients: int, seed: int) -> ClinicalPool:
    """As many replicate trials of a bundled study as it takes, their patients put together."""
    from opsonin.study import Study

    study = Study.load(name)
    if study.file.population.indication != indication:
        raise NotRepresented(f"the study {name} is of {study.file.population.indication}")
    trials = max(1, round(patients / 17))  # of about as many patients as the published trial had
    replicates = study.simulate(seed, trials).replicates
    assert replicates is not None
    tables = {table: _told_apart(replicates.table(table)) for table in _TABLES}
    return ClinicalPool(clinical_patients(SimpleNamespace(**tables)), tables["subjects"].reset_index(drop=True))


def _told_apart(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of many trials whose subjects bear the trial's number."""
    return rows.assign(subject_id=rows["trial"].astype(str) + ":" + rows["subject_id"].astype(str))
