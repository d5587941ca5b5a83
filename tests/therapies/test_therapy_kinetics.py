"""The kinetics of the three agents: mass is kept, known solutions are met, doses act in order."""

import numpy as np
import pytest

from combination import combination, course, observed, regimen, typical, with_ledger
from opsonin.simulate import build_schedule, dose_days, oral, subcutaneous

HOURS = 1 / 24.0
DAY = np.arange(0.0, 1.0001, HOURS / 4)


@pytest.fixture(scope="module")
def ledger():
    model, ledgers = with_ledger(combination())
    constants = typical(model)
    trajectories = course(
        model, constants, regimen(12.0), [0.0, 5.2, 10.3, 13.1, 15.0, 20.0], method="reference", rtol=1e-8
    )
    return model, constants, ledgers, trajectories


@pytest.mark.parametrize(
    ("agent", "holding", "lost", "fraction"),
    [
        (
            "cyclophosphamide",
            {"cyclophosphamide_gut": 1, "cyclophosphamide": 1},
            {"cyclophosphamide_elimination": 1},
            0.85,
        ),
        (
            "imatinib",
            {"imatinib_gut": 1, "imatinib": 1, "cgp74588": 1 / 0.9716},
            {"imatinib_elimination": 1, "cgp74588_elimination": 1 / 0.9716},
            1.0,
        ),
        ("interleukin-2", {"il2_site": 1, "il2": 1}, {"il2_lost_at_site": 1, "il2_elimination": 1}, 1.0),
    ],
)
def test_what_was_given_is_in_the_body_or_gone(ledger, agent, holding, lost, fraction):
    model, _, ledgers, trajectories = ledger
    names = list(model.symbolic.species)
    whole = sum(share * trajectories.states[0, :, names.index(name)] for name, share in holding.items())
    whole = whole + sum(share * trajectories.states[0, :, names.index(ledgers[name])] for name, share in lost.items())
    given = next(doses for doses in regimen(12.0) if doses.agent == agent)
    until = np.array([np.sum(np.asarray(given.times) < time) * given.amount * fraction for time in trajectories.times])
    assert until[-1] > 0
    assert whole == pytest.approx(until, rel=1e-6, abs=1e-9)


def test_the_model_says_the_same_of_its_processes():
    balance = combination().mass_balance({"imatinib_gut": 1, "imatinib": 1, "cgp74588": 1 / 0.9716})
    moving = {name for name, change in balance.items() if abs(change) < 1e-12}
    losing = {name for name, change in balance.items() if change < -1e-12}
    assert {"imatinib_absorption", "cgp74588_formation"} <= moving
    assert losing == {"imatinib_elimination", "cgp74588_elimination"}


def test_one_tablet_of_imatinib_follows_the_one_compartment_solution():
    model = combination()
    constants = typical(model)
    times = np.array([0.5, 1, 2, 4, 8, 24, 48]) * HOURS
    trajectories = course(
        model, constants, [oral("imatinib", 400, "mg", np.array([0.0]))], times, start=0.0, method="reference"
    )
    seen = observed(model, trajectories, constants, "imatinib")["imatinib"][0]
    weight, aag = 72 / 54, 1.15 / 1.13
    clearance, volume, ka = 7.29 * weight**0.56 * aag**-0.65, 202 * weight**0.79 * aag**-1.01, 1.03
    ke, t = clearance / volume, times * 24
    expected = 1000 * 400 / volume * ka / (ka - ke) * (np.exp(-ke * t) - np.exp(-ka * t))
    assert seen == pytest.approx(expected, rel=1e-4)


def _il2(dose_times, miu):
    model = combination()
    constants = typical(model)
    trajectories = course(
        model,
        constants,
        [subcutaneous("interleukin-2", miu, "MIU", np.asarray(dose_times))],
        DAY,
        start=0.0,
        method="reference",
    )
    return observed(model, trajectories, constants, "interleukin-2")["interleukin-2"][0]


def test_interleukin_2_meets_the_exposure_it_is_calibrated_to():
    # Kirchner 1998, Br J Clin Pharmacol 46:5: AUC(0–24 h) 627 IU·h/ml after 20 MIU/m² (37 MIU at the typical 1.85 m²)
    level = _il2([0.0], 37.0)
    assert np.trapezoid(level, DAY * 24) == pytest.approx(627, rel=0.02)


@pytest.mark.parametrize("miu", [3.0, 6.0, 9.0, 12.0, 37.0])
def test_interleukin_2_peaks_between_two_and_six_hours(miu):
    assert 2 <= DAY[_il2([0.0], miu).argmax()] * 24 <= 6  # product information of aldesleukin


def test_a_large_dose_of_interleukin_2_gives_a_near_constant_level_for_hours():
    level = _il2([0.0], 12.0)  # Konrad 1990, Cancer Res 50:2009: near constant for about 8 h
    hours = (DAY * 24 >= 2) & (DAY * 24 <= 8)
    assert level[hours].min() > 0.7 * level.max()


def test_small_doses_of_interleukin_2_are_absorbed_more_completely():
    area = [np.trapezoid(_il2([0.0], miu), DAY) / miu for miu in (0.5, 6.0, 37.0)]
    assert area[0] > area[1] > area[2]


def test_imatinib_leaves_interleukin_2_alone():
    model = combination()
    constants = typical(model)
    times = np.arange(9.0, 15.0, 0.25)
    levels = [
        observed(
            model,
            course(model, constants, regimen(6.0, imatinib=given), times, method="reference"),
            constants,
            "interleukin-2",
        )
        for given in (True, False)
    ]
    assert levels[0]["interleukin-2"] == pytest.approx(levels[1]["interleukin-2"], rel=1e-3, abs=1e-6)


def test_a_dose_in_thousands_of_units_is_the_same_dose():
    model = combination()
    constants = typical(model)
    amounts = [
        build_schedule(model, constants, [subcutaneous("interleukin-2", amount, unit, dose_days(1, 1))]).amounts
        for amount, unit in ((6, "MIU"), (6e6, "IU"))
    ]
    assert amounts[0] == pytest.approx(amounts[1])
