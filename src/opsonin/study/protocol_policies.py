"""From the `[[policy]]` tables of a study to the protocol's policies, each name looked up among what there is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from opsonin.errors import UnitError
from opsonin.study.names import refuse, require

if TYPE_CHECKING:
    from opsonin.model import Model
    from opsonin.study.policies import Condition
    from opsonin.study.policies import Policy as Table
    from opsonin.study.study import Study
    from opsonin.trial.policy import Policy, Reading, Toxicity


def protocol_policies(study: Study, model: Model, agents: Sequence[str]) -> tuple[Policy, ...]:
    """The policies in the model's words.   agents: of each treatment, in the model's words.

    Raises: StudyError, with file, line and field, for events, readings, units and agents that do not fit.
    """
    made = tuple(_policy(study, n, table, model, agents) for n, table in enumerate(study.file.policy))
    for n, second in enumerate(made):
        for first in made[:n]:
            _check_apart(study, n, first, second)
    return made


def _check_apart(study: Study, n: int, first: Policy, second: Policy) -> None:
    """What one policy lets go on another must not stop. Raises: StudyError."""
    same = first.when.text == second.when.text and {first.do, second.do} == {"stop", "continue"}
    shared = not first.agents or not second.agents or set(first.agents) & set(second.agents)
    if same and shared:
        goes = "stops what another lets go on" if second.do == "stop" else "lets go on what another stops"
        refuse(study, ("policy", n, "do"), f"this policy {goes} on {second.when.text}; keep one of the two")


def _policy(study: Study, n: int, table: Table, model: Model, agents: Sequence[str]) -> Policy:
    from opsonin.trial.policy import Policy, PolicyError, Reading

    when = _occasion(study, n, table, model)
    mine = _agents(study, table, agents)
    if table.until is not None and table.until.name != "confirmed" and table.do not in ("hold", "delay"):
        refuse(study, ("policy", n, "until"), f'goes with do = "hold" or "delay", not with "{table.do}"; leave it out')
    details: dict[str, Any] = {} if table.until is None else _until(study, n, table, model)
    if table.at_most is not None:
        details["at_most_days"] = table.at_most.days
    if table.by is not None:
        _check_ladder(study, n, table, mine, agents)
        details |= {"keep": table.by.keep, "levels": table.by.levels}
    if table.seen == "at visits" and (isinstance(when, Reading) or table.when[0].name == "progression"):
        refuse(study, ("policy", n, "seen"), f"{when.text!r} is seen at visits anyway; leave `seen` out")
    try:
        return Policy(when=when, do=table.do, agents=mine, times=table.times, **details)
    except PolicyError as problem:
        refuse(study, ("policy", n, problem.field), problem.message)


def _agents(study: Study, table: Table, agents: Sequence[str]) -> tuple[str, ...]:
    """In the model's words; empty for all."""
    written = [treatment.agent for treatment in study.file.treatment]
    named = table.agent or []
    return tuple(dict.fromkeys(agents[written.index(a)] if a in written else a for a in named))


def _occasion(study: Study, n: int, table: Table, model: Model) -> Any:
    from opsonin.trial.policy import Progression, Toxicity

    path = ("policy", n, "when")
    first = table.when[0]
    if len(table.when) > 1 and not all(_is_toxicity(c, model) for c in table.when):
        refuse(
            study,
            path,
            "a list is for adverse events, such as ['fatigue >= 2', 'fever >= 3']; give progression, DLT and each "
            "reading a [[policy]] of its own",
        )
    if first.name == "progression":
        if study.file.assessments.tumour is None:
            refuse(study, path, "progression is never seen, since there are no scans; add assessments.tumour")
        return Progression()
    if first.name == "DLT":
        return Toxicity(None, table.seen == "at visits")
    if _is_toxicity(first, model):
        return _toxicity(study, n, table, model)
    reading = _reading(study, path, first, model)
    _check_visits(study, path, first.name)
    return reading


def _check_visits(study: Study, path: tuple[str | int, ...], name: str) -> None:
    """A reading must be taken after the first dose of any agent, or its policy never acts."""
    from opsonin.study.texts import elapsed, say_day

    blood, immune = study.file.assessments.concentrations, study.file.assessments.immune
    is_drug = blood is not None and name in blood.analytes
    days = blood.days if blood is not None and is_drug else immune.days if immune is not None else []
    last = max(elapsed(day) for day in days) + (max(blood.hours) / 24 if blood is not None and is_drug else 0.0)
    if last <= min(elapsed(treatment.days.first) for treatment in study.file.treatment):
        where = "concentrations" if is_drug else "immune"
        refuse(
            study,
            path,
            f"{name} is last measured on day {say_day(days[-1])}, before treatment begins, so that this policy never "
            f"acts; add days to assessments.{where}",
        )


def _toxicity(study: Study, n: int, table: Table, model: Model) -> Toxicity:
    from opsonin.criteria.dlt import DltRule
    from opsonin.trial.policy import Toxicity

    rules = []
    for condition in table.when:
        grade = condition.value + (condition.sign == ">")
        if condition.sign not in (">=", ">") or condition.unit or grade not in (1, 2, 3, 4, 5):
            refuse(
                study,
                ("policy", n, "when"),
                f"{condition.text!r}: an adverse event counts from a CTCAE grade on, 1 to 5; write "
                f"'{condition.name} >= 2'",
            )
        rules.append(DltRule(condition.name, int(grade)))
    highest = {event.term: max(event.grades, default=0) for event in _events(model)}
    for rule in rules:
        top = max((grade for term, grade in highest.items() if rule.names(term)), default=0)
        if top < rule.grade:
            refuse(study, ("policy", n, "when"), f"{rule.text!r} can never be met: the model knows grades up to {top}")
    return Toxicity(tuple(rules), table.seen == "at visits")


def _reading(study: Study, path: tuple[str | int, ...], condition: Condition, model: Model) -> Reading:
    """A marker or a drug level that the study measures, its value in the observable's unit."""
    from opsonin.trial.policy import Reading
    from opsonin.units import factor

    measured, further = _measured(study, model)
    if condition.name in further:
        refuse(study, path, f"{condition.name} is not measured in this study; add it to {further[condition.name]}")
    terms = [event.term for event in _events(model)]
    known = [*terms, *measured, "progression", "DLT"]
    require(study, path, condition.name, known, "adverse event, marker or analyte")
    assert condition.sign is not None
    unit = measured[condition.name]
    value = condition.value
    if condition.unit:
        try:
            value *= factor(condition.unit, unit)
        except UnitError:
            refuse(
                study, path, f"{condition.text!r}: {condition.name} is measured in {unit}, not in {condition.unit!r}"
            )
    return Reading(condition.name, condition.sign, value, "" if unit == "dimensionless" else unit)


def _until(study: Study, n: int, table: Table, model: Model) -> dict[str, Any]:
    until = table.until
    assert until is not None
    path = ("policy", n, "until")
    if until.name == "confirmed":
        return {"confirmed": True}
    if until.is_event:
        refuse(study, path, f"nothing lasts until {until.text!r}; write 'grade <= 1', a reading, or 'confirmed'")
    first = table.when[0]
    toxic = first.name == "DLT" or _is_toxicity(first, model)
    if toxic or until.name == "grade":
        grade = until.value - (until.sign == "<")
        if until.name != "grade" or until.sign not in ("<=", "<") or grade != int(grade) or not toxic:
            other = "'grade <= 1'" if toxic else f"a reading of {first.name}"
            refuse(study, path, f"{until.text!r} does not say when {first.text!r} is over; write {other}")
        return {"down_to": int(grade)}
    return {"until": _reading(study, path, until, model)}


def _check_ladder(study: Study, n: int, table: Table, mine: Sequence[str], agents: Sequence[str]) -> None:
    """Only agents that are escalated have levels to go down."""
    assert table.by is not None
    escalated = [agent for agent, t in zip(agents, study.file.treatment, strict=True) if t.is_ladder]
    if table.by.levels and not escalated:
        refuse(study, ("policy", n, "by"), f"{table.by.text!r} needs a ladder of dose levels; write by = '25 %'")
    if table.by.levels and not set(mine or agents) <= set(escalated):
        has = "which has a ladder" if len(escalated) == 1 else "which have ladders"
        refuse(
            study,
            ("policy", n, "by"),
            f"{table.by.text!r} is for {' and '.join(escalated)}, {has} of levels; name "
            f"{'it as the agent' if len(escalated) == 1 else 'them as the agents'}, or write by = '25 %'",
        )


def _is_toxicity(condition: Condition, model: Model) -> bool:
    from opsonin.criteria.ctcae import canonical, same_term

    if condition.is_event or canonical(condition.name) == "any":
        return not condition.is_event
    return any(same_term(condition.name, event.term) for event in _events(model))


def _events(model: Model) -> list[Any]:
    from opsonin.model import Hazard

    hazards: list[Any] = [part for part, _ in model.parts(Hazard)]
    return [part for part in hazards if part.role == "adverse event"]


def _measured(study: Study, model: Model) -> tuple[dict[str, str], dict[str, str]]:
    """Readings that the study takes, with their units; and those the model has besides, with where to ask for them."""
    from opsonin.model import Observable

    file = study.file.assessments
    taken: dict[str, str] = {}
    further: dict[str, str] = {}
    for part, _ in model.parts(Observable):
        observable: Any = part
        if observable.table == "concentrations":
            asked = file.concentrations is not None and observable.name in file.concentrations.analytes
            where = "assessments.concentrations.analytes"
        elif observable.table == "measurements":
            asked = file.immune is not None and observable.panel == file.immune.panel
            where = f'assessments.immune (panel = "{observable.panel}")'
        else:
            continue
        if asked:
            taken[observable.name] = observable.unit
        else:
            further[observable.name] = where
    return taken, further
