"""The reference path against closed forms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsonin.errors import ModelError
from opsonin.model import Hazard, Model, Module, Process, Species
from small_models import combination, oral_drug, parameter

ORAL = Model([oral_drug()])
TIMES = np.array([0.0, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0])


def one_compartment(ka, ke, dose, days):
    """Amount in plasma after an oral dose at 0 (Bateman 1910), rates per day."""
    return dose * ka / (ka - ke) * (np.exp(-ke * days) - np.exp(-ka * days))


@settings(max_examples=15)
@given(ka=st.floats(0.3, 3), cl=st.floats(1, 30), v=st.floats(50, 400), dose=st.floats(1, 800))
def test_an_oral_dose_follows_the_bateman_function(ka, cl, v, dose):
    if abs(ka - cl / v) < 1e-2:
        return
    states = ORAL.reference(np.array([ka, cl, v]), [(0.0, 0, dose, 0.0)], TIMES)
    expected = one_compartment(24 * ka, 24 * cl / v, dose, TIMES)
    assert states[:, 1] == pytest.approx(expected, rel=1e-6, abs=1e-7 * dose)


def test_doses_add_up_and_show_just_after_their_time():
    made = ORAL
    p = made.symbolic.typical
    both = made.reference(p, [(0.0, 0, 100.0, 0.0), (1.0, 0, 50.0, 0.0)], TIMES)
    late = np.where(TIMES > 1, one_compartment(24 * p[0], 24 * p[1] / p[2], 50.0, np.maximum(TIMES - 1, 0)), 0)
    assert both[:, 1] == pytest.approx(one_compartment(24 * p[0], 24 * p[1] / p[2], 100.0, TIMES) + late, rel=1e-6)
    assert both[0, 0] == 0.0
    assert both[4, 0] < 1.0


def test_an_infusion_rises_to_its_steady_state():
    made = ORAL
    p = made.symbolic.typical
    k = 24 * p[1] / p[2]
    states = made.reference(p, [(0.0, 1, 100.0, 1.0)], TIMES)
    during = 100 / k * (1 - np.exp(-k * np.minimum(TIMES, 1)))
    assert states[:, 1] == pytest.approx(during * np.exp(-k * np.maximum(TIMES - 1, 0)), rel=1e-6)


def test_a_run_in_two_parts_is_the_run_in_one():
    made = combination()
    p, doses = made.symbolic.typical, [(float(day), 0, 400.0, 0.0) for day in range(4)]
    whole = made.reference(p, doses, np.array([0.0, 2.0, 4.0]))
    rest = made.reference(p, doses, np.array([2.0, 4.0]), start=2.0, initial=whole[1])
    assert rest[-1] == pytest.approx(whole[-1], rel=1e-7)


def test_a_constant_hazard_accumulates_in_proportion_to_time():
    made = Model(
        [
            Module(
                "m", [parameter("k", 0.5, "1/week"), Species("a", "mg"), Hazard("death", lambda k: k, "death", "death")]
            )
        ]
    )
    assert made.reference(made.symbolic.typical, [], np.array([0.0, 7.0, 14.0]))[:, 1] == pytest.approx([0, 0.5, 1.0])


@pytest.mark.parametrize("method", ["Radau", "RK45"])
def test_other_methods_agree(method):
    made = combination()
    doses = [(0.0, 0, 400.0, 0.0)]
    usual = made.reference(made.symbolic.typical, doses, TIMES)
    other = made.reference(made.symbolic.typical, doses, TIMES, method=method, rtol=1e-8)
    assert other == pytest.approx(usual, rel=1e-5, abs=1e-6)


def test_a_run_that_blows_up_says_when(monkeypatch):
    monkeypatch.setattr("opsonin.model.reference.MOST_EVALUATIONS", 2000)
    made = Model(
        [
            Module(
                "m",
                [
                    parameter("k", 1, "1/day/mg"),
                    Species("a", "mg", 1.0),
                    Process("p", lambda k, a: k * a**2, None, "a"),
                ],
            )
        ]
    )
    with pytest.raises(ModelError, match="reference path stopped between days 0 and 4"):
        made.reference(made.symbolic.typical, [], np.array([0.0, 4.0]))


def test_tolerances_follow_the_size_of_the_states():
    made = Model(
        [Module("m", [Species("a", "mg", 250.0), Species("b", "mg", scale=1e-3), Species("c", "mg")])]
    ).symbolic
    assert made.absolute_scale.tolist() == [250.0, 1e-3, 1.0]


def test_observing_names_what_is_unknown_and_counts_constants():
    made = combination()
    with pytest.raises(ModelError, match=r"observable 'drugs' .*did you mean 'drug'"):
        made.observe(["drugs"], np.zeros((1, 1, 3)), made.symbolic.typical[None, :], np.zeros(1))
    with pytest.raises(ModelError, match="constants have 2 columns, but the model has 7: ka, cl"):
        made.observe(["drug"], np.zeros((1, 1, 3)), np.zeros((1, 2)), np.zeros(1))
