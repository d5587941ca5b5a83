"""How the derivative of a state crosses an event, at which the state jumps at a moment of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import sympy

from opsonin.errors import ModelError
from opsonin.model.gradient import Gradient

if TYPE_CHECKING:
    from opsonin.model.symbolic import SymbolicModel


def across(
    event: Any, base: SymbolicModel, gradient: Gradient, along: Callable[[Any], Any], places: Mapping[Any, int]
) -> Any:
    """The event with what it does to the derivative.

    gradient: by states, parameters and time.   along: the derivative of an expression along the direction.
    places: where each state's derivative stands among the states, by the state's symbol.

    With y⁺ = g(y, p, t) at the moment τ at which the guard h passes nought,

        s⁺ = (dg/dy) s + (dg/dp) v + ((dg/dy) f + dg/dt − f⁺) dτ,   dτ = −((dh/dy) s + (dh/dp) v) / ((dh/dy) f + dh/dt),

    the saltation matrix (Leine & Nijmeijer 2004, Dynamics and Bifurcations of Non-Smooth Mechanical Systems, 7).
    A guard that does not flow towards nought was carried over it by a dose or by another event: then dτ is 0.
    Raises: ModelError for an event that depends on an input whose slope is not known to the equations.
    """
    _refuse_slopes(event, base)
    index = {symbol: i for i, symbol in enumerate(base.state_symbols)}
    after = {base.state_symbols[i]: value for i, value in event.assignments.items()}

    def flow(expression: Any) -> Any:
        """How fast an expression changes along the model's own course."""
        terms = [
            partial * (1 if symbol == base.time else base.rates[index[symbol]])
            for symbol, partial in gradient.of(expression).items()
            if symbol == base.time or symbol in index
        ]
        return sympy.Add(*terms)

    made = dict(event.assignments)
    delay = _delay(along(event.guard), flow(event.guard), event.direction)
    for symbol, place in places.items():
        new = sympy.sympify(event.assignments.get(index[symbol], symbol))
        made[place] = along(new) + (flow(new) - base.rates[index[symbol]].xreplace(after)) * delay
    return event._replace(assignments=made)


def _delay(moved: Any, flow: Any, direction: int) -> Any:
    """How far the moment moves along the direction."""
    if moved == 0:
        return sympy.Integer(0)
    towards = flow * direction > 0 if direction else sympy.Ne(flow, 0)
    return sympy.Piecewise((-moved / flow, towards), (sympy.Integer(0), sympy.true))


def _refuse_slopes(event: Any, base: SymbolicModel) -> None:
    read = set().union(*(sympy.sympify(law).free_symbols for law in (event.guard, *event.assignments.values())))
    sloping = [given.name for given in base.inputs if given.interpolation == "linear" and given.symbol in read]
    if sloping:
        raise ModelError(
            f"sensitivities through event {event.name!r} would need the slope of input {sloping[0]!r}, on which it "
            "depends; make that input's interpolation 'previous', or leave the event out."
        )
