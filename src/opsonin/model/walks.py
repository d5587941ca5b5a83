"""Walks through expressions that look at each subexpression once, however often it is used.

SymPy's own walks begin anew at every use, so that a model of a hundred states, whose balance at baseline is used in
many of its rates, takes minutes.
"""

from __future__ import annotations

from typing import Any


class FreeSymbols:
    """The symbols of expressions."""

    def __init__(self) -> None:
        self.known: dict[Any, frozenset[Any]] = {}

    def __call__(self, expr: Any) -> frozenset[Any]:
        found = self.known.get(expr)
        if found is None:
            found = self.known[expr] = self._found(expr)
        return found

    def _found(self, expr: Any) -> frozenset[Any]:
        import sympy

        if not expr.args or isinstance(expr, sympy.Derivative | sympy.Subs):  # symbols of their own are bound
            return frozenset(expr.free_symbols)
        return frozenset().union(*(self(arg) for arg in expr.args))


class Replaced:
    """Expressions with other symbols in the place of some."""

    def __init__(self, symbols: dict[Any, Any]) -> None:
        self.known: dict[Any, Any] = dict(symbols)

    def __call__(self, expr: Any) -> Any:
        found = self.known.get(expr)
        if found is None:
            found = self.known[expr] = self._made(expr)
        return found

    def _made(self, expr: Any) -> Any:
        args = [self(arg) for arg in expr.args]
        if all(new is old for new, old in zip(args, expr.args, strict=True)):
            return expr
        return expr.func(*args)


def parts(expressions: list[Any]) -> list[Any]:
    """Every subexpression of some expressions, once."""
    found: dict[Any, None] = {}
    waiting = list(reversed(expressions))
    while waiting:
        expr = waiting.pop()
        if expr not in found:
            found[expr] = None
            waiting += reversed(expr.args)
    return list(found)
