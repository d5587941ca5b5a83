"""Steady states of a model with inputs are those at the inputs' defaults."""

import pytest

from opsonin.model import Input, Model, Module, Process, Species
from opsonin.simulate.steady_state import steady_states
from small_models import parameter


def test_a_steady_state_is_that_at_the_defaults_of_the_inputs():
    made = Model([Module("m", [
        parameter("k", 4.0, "1/day"), Input("pump", "mg/day", 2.0), Species("a", "mg"),
        Process("filling", lambda pump: pump, produces="a"), Process("loss", lambda a, k: k * a, "a"),
    ])])  # fmt: skip
    found = steady_states(made, made.symbolic.typical[None, :])
    assert found.states[0, 0] == pytest.approx([0.5])
