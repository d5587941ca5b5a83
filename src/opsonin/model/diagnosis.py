"""Why a model's rates have no value in a state: which constant, process or quantity, and what stands in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import sympy

if TYPE_CHECKING:
    from opsonin.model.symbolic import SymbolicModel

MOST_NAMES = 6  # values that a message lists


def what_is_undefined(
    symbolic: SymbolicModel,
    constants: np.ndarray,
    state: np.ndarray,
    day: float,
    inputs: np.ndarray | None = None,
    dated: bool = True,
) -> str:
    """In words what is infinite or no number for one patient; "" where everything has a value.

    inputs: the values of the model's inputs on that day; the defaults where None.   dated: say on which day.
    """
    on_day = f" on day {day:g}" if dated else ""
    given = [each.default for each in symbolic.inputs] if inputs is None else inputs
    for kind, names, values in (
        ("constant", symbolic.constants, constants),
        ("state", symbolic.states, state),
        ("input", [each.name for each in symbolic.inputs], given),
    ):
        for name, value in zip(names, values, strict=True):
            if not np.isfinite(value):
                return f"{kind} {name!r} is {value:g}{on_day}"
    known = {symbol.name: np.float64(value) for symbol, value in zip(symbolic.constant_symbols, constants, strict=True)}
    known |= {symbol.name: np.float64(value) for symbol, value in zip(symbolic.state_symbols, state, strict=True)}
    known |= {each.name: np.float64(value) for each, value in zip(symbolic.inputs, given, strict=True)}
    known[symbolic.time.name] = np.float64(day)
    for key in symbolic.coherent:
        if key.startswith(("process ", "hazard ")):
            causes: list[str] = []
            value = _value(symbolic, key, known, causes)
            if not np.isfinite(value):
                return f"{_named(key)} is {value:g}{on_day}{_because(symbolic, key, known, causes)}"
    rates = _numbers(list(symbolic.rates), known)
    for name, value in zip(symbolic.states, rates, strict=True):
        if not np.isfinite(value):
            return f"the rate of state {name!r} is {value:g}{on_day}"
    return ""


def _because(symbolic: SymbolicModel, key: str, known: dict[str, Any], causes: list[str]) -> str:
    """The law at fault, the innermost one that is undefined, with the values of what it names."""
    culprit = causes[0]
    law = symbolic.written.get(culprit, symbolic.coherent[culprit])
    names = sorted(symbol.name for symbol in law.free_symbols)
    values = ", ".join(f"{name} = {known[name]:g}" for name in names[:MOST_NAMES])
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    through = "" if culprit == key else f", since {_named(culprit)} is {known[culprit.split(' ', 1)[1]]:g}"
    return f"{through}: {law}" + (f", where {values}{more}" if names else "")


def _value(symbolic: SymbolicModel, key: str, known: dict[str, Any], causes: list[str]) -> Any:
    """The value of a law; appends to causes the laws without a value, what they depend on first."""
    law = symbolic.coherent[key]
    for name in sorted(symbol.name for symbol in law.free_symbols):
        if name not in known:
            inner = next(f"{kind} {name}" for kind in ("quantity", "signal") if f"{kind} {name}" in symbolic.coherent)
            known[name] = _value(symbolic, inner, known, causes)
        elif not np.isfinite(known[name]):  # found already, for another law
            causes += [key for key in (f"quantity {name}", f"signal {name}") if key in symbolic.coherent]
    value = _numbers([law], known)[0]
    if not np.isfinite(value):
        causes.append(key)
    return value


def _numbers(laws: list[Any], known: dict[str, Any]) -> list[Any]:
    symbols = sorted({symbol for law in laws for symbol in law.free_symbols}, key=lambda symbol: symbol.name)
    with np.errstate(all="ignore"):
        made = sympy.lambdify(symbols, laws, modules="numpy")(*(known[symbol.name] for symbol in symbols))
    return [np.float64(value) for value in made]


def _named(key: str) -> str:
    kind, name = key.split(" ", 1)
    return f"{kind} {name!r}"
