"""A model's rates and Jacobian for one patient as plain Python on floats: no compiler, and several times NumPy's speed.

A NumPy scalar costs a multiplication several times what a float does. What depends on the patient's constants alone is
computed once and closed over. Where floats refuse (a division by nought, a power of a negative number) the same laws
are evaluated by NumPy, which says inf or nan.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy

from opsonin.model.by_numbers import Steps, UnknownFunctionError, numeric

if TYPE_CHECKING:
    from opsonin.model.symbolic import SymbolicModel

Law = Callable[[float, list[float], list[float]], Sequence[float]]  # (t, states, inputs) -> a number for each law
NAMES: dict[str, Any] = {
    "exp": math.exp, "log": math.log, "sqrt": math.sqrt, "power": math.pow, "sin": math.sin, "cos": math.cos,
    "tan": math.tan, "tanh": math.tanh, "sinh": math.sinh, "cosh": math.cosh, "atan": math.atan, "floor": math.floor,
    "ceil": math.ceil, "abs": abs, "max": max, "min": min, "nan": math.nan,
    "sign": lambda x: float(np.sign(x)), "heaviside": lambda x, half=0.5: float(np.heaviside(x, half)),
}  # fmt: skip
CALLED: dict[Any, str] = {
    sympy.exp: "exp", sympy.log: "log", sympy.sin: "sin", sympy.cos: "cos", sympy.tan: "tan", sympy.tanh: "tanh",
    sympy.sinh: "sinh", sympy.cosh: "cosh", sympy.atan: "atan", sympy.floor: "floor", sympy.ceiling: "ceil",
    sympy.Abs: "abs", sympy.Max: "max", sympy.Min: "min", sympy.sign: "sign", sympy.Heaviside: "heaviside",
}  # fmt: skip
BETWEEN: dict[Any, str] = {
    sympy.Add: " + ", sympy.Mul: " * ", sympy.And: " and ", sympy.Or: " or ", sympy.StrictGreaterThan: " > ",
    sympy.GreaterThan: " >= ", sympy.StrictLessThan: " < ", sympy.LessThan: " <= ", sympy.Equality: " == ",
    sympy.Unequality: " != ",
}  # fmt: skip


class ScalarCode:
    """Some laws of a model; `of(constants)` gives them as one function of time, states and inputs."""

    def __init__(self, symbolic: SymbolicModel, laws: Sequence[Any]) -> None:
        inputs = [given.symbol for given in symbolic.inputs]
        self.constants = set(symbolic.constant_symbols)
        self.names = {symbol: f"y{n}" for n, symbol in enumerate(symbolic.state_symbols)}
        self.names |= {symbol: f"u{n}" for n, symbol in enumerate(inputs)} | {symbolic.time: "t"}
        self.arguments = [symbolic.time, *symbolic.state_symbols, *inputs, *symbolic.constant_symbols]
        self.laws = list(laws)
        self.numeric = numeric(self.arguments, self.laws)
        try:
            self.hoisted: list[Any] = []
            self.make = self._compiled()
            self.prepare = Steps(symbolic.constant_symbols, self.hoisted)
        except UnknownFunctionError:
            self.make = None

    def of(self, constants: np.ndarray) -> Law:
        """The laws of a patient."""
        values = [float(value) for value in constants]

        def by_numpy(t: float, y: list[float], u: list[float]) -> list[float]:
            return [float(value) for value in self.numeric(t, *y, *u, *values)]

        if self.make is None:
            return by_numpy
        fast = self.make([float(value) for value in self.prepare(*values)])

        def laws(t: float, y: list[float], u: list[float]) -> Sequence[float]:
            try:
                return fast(t, y, u)
            except (ArithmeticError, ValueError):  # 1 / 0, an overflow, the root of a negative number
                return by_numpy(t, y, u)

        return laws

    def _compiled(self) -> Callable[[list[float]], Law]:
        """make(hoisted values) -> the function, from its source."""
        self.uses: dict[Any, int] = {}
        for law in self.laws:
            self._count(law)
        self.lines: list[str] = []
        returned = ", ".join(self._text(law) for law in self.laws)
        states = ", ".join(name for name in self.names.values() if name[0] == "y")
        inputs = ", ".join(name for name in self.names.values() if name[0] == "u")
        kept = ", ".join(f"h{n}" for n in range(len(self.hoisted)))
        lines = ["def make(h):", f"  {kept}, = h" if kept else "  pass", "  def laws(t, y, u):", f"    {states}, = y"]
        lines += [f"    {inputs}, = u"] if inputs else []
        lines += [f"    {line}" for line in self.lines]
        lines += [f"    return ({returned},)" if returned else "    return ()", "  return laws"]
        scope = dict(NAMES)
        exec(compile("\n".join(lines), "<laws of one patient>", "exec"), scope)
        return scope["make"]

    def _count(self, expression: Any) -> None:
        seen = self.uses.get(expression, 0)
        self.uses[expression] = seen + 1
        if not seen:
            for argument in expression.args:
                self._count(argument)

    def _text(self, expression: Any) -> str:
        """How an expression is written; one that is used again is computed on a line of its own."""
        if expression in self.names:
            return self.names[expression]
        if expression.is_number:
            return f"({float(expression)!r})"
        if expression.free_symbols <= self.constants and not expression.is_Boolean:
            self.names[expression] = f"h{len(self.hoisted)}"
            self.hoisted.append(expression)
            return self.names[expression]
        text = self._written(expression)
        if self.uses[expression] > 1:
            self.names[expression] = f"x{len(self.lines)}"
            self.lines.append(f"{self.names[expression]} = {text}")
            return self.names[expression]
        return text

    def _written(self, expression: Any) -> str:
        kind, inner = expression.func, expression.args
        if expression in (sympy.true, sympy.false):
            return str(bool(expression))
        if kind in (sympy.Add, sympy.Mul):
            lasting = [part for part in inner if part.free_symbols <= self.constants]
            if len(lasting) > 1:  # what does not change is one number
                inner = (kind(*lasting), *(part for part in inner if part not in lasting))
                for part in inner:
                    self.uses.setdefault(part, 1)
        if isinstance(expression, sympy.Piecewise):
            text = "nan"
            for branch in reversed(inner):
                value, condition = branch.args
                text = f"({self._text(value)} if {self._text(condition)} else {text})"
            return text
        if kind is sympy.Pow:
            return self._power(*inner)
        parts = [self._text(part) for part in inner]
        if kind in BETWEEN:
            return f"({BETWEEN[kind].join(parts)})"
        if kind is sympy.Not:
            return f"(not {parts[0]})"
        if kind in CALLED:
            return f"{CALLED[kind]}({', '.join(parts)})"
        raise UnknownFunctionError(str(kind))

    def _power(self, base: Any, exponent: Any) -> str:
        text = self._text(base)
        if exponent == -1:
            return f"(1.0 / {text})"
        if exponent.is_Integer and abs(int(exponent)) <= 4:
            product = f"({text}**{abs(int(exponent))})"
            return product if exponent > 0 else f"(1.0 / {product})"
        if exponent == sympy.Rational(1, 2) or exponent == 0.5:
            return f"sqrt({text})"
        return f"power({text}, {self._text(exponent)})"
