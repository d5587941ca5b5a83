"""The traced model: SymPy expressions in coherent units, from which everything else is made."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import sympy
from jaxtyping import Float

from opsonin.errors import ModelError
from opsonin.model.derived import completed
from opsonin.model.dimensions import DIMENSIONLESS, Unit, multiply, text_of, unit_of
from opsonin.model.gradient import Gradient
from opsonin.model.parts import (
    Administration,
    Covariate,
    Derived,
    Hazard,
    Observable,
    Parameter,
    Process,
    Species,
)
from opsonin.model.trace import place, unknown
from opsonin.model.trace_changes import SymbolicEvent, SymbolicInput, trace_events, trace_inputs
from opsonin.model.tracer import Tracer

if TYPE_CHECKING:
    from opsonin.model.module import Model

GRAMMAR = "1"  # part of every content hash: raise it when the same laws come to give other rates or derivatives
PER_DAY: Unit = multiply(DIMENSIONLESS, unit_of("day"), -1)


class Observed(NamedTuple):
    """An observable and its expression of states, constants and time, in the observable's unit."""

    part: Observable
    expression: Any


class Landing(NamedTuple):
    """Where a dose lands. Species amount = (dose in dose_unit) × unit_factor × fraction; both of constants only.

    unit is the species'; dose_unit is the same where unit_factor is None.  lag and duration in days, rate in the
    species' unit per day: the modelled ones, for doses whose length is not prescribed, or None.
    """

    species: int
    fraction: Any
    unit_factor: Any | None
    unit: str
    dose_unit: str
    lag: Any = 0.0
    duration: Any | None = None
    rate: Any | None = None


@dataclass(frozen=True, eq=False)
class SymbolicModel:
    """States are the species, then "cumulative <hazard>" of every hazard; constants: parameters, covariates, derived.

    derived: index of each derived constant -> its expression of given ones and of those before it.

    rates and initial have one expression for each state, in the species' unit (per day for rates), with quantities
    and signals put in. typical holds the parameters' values and the covariates' typical ones.
    stoichiometry: process -> species -> what its rate is multiplied by to be in that species' unit per day.
    inputs: their symbols stand in rates, events and observables beside states, constants and time.
    written, coherent: laws before quantities and signals are put in, as the author wrote them and with unit factors.
    """

    species: tuple[str, ...]
    hazards: tuple[str, ...]
    constants: tuple[str, ...]
    species_units: tuple[str, ...]
    constant_units: tuple[str, ...]
    typical: Float[np.ndarray, " constant"]
    time: Any
    state_symbols: tuple[Any, ...]
    constant_symbols: tuple[Any, ...]
    rates: tuple[Any, ...]
    initial: tuple[Any, ...]
    observables: dict[str, Observed]
    administrations: dict[tuple[str, str], Landing]
    hazard_list: tuple[Hazard, ...]
    species_list: tuple[Species, ...]
    stoichiometry: dict[str, dict[str, Any]]
    written: dict[str, Any] = field(repr=False)
    coherent: dict[str, Any] = field(repr=False)
    written_units: dict[str, Unit | None] = field(repr=False)
    events: tuple[SymbolicEvent, ...] = ()
    inputs: tuple[SymbolicInput, ...] = ()
    derived: dict[int, Any] = field(default_factory=dict, repr=False)
    functions: dict[Any, Any] = field(default_factory=dict, repr=False)  # NumPy functions, made on first use

    @property
    def states(self) -> tuple[str, ...]:
        """Names of all states, in order."""
        return (*self.species, *(f"cumulative {name}" for name in self.hazards))

    @property
    def thresholds(self) -> list[tuple[int, int | None, float]]:
        """(hazard index, grade or None, share) of everything a patient's exponential draws are compared with."""
        return [(n, grade, share) for n, hazard in enumerate(self.hazard_list) for grade, share in hazard.thresholds]

    @cached_property
    def jacobian(self) -> dict[tuple[int, int], Any]:
        """(i, j) -> the derivative of rate i by state j, where it is not zero."""
        index = {symbol: j for j, symbol in enumerate(self.state_symbols)}
        return {
            (i, index[symbol]): partial
            for i, partials in enumerate(self._gradients)
            for symbol, partial in sorted(partials.items(), key=lambda item: index.get(item[0], -1))
            if symbol in index
        }

    @cached_property
    def time_derivatives(self) -> dict[int, Any]:
        """i -> the partial derivative of rate i by time, where it is not zero."""
        return {i: partials[self.time] for i, partials in enumerate(self._gradients) if self.time in partials}

    @cached_property
    def input_derivatives(self) -> dict[tuple[int, int], Any]:
        """(i, k) -> the partial derivative of rate i by input k, where it is not zero: what a slope in time adds."""
        index = {given.symbol: k for k, given in enumerate(self.inputs)}
        return {
            (i, index[symbol]): partial
            for i, partials in enumerate(self._gradients)
            for symbol, partial in partials.items()
            if symbol in index
        }

    @cached_property
    def _gradients(self) -> list[dict[Any, Any]]:
        gradient = Gradient({*self.state_symbols, self.time, *(given.symbol for given in self.inputs)})
        return [gradient.of(rate) for rate in self.rates]

    @cached_property
    def absolute_scale(self) -> Float[np.ndarray, " state"]:
        """A typical size of every state, for absolute tolerances: `scale` of a species, its initial value, or 1."""
        from opsonin.model.evaluate import typical_initial

        initial = np.abs(typical_initial(self))
        given = [species.scale for species in self.species_list] + [None] * len(self.hazards)
        fallback = np.where(initial > 0, initial, 1.0)
        return np.array([size if scale is None else scale for size, scale in zip(fallback, given, strict=True)], float)

    @cached_property
    def content_hash(self) -> str:
        """Names what is integrated: states, constants and rates; the same in every process and on every machine.

        Values, sources and texts are left out, since kernels do not depend on them.
        """
        lines = [GRAMMAR, ", ".join(self.states), ", ".join(self.constants)]
        lines += [f"{name} = {sympy.srepr(law)}" for name, law in self.coherent.items()]
        lines += [
            f"{process}, {species}: {sympy.srepr(coefficient)}"
            for process, ends in self.stoichiometry.items()
            for species, coefficient in ends.items()
        ]
        lines += [f"{given.name}: {given.interpolation}" for given in self.inputs]
        lines += [f"derived {self.constants[n]}" for n in self.derived]
        lines += [
            f"{event.name} {event.direction:+d} {sympy.srepr(event.guard)} "
            + ", ".join(f"{i}: {sympy.srepr(value)}" for i, value in event.assignments.items())
            for event in self.events
        ]
        return blake2b("\n".join(lines).encode(), digest_size=16).hexdigest()


def trace_model(model: Model) -> SymbolicModel:
    """Evaluates every law once on symbols, checks names and dimensions, and puts the equations together.

    Raises: ModelError.
    """
    tracer = Tracer(model)
    species = [part for part, _ in model.parts(Species)]
    hazards = [part for part, _ in model.parts(Hazard)]
    constants = [part for part, _ in model.parts(Parameter)] + [part for part, _ in model.parts(Covariate)]
    given = len(constants)
    derived = {part.name: part for part, _ in model.parts(Derived)}
    constants += [derived[symbol.name] for symbol in tracer.derived]
    constant_symbols = tuple(tracer.symbols[part.name] for part in constants)
    stoichiometry, rates = _processes(model, tracer, [part.name for part in species])
    for hazard, module in model.parts(Hazard):
        key = f"hazard {hazard.name}"
        tracer.add(key, hazard.rate, hazard, module)
        rates.append(tracer.full(tracer.inside(key, PER_DAY, hazard, module, "a hazard's rate")))
    observables = {}
    for part, module in model.parts(Observable):
        key = f"observable {part.name}"
        tracer.add(key, part.expression, part, module)
        expression = tracer.inside(key, tracer.unit(part.unit, part, module), part, module, "its unit")
        observables[part.name] = Observed(part, tracer.full(expression))
    hazard_symbols = tuple(sympy.Symbol(f"cumulative {part.name}", real=True) for part in hazards)
    integrated = [key for key in tracer.coherent if key.startswith(("quantity ", "signal ", "process ", "hazard "))]
    made = SymbolicModel(
        species=tuple(part.name for part in species),
        hazards=tuple(part.name for part in hazards),
        constants=tuple(part.name for part in constants),
        species_units=tuple(part.unit for part in species),
        constant_units=tuple(part.unit for part in constants),
        typical=np.array([_typical(part) for part in constants], float),
        time=tracer.time,
        state_symbols=(*(tracer.symbols[part.name] for part in species), *hazard_symbols),
        constant_symbols=constant_symbols,
        rates=tuple(rates),
        initial=(*_initial(model, tracer), *[sympy.Integer(0)] * len(hazards)),
        observables=observables,
        administrations=_administrations(model, tracer, [part.name for part in species]),
        hazard_list=tuple(hazards),
        species_list=tuple(species),
        stoichiometry=stoichiometry,
        written=tracer.written,
        coherent={key: tracer.coherent[key] for key in integrated},
        written_units=tracer.written_units,
        events=trace_events(model, tracer),
        inputs=trace_inputs(model, tracer),
        derived=dict(enumerate(tracer.derived.values(), start=given)),
    )
    return replace(made, typical=completed(made, made.typical[None, :])[0]) if made.derived else made


def _typical(part: Parameter | Covariate | Derived) -> float:
    """The typical value; of a derived constant nothing yet."""
    if isinstance(part, Derived):
        return np.nan
    return float(part.value if isinstance(part, Parameter) else part.typical)


def _processes(model: Model, tracer: Tracer, species: list[str]) -> tuple[dict[str, dict[str, Any]], list[Any]]:
    """The stoichiometry, and for each species the sum of stoichiometry times rates."""
    stoichiometry: dict[str, dict[str, Any]] = {}
    terms: dict[str, list[Any]] = {name: [] for name in species}
    for process, module in model.parts(Process):
        key = f"process {process.name}"
        rate = tracer.add(key, process.rate, process, module)
        ends = stoichiometry[process.name] = {}
        for n, (name, sign, coefficient) in enumerate(process.stoichiometry):
            if name not in terms:
                verb = "consumes" if sign < 0 else "produces"
                raise ModelError(f"{place(process, module)} {verb} {name!r}, {unknown(name, tracer.of_kind(Species))}")
            factor = tracer.coefficient(f"{key}, coefficient {n}", coefficient, rate.unit, name, process, module)
            ends[name] = ends.get(name, sympy.Integer(0)) + sign * tracer.full(factor)
        full = tracer.full(rate.expression)
        for name, factor in ends.items():
            terms[name].append(factor * full)
    return stoichiometry, [sympy.Add(*each) for each in terms.values()]


def _initial(model: Model, tracer: Tracer) -> list[Any]:
    found = []
    for species, module in model.parts(Species):
        unit = tracer.unit(species.unit, species, module)
        if not callable(species.initial):
            found.append(sympy.sympify(species.initial))
            continue
        key = f"initial {species.name}"
        tracer.add(key, species.initial, species, module)
        found.append(tracer.constant(key, unit, species, module, "its initial value"))
    return found


def _administrations(model: Model, tracer: Tracer, species: list[str]) -> dict[tuple[str, str], Landing]:
    landings = {}
    for part, module in model.parts(Administration):
        if part.into not in species:
            known = tracer.of_kind(Species)
            raise ModelError(f"{place(part, module)} lands in {part.into!r}, {unknown(part.into, known)}")
        index = species.index(part.into)
        unit = dose_unit = model.parts(Species)[index][0].unit
        fraction, factor = part.fraction, None
        if callable(fraction):
            key = f"fraction of {part.name}"
            tracer.add(key, fraction, part, module)
            fraction = tracer.constant(key, DIMENSIONLESS, part, module, "its fraction")
        if part.unit_factor is not None:
            key = f"unit factor of {part.name}"
            own = tracer.add(key, part.unit_factor, part, module).unit or DIMENSIONLESS
            factor = tracer.constant(key, own, part, module, "its unit factor")
            dose_unit = text_of(multiply(unit_of(unit), own, -1))
        days, per_day = unit_of("day"), multiply(unit_of(unit), unit_of("day"), -1)
        lag, duration, rate = (
            _timing(tracer, part, module, what, needed)
            for what, needed in (("lag", days), ("duration", days), ("rate", per_day))
        )
        landings[part.agent, part.route] = Landing(
            index, sympy.sympify(fraction), factor, unit, dose_unit, lag, duration, rate
        )
    return landings


def _timing(tracer: Tracer, part: Administration, module: str, what: str, unit: Unit) -> Any:
    """An administration's lag, duration or rate of constants, in this unit; None where it has none."""
    law = getattr(part, what)
    if not callable(law):
        return None if law is None else sympy.sympify(law)
    tracer.add(f"{what} of {part.name}", law, part, module)
    return tracer.constant(f"{what} of {part.name}", unit, part, module, f"its {what}")
