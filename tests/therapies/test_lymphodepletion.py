"""Lymphodepletion: exposure of F-ara-A, depth and recovery of lymphocytes, blood counts."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from cell_therapies import Course, lymphodepletion, patients, union, untreated
from opsonin.simulate import build_schedule, intravenous_infusion, simulate


@cache
def depleted() -> Course:
    return Course(lymphodepletion(), patients())


def test_exposure_is_dose_over_clearance():
    """Langenhorst 2019: 3.24 l/h and 0.782 of filtration at 70 kg; all of a dose is in the two volumes or gone."""
    model = union()
    typical = np.asarray(model.symbolic.typical, dtype=float)[None, :]
    times = np.linspace(0.0, 12.0, 4801)
    schedule = build_schedule(model, typical, [intravenous_infusion("fludarabine", 100, "mg", np.array([0.0]), 0.5)])
    made = simulate(model, typical, schedule, times, start=0.0, rtol=1e-8)
    level = model.observe(["fludarabine"], made.states, typical, times)[0, :, 0]  # ng/ml
    clearance = (3.24 + 0.782 * 6.0) * (72 / 70) ** 0.75
    assert np.trapezoid(level, times * 24) / 1000 == pytest.approx(78.1 / clearance, rel=2e-3)
    late = [np.argmin(abs(times - day)) for day in (3.0, 4.0)]
    half_life = 24 * np.log(2) / np.log(level[late[0]] / level[late[1]])
    assert 15 < half_life < 25  # product information: about 20 h


def test_lymphocytes_fall_below_a_fifth_and_are_half_way_back_after_two_months():
    course = depleted()
    relative = (course["cd4_cells"] + course["cd8_cells"]) / (course["cd4_baseline"] + course["cd8_baseline"])[:, None]
    at = {day: np.argmin(abs(course.times - day)) for day in (0, 30, 60)}
    assert np.median(relative.min(axis=1)) < 0.1
    assert np.median(relative[:, at[0]]) < 0.2
    assert np.median(relative[:, at[0]]) < np.median(relative[:, at[30]]) < np.median(relative[:, at[60]])
    assert np.median(relative[:, at[60]]) > 0.5


def test_regulatory_cells_fall_too():
    course = depleted()
    assert np.median(course["treg_cells"].min(axis=1) / course["treg_cells"][:, 0]) < 0.15


def test_neutropenia_is_all_but_certain_and_nothing_happens_without_a_dose():
    assert depleted().events("neutrophil count decreased") > 0.97
    assert untreated().events("neutrophil count decreased") == 0
    none = Course([intravenous_infusion("fludarabine", 0.0, "mg", np.array([-7.0]), 0.5)], patients())
    assert none["cd8_cells"] == pytest.approx(untreated()["cd8_cells"], rel=1e-6)
