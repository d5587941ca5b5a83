"""What a study file may ask of synergy: `synergy` under [questions]."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from opsonin.study.texts import read_day

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opsonin.study.study import Study

Text = Annotated[str, Field(min_length=1)]


class Synergy(BaseModel):
    """Whether two treatments together do more than each does: a marker of the panel on a protocol day.

    together, alone: arms;   control: the arm with neither, the one that others are compared with if left out.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    marker: Text
    day: Annotated[int, BeforeValidator(read_day)]
    together: Text
    alone: Annotated[list[Text], Field(min_length=2, max_length=2)]
    control: Text | None = None

    @property
    def text(self) -> str:
        """The question in words."""
        alone = " and ".join(self.alone)
        return f"does {self.together} change {self.marker} on day {self.day} by more than {alone} do?"


def check_synergy(study: Study, markers: Sequence[str]) -> None:
    """What is asked of synergy, against the panel's markers and the arms.

    Raises: StudyError, with file and field, for arms, markers and days that there are not.
    """
    from opsonin.study.names import refuse, require

    file = study.file
    arms = list(file.enrolment.arms or []) if file.enrolment is not None else []
    days = file.assessments.immune.days if file.assessments.immune else []
    for k, asked in enumerate(file.questions.synergy):
        where = ("questions", "synergy", k)
        require(study, (*where, "marker"), asked.marker, markers, "measured marker")
        if asked.day not in days:
            told = ", ".join(map(str, days))
            refuse(study, (*where, "day"), f"day {asked.day} is not among the days of the panel ({told})")
        named = {"together": asked.together, "alone": asked.alone[0], "control": asked.control or (arms or [""])[0]}
        for field, arm in (*named.items(), ("alone", asked.alone[1])):
            require(study, (*where, field), arm, arms, "arm")
