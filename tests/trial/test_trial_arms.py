"""Trials without a dose ladder: arms, numbers, randomisation, looks at responses, baskets of indications."""

import json

import numpy as np
import pandas as pd
import pytest

from opsonin.criteria import parse_rules
from opsonin.designs.phase_two.by_name import response_design
from opsonin.errors import StudyError
from opsonin.trial import Level, Policy, Pool, Toxicity, Treatment, TumourPlan, run_trials
from opsonin.trial.arms import Arms, block_of
from opsonin.trial.responding import responded
from trial.small import small_patients, small_protocol

PATIENTS, TRIALS = 120, 30
SIMON = {"name": "simon", "null": 0.10, "target": 0.40}  # 4 patients without a response stop an arm


def protocol(arms, doses=(0.0, 500.0), **changes):
    """Arms that are given the drug or not."""
    usual = {
        "levels": tuple(Level(k + 1, name) for k, name in enumerate(["observation", "drug", "half"][: len(doses)])),
        "treatments": (Treatment("drug", doses, "mg", "oral", ((1, 5),), cycle_days=21.0),),
        "dlt": (),
        "dlt_window_days": 0.0,
        "replace": "nobody",
        "accrual_days": 3.0,
        "arms": arms,
    }
    return small_protocol(**(usual | changes))


def pool_of(model, made, **options):
    return Pool(model, small_patients(model, PATIENTS), made, seed=11, **options)


@pytest.fixture(scope="module")
def randomised(model):
    pool = pool_of(model, protocol(Arms(("small",), PATIENTS, ((20, 40),))))
    return pool, run_trials(pool, pool.protocol, None, 5, TRIALS, left_out=["drug"])


@pytest.fixture(scope="module")
def staged(model):
    design = response_design(SIMON)
    most = design.stages[-1]
    made = protocol(Arms(("one", "other"), 60, ((most, most), (0, most)), design, 126.0), observe_days=300.0)
    pool = pool_of(model, made)
    return pool, design, run_trials(pool, made, None, 5, TRIALS)


def test_every_trial_enrols_the_numbers_it_plans_and_has_no_levels(randomised):
    _, run = randomised
    run.record.validate()
    run.replicates.validate()
    subjects = run.replicates.table("subjects")
    counts = subjects.groupby(["trial", "arm"], observed=True).size().unstack()
    assert (counts["observation"] == 20).all()
    assert (counts["drug"] == 40).all()
    assert subjects["level"].isna().all()
    assert subjects["cohort"].isna().all()
    assert not len(run.record.decisions)
    assert not set(run.record.disposition["milestone"]) & {"DLT-evaluable", "replaced"}
    assert run.record.adverse_events["dlt"].isna().all()


def test_arms_are_drawn_in_blocks_and_differ_between_trials(randomised):
    """The ratio 1:2 in blocks of six: after each block it holds exactly."""
    _, run = randomised
    subjects = run.replicates.table("subjects").sort_values(["trial", "enrolled_day"])
    arms = (subjects["arm"].astype(str) == "drug").to_numpy().reshape(TRIALS, 60)
    assert (arms.reshape(TRIALS, 10, 6).sum(axis=2) == 4).all()
    assert len(np.unique(arms, axis=0)) == TRIALS
    first = arms[:, 0].mean()
    assert 0.4 < first < 0.95  # two of three, of 30 trials


@pytest.mark.parametrize(
    ("counts", "block"),
    [((60, 30), [0, 0, 0, 0, 1, 1]), ((19, 19), [0, 1]), ((0, 4), [1, 1]), ((9, 3), [0, 0, 0, 1]), ((5,), [0])],
)
def test_a_block_holds_the_ratio(counts, block):
    assert block_of(counts) == block
    assert sum(counts) % len(block) == 0


def test_nobody_is_enrolled_twice_and_patients_come_in_order(randomised, staged):
    for run in (randomised[1], staged[2]):
        subjects = run.replicates.table("subjects")
        order = subjects.groupby("trial")["enrolled_day"]
        assert order.apply(lambda days: days.is_monotonic_increasing).all()
        weights = subjects.groupby("trial")["weight_kg"]  # tells patients apart
        assert weights.apply(lambda kg: kg.is_unique).all()


def test_the_arm_without_the_drug_is_as_if_it_were_not_there(randomised, model):
    """Dose 0 is neither given nor sampled, and changes nothing."""
    pool, run = randomised
    control = set(run.record.subjects.loc[run.record.subjects["arm"] == "observation", "subject_id"])
    assert control
    assert not set(run.record.exposures["subject_id"]) & control
    assert not set(run.record.concentrations["subject_id"]) & control
    first = run.record.disposition[run.record.disposition["milestone"] == "first dose"]
    assert not set(first["subject_id"]) & control
    without, treated = pool.outcomes(2, frozenset({"drug"})), pool.outcomes(1)
    both = treated.done & without.done
    for name in ("true_mm", "death", "drop_out", "progression"):
        ours, theirs = getattr(treated, name)[both], getattr(without, name)[both]
        np.testing.assert_allclose(ours, theirs, rtol=5e-3, equal_nan=True)
    assert set(run.potential) == {"drug"}


def test_the_drug_works_in_its_arm(randomised):
    _, run = randomised
    best = run.replicates.table("responses")
    best = best[best["best"].to_numpy(dtype=bool)].merge(
        run.replicates.table("subjects")[["trial", "subject_id", "arm"]], on=["trial", "subject_id"]
    )
    rate = best["overall"].astype(str).isin(["CR", "PR"]).groupby(best["arm"].astype(str)).mean()
    assert rate["drug"] > 0.3
    assert rate["observation"] < 0.05


def test_trial_one_is_the_same_for_any_number_threads_and_batches(randomised, staged, model):
    for pool, run in (randomised, (staged[0], staged[2])):
        alone = run_trials(pool_of(model, pool.protocol), pool.protocol, None, 5, 1)
        assert alone.record.equals(run.record)
        other = pool_of(model, pool.protocol, threads=2, batch=40)
        again = run_trials(other, pool.protocol, None, 5, TRIALS)
        for name, table in run.replicates.tables.items():
            pd.testing.assert_frame_equal(table, again.replicates.table(name), check_exact=True)


def test_looks_count_the_responses_of_the_record_and_close_arms(staged):
    """Every decision follows from the record's own responses, and who came later came after the look."""
    _, design, run = staged
    subjects, responses = run.replicates.table("subjects"), run.replicates.table("responses")
    subjects = subjects.astype({"arm": str, "indication": str, "subject_id": str})
    visits = responses[~responses["best"].to_numpy(dtype=bool) & (responses["day"] <= 126.0).to_numpy()]
    good = visits[visits["overall"].astype(str).isin(["CR", "PR"])].astype({"subject_id": str})
    responders = set(zip(good["trial"], good["subject_id"], strict=True))
    seen = set()
    for row in run.replicates.table("decisions").itertuples():
        about = json.loads(row.numbers)
        mine = subjects[
            (subjects["trial"] == row.trial)
            & (subjects["arm"] == about["arm"])
            & (subjects["indication"] == about["indication"])
        ]
        counted = mine[mine["cohort"] <= row.cohort]
        assert len(counted) == about["patients"] == design.stages[row.cohort - 1]
        assert sum((row.trial, one) in responders for one in counted["subject_id"]) == about["responses"]
        made = design.decide(int(row.cohort) - 1, about["responses"])
        assert made.action == row.decision
        later = mine[mine["cohort"] > row.cohort]
        assert (len(later) > 0) == (row.decision == "stay")
        assert (later["enrolled_day"] > row.day).all()
        seen.add((about["arm"], row.decision))
    assert ("observation", "stop") in seen
    assert ("drug", "stay") in seen
    assert ("drug", "declare") in seen


def test_the_indications_of_a_basket_are_drawn_from_their_own_patients(staged):
    pool, design, run = staged
    weight = pool.covariates["weight_kg"].to_numpy()
    whose = {value: "one" if k < 60 else "other" for k, value in enumerate(weight.tolist())}
    subjects = run.replicates.table("subjects")
    assert [whose[kg] for kg in subjects["weight_kg"]] == subjects["indication"].astype(str).tolist()
    assert not ((subjects["indication"] == "other") & (subjects["arm"] == "observation")).any()
    assert set(subjects["cohort"]) == {1, 2}
    most = subjects.groupby(["trial", "indication", "arm"], observed=True).size()
    assert set(most) == set(design.stages)


def test_a_response_is_known_at_its_scan_and_not_before(pool):
    seen = pool.outcomes(3)
    short, whole = responded(pool.plan, seen, 50.0), responded(pool.plan, seen, 200.0)
    assert (short.responder <= whole.responder).all()
    assert short.responder.any()
    assert (whole.responder & ~short.responder).any()
    assert np.isin(whole.day[whole.responder], pool.plan.scans).all()
    assert (short.day <= 50.0).all()
    assert (whole.day[~whole.responder] <= 200.0).all()


def test_a_response_that_must_be_confirmed_is_known_later_and_rarer(model):
    arms = Arms(("small",), PATIENTS, ((20,),))
    plain, strict = (
        pool_of(model, protocol(arms, (500.0,), tumour=TumourPlan(every_days=42.0, confirm=confirm)))
        for confirm in (False, True)
    )
    one = responded(plain.plan, plain.outcomes(1), 168.0)
    other = responded(strict.plan, strict.outcomes(1), 168.0)
    assert (other.responder <= one.responder).all()
    assert other.responder.sum() < one.responder.sum()
    both = other.responder
    assert (other.day[both] >= one.day[both] + 28.0).all()


def test_too_many_patients_are_refused(model):
    pool = pool_of(model, protocol(Arms(("small",), PATIENTS, ((100, 40),))))
    with pytest.raises(StudyError, match="140 patients of small, but the pool has 120"):
        run_trials(pool, pool.protocol, None, 1, 1)


def test_arms_that_make_no_sense_are_refused():
    with pytest.raises(StudyError, match="every indication and arm"):
        Arms(("a", "b"), 10, ((1,),))
    with pytest.raises(StudyError, match="at least one has some"):
        Arms(("a",), 10, ((0, 0),))
    with pytest.raises(StudyError, match="'simon' enrols"):
        Arms(("a",), 10, ((3,),), response_design(SIMON))


def test_stopping_all_that_an_arm_is_given_ends_its_treatment(model):
    """A policy about the drug stops an arm that has nothing else, and leaves the other drug of an arm that has two."""
    levels = (Level(1, "drug"), Level(2, "both"))
    both = (
        Treatment("drug", (500.0,), "mg", "oral", ((1, 5),), cycle_days=21.0),
        Treatment("other", (0.0, 10.0), "mg", "oral", ((1, 5),), cycle_days=21.0),
    )
    rules = (Policy(Toxicity(parse_rules(["fatigue >= 1"])), "stop", agents=("drug",)),)
    arms = Arms(("small",), PATIENTS, ((20, 20),))
    made = protocol(arms, levels=levels, treatments=both, policies=rules)
    pool = pool_of(two_drugs(), made)
    alone, together = pool.outcomes(1), pool.outcomes(2)
    tired = pool.plan.thresholds("adverse event") & np.array([e.term == "fatigue" for e in pool.plan.events])
    first = alone.crossings[:, tired].min(axis=1)
    stopped = np.isfinite(first) & (first < np.minimum(alone.left, 150.0)) & (alone.reason != 1)
    assert stopped.any()
    assert (alone.off_treatment[stopped] <= first[stopped] + 1e-9).all()
    onwards = stopped & (together.off_treatment > first + 21.0)
    assert onwards.any()


def two_drugs():
    """The small model with a second drug that does nothing."""
    from opsonin.model import Administration, Model, Module, Parameter, Process, Species
    from trial.small import ASSUMED, small_model

    other = Module(
        "other",
        [
            Parameter("other_rate", 1.0, "1/day", ASSUMED),
            Species("other", "mg"),
            Process("leaving_of_other", lambda other_rate, other: other_rate * other, consumes="other"),
            Administration("other", "oral", "other"),
        ],
    )
    return Model([*small_model().modules, other])
