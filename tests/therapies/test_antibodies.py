"""Antibodies against checkpoints: their exposure is the published one, mass is kept, receptors are shared."""

from __future__ import annotations

import numpy as np
import pytest

from full_core_course import (
    alone,
    constant,
    course,
    infusions,
    parameters,
    patients,
    replaced,
    seen,
    treated,
    typical,
    with_ledger,
)
from opsonin import units

ANTIBODIES = ("atezolizumab", "ipilimumab", "nivolumab", "pembrolizumab")
SIGNAL = {
    "atezolizumab": "pdl1_free",
    "ipilimumab": "ctla4_free",
    "nivolumab": "pd1_free",
    "pembrolizumab": "pd1_free",
}
DAYS = np.arange(0.0, 127.0, 0.25)


def concentration(agent: str, doses: list, times=DAYS, **values) -> np.ndarray:
    model = alone(agent)
    constants = typical(model, **values)
    return seen(model, course(model, constants, doses, times), constants, agent)[0]


@pytest.mark.parametrize("agent", ANTIBODIES)
def test_every_parameter_has_unit_source_and_meaning(agent):
    for parameter in parameters(agent):
        units.parse(parameter.unit)
        assert parameter.meaning, parameter.name
        assert parameter.kind == "published" or ":" in parameter.source, parameter.name


@pytest.mark.parametrize("agent", ANTIBODIES)
def test_what_was_given_is_in_the_body_or_gone(agent):
    model, ledgers = with_ledger(agent)
    made = course(
        model, typical(model), [infusions(agent, 200.0, [0.0, 21.0])], [0.0, 1.0, 20.0, 22.0, 90.0], rtol=1e-8
    )
    held = [agent, f"{agent}_peripheral", *ledgers.values()]
    whole = sum(made.states[0, :, model.symbolic.species.index(name)] for name in held)
    assert whole == pytest.approx([0.0, 200.0, 200.0, 400.0, 400.0], rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("agent", ["atezolizumab", "ipilimumab", "pembrolizumab"])
def test_one_infusion_follows_the_two_compartment_solution(agent):
    """The sum of two exponentials of a linear two-compartment model after a short infusion, from the rate constants."""
    model = alone(agent)
    constants = typical(model)
    cl, v, q, vp = (
        constant(model, constants, f"{agent}_{name}")[0]
        for name in ("clearance", "volume", "exchange", "peripheral_volume")
    )
    rates = np.array([[-(cl + q) / v, q / vp], [q / v, -q / vp]])
    values, vectors = np.linalg.eig(rates)
    times = np.array([1.0, 3.0, 10.0, 30.0, 60.0])
    length = 0.5 / 24
    weights = np.linalg.solve(vectors, [100.0 / length, 0.0])
    amounts = (
        vectors[0] * weights / values * (np.exp(values * times[:, None]) - np.exp(values * (times[:, None] - length)))
    ).sum(1)
    found = concentration(agent, [infusions(agent, 100.0, [0.0])], np.concatenate([[0.0], times]))[1:]
    assert found == pytest.approx(amounts / v, rel=1e-4)


@pytest.mark.parametrize("agent", ["atezolizumab", "ipilimumab", "pembrolizumab"])
def test_the_area_of_a_steady_interval_is_dose_over_clearance(agent):
    model = alone(agent)
    constants = typical(model)
    times = np.arange(0.0, 21.01, 0.05)
    made = course(
        model,
        constants,
        [infusions(agent, 200.0, [0.0], steady_state=1, interval_days=21.0)],
        times,
    )
    area = np.trapezoid(seen(model, made, constants, agent)[0], times)
    assert area == pytest.approx(200.0 / constant(model, constants, f"{agent}_clearance")[0], rel=2e-3)


@pytest.mark.parametrize(
    ("agent", "half_life", "source"),
    [
        ("pembrolizumab", 26.0, "product information before time-varying clearance: 26 days"),
        ("nivolumab", 25.0, "product information: 25 days, at steady state"),
        ("atezolizumab", 27.0, "product information: 27 days"),
        ("ipilimumab", 15.0, "Feng 2014, Br J Clin Pharmacol 78:106: about 15 days"),
    ],
)
def test_half_lives_are_the_published_ones(agent, half_life, source):
    every = 21.0
    doses = [infusions(agent, 240.0, np.arange(12) * every)]
    times = np.array([0.0, 11 * every + 60, 11 * every + 90])
    levels = concentration(agent, doses, times)
    found = 30 * np.log(2) / np.log(levels[1] / levels[2])
    assert found == pytest.approx(half_life, rel=0.2), source


def test_pembrolizumab_meets_the_exposure_of_its_trials():
    """Freshwater 2017, J Immunother Cancer 5:43: mean AUC over six weeks at steady state 1.87 and 7.63 mg·day/ml."""
    model = alone("pembrolizumab")
    whole = patients(("pembrolizumab",), 400)
    core = treated("pembrolizumab")
    clearance = constant(core, whole, "pembrolizumab_clearance")
    weight = constant(core, whole, "weight_kg")
    assert np.mean(2 * 200 / clearance) / 1000 == pytest.approx(1.87, rel=0.15)  # these patients are lighter
    assert np.mean(2 * 10 * weight / clearance) / 1000 == pytest.approx(7.63, rel=0.15)
    assert np.std(200 / clearance) / np.mean(200 / clearance) == pytest.approx(0.37, abs=0.1)
    assert "pembrolizumab" in model.symbolic.species


def test_nivolumab_clears_more_slowly_with_time_by_a_quarter():
    """Bajaj 2017, CPT Pharmacometrics Syst Pharmacol 6:58: e^−0.295 in the long run, half of it after 1410 h."""
    model = alone("nivolumab")
    constants = typical(model)
    doses = [infusions("nivolumab", 240.0, np.arange(26) * 14.0)]
    made = course(model, constants, doses, np.array([0.0, 58.75, 360.0]))
    days = made.states[0, :, model.symbolic.species.index("nivolumab_days")]
    assert days == pytest.approx([0.0, 58.75, 360.0], rel=0.01)
    early = concentration("nivolumab", doses, np.arange(28.0, 42.0, 0.1))
    late = concentration("nivolumab", doses, np.arange(336.0, 350.0, 0.1))
    gain = np.trapezoid(late) / np.trapezoid(early)
    assert 1.25 < gain < 1.7  # a quarter less clearance, and what has still to accumulate by the third dose


def test_ipilimumab_meets_its_published_troughs():
    """Product information: mean lowest concentration at steady state of 3 mg/kg every three weeks 19.4 µg/ml."""
    levels = concentration(
        "ipilimumab", [infusions("ipilimumab", 3 * 80.0, np.arange(8) * 21.0)], weight_kg=80.0, times=[0.0, 167.9]
    )
    assert levels[-1] == pytest.approx(19.4, rel=0.2)


@pytest.mark.parametrize("agent", ANTIBODIES)
def test_heavy_patients_clear_faster(agent):
    light, heavy = (typical(alone(agent), weight_kg=weight) for weight in (50.0, 100.0))
    assert (
        constant(alone(agent), light, f"{agent}_clearance")[0]
        < 0.8 * constant(alone(agent), heavy, f"{agent}_clearance")[0]
    )


@pytest.mark.parametrize("agent", ANTIBODIES)
def test_a_dose_of_nothing_changes_nothing(agent):
    model = treated(*ANTIBODIES)
    constants = patients(ANTIBODIES, 20)
    times = np.array([0.0, 90.0, 180.0])
    untreated = course(model, constants, [], times)
    nothing = course(model, constants, [infusions(agent, 0.0, [0.0, 21.0, 42.0])], times)
    assert nothing.states == pytest.approx(untreated.states, rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("agent", ANTIBODIES)
def test_the_receptor_is_held_almost_in_full_at_the_usual_dose(agent):
    model = treated(*ANTIBODIES)
    constants = patients(ANTIBODIES, 20)
    made = course(model, constants, [infusions(agent, 240.0, np.arange(4) * 21.0)], np.array([0.0, 70.0]))
    free = seen(model, made, constants, SIGNAL[agent])
    assert free[:, 0] == pytest.approx(1.0)
    assert np.median(free[:, 1]) < 0.15


def test_two_antibodies_at_one_receptor_compete():
    model = treated(*ANTIBODIES)
    constants = patients(ANTIBODIES, 20)
    times = np.array([0.0, 30.0])
    one = infusions("pembrolizumab", 0.2, [0.0, 21.0])
    other = infusions("nivolumab", 2.0, [0.0, 21.0])
    free = [
        seen(model, course(model, constants, doses, times), constants, "pd1_free")[:, 1]
        for doses in ([one], [other], [one, other])
    ]
    assert 1 / free[2] - 1 == pytest.approx((1 / free[0] - 1) + (1 / free[1] - 1), rel=1e-3)
    assert (free[2] > free[0] * free[1]).all()  # less than independent blocks would leave


def severe(made, model, constants) -> np.ndarray:
    """Each patient's probability of a related event of grade 3 or more by the last time."""
    symbolic = model.symbolic
    hazard = 0.0
    for n, part in enumerate(symbolic.hazard_list):
        if part.role == "adverse event":
            share = dict(part.thresholds).get(3, 0.0)
            hazard = hazard + share * made.states[:, -1, len(symbolic.species) + n]
    return 1 - np.exp(-hazard)


@pytest.mark.parametrize(
    ("doses", "low", "high", "source"),
    [
        ([("nivolumab", 3.0, 14.0, 15)], 0.13, 0.23, "CheckMate 066 and 067: 15 and 23 % of grade 3 or 4"),
        (
            [("nivolumab", 3.0, 14.0, 7)],
            0.07,
            0.15,
            "CheckMate 017: 7 %; KEYNOTE-001, lung: 12 %, on treatment for months",
        ),
        ([("ipilimumab", 3.0, 21.0, 4)], 0.22, 0.32, "CheckMate 067: 28 %"),
        (
            [("nivolumab", 1.0, 21.0, 4), ("ipilimumab", 3.0, 21.0, 4)],
            0.42,
            0.60,
            "CheckMate 067: 55 to 59 % under both",
        ),
    ],
)
def test_severe_events_come_as_often_as_published(doses, low, high, source):
    model = treated(*ANTIBODIES)
    constants = patients(ANTIBODIES, 300)
    weight = constant(model, constants, "weight_kg")
    given = [infusions(agent, dose * weight, np.arange(number) * every) for agent, dose, every, number in doses]
    end = max(every * number for _, _, every, number in doses) + 30
    found = severe(course(model, constants, given, np.array([0.0, end])), model, constants).mean()
    assert low < found < high, (found, source)


def test_toxicity_rises_with_the_dose_of_ipilimumab_and_hardly_with_that_of_nivolumab():
    model = treated(*ANTIBODIES)
    constants = patients(ANTIBODIES, 300)
    weight = constant(model, constants, "weight_kg")

    def share(agent: str, dose: float) -> float:
        given = [infusions(agent, dose * weight, np.arange(4) * 21.0)]
        return float(severe(course(model, constants, given, np.array([0.0, 100.0])), model, constants).mean())

    assert share("ipilimumab", 0.3) + 0.1 < share("ipilimumab", 3.0) < share("ipilimumab", 10.0) - 0.05
    assert share("nivolumab", 10.0) - share("nivolumab", 1.0) < 0.03


def test_replacing_a_covariate_keeps_derived_constants_in_step():
    model = alone("nivolumab")
    heavy = replaced(model, typical(model), weight_kg=144.0)
    ratio = constant(model, heavy, "nivolumab_clearance") / constant(model, typical(model), "nivolumab_clearance")
    assert ratio == pytest.approx(2**0.566)
