"""Derived constants: computed once for each patient, the same as quantities put into every law."""

from __future__ import annotations

import numpy as np
import pytest

from opsonin.errors import ModelError
from opsonin.model import Derived, Model, Module, Observable, Parameter, Process, Quantity, Species
from opsonin.model.derived import completed
from opsonin.simulate import build_schedule, simulate
from opsonin.simulate.sensitivity import sensitivities


def decay(kind: type) -> Model:
    """x begins at 2 × start and decays at 4 × base, by way of derived constants or of quantities."""
    return Model(
        [
            Module(
                "decay",
                [
                    Parameter("base", 0.5, "1/day", "assumed: a test"),
                    Parameter("start", 8.0, "mg", "assumed: a test"),
                    kind("rate", lambda twice, base: twice**2 / base, "1/day"),
                    kind("twice", lambda base: 2 * base, "1/day"),
                    kind("begin", lambda start, twice, base: start * twice / base, "mg"),
                    Species("x", "mg", lambda begin: begin),
                    Process("lost", lambda x, rate: rate * x, consumes="x"),
                    Observable("x seen", "measurements", lambda x, twice, base: x * twice / base, "mg"),
                ],
            )
        ]
    )


def constants_of(model: Model, base: float) -> np.ndarray:
    made = model.symbolic.typical[None, :].copy()
    made[:, model.symbolic.constants.index("base")] = base
    return completed(model.symbolic, made)


def test_derived_constants_stand_behind_the_given_ones_in_the_order_of_their_dependence():
    symbolic = decay(Derived).symbolic
    assert symbolic.constants == ("base", "start", "twice", "rate", "begin")
    assert symbolic.typical == pytest.approx([0.5, 8.0, 1.0, 2.0, 16.0])


@pytest.mark.parametrize("method", ["rosenbrock", "reference"])
def test_a_model_with_derived_constants_gives_what_it_gives_with_quantities(method):
    times = np.linspace(0, 3, 7)
    seen = []
    for kind in (Derived, Quantity):
        model = decay(kind)
        constants = constants_of(model, 0.3)
        made = simulate(model, constants, build_schedule(model, constants, []), times, start=0.0, method=method)
        seen.append(model.observe(["x seen"], made.states, constants, times)[0, :, 0])
    assert seen[0] == pytest.approx(seen[1], rel=1e-6)
    assert seen[0] == pytest.approx(32.0 * np.exp(-1.2 * times), rel=1e-4)


def test_whatever_stands_in_their_columns_is_computed_again():
    model = decay(Derived)
    constants = constants_of(model, 0.3)
    wrong = constants.copy()
    wrong[:, 2:] = 99.0
    assert completed(model.symbolic, wrong) == pytest.approx(constants)
    assert completed(model.symbolic, constants[:, :2]) == pytest.approx(constants)
    assert model.initial_state(wrong) == pytest.approx(np.array([[16.0]]))


def test_sensitivities_go_through_derived_constants_by_the_chain_rule():
    times, found = np.array([0.0, 1.0, 2.0]), []
    for kind in (Derived, Quantity):
        model = decay(kind)
        constants = constants_of(model, 0.3)
        made = sensitivities(
            model, constants, build_schedule(model, constants, []), times, ["base", "start"], start=0.0
        )
        found.append((made.of("x"), made.of("x seen")))
    for one, other in zip(*found, strict=True):
        assert one == pytest.approx(other, rel=1e-6)


def test_a_derived_constant_of_what_changes_in_time_is_refused():
    model = Model(
        [
            Module(
                "wrong",
                [
                    Species("x", "mg", 1.0),
                    Derived("twice", lambda x: 2 * x, "mg"),
                    Process("lost", lambda twice: twice, consumes="x"),
                ],
            )
        ]
    )
    with pytest.raises(ModelError, match="depends on x, which changes in time"):
        _ = model.symbolic


def test_a_circle_of_derived_constants_is_named():
    model = Model(
        [
            Module(
                "round",
                [
                    Derived("one", lambda two: two, "mg"),
                    Derived("two", lambda one: one, "mg"),
                    Species("x", "mg", lambda one: one),
                ],
            )
        ]
    )
    with pytest.raises(ModelError, match="circle: one → two → one"):
        _ = model.symbolic


def test_constants_of_another_width_are_refused():
    with pytest.raises(ModelError, match="3 columns, but the model has 2 beside its 3 derived ones: base, start"):
        completed(decay(Derived).symbolic, np.ones((1, 3)))
