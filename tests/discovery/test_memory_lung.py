"""The figures of the page on memory T cells in lung: what the real data at hand say of them."""

import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import mannwhitneyu

from opsonin.random import normal
from opsonin.record.replicates import Replicates
from paths import needs_data

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
memory_lung = import_module("memory_lung")
sys.path.pop(0)


@needs_data
def test_seven_lung_tumours_hold_enough_t_cells_and_targeted_therapy_is_no_proof():
    found = memory_lung.t_cells_of_tumours()
    assert found["T cells of a tumour"] == [104, 617, 1325, 2085, 2532, 2557, 3556]
    row = found["T cells, residual disease against before"]
    assert (row["n_first"], row["n_second"]) == (4, 9)
    assert row["difference"] > 0
    assert 3 * row["p"] > 0.05  # of three comparisons


@needs_data
def test_genes_of_residence_are_shared_with_terminal_exhaustion_in_lung():
    found = memory_lung.resident_or_exhausted()
    assert found["CD8 T Terminally Exhausted"]["p"] < 1e-4
    cycling = found["Maynard subcluster 3"]
    assert {"ITGAE", "ZNF683", "ENTPD1", "HAVCR2", "MKI67"} <= set(cycling)


@needs_data
def test_half_the_spread_of_the_resident_share_between_biopsies_is_counting():
    found = memory_lung.melanoma()
    assert found["patients"] == 16
    assert 0.4 < found["reliability"] < 0.6
    assert found["correlation of resident and exhausted scores"] > 0.6
    assert found["area for response"] < 0.5


def test_counting_few_cells_takes_from_what_a_marker_separates(tmp_path):
    patients = 4000
    share = np.clip(0.2 + 0.05 * normal(1, "share", np.arange(patients))[:, 0], 0.01, 0.6)
    hit = share + 0.05 * normal(2, "response", np.arange(patients))[:, 0] > 0.25
    ids = [f"P{i}" for i in range(patients)]
    key = pd.DataFrame({"trial": 1, "subject_id": ids})
    markers = ("CD103+ of CD8+", "CD8+ density", "TCF7+ of CD8+", "PD-L1")
    values = key.assign(
        compartment="tumour", day=0.0, value=100 * share, unit="percent", below_limit=False, baseline=True
    )
    rows = [values.assign(marker=name) for name in markers]
    tables = {
        "subjects": key,
        "measurements": pd.concat(rows),
        "responses": key.assign(criteria="RECIST 1.1", day=60.0, best=True, overall=np.where(hit, "PR", "SD"),
                                source="derived"),
        "survival": key.assign(endpoint="PFS", day=np.where(hit, 400.0, 100.0), event=~hit, origin_day=0.0),
    }  # fmt: skip
    Replicates(tables).save(tmp_path / "replicates")
    found = memory_lung.virtual(tmp_path)
    exact = mannwhitneyu(share[hit], share[~hit]).statistic / (hit.sum() * (~hit).sum())
    assert found["area for response"] == pytest.approx(exact)
    few, more, many = (found[f"area for response, {cells} CD8+ cells counted"] for cells in (20, 100, 500))
    assert 0.5 < few < more < many < exact
    assert found["area for a year without progression"] == pytest.approx(exact)


def test_the_patients_asked_for_show_the_area_in_four_of_five_trials():
    """Normal values half an SD apart: an area of 0.638."""
    n = memory_lung.patients_to_show(0.6382, 0.3)
    hit = np.arange(n) < round(0.3 * n)
    values = normal(1, "trials", np.arange(400), draws=n) + 0.5 * hit
    shown = [mannwhitneyu(one[hit], one[~hit]).pvalue < 0.05 for one in values]
    assert np.mean(shown) == pytest.approx(0.8, abs=0.06)
