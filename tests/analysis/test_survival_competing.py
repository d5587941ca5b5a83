"""Competing risks: laws, hand-worked numbers and refusals; R's numbers are in tests/conformance."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from opsonin.analysis.survival import cox, cumulative_incidence, fine_gray, gray_test, kaplan_meier, logrank
from opsonin.errors import AnalysisError

patients = st.lists(st.tuples(st.integers(1, 15), st.integers(0, 2)), min_size=4, max_size=30)


def _columns(some, *causes):
    t, status = np.array([t for t, _ in some], dtype=float), np.array([s for _, s in some])
    assume(all((status == cause).any() for cause in causes))
    return t, status


def _trial(n=300, seed=1):
    """Relapse or death in remission, censored by follow-up; x raises relapse and lowers death."""
    rng = np.random.default_rng(seed)
    x, arm = rng.normal(size=n), rng.integers(0, 2, n)
    relapse, death = rng.exponential(np.exp(-0.6 * x)), rng.exponential(2 * np.exp(0.5 * x))
    follow = rng.uniform(0.2, 3, n)
    t = np.minimum(np.minimum(relapse, death), follow)
    status = np.where(follow <= t, "censored", np.where(relapse < death, "relapse", "death"))
    return pd.DataFrame({"t": np.ceil(t * 50), "status": status, "x": x, "arm": arm})


@given(patients)
@settings(max_examples=60)
def test_the_incidences_of_all_causes_and_the_curve_of_both_sum_to_one(some):
    t, status = _columns(some, 1, 2)
    one, two = cumulative_incidence(t, status, 1), cumulative_incidence(t, status, 2)
    both = kaplan_meier(t, status > 0)
    np.testing.assert_allclose(one.incidence + two.incidence + both.survival, 1.0, atol=1e-12)
    assert (np.diff(one.incidence) >= 0).all()
    known = ~np.isnan(one.lower)
    assert (one.lower[known] <= one.incidence[known]).all()
    assert (one.incidence[known] <= one.upper[known]).all()


@given(patients)
@settings(max_examples=40)
def test_with_one_cause_the_incidence_is_one_less_the_curve_and_has_its_variance(some):
    t, status = _columns([(t, min(s, 1)) for t, s in some], 1)
    found, curve = cumulative_incidence(t, status, 1), kaplan_meier(t, status == 1)
    np.testing.assert_allclose(found.incidence, 1 - curve.survival, atol=1e-12)
    # the steps of the curve, S(t)² Σ d / (r (r − d))², are what the general formula comes to without ties
    alone = (curve.survival > 0) & (np.maximum.accumulate(curve.events) <= 1)
    r = curve.at_risk[alone]
    steps = np.cumsum(curve.events[alone] / np.maximum(r - curve.events[alone], 1) ** 2)
    np.testing.assert_allclose(found.se[alone] ** 2, curve.survival[alone] ** 2 * steps, atol=1e-12)


def test_an_incidence_by_hand():
    found = cumulative_incidence([1.0, 2.0, 3.0, 4.0], ["a", "b", "censored", "a"], "a", censored="censored")
    assert found.incidence.tolist() == pytest.approx([0.25, 0.25, 0.25, 0.75])
    assert (found.n, found.n_events, found.at(9.0)["incidence"][0]) == (4, 2, pytest.approx(0.75))
    assert found.others.tolist() == [0, 1, 0, 0]


def test_an_incidence_is_unknown_after_the_last_was_censored():
    assert np.isnan(cumulative_incidence([1.0, 4.0], [1, 0], 1).at(5.0)["incidence"][0])


@given(patients, st.randoms())
@settings(max_examples=40)
def test_grays_test_knows_neither_order_nor_scale_nor_names(some, order):
    t, status = _columns(some, 1)
    group = np.arange(t.size) % 2
    try:
        one = gray_test(t, status, 1, group)
    except AnalysisError:
        assume(False)
    places = list(range(t.size))
    order.shuffle(places)
    other = gray_test((t**2)[places], status[places], 1, np.array(["z", "a"])[group][places])
    assert other.chi2 == pytest.approx(one.chi2, rel=1e-8, abs=1e-10)


def test_without_other_causes_grays_test_is_close_to_the_log_rank_test():
    data = _trial()
    alone = (data["status"] == "relapse").astype(int)
    gray, rank = gray_test(data["t"], alone, 1, data["arm"]), logrank(data["t"], alone, data["arm"])
    assert gray.score[0] == pytest.approx(rank.observed[0] - rank.expected[0])
    assert gray.variance[0, 0] == pytest.approx(rank.variance[0, 0], rel=0.02)


def test_grays_test_of_strata_adds_their_scores():
    data = _trial()
    site = np.arange(len(data)) % 3
    whole = gray_test(data["t"], data["status"], "relapse", data["arm"], strata=site, censored="censored")
    parts = [
        gray_test(part["t"], part["status"], "relapse", part["arm"], censored="censored")
        for _, part in data.groupby(site)
    ]
    assert whole.score[0] == pytest.approx(sum(part.score[0] for part in parts))
    assert whole.variance[0, 0] == pytest.approx(sum(part.variance[0, 0] for part in parts))


def test_three_groups_have_two_degrees_of_freedom():
    data = _trial()
    found = gray_test(data["t"], data["status"], "death", np.arange(300) % 3, censored="censored")
    assert (found.df, found.n.tolist()) == (2, [100, 100, 100])
    assert found.events.sum() == (data["status"] == "death").sum()


def test_without_other_causes_fine_and_gray_fit_coxs_model():
    data = _trial()
    alone = (data["status"] == "relapse").astype(int)
    ours, cox_ = (
        fine_gray(data["t"], alone, 1, data[["x", "arm"]]),
        cox(data["t"], alone, data[["x", "arm"]], ties="breslow"),
    )
    np.testing.assert_allclose(ours.coefficient, cox_.coefficient, rtol=1e-7)
    assert ours.log_likelihood == pytest.approx(cox_.log_likelihood)
    robust = cox(data["t"], alone, data[["x", "arm"]], ties="breslow", cluster=np.arange(300)).robust_se
    np.testing.assert_allclose(ours.se, robust, rtol=1e-7)


def test_a_covariate_that_spares_from_death_raises_the_incidence_of_relapse_twice_over():
    data = _trial(2000)
    fit = fine_gray(data["t"], data["status"], "relapse", data[["x"]], censored="censored")
    hazard = cox(data["t"], data["status"] == "relapse", data[["x"]])
    assert fit.coefficient[0] > hazard.coefficient[0] + 0.05
    assert fit.competing == (data["status"] == "death").sum()
    predicted = fit.incidence(pd.DataFrame({"x": data["x"]}), [40.0]).mean()
    seen = cumulative_incidence(data["t"], data["status"], "relapse", censored="censored").at(40.0)["incidence"][0]
    assert predicted == pytest.approx(seen, abs=0.01)


@given(st.floats(-20, 20), st.floats(0.05, 30))
@settings(max_examples=15)
def test_a_shifted_and_stretched_covariate_has_the_same_ratio_to_its_power(shift, stretch):
    data = _trial(60)
    one = fine_gray(data["t"], data["status"], "relapse", data["x"], censored="censored")
    other = fine_gray(data["t"], data["status"], "relapse", data["x"] * stretch + shift, censored="censored")
    assert other.coefficient[0] * stretch == pytest.approx(one.coefficient[0], rel=1e-6)
    assert other.se[0] * stretch == pytest.approx(one.se[0], rel=1e-6)
    np.testing.assert_allclose(other.incidence([shift], [9.0]), one.incidence([0.0], [9.0]), rtol=1e-6)


@pytest.mark.parametrize(
    ("status", "cause", "message"),
    [
        ([1, 0, None, 2], 1, "status of row 3 is missing"),
        ([0, 0, 2, 2], 1, "nobody had the event by the cause 1; the statuses are 0, 2"),
        (["relapse", "censored", "death", "relapse"], "relapse", "nobody has the status 0, which says censored"),
        ([1, 0, 2, 1], 0, "also the value that says censored"),
    ],
)
def test_statuses_that_cannot_be_read_are_named(status, cause, message):
    with pytest.raises(AnalysisError, match=message):
        cumulative_incidence([1.0, 2.0, 3.0, 4.0], status, cause)


def test_a_covariate_that_separates_the_cause_is_refused_and_a_group_never_at_risk_too():
    t = np.arange(1.0, 13.0)
    with pytest.raises(AnalysisError, match="'x1' separates those who had 1"):
        fine_gray(t, [1, 2] * 6, 1, np.array([1, 0] * 6))
    with pytest.raises(AnalysisError, match="one is at risk at none"):
        gray_test(t, [0] * 6 + [1] * 6, 1, ["a"] * 6 + ["b"] * 6)


def test_covariates_in_tiny_units_or_far_from_zero_do_no_harm():
    data = _trial(60)
    one = fine_gray(data["t"], data["status"], "relapse", data["x"], censored="censored")
    far = fine_gray(data["t"], data["status"], "relapse", data["x"] + 1e6, censored="censored")
    np.testing.assert_allclose(far.incidence([1e6], [20.0]), one.incidence([0.0], [20.0]), rtol=1e-6)
    tiny = fine_gray(data["t"], data["status"], "relapse", data["x"] * 1e-6, censored="censored")
    assert tiny.coefficient[0] == pytest.approx(one.coefficient[0] * 1e6)
    assert (tiny.hazard_ratio[0] in (0.0, np.inf)) == (abs(tiny.coefficient[0]) > 710)
    assert tiny.p[0] == pytest.approx(one.p[0], rel=1e-6)
