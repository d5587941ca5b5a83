"""Expressions as code: what depends on constants alone hoisted, subexpressions shared, numbers as floats."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opsonin.model.lanes import Lines
from opsonin.model.vector_math import SCALARS
from opsonin.model.walks import FreeSymbols

FUNCTIONS = {
    "exp",
    "log",
    "floor",
    "ceiling",
    "Abs",
    "Max",
    "Min",
    "sign",
    "Heaviside",
    "DiracDelta",
    "Piecewise",
    "ITE",
}
FUNCTIONS |= set(SCALARS)


class Hoist:
    """Replaces every subexpression of constants alone by a slot of q, filled by prepare()."""

    def __init__(self, constants: set[Any]):
        self.constants = constants
        self.slots: dict[Any, Any] = {}  # expression of constants -> its symbol q<i>
        self.done: dict[Any, Any] = {}
        self.symbols = FreeSymbols()

    def __call__(self, expr: Any) -> Any:
        if expr not in self.done:
            self.done[expr] = self._replace(expr)
        return self.done[expr]

    def _replace(self, expr: Any) -> Any:
        import sympy

        symbols = self.symbols(expr)
        if not symbols:
            return expr
        if symbols <= self.constants and isinstance(expr, sympy.Expr):  # conditions and branches are none
            return self._slot(expr)
        if not expr.args:
            return expr
        if isinstance(expr, sympy.Add | sympy.Mul):
            read = {arg: self.symbols(arg) for arg in expr.args}
            still = [arg for arg in expr.args if read[arg] and read[arg] <= self.constants]
            if still:
                numbers = [arg for arg in expr.args if not read[arg]]
                moving = [arg for arg in expr.args if read[arg] and not read[arg] <= self.constants]
                return expr.func(self._slot(expr.func(*still, *numbers)), *[self(arg) for arg in moving])
        return expr.func(*[self(arg) for arg in expr.args])

    def _slot(self, expr: Any) -> Any:
        import sympy

        if expr not in self.slots:
            self.slots[expr] = sympy.Symbol(f"q{len(self.slots)}", real=True)
        return self.slots[expr]

    def assign(self, code: Lines, read: Callable[[str], str], target: int) -> None:
        """The body of prepare(): slot i into row target + i; read(name) gives the value of a constant p<i>."""
        import sympy

        shared, made = sympy.cse(list(self.slots), sympy.numbered_symbols("x"), order="none")
        value = Value(code, read, dict(shared))
        for i, expr in enumerate(made):
            code.store(target + i, value(expr))


class Reciprocals:
    """Writes x**-n as reciprocal(x)**n, so that a rate and its derivatives share one division."""

    def __init__(self) -> None:
        self.done: dict[Any, Any] = {}

    def __call__(self, expr: Any) -> Any:
        import sympy

        if not expr.args:
            return expr
        if expr not in self.done:
            args = [self(arg) for arg in expr.args]
            if isinstance(expr, sympy.Pow) and expr.exp.is_Integer and expr.exp < 0:
                self.done[expr] = sympy.Function("reciprocal")(args[0]) ** (-expr.exp)
            else:
                self.done[expr] = expr.func(*args)
        return self.done[expr]


def shared(expressions: list[Any]) -> tuple[list[tuple[Any, Any]], list[Any]]:
    """Common subexpressions (symbol, expression), in order, and the expressions in their terms."""
    import sympy

    reciprocal = Reciprocals()
    found: Any = sympy.cse([reciprocal(expr) for expr in expressions], sympy.numbered_symbols("x"), order="none")
    return found


class Value:
    """From an expression to the name of its value, writing the lines that make it.

    read(name) gives the value of a symbol; `later` the expressions of symbols that are made when first needed;
    `known` holds what is made already.
    """

    def __init__(self, code: Lines, read: Callable[[str], str], later: dict[Any, Any] | None = None):
        self.code, self.read, self.later = code, read, later or {}
        self.known: dict[Any, str] = {}

    def __call__(self, expr: Any) -> str:
        if expr not in self.known:
            self.known[expr] = self._made(expr)
        return self.known[expr]

    def _made(self, expr: Any) -> str:
        if expr in self.later:
            return self(self.later[expr])
        if expr.is_Symbol:
            return self.read(expr.name)
        if expr.is_Relational or expr.is_Boolean:  # a condition that several expressions share
            return self._mask(expr)
        if expr.is_Atom or not expr.free_symbols:
            return self.code.number(float(expr))
        if expr.is_Add:
            return self._sum(expr)
        if expr.is_Mul:
            return self._product(expr)
        if expr.is_Pow:
            return self._power(expr.base, expr.exp)
        name = type(expr).__name__
        method = getattr(self, f"_{name.lower()}", None)
        return method(expr) if method else self.code.called(f"{name}_row", self(expr.args[0]))

    def _sum(self, expr: Any) -> str:
        """Terms with a minus are subtracted, after those without."""
        plus = [arg for arg in expr.args if not _negative(arg)]
        minus = [arg for arg in expr.args if _negative(arg)]
        total = self(plus[0]) if plus else self.code.neg(self(-minus.pop(0)))
        for arg in plus[1:]:
            total = self.code.add(total, self(arg))
        for arg in minus:
            total = self.code.sub(total, self(-arg))
        return total

    def _product(self, expr: Any) -> str:
        if expr.args[0] == -1:
            return self.code.neg(self(expr.func(*expr.args[1:])))
        total = self(expr.args[0])
        for arg in expr.args[1:]:
            total = self.code.mul(total, self(arg))
        return total

    def _power(self, base: Any, exponent: Any) -> str:
        code = self.code
        if exponent.is_Integer:
            n = int(exponent)
            value = self._whole_power(self(base), abs(n))
            return value if n > 0 else code.div(code.number(1.0), value)
        if abs(exponent) == 0.5:
            root = code.unary("sqrt", self(base))
            return root if exponent > 0 else code.div(code.number(1.0), root)
        return code.called("pow_row", self(base), self(exponent))

    def _whole_power(self, x: str, n: int) -> str:
        """x^n by squaring."""
        if n == 1:
            return x
        half = self._whole_power(x, n // 2)
        square = self.code.mul(half, half)
        return self.code.mul(square, x) if n % 2 else square

    def _reciprocal(self, expr: Any) -> str:
        return self.code.div(self.code.number(1.0), self(expr.args[0]))

    def _exp(self, expr: Any) -> str:
        return self.code.called("exp_row", self(expr.args[0]))

    def _log(self, expr: Any) -> str:
        return self.code.called("log_row", self(expr.args[0]))

    def _abs(self, expr: Any) -> str:
        return self.code.unary("fabs", self(expr.args[0]))

    def _floor(self, expr: Any) -> str:
        return self.code.unary("floor", self(expr.args[0]))

    def _ceiling(self, expr: Any) -> str:
        return self.code.unary("ceil", self(expr.args[0]))

    def _max(self, expr: Any) -> str:
        return self._nested(self.code.larger, expr)

    def _min(self, expr: Any) -> str:
        return self._nested(self.code.smaller, expr)

    def _nested(self, pick: Callable[[str, str], str], expr: Any) -> str:
        """Numbers first: where one is nan, `pick` gives the second, so that nan is passed on."""
        args = sorted(expr.args, key=lambda arg: not arg.is_number)
        total = self(args[0])
        for arg in args[1:]:
            total = pick(total, self(arg))
        return total

    def _sign(self, expr: Any) -> str:
        code, x = self.code, self(expr.args[0])
        zero = code.number(0.0)
        below = code.select(code.compare("olt", x, zero), code.number(-1.0), zero)
        return code.select(code.compare("ogt", x, zero), code.number(1.0), below)

    def _heaviside(self, expr: Any) -> str:
        code = self.code
        return code.select(
            code.compare("oge", self(expr.args[0]), code.number(0.0)), code.number(1.0), code.number(0.0)
        )

    def _diracdelta(self, expr: Any) -> str:
        return self.code.number(0.0)  # the derivative of a jump is nought on both sides of it

    def _piecewise(self, expr: Any) -> str:
        """The first branch whose condition holds; nan where none does."""
        total = self.code.number(float("nan"))
        for value, condition in reversed(expr.args):
            total = self(value) if condition == True else self.code.select(self._mask(condition), self(value), total)  # noqa: E712
        return total

    def _ite(self, expr: Any) -> str:
        return self.code.select(self._mask(expr.args[0]), self(expr.args[1]), self(expr.args[2]))

    def _mask(self, condition: Any) -> str:
        """A condition as a mask."""
        import sympy

        code = self.code
        if condition in self.later or condition in self.known:
            return self(condition)
        if isinstance(condition, sympy.And | sympy.Or | sympy.Xor):
            how = {sympy.And: "and", sympy.Or: "or", sympy.Xor: "xor"}[type(condition)]
            total = self._mask(condition.args[0])
            for arg in condition.args[1:]:
                total = code.both(total, self._mask(arg), how)
            return total
        if isinstance(condition, sympy.Not):
            return code.both(self._mask(condition.args[0]), "splat (i1 true)", "xor")
        if condition in (sympy.true, sympy.false):
            return f"splat (i1 {str(condition).lower()})"
        how = {"<": "olt", "<=": "ole", ">": "ogt", ">=": "oge", "==": "oeq", "!=": "une"}[condition.rel_op]
        return code.compare(how, self(condition.lhs), self(condition.rhs))


def _negative(expr: Any) -> bool:
    """Whether a term is a negative number or a product that begins with one."""
    factor = expr.args[0] if expr.is_Mul else expr
    return bool(factor.is_Number and factor < 0)
