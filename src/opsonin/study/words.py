"""What a study means, in plain words: protocol days become elapsed times and cycles, questions become comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from opsonin.designs.grid import cell_name
from opsonin.study.criteria import criteria_of, criteria_words
from opsonin.study.levels import grid_columns, level_texts
from opsonin.study.texts import Days, Duration, elapsed, say_day

if TYPE_CHECKING:
    from opsonin.study.contrasts import Comparison
    from opsonin.study.file import StudyFile, Treatment

_TIMES = {1: "once", 2: "twice", 3: "three times", 4: "four times"}


def describe(
    study: StudyFile,
    agents: Sequence[str],
    routes: Sequence[str],
    indication: str,
    design: str,
    comparisons: Sequence[Comparison],
    policies: Sequence[str] = (),
) -> str:
    """The study in words.

    agents, routes: of each treatment;   indication, design: in words;   comparisons: what the question of
    interaction comes to.   policies: what is done with doses on what is observed, a sentence each.
    """
    sections = [
        ("Patients", _patients(study, indication)),
        (
            "Treatment",
            [
                _treatment(t, agent, route, study.follow_up.observe)
                for t, agent, route in zip(study.treatment, agents, routes, strict=True)
            ],
        ),
        *_looking_for(study, agents, design),
        ("Assessments", _assessments(study)),
        *([("Policies", list(policies))] if policies else []),
        ("Follow-up", _follow_up(study)),
        ("Questions", _questions(study, comparisons)),
    ]
    lines = [study.title, *([f"Source: {study.source}"] if study.source else [])]
    for title, items in sections:
        lines += ["", title, *(f"  • {item}" for item in items)]
    return "\n".join(lines)


def _looking_for(study: StudyFile, agents: Sequence[str], design: str) -> list[tuple[str, list[str]]]:
    """Dose levels and how one is found, or arms and who is enrolled in them."""
    if study.escalates is None:
        from opsonin.study.enrolment import enrolment_words

        return enrolment_words(study, agents)
    return [("Dose levels", _levels(study)), ("Escalation", _escalation(study, design))]


def span(days: Days) -> str:
    """ "days 1 to 14 (0 to 13 days elapsed)": protocol days with what they are on the record's clock."""
    first, last = elapsed(days.first), elapsed(days.last)
    word = "day" if days.count == 1 else "days"
    on_clock = _signed(first) if first == last else f"{_signed(first)} to {_signed(last)}"
    return f"{word} {days.text} (elapsed {on_clock})"


def _patients(study: StudyFile, indication: str) -> list[str]:
    each = "each of " if len(study.population.indications) > 1 else ""
    return [
        f"{study.population.pool:,} virtual patients of {each}{indication} are the pool; each replicate trial enrols "
        "from it without replacement."
    ]


def _treatment(treatment: Treatment, agent: str, route: str, observe: Duration) -> str:
    dose = "the dose of the level" if treatment.is_ladder else treatment.dose[0].text
    how = _TIMES.get(treatment.times, f"{treatment.times} times")
    infusion = f" over {treatment.infusion.text}" if treatment.infusion else ""
    arms = f"arm{'s' if len(treatment.arm) > 1 else ''} {_listed(treatment.arm)}" if treatment.arm else ""
    whom = f" (only in the {arms})" if arms else ""
    own = f", of {treatment.agent}" if agent != treatment.agent else ""
    said = f"{agent}{own}{whom}: {dose}, {route}{infusion}, {how} a day, {span(treatment.days)}"
    if treatment.cycle is None:
        doses = treatment.days.count * treatment.times
        return f"{said}, given once: {doses} dose{'s' if doses > 1 else ''}."
    length, begins = int(treatment.cycle.days), int(elapsed(treatment.days.first))
    late = begins >= length  # after a run-in, such as lower doses
    most = max(1, -(-(int(observe.days) - begins) // length))
    count = min(treatment.cycles or most, most)
    then = [_shifted(treatment.days, length * k) for k in range(1, min(count, 3))]
    further = f", then {' and '.join(then)}{' …' if count > 3 else ''}" if then else ""
    limit = f"{treatment.cycles} cycles" if treatment.cycles else f"up to {most} cycles"
    every = f"and every {length} days from then on" if late else f"of every {length}-day cycle"
    return f"{said} {every}{further}; {limit}."


def _shifted(days: Days, by: int) -> str:
    return Days(tuple((a + by, b + by) for a, b in days.blocks)).text


def _levels(study: StudyFile) -> list[str]:
    columns = grid_columns(study)
    texts = level_texts(study)
    if columns is None:
        return [f"level {n}: {text}" for n, text in enumerate(texts, start=1)]
    return [f"level {n} ({cell_name(n, columns)}): {text}" for n, text in enumerate(texts, start=1)]


def _escalation(study: StudyFile, design: str) -> list[str]:
    escalation = study.escalation
    until = escalation.dlt_window.days
    replaced = (
        "A patient who cannot be judged (left before the window ended, without a DLT) is replaced."
        if escalation.replace == "not evaluable"
        else "Nobody is replaced."
    )
    return [
        f"design: {design.removesuffix('.')}.",
        f"dose-limiting: {'; '.join(escalation.dlt)}, with an onset within {escalation.dlt_window.text} of protocol "
        f"day 1 (elapsed 0 to {until:g}).",
        *_endpoints(study),
        replaced,
        *_watched(study),
    ]


def _watched(study: StudyFile) -> list[str]:
    """How long a cohort's patients wait for those ahead of them."""
    sentinel, stagger = study.escalation.sentinel, study.escalation.stagger
    said = []
    if sentinel is not None:
        said.append(f"the second patient of a cohort is dosed {sentinel.text} after the first or later.")
    if stagger is not None:
        said.append(f"from the third patient of a cohort, each is dosed {stagger.text} after the one ahead or later.")
    return said


def _endpoints(study: StudyFile) -> list[str]:
    """What the design looks at beside toxicity."""
    response, immune, said = study.escalation.response, study.escalation.immune, []
    if response is not None:
        seen = "confirmed " if study.assessments.tumour and study.assessments.tumour.confirm else ""
        said.append(f"response: a {seen}complete or partial response by {response.text} (elapsed {response.days:g}).")
    if immune is not None:
        what = {"": immune.marker, "ratio": f"{immune.marker} as a ratio to baseline"}
        value = what.get(immune.change, f"{immune.marker} less its baseline")
        said.append(f"immune effect: {value} on {_days([immune.day])}.")
    return said


def _assessments(study: StudyFile) -> list[str]:
    said = []
    blood, immune, tumour = study.assessments.concentrations, study.assessments.immune, study.assessments.tumour
    if blood:
        hours = ", ".join(f"{h:g}" for h in blood.hours)
        said.append(
            f"concentrations of {_listed(blood.analytes)} on {_days(blood.days)}, {hours} hours after the dose."
        )
    if immune:
        said.append(f"immune panel {immune.panel} on {_days(immune.days)}, before that day's dose.")
    if tumour:
        every, by = tumour.every.days, criteria_words(criteria_of(study))
        said.append(
            f"scans at baseline and every {tumour.every.text} from protocol day 1 (elapsed {every:g}, {2 * every:g} …)"
            f", judged by {by}{', responses to be confirmed' if tumour.confirm else ''}."
        )
        said += _leukaemias(study)
    return said or ["none"]


def _leukaemias(study: StudyFile) -> list[str]:
    """A warning where scans judge a leukaemia by its size."""
    from opsonin.patients import indication

    found = {name: by for name, by in criteria_of(study).items() if indication(name).criteria == "marrow" != by}
    if not found:
        return []
    table = ", ".join(f'{name} = "marrow"' for name in found)
    write = '"marrow"' if len(found) == len(study.population.indications) else f"{{ {table} }}"
    return [
        f"warning: of {_listed(list(found))}, a leukaemia, scans see the marrow as one sphere, and a response by "
        f"{_listed(list(dict.fromkeys(found.values())))} is that it shrinks, not remission; criteria = {write} judges "
        "it by its blasts."
    ]


def _follow_up(study: StudyFile) -> list[str]:
    observe, judged = study.follow_up.observe, set(criteria_of(study).values())
    seen = "seen (by iRECIST, confirmed)" if "iRECIST" in judged else "seen"
    seen = "confirmed" if judged == {"iRECIST"} else seen
    toxic = " a DLT," if study.escalates is not None else ""
    until = (
        f"treatment goes on until progression is {seen} on a scan,{toxic} drop-out or death."
        if not study.policy
        else "treatment goes on until a policy stops it, drop-out or death."
    )
    return [
        until,
        f"each patient is followed for {observe.text} ({observe.days:g} days) from protocol day 1, then censored.",
        "baseline is the last value before the first dose of any agent.",
    ]


def _questions(study: StudyFile, comparisons: Sequence[Comparison]) -> list[str]:
    said = [f"{b.marker} at day {say_day(b.day)} against {_listed(b.against)}." for b in study.questions.biomarkers]
    said += [c.text for c in comparisons]
    said += [f"synergy: {asked.text}" for asked in study.questions.synergy]
    why = study.questions.why
    if why is not None:
        again = f", and again with {_listed(list(why.change))}" if why.change else ""
        said.append(f"why patients do well ({why.outcome}): {why.patients} of the pool{again}.")
    return said or ["none beyond safety, response and survival"]


def _days(days: Sequence[int]) -> str:
    word = "day" if len(days) == 1 else "days"
    return f"{word} {_listed([say_day(d) for d in days])} (elapsed {', '.join(_signed(elapsed(d)) for d in days)})"


def _listed(items: Sequence[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def _signed(value: float) -> str:
    return f"{value:g}".replace("-", "−")
