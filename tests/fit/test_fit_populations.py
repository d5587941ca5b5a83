"""Populations that published figures leave possible: against posteriors that can be written down, and known truths."""

import numpy as np
import pytest
from scipy.special import ndtr

from opsonin.errors import FitError
from opsonin.fit import Target, normal_scores, populations, weighted_quantile
from opsonin.random import normal, uniform


def pool(n: int, columns: int, seed: int = 5) -> np.ndarray:
    return normal(seed, "pool of patients", np.arange(n), draws=columns)


def test_a_normal_mean_has_its_conjugate_posterior():
    z = pool(20_000, 1)
    found = populations(z, z, [Target("mean", 0.6, 0.2)], shift_sd=0.5, candidates=400)
    exact_variance = 1 / (1 / 0.2**2 + 1 / 0.5**2)
    exact_mean = exact_variance * 0.6 / 0.2**2
    mean = found.weights @ found.shift[:, 0]
    assert mean == pytest.approx(exact_mean, abs=0.02)
    assert np.sqrt(found.weights @ (found.shift[:, 0] - mean) ** 2) == pytest.approx(np.sqrt(exact_variance), rel=0.1)
    assert found.effective > 400
    # the posterior's mean population: the mean over patients is that over populations
    assert found.patients @ z[:, 0] / len(z) == pytest.approx(exact_mean, abs=0.02)


def test_what_no_figure_informs_keeps_its_prior():
    z = pool(5000, 2)
    found = populations(z, z[:, :1], [Target("mean", 0.5, 0.05)], shift_sd=0.4, candidates=600)
    w, free = found.weights, found.shift[:, 1]
    assert w @ free == pytest.approx(0, abs=0.06)
    assert np.sqrt(w @ free**2) == pytest.approx(0.4, rel=0.15)


def test_a_spread_is_recovered_from_two_shares():
    # the truth: N(0.3, 1.5²); two cuts tell mean and spread
    z, shift, spread = pool(10_000, 1), 0.3, 1.5
    cuts = (0.0, 1.5)
    shares = [1 - ndtr((c - shift) / spread) for c in cuts]
    targets = [Target.share(f"above {c}", round(100_000 * s), 100_000) for c, s in zip(cuts, shares, strict=True)]
    found = populations(z, np.column_stack([z[:, 0] > c for c in cuts]), targets, spread_sd=0.4, candidates=500)
    assert found.weights @ found.shift[:, 0] == pytest.approx(shift, abs=0.08)
    assert found.weights @ found.spread[:, 0] == pytest.approx(spread, abs=0.12)


@pytest.mark.slow
def test_the_interval_holds_a_truth_that_was_never_published_as_often_as_it_says():
    # calibrated to one drug's response rate in 300 patients, asked for the rate under another drug
    n, replicates = 2000, 60
    z = pool(n, 2)
    score = z @ np.array([0.8, 0.6])
    response, other = (score > 0.8).astype(float), (z[:, 0] > 0.5).astype(float)
    hits = 0
    for k in range(replicates):
        true_shift = 0.5 * normal(7, "truth", k, draws=2)
        rate = 1 - ndtr(0.8 - true_shift @ np.array([0.8, 0.6]))
        events = int((uniform(7, "published trial", k, draws=300) < rate).sum())
        found = populations(
            z, response, [Target.share("response", events, 300)], shift_sd=0.5, candidates=200, rounds=3
        )
        _, low, high = found.predict(other, draws=400, level=0.9)[0]
        hits += bool(low <= 1 - ndtr(0.5 - true_shift[0]) <= high)
    # 90 % of 60 with three binomial standard errors
    assert abs(hits / replicates - 0.9) < 3 * np.sqrt(0.9 * 0.1 / replicates)


def test_a_trial_of_few_patients_is_less_sure_than_the_population():
    z = pool(3000, 1)
    response = (z[:, 0] > 0.7).astype(float)
    found = populations(z, response, [Target.share("response", 60, 200)], shift_sd=0.5, candidates=300, rounds=3)
    mean, low, high = found.predict(response)[0]
    _, lower, higher = found.predict(response, trial=20)[0]
    assert mean == pytest.approx(0.3, abs=0.03)
    assert lower < low - 0.05
    assert higher > high + 0.05


def test_drawn_populations_come_again_by_seed_and_have_weights_of_mean_one():
    z = pool(1000, 1)
    found = populations(z, z, [Target("mean", 0.3, 0.1)], candidates=100, rounds=2)
    again = populations(z, z, [Target("mean", 0.3, 0.1)], candidates=100, rounds=2)
    assert np.array_equal(found.patients, again.patients)
    drawn = found.draw(7)
    assert drawn.shape == (7, 1000)
    assert drawn.mean(axis=1) == pytest.approx(np.ones(7))
    assert np.array_equal(drawn, found.draw(7))


def test_a_pool_too_small_for_the_prior_says_how_much_is_out_of_reach():
    z = pool(300, 4)
    found = populations(z, z[:, 0], [Target("mean", 0.2, 0.1)], shift_sd=1.0, candidates=200, rounds=2)
    assert 0.3 < found.out_of_reach <= 1
    assert found.typical_patients < 300


def test_scores_of_parameters_are_normal_and_independent_and_find_the_typical_value():
    z = pool(5000, 2)
    entry = np.exp(0.4 * z[:, 0])
    burden = 3.0 + 0.8 * z[:, 0] + 0.6 * z[:, 1]  # correlated with the first
    plain, free = (normal_scores(np.column_stack([entry, burden]), independent=f) for f in (False, True))
    assert plain[:, 0] == pytest.approx(z[:, 0], abs=0.6)  # its own score, but for the outermost ranks
    assert np.corrcoef(plain.T)[0, 1] == pytest.approx(0.8, abs=0.03)
    assert np.corrcoef(free.T) == pytest.approx(np.eye(2), abs=1e-9)
    # patients whose entry is 1.3 times as good respond in a published trial; the fit finds who they are
    response = entry > 1.5
    rate = 1 - ndtr((np.log(1.5) - np.log(1.3)) / 0.4)
    found = populations(free, response, [Target.share("response", round(5000 * rate), 5000)], candidates=300)
    assert weighted_quantile(entry, found.patients) == pytest.approx(1.3, rel=0.03)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.repeat([0.0, 1.0], 50), "parameter 1 has 2 values in 100 patients"),
        (np.column_stack([np.arange(100.0), np.arange(100.0) ** 3]), "follow from others"),
    ],
)
def test_parameters_without_scores_are_named(values, message):
    with pytest.raises(FitError, match=message):
        normal_scores(values, independent=True)


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        (np.exp(pool(500, 1)), "column 1 of the scores has mean"),
        (np.column_stack([pool(500, 1), pool(500, 1)]), "columns 1 and 2 .* correlated"),
        (pool(400, 1), "features of shape"),
    ],
)
def test_scores_that_are_none_are_named(scores, message):
    features = np.ones(500) * np.arange(500)
    with pytest.raises(FitError, match=message):
        populations(scores, features, [Target("x", 0.5, 0.1)])
