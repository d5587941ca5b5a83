"""A study's virtual patients and doses as the source of a stream: any number of them, sampled block by block."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from opsonin.study.planned import check_day, check_level, planned_doses
from opsonin.study.study import Study

if TYPE_CHECKING:
    from opsonin.simulate import Patients


@dataclass(frozen=True)
class StudyPatients:
    """Patients of a study's indication, all at one dose level, under its regimen without its policy: every dose is
    given, whatever happens.

    until: elapsed day; doses from there on are left out.   The first patients are those of the study's own pool.
    Raises: StudyError for a level that the study does not have, or a day out of reach.
    """

    study: Study
    level: int
    seed: int
    until: float

    def __post_init__(self) -> None:
        check_day(self.until)
        check_level(self.study, self.level)

    @property
    def about(self) -> dict[str, Any]:
        """What tells these patients from others, in words that a stream keeps beside its tables."""
        return {"study": self.study.name, "level": self.level, "seed": self.seed}

    @cached_property
    def model(self) -> Any:
        return self.study.built.model

    @property
    def measured(self) -> list[str]:
        """What the study measures: analytes, the markers of its panel, and lesions."""
        from opsonin.trial.plan import make_plan

        plan = make_plan(self.model, self.study.built.protocol)
        return [*(one.name for one in plan.analytes), *(one.name for one in plan.markers), *plan.lesions]

    def block(self, first: int, last: int) -> Patients:
        """Constants, doses, draws and baseline covariates of the patients numbered first to last − 1."""
        from opsonin.patients import sample_patients
        from opsonin.simulate import Patients, build_schedule
        from opsonin.study.batches import with_batches

        built = self.study.built
        sampled = with_batches(
            self.study, sample_patients(self.model, built.indication, last - first, self.seed, first), self.seed
        )
        doses = planned_doses(built.protocol, self.level, sampled.covariates, self.until)
        schedule = build_schedule(self.model, sampled.constants, doses)
        columns = {str(name): sampled.covariates[name].to_numpy() for name in sampled.covariates}
        return Patients(sampled.constants, schedule, sampled.thresholds, columns)

    def __reduce__(self) -> tuple[Any, ...]:
        """Sent to a worker process without the model, which is built there anew."""
        study = self.study
        return _sent, ((study.name, study.text, study.file, study.path), self.level, self.seed, self.until)


def _sent(parts: tuple[Any, ...], level: int, seed: int, until: float) -> StudyPatients:
    return StudyPatients(Study(*parts), level, seed, until)
