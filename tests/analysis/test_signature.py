"""Signatures: right coefficients, honest performance, and words for what cannot be made."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsonin.analysis import cox, leave_one_cohort_out, loris, nested_cross_validation, signature, signature_optimism
from opsonin.analysis.penalised_cox import PartialLoss, penalised_cox
from opsonin.analysis.signatures import fold_of
from opsonin.analysis.survival.likelihood import logrank_scores
from opsonin.errors import AnalysisError


def cohort(n=200, k=6, seed=1, effect=(0.8, -0.6)):
    """Survival and response that follow the first two of k correlated markers."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, k)) + 0.5 * rng.normal(size=(n, 1))
    linear = x[:, : len(effect)] @ np.array(effect)
    time = rng.exponential(np.exp(-linear))
    limit = rng.uniform(0.5, 3.0, n)
    response = rng.random(n) < 1 / (1 + np.exp(1 - linear))
    return pd.DataFrame(x, columns=[f"m{i}" for i in range(k)]), np.minimum(time, limit), time <= limit, response


def noise(n, k, seed):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, k)), rng.random(n) < 0.4


def test_without_a_penalty_worth_the_name_the_score_is_coxs():
    x, time, event, _ = cohort()
    found = signature(x, time=time, event=event, penalty=1e-9)
    plain = cox(time, event, x, ties="breslow")
    assert np.allclose(found.coefficient, plain.coefficient, rtol=1e-4, atol=1e-5)
    assert found.kept == list(x.columns)


def test_the_penalised_optimum_meets_its_conditions():
    """At a lasso optimum the slope is the penalty where a marker is kept, and no more where it is not."""
    x, time, event, _ = cohort()
    z = ((x - x.mean()) / x.std(ddof=0)).to_numpy()
    loss = PartialLoss(time, event, np.zeros(len(time), dtype=np.int64))
    for mixture in (1.0, 0.5, 0.0):
        for penalty in (0.02, 0.1):
            beta = penalised_cox(loss, z, np.array([0.3, penalty]), mixture)[-1]
            slope = z.T @ loss(z @ beta)[1] + penalty * (1 - mixture) * beta
            kept = beta != 0
            assert np.allclose(slope[kept], -penalty * mixture * np.sign(beta[kept]), atol=2e-6)
            assert (np.abs(slope[~kept]) <= penalty * mixture + 2e-6).all()
    assert (penalised_cox(loss, z, np.array([0.1]), 1.0)[0] == 0).any()


def test_the_slope_at_zero_is_the_log_rank_score():
    _, time, event, _ = cohort(60)
    time = np.round(time, 1)
    strata = np.arange(60) % 3
    _, slope = PartialLoss(time, event, strata)(np.zeros(60))
    assert np.allclose(-60 * slope, logrank_scores(time, event, strata, "breslow"), atol=1e-12)


def test_a_ridge_is_that_of_lifelines():
    lifelines = pytest.importorskip("lifelines")
    x, time, event, _ = cohort(150)
    z = (x - x.mean()) / x.std(ddof=0)
    peer = lifelines.CoxPHFitter(penalizer=0.1).fit(z.assign(t=time, d=event), "t", "d")
    own = signature(z, time=time, event=event, penalty=0.1)
    assert np.allclose(own.coefficient, peer.params_.to_numpy(), rtol=2e-3, atol=1e-4)


@settings(max_examples=6)
@given(st.sampled_from(["ridge", "lasso", "elastic-net"]), st.integers(0, 50), st.booleans())
def test_units_and_the_order_of_patients_do_not_matter(method, seed, lives):
    x, time, event, response = cohort(80, 3, seed)
    outcome = {"time": time, "event": event} if lives else {"response": response}
    units = np.array([10.0, 0.1, 1.0])
    one = signature(x, **outcome, method=method, penalty=0.05)
    order = np.random.default_rng(seed).permutation(80)
    turned = {key: value[order] for key, value in outcome.items()}
    other = signature(x.iloc[order] * units + 3.0, **turned, method=method, penalty=0.05)
    scores = [made.score(data) for made, data in ((one, x), (other, x * units + 3.0))]
    centred = [score - score.mean() for score in scores]  # a score of survival has no zero of its own
    assert np.allclose(*centred, atol=2e-3)


def test_a_lasso_finds_the_two_markers_that_matter():
    x, time, event, response = cohort(400, 12, 3)
    for outcome in ({"time": time, "event": event}, {"response": response}):
        found = signature(x, **outcome, method="lasso", folds=3)
        assert {"m0", "m1"} <= set(found.kept)
        frame = found.to_frame().set_index("covariate")["per_sd"].abs()
        assert frame[["m0", "m1"]].min() > 2 * frame.drop(["m0", "m1"]).max()
        assert found.tuning["deviance"].idxmin() not in (0, len(found.tuning) - 1)


def test_the_same_seed_gives_the_same_signature_and_another_seed_other_folds():
    x, _, _, response = cohort(120)
    one, again = (signature(x, response=response, method="lasso", folds=5) for _ in range(2))
    assert (one.coefficient == again.coefficient).all()
    rows = np.arange(120)
    assert (fold_of(response, rows, 5, 1, "a") != fold_of(response, rows, 5, 2, "a")).any()


def test_folds_hold_events_evenly_and_copies_of_a_patient_together():
    event = np.arange(50) < 10
    rows = np.concatenate([np.arange(50), np.arange(50)])
    code = fold_of(event, rows, 5, 1, "folds")
    assert (code[:50] == code[50:]).all()
    assert set(np.bincount(code[:10], minlength=5)) == {2}


def test_a_probability_is_calibrated_in_the_patients_it_was_made_from():
    x, _, _, response = cohort(300)
    found = signature(x, response=response, penalty=1e-6)
    assert abs(found.probability(x).mean() - response.mean()) < 1e-3
    with pytest.raises(AnalysisError, match="'m3'"):
        found.score(x.drop(columns="m3"))


def test_nested_cross_validation_is_not_fooled_by_noise():
    judged = []
    for seed in range(6):
        x, response = noise(80, 20, seed)
        own = signature(x, response=response, penalty=0.1)
        made = nested_cross_validation(x, response=response, folds=3, inner=2)
        judged.append((own.score(x), response, made.overall["signature"].value))
    inside = [(s[r].mean() - s[~r].mean()) > 0 for s, r, _ in judged]
    assert sum(inside) >= 5  # in its own patients noise looks like something
    assert abs(np.mean([value for *_, value in judged]) - 0.5) < 0.1


def test_nested_cross_validation_keeps_what_is_there():
    x, time, event, response = cohort(200, 6, 2)
    for outcome, measure in (({"response": response}, "area"), ({"time": time, "event": event}, "concordance")):
        found = nested_cross_validation(x, **outcome, folds=3, inner=3, beside={"m5": x["m5"]})
        assert found.overall["signature"].lower > 0.55
        gap, p = found.gain["m5"]
        assert gap.value > 0.05
        assert p < 0.2
        assert 0.5 < found.slope.value < 1.6
        assert measure in found.measure
        assert found.parts["n"].sum() == 200
        names = [f.name for f in found.findings("signature.PFS")]
        assert names.count("signature.PFS.performance") == 2
        assert {"signature.PFS.gain", "signature.PFS.slope"} <= set(names)


def test_no_patient_is_judged_by_a_signature_made_with_them():
    """Turning one cohort's responses round changes the others' scores, and not its own."""
    x, _, _, response = cohort(150)
    place = np.repeat(["a", "b", "c"], 50)
    one = leave_one_cohort_out(x, place, response=response, inner=2)
    turned = np.where(place == "a", ~response, response)
    other = leave_one_cohort_out(x, place, response=turned, inner=2)
    own = place == "a"
    assert (one.linear[own] == other.linear[own]).all()
    assert not np.allclose(one.linear[~own], other.linear[~own])


def test_cohorts_are_pooled_and_a_cohort_without_events_judges_nothing():
    x, time, event, _ = cohort(240, 4, 5)
    place = np.repeat(["a", "b", "c", "d"], 60)
    event = event & (place != "d")
    found = leave_one_cohort_out(x, place, time=time, event=event, inner=2, beside={"m3": x["m3"]})
    frame = found.to_frame().set_index("part")
    assert np.isnan(frame.loc["d", "signature"])
    assert frame["signature"].drop("d").between(0.55, 0.9).all()
    inside = found.overall["signature"]
    assert inside.lower < frame["signature"].drop("d").mean() < inside.upper
    assert found.prediction["signature"].lower < inside.lower


def test_optimism_comes_off():
    x, response = noise(70, 15, 4)
    found = signature_optimism(x, response=response, inner=2, samples=8)
    assert found.apparent[0] > found.corrected[0]


BAD = [
    ({"response": [1, 0] * 20, "time": [1.0] * 40, "event": [1] * 40}, "one outcome"),
    ({}, "give response, or time and event"),
    ({"response": [1] * 40}, "too few for 10 folds"),
    ({"response": [1, 0] * 20, "method": "forest"}, "ridge, elastic-net, lasso"),
    ({"response": [1, 0] * 20, "mixture": 0.3}, "elastic net alone"),
    ({"response": [1, 0] * 20, "penalty": -1.0}, "not a positive number"),
    ({"response": [1, 0] * 20, "strata": [1] * 40}, "strata belong to times"),
    ({"response": ["yes", "no"] * 20}, "row 1"),
    ({"time": [1.0, 2.0] * 20, "event": [0] * 40}, "0 events"),
    ({"time": [1.0, 2.0] * 20, "event": ["dead", "alive"] * 20}, "the events are texts"),
]


@pytest.mark.parametrize(("wrong", "said"), BAD, ids=[said for _, said in BAD])
def test_what_cannot_be_made_is_said(wrong, said):
    x = np.random.default_rng(0).normal(size=(40, 2))
    with pytest.raises(AnalysisError, match=said):
        signature(x, **wrong)


def test_covariates_that_cannot_be_used_are_named():
    x, _, _, response = cohort(60, 3)
    with pytest.raises(AnalysisError, match="'m1' misses 1 value"):
        signature(x.assign(m1=x["m1"].where(x.index != 4)), response=response)
    with pytest.raises(AnalysisError, match="'m2' is the same for everyone"):
        signature(x.assign(m2=1.0), response=response)
    with pytest.raises(AnalysisError, match="'m0' holds what is not a number"):
        signature(x.assign(m0="high"), response=response)
    with pytest.raises(AnalysisError, match="three or more"):
        leave_one_cohort_out(x, np.repeat(["a", "b"], 30), response=response)
    with pytest.raises(AnalysisError, match="'TMB' needs a number for each of 60"):
        nested_cross_validation(x, response=response, beside={"TMB": [1.0] * 3})
    with pytest.raises(AnalysisError, match="relative hazard"):
        signature(x, time=np.arange(1.0, 61.0), event=response, penalty=0.1).probability(x)


def test_separated_patients_still_have_a_signature():
    x = np.linspace(-1, 1, 40)
    found = signature(x, response=x > 0, folds=4)
    assert 0 < found.coefficient[0] < 1e4
    assert found.score(x)[-1] > found.score(x)[0]


def test_loris_is_what_its_authors_wrote():
    """Worked by hand: 0.0371·10 − 0.8775·1 + 0.5382·4 − 0.033·5 + 0.0049·60 − 0.0086 − 2.0886 = −0.3219."""
    assert loris([10], [1], [4], [5], [60], ["Melanoma"])[0] == pytest.approx(1 / (1 + np.exp(0.3219)), abs=1e-12)
    capped = loris([50, 500], [0, 0], [4, 4], [25, 90], [85, 99], ["NSCLC", "NSCLC"])
    assert capped[0] == capped[1]
    assert np.isnan(loris([np.nan], [0], [4], [5], [60], ["NSCLC"])[0])
    with pytest.raises(AnalysisError, match="no term for the cancer type 'CNS'"):
        loris([10], [1], [4], [5], [60], ["CNS"])
    with pytest.raises(AnalysisError, match="albumin of row 1 is negative"):
        loris([10], [1], [-4], [5], [60], ["NSCLC"])


def test_an_older_scikit_learn_that_would_ignore_the_lasso_is_refused(monkeypatch):
    import sklearn

    monkeypatch.setattr(sklearn, "__version__", "1.7.2")
    x, _, _, response = cohort(60, 2)
    with pytest.raises(AnalysisError, match=r"1\.8 or newer .*there is 1\.7\.2"):
        signature(x, response=response, penalty=0.1)


def test_a_lasso_for_response_meets_its_conditions():
    x, _, _, response = cohort(200)
    z = ((x - x.mean()) / x.std(ddof=0)).to_numpy()
    found = signature(z, response=response, method="lasso", penalty=0.05)
    slope = z.T @ (found.probability(z) - response) / 200
    kept = found.coefficient != 0
    assert 0 < kept.sum() < 6
    assert np.allclose(slope[kept], -0.05 * np.sign(found.coefficient[kept]), atol=2e-4)
    assert (np.abs(slope[~kept]) <= 0.05 + 2e-4).all()
