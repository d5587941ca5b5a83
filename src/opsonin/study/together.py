"""What the parts of a study file say of one another: whether they fit. Errors are the schema's, without a field."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsonin.study.criteria import check_criteria
from opsonin.study.enrolment import check_arms
from opsonin.study.texts import elapsed, say_day

if TYPE_CHECKING:
    from opsonin.study.file import StudyFile


def check_together(file: StudyFile) -> None:
    """Raises: ValueError for parts that contradict one another."""
    if (file.escalates is None) == (file.enrolment is None):
        how = "both" if file.enrolment is not None else "neither"
        raise ValueError(
            "a study looks for a dose, [escalation], or enrols patients in one arm or more, [enrolment]; this one has "
            f"{how} of them"
        )
    if file.escalates is not None:
        _check_ladders(file)
    else:
        check_arms(file)
    check_criteria(file)
    observe = file.follow_up.observe
    last = max(t.days.last for t in file.treatment)
    if elapsed(last) >= observe.days:
        raise ValueError(f'follow_up.observe ("{observe.text}") ends before treatment day {last}; observe longer')
    tumour = file.assessments.tumour
    if tumour is not None and tumour.every.days > observe.days:
        raise ValueError(
            f'assessments.tumour.every ("{tumour.every.text}") is longer than follow_up.observe ("{observe.text}"), so '
            "that nobody is ever scanned again; scan more often, observe longer, or leave assessments.tumour out"
        )
    if file.escalates is not None:
        _check_windows(file)
        _check_endpoints(file)
    for name, visits in (("concentrations", file.assessments.concentrations), ("immune", file.assessments.immune)):
        if visits is not None and elapsed(visits.days[-1]) >= observe.days:
            raise ValueError(
                f"assessments.{name}.days: day {visits.days[-1]} lies after follow_up.observe "
                f'("{observe.text}"), when nobody is seen any more'
            )


def _check_ladders(file: StudyFile) -> None:
    """One agent is escalated, or two; for one indication."""
    ladders = [f"treatment[{n}] ({t.agent})" for n, t in enumerate(file.treatment, start=1) if t.is_ladder]
    if len(ladders) > 2:
        raise ValueError(
            f"{len(ladders)} treatments have a ladder of doses ({', '.join(ladders)}), but at most two agents are "
            "escalated together; give the others a single dose"
        )
    if len({t.agent for t in file.ladders}) < len(ladders):
        raise ValueError(
            f"{' and '.join(ladders)} both have a ladder of doses; of two agents escalated together each has one"
        )
    if not ladders:
        raise ValueError(
            "no treatment has a ladder of doses, so there is nothing to escalate; give one of them a list, such as "
            'dose = ["3 MIU", "6 MIU"]; a study that looks for no dose has [enrolment] instead of [escalation]'
        )
    for number, treatment in enumerate(file.treatment, start=1):
        if treatment.arm is not None:
            raise ValueError(
                f"treatment[{number}] ({treatment.agent}) is of an arm, but a study with [escalation] has dose levels; "
                "leave `arm` out"
            )
    if len(file.population.indications) > 1:
        raise ValueError(
            f"{len(file.population.indications)} indications are a basket, which needs [enrolment]; a dose is looked "
            "for in one"
        )
    window, observe = file.escalation.dlt_window, file.follow_up.observe
    if window.days > observe.days:
        raise ValueError(f'escalation.dlt_window ("{window.text}") is longer than follow_up.observe ("{observe.text}")')


def _check_windows(file: StudyFile) -> None:
    """What is escalated is given before its window ends."""
    window = file.escalation.dlt_window
    for ladder in file.ladders:
        if elapsed(ladder.days.first) >= window.days:
            raise ValueError(
                f'escalation.dlt_window ("{window.text}") ends before {ladder.agent}, which is escalated, is first '
                f"given on day {say_day(ladder.days.first)}; make it longer"
            )


def _check_endpoints(file: StudyFile) -> None:
    """What the design looks at beside toxicity must be assessed, and in time."""
    response, immune, observe = file.escalation.response, file.escalation.immune, file.follow_up.observe
    tumour, panel = file.assessments.tumour, file.assessments.immune
    if response is not None and tumour is None:
        raise ValueError("escalation.response asks for responses, but there is no assessments.tumour; add scans")
    if response is not None and tumour is not None and not tumour.every.days <= response.days <= observe.days:
        raise ValueError(
            f'escalation.response ("{response.text}") lies between the first scan (assessments.tumour.every = '
            f'"{tumour.every.text}") and the end of follow_up.observe ("{observe.text}")'
        )
    if immune is not None and (panel is None or immune.day not in panel.days):
        seen = f"on days {', '.join(map(say_day, panel.days))}" if panel else "not at all"
        raise ValueError(
            f"escalation.immune asks for {immune.marker} on day {say_day(immune.day)}, but assessments.immune "
            f"measures the panel {seen}"
        )
    if immune is not None and immune.change and panel is not None and panel.days[0] >= immune.day:
        raise ValueError(
            f"escalation.immune asks for a change of {immune.marker} by day {say_day(immune.day)}, but "
            "assessments.immune measures nothing before that day"
        )
