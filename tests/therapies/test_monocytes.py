"""Monocytes given back: dose and response, the part that p21 plays, and each of its pathways."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from cell_therapies import Course, cells, patients, union, untreated
from opsonin.model.derived import completed
from opsonin.simulate import build_schedule, intravenous_infusion, simulate

DAYS = (0.0, 14.0, 28.0)
PATHWAYS = {"phagocytosis": "p21_appetite", "interferon": "p21_interferon", "contact": "p21_spread"}


@cache
def treated(amount: float, agent: str = "p21-monocytes", **changed: float) -> Course:
    constants = patients().copy()
    for name, value in changed.items():
        constants[:, union().symbolic.constants.index(name)] = value
    return Course(cells(agent, amount, DAYS), completed(union().symbolic, constants))


def shrinkage(course: Course, day: float = 180.0) -> np.ndarray:
    """How much smaller the tumour is than untreated, in logarithms of living cells."""
    at = np.argmin(abs(course.times - day))
    return np.log(untreated().living[:, at]) - np.log(np.maximum(course.living[:, at], 1e-9))


def test_more_cells_do_more_and_the_burden_falls():
    """Allouch 2022 gives the sign of both, in mice."""
    helped = [np.median(shrinkage(treated(amount))) for amount in (200.0, 1000.0, 5000.0)]
    assert 0 < helped[0] < helped[1] < helped[2]
    assert helped[2] > 5 * helped[0]


def test_one_dose_of_the_size_given_to_patients_seldom_brings_a_response():
    """CT-0508: none of 14 (0 to 23 %), without lymphodepletion."""
    course = Course(cells("p21-monocytes", 5000.0), patients())
    assert course.response() < 0.12
    assert course.events("severe cytokine release syndrome") == 0


def test_unmodified_monocytes_do_hardly_anything():
    control, engineered = treated(5000.0, "monocytes"), treated(5000.0)
    assert abs(np.median(shrinkage(control))) < 0.1 * np.median(shrinkage(engineered))


def test_cells_that_the_vector_missed_are_monocytes_like_any_others():
    missed = treated(5000.0, p21_transduced=0.0)
    control = treated(5000.0, "monocytes")
    day_28 = np.argmin(abs(missed.times - 28))
    assert (missed["p21_macrophages"] == 0).all()
    same = patients().copy()
    at = union().symbolic.constants.index
    for name in ("viability", "homing"):
        same[:, at(f"monocyte_product_{name}")] = same[:, at(f"p21_{name}")]
    alike = Course(cells("monocytes", 5000.0, DAYS), same)
    assert missed["macrophage_inflammatory"][:, day_28] == pytest.approx(
        alike["macrophage_inflammatory"][:, day_28], rel=1e-3
    )
    assert control["macrophage_inflammatory"].shape == alike["macrophage_inflammatory"].shape


def test_repression_of_sirpa_and_a_block_of_cd47_are_one_lever():
    """What SIRPα's repression adds is nothing once CD47 cannot signal."""
    weak, strong = treated(5000.0, p21_sirpa_repression=0.05), treated(5000.0, p21_sirpa_repression=0.95)
    assert np.median(shrinkage(strong)) > 1.1 * np.median(shrinkage(weak))
    silent = [treated(5000.0, p21_sirpa_repression=value, cd47_signal=1e-9) for value in (0.05, 0.95)]
    assert silent[0].living == pytest.approx(silent[1].living, rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("pathway", PATHWAYS)
def test_each_pathway_has_a_part_in_the_benefit(pathway):
    whole = shrinkage(treated(5000.0)).mean()
    without = shrinkage(treated(5000.0, **{PATHWAYS[pathway]: 0.0})).mean()
    assert without < whole
    assert without > -0.05


def test_reprogramming_reaches_macrophages_that_were_not_given():
    """Bystanders: the inflammatory share of the patient's own macrophages, more where contact spreads it."""
    day_28 = np.argmin(abs(treated(5000.0).times - 28))

    def own(course):
        inflammatory, suppressive = course["macrophage_inflammatory"], course["macrophage_suppressive"]
        return np.median((inflammatory / (inflammatory + suppressive))[:, day_28])

    assert own(treated(5000.0)) > own(treated(5000.0, p21_spread=0.0, p21_interferon=0.0)) + 0.01
    assert own(treated(5000.0)) > own(untreated()) + 0.03


def test_infused_cells_leave_blood_in_a_day_and_the_tumour_draws_its_share():
    model = union()
    typical = np.asarray(model.symbolic.typical, dtype=float)[None, :]
    times = np.array([0.0, 0.25, 1.25, 8.0])
    schedule = build_schedule(model, typical, [intravenous_infusion("p21-monocytes", 1000, "Mcell", [0.0], 0.5)])
    made = simulate(model, typical, schedule, times, start=0.0, rtol=1e-8)
    at = list(model.symbolic.states).index
    blood, inside = made.states[0, :, at("p21_blood")], made.states[0, :, at("p21_macrophages")]
    constant = dict(zip(model.symbolic.constants, typical[0], strict=True))
    volume = constant["baseline_cells"] / constant["cell_density"]
    entry = 0.5 * volume / (500 * 5)
    assert blood[2] / blood[1] == pytest.approx(np.exp(-(1 + entry)), rel=0.01)
    assert inside[3] == pytest.approx(900 * entry / (1 + entry) * 0.6 * np.exp(-0.03 * 7), rel=0.06)


@pytest.mark.parametrize(("agent", "prefix"), [("p21-monocytes", "p21"), ("monocytes", "monocyte_product")])
def test_a_dose_of_nought_changes_nothing_and_cells_are_kept(agent, prefix):
    none = treated(0.0, agent)
    assert none.diameter == pytest.approx(untreated().diameter, rel=1e-4)
    assert none.events("infusion related reaction") == 0
    pools = {f"{prefix}_blood": 1, "macrophage_inflammatory": 1, "macrophage_suppressive": 1, "p21_macrophages": 1}
    balance = union().mass_balance(pools)
    assert abs(balance[f"{prefix}_enter"]) < 1e-12
    assert all(change < 1e-12 for name, change in balance.items() if name.startswith(prefix))
