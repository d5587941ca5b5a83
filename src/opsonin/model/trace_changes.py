"""Inputs and events of a model, traced: what is given from outside, and when the state jumps to what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import sympy

from opsonin.errors import ModelError
from opsonin.model.changes import Event, Input
from opsonin.model.parts import Covariate, Parameter, Species
from opsonin.model.trace import place, unknown

if TYPE_CHECKING:
    from opsonin.model.module import Model
    from opsonin.model.tracer import Tracer


class SymbolicInput(NamedTuple):
    """An input; `symbol` stands for its value of the moment in rates, guards and observables, in its unit."""

    name: str
    unit: str
    default: float
    interpolation: str
    symbol: Any


class SymbolicEvent(NamedTuple):
    """An event. The guard, of states, constants, inputs and time, passes nought in the `direction` (0: in either);
    then each state of `assignments` (index: expression, in its unit) takes the value computed just before."""

    name: str
    guard: Any
    direction: int
    assignments: dict[int, Any]


def trace_inputs(model: Model, tracer: Tracer) -> tuple[SymbolicInput, ...]:
    """The inputs in order of declaration."""
    return tuple(
        SymbolicInput(part.name, part.unit, float(part.default), part.interpolation, tracer.symbols[part.name])
        for part, _ in model.parts(Input)
    )


def trace_events(model: Model, tracer: Tracer) -> tuple[SymbolicEvent, ...]:
    """The events in order of declaration.

    Raises: ModelError naming the event where its condition can never change, where it sets what is no species, or in
    a unit that does not fit.
    """
    species = tracer.of_kind(Species)
    lasting = {*tracer.of_kind(Parameter).values(), *tracer.of_kind(Covariate).values()}
    traced = []
    for event, module in model.parts(Event):
        key = f"event {event.name}"
        guard = tracer.full(tracer.add(f"{key}, when", event.when, event, module).expression)
        if not guard.free_symbols - lasting:
            raise ModelError(
                f"{place(event, module)}: its condition, {tracer.written[f'{key}, when']}, depends on nothing that "
                "changes; it must use the time `t`, a species or an input."
            )
        assignments = {}
        for n, (name, law) in enumerate(event.do.items()):
            if name not in species:
                raise ModelError(f"{place(event, module)} sets {name!r}, {unknown(name, species)}")
            value: Any = law if callable(law) else sympy.sympify(law)
            if callable(law):
                tracer.add(f"{key}, do {n}", law, event, module)
                unit = tracer.units[species[name]]
                value = tracer.full(tracer.inside(f"{key}, do {n}", unit, event, module, f"what it sets {name!r} to"))
            assignments[list(species).index(name)] = value
        traced.append(SymbolicEvent(event.name, guard, int(event.direction), assignments))
    return tuple(traced)
