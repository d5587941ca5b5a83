"""What a protocol without a dose ladder says: arms instead of levels, how many patients, and when they are counted."""

from __future__ import annotations

import math
from dataclasses import dataclass

from opsonin.designs.phase_two.by_name import ResponseDesign
from opsonin.errors import StudyError

_LONGEST = 12  # patients of a block that is the ratio twice over, at most


@dataclass(frozen=True, eq=False)
class Arms:
    """Who is enrolled in which arm. The protocol's levels stand for the arms, in order: level 1 is the first.

    indications: several make a basket, each enrolled by itself.   pool: virtual patients of each indication; they stand
    one indication after the other in the pool.   patients: (indication, arm) → how many are enrolled at most; with
    several arms patients are randomised in permuted blocks, within their indication.
    design: looks at the responses of each arm in each indication, None without one.   response_days: a response counts
    at a look if a scan showed it within so many days of day 1, and everybody has been followed so long by then.
    """

    indications: tuple[str, ...]
    pool: int
    patients: tuple[tuple[int, ...], ...]
    design: ResponseDesign | None = None
    response_days: float = 24 * 7.0

    def __post_init__(self) -> None:
        if len(self.patients) != len(self.indications) or len({len(row) for row in self.patients}) != 1:
            raise StudyError("give a number of patients for every indication and arm.")
        if any(count < 0 for row in self.patients for count in row) or not any(map(sum, self.patients)):
            raise StudyError("an arm has no fewer than 0 patients, and at least one has some.")
        if self.design is not None and any(count not in (0, self.most) for row in self.patients for count in row):
            raise StudyError(f"the design {self.design.name!r} enrols {self.most} patients in every arm.")

    @property
    def count(self) -> int:
        """How many arms there are."""
        return len(self.patients[0])

    @property
    def most(self) -> int:
        """The patients of an arm at the design's last look."""
        assert self.design is not None
        return self.design.stages[-1]

    @property
    def stages(self) -> int:
        """How often enrolment is opened."""
        return 1 if self.design is None else len(self.design.stages)

    def added(self, indication: int, stage: int) -> tuple[int, ...]:
        """The patients that each arm takes at a stage (from 0), if it is still open."""
        if self.design is None:
            return self.patients[indication]
        stages = [0, *self.design.stages]
        return tuple(stages[stage + 1] - stages[stage] if count else 0 for count in self.patients[indication])


def block_of(counts: tuple[int, ...]) -> list[int]:
    """One block of the randomisation: arms in the ratio of their numbers, twice over where that goes up.

    (60, 30) → [0, 0, 0, 0, 1, 1].   Source: Matts & Lachin 1988, Control Clin Trials 9:327 (permuted blocks).
    """
    shared = math.gcd(*counts)
    once = [count // shared for count in counts]
    times = 2 if shared % 2 == 0 and sum(once) <= _LONGEST // 2 else 1
    return [arm for arm, count in enumerate(once) for _ in range(times * count)]
