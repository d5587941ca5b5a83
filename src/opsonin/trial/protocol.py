"""What a trial protocol says, as plain values: levels, treatments, visits, assessments, follow-up.

`days` and `blocks` hold protocol days (…, −2, −1, 1, 2, …; there is no day 0); everything ending in `_days` is a length
of time in days. `elapsed` takes the former to elapsed days, 0.0 being the start of day 1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from opsonin.criteria.dlt import DltRule
from opsonin.errors import StudyError
from opsonin.trial.policy import Policy, Recovery

if TYPE_CHECKING:
    from opsonin.trial.arms import Arms

Basis = Literal["flat", "kg", "m2"]


def elapsed(protocol_day: int) -> float:
    """Elapsed days at the start of a protocol day: 1 → 0.0, 15 → 14.0, −1 → −1.0.

    Raises: StudyError for day 0, which does not exist.
    """
    if protocol_day == 0:
        raise StudyError("there is no protocol day 0: day −1 is followed by day 1.")
    return float(protocol_day - 1 if protocol_day > 0 else protocol_day)


def protocol_day(time: float) -> int:
    """The protocol day in which an elapsed time lies: 0.5 → 1, −0.5 → −1."""
    whole = int(time // 1)
    return whole + 1 if whole >= 0 else whole


@dataclass(frozen=True)
class Level:
    """A dose level.   number: 1 is the lowest.   name: as the report shows it, "interleukin-2 6 MIU"."""

    number: int
    name: str


@dataclass(frozen=True)
class Treatment:
    """One agent, as it is planned.

    doses: one amount for every level, or one for each level (the ladder), in `unit` (per kg or m² where `basis` says).
    blocks: protocol days (first, last) of daily treatment within a cycle, in order.
    times_per_day: doses a day, evenly spaced from the start of the day.   cycle_days: None gives the blocks once;
    otherwise they repeat every `cycle_days` from day 1, `cycles` times (None: as long as the policy allows).
    """

    agent: str
    doses: tuple[float, ...]
    unit: str
    route: str
    blocks: tuple[tuple[int, int], ...]
    basis: Basis = "flat"
    times_per_day: int = 1
    infusion_days: float = 0.0
    cycle_days: float | None = None
    cycles: int | None = None

    @property
    def ladder(self) -> tuple[float, ...]:
        """The agent's own doses, from the lowest."""
        return tuple(sorted(set(self.doses)))

    def dose(self, level: int) -> float:
        """The amount at a level (1 is the lowest)."""
        return self.doses[0] if len(self.doses) == 1 else self.doses[level - 1]

    @property
    def is_ladder(self) -> bool:
        return len(self.doses) > 1


@dataclass(frozen=True)
class SamplingPlan:
    """Blood samples for drug concentrations.   days: protocol days;   hours: after the start of such a day, the
    sample at hour 0 before that day's dose."""

    analytes: tuple[str, ...] = ()
    days: tuple[int, ...] = ()
    hours: tuple[float, ...] = ()


@dataclass(frozen=True)
class ImmunePlan:
    """Immune monitoring: all observables of a panel, on protocol days, before that day's dose."""

    panel: str = ""
    days: tuple[int, ...] = ()


@dataclass(frozen=True)
class ImmuneEffect:
    """What a design looks at that seeks an immune effect: a marker of the panel on a protocol day.

    change: "" the value itself, "ratio" or "difference" to baseline.
    """

    marker: str
    day: int
    change: Literal["", "ratio", "difference"] = ""


@dataclass(frozen=True)
class TumourPlan:
    """Scans: one before the first dose of any agent, then every `every_days` from day 1 until progression.

    measurement_cv: error of one reader measuring one lesion once. The default follows from the limits of agreement of a
    single observer, −17.8 % to 16.1 % of a single lesion's diameter: 33.9 / (2 × 1.96 × √2) = 6.1 %.
    Source: Yoon 2016, Eur J Cancer 53:5 (meta-analysis of twelve studies).
    smallest_mm: below this a lesion that is still seen is "too small to measure" and counts 5 mm (Eisenhauer 2009,
    section 4.3.2).   vanished_mm: below this it is not seen (assumed: finer than one CT slice resolves).
    criteria: "RECIST 1.1", "iRECIST" (scans and treatment go on until progression is confirmed), "Lugano" (lesions are
    taken to be round) or "marrow" (acute leukaemia by its blasts); of a basket, one for all indications or one for each
    of them, in order.   confirm: CR and PR count for the best response only if seen again four weeks later.
    """

    criteria: str | tuple[str, ...] = "RECIST 1.1"
    every_days: float = 42.0
    measurement_cv: float = 0.061
    smallest_mm: float = 5.0
    vanished_mm: float = 2.0
    confirm: bool = False
    minimum_stable_days: float = 42.0

    def __post_init__(self) -> None:
        from opsonin.criteria.from_lesions import CRITERIA

        unknown = [name for name in self.used if name not in CRITERIA]
        if unknown or not self.used:
            named = repr(unknown[0]) if unknown else "none"
            raise StudyError(f"the criteria of scans are {named}; known are {', '.join(CRITERIA)}.")

    @property
    def used(self) -> tuple[str, ...]:
        """The criteria in use, each once, in order of first mention."""
        return tuple(dict.fromkeys((self.criteria,) if isinstance(self.criteria, str) else self.criteria))


@dataclass(frozen=True)
class Protocol:
    """A dose-escalation trial, whole.

    until: how long treatment goes on; "progression" also stops for a DLT, death and drop-out.   policies: what is done
    on what is observed; they take the place of stopping for a DLT or progression for the agents they name.
    recovery: how long adverse events last once doses are withheld.
    replace: "not evaluable" enrols another patient for each who cannot be judged for DLT; "nobody" counts them
    as without DLT.   observe_days: follow-up of each patient from day 1.
    accrual_days: mean waiting time for the next eligible patient while a cohort is open (assumed: two weeks).
    event_follow_up_days: adverse events are collected until this long after the last day of treatment (CTCAE practice:
    30 days).   interaction: analytes whose exposure is compared with and without the partner.
    response_days, immune_effect: what the design looks at beside DLTs; a response counts if a scan shows it by then.
    sentinel_days: that the second patient of a cohort is dosed after the first at least;   stagger_days: each further
    one after the one ahead.
    arms: of a trial that looks for no dose; its levels are arms then, and an arm that is not given a treatment has a
    dose of 0 of it.
    """

    title: str
    levels: tuple[Level, ...]
    treatments: tuple[Treatment, ...]
    dlt: tuple[DltRule, ...]
    dlt_window_days: float
    sampling: SamplingPlan = field(default_factory=SamplingPlan)
    immune: ImmunePlan = field(default_factory=ImmunePlan)
    tumour: TumourPlan | None = None
    until: Literal["progression"] = "progression"
    replace: Literal["not evaluable", "nobody"] = "not evaluable"
    observe_days: float = 24 * 30.4375
    indication: str = ""
    interaction: tuple[str, ...] = ()
    accrual_days: float = 14.0
    event_follow_up_days: float = 30.0
    policies: tuple[Policy, ...] = ()
    recovery: Recovery = field(default_factory=Recovery)
    arms: Arms | None = None
    response_days: float | None = None
    immune_effect: ImmuneEffect | None = None
    sentinel_days: float = 0.0
    stagger_days: float = 0.0

    def __post_init__(self) -> None:
        for treatment in self.treatments:
            if len(treatment.doses) not in (1, len(self.levels)):
                raise StudyError(
                    f"{treatment.agent} has {len(treatment.doses)} doses for {len(self.levels)} dose levels; give one "
                    "dose, or one for each level."
                )
        if [level.number for level in self.levels] != list(range(1, len(self.levels) + 1)):
            raise StudyError("dose levels are numbered 1, 2, … from the lowest.")
        if min(self.gaps) < 0:
            raise StudyError("sentinel_days and stagger_days are days to wait, 0 or more.")
        if self.tumour is not None and self.tumour.every_days > self.observe_days:
            raise StudyError(
                f"scans every {self.tumour.every_days:g} days come after the {self.observe_days:g} days of follow-up; "
                "scan more often, observe longer, or leave `tumour` out."
            )
        criteria = "" if self.tumour is None else self.tumour.criteria
        indications = () if self.arms is None else self.arms.indications
        if not isinstance(criteria, str) and len(criteria) != len(indications):
            raise StudyError(
                f"{len(criteria)} criteria are given for {len(indications)} indications of arms; give one for all, or "
                "one for each indication of a basket."
            )

    @property
    def gaps(self) -> tuple[float, float]:
        """sentinel_days and stagger_days."""
        return self.sentinel_days, self.stagger_days

    @property
    def level_word(self) -> str:
        """What a level is called: a dose level, or an arm of a trial that looks for no dose."""
        return "dose level" if self.arms is None else "arm"

    def gives(self, agent: str) -> tuple[bool, ...]:
        """Whether each level (or arm) is given an agent at all."""
        doses = [t for t in self.treatments if t.agent == agent]
        return tuple(any(t.dose(level.number) > 0 for t in doses) for level in self.levels)

    @property
    def first_time(self) -> float:
        """Elapsed day of the first dose of any agent: baseline is what was seen until then."""
        return min((elapsed(t.blocks[0][0]) for t in self.treatments), default=0.0)

    @property
    def ladders(self) -> tuple[Treatment, ...]:
        """The treatments that are escalated: none, one, or two whose combinations are the levels."""
        return tuple(t for t in self.treatments if t.is_ladder)
