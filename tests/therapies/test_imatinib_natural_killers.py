"""Imatinib and natural killer cells in stromal tumours: by way of dendritic cells, whatever the tumour depends on."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from full_core_course import course, patients, replaced, treated
from opsonin.patients import indication, sample_patients
from opsonin.simulate import oral

AGENT = ("imatinib-kit",)
TIMES = np.arange(0.0, 741.0, 42.0)


def daily() -> list:
    return [oral("imatinib-kit", 400, "mg", np.arange(0.0, 740.0))]


@cache
def gist() -> np.ndarray:
    return sample_patients(treated(*AGENT), indication("gist"), 120, seed=3).constants


def under(constants: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Diameter relative to the start, and activated cells, (patient, time)."""
    model = treated(*AGENT)
    made = course(model, constants, daily(), TIMES)
    size = model.observe(["tumour_volume"], made.states, constants, TIMES)[:, :, 0] ** (1 / 3)
    return size, made.states[:, :, model.symbolic.species.index("nk_active")]


def free(size: np.ndarray) -> np.ndarray:
    """Whose diameter never grows by a fifth over two years."""
    return np.all(size <= 1.2 * np.minimum.accumulate(size, axis=1), axis=1)


@cache
def both() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sizes of the same patients with and without the cells' killing, and activated cells."""
    size, active = under(gist())
    return size, under(replaced(treated(*AGENT), gist(), nk_kill_rate=0.0))[0], active


@pytest.mark.slow  # two years of daily doses
def test_imatinib_alone_activates_them_and_more_in_some_patients_than_in_others():
    _, _, active = both()
    rise = active[:, 2] / active[:, 0]
    assert 1.5 < np.median(rise) < 3.0
    assert np.quantile(rise, 0.9) > 1.8 * np.quantile(rise, 0.1)


def test_a_tumour_that_does_not_depend_on_kit_changes_nothing_about_that():
    model, made = treated(*AGENT), patients(AGENT, 20)
    rises = []
    for dependence in (0.001, 0.999):
        constants = replaced(model, made, imatinib_kit_dependence=dependence)
        found = course(model, constants, daily(), TIMES[:3])
        rises.append(found.states[:, -1, model.symbolic.species.index("nk_active")])
    np.testing.assert_allclose(*rises, rtol=1e-4)


@pytest.mark.slow
def test_without_their_killing_more_stromal_tumours_progress_within_two_years():
    """Rusakiewicz 2013, Cancer Res 73:3499 and Ménard 2009, Cancer Res 69:3563: they matter in these tumours."""
    with_them, without, _ = both()
    assert free(with_them).mean() - free(without).mean() > 0.03
    assert np.median(with_them[:, -1] / without[:, -1]) < 0.97


@pytest.mark.slow
def test_patients_whose_cells_answer_imatinib_more_gain_more_by_their_killing():
    """Ménard 2009: hazard ratio 0.29 (0.12 to 0.70) for the 34 of 56 whose interferon γ had not fallen."""
    with_them, without, active = both()
    gained = np.log(without[:, 9] / with_them[:, 9])  # after a year
    rise = active[:, 2] / active[:, 0]
    answered = rise > np.quantile(rise, 22 / 56)
    assert np.mean(gained[answered]) > 1.5 * np.mean(gained[~answered]) > 0
