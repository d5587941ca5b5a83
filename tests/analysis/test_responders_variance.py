"""Shares of variance: against indices known in closed form, for continuous and for yes-or-no outcomes."""

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import multivariate_normal

from opsonin.analysis.responders import variance_shares
from opsonin.errors import AnalysisError
from opsonin.random import normal, uniform


def test_ishigamis_function_has_its_published_indices():
    # Ishigami & Homma 1990, a = 7, b = 0.1: S1 = 0.3139, S2 = 0.4424, S3 = 0, S13 = 0.2437
    x = np.pi * (2 * uniform(3, "ishigami", np.arange(8000), draws=3) - 1)
    y = np.sin(x[:, 0]) + 7 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0])
    found = variance_shares(y, {f"x{k + 1}": x[:, k] for k in range(3)}, pairs=3, replicates=50)
    share = dict(zip(found.table["parameter"], found.table["share"], strict=True))
    assert share["x1"] == pytest.approx(0.3139, abs=0.02)
    assert share["x2"] == pytest.approx(0.4424, abs=0.02)
    assert share["x3"] == pytest.approx(0.0, abs=0.02)
    assert found.alone[0] == pytest.approx(0.7563, abs=0.03)
    top = found.pairs.iloc[0]
    assert {top["first"], top["second"]} == {"x1", "x3"}
    assert top["interaction"] == pytest.approx(0.2437, abs=0.05)


def probit_share(weight: float, cut: float) -> float:
    """Var(E[Y | X]) / Var(Y) of Y = 1 where a unit normal score, weight² of it X's, is above a cut."""
    p = 1 - ndtr(cut)
    rho = weight**2
    both = multivariate_normal([0, 0], [[1, rho], [rho, 1]]).cdf([-cut, -cut])
    return float((both - p**2) / (p * (1 - p)))


@pytest.mark.parametrize("cut", [0.0, 0.8])
def test_a_response_to_two_normal_parameters_has_its_exact_shares(cut):
    z = normal(4, "probit", np.arange(6000), draws=3)
    response = 0.8 * z[:, 0] + 0.6 * z[:, 1] > cut
    found = variance_shares(response, {"infiltration": z[:, 0], "antigen": z[:, 1], "idle": z[:, 2]})
    table = found.table.set_index("parameter")
    exact = {"infiltration": probit_share(0.8, cut), "antigen": probit_share(0.6, cut), "idle": 0.0}
    for name, share in exact.items():
        assert table.loc[name, "share"] == pytest.approx(share, abs=0.025)
        low, high = table.loc[name, ["lower", "upper"]].to_numpy(dtype=float)
        assert low <= share <= high
    # the rest belongs to the two together
    assert found.pairs.iloc[0]["interaction"] == pytest.approx(1 - exact["infiltration"] - exact["antigen"], abs=0.08)


def test_intervals_hold_the_exact_share_as_often_as_they_say_and_noise_is_not_explained():
    hits, trials, idle = 0, 60, []
    for k in range(trials):
        z = normal(20 + k, "probit trials", np.arange(500), draws=3)
        found = variance_shares(0.8 * z[:, 0] + 0.6 * z[:, 1] > 0.5, {"x": z[:, 0], "idle": z[:, 2]}, pairs=0)
        rows = found.table.set_index("parameter")
        low, high = rows.loc["x", ["lower", "upper"]].to_numpy(dtype=float)
        hits += bool(low <= probit_share(0.8, 0.5) <= high)
        idle.append(rows.loc["idle", "share"])
    assert hits / trials > 0.85
    assert abs(np.mean(idle)) < 3 * np.std(idle) / np.sqrt(trials) + 1e-9  # no bias from having been cut into bins


def test_a_parameter_with_a_few_values_keeps_them_apart():
    arm = np.repeat([0.0, 1.0], 100)
    response = np.r_[uniform(2, "a", np.arange(100))[:, 0] < 0.2, uniform(2, "b", np.arange(100))[:, 0] < 0.8]
    found = variance_shares(response, {"arm": arm}, sources={"arm": "assumed: for the test"})
    assert found.table.iloc[0]["share"] == pytest.approx(0.36, abs=0.12)  # (0.8 − 0.2)² / 4 over 1/4
    assert found.findings()[0].note == "assumed: for the test"
    assert found.assumed == found.alone  # there is no other parameter
    assert variance_shares(response, {"arm": arm}, sources={"arm": "Smith 2001"}).assumed == (0, 0, 0)


def test_weights_ask_of_another_population():
    # the pool's x is N(0, 1); weights turn it into N(1, 1), where the response differs in another way
    z = normal(6, "weighted", np.arange(8000), draws=2)
    response = 0.8 * z[:, 0] + 0.6 * z[:, 1] > 1.3
    weights = np.exp(z[:, 0] - 0.5)
    found = variance_shares(response, {"x": z[:, 0]}, weights=weights)
    assert found.table.iloc[0]["share"] == pytest.approx(probit_share(0.8, 0.5), abs=0.05)
    assert found.table.iloc[0]["share"] > variance_shares(response, {"x": z[:, 0]}).table.iloc[0]["share"]


def test_the_same_seed_gives_the_same_interval_and_order_of_columns_does_not_matter():
    z = normal(9, "again", np.arange(300), draws=2)
    y = z[:, 0] > 0
    one = variance_shares(y, {"a": z[:, 0], "b": z[:, 1]}).table.set_index("parameter")
    other = variance_shares(y, {"b": z[:, 1], "a": z[:, 0]}).table.set_index("parameter")
    assert one.loc["a", ["share", "lower", "upper"]].tolist() == other.loc["a", ["share", "lower", "upper"]].tolist()


@pytest.mark.parametrize(
    ("outcome", "parameters", "message"),
    [
        (np.ones(60), {"x": np.arange(60)}, "the same in all patients"),
        (np.arange(20), {"x": np.arange(20)}, "40 patients or more"),
        (np.arange(60), {"x": np.r_[np.nan, np.arange(59)]}, "'x' of patient 1 is missing"),
        (np.arange(60), {"x": np.arange(59)}, "need as many values"),
    ],
)
def test_bad_input_is_named(outcome, parameters, message):
    with pytest.raises(AnalysisError, match=message):
        variance_shares(outcome, parameters)


@pytest.mark.parametrize("few", [{"bins": 0}, {"bins": 1}, {"replicates": 0}])
def test_too_few_bins_or_replicates_are_named(few):
    with pytest.raises(AnalysisError, match="2 bins and 2 replicates are the least"):
        variance_shares(np.arange(60) % 2, {"x": np.arange(60)}, **few)


def test_shares_that_overlap_are_not_summed():
    z = normal(5, "shared", np.arange(300), draws=1)[:, 0]
    response = z > 0
    found = variance_shares(response, {"a": z, "b": z + 1, "c": 2 * z}, sources={"a": "assumed: so"}, pairs=0)
    assert np.isnan(found.alone).all()
    assert 0.5 < found.assumed[0] <= 1
    told = {f.name: f for f in found.findings()}
    assert "more than 100 %" in told["why.variance.alone.total"].note
    assert "whose values or spreads are assumed" in told["why.variance.assumed.total"].note


def test_a_sum_that_nobody_can_tell_is_not_told():
    z = normal(6, "few", np.arange(40), draws=30)
    found = variance_shares(z[:, 0] > 0.8, {f"x{k}": z[:, k] for k in range(1, 30)}, bins=2, pairs=0)
    assert np.isnan(found.alone).all()
    assert set(found.untold) == {"alone"}
