"""What a study's outcomes depend on: its typical patient and doses, what differs between patients, its questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from opsonin.errors import SimulationError, StudyError
from opsonin.study.planned import check_day, check_level, planned_doses

if TYPE_CHECKING:
    from opsonin.simulate.factors import Factor
    from opsonin.simulate.outcomes import Outcome
    from opsonin.simulate.regimen import GivenDoses
    from opsonin.study.study import Study

SMALL = 0.25  # days between which courses are taken for straight, outside the windows of outcomes


@dataclass(frozen=True)
class Asked:
    """A study's patient at a dose level, every dose given as planned whatever happens (no policy).

    until: elapsed day of the last look.   Raises: StudyError for a level or a length the study cannot have.
    """

    study: Study
    level: int
    until: float

    def __post_init__(self) -> None:
        check_day(self.until)
        check_level(self.study, self.level)
        if not self.until > self.begin:
            raise StudyError(
                f"day {self.until:g} is not after the first dose, day {self.begin:g}; give a later last day."
            )

    @property
    def model(self) -> Any:
        return self.study.built.model

    @property
    def begin(self) -> float:
        """Elapsed day of the first dose."""
        return self.study.built.protocol.first_time

    @property
    def times(self) -> Float[np.ndarray, " time"]:
        """From the first dose to the last look."""
        return np.append(np.arange(self.begin, self.until - 1e-9, SMALL), self.until)

    @property
    def patient(self) -> Float[np.ndarray, " constant"]:
        """The typical patient of the indication: medians of parameters, typical covariates."""
        from opsonin.model import Parameter
        from opsonin.units import factor

        symbolic = self.model.symbolic
        made = np.array(symbolic.typical, float)
        values = self.study.built.indication.values
        for part, _ in self.model.parts(Parameter):
            if part.name in values:
                index = symbolic.constants.index(part.name)
                made[index] = values[part.name] * factor(part.unit, symbolic.constant_units[index])
        return made

    def doses(self, constants: Float[np.ndarray, "patient constant"]) -> list[GivenDoses]:
        """The planned doses of patients with these constants."""
        import pandas as pd

        known = self.model.symbolic.constants
        sizes = [name for name in ("weight_kg", "bsa_m2") if name in known]
        covariates = pd.DataFrame(
            {name: constants[:, known.index(name)] for name in sizes}, index=range(len(constants))
        )
        return planned_doses(self.study.built.protocol, self.level, covariates, self.until)

    def factors(self, names: Sequence[str] = (), fold: float = 2.0) -> list[Factor]:
        """What varies: constants as they differ between the indication's patients, the others within a factor.

        names: of constants; where none is given, all that differ between patients.   They vary independently here.
        Raises: SimulationError for unknown names.
        """
        from opsonin.model.trace import unknown
        from opsonin.simulate.factors import within_factor

        different = self._different()
        known = self.model.symbolic.constants
        made = []
        for name in dict.fromkeys(names or different):
            if name not in known:
                raise SimulationError(f"{name!r} is to vary, {unknown(name, dict.fromkeys(known))}")
            value = float(self.patient[known.index(name)])
            made.append(different[name] if name in different else within_factor(name, value, fold))
        return made

    def _different(self) -> dict[str, Factor]:
        """What differs between patients: parameters with a spread, and drawn covariates."""
        from opsonin.model import Covariate, Parameter
        from opsonin.simulate.factors import scored, spread_of
        from opsonin.units import factor

        symbolic, indication = self.model.symbolic, self.study.built.indication
        made = {
            part.name: spread_of(part, indication.values.get(part.name))
            for part, _ in self.model.parts(Parameter)
            if part.spread is not None
        }
        drawn = {variable.name: variable for variable in indication.variables}
        for part, _ in self.model.parts(Covariate):
            if part.name in drawn:
                variable = drawn[part.name]
                unit = symbolic.constant_units[symbolic.constants.index(part.name)]
                scale = factor(variable.unit, unit)
                made[part.name] = scored(
                    part.name,
                    lambda z, variable=variable, scale=scale: np.asarray(variable.at(z), float) * scale,
                    None if np.isinf(variable.lower) else variable.lower * scale,
                    None if np.isinf(variable.upper) else variable.upper * scale,
                    f"as in {indication.title.lower()}",
                )
        return made

    def outcomes(self, texts: Sequence[str]) -> tuple[Outcome, ...]:
        """Outcomes from their words.

        Raises: SimulationError and ModelError for words and names that cannot be read; StudyError for a day on which
        these patients are not followed.
        """
        from opsonin.simulate.outcomes import outcomes_of

        made = outcomes_of(self.model, list(texts))
        for one in made:
            for day in one.moments:
                if not self.begin <= day <= self.until:
                    raise StudyError(
                        f"the outcome {one.name!r} looks at day {day:g}, but patients are followed from day "
                        f"{self.begin:g} to day {self.until:g}; choose a day in between, or another last day."
                    )
        return made

    def questions(self) -> list[str]:
        """Outcomes that the study asks about: exposures on the last day of samples, markers, DLTs, a lesion."""
        from opsonin.trial.plan import make_plan
        from opsonin.trial.protocol import elapsed

        built = self.study.built
        protocol, plan = built.protocol, make_plan(self.model, built.protocol)
        asked = []
        sampled = [elapsed(day) for day in protocol.sampling.days if elapsed(day) + 1 <= self.until]
        if sampled:
            asked += [f"{one.name}: AUC from {sampled[-1]:g} to {sampled[-1] + 1:g}" for one in plan.analytes]
        for marker in self.study.file.questions.biomarkers:
            if elapsed(marker.day) <= self.until:
                asked.append(f"{marker.marker}: at {elapsed(marker.day):g}")
        for hazard in self.model.symbolic.hazard_list:
            grades = [rule.grade for rule in protocol.dlt if rule.names(hazard.term)]
            if grades and hazard.role == "adverse event":
                asked.append(f"{hazard.name}: risk of grade {min(grades)}")
        return [*asked, *(f"{name}: last" for name in plan.lesions[:1])]
