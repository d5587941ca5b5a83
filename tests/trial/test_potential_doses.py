"""A pool's outcomes at every level, as designs are simulated on."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from opsonin.criteria import responses_from_lesions
from opsonin.designs import Accrual, Boin, Boin12, GBoin, MaxPatients, Saturating, simulate
from opsonin.errors import StudyError
from opsonin.trial import ImmuneEffect, Level, Pool, PotentialOutcomes, Treatment, make_plan, run_trials
from opsonin.trial.potential_doses import potential_doses
from trial import small


def a_pool(onset, judged, weights=None, replace="not evaluable"):
    """A stand-in for `Pool`: days of the first DLT and who can be judged, patients by levels."""
    onset, judged = np.asarray(onset, dtype=float), np.asarray(judged, dtype=bool)
    levels = tuple(Level(k + 1, f"level {k + 1}") for k in range(onset.shape[1]))
    treatment = Treatment("drug", tuple(10.0 * level.number for level in levels), "mg", "oral", ((1, 5),))
    plan = make_plan(small.small_model(), small.small_protocol(levels=levels, treatments=(treatment,), replace=replace))

    def outcomes(level):
        made = PotentialOutcomes.empty(plan, len(onset))
        made.crossings[:, np.flatnonzero(plan.limiting)[0]] = onset[:, level - 1]
        made.drop_out[~judged[:, level - 1]] = 1.0
        return made

    given = np.ones(len(onset)) if weights is None else np.asarray(weights, dtype=float)
    return SimpleNamespace(plan=plan, outcomes=outcomes, weights=given, seed=1)


NEVER = np.inf
ONSET = [[NEVER, 5.0], [NEVER, NEVER], [3.0, 2.0], [NEVER, 12.0]]


def test_rates_and_their_errors_are_those_of_the_pool():
    found = potential_doses(a_pool(ONSET, np.ones((4, 2))))
    assert found.dlt.tolist() == [0.25, 0.75]
    np.testing.assert_allclose(found.dlt_se, np.sqrt(0.25 * 0.75 / 4))
    assert found.apart.tolist() == [0.5]
    assert found.apart_se[0] == pytest.approx(np.sqrt(0.25 / 4))  # on the same patients: less than of two samples
    assert found.truth.dlt.tolist() == found.dlt.tolist()
    assert found.left_out == 0.0


def test_who_cannot_be_judged_at_every_level_is_left_out():
    judged = [[1, 1], [1, 1], [1, 1], [1, 0]]
    found = potential_doses(a_pool(ONSET, judged, weights=[1, 1, 1, 3]))
    assert found.rows.tolist() == [0, 1, 2]
    assert found.left_out == pytest.approx(0.5)
    assert found.truth.dlt == pytest.approx([1 / 3, 2 / 3])
    everybody = potential_doses(a_pool(ONSET, judged, replace="nobody"))
    assert len(everybody.rows) == 4


def test_weights_count():
    found = potential_doses(a_pool(ONSET, np.ones((4, 2)), weights=[1, 1, 2, 4]))
    assert found.dlt == pytest.approx([2 / 8, 7 / 8])


def test_a_design_meets_these_patients():
    rng = np.random.default_rng(3)
    tolerance = rng.uniform(size=300)
    onset = np.where(tolerance[:, None] < [0.05, 0.30, 0.60], 10.0, NEVER)
    found = potential_doses(a_pool(onset, np.ones((300, 3))))
    trials = simulate(MaxPatients(Boin(3, 0.30), 18), found.truth, 200)
    assert trials.select.argmax() == 1


def test_a_pool_that_cannot_be_judged_is_named():
    with pytest.raises(StudyError, match="no virtual patient can be judged"):
        potential_doses(a_pool(ONSET, np.zeros((4, 2))))


@pytest.fixture(scope="module")
def doses(model):
    protocol = small.small_protocol(response_days=84.0, immune_effect=ImmuneEffect("NK", 15, "ratio"))
    pool = Pool(model, small.small_patients(model, 120), protocol, seed=11)
    return pool, potential_doses(pool)


def test_responses_are_those_that_trials_of_the_same_patients_show(doses):
    """Patient by patient, by the lesions of the record."""
    pool, found = doses
    made = run_trials(pool, pool.protocol, MaxPatients(Boin(3, 0.3), 24), 5, 3).replicates
    truth = found.truth
    assert truth.response_onset is not None
    subjects, lesions = made.table("subjects"), made.table("lesions")
    place = {row: k for k, row in enumerate(found.rows.tolist())}
    checked = 0
    for trial in range(1, 4):
        visits = responses_from_lesions(lesions[lesions["trial"] == trial].drop(columns="trial"))
        visits = visits[~visits["best"].astype(bool) & (visits["day"] <= 84) & visits["overall"].isin(["CR", "PR"])]
        first = visits.groupby(visits["subject_id"].astype(str))["day"].min()
        mine = subjects[subjects["trial"] == trial]
        weight = pool.covariates["weight_kg"].to_numpy()
        rows: Any = mine.itertuples()
        for row in rows:
            patient = int(np.flatnonzero(weight == row.weight_kg)[0])
            if patient in place:
                ours = truth.response_onset[place[patient], row.level - 1]
                assert ours == first.get(str(row.subject_id), np.inf)
                checked += np.isfinite(ours)
    assert checked > 10


def test_rates_of_responses_and_effects_have_errors(doses):
    _, found = doses
    assert found.response is not None
    assert found.response_se is not None
    n = len(found.rows)
    np.testing.assert_allclose(found.response_se, np.sqrt(found.response * (1 - found.response) / n))
    assert (np.diff(found.response) > 0).all()  # the drug shrinks lesions
    assert found.immune is not None
    assert found.immune_se is not None
    assert (np.diff(found.immune) > 0).all()  # NK cells are the inverse of tumour size in this model
    assert (found.immune_se < 0.3 * found.immune).all()


def test_grades_rise_with_dose_and_agree_with_dlts(doses):
    _, found = doses
    assert found.truth.grade is not None
    toxic = found.truth.onset < 21
    assert (found.truth.grade[toxic] >= 3).all()
    assert (found.truth.grade[~toxic] < 3).all()
    assert (np.diff(found.truth.grade.mean(axis=0)) > 0).all()


def test_a_response_that_will_not_come_is_known_when_the_patient_progresses_or_leaves(doses):
    _, found = doses
    assert found.truth.settled_on is not None
    none = ~np.isfinite(found.truth.response_onset)
    assert (found.truth.settled_on <= 84).all()
    assert (found.truth.settled_on[none] < 84).any()
    assert (found.truth.settled_on[~none] == found.truth.response_onset[~none]).all()


@pytest.mark.parametrize("design", [Boin12(3), GBoin(3), Saturating(Boin(3, 0.3), baseline=1.0)])
def test_designs_are_judged_on_what_they_look_at(doses, design):
    _, found = doses
    trials = simulate(MaxPatients(design, 18), found.truth, 100, accrual=Accrual(14.0))
    assert trials.select.sum() > 0.8
    assert (trials.days > 0).all()
