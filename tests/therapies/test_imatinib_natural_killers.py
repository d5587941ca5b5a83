"""Imatinib and natural killer cells in stromal tumours: by way of dendritic cells, whatever the tumour depends on."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from full_core_course import course, patients, replaced, treated
from opsonin.model.derived import completed
from opsonin.patients import indication, sample_patients
from opsonin.simulate import oral

AGENT = ("imatinib-kit",)
TIMES = np.arange(0.0, 741.0, 42.0)


def daily() -> list:
    return [oral("imatinib-kit", 400, "mg", np.arange(0.0, 740.0))]


@cache
def gist() -> np.ndarray:
    return sample_patients(treated(*AGENT), indication("gist"), 120, seed=3).constants


@cache
def with_their_killing() -> tuple[np.ndarray, np.ndarray]:
    return under(gist())


def under(constants: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Share free of progression after two years (growth of diameters alone), and activated cells (patient, time)."""
    model = treated(*AGENT)
    made = course(model, constants, daily(), TIMES)
    size = model.observe(["tumour_volume"], made.states, constants, TIMES)[:, :, 0] ** (1 / 3)
    free = ~(size > 1.2 * np.minimum.accumulate(size, axis=1)).any(axis=1)
    return free, made.states[:, :, model.symbolic.species.index("nk_active")]


@pytest.mark.slow  # two years of daily doses
def test_imatinib_alone_activates_them_and_more_in_some_patients_than_in_others():
    _, active = with_their_killing()
    rise = active[:, 2] / active[:, 0]
    assert 1.5 < np.median(rise) < 3.0
    assert np.quantile(rise, 0.9) > 1.8 * np.quantile(rise, 0.1)


def test_a_tumour_that_does_not_depend_on_kit_changes_nothing_about_that():
    model, made = treated(*AGENT), patients(AGENT, 20)
    rises = []
    for dependence in (0.001, 0.999):
        constants = completed(model.symbolic, replaced(model, made, imatinib_kit_dependence=dependence))
        found = course(model, constants, daily(), TIMES[:3])
        rises.append(found.states[:, -1, model.symbolic.species.index("nk_active")])
    np.testing.assert_allclose(*rises, rtol=1e-4)


@pytest.mark.slow
def test_without_their_killing_more_stromal_tumours_progress_within_two_years():
    """Rusakiewicz 2013, Cancer Res 73:3499 and Ménard 2009, Cancer Res 69:3563: they matter in these tumours."""
    model = treated(*AGENT)
    with_them, _ = with_their_killing()
    without, _ = under(completed(model.symbolic, replaced(model, gist(), nk_kill_rate=0.0)))
    assert with_them.mean() - without.mean() > 0.04


@pytest.mark.slow
def test_patients_whose_cells_answer_imatinib_more_stay_free_of_progression_longer():
    """Ménard 2009: hazard ratio 0.29 (0.12 to 0.70) for the 34 of 56 whose interferon γ had not fallen."""
    free, active = with_their_killing()
    rise = active[:, 2] / active[:, 0]
    answered = rise > np.quantile(rise, 22 / 56)
    assert free[answered].mean() > free[~answered].mean()
