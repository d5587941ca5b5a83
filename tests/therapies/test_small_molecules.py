"""Pexidartinib and motixafortide: published exposure, receptors, and the cells of the tumour that follow."""

from __future__ import annotations

import numpy as np
import pytest

from full_core_course import alone, constant, course, patients, seen, treated, typical, with_ledger
from opsonin.simulate import oral, subcutaneous

BOTH = ("motixafortide", "pexidartinib")
TWICE_A_DAY = np.arange(0.0, 28.0, 0.5)


def species(model, made, name: str) -> np.ndarray:
    return made.states[:, :, model.symbolic.species.index(name)]


@pytest.mark.parametrize(
    ("agent", "route", "first"),
    [("pexidartinib", oral, "pexidartinib_gut"), ("motixafortide", subcutaneous, "motixafortide_site")],
)
def test_what_was_given_is_in_the_body_or_gone(agent, route, first):
    model, ledgers = with_ledger(agent)
    ledger = [name for process, name in ledgers.items() if agent in process]
    made = course(
        model, typical(model), [route(agent, 90.0, "mg", np.array([0.0, 1.0]))], [0.01, 0.5, 1.5, 9.0], rtol=1e-8
    )
    whole = sum(species(model, made, name)[0] for name in [first, agent, *ledger])
    assert whole == pytest.approx([90.0, 90.0, 180.0, 180.0], rel=1e-6) or whole[1:] == pytest.approx(
        [90, 180, 180], rel=1e-6
    )


def test_pexidartinib_meets_its_published_exposure():
    """Product information: 400 mg twice a day, area over 12 hours 77.5 mg·h/l, peak 8.6 mg/l after 2.5 h, 3.6-fold."""
    model = alone("pexidartinib")
    constants = typical(model)
    times = np.arange(0.0, 28.0, 1 / 96)
    made = course(model, constants, [oral("pexidartinib", 400, "mg", TWICE_A_DAY)], times)
    level = seen(model, made, constants, "pexidartinib")[0] / 1000  # ng/ml to mg/l
    day = (times >= 27.5) & (times < 28.0)
    steady = np.trapezoid(level[day], times[day] * 24)
    first = np.trapezoid(level[times < 0.5], times[times < 0.5] * 24)
    assert steady == pytest.approx(77.5, rel=0.2)
    assert level[day].max() == pytest.approx(8.6, rel=0.25)
    assert steady / first == pytest.approx(3.6, rel=0.3)
    assert 1.5 < 24 * (times[day][level[day].argmax()] - 27.5) < 3.5


def test_pexidartinib_thins_suppressive_macrophages():
    """Gomez-Roca 2019, Ann Oncol 30:1381 (emactuzumab): suppressive macrophages fall to a plateau."""
    model = treated(*BOTH)
    constants = patients(BOTH, 100)
    times = [0.0, 28.0, 56.0]
    without = seen(model, course(model, constants, [], times), constants, "suppressive_density")
    doses = [oral("pexidartinib", 400, "mg", np.arange(0.0, 56.0, 0.5))]
    made = course(model, constants, doses, times)
    density = seen(model, made, constants, "suppressive_density")
    left = np.median(density[:, 1:] / without[:, 1:], axis=0)
    assert left[0] < 0.6
    assert left[1] == pytest.approx(left[0], rel=0.25)
    assert np.median(seen(model, made, constants, "csf1r_free")[:, 1]) < 0.35


def test_motixafortide_is_gone_in_a_day_and_holds_its_receptor_for_days():
    model = alone("motixafortide")
    constants = typical(model)
    made = course(
        model, constants, [subcutaneous("motixafortide", 90.0, "mg", np.array([0.0]))], [0.0, 0.1, 1.0, 3.0, 10.0]
    )
    level, hold = seen(model, made, constants, "motixafortide")[0], species(model, made, "cxcr4_held")[0]
    assert level[2] < 0.01 * level[1]
    assert hold[1] > 0.8
    assert 0.2 < hold[3] < 0.6
    assert hold[4] < 0.05


def test_motixafortide_brings_t_cells_into_the_tumour_and_keeps_suppressor_cells_out():
    model = treated(*BOTH)
    constants = patients(BOTH, 100)
    times = [0.0, 14.0, 28.0]
    doses = [
        subcutaneous(
            "motixafortide",
            1.25 * constant(model, constants, "weight_kg")[:, None] * np.ones((1, 28)),
            "mg",
            np.arange(28.0),
        )
    ]
    with_it, without = (course(model, constants, given, times) for given in (doses, []))
    change = {
        name: np.median(species(model, with_it, name)[:, -1] / species(model, without, name)[:, -1])
        for name in ("cd8_effector", "cd8_stem", "mdsc", "treg_tumour")
    }
    assert change["cd8_stem"] > 1.2
    assert change["cd8_effector"] > 1.1
    assert change["mdsc"] < 0.8
    assert change["treg_tumour"] < 0.95


@pytest.mark.parametrize(("agent", "route"), [("pexidartinib", oral), ("motixafortide", subcutaneous)])
def test_a_dose_of_nothing_changes_nothing(agent, route):
    model = treated(*BOTH)
    constants = patients(BOTH, 20)
    untreated = course(model, constants, [], [0.0, 60.0])
    nothing = course(model, constants, [route(agent, 0.0, "mg", np.arange(10.0))], [0.0, 60.0])
    assert nothing.states == pytest.approx(untreated.states, rel=1e-3, abs=1e-5)
