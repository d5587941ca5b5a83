"""Vaccines: T cells rise, few tumours shrink, the adjuvant matters, and a checkpoint block adds to them."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from cell_therapies import Course, cells, patients, union, untreated, vaccine
from opsonin.model.derived import completed

THREE = (0.0, 14.0, 28.0)


@cache
def vaccinated(amount: float = 6.0, **changed: float) -> Course:
    constants = patients().copy()
    for name, value in changed.items():
        constants[:, union().symbolic.constants.index(name)] = value
    return Course(vaccine(amount), completed(union().symbolic, constants))


@cache
def sipuleucel(amount: float = 500.0, **changed: float) -> Course:
    constants = patients().copy()
    for name, value in changed.items():
        constants[:, union().symbolic.constants.index(name)] = value
    return Course(cells("sipuleucel-t", amount, THREE), completed(union().symbolic, constants))


def primed(course: Course, day: float = 45.0) -> np.ndarray:
    """Tumour-specific CD8+ cells of the blood, relative to untreated."""
    at = np.argmin(abs(course.times - day))
    return course["cd8_blood"][:, at] / untreated()["cd8_blood"][:, at]


def test_a_vaccine_raises_t_cells_and_helps_a_few_patients():
    assert np.median(primed(vaccinated(), 30)) > 1.2
    assert untreated().response() <= vaccinated().response() < 0.15
    assert np.median(vaccinated()["cd8_memory"][:, -1] / untreated()["cd8_memory"][:, -1]) > 1.01


def test_antigen_without_the_adjuvant_does_little():
    with_it, without = (
        np.median(primed(vaccinated(), 30)),
        np.median(primed(vaccinated(vaccine_adjuvant_ratio=0.0), 30)),
    )
    assert without - 1 < 0.3 * (with_it - 1)


def test_more_antigen_does_more_up_to_a_limit():
    rise = [np.median(primed(vaccinated(amount), 30)) for amount in (0.06, 0.6, 6.0, 60.0)]
    assert rise[0] < rise[1] < rise[2] < rise[3]
    assert rise[3] - rise[2] < rise[2] - rise[1]


def test_sipuleucel_raises_t_cells_without_shrinking_tumours():
    """IMPACT: survival improved, time to progression no different."""
    assert np.median(primed(sipuleucel())) > 1.1
    assert sipuleucel().response() < untreated().response() + 0.05
    at = np.argmin(abs(sipuleucel().times - 56))
    assert np.median(sipuleucel().diameter[:, at] / untreated().diameter[:, at]) == pytest.approx(1, abs=0.03)
    assert (sipuleucel().living[:, at] <= untreated().living[:, at] * 1.0001).mean() > 0.95


def test_activation_of_the_product_carries_its_effect():
    """Sheikh 2013: survival follows the activation of the cells."""
    weak, strong = sipuleucel(sipuleucel_activation=0.3), sipuleucel(sipuleucel_activation=3.0)
    assert np.median(primed(weak)) < np.median(primed(strong))


def test_symptoms_are_those_of_the_trial():
    """IMPACT: chills in 54.1 %, fever in 29.3 %, nausea in 28.1 % (placebo 12.5, 13.7 and 20.8 %)."""
    assert sipuleucel().events("chills") == pytest.approx(0.541, abs=0.08)
    assert sipuleucel().events("fever") == pytest.approx(0.293, abs=0.08)
    assert 0.05 < sipuleucel().events("nausea") < 0.281


def test_presentation_goes_as_cells_come_and_die():
    course = sipuleucel()
    node = course["sipuleucel_node"]
    at = [np.argmin(abs(course.times - day)) for day in (40.0, 50.0)]
    assert np.log(node[:, at[0]] / node[:, at[1]]) / 10 == pytest.approx(0.3, rel=0.02)
    arrived = 500 * 3 * course["sipuleucel_arrival"]
    assert (node.max(axis=1) < arrived).all()


@pytest.mark.parametrize("agent", ["cancer-vaccine", "sipuleucel-t"])
def test_a_dose_of_nought_changes_nothing(agent):
    none = vaccinated(0.0) if agent == "cancer-vaccine" else sipuleucel(0.0)
    assert none.diameter == pytest.approx(untreated().diameter, rel=1e-4)
    assert none.events("fever") == 0


def test_antigen_is_kept_on_its_way():
    balance = union().mass_balance({"vaccine_depot": 1, "vaccine_node": 1})
    assert abs(balance["vaccine_drains"]) < 1e-12
    assert balance["vaccine_lost"] < 0
    for name in ("vaccine_depot", "vaccine_node", "vaccine_adjuvant"):
        assert (vaccinated()[name] >= 0).all()
