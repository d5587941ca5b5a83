"""Indications: each can be drawn and simulated, sits at its baseline, and differs for the reasons it gives."""

from __future__ import annotations

import numpy as np
import pytest

from opsonin.biology import full_core
from opsonin.model import Model, Parameter
from opsonin.patients import indication, indication_names, sample_patients
from opsonin.therapies import load_agent, names

FULL = [name for name in indication_names() if indication(name).core == "full"]
N = 400


@pytest.fixture(scope="module")
def model():
    return Model(full_core())


@pytest.fixture(scope="module")
def pools(model):
    return {name: sample_patients(model, indication(name), N, seed=7) for name in FULL}


def constant(model, patients, name):
    return patients.constants[:, list(model.symbolic.constants).index(name)]


@pytest.mark.parametrize("name", FULL)
def test_every_patient_has_finite_positive_cells_at_baseline(model, pools, name):
    start = model.initial_state(pools[name].constants)
    assert np.isfinite(start).all()
    assert (start >= 0).all()
    cells = constant(model, pools[name], "baseline_cells")
    assert (cells > 1).all()  # a million cells and more: what a scan can see


@pytest.mark.parametrize("name", FULL)
def test_values_and_spreads_are_of_parameters_that_the_model_has(model, name):
    one = indication(name)
    known = set(model.symbolic.constants)
    drugs = {part.name for agent in names() for part in load_agent(agent).parts if isinstance(part, Parameter)}
    assert set(one.values) <= known | drugs  # of a drug: how the cancer answers it
    assert set(one.spreads) <= known


@pytest.mark.parametrize("name", FULL)
def test_the_median_of_a_pool_is_the_indications_own(model, pools, name):
    values = indication(name).values
    burden = constant(model, pools[name], "mutational_burden")
    spread = indication(name).spreads["mutational_burden"]
    error = 1.2533 * np.sqrt(np.log1p(spread.cv**2)) / np.sqrt(N)  # of a median, on the logarithm
    assert abs(np.log(np.median(burden) / values["mutational_burden"])) < 4 * error


def test_children_are_smaller_than_adults_and_grow_with_age(pools):
    child = pools["b-all"].covariates
    assert child["age_years"].between(3, 25).all()
    young, old = child[child["age_years"] < 8], child[child["age_years"] > 17]
    assert young["height_cm"].median() < 125 < 150 < old["height_cm"].median()
    assert (young["weight_kg"] < 50).all()
    bsa = np.sqrt(child["height_cm"] * child["weight_kg"] / 3600)
    np.testing.assert_allclose(child["bsa_m2"], bsa)
    assert (child["target_lesions"] == 1).all()


def test_prostate_cancer_is_of_men_and_breast_cancer_of_women(pools):
    assert (pools["prostate"].covariates["sex"] == "M").all()
    assert (pools["tnbc"].covariates["sex"] == "F").mean() > 0.97


def test_patients_with_few_symptoms_are_fitter_and_have_less_tumour(pools):
    few, treated = pools["prostate-minimal"].covariates, pools["prostate"].covariates
    assert (few["sex"] == "M").all()
    assert (few["ecog"] == 0).mean() > (treated["ecog"] == 0).mean() + 0.3
    assert few["sum_of_diameters_mm"].median() < 0.8 * treated["sum_of_diameters_mm"].median()


def test_sizes_of_lung_cancers_are_those_of_oak(pools):
    """849 patients: median 66 mm, tenth centiles 27 and 144 mm; lesions under 10 mm are not measured."""
    size = pools["nsclc"].covariates["sum_of_diameters_mm"]
    assert size.median() == pytest.approx(66, rel=0.12)
    assert size.quantile(0.1) == pytest.approx(27, rel=0.2)
    assert size.quantile(0.9) == pytest.approx(144, rel=0.2)


def test_lost_hla_means_cells_that_t_cells_do_not_see(model, pools):
    squamous = np.median(constant(model, pools["nsclc-squamous"], "escape_share"))
    other = np.median(constant(model, pools["nsclc-nonsquamous"], "escape_share"))
    assert squamous > 1.1 * other


def test_more_mutations_mean_more_precursors(model, pools):
    many = np.median(constant(model, pools["msi-colorectal"], "specific_precursors"))
    few = np.median(constant(model, pools["prostate"], "specific_precursors"))
    assert many > 10 * few


def test_cancers_matched_in_rates_only_say_so():
    marked = {name for name in FULL if "matched in rates only" in indication(name).title}
    assert marked == {"dlbcl", "gastric", "head-and-neck", "msi-colorectal", "rcc", "urothelial"}


def test_pd_l1_and_burden_of_lung_cancers_are_those_of_the_cohorts(pools):
    lung = pools["nsclc"].covariates
    assert abs((lung["pdl1_percent"] < 1).mean() - 0.41) < 4 * np.sqrt(0.41 * 0.59 / N)
    assert abs((lung["pdl1_percent"] >= 50).mean() - 0.35) < 4 * np.sqrt(0.35 * 0.65 / N)
    assert abs(np.log(lung["tmb_per_mb"].median() / 6.9)) < 0.25


def test_values_that_are_tried_go_when_the_block_ends():
    from opsonin.patients import trying

    before = indication("melanoma").values
    with trying("melanoma", {"access": 0.5}):
        assert indication("melanoma").values == {**before, "access": 0.5}
        assert indication("nsclc").values.get("access") != 0.5
    assert indication("melanoma").values == before
