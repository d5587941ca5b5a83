"""The mixed model against closed forms of balanced data, and laws that hold whatever the data are."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import minimize

from opsonin.analysis import linear_model, mixed_model
from opsonin.analysis.mixed.blocks import blocks
from opsonin.analysis.mixed.likelihood import Likelihood
from opsonin.errors import AnalysisError

SEEDS = st.integers(0, 10_000)


def trial(seed, patients=9, days=3, between=1.0, slope=0.0):
    """Patients measured on the same days: their own level (SD `between`) and slope, and noise of SD 1."""
    rng = np.random.default_rng(seed)
    subject = np.repeat(np.arange(patients), days)
    day = np.tile(np.arange(days, dtype=float), patients)
    level, rise = rng.normal(0, between, patients), rng.normal(0, slope, patients)
    y = 5 + 0.4 * day + level[subject] + rise[subject] * day + rng.normal(size=subject.size)
    return pd.DataFrame({"subject": subject, "day": day, "y": y})


def fitted(data, **options):
    return mixed_model(data["y"], data[["day"]], data["subject"], **options)


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.booleans())
def test_the_criterion_of_many_values_at_once_is_that_of_each(seed, reml):
    data = trial(seed)
    model = Likelihood(blocks(data["y"], data[["day"]], data["subject"], None, True), reml)
    thetas = np.array([0.0, 0.01, 0.6, 3.0, 1e3])
    each = [model.at(np.array([[theta]])).deviance for theta in thetas]
    assert model.deviances(thetas) == pytest.approx(each, rel=1e-10)


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.integers(3, 12))
def test_two_visits_are_the_paired_t_test(seed, patients):
    data = trial(seed, patients, days=2, between=3.0)
    fit = fitted(data)
    before, after = data["y"].to_numpy().reshape(-1, 2).T
    expected = stats.ttest_rel(after, before)
    if fit.singular:  # nothing in common between a patient's visits: the comparison is no longer within patients
        return
    found = fit.contrast({"day": 1})
    assert found.estimate / found.se == pytest.approx(expected.statistic, rel=1e-6)
    assert found.df == pytest.approx(patients - 1, rel=1e-6)
    assert found.p == pytest.approx(expected.pvalue, rel=1e-5)


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_arms_are_compared_by_the_means_of_their_patients(seed):
    data = trial(seed, patients=10, between=2.0)
    data["arm"] = (data["subject"] >= 4).astype(float)
    fit = mixed_model(data["y"], data[["arm", "day"]], data["subject"])
    means = data.groupby("subject").agg(y=("y", "mean"), arm=("arm", "first"))
    expected = stats.ttest_ind(means.loc[means["arm"] == 1, "y"], means.loc[means["arm"] == 0, "y"])
    if not fit.singular:
        for method in ("kenward-roger", "satterthwaite"):
            assert fit.contrast({"arm": 1}, method).p == pytest.approx(expected.pvalue, rel=1e-5)


def test_balanced_variances_are_those_of_the_analysis_of_variance():
    data = trial(3, patients=12, days=4, between=2.0)
    wide = data["y"].to_numpy().reshape(12, 4)
    within = wide - wide.mean(axis=1, keepdims=True)
    slope = (within @ (np.arange(4) - 1.5)).sum() / (12 * 5.0)
    residual = ((within - slope * (np.arange(4) - 1.5)) ** 2).sum() / (12 * 3 - 1)
    between = wide.mean(axis=1).var(ddof=1) - residual / 4
    fit = fitted(data)
    assert fit.sigma**2 == pytest.approx(residual, rel=1e-9)
    assert fit.covariance[0, 0] == pytest.approx(between, rel=1e-9)


def test_random_effects_are_shrunken_means():
    data = trial(5, patients=8, days=3, between=2.0)
    fit = mixed_model(data["y"], None, data["subject"])
    means = data.groupby("subject")["y"].mean().to_numpy()
    shrink = fit.covariance[0, 0] / (fit.covariance[0, 0] + fit.sigma**2 / 3)
    assert fit.random[:, 0] == pytest.approx(shrink * (means - means.mean()), rel=1e-8)
    assert fit.subjects == [str(k) for k in range(8)]


def test_without_anything_in_common_it_is_least_squares():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(8, 3))
    noise -= noise.mean(axis=1, keepdims=True)  # the patients' means are all alike: no variance between them
    data = trial(1, patients=8).assign(y=noise.ravel())
    fit = fitted(data)
    assert fit.singular
    assert fit.covariance[0, 0] == 0
    assert fit.df("kenward-roger") == pytest.approx(np.full(2, 24 - 2), rel=1e-9)
    assert fit.df("satterthwaite") == pytest.approx(np.full(2, 24 - 2), rel=1e-9)
    line = stats.linregress(data["day"], data["y"])
    assert fit.contrast({"day": 1}).p == pytest.approx(line.pvalue, rel=1e-8)


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.sampled_from([1e-9, 1e-3, 1e4, 1e9]), st.booleans())
def test_neither_order_nor_units_matter(seed, unit, with_slope):
    data = trial(seed, patients=8, days=4, slope=0.7)
    slope = data["day"] if with_slope else None
    fit = fitted(data, slope=slope)
    other = data.assign(y=data["y"] * unit, day=data["day"] / unit).sample(frac=1, random_state=seed)
    again = fitted(other, slope=other["day"] if with_slope else None)
    assert again.coefficient == pytest.approx(fit.coefficient * np.array([unit, unit**2]), rel=1e-6)
    assert again.df() == pytest.approx(fit.df(), rel=2e-3)
    assert again.contrast({"day": 1}).p == pytest.approx(fit.contrast({"day": 1}).p, rel=2e-3)


@settings(max_examples=15, deadline=None)
@given(SEEDS)
def test_the_likelihood_is_at_its_maximum(seed):
    data = trial(seed, patients=7, days=4, slope=0.5)
    fit = fitted(data, slope=data["day"], reml=False)
    z = np.column_stack([np.ones(len(data)), data["day"]])
    same = np.equal.outer(data["subject"].to_numpy(), data["subject"].to_numpy())

    def log_likelihood(covariance, sigma):
        variance = np.where(same, z @ covariance @ z.T, 0) + sigma**2 * np.eye(len(data))
        mean = fit.coefficient[0] + fit.coefficient[1] * data["day"]
        return stats.multivariate_normal.logpdf(data["y"], mean, variance)

    assert log_likelihood(fit.covariance, fit.sigma) == pytest.approx(fit.log_likelihood, rel=1e-9)
    rng = np.random.default_rng(seed)
    for _ in range(10):
        move = rng.normal(0, 0.1, (2, 2))
        near = (np.eye(2) + move) @ fit.covariance @ (np.eye(2) + move).T + np.diag(rng.random(2)) * 1e-2
        assert log_likelihood(near, fit.sigma * np.exp(rng.normal(0, 0.1))) <= fit.log_likelihood + 1e-9


def test_rows_without_a_value_are_left_out_and_counted():
    data = trial(2)
    gaps = data.copy()
    gaps.loc[[1, 7], "y"] = np.nan
    fit = fitted(gaps)
    assert fit.left_out == 2
    complete = fitted(data.drop(index=[1, 7]))
    assert fit.coefficient == pytest.approx(complete.coefficient, rel=1e-12)


def test_an_f_test_of_one_contrast_is_its_t_test_squared():
    fit = fitted(trial(4, slope=0.5, days=5), slope=trial(4, slope=0.5, days=5)["day"])
    for method in ("kenward-roger", "satterthwaite"):
        alone, one = fit.test(["day"], method), fit.contrast({"day": 1}, method)
        assert alone.p == pytest.approx(one.p, rel=1e-8)
        assert alone.statistic == pytest.approx((one.estimate / one.se) ** 2, rel=1e-10)


def test_several_balanced_contrasts_are_hotellings_or_the_anova_test():
    data = trial(6, patients=9, days=4, between=2.0)
    days = pd.get_dummies(data["day"].astype(int), prefix="day", drop_first=True, dtype=float)
    fit = mixed_model(data["y"], days, data["subject"])
    wide = data["y"].to_numpy().reshape(9, 4)
    rows = wide.mean(axis=1, keepdims=True)
    columns = wide.mean(axis=0, keepdims=True)
    residual = ((wide - rows - columns + wide.mean()) ** 2).sum() / (8 * 3)
    expected = 9 * columns.var(ddof=1) / residual
    for method in ("kenward-roger", "satterthwaite"):
        test = fit.test(list(days.columns), method)
        assert test.statistic == pytest.approx(expected, rel=1e-6)
        assert (test.contrasts, test.df) == (3, pytest.approx(24, rel=1e-5))
        assert test.p == pytest.approx(stats.f.sf(expected, 3, 24), rel=1e-5)


def test_degrees_of_freedom_hold_the_error_in_few_patients():
    """Unbalanced, seven patients, no effect: a normal interval would reject twice as often."""
    rejected = {"ours": 0, "normal": 0}
    trials = 300
    for seed in range(trials):
        data = trial(seed, patients=7, days=3, between=1.5)
        data["arm"] = (data["subject"] < 3).astype(float)
        data = data.drop(index=[2, 8, 10, 19])
        fit = mixed_model(data["y"], data[["arm", "day"]], data["subject"])
        found = fit.contrast({"arm": 1})
        rejected["ours"] += found.p < 0.05
        rejected["normal"] += abs(found.estimate / found.se) > 1.96
    assert rejected["ours"] / trials < 0.05 + 3 * np.sqrt(0.05 * 0.95 / trials)
    assert rejected["normal"] > 1.5 * rejected["ours"]


def _broken(**changes):
    data = trial(1)
    return lambda: mixed_model(**{"outcome": data["y"], "fixed": data[["day"]], "subject": data["subject"]} | changes)


WRONG = [
    ({"subject": np.arange(27)}, "no subject has two complete rows"),
    ({"subject": np.zeros(27)}, "at least two subjects"),
    ({"subject": ["a", None] + ["b"] * 25}, "row 2 names no subject"),
    ({"subject": ["a"] * 5}, "27 outcomes but 5 subjects"),
    ({"outcome": np.full(27, 3.0)}, "the outcome is 3 in every row"),
    ({"outcome": np.full(27, np.nan)}, "at least two subjects"),
    ({"outcome": ["high"] * 27}, "the outcome of a mixed model must be numbers"),
    ({"fixed": pd.DataFrame({"day": trial(1)["day"], "twice": 2 * trial(1)["day"]})}, "'twice' says nothing"),
    ({"fixed": pd.DataFrame({"arm": ["a"] * 27})}, "'arm' of a mixed model must be numbers"),
    ({"fixed": pd.DataFrame({"flat": np.zeros(27)})}, "'flat' says nothing"),
    ({"slope": np.ones(27)}, "is the same in every row"),
    ({"method": "guess"}, "'guess' are unknown"),
    ({"reml": False, "method": "kenward-roger"}, "needs a fit by REML"),
    ({"level": 95}, "between 0 and 1"),
]


@pytest.mark.parametrize(("changes", "words"), WRONG, ids=[words for _, words in WRONG])
def test_what_cannot_be_fitted_is_named(changes, words):
    with pytest.raises(AnalysisError, match=words):
        _broken(**changes)().to_frame()


def test_rows_without_any_noise_are_refused():
    data = trial(1)
    with pytest.raises(AnalysisError, match="residual variance is zero"):
        fitted(data.assign(y=data["subject"] * 1.0 + data["day"]))


def test_contrasts_name_what_the_model_has():
    fit = fitted(trial(1))
    with pytest.raises(AnalysisError, match="no fixed effect 'dose'"):
        fit.contrast({"dose": 1})
    with pytest.raises(AnalysisError, match="each say something"):
        fit.test(["day", "day"])


def spreading(seed, patients=10, missing=()):
    """Three days, of which the last spreads four times as much."""
    data = trial(seed, patients, days=3, between=1.0)
    rng = np.random.default_rng(seed + 1)
    return data.assign(y=data["y"] + (data["day"] == 2) * rng.normal(0, 4, len(data))).drop(index=list(missing))


def test_unequal_variances_are_those_of_highest_likelihood():
    data = spreading(1, missing=(4, 11))
    x = pd.get_dummies(data["day"].astype(int), prefix="day", dtype=float)
    fit = mixed_model(data["y"], x, data["subject"], intercept=False, unequal=data["day"])
    same = np.equal.outer(data["subject"].to_numpy(), data["subject"].to_numpy())
    y, design = data["y"].to_numpy(), x.to_numpy()

    def restricted(parameters):
        between, *within = np.exp(parameters)
        variance = between * same + np.diag(np.array(within)[data["day"].astype(int)])
        inverse = np.linalg.inv(variance)
        information = design.T @ inverse @ design
        residual = y - design @ np.linalg.solve(information, design.T @ inverse @ y)
        terms = np.linalg.slogdet(variance)[1] + np.linalg.slogdet(information)[1] + residual @ inverse @ residual
        return (terms + (len(y) - 3) * np.log(2 * np.pi)) / 2

    best = minimize(
        restricted, np.zeros(4), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12, "maxiter": 4000}
    )
    assert fit.log_likelihood == pytest.approx(-best.fun, rel=1e-9)
    assert fit.covariance[0, 0] == pytest.approx(np.exp(best.x[0]), rel=1e-4)
    assert list(fit.sigma_by_group) == ["0.0", "1.0", "2.0"]
    assert np.array(list(fit.sigma_by_group.values())) == pytest.approx(np.sqrt(np.exp(best.x[1:])), rel=1e-4)


def test_a_day_of_its_own_variance_is_tested_as_if_alone():
    """With unequal variances and no missing value, a day's mean has the one-sample t test of that day."""
    data = spreading(2)
    x = pd.get_dummies(data["day"].astype(int), prefix="day", dtype=float)
    fit = mixed_model(data["y"], x, data["subject"], intercept=False, unequal=data["day"])
    found = fit.contrast({"day_2": 1})
    day = data.loc[data["day"] == 2, "y"]
    assert found.estimate == pytest.approx(day.mean())
    assert found.se == pytest.approx(stats.sem(day), rel=0.1)
    assert 8 < found.df < 12


@settings(max_examples=15, deadline=None)
@given(SEEDS, st.sampled_from([1e-6, 1e5]))
def test_unequal_variances_follow_order_and_units(seed, unit):
    data = spreading(seed, missing=(1, 8))
    fit = fitted(data, unequal=data["day"])
    other = data.assign(y=data["y"] * unit).sample(frac=1, random_state=seed)
    again = fitted(other, unequal=other["day"])
    assert again.coefficient == pytest.approx(fit.coefficient * unit, rel=1e-4)
    assert again.contrast({"day": 1}).p == pytest.approx(fit.contrast({"day": 1}).p, rel=1e-2, abs=1e-12)


def test_the_last_day_holds_its_error_where_it_spreads_more():
    rejected = {"equal": 0, "unequal": 0}
    trials = 100
    for seed in range(trials):
        data = spreading(seed, patients=8)
        data["y"] -= 5 + 0.4 * data["day"]
        x = pd.get_dummies(data["day"].astype(int), prefix="day", dtype=float)
        for name, labels in (("equal", None), ("unequal", data["day"])):
            fit = mixed_model(data["y"], x, data["subject"], intercept=False, unequal=labels)
            rejected[name] += fit.contrast({"day_2": 1}).p < 0.05
    assert rejected["unequal"] / trials < 0.05 + 3 * np.sqrt(0.05 * 0.95 / trials)
    assert rejected["equal"] > 1.5 * rejected["unequal"]


def test_unequal_variances_say_what_they_need():
    data = trial(1)
    with pytest.raises(AnalysisError, match="by REML and with a random intercept alone"):
        fitted(data, unequal=data["day"], slope=data["day"])
    with pytest.raises(AnalysisError, match="27 outcomes but 3 labels"):
        fitted(data, unequal=["a", "b", "c"])
    with pytest.raises(AnalysisError, match="'odd' cannot be known from one row"):
        fitted(data, unequal=["odd"] + ["even"] * 26)


def test_one_row_a_subject_is_least_squares():
    data = trial(3, patients=12, days=2).drop_duplicates("subject")
    data["dose"] = np.arange(12.0)
    fit = linear_model(data["y"], data[["dose"]], data["subject"])
    line = stats.linregress(data["dose"], data["y"])
    found = fit.contrast({"dose": 1})
    assert (found.estimate, found.se, found.p) == pytest.approx((line.slope, line.stderr, line.pvalue), rel=1e-8)
    assert found.df == pytest.approx(10)


def test_an_f_test_over_unbalanced_groups_and_uneven_days_holds_its_error():
    """Fifteen patients in 3/6/6, a tenth of the rows missing, the last day four times as wide; six contrasts."""
    rejected, trials = 0, 100
    for seed in range(trials):
        rng = np.random.default_rng(seed)
        subject, day = np.repeat(np.arange(15), 3), np.tile([0, 1, 2], 15)
        y = rng.normal(0, 0.2, 15)[subject] + rng.normal(0, 1, 45) * np.array([0.2, 0.25, 0.8])[day]
        group = np.repeat([0, 1, 2], [3, 6, 6])[subject]
        kept = rng.random(45) > 0.1
        cells = pd.Series([f"{g}/{d}" for g, d in zip(group[kept], day[kept], strict=True)])
        x = pd.get_dummies(cells, dtype=float)
        fit = mixed_model(y[kept], x, subject[kept], intercept=False, unequal=day[kept])
        contrasts = []
        for last in "012":
            first, *others = [cell for cell in x if cell.endswith(last)]
            contrasts += [{first: -1.0, other: 1.0} for other in others]
        rejected += fit.test(contrasts).p < 0.05
    assert rejected / trials < 0.05 + 3 * np.sqrt(0.05 * 0.95 / trials)
