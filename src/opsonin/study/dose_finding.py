"""What a study says of its escalation, without building its model: design, conduct, names of the levels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import signature
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opsonin.conduct import Conduct
    from opsonin.designs import Design
    from opsonin.study.study import Study
    from opsonin.trial.potential_doses import DosesOfPool


def study_design(study: Study, given: str | Mapping[str, Any] | None = None) -> Design:
    """The study's design, or another one for its levels.

    given: a name, or a table of name and options.   A design for late toxicity has the study's DLT window, and one that
    draws a curve over doses the amounts of the study's ladder, unless they are told others.
    Raises: DesignError for an unknown design or option.
    """
    from opsonin.designs import design
    from opsonin.designs.registry import REGISTRY

    asked = study.file.escalation.design if given is None else given
    options: dict[str, Any] = {"name": asked} if isinstance(asked, str) else dict(asked)
    make = REGISTRY.get(options.get("name", ""))
    own = {} if make is None else signature(make).parameters
    if "window_days" in own:
        options.setdefault("window_days", study.file.escalation.dlt_window.days)
    if "doses" in own:
        options.setdefault("doses", tuple(dose.amount for dose in study.file.ladder.dose))
    return design(options, len(study.file.ladder.dose))


def study_conduct(study: Study, design: Design | None = None) -> Conduct:
    """The study's design with what it counts as a dose-limiting toxicity.

    Raises: DesignError, CriteriaError for what cannot be read.
    """
    from opsonin.conduct import Conduct
    from opsonin.criteria import parse_rules

    escalation = study.file.escalation
    made = study_design(study) if design is None else design
    return Conduct(made, parse_rules(escalation.dlt), escalation.dlt_window.days, escalation.replace)


def level_names(study: Study) -> list[str]:
    """The dose of each level: "interleukin-2 6 MIU"."""
    ladder = study.file.ladder
    return [f"{ladder.agent} {dose.text}" for dose in ladder.dose]


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
