"""A model's expressions in plain symbols y0…, p0…, t, and what of them needs care where a state is nought."""

from __future__ import annotations

from typing import Any

from opsonin.errors import ModelError
from opsonin.model import codegen_events
from opsonin.model.expressions import FUNCTIONS
from opsonin.model.walks import FreeSymbols, Replaced, parts


def canonical_names(symbolic: Any, row: dict[int, int]) -> dict[str, Any]:
    """Plain symbols y0…, p0…, t for the model's names, so that no name of a model can clash with the code."""
    import sympy

    names = {state: sympy.Symbol(f"y{row[i]}", real=True) for i, state in enumerate(symbolic.states)}
    names |= {constant: sympy.Symbol(f"p{i}", real=True) for i, constant in enumerate(symbolic.constants)}
    names[symbolic.time.name] = sympy.Symbol("t", real=True)
    return names | codegen_events.input_names(symbolic)


class Canonical:
    """Expressions in the plain symbols."""

    def __init__(self, names: dict[str, Any]) -> None:
        self.names = names
        self.symbols = FreeSymbols()
        self.replaced = Replaced({})
        self.fine: set[Any] = set()  # expressions of which everything has code

    def __call__(self, expr: Any, state: str) -> Any:
        """Raises: ModelError, naming the state, for what has no code."""
        import sympy

        expr = sympy.sympify(expr)
        symbols = self.symbols(expr)
        unknown = sorted(symbol.name for symbol in symbols if symbol.name not in self.names)
        if unknown:
            raise ModelError(f"the rate of {state!r} uses {', '.join(unknown)}, which is no state, constant or 't'.")
        odd = self._odd(expr)
        if odd is not None:
            raise ModelError(f"the rate of {state!r} or its derivative holds {odd}, for which there is no code; "
                             f"write it with {', '.join(sorted(FUNCTIONS))}.")  # fmt: skip
        self.replaced.known.update({symbol: self.names[symbol.name] for symbol in symbols})
        return self.replaced(expr)

    def _odd(self, expr: Any) -> Any:
        """A part that has no code."""
        import sympy

        if expr in self.fine:
            return None
        if isinstance(expr, sympy.Function | sympy.Derivative | sympy.Subs) and type(expr).__name__ not in FUNCTIONS:
            return expr
        for arg in expr.args:
            odd = self._odd(arg)
            if odd is not None:
                return odd
        self.fine.add(expr)
        return None


def clipped_states(rates: list[Any], n_bounded: int) -> frozenset[int]:
    """Non-negative states in the base of a fractional power or under a logarithm, outside any Max or Abs."""
    import sympy

    inside = set()
    for part in parts(rates):
        if isinstance(part, sympy.Pow) and not part.exp.is_integer:
            inside |= _unguarded(part.base)
        elif isinstance(part, sympy.log):
            inside |= _unguarded(part.args[0])
    found = {int(symbol.name[1:]) for symbol in inside if symbol.name[0] == "y"}
    return frozenset(i for i in found if i < n_bounded)


def has_roots(rates: list[Any]) -> bool:
    """Whether a rate holds a fractional power or a logarithm, whose slope at nought may be infinite."""
    import sympy

    return any(
        isinstance(part, sympy.log) or (isinstance(part, sympy.Pow) and not part.exp.is_integer)
        for part in parts(rates)
    )


def _unguarded(expr: Any) -> set[Any]:
    """Symbols of an expression outside any Max or Abs, which keep what is under them from being negative."""
    import sympy

    if isinstance(expr, sympy.Max | sympy.Abs):
        return set()
    if expr.is_Symbol:
        return {expr}
    return {symbol for arg in expr.args for symbol in _unguarded(arg)}
