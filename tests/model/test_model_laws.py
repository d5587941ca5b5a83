"""Laws say the same of numbers, arrays and symbols."""

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from opsonin.model import laws

X = sympy.Symbol("x", real=True)
LAWS = {
    "exp": lambda x: laws.exp(-x),
    "log": lambda x: laws.log(1 + x**2),
    "sqrt": lambda x: laws.sqrt(1 + x**2),
    "maximum": lambda x: laws.maximum(x, 0.3),
    "minimum": lambda x: laws.minimum(0.3, x),
    "where": lambda x: laws.where(x > 0.5, x, -x),
    "positive": laws.positive,
    "smooth_positive": lambda x: laws.smooth_positive(x, 0.1),
    "smooth_step": lambda x: laws.smooth_step(x, 0.2),
    "michaelis_menten": lambda x: laws.michaelis_menten(x + 10, 3.0, 2.0),
    "hill": lambda x: laws.hill(x, 2.0, 1.5),
    "emax": lambda x: laws.emax(x, 4.0, 2.0, 2),
    "inhibition": lambda x: laws.inhibition(x, 2.0, 0.7, 0.9),
}


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
@given(x=st.floats(-3, 3))
def test_a_law_gives_symbols_the_values_it_gives_numbers(law, x):
    traced = law(X)
    assert isinstance(traced, sympy.Basic)
    assert float(sympy.lambdify([X], traced, "numpy")(x)) == pytest.approx(float(law(x)), rel=1e-12, abs=1e-12)
    assert law(np.array([x, x])) == pytest.approx(float(law(x)), rel=1e-12, abs=1e-12)


@given(x=st.floats(0, 1e6), half=st.floats(1e-3, 1e3), steepness=st.floats(0.5, 6))
def test_hill_rises_from_0_to_1_through_one_half(x, half, steepness):
    assert 0 <= laws.hill(x, half, steepness) <= 1
    assert laws.hill(half, half, steepness) == pytest.approx(0.5)
    assert laws.hill(2 * x, half, steepness) >= laws.hill(x, half, steepness)


def test_a_saturable_law_is_linear_when_small_and_flat_when_large():
    assert laws.michaelis_menten(1e-6, 3.0, 2.0) == pytest.approx(1.5e-6, rel=1e-5)
    assert laws.michaelis_menten(1e9, 3.0, 2.0) == pytest.approx(3.0)
    assert laws.inhibition(1e12, 1.0, maximal=0.8) == pytest.approx(0.2)
