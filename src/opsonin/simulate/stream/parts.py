"""What a stream does, cut into parts: a part is so many patients in a row, computed alone, from their numbers only.

The size of a part follows from what is asked for and never from cores, workers or memory, so that files, partial
statistics and their order are the same however the work is done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from opsonin.errors import OpsoninError, SimulationError
from opsonin.simulate.inputs import InputSeries, inputs_at
from opsonin.simulate.schedule import Schedule
from opsonin.simulate.simulation import simulate
from opsonin.simulate.trajectories import Failure, Trajectories

PART_VALUES = 2_000_000  # numbers in a part: 16 MB while it is made, 5 to 8 MB in a file
STATE_VALUES = 8_000_000  # numbers simulated together by a thread, of all states: 64 MB
MOST_IN_PART = 20_000
WHOLE = 32  # parts hold a multiple of so many patients, where they hold more
FEWEST = 8  # parts, as far as patients suffice: work for several cores, and something finished early


@dataclass(frozen=True)
class Patients:
    """Some patients in a row.

    constants: in the order of model.symbolic.constants.   schedule: their doses.   thresholds: as `simulate` takes
    them; None: no hazard's crossing is looked for.   columns: what else is known of them, written beside their numbers:
    name -> one value a patient.   inputs: series of the model's inputs.
    """

    constants: Float[np.ndarray, "patient constant"]
    schedule: Schedule
    thresholds: Float[np.ndarray, "patient threshold"] | None = None
    columns: Mapping[str, np.ndarray] = field(default_factory=dict)
    inputs: tuple[InputSeries, ...] = ()


@runtime_checkable
class Source(Protocol):
    """Where patients come from, block by block.

    A patient's numbers may depend on the patient's own number only, never on who else is asked for; doses of all
    patients start no earlier than those of the first. Sources that go to worker processes are pickled.
    """

    @property
    def model(self) -> Any: ...

    def block(self, first: int, last: int) -> Patients:
        """The patients numbered first to last − 1, counted from 0."""
        ...


@dataclass(frozen=True)
class FromArrays:
    """A source of patients who are in memory already."""

    model: Any
    constants: Float[np.ndarray, "patient constant"]
    schedule: Schedule
    thresholds: Float[np.ndarray, "patient threshold"] | None = None
    columns: Mapping[str, np.ndarray] = field(default_factory=dict)
    inputs: tuple[InputSeries, ...] = ()

    def block(self, first: int, last: int) -> Patients:
        rows = np.arange(first, last)
        return Patients(
            self.constants[first:last],
            self.schedule.rows(rows),
            None if self.thresholds is None else self.thresholds[first:last],
            {name: values[first:last] for name, values in self.columns.items()},
            tuple(series.rows(rows) for series in self.inputs),
        )


class Part(NamedTuple):
    """One part, computed.

    values: outputs; NaN for patients in `failures`, who are numbered in the whole stream.   days: of what happened to
    each patient, "day of <name>" -> one a patient, inf where it did not.   columns: what the source knows of them.
    """

    number: int
    first: int
    last: int
    values: Float[np.ndarray, "patient time output"]
    days: Mapping[str, np.ndarray]
    failures: list[Failure]
    columns: Mapping[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Job:
    """A stream, whole and checked.   block: patients simulated together, at most a part."""

    source: Source
    patients: int
    times: Float[np.ndarray, " time"]
    outputs: tuple[str, ...]
    start: float
    method: str
    rtol: float
    block: int | None

    @cached_property
    def part(self) -> int:
        """Patients in a part."""
        fitting = min(MOST_IN_PART, PART_VALUES // (len(self.times) * len(self.outputs)))
        fitting = max(1, fitting if fitting < WHOLE else fitting // WHOLE * WHOLE)
        return min(fitting, -(-self.patients // (FEWEST * WHOLE)) * WHOLE)

    @property
    def parts(self) -> int:
        return -(-self.patients // self.part)

    @property
    def values(self) -> int:
        """How many numbers come out."""
        return self.patients * len(self.times) * len(self.outputs)

    def bounds(self, number: int) -> tuple[int, int]:
        """First patient and last + 1 of a part."""
        return number * self.part, min(self.patients, (number + 1) * self.part)

    @property
    def _together(self) -> int:
        """Patients simulated together by default: as many as have their states in so much memory."""
        fitting = STATE_VALUES // (len(self.times) * len(self.source.model.symbolic.states))
        return max(WHOLE, fitting // WHOLE * WHOLE)

    def compute(self, number: int, threads: int, tick: Callable[[int], None]) -> Part:
        """One part.   tick: called now and then with the number of its patients that are done."""
        first, last = self.bounds(number)
        step = min(last - first, self._together if self.block is None else self.block)
        values = np.empty((last - first, len(self.times), len(self.outputs)))
        failures: list[Failure] = []
        columns: list[Mapping[str, np.ndarray]] = []
        days: list[Mapping[str, np.ndarray]] = []
        for begin in range(first, last, step):
            before = begin - first
            try:
                here, made = self._block(begin, min(last, begin + step), threads, lambda d, b=before: tick(b + d))
            except OpsoninError as problem:
                raise type(problem)(f"in the patients from number {begin:,} on: {problem}") from problem
            values[before : before + len(here.constants)] = _values(self, made, here)
            failures += [Failure(begin + f.patient, f.reason, f.day) for f in made.failures]
            columns.append(here.columns)
            days.append(_days(self.source.model, made, here.thresholds is not None))
        return Part(number, first, last, values, _joined(days), failures, _joined(columns))

    def _block(self, first: int, last: int, threads: int, tick: Callable[[int], None]) -> tuple[Patients, Trajectories]:
        """Patients and their trajectories."""
        here = self.source.block(first, last)
        if len(here.constants) != last - first:
            raise SimulationError(
                f"the source gave {len(here.constants)} patients where block({first}, {last}) was asked for."
            )
        return here, simulate(
            self.source.model,
            here.constants,
            here.schedule,
            self.times,
            thresholds=here.thresholds,
            start=self.start,
            method=self.method,
            rtol=self.rtol,
            threads=threads,
            progress=lambda done, _: tick(done),
            inputs=here.inputs,
        )


def _joined(some: list[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([one[name] for one in some]) for name in some[0]}


def _days(model: Any, made: Trajectories, crossed: bool) -> dict[str, np.ndarray]:
    """When each patient's hazards reached their thresholds, where there were some, and when events happened first."""
    days = dict(zip(threshold_names(model), made.crossings.T, strict=True)) if crossed else {}
    if made.event_days is not None:
        days |= {f"day of {name}": made.event_days[:, n] for n, name in enumerate(made.event_names)}
    return days


def threshold_names(model: Any) -> tuple[str, ...]:
    """A column's name for each of the model's thresholds."""
    symbolic = model.symbolic
    return tuple(
        f"day of {symbolic.hazard_list[hazard].name}" + ("" if grade is None else f", grade {grade}")
        for hazard, grade, _ in symbolic.thresholds
    )


def _values(job: Job, made: Trajectories, here: Patients) -> np.ndarray:
    """The outputs, from states."""
    symbolic = job.source.model.symbolic
    values = np.empty((*made.states.shape[:2], len(job.outputs)))
    seen = [n for n, name in enumerate(job.outputs) if name in symbolic.observables]
    if seen:
        given = inputs_at(symbolic, here.inputs, job.times) if here.inputs else None
        names = [job.outputs[n] for n in seen]
        values[:, :, seen] = job.source.model.observe(names, made.states, here.constants, job.times, given)
    for n, name in enumerate(job.outputs):
        if n not in seen:
            values[:, :, n] = made.states[:, :, symbolic.states.index(name)]
    return values


def check_outputs(model: Any, outputs: tuple[str, ...]) -> list[str]:
    """The unit of each output; an observable goes before a state of its name.

    Raises: SimulationError for a name that is neither a state nor an observable.
    """
    from opsonin.model.trace import unknown

    symbolic = model.symbolic
    units = dict(zip(symbolic.species, symbolic.species_units, strict=True))
    known = {name: units.get(name, "dimensionless") for name in symbolic.states}
    known |= {name: seen.part.unit for name, seen in symbolic.observables.items()}
    for name in outputs:
        if name not in known:
            raise SimulationError(f"the output {name!r} is asked for, {unknown(name, known)}")
    if not outputs:
        raise SimulationError(f"no output is asked for; name some of {', '.join(known)}.")
    if len(set(outputs)) < len(outputs):
        raise SimulationError(f"an output is named twice in {', '.join(outputs)}.")
    return [known[name] for name in outputs]
