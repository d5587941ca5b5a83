"""The BLRM: its quadrature against brute force, its laws, and its characteristics."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsonin.designs import Blrm, Crm, MaxPatients, NoSkipping, Scenario, design, from_counts, parse_outcomes, simulate
from opsonin.designs.logistic_posterior import posteriors
from opsonin.designs.rate_posterior import rate_posterior
from opsonin.errors import DesignError

COUNTS = st.lists(st.integers(0, 9), min_size=4, max_size=4).flatmap(
    lambda n: st.tuples(st.just(n), st.tuples(*(st.integers(0, k) for k in n)))
)


def brute_force(prior, patients, dlt, cut, nodes=700, reach=8.5):
    """Means of the rates, and P(rate < cut), by plain sums over a fine lattice in prior standard deviations."""
    sd = np.sqrt(np.diag(prior.covariance))
    a = prior.mean[0] + sd[0] * np.linspace(-reach, reach, nodes)[:, None]
    b = prior.mean[1] + sd[1] * np.linspace(-reach, reach, nodes)[None, :]
    z = np.stack(np.broadcast_arrays(a - prior.mean[0], b - prior.mean[1]))
    density = -0.5 * np.einsum("iab,ij,jab->ab", z, np.linalg.inv(prior.covariance), z)
    logits = [a + np.exp(b) * x for x in prior.x]
    for logit, n, r in zip(logits, patients, dlt, strict=True):
        density = density + r * logit - n * np.logaddexp(0, logit)
    weight = np.exp(density - density.max())
    weight /= weight.sum()
    rates = [1 / (1 + np.exp(-np.clip(logit, -700, 700))) for logit in logits]
    return np.array([(weight * p).sum() for p in rates]), np.array([(weight * (p < cut)).sum() for p in rates])


@pytest.mark.parametrize("dlt", [[0, 0, 0, 0], [0, 0, 2, 2], [3, 3, 6, 2], [0, 1, 1, 0]])
@pytest.mark.parametrize("correlation", [0.0, 0.6])
def test_quadrature_equals_brute_force(dlt, correlation):
    made = Blrm(4, doses=(3.0, 10.0, 30.0, 50.0), reference=20.0, correlation=correlation)
    patients = np.array([[3, 3, 6, 2]])
    rates, under = brute_force(made.priors[0][1], patients[0], dlt, 0.33)
    (lattice,) = posteriors(made.priors[0][1], patients, np.array([dlt]))
    np.testing.assert_allclose(lattice.rates()[0][0], rates, rtol=0, atol=1e-6)
    np.testing.assert_allclose(lattice.below(np.array([[[0.33]]]))[0, :, 0], under, rtol=0, atol=5e-3)


def test_many_patients_need_no_finer_lattice():
    """A narrow posterior, as of a database: the rates come out at what was seen, with the binomial error."""
    made = Blrm(3, doses=(1.0, 2.0, 4.0))
    patients, dlt = np.array([[4000, 4000, 4000]]), np.array([[400, 1000, 2000]])  # logits 1.1 apart: on a line
    found = made.curve(from_counts(patients, dlt, np.array([3])))
    np.testing.assert_allclose(found.mean[0], [0.1, 0.25, 0.5], atol=2e-3)
    assert (found.sd[0] < np.sqrt(0.25 / 4000)).all()


def test_quantiles_at_the_reference_dose_equal_those_of_the_intercept():
    """The published single-agent data with the prior of the reference results, where its lattice is coarse."""
    made = Blrm(5, doses=(1.0, 2.5, 5.0, 10.0, 25.0), reference=25.0)
    patients, dlt = np.array([[3, 4, 5, 4, 2]]), np.array([[0, 0, 0, 0, 2]])
    b = np.linspace(-8.5, 8.5, 501)
    a = -0.8472978603872036 + 2 * np.linspace(-7, 7, 4001)
    density = -0.5 * (((a - a.mean()) / 2) ** 2)[:, None] - 0.5 * b**2
    for x, n, r in zip(made.x, patients[0], dlt[0], strict=True):
        logit = a[:, None] + np.exp(b) * x
        density = density + r * logit - n * np.logaddexp(0, logit)
    of_intercept = np.exp(density - density.max()).sum(axis=1)
    cumulative = np.cumsum(of_intercept) - 0.5 * of_intercept
    median = 1 / (1 + np.exp(-np.interp(0.5 * of_intercept.sum(), cumulative, a)))
    found = made.curve(from_counts(patients, dlt, np.array([5])))
    assert found.median[0, 4] == pytest.approx(median, abs=2e-5)


@given(COUNTS)
@settings(max_examples=25, deadline=None)
def test_overdosing_is_likelier_at_higher_doses_and_after_more_dlts(counts):
    patients, dlt = (np.array([row]) for row in counts)
    made = Blrm(4)
    seen = from_counts(patients, dlt, np.array([1]))
    over = made.exceeds(seen, 0.33)[0]
    assert (np.diff(over) >= -1e-6).all()
    for dose in np.flatnonzero(dlt[0] < patients[0]):
        more = dlt.copy()
        more[0, dose] += 1
        assert made.exceeds(from_counts(patients, more, np.array([1])), 0.33)[0, dose] > over[dose] - 1e-6
    decided = made.decide_many(seen)
    assert bool(decided.stop[0]) or over[decided.level[0] - 1] <= made.overdose


@given(st.lists(COUNTS, min_size=2, max_size=5))
@settings(max_examples=10, deadline=None)
def test_many_trials_equal_single_ones(trials):
    patients, dlt = (np.array([trial[part] for trial in trials]) for part in (0, 1))
    made = Blrm(4)
    together = made.below(from_counts(patients, dlt, np.ones(len(trials), dtype=np.int64)), (0.16, 0.33))
    for trial in range(len(trials)):
        alone = made.below(from_counts(patients[[trial]], dlt[[trial]], np.array([1])), (0.16, 0.33))
        np.testing.assert_allclose(alone[0], together[trial], rtol=0, atol=1e-10)


def test_decisions_say_why():
    made = Blrm(5, doses=(1.0, 2.5, 5.0, 10.0, 25.0), reference=25.0)
    start = made.decide(parse_outcomes(""))
    assert (start.action, start.level) == ("start", 1)
    later = made.decide(parse_outcomes("1NNN 2NNNN 3NNNNN 4NNNN 5TT"))
    assert later.action == "de-escalate"
    assert later.level is not None
    assert later.numbers["probability_overdose"][later.level - 1] <= 0.25
    assert f"level {later.level}" in later.reason
    assert "may be risked" in later.reason
    toxic = made.decide(parse_outcomes("1TTT"))
    assert toxic.action == "stop"
    assert "too toxic" in toxic.reason
    highest, usual = (rule.decide(parse_outcomes("1NNN")).level for rule in (Blrm(5, choose="highest"), Blrm(5)))
    assert highest is not None
    assert usual is not None
    assert highest >= usual


def test_simulated_trials_seldom_overdose():
    protocol = design({"name": "blrm", "target": 0.25, "patients": 24, "no_skipping": True}, 5)
    truth = Scenario([0.03, 0.08, 0.25, 0.45, 0.60])
    found = simulate(protocol, truth, 400, seed=2)
    other = simulate(MaxPatients(NoSkipping(Crm(5, cohort=3)), 24), truth, 400, seed=2)
    table, reference = found.to_frame(), other.to_frame()
    assert table["declared"].iloc[3:].sum() < 0.10
    assert table["declared"].iloc[1:3].sum() > 0.80
    assert table["patients"].iloc[3:].sum() < reference["patients"].iloc[3:].sum()
    assert simulate(protocol, truth, 60, seed=2).patients.tolist() == found.patients[:60].tolist()


def test_the_posterior_of_rates_is_not_the_rate_at_the_posterior_mean():
    skeleton = np.array([0.1, 0.2, 0.4])
    nothing = np.zeros(3, dtype=np.int64)
    found = rate_posterior(nothing, nothing, skeleton)
    np.testing.assert_allclose(found.median, skeleton, atol=1e-6)
    assert (found.lower < found.median).all()
    assert (found.median < found.upper).all()
    gamma = rate_posterior(nothing, nothing, skeleton, "logistic_gamma", shape=2.0, rate=3.0)
    beta = np.random.default_rng(1).gamma(2.0, 1 / 3.0, 400_000)[:, None]
    x = (np.log(skeleton / (1 - skeleton)) - 3.0) / (2.0 / 3.0)
    drawn = 1 / (1 + np.exp(-3.0 - beta * x))
    np.testing.assert_allclose(gamma.mean, drawn.mean(axis=0), atol=4 * 0.4 / np.sqrt(400_000))
    np.testing.assert_allclose(gamma.upper, np.quantile(drawn, 0.975, axis=0), atol=4e-3)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"doses": (1.0, 2.0)}, "2 doses were given"),
        ({"doses": (1.0, 3.0, 2.0)}, "rise"),
        ({"doses": (0.0, 1.0, 2.0)}, "rise"),
        ({"overdose": 1.5}, "greatest probability"),
        ({"too_high": 0.2}, "lies between"),
        ({"choose": "best"}, "unknown"),
        ({"reference": -1.0}, "reference"),
        ({"correlation": 1.0}, "correlation"),
        ({"prior_sd": (1.0, 0.0)}, "standard deviations"),
        ({"prior_mean": (1.0,)}, "two numbers"),
    ],
)
def test_wrong_options_are_named(options, says):
    with pytest.raises(DesignError, match=says):
        Blrm(3, **options)


def test_wrong_priors_of_rates_are_named():
    one = np.ones(2, dtype=np.int64)
    for given_, says in [
        ({"prior": np.array([0.3, 0.2])}, "rises"),
        ({"prior": np.array([0.2, 0.3]), "model": "probit"}, "unknown"),
        ({"prior": np.array([0.2, 0.3]), "scale": 0.0}, "above 0"),
        ({"prior": np.array([0.2, 0.3]), "dlt": 2 * one}, "at most as many"),
    ]:
        with pytest.raises(DesignError, match=says):
            rate_posterior(**({"patients": one, "dlt": one} | given_))
