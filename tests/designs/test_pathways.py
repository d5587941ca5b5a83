"""Dose-transition pathways: every course is what the design decides one by one, merged without loss."""

import itertools
import json
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from opsonin.designs import (
    Boin,
    Coherent,
    Crm,
    Design,
    MaxPatients,
    NoSkipping,
    Scenario,
    ThreePlusThree,
    TiteBoin,
    TiteBoin12,
    TiteCrm,
    exact_characteristics,
    parse_outcomes,
    pathways,
)
from opsonin.designs.base import decisions
from opsonin.errors import DesignError

TRUTH = [0.05, 0.15, 0.30, 0.50]
DESIGNS = {
    "3+3": ThreePlusThree(4),
    "boin": MaxPatients(Boin(4, 0.30), 12),
    "crm": MaxPatients(NoSkipping(Crm(4, 0.25, cohort=2)), 8),
    "coherent crm": MaxPatients(Coherent(Crm(4, 0.25, cohort=2)), 12),
    "tite-boin": MaxPatients(TiteBoin(4, 0.30), 12),
    "tite-crm": MaxPatients(TiteCrm(4, cohort=2), 8),
}


@pytest.mark.parametrize("name", DESIGNS)
@pytest.mark.parametrize("before", ["", "1NNN 2NTN"])
def test_every_course_is_what_the_design_decides_after_it(name, before):
    design = DESIGNS[name]
    found = pathways(design, parse_outcomes(before), cohorts=3)
    for row in found.written_out().itertuples():
        decided = design.decide(parse_outcomes(f"{before} {row.course}".strip()))
        told = [None if value is pd.NA else value for value in (row.level, row.patients, row.mtd)]
        assert row.decision == decided.action
        assert told == [decided.level, decided.patients or None, decided.mtd]
    assert len(found.written_out()) == found.courses


def test_no_course_is_missing():
    found = pathways(MaxPatients(Boin(4, 0.30), 30), cohorts=3)
    courses = found.written_out()["course"]
    letters = [tuple(word[1:] for word in course.split()) for course in courses]
    possible = list(itertools.product(["NNN", "NNT", "NTT", "TTT"], repeat=3))
    stopped = [way for way in letters if len(way) < 3]
    assert sorted(way for way in letters if len(way) == 3) == sorted(
        way for way in possible if not any(way[: len(end)] == end for end in stopped)
    )


@pytest.mark.parametrize("name", ["3+3", "boin", "crm"])
def test_followed_to_the_end_they_are_the_exact_operating_characteristics(name):
    design = DESIGNS[name]
    found = pathways(design, cohorts=30, truth=TRUTH)
    assert (found.stages[-1].decisions.level == 0).all()
    declared = np.zeros(5)
    for stage in found.stages:
        over = stage.decisions.level == 0
        declared += np.bincount(stage.decisions.mtd[over], weights=stage.probability[over], minlength=5)
    exact = exact_characteristics(design, np.array(TRUTH))
    np.testing.assert_allclose(declared[1:], exact.select, atol=1e-12)
    assert declared[0] == pytest.approx(exact.none, abs=1e-12)


def test_the_cost_grows_with_states_and_not_with_courses():
    found = pathways(MaxPatients(Crm(5, 0.25, cohort=3, confidence=1.0), 30), cohorts=8)
    assert found.courses == 4**8
    assert found.states < found.unmerged / 10
    assert len(found.to_frame()) == found.states
    with pytest.raises(DesignError, match="65,536 courses over 8 cohorts"):
        found.written_out()


def test_states_are_merged_only_where_the_design_cannot_tell_them_apart():
    plain = pathways(Crm(4, 0.25, cohort=3), cohorts=4)
    again = pathways(Coherent(Crm(4, 0.25, cohort=3)), cohorts=4)
    assert again.states > plain.states  # who looks at the last cohort tells its outcome from that of earlier ones


def test_the_next_cohort_is_told_with_reasons():
    table = pathways(Boin(4, 0.30), parse_outcomes("1NNN 2NTN"), cohorts=1).next_cohort()
    assert table["outcome"].tolist() == ["NNN", "NNT", "NTT", "TTT"]
    assert table["decision"].tolist() == ["escalate", "stay", "de-escalate", "de-escalate"]
    assert table["reason"][0].startswith("1 of 6 with DLT at level 2")


def test_the_next_cohort_is_smaller_where_few_patients_are_left():
    table = pathways(MaxPatients(Boin(4, 0.30), 8), parse_outcomes("1NNN 2NTN"), cohorts=1).next_cohort()
    assert table["outcome"].tolist() == ["NN", "NT", "TT"]
    assert set(table["decision"]) == {"declare"}


def test_an_ended_trial_has_no_pathways():
    found = pathways(MaxPatients(Boin(4, 0.30), 6), parse_outcomes("1NNN 2NTN"))
    assert (found.states, found.courses, len(found.next_cohort())) == (1, 1, 0)


def test_patients_still_in_their_window_are_taken_to_end_it_well():
    design = MaxPatients(TiteBoin(4, 0.30), 12)
    found = pathways(design, parse_outcomes("1NNN 2NN@3dN@3d"), cohorts=1)
    assert found.assumed == "2 patients still in the window end it without a DLT"
    assert found.to_frame()["level"][0] == design.decide(parse_outcomes("1NNN 2NNN")).level


def test_a_cohort_that_need_not_wait_is_treated_where_the_design_says_now():
    seen = parse_outcomes("1NNN 2NTN@5d")
    design = MaxPatients(TiteBoin(4, 0.30, window_days=21), 12)
    found = pathways(design, seen, cohorts=1)
    assert found.to_frame()["level"][0] == design.decide(seen).level == 1
    assert found.next_cohort()["outcome"].tolist() == ["NNN", "NNT", "NTT", "TTT"]
    assert found.to_frame()["seen"][1] == "1: 0/6, 2: 1/3"


@dataclass(frozen=True)
class Responders(Design):
    """Goes up where nobody responds, and down where half of the patients have a DLT."""

    levels: int = 3
    needs = frozenset({"efficacy"})

    @property
    def name(self):
        return "responders"

    def decide_many(self, seen):
        here = np.maximum(seen.current, 1)
        good, bad = seen.at("efficacy", here) > 0, 2 * seen.at("dlt", here) >= np.maximum(seen.at("patients", here), 1)
        level = np.clip(here + np.where(bad, -1, np.where(good, 0, 1)) * (seen.current > 0), 1, self.levels)
        return decisions(seen.current, level, 2)

    def explain(self, seen, made):
        return "by responders", {}


def test_responses_are_told_apart_where_a_design_looks_at_them():
    truth = Scenario([0.1, 0.2, 0.4], efficacy=[0.2, 0.5, 0.6])
    found = pathways(Responders(), cohorts=2, truth=truth)
    assert len(found.next_cohort()) == 10  # two patients of four kinds
    assert found.stages[-1].probability.sum() == pytest.approx(1.0)
    for row in found.written_out().itertuples():
        assert row.level == Responders().decide(parse_outcomes(row.course)).level
    with pytest.raises(DesignError, match="give a scenario with their probabilities"):
        pathways(Responders(), truth=[0.1, 0.2, 0.4])


def test_json_holds_every_state_and_outcome():
    found = pathways(Boin(4, 0.30), parse_outcomes("1NNN"), cohorts=2, truth=TRUTH)
    told = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert len(told["nodes"]) == found.states
    assert {edge["to"] for edge in told["edges"]} == {node["id"] for node in told["nodes"]} - {"0.1"}
    assert told["nodes"][0]["patients"] == [3, 0, 0, 0]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: pathways(Boin(4, 0.3), cohorts=-1), "0 cohorts or more"),
        (lambda: pathways(Boin(4, 0.3), truth=[0.1, 0.2]), "4 levels, but the truth 2"),
        (lambda: pathways(Boin(4, 0.3), truth=[0.1, 0.2, 0.3, 1.4]), "between 0 and 1"),
        (lambda: pathways(Boin(4, 0.3), parse_outcomes("5NNN")), "hold level 5"),
    ],
)
def test_bad_input_is_named(make, words):
    with pytest.raises(DesignError, match=words):
        make()


def test_who_may_still_respond_is_taken_not_to():
    design = MaxPatients(TiteBoin12(4, window_days=21.0, efficacy_window_days=84.0), 24)
    found = pathways(design, parse_outcomes("1NNE 2N@30dN@30dN@10d"), cohorts=1)
    assert found.assumed == (
        "1 patient still in the window ends it without a DLT; 3 patients who may still respond do not"
    )
    waits = pathways(design, parse_outcomes("1NNN 2N@5dN@4dN@3d"), cohorts=1)
    assert design.decide(parse_outcomes("1NNN 2N@5dN@4dN@3d")).action == "wait"
    assert len(waits.next_cohort()) == 20  # of the cohort after those have been judged
