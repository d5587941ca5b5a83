"""The `[enrolment]` table of a study without a dose ladder: arms, numbers of patients, and how they are counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, InstanceOf, model_validator

from opsonin.study.texts import Duration

if TYPE_CHECKING:
    from opsonin.designs.phase_two.by_name import ResponseDesign
    from opsonin.study.file import StudyFile
    from opsonin.trial.arms import Arms


def _read_duration(value: object) -> Duration:
    return value if isinstance(value, Duration) else Duration.read(value)


def _read_patients(value: object) -> object:
    counts = list(value.values()) if isinstance(value, dict) else [value]
    if not counts or not all(type(count) is int and count >= 0 for count in counts):
        raise ValueError(
            f"the patients {value!r} cannot be read; write a number, of every arm, or a table of numbers by arm or by "
            'indication, such as { "chemotherapy" = 40, "vaccine" = 80 }'
        )
    if not any(counts):
        raise ValueError("nobody is enrolled; give at least one patient")
    if isinstance(value, dict) and not all(counts):
        empty = next(name for name, count in value.items() if not count)
        raise ValueError(f"nobody is enrolled in {empty!r}; give it at least one patient, or leave it out of the study")
    return value


def _read_design(value: object) -> object:
    if isinstance(value, str):
        raise ValueError(
            f"a phase II design needs its response rates; write for example {{ name = {value!r}, null = 0.05, "
            "target = 0.20 }}"
        )
    return value


ADuration = Annotated[InstanceOf[Duration], BeforeValidator(_read_duration)]
Names = Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)]


class Enrolment(BaseModel):
    """Who is enrolled, where no dose is looked for.

    patients: of every arm (and of each indication, where there are several), or a table by arm or by indication.
    arms: names, where there are several; patients are randomised between them.   control: the arm that the others are
    compared with; the first one if left out.   accrual: mean time between two patients, of each indication.
    design: stops arms with few responses.   response: by when a response counts for the design.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    patients: Annotated[Any, BeforeValidator(_read_patients)] = None
    arms: Names | None = None
    control: str | None = None
    accrual: ADuration = Duration.read("1 week")
    design: Annotated[dict[str, Any] | None, BeforeValidator(_read_design)] = None
    response: ADuration = Duration.read("24 weeks")

    @model_validator(mode="after")
    def _fits(self) -> Enrolment:
        if (self.patients is None) == (self.design is None):
            raise ValueError(
                "give `patients`, how many every arm enrols, or a phase II `design`, which says so"
                + ("" if self.design is None else "; not both")
            )
        arms = self.arms or []
        if len(set(arms)) < len(arms):
            raise ValueError(f"the arms {arms} are not told apart; name each once")
        if len(arms) == 1:
            raise ValueError(f"one arm ({arms[0]}) needs no list; leave `arms` out")
        if self.control is not None and self.control not in arms:
            raise ValueError(f"the control {self.control!r} is no arm; arms are {', '.join(arms) or 'not named'}")
        return self


def check_arms(file: StudyFile) -> None:
    """Raises: ValueError where arms, treatments, indications and numbers do not fit together."""
    enrolment = file.enrolment
    assert enrolment is not None
    arms = enrolment.arms or []
    for number, treatment in enumerate(file.treatment, start=1):
        where = f"treatment[{number}] ({treatment.agent})"
        if treatment.is_ladder:
            raise ValueError(
                f"{where} has a list of doses, which is a ladder and needs [escalation]; give each arm its dose in a "
                "[[treatment]] of its own, with `arm`"
            )
        for arm in treatment.arm or []:
            if arm not in arms:
                there = f"they are {', '.join(arms)}" if arms else "enrolment.arms names none"
                raise ValueError(f"{where} is of the arm {arm!r}, which is none of the arms: {there}")
    if isinstance(enrolment.patients, dict):
        given, indications = set(enrolment.patients), set(file.population.indications)
        if given not in (set(arms), indications):
            known = f"the arms ({', '.join(arms)}) or the " if arms else "the "
            raise ValueError(
                f"enrolment.patients is given for {', '.join(map(repr, enrolment.patients))}; give it for each of "
                f"{known}indications ({', '.join(file.population.indications)})"
            )
    tumour, observe, response = file.assessments.tumour, file.follow_up.observe, enrolment.response
    if enrolment.design is not None and tumour is None:
        raise ValueError("enrolment.design counts responses, but there is no assessments.tumour; add scans")
    if enrolment.design is not None and tumour is not None and not tumour.every.days <= response.days <= observe.days:
        raise ValueError(
            f'enrolment.response ("{response.text}") must lie between the first scan (assessments.tumour.every = '
            f'"{tumour.every.text}") and the end of follow_up.observe ("{observe.text}")'
        )
    for number, policy in enumerate(file.policy, start=1):
        if policy.when[0].name == "DLT":
            raise ValueError(
                f"policy[{number}] is about dose-limiting toxicities, which a study without [escalation] does not "
                "define; name the events, such as when = 'any >= 4'"
            )


def arm_names(file: StudyFile, agents: Sequence[str]) -> list[str]:
    """The arms in order; one that is not named is called by its agents.   agents: of each treatment."""
    assert file.enrolment is not None
    return file.enrolment.arms or [" + ".join(dict.fromkeys(agents))]


def doses_by_arm(file: StudyFile, number: int) -> tuple[float, ...]:
    """The amounts of one treatment, by its place in the file: of every arm, 0 where it is not given, or just one."""
    assert file.enrolment is not None
    treatment, arms = file.treatment[number], file.enrolment.arms
    amount = treatment.dose[0].amount
    if arms is None or treatment.arm is None or set(treatment.arm) == set(arms):
        return (amount,)
    return tuple(amount if arm in treatment.arm else 0.0 for arm in arms)


def study_response_design(file: StudyFile) -> ResponseDesign | None:
    """The phase II design of the study, None without one.   Raises: DesignError where its options make none."""
    from opsonin.designs.phase_two.by_name import response_design

    assert file.enrolment is not None
    given = file.enrolment.design
    return None if given is None else response_design(given)


def study_arms(file: StudyFile) -> Arms:
    """What the protocol says of arms."""
    from opsonin.trial.arms import Arms

    enrolment, population = file.enrolment, file.population
    assert enrolment is not None
    design = study_response_design(file)
    names: list[str | None] = list(enrolment.arms or [None])
    counts = enrolment.patients if design is None else design.stages[-1]

    def of(indication: str, arm: str | None) -> int:
        return counts.get(arm, counts.get(indication, 0)) if isinstance(counts, dict) else counts

    return Arms(
        indications=tuple(population.indications),
        pool=population.pool,
        patients=tuple(tuple(of(indication, arm) for arm in names) for indication in population.indications),
        design=design,
        response_days=enrolment.response.days,
    )


def enrolment_words(file: StudyFile, agents: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Two sections of the study in words: its arms, and who is enrolled in them."""
    enrolment = file.enrolment
    assert enrolment is not None
    names, arms = arm_names(file, agents), study_arms(file)
    said = []
    for number, name in enumerate(names):
        given = [
            f"{agent} {treatment.dose[0].text}"
            for place, (agent, treatment) in enumerate(zip(agents, file.treatment, strict=True))
            if (doses_by_arm(file, place) * len(names))[number] > 0
        ]
        said.append(f"{name}: {' + '.join(given) or 'no treatment'}.")
    return [("Arms" if len(names) > 1 else "Arm", said), ("Enrolment", _numbers(file, names, arms))]


def _numbers(file: StudyFile, names: list[str], arms: Arms) -> list[str]:
    enrolment = file.enrolment
    assert enrolment is not None
    several = len(arms.indications) > 1
    said = []
    for indication, counts in zip(arms.indications, arms.patients, strict=True):
        where = f"{indication}: " if several else ""
        same = f"{counts[0]} patients{' an arm' if len(names) > 1 else ''}"
        each = ", ".join(f"{count} in {name}" for count, name in zip(counts, names, strict=True))
        said.append(f"{where}{'at most ' if arms.design else ''}{same if len(set(counts)) == 1 else each}.")
    said.append(
        f"one patient every {enrolment.accrual.text} on average{', in each indication' if several else ''} "
        "(exponential waits)."
    )
    if len(names) > 1:
        inside = ", within each indication" if several else ""
        said.append(f"randomised in permuted blocks{inside}; compared with {enrolment.control or names[0]}.")
    if arms.design is not None:
        each = " in each arm" * (len(names) > 1) + " in each indication" * several
        said.append(f"design{each}: {arms.design.describe()}")
        said.append(f"a response counts for it within {enrolment.response.text} of day 1.")
    return said
