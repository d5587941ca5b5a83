"""Units carried through SymPy trees, so that a law may mix mg/l with ng/ml and hours with days and still be right.

Every tree is walked from its leaves: a product multiplies units, a sum converts its terms to the unit of the first by
an explicit factor, functions and symbolic powers need dimensionless arguments. Factors are exact rationals
wherever the units are (24, 1/1000, 86400), so that a model written in other units has the same numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cache
from typing import Any, NamedTuple

import sympy
from sympy.core.relational import Relational
from sympy.functions.elementary.miscellaneous import MinMaxBase
from sympy.logic.boolalg import Boolean, BooleanAtom

from opsonin.errors import UnitError
from opsonin.units import parse, registry

Unit = tuple[tuple[str, Fraction], ...]  # named units and their exponents, sorted: (("liter", -1), ("milligram", 1))
DIMENSIONLESS: Unit = ()
STEPS = (sympy.sign, sympy.Heaviside)  # only the sign of their argument matters, so that it may have any unit


class DimensionError(Exception):
    """Terms that do not fit together; caught by the tracer, which knows the part and its module."""


class Measured(NamedTuple):
    """An expression and its unit; unit None is that of a plain 0, which fits everywhere."""

    expression: Any
    unit: Unit | None


@cache
def unit_of(text: str) -> Unit:
    """The unit of a text. Raises: UnitError where it cannot be read or has an offset (degrees Celsius)."""
    unit = _sorted({name: _fraction(power) for name, power in dict(parse(text)._units).items()})
    for name, _ in unit:
        _size(name)
    return unit


def text_of(unit: Unit | None) -> str:
    """The unit in pint's words, readable by pint again: "milligram / liter"."""
    if not unit:
        return "dimensionless"
    return str(registry().Unit(registry().UnitsContainer({name: _number(power) for name, power in unit})))


def short(unit: Unit | None) -> str:
    """The unit in symbols for messages: "mg/l"."""
    if not unit:
        return "dimensionless"
    up = [f"{_symbol(name)}{_power(power)}" for name, power in unit if power > 0]
    down = [f"{_symbol(name)}{_power(-power)}" for name, power in unit if power < 0]
    return "·".join(up or ["1"]) + "".join(f"/{name}" for name in down)


def multiply(one: Unit, other: Unit, power: Fraction | int = 1) -> Unit:
    """The unit of one · other^power."""
    if not other:
        return one
    total = dict(one)
    for name, exponent in other:
        total[name] = total.get(name, Fraction(0)) + exponent * power
    return _sorted(total)


@cache
def ratio(unit: Unit, to: Unit) -> Any:
    """What a number in `unit` is multiplied by to be in `to`, exact where it can be.

    Raises: DimensionError where the two differ in dimension.
    """
    total, dimensions = sympy.Integer(1), {}
    for name, power in multiply(unit, to, -1):
        size, kinds = _size(name)
        total *= sympy.Pow(size, sympy.Rational(power.numerator, power.denominator))
        for kind, exponent in kinds:
            dimensions[kind] = dimensions.get(kind, 0) + exponent * power
    if any(dimensions.values()):
        raise DimensionError
    return total if total.is_Rational else total.evalf()


def fits(unit: Unit | None, to: Unit) -> bool:
    """Whether a number in `unit` can be expressed in `to`."""
    if unit is None:
        return True
    try:
        ratio(unit, to)
    except DimensionError:
        return False
    return True


def convert(measured: Measured, to: Unit) -> Any:
    """The expression in the unit `to`. Raises: DimensionError where the two differ in dimension."""
    if measured.unit is None or measured.unit == to:
        return measured.expression
    return measured.expression * ratio(measured.unit, to)


def measure(expression: Any, units: Mapping[Any, Unit]) -> Measured:
    """The expression with its factors put in, and its unit.

    units: of every symbol in the expression. Raises: DimensionError saying which terms do not fit.
    """
    if expression.is_Symbol:
        return Measured(expression, units[expression])
    if expression.is_number:
        if expression.is_finite is False or expression is sympy.nan:
            raise DimensionError(f"holds {expression}, which is no finite number")
        return Measured(expression, None if expression.is_zero else DIMENSIONLESS)
    if expression.is_Mul:
        return _product([measure(factor, units) for factor in expression.args])
    if expression.is_Pow:
        return _measured_power(expression, units)
    if expression.is_Add or isinstance(expression, sympy.Abs | MinMaxBase):
        unit, arguments = _alike(expression, expression.args, units)
        return Measured(_rebuilt(expression, arguments), unit)
    if isinstance(expression, sympy.Piecewise):
        branches: Any = expression.args
        unit, values = _alike(expression, [value for value, _ in branches], units)
        conditions = [_condition(condition, units) for _, condition in branches]
        return Measured(sympy.Piecewise(*zip(values, conditions, strict=True)), unit)
    if isinstance(expression, STEPS):
        arguments = [measure(argument, units).expression for argument in expression.args]
        return Measured(_rebuilt(expression, arguments), DIMENSIONLESS)
    arguments = [_dimensionless(argument, units, f"the argument of {expression.func}") for argument in expression.args]
    return Measured(_rebuilt(expression, arguments), DIMENSIONLESS)


def _product(factors: Sequence[Measured]) -> Measured:
    unit = DIMENSIONLESS
    for factor in factors:
        if factor.unit is None:
            return factor
        unit = multiply(unit, factor.unit)
    return Measured(sympy.Mul(*(factor.expression for factor in factors)), unit)


def _measured_power(expression: Any, units: Mapping[Any, Unit]) -> Measured:
    base = measure(expression.base, units)
    if expression.exp.is_Rational or expression.exp.is_Float:
        unit = multiply(DIMENSIONLESS, base.unit or DIMENSIONLESS, _fraction(expression.exp))
        return Measured(_rebuilt(expression, [base.expression, expression.exp]), unit)
    exponent = _dimensionless(expression.exp, units, "the exponent")
    if base.unit is None:
        return base
    if not fits(base.unit, DIMENSIONLESS):
        raise DimensionError(
            f"raises {expression.base} in {short(base.unit)} to the power {expression.exp}; a power that is no plain "
            "number needs a dimensionless base, such as a ratio to a reference value"
        )
    return Measured(_rebuilt(expression, [convert(base, DIMENSIONLESS), exponent]), DIMENSIONLESS)


def _alike(expression: Any, terms: Sequence[Any], units: Mapping[Any, Unit]) -> tuple[Unit | None, list[Any]]:
    """The terms in one unit: that of the first that has one."""
    measured = [measure(term, units) for term in terms]
    first = next((n for n, term in enumerate(measured) if term.unit is not None), None)
    if first is None:
        return None, [term.expression for term in measured]
    unit = measured[first].unit
    assert unit is not None
    for term, one in zip(terms, measured, strict=True):
        if not fits(one.unit, unit):
            what = "adds" if expression.is_Add else "compares"
            raise DimensionError(f"{what} {terms[first]} in {short(unit)} and {term} in {short(one.unit)}")
    return unit, [convert(one, unit) for one in measured]


def _condition(condition: Any, units: Mapping[Any, Unit]) -> Any:
    if isinstance(condition, BooleanAtom):
        return condition
    if isinstance(condition, Relational):
        return condition.func(*_alike(condition, condition.args, units)[1])
    if isinstance(condition, Boolean):
        return condition.func(*(_condition(part, units) for part in condition.args))
    raise DimensionError(f"uses {condition} as a condition; write a comparison such as x > limit")


def _dimensionless(expression: Any, units: Mapping[Any, Unit], role: str) -> Any:
    measured = measure(expression, units)
    if not fits(measured.unit, DIMENSIONLESS):
        raise DimensionError(f"has {expression} in {short(measured.unit)} as {role}, which must be dimensionless")
    return convert(measured, DIMENSIONLESS)


def _rebuilt(expression: Any, arguments: Sequence[Any]) -> Any:
    """The expression with other arguments; itself where none has changed."""
    same = all(new is old for new, old in zip(arguments, expression.args, strict=True))
    return expression if same else expression.func(*arguments)


@cache
def _size(name: str) -> tuple[Any, Unit]:
    """A named unit in base units: its size, exact to 15 digits, and its dimensions."""
    one, two = (registry().Quantity(value, name).to_base_units() for value in (1.0, 2.0))
    if abs(two.magnitude - 2 * one.magnitude) > 1e-9 * abs(one.magnitude):
        raise UnitError(f"{name!r} has an offset, which laws cannot carry; use kelvin.")
    dimensions = {kind: _fraction(power) for kind, power in dict(one.dimensionality).items()}
    return sympy.Rational(f"{one.magnitude:.15g}"), _sorted(dimensions)


def _sorted(total: Mapping[str, Fraction]) -> Unit:
    return tuple(sorted((name, power) for name, power in total.items() if power))


def _fraction(power: Any) -> Fraction:
    if getattr(power, "is_Rational", False):
        return Fraction(int(power.p), int(power.q))
    value = float(power)
    near = Fraction(value).limit_denominator(100)  # 0.333… is a third: the cube root of mm³ is in mm
    return near if abs(near - value) < 1e-12 else Fraction(str(value))


def _number(power: Fraction) -> int | float:
    return power.numerator if power.denominator == 1 else float(power)


def _power(power: Fraction) -> str:
    return "" if power == 1 else f"^{power}"


@cache
def _symbol(name: str) -> str:
    return {"liter": "l", "milliliter": "ml", "microliter": "µl", "day": "day"}.get(name, f"{registry().Unit(name):~P}")
