"""Walks through expressions that look at each subexpression once, however often it is used.

SymPy's own walks begin anew at every use, so that a model of a hundred states, whose balance at baseline is used in
many of its rates, takes minutes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class FreeSymbols:
    """The symbols of expressions."""

    def __init__(self) -> None:
        self.known: dict[Any, frozenset[Any]] = {}

    def __call__(self, expr: Any) -> frozenset[Any]:
        return _walked(expr, self.known, self._of)

    def _of(self, expr: Any) -> frozenset[Any]:
        import sympy

        if not expr.args or isinstance(expr, sympy.Derivative | sympy.Subs):  # symbols of their own are bound
            return frozenset(expr.free_symbols)
        return frozenset().union(*(self.known[arg] for arg in expr.args))


class Replaced:
    """Expressions with others in the place of some symbols."""

    def __init__(self, symbols: dict[Any, Any]) -> None:
        self.known: dict[Any, Any] = dict(symbols)

    def __call__(self, expr: Any) -> Any:
        return _walked(expr, self.known, self._of)

    def _of(self, expr: Any) -> Any:
        args = [self.known[arg] for arg in expr.args]
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


def _walked(expr: Any, known: dict[Any, Any], of: Callable[[Any], Any]) -> Any:
    """What `of` makes of an expression, once it is known for its parts; expressions nest deeper than calls may."""
    if expr not in known:
        waiting = [expr]
        while waiting:
            here = waiting[-1]
            missing = [] if here in known else [arg for arg in here.args if arg not in known]
            if missing:
                waiting += missing
                continue
            waiting.pop()
            if here not in known:
                known[here] = of(here)
    return known[expr]
