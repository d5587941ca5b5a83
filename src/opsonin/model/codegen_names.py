"""A model's expressions in plain symbols y0…, p0…, t, and what of them needs care where a state is nought."""

from __future__ import annotations

from typing import Any

from opsonin.errors import ModelError
from opsonin.model import codegen_events
from opsonin.model.expressions import FUNCTIONS


def canonical_names(symbolic: Any, row: dict[int, int]) -> dict[str, Any]:
    """Plain symbols y0…, p0…, t for the model's names, so that no name of a model can clash with the code."""
    import sympy

    names = {state: sympy.Symbol(f"y{row[i]}", real=True) for i, state in enumerate(symbolic.states)}
    names |= {constant: sympy.Symbol(f"p{i}", real=True) for i, constant in enumerate(symbolic.constants)}
    names[symbolic.time.name] = sympy.Symbol("t", real=True)
    return names | codegen_events.input_names(symbolic)


def canonical(expr: Any, names: dict[str, Any], state: str) -> Any:
    """An expression in the plain symbols. Raises: ModelError, naming the state, for what has no code."""
    import sympy

    expr = sympy.sympify(expr)
    unknown = sorted(symbol.name for symbol in expr.free_symbols if symbol.name not in names)
    if unknown:
        raise ModelError(f"the rate of {state!r} uses {', '.join(unknown)}, which is no state, constant or 't'.")
    odd = [e for e in expr.atoms(sympy.Function, sympy.Derivative, sympy.Subs) if type(e).__name__ not in FUNCTIONS]
    if odd:
        raise ModelError(f"the rate of {state!r} or its derivative holds {odd[0]}, for which there is no code; "
                         f"write it with {', '.join(sorted(FUNCTIONS))}.")  # fmt: skip
    return expr.xreplace({symbol: names[symbol.name] for symbol in expr.free_symbols})


def clipped_states(rates: list[Any], n_bounded: int) -> frozenset[int]:
    """Non-negative states in the base of a fractional power or under a logarithm, outside any Max or Abs."""
    import sympy

    inside = set()
    for rate in rates:
        for power in rate.atoms(sympy.Pow):
            if not power.exp.is_integer:
                inside |= _unguarded(power.base)
        for logarithm in rate.atoms(sympy.log):
            inside |= _unguarded(logarithm.args[0])
    found = {int(symbol.name[1:]) for symbol in inside if symbol.name[0] == "y"}
    return frozenset(i for i in found if i < n_bounded)


def has_roots(rates: list[Any]) -> bool:
    """Whether a rate holds a fractional power or a logarithm, whose slope at nought may be infinite."""
    import sympy

    return any(not power.exp.is_integer for rate in rates for power in rate.atoms(sympy.Pow)) or any(
        rate.has(sympy.log) for rate in rates
    )


def _unguarded(expr: Any) -> set[Any]:
    """Symbols of an expression outside any Max or Abs, which keep what is under them from being negative."""
    import sympy

    if isinstance(expr, sympy.Max | sympy.Abs):
        return set()
    if expr.is_Symbol:
        return {expr}
    return {symbol for arg in expr.args for symbol in _unguarded(arg)}
