"""The schema of a study file: what may stand in it, and what each value must look like.

Everything here can be judged from the file alone; whether agents, analytes and terms exist is asked of the other
rooms in `opsonin.study.names` and `opsonin.study.build`.
"""

from __future__ import annotations

import itertools
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, InstanceOf, model_validator

from opsonin.errors import StudyError
from opsonin.record.schema import Route
from opsonin.study.asked_synergy import Synergy
from opsonin.study.asked_why import Why
from opsonin.study.criteria import read_criteria
from opsonin.study.enrolment import Enrolment
from opsonin.study.policies import AdverseEvents, Policy
from opsonin.study.texts import Days, Dose, Duration, elapsed, read_day, say_day
from opsonin.study.together import check_together


def _read_with(kind: type) -> BeforeValidator:
    return BeforeValidator(lambda value: value if isinstance(value, kind) else kind.read(value))  # type: ignore[attr-defined]


def _read_doses(value: object) -> tuple[Dose, ...]:
    if isinstance(value, list):
        if not value:
            raise ValueError("the ladder of dose levels is empty; list the doses from low to high")
        return tuple(Dose.read(v) for v in value)
    return (Dose.read(value),)


def _read_design(value: object) -> dict[str, Any]:
    if isinstance(value, str):
        return {"name": value}
    if isinstance(value, dict) and isinstance(value.get("name"), str):
        return value
    raise ValueError('a design is a name such as "3+3" or a table such as { name = "3+3" }')


def _rising(values: list[Any], what: str) -> list[Any]:
    if any(b <= a for a, b in itertools.pairwise(values)):
        raise ValueError(f"the {what} {values} are not in rising order; list each once, from first to last")
    return values


def _one_or_many(value: object) -> object:
    return [value] if isinstance(value, str) else value


ProtocolDay = Annotated[int, BeforeValidator(read_day)]
ProtocolDays = Annotated[list[ProtocolDay], Field(min_length=1), BeforeValidator(lambda v: v)]
Text = Annotated[str, Field(min_length=1)]
Texts = Annotated[list[Text], Field(min_length=1), BeforeValidator(_one_or_many)]
ADuration = Annotated[InstanceOf[Duration], _read_with(Duration)]


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Population(_Part):
    """Whom the trial enrols.   indications: several are a basket.   pool: how many virtual patients there are to enrol
    from, of each of them.   sites: of lesions with immune systems of their own, in each patient.
    products: a file of batches of a cell product, or a record with some, from which each patient draws one."""

    indications: Annotated[Texts, Field(alias="indication")]
    pool: Annotated[int, Field(ge=1, le=1_000_000)] = 2000
    sites: Annotated[int, Field(ge=1, le=3)] = 1
    products: Text | None = None

    @property
    def indication(self) -> str:
        """The only indication, or the first."""
        return self.indications[0]

    @model_validator(mode="after")
    def _told_apart(self) -> Population:
        if len(set(self.indications)) < len(self.indications):
            raise ValueError(f"the indications {self.indications} are not told apart; name each once")
        return self


class Treatment(_Part):
    """One agent.   dose: one, or the ladder of levels;   times: doses a day;   cycle: the block repeats this often.
    arm: the arms that are given it, of several; all if left out."""

    agent: Text
    dose: Annotated[InstanceOf[tuple], BeforeValidator(_read_doses)]
    days: Annotated[InstanceOf[Days], _read_with(Days)]
    times: Annotated[int, Field(ge=1, le=24)] = 1
    route: Route | None = None
    infusion: ADuration | None = None
    cycle: ADuration | None = None
    cycles: Annotated[int, Field(ge=1)] | None = None
    arm: Texts | None = None

    @property
    def is_ladder(self) -> bool:
        return len(self.dose) > 1

    @model_validator(mode="after")
    def _holds_together(self) -> Treatment:
        if self.cycles is not None and self.cycle is None:
            raise ValueError('`cycles` says how often a cycle is given, but there is no `cycle`; add cycle = "21 days"')
        if self.infusion is not None and self.route not in (None, "intravenous infusion"):
            raise ValueError(f'`infusion` goes with route = "intravenous infusion", but the route is "{self.route}"')
        if self.cycle is not None:
            self._cycle_fits(self.cycle)
        units = {(d.unit, d.basis) for d in self.dose}
        amounts = [d.amount for d in self.dose]
        if len(units) > 1:
            raise ValueError(f"the ladder mixes units ({', '.join(d.text for d in self.dose)}); give all doses in one")
        if any(b <= a for a, b in itertools.pairwise(amounts)):
            raise ValueError(
                f"the ladder does not rise ({', '.join(d.text for d in self.dose)}); level 1 is the lowest"
            )
        return self

    def _cycle_fits(self, cycle: Duration) -> None:
        if cycle.days != int(cycle.days):
            raise ValueError(f'the cycle "{cycle.text}" is not a whole number of days')
        if self.days.first < 1:
            raise ValueError(
                f"cycles count from protocol day 1, but the days start at day {say_day(self.days.first)}; give days "
                "before day 1 as a [[treatment]] of its own without `cycle`"
            )
        if elapsed(self.days.last) - elapsed(self.days.first) >= cycle.days:
            raise ValueError(
                f'day {self.days.last} lies beyond the cycle of "{cycle.text}" that begins with day {self.days.first}; '
                "make the cycle longer, or write what is given once as a [[treatment]] of its own without `cycle`"
            )


class ImmuneEndpoint(_Part):
    """A marker of the panel on a protocol day, as its value or its change from baseline."""

    marker: Text
    day: ProtocolDay
    change: Literal["", "ratio", "difference"] = ""


class Escalation(_Part):
    """How the dose is found.   replace: whether patients who cannot be judged for DLT are replaced.

    response: until when a response counts, for designs that look at responses;   immune: what designs look at that seek
    an immune effect.   sentinel: how long the second patient of a cohort is dosed after the first;   stagger: each
    further one after the one ahead.
    """

    design: Annotated[dict[str, Any], BeforeValidator(_read_design)] = {"name": "3+3"}
    dlt_window: ADuration
    dlt: Texts
    replace: Literal["not evaluable", "nobody"] = "not evaluable"
    response: ADuration | None = None
    immune: ImmuneEndpoint | None = None
    sentinel: ADuration | None = None
    stagger: ADuration | None = None

    @property
    def gaps(self) -> tuple[float, float]:
        """Days that the second patient of a cohort waits after the first, and each further one after the one ahead."""
        sentinel, stagger = (0.0 if wait is None else wait.days for wait in (self.sentinel, self.stagger))
        return sentinel, stagger


class Concentrations(_Part):
    """Blood samples.   days: protocol days;   hours: after that day's first dose."""

    analytes: Texts
    days: ProtocolDays
    hours: Annotated[list[Annotated[float, Field(ge=0, allow_inf_nan=False)]], Field(min_length=1)]

    @model_validator(mode="after")
    def _in_order(self) -> Concentrations:
        _rising(self.days, "days")
        _rising(self.hours, "hours")
        return self


class Immune(_Part):
    """Immune monitoring.   panel: a panel of cell types;   days: protocol days, before that day's dose."""

    panel: Text
    days: ProtocolDays

    @model_validator(mode="after")
    def _in_order(self) -> Immune:
        _rising(self.days, "days")
        return self


class Tumour(_Part):
    """Scans.   criteria: one for all, or by indication; None where they follow the indication.
    confirm: responses count only if seen again four weeks later."""

    criteria: Annotated[str | dict[str, str] | None, BeforeValidator(read_criteria)] = None
    confirm: bool = False
    every: ADuration

    @model_validator(mode="after")
    def _a_day_or_more(self) -> Tumour:
        if self.every.days < 1:
            raise ValueError(f'scans every "{self.every.text}" are too many; one a day is the most')
        return self


class Assessments(_Part):
    concentrations: Concentrations | None = None
    immune: Immune | None = None
    tumour: Tumour | None = None


class FollowUp(_Part):
    """until: how long treatment goes on;   observe: how long a patient is followed, from protocol day 1."""

    until: Literal["progression"] = "progression"
    observe: ADuration = Duration.read("24 months")


class Biomarker(_Part):
    """A marker measured on a protocol day, read against outcomes: its value, or its change from baseline."""

    marker: Text
    day: ProtocolDay
    against: Texts
    change: Literal["", "ratio", "difference"] = ""
    time_varying: bool = False
    naive: bool = False


class Questions(_Part):
    """What the report answers."""

    biomarkers: list[Biomarker] = []
    interaction: Annotated[list[Text], BeforeValidator(_one_or_many)] = []
    synergy: list[Synergy] = []
    why: Why | None = None


class StudyFile(_Part):
    """A study file, whole."""

    title: Text
    source: str = ""
    population: Population
    treatment: Annotated[list[Treatment], Field(min_length=1)]
    escalates: Annotated[Escalation | None, Field(alias="escalation")] = None
    enrolment: Enrolment | None = None
    assessments: Assessments = Assessments()
    follow_up: FollowUp = FollowUp()
    policy: list[Policy] = []
    adverse_events: AdverseEvents = AdverseEvents()
    questions: Questions = Questions()

    @model_validator(mode="after")
    def _holds_together(self) -> StudyFile:
        check_together(self)
        return self

    @property
    def escalation(self) -> Escalation:
        """How the dose is found.   Raises: StudyError where the study enrols arms instead."""
        if self.escalates is None:
            raise StudyError(
                "this study looks for no dose: it has [enrolment], with arms, instead of [escalation], with a ladder."
            )
        return self.escalates

    @property
    def ladders(self) -> list[Treatment]:
        """The treatments that are escalated, one or two."""
        return [t for t in self.treatment if t.is_ladder]

    @property
    def ladder(self) -> Treatment:
        """The treatment that is escalated, the first of two."""
        return self.ladders[0]
