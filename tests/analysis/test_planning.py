"""Planning phase II: exact one-arm trials, simulated randomised ones, and the probability that they succeed."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsonin.analysis import ask, logrank
from opsonin.analysis.planning import (
    HazardBelief,
    Logistics,
    MarkedPatients,
    PlanRequest,
    RateBelief,
    RatioBelief,
    enrichment_table,
    events_needed,
    hazard_from,
    plan_from_record,
    plan_response,
    plan_survival,
    ratio_of,
    single_arm,
)
from opsonin.analysis.planning.randomised import Patients, logrank_z, success
from opsonin.errors import AnalysisError
from opsonin.record import Manifest, TrialRecord

YEAR = 365.25
EVENT_LATE = Logistics(accrual_days=YEAR, follow_up_days=10 * YEAR)


def binomial_tail(hits, n, rate):
    return math.fsum(math.comb(n, k) * rate**k * (1 - rate) ** (n - k) for k in range(hits, n + 1))


@pytest.mark.parametrize(("null_rate", "rate"), [(0.05, 0.25), (0.1, 0.3), (0.2, 0.4), (0.3, 0.5)])
@pytest.mark.parametrize(("alpha", "power"), [(0.05, 0.8), (0.1, 0.9)])
def test_a_one_arm_trial_is_the_smallest_that_keeps_its_promises(null_rate, rate, alpha, power):
    found = single_arm(null_rate, rate, alpha, power)
    assert found.alpha == pytest.approx(binomial_tail(found.needed, found.n, null_rate), rel=1e-10)
    assert found.power == pytest.approx(binomial_tail(found.needed, found.n, rate), rel=1e-10)
    assert found.alpha <= alpha
    assert found.power >= power
    for n in range(1, found.n):
        needed = next(r for r in range(n + 2) if binomial_tail(r, n, null_rate) <= alpha)
        assert binomial_tail(needed, n, rate) < power


def test_a_rate_that_is_not_above_the_other_is_refused():
    with pytest.raises(AnalysisError, match=r"0\.1 cannot be told from 0\.2"):
        single_arm(0.2, 0.1)
    assert single_arm(0.2, 0.21, largest=50) is None


@given(hits=st.integers(0, 8), rest=st.integers(0, 12), n=st.integers(1, 40))
@settings(max_examples=40, deadline=None)
def test_assurance_is_power_averaged_over_the_belief(hits, rest, n):
    belief = RateBelief(hits, hits + rest)
    a, b = belief.shapes
    rate = (np.arange(40_000) + 0.5) / 40_000
    weight = np.exp((a - 1) * np.log(rate) + (b - 1) * np.log1p(-rate))
    needed = max(1, n // 3)
    from scipy.special import betainc

    averaged = float((weight * betainc(needed, n - needed + 1, rate)).sum() / weight.sum())
    assert belief.chance_of_at_least(needed, n) == pytest.approx(averaged, abs=2e-3)
    assert belief.chance_of_at_least(0, n) == 1.0
    assert belief.chance_of_at_least(n + 1, n) == 0.0


def test_a_plan_for_a_response_gives_size_cut_off_and_assurance():
    plan = plan_response(RateBelief(6, 15), null_rate=0.2, target=0.4)
    best = single_arm(0.2, 0.4, 0.05, 0.8)
    assert plan.enough == best.n
    assert plan.row(best.n)["needed"] == best.needed
    assert plan.row(best.n)["assurance"] < plan.ceiling
    named = {f.name: f for f in plan.findings()}
    assert named["plan.response.patients"].estimate == best.n
    assert named["plan.response.assurance"].group == f"n = {best.n}"


def test_no_responses_plan_no_trial_and_say_so():
    plan = plan_response(RateBelief(0, 17), null_rate=0.1)
    assert plan.enough is None
    assert any("No trial is planned" in line for line in plan.said)
    assert any("No size makes success 80 % likely" in line for line in plan.said)


def test_the_simulated_log_rank_test_is_the_log_rank_test():
    patients = Patients(3, 40, seed=5, purpose="test")
    time, event = patients.until_event, patients.entry < 0.7
    treated = patients.arms(40, 0.5)
    assert treated.sum() == 20
    for k, z in enumerate(logrank_z(time, event, treated)):
        assert z**2 == pytest.approx(logrank(time[k], event[k], treated.astype(int)).chi2, rel=1e-10)


def test_power_and_error_are_what_theory_says():
    patients = Patients(4000, 200, seed=1, purpose="test")
    control = np.full((1, 1), math.log(2) / 180)
    error, events = success(patients, 200, control, np.ones((1, 1)), EVENT_LATE, alpha=0.10)
    assert error == pytest.approx(0.10, abs=4 * math.sqrt(0.1 * 0.9 / 4000))
    assert events > 199
    ratio = 0.65
    power, _ = success(patients, 200, control, np.full((1, 1), ratio), EVENT_LATE, alpha=0.10)
    assert events_needed(ratio, 0.10, power) == pytest.approx(200, rel=0.06)  # Schoenfeld


def test_results_do_not_depend_on_the_largest_size_and_follow_the_seed():
    small, large = Patients(50, 30, 3, "test"), Patients(50, 90, 3, "test")
    assert np.array_equal(small.until_event, large.until_event[:, :30])
    assert np.array_equal(small.status, large.status[:, :30])
    assert not np.array_equal(small.entry, Patients(50, 30, 4, "test").entry)


def planned(**more):
    control = HazardBelief(math.log(2) / 90, math.inf)
    belief = RatioBelief(math.log(0.6), 0.3)
    logistics = Logistics(YEAR, YEAR)
    return plan_survival(belief, control, logistics, trials=500, largest=160, **more)


def test_doubt_lowers_the_effect_and_the_assurance():
    doubted, believed = planned(prior_sd=0.8), planned(prior_sd=None)
    assert doubted.planned > believed.planned == pytest.approx(0.6)
    assert doubted.row(160)["assurance"] < believed.row(160)["assurance"]
    assert believed.row(160)["assurance"] == believed.row(160)["assurance_undoubted"]
    assert believed.row(160)["assurance"] < believed.ceiling
    assert believed.enough is not None
    assert doubted.enough is not None
    assert believed.enough < doubted.enough
    assert believed.row(believed.enough)["power"] >= 0.8
    smaller = believed.table[believed.table["n"] < believed.enough]
    assert (smaller["power"] < 0.8).all()


def test_the_same_seed_gives_the_same_plan():
    pd.testing.assert_frame_equal(planned(seed=7).table, planned(seed=7).table)


@given(mean=st.floats(-2, 2), sd=st.floats(0.05, 2), prior=st.floats(0.05, 2))
def test_doubt_draws_towards_no_effect_and_narrows(mean, sd, prior):
    belief = RatioBelief(mean, sd)
    doubted = belief.doubted(prior)
    assert abs(doubted.log_ratio) <= abs(mean)
    assert doubted.sd < min(sd, prior) + 1e-12
    assert (doubted.better - 0.5) * (belief.better - 0.5) >= 0


def test_two_hazards_make_a_ratio_with_their_events():
    treated, control = hazard_from(8, 1000), hazard_from(16, 1000)
    ratio = ratio_of(treated, control)
    assert ratio.ratio == pytest.approx(0.5)
    assert ratio.sd == pytest.approx(math.sqrt(1 / 8 + 1 / 16))
    assert hazard_from(8, 1000, weight=0.5).events == 4
    with pytest.raises(AnalysisError, match="nobody had the event"):
        hazard_from(0, 1000)


MARKED = MarkedPatients("NK", 10, 20, RatioBelief(math.log(0.3), 0.1))
OVERALL = RatioBelief(math.log(0.7), 0.1)
CONTROL = HazardBelief(math.log(2) / 90, math.inf)


def test_choosing_patients_helps_where_the_marker_is_predictive_and_hardly_where_it_is_prognostic():
    table = enrichment_table(MARKED, OVERALL, CONTROL, Logistics(YEAR, YEAR), [80], prior_sd=None, trials=1000)
    gain = (table.set_index("reading")["enriched"] - table.set_index("reading")["all_comers"]).to_dict()
    assert gain["predictive"] > 0.15
    assert abs(gain["prognostic"]) < 0.12
    assert set(table["screened"]) == {160}


def test_randomised_data_need_no_reading():
    marked = MarkedPatients("NK", 10, 20, None, RatioBelief(math.log(0.4), 0.1), RatioBelief(0.0, 0.1))
    table = enrichment_table(marked, OVERALL, CONTROL, Logistics(YEAR, YEAR), [80], prior_sd=None, trials=500)
    assert table["reading"].tolist() == ["as randomised"]
    assert table["enriched"].iloc[0] > table["all_comers"].iloc[0]


def test_a_marker_that_everybody_has_is_no_choice():
    with pytest.raises(AnalysisError, match="20 of 20 patients are high"):
        MarkedPatients("NK", 20, 20, RatioBelief(0, 1))


def trial(arms=None):
    who = [f"P{k:02d}" for k in range(24)]
    rng = np.random.default_rng(4)
    subjects = pd.DataFrame({"subject_id": who, "arm": arms or "new"})
    slow = np.array([0.5 if a == "new" else 1.0 for a in (arms or ["new"] * 24)])
    marker = rng.lognormal(3, 1, 24)
    survival = pd.DataFrame(
        {"subject_id": who, "endpoint": "PFS", "day": np.ceil(60 * rng.exponential(1, 24) / slow), "event": True}
    ).assign(origin_day=0.0)
    best = pd.DataFrame({"subject_id": who, "overall": (["PR"] * 3 + ["SD"] * 5 + ["PD"] * 4) * 2})
    best = best.assign(criteria="RECIST 1.1", day=0.0, best=True, source="reported")
    measured = pd.DataFrame({"subject_id": who, "marker": "NK", "value": marker, "unit": "cells/µl"})
    measured = measured.assign(compartment="blood", day=0.0, below_limit=False, baseline=True)
    tables = {"subjects": subjects, "survival": survival, "responses": best, "measurements": measured}
    return ask(TrialRecord(tables, Manifest()), {"reference": "old"} if arms else None)


def test_a_record_without_control_asks_for_the_comparator():
    with pytest.raises(AnalysisError, match="--control-median"):
        plan_from_record(trial(), PlanRequest("PFS"))
    made = plan_from_record(trial(), PlanRequest("PFS", control_median_months=1.5, trials=200, largest=60))
    assert "against a stated 1.5 months" in made.plan.belief
    assert "no control" in made.plan.belief


def test_a_randomised_record_gives_its_own_ratio():
    made = plan_from_record(trial(["new", "old"] * 12), PlanRequest("PFS", trials=200, largest=60))
    assert made.plan.belief.startswith("new against old: 24 patients, 24 events")


def test_a_response_is_planned_from_all_treated_and_by_marker():
    made = plan_from_record(trial(), PlanRequest("response", null_rate=0.05, enrich="NK"))
    assert made.plan.belief.startswith("6 of 24 patients")
    assert made.enrichment["enriched"].between(0, 1).all()
    half = plan_from_record(trial(), PlanRequest("response", null_rate=0.05, weight=0.5))
    assert half.plan.planned_interval[1] > made.plan.planned_interval[1]
    control = plan_from_record(trial(), PlanRequest("disease control", null_rate=0.3))
    assert control.plan.belief.startswith("16 of 24 patients")


WRONG = [
    (PlanRequest("OSS"), "no endpoint is called 'OSS'.* PFS"),
    (PlanRequest("PFS", weight=0), "counts 0"),
    (PlanRequest("PFS", control_median_months=-1), "above 0"),
    (PlanRequest("PFS", control_median_months=2, dropout_per_year=1), "no share"),
    (PlanRequest("PFS", control_median_months=2, prior_sd=-1, trials=100), "standard deviation"),
    (PlanRequest("PFS", control_median_months=2, group="level 9"), "no group is called 'level 9'"),
    (PlanRequest("response", null_rate=1.5), "lies between 0 and 1"),
    (PlanRequest("response", enrich="CD8"), "no marker"),
    (PlanRequest("response", enrich="NK", cut=1e9), "leaves no patient on one side"),
]


@pytest.mark.parametrize(("request_", "said"), WRONG, ids=lambda v: v if isinstance(v, str) else "")
def test_what_cannot_be_planned_is_refused_in_words(request_, said):
    with pytest.raises(AnalysisError, match=said):
        plan_from_record(trial(), request_)
