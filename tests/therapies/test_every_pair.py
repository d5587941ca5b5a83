"""Any two therapies combine without new code: every pair for half a year on one model that holds them all."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from opsonin.biology import full_core
from opsonin.model import Administration, Model, Species
from opsonin.patients import indication, sample_patients
from opsonin.simulate import GivenDoses, build_schedule, dose_days, simulate
from opsonin.therapies import load_agent, names

PATIENTS, DAYS = 50, np.arange(0.0, 181.0, 15.0)
WEEKLY, TWO, THREE = (dose_days(1, 1, cycle_days=d, cycles=180 // d) for d in (7, 14, 21))
# agent → route, amount, unit, days, hours of infusion: about what is given to patients; a new agent gets its line here
USUAL = {
    "armoured-car-t": ("intravenous infusion", 300, "Mcell", [0.0], 0.5),
    "atezolizumab": ("intravenous infusion", 1200, "mg", THREE, 1.0),
    "car-t": ("intravenous infusion", 250, "Mcell", [0.0], 0.5),
    "car-t-solid": ("intravenous infusion", 300, "Mcell", [0.0], 0.5),
    "cancer-vaccine": ("subcutaneous", 1, "mg", THREE[:4], None),
    "cyclophosphamide": ("oral", 50, "mg", dose_days(1, 14, cycle_days=21, cycles=8), None),
    "erlotinib": ("oral", 150, "mg", dose_days(1, 180), None),
    "fludarabine": ("intravenous infusion", 50, "mg", [-5.0, -4.0, -3.0], 0.5),
    "imatinib": ("oral", 400, "mg", dose_days(1, 180), None),
    "imatinib-kit": ("oral", 400, "mg", dose_days(1, 180), None),
    "interleukin-2": ("subcutaneous", 6, "MIU", dose_days(10, 14, cycle_days=21, cycles=8), None),
    "ipilimumab": ("intravenous infusion", 240, "mg", THREE[:4], 0.5),
    "lymphodepleting-cyclophosphamide": ("intravenous infusion", 850, "mg", [-5.0, -4.0, -3.0], 1.0),
    "magrolimab": ("intravenous infusion", 1500, "mg", WEEKLY, 2.0),
    "motixafortide": ("subcutaneous", 90, "mg", WEEKLY, None),
    "monocytes": ("intravenous infusion", 1000, "Mcell", [0.0, 14.0, 28.0], 0.5),
    "nivolumab": ("intravenous infusion", 240, "mg", TWO, 0.5),
    "p21-monocytes": ("intravenous infusion", 1000, "Mcell", [0.0, 14.0, 28.0], 0.5),
    "pembrolizumab": ("intravenous infusion", 200, "mg", THREE, 0.5),
    "sipuleucel-t": ("intravenous infusion", 1000, "Mcell", TWO[:3], 1.0),
    "pexidartinib": ("oral", 400, "mg", np.arange(0.0, 180.0, 0.5), None),
}

BESIDE = {"vaccine_adjuvant"}  # comes in the same syringe as the antigen, whose mass alone the dose tells


@cache
def union():
    """One model of all therapies, and patients for it."""
    model = Model([*full_core(), *(load_agent(name) for name in names())])
    return model, sample_patients(model, indication("melanoma"), PATIENTS, seed=3).constants


def given(agent: str, times: float = 1.0) -> GivenDoses:
    route, amount, unit, days, hours = USUAL[agent]
    return GivenDoses(agent, route, unit, np.asarray(days, float), times * amount, (hours or 0.0) / 24)


def states(doses: list[GivenDoses]) -> np.ndarray:
    model, constants = union()
    made = simulate(model, constants, build_schedule(model, constants, doses), DAYS, start=-7.0, rtol=1e-3)
    assert not made.failures, made.failures[:3]
    return made.states


def test_every_agent_has_its_usual_regimen_here():
    assert set(USUAL) == set(names()), "give a new agent its usual dose in USUAL, so that it is tried with all others"


@pytest.mark.parametrize("agent", names())
@pytest.mark.slow  # 120 states are compiled first
def test_with_every_other_therapy_numbers_stay_finite_and_not_negative(agent):
    model, _ = union()
    # species never fall below nought; a hazard that adds up to next to nothing may, by the solver's rounding
    floor = [0.0 if species.nonnegative else -np.inf for species in model.symbolic.species_list]
    floor += [-1e-20] * len(model.symbolic.hazards)
    for other in names():
        if other < agent:
            continue
        doses = [given(agent)] if other == agent else [given(agent), given(other)]
        found = states(doses)
        assert np.isfinite(found).all(), (agent, other)
        assert (found >= floor).all(), (agent, other)


@pytest.mark.parametrize("agent", [name for name in names() if "car-t" not in name])  # cells that divide: test_car_t
def test_beside_all_other_therapies_nothing_makes_more_of_a_drug_than_was_given(agent):
    """Mass balance: no process of any module makes drug or infused cells; they move between pools, or are lost."""
    model, _ = union()
    module = load_agent(agent)
    unit = {part.name: part.unit for part in module.parts if isinstance(part, Species)}
    into = next(part.into for part in module.parts if isinstance(part, Administration))
    pools = [name for name, one in unit.items() if one == unit[into] and name not in BESIDE]
    balance = model.mass_balance(dict.fromkeys(pools, 1))
    assert min(balance.values()) < 0  # it is lost somewhere
    assert {process for process, net in balance.items() if net > 1e-9} == set()


def test_a_dose_of_nothing_changes_nothing():
    without = states([])
    nothing = states([given(agent, 0.0) for agent in names()])
    scale = np.maximum(np.abs(without), 1e-3 * np.abs(without).max(axis=(0, 1)) + 1e-12)
    assert (np.abs(nothing - without) / scale).max() < 5e-3  # what more stops of the solver change


def test_two_drugs_for_one_receptor_do_no_more_than_a_great_dose_of_one():
    """Both together lie between one of them and ten times it: they share the receptor."""
    model, _ = union()
    n = model.symbolic.states.index("cd8_effector")
    alone, both, much = (
        np.median(states(doses)[:, :3, n], axis=0)  # later, what has shrunk needs fewer
        for doses in (
            [given("pembrolizumab")],
            [given("pembrolizumab"), given("nivolumab")],
            [given("pembrolizumab", 10.0)],
        )
    )
    assert (both <= np.maximum(much, alone) * 1.02).all()
    assert (both >= alone * 0.98).all()
