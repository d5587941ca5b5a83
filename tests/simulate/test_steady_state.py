"""Steady states against closed forms; models that have none."""

import numpy as np
import pytest

from opsonin.errors import ModelError, SimulationError
from opsonin.model import Model, Module, Parameter, Process, Species, laws
from opsonin.simulate.steady_state import steady_states

ASSUMED = "assumed: a test"


def module_of(*parts) -> Model:
    return Model([Module("test", list(parts))])


def rate(name: str, value: float) -> Parameter:
    return Parameter(name, value, "1/day", ASSUMED)


def toggle() -> Model:
    """Two genes that repress each other: two stable steady states and a saddle between them."""
    return module_of(
        rate("a", 5.0),
        rate("k", 1.0),
        Species("u", "dimensionless", 1.0),
        Species("v", "dimensionless", 0.5),
        Process("makes u", lambda a, v: a / (1 + v**2), produces="u"),
        Process("makes v", lambda a, u: a / (1 + u**2), produces="v"),
        Process("loses u", lambda k, u: k * u, consumes="u"),
        Process("loses v", lambda k, v: k * v, consumes="v"),
    )


def test_an_infusion_comes_to_rate_over_elimination(linear, constants):
    patients = constants(linear, 3, clearance=np.array([120.0, 60.0, 240.0]))
    made = steady_states(
        linear, patients, infusions={("drug", "intravenous infusion"): np.array([100.0, 100.0, 30.0])}, ignore=["gone"]
    )
    assert np.all(made.count == 1)
    assert made.stable.all()
    assert made.state("plasma")[:, 0] == pytest.approx([50.0, 100.0, 7.5], rel=1e-9)
    assert made.eigenvalues[0, 0].real == pytest.approx([-2.0, -6.0])  # clearance / volume, ka
    assert made.ignored == ("gone",)
    assert made.first.shape == (3, len(linear.symbolic.states))


def test_both_stable_states_and_the_saddle_of_a_toggle_are_found():
    model = toggle()
    made = steady_states(model, np.tile(model.symbolic.typical, (4, 1)), starts=20)
    high, low = (5 + np.sqrt(21)) / 2, (5 - np.sqrt(21)) / 2  # u + v = 5, u·v = 1
    for patient in range(4):
        found = sorted(zip(made.states[patient, :, 0], made.stable[patient].tolist(), strict=True))
        assert [stable for _, stable in found] == [True, False, True]
        assert [u for u, _ in found] == pytest.approx([low, 1.5159802277, high], rel=1e-8)  # u + u³ = 5 between
    assert made.first[:, 0] == pytest.approx(high)  # u starts ahead


def test_the_first_state_is_where_the_model_itself_goes():
    """Growth to a ceiling: 0 is steady too, but nothing stays there."""
    model = module_of(
        rate("growth", 0.02),
        Parameter("ceiling", 40.0, "dimensionless", ASSUMED),
        Species("cells", "dimensionless", 0.001),
        Process("grows", lambda growth, cells, ceiling: growth * cells * (1 - cells / ceiling), produces="cells"),
    )
    made = steady_states(model, model.symbolic.typical[None, :])
    assert made.first[0] == pytest.approx([40.0])
    assert made.stable[0, 0]


def test_a_conserved_whole_stays_what_it_was():
    model = module_of(
        rate("there", 2.0),
        rate("back", 1.0),
        Species("x", "mg", 3.0),
        Species("z", "mg"),
        Process("there", lambda there, x: there * x, consumes="x", produces="z"),
        Process("back", lambda back, z: back * z, consumes="z", produces="x"),
    )
    made = steady_states(model, model.symbolic.typical[None, :])
    assert made.count.tolist() == [1]
    assert made.first[0] == pytest.approx([1.0, 2.0], rel=1e-9)
    assert made.stable[0, 0]


def test_two_calls_give_the_same_and_rows_do_not_depend_on_each_other():
    model = toggle()
    constants = np.tile(model.symbolic.typical, (3, 1))
    constants[:, 0] = [4.0, 5.0, 6.0]
    one, two = (steady_states(model, constants, starts=5) for _ in range(2))
    assert np.array_equal(one.states, two.states, equal_nan=True)
    first = steady_states(model, constants[:1], starts=5)
    count = int(first.count[0])
    assert first.states[0, :count] == pytest.approx(one.states[0, :count], rel=1e-12)


def test_what_grows_for_ever_is_named(linear, constants):
    with pytest.raises(SimulationError, match=r"patient row 0 \(and in 1 others\).*gone from .* ignore=\['gone'\]"):
        steady_states(linear, constants(linear, 2), infusions={("drug", "intravenous infusion"): 100.0})
    model = module_of(
        rate("supply", 1.0),
        Species("antigen", "dimensionless"),
        Species("cells", "dimensionless", 1.0),
        Process("supply", lambda supply: supply, produces="antigen"),
        Process("cells made", lambda supply, antigen: supply * laws.hill(antigen, 1), produces="cells"),
        Process("cells lost", lambda supply, cells: supply * cells, consumes="cells"),
    )
    with pytest.raises(SimulationError, match=r"antigen from 1e.03 .* at day 1,000 to 1e.04 at day 10,000") as told:
        steady_states(model, model.symbolic.typical[None, :])
    assert "cells" not in str(told.value).split(";")[0].split("antigen")[1]


def test_a_steady_state_below_nought_is_none():
    """Supply and growth without loss: only a negative amount would stand still."""
    model = module_of(
        rate("supply", 0.1),
        rate("growth", 0.1),
        Species("cells", "dimensionless", 1.0),
        Process("supply", lambda supply: supply, produces="cells"),
        Process("growth of cells", lambda growth, cells: growth * cells, produces="cells"),
    )
    with pytest.raises(SimulationError, match=r"cells from .* their production has to be balanced by a loss"):
        steady_states(model, model.symbolic.typical[None, :])


def test_what_grows_from_nothing_stands_still_only_at_nothing():
    model = module_of(
        rate("growth", 0.1),
        Species("cells", "dimensionless", 1.0),
        Process("growth of cells", lambda growth, cells: growth * cells, produces="cells"),
    )
    made = steady_states(model, model.symbolic.typical[None, :])
    assert made.states[0, :, 0].tolist() == [0.0]
    assert not made.stable.any()
    assert steady_states(model, np.zeros((0, 1))).states.shape == (0, 0, 1)  # nobody has none


def test_an_oscillation_is_not_called_a_steady_state_but_its_centre_is_unstable():
    """Lotka and Volterra's predators and prey turn round a centre, at which they would stand still."""
    model = module_of(
        rate("k", 1.0),
        Species("prey", "dimensionless", 0.5),
        Species("predator", "dimensionless", 1.5),
        Process("birth", lambda k, prey: k * prey, produces="prey"),
        Process("catch", lambda k, prey, predator: k * prey * predator, consumes="prey", produces="predator"),
        Process("death", lambda k, predator: k * predator, consumes="predator"),
    )
    made = steady_states(model, model.symbolic.typical[None, :], starts=20)
    centre = np.flatnonzero(np.abs(made.states[0, :, 0] - 1) < 1e-6)
    assert len(centre) == 1
    assert made.eigenvalues[0, centre[0]].imag == pytest.approx([1.0, -1.0])


def test_bad_input_is_named(linear, stiff, constants):
    with pytest.raises(SimulationError, match="rates of tumour depend on time itself"):
        steady_states(stiff, constants(stiff, 1))
    with pytest.raises(ModelError, match=r"'gon' is to be ignored.*'gone'"):
        steady_states(linear, constants(linear, 1), ignore=["gon"])
    with pytest.raises(SimulationError, match="'depot' cannot be ignored: the rate of 'plasma' depends on it"):
        steady_states(linear, constants(linear, 1), ignore=["depot"])
    with pytest.raises(SimulationError, match="does not administer 'drug' by 'nasal'; it knows drug, oral;"):
        steady_states(linear, constants(linear, 1), infusions={("drug", "nasal"): 1.0})
    with pytest.raises(SimulationError, match="the infusion is nan"):
        steady_states(linear, constants(linear, 1), infusions={("drug", "intravenous infusion"): float("nan")})
