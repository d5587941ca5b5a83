"""The full core: a tumour and the immune cells in it, before any therapy and under the levers that therapies pull."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from opsonin.biology import core, full_core
from opsonin.model import Model, Modulation, Module, Parameter
from opsonin.model.derived import completed
from opsonin.patients import indication, sample_patients
from opsonin.simulate import build_schedule, simulate

LEVERS = ("pd1_binding", "pdl1_binding", "ctla4_binding", "cd47_binding", "csf1r_binding", "vaccine_antigen")
PRODUCTS = ("infiltration", "treg_recruitment", "exhaustion")
TIMES = np.arange(0.0, 721.0, 60.0)
PATIENTS = 500


@cache
def world():
    """The core with one constant for each lever, all at rest, and its patients."""
    parts = []
    for name in LEVERS + PRODUCTS:
        parts.append(Parameter(f"lever_{name}", float(name in PRODUCTS), "dimensionless", "assumed: a test's lever"))
        parts.append(Modulation(name, _read(f"lever_{name}")))
    model = Model([*full_core(), Module("levers", parts)])
    return model, sample_patients(model, indication("refractory-solid"), PATIENTS, seed=5)


def _read(name: str):
    from opsonin.model import laws

    return laws.reading(lambda value: value, name)


def courses(**levers: float) -> dict[str, np.ndarray]:
    """Species and quantities of interest, (patient, time)."""
    model, patients = world()
    symbolic = model.symbolic
    constants = patients.constants.copy()
    for name, value in levers.items():
        constants[:, symbolic.constants.index(name)] = value
    constants = completed(symbolic, constants)
    made = simulate(model, constants, build_schedule(model, constants, []), TIMES, start=0.0)
    assert not made.failures
    found = {name: made.states[:, :, n] for n, name in enumerate(symbolic.states)}
    cells = sum(found[name] for name in ("clone_antigen", "clone_escaped", "persisters", "dead_cells"))
    of = {name: constants[:, n, None] for n, name in enumerate(symbolic.constants)}
    found["volume"] = cells / (of["cell_density"] * of["baseline_volume"]) + found["stroma"]
    found["net_growth"] = of["net_growth_rate"]
    return found


def responders(course: dict[str, np.ndarray]) -> float:
    """The share whose diameters fall by 30 %."""
    return float((course["volume"].min(axis=1) < 0.7**3).mean())


def test_the_tumour_of_the_model_begins_at_its_baseline_volume_and_grows_at_its_net_rate():
    course = courses()
    assert course["volume"][:, 0] == pytest.approx(1.0, rel=1e-9)
    early = np.log(course["volume"][:, 1]) / TIMES[1]
    ratio = early / course["net_growth"][:, 0]
    assert np.median(ratio) == pytest.approx(0.85, abs=0.15)  # immune cells catch up with the tumour as it grows
    assert (course["volume"][:, 1] > 1).mean() > 0.95


def test_tumours_seldom_go_by_themselves():
    assert responders(courses()) <= 0.05


def test_nothing_is_below_nought_and_every_number_is_finite():
    for levers in ({}, {"lever_pd1_binding": 50.0, "lever_ctla4_binding": 50.0}):
        for name, values in courses(**levers).items():
            assert np.isfinite(values).all(), name
            assert (values >= 0).all(), name


def test_blocking_pd1_helps_a_minority_and_both_checkpoints_more():
    alone, ipilimumab = responders(courses(lever_pd1_binding=50.0)), responders(courses(lever_ctla4_binding=50.0))
    both = responders(courses(lever_pd1_binding=50.0, lever_ctla4_binding=50.0))
    assert 0.15 < alone < 0.5
    assert responders(courses()) < ipilimumab < alone < both < 0.7


def test_receptor_and_ligand_blocked_together_do_no_more_than_the_brake_takes_away():
    blocked = courses(lever_pd1_binding=1e9)
    twice = courses(lever_pd1_binding=1e9, lever_pdl1_binding=1e9)
    assert twice["volume"] == pytest.approx(blocked["volume"], rel=1e-3, abs=1e-6)


def test_two_drugs_for_one_receptor_add_in_binding_not_in_occupancy():
    """A half-occupying drug twice is two thirds of the receptor, as competitive binding has it."""
    model, _ = world()
    free = model.symbolic.coherent["quantity pd1_free"]
    [symbol] = free.free_symbols
    values = [float(free.subs(symbol, x)) for x in (0.0, 1.0, 2.0)]
    assert values == pytest.approx([1.0, 0.5, 1 / 3])


def test_excluded_tumours_answer_less_than_inflamed_ones():
    model, patients = world()
    access = patients.constants[:, model.symbolic.constants.index("access")]
    gone = courses(lever_pd1_binding=50.0)["volume"].min(axis=1) < 0.7**3
    low, high = access < np.quantile(access, 1 / 3), access > np.quantile(access, 2 / 3)
    assert gone[low].mean() + 0.05 < gone[high].mean()


def test_small_tumours_answer_more_than_large_ones():
    model, patients = world()
    volume = patients.constants[:, model.symbolic.constants.index("baseline_volume")]
    gone = courses(lever_pd1_binding=50.0)["volume"].min(axis=1) < 0.7**3
    assert gone[volume > np.median(volume)].mean() + 0.1 < gone[volume < np.median(volume)].mean()


@pytest.mark.parametrize("lever", ["lever_infiltration", "lever_vaccine_antigen"])
def test_levers_beside_checkpoints_help_somewhat(lever):
    assert responders(courses()) < responders(courses(**{lever: 3.0})) < 0.5


def test_immune_pools_before_treatment_are_near_their_balance():
    """Nobody's immune system leaps when the simulation begins: within a month, pools move by less than half."""
    model, patients = world()
    made = simulate(
        model, patients.constants, build_schedule(model, patients.constants, []), np.array([0.0, 10.0]), start=0.0
    )
    for name in ("cd8_blood", "cd8_stem", "cd8_effector", "dendritic", "pdl1", "macrophage_suppressive"):
        n = model.symbolic.states.index(name)
        change = np.median(made.states[:, 1, n] / made.states[:, 0, n])
        assert 0.8 < change < 1.3, (name, change)


def test_every_parameter_has_a_unit_and_a_source():
    for part, module in Model(full_core()).parts(Parameter):
        assert part.unit, (part.name, module)
        assert part.source.strip(), (part.name, module)


def test_the_first_trials_core_is_left_as_it_was():
    assert len(Model(core()).symbolic.states) == 21
