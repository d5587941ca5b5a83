"""Where a rate has no value, the message names the law, the day and what stands in it."""

import numpy as np
import pytest

from opsonin.errors import ModelError
from opsonin.model import Hazard, Input, Model, Modulation, Module, Process, Quantity, Signal, Species
from opsonin.model.diagnosis import what_is_undefined
from small_models import combination, parameter


def dividing(*more):
    """The rate of 'uptake' divides by a drug that nobody has taken yet."""
    return Model(
        [
            Module(
                "mine",
                [
                    parameter("k", 2.0, "mg**2/day"),
                    Signal("factor"),
                    Species("drug", "mg"),
                    Quantity("inverse", lambda drug: 1 / drug, "1/mg"),
                    Process("uptake", lambda k, inverse, factor: factor * k * inverse, produces="drug"),
                    *more,
                ],
            )
        ]
    )


def test_a_division_by_nought_at_the_start_names_process_quantity_day_and_values():
    made = dividing()
    message = "process 'uptake' is inf on day 0, since quantity 'inverse' is inf: 1/drug, where drug = 0$"
    with pytest.raises(ModelError, match=message):
        made.reference(made.symbolic.typical, [], np.array([0.0, 1.0]))


def test_all_is_well_after_the_first_dose():
    made = dividing()
    symbolic = made.symbolic
    assert what_is_undefined(symbolic, symbolic.typical, np.array([1.0]), 0.0) == ""
    ran = made.reference(symbolic.typical, [(0.0, 0, 1.0, 0.0)], np.array([0.0, 1.0]))
    assert ran[-1, 0] == pytest.approx(np.sqrt(1 + 4))


def test_signals_and_hazards_are_named_too():
    fed = dividing(parameter("other", 1.0, "mg"), Modulation("factor", lambda other, drug: other / drug)).symbolic
    told = what_is_undefined(fed, fed.typical, np.zeros(1), 0.0)
    assert told == (
        "process 'uptake' is inf on day 0, since signal 'factor' is inf: other/drug, where drug = 0, other = 1"
    )
    late = Module("late", [parameter("risk", 1.0, "dimensionless"), Hazard("fever", lambda risk, t: risk / t, "fever")])
    told = what_is_undefined(Model([late]).symbolic, np.ones(1), np.zeros(1), 0.0)
    assert told == "hazard 'fever' is inf on day 0: risk/t, where risk = 1, t = 0"


def test_a_quantity_at_fault_is_named_in_every_law_that_uses_it():
    symbolic = dividing(Process("loss", lambda inverse, k: inverse * k, "drug")).symbolic
    told = what_is_undefined(symbolic, symbolic.typical, np.zeros(1), 3.5)
    assert told.startswith("process 'uptake' is inf on day 3.5, since quantity 'inverse' is inf: 1/drug")


def test_a_constant_a_state_or_an_input_that_is_no_number_is_named_first():
    made = combination().symbolic
    constants = made.typical.copy()
    constants[1] = np.nan
    assert what_is_undefined(made, constants, np.zeros(3), 2.0) == "constant 'cl' is nan on day 2"
    assert what_is_undefined(made, made.typical, np.array([0, np.inf, 0]), 2.0) == "state 'central' is inf on day 2"
    given = dividing(Input("air", "", 1.0)).symbolic
    assert what_is_undefined(given, given.typical, np.ones(1), 0.0, np.array([np.nan])) == "input 'air' is nan on day 0"


def test_constants_that_are_no_numbers_stop_the_reference_path_by_name():
    made = combination()
    constants = made.symbolic.typical.copy()
    constants[made.symbolic.constants.index("toxic")] = np.nan
    with pytest.raises(ModelError, match="constant 'toxic' is nan on day 0"):
        made.reference(constants, [], np.array([0.0, 1.0]))
