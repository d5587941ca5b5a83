"""What a question of interaction comes to: which drug is compared with and without which, and where from.

An analyte whose agent is given, on one sampled day, without the partner and, on another, with it is compared within
the record. One that the protocol never gives alone is compared with the same patients' potential outcome without the
partner.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opsonin.study.texts import Days, elapsed, say_day

if TYPE_CHECKING:
    from opsonin.study.file import Treatment


@dataclass(frozen=True)
class Comparison:
    """One analyte with against without a partner.

    alone, together: sampled protocol days on which the agent is given without and with the partner; `alone` is empty
    where only a potential outcome can say.
    """

    analyte: str
    agent: str
    partner: str
    alone: tuple[int, ...]
    together: tuple[int, ...]

    @property
    def potential(self) -> bool:
        return not self.alone and bool(self.together)

    @property
    def text(self) -> str:
        together = _days(self.together)
        if not self.together:
            return f"{self.analyte} with and without {self.partner}: no sampled day has both, so it cannot be answered."
        if self.potential:
            return (
                f"{self.analyte} with and without {self.partner}: the protocol never gives it alone on a sampled day, "
                f"so {together} is compared with the same patients' potential outcome without {self.partner}."
            )
        return (
            f"{self.analyte} with and without {self.partner}: {together} against {_days(self.alone)}, within patients."
        )


def comparisons(
    analytes: Sequence[str],
    agents: Mapping[str, str],
    treatments: Sequence[tuple[str, Treatment]],
    sampled: Sequence[int],
) -> list[Comparison]:
    """Every analyte against every other agent of the question.

    agents: analyte → its agent;   treatments: agent and treatment;   sampled: protocol days of blood samples.
    """
    asked = list(dict.fromkeys(agents[a] for a in analytes))
    found = []
    for analyte in analytes:
        agent = agents[analyte]
        mine = [d for d in sampled if _given(agent, d, treatments)]
        for partner in asked:
            if partner == agent:
                continue
            together = tuple(d for d in mine if _given(partner, d, treatments))
            alone = tuple(d for d in mine if not _given_by(partner, d, treatments))
            found.append(Comparison(analyte, agent, partner, alone, together))
    return found


def left_out(found: Sequence[Comparison]) -> list[str]:
    """The partners whose absence must be simulated."""
    return list(dict.fromkeys(c.partner for c in found if c.potential))


def _given(agent: str, day: int, treatments: Sequence[tuple[str, Treatment]]) -> bool:
    """Whether an agent is dosed on a protocol day."""
    return any(_covers(t.days, _in_cycle(t, day)) for name, t in treatments if name == agent)


def _given_by(agent: str, day: int, treatments: Sequence[tuple[str, Treatment]]) -> bool:
    """Whether an agent was dosed on a protocol day or before it, in the same cycle."""
    return any(t.days.first <= _in_cycle(t, day) for name, t in treatments if name == agent)


def _in_cycle(treatment: Treatment, day: int) -> int:
    """The protocol day folded back into the treatment's first cycle."""
    if treatment.cycle is None or day < 1:
        return day
    length = int(treatment.cycle.days)
    late = elapsed(treatment.days.last) >= length  # a block after a run-in: its cycles begin with its first day
    begins = int(elapsed(treatment.days.first)) if late else 0
    number, within = divmod(int(elapsed(day)) - begins, length)
    over = treatment.cycles is not None and number >= treatment.cycles
    return day if number < 0 or over else begins + within + 1


def _covers(days: Days, day: int) -> bool:
    return any(a <= day <= b for a, b in days.blocks)


def _days(days: Sequence[int]) -> str:
    return f"day{'' if len(days) == 1 else 's'} {', '.join(say_day(d) for d in days)}"
