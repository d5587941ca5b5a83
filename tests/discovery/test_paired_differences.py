"""Differences within the same patients, by sign flips: exact, at the level, and as SciPy has them."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import permutation_test, ttest_rel, wilcoxon

from opsonin.discovery.comparing import compare
from opsonin.discovery.feature_table import FeatureTable
from opsonin.discovery.within_patients import paired_differences
from opsonin.errors import DiscoveryError
from opsonin.random import exponential, normal

NAMES = {"first": "post", "second": "pre"}


def pair(patients: int, features: int, seed: int = 1) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Values of patients who differ much more than their two times do."""
    index, columns = [f"P{i}" for i in range(patients)], [f"f{i}" for i in range(features)]
    own = 3 * normal(seed, "patient", np.arange(patients), draws=features)
    first, second = (pd.DataFrame(own + normal(seed, name, np.arange(patients), draws=features), index, columns)
                     for name in ("post", "pre"))  # fmt: skip
    return first, second


def gap(x: np.ndarray, y: np.ndarray, axis: int = -1) -> np.ndarray:
    return np.mean(x - y, axis=axis)


@pytest.mark.parametrize("patients", [3, 7, 11])
def test_all_signs_give_scipys_p_value_and_students_interval(patients):
    post, pre = pair(patients, 4)
    post["f1"] += 1
    found = paired_differences(post, pre, **NAMES)
    assert found.exact
    assert found.permutations == 2**patients
    for row in found.frame.to_dict("records"):
        x, y = (side[row["feature"]].to_numpy() for side in (post, pre))
        peer = permutation_test((x, y), gap, permutation_type="samples", vectorized=True, n_resamples=np.inf)
        assert row["p"] == pytest.approx(float(peer.pvalue))
        interval = ttest_rel(x, y).confidence_interval()
        assert (row["lower"], row["upper"]) == pytest.approx((interval.low, interval.high))
        assert row["p_max"] >= row["p"] - 1e-12
    ranked = paired_differences(post, pre, test="rank", **NAMES).frame.set_index("feature")["p"]
    assert ranked["f1"] == pytest.approx(wilcoxon(post["f1"], pre["f1"], method="exact").pvalue)


def test_many_pairs_are_flipped_at_random_with_the_observed_one_counted():
    post, pre = pair(30, 2)
    found = paired_differences(post.assign(f1=post["f1"] + 3), pre, permutations=999, **NAMES)
    assert not found.exact
    rows = found.frame.set_index("feature")
    assert rows.loc["f1", "p"] == 0.001  # of 1,000, the observed one among them
    peer = permutation_test((post["f0"].to_numpy(), pre["f0"].to_numpy()), gap, permutation_type="samples",
                            vectorized=True, n_resamples=9999, rng=np.random.default_rng(1))  # fmt: skip
    assert rows.loc["f0", "p"] == pytest.approx(float(peer.pvalue), abs=0.05)


def test_nothing_is_rejected_beyond_the_level():
    """2,000 features of 9 pairs without a difference, skewed and of unlike spread: at most 5 % at 0.05."""
    sets = 2000
    noise = [exponential(3, name, np.arange(9), draws=sets) * np.geomspace(0.3, 5, 9)[:, None] for name in "ab"]
    variances = pd.DataFrame(np.repeat(np.geomspace(0.1, 5, 9)[:, None], sets, axis=1))
    for options in ({}, {"variances": variances}, {"test": "rank"}):
        p = paired_differences(pd.DataFrame(noise[0]), pd.DataFrame(noise[1]), **options, **NAMES).frame["p"]
        assert 0.035 < (p <= 0.05).mean() < 0.062


def table(frame: pd.DataFrame) -> FeatureTable:
    return FeatureTable(frame.assign(time=None, unit="", kind="state", source="made up"))


def test_patients_with_both_are_taken_and_others_named_unless_most_have_one():
    post, pre = pair(8, 1)
    rows = [(name, f"{name} {time}", "f0", side.loc[name, "f0"])
            for side, time in ((post, "post"), (pre, "pre")) for name in side.index]  # fmt: skip
    rows += [("P9", "P9 pre", "f0", 0.0), ("P0", "P0 post again", "f0", post.loc["P0", "f0"])]
    frame = pd.DataFrame(rows, columns=["subject", "sample", "feature", "value"])
    group = frame.set_index("sample").index.to_series().str.extract(r"(pre|post)")[0]
    found = compare(table(frame), group, **NAMES)
    assert found.paired
    told = found.told()
    assert "post against pre within the same 8 patients; all 256 sign flips" in told[0]
    assert "samples of one group alone: P9" in told[1]
    assert "1 patients have several samples of a group" in told[2]
    assert found.frame["p"][0] == paired_differences(post, pre, **NAMES).frame["p"][0]
    alone = [(f"Q{k}", f"Q{k} {time}", "f0", 0.1 * k) for k in range(20) for time in [("pre", "post")[k % 2]]]
    more = pd.concat([frame, pd.DataFrame(alone, columns=frame.columns)], ignore_index=True)
    group = more.set_index("sample").index.to_series().str.extract(r"(pre|post)")[0]
    assert not compare(table(more), group, **NAMES).paired
    assert compare(table(more), group, paired=True, **NAMES).frame["n_first"][0] == 8


def test_too_few_pairs_are_refused_and_few_told():
    post, pre = pair(4, 2)
    pre.loc[["P0", "P1"], "f1"] = np.nan
    found = paired_differences(post, pre, **NAMES)
    assert found.frame["feature"].tolist() == ["f0"]
    assert "f1" in found.left_out[0]
    assert "no p can be below 0.12" in found.left_out[1]
    with pytest.raises(DiscoveryError, match="2 patient"):
        paired_differences(post[:2], pre[:2], **NAMES)
    with pytest.raises(DiscoveryError, match="same patients"):
        paired_differences(post[::-1], pre, **NAMES)
