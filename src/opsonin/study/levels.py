"""The dose levels of a study: the ladder of one agent, or the combinations of two agents' ladders, row by row.

Of two ladders the first one in the file gives the rows and the second one the columns of a grid, whose cells are the
levels: 1 is the lowest of both, then the second agent rises.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opsonin.study.file import StudyFile
    from opsonin.study.texts import Dose


def level_count(file: StudyFile) -> int:
    """How many dose levels there are: doses of the ladder, or cells of the grid."""
    count = 1
    for treatment in file.ladders:
        count *= len(treatment.dose)
    return count


def grid_columns(file: StudyFile) -> int | None:
    """How many levels the second of two escalated agents has; None where one agent is escalated."""
    return len(file.ladders[1].dose) if len(file.ladders) == 2 else None


def level_doses(file: StudyFile) -> list[tuple[Dose, ...]]:
    """The dose of each escalated agent at every level."""
    return list(itertools.product(*(treatment.dose for treatment in file.ladders)))


def level_texts(file: StudyFile, agents: Sequence[str] | None = None) -> list[str]:
    """The name of each level: "interleukin-2 6 MIU", or "imatinib 400 mg + interleukin-2 6 MIU" of two.

    agents: what the escalated agents are called, in order; as the file writes them where None.
    """
    names = [treatment.agent for treatment in file.ladders] if agents is None else agents
    return [
        " + ".join(f"{agent} {dose.text}" for agent, dose in zip(names, doses, strict=True))
        for doses in level_doses(file)
    ]


def doses_by_level(file: StudyFile, number: int) -> tuple[float, ...]:
    """The amounts of one treatment, by its place in the file: one, or one for every level where it is escalated."""
    treatment = file.treatment[number]
    if not treatment.is_ladder:
        return (treatment.dose[0].amount,)
    place = next(k for k, ladder in enumerate(file.ladders) if ladder is treatment)
    return tuple(doses[place].amount for doses in level_doses(file))
