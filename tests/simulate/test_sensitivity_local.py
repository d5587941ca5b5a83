"""Local sensitivities against closed forms and against differences of two simulations."""

import numpy as np
import pytest

from opsonin.errors import ModelError, SimulationError
from opsonin.model import Administration, Hazard, Model, Module, Observable, Parameter, Process, Quantity, Species, laws
from opsonin.simulate import (
    Schedule,
    build_schedule,
    intravenous_bolus,
    intravenous_infusion,
    oral,
    simulate,
    subcutaneous,
)
from opsonin.simulate.sensitivity import sensitivities

ASSUMED = "assumed: a test"
DAYS = np.array([0.0, 0.1, 0.5, 1.0, 2.0, 3.5])


def effect_model(steepness: float = 2.5) -> Model:
    """A drug in one compartment, what it does by a Hill law with a fractional exponent, and an event."""
    return Model(
        [
            Module(
                "drug",
                [
                    Parameter("clearance", 3.0, "l/day", ASSUMED),
                    Parameter("volume", 2.0, "l", ASSUMED),
                    Parameter("absorbed", 0.5, "dimensionless", ASSUMED),
                    Parameter("half", 1.5, "mg/l", ASSUMED),
                    Parameter("steepness", steepness, "dimensionless", ASSUMED),
                    Parameter("growth", 0.4, "1/day", ASSUMED),
                    Parameter("baseline", 3.0, "dimensionless", ASSUMED),
                    Parameter("unused", 1.0, "1/day", ASSUMED),
                    Species("plasma", "mg"),
                    Species("cells", "dimensionless", lambda baseline: baseline),
                    Quantity("concentration", lambda plasma, volume: plasma / volume, "mg/l"),
                    Process("elimination", lambda clearance, concentration: clearance * concentration, "plasma"),
                    Process("growth of cells", lambda growth, cells: growth * cells, produces="cells"),
                    Process(
                        "killing",
                        lambda growth, cells, concentration, half, steepness: (
                            3 * growth * cells * laws.hill(concentration, half, steepness)
                        ),
                        consumes="cells",
                    ),
                    Hazard("event", lambda growth, cells: 0.1 * growth * cells, term="event"),
                    Observable("drug", "concentrations", lambda concentration: concentration, "ng/ml"),
                    Administration("drug", "intravenous bolus", "plasma"),
                    Administration("drug", "intravenous infusion", "plasma"),
                    Administration("drug", "oral", "plasma", fraction=lambda absorbed: absorbed),
                ],
            )
        ]
    )


def differences(model, constants, doses, times, parameter, names, relative=1e-4):
    """Central differences of states and observables, the doses made anew for each."""
    column = model.symbolic.constants.index(parameter)
    ends = []
    for sign in (1, -1):
        moved = constants.copy()
        moved[:, column] *= 1 + sign * relative
        made = simulate(model, moved, build_schedule(model, moved, doses), times, method="reference", rtol=1e-9)
        seen = model.observe([n for n in names if n in model.symbolic.observables], made.states, moved, times)
        states = [made.state(n) for n in names if n not in model.symbolic.observables]
        ends.append(np.concatenate([seen, np.stack(states, axis=2)], axis=2))
    return (ends[0] - ends[1]) / (2 * relative * constants[:, column, None, None])


def test_a_bolus_follows_its_closed_form():
    model = effect_model()
    constants = np.tile(model.symbolic.typical, (2, 1))
    constants[1, model.symbolic.constants.index("clearance")] = 1.0
    schedule = build_schedule(model, constants, [intravenous_bolus("drug", 10.0, "mg", [0.0])])
    made = sensitivities(
        model,
        constants,
        schedule,
        DAYS,
        ["volume", "clearance"],
        outputs=["plasma", "drug"],
        method="reference",
        rtol=1e-9,
    )
    assert made.parameters == ("clearance", "volume")  # in the model's order
    clearance, volume = constants[:, :1], constants[:, 1:2]
    amount = 10 * np.exp(-clearance / volume * DAYS)
    amount[:, 0] = 0.0  # at the time of a dose the state before it
    by_clearance = -DAYS / volume * amount
    by_volume = DAYS * clearance / volume**2 * amount
    assert made.of("plasma") == pytest.approx(np.stack([by_clearance, by_volume], axis=2), rel=1e-6, abs=1e-8)
    per_litre = 1000.0  # the observable is in ng/ml
    by_volume = per_litre * (by_volume / volume - amount / volume**2)
    assert made.of("drug")[:, :, 1] == pytest.approx(by_volume, rel=1e-6, abs=1e-5)
    assert made.relative("plasma")[:, 1:, 0] == pytest.approx(-clearance / volume * DAYS[1:], rel=1e-6)
    assert np.isnan(made.relative("plasma")[:, 0]).all()  # of nothing there is no percentage


@pytest.mark.parametrize("method", ["reference", "rosenbrock"])
def test_every_parameter_agrees_with_differences_of_two_simulations(method):
    model = effect_model()
    constants = np.tile(model.symbolic.typical, (3, 1)) * np.array([[1.0], [0.8], [1.3]])
    doses = [oral("drug", 12.0, "mg", [0.0, 1.0]), intravenous_infusion("drug", 8.0, "mg", [1.5], 6.0)]
    names = ["drug", "plasma", "cells", "cumulative event"]
    parameters = list(model.symbolic.constants)
    made = sensitivities(
        model, constants, build_schedule(model, constants, doses), DAYS, parameters, outputs=names, method=method,
        rtol=1e-7,
    )  # fmt: skip
    assert not made.failures
    for n, parameter in enumerate(parameters):
        expected = differences(model, constants, doses, DAYS, parameter, names, relative=1e-3)
        value = np.abs(made.values).max(axis=(0, 1)) / constants[0, n]
        size = np.abs(expected).max(axis=(0, 1)) + 0.01 * value
        assert np.abs((made.derivatives[..., n] - expected) / size).max() < 5e-5, (
            parameter
        )  # of differences at rtol 1e-9
    assert np.all(made.derivatives[..., parameters.index("unused")] == 0)


def test_a_specific_activity_divides_the_dose(linear, constants):
    """The derivative of a dose by the activity it is divided by is negative: what is added to it is below 0."""
    patients = constants(linear, 1)
    doses = [subcutaneous("cytokine", 100.0, "MIU", [0.0, 1.0])]
    made = sensitivities(
        linear, patients, build_schedule(linear, patients, doses), DAYS, ["activity"], outputs=["gone"],
        method="reference", rtol=1e-9,
    )  # fmt: skip
    activity = patients[0, linear.symbolic.constants.index("activity")]
    assert made.of("gone")[0, :, 0] == pytest.approx(-made.values[0, :, 0] / activity, rel=1e-6)


def test_a_stiff_model_with_time_and_roots_agrees_with_differences(stiff, constants):
    patients = constants(stiff, 2, killing=np.array([0.9, 0.3]))
    times = np.array([0.5, 3.0, 9.0, 14.0])
    doses = [intravenous_bolus("ligand", 0.8, "dimensionless", [0.0, 7.0])]
    names = ["tumour", "debris", "cumulative event"]
    schedule = build_schedule(stiff, patients, doses)
    made = sensitivities(stiff, patients, schedule, times, ["killing", "peak", "release"], outputs=names, rtol=1e-7)
    for n, parameter in enumerate(made.parameters):
        expected = differences(stiff, patients, doses, times, parameter, names, relative=1e-3)
        size = np.abs(expected).max(axis=(0, 1))
        assert np.abs((made.derivatives[..., n] - expected) / size).max() < 1e-4, parameter


def test_an_exponent_has_a_derivative_before_the_first_dose():
    """x^n·log x is 0·∞ at x = 0, where every drug starts."""
    model = effect_model()
    constants = model.symbolic.typical[None, :]
    schedule = build_schedule(model, constants, [intravenous_bolus("drug", 10.0, "mg", [1.0])])
    made = sensitivities(model, constants, schedule, DAYS, ["steepness"], method="reference", rtol=1e-9, start=0.0)
    assert np.isfinite(made.derivatives).all()
    assert np.all(made.of("cells")[0, DAYS <= 1] == 0)
    assert made.of("cells")[0, -1, 0] != 0


def test_a_patient_in_company_has_the_numbers_of_a_patient_alone(linear, constants):
    patients = constants(linear, 5, clearance=np.linspace(60, 180, 5))
    doses = [oral("drug", 100.0, "mg", [0.0, 1.0])]
    arguments = (DAYS, ["ka", "absorbed", "clearance"])
    whole = sensitivities(linear, patients, build_schedule(linear, patients, doses), *arguments)
    alone = sensitivities(linear, patients[3:4], build_schedule(linear, patients[3:4], doses), *arguments)
    assert np.array_equal(whole.derivatives[3], alone.derivatives[0])
    assert np.array_equal(whole.values[3], alone.values[0])


def test_switching_rates_are_told():
    parts = [
        Parameter("threshold", 2.0, "dimensionless", ASSUMED),
        Parameter("growth", 0.4, "1/day", ASSUMED),
        Species("cells", "dimensionless", 1.0),
        Process(
            "growth of cells",
            lambda growth, cells, threshold: laws.where(cells > threshold, 0 * growth, growth * cells),
            produces="cells",
        ),
    ]
    model = Model([Module("cells", parts)])
    made = sensitivities(
        model, model.symbolic.typical[None, :], Schedule.empty(1), DAYS, ["growth"], method="reference", rtol=1e-9
    )
    assert made.switches == ("cells (by cells)",)
    smooth = effect_model()
    patient = smooth.symbolic.typical[None, :]
    made = sensitivities(smooth, patient, Schedule.empty(1), DAYS, ["growth"], method="reference", rtol=1e-9)
    assert made.switches == ()


def test_bad_input_is_named(linear, constants):
    patients = constants(linear, 2)
    schedule = Schedule.empty(2)
    with pytest.raises(ModelError, match=r"parameter 'clearence' is asked for.*'clearance'"):
        sensitivities(linear, patients, schedule, DAYS, ["clearence"])
    with pytest.raises(ModelError, match="no parameter at all"):
        sensitivities(linear, patients, schedule, DAYS, [])
    with pytest.raises(ModelError, match=r"'plasm' is asked for.*'plasma'"):
        sensitivities(linear, patients, schedule, DAYS, ["ka"], outputs=["plasm"])
    with pytest.raises(SimulationError, match="the schedule is for 3 patients, constants for 2"):
        sensitivities(linear, patients, Schedule.empty(3), DAYS, ["ka"])
    with pytest.raises(SimulationError, match="constants have shape"):
        sensitivities(linear, patients[:, 1:], schedule, DAYS, ["ka"])
    none = constants(linear, 2, absorbed=np.array([0.8, 0.0]))
    given = build_schedule(linear, none, [oral("drug", 100.0, "mg", [0.0])])
    with pytest.raises(SimulationError, match="drug, oral: nothing of the dose arrives"):
        sensitivities(linear, none, given, DAYS, ["absorbed"])


def test_a_patient_that_stops_is_named_with_the_parameter(stiff, constants):
    patients = constants(stiff, 2, burst=np.array([0.0, 1.0]))
    times = np.array([0.5, 3.0])
    made = sensitivities(stiff, patients, Schedule.empty(2), times, ["burst"], outputs=["fuse"], start=0.0)
    assert [failure.patient for failure in made.failures] == [1]
    assert "by burst" in made.failures[0].reason
    assert 0.5 < made.failures[0].day < 1.1  # fuse = 1 / (1 − t)
    assert np.isnan(made.of("fuse")[1]).all()
    assert np.isfinite(made.of("fuse")[0]).all()
