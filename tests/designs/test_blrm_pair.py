"""Two drugs with interaction: against brute force, against one drug alone, on real combination data, and the laws."""

import csv

import numpy as np
import pytest

from opsonin.designs import Blrm, BlrmPair, MaxPatients, Scenario, design, from_counts, parse_outcomes, simulate
from opsonin.designs.normal_posterior import posteriors
from opsonin.errors import DesignError
from paths import DATA, needs_data

TREATED = np.array([[3, 3, 0, 3, 6, 0, 3, 0, 0], [6, 6, 3, 6, 6, 3, 3, 3, 3], [0] * 9])
TOXIC = np.array([[0, 0, 0, 0, 2, 0, 2, 0, 0], [0, 1, 1, 1, 2, 1, 2, 2, 3], [0] * 9])


def test_the_posterior_equals_brute_force():
    """Ten times as many weighted draws from the prior as the quadrature has points."""
    made = BlrmPair(9, 3)
    mean, sd = np.array(made.prior_mean), np.array(made.prior_sd)
    (points,) = posteriors(made.logits, mean, np.diag(sd**2), TREATED, TOXIC)
    logit = made.logits(mean + sd * np.random.default_rng(1).standard_normal((200_000, 5)))
    log_rate, log_other = -np.logaddexp(0, -logit), -np.logaddexp(0, logit)
    rates, under = points.rates(), points.below((0.16, 0.33))
    for trial in range(3):
        weight = np.exp(log_rate @ TOXIC[trial] + log_other @ (TREATED - TOXIC)[trial])
        weight /= weight.sum()
        error = 0.5 * np.sqrt((weight**2).sum())  # of the draws, at most
        rate = np.exp(log_rate)
        assert np.abs(weight @ rate - rates[trial]).max() < 0.005 + 4 * error
        for cut, found in zip((0.16, 0.33), under[trial].T, strict=True):
            assert np.abs(weight @ (rate < cut) - found).max() < 0.015 + 4 * error


def test_a_drug_without_effect_leaves_the_other_alone():
    """The second drug harmless and no interaction: the rows are those of the BLRM for one drug, which is exact."""
    pair = BlrmPair(
        6, 2, row_doses=(1.0, 2.0, 4.0), prior_mean=(-0.85, 0.0, -30.0, 0.0, 0.0), prior_sd=(2.0, 1.0, 0.1, 0.1, 1e-3)
    )
    alone = Blrm(3, doses=(1.0, 2.0, 4.0), prior_mean=(-0.85, 0.0))
    patients, dlt = np.array([[3, 6, 3]]), np.array([[0, 1, 2]])
    spread = [np.stack([counts, 0 * counts], axis=2).reshape(1, 6) for counts in (patients, dlt)]
    one, two = from_counts(patients, dlt, np.array([3])), from_counts(*spread, np.array([5]))
    np.testing.assert_allclose(pair.below(two, (0.16, 0.33))[0, ::2], alone.below(one, (0.16, 0.33))[0], atol=0.012)
    np.testing.assert_allclose(pair.estimates(two)[0, ::2], alone.curve(one).mean[0], atol=0.004)


def test_interaction_raises_and_lowers_the_odds():
    made = BlrmPair(4, 2)
    at = np.array([[-1.0, 0.0, -1.0, 0.0, eta] for eta in (-1.0, 0.0, 1.0)])
    rates = 1 / (1 + np.exp(-made.logits(at)))
    alone = [1 / (1 + np.exp(1.0 - np.log(dose))) for dose in (1.0, 2.0)]  # e⁰ = 1 the slope, 1 the reference
    free = [1 - (1 - a) * (1 - b) for a in alone for b in alone]
    np.testing.assert_allclose(rates[1], free, rtol=1e-12)
    assert (rates[0] < rates[1]).all()
    assert (rates[1] < rates[2]).all()


def test_the_next_cell_has_one_level_of_one_drug_more_at_most():
    made = BlrmPair(9, 3)
    reach = made.within_reach(np.array([0, 5]))
    assert reach[0].tolist() == [True] + [False] * 8
    assert (np.flatnonzero(reach[1]) + 1).tolist() == [1, 2, 3, 4, 5, 6, 7, 8]
    assert (np.flatnonzero(made.within_reach(np.array([1]))[0]) + 1).tolist() == [1, 2, 4]


def test_decisions_say_why():
    made = BlrmPair(6, 3)
    assert made.decide(parse_outcomes("")).level == 1
    next_ = made.decide(parse_outcomes("1NNN"))
    assert next_.level in (1, 2, 4)
    assert f"{(next_.level - 1) // 3 + 1}x{(next_.level - 1) % 3 + 1}" in next_.reason
    toxic = made.decide(parse_outcomes("1TTT"))
    assert toxic.action == "stop"
    assert "every cell within reach" in toxic.reason


def test_trials_do_not_depend_on_each_other():
    made = BlrmPair(9, 3)
    seen = from_counts(TREATED, TOXIC, np.array([5, 5, 0]))
    together = made.decide_many(seen)
    for trial in range(3):
        alone = made.decide_many(seen.take(np.array([trial])))
        assert (alone.level[0], alone.mtd[0]) == (together.level[trial], together.mtd[trial])


def test_simulated_trials_stay_within_the_grid():
    protocol = design({"name": "blrm-pair", "columns": 2, "patients": 15}, 4)
    assert isinstance(protocol, MaxPatients)
    found = simulate(protocol, Scenario([0.02, 0.10, 0.10, 0.25]), 30, seed=1)
    assert found.patients.sum(axis=1).max() == 15
    toxic = simulate(protocol, Scenario([0.6, 0.7, 0.7, 0.8]), 30, seed=1)
    assert (toxic.mtd == 0).mean() > 0.8


@needs_data
def test_real_combination_trial():
    """Trial AB: 6 + 400 mg had 4 DLTs in 13 patients, 3 + 800 mg 3 in 9; 6 + 800 mg was never given."""
    first, second = (3.0, 4.5, 6.0), (400.0, 600.0, 800.0)
    patients, dlt = np.zeros((1, 9), dtype=np.int64), np.zeros((1, 9), dtype=np.int64)
    with (DATA / "dose-escalation" / "oncobayes2_codata_combo2.csv").open() as file:
        for row in csv.DictReader(file):
            if row["group_id"] == "trial_AB":
                cell = 3 * first.index(float(row["drug_A"])) + second.index(float(row["drug_B"]))
                patients[0, cell] += int(row["num_patients"])
                dlt[0, cell] += int(row["num_toxicities"])
    assert patients.sum() == 38
    made = BlrmPair(9, 3, 0.25, first, second, (6.0, 1500.0))
    seen = from_counts(patients, dlt, np.array([7]))
    over = made.exceeds(seen, 0.33)[0]
    assert (np.diff(over.reshape(3, 3), axis=0) > -0.02).all()
    assert (np.diff(over.reshape(3, 3), axis=1) > -0.02).all()
    assert over[8] > 0.25  # both drugs high: not admissible
    assert over[0] < 0.10
    assert made.decide_many(seen).level[0] in (1, 2, 4, 5, 7)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"columns": 4}, "whole rows|rows of"),
        ({"row_doses": (1.0, 2.0)}, "2 doses were given"),
        ({"references": (1.0,)}, "references"),
        ({"prior_sd": (1.0,) * 4}, "five numbers"),
        ({"overdose": 0.0}, "greatest probability"),
        ({"choose": "any"}, "unknown"),
        ({"too_low": 0.3}, "lies between"),
    ],
)
def test_wrong_options_are_named(options, says):
    with pytest.raises(DesignError, match=says):
        BlrmPair(9, **({"columns": 3} | options))
