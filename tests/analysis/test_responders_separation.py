"""Which quantities separate responders: the area against pairs counted one by one, its interval against coverage."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsonin.analysis.responders import separation
from opsonin.analysis.responders.separation import area
from opsonin.errors import AnalysisError
from opsonin.random import normal, uniform


def by_pairs(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """The area and DeLong's standard error, from every pair of patients."""
    beats = (x[:, None] > y[None, :]) + 0.5 * (x[:, None] == y[None, :])
    of_x, of_y = beats.mean(axis=1), beats.mean(axis=0)
    return beats.mean(), np.sqrt(of_x.var(ddof=1) / x.size + of_y.var(ddof=1) / y.size)


values = st.lists(st.integers(0, 6), min_size=3, max_size=25)


@settings(max_examples=60, deadline=None)
@given(values, values)
def test_area_and_error_are_those_counted_over_all_pairs_ties_included(one, other):
    x, y = np.array(one, dtype=float), np.array(other, dtype=float)
    auc, se, _ = area(x, y, np.ones(x.size), np.ones(y.size))
    assert (auc, se) == pytest.approx(by_pairs(x, y), abs=1e-12)


def test_the_null_deviation_is_wilcoxons_with_ties():
    x, y = np.array([1.0, 2, 2, 5, 7]), np.array([0.0, 2, 3, 3, 4, 9])
    _, _, null = area(x, y, np.ones(5), np.ones(6))
    ties = np.unique(np.r_[x, y], return_counts=True)[1]
    n = 11
    exact = (5 * 6 / 12) * (n + 1 - (ties**3 - ties).sum() / (n * (n - 1)))  # variance of U; Lehmann 1975, (1.35)
    assert null == pytest.approx(np.sqrt(exact) / 30)


def test_a_weight_of_two_counts_as_the_patient_twice():
    x, y = np.array([1.0, 4, 6]), np.array([0.0, 3, 5, 7])
    auc, _, _ = area(x, y, np.array([1.0, 2, 1]), np.array([1.0, 1, 3, 1]))
    assert auc == pytest.approx(by_pairs(np.array([1.0, 4, 4, 6]), np.array([0.0, 3, 5, 5, 5, 7]))[0])


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 200))
def test_monotone_transforms_and_order_of_patients_change_nothing(seed):
    x = normal(seed, "quantity", np.arange(40))[:, 0]
    yes = uniform(seed, "response", np.arange(40))[:, 0] < 0.4
    plain = separation(yes, {"x": x}).table
    other = separation(yes[::-1], {"x": np.exp(x)[::-1]}).table
    columns = ["auc", "lower", "upper", "p"]
    assert other.loc[0, columns].to_numpy(dtype=float) == pytest.approx(plain.loc[0, columns].to_numpy(dtype=float))


@pytest.mark.parametrize("shift", [0.0, 1.2, 2.5])
def test_the_interval_holds_the_truth_as_often_as_it_says_in_small_trials(shift):
    from scipy.special import ndtr

    truth, hits, trials = ndtr(shift / np.sqrt(2)), 0, 300
    z = normal(11, "small trials", np.arange(trials), draws=30)
    yes = np.arange(30) < 10
    for row in z:
        found = separation(yes, {"x": row + shift * yes}).table.iloc[0]
        hits += bool(found["lower"] <= truth <= found["upper"])
    assert 0.92 < hits / trials < 0.985


def test_where_nothing_overlaps_the_interval_is_not_a_point_and_p_not_zero():
    yes = np.array([1, 1, 1, 0, 0, 0, 0])
    found = separation(yes, {"x": np.array([5.0, 6, 7, 1, 2, 3, 4])}).table.iloc[0]
    assert found["auc"] == 1
    assert found["lower"] == pytest.approx(0.55, abs=0.12)
    assert found["upper"] == 1
    assert 0.01 < found["p"] < 0.05  # exact: 1 of 35 orders each way


def test_order_kinds_missing_values_and_multiplicity_are_said():
    n = 200
    z = normal(5, "three", np.arange(n), draws=3)
    yes = z[:, 0] + 0.5 * z[:, 1] > 0.8
    early = z[:, 0] + 0.3 * z[:, 2]
    early[:10] = np.nan
    found = separation(
        yes,
        pd.DataFrame({"Treg": -z[:, 0], "CD8": early, "noise": z[:, 2]}),
        kinds={"CD8": "day 22"},
    )
    assert found.table["quantity"].tolist() == ["Treg", "CD8", "noise"]
    assert found.table["missing"].tolist() == [0, 10, 0]
    assert (found.table["p_adjusted"] >= found.table["p"]).all()
    first, second, last = found.findings()
    assert first.name == "why.separation.Treg.auc"
    assert first.estimate < 0.5
    assert "lower in responders" in first.note
    assert "3 quantities looked at (Holm)" in first.note
    assert second.group == "day 22"
    assert "goes along with Treg (rank correlation -0.9" in second.note
    assert "10 patients without a value" in second.note
    assert "goes along" not in last.note


def test_noise_is_called_significant_as_often_as_chance_allows():
    trials, hits = 150, 0
    z = normal(8, "noise", np.arange(trials), draws=200).reshape(trials, 40, 5)
    yes = np.arange(40) < 12
    for some in z:
        table = separation(yes, {f"q{k}": some[:, k] for k in range(5)}).table
        hits += bool((table["p_adjusted"] < 0.05).any())
    assert hits / trials < 0.05 + 3 * np.sqrt(0.05 * 0.95 / trials)


@pytest.mark.parametrize(
    ("response", "quantities", "message"),
    [
        (np.zeros(5), {"x": np.arange(5)}, "0 of 5 patients respond"),
        (np.array([1, 0, 2]), {"x": np.arange(3)}, "row 3"),
        (np.array([1, 0, 1]), {"x": np.arange(4)}, "'x': 3 patients need as many values"),
        (np.array([1, 0, 1]), {}, "no quantities"),
        (np.array([1, 0, 1]), np.arange(3), "data frame"),
    ],
)
def test_bad_input_is_named(response, quantities, message):
    with pytest.raises(AnalysisError, match=message):
        separation(response, quantities)


def test_a_kind_of_a_quantity_that_is_not_there_is_a_mistake():
    with pytest.raises(AnalysisError, match="the kind of 'CD4'"):
        separation([1, 0, 1], {"CD8": [1.0, 2.0, 3.0]}, kinds={"CD4": "day 1"})
