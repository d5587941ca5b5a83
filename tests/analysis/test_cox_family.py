"""Cox models: exact ties, residuals, proportional hazards and predictions, by laws; R's numbers: tests/conformance."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from opsonin.analysis import concordance
from opsonin.analysis.survival import cox, kaplan_meier, proportional_hazards_test
from opsonin.analysis.survival.exact_ties import ExactLikelihood
from opsonin.errors import AnalysisError


def trial(seed, n=60, tied=False, strata=False, entry=False):
    """Times, events, two covariates (one moves the hazard), strata or None, entry or None."""
    rng = np.random.default_rng(seed)
    x = pd.DataFrame({"marker": rng.normal(size=n), "arm": (rng.random(n) < 0.5).astype(float)})
    t = rng.exponential(np.exp(-0.7 * x["marker"].to_numpy())) * 10
    t = np.ceil(t) if tied else t
    groups = rng.integers(0, 3, n) if strata else None
    start = t - rng.exponential(5, n) - 0.01 if entry else None
    return t, rng.random(n) < 0.8, x, groups, start


def by_enumeration(t, d, x, strata, entry, beta):
    """The exact log likelihood, set by set."""
    total = 0.0
    for s in np.unique(strata):
        for time in np.unique(t[d & (strata == s)]):
            there = (strata == s) & (t >= time) & (True if entry is None else entry < time)
            dead = np.flatnonzero(there & d & (t == time))
            sets = itertools.combinations(np.flatnonzero(there), dead.size)
            total += x[dead].sum(axis=0) @ beta - np.log(sum(np.exp(x[list(c)].sum(axis=0) @ beta) for c in sets))
    return total


@given(st.integers(0, 10_000), st.booleans())
@settings(max_examples=25)
def test_exact_ties_are_what_enumerating_every_set_gives(seed, delayed):
    rng = np.random.default_rng(seed)
    n = 11
    t, d = rng.integers(1, 5, n).astype(float), rng.random(n) < 0.7
    x, strata = rng.normal(size=(n, 2)), rng.integers(0, 2, n)
    entry = t - rng.integers(1, 5, n) if delayed else None
    assume(d.any())
    beta, small = rng.normal(size=2), 1e-5
    here = ExactLikelihood(t, d, x, strata, entry).at(beta)
    assert here.value == pytest.approx(by_enumeration(t, d, x, strata, entry, beta), rel=1e-10, abs=1e-10)
    for k, way in enumerate(small * np.eye(2)):
        ends = [by_enumeration(t, d, x, strata, entry, beta + sign * way) for sign in (1, -1)]
        assert here.gradient[k] == pytest.approx((ends[0] - ends[1]) / 2 / small, abs=1e-5)
        slopes = [ExactLikelihood(t, d, x, strata, entry).at(beta + sign * way).gradient for sign in (1, -1)]
        assert here.information[k] == pytest.approx((slopes[1] - slopes[0]) / 2 / small, abs=1e-5)


def test_exact_ties_of_many_patients_do_not_overflow():
    rng = np.random.default_rng(5)
    x = rng.normal(size=1200)
    fit = cox(np.repeat([1.0, 2.0, 3.0], 400), rng.random(1200) < 0.6, x, ties="exact")
    assert fit.n == 1200
    assert np.isfinite([fit.log_likelihood, fit.coefficient[0], fit.se[0]]).all()


@given(st.integers(0, 10_000))
@settings(max_examples=15)
def test_without_ties_all_three_ways_are_one(seed):
    t, d, x, _, _ = trial(seed, n=30)
    fits = [cox(t, d, x, ties=ties) for ties in ("efron", "breslow", "exact")]
    for other in fits[1:]:
        assert other.coefficient == pytest.approx(fits[0].coefficient, rel=1e-7, abs=1e-9)
        assert other.log_likelihood == pytest.approx(fits[0].log_likelihood, rel=1e-10)


@given(st.integers(0, 10_000), st.booleans(), st.booleans(), st.booleans())
@settings(max_examples=25)
def test_residuals_add_up_as_they_must(seed, tied, stratified, delayed):
    t, d, x, strata, entry = trial(seed, tied=tied, strata=stratified, entry=delayed)
    fit = cox(t, d, x, strata=strata, entry=entry)
    martingale = fit.residuals("martingale")["martingale"].to_numpy()
    for s in np.unique(strata) if stratified else [None]:
        own = slice(None) if s is None else strata == s
        assert martingale[own].sum() == pytest.approx(0, abs=1e-8)
    assert (martingale <= d + 1e-12).all()
    assert (fit.residuals("deviance")["deviance"].to_numpy() * martingale >= 0).all()
    assert fit.residuals("score").sum().to_numpy() == pytest.approx([0, 0], abs=1e-5)
    schoenfeld = fit.residuals("schoenfeld")
    assert schoenfeld[fit.names].sum().to_numpy() == pytest.approx([0, 0], abs=1e-5)
    assert len(schoenfeld) == fit.events
    assert d[schoenfeld["row"]].all()
    assert t[schoenfeld["row"]].tolist() == schoenfeld["time"].tolist()
    scaled = fit.residuals("scaled schoenfeld")
    assert scaled[fit.names].mean().to_numpy() == pytest.approx(fit.coefficient, abs=1e-5)
    in_errors = fit.residuals("dfbeta").to_numpy() / fit.se
    assert fit.residuals("dfbetas").to_numpy() == pytest.approx(in_errors, rel=1e-12)


def test_dfbeta_is_about_what_leaving_a_patient_out_changes():
    t, d, x, _, _ = trial(4, n=120)
    fit = cox(t, d, x)
    change = fit.residuals("dfbeta").to_numpy()
    left_out = [cox(np.delete(t, i), np.delete(d, i), x.drop(index=i)).coefficient for i in range(0, 120, 6)]
    truth = fit.coefficient - np.array(left_out)
    assert np.corrcoef(change[::6, 0], truth[:, 0])[0, 1] > 0.98
    assert change[::6] == pytest.approx(truth, abs=0.25 * np.abs(truth).max())


def test_martingale_residuals_without_ties_are_events_less_the_hazard():
    t, d, x, _, _ = trial(8, n=40)
    fit = cox(t, d, x)
    curves = fit.survival(x)
    hazard = np.array([-np.log(curves.probability([time])[i, 0]) for i, time in enumerate(t)])
    assert fit.residuals("martingale")["martingale"].to_numpy() == pytest.approx(d - hazard, abs=1e-10)


@pytest.mark.parametrize("transform", ["km", "rank"])
@given(seed=st.integers(0, 10_000), order=st.randoms())
@settings(max_examples=10)
def test_proportional_hazards_by_rank_or_curve_know_no_clock_and_no_order(transform, seed, order):
    t, d, x, strata, _ = trial(seed, tied=True, strata=True)
    there = proportional_hazards_test(cox(t, d, x, strata=strata), transform)
    rows = list(range(t.size))
    order.shuffle(rows)
    other = cox(np.exp(t[rows] / 20), d[rows], x.iloc[rows], strata=strata[rows])
    again = proportional_hazards_test(other, transform)
    assert again.p == pytest.approx(there.p, rel=1e-5)
    assert again.overall.statistic == pytest.approx(there.overall.statistic, rel=1e-5)


def test_a_hazard_ratio_that_turns_round_is_found_and_one_that_holds_is_not():
    rng = np.random.default_rng(2)
    arm = np.repeat([0.0, 1.0], 400)
    crossing = np.where(arm == 1, rng.weibull(2.5, 800) * 10, rng.weibull(0.8, 800) * 10)
    table = proportional_hazards_test(cox(crossing, np.ones(800), arm, names=["arm"])).to_frame()
    assert (table["p"] < 1e-6).all()
    holding = rng.exponential(np.where(arm == 1, 5, 10))
    assert proportional_hazards_test(cox(holding, np.ones(800), arm)).overall.p > 0.05


@given(st.integers(0, 10_000), st.booleans())
@settings(max_examples=15)
def test_predicted_curves_of_a_covariate_that_does_nothing_are_nearly_the_kaplan_meier_curve(seed, tied):
    rng = np.random.default_rng(seed)
    t, d = rng.exponential(10, 300), rng.random(300) < 0.8
    t = np.ceil(t) if tied else t
    fit = cox(t, d, rng.normal(size=300))
    curve, truth = fit.survival([[0.0]]).at([2.0, 5.0, 10.0]), kaplan_meier(t, d).at([2.0, 5.0, 10.0])
    assert curve["survival"].to_numpy() == pytest.approx(truth["survival"].to_numpy(), abs=0.02)
    assert curve["se"].to_numpy() == pytest.approx(truth["se"].to_numpy(), abs=0.01)


@pytest.mark.parametrize("interval", ["log", "log-log", "plain"])
def test_predicted_curves_fall_within_their_intervals_and_end_with_the_follow_up(interval):
    t, d, x, strata, _ = trial(3, strata=True)
    fit = cox(t, d, x, strata=strata)
    curves = fit.survival({"marker": [0.0, 1.0], "arm": [1.0, 1.0]}, strata=["0", "1"], interval=interval)
    assert (np.diff(curves.survival, axis=1) <= 1e-12).all()
    assert (curves.lower <= curves.survival + 1e-12).all()
    assert (curves.survival <= curves.upper + 1e-12).all()
    assert ((curves.lower >= 0) & (curves.upper <= 1)).all()
    ends = [t[strata == s].max() for s in (0, 1)]
    assert np.isnan(curves.probability([max(ends) + 1])).all()
    assert np.isnan(curves.probability([min(ends) + 1e-6])[:, 0]).tolist() == [e == min(ends) for e in ends]
    assert curves.probability([0.0]).tolist() == [[1.0], [1.0]]


def test_a_worse_marker_predicts_a_shorter_median_and_a_higher_linear_predictor():
    t, d, x, _, _ = trial(6, n=200)
    fit = cox(t, d, x)
    better, worse = fit.survival({"marker": [-1.0, 1.0], "arm": [0.0, 0.0]}).median
    assert worse < better
    assert fit.linear_predictor([[1.0, 0.0]])[0] > fit.linear_predictor([[-1.0, 0.0]])[0]
    assert fit.linear_predictor().mean() == pytest.approx(0, abs=1e-12)


def test_late_patients_with_enormous_risks_do_not_spoil_the_risk_sets_before_them():
    """Sums over who is there, less sums over who is not yet there, would lose every digit."""
    t, d = np.arange(2.0, 12.0), np.ones(10, dtype=bool)
    entry = np.r_[np.zeros(9), 10.5]
    x = np.r_[np.tile([0.3, -0.4, 0.1], 3), 60.0]
    with_late = cox(t, d, x, entry=entry)
    without = cox(t[:9], d[:9], x[:9], entry=entry[:9])
    assert with_late.coefficient[0] == pytest.approx(without.coefficient[0], rel=1e-6)


@pytest.mark.parametrize("factor", [1e-120, 1e-9, 1e9, 1e120])
def test_units_of_any_size_do_not_matter(factor):
    t, d, x, _, _ = trial(1)
    one, other = cox(t, d, x), cox(t, d, x * factor)
    assert other.coefficient * factor == pytest.approx(one.coefficient, rel=1e-6)
    assert other.p == pytest.approx(one.p, rel=1e-6)


def test_strata_without_events_and_single_patients_change_nothing():
    t, d, x, _, _ = trial(9)
    more_t, more_d = np.r_[t, 50.0, 60.0, 1.0], np.r_[d, False, False, True]
    more_x = pd.concat([x, pd.DataFrame({"marker": [9.0, -9.0, 4.0], "arm": [1.0, 0.0, 1.0]})], ignore_index=True)
    strata = np.r_[np.zeros(t.size), 1, 1, 2]
    one, other = cox(t, d, x), cox(more_t, more_d, more_x, strata=strata)
    assert other.coefficient == pytest.approx(one.coefficient, rel=1e-7)
    assert other.residuals("martingale")["martingale"].iloc[-3:].tolist() == [0.0, 0.0, 0.0]
    assert other.survival([[0.0, 0.0]], strata="1.0").at([55.0])["survival"].tolist() == [1.0]


T6 = [3.0, 1.0, 4.0, 2.0, 6.0, 5.0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cox(T6, [1] * 6, np.arange(6.0), ties="discrete"), "ties 'discrete' is unknown; use 'efron'"),
        (lambda: cox([1.0] * 6, [1] * 6, np.arange(6.0), ties="exact"), "'x1' is the same for all who were at risk"),
        (lambda: cox(T6, [1] * 6, np.arange(6.0), strata=np.arange(6)), "same for all who were at risk together"),
        (lambda: cox(T6, [1] * 6, [1, 0, 1, 0, 1, 1], ties="exact", cluster=[1] * 6), "no cluster-robust variance"),
        (
            lambda: cox(T6, [1] * 6, [5, 3, 0, 1, 4, 2.0], cluster=[1] * 6),
            r"more clusters than there are \(clusters: 1\)",
        ),
        (lambda: cox(T6, [1] * 6, ["a", "b", "a", "b", "a", "b"]), "what is not a number"),
        (lambda: cox(T6, [1] * 6, pd.DataFrame({"KIT": list("ababab")})), "'KIT' holds what is not a number"),
        (lambda: cox(T6, [1] * 6, pd.DataFrame({"seen": pd.date_range("2013-01-01", periods=6)})), "'seen' is a date"),
        (lambda: cox(T6, [1] * 6, np.eye(6)[:, :2], names=["NK", "NK"]), "two covariates are called 'NK'"),
        (lambda: cox(T6, [1] * 6, np.arange(6.0), level=95), "between 0 and 1, such as 0.95; 95 was given"),
        (lambda: cox([], [], []), "there is no row"),
        (lambda: cox(T6, [1, 1, 1, 0, 0, 0], [3, 6, 2, 5, 1, 0.0]), "monotone in 'x1'.*use firth_cox"),
    ],
)
def test_a_model_that_cannot_be_fitted_says_what_to_do(call, message):
    with pytest.raises(AnalysisError, match=message):
        call()


@pytest.fixture(scope="module")
def fit():
    t, d, x, _, _ = trial(1)
    return cox(t, d, x)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda fit: fit.residuals("pearson"), "'pearson' are unknown; choose from martingale"),
        (lambda fit: proportional_hazards_test(fit, "sqrt"), "'sqrt' is unknown; choose from km"),
        (lambda fit: fit.survival({"marker": 1.0}), "lack the covariate 'arm'"),
        (lambda fit: fit.survival({"marker": [1.0, np.nan], "arm": [0, 1]}), "row 2 of the new data misses 'marker'"),
        (lambda fit: fit.survival([[1.0, 0.0, 3.0]]), "one column for each of marker, arm"),
        (lambda fit: fit.survival([[1.0, 0.0]], strata="a"), "the model has no strata"),
        (lambda fit: fit.survival([[1.0, 0.0]], interval="logit"), "'logit' is unknown"),
        (lambda fit: fit.survival([[1.0, 0.0]]).at([-1.0]), "times that are 0 or above"),
    ],
)
def test_a_question_that_a_fit_cannot_answer_is_refused(fit, call, message):
    with pytest.raises(AnalysisError, match=message):
        call(fit)


def test_exact_ties_and_strata_say_what_they_lack():
    t, d, x, strata, _ = trial(2, tied=True, strata=True)
    exact = cox(t, d, x, ties="exact")
    assert abs(exact.residuals("martingale")["martingale"].sum()) < 1e-8
    with pytest.raises(AnalysisError, match="fit with ties='efron'"):
        exact.residuals("score")
    with pytest.raises(AnalysisError, match="fit with ties='efron'"):
        proportional_hazards_test(exact)
    stratified = cox(t, d, x, strata=strata)
    with pytest.raises(AnalysisError, match="strata 0, 1, 2; say to which"):
        stratified.survival([[0.0, 0.0]])
    with pytest.raises(AnalysisError, match="not '7'"):
        stratified.survival([[0.0, 0.0]], strata="7")


def test_change_over_time_needs_times():
    once = cox([5.0] * 4 + [9.0] * 4, [1] * 4 + [0] * 4, [1, 0, 1, 1, 0, 0, 1, 0])
    with pytest.raises(AnalysisError, match="all events happened at one time"):
        proportional_hazards_test(once)
    at_once = cox([0.0, 1, 2, 3, 4, 5], [1] * 6, [1, 0, 1, 0, 0, 1])
    with pytest.raises(AnalysisError, match="time 0 has no logarithm"):
        proportional_hazards_test(at_once, "log")


@given(st.integers(0, 10_000), st.integers(2, 4))
@settings(max_examples=10)
def test_the_order_of_patients_twice_in_the_data_is_a_tie_however_it_is_rounded(seed, copies):
    t, d, x, _, _ = trial(seed, n=23)
    twice = pd.concat([x] * copies, ignore_index=True) * np.pi
    predictor = cox(np.tile(t, copies), np.tile(d, copies), twice).linear_predictor().reshape(copies, -1)
    assert (predictor == predictor[0]).all()


def test_concordance_of_a_fit_is_that_of_its_linear_predictor_within_strata():
    t, d, x, strata, _ = trial(5, strata=True)
    fit = cox(t, d, x, strata=strata)
    assert fit.concordance().estimate == concordance(t, d, fit.linear_predictor(), strata=strata).estimate
    assert fit.concordance().estimate > 0.5
