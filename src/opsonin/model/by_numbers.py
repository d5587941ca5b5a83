"""Expressions evaluated on arrays directly, step by step, without writing and compiling a Python function first.

`sympy.lambdify` prints source, compiles it and imports every corner of NumPy (`numpy.f2py` among them) to do so: a
tenth of a second before the first patient. What is evaluated a few times is better walked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np
import sympy

FUNCTIONS: dict[Any, Any] = {
    sympy.exp: np.exp, sympy.log: np.log, sympy.Abs: np.abs, sympy.sign: np.sign, sympy.floor: np.floor,
    sympy.ceiling: np.ceil, sympy.sin: np.sin, sympy.cos: np.cos, sympy.tan: np.tan, sympy.tanh: np.tanh,
    sympy.sinh: np.sinh, sympy.cosh: np.cosh, sympy.asin: np.arcsin, sympy.acos: np.arccos, sympy.atan: np.arctan,
    sympy.Heaviside: lambda x, half=0.5: np.heaviside(x, half), sympy.Not: np.logical_not,
}  # fmt: skip
MANY: dict[Any, Any] = {
    sympy.Add: np.add, sympy.Mul: np.multiply, sympy.Max: np.maximum, sympy.Min: np.minimum,
    sympy.And: np.logical_and, sympy.Or: np.logical_or,
}  # fmt: skip
COMPARED: dict[Any, Any] = {
    sympy.StrictGreaterThan: np.greater, sympy.GreaterThan: np.greater_equal, sympy.StrictLessThan: np.less,
    sympy.LessThan: np.less_equal, sympy.Equality: np.equal, sympy.Unequality: np.not_equal,
}  # fmt: skip
POWERS: dict[Any, Any] = {
    sympy.Integer(-1): np.reciprocal, sympy.Integer(2): np.square, sympy.Rational(1, 2): np.sqrt,
    sympy.Integer(3): lambda x: x * x * x, sympy.Integer(-2): lambda x: 1.0 / np.square(x),
    sympy.Rational(-1, 2): lambda x: 1.0 / np.sqrt(x),
}  # fmt: skip


def numeric(arguments: Sequence[Any], expressions: Sequence[Any]) -> Callable[..., list[Any]]:
    """A function of a value for each argument, in order, that gives a list: a value or array for each expression."""
    try:
        return Steps(arguments, expressions)
    except UnknownFunctionError:
        return sympy.lambdify(list(arguments), list(expressions), modules="numpy", cse=True)


class UnknownFunctionError(Exception):
    """A function that NumPy has under no name known here."""


class Steps:
    """Expressions as a list of steps, each subexpression once; called with a value for each argument, in order.

    Gives a list, one value or array for each expression. Raises: UnknownFunctionError when made.
    """

    def __init__(self, arguments: Sequence[Any], expressions: Iterable[Any]) -> None:
        self.place: dict[Any, int] = {symbol: n for n, symbol in enumerate(arguments)}
        self.count = len(arguments)
        self.steps: list[tuple[Callable[..., Any], tuple[int, ...]]] = []
        self.wanted = [self._placed(expression) for expression in expressions]
        last = {n: step for step, (_, inputs) in enumerate(self.steps) for n in inputs}
        self.done: list[list[int]] = [[] for _ in self.steps]  # what no later step needs: arrays may be large
        for n, step in last.items():
            if n not in self.wanted:
                self.done[step].append(n)

    def __call__(self, *values: Any) -> list[Any]:
        room: list[Any] = [value if isinstance(value, np.ndarray) else np.float64(value) for value in values]
        with np.errstate(all="ignore"):
            for (function, inputs), done in zip(self.steps, self.done, strict=True):
                room.append(function(*(room[n] for n in inputs)))
                for n in done:
                    room[n] = None
        return [room[n] for n in self.wanted]

    def _placed(self, expression: Any) -> int:
        if expression not in self.place:
            function, inner = operation(expression)
            inputs = tuple(self._placed(argument) for argument in inner)
            self.place[expression] = self.count + len(self.steps)
            self.steps.append((function, inputs))
        return self.place[expression]


class Numbers:
    """Values of expressions where their symbols have these values, by name; arrays that broadcast to one shape.

    A function that is not known gives nan.
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
        if expression.is_Symbol:
            return self.values[expression.name]
        if expression not in self.known:
            try:
                function, inner = operation(expression)
            except UnknownFunctionError:
                return np.nan
            inputs = [self.of(argument) for argument in inner]
            with np.errstate(all="ignore"):
                self.known[expression] = function(*inputs)
        return self.known[expression]


def operation(expression: Any) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """A function of arrays and the subexpressions it takes. Raises: UnknownFunctionError."""
    kind, inner = expression.func, expression.args
    if expression in (sympy.true, sympy.false):
        return (lambda: expression is sympy.true), ()
    if expression.is_number and not expression.is_Symbol:
        value = np.float64(float(expression))
        return (lambda: value), ()
    if isinstance(expression, sympy.Piecewise):
        return _branches, tuple(part for branch in inner for part in branch.args)
    if kind in MANY:
        combine = MANY[kind]
        return (combine if len(inner) == 2 else lambda *values: reduce(combine, values)), inner
    if kind is sympy.Pow:
        base, exponent = inner
        if exponent in POWERS:
            return POWERS[exponent], (base,)
        return np.power, inner
    if kind in COMPARED:
        return COMPARED[kind], inner
    if kind in FUNCTIONS:
        return FUNCTIONS[kind], inner
    raise UnknownFunctionError(str(kind))


def _branches(*parts: Any) -> Any:
    """The first value whose condition holds: value, condition, value, condition, …"""
    made: Any = np.nan
    for value, condition in zip(parts[-2::-2], parts[::-2], strict=True):
        made = np.where(condition, value, made)
    return made
