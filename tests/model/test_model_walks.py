"""Walks that look at each subexpression once find what SymPy's own find, also where one is used 2**40 times."""

import sympy

from opsonin.model.walks import FreeSymbols, Replaced, parts

X, Y, Z = sympy.symbols("x y z", real=True)
EXPRESSIONS = [
    sympy.Integer(3),
    X,
    X + 2 * Y,
    sympy.exp(-X / Y) * sympy.Max(X, Z, 0) + sympy.log(1 + Z**2),
    sympy.Piecewise((X**1.5, Y < Z), (sympy.sqrt(Z), True)),
    sympy.Subs(sympy.Derivative(sympy.Function("f")(X), X), X, Y),
]


def nested(depth: int) -> sympy.Expr:
    """Each level uses the one below twice."""
    expression = X + Y
    for _ in range(depth):
        expression = sympy.sqrt(expression + 1) * sympy.log(expression + Z)
    return expression


DEEP = nested(40)


def test_symbols_are_those_of_sympy():
    symbols = FreeSymbols()
    for expression in EXPRESSIONS:
        assert symbols(expression) == expression.free_symbols
    assert symbols(DEEP) == {X, Y, Z}


def test_replacing_gives_what_sympy_gives():
    other = {X: Y, Y: sympy.Symbol("w", real=True)}
    for expression in [*EXPRESSIONS[:-1], nested(6)]:
        assert Replaced(other)(expression) == expression.xreplace(other)
    assert FreeSymbols()(Replaced({X: Z, Y: Z})(DEEP)) == {Z}


def test_parts_are_each_subexpression_once():
    for expression in EXPRESSIONS:
        assert set(parts([expression])) == set(sympy.preorder_traversal(expression))
        assert len(parts([expression, expression])) == len(set(parts([expression])))
