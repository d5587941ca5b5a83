"""Survival: laws for any data, hand-worked numbers and input that is refused; R's numbers are in tests/conformance."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from opsonin.analysis.survival import cox, cox_single_covariate_many, kaplan_meier, landmark, logrank
from opsonin.errors import AnalysisError

patients = st.lists(st.tuples(st.integers(1, 30), st.booleans()), min_size=3, max_size=25)


def _arrays(rows):
    return np.array([t for t, _ in rows], dtype=float), np.array([d for _, d in rows])


@given(patients, st.randoms())
def test_the_curve_does_not_depend_on_the_order_of_patients(rows, order):
    shuffled = list(rows)
    order.shuffle(shuffled)
    one, other = kaplan_meier(*_arrays(rows)), kaplan_meier(*_arrays(shuffled))
    np.testing.assert_array_equal(one.to_frame(), other.to_frame())


@pytest.mark.parametrize("interval", ["log-log", "log", "plain"])
@given(rows=patients)
def test_the_curve_falls_from_one_and_lies_within_its_interval(interval, rows):
    curve = kaplan_meier(*_arrays(rows), interval=interval)
    assert (np.diff(curve.survival) <= 1e-12).all()
    assert ((curve.survival >= 0) & (curve.survival <= 1)).all()
    known = ~np.isnan(curve.lower)
    assert (curve.lower[known] <= curve.survival[known] + 1e-12).all()
    assert (curve.survival[known] <= curve.upper[known] + 1e-12).all()


def test_the_median_is_the_midpoint_of_the_step_where_the_curve_equals_one_half():
    curve = kaplan_meier([1.0, 2.0, 3.0, 4.0], [1, 1, 1, 1])
    assert curve.median.estimate == 2.5
    assert math.isnan(kaplan_meier([1.0, 2.0, 3.0], [1, 0, 0]).median.estimate)


def test_without_censoring_the_curve_is_the_share_still_waiting():
    curve = kaplan_meier([5.0, 1.0, 3.0, 3.0], [1, 1, 1, 1])
    assert curve.at([0.0, 1.0, 2.9, 3.0, 5.0])["survival"].tolist() == pytest.approx([1, 0.75, 0.75, 0.25, 0])
    mean, _ = curve.restricted_mean(5.0)
    assert mean == pytest.approx(3.0)


def test_the_curve_is_unknown_after_the_last_patient_was_censored():
    assert math.isnan(kaplan_meier([1.0, 4.0], [1, 0]).at(5.0)["survival"][0])


@given(patients, st.floats(-50, 50), st.floats(0.1, 10))
@settings(max_examples=40)
def test_a_shifted_covariate_has_the_same_hazard_ratio_and_a_stretched_one_its_power(rows, shift, stretch):
    t, d = _arrays(rows)
    x = np.cos(np.arange(t.size) * 2.4)
    try:
        fit = cox(t, d, x)
    except AnalysisError:
        assume(False)
    other = cox(t, d, stretch * x + shift)
    assert other.coefficient[0] * stretch == pytest.approx(fit.coefficient[0], rel=1e-5, abs=1e-7)
    assert other.log_likelihood == pytest.approx(fit.log_likelihood, rel=1e-9)
    assert other.score.statistic == pytest.approx(fit.score.statistic, rel=1e-7, abs=1e-9)


@given(patients)
@settings(max_examples=40)
def test_without_ties_the_score_test_of_two_groups_is_the_log_rank_test(rows):
    _, d = _arrays(rows)
    t = np.arange(1.0, d.size + 1)
    group = np.arange(d.size) % 2
    assume(d.sum() > 1)
    try:
        fit, test = cox(t, d, group.astype(float)), logrank(t, d, group)
    except AnalysisError:
        assume(False)
    assert fit.score.statistic == pytest.approx(test.chi2, rel=1e-7, abs=1e-9)


def test_a_covariate_that_separates_is_named():
    t, d = np.arange(1.0, 11.0), np.array([1] * 5 + [0] * 5)
    with pytest.raises(AnalysisError, match="monotone in 'marker'"):
        cox(t, d, (t <= 5).astype(float), names=["marker"])


def test_covariates_that_separate_only_together_are_refused_too():
    t = np.array([28.3, 69.1, 24.4, 36.1, 98.6])
    x = np.array([[0, -1.37, -0.56], [0, -0.15, -0.56], [0, -0.37, -0.56], [1, 0.17, -0.30], [1, 1.71, 1.99]])
    with pytest.raises(AnalysisError, match="monotone in 'x3'"):
        cox(t, np.ones(5), x)


@pytest.mark.parametrize(
    ("covariates", "event", "message"),
    [
        (np.ones(6), [1, 0, 1, 0, 1, 1], "'x1' is the same for everyone"),
        (np.arange(6.0), [0] * 6, "at least one event"),
        (np.array([1, 2, np.nan, 4, 5, 6]), [1] * 6, "'x1' misses 1 values"),
        (np.stack([np.arange(6.0), 2 * np.arange(6.0)], axis=1), [1, 0, 1, 1, 1, 1], "'x2' says nothing"),
        (np.arange(5.0), [1] * 6, "one row per time"),
    ],
)
def test_a_cox_model_that_cannot_be_fitted_says_why(covariates, event, message):
    with pytest.raises(AnalysisError, match=message):
        cox([3.0, 1.0, 4.0, 2.0, 6.0, 5.0], event, covariates)


@pytest.mark.parametrize(
    ("time", "event", "message"),
    [
        ([1.0, -2.0], [1, 1], "-2 of row 2 is negative"),
        ([1.0, np.nan], [1, 1], "row 2 is not a number"),
        ([1.0, 2.0], [1, 2], "event of row 2 is 2"),
        ([1.0, 2.0], [1], "one event flag"),
    ],
)
def test_times_that_cannot_be_survival_times_are_named(time, event, message):
    with pytest.raises(AnalysisError, match=message):
        kaplan_meier(time, event)


def test_a_log_rank_test_of_one_group_is_refused():
    with pytest.raises(AnalysisError, match="two or more groups"):
        logrank([1.0, 2.0], [1, 1], ["a", "a"])


def test_a_landmark_counts_whom_it_leaves_out():
    mark = landmark([5.0, 14.0, 14.5, 30.0], [1, 0, 1, 0], 14)
    assert mark.kept.tolist() == [False, False, True, True]
    assert (mark.events_before, mark.censored_before) == (1, 1)
    assert "2 left out, 1 with the event" in mark.sentence


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("stratified", [False, True])
def test_many_small_models_agree_with_one_at_a_time(ties, stratified):
    rng = np.random.default_rng(3)
    t = rng.integers(1, 12, size=(40, 18)).astype(float)
    d = rng.random((40, 18)) < 0.7
    x = rng.normal(size=(40, 18)) * 3 + 100
    x[rng.random((40, 18)) < 0.1] = np.nan
    strata = rng.integers(0, 3, size=(40, 18))
    many = cox_single_covariate_many(t, d, x, strata=strata if stratified else None, ties=ties)
    compared = 0
    for k in range(40):
        there = np.isfinite(x[k])
        one = cox(t[k][there], d[k][there], x[k][there], strata=strata[k][there] if stratified else None, ties=ties)
        assert many.coefficient[k] == pytest.approx(one.coefficient[0], rel=1e-5, abs=1e-8)
        assert many.se[k] == pytest.approx(one.se[0], rel=1e-5)
        assert many.score_z[k] ** 2 == pytest.approx(one.score.statistic, rel=1e-8)
        assert (many.n[k], many.events[k]) == (one.n, one.events)
        compared += 1
    assert compared == 40


def test_times_that_all_data_sets_share_give_the_same_numbers_to_the_bit():
    rng = np.random.default_rng(11)
    t, d = np.append(rng.integers(1, 9, 16).astype(float), np.nan), rng.random(17) < 0.7
    x, strata = rng.normal(size=(30, 17)), rng.integers(0, 3, 17)
    once = cox_single_covariate_many(t, d, x, strata=strata)
    each = cox_single_covariate_many(np.tile(t, (30, 1)), np.tile(d, (30, 1)), x, strata=np.tile(strata, (30, 1)))
    for name in ("coefficient", "se", "score_z", "monotone", "n", "events"):
        assert np.array_equal(getattr(once, name), getattr(each, name), equal_nan=name in ("coefficient", "se"))


def test_many_small_models_flag_the_monotone_and_the_empty():
    t = np.arange(1.0, 9.0)
    d = np.array([[1] * 4 + [0] * 4, [0] * 8, [1] * 8])
    x = np.array([-t, -t, np.ones(8)])
    many = cox_single_covariate_many(t, d, x)
    assert many.monotone.tolist() == [True, False, False]
    assert np.isnan(many.coefficient).all()
    assert many.score_z[0] > 1.5
    assert np.isnan(many.score_z[1:]).all()
