"""Local sensitivities: how states and observables of each patient would change with their parameters.

By forward equations, exact but for the solver's tolerance: see `opsonin.model.sensitivity`. A patient and a parameter
are a row of one simulation, with their own steps, in which the derivative's error is held as the state's is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from opsonin.errors import ModelError, RegimenError, SimulationError
from opsonin.model.derived import completed
from opsonin.simulate.inputs import InputSeries, inputs_at
from opsonin.simulate.schedule import Schedule
from opsonin.simulate.simulation import simulate
from opsonin.simulate.trajectories import Failure

if TYPE_CHECKING:
    from opsonin.model.sensitivity import TangentModel

MOST_BYTES = 2.0e8  # of trajectories held at a time


@dataclass(frozen=True)
class Sensitivities:
    """What n patients show at T times, and its derivatives by P parameters.

    names: states and observables asked for.   values: in their units.   derivatives: d value / d parameter, in the
    value's unit per the parameter's.   constants: the parameters' values in each patient.
    failures: patients whose integration stopped, with the parameter; they are NaN there.
    switches: see `opsonin.model.sensitivity.TangentModel`.
    """

    times: Float[np.ndarray, " time"]
    names: tuple[str, ...]
    parameters: tuple[str, ...]
    values: Float[np.ndarray, "patient time name"]
    derivatives: Float[np.ndarray, "patient time name parameter"]
    constants: Float[np.ndarray, "patient parameter"]
    failures: list[Failure]
    switches: tuple[str, ...]

    def of(self, name: str) -> Float[np.ndarray, "patient time parameter"]:
        """The derivatives of one state or observable. Raises: KeyError listing the names."""
        return self.derivatives[:, :, self._index(name)]

    def relative(self, name: str) -> Float[np.ndarray, "patient time parameter"]:
        """Elasticities: by how many percent the value changes with one percent of each parameter.

        NaN where the value is 0.   Raises: KeyError listing the names.
        """
        index = self._index(name)
        value = self.values[:, :, index, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(value == 0, np.nan, self.of(name) * self.constants[:, None, :] / value)

    def _index(self, name: str) -> int:
        if name not in self.names:
            raise KeyError(f"no sensitivity of {name!r}; asked for were {', '.join(self.names)}")
        return self.names.index(name)


def sensitivities(
    model: Any,
    constants: Float[np.ndarray, "patient constant"],
    schedule: Schedule,
    times: Float[np.ndarray, " time"],
    parameters: Sequence[str],
    *,
    outputs: Sequence[str] | None = None,
    start: float | int | None = None,
    initial_state: Float[np.ndarray, "patient state"] | None = None,
    method: str = "auto",
    rtol: float = 1e-5,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    inputs: Sequence[InputSeries] = (),
) -> Sensitivities:
    """The derivatives of outputs by parameters along each patient's course.

    parameters: names among model.symbolic.constants.   outputs: states and observables; all of both where None.
    initial_state: taken as given, whatever the parameters; where None the model's own, whose derivatives count too.
    A dose of the schedule counts with the derivative of the fraction that arrives.
    The other arguments are those of `simulate`, as is what is raised; also ModelError for names that are unknown and
    laws without a derivative, SimulationError for a dose of which nothing arrives though it would with other
    parameters.
    """
    from opsonin.model.sensitivity import tangent

    times = np.asarray(times, float)
    made = tangent(model, parameters)
    names = _outputs(made, outputs)
    if constants.ndim == 2:
        constants = completed(made.base, constants)
    if constants.ndim != 2 or constants.shape[1] != len(made.base.constants):
        raise SimulationError(
            f"constants have shape {constants.shape}; give one row a patient and one column for each of the "
            f"{len(made.base.constants)} of model.symbolic.constants."
        )
    if schedule.patients != len(constants):
        raise SimulationError(f"the schedule is for {schedule.patients} patients, constants for {len(constants)}.")
    own = [n for n in range(len(made.base.constants)) if n not in made.base.derived]
    chosen = constants[:, [made.base.constants.index(name) for name in made.parameters]]
    patients, count = chosen.shape
    values = np.full((patients, len(times), len(names)), np.nan)
    derivatives = np.full((*values.shape, count), np.nan)
    failures: list[Failure] = []
    rows = patients * count
    size = max(8, int(MOST_BYTES / (8 * max(1, len(times)) * len(made.symbolic.states))))
    for first in range(0, rows, size):
        block = np.arange(first, min(rows, first + size))
        patient, parameter = block // count, block % count
        direction = np.zeros((len(block), count))
        step = np.abs(chosen[patient, parameter])
        step[step == 0] = 1.0  # a derivative along 0 would be nothing
        direction[np.arange(len(block)), parameter] = step
        extended = completed(made.symbolic, np.hstack([constants[patient][:, own], direction]))
        given = [series.rows(patient) for series in inputs]
        found = simulate(
            made,
            extended,
            tangent_schedule(made, schedule.rows(patient), extended),
            times,
            start=start,
            initial_state=None if initial_state is None else _extended_state(made, initial_state[patient]),
            method=method,
            rtol=rtol,
            threads=threads,
            progress=None if progress is None else lambda done, _, first=first: progress(first + done, rows),
            inputs=given,
        )
        here, slopes = _evaluated(made, names, found.states, extended, times, given)
        lead = parameter == 0  # the rows of a patient differ by their steps, within the tolerance
        values[patient[lead]] = here[lead]
        derivatives[patient, :, :, parameter] = slopes / step[:, None, None]
        failures += [
            Failure(int(patient[f.patient]), f"with the derivative by {made.parameters[parameter[f.patient]]}: "
                    f"{f.reason}", f.day)
            for f in found.failures
        ]  # fmt: skip
    return Sensitivities(times, names, made.parameters, values, derivatives, chosen, failures, made.switches)


def tangent_schedule(made: TangentModel, schedule: Schedule, constants: Float[np.ndarray, "row constant"]) -> Schedule:
    """The doses, and behind each what it adds to the derivative.

    constants: of the tangent model, with directions.
    Raises: SimulationError where nothing of a dose arrives, so that the schedule does not tell what was given; where
    the moment at which it arrives depends on a parameter; for steady states of doses that do.
    """
    by_place = {dose.administration: dose for dose in made.doses}
    _refuse_timed(made, schedule, by_place)
    source, administration, factors = [], [], []
    for n, place in enumerate(schedule.administration.tolist()):
        source.append(n)
        administration.append(place)
        factors.append(np.ones(len(constants)))
        if place in by_place:
            source.append(n)
            administration.append(by_place[place].derivative)
            factors.append(_of_constants(made, by_place[place].ratio, constants))
    if len(source) == len(schedule.administration):
        return schedule
    ratio = np.stack(factors, axis=1)
    if not np.isfinite(ratio).all():
        row, column = (int(k) for k in np.argwhere(~np.isfinite(ratio))[0])
        agent, route = list(made.symbolic.administrations)[schedule.administration[source[column]]]
        raise SimulationError(
            f"{agent}, {route}: nothing of the dose arrives in row {row} (patient row times parameters), so that its "
            "derivative cannot be told from the schedule; give a fraction above 0."
        )
    doses = len(schedule.administration)
    taken = {
        field.name: array[..., source]
        for field in fields(schedule)
        if isinstance(array := getattr(schedule, field.name), np.ndarray) and array.shape[-1:] == (doses,)
    }
    taken |= {"administration": np.array(administration, dtype=np.int64), "amounts": taken["amounts"] * ratio}
    return replace(_Signed(**{field.name: getattr(schedule, field.name) for field in fields(schedule)}), **taken)


def _refuse_timed(made: TangentModel, schedule: Schedule, by_place: dict[int, Any]) -> None:
    """Raises: SimulationError for doses whose derivative is no dose."""
    keys = list(made.symbolic.administrations)
    for place in np.unique(schedule.administration[(schedule.amounts != 0).any(axis=0)]).tolist():
        if keys[place] in made.timed:
            agent, route = keys[place]
            raise SimulationError(
                f"{agent}, {route}: when its doses arrive depends on {made.timed[keys[place]]}; local sensitivities "
                "are not made for what moves a dose in time. Leave it out, or vary it by a global analysis."
            )
        landing = made.symbolic.administrations[keys[place]]
        mine = schedule.administration == place
        for event in made.base.events if (schedule.durations[..., mine] > 0).any() else ():
            laws = (event.guard, *event.assignments.values())
            if landing.species in event.assignments or any(
                made.base.state_symbols[landing.species] in getattr(law, "free_symbols", ()) for law in laws
            ):
                raise SimulationError(
                    f"{', '.join(keys[place])}: an infusion enters {made.base.states[landing.species]!r}, which event "
                    f"{event.name!r} reads or sets; local sensitivities do not know whether it runs at that moment. "
                    "Give boluses, or vary the parameters by a global analysis."
                )
    marks = schedule.marks
    if marks is None:
        return
    for place in np.unique(marks.administration[np.isfinite(marks.times) & (marks.amounts > 0)]).tolist():
        if place in by_place or keys[place] in made.timed:
            agent, route = keys[place]
            raise SimulationError(
                f"{agent}, {route}: what arrives of a steady-state dose depends on the parameters asked for; give the "
                "doses that lead to the steady state instead."
            )


class _Signed(Schedule):
    """A schedule whose amounts may be negative, as what a dose adds to a derivative may be."""

    def __post_init__(self) -> None:
        if not np.isfinite(self.amounts).all():
            raise RegimenError("a dose's derivative is not a number; look at the administration's fraction.")


def _of_constants(made: TangentModel, expression: Any, constants: np.ndarray) -> np.ndarray:
    import sympy

    used = sorted(expression.free_symbols, key=lambda symbol: symbol.name)
    columns = [constants[:, made.symbolic.constants.index(symbol.name)] for symbol in used]
    with np.errstate(all="ignore"):
        value = sympy.lambdify(used, expression, modules="numpy")(*columns)
    return np.broadcast_to(np.asarray(value, float), (len(constants),))


def _outputs(made: TangentModel, outputs: Sequence[str] | None) -> tuple[str, ...]:
    from opsonin.model.trace import unknown

    states, observables = made.base.states, tuple(made.base.observables)
    if outputs is None:
        return (*states, *(name for name in observables if name not in states))
    for name in outputs:
        if name not in states and name not in observables:
            known = dict.fromkeys([*observables, *states])
            raise ModelError(f"sensitivity of {name!r} is asked for, {unknown(name, known)}")
    return tuple(outputs)


def _extended_state(made: TangentModel, given: np.ndarray) -> np.ndarray:
    """A state to start from, with derivatives of 0."""
    species = len(made.base.species)
    nothing = np.zeros((len(given), len(made.symbolic.species) - species))
    return np.hstack([given[:, :species], nothing, given[:, species:]])


def _evaluated(
    made: TangentModel,
    names: Sequence[str],
    states: np.ndarray,
    constants: np.ndarray,
    times: np.ndarray,
    inputs: Sequence[InputSeries],
) -> tuple[np.ndarray, np.ndarray]:
    """Values and derivatives of the outputs; an observable goes before a state of the same name."""
    from opsonin.model.sensitivity import DERIVATIVE

    values = np.empty((*states.shape[:2], len(names)))
    slopes = np.empty_like(values)
    read = inputs_at(made.symbolic, inputs, times)
    for n, name in enumerate(names):
        if name in made.base.observables:
            seen = made.observe([name, DERIVATIVE + name], states, constants, times, read)
            values[:, :, n], slopes[:, :, n] = seen[:, :, 0], seen[:, :, 1]
            continue
        index = made.base.states.index(name)
        column = int(made.columns[index])
        values[:, :, n] = states[:, :, made.symbolic.states.index(name)]
        slopes[:, :, n] = 0.0 if column < 0 else states[:, :, column]
        slopes[:, :, n][np.isnan(values[:, :, n])] = np.nan
    return values, slopes
