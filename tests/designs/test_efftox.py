"""EffTox: its posterior against other calculations, its contour, its prior, and its moves."""

import numpy as np
import pytest
from hypothesis import given, settings

from efficacy_counts import cohorts, text
from opsonin.conduct import prior_sensitivity
from opsonin.designs import (
    Boin12,
    Coherent,
    EffTox,
    MaxPatients,
    design,
    efftox_posterior,
    efftox_prior,
    evidence,
    parse_outcomes,
)
from opsonin.designs.beta_tails import above, below
from opsonin.designs.efftox import USUAL_PRIOR, contour_norm
from opsonin.designs.efftox_posterior import Curves, EffToxPosterior, Prior
from opsonin.designs.efftox_prior import prior_patients
from opsonin.designs.evidence import Evidence
from opsonin.errors import DesignError

PROSTATE = EffTox(5, doses=(1.0, 2.0, 4.0, 6.6, 10.0))


def test_the_contour_goes_through_its_three_points():
    assert contour_norm(0.5, 0.65, 0.7, 0.25) == pytest.approx(0.977, abs=5e-4)  # as trialr has it
    for points in ((0.5, 0.65, 0.7, 0.25), (0.2, 0.5, 0.4, 0.4), (0.3, 0.9, 0.9, 0.3)):
        rule = EffTox(1, contour=points)
        without, with_all, response, toxicity = points
        pairs = np.array([[without, 0.0], [1.0, with_all], [response, toxicity], [1.0, 0.0]])
        toxic, good = pairs[:, 1:], pairs[:, :1]
        found = rule.desirability(Curves(toxic, good, np.ones((4, 1)), np.ones((4, 1))))
        assert found[:, 0] == pytest.approx([0.0, 0.0, 0.0, 1.0], abs=1e-8)


@pytest.mark.parametrize(
    ("outcomes", "wanted"),
    [
        (
            "1NNN 2ENN",
            {
                "efficacy": (0.05, 0.26, 0.72, 0.86, 0.91),
                "toxicity": (0.01, 0.01, 0.02, 0.06, 0.12),
                "desirability": (-0.91, -0.47, 0.42, 0.64, 0.64),
                "effective": (0.01, 0.13, 0.80, 0.91, 0.94),
                "tolerable": (1.00, 1.00, 0.98, 0.93, 0.86),
            },
        ),
        (
            "1NNN 2ENN 3ETB",
            {
                "efficacy": (0.06, 0.24, 0.71, 0.89, 0.94),
                "toxicity": (0.02, 0.06, 0.41, 0.77, 0.87),
                "desirability": (-0.92, -0.63, -0.24, -0.41, -0.47),
                "effective": (0.01, 0.07, 0.85, 0.97, 0.98),
                "tolerable": (1.00, 0.98, 0.36, 0.08, 0.05),
            },
        ),
    ],
)
def test_the_posterior_is_that_of_the_authors_program(outcomes, wanted):
    """Numbers that the MD Anderson program prints for the trial of Thall et al. (2014), by github.com/brockk/trialr;
    it works them out approximately and prints two digits."""
    found = PROSTATE.decide(parse_outcomes(outcomes)).numbers
    for name, numbers in wanted.items():
        assert found[name] == pytest.approx(numbers, abs=0.0151)


def test_the_posterior_is_that_of_weighted_draws_from_the_prior():
    """Against a calculation of another kind: draws from the prior, weighted by the likelihood of each patient."""
    rng = np.random.default_rng(5)
    prior = Prior((-1.5, 1.2), (1.0, 0.8), (-0.3, 1.0), (0.8, 0.7), (-0.1, 0.2), (0.6, 1.0))
    doses = np.array([1.0, 2.0, 4.0])
    x = np.log(doses) - np.log(doses).mean()
    draws = np.array([m for m, _ in prior]) + np.array([s for _, s in prior]) * rng.standard_normal((400_000, 6))
    t = 1 / (1 + np.exp(-(draws[:, :1] + draws[:, 1:2] * x)))
    e = 1 / (1 + np.exp(-(draws[:, 2:3] + draws[:, 3:4] * x + draws[:, 4:5] * x**2)))
    seen = parse_outcomes("1NNB 2ENB 3TBB 2BEN")
    weight = np.ones(len(draws))
    for level, toxic, good in zip(seen.level - 1, seen.dlt, seen.efficacy, strict=True):
        p, q = t[:, level], e[:, level]
        sign = 1 if toxic == good else -1
        weight *= (p if toxic else 1 - p) * (q if good else 1 - q) + sign * p * (1 - p) * q * (1 - q) * np.tanh(
            draws[:, 5] / 2
        )
    weight /= weight.sum()
    found = EffToxPosterior(x, prior, 0.35, 0.4).curves(evidence(seen, 3))
    for table, values in zip(found, (t, e, t < 0.35, e > 0.4), strict=True):
        mean = weight @ values
        error = np.sqrt(weight**2 @ (values - mean) ** 2)
        assert (np.abs(table[0] - mean) < 4 * error + 2e-3).all()


def test_the_quadrature_is_as_close_as_it_says(monkeypatch):
    """Against finer grids and more points, after trials whose outcomes go together or exclude each other as far as they
    can."""
    rng = np.random.default_rng(2)
    patients = 3 * rng.multinomial(13, [0.1, 0.2, 0.3, 0.25, 0.15], size=24)
    dlt = rng.binomial(patients, [0.05, 0.1, 0.2, 0.3, 0.45])
    efficacy = rng.binomial(patients, [0.2, 0.4, 0.5, 0.6, 0.7])
    most, least = np.minimum(dlt, efficacy), np.maximum(0, dlt + efficacy - patients)
    both = np.where(np.arange(24)[:, None] % 2, most, least)
    seen = Evidence(patients, dlt, np.ones(24, dtype=int), efficacy=efficacy, both=both)
    found = PROSTATE.curves(seen)
    for name, value in (("REPRESENTATIVES", 128), ("STEP", 0.25), ("SLOPE_STEP", 0.35), ("TOGETHER", 4)):
        monkeypatch.setattr(efftox_posterior, name, value)
    fine = EffTox(5, doses=PROSTATE.doses).curves(seen)
    for one, other, close in zip(found, fine, (0.006, 0.006, 0.012, 0.012), strict=True):
        assert np.abs(one - other).max() < close
        assert np.abs(one - other).mean() < close / 6


def test_more_patients_do_not_blur_the_posterior():
    """Finer grids for more patients: with 160 the mean rate is that of the data, and its chances those of a normal."""
    flat = Prior((0.0, 4.0), (0.5, 3.0), (0.0, 4.0), (0.5, 3.0), (0.0, 0.2), (0.0, 0.0))
    patients = np.array([[80, 80]])
    seen = Evidence(
        patients, np.array([[8, 24]]), np.array([2]), efficacy=np.array([[24, 40]]), both=np.array([[2, 10]])
    )
    x = np.array([-0.5, 0.5]) * np.log(2)
    found = EffToxPosterior(x, flat, 0.3, 0.3).curves(seen)
    assert found.toxicity[0] == pytest.approx([0.1, 0.3], abs=0.01)
    assert found.efficacy[0] == pytest.approx([0.3, 0.5], abs=0.01)
    assert found.tolerable[0] == pytest.approx(below(seen.dlt, patients, 0.3, 0.02)[0], abs=0.02)
    assert found.effective[0] == pytest.approx(above(seen.efficacy, patients, 0.3, 0.02)[0], abs=0.02)


def test_efftox_explores_one_level_up_if_it_is_tolerable():
    made = PROSTATE.decide(parse_outcomes("1NNN"))
    assert made.level == 2
    assert PROSTATE.decide(parse_outcomes("1NNE 2EEB")).level == 3  # as in trialr's vignette
    nothing = PROSTATE.decide(parse_outcomes("1NNN 2NNN 3NNN 4NNN 5NNN"))
    assert nothing.action == "stop"
    # its prior lets DLT rates fall with dose; coherence forbids what follows from that
    assert PROSTATE.decide(parse_outcomes("1TTT")).level == 2
    assert Coherent(PROSTATE, down=False).decide(parse_outcomes("1TTT")).level == 1


def test_coherence_in_a_study_lets_efficacy_designs_go_down_for_response():
    seen = parse_outcomes("1NNN 2EEE 3NNN")
    study = design({"name": "boin12", "coherent": True, "patients": 30}, 3)
    assert study.decide(seen).level == 2
    assert Coherent(Boin12(3)).decide(seen).level == 3


@settings(max_examples=25, deadline=None)
@given(given=cohorts)
def test_efftox_never_jumps_over_an_untried_dose(given):
    rule, seen = EffTox(4), parse_outcomes(text(given))
    made = rule.decide(seen)
    if made.level is not None:
        assert seen.level.min() - 1 <= made.level <= seen.level.max() + 1


def test_efftox_is_asked_under_other_priors():
    others = PROSTATE.other_priors()
    assert len(others) == 6
    seen = parse_outcomes("1NNN 2ENN 3ETB")
    doubt = others["twice the prior odds of a DLT"].decide(seen).numbers["toxicity"]
    hope = others["half the prior odds of a DLT"].decide(seen).numbers["toxicity"]
    assert all(a > b for a, b in zip(doubt, hope, strict=True))
    told = prior_sensitivity(MaxPatients(PROSTATE, 39), seen)
    assert told["prior"].tolist() == ["as planned", *others]


def test_the_published_prior_follows_from_what_was_expected():
    found = efftox_prior((1, 2, 4, 6.6, 10), (0.02, 0.04, 0.06, 0.08, 0.10), (0.2, 0.4, 0.6, 0.8, 0.9), 0.9)
    for one, other in zip(found, USUAL_PRIOR, strict=True):
        assert one == pytest.approx(other, abs=0.14)  # theirs was found by simulation
    x = np.log([1, 2, 4, 6.6, 10])
    x -= x.mean()
    for prior in (found, USUAL_PRIOR):
        (a, s), (b, r) = prior.tox_0, prior.tox_1
        assert prior_patients(a + b * x, np.sqrt(s**2 + r**2 * x**2)) == pytest.approx(0.9, abs=0.01)


def test_a_prior_has_the_rates_that_were_expected():
    wanted = (0.05, 0.10, 0.20, 0.35)
    prior = efftox_prior((1, 2, 4, 8), wanted, (0.2, 0.3, 0.45, 0.55), 0.7)
    nobody = Evidence(*(np.zeros((1, 4), dtype=int),) * 2, np.array([0]), efficacy=np.zeros((1, 4), dtype=int),
                      both=np.zeros((1, 4), dtype=int))  # fmt: skip
    curves = EffTox(4, doses=(1, 2, 4, 8), prior=prior).curves(nobody)
    assert curves.toxicity[0] == pytest.approx(wanted, abs=0.06)
    assert curves.efficacy[0] == pytest.approx((0.2, 0.3, 0.45, 0.55), abs=0.06)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: EffTox(3, doses=(1, 2)), "2 doses were given, but the design has 3 levels"),
        (lambda: EffTox(3, doses=(1, 3, 2)), "rise from level to level"),
        (lambda: EffTox(3, contour=(0.5, 0.65, 0.4, 0.25)), "needs more response than 0.5"),
        (lambda: EffTox(3, contour=(0.5, 1.2, 0.7, 0.25)), "between 0 and 1"),
        (lambda: EffTox(3, prior=((0, 1),)), "mean and a standard deviation of each"),
        (lambda: EffTox(3, prior=((0, 1), (0, -1), (0, 1), (0, 1), (0, 1), (0, 1))), "above 0"),
        (lambda: efftox_prior((1, 2), (0.1, 0.2, 0.3), (0.1, 0.2)), "one rate between 0 and 1 for each of 2 doses"),
        (lambda: efftox_prior((2, 1), (0.1, 0.2), (0.1, 0.2)), "rise from level to level"),
        (lambda: efftox_prior((1, 2), (0.1, 0.2), (0.1, 0.2), -1.0), "above 0"),
        (lambda: EffTox(2).decide_many(Evidence(np.array([[3, 0]]), np.array([[0, 0]]), np.array([1]))), "1NTEB"),
    ],
)
def test_bad_input_is_named(make, words):
    with pytest.raises(DesignError, match=words):
        make()
