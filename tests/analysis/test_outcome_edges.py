"""Edges at which an answer could be wrong without a word: no variance, late entry, perfect agreement, odd levels."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from opsonin.analysis import (
    Finding,
    analyse,
    believe,
    cumulative_incidence,
    cut_point,
    episodes,
    kaplan_meier,
    logrank,
    meta_analysis,
    restricted_means,
    screen,
)
from opsonin.analysis.believability.exaggeration import type_m_and_s
from opsonin.errors import AnalysisError
from opsonin.record import Manifest, TrialRecord

DAYS = np.array([1.0, 2, 3, 4, 5, 6])
EVERYBODY = np.ones(6, dtype=int)


def test_a_curve_counts_nobody_at_risk_before_they_enter():
    rng = np.random.default_rng(3)
    time = rng.integers(2, 12, 40).astype(float)
    entry = time - rng.integers(1, 9, 40)
    curve = kaplan_meier(time, rng.random(40) < 0.6, entry=entry)
    asked = np.array([0.5, 3.0, 4.5, 7.0, 11.0, 30.0])
    by_hand = [int(((entry < t) & (time >= t)).sum()) for t in asked]
    assert curve.at(asked)["at_risk"].tolist() == by_hand
    assert curve.at(curve.time)["at_risk"].tolist() == curve.at_risk.tolist()


@pytest.mark.parametrize("strata", [None, [1, 2, 3, 4, 5, 6]])
def test_a_test_without_variance_says_so_and_gives_no_p_of_one(strata):
    time = np.full(6, 3.0) if strata is None else DAYS
    with pytest.raises(AnalysisError, match="two groups or more are at risk"):
        logrank(time, EVERYBODY, [0, 0, 0, 1, 1, 1], strata=strata)


def test_a_screen_in_strata_of_one_patient_blames_the_strata_and_no_covariates():
    with pytest.raises(AnalysisError, match="fewer strata"):
        screen(DAYS, EVERYBODY, DAYS[:, None], strata=[1, 2, 3, 4, 5, 6])


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0, math.nan])
def test_a_level_that_is_none_is_named(level):
    calls = (
        lambda: kaplan_meier(DAYS, EVERYBODY, level=level),
        lambda: cumulative_incidence(DAYS, EVERYBODY, 1, level=level),
        lambda: restricted_means(DAYS, EVERYBODY, [0, 1, 0, 1, 0, 1], level=level),
        lambda: cut_point(DAYS, EVERYBODY, DAYS[::-1], permutations=10, bootstrap=0, level=level),
        lambda: meta_analysis([0.1, 0.2], [0.1, 0.1], level=level),
    )
    for call in calls:
        with pytest.raises(AnalysisError, match="between 0 and 1"):
            call()


def test_cohorts_that_happen_to_agree_leave_the_doubt_of_their_standard_errors():
    pooled = meta_analysis([0.10, 0.10], [0.2, 0.2])
    assert pooled.se == pytest.approx(0.2 / math.sqrt(2))
    assert pooled.pooled.lower < 0 < pooled.pooled.upper
    assert pooled.p > 0.5


def test_cohorts_of_very_unequal_weight_are_pooled():
    pooled = meta_analysis([0.1, 5.0], [1e-9, 1e9], hartung_knapp=False)
    assert pooled.pooled.value == pytest.approx(0.1)
    assert math.isfinite(pooled.i2.value)


def test_no_link_at_all_has_an_infinite_exaggeration_and_is_said_in_words():
    errors = type_m_and_s(0.0, 1.0)
    assert errors.power == pytest.approx(0.05, abs=1e-6)
    assert errors.median == math.inf
    none = Finding("x.auc", estimate=0.5, lower=0.2, upper=0.8, n=20, events=8, unit="area under the ROC curve")
    told = believe(none).exaggeration
    assert told is not None
    assert "each of them wrongly" in told.note


def test_perfect_separation_and_nobody_with_an_event_give_no_interval_of_width_zero():
    patients = [f"P{k}" for k in range(12)]
    subjects = pd.DataFrame({"subject_id": patients, "apart": [5.0] * 6 + [1.0] * 6, "alike": 3.0})
    subjects["apart"] += np.arange(12) / 100
    follow = {"subject_id": patients, "endpoint": "PFS", "day": 400.0, "event": False, "origin_day": 0.0}
    best = {"subject_id": patients, "overall": ["PR"] * 6 + ["PD"] * 6, "criteria": "RECIST 1.1", "day": 0.0}
    tables = {
        "subjects": subjects,
        "survival": pd.DataFrame(follow),
        "responses": pd.DataFrame(best).assign(best=True, source="reported"),
    }
    found = analyse(TrialRecord(tables, Manifest(title="edges")), questions={"markers": ["apart", "alike"]})
    area = found.get("biomarker.response.apart.auc")
    assert area.estimate == area.upper == 1.0
    # Newcombe 2006, method 5: the lower limit solves this equation
    assert (1 - area.lower) ** 2 == pytest.approx(
        1.959964**2
        * area.lower
        * (1 - area.lower)
        * (1 + 5 * ((1 - area.lower) / (2 - area.lower) + area.lower / (1 + area.lower)))
        / 36,
        rel=1e-6,
    )
    assert area.p == pytest.approx(2 / math.comb(12, 6))
    assert "without exception" in area.note
    same = found.get("biomarker.response.alike.auc")
    assert same.estimate == 0.5
    assert math.isnan(same.upper)
    assert "same in all" in same.note
    rate = found.get("survival.PFS.rate_12_months")
    assert rate.estimate == 1.0
    assert math.isnan(rate.lower)
    assert math.isnan(rate.upper)


def test_an_event_on_day_0_is_counted_as_left_out_of_episodes():
    follow = pd.DataFrame({"subject_id": ["a", "b", "c"], "day": [0.0, 10, 20], "event": [True, True, False]})
    values = pd.DataFrame({"subject_id": ["a", "b", "c"], "day": 0.0, "x": [1.0, 2, 3]})
    made = episodes(follow, values)
    assert (made.events, made.events_left_out) == (1, 1)
    assert "1 events fell on day 0" in made.sentence
