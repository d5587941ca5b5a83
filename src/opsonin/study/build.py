"""From a study file to the objects that run it: model, indication, protocol, design, comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from opsonin.errors import CriteriaError, UnitError
from opsonin.study.asked_synergy import check_synergy
from opsonin.study.contrasts import Comparison, comparisons
from opsonin.study.criteria import criteria_of
from opsonin.study.dose_finding import study_design
from opsonin.study.enrolment import arm_names, doses_by_arm, study_arms
from opsonin.study.fitting import model_of
from opsonin.study.levels import doses_by_level, level_texts
from opsonin.study.names import refuse, require
from opsonin.study.protocol_policies import protocol_policies
from opsonin.study.sites import check_sites
from opsonin.study.study import is_own
from opsonin.study.why import check_why

if TYPE_CHECKING:
    from opsonin.designs import Design
    from opsonin.model import Administration, Model, Module
    from opsonin.patients import Indication
    from opsonin.study.file import StudyFile
    from opsonin.study.study import Study
    from opsonin.trial import Protocol


@dataclass(frozen=True)
class Built:
    """What a study comes to.   agents, routes: of each treatment, in the model's words.
    indications: several in a basket.   design: of the dose levels, None where arms are enrolled."""

    model: Model
    indications: tuple[Indication, ...]
    protocol: Protocol
    design: Design | None
    agents: tuple[str, ...]
    routes: tuple[str, ...]
    comparisons: tuple[Comparison, ...]

    @property
    def indication(self) -> Indication:
        """The only indication, or the first."""
        return self.indications[0]

    @property
    def species(self) -> str:
        """Whose bodies the virtual patients have; those of one study share a model, and so a species."""
        return self.indication.species

    @property
    def indication_words(self) -> str:
        """The indication, or each of several, as the report says it."""
        return ", ".join(f"{one.title} ({one.name})" for one in self.indications)

    @property
    def policies(self) -> list[str]:
        """The study's own policies and what happens without them, a sentence each; empty where it has none."""
        from opsonin.trial.policy_words import policy_words, recovery_words

        if not self.protocol.policies:
            return []
        recovery = recovery_words(self.protocol)
        return [*policy_words(self.protocol), *([f"assumed: {recovery}"] if recovery else [])]


def build(study: Study) -> Built:
    """Everything a run needs, checked against the model.

    Raises: StudyError for what the model does not have, TherapyError and ModelError for therapies that do not hold.
    """
    from opsonin import patients
    from opsonin.trial.plan import make_plan

    therapies = _therapies(study)
    indications = tuple(patients.indication(name) for name in study.file.population.indications)
    core, sites = _core(study, indications), study.file.population.sites
    if sites > 1:
        check_sites(study, core, therapies)
        indications = tuple(patients.several_sites(one, sites) for one in indications)
    model = model_of(study, core, sites, therapies)
    places = [_administration(study, n, therapies[t.agent]) for n, t in enumerate(study.file.treatment)]
    agents, routes = tuple(p.agent for p in places), tuple(p.route for p in places)
    _check_observables(study, model)
    _check_dose_units(study, model, places)
    protocol = _protocol(study, model, agents, routes)
    make_plan(model, protocol)  # raises what only the whole protocol can show
    check_why(study, model.symbolic, len(protocol.levels))
    model.initial_state(np.asarray(model.symbolic.typical, dtype=float)[None, :])  # raises for a negative start
    return Built(
        model=model,
        indications=indications,
        protocol=protocol,
        design=study_design(study) if study.file.escalates is not None else None,
        agents=agents,
        routes=routes,
        comparisons=tuple(_comparisons(study, model, agents)),
    )


def _core(study: Study, indications: Sequence[Indication]) -> str:
    """The model of a patient that the study's indications are for; the small one's patients fit no other."""
    cores = {indication.core: indication.name for indication in indications}
    if len(cores) > 1:
        refuse(
            study,
            ("population", "indication"),
            f"{' and '.join(map(repr, cores.values()))} are for different models of a patient and cannot share a "
            "study; write one for each",
        )
    return next(iter(cores))


def _therapies(study: Study) -> dict[str, Module]:
    """Agent → module; an agent named twice is loaded once."""
    from opsonin.therapies import load_agent

    loaded: dict[str, Module] = {}
    for treatment in study.file.treatment:
        if treatment.agent not in loaded:
            loaded[treatment.agent] = load_agent(treatment.agent, study.path.parent)
    return loaded


def _administration(study: Study, n: int, module: Module) -> Administration:
    """Where the doses of a treatment land: by the route given, or by the only (first) one the therapy has."""
    from opsonin.model import Administration

    treatment = study.file.treatment[n]
    places: list[Any] = [p for p in module.parts if isinstance(p, Administration)]
    if not is_own(treatment.agent):
        places = [p for p in places if p.agent == treatment.agent] or places
    if not places:
        refuse(study, ("treatment", n, "agent"), f"{treatment.agent!r} has no Administration, so it cannot be dosed")
    given = {p.agent for p in places}
    if len(given) > 1:
        refuse(
            study, ("treatment", n, "agent"), f"{treatment.agent!r} gives several agents ({', '.join(sorted(given))})"
        )
    route = treatment.route or ("intravenous infusion" if treatment.infusion else places[0].route)
    field = "infusion" if treatment.infusion and not treatment.route else "route"
    require(study, ("treatment", n, field), route, [p.route for p in places], f"route of {treatment.agent}")
    return next(p for p in places if p.route == route)


def _check_observables(study: Study, model: Model) -> None:
    """Analytes, panel and markers must be among what the model's clinic can measure."""
    from opsonin.model import Observable

    seen: list[Any] = [part for part, _ in model.parts(Observable)]
    analytes = [o.name for o in seen if o.table == "concentrations"]
    file = study.file
    blood, immune = file.assessments.concentrations, file.assessments.immune
    for k, name in enumerate(blood.analytes if blood else []):
        require(study, ("assessments", "concentrations", "analytes", k), name, analytes, "analyte")
    panels = list(dict.fromkeys(o.panel for o in seen if o.panel))
    if immune:
        require(study, ("assessments", "immune", "panel"), immune.panel, panels, "panel")
    markers = [o.name for o in seen if immune and o.panel == immune.panel]
    if file.escalates is not None and file.escalates.immune is not None:
        require(study, ("escalation", "immune"), file.escalates.immune.marker, markers, "measured marker")
    for k, asked in enumerate(file.questions.biomarkers):
        require(study, ("questions", "biomarkers", k, "marker"), asked.marker, markers, "measured marker")
        days = immune.days if immune else []
        if asked.day not in days:
            refuse(
                study,
                ("questions", "biomarkers", k, "day"),
                f"day {asked.day} is not among the days of the panel ({', '.join(map(str, days))})",
            )
        for j, endpoint in enumerate(asked.against):
            require(study, ("questions", "biomarkers", k, "against", j), endpoint, ENDPOINTS, "endpoint")
    check_synergy(study, markers)
    for k, name in enumerate(file.questions.interaction):
        sampled = blood.analytes if blood else []
        require(study, ("questions", "interaction", k), name, sampled, "analyte in assessments.concentrations")


ENDPOINTS = ("PFS", "OS")


def _check_dose_units(study: Study, model: Model, places: Sequence[Administration]) -> None:
    """A dose must have the dimension that its administration takes."""
    administrations = model.symbolic.administrations
    for n, (treatment, place) in enumerate(zip(study.file.treatment, places, strict=True)):
        dose = treatment.dose[0]
        wanted = administrations[place.agent, place.route].dose_unit
        try:
            from opsonin.units import factor

            factor(dose.unit, wanted)
        except UnitError:
            refuse(
                study,
                ("treatment", n, "dose"),
                f"{place.agent} is dosed in units such as {wanted!r}, and {dose.text!r} cannot be converted to that",
            )


def _protocol(study: Study, model: Model, agents: Sequence[str], routes: Sequence[str]) -> Protocol:
    from opsonin.criteria.dlt import check_terms, parse_rules
    from opsonin.model import Hazard
    from opsonin.trial import ImmuneEffect, ImmunePlan, Level, Protocol, Recovery, SamplingPlan, Treatment, TumourPlan

    file, escalation = study.file, study.file.escalates
    rules = parse_rules(escalation.dlt) if escalation is not None else ()
    hazards: list[Any] = [part for part, _ in model.parts(Hazard)]
    events = [part for part in hazards if part.role == "adverse event"]
    try:
        check_terms(rules, [event.term for event in events])
    except CriteriaError as problem:
        refuse(study, ("escalation", "dlt"), str(problem))
    for rule in rules:
        highest = max((g for event in events if rule.names(event.term) for g in event.grades), default=0)
        if highest < rule.grade:
            why = f"the model knows grades up to {highest}" if highest else "the model gives it no grades"
            refuse(study, ("escalation", "dlt"), f"the DLT rule {rule.text!r} can never be met: {why}")
    escalated = [agent for agent, t in zip(agents, file.treatment, strict=True) if t.is_ladder]
    names = level_texts(file, escalated) if escalation is not None else arm_names(file, agents)
    doses_of = doses_by_level if escalation is not None else doses_by_arm
    blood, immune, tumour = file.assessments.concentrations, file.assessments.immune, file.assessments.tumour
    effect = escalation.immune if escalation is not None else None
    return Protocol(
        title=file.title,
        levels=tuple(Level(k, name) for k, name in enumerate(names, start=1)),
        treatments=tuple(
            Treatment(
                agent=agent,
                doses=doses_of(file, n),
                unit=t.dose[0].unit,
                route=route,
                blocks=t.days.blocks,
                basis=t.dose[0].basis,
                times_per_day=t.times,
                infusion_days=t.infusion.days if t.infusion else 0.0,
                cycle_days=t.cycle.days if t.cycle else None,
                cycles=t.cycles,
            )
            for n, (t, agent, route) in enumerate(zip(file.treatment, agents, routes, strict=True))
        ),
        dlt=rules,
        dlt_window_days=escalation.dlt_window.days if escalation is not None else 0.0,
        sampling=SamplingPlan(tuple(blood.analytes), tuple(blood.days), tuple(blood.hours))
        if blood
        else SamplingPlan(),
        immune=ImmunePlan(immune.panel, tuple(immune.days)) if immune else ImmunePlan(),
        tumour=TumourPlan(_criteria(file), confirm=tumour.confirm, every_days=tumour.every.days) if tumour else None,
        until=file.follow_up.until,
        replace=escalation.replace if escalation is not None else "nobody",
        observe_days=file.follow_up.observe.days,
        indication=file.population.indication,
        interaction=tuple(file.questions.interaction),
        policies=protocol_policies(study, model, agents),
        recovery=Recovery(file.adverse_events.recovery.days, file.adverse_events.spread),
        response_days=None if escalation is None or escalation.response is None else escalation.response.days,
        immune_effect=None if effect is None else ImmuneEffect(effect.marker, effect.day, effect.change),
        **_enrolled(study),
        **_watched(study),
    )


def _criteria(file: StudyFile) -> str | tuple[str, ...]:
    """One for all, or of each indication where these differ."""
    judged = tuple(criteria_of(file).values())
    return judged if len(set(judged)) > 1 else judged[0]


def _enrolled(study: Study) -> dict[str, Any]:
    """What a protocol with arms says beside the others."""
    enrolment = study.file.enrolment
    return {} if enrolment is None else {"arms": study_arms(study.file), "accrual_days": enrolment.accrual.days}


def _watched(study: Study) -> dict[str, Any]:
    """How long a cohort's patients wait for those ahead of them."""
    escalation = study.file.escalates
    return {} if escalation is None else dict(zip(("sentinel_days", "stagger_days"), escalation.gaps, strict=True))


def _comparisons(study: Study, model: Model, agents: Sequence[str]) -> list[Comparison]:
    from opsonin.model import Observable

    agent_of = {part.name: part.agent for part, _ in model.parts(Observable) if part.table == "concentrations"}
    blood = study.file.assessments.concentrations
    treatments = list(zip(agents, study.file.treatment, strict=True))
    return comparisons(study.file.questions.interaction, agent_of, treatments, blood.days if blood else ())
