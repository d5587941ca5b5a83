"""Imatinib where KIT drives the tumour: the kinetics of imatinib, response and relapse of stromal tumours."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from full_core_course import course, patients, replaced, seen, treated, typical
from opsonin.biology import core
from opsonin.model import Model
from opsonin.model.derived import completed
from opsonin.patients import indication, sample_patients
from opsonin.simulate import oral
from opsonin.therapies import load_agent

AGENT = ("imatinib-kit",)
TIMES = np.arange(0.0, 1441.0, 42.0)


def daily(days: float, agent: str = "imatinib-kit") -> list:
    return [oral(agent, 400, "mg", np.arange(0.0, days))]


@cache
def years():
    """Volumes and resistant shares of stromal tumours under four years of treatment, (patient, time)."""
    model = treated(*AGENT)
    constants = sample_patients(model, indication("gist"), 150, seed=3).constants
    made = course(model, constants, daily(1440), TIMES)
    resistant = made.states[:, :, model.symbolic.species.index("imatinib_kit_resistant")]
    return seen(model, made, constants, "tumour_volume"), resistant


def test_levels_are_those_of_imatinib_in_the_first_trial():
    first = Model([*core(), load_agent("imatinib")])
    here = treated(*AGENT)
    times = [0.0, 0.1, 1.0, 9.9]
    levels = []
    for model, agent, analyte in ((first, "imatinib", "imatinib"), (here, "imatinib-kit", "imatinib (KIT)")):
        constants = completed(model.symbolic, typical(model))
        made = course(model, constants, daily(10, agent), times)
        levels.append(seen(model, made, constants, analyte)[0, 1:])
    assert levels[1] == pytest.approx(levels[0], rel=1e-3)


def test_most_stromal_tumours_respond_and_half_progress_in_the_second_year():
    """Blanke 2008, J Clin Oncol 26:620: response 69 %, median PFS 20 months at 400 mg (calibrated)."""
    diameter = years()[0] ** (1 / 3)
    grown = np.c_[diameter > 1.2 * np.minimum.accumulate(diameter, axis=1), np.ones((len(diameter), 1), bool)]
    progressed = grown.argmax(axis=1)
    response = (diameter.min(axis=1) < 0.7) & ((diameter < 0.7).argmax(axis=1) <= progressed)
    assert 0.6 < response.mean() < 0.85
    assert 12 < np.median(progressed) * 42 / 30.4 < 26


def test_they_shrink_slowly():
    """Demetri 2002, N Engl J Med 347:472: 54 % respond by 9.6 months, more later; hardly any within weeks."""
    diameter = years()[0] ** (1 / 3)
    assert (diameter[:, 1] < 0.7).mean() < 0.5 * (diameter.min(axis=1) < 0.7).mean()


def test_what_comes_back_resists():
    volume, resistant = years()
    back = volume[:, -1] > 1.73 * volume.min(axis=1)
    assert back.mean() > 0.2
    assert np.median(resistant[back, -1]) > 0.8
    assert np.median(resistant[:, 0]) < 0.001


def test_a_tumour_that_does_not_depend_on_kit_grows_on():
    model = treated(*AGENT)
    # but for natural killer cells, which imatinib activates in any patient
    constants = replaced(model, patients(AGENT, 30), imatinib_kit_dependence=1e-6, nk_kill_rate=0.0)
    treated_, untreated = (
        seen(model, course(model, constants, doses, [0.0, 90.0]), constants, "tumour_volume")
        for doses in (daily(90), [])
    )
    assert treated_ == pytest.approx(untreated, rel=1e-3)
