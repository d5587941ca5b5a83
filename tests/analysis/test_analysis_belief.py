"""How far a finding can be believed: the null of the strongest, exaggeration, the prior, and the confirmation."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from made_up_trial import QUESTIONS, one_record
from opsonin.analysis import Finding, analyse, ask, believe, looked_at, prior_needed, probability_real, type_m_and_s
from opsonin.analysis.believability.confirmation import events_for, power_with
from opsonin.analysis.believability.effect import effect_of, survivors_of
from opsonin.analysis.believability.exaggeration import Survivors, exaggeration_table, trials_under
from opsonin.analysis.believability.null import induced, permutation_sd, permutations_within
from opsonin.analysis.believability.prior import evidence_of_data, evidence_of_estimate
from opsonin.analysis.believability.words import told_ratio
from opsonin.analysis.survival import cox, cox_single_covariate_many
from opsonin.analysis.survival.likelihood import logrank_scores
from opsonin.errors import AnalysisError
from opsonin.record import Manifest, TrialRecord


def survivors(n=40, effect=0.0, seed=1, strata=1) -> Survivors:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    time = rng.exponential(1 / np.exp(effect * x))
    follow = np.quantile(time, 0.8)
    return Survivors(np.minimum(time, follow), time < follow, x, np.arange(n) % strata)


# --- the null of the strongest ---------------------------------------------------------------------------------------


@given(st.integers(0, 200), st.integers(2, 14))
def test_exchanges_stay_within_strata_and_so_do_those_they_induce(seed, size):
    rng = np.random.default_rng(seed)
    strata, kept = rng.integers(0, 3, size), rng.random(size) < 0.6
    exchange = permutations_within(strata, 5, seed, "test")
    members = np.flatnonzero(kept)
    found = induced(exchange, kept)
    for row, some in zip(exchange, found, strict=True):
        assert sorted(row) == list(range(size))
        assert (strata[row] == strata).all()
        assert sorted(some) == list(range(members.size))
        assert (strata[members[some]] == strata[members]).all()


def test_induced_exchanges_are_as_random_as_the_ones_they_come_from():
    kept = np.array([True, False, True, True, False])
    found = induced(permutations_within(np.zeros(5, dtype=np.int64), 6000, 3, "test"), kept)
    _, count = np.unique(found, axis=0, return_counts=True)
    assert count.size == 6  # every order of three
    assert count == pytest.approx(np.full(6, 1000), abs=5 * math.sqrt(6000 * 5 / 36))


def test_the_permutation_sd_is_that_of_all_permutations():
    from itertools import permutations

    rng = np.random.default_rng(2)
    x, scores = rng.normal(size=(5, 2)), rng.normal(size=5)
    every = np.array([scores[list(order)] @ x for order in permutations(range(5))])
    np.testing.assert_allclose(permutation_sd(x, scores, np.zeros(5, dtype=np.int64)), every.std(axis=0), rtol=1e-10)


def _cohort(markers: int, seed: int, copies: bool = False) -> TrialRecord:
    """Thirty patients without any link; copies: all markers say the same."""
    rng = np.random.default_rng(seed)
    ids = [f"P{k:02d}" for k in range(30)]
    values = rng.normal(size=(1 if copies else markers, 30))
    rows = [
        pd.DataFrame({"subject_id": ids, "marker": f"m{k}", "value": values[0 if copies else k]})
        for k in range(markers)
    ]
    measured = pd.concat(rows).assign(compartment="blood", day=0.0, unit="ng/ml", below_limit=False, baseline=True)
    day = rng.exponential(100, 30) + 1
    survival = pd.DataFrame({"subject_id": ids, "endpoint": "OS", "day": day, "event": True, "origin_day": 0.0})
    return TrialRecord({"subjects": pd.DataFrame({"subject_id": ids}), "measurements": measured, "survival": survival})


def test_the_strongest_of_many_is_stronger_and_of_copies_is_not():
    one, many, copies = (looked_at(ask(_cohort(*how))).chance for how in ((1, 4), (20, 4), (20, 4, True)))
    assert len(many.seen) == len(copies.seen) == 20
    assert np.quantile(one.strongest, 0.95) == pytest.approx(1.96, abs=0.15)
    # of 20 independent markers: the two-sided normal quantile of 0.95 ** (1 / 20)
    assert np.quantile(many.strongest, 0.95) == pytest.approx(3.02, abs=0.25)
    assert np.quantile(copies.strongest, 0.95) == pytest.approx(np.quantile(one.strongest, 0.95), abs=0.15)


def test_the_strongest_is_believed_in_one_of_twenty_null_trials_at_most():
    shares = []
    for seed in range(40):
        chance = looked_at(ask(_cohort(8, seed))).chance
        shares.append(float((chance.strongest >= chance.seen["z"].abs().max()).mean()))
    assert np.mean(np.array(shares) < 0.05) <= 0.15  # 2 of 40 expected
    assert 0.35 < np.mean(shares) < 0.65  # even between 0 and 1


def test_the_null_does_not_depend_on_the_order_of_patients():
    record = one_record(effect=-1.0)
    shuffled = {name: frame.sample(frac=1, random_state=3) for name, frame in record.tables.items() if len(frame)}
    one, other = (looked_at(ask(r)).chance.seen for r in (record, TrialRecord(shuffled, record.manifest)))
    both = one.merge(other, on=["endpoint", "marker", "day", "change"])
    assert len(both) == len(one) == len(other)
    np.testing.assert_allclose(both["z_x"], both["z_y"], atol=1e-9)


def test_what_the_protocol_fixed_beforehand_is_all_that_was_looked_at():
    record = one_record()
    whole, only = (looked_at(ask(record, {"searched": how})) for how in ("record", "asked"))
    assert whole.words == "2 markers on 2 days against OS, PFS and response"
    assert only.words == "1 marker against OS and PFS"
    assert len(only.chance.seen) == 2 < len(whole.chance.seen)
    with pytest.raises(AnalysisError, match=r'"record" .* or "asked"'):
        ask(record, {"searched": "some"})


def test_the_observed_strength_is_the_same_alone_and_among_all():
    record = one_record(effect=-1.0)
    asked = ask(record)
    found = analyse(record).get("biomarker.OS.HLA-DR+ NK.hazard_ratio.believability")
    seen = looked_at(asked).chance.seen
    mine = seen[(seen["endpoint"] == "OS") & (seen["marker"] == "HLA-DR+ NK") & (seen["day"] == 15)]
    assert abs(float(mine["z"].iloc[0])) == pytest.approx(float(found.table["observed"].iloc[0]))


# --- exaggeration ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("effect", "se", "power", "type_s", "exaggeration"),
    [(0.1, 3.28, 0.05, 0.46, 77), (2.0, 8.1, 0.06, 0.24, 9.5)],  # source: Gelman & Carlin (2014), pp. 645 and 646
)
def test_type_m_and_s_errors_are_the_published_ones(effect, se, power, type_s, exaggeration):
    found = type_m_and_s(effect, se)
    assert found.power == pytest.approx(power, abs=0.005)
    assert found.type_s == pytest.approx(type_s, abs=0.005)
    assert found.mean == pytest.approx(exaggeration, abs=0.5)
    assert found.median < found.mean


def test_closed_forms_agree_with_simulation():
    z = np.random.default_rng(5).normal(1.2, 1.0, 400_000)
    found, beyond = type_m_and_s(-0.6, 0.5), np.abs(z) > 1.959964
    assert found.power == pytest.approx(beyond.mean(), abs=0.003)
    assert found.type_s == pytest.approx((z[beyond] < 0).mean(), abs=0.003)
    assert found.mean == pytest.approx(np.abs(z[beyond]).mean() / 1.2, abs=0.01)
    assert found.median == pytest.approx(np.median(np.abs(z[beyond])) / 1.2, abs=0.01)


def test_simulated_trials_keep_their_patients_and_have_the_effect_they_were_made_with():
    data = survivors(50, strata=2)
    x = trials_under(data, 0.8, 400, 1)
    for code in (0, 1):
        mine = data.strata == code
        np.testing.assert_allclose(np.sort(x[:, mine], axis=1), np.broadcast_to(np.sort(data.x[mine]), (400, 25)))
    fit = cox_single_covariate_many(data.time, data.event, x, strata=data.strata)
    assert np.median(fit.coefficient) == pytest.approx(0.8, abs=0.06)


def test_small_samples_exaggerate_and_large_ones_do_not():
    small = exaggeration_table(survivors(15), 1.96, 3.0, np.array([0.3]), 1).iloc[0]
    large = exaggeration_table(survivors(600), 1.96, 3.0, np.array([0.3]), 1).iloc[0]
    assert small["exaggeration"] > 2
    assert large["exaggeration"] == pytest.approx(1.0, abs=0.03)
    assert small["power"] < 0.3 < 0.99 < large["power"]
    assert small["power_strongest"] <= small["power"]


def test_the_normal_approximation_holds_where_simulation_ends():
    data = survivors(60, strata=1, seed=8)
    near = exaggeration_table(data, 1.96, 1.96, np.array([0.4]), 1).iloc[0]
    normal = type_m_and_s(0.4, 1 / math.sqrt(data.information))
    assert near["power"] == pytest.approx(normal.power, abs=0.08)
    assert near["exaggeration"] == pytest.approx(normal.median, rel=0.15)


# --- the prior -------------------------------------------------------------------------------------------------------


def test_a_bayes_factor_is_the_ratio_of_two_normal_densities():
    def density(x, sd):
        return math.exp(-0.5 * (x / sd) ** 2) / sd

    found = evidence_of_estimate(0.7, 0.3, 0.5)
    assert found.bayes_factor == pytest.approx(density(0.7, math.hypot(0.3, 0.5)) / density(0.7, 0.3))
    assert found.shrunken == pytest.approx(0.7 * 0.25 / (0.25 + 0.09))
    assert found.favourable >= found.bayes_factor


def test_the_partial_likelihood_and_its_normal_approximation_agree_in_large_samples():
    data = survivors(800, effect=0.25, seed=3)
    fit = cox(data.time, data.event, data.x)
    exact = evidence_of_data(data)
    normal = evidence_of_estimate(float(fit.coefficient[0]), float(fit.se[0]), exact.effect_sd)
    assert math.log(exact.bayes_factor) == pytest.approx(math.log(normal.bayes_factor), rel=0.02)
    assert exact.shrunken == pytest.approx(normal.shrunken, rel=0.01)
    assert exact.sd == pytest.approx(normal.sd, rel=0.02)


def test_evidence_exists_where_the_estimate_does_not():
    time = np.arange(1.0, 13.0)
    data = Survivors(time, time < 7, -time, np.zeros(12, dtype=np.int64))
    with pytest.raises(AnalysisError, match="monotone"):
        cox(data.time, data.event, data.x)
    found = evidence_of_data(data)
    assert 3 < found.bayes_factor < found.favourable
    assert 0 < found.shrunken < 5


@given(st.floats(1e-6, 1e6), st.floats(0.001, 0.999))
def test_priors_go_there_and_back(bayes_factor, wanted):
    assert probability_real(bayes_factor, prior_needed(bayes_factor, wanted)) == pytest.approx(wanted, rel=1e-6)
    assert (np.diff(probability_real(bayes_factor, np.linspace(0.01, 0.99, 20))) > 0).all()


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 100), st.floats(0.3, 3.0))
def test_evidence_does_not_depend_on_the_clock_or_the_order_of_patients(seed, power):
    data = survivors(14, effect=0.5, seed=seed, strata=2)
    if data.event.sum() < 2:
        return
    order = np.random.default_rng(seed).permutation(14)
    other = Survivors(data.time[order] ** power, data.event[order], data.x[order] + 5, data.strata[order])
    one, two = evidence_of_data(data), evidence_of_data(other)
    assert two.bayes_factor == pytest.approx(one.bayes_factor, rel=1e-6)
    assert two.shrunken == pytest.approx(one.shrunken, rel=1e-5, abs=1e-9)


# --- the confirmation ------------------------------------------------------------------------------------------------


def test_events_for_two_halves_are_schoenfeld_s():
    # source: Schoenfeld (1983): 4 (1.96 + 0.84)² / log(2)² = 65.3, equal halves, 80 % power, two-sided 5 %
    assert events_for(math.log(2), 0.25) == events_for(-math.log(2), 0.25) == 66
    assert events_for(0.0, 0.25) == math.inf
    assert power_with(66, math.log(2), 0.25) == pytest.approx(0.80, abs=0.01)


def test_the_plan_s_power_is_what_simulated_trials_have():
    data = survivors(400, seed=6)
    events = int(data.event.sum())
    b = math.sqrt((1.959964 + 0.841621) ** 2 / (events * data.spread**2))
    x = trials_under(data, b, 600, 2)
    z = x @ data.scores / math.sqrt(data.information)
    assert (z > 1.959964).mean() == pytest.approx(0.80, abs=0.06)


# --- all together ----------------------------------------------------------------------------------------------------


def test_a_belief_has_four_parts_that_speak_of_the_same_trial():
    record = one_record(effect=-0.6, seed=11)
    found = analyse(record)
    main = found.get("biomarker.OS.HLA-DR+ NK.hazard_ratio")
    asked = ask(record)
    belief = believe(main, looked_at(asked).null(2.5))
    assert [part.name.rpartition(".")[2] for part in belief.findings()] == [
        "believability", "exaggeration", "probability_real", "to_confirm",
    ]  # fmt: skip
    assert belief.words.count("80 % power") == 1
    assert belief.to_frame()["n"].tolist()[1:] == [18, 18, 18]
    curve = belief.probability_real.table
    at = np.interp(0.10, curve["prior"], curve["probability"])
    assert belief.probability_real.estimate == pytest.approx(at, abs=1e-6)
    assert (curve["at_best"] >= curve["probability"] - 1e-12).all()


def test_a_finding_read_back_from_disk_is_judged_by_its_interval():
    whole = analyse(one_record(effect=-1.0, seed=11)).get("biomarker.OS.HLA-DR+ NK.hazard_ratio")
    assert survivors_of(whole) is not None
    bare = Finding(**{k: v for k, v in whole.to_dict().items() if v is not None})
    assert survivors_of(bare) is None
    exact, normal = believe(whole), believe(bare)
    assert normal.believability is None
    assert normal.probability_real.estimate == pytest.approx(exact.probability_real.estimate, abs=0.2)
    assert normal.to_confirm.estimate > 10
    with pytest.raises(AnalysisError, match="no null, no ratio with an interval, no patients"):
        believe(Finding("biomarker.OS.x.hazard_ratio", estimate=0.5))


def test_an_area_under_the_curve_is_an_odds_ratio_per_sd():
    # two normal distributions one SD apart have the area Φ(1 / √2) = 0.760
    found = Finding("biomarker.response.x.auc", "all", 0.760, 0.65, 0.87, 0.95, n=100, events=40)
    found = Finding(**{**found.to_dict(), "unit": "area under the ROC curve", "p": 0.001})
    assert effect_of(found).value == pytest.approx(1.0, abs=0.005)
    assert "odds ratio per SD" in believe(found).words
    assert believe(found).to_confirm.unit == "responders"


def test_what_is_asked_and_what_is_not_found_is_said_in_words():
    found = analyse(one_record(), questions={"biomarkers": [{"marker": "HLA-DR+ NK", "day": 15, "against": ["OS"]}]})
    told = found.get("biomarker.OS.HLA-DR+ NK.hazard_ratio.believability").note
    assert "this is what chance looks like" in told
    assert QUESTIONS["biomarkers"][0]["against"] == ["PFS", "OS"]


def test_a_marker_without_measurements_leaves_the_null_to_the_others():
    record = one_record()
    questions = {"biomarkers": [{"marker": "CD99", "day": 15}, {"marker": "age_years"}, {"marker": "CD8+", "day": 15}]}
    assert len(looked_at(ask(record, questions)).chance.seen) == 6  # CD99 is not there, and all are of one age


def test_logrank_scores_of_a_landmark_set_are_the_trials_own():
    data = survivors(20)
    assert logrank_scores(data.time, data.event, data.strata).sum() == pytest.approx(0)
    assert data.information > 0


def test_the_manifest_may_hold_the_question():
    record = one_record()
    held = TrialRecord(record.tables, Manifest(questions=QUESTIONS | {"searched": "asked"}))
    told = analyse(held).get("biomarker.OS.HLA-DR+ NK.hazard_ratio.believability").note
    assert "among 2 looked at" in told


@pytest.mark.slow
def test_of_links_called_probable_so_many_are_real():
    """Trials made as the prior says, half with a link: of those given 20 to 40 %, say, 20 to 40 % have one."""
    rng = np.random.default_rng(9)
    told, real = [], rng.random(400) < 0.5
    for k, there in enumerate(real):
        data = survivors(24, effect=float(rng.normal(0, 0.5)) if there else 0.0, seed=1000 + k)
        told.append(float(probability_real(evidence_of_data(data).bayes_factor, 0.5)))
    told = np.array(told)
    assert told.mean() == pytest.approx(real.mean(), abs=0.07)
    for low, high in ((0.0, 0.42), (0.42, 0.6), (0.6, 1.0)):
        inside = (told >= low) & (told < high)
        assert inside.sum() > 30
        error = 3 * math.sqrt(0.25 / inside.sum())
        assert real[inside].mean() == pytest.approx(told[inside].mean(), abs=error)


@pytest.mark.parametrize(("ratio", "text"), [(0.128, "0.13"), (0.8969, "0.897"), (1.003, "1.003"), (1.58, "1.6")])
def test_a_ratio_near_one_is_not_rounded_to_nothing(ratio, text):
    assert told_ratio(ratio) == text
