"""Trials on their clock: what is known on a day, and when a design is asked."""

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsonin.designs import Accrual, Boin, MaxPatients, RollingSix, Scenario, TiteBoin, simulate
from opsonin.designs.draws import Lots
from opsonin.designs.evidence import EFFICACY, FOLLOW_UP, GRADES, PATIENTS, evidence
from opsonin.designs.followed import Followed
from opsonin.designs.on_clock import run_on_clock
from opsonin.designs.truth import Shown

DOSES, WINDOW, RESPONSE = 3, 28.0, 84.0
SCORE = np.array([0.0, 0.0, 0.25, 0.5, 1.0, 1.0])
NEEDS = frozenset({FOLLOW_UP, EFFICACY, GRADES, PATIENTS})


class Given:
    """Patients who show what is written down, the same in every trial."""

    def __init__(self, onset, judged_on=None, counted=None, response=None):
        n = len(onset)
        self.onset = np.array(onset, dtype=float)
        self.judged_on = np.minimum(self.onset, WINDOW) if judged_on is None else np.array(judged_on, dtype=float)
        self.counted = np.ones(n, dtype=bool) if counted is None else np.array(counted, dtype=bool)
        self.response = np.full(n, np.inf) if response is None else np.array(response, dtype=float)

    def show(self, trial, slot, dose):
        response = self.response[slot]
        return Shown(
            np.isfinite(self.onset[slot]),
            self.onset[slot],
            np.isfinite(response),
            response,
            np.where(np.isfinite(self.onset[slot]), 3, 0),
            np.full(len(slot), np.nan),
            self.judged_on[slot],
            np.minimum(response, RESPONSE),
            self.counted[slot],
        )


class Every:
    """A patient every so many days."""

    def __init__(self, days):
        self.days = days

    def of(self, trial, slot):
        return np.where(slot == 0, 0.0, self.days)


class Told:
    """Every decision, as it was made."""

    def __init__(self, state):
        self.state, self.days, self.sizes, self.actions = state, [], [], []

    def __call__(self, going, day, made, lot):
        self.days.append(float(day[0]))
        self.sizes.append(int(self.state.size[0]))
        self.actions.append(int(made.action[0]))


def run(design, people, days, lead=0.0):
    state = Followed(1, design.levels, design.needs, WINDOW, RESPONSE, lead=lead)
    told = Told(state)
    mtd = run_on_clock(design, state, people, Every(days), Lots(design, np.array([1]), 1), note=told)
    return state, told, int(mtd[0])


@given(st.integers(0, 10_000), st.floats(0.0, 200.0))
def test_what_is_known_of_many_trials_is_what_is_known_of_each(seed, now):
    """The evidence of a block of trials, and that of each trial's outcomes as text would hold them."""
    rng = np.random.default_rng(seed)
    state = Followed(3, DOSES, NEEDS, WINDOW, RESPONSE, SCORE)
    for _ in range(rng.integers(1, 8)):
        rows = np.flatnonzero(rng.uniform(size=3) < 0.8)
        if not len(rows):
            continue
        n = len(rows)
        onset = np.where(rng.uniform(size=n) < 0.4, rng.uniform(0, WINDOW, n), np.inf)
        response = np.where(rng.uniform(size=n) < 0.4, rng.uniform(0, RESPONSE, n), np.inf)
        leaves = (rng.uniform(size=n) < 0.2) & ~np.isfinite(onset)
        judged = np.where(leaves, rng.uniform(0, WINDOW, n), np.minimum(onset, WINDOW))
        grade = rng.integers(0, 6, n)
        shown = Shown(
            np.isfinite(onset), onset, np.isfinite(response), response, grade, np.full(n, np.nan), judged,
            np.minimum(response, RESPONSE), ~leaves,
        )  # fmt: skip
        state.clock[rows] += rng.uniform(0, 20, n)
        state.admit(rows, rng.integers(1, DOSES + 1, n), state.cohort[rows].max(axis=1) + rng.integers(0, 2, n), shown)
        state.cohort[rows, state.size[rows] - 1] = np.maximum(state.cohort[rows, state.size[rows] - 1], 1)
    everyone = np.arange(3)
    clock = state.clock + now
    many = state.evidence(everyone, clock)
    for row, seen in enumerate(state.outcomes(everyone, clock, state.size)):
        if seen.grade is not None and (seen.grade < 0).any():
            continue  # graded designs look only once everybody has been judged
        single = evidence(seen, DOSES, WINDOW, SCORE, RESPONSE)
        for field in fields(single):
            ours, theirs = getattr(many, field.name), getattr(single, field.name)
            if field.name in ("individuals", "lot", "current", "last_patients", "last_dlt") or ours is None:
                continue
            if field.name.startswith("immune") or theirs is None:
                continue
            np.testing.assert_allclose(ours[row], theirs[0], atol=1e-6, err_msg=field.name)


def test_a_design_for_late_toxicity_is_asked_when_the_next_patient_has_come():
    design = MaxPatients(RollingSix(3, window_days=WINDOW), 7)
    _, told, _ = run(design, Given([np.inf] * 7), 10.0)
    assert told.days[:4] == [0.0, 10.0, 20.0, 30.0]
    assert told.sizes[:4] == [0, 1, 2, 3]


def test_who_waits_is_treated_on_the_day_of_the_news():
    """Two of three patients are in the window when the fourth comes, on day 15; the wait ends on day 28."""
    design = MaxPatients(TiteBoin(3, 0.3, cohort=1, window_days=WINDOW, most_pending=0.5), 3)
    state, told, _ = run(design, Given([np.inf] * 3), 5.0)
    assert state.entry[0, :3].tolist() == [0.0, 28.0, 56.0]
    assert told.days[:3] == [0.0, 5.0, 28.0]


def test_other_designs_wait_until_the_cohort_is_judged_and_replace_who_leaves():
    people = Given([np.inf] * 10, judged_on=[WINDOW, 4.0, WINDOW] + [WINDOW] * 7, counted=[True, False] + [True] * 8)
    state, told, _ = run(MaxPatients(Boin(3, 0.3), 6), people, 10.0)
    assert told.sizes[:2] == [0, 4]  # the one who left has another in their place
    assert state.cohort[0, :4].tolist() == [1, 1, 1, 1]
    assert told.days[1] == state.entry[0, 3] + WINDOW


def test_the_lead_in_comes_before_follow_up():
    design = MaxPatients(TiteBoin(3, 0.3, cohort=1, window_days=WINDOW), 2)
    state, told, _ = run(design, Given([np.inf] * 2), 5.0, lead=21.0)
    assert state.entry[0, 0] == 21.0
    assert told.days[:3] == [0.0, 5.0, 21.0 + WINDOW]


def test_the_trial_is_over_when_everybody_has_been_judged():
    """Not when a patient would have come who is not treated any more."""
    _, told, mtd = run(MaxPatients(TiteBoin(3, 0.3, window_days=WINDOW), 3), Given([np.inf] * 3), 200.0)
    assert mtd == 1
    assert told.days[-1] == 400.0 + WINDOW


def test_a_later_decision_knows_more():
    """Deciding when the next patient comes, and not when the last one has, takes fewer patients to wait for."""
    truth = Scenario([0.05, 0.15, 0.30, 0.50], window_days=WINDOW, late=0.9)
    found = simulate(MaxPatients(TiteBoin(4, 0.3, window_days=WINDOW), 24), truth, 400, 3, accrual=Accrual(30.0))
    slow = simulate(MaxPatients(Boin(4, 0.3), 24), truth, 400, 3, accrual=Accrual(30.0))
    assert found.days.mean() < slow.days.mean()
    np.testing.assert_allclose(found.select, slow.select, atol=0.1)


@pytest.mark.parametrize("size", [1, 3])
def test_room_is_made_for_many(size):
    state = Followed(2, DOSES, NEEDS, WINDOW, RESPONSE, SCORE)
    people = Given([np.inf] * 200)
    for k in range(100):
        rows = np.array([0, 1])
        state.admit(rows, np.full(2, 1), k // size + 1, people.show(rows, np.full(2, k), np.full(2, 1)))
    assert state.evidence(np.arange(2), np.full(2, 1e4)).patients[:, 0].tolist() == [100, 100]
