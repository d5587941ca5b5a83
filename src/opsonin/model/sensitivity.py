"""A model together with its derivative along a direction of its constants: the forward sensitivity equations.

Of dy/dt = f(t, y, p) with y(start) = g(p), the derivative s along a direction v of the constants obeys

    ds/dt = (df/dy) s + (df/dp) v,      s(start) = (dg/dp) v,

and a dose that adds a(p) to y adds (da/dp) v to s. The derivatives are exact (see gradient.py); y and s together are
a SymbolicModel like any other, so they are generated, compiled and solved like any other, with a Jacobian of blocks
((df/dy, 0), (d(ds/dt)/dy, df/dy)). The direction stands among the constants: one kernel answers for every parameter,
and parameters are rows of a simulation like patients.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import sympy
from jaxtyping import Float, Int

from opsonin.errors import ModelError
from opsonin.model.gradient import FLAT, Gradient
from opsonin.model.parts import Species
from opsonin.model.saltation import across
from opsonin.model.symbolic import Landing, Observed, SymbolicModel
from opsonin.model.trace import unknown

if TYPE_CHECKING:
    from opsonin.model.module import Model

DERIVATION = "1"  # part of the content hash: raise it when the same laws come to give other equations
DERIVATIVE = "derivative of "  # what the names of observables and administrations of the derivative begin with


class DoseDerivative(NamedTuple):
    """A dose into a state whose arriving fraction depends on the parameters.

    administration, derivative: indices into the tangent model's administrations, of the dose and of what it adds to
    the derivative.   ratio: of the second to the first, of constants and directions.
    """

    administration: int
    derivative: int
    ratio: Any


@dataclass(frozen=True, eq=False)
class TangentModel:
    """What `simulate` takes for a model: y, then s, then the cumulative hazards.

    symbolic: constants are the model's, then the direction of each of `parameters`, in the parameter's unit.
    columns: for each of the model's states, where its own derivative stands among `symbolic.states`; -1 where it
    is always 0, since nothing that the parameters touch reaches that state.
    timed: administrations whose lag, or modelled duration or rate, depends on parameters: (agent, route) -> names.
    switches: rates that switch at a moment which the states or the parameters decide. What a jump of a rate there
    adds to the derivatives is left out; where the rate is continuous there is no jump.
    """

    base: SymbolicModel
    parameters: tuple[str, ...]
    symbolic: SymbolicModel
    columns: Int[np.ndarray, " state"]
    doses: tuple[DoseDerivative, ...]
    timed: dict[tuple[str, str], str]
    switches: tuple[str, ...]

    def initial_state(self, constants: Float[np.ndarray, "row constant"]) -> Float[np.ndarray, "row state"]:
        """The state and the derivative that each row starts from."""
        from opsonin.model.evaluate import initial_state

        return initial_state(self.symbolic, constants)

    def observe(
        self,
        names: Sequence[str],
        states: Float[np.ndarray, "row time state"],
        constants: Float[np.ndarray, "row constant"],
        times: Float[np.ndarray, " time"],
        inputs: Mapping[str, Any] | None = None,
    ) -> Float[np.ndarray, "row time observable"]:
        """Observables of the model, and under "derivative of <name>" their derivatives."""
        from opsonin.model.evaluate import observe

        return observe(self.symbolic, names, states, constants, times, inputs)

    def reference(
        self,
        constants: Float[np.ndarray, " constant"],
        events: Sequence[tuple[Any, ...]],
        times: Float[np.ndarray, " time"],
        **options: Any,
    ) -> Float[np.ndarray, "time state"]:
        """One row by the uncompiled path. See `opsonin.model.reference`."""
        from opsonin.model.reference import reference

        whole: Any = self
        return reference(whole, constants, events, times, **options)


def tangent(model: Model | TangentModel | Any, parameters: Sequence[str]) -> TangentModel:
    """The model with its derivative along a direction of these constants (parameters and covariates).

    Made once for a model and these parameters.
    Raises: ModelError for a name that is no constant of the model, or a law without a derivative.
    """
    base: SymbolicModel = model.symbolic
    wanted = checked_parameters(base, parameters)
    key = ("tangent", wanted)
    if key not in base.functions:
        base.functions[key] = _Derivation(base, wanted).model()
    return base.functions[key]


def checked_parameters(base: SymbolicModel, parameters: Sequence[str]) -> tuple[str, ...]:
    """The parameters in the model's order, each once. Raises: ModelError for unknown names, or none at all."""
    if isinstance(parameters, str):
        parameters = [parameters]
    given = [name for n, name in enumerate(base.constants) if n not in base.derived]
    for name in parameters:
        if name not in given:
            known = dict.fromkeys(given)
            raise ModelError(f"sensitivity to parameter {name!r} is asked for, {unknown(name, known)}")
    if not parameters:
        raise ModelError("sensitivity to no parameter at all is asked for; name at least one.")
    return tuple(name for name in given if name in set(parameters))


class _Derivation:
    """One model's equations on the way to those of its derivative."""

    def __init__(self, base: SymbolicModel, parameters: tuple[str, ...]):
        self.base, self.parameters = base, parameters
        taken = {*base.states, *base.constants, base.time.name}
        self.directions = {
            base.constant_symbols[base.constants.index(name)]: _fresh(f"direction_of_{name}", taken)
            for name in parameters
        }
        self.chained = self._chained(taken)
        self.directions |= {symbol: direction for symbol, (direction, _) in self.chained.items()}
        self.gradient = Gradient({*base.state_symbols, *self.directions, base.time})
        self.index = {symbol: i for i, symbol in enumerate(base.state_symbols)}
        self.landings = list(base.administrations.values())
        reached = self._reached()
        names = [f"derivative_of_{_identifier(name)}" for name in base.states]
        self.derivatives = {
            symbol: _fresh(names[i], taken) for i, symbol in enumerate(base.state_symbols) if i in reached
        }

    def model(self) -> TangentModel:
        base, species = self.base, len(self.base.species)
        added = list(self.derivatives.values())
        rates = [self.along(base.rates[self.index[symbol]]) for symbol in self.derivatives]
        initial = [self.along(base.initial[self.index[symbol]]) for symbol in self.derivatives]
        columns = np.full(len(base.states), -1, dtype=np.int64)
        for position, symbol in enumerate(self.derivatives):
            columns[self.index[symbol]] = species + position
        administrations, doses = self._doses(columns)
        places = {symbol: int(columns[self.index[symbol]]) for symbol in self.derivatives}
        symbolic = replace(
            base,
            species=(*base.species, *(symbol.name for symbol in added)),
            constants=(*base.constants, *(symbol.name for symbol in self.directions.values())),
            species_units=(*base.species_units, *self._units()),
            constant_units=(
                *base.constant_units,
                *(base.constant_units[base.constant_symbols.index(symbol)] for symbol in self.directions),
            ),
            typical=np.append(base.typical, np.zeros(len(self.directions))),
            state_symbols=(*base.state_symbols[:species], *added, *base.state_symbols[species:]),
            constant_symbols=(*base.constant_symbols, *self.directions.values()),
            rates=(*base.rates[:species], *rates, *base.rates[species:]),
            initial=(*base.initial[:species], *initial, *base.initial[species:]),
            observables=base.observables
            | {
                DERIVATIVE + name: Observed(observed.part, self.along(observed.expression))
                for name, observed in base.observables.items()
            },
            administrations=administrations,
            species_list=(*base.species_list, *self._species()),
            coherent=base.coherent | {"derivation": sympy.Symbol(f"tangent {DERIVATION}")},
            events=tuple(across(event, base, self.gradient, self.along, places) for event in base.events),
            functions={},
            derived=base.derived
            | dict(enumerate((law for _, law in self.chained.values()), len(base.constants) + len(self.parameters))),
        )
        return TangentModel(base, self.parameters, symbolic, columns, tuple(doses), self._timed(), self._switches())

    def _chained(self, taken: set[str]) -> dict[Any, tuple[Any, Any]]:
        """Derived constants that the parameters reach -> the direction's symbol, and its law by the chain rule."""
        base, known = self.base, dict(self.directions)
        found: dict[Any, tuple[Any, Any]] = {}
        for n, expression in base.derived.items():
            symbol = base.constant_symbols[n]
            terms = [expression.diff(one) * known[one] for one in expression.free_symbols if one in known]
            law = sympy.Add(*terms)
            if law != 0:
                known[symbol] = _fresh(f"direction_of_{symbol.name}", taken)
                found[symbol] = (known[symbol], law)
        return found

    def along(self, expression: Any) -> Any:
        """The derivative of an expression along the direction, by way of the states and directly."""
        terms = []
        for symbol, partial in self.gradient.of(expression).items():
            if symbol in self.directions:
                terms.append(partial * self.directions[symbol])
            elif symbol in self.derivatives:
                terms.append(partial * self.derivatives[symbol])
        return sympy.Add(*terms)

    def _reached(self) -> set[int]:
        """States that the parameters reach: by their rate, initial value or dose, or by way of another state."""
        parameters = set(self.directions)
        partials = [set(self.gradient.of(rate)) for rate in self.base.rates]
        reached = {
            i
            for i, initial in enumerate(self.base.initial)
            if parameters & (partials[i] | set(self.gradient.of(initial)))
        }
        reached |= {landing.species for landing in self.landings if parameters & _arriving(landing).free_symbols}
        told = [set().union(*(law.free_symbols for law in (event.guard, *event.assignments.values())))
                for event in self.base.events]  # fmt: skip
        growing = True
        while growing:
            symbols = {self.base.state_symbols[i] for i in reached}
            more = {i for i, found in enumerate(partials) if found & symbols} - reached
            if any((parameters | symbols) & names for names in told):  # the moment of an event changes all that follows
                more = set(range(len(self.base.states))) - reached
            reached |= more
            growing = bool(more)
        return reached

    def _timed(self) -> dict[tuple[str, str], str]:
        found = {}
        for key, landing in self.base.administrations.items():
            laws = [sympy.sympify(law) for law in (landing.lag, landing.duration, landing.rate) if law is not None]
            names = sorted({s.name for law in laws for s in law.free_symbols if s in self.directions})
            if names:
                found[key] = ", ".join(names)
        return found

    def _doses(self, columns: np.ndarray) -> tuple[dict[tuple[str, str], Landing], list[DoseDerivative]]:
        administrations, doses = dict(self.base.administrations), []
        for place, ((agent, route), landing) in enumerate(self.base.administrations.items()):
            arriving = _arriving(landing)
            slope = self.along(arriving)
            if slope == 0:
                continue
            doses.append(DoseDerivative(place, len(administrations), slope / arriving))
            administrations[DERIVATIVE + agent, route] = landing._replace(
                species=int(columns[landing.species]),
                fraction=sympy.Integer(1),
                unit_factor=None,
                dose_unit=landing.unit,
            )
        return administrations, doses

    def _units(self) -> list[str]:
        """A derivative along a direction has the unit of its state; cumulative hazards have none."""
        units = [*self.base.species_units, *["dimensionless"] * len(self.base.hazards)]
        return [units[self.index[symbol]] for symbol in self.derivatives]

    def _species(self) -> list[Species]:
        scale = self.base.absolute_scale  # the direction is as large as the parameter, so s is about as large as y
        return [
            Species(symbol.name, unit, nonnegative=False, scale=float(scale[self.index[state]]))
            for (state, symbol), unit in zip(self.derivatives.items(), self._units(), strict=True)
        ]

    def _switches(self) -> tuple[str, ...]:
        told = []
        moving = {*self.base.state_symbols, *self.directions}
        for name, rate in zip(self.base.states, self.base.rates, strict=True):
            conditions = [branch[1] for piece in rate.atoms(sympy.Piecewise) for branch in piece.args]
            conditions += [step.args[0] for step in rate.atoms(*FLAT)]
            deciding = sorted({s.name for condition in conditions for s in condition.free_symbols & moving})
            if deciding:
                told.append(f"{name} (by {', '.join(deciding)})")
        return tuple(told)


def _arriving(landing: Landing) -> Any:
    """What of a dose arrives, of constants."""
    return sympy.sympify(landing.fraction) * (1 if landing.unit_factor is None else landing.unit_factor)


def _fresh(name: str, taken: set[str]) -> Any:
    while name in taken:
        name += "_"
    taken.add(name)
    return sympy.Symbol(name, real=True)


def _identifier(name: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in name)
