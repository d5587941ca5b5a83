"""Lesions at several sites: alike, they make together what one makes; different, one shrinks while another grows."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from opsonin.biology import DIFFERENT, MOST_SITES, full_core, site_names, sites_core
from opsonin.errors import ModelError
from opsonin.model import Model, Module, Quantity
from opsonin.model.derived import completed
from opsonin.patients import indication, sample_patients, several_sites
from opsonin.simulate import GivenDoses, Schedule, build_schedule, simulate
from opsonin.therapies import load_agent

HALF_A_YEAR = np.arange(0.0, 181.0, 30.0)
TOTALS = (
    "clone_antigen",
    "dead_cells",
    "cd8_effector",
    "cd8_exhausted",
    "cd8_resident",
    "cd8_blood",
    "helper_cells",
    "dendritic",
    "macrophage_suppressive",
    "macrophage_inflammatory",
)


@cache
def model(sites: int) -> Model:
    """With an antibody, which is not given in most tests: one model to compile for each number of sites."""
    return Model([*sites_core(full_core(), sites), load_agent("pembrolizumab")])


def typical(sites: int, **values: float) -> np.ndarray:
    """Two typical patients with four lesions of 3 cm, and some constants given."""
    symbolic = model(sites).symbolic
    made = np.tile(np.asarray(symbolic.typical, float), (2, 1))
    for name, value in {**{f"lesion_{k}": 30.0 for k in range(1, 5)}, **values}.items():
        made[:, symbolic.constants.index(name)] = value
    return completed(symbolic, made)


def states(sites: int, constants: np.ndarray, times=HALF_A_YEAR) -> dict[str, np.ndarray]:
    made = simulate(model(sites), constants, Schedule.empty(len(constants)), times).states
    return {name: made[:, :, k] for k, name in enumerate(model(sites).symbolic.species)}


def total(found: dict[str, np.ndarray], name: str) -> np.ndarray:
    return np.sum([course for each, course in found.items() if each.split("_at_site_")[0] == name], axis=0)


def test_one_site_is_the_core_itself():
    given = full_core()
    assert sites_core(given, 1) == given


@pytest.mark.slow  # two models are compiled
def test_sites_that_are_alike_make_together_what_one_makes():
    """Four lesions of one size at one site, and two at each of two: the body cannot tell."""
    one, two = (states(sites, typical(sites)) for sites in (1, 2))
    for name in TOTALS:
        np.testing.assert_allclose(total(two, name), total(one, name), rtol=0.03, err_msg=name)


def test_every_state_of_the_body_is_there_once_and_every_other_at_each_site():
    one, two = (model(sites).symbolic.species for sites in (1, 2))
    assert len(model(3).symbolic.species) - len(two) == len(two) - len(one)
    there = site_names(full_core())
    for name in one:
        expected = [f"{name}_at_site_1", f"{name}_at_site_2"] if name in there else [name]
        assert [each for each in two if each.split("_at_site_")[0] == name] == expected
    assert {"clone_antigen", "cd8_effector", "pdl1"} <= there
    assert not {"cd8_blood", "cd8_memory", "dendritic", "nk_active", "helper_cells"} & there


def test_every_lesion_grows_at_first_as_its_own_growth_says():
    made = model(2)
    patients = sample_patients(made, several_sites(indication("nsclc"), 2), 40, seed=4)
    found = simulate(made, patients.constants, Schedule.empty(40), np.array([0.0, 1.0])).states
    species, constants = made.symbolic.species, made.symbolic.constants
    assert np.isfinite(found).all()
    for k, own in ((1, "net_growth_rate"), (2, "net_growth_rate_at_site_2")):
        cells = sum(found[:, :, species.index(f"{name}_at_site_{k}")] for name in ("clone_antigen", "clone_escaped"))
        rate = np.log(cells[:, 1] / cells[:, 0])
        expected = patients.constants[:, constants.index(own)]
        assert np.corrcoef(rate, expected)[0, 1] > 0.9
        assert abs(np.median(rate - expected)) < 0.002


def test_the_lesion_that_lets_t_cells_in_shrinks_and_the_other_grows():
    open_site = {"access": 0.02, "access_at_site_2": 0.9, "mutational_burden": 20.0}
    made, constants = model(2), typical(2, **open_site)
    doses = [GivenDoses("pembrolizumab", "intravenous infusion", "mg", np.arange(0.0, 180.0, 21.0), 200.0, 0.5 / 24)]
    found = simulate(made, constants, build_schedule(made, constants, doses), HALF_A_YEAR).states
    closed, opened = made.observe(["lesion 1", "lesion 2"], found, constants, HALF_A_YEAR)[0].T
    assert closed[-1] > 1.1 * closed[0]
    assert opened[-1] < 0.8 * opened[0]


def test_what_differs_is_a_parameter_of_the_core_and_more_sites_than_three_are_refused():
    constants = model(MOST_SITES).symbolic.constants
    for name in DIFFERENT:
        assert {name, f"{name}_at_site_2", f"{name}_at_site_3"} <= set(constants)
        assert f"{name}_at_site_1" not in constants
    with pytest.raises(ModelError, match="1 to 3 sites"):
        sites_core(full_core(), 4)


def test_a_law_of_the_body_that_reads_a_tumour_without_saying_which_is_refused():
    asks = Module("asks", [Quantity("asked", lambda killers: killers, "Mcell")])
    with pytest.raises(ModelError, match="'killers', which each site has of its own"):
        sites_core([*full_core(), asks], 2)
