"""A protocol against a model: what is measured when, and which hazards are which events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from opsonin.errors import StudyError
from opsonin.trial.protocol import Protocol, Treatment, elapsed, protocol_day
from opsonin.trial.rules import DoseList, Rules, make_rules


@dataclass(frozen=True)
class Analyte:
    """A drug or metabolite in blood.   limit: of quantification, in `unit`, None without one."""

    name: str
    unit: str
    matrix: str
    agent: str
    cv: float
    limit: float | None


@dataclass(frozen=True)
class Marker:
    """A cell count, share or ratio.   cells_counted: events of flow cytometry, None for other methods."""

    name: str
    unit: str
    compartment: str
    cv: float
    limit: float | None
    cells_counted: float | None


@dataclass(frozen=True)
class Batches:
    """What is made for each patient: a batch of an agent.   figures: column of the record's `products` → the constant
    of the model that it stands for."""

    agent: str
    figures: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Event:
    """What one threshold of one hazard is.   role: of the hazard;   grade: None where the hazard has no grades."""

    term: str
    grade: int | None
    role: str
    related: bool
    limiting: bool


@dataclass(frozen=True, eq=False)
class Plan:
    """Times are elapsed days.

    samples: (analyte, time, day's start, hours, protocol day) of each blood sample, one row each;
    scans: after baseline.   events: in the order of the model's thresholds.   rules: the protocol's policies.
    products: made for each patient, of the agents given.
    """

    protocol: Protocol
    analytes: tuple[Analyte, ...]
    markers: tuple[Marker, ...]
    lesions: tuple[str, ...]
    events: tuple[Event, ...]
    sample_analyte: Int[np.ndarray, " sample"]
    sample_time: Float[np.ndarray, " sample"]
    sample_day: Int[np.ndarray, " sample"]
    sample_hours: Float[np.ndarray, " sample"]
    immune_times: Float[np.ndarray, " visit"]
    scans: Float[np.ndarray, " scan"]
    doses: DoseList
    rules: Rules
    products: tuple[Batches, ...] = ()

    @property
    def start(self) -> float:
        """When patients are first looked at: the first dose, or an earlier visit."""
        seen = [self.protocol.first_time, *self.sample_time.tolist(), *self.immune_times.tolist()]
        return min(seen)

    @property
    def parting(self) -> float:
        """Until when all dose levels are the same: the first dose that differs between them, or the first scan."""
        protocol = self.protocol
        first = [elapsed(t.blocks[0][0]) for t in protocol.treatments if t.is_ladder]
        return max(self.start, min([*first, *self.scans.tolist(), self.end]))

    @property
    def varies(self) -> bool:
        """Whether doses may be given otherwise than whole and as planned until treatment ends."""
        return self.rules.written or any(t.infusion_days > 0 for t in self.protocol.treatments)

    @property
    def end(self) -> float:
        return self.protocol.observe_days

    @property
    def sample_times(self) -> Float[np.ndarray, " time"]:
        """Every time at which blood is drawn, once."""
        return np.unique(self.sample_time)

    def thresholds(self, role: str) -> Bool[np.ndarray, " threshold"]:
        """Which thresholds belong to hazards of a role."""
        return np.array([event.role == role for event in self.events], dtype=bool)

    @property
    def limiting(self) -> Bool[np.ndarray, " threshold"]:
        """Which thresholds are dose-limiting by the protocol's rules (within their window)."""
        return np.array([event.limiting for event in self.events], dtype=bool)


def make_plan(model: Any, protocol: Protocol) -> Plan:
    """The plan of a protocol for a model.

    Raises: StudyError where the protocol asks for an analyte or a panel that the model does not have.
    """
    symbolic = model.symbolic
    found = {name: getattr(entry, "part", entry) for name, entry in symbolic.observables.items()}
    concentrations = {n: o for n, o in found.items() if o.table == "concentrations"}
    unknown = [name for name in protocol.sampling.analytes if name not in concentrations]
    if unknown:
        raise StudyError(f"the model has no analyte {unknown[0]!r}; it has {', '.join(concentrations) or 'none'}.")
    analytes = tuple(_analyte(concentrations[name]) for name in protocol.sampling.analytes)
    measured = [o for o in found.values() if o.table == "measurements"]
    markers = tuple(_marker(o) for o in measured if o.panel == protocol.immune.panel and protocol.immune.days)
    if protocol.immune.days and not markers:
        panels = sorted({o.panel for o in measured})
        raise StudyError(f"the model has no panel {protocol.immune.panel!r}; it has {', '.join(panels) or 'none'}.")
    _check_starts(protocol)
    scans = np.zeros(0)
    if protocol.tumour is not None:
        every = protocol.tumour.every_days
        scans = every * np.arange(1, int(np.floor(protocol.observe_days / every + 1e-9)) + 1)
    analyte, time, day, hours = _samples(analytes, protocol)
    immune_times = np.array([elapsed(day) for day in protocol.immune.days], dtype=float)
    events = tuple(_event(symbolic.hazard_list[hazard], grade, protocol) for hazard, grade, _ in symbolic.thresholds)
    doses = [dose_times(treatment, protocol.observe_days) for treatment in protocol.treatments]
    readings = {m.name: immune_times for m in markers}
    readings |= {a.name: np.unique(time[analyte == k]) for k, a in enumerate(analytes)}
    return Plan(
        protocol=protocol,
        analytes=analytes,
        markers=markers,
        lesions=tuple(name for name, o in found.items() if o.table == "lesions") if protocol.tumour else (),
        events=events,
        sample_analyte=analyte,
        sample_time=time,
        sample_day=day,
        sample_hours=hours,
        immune_times=immune_times,
        scans=scans.astype(float),
        doses=DoseList(np.concatenate(doses), np.repeat(np.arange(len(doses)), [len(times) for times in doses])),
        rules=make_rules(protocol, events, markers, analytes, _visits(protocol, immune_times, scans), readings),
        products=_products(model, protocol),
    )


def _products(model: Any, protocol: Protocol) -> tuple[Batches, ...]:
    """The agents given that are made for each patient, once each, in the order of the protocol."""
    from opsonin.model import Administration

    made, constants = {part.agent: part.product for part, _ in model.parts(Administration)}, model.symbolic.constants
    given = dict.fromkeys(treatment.agent for treatment in protocol.treatments)
    return tuple(
        Batches(agent, tuple((column, constants.index(name)) for column, name in made[agent].items()))
        for agent in given
        if made.get(agent)
    )


def _visits(protocol: Protocol, immune_times: np.ndarray, scans: np.ndarray) -> Float[np.ndarray, " visit"]:
    """Every day on which a patient is seen: samples, panels, scans, and the first day of each run of doses."""
    starts = [blocks(treatment, protocol.observe_days) for treatment in protocol.treatments]
    sampled = np.array([elapsed(day) for day in protocol.sampling.days], dtype=float)
    return np.unique(np.concatenate([sampled, immune_times, scans, *(times[first] for times, first, _ in starts)]))


def blocks(treatment: Treatment, until: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times of a treatment's doses, and the first and the last dose (indices) of every run of days without a gap."""
    times = dose_times(treatment, until)
    first = np.flatnonzero(np.diff(times, prepend=-np.inf) > 1.0 / treatment.times_per_day + 1e-9)
    return times, first, np.append(first[1:], len(times)) - 1


def _check_starts(protocol: Protocol) -> None:
    """A record tells exposures apart by agent and first day; and two doses by one route on a day are one written twice.

    By two routes they may be meant, such as tablets that begin while an infusion still runs.
    """
    treatments = protocol.treatments
    for k, treatment in enumerate(treatments):
        for other in treatments[:k]:
            levels = [n.number for n in protocol.levels if min(treatment.dose(n.number), other.dose(n.number)) > 0]
            if treatment.agent != other.agent or not levels:
                continue
            alike = treatment.route == other.route
            mine, others = (_days(one, protocol.observe_days, not alike) for one in (treatment, other))
            both = np.intersect1d(mine, others)
            if both.size:
                raise StudyError(
                    f"{treatment.agent} {'is given' if alike else 'begins'} by two treatments on protocol day "
                    f"{protocol_day(float(both[0]))}; give its doses of one day as one treatment, or let the second "
                    "begin when the first has ended."
                )


def _days(treatment: Treatment, until: float, only_first: bool) -> np.ndarray:
    """The days of a treatment's doses, or the first of every run of days without a gap."""
    times, first, _ = blocks(treatment, until)
    return np.unique(np.floor((times[first] if only_first else times) + 1e-9))


def given_on(protocol: Protocol, agent: str, time: float, level: int | None = None) -> bool:
    """Whether the protocol doses an agent on the day that starts at `time` (at a level, at any where None)."""
    for treatment in protocol.treatments:
        if treatment.agent != agent or (level is not None and treatment.dose(level) <= 0):
            continue
        if np.any(np.abs(np.floor(dose_times(treatment, protocol.observe_days)) - time) < 1e-9):
            return True
    return False


def dose_times(treatment: Treatment, until: float) -> Float[np.ndarray, " dose"]:
    """Times of a treatment's doses before `until`, in order, if nothing stops it."""
    within = np.arange(treatment.times_per_day) / treatment.times_per_day
    days = np.concatenate([np.arange(elapsed(a), elapsed(b) + 1) for a, b in treatment.blocks])
    once = (days[:, None] + within[None, :]).ravel()
    if treatment.cycle_days is None:
        return once[once < until]
    cycles = int(np.ceil((until - once[0]) / treatment.cycle_days))
    cycles = max(0, cycles if treatment.cycles is None else min(cycles, treatment.cycles))
    times = (once[None, :] + treatment.cycle_days * np.arange(cycles)[:, None]).ravel()
    return times[times < until]


def _samples(analytes: Sequence[Analyte], protocol: Protocol) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Analyte, time, protocol day and hours of each sample.

    An analyte is sampled on the days its agent is given; one whose agent is given on none of them, on all days.
    Two visits that ask for the same moment (hour 24 and the next day's hour 0) take one sample, the earlier day's.
    """
    rows: dict[tuple[int, float], tuple[int, float]] = {}
    days, hours = protocol.sampling.days, protocol.sampling.hours
    for index, analyte in enumerate(analytes):
        dosed = [day for day in days if given_on(protocol, analyte.agent, elapsed(day))] or list(days)
        for day in dosed:
            for hour in hours:
                rows.setdefault((index, round(elapsed(day) + hour / 24.0, 9)), (day, hour))
    return (
        np.array([index for index, _ in rows], dtype=np.int64),
        np.array([time for _, time in rows], dtype=float),
        np.array([day for day, _ in rows.values()], dtype=np.int64),
        np.array([hour for _, hour in rows.values()], dtype=float),
    )


def _analyte(observable: Any) -> Analyte:
    assay = observable.assay
    cv, limit = (0.0, None) if assay is None else (float(assay.cv), assay.lower_limit)
    return Analyte(observable.name, observable.unit, observable.matrix, observable.agent, cv, _float(limit))


def _marker(observable: Any) -> Marker:
    assay = observable.assay
    cv, limit, counted = (
        (0.0, None, None) if assay is None else (float(assay.cv), assay.lower_limit, assay.cells_counted)
    )
    return Marker(observable.name, observable.unit, observable.compartment, cv, _float(limit), _float(counted))


def _event(hazard: Any, grade: int | None, protocol: Protocol) -> Event:
    limiting = (
        hazard.role == "adverse event"
        and grade is not None
        and any(rule.names(hazard.term) and grade >= rule.grade for rule in protocol.dlt)
    )
    return Event(hazard.term, grade, hazard.role, bool(hazard.related), limiting)


def _float(value: Any) -> float | None:
    return None if value is None else float(value)
