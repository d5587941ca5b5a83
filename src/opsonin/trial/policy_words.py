"""A protocol's policies in plain words, for `opsonin check`, the manifest and the report."""

from __future__ import annotations

from opsonin.trial.policy import Policy, Progression, Reading, Toxicity
from opsonin.trial.protocol import Protocol

_DONE = {"hold": "held", "delay": "put off", "reduce": "reduced", "stop": "stopped"}


def policy_words(protocol: Protocol) -> list[str]:
    """One sentence for each written policy, then what happens without one."""
    return [*(_sentence(policy) for policy in protocol.policies), _otherwise(protocol)]


def recovery_words(protocol: Protocol) -> str | None:
    """What is assumed of how long adverse events last, None where no policy waits for that."""
    if not any(policy.interrupts and isinstance(policy.when, Toxicity) for policy in protocol.policies):
        return None
    recovery = protocol.recovery
    return (
        f"An adverse event falls by one grade in {recovery.median_days:g} days (median; coefficient of variation "
        f"{recovery.cv:g} between patients and events) once its drug is withheld; the same grade does not come back."
    )


def _sentence(policy: Policy) -> str:
    who = listed(policy.agents) if policy.agents else "every agent"
    verb = "are" if len(policy.agents) > 1 else "is"
    if policy.do == "continue":
        return f"{who} {'go' if verb == 'are' else 'goes'} on after {_occasion(policy)}{_beyond(policy)}."
    said = f"{who} {verb} {_DONE[policy.do]}{_by(policy) if policy.do == 'reduce' else ''} on {_occasion(policy)}"
    if policy.interrupts:
        said += f", {_lasting(policy)}"
        if policy.reduces:
            said += f"; dosing then goes on reduced{_by(policy)}"
    if policy.levels:
        said += "; at the lowest level it is stopped instead"
    if policy.times is not None:
        count = "once" if policy.times == 1 else "twice" if policy.times == 2 else f"{policy.times} times"
        said += f"; {count} at most, the next time it is stopped"
    return said + "."


def _occasion(policy: Policy) -> str:
    when = policy.when
    if isinstance(when, Progression):
        return "progression seen on a scan"
    if isinstance(when, Reading):
        return f"{when.text}, read at a visit"
    found = "found at the next visit" if when.at_visits else "at once"
    if when.rules is None:
        return f"a dose-limiting toxicity ({found})"
    terms = [
        f"{'any adverse event' if rule.is_any else rule.term} of grade {rule.grade} or worse" for rule in when.rules
    ]
    return f"{' or '.join(terms)} ({found})"


def _lasting(policy: Policy) -> str:
    if isinstance(policy.when, Toxicity):
        said = f"until it is down to grade {policy.down_to}" if policy.down_to else "until it is over"
    elif policy.until is not None:
        said = f"until {policy.until.text} is read"
    else:
        said = "until that is no longer read"
    if policy.do == "delay":
        said += ", with all its later doses"
    if policy.at_most_days is None:
        return said
    return f"{said}, or stopped where that takes more than {policy.at_most_days:g} days"


def _by(policy: Policy) -> str:
    if policy.keep is not None:
        return f" by {100 * (1 - policy.keep):.3g} %"
    return f" by {policy.levels} dose level{'' if policy.levels == 1 else 's'}"


def _beyond(policy: Policy) -> str:
    ends = []
    if policy.confirmed:
        ends.append("until a later scan, four weeks or more after it, shows 5 mm of further growth or a new lesion")
    if policy.at_most_days is not None:
        ends.append(f"for {policy.at_most_days:g} days at most")
    return f", {', '.join(ends)}" if ends else ""


def _otherwise(protocol: Protocol) -> str:
    """The two policies that every protocol has, for the agents that no written one of the same occasion names."""
    agents = list(dict.fromkeys(t.agent for t in protocol.treatments))
    rest = {}
    for occasion in ("DLT", "progression") if protocol.arms is None else ("progression",):
        named = [p for p in protocol.policies if p.when.text == occasion]
        spared = {agent for p in named for agent in (p.agents or agents)}
        rest[occasion] = [agent for agent in agents if agent not in spared]
    words = {"DLT": "an adverse event that meets a DLT rule", "progression": "progression seen on a scan"}
    said = []
    for occasion, left in rest.items():
        if left:
            who = "all treatment" if left == agents else listed(left)
            said.append(f"{who} for {words[occasion]}")
    whom = "; ".join([*said, "all treatment for death and drop-out"])
    return f"Stopped at once: {whom}."


def listed(items: tuple[str, ...] | list[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
