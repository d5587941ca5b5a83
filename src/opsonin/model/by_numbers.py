"""Expressions evaluated on arrays directly, without writing and compiling a function first: once is enough here."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import Any

import numpy as np
import sympy

FUNCTIONS: dict[Any, Any] = {
    sympy.exp: np.exp, sympy.log: np.log, sympy.Abs: np.abs, sympy.sign: np.sign, sympy.floor: np.floor,
    sympy.ceiling: np.ceil, sympy.sin: np.sin, sympy.cos: np.cos, sympy.tan: np.tan, sympy.tanh: np.tanh,
    sympy.sinh: np.sinh, sympy.cosh: np.cosh, sympy.atan: np.arctan,
}  # fmt: skip
MANY: dict[Any, Any] = {
    sympy.Add: np.add, sympy.Mul: np.multiply, sympy.Max: np.maximum, sympy.Min: np.minimum,
    sympy.And: np.logical_and, sympy.Or: np.logical_or,
}  # fmt: skip
COMPARED: dict[Any, Any] = {
    sympy.StrictGreaterThan: np.greater, sympy.GreaterThan: np.greater_equal, sympy.StrictLessThan: np.less,
    sympy.LessThan: np.less_equal, sympy.Equality: np.equal, sympy.Unequality: np.not_equal,
}  # fmt: skip


class Numbers:
    """Values of expressions where their symbols have these values, by name; arrays that broadcast to one shape.

    A function that is not known here gives nan.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = dict(values)
        self.known: dict[Any, Any] = {}
        self.shape = np.broadcast_shapes(*(np.shape(value) for value in self.values.values()))

    def set(self, name: str, value: Any) -> None:
        """Gives a symbol its value; expressions that hold it must not have been asked for yet."""
        self.values[name] = value

    def of(self, expression: Any) -> Any:
        """The value; every subexpression is computed once."""
        if expression not in self.known:
            with np.errstate(all="ignore"):
                self.known[expression] = self._new(expression)
        return self.known[expression]

    def _new(self, expression: Any) -> Any:
        if expression.is_Symbol:
            return self.values[expression.name]
        if expression in (sympy.true, sympy.false):
            return bool(expression)
        if not expression.args:
            return float(expression)
        if isinstance(expression, sympy.Piecewise):
            value: Any = np.nan
            branches: Any = expression.args
            for branch, condition in reversed(branches):
                value = np.where(self.of(condition), self.of(branch), value)
            return value
        inner = [self.of(argument) for argument in expression.args]
        kind = expression.func
        if kind in MANY:
            return reduce(MANY[kind], inner)
        if kind is sympy.Pow:
            return 1.0 / inner[0] if expression.exp == -1 else np.power(inner[0], inner[1])
        if kind in COMPARED:
            return COMPARED[kind](*inner)
        if kind is sympy.Heaviside:
            return np.heaviside(inner[0], 0.5)
        if kind is sympy.Not:
            return np.logical_not(inner[0])
        return FUNCTIONS[kind](inner[0]) if kind in FUNCTIONS else np.nan
