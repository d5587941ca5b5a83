"""Modules join into models by name; what does not fit is named."""

import math

import numpy as np
import pytest
import sympy

from opsonin.errors import ModelError
from opsonin.model import (
    Administration,
    Covariate,
    Hazard,
    Model,
    Modulation,
    Module,
    Process,
    Quantity,
    Signal,
    Species,
    laws,
)
from small_models import combination, inhibitor, oral_drug, parameter


def model(*parts):
    return Model([Module("mine", parts)])


def test_modules_add_up_in_any_grouping():
    a, b, c = oral_drug(), inhibitor(), Module("third", [parameter("third", 1, "")])
    assert (a + b + c).symbolic.content_hash == (a + (b + c)).symbolic.content_hash
    assert Model([a, Model([b, c])]).modules == (a, b, c)


def test_states_are_species_then_cumulative_hazards_and_constants_parameters_then_covariates():
    symbolic = Model([Module("m", [Covariate("weight_kg", "kg", 70.0)]), combination()]).symbolic
    assert symbolic.states == ("gut", "central", "cumulative fever")
    assert symbolic.constants == ("ka", "cl", "v", "ic50", "toxic", "steepness", "k_fever", "weight_kg")
    assert symbolic.typical[-1] == 70.0
    assert symbolic.constant_units[-1] == "kg"
    assert symbolic.thresholds == [(0, 1, 1.0), (0, 2, 0.4), (0, 3, 0.1)]


def test_the_same_definition_twice_is_one():
    once, twice = Model([oral_drug()]), Model([oral_drug(), oral_drug()])
    assert once.symbolic.content_hash == twice.symbolic.content_hash


def test_a_module_given_twice_modulates_once():
    assert Model([combination(), inhibitor()]).symbolic.content_hash == combination().symbolic.content_hash


def test_two_modules_modulate_one_signal_independently():
    def halving(name):
        return Module(name, [Modulation("clearance", lambda ic50, v, central: 0.5 + 0 * central / v / ic50)])

    both = Model([combination(), halving("one"), halving("two")]).symbolic
    alone = combination().symbolic
    ratio = both.rates[1].coeff(both.state_symbols[0]) / alone.rates[1].coeff(alone.state_symbols[0])
    assert ratio == 1
    states = dict(zip(alone.state_symbols, [0.0, 100.0, 0.0], strict=True))
    constants = dict(zip(alone.constant_symbols, alone.typical, strict=True))
    assert float(both.rates[1].subs(states | constants)) == pytest.approx(
        0.25 * float(alone.rates[1].subs(states | constants))
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (parameter("cl", 14, "l/h"), parameter("cl", 15, "l/h")),
        (parameter("cl", 14, "l/h"), Species("cl", "l")),
        (Process("p", lambda a: a, "a"), Process("p", lambda a: 2 * a, "a")),
        (Hazard("h", lambda k: k, "fever"), Hazard("h", lambda k: k, "chills")),
        (Administration("x", "oral", "a"), Administration("x", "oral", "b")),
    ],
)
def test_a_name_defined_differently_is_refused_naming_both_modules(one, other):
    with pytest.raises(ModelError, match=r"'first'.*'second'.*same name but differ"):
        Model([Module("first", [one]), Module("second", [other])])


def test_laws_that_close_over_different_numbers_differ():
    def process(rate):
        return Process("p", lambda a: rate * a, "a")

    Model([Module("first", [process(1.0)]), Module("second", [process(1.0)])])
    with pytest.raises(ModelError, match="same name but differ"):
        Model([Module("first", [process(1.0)]), Module("second", [process(2.0)])])


def test_what_is_no_part_is_refused():
    with pytest.raises(ModelError, match="module 'm' holds 'cl', which is no part"):
        Module("m", ["cl"])
    with pytest.raises(ModelError, match="made of modules"):
        Model([parameter("cl", 1, "l/h")])


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (
            [
                Species("drug", "mg"),
                parameter("clearance", 1, "1/day"),
                Process("p", lambda drug, clearence: 0, "drug"),
            ],
            "process 'p' of module 'mine' .*uses 'clearence', .*did you mean 'clearance'",
        ),
        ([Species("a", "mg"), Process("p", lambda time: 0, "a")], "uses 'time'.*Time is 't', in days"),
        (
            [Species("a", "mg"), Process("p", lambda: 0, "a", "b")],
            "process 'p' .* produces 'b', .*known are a",
        ),
        ([Species("tumour", "mm"), Administration("x", "oral", "tumor")], "lands in 'tumor', .*did you mean 'tumour'"),
        (
            [Signal("killing"), Modulation("kiling", lambda: 2)],
            r"modulates signal 'kiling' \(test_model_composition.py, line \d+\), .*did you mean 'killing'.*"
            "Declared signals: killing",
        ),
        (
            [
                Quantity("a", lambda b: b, ""),
                Quantity("b", lambda s: s, ""),
                Signal("s"),
                Modulation("s", lambda a: a),
            ],
            "circle: a → b → s → a",
        ),
        ([Species("a", "mg", lambda a: a)], "species 'a' .* initial value depends on a, which changes in time"),
        (
            [Species("a", "mg"), Process("p", lambda a: a if a > 0 else 0, "a")],
            r"process 'p' .*py, line \d+\) could not be evaluated on symbols: TypeError.*opsonin\.model\.laws",
        ),
        (
            [Species("a", "mg"), Process("p", lambda a: a / 0, "a")],
            r"process 'p' .*py, line \d+\) gives zoo|is no finite number",
        ),
        (
            [Species("a", "mg"), Process("p", lambda a: a * sympy.Symbol("b"), "a")],
            "process 'p' .* holds the symbols b, which it did not receive",
        ),
        ([Species("a", "mg"), Process("p", lambda *a: a, "a")], r"takes \*a; .*laws\.reading"),
        ([Species("a", "mg"), Process("p", max, "a")], "process 'p' .* whose arguments have no names"),
        ([Species("a", "mg"), Process("p", lambda a: "a", "a")], "could not be evaluated on symbols"),
        ([Species("a", "mg"), Process("p", lambda a: a > 0, "a")], "gives .*, which is no number"),
    ],
)
def test_a_model_that_does_not_hold_together_is_refused_naming_part_and_cause(parts, message):
    with pytest.raises(ModelError, match=message):
        _ = model(*parts).symbolic


def test_a_negative_start_names_species_and_patient():
    made = model(parameter("a0", 1, "mg"), Species("a", "mg", lambda a0: a0 - 0.5 * a0))
    assert made.initial_state(np.array([[1.0], [3.0]])) == pytest.approx(np.array([[0.5], [1.5]]))
    with pytest.raises(ModelError, match="species 'a' starts at -2 mg in patient row 1"):
        made.initial_state(np.array([[1.0], [-4.0]]))


def test_a_species_that_may_be_negative_may_start_there():
    assert model(Species("a", "mg", -1.0, nonnegative=False)).initial_state(np.empty((2, 0))).tolist() == [[-1], [-1]]


def test_quantities_of_constants_may_give_initial_values_in_their_own_units():
    made = model(
        parameter("concentration", 2, "µg/ml"),
        Quantity("amount", lambda concentration, v: concentration * v, "g"),
        parameter("v", 3, "l"),
        Species("a", "mg", lambda amount: amount),
    )
    assert made.initial_state(made.symbolic.typical[None, :])[0] == pytest.approx([6.0])


def test_an_argument_with_a_default_keeps_it_and_names_may_be_made():
    sizes = [parameter(f"size_{k}", k, "mm") for k in (1, 2)]
    growth = [
        Process(f"growth {k}", laws.reading(lambda size, g, k=k: k * size * g, f"size_{k}", "g"), produces="a")
        for k in (1, 2)
    ]
    made = model(*sizes, *growth, parameter("g", 1, "1/day"), Species("a", "mm"))
    assert float(made.symbolic.rates[0].subs(dict(zip(made.symbolic.constant_symbols, (1, 2, 3), strict=True)))) == 15


def test_mass_is_kept_inside_and_lost_at_the_end():
    balance = combination().mass_balance({"gut": 1, "central": 1})
    assert balance == {"absorption": 0.0, "elimination": pytest.approx(-24)}  # mg/h, told per day
    with pytest.raises(ModelError, match=r"'centre'.*did you mean 'central'"):
        combination().mass_balance({"centre": 1})


def test_a_molar_mass_ratio_keeps_the_number_of_molecules():
    made = model(
        parameter("k", 1, "1/day"),
        parameter("m_parent", 493.6, "g/mol"),
        parameter("m_metabolite", 479.6, "g/mol"),
        Species("parent", "mg"),
        Species("metabolite", "µmol"),
        Process(
            "n-demethylation", lambda k, parent: k * parent, "parent", {"metabolite": lambda m_parent: 1 / m_parent}
        ),
    )
    assert made.mass_balance({"parent": 1 / 493.6 * 1000, "metabolite": 1}) == {"n-demethylation": pytest.approx(0)}


@pytest.mark.parametrize("steps", [1, 3, 8])
def test_a_transit_chain_passes_everything_on_erlang_distributed(steps):
    chain = laws.transit("delay", steps, "mean_time", "mg", into="out")
    made = model(parameter("mean_time", 2, "day"), Species("out", "mg"), chain)
    assert all(v == pytest.approx(0) for v in made.mass_balance(dict.fromkeys(made.symbolic.species, 1)).values())
    times = np.linspace(0, 40, 401)
    dose = [(0.0, made.symbolic.species.index("delay_1"), 1.0, 0.0)]
    arrived = made.reference(made.symbolic.typical, dose, times)[:, 0]
    expected = [1 - sum((steps * t / 2) ** n / math.factorial(n) for n in range(steps)) * math.exp(-steps * t / 2)
                for t in times]  # fmt: skip
    assert arrived == pytest.approx(expected, abs=1e-7)


def test_a_transit_chain_is_fed_by_a_law_and_needs_a_step():
    made = model(
        parameter("mean_time", 2, "day"),
        parameter("k", 3, "mg/day"),
        laws.transit("delay", 2, "mean_time", "mg", inflow=lambda k: k),
    )
    assert made.reference(made.symbolic.typical, [], np.array([0.0, 60.0]))[-1] == pytest.approx([3.0, 3.0])
    with pytest.raises(ModelError, match="transit chain 'delay' has 0 steps"):
        laws.transit("delay", 0, "mean_time", "mg")
