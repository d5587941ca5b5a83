"""The Jacobian is exact: against finite differences, and where SymPy's own rule fails."""

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from opsonin.errors import ModelError
from opsonin.model import Model, Module, Process, Species, laws
from opsonin.model.gradient import Gradient
from opsonin.model.reference import functions
from small_models import combination, parameter

X, Y, N = sympy.symbols("x y n", real=True)
BOTH = combination()
LAWS = [
    X**3 * Y - Y / (1 + X**2),
    laws.hill(X, Y, N),
    laws.hill(X, 2.0, 1.7),
    laws.exp(-X / Y) * laws.log(1 + X**2),
    laws.smooth_positive(X - Y, 0.1) + laws.smooth_step(X, Y),
    laws.maximum(X, Y) * laws.minimum(X, 2 * Y),
    sympy.Max(X, Y, X * Y - 1),
    laws.where(X > Y, X**2, X * Y),
    abs(X - Y) ** 1.5,
    sympy.tanh(X * Y) + sympy.floor(X),
    Y**X,
]


@pytest.mark.parametrize("law", LAWS, ids=str)
@settings(max_examples=25)
@given(x=st.floats(0.1, 5), y=st.floats(0.1, 5))
def test_derivatives_match_finite_differences(law, x, y):
    if min(abs(x - y), abs(x - 2 * y), abs(x * y - 1 - max(x, y)), abs(x - round(x))) < 1e-3:
        return  # a kink
    step = 1e-6
    partials = Gradient({X, Y}).of(law)
    at = {X: x, Y: y, N: 2.3}
    for symbol in (X, Y):
        high, low = (float(law.subs({**at, symbol: at[symbol] + sign * step})) for sign in (1, -1))
        exact = float(sympy.sympify(partials.get(symbol, 0)).subs(at))
        assert exact == pytest.approx((high - low) / (2 * step), rel=1e-4, abs=1e-5)


def test_a_power_has_its_slope_at_zero_where_every_drug_starts():
    slope = Gradient({X}).of(laws.hill(X, Y, N))[X]
    assert slope.subs({X: 0, Y: 2.0, N: 1.0}) == pytest.approx(0.5)
    assert slope.subs({X: 0, Y: 2.0, N: 3.0}) == 0
    assert slope.subs({X: -0.1, Y: 2.0, N: 3.0}) == 0


def test_what_has_no_state_has_no_derivative():
    assert Gradient({X}).of(Y**2 + 3) == {}
    assert Gradient({X}).of(sympy.sign(X)) == {}


def test_a_function_without_a_derivative_is_refused():
    for law in (sympy.Function("mystery")(X), sympy.Mod(X, 2)):
        with pytest.raises(ModelError, match="no known derivative"):
            Gradient({X}).of(law)


@given(state=st.lists(st.floats(0.5, 400), min_size=3, max_size=3))
def test_the_jacobian_of_a_model_matches_finite_differences(state):
    symbolic = BOTH.symbolic
    rhs, jacobian = functions(symbolic)
    y, p = np.array(state), symbolic.typical
    made = jacobian(0.0, y, p)
    for j in range(3):
        step = 1e-5 * np.eye(3)[j]
        numeric = (rhs(0.0, y + step, p) - rhs(0.0, y - step, p)) / 2e-5
        assert made[:, j] == pytest.approx(numeric, rel=1e-4, abs=1e-6)
    assert set(symbolic.jacobian) == {(0, 0), (1, 0), (1, 1), (2, 1)}


def test_a_rate_of_time_has_a_time_derivative():
    made = Model(
        [
            Module(
                "clock",
                [
                    Species("a", "mg"),
                    parameter("k", 2, "mg/day"),
                    parameter("period", 12, "hour"),
                    Process("input", lambda k, t, period: k * laws.exp(-t / period), produces="a"),
                ],
            )
        ]
    ).symbolic
    at = {made.time: 0.5, **dict(zip(made.constant_symbols, made.typical, strict=True))}
    assert float(made.time_derivatives[0].subs(at)) == pytest.approx(-2 * 2 * np.exp(-1))
    assert made.jacobian == {}
