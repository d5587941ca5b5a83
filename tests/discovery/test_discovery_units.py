"""The table of honest and naive units in smaller numbers: patients exchanged hold their level, cells do not."""

import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from paths import needs_data

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
discovery_units = import_module("discovery_units")
sys.path.pop(0)


@needs_data
@pytest.mark.parametrize("name", ["sadefeldman2018", "melanoma-icb"])
def test_exchanged_responses_are_rejected_at_the_level_by_patient_and_mostly_by_cell(name):
    given = discovery_units.real_sets()[name]
    by_patient, by_cell = [], []
    for responders in discovery_units.exchanged(given, 60):
        by_patient.append((discovery_units.by_permutation(given, responders) <= 0.05).mean())
        by_cell.append((discovery_units.by_cell(given, responders) <= 0.05).mean())
    assert np.mean(by_patient) < 0.05 + 3 * np.std(by_patient) / 60**0.5
    assert np.mean(by_cell) > 0.3


def test_models_of_counts_find_what_is_there_and_agree_on_one_big_difference():
    given = discovery_units.made_up(30, 2.5, seed=4)
    responders = set(given.subject[: given.responders])
    for way in (discovery_units.by_permutation, discovery_units.by_quasi_binomial, discovery_units.by_beta_binomial):
        p = way(given, responders)
        assert p.shape == (8,)
        assert p[2] == p.min() < 0.01


def test_the_quasi_binomial_model_is_the_f_test_of_two_means_where_patients_have_equally_many_cells():
    """With equal totals and small shares the deviance is close to normal: p near that of the t test."""
    from scipy.stats import ttest_ind

    draws = np.random.default_rng(3)
    counts = np.clip(np.round(draws.normal(500, 40, (12, 1))), 0, 1000)
    frame = discovery_units.pd.DataFrame(
        np.hstack([counts, 1000 - counts]), [f"P{i:02}" for i in range(12)], ["a", "b"]
    )
    given = discovery_units.Counted(frame, np.array(frame.index), 6)
    responders = set(frame.index[:6])
    p = discovery_units.by_quasi_binomial(given, responders)
    assert p[0] == pytest.approx(ttest_ind(counts[:6, 0], counts[6:, 0]).pvalue, rel=0.05)
    assert p[0] == pytest.approx(p[1])


def test_groups_that_differ_in_cells_counted_keep_the_level_at_a_common_depth():
    name = "10 × 1,000 against 10 × 60, alike patients"
    found = discovery_units.depth_cases(60, depths=[name])
    common, own = (found[f"{name}: {way}"] for way in ("at a common depth (default)", "all cells of each sample"))
    assert common["value"] < 0.05 + 3 * common["error"]
    assert common["value"] < own["value"]
    assert common["power"] >= own["power"] > 0.9
