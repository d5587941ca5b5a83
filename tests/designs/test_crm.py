"""The CRM family: coherence, order, what maximum likelihood needs, late toxicity, and named errors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsonin.designs import (
    Accrual,
    Boin12,
    Coherent,
    Crm,
    MaxPatients,
    OneStepUp,
    Scenario,
    TiteCrm,
    design,
    parse_outcomes,
    partial_order_crm,
    simulate,
    skeleton,
)
from opsonin.errors import DesignError


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["empiric", "logistic"]), st.lists(st.tuples(st.integers(1, 4), st.booleans()), max_size=12))
def test_a_dlt_never_raises_the_dose_nor_its_absence_lowers_it(model, patients):
    """Cheung 2005, theorem: the one-parameter CRM, one patient at a time, is coherent."""
    rule = Crm(4, 0.25, model=model)
    text = " ".join(f"{level}{'T' if dlt else 'N'}" for level, dlt in patients)
    seen = parse_outcomes(text)
    before = rule.recommended(rule.evidence(seen))[0]
    for level in range(1, 5):
        toxic = rule.recommended(rule.evidence(parse_outcomes(f"{text} {level}T")))[0]
        fine = rule.recommended(rule.evidence(parse_outcomes(f"{text} {level}N")))[0]
        assert toxic <= before <= fine


@settings(max_examples=40, deadline=None)
@given(st.permutations(["1NN", "2NT", "3NTN", "2N"]))
def test_the_order_of_patients_does_not_matter_to_the_curve(cohorts):
    rule = Crm(4, 0.25)
    found = rule.estimate(rule.evidence(parse_outcomes(" ".join(cohorts))))
    usual = rule.estimate(rule.evidence(parse_outcomes("1NN 2NT 3NTN 2N")))
    np.testing.assert_allclose(found.rates, usual.rates, rtol=1e-12)


def test_the_quadrature_is_exact_for_many_patients_too():
    """Against a rule with ten times the nodes over a narrow range, 400 patients."""
    from opsonin.designs.evidence import from_counts

    rule = Crm(5, 0.25)
    seen = from_counts(np.array([[40, 60, 200, 80, 20]]), np.array([[2, 8, 50, 28, 10]]), np.array([3]))
    found = rule.estimate(seen)
    beta = np.linspace(found.beta[0] - 1.0, found.beta[0] + 1.0, 20_001)
    rates = rule.rates(beta)
    log = (seen.dlt * np.log(rates) + (seen.patients - seen.dlt) * np.log1p(-rates)).sum(axis=1)
    weight = np.exp(log - 0.5 * (beta / rule.scale) ** 2 - log.max())
    assert found.beta[0] == pytest.approx((weight * beta).sum() / weight.sum(), rel=1e-7)


def test_likelihood_waits_for_both_outcomes():
    rule = Crm(4, 0.25, method="mle")
    assert rule.decide(parse_outcomes("1NNN")).level == 2
    assert "no estimate" in rule.decide(parse_outcomes("2NNN")).reason
    assert rule.decide(parse_outcomes("2TTT")).level == 1
    fitted = rule.decide(parse_outcomes("1NNN 2NNT"))
    assert "nearest to the target" in fitted.reason


def test_rules_hold_the_curve_back_and_say_so():
    rule = Crm(5, 0.25, cohort=3)
    jump = rule.decide(parse_outcomes("1NNN 1NNN 1NNN"))
    assert jump.level is not None
    assert jump.level > 2
    held = OneStepUp(rule).decide(parse_outcomes("1NNN 1NNN 1NNN"))
    assert held.level == 2
    assert "one level up at a time" in held.reason
    assert rule.decide(parse_outcomes("1NNN 2NNN 3NNN 3NNT")).level == 4
    coherent = Coherent(rule).decide(parse_outcomes("1NNN 2NNN 3NNN 3NNT"))
    assert coherent.level == 3
    assert "too many DLTs" in coherent.reason


def test_a_toxic_lowest_level_ends_the_trial():
    assert Crm(3, 0.25).decide(parse_outcomes("1TTT")).action == "stop"
    assert TiteCrm(3, 0.25).decide(parse_outcomes("1TT 1T")).action == "stop"
    assert Crm(3, 0.25).decide(parse_outcomes("1TT")).level == 1  # two patients are too few to be sure
    assert Crm(3, 0.25, confidence=1.0).decide(parse_outcomes("1TTT")).level == 1
    simulated = [
        simulate(MaxPatients(Crm(3, 0.25, cohort=3, confidence=part), 18), Scenario([0.6, 0.7, 0.8]), 300)
        for part in (0.95, 1.0)
    ]
    assert simulated[0].none > 0.9
    assert simulated[1].none == 0


def two_parameters_by_brute_force(rule, patients, dlt):
    """Posterior mean rates by summing over a fine grid of the whole prior."""
    alpha = np.linspace(rule.offset - 9 * rule.intercept_sd, rule.offset + 9 * rule.intercept_sd, 1501)[:, None, None]
    beta = np.linspace(-9 * rule.scale, 6 * rule.scale, 1401)[None, :, None]
    logit = alpha + np.exp(beta) * rule.labels
    log = (dlt * logit - patients * np.logaddexp(0, logit)).sum(axis=2)
    log -= 0.5 * ((alpha - rule.offset) / rule.intercept_sd)[:, :, 0] ** 2 + 0.5 * (beta / rule.scale)[:, :, 0] ** 2
    weight = np.exp(log - log.max())
    return (weight[:, :, None] / (1 + np.exp(-logit))).sum(axis=(0, 1)) / weight.sum()


@pytest.mark.parametrize("text", ["1NNN", "1NNN 2NNT 3NTT", "1TTT 1NTT", "4NNN 4NNN 3NNT"])
@pytest.mark.parametrize("options", [{}, {"intercept": 3.0, "intercept_sd": 1.0, "scale": 0.7}])
def test_two_parameters_against_a_sum_over_the_whole_prior(text, options):
    rule = Crm(4, 0.25, model="logistic-2", **options)
    seen = rule.evidence(parse_outcomes(text))
    found = rule.estimate(seen)
    np.testing.assert_allclose(found.rates[0], two_parameters_by_brute_force(rule, seen.patients, seen.dlt), atol=1e-6)


def test_two_parameters_learn_slope_and_height():
    one, two = (Crm(5, 0.25, model=model) for model in ("logistic", "logistic-2"))
    seen = parse_outcomes("1NNNNNN 2NNNNNN 3TTTTTT")
    # a steep curve: with one parameter level 3's DLTs speak against level 2, where there were none
    assert [rule.decide(seen).level for rule in (one, two)] == [1, 2]
    rates = [rule.estimate(rule.evidence(seen)).rates[0] for rule in (one, two)]
    assert rates[1][2] - rates[1][1] > rates[0][2] - rates[0][1]
    found = simulate(MaxPatients(Crm(4, 0.25, model="logistic-2", cohort=3), 24), Scenario([0.05, 0.1, 0.25, 0.5]), 200)
    assert found.select.argmax() == 2
    assert "posterior mean rates" in two.describe()


def test_followed_patients_count_as_far_as_they_were_followed():
    rule = TiteCrm(4, 0.25, window_days=60.0)
    whole, half = rule.evidence(parse_outcomes("1NNN 2NN")), rule.evidence(parse_outcomes("1NNN 2NN@30d"))
    new = rule.evidence(parse_outcomes("1NNN 2NN@0d"))
    rates = [rule.estimate(seen).rates[0, 1] for seen in (new, half, whole)]
    assert rates[0] > rates[1] > rates[2]
    np.testing.assert_allclose(rule.estimate(whole).rates, Crm(4, 0.25).estimate(whole).rates)


def test_late_toxicity_trials_are_shorter():
    truth = Scenario([0.05, 0.12, 0.25, 0.40], window_days=84.0)
    late = simulate(MaxPatients(TiteCrm(4, 0.25, window_days=84.0), 21), truth, 60, accrual=Accrual(10.0))
    waits = simulate(MaxPatients(Crm(4, 0.25, cohort=3), 21), truth, 60, accrual=Accrual(10.0))
    assert late.days.mean() < 0.6 * waits.days.mean()


def test_a_skeleton_rises_and_has_the_target_at_the_guess():
    made = skeleton(6, 0.25, 3, 0.06, "logistic")
    assert (np.diff(made) > 0).all()
    assert made[2] == pytest.approx(0.25)


def test_response_and_toxicity_are_weighed():
    rule = Boin12(4)
    assert rule.decide(parse_outcomes("1NNN")).level == 2
    assert rule.decide(parse_outcomes("1NNN 2TTT")).level == 1
    stays = rule.decide(parse_outcomes("1NNN 2EEE 3NNN 2EEE"))
    assert stays.level == 2
    assert "most desirable" in stays.reason
    tried = rule.decide(parse_outcomes("1EEE 1EEN 1EEE"))
    assert tried.level == 2
    assert "untried" in tried.reason
    assert rule.decide(parse_outcomes("1TTT 1TTT")).action == "stop"


def test_the_optimal_dose_is_found_where_response_levels_off():
    truth = Scenario([0.03, 0.06, 0.12, 0.30], efficacy=[0.15, 0.50, 0.52, 0.53])
    found = simulate(MaxPatients(Boin12(4), 36), truth, 300)
    assert found.select.argmax() in (1, 2)
    assert found.select[3] < 0.15


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: Crm(3, 0.25, (0.1, 0.3)), "2 rates, but the design 3"),
        (lambda: Crm(3, 0.25, (0.1, 0.3, 0.2)), "level 3 .* is not above level 2"),
        (lambda: Crm(3, 0.25, (0.1, 0.3, 1.2)), "between 0 and 1"),
        (lambda: Crm(3, 0.25, model="probit"), "'probit' is unknown"),
        (lambda: Crm(3, 0.25, model="logistic-2", method="mle"), "by Bayes only"),
        (lambda: Crm(3, 0.25, intercept_sd=0.0), "intercept_sd 0"),
        (lambda: TiteCrm(3, 0.25, model="logistic-2"), "has one parameter"),
        (lambda: TiteCrm(3, 0.25, scheme="quadratic"), "'quadratic' are unknown"),
        (lambda: skeleton(5, 0.25, 7), "level 7"),
        (lambda: skeleton(5, 0.05, 2, 0.06), "leaves the interval"),
        (lambda: design({"name": "crm", "prior": [0.1, 0.05, 0.3]}, 3), "level 2 .* is not above"),
        (lambda: Boin12(3, good=140.0), "between 0 and 100"),
        (
            lambda: partial_order_crm(
                np.array([[1, 1]]), np.array([0.1, 0.2]), np.array([1, 1]), np.array([0, 1]), 0.2
            ),
            "every combination once",
        ),
        (
            lambda: partial_order_crm(
                np.array([[1, 2]]), np.array([0.1, 0.2]), np.array([3, 1]), np.array([0, 0]), 0.2
            ),
            "first stage",
        ),
    ],
)
def test_bad_input_is_named(ask, words):
    with pytest.raises(DesignError, match=words):
        ask()


@pytest.mark.parametrize("scale", [1.0, 5.0, 30.0])
def test_a_wide_prior_is_integrated_as_well_as_a_narrow_one(scale):
    rule = Crm(5, 0.25, prior=(0.05, 0.12, 0.25, 0.40, 0.55), scale=scale)
    seen = parse_outcomes("1NNN 2NNT 3NNNNTT 4NNNNNNTTTTTT 5TTT")
    beta = np.linspace(-8 * scale, 8 * scale, 200_001)
    log_rate = np.exp(beta)[:, None] * np.log(rule.skeleton)
    patients, dlt = seen.counts(5)
    log_other = np.log1p(-np.clip(np.exp(log_rate), 0, 1 - 1e-16))
    weight = log_rate @ dlt + log_other @ (patients - dlt) - 0.5 * (beta / scale) ** 2
    weight = np.exp(weight - weight.max())
    assert rule.estimate(rule.evidence(seen)).beta[0] == pytest.approx(weight @ beta / weight.sum(), abs=1e-9)


def test_a_prior_beyond_all_reason_is_refused():
    with pytest.raises(DesignError, match="50 at most"):
        Crm(4, scale=1e9)
