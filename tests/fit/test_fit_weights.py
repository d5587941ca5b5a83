"""Virtual populations: each way of weighting or selecting patients recovers a population that is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsonin.errors import FitError
from opsonin.fit import (
    Normal,
    Observed,
    Target,
    effective_sample_size,
    inclusion,
    tilt,
    weighted_mean,
    weighted_quantile,
)
from opsonin.random import normal, uniform


def drawn(name: str, n: int, columns: int) -> np.ndarray:
    return normal(3, name, np.arange(n), draws=columns)


def test_effective_patients_are_all_when_weights_are_equal_and_one_when_one_has_all():
    assert effective_sample_size(np.ones(40)) == pytest.approx(40)
    assert effective_sample_size(np.eye(5)) == pytest.approx(np.ones(5))


def test_a_weighted_median_counts_weight_and_holds_never():
    assert weighted_quantile([1.0, 2.0, 3.0], [1, 1, 4]) == 3
    assert weighted_quantile([1.0, 2.0, np.inf], [1, 1, 4]) == np.inf
    assert weighted_mean([[1.0, 2.0], [3.0, 4.0]], [1, 3]) == pytest.approx([2.5, 3.5])
    with pytest.raises(FitError, match="not all zero"):
        weighted_mean([1.0, 2.0], [0, 0])
    with pytest.raises(FitError, match="50 was given"):
        weighted_quantile([1.0, 2.0], [1, 1], 50)


# Allen's selection -----------------------------------------------------------------------------------------------


def test_selected_patients_are_distributed_as_the_observed_and_so_is_the_hidden_parameter():
    # outcomes are made from two hidden parameters; plausible ones are wide and flat, the observed are correlated
    hidden = 8 * uniform(3, "hidden", np.arange(6000), draws=2) - 4
    made = np.column_stack([hidden[:, 0] + 0.5 * hidden[:, 1], hidden[:, 1]])
    mean, covariance = np.array([0.7, -0.4]), np.array([[1.0, 0.5], [0.5, 0.6]])
    found = inclusion(made, Normal(mean, covariance), seed=2)
    chosen = made[found.selected]
    n = len(chosen)
    assert n > 200
    assert chosen.mean(axis=0) == pytest.approx(mean, abs=4 / np.sqrt(n))
    assert np.cov(chosen.T) == pytest.approx(covariance, abs=0.2)
    assert (found.distance < 1.63 / np.sqrt(n)).all()  # the 1 % bound of Kolmogorov's test
    # the map is one to one, so that the parameters behind the observed are recovered too
    back = np.linalg.inv(np.array([[1, 0.5], [0, 1]])) @ mean
    assert hidden[found.selected].mean(axis=0) == pytest.approx(back, abs=4 / np.sqrt(n))
    assert weighted_mean(made, found.probability) == pytest.approx(mean, abs=0.15)


def test_selection_after_observed_patients_meets_their_quantiles():
    plausible = 3 * drawn("plausible", 4000, 1)
    observed = 1.0 + 0.5 * drawn("observed", 300, 1)
    found = inclusion(plausible, Observed(observed), seed=4)
    chosen = plausible[found.selected, 0]
    at = [0.1, 0.5, 0.9]
    assert np.quantile(chosen, at) == pytest.approx(np.quantile(observed, at), abs=0.2)


def test_a_larger_proportion_selects_more_patients_and_a_worse_shape():
    plausible = drawn("wide", 3000, 1) * 2
    target = Normal(np.array([0.5]), np.array([[0.25]]))
    few, many = (inclusion(plausible, target, proportion=p) for p in (1.0, 1000.0))
    assert few.selected.sum() < many.selected.sum()
    assert many.clipped > 0.2
    assert many.distance[0] > few.distance[0]
    assert (few.selected <= many.selected).all()  # the same numbers decide at every proportion


@pytest.mark.parametrize(
    ("outcomes", "observed", "message"),
    [
        (np.repeat([0.0, 1.0], 50), Normal(np.array([0.5]), np.eye(1)), "yes-or-no"),
        (np.linspace(0, 1, 100), Normal(np.array([90.0]), np.eye(1) * 1e-3), "no plausible patient"),
        (np.linspace(0, 1, 100), Normal(np.zeros(2), np.eye(2)), "1 outcomes but the observed 2"),
        ([0.0, np.nan, 1.0], Normal(np.zeros(1), np.eye(1)), "row 2"),
    ],
)
def test_what_cannot_be_selected_from_is_named(outcomes, observed, message):
    with pytest.raises(FitError, match=message):
        inclusion(outcomes, observed)


def test_the_density_of_observed_patients_is_a_density_of_their_spread():
    observed = 1.0 + 0.5 * drawn("observed", 300, 1)
    grid = np.linspace(-3, 5, 4001)
    density = np.exp(Observed(observed).log_density(grid[:, None]))
    step = grid[1] - grid[0]
    assert density.sum() * step == pytest.approx(1, abs=1e-6)
    mean = (density * grid).sum() * step
    assert mean == pytest.approx(observed.mean(), abs=1e-6)
    assert (density * (grid - mean) ** 2).sum() * step == pytest.approx(observed.var(), rel=0.01)
    with pytest.raises(FitError, match="same in all patients"):
        Observed(np.ones((20, 1)))


def test_a_covariance_matrix_is_checked():
    with pytest.raises(FitError, match="positive definite"):
        Normal(np.zeros(2), np.array([[1.0, 2.0], [2.0, 1.0]]))


# the smallest change of weights ----------------------------------------------------------------------------------


def test_tilting_a_normal_pool_to_another_mean_gives_the_shifted_normal():
    z = drawn("pool", 20_000, 1)
    found = tilt(z, [Target("mean", 0.5, 1e-4)])
    assert found.reached == pytest.approx([0.5], abs=1e-5)
    # exp(λ z) turns N(0, 1) into N(λ, 1), at a relative entropy of λ² / 2
    assert found.multipliers == pytest.approx([0.5], abs=0.03)
    assert weighted_mean((z[:, 0] - 0.5) ** 2, found.weights) == pytest.approx(1.0, abs=0.05)
    assert found.distance == pytest.approx(0.125, abs=0.01)
    assert found.effective == pytest.approx(20_000 * np.exp(-0.25), rel=0.05)


def test_a_figure_is_met_as_firmly_as_it_is_known():
    z = drawn("pool", 20_000, 1)
    # posterior mean of a normal pool (variance 1) and a figure (variance 0.25): 0.5 · 1 / 1.25
    assert tilt(z, [Target("mean", 0.5, 0.5)]).reached == pytest.approx([0.4], abs=0.02)
    assert tilt(z, [Target("mean", 0.5, 0.5)], firmness=1000).reached == pytest.approx([0.5], abs=0.01)


def test_shares_of_responders_and_survivors_are_met_together():
    z = drawn("patients", 5000, 2)
    response = (z[:, 0] > 1).astype(float)  # 16 %
    alive = (0.6 * z[:, 0] + 0.8 * z[:, 1] > 0).astype(float)  # 50 %
    targets = [Target.share("response", 192, 581), Target("alive at the published median", 0.5, 0.02)]
    found = tilt(np.column_stack([response, alive]), targets, firmness=100)
    assert found.reached == pytest.approx([192.5 / 582, 0.5], abs=2e-3)
    assert found.weights.mean() == pytest.approx(1)
    # patients with the same outcomes keep the same weights: nothing else was changed
    for pair in ((0, 0), (0, 1), (1, 0), (1, 1)):
        here = found.weights[(response == pair[0]) & (alive == pair[1])]
        assert np.ptp(here) < 1e-9


@settings(max_examples=25, deadline=None)
@given(aim=st.floats(0.05, 0.95), seed=st.integers(1, 50))
def test_a_share_is_reached_from_any_pool_and_order_does_not_matter(aim, seed):
    x = (uniform(seed, "flags", np.arange(400))[:, 0] < 0.4).astype(float)
    target = [Target("share", aim, 1e-4)]
    found = tilt(x, target)
    assert found.reached[0] == pytest.approx(aim, abs=1e-3)
    assert tilt(x[::-1], target).weights[::-1] == pytest.approx(found.weights)


def test_a_share_that_no_patient_shows_is_refused_in_words():
    with pytest.raises(FitError, match="'response' is the same in every patient"):
        tilt(np.zeros(50), [Target("response", 0.3, 0.05)])
    with pytest.raises(FitError, match="as many targets"):
        tilt(np.eye(4), [Target("response", 0.3, 0.05)])


# targets ---------------------------------------------------------------------------------------------------------


def test_a_target_from_an_interval_has_the_interval_back():
    t = Target.interval("median PFS", 8.3, 5.8, 11.1)
    assert t.se == pytest.approx(np.log(11.1 / 5.8) / (2 * 1.959964), rel=1e-5)
    with pytest.raises(FitError, match="out of order"):
        Target.interval("median PFS", 8.3, 9.0, 11.1)
    with pytest.raises(FitError, match="above 0"):
        Target("median", -1.0, 0.1, "log")


def test_a_share_of_no_responders_still_has_a_standard_error():
    t = Target.share("response", 0, 17)
    assert 0 < t.value < 0.05
    assert np.isfinite(t.se)
    with pytest.raises(FitError, match="no share"):
        Target.share("response", 18, 17)
