"""The large models that the benchmarks are run on are sound: sizes, balance, patients, a finite course."""

import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from opsonin.model import Parameter
from opsonin.simulate import simulate

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
models = import_module("models")
sys.path.pop(0)  # a benchmark is called trial, as is a folder of tests


@pytest.mark.parametrize(("made", "states"), [(models.model_of_40_states, 40), (models.model_of_50_states, 50)])
def test_the_models_have_the_states_they_are_named_for(made, states):
    symbolic = made().symbolic
    assert len(symbolic.states) == states == len(symbolic.rates)


def test_patients_differ_by_seed_and_row_and_stay_positive():
    model = models.model_of_40_states()
    one, again, other = (models.patients(model, 20, seed) for seed in (1, 1, 2))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
    spread = [part.name for part, _ in model.parts(Parameter) if part.spread is not None]
    varies = np.ptp(one, axis=0) > 0
    assert [name for name, different in zip(model.symbolic.constants, varies, strict=True) if different] == spread
    assert (one > 0).all()


def test_one_course_is_finite_and_the_drugs_arrive():
    model = models.model_of_40_states()
    constants = models.patients(model, 1)
    schedule = models.doses(model, constants, cycles=1)
    made = simulate(model, constants, schedule, np.array([0.0, 1.0, 11.0]), method="reference")
    assert not made.failures
    assert np.isfinite(made.states).all()
    assert made.states.min() > -1e-6
    for name in ("ab_plasma", "ki_blood", "il2_tissue"):
        assert made.state(name)[0, 0] == 0 < made.state(name)[0, 2]
    volume = made.state("sensitive_l1")[0] + made.state("sensitive_l2")[0]
    assert volume[2] < volume[0]
