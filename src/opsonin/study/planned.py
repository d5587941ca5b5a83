"""The doses of a study as they are planned, for patients who are followed without a trial: all of them are given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from opsonin.errors import StudyError

if TYPE_CHECKING:
    from opsonin.simulate.regimen import GivenDoses
    from opsonin.study.study import Study
    from opsonin.trial.protocol import Protocol

LONGEST = 36_525.0  # days: no patient is followed for more than a century


def check_level(study: Study, level: int) -> None:
    """Raises: StudyError for a dose level (or arm) that the study does not have, or for a basket of indications."""
    indications = study.file.population.indications
    if len(indications) > 1:
        raise StudyError(
            f"this study is a basket ({', '.join(indications)}); simulate a study of one of these indications."
        )
    protocol = study.built.protocol
    levels = len(protocol.levels)
    if not 1 <= level <= levels:
        many = f"1 to {levels}" if levels > 1 else "1"
        raise StudyError(f"there is no {protocol.level_word} {level}; the study has {many}.")


def check_day(day: float) -> None:
    """Raises: StudyError for a day that no patient sees."""
    if not abs(day) <= LONGEST:
        raise StudyError(f"day {day:g} is out of reach; give days between {-LONGEST:g} and {LONGEST:g}.")


def planned_doses(protocol: Protocol, level: int, covariates: Any, until: float) -> list[GivenDoses]:
    """Doses of every treatment before the elapsed day `until`.

    covariates: baseline columns, one row a patient.   Raises: StudyError where a weight or surface is needed.
    """
    from opsonin.simulate import GivenDoses
    from opsonin.trial.doses import dose_amounts
    from opsonin.trial.plan import dose_times

    made = []
    for treatment in protocol.treatments:
        times = dose_times(treatment, until)
        if len(times):
            amounts = dose_amounts(treatment, level, covariates)[:, None] * np.ones(len(times))
            made.append(
                GivenDoses(treatment.agent, treatment.route, treatment.unit, times, amounts, treatment.infusion_days)
            )
    return made
