"""Magrolimab: red cells take up small doses, old ones are eaten once, and then the tumour's CD47 is blocked."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from full_core_course import alone, constant, course, infusions, patients, seen, treated, typical, with_ledger

AGENT = ("magrolimab",)


def schedule(weight, dose: float, weeks: int) -> list:
    """A priming dose of 1 mg/kg, then so much every week."""
    first = infusions("magrolimab", 1.0 * weight, [0.0], hours=3)
    return [first, infusions("magrolimab", dose * weight, 7.0 * np.arange(1, weeks), hours=2)] if weeks > 1 else [first]


def held(model, made, constants) -> np.ndarray:
    amount = made.states[:, :, model.symbolic.species.index("magrolimab_held")]
    return amount / constant(model, constants, "magrolimab_capacity")[:, None]


def test_what_was_given_is_in_blood_tissues_red_cells_or_gone():
    model, ledgers = with_ledger("magrolimab")
    made = course(
        model, typical(model), [infusions("magrolimab", 72.0, [0.0, 7.0])], [0.0, 1.0, 6.9, 8.0, 60.0], rtol=1e-8
    )
    kept = [
        "magrolimab",
        "magrolimab_peripheral",
        "magrolimab_held",
        *(name for process, name in ledgers.items() if "magrolimab" in process),
    ]
    whole = sum(made.states[0, :, model.symbolic.species.index(name)] for name in kept)
    assert whole == pytest.approx([0.0, 72.0, 72.0, 144.0, 144.0], rel=1e-6, abs=1e-6)


def test_one_milligram_per_kilogram_fills_red_cells():
    """Sikic 2019, J Clin Oncol 37:946: 1 mg/kg was chosen as it saturated the CD47 of red cells."""
    model = alone("magrolimab")
    constants = typical(model)
    made = course(model, constants, [infusions("magrolimab", 72.0, [0.0])], [0.0, 0.25, 1.0, 7.0])
    share = held(model, made, constants)[0]
    assert share[1:3].max() > 0.8
    assert share[3] < share[2]


@pytest.mark.parametrize(("dose", "low", "high"), [(3.0, 0.0, 8.0), (10.0, 9.0, 16.0), (30.0, 11.0, 16.0)])
def test_half_life_is_13_days_where_red_cells_are_full_and_short_where_not(dose, low, high):
    """Sikic 2019: at 10 mg/kg or more the sink is saturated, with a half-life of about 13 days."""
    model = alone("magrolimab")
    constants = typical(model)
    made = course(model, constants, schedule(np.array([72.0]), dose, 5), [0.0, 42.0, 49.0])
    levels = seen(model, made, constants, "magrolimab")[0]
    assert low < 7 * np.log(2) / np.log(levels[1] / levels[2]) < high


def test_exposure_rises_more_than_in_proportion_to_small_doses():
    model = alone("magrolimab")
    constants = typical(model)
    times = np.arange(0.0, 14.0, 0.1)

    def area(dose: float) -> float:
        made = course(model, constants, [infusions("magrolimab", dose, [0.0])], times)
        return float(np.trapezoid(seen(model, made, constants, "magrolimab")[0], times)) / dose

    assert area(72.0) > 1.5 * area(20.0)
    assert area(3000.0) < 1.3 * area(1500.0)


def test_old_red_cells_are_eaten_once():
    model = alone("magrolimab")
    constants = typical(model)
    made = course(model, constants, schedule(np.array([72.0]), 20.0, 8), [0.0, 7.0, 14.0, 49.0, 200.0, 500.0])
    old = made.states[0, :, model.symbolic.species.index("old_red_cells")]
    assert old[2] < 0.15
    assert old[3] < 0.1
    assert old[-1] > 0.8


@cache
def two_months():
    model = treated(*AGENT)
    constants = patients(AGENT, 200)
    made = course(model, constants, schedule(constant(model, constants, "weight_kg"), 20.0, 9), [0.0, 14.0, 63.0])
    hazards = made.states[:, :, len(model.symbolic.species) :]
    return model, constants, made, {name: hazards[:, :, n] for n, name in enumerate(model.symbolic.hazards)}


@pytest.mark.parametrize(
    ("event", "published"),
    [("anaemia", 0.57), ("infusion related reaction", 0.34), ("fever", 0.45), ("chills", 0.45), ("fatigue", 0.64)],
)
def test_events_come_as_often_as_published(event, published):
    hazard = two_months()[3][event]
    assert (1 - np.exp(-hazard[:, -1])).mean() == pytest.approx(published, abs=0.07)  # Sikic 2019


def test_anaemia_comes_with_the_first_doses():
    hazard = two_months()[3]["anaemia"]
    assert (hazard[:, 1] > 0.55 * hazard[:, 2]).mean() > 0.9


def test_cd47_of_the_tumour_is_blocked_at_weekly_doses():
    model, constants, made, _ = two_months()
    assert np.median(seen(model, made, constants, "cd47_free")[:, -1]) < 0.05


def test_a_dose_of_nothing_changes_nothing():
    model = treated(*AGENT)
    constants = patients(AGENT, 20)
    untreated = course(model, constants, [], [0.0, 120.0])
    nothing = course(model, constants, [infusions("magrolimab", 0.0, [0.0, 7.0])], [0.0, 120.0])
    assert nothing.states == pytest.approx(untreated.states, rel=1e-3, abs=1e-5)
