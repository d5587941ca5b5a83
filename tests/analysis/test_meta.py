"""Meta-analysis against R's metafor on the BCG trials, and laws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsonin.analysis import meta_analysis
from opsonin.analysis.meta import METHODS
from opsonin.errors import AnalysisError

# 13 trials of the BCG vaccine: tuberculosis and none among the vaccinated, tuberculosis and none among controls.
# source: Colditz et al. (1994), J Am Med Assoc 271:698, as in Viechtbauer (2010), J Stat Softw 36(3), table 1
BCG = [
    (4, 119, 11, 128),
    (6, 300, 29, 274),
    (3, 228, 11, 209),
    (62, 13536, 248, 12619),
    (33, 5036, 47, 5761),
    (180, 1361, 372, 1079),
    (8, 2537, 10, 619),
    (505, 87886, 499, 87892),
    (29, 7470, 45, 7232),
    (17, 1699, 65, 1600),
    (186, 50448, 141, 27197),
    (5, 2493, 3, 2338),
    (27, 16886, 29, 17825),
]


def _bcg():
    """Log risk ratios and their standard errors."""
    a, b, c, d = np.array(BCG, dtype=float).T
    return np.log(a / (a + b)) - np.log(c / (c + d)), np.sqrt(1 / a - 1 / (a + b) + 1 / c - 1 / (c + d))


# source: metafor's own tests and the output of rma() for these data (method "FE", "DL", "REML", test "knha")
METAFOR = [
    ("fixed", False, (-0.4303, -0.5097, -0.3509), 0.0, 92.1173),
    ("dersimonian-laird", False, (-0.7141, -1.0644, -0.3638), 0.3088, 92.1173),
    ("reml", False, (-0.7145, -1.0669, -0.3622), 0.3132, 92.2214),
    ("reml", True, (-0.714532342158211, -1.10844371368566, -0.320620970630764), 0.313243258137274, 92.2214),
]


@pytest.mark.parametrize(("method", "knapp", "pooled", "tau2", "i2"), METAFOR)
def test_the_bcg_trials_as_in_metafor(method, knapp, pooled, tau2, i2):
    found = meta_analysis(*_bcg(), method=method, hartung_knapp=knapp)
    exact = len(str(tau2)) > 8
    assert found.pooled == pytest.approx(pooled, abs=1e-9 if exact else 5.1e-5)
    assert found.tau2.value == pytest.approx(tau2, abs=1e-9 if exact else 5.1e-5)
    assert found.i2.value == pytest.approx(i2, abs=5.1e-5)
    assert found.q == pytest.approx(152.2330, abs=5e-5)
    assert found.tau2[1:] == pytest.approx((0.1197, 1.1115), abs=5.1e-5)
    assert found.i2[1:] == pytest.approx((81.92, 97.68), abs=0.005)
    assert found.q_p < 1e-20


def test_a_further_cohort_is_expected_over_a_wider_range_than_the_mean():
    found = meta_analysis(*_bcg(), hartung_knapp=False)
    # Student's t with k − 2 degrees of freedom (Higgins 2009): 2.200985 for 11
    reach = 2.200985 * np.sqrt(found.tau2.value + found.se**2)
    assert found.prediction.lower == pytest.approx(found.pooled.value - reach, abs=1e-5)
    assert found.prediction.lower < found.pooled.lower
    assert np.isnan(meta_analysis([0.1, 0.5], [0.1, 0.2]).prediction.lower)
    assert np.isnan(meta_analysis(*_bcg(), method="fixed").prediction.value)


cohorts = st.lists(st.tuples(st.floats(-2, 2), st.floats(0.05, 1.0)), min_size=2, max_size=8)


@settings(max_examples=50)
@given(cohorts, st.sampled_from(sorted(METHODS)), st.randoms(use_true_random=False), st.floats(-3, 3))
def test_order_does_not_matter_and_a_shift_shifts(rows, method, random, shift):
    y, s = np.array(rows).T
    one = meta_analysis(y, s, method=method)
    order = list(range(y.size))
    random.shuffle(order)
    other = meta_analysis(y[order] + shift, s[order], method=method)
    assert other.pooled.value == pytest.approx(one.pooled.value + shift, abs=1e-6)
    assert other.tau2 == pytest.approx(one.tau2, abs=1e-6, nan_ok=True)
    assert y.min() - 1e-9 <= one.pooled.value <= y.max() + 1e-9
    assert 0 <= one.i2.value <= 100
    assert np.isnan(one.tau2.lower) or one.tau2.lower <= one.tau2.upper
    assert one.weight.sum() == pytest.approx(1)


@settings(max_examples=40)
@given(cohorts)
def test_no_variance_between_cohorts_has_a_higher_restricted_likelihood(rows):
    y, s = np.array(rows).T
    best = meta_analysis(y, s).tau2.value

    def likelihood(tau2):
        w = 1 / (s**2 + tau2)
        mean = (w * y).sum() / w.sum()
        return 0.5 * (np.log(w).sum() - np.log(w.sum()) - (w * (y - mean) ** 2).sum())

    assert all(likelihood(best) >= likelihood(t) - 1e-9 for t in np.r_[0.0, np.geomspace(1e-4, 20, 60)])


def test_cohorts_that_agree_have_no_variance_between_them():
    found = meta_analysis([0.4, 0.41, 0.39], [0.2, 0.3, 0.25], names=["OAK", "POPLAR", "INSPIRE"])
    assert found.tau2.value == found.i2.value == 0
    assert np.isnan(found.i2.upper)  # they agree better than chance would have it
    assert meta_analysis([0.4, 0.6, 0.2], [0.2, 0.3, 0.25]).i2.upper > 50
    table = found.to_frame()
    assert table["cohort"].tolist() == ["OAK", "POPLAR", "INSPIRE"]
    assert table["weight"].sum() == pytest.approx(100)
    without = meta_analysis([0.41, 0.39], [0.3, 0.25]).pooled.value
    assert table["pooled_without"].iloc[0] == pytest.approx(without)


def test_findings_are_ratios_where_the_estimates_are_logs():
    made = meta_analysis(*_bcg()).findings("biomarker.OS.blood TMB", ratio=True, unit="hazard ratio")
    by_name = {f.name.rsplit(".", 1)[1]: f for f in made}
    assert by_name["pooled"].estimate == pytest.approx(np.exp(-0.714532342158211))
    assert by_name["pooled"].upper == pytest.approx(np.exp(-0.320620970630764))
    assert by_name["i2"].unit == "percent"
    assert by_name["prediction"].lower < by_name["pooled"].lower
    assert "prediction" not in {f.name.rsplit(".", 1)[1] for f in meta_analysis([0.1, 0.3], [0.1, 0.1]).findings("x")}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (([0.1], [0.1]), "two or more cohorts"),
        (([0.1, np.nan], [0.1, 0.2]), "cohort 2: the estimate nan"),
        (([0.1, 0.2], [0.1, 0.0]), "cannot be pooled"),
        ((["none", 0.2], [0.1, 0.2]), "'none' of row 1"),
        (([0.1, 0.2], [0.1]), "one standard error for each"),
    ],
)
def test_what_cannot_be_pooled_is_said(given, words):
    with pytest.raises(AnalysisError, match=words):
        meta_analysis(*given)
    with pytest.raises(AnalysisError, match="'bayes' is unknown"):
        meta_analysis([0.1, 0.2], [0.1, 0.1], method="bayes")
    with pytest.raises(AnalysisError, match="2 estimates but 1 names"):
        meta_analysis([0.1, 0.2], [0.1, 0.1], names=["OAK"])
