"""Memory: resident cells in untreated tumours, what keeps an answer; stem-like cells; T cells that must find theirs."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from opsonin.biology import full_core
from opsonin.biology.cd8 import _kill
from opsonin.model import Model, Modulation, Module, Parameter, laws
from opsonin.model.derived import completed
from opsonin.patients import indication, sample_patients
from opsonin.simulate import build_schedule, simulate
from opsonin.studies.durability import Responders, responders

CELLS = ("cd8_stem", "cd8_effector", "cd8_exhausted", "cd8_resident")


@cache
def melanoma() -> Responders:
    return responders("melanoma", 250, seed=2)


def still(variant: str, months: int) -> float:
    table = melanoma().table()
    return float(table.loc[(table["variant"] == variant) & (table["months"] == months), "share"].iloc[0])


@cache
def world():
    """The full core with levers for PD-1 and for a cytokine that drives T cells."""
    levers = {"pd1_binding": "lever_pd1", "t_cell_proliferation": "lever_cytokine"}
    units = {"pd1_binding": "dimensionless", "t_cell_proliferation": "1/day"}
    parts = [Parameter(name, 0.0, units[signal], "assumed: a test's lever") for signal, name in levers.items()]
    acts = [Modulation(signal, laws.reading(lambda value: value, name)) for signal, name in levers.items()]
    model = Model([*full_core(), Module("levers", [*parts, *acts])])
    return model, sample_patients(model, indication("nsclc"), 600, seed=5).constants


def course(days: np.ndarray, **values: float) -> dict[str, np.ndarray]:
    model, constants = world()
    constants = constants.copy()
    for name, value in values.items():
        constants[:, model.symbolic.constants.index(name)] = value
    constants = completed(model.symbolic, constants)
    made = simulate(model, constants, build_schedule(model, constants, []), days, start=0.0)
    assert not made.failures
    return {name: made.states[:, :, n] for n, name in enumerate(model.symbolic.states)}


def constant(name: str) -> np.ndarray:
    model, constants = world()
    return constants[:, model.symbolic.constants.index(name)]


def test_a_tenth_or_more_of_an_untreated_tumours_specific_cells_is_resident():
    """CD103+ cells are some tens of per cent of lung cancers' CD8+ cells."""
    assert 0.08 < np.median(melanoma().resident) < 0.35
    assert np.quantile(melanoma().resident, 0.05) > 0.03


def test_memory_keeps_the_answer_and_stem_like_cells_do_not_need_to():
    assert still("as it is", 24) > 0.35
    assert still("memory lost", 24) < 0.5 * still("as it is", 24)
    assert still("memory lost", 36) < 0.2
    assert still("stem-like cells lost", 24) > 0.8 * still("as it is", 24)


def test_resident_memory_is_the_part_that_does_it_and_much_of_it_is_there_at_response():
    resident, circulating = (still(f"{kind} memory lost, made anew", 24) for kind in ("resident", "circulating"))
    assert resident < circulating
    assert still("memory lost", 24) < still("no more memory made", 24) <= still("as it is", 24)


def test_dormant_cells_wake_for_years_and_nobody_kills_them():
    dormant = course(np.array([0.0, 365.0, 1095.0]), lever_pd1=50.0)["dormant"]
    assert dormant[:, 1] == pytest.approx(dormant[:, 0] * np.exp(-0.365), rel=1e-4)
    assert dormant[:, 2] == pytest.approx(dormant[:, 0] * np.exp(-1.095), rel=1e-4)


def test_the_stem_like_share_goes_with_response_and_longer_control():
    """Sade-Feldman 2018, Cell 175:998: more TCF7+ CD8+ cells in responders."""
    days = np.arange(0.0, 361.0, 40.0)
    seen = course(days, lever_pd1=50.0)
    share = seen["cd8_stem"][:, 0] / sum(seen[name][:, 0] for name in CELLS[:3])
    volume = sum(seen[name] for name in ("clone_antigen", "clone_escaped", "persisters", "dead_cells"))
    volume = volume / (constant("cell_density") * constant("baseline_volume"))[:, None] + seen["stroma"]
    gone = volume.min(axis=1) < 0.7**3
    assert 0.05 < np.median(share) < 0.3
    assert np.median(share[gone]) > 1.05 * np.median(share[~gone])


def test_few_t_cells_do_not_find_the_last_cancer_cells():
    """Where hardly a cancer cell is left, killing goes with the density of T cells and not with their number alone."""

    def rate(killers: float, volume: float, cells: float = 1e-5) -> float:
        return _kill(0.9, 0.45, 0.3, 1.0, killers, cells, volume, 0.0, 1.0, 1e-5)

    assert rate(1e-3, 1.0) < 0.01 < 0.5 < rate(1.0, 1.0) < 0.9
    assert rate(1.0, 10.0) == pytest.approx(rate(0.1, 1.0), rel=1e-3)
    assert rate(1.0, 1.0, cells=1000.0) < 0.01  # too many for each


def test_a_cytokine_multiplies_the_tumours_effectors_and_exhausted_cells():
    """As high doses of interleukin-2 do: 0.03 a day is its greatest effect on resting cells of the blood."""
    days = np.array([0.0, 5.0])
    rest, driven = course(days), course(days, lever_cytokine=0.03)
    for name in ("cd8_effector", "cd8_exhausted"):
        fold = np.median(driven[name][:, 1] / rest[name][:, 1])
        assert 1.5 < fold < 8, name
    assert np.median(driven["cd8_stem"][:, 1] / rest["cd8_stem"][:, 1]) < 1.5
    none = course(days, lever_cytokine=0.03, activated_answer=0.0)
    assert none["cd8_effector"] == pytest.approx(rest["cd8_effector"], rel=0.05)


def test_t_cells_that_crowd_the_tumour_divide_less():
    days = np.array([0.0, 20.0])
    crowded, free = (
        sum(seen[name][:, 1] for name in CELLS)
        for seen in (course(days, lever_cytokine=0.03), course(days, lever_cytokine=0.03, cd8_crowding=1e9))
    )
    assert (crowded <= free * (1 + 1e-6)).all()
    assert np.quantile(crowded / free, 0.05) < 0.9
