"""The linear part of a model, advanced exactly: which states it holds, and that nothing else can be told from it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsonin.model import Administration, Hazard, Model, Module, Parameter, Process, Species
from opsonin.model.linear_part import linear_part, modes
from opsonin.simulate import build_schedule, intravenous_infusion, oral, simulate
from opsonin.simulate.regimen import intravenous_bolus

ASSUMED = "assumed: a test"


def two_compartments() -> Model:
    """Oral drug in two compartments that kills cells at a saturating rate, and a hazard that follows it."""
    rates = {"ka": 12.0, "ke": 1.5, "k12": 0.8, "k21": 0.5, "growth": 0.1, "killing": 0.4}
    return Model(
        [
            Module(
                "drug and cells",
                [
                    *(Parameter(name, value, "1/day", ASSUMED) for name, value in rates.items()),
                    Parameter("half", 3.0, "mg", ASSUMED),
                    Parameter("share", 0.02, "1/mg/day", ASSUMED),
                    *(Species(name, "mg") for name in ("depot", "central", "peripheral", "gone")),
                    Species("cells", "dimensionless", 5.0),
                    Process("absorption", lambda ka, depot: ka * depot, consumes="depot", produces="central"),
                    Process("loss", lambda ke, central: ke * central, consumes="central", produces="gone"),
                    Process("out", lambda k12, central: k12 * central, consumes="central", produces="peripheral"),
                    Process(
                        "back", lambda k21, peripheral: k21 * peripheral, consumes="peripheral", produces="central"
                    ),
                    Process("divide", lambda growth, cells: growth * cells, produces="cells"),
                    Process(
                        "kill",
                        lambda killing, central, half, cells: killing * central / (central + half) * cells,
                        consumes="cells",
                    ),
                    Hazard("fall", lambda share, central: share * central, term="fall"),
                    Administration("drug", "oral", "depot"),
                    Administration("drug", "intravenous bolus", "central"),
                    Administration("drug", "intravenous infusion", "central"),
                ],
            )
        ]
    )


MODEL = two_compartments()


def patients(**rates: float) -> np.ndarray:
    constants = np.tile(MODEL.symbolic.typical, (3, 1))
    for name, value in rates.items():
        constants[:, MODEL.symbolic.constants.index(name)] = value
    return constants


def test_the_linear_part_is_what_decays_by_itself_and_depends_on_nothing_else():
    names = [MODEL.symbolic.states[i] for i in linear_part(MODEL.symbolic)]
    assert names == ["depot", "central", "peripheral"]  # what is gone never decays, cells depend on the drug


rate = st.floats(0.01, 30.0)


@settings(max_examples=15)
@given(ka=rate, ke=rate, k12=rate, k21=rate)
def test_what_is_advanced_exactly_agrees_with_the_reference_path(ka, ke, k12, k21):
    constants = patients(ka=ka, ke=ke, k12=k12, k21=k21)
    doses = [
        oral("drug", 10.0, "mg", [0.0, 1.0, 1.4]),
        intravenous_infusion("drug", 5.0, "mg", [0.5, 2.0], hours=[6.0, 30.0]),
        intravenous_bolus("drug", 3.0, "mg", [2.5]),
    ]
    schedule = build_schedule(MODEL, constants, doses)
    times = np.linspace(0.0, 5.0, 41)
    limits = np.array([[0.05], [0.3], [np.inf]])
    made = simulate(MODEL, constants, schedule, times, thresholds=limits, method="rosenbrock", rtol=1e-7)
    oracle = simulate(MODEL, constants, schedule, times, thresholds=limits, method="reference", rtol=1e-9)
    scale = np.abs(oracle.states).max(axis=(0, 1))
    np.testing.assert_allclose(made.states / scale, oracle.states / scale, atol=3e-6)
    np.testing.assert_allclose(made.crossings, oracle.crossings, atol=1e-4)


@pytest.mark.parametrize("rates", [{"ka": 1.5, "k12": 1e-9}, {"ka": 2.0, "ke": 2.0}, {"k12": 1e-12, "k21": 1.5}])
def test_equal_rates_have_no_modes_and_are_moved_apart(rates):
    constants = patients(**rates)
    found = modes(MODEL.symbolic, linear_part(MODEL.symbolic), constants)
    assert found.good.all()
    schedule = build_schedule(MODEL, constants, [oral("drug", 10.0, "mg", [0.0])])
    times = np.linspace(0.0, 4.0, 17)
    made = simulate(MODEL, constants, schedule, times, rtol=1e-8)
    oracle = simulate(MODEL, constants, schedule, times, method="reference", rtol=1e-10)
    np.testing.assert_allclose(made.states, oracle.states, rtol=2e-6, atol=2e-6)


def test_a_patient_whose_part_has_no_modes_is_integrated_whole():
    constants = patients()
    constants[1, MODEL.symbolic.constants.index("ke")] = 0.0
    constants[1, MODEL.symbolic.constants.index("k12")] = 0.0  # the drug never leaves
    found = modes(MODEL.symbolic, linear_part(MODEL.symbolic), constants)
    assert found.good.tolist() == [True, False, True]
    schedule = build_schedule(MODEL, constants, [oral("drug", 10.0, "mg", [0.0])])
    made = simulate(MODEL, constants, schedule, np.array([0.0, 2.0]))
    assert made.states[1, -1, 1] == pytest.approx(10.0, rel=1e-4)


def test_the_modes_are_those_of_the_rates():
    constants = patients()
    found = modes(MODEL.symbolic, linear_part(MODEL.symbolic), constants)
    again = found.shapes @ (found.rates[:, :, None] * found.back)
    ka, ke, k12, k21 = (constants[0, MODEL.symbolic.constants.index(name)] for name in ("ka", "ke", "k12", "k21"))
    np.testing.assert_allclose(again[0], [[-ka, 0, 0], [ka, -ke - k12, k21], [0, k12, -k21]], atol=1e-9)


def test_modes_do_not_depend_on_the_other_patients():
    constants = np.tile(MODEL.symbolic.typical, (700, 1))
    constants[:, MODEL.symbolic.constants.index("ke")] *= np.linspace(0.0, 3.0, 700)  # the first cannot be taken apart
    schedule = build_schedule(MODEL, constants, [oral("drug", 10.0, "mg", [0.0])])
    together = simulate(MODEL, constants, schedule, np.array([0.0, 1.0, 2.0]))
    for row in (0, 1, 350, 699):
        one = np.array([row])
        alone = simulate(MODEL, constants[one], schedule.rows(one), np.array([0.0, 1.0, 2.0]))
        assert alone.states.tobytes() == together.states[one].tobytes()


def absorbed_and_gone() -> Model:
    """Nothing but a linear part: no state is left to integrate."""
    return Model(
        [
            Module(
                "linear",
                [
                    Parameter("ka", 3.0, "1/day", ASSUMED),
                    Parameter("ke", 1.0, "1/day", ASSUMED),
                    Species("depot", "mg"),
                    Species("central", "mg"),
                    Process("absorption", lambda ka, depot: ka * depot, consumes="depot", produces="central"),
                    Process("loss", lambda ke, central: ke * central, consumes="central"),
                    Administration("drug", "oral", "depot"),
                    Administration("drug", "intravenous infusion", "central"),
                ],
            )
        ]
    )


@pytest.mark.parametrize("method", ["rosenbrock", "explicit", "auto"])
def test_a_model_that_is_all_linear_is_advanced_exactly_by_every_method(method):
    model = absorbed_and_gone()
    constants = np.tile(model.symbolic.typical, (9, 1))
    constants[:, 0] = np.linspace(0.5, 4.5, 9)  # one of them has equal rates
    doses = [oral("drug", 8.0, "mg", [0.0, 1.0]), intravenous_infusion("drug", 2.0, "mg", [0.5], hours=30)]
    schedule = build_schedule(model, constants, doses)
    times = np.linspace(0.0, 6.0, 25)
    made = simulate(model, constants, schedule, times, method=method)
    exact = simulate(model, constants, schedule, times, method="reference", rtol=1e-9)
    np.testing.assert_allclose(made.states, exact.states, rtol=1e-6, atol=1e-8)


def test_an_infusion_too_large_for_a_number_fails_and_does_not_become_nought():
    model = absorbed_and_gone()
    schedule = build_schedule(
        model, model.symbolic.typical[None], [intravenous_infusion("drug", 1e308, "mg", [1.0], hours=1e-3)]
    )
    made = simulate(model, model.symbolic.typical[None], schedule, np.array([0.0, 2.0]))
    assert str(made.failures[0]).startswith("patient row 0: a state or its rate is no longer a finite number")
    assert made.failures[0].day == 1.0


@pytest.mark.parametrize("state", ["central", "cells"])  # advanced exactly; integrated
def test_an_amount_that_begins_below_nought_is_named(state):
    initial = np.tile([1.0, 1.0, 1.0, 0.0, 5.0, 0.0], (3, 1))
    place = MODEL.symbolic.states.index(state)
    initial[1, place], initial[2, place] = -2.0, -1e-9  # the last is what another solver's rounding leaves
    made = simulate(
        MODEL, patients(), build_schedule(MODEL, patients(), []), np.array([0.5, 1.0]), start=0.5, initial_state=initial
    )
    assert [failure.patient for failure in made.failures] == [1]
    assert f"species '{state}' begins at -2" in made.failures[0].reason
    assert "cannot be negative" in made.failures[0].reason
    assert made.states[2, 0, place] == 0.0
