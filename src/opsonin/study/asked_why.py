"""What a study file may ask of why its virtual patients respond: the table [questions.why]."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Text = Annotated[str, Field(min_length=1)]
Changes = dict[Text, dict[Text, float | str]]


class Why(BaseModel):
    """outcome: "response", "progression-free at 6 months" or "alive at 6 months".   level: the dose level, or the arm,
    by number.   patients: so many of each indication are asked, since each change is simulated anew.
    change: mechanism → parameter → factor or "responders".   barrier: mechanism → what its change removes.
    pathways: of the treatment's benefit, each with what switches it off.   early: the protocol day of the early panel.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    outcome: Text = "response"
    level: Annotated[int, Field(ge=1)] = 1
    patients: Annotated[int, Field(ge=40)] = 1000
    change: Changes = {}
    barrier: dict[Text, Text] = {}
    pathways: Changes = {}
    early: int | None = None
