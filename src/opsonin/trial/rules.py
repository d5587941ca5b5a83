"""Policies against a model: which doses, thresholds and readings each is about, and the words it leaves in a record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float, Int

from opsonin.errors import StudyError
from opsonin.trial.policy import Policy, Progression, Reading, Toxicity

if TYPE_CHECKING:
    from opsonin.trial.plan import Analyte, Event, Marker
    from opsonin.trial.protocol import Protocol

REASONS = (
    "end of observation", "progression", "dose-limiting toxicity", "death", "drop-out", "simulation failed",
    "toxicity outside the DLT window",
)  # fmt: skip
OBSERVED, PROGRESSED, TOXIC, DIED, DROPPED_OUT, FAILED, TOXIC_OUTSIDE = range(len(REASONS))
HELD, DELAYED, REDUCED, STOPPED, NOT_IN_TIME, TOO_OFTEN, LOWEST = range(7)
_SAID = (
    "held: {cause}",
    "delayed: {cause}",
    "reduced: {cause}",
    "stopped: {cause}",
    "stopped: {cause}, not over within {limit:g} days",
    "stopped: {cause} once more",
    "stopped: {cause} at the lowest dose level",
)


@dataclass(frozen=True, eq=False)
class Watch:
    """A reading that policies look at.   place: among the plan's markers or analytes;   times: of its visits."""

    name: str
    is_marker: bool
    place: int
    times: Float[np.ndarray, " visit"]
    limit: float | None


@dataclass(frozen=True, eq=False)
class Rule:
    """A policy for a model.

    treatments: whose doses it changes.   thresholds: the events it answers to (none for other occasions).
    watch: the number of its reading, -1 without.   written: False for what every protocol does.
    codes: (threshold or 0, word) → index into the plan's reasons, -1 where it cannot come to that.
    """

    policy: Policy
    treatments: Bool[np.ndarray, " treatment"]
    thresholds: Bool[np.ndarray, " threshold"]
    watch: int
    written: bool
    codes: Int[np.ndarray, "threshold word"]


@dataclass(frozen=True, eq=False)
class DoseList:
    """Every dose the protocol plans, treatment by treatment: start (elapsed day) and which treatment it is of."""

    times: Float[np.ndarray, " dose"]
    treatment: Int[np.ndarray, " dose"]


@dataclass(frozen=True, eq=False)
class Rules:
    """All policies of a plan.   reasons: words that doses and ends of treatment carry, the fixed ones first.
    visits: when a toxicity that is looked for at visits is found."""

    rules: tuple[Rule, ...]
    watches: tuple[Watch, ...]
    reasons: tuple[str, ...]
    visits: Float[np.ndarray, " visit"]

    @property
    def written(self) -> bool:
        """Whether the study says more than every protocol does."""
        return any(rule.written for rule in self.rules)

    @property
    def actions(self) -> tuple[str, ...]:
        """What each rule does about an adverse event, in the record's words."""
        return tuple(_action(rule.policy) for rule in self.rules)

    def watch_of(self, name: str) -> Watch | None:
        """The watch of a marker or an analyte, if any."""
        return next((watch for watch in self.watches if watch.name == name), None)


def make_rules(
    protocol: Protocol,
    events: Sequence[Event],
    markers: Sequence[Marker],
    analytes: Sequence[Analyte],
    visits: Float[np.ndarray, " visit"],
    sampled: dict[str, np.ndarray],
) -> Rules:
    """The written policies, then what every protocol does for the agents that no policy of that occasion names.

    sampled: marker or analyte → elapsed days of its readings.
    Raises: StudyError for agents, events and readings that the protocol or the model does not have.
    """
    agents = [treatment.agent for treatment in protocol.treatments]
    reasons: list[str] = [*REASONS]
    watches: dict[str, Watch] = {}
    rules: list[Rule] = []
    exempt = {"DLT": np.zeros(len(agents), dtype=bool), "progression": np.zeros(len(agents), dtype=bool)}
    for policy in protocol.policies:
        mine = _treatments(policy, agents)
        if policy.when.text in exempt:
            exempt[policy.when.text] |= mine
        if isinstance(policy.when, Reading):
            _watch(policy.when, watches, markers, analytes, sampled, protocol)
        rules.append(_rule(policy, mine, events, list(watches), reasons, True))
    for occasion in (Toxicity(None), Progression()):
        rest = ~exempt[occasion.text]
        rules.append(_rule(Policy(occasion, "stop"), rest, events, [], reasons, False))
    return Rules(tuple(rules), tuple(watches.values()), tuple(reasons), visits)


def _treatments(policy: Policy, agents: Sequence[str]) -> np.ndarray:
    for agent in policy.agents:
        if agent not in agents:
            raise StudyError(
                f"the policy on {policy.when.text} is about {agent!r}, but the protocol gives "
                f"{', '.join(dict.fromkeys(agents))}."
            )
    return np.array([not policy.agents or agent in policy.agents for agent in agents], dtype=bool)


def _watch(
    when: Reading,
    watches: dict[str, Watch],
    markers: Sequence[Marker],
    analytes: Sequence[Analyte],
    sampled: dict[str, np.ndarray],
    protocol: Protocol,
) -> None:
    known = [m.name for m in markers], [a.name for a in analytes]
    if when.name not in sampled:
        raise StudyError(
            f"the policy on {when.text} looks at a reading that the protocol does not take; it takes "
            f"{', '.join([*known[0], *known[1]]) or 'none'}."
        )
    is_marker = when.name in known[0]
    place = known[0].index(when.name) if is_marker else known[1].index(when.name)
    limit = (markers if is_marker else analytes)[place].limit
    times = sampled[when.name]
    times = times[times > protocol.first_time]
    if not len(times):
        raise StudyError(f"the policy on {when.text} never acts: {when.name} is not read after the first dose.")
    watches.setdefault(when.name, Watch(when.name, is_marker, place, times, limit))


def _rule(
    policy: Policy, mine: np.ndarray, events: Sequence[Event], watches: list[str], reasons: list[str], written: bool
) -> Rule:
    when = policy.when
    hit = np.zeros(len(events), dtype=bool)
    if isinstance(when, Toxicity):
        hit[:] = [_answers(when, event) for event in events]
        if written and when.rules is not None and not hit.any():
            raise StudyError(f"the policy on {when.text} can never act: the model has no such event of that grade.")
    causes: list[tuple[int, str]] = [
        (j, f"{events[j].term} grade {events[j].grade}") for j in np.flatnonzero(hit).tolist()
    ]
    if not isinstance(when, Toxicity):
        causes = [(0, when.text)]
    codes = np.full((max(len(events), 1), len(_SAID)), -1, dtype=np.int64)
    fixed = {"DLT": TOXIC, "progression": PROGRESSED}.get(when.text)
    for cause, said in causes:
        for word, text in enumerate(_SAID):
            if word == STOPPED and policy.do == "stop" and fixed is not None:
                codes[cause, word] = fixed
            elif _possible(policy, word):
                codes[cause, word] = len(reasons)
                reasons.append(_say(policy, word, text, said))
    watch = watches.index(when.name) if isinstance(when, Reading) else -1
    return Rule(policy, mine, hit, watch, written, codes)


def _answers(when: Toxicity, event: Event) -> bool:
    if event.role != "adverse event" or event.grade is None:
        return False
    if when.rules is None:
        return event.limiting
    return any(rule.names(event.term) and event.grade >= rule.grade for rule in when.rules)


def _possible(policy: Policy, word: int) -> bool:
    """Whether a policy can leave this word in a record."""
    return {
        HELD: policy.do == "hold",
        DELAYED: policy.do == "delay",
        REDUCED: policy.reduces,
        STOPPED: policy.do == "stop" or policy.confirmed,
        NOT_IN_TIME: policy.interrupts or (policy.do == "continue" and policy.at_most_days is not None),
        TOO_OFTEN: policy.times is not None,
        LOWEST: policy.levels > 0,
    }[word]


def _say(policy: Policy, word: int, text: str, cause: str) -> str:
    if policy.do == "continue":
        return (
            "stopped: progression confirmed"
            if word == STOPPED
            else f"stopped: {policy.at_most_days:g} days after {cause}"
        )
    if word == NOT_IN_TIME and policy.at_most_days is None:
        return f"stopped: {cause}, no visit left to see whether it is over"
    return text.format(cause=cause, limit=policy.at_most_days)


def _action(policy: Policy) -> str:
    done = {"hold": "held", "delay": "delayed", "reduce": "reduced", "stop": "stopped", "continue": "continued"}
    return f"{' and '.join(policy.agents) or 'treatment'} {done[policy.do]}"


def graded(events: Sequence[Any]) -> Int[np.ndarray, " threshold"]:
    """The grade of each threshold, 0 where it has none."""
    return np.array([event.grade or 0 for event in events], dtype=np.int64)
