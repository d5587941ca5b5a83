"""What a clinic would see of the states, for many patients at once."""

import numpy as np
import pytest

from opsonin.model import Covariate, Model, Modulation, Module, Observable, Quantity, Signal, Species, laws
from small_models import parameter


def tumour():
    return Model(
        [
            Module(
                "tumour",
                [
                    Covariate("lesion_1_mm", "mm", 20.0, meaning="diameter at baseline"),
                    parameter("late", 10, "day"),
                    parameter("least", 1, "cells/µl"),
                    Species("volume", "", 1.0, meaning="relative to baseline"),
                    Species("treg", "cells/µl", 20.0),
                    Species("cd4", "cells/µl", 400.0),
                    Observable(
                        "diameter", "lesions", lambda volume, lesion_1_mm: lesion_1_mm * volume ** (1 / 3), "cm"
                    ),
                    Observable("Treg of CD4+", "measurements", lambda treg, cd4: treg / cd4, "percent"),
                    Observable("floor", "measurements", lambda treg, least: laws.maximum(treg, least), "cells/ml"),
                    Observable("phase", "measurements", lambda t, late: laws.where(t > late, 2, 1), ""),
                    Observable("constant", "measurements", lambda: 3, ""),
                ],
            )
        ]
    )


def test_observables_of_many_patients_are_in_their_units():
    model = tumour()
    names = list(model.symbolic.observables)
    constants = np.array([[10.0, 1.0, 20.0], [10.0, 1.0, 40.0]])
    states = np.array([[[1.0, 20.0, 400.0], [8.0, 0.5, 100.0]], [[27.0, 30.0, 300.0], [1.0, 40.0, 400.0]]])
    seen = model.observe(names, states, constants, np.array([0.0, 20.0]))
    assert seen.shape == (2, 2, 5)
    assert seen[:, :, names.index("diameter")] == pytest.approx(np.array([[2.0, 4.0], [12.0, 4.0]]))
    assert seen[:, :, names.index("Treg of CD4+")] == pytest.approx(np.array([[5.0, 0.5], [10.0, 10.0]]))
    assert seen[:, :, names.index("floor")] == pytest.approx(np.array([[2e4, 1e3], [3e4, 4e4]]))
    assert seen[:, :, names.index("phase")].tolist() == [[1, 2], [1, 2]]
    assert seen[:, :, names.index("constant")].tolist() == [[3, 3], [3, 3]]


def test_a_patient_without_states_is_seen_as_missing_and_no_other():
    model = tumour()
    states = np.array([[[np.nan] * 3], [[1.0, 20.0, 400.0]]])
    seen = model.observe(["Treg of CD4+"], states, np.array([[10.0, 1.0, 20.0]] * 2), np.zeros(1))
    assert np.isnan(seen[0, 0, 0])
    assert seen[1, 0, 0] == pytest.approx(5.0)


def test_a_signal_that_adds_has_a_unit_and_starts_from_nothing():
    def clearance(*modulations):
        parts = [
            Signal("extra", combine="sum", unit="l/h"),
            parameter("cl", 14, "l/h"),
            parameter("dialysis", 240, "l/day"),
            parameter("filter", 50, "ml/min"),
            Quantity("total", lambda cl, extra: cl + extra, "l/h"),
            Observable("total", "measurements", lambda total: total, "l/h"),
        ]
        model = Model([Module("kidney", [*parts, *modulations])])
        return model.observe(["total"], np.empty((1, 1, 0)), model.symbolic.typical[None], np.zeros(1)).item()

    dialysis = Modulation("extra", lambda dialysis: dialysis)
    filtered = Modulation("extra", lambda filter: filter)
    assert clearance() == pytest.approx(14)
    assert clearance(dialysis) == pytest.approx(24)
    assert clearance(dialysis, filtered) == pytest.approx(27)
