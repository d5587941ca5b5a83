"""What a protocol does on what it observes: hold, delay, reduce or stop an agent's doses, or go on in spite of it.

A policy has one occasion (`when`), one answer (`do`) and says how long the answer lasts. Two policies are there without
being written, and are replaced for the agents that a written one of the same occasion names: a dose-limiting toxicity
and progression stop every agent.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from opsonin.criteria.dlt import DltRule
from opsonin.errors import StudyError

Answer = Literal["hold", "delay", "reduce", "stop", "continue"]
SIGNS: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class PolicyError(StudyError):
    """A policy that contradicts itself.   field: of a study's [[policy]] table;   message: what is wrong with it."""

    def __init__(self, occasion: str, field: str, message: str):
        self.field, self.message = field, message
        super().__init__(f"policy on {occasion}: `{field}` {message}.")


@dataclass(frozen=True)
class Toxicity:
    """An adverse event that meets one of the rules: at once on its first day, or at the next visit.

    rules: None for those of dose-limiting toxicity.
    """

    rules: tuple[DltRule, ...] | None
    at_visits: bool = False

    @property
    def text(self) -> str:
        return "DLT" if self.rules is None else " or ".join(rule.text for rule in self.rules)

    @property
    def lowest(self) -> int | None:
        """The lowest grade that counts, None for dose-limiting toxicities."""
        return None if self.rules is None else min(rule.grade for rule in self.rules)


@dataclass(frozen=True)
class Reading:
    """A marker of the immune panel or a drug level, as measured, against a value in the observable's own unit."""

    name: str
    sign: Literal["<", "<=", ">", ">="]
    value: float
    unit: str = ""

    @property
    def text(self) -> str:
        return f"{self.name} {self.sign} {self.value:g} {self.unit}".rstrip()

    def holds(self, value: Any) -> Any:
        """Whether values meet the condition."""
        return SIGNS[self.sign](value, self.value)


@dataclass(frozen=True)
class Progression:
    """Progression as the scan shows it (the first time)."""

    text = "progression"


@dataclass(frozen=True)
class Recovery:
    """How long adverse events last, which the model, that knows onsets only, leaves to assume.

    median_days: to fall by one grade, from when dosing was interrupted;   cv: between patients and events (log-normal).
    """

    median_days: float = 7.0
    cv: float = 0.5


@dataclass(frozen=True)
class Policy:
    """One sentence of a protocol.

    agents: whose doses it is about, none for all.
    down_to: a hold or delay for toxicity ends when the event is down to this grade.   until: one for a reading ends
    when this is read (None: when the reading is no longer what began it).   confirmed: treatment beyond progression
    ends with confirmed progression.   at_most_days: a hold or delay that lasts longer stops the agent; treatment
    beyond progression ends then.
    keep: what is left of the dose after one reduction (0.75), None where `levels` of the ladder are gone down. Of a
    hold or a delay: the dose goes on so reduced.   times: reductions or holds allowed; the next stops the agent.
    """

    when: Toxicity | Reading | Progression
    do: Answer
    agents: tuple[str, ...] = ()
    down_to: int = 1
    until: Reading | None = None
    confirmed: bool = False
    at_most_days: float | None = None
    keep: float | None = None
    levels: int = 0
    times: int | None = None

    def __post_init__(self) -> None:
        found = _problem(self)
        if found is not None:
            raise PolicyError(self.when.text, *found)

    @property
    def reduces(self) -> bool:
        return self.keep is not None or self.levels > 0

    @property
    def interrupts(self) -> bool:
        return self.do in ("hold", "delay")


def _problem(policy: Policy) -> tuple[str, str] | None:
    """What does not hold together: the field of a study file and the message, None where all is well."""
    when, do = policy.when, policy.do
    if isinstance(when, Progression) and do not in ("stop", "continue"):
        return "do", f'cannot be "{do}" on progression; write "stop", or "continue" for treatment beyond progression'
    if do == "continue" and not (isinstance(when, Progression) or (isinstance(when, Toxicity) and when.rules is None)):
        return "do", 'can be "continue" on "progression" and "DLT" only: everything else goes on by itself'
    if do == "reduce" and not policy.reduces:
        return "by", 'is missing: how much is the dose reduced? Write by = "25 %" or by = "1 level"'
    if policy.reduces and do in ("stop", "continue"):
        return "by", f'goes with do = "reduce", "hold" or "delay", not with "{do}"'
    if policy.keep is not None and not 0 < policy.keep < 1:
        return "by", 'must be more than 0 % and less than 100 %; to give nothing write do = "hold" or do = "stop"'
    if policy.times is not None and do in ("stop", "continue"):
        return "times", f'goes with do = "reduce", "hold" or "delay", not with "{do}"'
    if policy.times is not None and policy.times < 1:
        return "times", f"must be 1 or more, not {policy.times}"
    if policy.at_most_days is not None and do in ("stop", "reduce"):
        return "at_most", f'goes with do = "hold", "delay" or "continue", not with "{do}"'
    if policy.at_most_days is not None and not policy.at_most_days > 0:
        return "at_most", f"must be longer than 0 days, not {policy.at_most_days:g}"
    return _until_problem(policy)


def _until_problem(policy: Policy) -> tuple[str, str] | None:
    when = policy.when
    if policy.confirmed and not (isinstance(when, Progression) and policy.do == "continue"):
        return "until", 'can be "confirmed" only with when = "progression" and do = "continue"'
    if policy.at_most_days is not None and policy.do == "continue" and not isinstance(when, Progression):
        return "at_most", 'of do = "continue" goes with when = "progression" only'
    if policy.until is not None and not policy.interrupts:
        return "until", f'goes with do = "hold" or "delay", not with "{policy.do}"'
    if policy.until is not None and not (isinstance(when, Reading) and when.name == policy.until.name):
        return "until", f"asks for {policy.until.name!r}, but the policy looks at {when.text!r}; ask for the same"
    if isinstance(when, Reading) and policy.until is not None and _overlap(when, policy.until):
        return (
            "until",
            f"({policy.until.text}) can be met while {when.text} still is; dosing would go on and off at once",
        )
    if isinstance(when, Toxicity) and policy.interrupts:
        lowest = when.lowest
        if not 0 <= policy.down_to < (lowest if lowest is not None else 6):
            return "until", f"(grade <= {policy.down_to}) must be below the grade that begins it ({when.text})"
    return None


def _overlap(one: Reading, other: Reading) -> bool:
    """Whether a value can meet both conditions."""
    low, high = (one, other) if one.sign[0] == ">" else (other, one)
    if low.sign[0] == high.sign[0]:
        return True
    both = low.sign.endswith("=") and high.sign.endswith("=")
    return low.value < high.value or (low.value == high.value and both)
