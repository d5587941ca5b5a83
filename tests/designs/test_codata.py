"""Co-data: exchangeability against brute force, its limits, EXNEX, and the real single-agent histories."""

import csv
from dataclasses import replace

import numpy as np
import pytest

from opsonin.designs import Blrm, BlrmPair, Scenario, design, from_counts, parse_outcomes, simulate
from opsonin.designs.codata import PARTS, Between, Source, codata_prior, mixture, moments, predicted
from opsonin.errors import DesignError
from paths import DATA, needs_data

FIRST = Source((3.0, 4.5, 6.0, 8.0), (3, 3, 6, 3), (0, 0, 0, 2), name="the first trial")
SECOND = Source((3.0, 4.5, 6.0, 8.0), (3, 6, 11, 3), (0, 0, 0, 2), name="the second trial")
DOSES = np.array([3.0, 4.5, 6.0, 8.0])
NOTHING = from_counts(np.zeros((1, 4), dtype=np.int64), np.zeros((1, 4), dtype=np.int64), np.array([0]))


def drawn(sources, between, reference, draws=300_000, seed=1):
    """Curves of a further exchangeable trial, with the weights of draws from the prior of the whole hierarchy."""
    rng = np.random.default_rng(seed)
    mu = np.array(between.mean) + np.array(between.sd) * rng.standard_normal((draws, 2))
    tau = np.exp(np.log(between.median) + between.spread * rng.standard_normal((draws, 2)))
    log_weight = np.zeros(draws)
    for source in sources:
        like = rng.uniform(size=draws) < source.exchangeable
        apart = np.array(between.mean) + np.array(between.sd) * rng.standard_normal((draws, 2))
        curve = np.where(like[:, None], mu + tau * rng.standard_normal((draws, 2)), apart)
        for dose, n, r in zip(source.doses, source.patients, source.dlt, strict=True):
            logit = curve[:, 0] + np.exp(curve[:, 1]) * np.log(dose / reference)
            log_weight += r * logit - n * np.logaddexp(0, logit)
    weight = np.exp(log_weight - log_weight.max())
    return mu + tau * rng.standard_normal((draws, 2)), weight / weight.sum()


@pytest.mark.parametrize("exchangeable", [1.0, 0.5])
def test_the_predicted_curve_equals_brute_force(exchangeable):
    """EX, and EXNEX for each source: through the mixture to the rates at doses."""
    sources = [replace(source, exchangeable=exchangeable) for source in (FIRST, SECOND)]
    curve, weight = drawn(sources, Between(), 6.0)
    error = 0.5 * np.sqrt((weight**2).sum())
    points = predicted(sources, 6.0, Between())
    sd = np.sqrt(weight @ curve**2 - (weight @ curve) ** 2)
    assert (np.abs(points.weight @ points.mean - weight @ curve) < 0.02 + 8 * error * sd).all()
    parts = mixture(points)
    found = Blrm(4, doses=tuple(DOSES), reference=6.0, mixture=parts)
    logit = curve[:, :1] + np.exp(np.minimum(curve[:, 1:], 50)) * np.log(DOSES / 6.0)
    rates = 1 / (1 + np.exp(-np.clip(logit, -700, 700)))
    np.testing.assert_allclose(found.curve(NOTHING).mean[0], weight @ rates, rtol=0, atol=0.004 + 4 * error)
    np.testing.assert_allclose(found.exceeds(NOTHING, 0.33)[0], weight @ (rates > 0.33), rtol=0, atol=0.025 + 4 * error)


def test_trials_that_hardly_differ_are_pooled():
    """τ near 0: the same as if this trial's own patients had been added to those of the others, without co-data."""
    same = codata_prior([FIRST, SECOND], 6.0, 1.0, Between(median=(1e-3, 1e-3)))
    borrowed = Blrm(4, doses=tuple(DOSES), reference=6.0, mixture=same).curve(NOTHING)
    together = np.array([FIRST.patients]) + SECOND.patients, np.array([FIRST.dlt]) + SECOND.dlt
    pooled = Blrm(4, doses=tuple(DOSES), reference=6.0).curve(from_counts(*together, np.array([4])))
    np.testing.assert_allclose(borrowed.mean, pooled.mean, atol=0.01)


def test_less_is_borrowed_the_more_trials_may_differ():
    made = Blrm(4, doses=tuple(DOSES), reference=6.0)
    sds = []
    for median in ((0.01, 0.01), (0.25, 0.125), (1.0, 0.5)):
        parts = codata_prior([FIRST, SECOND], 6.0, 1.0, Between(median=median))
        sds.append(replace(made, mixture=parts).curve(NOTHING).sd[0, 2])
    assert sds[0] < sds[1] < sds[2] < made.curve(NOTHING).sd[0, 2]


def test_a_trial_that_is_surely_apart_borrows_nothing():
    apart = Blrm(4, doses=tuple(DOSES), reference=6.0, codata=(FIRST,), exchangeable=0.0)
    alone = Blrm(4, doses=tuple(DOSES), reference=6.0)
    seen = from_counts(np.array([[3, 3, 3, 0]]), np.array([[0, 0, 1, 0]]), np.array([3]))
    np.testing.assert_allclose(apart.curve(seen).mean, alone.curve(seen).mean, atol=1e-12)
    nobody = codata_prior([replace(FIRST, exchangeable=0.0)], 6.0, 1.0)
    assert moments(nobody)[0] == pytest.approx(Between().mean, abs=0.03)


def test_a_conflict_lets_the_robust_prior_go():
    """DLTs where the others had none: the part that stands alone takes over, and the rate is believed higher."""
    trusting, wary = (
        Blrm(4, doses=tuple(DOSES), reference=6.0, codata=(FIRST, SECOND), exchangeable=share) for share in (1.0, 0.5)
    )
    conflict = np.array([[3, 0, 0, 0]]), np.array([[3, 0, 0, 0]])
    agreeing = np.array([[3, 3, 0, 0]]), np.array([[0, 0, 0, 0]])
    (against,), (for_,) = (list(wary.posteriors(*counts)) for counts in (conflict, agreeing))
    assert against.share[0, -1] > 0.95
    assert for_.share[0, -1] < 0.5
    seen = from_counts(*conflict, np.array([1]))
    assert wary.curve(seen).mean[0, 0] > trusting.curve(seen).mean[0, 0] + 0.05


def test_the_mixture_keeps_mean_and_covariance():
    found = predicted([FIRST], 6.0, Between())
    parts = mixture(found)
    assert len(parts) == PARTS
    assert sum(part[0] for part in parts) == pytest.approx(1.0)
    mean = found.weight @ found.mean
    off = found.mean - mean
    covariance = np.einsum("k,kp,kq->pq", found.weight, off, off) + np.diag(found.weight @ found.tau**2)
    ours = moments(parts)
    np.testing.assert_allclose(ours[0], mean)
    np.testing.assert_allclose(ours[1], np.sqrt(np.diag(covariance)))
    assert ours[2] == pytest.approx(covariance[0, 1] / np.prod(ours[1]))


def test_from_a_study_file_and_in_words():
    source = {"name": "trial A", "doses": [1, 2, 4], "patients": [3, 3, 6], "dlt": [0, 0, 1]}
    made = design({"name": "blrm", "codata": [source], "patients": 12, "exchangeable": 0.7}, 4)
    assert "trial A (1 of 12 with DLT)" in made.describe()
    decision = made.decide(parse_outcomes("1NNN"))
    alone = design({"name": "blrm", "patients": 12}, 4).decide(parse_outcomes("1NNN"))
    assert decision.numbers["probability_overdose"][1] < alone.numbers["probability_overdose"][1]
    found = simulate(made, Scenario([0.05, 0.1, 0.25, 0.5]), 40, seed=1)
    assert found.patients.sum(axis=1).max() <= 12


@needs_data
def test_real_single_agent_histories_make_the_prior_of_the_pair():
    """Drug A alone: 2 of 3 with DLT at 8 mg, none of 12 below; drug B alone: 4 of 17 at 1120 mg."""
    sources: dict[str, list[tuple[float, int, int]]] = {"trial_A": [], "trial_B": []}
    with (DATA / "dose-escalation" / "oncobayes2_hist_combo2.csv").open() as file:
        for row in csv.DictReader(file):
            dose = float(row["drug_A"]) or float(row["drug_B"])
            sources[row["group_id"]].append((dose, int(row["num_patients"]), int(row["num_toxicities"])))
    found = {}
    for (name, rows), reference in zip(sources.items(), (6.0, 1500.0), strict=True):
        source = Source(*(tuple(column) for column in zip(*rows, strict=True)), name=name)
        found[name] = moments(codata_prior([source], reference, 0.9))
    (mean_a, sd_a, r_a), (mean_b, sd_b, r_b) = found.values()
    weak = BlrmPair(9, 3, 0.25, (3.0, 4.5, 6.0), (400.0, 600.0, 800.0), (6.0, 1500.0))
    informed = replace(
        weak, prior_mean=(*mean_a, *mean_b, 0.0), prior_sd=(*sd_a, *sd_b, 1.121), correlations=(r_a, r_b)
    )
    nobody = from_counts(np.zeros((1, 9), dtype=np.int64), np.zeros((1, 9), dtype=np.int64), np.array([0]))
    before, after = weak.exceeds(nobody, 0.33)[0], informed.exceeds(nobody, 0.33)[0]
    assert (after < before).all()
    assert after[0] < 0.10
    assert informed.decide(parse_outcomes("1NNN")).level in (2, 4)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Source((1.0,), (3, 3), (0,)), "one of each"),
        (lambda: Source((1.0,), (3,), (4,)), "4 DLTs in 3"),
        (lambda: Source((0.0,), (3,), (0,)), "cannot be"),
        (lambda: Source((1.0,), (3,), (0,), 1.5), r"\[0, 1\]"),
        (lambda: Between(sd=(1.0, 0.0)), "above 0"),
        (lambda: Between(mean=(1.0,)), "two numbers"),  # type: ignore[arg-type]
        (lambda: Blrm(2, codata=({"doses": [1]},)), "tables with"),
        (lambda: Blrm(2, codata=({"doses": [1], "patients": [3], "dlt": [0], "arm": 1},)), "tables with"),
        (lambda: Blrm(2, codata=(FIRST,), exchangeable=2.0), r"\[0, 1\]"),
        (lambda: Blrm(2, codata=(FIRST,), correlation=0.5), "no mixture"),
        (lambda: Blrm(2, mixture=((1.0, 0.0, 0.0),)), "six numbers"),
        (lambda: BlrmPair(4, correlations=(0.0, 1.0)), "correlations"),
        (lambda: codata_prior([FIRST], 6.0, -0.1), r"\[0, 1\]"),
    ],
)
def test_wrong_codata_are_named(make, says):
    with pytest.raises(DesignError, match=says):
        make()
