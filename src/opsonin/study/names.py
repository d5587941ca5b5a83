"""Whether the names in a study file are known: therapies, indication, design, DLT rules. No model is built for it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NoReturn

from opsonin.errors import CriteriaError, DesignError
from opsonin.study.criteria import misjudged
from opsonin.study.problems import field_error, near

if TYPE_CHECKING:
    from opsonin.designs import Design
    from opsonin.study.study import Study

Path = tuple[str | int, ...]


def check_names(study: Study) -> None:
    """Raises: StudyError for an unknown agent, indication, design or design option, an unreadable DLT rule, or criteria
    that an indication cannot be judged by."""
    _check_agents(study)
    from opsonin import patients

    for indication in study.file.population.indications:
        require(study, ("population", "indication"), indication, patients.indication_names(), "indication")
    wrong = misjudged(study.file)
    if wrong:
        refuse(study, ("assessments", "tumour", "criteria"), wrong)
    if study.file.escalates is None:
        _check_enrolment(study)
        return
    _check_design(study)
    _check_rules(study)


def require(study: Study, path: Path, name: str, known: Iterable[str], what: str) -> None:
    """Raises: StudyError where `name` is not among the known ones, with the nearest of them."""
    known = list(known)
    if name not in known:
        refuse(study, path, f"there is no {what} {name!r}{near(name, known)}")


def refuse(study: Study, path: Path, message: str) -> NoReturn:
    """Raises: StudyError about a field of the study."""
    raise field_error(str(study.path), study.text, path, message) from None


def _check_agents(study: Study) -> None:
    from opsonin import therapies
    from opsonin.study.study import is_own

    for n, treatment in enumerate(study.file.treatment):
        if not is_own(treatment.agent):
            require(study, ("treatment", n, "agent"), treatment.agent, therapies.names(), "therapy")
            continue
        file, colon, function = treatment.agent.rpartition(":")
        if not colon or not function.isidentifier():
            refuse(
                study,
                ("treatment", n, "agent"),
                f'{treatment.agent!r} names no function; write file and function, such as "./my_drug.py:module"',
            )
        if not (study.path.parent / file).is_file():
            refuse(study, ("treatment", n, "agent"), f"there is no file {study.path.parent / file}")
    given = list(dict.fromkeys(treatment.agent for treatment in study.file.treatment))
    for n, policy in enumerate(study.file.policy):
        for agent in policy.agent or []:
            require(study, ("policy", n, "agent"), agent, given, "agent in [[treatment]] called")


def _check_design(study: Study) -> None:
    from opsonin import designs
    from opsonin.designs.evidence import EFFICACY, IMMUNE
    from opsonin.study.dose_finding import study_design

    given = study.file.escalation.design
    require(study, ("escalation", "design"), given["name"], designs.names(), "design")
    try:
        made = study_design(study)
    except DesignError as problem:
        refuse(study, ("escalation", "design"), str(problem))
    needs = made.needs
    _check_watch(study, made)
    if EFFICACY in needs and study.file.escalation.response is None:
        why = 'looks at responses; say until when they count, such as response = "12 weeks" in [escalation]'
        refuse(study, ("escalation", "design"), f"the design {given['name']!r} {why}")
    if IMMUNE in needs and study.file.escalation.immune is None:
        why = 'looks at an immune effect; name it in [escalation]: immune = { marker = "CD8+", day = 15 }'
        refuse(study, ("escalation", "design"), f"the design {given['name']!r} {why}")


def _check_watch(study: Study, made: Design) -> None:
    """A sentinel is of use only where somebody comes after it in its cohort."""
    waits = [name for name in ("sentinel", "stagger") if getattr(study.file.escalation, name) is not None]
    name = study.file.escalation.design["name"]
    if not waits:
        return
    own_sizes = study.file.escalation.design.get("cohorts", ())
    alone = name == "rolling-six" or (max(own_sizes) == 1 if own_sizes else getattr(made, "cohort", None) == 1)
    if alone:
        why = "treats one patient at a time, so that its cohorts have no second patient who could wait; leave it out"
        refuse(study, ("escalation", waits[0]), f"the design {name!r} {why}, or take a design with larger cohorts")


def _check_enrolment(study: Study) -> None:
    """The phase II design can be made, and the pool has as many patients as a trial may enrol."""
    from opsonin.study.enrolment import study_arms

    try:
        arms = study_arms(study.file)
    except DesignError as problem:
        refuse(study, ("enrolment", "design"), str(problem))
    for name, counts in zip(arms.indications, arms.patients, strict=True):
        if sum(counts) > arms.pool:
            refuse(
                study,
                ("population", "pool"),
                f"a trial may enrol {sum(counts)} patients of {name}, but the pool has {arms.pool}; make it larger",
            )


def _check_rules(study: Study) -> None:
    from opsonin.criteria.dlt import parse_rules

    try:
        parse_rules(study.file.escalation.dlt)
    except CriteriaError as problem:
        refuse(study, ("escalation", "dlt"), str(problem))
