"""Traces the laws of one model: names to symbols, units to factors, quantities and signals in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sympy

from opsonin.errors import ModelError, UnitError
from opsonin.model.checks import TIME
from opsonin.model.derived import in_order
from opsonin.model.dimensions import (
    DIMENSIONLESS,
    DimensionError,
    Measured,
    Unit,
    convert,
    measure,
    multiply,
    short,
    unit_of,
)
from opsonin.model.parts import (
    SYMBOLS,
    Covariate,
    Derived,
    Law,
    Modulation,
    Number,
    Parameter,
    Part,
    Quantity,
    Signal,
)
from opsonin.model.trace import place, trace_law, undeclared, written_at

if TYPE_CHECKING:
    from opsonin.model.module import Model


class Tracer:
    """Symbols, units and definitions of a model, and the laws traced so far by key ("process elimination")."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.time: Any = sympy.Symbol(TIME, real=True)
        self.symbols: dict[str, Any] = {}
        self.units: dict[Any, Unit] = {self.time: unit_of("day")}
        # Real, not positive: a solver may carry a state a hair below zero, and of a positive x SymPy drops Max(x, 0).
        for part, module in model.parts(*SYMBOLS):
            self.symbols[part.name] = sympy.Symbol(part.name, real=True)
            self.units[self.symbols[part.name]] = self.unit(part.unit, part, module)
        self.names = {TIME: self.time, **self.symbols}
        self.written: dict[str, Any] = {}
        self.written_units: dict[str, Unit | None] = {}
        self.coherent: dict[str, Any] = {}
        self.lines: dict[str, str] = {}  # where each law stands, for messages
        self.derived: dict[Any, Any] = {}
        self._resolved = _resolve(self._quantities() | self._signals())
        self.derived = self._derived()

    def of_kind(self, kind: type) -> dict[str, Any]:
        """The symbols of the parts of one kind, by name."""
        return {part.name: self.symbols[part.name] for part, _ in self.model.parts(kind)}

    def unit(self, text: str, part: Part, module: str) -> Unit:
        """The unit of a part. Raises: ModelError naming the part where it cannot be read."""
        try:
            return unit_of(text)
        except UnitError as problem:
            raise ModelError(f"{place(part, module)}: {problem}") from problem

    def add(self, key: str, law: Law, part: Part, module: str) -> Measured:
        """Traces a law and walks its units; keeps it as written under the key."""
        written = trace_law(law, self.names, part, module)
        self.lines[key] = written_at(law)
        try:
            measured = measure(written, self.units)
        except DimensionError as problem:
            raise ModelError(f"{place(part, module)}{self.lines[key]} {problem}.") from problem
        self.written[key], self.written_units[key] = written, measured.unit
        self.coherent[key] = measured.expression
        return measured

    def inside(self, key: str, unit: Unit, part: Part, module: str, role: str) -> Any:
        """The law of the key converted to a unit, before quantities and signals are put in."""
        given = self.written_units[key]
        try:
            self.coherent[key] = convert(Measured(self.coherent[key], given), unit)
        except DimensionError as problem:
            raise ModelError(
                f"{place(part, module)}{self.lines[key]} gives {short(given)}, but {role} must be in {short(unit)}: "
                f"{self.written[key]}"
            ) from problem
        self.written_units[key] = unit
        return self.coherent[key]

    def coefficient(
        self, key: str, coefficient: Number | Law, rate: Unit | None, species: str, part: Part, module: str
    ) -> Any:
        """What a process's rate is multiplied by to be in the species' unit per day."""
        if callable(coefficient):
            measured = self.add(key, coefficient, part, module)
        else:
            measured = Measured(sympy.sympify(coefficient), DIMENSIONLESS)
        if rate is None or measured.unit is None:
            return measured.expression
        given, own = multiply(rate, measured.unit), self.units[self.symbols[species]]
        needed = multiply(own, unit_of("day"), -1)
        try:
            return convert(Measured(measured.expression, given), needed)
        except DimensionError as problem:
            where = place(part, module) + self.lines[f"process {part.name}"]
            with_coefficient = " with its coefficient" if measured.unit else ""
            raise ModelError(
                f"{where} has a rate that gives {short(given)}{with_coefficient}, but species {species!r} in "
                f"{short(own)} needs {short(needed)} or a multiple of it; a coefficient, as in {{{species!r}: …}}, "
                "may convert."
            ) from problem

    def constant(self, key: str, unit: Unit, part: Part, module: str, role: str) -> Any:
        """The law of the key in a unit, of parameters and covariates only. Raises: ModelError naming what varies."""
        expression = self.full(self.inside(key, unit, part, module, role))
        allowed = {*self.of_kind(Parameter).values(), *self.of_kind(Covariate).values(), *self.derived}
        varying = sorted(symbol.name for symbol in expression.free_symbols - allowed)
        if varying:
            raise ModelError(
                f"{place(part, module)}: {role} depends on {', '.join(varying)}, which changes in time; it may use "
                "parameters, covariates and quantities made of those."
            )
        return expression

    def full(self, expression: Any) -> Any:
        """The expression with quantities and signals put in: of states, constants and time."""
        return expression.xreplace(self._resolved)

    def _quantities(self) -> dict[Any, Any]:
        """Quantities by symbol, in their units, not yet put into one another."""
        found = {}
        for quantity, module in self.model.parts(Quantity):
            key, symbol = f"quantity {quantity.name}", self.symbols[quantity.name]
            self.add(key, quantity.expression, quantity, module)
            known = self.derived if isinstance(quantity, Derived) else found
            known[symbol] = self.inside(key, self.units[symbol], quantity, module, "its unit")
        return found

    def _derived(self) -> dict[Any, Any]:
        """Derived constants by symbol, each of given constants and of those before it."""
        parts = {self.symbols[part.name]: (part, module) for part, module in self.model.parts(Derived)}
        definitions = {
            symbol: self.constant(f"quantity {part.name}", self.units[symbol], part, module, "a derived constant")
            for symbol, (part, module) in parts.items()
        }
        return {symbol: definitions[symbol] for symbol in in_order(definitions)}

    def _signals(self) -> dict[Any, Any]:
        """Signals by symbol: their modulations combined, or what is neutral."""
        contributions: dict[str, list[Any]] = {}
        for signal, module in self.model.parts(Signal):
            contributions[signal.name] = []
            if signal.combine == "product" and self.units[self.symbols[signal.name]] != DIMENSIONLESS:
                raise ModelError(
                    f"{place(signal, module)} combines factors, so it is dimensionless, not {signal.unit}."
                )
        for number, (modulation, module) in enumerate(self.model.parts(Modulation)):
            name = modulation.signal
            if name not in contributions:
                raise ModelError(
                    f"module {module!r} modulates signal {name!r}{written_at(modulation.by)}, "
                    f"{undeclared(name, contributions)}"
                )
            key = f"modulation {number} of {name}"
            self.add(key, modulation.by, modulation, module)
            unit = self.units[self.symbols[name]]
            contributions[name].append(self.inside(key, unit, modulation, module, "a contribution to this signal"))
        for signal, _ in self.model.parts(Signal):
            combine = sympy.Mul if signal.combine == "product" else sympy.Add
            self.coherent[f"signal {signal.name}"] = combine(*contributions[signal.name])
        return {self.symbols[name]: self.coherent[f"signal {name}"] for name in contributions}


def _resolve(definitions: dict[Any, Any]) -> dict[Any, Any]:
    """Each definition in terms of states, constants and time. Raises: ModelError naming a circle."""
    resolved: dict[Any, Any] = {}
    path: list[Any] = []

    def visit(symbol: Any) -> None:
        if symbol in resolved or symbol not in definitions:
            return
        if symbol in path:
            circle = [s.name for s in [*path[path.index(symbol) :], symbol]]
            raise ModelError(
                f"quantities and signals are defined in a circle: {' → '.join(circle)}; let one of them depend on "
                "species instead."
            )
        path.append(symbol)
        for inner in sorted(definitions[symbol].free_symbols, key=lambda s: s.name):
            visit(inner)
        path.pop()
        resolved[symbol] = definitions[symbol].xreplace(resolved)

    for symbol in definitions:
        visit(symbol)
    return resolved
