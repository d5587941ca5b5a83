"""The trials behind the table of honest and naive p-values, in smaller numbers: what holds, and what does not."""

import sys
from importlib import import_module
from itertools import permutations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from opsonin.analysis.everything import analyse_part
from opsonin.analysis.survival.likelihood import logrank_scores
from opsonin.record import Manifest, TrialRecord

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
null_trials = import_module("null_trials")
sys.path.pop(0)


def within_error(drawn, exact, draws=1999):
    return abs(drawn - exact) < 4 * np.sqrt(exact * (1 - exact) / draws) + 1 / draws


@pytest.fixture(scope="module")
def null():
    return null_trials.simulated(100, 1.0)


def test_the_exact_p_counts_every_exchange_within_levels(monkeypatch):
    monkeypatch.setattr(null_trials, "PATIENTS", (2, 3, 2))
    monkeypatch.setattr(null_trials, "LEVEL", np.repeat([0, 1, 2], [2, 3, 2]))
    day, event = np.array([3.0, 9, 4, 8, 6, 7, 5]), np.array([1, 1, 1, 0, 1, 1, 1], dtype=bool)
    x = np.array([0.3, -1, 2, 0.5, 0.1, 1.5, -0.7])
    scores = logrank_scores(day, event, null_trials.LEVEL)
    sums = [
        scores @ np.r_[x[:2][list(a)], x[2:5][list(b)], x[5:][list(c)]]
        for a in permutations(range(2)) for b in permutations(range(3)) for c in permutations(range(2))
    ]  # fmt: skip
    exact = np.mean(np.abs(sums) >= abs(scores @ x) - 1e-9)
    assert null_trials.exact_p(day, event, x) == pytest.approx(exact)


def test_the_defaults_give_the_exact_p_but_for_the_draws(null):
    for k in range(12):
        data = null.day[k], null.event[k], null.marker[k]
        exact = null_trials.exact_p(*data)
        assert within_error(null_trials.default_p(*data, seed=k), exact)
        assert within_error(null_trials.screened_p(*data, seed=k), exact)


@pytest.mark.parametrize("k", range(2))
def test_the_p_of_the_report_is_the_default_p(null, k):
    ids = [f"P{i}" for i in range(17)]
    subjects = pd.DataFrame({"subject_id": ids, "level": null_trials.LEVEL + 1})
    survival = pd.DataFrame({"subject_id": ids, "endpoint": "OS", "day": null.day[k], "event": null.event[k]})
    values = pd.DataFrame({"subject_id": ids, "marker": "NK", "compartment": "blood", "value": 2 ** null.marker[k]})
    values = values.assign(day=-1.0, unit="cells/µl", below_limit=False, baseline=True)
    record = TrialRecord(
        {"subjects": subjects, "survival": survival.assign(origin_day=0.0), "measurements": values}, Manifest()
    )
    exact = null_trials.exact_p(null.day[k], null.event[k], null.marker[k])
    for questions, name in (
        ({"biomarkers": [{"marker": "NK", "against": ["OS"]}]}, "biomarker.OS.NK.hazard_ratio"),
        ({"screen": ["OS"]}, "screen.OS.NK.hazard_ratio"),
    ):
        found = analyse_part([name.split(".")[0]], record, questions=questions)
        p = next(f.p for part in found.values() for f in part if f.name == name)
        assert within_error(p, exact)


def test_the_exact_test_holds_and_finds_a_link(null):
    linked = null_trials.simulated(100, null_trials.LINK)
    shares = [
        np.mean([null_trials.exact_p(*data) < 0.05 for data in zip(t.day, t.event, t.marker, strict=True)])
        for t in (null, linked)
    ]
    assert shares[0] < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 100)
    assert shares[1] > 0.5


def test_naive_ways_do_not_hold():
    trials = null_trials.simulated(1000, 1.0)
    unstratified = (null_trials.wald(trials, trials.marker, None) < 0.05).mean()
    searched = (null_trials.searched(trials, null_trials.LEVEL) < 0.05).mean()
    responders = (null_trials.score(trials, trials.responder * 1.0, None) < 0.05).mean()
    assert unstratified > 0.08
    assert searched > 0.25
    assert responders > 0.09
