"""Patients with tumours of several kinds, and with lesions at several sites."""

from __future__ import annotations

import numpy as np
import pytest

from opsonin.biology import DIFFERENT, full_core, sites_core
from opsonin.errors import ModelError
from opsonin.model import Model
from opsonin.patients import indication, sample_patients, several_sites

MIXED = "refractory-solid-full"


@pytest.fixture(scope="module")
def model():
    return Model(full_core())


@pytest.fixture(scope="module")
def two():
    return Model(sites_core(full_core(), 2))


def test_a_patient_is_the_same_whoever_else_is_in_the_pool(model):
    every = sample_patients(model, indication(MIXED), 120, seed=3)
    some = sample_patients(model, indication(MIXED), 7, seed=3, first=50)
    np.testing.assert_array_equal(some.constants, every.constants[50:57])
    np.testing.assert_array_equal(some.thresholds, every.thresholds[50:57])
    assert some.covariates.equals(every.covariates.iloc[50:57].reset_index(drop=True))


def test_kinds_come_in_their_shares_and_bring_their_own_burden(model):
    whole = indication(MIXED)
    found = sample_patients(model, whole, 2000, seed=1)
    kind = found.covariates["tumour_type"]
    burden = found.constants[:, model.symbolic.constants.index("mutational_burden")]
    of_all = sum(one.share for one in whole.kinds)
    for one in whole.kinds:
        here = (kind == one.name).to_numpy()
        assert abs(here.mean() - one.share / of_all) < 4 * np.sqrt(0.25 / 2000)
        assert abs(np.log(np.median(burden[here]) / one.values["mutational_burden"])) < 0.45
    assert set(kind) == {one.name for one in whole.kinds}


def test_what_all_kinds_share_is_one_distribution(model):
    found = sample_patients(model, indication(MIXED), 2000, seed=1)
    growth = found.constants[:, model.symbolic.constants.index("net_growth_rate")]
    kind = found.covariates["tumour_type"].to_numpy()
    medians = [np.median(growth[kind == one]) for one in np.unique(kind)]
    assert max(medians) / min(medians) < 1.25


def test_the_first_sites_numbers_are_those_of_a_patient_with_one(model, two):
    one = sample_patients(model, indication("nsclc"), 30, seed=5)
    both = sample_patients(two, several_sites(indication("nsclc"), 2), 30, seed=5)
    assert one.covariates.drop(columns="pdl1_percent").equals(both.covariates.drop(columns="pdl1_percent"))
    for name in (*DIFFERENT, "mutational_burden", "frailty"):
        mine, theirs = (m.symbolic.constants.index(name) for m in (model, two))
        np.testing.assert_array_equal(one.constants[:, mine], both.constants[:, theirs])


def test_sites_of_one_patient_are_alike_but_not_the_same(two):
    found = sample_patients(two, several_sites(indication("hcc"), 2), 1500, seed=2).constants
    names = two.symbolic.constants
    for name, low, high in (("access", 0.4, 0.6), ("net_growth_rate", 0.7, 0.9)):
        here, there = (np.log(found[:, names.index(at)]) for at in (name, f"{name}_at_site_2"))
        assert low < np.corrcoef(here, there)[0, 1] < high
        assert np.median(here) == pytest.approx(np.median(there), abs=0.15)
        assert np.std(here) == pytest.approx(np.std(there), rel=0.1)


def test_several_sites_need_the_full_core():
    with pytest.raises(ModelError, match="full core"):
        several_sites(indication("refractory-solid"), 2)
    same = indication("nsclc")
    assert several_sites(same, 1) is same
