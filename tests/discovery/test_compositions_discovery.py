"""Compositions from cell counts, and differences between groups of patients by permutation."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from opsonin.discovery.comparing import compare
from opsonin.discovery.compositions import composition_features, counts_of_percents, log_ratios
from opsonin.discovery.differences import false_discovery_rate, group_differences
from opsonin.discovery.feature_table import FeatureTable
from opsonin.discovery.samples import Samples
from opsonin.errors import DiscoveryError
from opsonin.random import normal, uniform


def table(rows: int, columns: int, seed: int = 1) -> pd.DataFrame:
    return pd.DataFrame(normal(seed, "features", np.arange(rows), draws=columns), [f"P{i}" for i in range(rows)],
                        [f"f{i}" for i in range(columns)])  # fmt: skip


COUNTS = pd.DataFrame({"T": [300, 20, 0], "B": [100, 5, 40], "NK": [0, 3, 60]}, ["one", "two", "three"])


def test_log_ratios_are_expectations_under_the_dirichlet():
    from scipy.stats import dirichlet

    found = log_ratios(COUNTS)
    draws = np.log(dirichlet(COUNTS.loc["two"].to_numpy() + 0.5).rvs(100_000, random_state=1))
    ratios = draws - draws.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(found.values.loc["two"], ratios.mean(axis=0), atol=0.01)
    np.testing.assert_allclose(found.variances.loc["two"], ratios.var(axis=0), rtol=0.03)
    rest = log_ratios(COUNTS, "rest")
    against = draws[:, 0] - np.log1p(-np.exp(draws[:, 0]))
    assert rest.values.loc["two", "T"] == pytest.approx(against.mean(), abs=0.01)
    assert rest.variances.loc["two", "T"] == pytest.approx(against.var(), rel=0.03)
    assert list(log_ratios(COUNTS, "T").values.columns) == ["B", "NK"]


@pytest.mark.parametrize("against", ["centred", "rest", "T"])
def test_at_a_common_depth_ratios_are_the_mean_over_draws_of_as_many_cells(against):
    counts = COUNTS.astype(int)
    depth, draw = 28, np.random.default_rng(2)
    found = log_ratios(counts, against, depth=depth).values
    for name in ("one", "three"):
        drawn = pd.DataFrame(draw.multivariate_hypergeometric(counts.loc[name], depth, 20_000), columns=counts.columns)
        np.testing.assert_allclose(found.loc[name], log_ratios(drawn, against, 1).values.mean(), atol=0.03)
    np.testing.assert_allclose(found.loc["two"], log_ratios(counts, against).values.loc["two"])  # it has no more
    many = log_ratios(counts * 10_000, depth=100_000).values
    np.testing.assert_allclose(many[["T", "B"]].diff(axis=1)["B"][:1], np.log(1 / 3), atol=1e-3)
    with pytest.raises(DiscoveryError, match="whole numbers"):
        log_ratios(counts + 0.5, depth=20)


def test_few_cells_say_less_and_zeros_have_a_value():
    found = log_ratios(COUNTS, fewest=1)
    assert np.isfinite(found.values.to_numpy()).all()
    more = log_ratios(COUNTS * 10, fewest=1)
    assert (found.variances.loc[["two"]].to_numpy() > 3 * more.variances.loc[["two"]].to_numpy()).all()
    np.testing.assert_allclose(found.values.sum(axis=1), 0, atol=1e-12)
    assert list(log_ratios(COUNTS, fewest=50).values.index) == ["one", "three"]


def test_many_cells_give_plain_log_ratios():
    counts = COUNTS.replace(0, 1) * 1_000_000
    plain = np.log(counts).sub(np.log(counts).mean(axis=1), axis=0)
    np.testing.assert_allclose(log_ratios(counts).values, plain, atol=1e-4)


def test_counts_come_back_from_exact_percents_and_rounded_ones_are_refused():
    counts = pd.DataFrame(np.random.default_rng(1).multinomial(277, [0.5, 0.3, 0.2], 8))
    percents = 100 * counts.div(counts.sum(axis=1), axis=0)
    pd.testing.assert_frame_equal(counts_of_percents(percents), counts, check_dtype=False)
    with pytest.raises(DiscoveryError, match="rounded"):
        counts_of_percents(percents.round(1))
    with pytest.raises(DiscoveryError, match="not 100"):
        counts_of_percents(percents / 2)


def test_what_is_no_composition_is_named():
    with pytest.raises(DiscoveryError, match="two or more labels"):
        log_ratios(COUNTS[["T"]])
    with pytest.raises(DiscoveryError, match="count of B in two"):
        log_ratios(COUNTS.assign(B=[1, -2, 3]))
    with pytest.raises(DiscoveryError, match="lower `fewest`"):
        log_ratios(COUNTS, fewest=1000)
    with pytest.raises(DiscoveryError, match="no label 'X'"):
        log_ratios(COUNTS, "X")


def test_all_permutations_give_the_exact_rank_test():
    x, groups = table(12, 3), ["R"] * 5 + ["NR"] * 7
    found = group_differences(x, groups, first="R", second="NR", test="rank")
    assert found.exact
    assert found.permutations == 792
    for row in found.frame.itertuples():
        one, other = x[row.feature][:5], x[row.feature][5:]
        assert row.p == pytest.approx(mannwhitneyu(one, other, method="exact").pvalue)
        assert row.above == pytest.approx(mannwhitneyu(one, other).statistic / 35)


def test_strata_take_away_what_only_the_stratum_moves():
    x = table(24, 1)
    hospital = np.repeat([0, 1], 12)
    groups = np.array(["R"] * 10 + ["NR"] * 2 + ["R"] * 2 + ["NR"] * 10)
    x["f0"] += 4 * hospital
    plain = group_differences(x, groups, first="R", second="NR")
    within = group_differences(x, groups, first="R", second="NR", strata=hospital)
    assert plain.frame["p"][0] < 0.05
    assert within.frame["p"][0] > 0.05
    named = pd.Series(hospital, x.index).iloc[::-1]
    pd.testing.assert_frame_equal(
        group_differences(x, groups, first="R", second="NR", strata=named).frame, within.frame
    )
    with pytest.raises(DiscoveryError, match="'P0' has no stratum"):
        group_differences(x, groups, first="R", second="NR", strata=named.iloc[:-1])


def test_noisy_values_count_less():
    x = table(30, 1)
    groups = np.array(["R", "NR"] * 15)
    noisy = np.arange(30) % 3 == 0
    variance = pd.DataFrame({"f0": np.where(noisy, 25.0, 0.01)}, x.index)
    x["f0"] += 1.2 * (groups == "R") + 5 * noisy * normal(7, "noise", np.arange(30))[:, 0]
    plain = group_differences(x, groups, first="R", second="NR").frame
    weighted = group_differences(x, groups, first="R", second="NR", variances=variance).frame
    assert weighted["p"][0] < plain["p"][0]
    assert weighted["upper"][0] - weighted["lower"][0] < plain["upper"][0] - plain["lower"][0]


def test_permuted_labels_are_rejected_at_the_level():
    """2,000 data sets without any difference, 20 patients whose cells differ in number: 5 % below 0.05."""
    sets = 2000
    x = pd.DataFrame(normal(5, "null", np.arange(20), draws=sets) * 2.0)
    variance = pd.DataFrame(np.repeat(np.geomspace(0.05, 5, 20)[:, None], sets, axis=1))
    groups = np.where(np.argsort(uniform(5, "groups", np.arange(20))[:, 0]) < 8, "R", "NR")
    for options in ({}, {"variances": variance}, {"test": "rank"}):
        p = group_differences(x, groups, first="R", second="NR", permutations=999, **options).frame["p"]
        assert 0.038 < (p <= 0.05).mean() < 0.062


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_differences_do_not_depend_on_the_order_of_patients_and_turn_with_the_groups(seed):
    x, groups = table(10, 2, seed), np.array(["a"] * 4 + ["b"] * 6)
    mixed = np.argsort(uniform(seed, "order", np.arange(10))[:, 0])
    one = group_differences(x, groups, first="a", second="b").frame
    other = group_differences(x.iloc[mixed], groups[mixed], first="a", second="b").frame
    turned = group_differences(x, groups, first="b", second="a").frame
    pd.testing.assert_frame_equal(one, other)
    np.testing.assert_allclose(one["difference"], -turned["difference"], atol=1e-12)
    np.testing.assert_allclose(one["p"], turned["p"])


def features(values: pd.DataFrame, subject: list[str]) -> FeatureTable:
    long = values.rename_axis("sample").reset_index().melt("sample", var_name="feature")
    long["subject"] = long["sample"].map(dict(zip(values.index, subject, strict=True)))
    return FeatureTable(long.assign(time=None, unit="", kind="state", source="made up"))


def test_patients_are_the_unit_and_those_whose_lesions_differ_are_named():
    values = table(12, 2)
    subject = [f"S{i // 2}" if i < 8 else f"S{i}" for i in range(12)]
    lesions = pd.Series(["R", "R", "NR", "NR", "R", "NR", "R", "R", "R", "NR", "NR", "NR"], values.index)
    found = compare(features(values, subject), lesions, first="R", second="NR")
    assert found.unit == "subject"
    assert "S2" in found.left_out[0]
    assert found.frame["n_first"].tolist() == [3, 3]
    assert found.frame["n_second"].tolist() == [4, 4]
    by_lesion = compare(features(values, subject), lesions, first="R", second="NR", unit="sample")
    assert by_lesion.frame["n_first"].tolist() == [6, 6]
    assert "unit: sample" in by_lesion.told()[0]


def test_groups_of_one_patient_are_refused_and_features_nobody_has_are_named():
    x = table(8, 2)
    with pytest.raises(DiscoveryError, match="'R' has 1 subject"):
        group_differences(x, ["R"] + ["NR"] * 7, first="R", second="NR")
    with pytest.raises(DiscoveryError, match="'responder' has 0"):
        group_differences(x, ["R"] * 4 + ["NR"] * 4, first="responder", second="NR")
    x["f1"] = np.nan
    found = group_differences(x, ["R"] * 4 + ["NR"] * 4, first="R", second="NR")
    assert found.frame["feature"].tolist() == ["f0"]
    assert "f1" in found.left_out[0]


def test_false_discovery_rates_are_benjamini_hochbergs():
    from scipy.stats import false_discovery_control

    p = uniform(1, "p", np.arange(30))[:, 0] ** 2
    np.testing.assert_allclose(false_discovery_rate(p), false_discovery_control(p))


def test_composition_features_have_ratio_and_share_of_each_sample():
    of = pd.DataFrame({"sample": ["one", "two", "three"], "subject": ["a", "b", "c"]})
    samples = Samples(pd.DataFrame(), of[["subject"]], of, counts=COUNTS)
    found = composition_features(samples)
    wide = found.wide()
    assert wide.loc["one", "T share"] == 75.0
    assert wide.loc["one", "T log-ratio"] == pytest.approx(log_ratios(COUNTS).values.loc["one", "T"])
    assert set(found.frame["subject"]) == {"a", "b", "c"}
    assert len(found.as_measurements()) == 18
