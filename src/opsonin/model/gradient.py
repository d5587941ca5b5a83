"""Exact derivatives of expressions, by one sweep from the leaves with every shared subexpression done once.

SymPy's own rule for a power, n·x^n/x, is 0/0 at x = 0, where every drug starts; here it is n·x^(n−1), and by the
exponent (a Hill coefficient) 0 there. Derivatives of
Max, Min, Abs and Piecewise are those of the branch taken.
"""

from __future__ import annotations

from typing import Any

import sympy
from sympy.core.function import ArgumentIndexError
from sympy.functions.elementary.miscellaneous import MinMaxBase

from opsonin.errors import ModelError

Partials = dict[Any, Any]  # symbol -> derivative, non-zero ones only
FLAT = (sympy.sign, sympy.Heaviside, sympy.floor, sympy.ceiling)


class Gradient:
    """Derivatives with respect to `symbols`; remembers every subexpression it has seen."""

    def __init__(self, symbols: set[Any]) -> None:
        self.symbols = symbols
        self.known: dict[Any, Partials] = {}

    def of(self, expression: Any) -> Partials:
        """The non-zero partial derivatives of the expression."""
        if expression not in self.known:
            self.known[expression] = {s: d for s, d in self._new(expression).items() if not _is_nought(d)}
        return self.known[expression]

    def _new(self, expression: Any) -> Partials:
        if expression.is_Symbol:
            return {expression: sympy.Integer(1)} if expression in self.symbols else {}
        if not expression.args or isinstance(expression, FLAT):
            return {}
        if isinstance(expression, sympy.Piecewise):
            branches: Any = expression.args
            return self._branches([tuple(branch) for branch in branches])
        if isinstance(expression, MinMaxBase):
            return self._branches(_extremes(expression))
        if isinstance(expression, sympy.Abs):
            inner = expression.args[0]
            return self._branches([(-inner, inner < 0), (inner, sympy.true)])
        inner = [self.of(argument) for argument in expression.args]
        if not any(inner):
            return {}
        if expression.is_Add:
            return _weighted((sympy.Integer(1), partials) for partials in inner)
        return _weighted((_slope(expression, n), partials) for n, partials in enumerate(inner) if partials)

    def _branches(self, branches: list[tuple[Any, Any]]) -> Partials:
        each = [(self.of(value), condition) for value, condition in branches]
        symbols = dict.fromkeys(symbol for partials, _ in each for symbol in partials)
        zero = sympy.Integer(0)
        return {s: sympy.Piecewise(*((partials.get(s, zero), c) for partials, c in each)) for s in symbols}


def _is_nought(derivative: Any) -> bool:
    """Whether a derivative is the number 0. To ask SymPy of whole expressions would take most of the time there is."""
    return bool(derivative.is_Number and derivative.is_zero)


def _slope(expression: Any, n: int) -> Any:
    """The derivative of a product, power or function by its nth argument."""
    if expression.is_Mul:
        return sympy.Mul(*expression.args[:n], *expression.args[n + 1 :])
    if expression.is_Pow:
        base, exponent = expression.args
        if n == 0:
            return exponent * base ** (exponent - 1)
        slope = expression * sympy.log(base)  # x^n·log x is 0·∞ at x = 0, where its limit is 0
        return slope if base.is_positive else sympy.Piecewise((sympy.Integer(0), base <= 0), (slope, sympy.true))
    try:
        slope = expression.fdiff(n + 1)
    except (AttributeError, ArgumentIndexError):
        slope = sympy.nan
    if slope is sympy.nan or slope.has(sympy.Derivative, sympy.Subs):
        raise ModelError(f"{expression.func} has no known derivative; write the law with opsonin.model.laws.")
    return slope


def _extremes(expression: Any) -> list[tuple[Any, Any]]:
    """Max(a, b, …) as branches; where two are equal the later counts, so that Max(0, x) has slope 1 at 0."""
    *first, last = expression.args
    above = (lambda a, b: a > b) if isinstance(expression, sympy.Max) else (lambda a, b: a < b)
    branches = []
    for n, argument in enumerate(first):
        others = [*first[n + 1 :], last]
        branches.append((argument, sympy.And(*(above(argument, other) for other in others))))
    return [*branches, (last, sympy.true)]


def _weighted(terms: Any) -> Partials:
    collected: dict[Any, list[Any]] = {}
    for slope, partials in terms:
        for symbol, partial in partials.items():
            collected.setdefault(symbol, []).append(slope * partial)
    return {symbol: sympy.Add(*each) for symbol, each in collected.items()}
