"""Firth's penalty: finite where nothing else is, invariant, and right against brute force; R's numbers: conformance."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from opsonin.analysis import cox, firth_cox, firth_logistic, logistic
from opsonin.analysis.logistic_firth import FirthLogisticLikelihood
from opsonin.analysis.profile_likelihood import highest
from opsonin.analysis.survival.design import cox_data
from opsonin.analysis.survival.firth import FirthLikelihood
from opsonin.errors import AnalysisError, MonotoneLikelihoodError


def small_trial(seed, n=17, k=2):
    """A small sample of tied times, strata, delayed entry, and covariates of which the first is rare."""
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.random(n) < 0.25, rng.normal(size=(n, k - 1))]).astype(float)
    t = np.ceil(rng.exponential(8, n))
    return t, rng.random(n) < 0.6, x, rng.integers(0, 2, n), t - rng.integers(1, 12, n)


@given(st.integers(0, 10_000), st.sampled_from(["efron", "breslow"]), st.booleans(), st.booleans())
@settings(max_examples=30)
def test_the_gradient_is_the_slope_of_the_penalised_likelihood(seed, ties, stratified, delayed):
    t, d, x, strata, entry = small_trial(seed, k=3)
    assume(d.any())
    x[0, 0], x[1, 0] = 0, 1
    data = cox_data(t, d, x, None, strata if stratified else None, entry if delayed else None, ties)
    model, beta = FirthLikelihood(data.likelihood()), np.random.default_rng(seed).normal(size=3) / 2
    assume(np.isfinite(model.at(beta).value))
    small = 1e-5
    for k, way in enumerate(small * np.eye(3)):
        slope = (model.at(beta + way).value - model.at(beta - way).value) / 2 / small
        assert model.at(beta).gradient[k] == pytest.approx(slope, abs=1e-4, rel=1e-5)


@given(st.integers(0, 10_000))
@settings(max_examples=6)
def test_no_other_search_finds_a_higher_top(seed):
    t, d, x, _, _ = small_trial(seed)
    assume(d.sum() > 1 and 0 < x[:, 0].sum() < 17)
    data = cox_data(t, d, x, None, None, None, "efron")
    model = FirthLikelihood(data.likelihood())
    assume(np.isfinite(model.at(np.zeros(2)).value))
    ours = highest(model, np.zeros(2)).value
    starts = itertools.product((-2.0, 0.0, 2.0), repeat=2)

    def fallen(beta):
        return min(-model.at(beta).value, 1e6)

    theirs = max(-minimize(fallen, start, method="Nelder-Mead", options={"xatol": 1e-7}).fun for start in starts)
    assert ours >= theirs - 1e-6


@given(st.integers(0, 10_000), st.randoms(), st.floats(0.01, 100), st.floats(-50, 50))
@settings(max_examples=8)
def test_order_units_and_the_clock_do_not_matter(seed, order, factor, shift):
    t, d, x, strata, _ = small_trial(seed)
    try:
        one = firth_cox(t, d, x, strata=strata)
    except AnalysisError:
        assume(False)
    rows = list(range(t.size))
    order.shuffle(rows)
    other = firth_cox(np.log1p(t[rows]), d[rows], x[rows] * factor + shift, strata=strata[rows])
    assert other.coefficient * factor == pytest.approx(one.coefficient, rel=1e-5, abs=1e-6)
    assert other.p == pytest.approx(one.p, rel=1e-4, abs=1e-7)
    assert other.lower * factor == pytest.approx(one.lower, rel=1e-4, abs=1e-5)
    assert other.likelihood_ratio.statistic == pytest.approx(one.likelihood_ratio.statistic, rel=1e-6, abs=1e-7)


@given(st.integers(0, 10_000), st.booleans())
@settings(max_examples=25)
def test_p_is_below_five_percent_exactly_where_the_interval_leaves_out_one(seed, of_response):
    t, d, x, _, _ = small_trial(seed)
    try:
        fit = firth_logistic(d, x) if of_response else firth_cox(t, d, x)
    except AnalysisError:
        assume(False)
    assert (fit.lower < fit.coefficient).all()
    assert (fit.coefficient < fit.upper).all()
    outside = (fit.lower > 0) | (fit.upper < 0)
    assert (outside == (fit.p < 0.05)).all()


def test_a_separated_marker_has_a_finite_hazard_ratio_and_an_honest_p():
    t, d = np.arange(1.0, 13.0), np.array([1] * 6 + [0] * 6)
    marker = (t <= 6).astype(float)
    with pytest.raises(MonotoneLikelihoodError, match="use firth_cox"):
        cox(t, d, marker, names=["marker"])
    fit = firth_cox(t, d, marker, names=["marker"])
    assert np.isfinite(fit.hazard_ratio[0])
    assert 1 < fit.interval[0, 0] < fit.hazard_ratio[0] < fit.interval[0, 1]
    assert fit.p[0] < 0.01 < fit.wald_p[0]  # Wald, under separation, sees nothing


def test_one_event_is_enough_for_an_interval_that_says_nothing():
    fit = firth_cox([5.0, 6.0, 7.0, 8.0], [1, 0, 0, 0], [1.0, 0.0, 0.0, 2.0])
    low, high = fit.interval[0]
    assert low < 0.2
    assert high > 5
    assert fit.events == 1


def test_the_penalty_fades_with_events():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(3000, 2))
    t, d = rng.exponential(np.exp(-0.5 * x[:, 0])), np.ones(3000)
    plain, penalised = cox(t, d, x), firth_cox(t, d, x)
    assert penalised.coefficient == pytest.approx(plain.coefficient, abs=0.001)
    assert penalised.interval == pytest.approx(plain.interval, abs=0.002)
    assert penalised.p[1] == pytest.approx(plain.p[1], rel=0.02)


def test_estimates_of_small_trials_are_less_exaggerated():
    """20 patients, log hazard ratio 1 per SD: the plain estimate is too large on average, the penalised one is not."""
    plain, penalised = [], []
    for seed in range(200):
        rng = np.random.default_rng([7, seed])
        x = rng.normal(size=20)
        t, d = rng.exponential(np.exp(-x)), rng.random(20) < 0.6
        data = cox_data(t, d, x, None, None, None, "efron")
        penalised.append(highest(FirthLikelihood(data.likelihood()), np.zeros(1)).theta[0] / data.scale[0])
        plain.append(cox(t, d, x).coefficient[0])
    error = np.std(penalised) / np.sqrt(200)
    assert np.mean(penalised) == pytest.approx(1, abs=3 * error)
    assert np.mean(np.abs(plain) > np.abs(penalised)) > 0.9
    assert np.mean(plain) > np.mean(penalised) + 0.04


@given(st.integers(0, 10_000))
@settings(max_examples=20)
def test_one_covariate_of_a_response_agrees_with_the_model_for_one(seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(10, 3, size=18), rng.random(18) < 0.4
    assume(0 < y.sum() < 18)
    many, one = firth_logistic(y, x), logistic(x, y, penalised=True)
    assert many.coefficient == pytest.approx([one.intercept, one.slope], rel=1e-6, abs=1e-8)
    assert (many.lower[1], many.upper[1]) == pytest.approx((one.lower, one.upper), rel=1e-5, abs=1e-6)
    assert many.p[1] == pytest.approx(one.p, rel=1e-5, abs=1e-8)


def test_the_odds_ratio_of_two_by_two_counts_is_haldane_s():
    """With one binary covariate the penalty adds one half to every cell (Heinze & Schemper 2002, section 2)."""
    x, y = np.repeat([1.0, 1, 0, 0], [7, 2, 3, 5]), np.repeat([1, 0, 1, 0], [7, 2, 3, 5])
    fit = firth_logistic(y, x)
    assert fit.odds_ratio[1] == pytest.approx(7.5 * 5.5 / (2.5 * 3.5), rel=1e-8)
    assert fit.names == ["intercept", "x1"]
    empty = firth_logistic(np.repeat([1, 0, 0], [4, 3, 6]), np.repeat([1.0, 1, 0], [4, 3, 6]))
    assert empty.odds_ratio[1] == pytest.approx(4.5 * 6.5 / (3.5 * 0.5), rel=1e-8)


def test_the_intercept_is_where_covariates_are_zero():
    rng = np.random.default_rng(3)
    x, y = rng.normal(40, 5, size=(30, 2)), rng.random(30) < 0.5
    near, far = firth_logistic(y, x - 40), firth_logistic(y, x)
    assert far.coefficient[0] == pytest.approx(near.coefficient[0] - 40 * near.coefficient[1:].sum(), rel=1e-6)
    assert far.coefficient[1:] == pytest.approx(near.coefficient[1:], rel=1e-6)
    assert far.upper[0] - far.lower[0] > near.upper[0] - near.lower[0]
    gradient = FirthLogisticLikelihood(np.column_stack([np.ones(30), x - 40]), y).at(near.coefficient).gradient
    assert gradient == pytest.approx(np.zeros(3), abs=1e-6)


def test_tables_name_their_rows():
    t, d, x, _, _ = small_trial(5)
    table = firth_cox(t, d, pd.DataFrame(x, columns=["KIT", "CD3"])).to_frame()
    assert table["covariate"].tolist() == ["KIT", "CD3"]
    assert (table["lower"] < table["hazard_ratio"]).all()
    assert firth_logistic(d, x, names=["KIT", "CD3"]).to_frame()["covariate"].tolist() == ["intercept", "KIT", "CD3"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: firth_cox([1.0, 2, 3], [0, 0, 0], [1, 2, 3.0]), "at least one event"),
        (lambda: firth_cox([1.0, 2, 3], [1, 1, 0], [1, 1, 1.0]), "'x1' is the same for everyone"),
        (lambda: firth_cox([1.0, 1, 3], [0, 0, 1], [1, 2, 3.0]), "'x1' is the same for all who were at risk together"),
        (lambda: firth_cox([1.0, 2, 3, 4], [1] * 4, [[1, 2], [2, 4], [0, 0], [5, 10.0]]), "'x2' says nothing"),
        (lambda: firth_cox([1.0, 2, 3], [1, 1, 0], [1, 2, 3.0], ties="exact"), "use ties='efron'"),
        (lambda: firth_logistic([0, 0, 0], [1, 2, 3.0]), "nobody had it"),
        (lambda: firth_logistic([1, 1, 1], [1, 2, 3.0]), "everybody had it"),
        (lambda: firth_logistic(["PR", "SD", "PD"], [1, 2, 3.0]), "0 or 1, not text"),
        (lambda: firth_logistic([0, 1, 2], [1, 2, 3.0]), "event of row 3 is 2"),
        (lambda: firth_logistic([0, 1, 1], [1, np.nan, 3.0]), "'x1' misses 1 values"),
        (lambda: firth_logistic([0, 1, 1, 0], [[1, 2], [2, 4], [0, 0], [5, 10.0]]), "'x2' says nothing"),
    ],
)
def test_what_no_penalty_helps_is_refused(call, message):
    with pytest.raises(AnalysisError, match=message):
        call()
