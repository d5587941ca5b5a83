"""What a study says of its escalation, without building its model: design, conduct, names of the levels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import signature
from typing import TYPE_CHECKING, Any

from opsonin.errors import DesignError
from opsonin.study.criteria import criteria_of
from opsonin.study.levels import grid_columns, level_count, level_texts
from opsonin.study.texts import elapsed

if TYPE_CHECKING:
    from opsonin.conduct import Conduct, Endpoints
    from opsonin.designs import Design
    from opsonin.study.study import Study
    from opsonin.trial.potential_doses import DosesOfPool


def study_design(study: Study, given: str | Mapping[str, Any] | None = None) -> Design:
    """The study's design, or another one for its levels.

    given: a name, or a table of name and options.   A design for late toxicity has the study's DLT window, one that
    draws a curve over doses the amounts of the study's ladders, and one for two agents the study's grid, unless they
    are told others; an immune effect that is a ratio to baseline is counted from 1.
    Raises: DesignError for an unknown design or option, for a design for one agent where two are escalated, or the
    other way round, and for a design that follows patients for DLTs for another time than the study.
    """
    from opsonin.designs import design
    from opsonin.designs.registry import REGISTRY

    asked = study.file.escalation.design if given is None else given
    options: dict[str, Any] = {"name": asked} if isinstance(asked, str) else dict(asked)
    make = REGISTRY.get(options.get("name", ""))
    own = {} if make is None else signature(make).parameters
    if make is not None:
        _check_agents(study, options, "columns" in own)
        _check_window(study, options)
    for name, value in _of_the_study(study).items():
        if name in own:
            options.setdefault(name, value)
    immune, asked = study.file.escalation.immune, options.get("saturating")
    if immune is not None and immune.change == "ratio" and isinstance(asked, int | float):
        options["saturating"] = {"share": asked, "baseline": 1.0}
    return design(options, level_count(study.file))


def _of_the_study(study: Study) -> dict[str, Any]:
    """What designs take from the study where they have such an option."""
    ladders, columns = study.file.ladders, grid_columns(study.file)
    amounts = [tuple(dose.amount for dose in ladder.dose) for ladder in ladders]
    made: dict[str, Any] = {"window_days": study.file.escalation.dlt_window.days}
    if study.file.escalation.response is not None:
        made["efficacy_window_days"] = study.file.escalation.response.days
    if columns is None:
        return made | {"doses": amounts[0]}
    return made | {"columns": columns, "row_doses": amounts[0], "column_doses": amounts[1]}


def _check_agents(study: Study, options: Mapping[str, Any], for_two: bool) -> None:
    """Raises: DesignError for a design for one agent where two are escalated, or the other way round."""
    from opsonin.designs import names
    from opsonin.designs.registry import REGISTRY

    columns, name = grid_columns(study.file), options["name"]
    agents = " and ".join(treatment.agent for treatment in study.file.ladders)
    if for_two and columns is None:
        raise DesignError(f"the design {name!r} is for two agents, but the study escalates {agents} alone.")
    if columns is not None and not for_two:
        two = ", ".join(one for one in names() if "columns" in signature(REGISTRY[one]).parameters)
        raise DesignError(f"the study escalates {agents}, and the design {name!r} is for one agent; for two are {two}.")
    if columns is not None and options.get("columns", columns) != columns:
        raise DesignError(
            f"the option columns of the design {name!r} is {options['columns']!r}, but the second agent has {columns} "
            "levels; leave the option out."
        )


def _check_window(study: Study, options: Mapping[str, Any]) -> None:
    """Raises: DesignError where DLTs would count for another time than patients are followed for them."""
    window, asked = study.file.escalation.dlt_window, options.get("window_days")
    if isinstance(asked, int | float) and asked != window.days:
        raise DesignError(
            f"the design {options['name']!r} follows patients for DLTs for window_days = {asked:g}, but the study's "
            f'dlt_window is "{window.text}" ({window.days:g} days); leave window_days out, or change dlt_window.'
        )


def study_conduct(study: Study, design: Design | None = None) -> Conduct:
    """The study's design with what it counts as a dose-limiting toxicity.

    Raises: DesignError, CriteriaError for what cannot be read.
    """
    from opsonin.conduct import Conduct
    from opsonin.criteria import parse_rules

    escalation = study.file.escalation
    made = study_design(study) if design is None else design
    rules = parse_rules(escalation.dlt)
    return Conduct(made, rules, escalation.dlt_window.days, escalation.replace, study_endpoints(study))


def study_endpoints(study: Study) -> Endpoints:
    """What counts in a study beside toxicity: responses and an immune effect, where it says so."""
    from opsonin.conduct import Endpoints, ImmuneEndpoint

    escalation, tumour = study.file.escalation, study.file.assessments.tumour
    asked = escalation.immune
    return Endpoints(
        response_days=None if escalation.response is None else escalation.response.days,
        confirm=tumour is not None and tumour.confirm,
        criteria=criteria_of(study.file).get(study.file.population.indication, "RECIST 1.1"),
        immune=None if asked is None else ImmuneEndpoint(asked.marker, elapsed(asked.day), asked.change),
    )


def level_names(study: Study) -> list[str]:
    """The dose of each level: "interleukin-2 6 MIU"; of two agents "imatinib 400 mg + interleukin-2 6 MIU"."""
    return level_texts(study.file)


def study_doses(
    study: Study, seed: int = 1, *, threads: int | None = None, progress: Callable[[str, int, int], None] | None = None
) -> DosesOfPool:
    """What the study's virtual patients would show at each of its dose levels, as designs are simulated on.

    Raises: StudyError and what building the study's model may raise.
    """
    from opsonin.study.run import _compile, _patients, _silent
    from opsonin.trial import Pool
    from opsonin.trial.potential_doses import potential_doses

    say = progress or _silent
    say("building the model", 0, 0)
    built, patients = study.built, _patients(study, seed)
    _compile(built, patients, say)
    pool = Pool(built.model, patients, built.protocol, seed, threads=threads, progress=progress)
    pool.expect(len(pool))
    return potential_doses(pool)
