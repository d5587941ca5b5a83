"""What the first trial of the combination reported, as directions on a small pool of virtual patients."""

from itertools import pairwise

import numpy as np
import pytest

from combination import combination, course, observed, rank_correlation, regimen
from opsonin.patients import indication, sample_patients

MIU = (0.0, 3.0, 6.0, 9.0, 12.0)
QUARTERS = np.arange(0, 1.001, 0.125)
TIMES = np.unique(np.concatenate([[-21.0, -10.0, 0.0, 9.0], 8.0 + QUARTERS, 13.0 + QUARTERS, [14.0, 21.0]]))


@pytest.fixture(scope="module")
def pool():
    model = combination()
    return model, sample_patients(model, indication("refractory-solid"), 40, seed=11)


@pytest.fixture(scope="module")
def outcomes(pool):
    """MIU → (trajectories, observables of every patient)."""
    model, patients = pool
    names = [name for name, entry in model.symbolic.observables.items()]
    found = {}
    for miu in MIU:
        made = course(model, patients.constants, regimen(miu), TIMES, thresholds=patients.thresholds)
        found[miu] = made, observed(model, made, patients.constants, *names)
    return found


def at(outcomes, miu, name, day):
    return outcomes[miu][1][name][:, np.searchsorted(TIMES, day - 1e-9)]


@pytest.mark.parametrize("analyte", ["imatinib", "CGP74588"])
def test_exposure_to_imatinib_and_its_metabolite_rises_with_interleukin_2(outcomes, analyte):
    before, after = (TIMES >= 8) & (TIMES <= 9), (TIMES >= 13) & (TIMES <= 14)
    rises = []
    for miu in MIU:
        level = outcomes[miu][1][analyte]
        area = np.trapezoid(level[:, after], TIMES[after]) / np.trapezoid(level[:, before], TIMES[before])
        peak = level[:, after].max(axis=1) / level[:, before].max(axis=1)
        rises.append((np.exp(np.log(area).mean()), np.exp(np.log(peak).mean())))
    areas, peaks = zip(*rises, strict=True)
    assert areas[0] == pytest.approx(1, abs=0.02)
    assert all(np.diff(areas) > 0)
    assert all(np.diff(peaks) > 0)
    assert peaks[1] > 1.05


@pytest.mark.parametrize("marker", ["B", "CD4+", "CD8+"])
def test_lymphocyte_counts_fall_in_order_of_dose(outcomes, marker):
    change = [np.median(at(outcomes, miu, marker, 14.0) / at(outcomes, miu, marker, 0.0)) for miu in MIU]
    assert all(np.diff(change) < 0)
    assert change[-1] < 0.6


def test_regulatory_share_rises_less_than_twofold(outcomes):
    for miu in MIU[1:]:
        fold = np.median(at(outcomes, miu, "Treg of CD4+", 14.0) / at(outcomes, miu, "Treg of CD4+", -21.0))
        assert 1 < fold < 2


def test_cyclophosphamide_depletes_regulatory_cells_by_more_than_two_fifths(outcomes):
    assert np.median(at(outcomes, 0.0, "Treg", -10.0) / at(outcomes, 0.0, "Treg", -21.0)) < 0.6


@pytest.mark.parametrize("marker", ["HLA-DR+ NK", "TRAIL+ NK", "CD56bright NK"])
def test_nk_cells_are_activated_in_order_of_dose(outcomes, marker):
    change = [np.median(at(outcomes, miu, marker, 14.0) / at(outcomes, miu, marker, 0.0)) for miu in MIU]
    assert change[0] == pytest.approx(1, abs=0.15)
    assert all(np.diff(change) > 0)


def test_cd4_to_cd8_ratio_rises(outcomes):
    assert np.median(at(outcomes, 6.0, "CD4:CD8", 14.0) / at(outcomes, 6.0, "CD4:CD8", 0.0)) > 1.05


def test_a_patient_has_a_toxicity_at_a_higher_dose_no_later(pool, outcomes):
    model, _ = pool
    watched = [
        n
        for n, (hazard, _, _) in enumerate(model.symbolic.thresholds)
        if model.symbolic.hazard_list[hazard].role == "adverse event"
    ]
    days = [outcomes[miu][0].crossings[:, watched] for miu in MIU]
    for lower, higher in pairwise(days):
        assert (np.minimum(higher, 1e9) <= np.minimum(lower, 1e9) + 1e-6).all()


def test_every_patient_at_six_million_units_has_some_adverse_event(pool, outcomes):
    model, _ = pool
    lowest = [n for n, (hazard, grade, _) in enumerate(model.symbolic.thresholds) if grade == 1]
    share = (outcomes[6.0][0].crossings[:, lowest].min(axis=1) < 21).mean()
    assert share >= 0.95


def test_activated_nk_cells_and_tumour_control_go_together(pool, outcomes):
    model, patients = pool
    fitness = patients.constants[:, list(model.symbolic.constants).index("nk_fitness")]
    assert rank_correlation(fitness, at(outcomes, 6.0, "HLA-DR+ NK", 14.0)) > 0.2
