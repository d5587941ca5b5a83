"""Laws of one patient as Python on floats: NumPy's numbers, and NumPy's inf and nan where floats refuse."""

import numpy as np
import pytest

from opsonin.model import Model, Module, Process, Species, laws
from opsonin.model.by_numbers import Steps
from opsonin.model.scalar_code import ScalarCode
from small_models import combination, parameter


def model_of(rate):
    return Model([Module("one", [parameter("k", 2.0, "1/day"), Species("x", "", 1.0), Process("p", rate, "x")])])


def both(model, states):
    symbolic = model.symbolic
    laws = [*symbolic.rates, *symbolic.jacobian.values()]
    code = ScalarCode(symbolic, laws)
    exact = Steps([symbolic.time, *symbolic.state_symbols, *symbolic.constant_symbols], laws)
    written = code.of(symbolic.typical)(3.0, list(states), [])
    return np.array(written), np.array([float(value) for value in exact(3.0, *states, *symbolic.typical)])


@pytest.mark.parametrize("seed", range(5))
def test_rates_and_jacobian_are_those_of_numpy(seed):
    model = combination()
    states = np.random.default_rng(seed).exponential(100.0, len(model.symbolic.states)).tolist()
    written, exact = both(model, states)
    assert written == pytest.approx(exact, rel=1e-13)


@pytest.mark.parametrize(
    "rate",
    [
        lambda k, x: k / x,
        lambda k, x: k * laws.log(x),
        lambda k, x: k * laws.exp(1 / x) * x**0.5,
        lambda k, x: k * laws.where(x > 0, 1 / x, x),
        lambda k, x: k * laws.sqrt(x - 1),
    ],
)
@pytest.mark.parametrize("x", [0.0, 1e-3, 2.0])
def test_what_floats_refuse_is_inf_or_nan(rate, x):
    written, exact = both(model_of(rate), [x])
    assert np.array_equal(np.isnan(written), np.isnan(exact))
    there = ~np.isnan(exact)
    assert written[there] == pytest.approx(exact[there], rel=1e-13)


def test_what_a_patients_constants_fix_is_computed_once():
    model = combination()
    code = ScalarCode(model.symbolic, model.symbolic.rates)
    assert code.hoisted
    assert all(each.free_symbols <= set(model.symbolic.constant_symbols) for each in code.hoisted)
