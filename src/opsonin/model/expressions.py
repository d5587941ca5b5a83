"""Expressions as statements: what depends on constants alone hoisted, subexpressions shared, numbers as floats."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Hoist:
    """Replaces every subexpression of constants alone by a slot of q, filled by prepare()."""

    def __init__(self, constants: set[Any]):
        self.constants = constants
        self.slots: dict[Any, Any] = {}  # expression of constants -> its symbol q<i>
        self.done: dict[Any, Any] = {}

    def __call__(self, expr: Any) -> Any:
        if expr not in self.done:
            self.done[expr] = self._replace(expr)
        return self.done[expr]

    def _replace(self, expr: Any) -> Any:
        import sympy

        if not expr.free_symbols:
            return expr
        if expr.free_symbols <= self.constants and isinstance(expr, sympy.Expr):  # conditions and branches are none
            return self._slot(expr)
        if not expr.args:
            return expr
        if isinstance(expr, sympy.Add | sympy.Mul):
            still = [arg for arg in expr.args if arg.free_symbols and arg.free_symbols <= self.constants]
            if still:
                numbers = [arg for arg in expr.args if not arg.free_symbols]
                moving = [arg for arg in expr.args if arg.free_symbols and not arg.free_symbols <= self.constants]
                return expr.func(self._slot(expr.func(*still, *numbers)), *[self(arg) for arg in moving])
        return expr.func(*[self(arg) for arg in expr.args])

    def _slot(self, expr: Any) -> Any:
        import sympy

        if expr not in self.slots:
            self.slots[expr] = sympy.Symbol(f"q{len(self.slots)}", real=True)
        return self.slots[expr]

    def lines(self, target: str) -> list[str]:
        """The body of prepare(): from p to the slots, which `target` formatted with their number names."""
        import sympy

        shared, made = sympy.cse(list(self.slots), sympy.numbered_symbols("x"), order="none")
        used = sorted({s.name for e in self.slots for s in e.free_symbols}, key=lambda name: int(name[1:]))
        code = [f"{name} = p[{name[1:]}]" for name in used]
        code += [f"{symbol} = {_code(expr)}" for symbol, expr in shared]
        return code + [f"{target.format(i)} = {_code(expr)}" for i, expr in enumerate(made)]


class Body:
    """Statements that assign expressions to places, subexpressions shared.

    read(kind, i) gives the text that reads state "y", slot "q" or time "t" number i.
    """

    def __init__(self, clipped: tuple[int, ...], read: Callable[[str, int], str]):
        self.clipped = clipped
        self.read = read

    def assign(self, targets: list[str], exprs: list[Any], added: dict[int, str] | None = None) -> list[str]:
        """targets[i] = exprs[i], plus the text added[i] where there is one."""
        import sympy

        reciprocal = Reciprocals()
        shared, made = sympy.cse([reciprocal(expr) for expr in exprs], sympy.numbered_symbols("x"), order="none")
        found = {s.name for e in [*made, *(e for _, e in shared)] for s in e.free_symbols}
        code = []
        for name in sorted(found):
            if name[0] in "yq":
                place = self.read(name[0], int(name[1:]))
                clipped = name[0] == "y" and int(name[1:]) in self.clipped
                code.append(f"{name} = max({place}, 0.0)" if clipped else f"{name} = {place}")
        if "t" in found:
            code.append(f"t = {self.read('t', 0)}")
        code += [f"{symbol} = {_code(expr)}" for symbol, expr in shared]
        extra = added or {}
        code += [f"{targets[i]} = {_code(expr)}{extra.get(i, '')}" for i, expr in enumerate(made)]
        return code


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


FUNCTIONS = {
    "exp": "math.exp", "log": "math.log", "sin": "math.sin", "cos": "math.cos", "tan": "math.tan",
    "sinh": "math.sinh", "cosh": "math.cosh", "tanh": "math.tanh", "atan": "math.atan", "erf": "math.erf",
    "floor": "math.floor", "ceiling": "math.ceil", "Abs": "abs", "Max": "max", "Min": "min",
    "sign": "", "Heaviside": "", "DiracDelta": "", "Piecewise": "", "ITE": "",
}  # fmt: skip


def _code(expr: Any) -> str:
    """Python text of an expression: numbers as floats, small integer powers as products."""
    return _printer().doprint(expr)


_made_printer: list[Any] = []


def _printer() -> Any:
    if _made_printer:
        return _made_printer[0]
    from sympy.printing.precedence import PRECEDENCE
    from sympy.printing.pycode import PythonCodePrinter

    class Printer(PythonCodePrinter):
        def _print_Function(self, e: Any) -> str:
            inner = [self._print(arg) for arg in e.args]
            name = type(e).__name__
            if name == "reciprocal":
                return f"(1.0 / ({inner[0]}))"
            if name == "sign":
                return f"(1.0 if ({inner[0]}) > 0.0 else (-1.0 if ({inner[0]}) < 0.0 else 0.0))"
            if name == "Heaviside":
                return f"(1.0 if ({inner[0]}) >= 0.0 else 0.0)"
            if name == "DiracDelta":  # the derivative of a jump is nought on both sides of it
                return "0.0"
            return f"{FUNCTIONS[name]}({', '.join(inner)})"

        def _print_Max(self, expr: Any) -> str:
            return self._nest("max", [self._print(arg) for arg in expr.args])

        def _print_Min(self, expr: Any) -> str:
            return self._nest("min", [self._print(arg) for arg in expr.args])

        def _nest(self, name: str, inner: list[str]) -> str:
            text = inner[0]
            for other in inner[1:]:
                text = f"{name}({text}, {other})"
            return text

        def _print_Pow(self, expr: Any, rational: bool = False) -> str:
            base = self.parenthesize(expr.base, PRECEDENCE["Pow"])
            if expr.exp.is_Integer:
                n = int(expr.exp)
                if 1 <= abs(n) <= 8:
                    product = " * ".join([base] * abs(n))
                    return f"({product})" if n > 0 else f"(1.0 / ({product}))"
                return f"({base} ** {n})"
            if expr.exp == 0.5:
                return f"math.sqrt({self._print(expr.base)})"
            if expr.exp == -0.5:
                return f"(1.0 / math.sqrt({self._print(expr.base)}))"
            return f"({self._print(expr.base)}) ** ({self._print(expr.exp)})"

        def _print_Integer(self, expr: Any) -> str:
            return repr(float(expr))

        def _print_Rational(self, expr: Any) -> str:
            return repr(float(expr))

        def _print_Float(self, expr: Any) -> str:
            return repr(float(expr))

        _print_exp = _print_log = _print_sin = _print_cos = _print_tan = _print_Function
        _print_sinh = _print_cosh = _print_tanh = _print_atan = _print_erf = _print_Function
        _print_floor = _print_ceiling = _print_Abs = _print_sign = _print_Heaviside = _print_Function
        _print_DiracDelta = _print_Function

        def _print_NumberSymbol(self, expr: Any) -> str:
            return repr(float(expr))

        _print_Pi = _print_Exp1 = _print_NumberSymbol
        _print_Zero = _print_One = _print_NegativeOne = _print_Half = _print_Integer

        def _print_Infinity(self, expr: Any) -> str:
            return "math.inf"

    _made_printer.append(Printer({"fully_qualified_modules": True, "allow_unknown_functions": True}))
    return _made_printer[0]
