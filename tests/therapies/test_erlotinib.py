"""Erlotinib: published exposure; sensitive cells die, persisters outlast it, resistant cells take over."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from full_core_course import constant, course, patients, replaced, seen, treated, typical
from opsonin.model import Model
from opsonin.simulate import oral

AGENT = ("erlotinib",)
MONTHS = np.arange(0.0, 1441.0, 42.0)


@cache
def model() -> Model:
    return treated(*AGENT)


def mutated(count: int = 200) -> np.ndarray:
    """Patients whose tumour depends on EGFR and grows, and whose T cells hardly see it."""
    constants = patients(AGENT, count)
    few = {name: 0.1 * constant(model(), constants, name) for name in ("specific_precursors", "access")}
    growth = 1.6 * constant(model(), constants, "net_growth_rate")
    return replaced(model(), constants, erlotinib_sensitivity=0.95, net_growth_rate=growth, **few)


def daily(days: float, start: float = 0.0) -> list:
    return [oral("erlotinib", 150, "mg", np.arange(start, days))]


def species(made, name: str) -> np.ndarray:
    return made.states[:, :, model().symbolic.species.index(name)]


def test_one_tablet_follows_the_one_compartment_solution():
    """Lu 2006, Clin Pharmacol Ther 80:136: ka 0.95/h, CL/F 3.95 l/h, V/F 233 l."""
    constants = typical(model())
    hours = np.array([0.5, 2.0, 8.0, 24.0, 72.0])
    made = course(model(), constants, [oral("erlotinib", 150, "mg", np.array([0.0]))], np.r_[0.0, hours / 24])
    ka, ke = 0.95, 3.95 / 233
    expected = 1000 * 150 / 233 * ka / (ka - ke) * (np.exp(-ke * hours) - np.exp(-ka * hours))
    assert seen(model(), made, constants, "erlotinib")[0, 1:] == pytest.approx(expected, rel=1e-3)


def test_troughs_are_those_of_patients():
    """Hamilton 2006, Clin Cancer Res 12:2166: median steady-state trough near 1.3 mg/l in those who do not smoke."""
    constants = typical(model())
    made = course(model(), constants, daily(20), [0.0, 19.99])
    assert seen(model(), made, constants, "erlotinib")[0, -1] == pytest.approx(1280, rel=0.2)


def test_two_subclones_in_one_share_are_two_subclones():
    """The share that resists, against sensitive and resistant cells followed one by one."""
    kill, growth, days = 0.06, 0.03, np.linspace(0, 100, 2001)
    share, cells = 1e-3, 1.0
    for step in np.diff(days):  # midpoint rule
        mid = share + step / 2 * kill * share * (1 - share)
        half = cells * (1 + step / 2 * (growth - kill * (1 - share)))
        cells += step * half * (growth - kill * (1 - mid))
        share += step * kill * mid * (1 - mid)
    resistant, sensitive = 1e-3 * np.exp(growth * 100), 0.999 * np.exp((growth - kill) * 100)
    assert share == pytest.approx(resistant / (resistant + sensitive), rel=1e-4)
    assert cells == pytest.approx(resistant + sensitive, rel=1e-4)


def test_without_the_drug_sensitive_cells_outgrow_resistant_ones_by_the_cost():
    """The odds of resisting fall as exp(-cost x growth x time), and the whole grows by so much more slowly."""
    free = {"persister_share": 1e-12, "persister_return_rate": 0.0, "erlotinib_resistant_share": 0.5}
    odds, grown = [], []
    for cost in (0.0, 0.2):
        constants = typical(model(), erlotinib_resistance_cost=cost, slowing_volume=1e6, **free)
        made = course(model(), constants, [], [0.0, 20.0])
        share = species(made, "erlotinib_resistant")[0]
        odds.append(share[1] / (1 - share[1]))
        grown.append(species(made, "clone_antigen")[0, 1] / species(made, "clone_antigen")[0, 0])
    rate = constant(model(), constants, "gross_growth_rate")[0] * (
        1 - constant(model(), constants, "baseline_volume")[0] / constant(model(), constants, "vessel_supply")[0]
    )
    assert odds[0] == pytest.approx(1.0, rel=1e-4)
    assert np.log(odds[1]) == pytest.approx(-0.2 * rate * 20, rel=0.05)
    sensitive = grown[0] / 2  # half of the cells at first, growing as the tumour without a cost does
    assert grown[1] == pytest.approx(sensitive * (1 + odds[1]), rel=0.02)


@cache
def treated_for_years():
    constants = mutated()
    return constants, course(model(), constants, daily(1440), MONTHS)


def outcomes() -> tuple[float, float, float]:
    """Response rate, months to progression, months of response, from diameters without death or drop-out."""
    constants, made = treated_for_years()
    diameter = seen(model(), made, constants, "tumour_volume") ** (1 / 3)
    grown = np.c_[diameter > 1.2 * np.minimum.accumulate(diameter, axis=1), np.ones((len(diameter), 1), bool)]
    progressed, shrunk = grown.argmax(axis=1), (diameter < 0.7).argmax(axis=1)
    response = (diameter.min(axis=1) < 0.7) & (shrunk <= progressed)
    month = 42 / 30.4
    return (
        response.mean(),
        float(np.median(progressed) * month),
        float(np.median((progressed - shrunk)[response]) * month),
    )


def test_mutated_tumours_respond_and_come_back_within_a_year():
    """Soria 2018, N Engl J Med 378:113: response 76 %, median PFS 10.2 months (calibrated), response 8.5 months."""
    rate, progression, duration = outcomes()
    assert 0.6 < rate < 0.9
    assert 8 < progression < 14
    assert 6 < duration < 15


def test_at_relapse_most_cells_resist():
    """Yu 2013, Clin Cancer Res 19:2240: T790M in 63 % at progression."""
    _, made = treated_for_years()
    assert np.median(species(made, "erlotinib_resistant")[:, 10]) > 0.9
    assert np.median(species(made, "erlotinib_resistant")[:, 0]) < 0.001


def test_persisters_are_what_is_left_of_the_sensitive_cells():
    _, made = treated_for_years()
    persisters, cycling = species(made, "persisters")[:, :2], species(made, "clone_antigen")[:, :2]
    share = np.median(persisters / (cycling + persisters), axis=0)
    assert share[1] > 10 * share[0]


def test_killing_persisters_makes_the_answer_last():
    constants = mutated(60)
    none = replaced(model(), constants, erlotinib_tolerance=0.0, persister_share=1e-9)
    volume = [
        seen(model(), course(model(), row, daily(500), [0.0, 480.0]), row, "tumour_volume")[:, 1]
        for row in (constants, none)
    ]
    assert np.median(volume[1]) < 0.7 * np.median(volume[0])


def test_a_holiday_gives_back_some_sensitivity():
    constants = mutated(30)
    made = course(model(), constants, daily(60), [0.0, 60.0, 160.0])
    resistant = species(made, "erlotinib_resistant")
    assert np.median(resistant[:, 2] / resistant[:, 1]) < 1.0


def test_few_unselected_tumours_respond():
    constants = patients(AGENT, 200)
    diameter = [
        seen(model(), course(model(), constants, given, [0.0, 84.0]), constants, "tumour_volume")[:, 1] ** (1 / 3)
        for given in (daily(84), [])
    ]
    assert ((diameter[0] < 0.7).mean() - (diameter[1] < 0.7).mean()) < 0.12
    assert (diameter[0] <= diameter[1] + 1e-3).all()


def test_rash_comes_as_often_as_published():
    """Reck 2010, J Thorac Oncol 5:1616 (TRUST): rash in 71 % of 6580 patients, 12 % of grade 3 or more."""
    constants = patients(AGENT, 200)
    made = course(model(), constants, daily(60), [0.0, 60.0])
    n = len(model().symbolic.species) + model().symbolic.hazards.index("rash acneiform")
    hazard = made.states[:, -1, n]
    assert (1 - np.exp(-hazard)).mean() == pytest.approx(0.71, abs=0.08)
    assert (1 - np.exp(-0.1 * hazard)).mean() == pytest.approx(0.12, abs=0.05)


def test_a_dose_of_nothing_changes_nothing():
    constants = patients(AGENT, 20)
    untreated = course(model(), constants, [], [0.0, 60.0])
    nothing = course(model(), constants, [oral("erlotinib", 0.0, "mg", np.arange(10.0))], [0.0, 60.0])
    assert nothing.states == pytest.approx(untreated.states, rel=1e-3, abs=1e-5)
