"""Screens: the same numbers as one model at a time, compiled or not; laws for any data; input that is refused."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsonin.analysis import screening as module
from opsonin.analysis.multiplicity import adjust_p
from opsonin.analysis.screening import screen, screen_response, screen_values
from opsonin.analysis.survival import cox
from opsonin.analysis.survival.firth import firth_cox
from opsonin.errors import AnalysisError
from paths import REFERENCE

NUMBERS = [
    "n", "events", "coefficient", "se", "estimate", "lower", "upper", "p_wald", "p_score", "p_likelihood_ratio",
    "p_permutation", "p", "p_adjusted",
]  # fmt: skip


def patients(n, k, seed, missing=0.0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, k))
    time = np.ceil(rng.exponential(30 * np.exp(-0.5 * x[:, 0])))
    event = rng.random(n) < 0.7
    x[rng.random((n, k)) < missing] = np.nan
    return time, event, x


@pytest.fixture
def compiled(monkeypatch):
    monkeypatch.setattr(module, "FEW", (0, 0))


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_each_marker_has_the_numbers_of_its_own_cox_model_in_its_own_complete_cases(ties, compiled):
    time, event, x = patients(80, 6, 1, missing=0.3)
    rng = np.random.default_rng(2)
    age, site = rng.normal(size=80), rng.integers(0, 3, 80)
    table = screen(time, event, x, adjust=age, strata=site, ties=ties, test="wald").table
    for k in range(6):
        kept = np.isfinite(x[:, k])
        both, within = np.column_stack([x[:, k], age])[kept], site[kept]
        full = cox(time[kept], event[kept], both, strata=within, ties=ties)
        null = cox(time[kept], event[kept], age[kept], strata=within, ties=ties)
        row = table.iloc[k]
        assert (row["n"], row["events"]) == (full.n, full.events)
        assert row["coefficient"] == pytest.approx(full.coefficient[0], rel=1e-6)
        assert row["se"] == pytest.approx(full.se[0], rel=1e-6)
        assert row["p_wald"] == pytest.approx(full.p[0], rel=1e-6)
        assert [row["lower"], row["upper"]] == pytest.approx(full.interval[0].tolist(), rel=1e-6)
        from scipy.special import chdtrc

        change = 2 * (full.log_likelihood - null.log_likelihood)
        assert row["p_likelihood_ratio"] == pytest.approx(chdtrc(1, change), rel=1e-5)


def test_a_separating_marker_gets_the_numbers_of_firths_model(compiled):
    time, event, x = patients(30, 3, 4)
    x[:, 1] = np.where(event, 0.0, time > np.quantile(time[event], 0.6))  # nobody with it has the event
    found = screen(time, event, x, test="likelihood ratio").table
    assert found["separated"].tolist() == [False, True, False]
    one = firth_cox(time, event, x[:, 1])
    row = found.iloc[1]
    assert row["penalised"]
    assert row["coefficient"] == pytest.approx(one.coefficient[0], rel=1e-6)
    assert [row["lower"], row["upper"]] == pytest.approx(one.interval[0].tolist(), rel=1e-5)
    assert row["p"] == pytest.approx(one.p[0], rel=1e-6)
    assert "separates" in row["remark"]


# the same examples always: a profile with two tops, one data set in thousands, may be followed to either
@settings(max_examples=10, deadline=None, derandomize=True)
@given(st.integers(17, 50), st.integers(0, 10_000), st.booleans(), st.booleans(), st.sampled_from(["auto", "firth"]))
def test_compiled_code_and_numpy_give_the_same_numbers(n, seed, adjusted, stratified, method):
    time, event, x = patients(n, 5, seed, missing=0.15)
    event[0] = True
    rng = np.random.default_rng(seed + 1)
    x[:, 1] = rng.integers(0, 2, n)
    x[:, 2] = 3.0
    options = {"adjust": rng.normal(size=n) if adjusted else None, "method": method, "test": "score"}
    options["strata"] = rng.integers(0, 2, n) if stratified else None
    response = rng.random(n) < 0.5
    response[:2] = True, False
    asked = [(screen, (time, event)), (screen_response, (response.astype(float),))]
    with pytest.MonkeyPatch.context() as patch:
        slow = [how(*what, x, **options).table for how, what in asked]
        patch.setattr(module, "FEW", (0, 0))
        fast = [how(*what, x, **options).table for how, what in asked]
    for one, other in zip(slow, fast, strict=True):
        assert one["remark"].tolist() == other["remark"].tolist()
        for column in NUMBERS:
            np.testing.assert_allclose(one[column], other[column], rtol=2e-5, atol=1e-7, err_msg=column)


FOLDER = REFERENCE / "survival"


def _firth_cases():
    kinds = {"firth_cox": "hazard", "firth_logistic": "odds"}
    files = [FOLDER / f"{kind}.json" for kind in kinds]
    if not all(file.is_file() for file in files):
        return [pytest.param(None, marks=pytest.mark.skip(reason=f"no reference results at {FOLDER}"))]
    return [pytest.param(case, id=case["id"]) for file in files for case in json.loads(file.read_text())]


@pytest.mark.parametrize("case", _firth_cases())
def test_compiled_penalised_models_agree_with_coxphf_and_logistf(case, compiled):
    spec, data = case["spec"], pd.read_csv(FOLDER / f"data_{case['dataset']}.csv")
    for expected in (row for row in case["results"]["coefficients"] if row["term"] in spec["covariates"]):
        rest = [name for name in spec["covariates"] if name != expected["term"]]
        options = {"adjust": data[rest] if rest else None, "method": "firth", "test": "likelihood ratio"}
        if case["kind"] == "firth_cox":
            found = screen(data[spec["time"]], data[spec["event"]], data[[expected["term"]]], ties="breslow", **options)
            limits = expected["hr_lower95_profile"], expected["hr_upper95_profile"]
        else:
            found = screen_response(data[spec["outcome"]], data[[expected["term"]]], **options)
            limits = np.exp([expected["lower95_profile"], expected["upper95_profile"]])
        row = found.table.iloc[0]
        assert row["coefficient"] == pytest.approx(expected["coef"], rel=1e-5)
        assert row["se"] == pytest.approx(expected["se"], rel=1e-5)
        assert [row["lower"], row["upper"]] == pytest.approx(list(limits), rel=1e-5)
        assert row["p"] == pytest.approx(expected["p_profile"], rel=1e-5)


@settings(max_examples=10, deadline=None)
@given(st.integers(10, 40), st.integers(0, 10_000), st.randoms())
def test_neither_order_of_patients_nor_a_monotone_transform_of_time_matters(n, seed, order):
    time, event, x = patients(n, 3, seed)
    event[0] = True
    place = list(range(n))
    order.shuffle(place)
    one = screen(time, event, x, test="likelihood ratio").table
    other = screen(np.log(time[place]) + 1, event[place], x[place], test="likelihood ratio").table
    for column in NUMBERS:
        np.testing.assert_allclose(one[column], other[column], rtol=1e-6, atol=1e-8)


def test_two_copies_of_the_data_as_strata_double_the_information(compiled):
    time, event, x = patients(50, 4, 7)
    once = screen(time, event, x, test="wald").table
    half = np.repeat([0, 1], 50)
    twice = screen(np.r_[time, time], np.r_[event, event], np.vstack([x, x]), strata=half, test="wald").table
    np.testing.assert_allclose(twice["coefficient"], once["coefficient"], rtol=1e-7)
    np.testing.assert_allclose(twice["se"], once["se"] / np.sqrt(2), rtol=1e-7)


@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_huge_and_tiny_scales_give_the_same_evidence(scale, compiled):
    time, event, x = patients(40, 3, 9)
    one, other = (screen(time, event, v, test="score").table for v in (x, x * scale))
    np.testing.assert_allclose(one["p_score"], other["p_score"], rtol=1e-6)
    np.testing.assert_allclose(one["coefficient"], other["coefficient"] * scale, rtol=1e-6)


def test_a_covariate_that_separates_leaves_the_markers_their_p():
    time, event, x = patients(24, 4, 3)
    late = np.where(event, 0.0, 1.0)  # nobody with it has the event
    found = screen(time, event, x, adjust=late, permutations=200).table
    assert found["p"].between(0, 1).all()
    assert found["penalised"].all()


def test_an_outlier_of_any_size_is_no_reason_to_fail():
    time, event, x = patients(30, 3, 3)
    x[4] = [1e12, 1e200, 1e-200]
    found = screen(time, event, x, permutations=200).table
    assert found["p"].between(0, 1).all()
    assert np.isfinite(found["coefficient"]).all()


def test_what_cannot_be_estimated_is_said_and_does_not_count():
    time, event, x = patients(30, 4, 3)
    x[:, 1] = 5.0
    x[:, 2] = np.nan
    x[:, 3] = 2 * x[:, 0] + 1
    table = screen(time, event, x[:, :3], test="wald").table
    assert table["remark"].tolist() == ["", "the same for everyone", "no events among those measured, or nothing else"]
    assert table["p_adjusted"].iloc[0] == table["p"].iloc[0]
    redundant = screen(time, event, x[:, 3], adjust=x[:, 0], test="wald").table
    assert redundant["remark"].tolist() == ["says nothing that the covariates or strata do not"]


def test_the_adjusted_p_is_of_the_test_asked_for_and_ranks():
    time, event, x = patients(200, 40, 5)
    found = screen(time, event, x, test="likelihood ratio")
    np.testing.assert_allclose(found.table["p_adjusted"], adjust_p(found.table["p_likelihood_ratio"], "bh"))
    assert found.ranked["p"].is_monotonic_increasing
    assert found.ranked["marker"].iloc[0] == "x1"


def test_with_few_events_the_p_is_by_permutation_and_is_reproduced_by_its_seed():
    time, event, x = patients(24, 5, 5)
    one, other = screen(time, event, x, seed=3), screen(time, event, x, seed=3)
    assert one.test == "permutation"
    pd.testing.assert_frame_equal(one.table, other.table)
    assert (screen(time, event, x, seed=4).table["p"] != one.table["p"]).any()
    assert (one.table["p_family"] >= one.table["p"] - 1e-12).all()


def test_every_permutation_of_a_tiny_trial_gives_the_p_that_the_draws_approach():
    from itertools import permutations

    from opsonin.analysis.survival.likelihood import logrank_scores

    time, event = np.array([3.0, 5.0, 8.0, 9.0, 12.0, 15.0]), np.array([1, 1, 0, 1, 1, 0], dtype=bool)
    x = np.array([0.2, 1.0, -0.4, 0.7, -1.1, -2.0])
    scores = logrank_scores(time, event, np.zeros(6, dtype=np.int64))
    seen = abs(scores @ x)
    exact = np.mean([abs(scores @ x[list(order)]) >= seen - 1e-9 for order in permutations(range(6))])
    drawn = screen(time, event, x, permutations=20_000).table["p"].iloc[0]
    assert drawn == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 20_000))


def test_permutation_within_strata_does_not_take_the_strata_for_an_effect():
    level = np.repeat([0, 1], 12)
    rng = np.random.default_rng(8)
    time, x = 10.0 ** (1 + level) * rng.exponential(size=24), 10.0 * level + rng.normal(size=24)
    event = np.ones(24, dtype=bool)
    assert screen(time, event, x).table["p"].iloc[0] < 0.01
    assert screen(time, event, x, strata=level).table["p"].iloc[0] > 0.05


def test_response_screens_have_the_numbers_of_the_logistic_model():
    from opsonin.analysis.logistic_model import logistic

    rng = np.random.default_rng(2)
    x = rng.normal(size=(90, 2))
    y = rng.random(90) < 1 / (1 + np.exp(-x[:, 0]))
    table = screen_response(y, x, test="likelihood ratio").table
    for k in range(2):
        one = logistic(x[:, k], y, penalised=False)
        assert table["coefficient"].iloc[k] == pytest.approx(one.slope, rel=1e-6)
        assert table["p"].iloc[k] == pytest.approx(one.p, rel=1e-5)


def test_a_stratum_where_all_respond_says_nothing():
    rng = np.random.default_rng(6)
    x, y = rng.normal(size=40), np.r_[rng.random(30) < 0.5, np.ones(10)]
    stratum = np.repeat(["a", "b", "c"], [15, 15, 10])
    whole, part = screen_response(y, x, strata=stratum), screen_response(y[:30], x[:30], strata=stratum[:30])
    assert whole.table["n"].iloc[0] == 30
    assert whole.table["coefficient"].iloc[0] == pytest.approx(part.table["coefficient"].iloc[0])


def test_a_number_as_outcome_has_the_slope_and_p_of_least_squares():
    from scipy.stats import linregress

    rng = np.random.default_rng(1)
    x = rng.normal(size=(50, 3))
    x[:7, 1] = np.nan
    y = 2 * x[:, 0] + rng.normal(size=50)
    table = screen_values(y, x).table
    for k in range(3):
        kept = np.isfinite(x[:, k])
        line = linregress(x[kept, k], y[kept])
        row = table.iloc[k]
        assert [row["coefficient"], row["se"], row["p"]] == pytest.approx([line.slope, line.stderr, line.pvalue])
    within = screen_values(y, x[:, 0], adjust=x[:, 2], strata=np.repeat([0, 1], 25)).table.iloc[0]
    design = np.column_stack([x[:, 0], np.ones(50), x[:, 2], np.repeat([0, 1], 25)])
    assert within["coefficient"] == pytest.approx(np.linalg.lstsq(design, y, rcond=None)[0][0])


GOOD = patients(20, 2, 1)
BAD = [
    ({"markers": pd.DataFrame({"CD8": ["high"] * 20})}, "'CD8' is no number"),
    ({"markers": GOOD[2][:5]}, "20 patients"),
    ({"markers": np.where(np.arange(40).reshape(20, 2) == 6, np.inf, 1.0)}, "'x1' is infinite in row 4"),
    ({"markers": GOOD[2], "names": ["a", "a"]}, "two markers are called 'a'"),
    ({"markers": GOOD[2], "method": "best"}, "method 'best'"),
    ({"markers": GOOD[2], "test": "t"}, "test 't'"),
    ({"markers": GOOD[2], "ties": "exact"}, "'exact' is unknown to a screen"),
    ({"markers": GOOD[2], "correction": "none"}, "correction 'none'"),
    ({"markers": GOOD[2], "level": 95.0}, "between 0 and 1"),
    ({"markers": GOOD[2], "permutations": 0, "test": "permutation"}, "permutations = 0"),
    ({"markers": GOOD[2], "adjust": pd.DataFrame({"age": [np.nan] * 20})}, "'age' misses 20 values, first in row 1"),
    ({"markers": GOOD[2], "adjust": [1, 2]}, "2 rows of covariates"),
    ({"markers": GOOD[2], "adjust": np.ones((20, 2)) * np.arange(20.0)[:, None]}, "one is given by the others"),
    ({"markers": GOOD[2], "event": np.zeros(20)}, "all times are censored"),
    ({"markers": GOOD[2], "event": ["dead"] * 20}, "event"),
]


@pytest.mark.parametrize(("wrong", "said"), BAD, ids=[said for _, said in BAD])
def test_input_that_cannot_be_used_is_named(wrong, said):
    options = {"time": GOOD[0], "event": GOOD[1]} | wrong
    with pytest.raises(AnalysisError, match=said):
        screen(**options)


def test_a_response_that_is_none_is_refused():
    with pytest.raises(AnalysisError, match="nobody is one"):
        screen_response(np.zeros(9), np.arange(9.0))
    with pytest.raises(AnalysisError, match="row 2 is 2"):
        screen_response([1, 2, 0], [1.0, 2, 3])


def test_findings_name_the_marker_and_carry_the_adjusted_p():
    time, event, x = patients(200, 30, 5)
    found = screen(time, event, x, test="likelihood ratio").findings("PFS", {"x1": "per SD"})
    first = found[1]
    assert first.name == "screen.PFS.x1.hazard_ratio"
    assert "Adjusted p" in first.note
    assert "per SD" in first.method
    assert found.get("screen.PFS.markers").estimate == (found[0].table["p_adjusted"] <= 0.05).sum()
