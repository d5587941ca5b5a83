"""Policies: what is observed changes the doses that come after it, and nothing else."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsonin.criteria import parse_rules
from opsonin.designs import ThreePlusThree
from opsonin.errors import StudyError
from opsonin.simulate import GivenDoses, build_schedule, simulate
from opsonin.trial import (
    ImmunePlan,
    Policy,
    Pool,
    Progression,
    Reading,
    Recovery,
    SamplingPlan,
    Toxicity,
    Treatment,
    run_trials,
)
from trial import small

N = 80
FATIGUE_1 = Toxicity(parse_rules(["fatigue >= 1"]))
RASH = Toxicity(parse_rules(["rash >= 1"]))
LATER = ImmunePlan("P", (-7, 1, 8, 15, 22, 43, 64))
INFUSED = (
    Treatment(
        "drug", (50.0, 200.0, 500.0), "mg", "intravenous infusion", ((1, 5),), infusion_days=0.5, cycle_days=21.0
    ),
)
HOLD = Policy(FATIGUE_1, "hold", down_to=0, at_most_days=14.0)
ACTING = {
    "hold": {"policies": (HOLD,)},
    "hold, then a level less": {"policies": (Policy(FATIGUE_1, "hold", down_to=0, levels=1),)},
    "hold of infusions": {"policies": (HOLD,), "treatments": INFUSED},
    "hold for DLT": {"policies": (Policy(Toxicity(None), "hold", down_to=1, keep=0.5),)},
    "delay": {"policies": (Policy(RASH, "delay", down_to=0),)},
    "delay by readings": {
        "policies": (Policy(Reading("NK", "<", 190.0), "delay", at_most_days=28.0),),
        "immune": LATER,
    },
    "reduce": {"policies": (Policy(RASH, "reduce", keep=0.75),)},
    "reduce at visits": {"policies": (Policy(Toxicity(RASH.rules, at_visits=True), "reduce", keep=0.75),)},
    "hold by readings": {"policies": (Policy(Reading("NK", "<", 190.0), "hold"),), "immune": LATER},
    "reduce by a drug level": {"policies": (Policy(Reading("drug", ">", 9.0), "reduce", keep=0.5, times=2),)},
    "go on after progression": {"policies": (Policy(Progression(), "continue", confirmed=True, at_most_days=60.0),)},
    "infusions": {"treatments": INFUSED},
}
IDLE = {
    "no such reading": Policy(Reading("NK", "<", 1e-6), "hold"),
    "no such level": Policy(Reading("drug", ">", 1e9), "reduce", keep=0.5),
    "what is done anyway": Policy(Progression(), "stop"),
}


def pool_of(model, threads=None, batch=2000, patients=N, **changes):
    protocol = small.small_protocol(**changes)
    return Pool(model, small.small_patients(model, patients), protocol, seed=11, threads=threads, batch=batch)


@pytest.fixture(scope="module")
def acting(model):
    """Each kind of policy, level 3 simulated."""
    pools = {name: pool_of(model, **changes) for name, changes in ACTING.items()}
    for pool in pools.values():
        pool.outcomes(3)
    return pools


def assert_same(one, other, left=()):
    for field in dataclasses.fields(one):
        if field.name not in left:
            np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name), field.name)


WIDTH = ("given", "late", "because", "stopped", "stop_code", "answer", "recovered")


@pytest.mark.parametrize("name", ["no such reading", "no such level", "what is done anyway"])
def test_a_policy_that_never_acts_changes_nothing(model, pool, name):
    """The outcomes, and every table of the replicate trials, byte for byte, but for the errors of a watched reading."""
    other = Pool(model, pool.patients, dataclasses.replace(pool.protocol, policies=(IDLE[name],)), seed=11)
    for level in (1, 3):
        assert_same(pool.outcomes(level), other.outcomes(level), WIDTH)
        assert (other.outcomes(level).because == -1).all()
    usual = run_trials(pool, pool.protocol, ThreePlusThree(3), 5, 20).replicates
    made = run_trials(other, other.protocol, ThreePlusThree(3), 5, 20).replicates
    watched = {watch.name for watch in other.plan.rules.watches}
    for table, rows in usual.tables.items():
        same = made.table(table)
        for column, word in (("marker", "NK"), ("analyte", "drug")):
            if word in watched and column in rows:  # their errors belong to the patient, not to the place in the trial
                rows, same = (t[t[column] != word].reset_index(drop=True) for t in (rows, same))
        pd.testing.assert_frame_equal(rows, same, check_exact=True)


@pytest.mark.parametrize("name", ACTING)
def test_outcomes_do_not_depend_on_threads_or_blocks(model, acting, name):
    other = pool_of(model, 1, 13, **ACTING[name])  # of the fixture: all cores, one block
    assert_same(acting[name].outcomes(3), other.outcomes(3))


@pytest.mark.parametrize("name", [name for name in ACTING if name != "infusions"])
def test_every_policy_acts_on_somebody_and_not_on_everybody(acting, name):
    seen = acting[name].outcomes(3)
    if name == "go on after progression":
        beyond = np.isfinite(seen.progression) & (seen.off_treatment > seen.progression)
        assert beyond.any()
        return
    acted = (seen.because >= 0).any(axis=1)
    assert 0 < acted.sum() < N


def alone(pool, row, level):
    """One patient in one piece with exactly the doses that their outcomes say were given."""
    seen, plan = pool.outcomes(level), pool.plan
    doses = []
    for number, treatment in enumerate(plan.protocol.treatments):
        mine = np.flatnonzero(plan.doses.treatment == number)
        times = plan.doses.times[mine] + seen.late[row, mine]
        part = seen.given[row, mine].astype(float) * (times < seen.off_treatment[row]) * (times < plan.end)
        full = treatment.infusion_days
        lengths = np.where(part > 0, full, 0.0)
        if full:  # what was cut short ran at its full rate
            words = np.array([*plan.rules.reasons, ""])
            reduced = np.char.startswith(words[seen.because[row, mine]], "reduced")
            lengths = np.where(reduced, full, full * part)
        on = part > 0
        amount = part[on] * treatment.dose(level)
        doses.append(GivenDoses("drug", treatment.route, "mg", times[on], amount, lengths[on]))
    constants = pool.patients.constants[[row]]
    schedule = build_schedule(pool.model, constants, doses)
    days = np.concatenate([[plan.start], plan.scans])
    return simulate(
        pool.model, constants, schedule, days, thresholds=pool.patients.thresholds[[row]], start=plan.start, rtol=1e-6
    )


@pytest.mark.parametrize("name", ACTING)
def test_outcomes_are_those_of_the_doses_recorded(acting, name):
    """What was simulated piece by piece, decision by decision, is what the doses given come to in one piece."""
    pool = acting[name]
    seen, plan = pool.outcomes(3), pool.plan
    acted = (seen.because >= 0).any(axis=1) | (seen.off_treatment > seen.progression)
    rows = np.flatnonzero(acted if acted.any() else seen.off_treatment < plan.end)[:8]
    assert len(rows) >= 3
    for row in rows:
        whole = alone(pool, row, 3)
        both = np.isfinite(seen.crossings[row]) & np.isfinite(whole.crossings[0])
        np.testing.assert_allclose(seen.crossings[row][both], whole.crossings[0][both], rtol=2e-3, atol=2e-3)
        before = seen.crossings[row] <= min(plan.scans[-1], seen.left[row])
        assert np.isfinite(whole.crossings[0][before & np.isfinite(seen.crossings[row])]).all()
        true = pool.model.observe(["lesion 1"], whole.states, pool.patients.constants[[row]], whole.times)[0, :, 0]
        known = ~np.isnan(seen.true_mm[row, plan.lesions.index("lesion 1")])
        np.testing.assert_allclose(seen.true_mm[row, 0][known], true[known], rtol=2e-3)


@settings(max_examples=8, deadline=None)
@given(grade=st.sampled_from([1, 3]), most=st.none() | st.floats(3.0, 40.0), median=st.floats(1.0, 30.0))
def test_held_doses_lower_exposure_and_harm_nobody_sooner(model, grade, most, median):
    """Against the same patients without the policy, as far as neither treatment nor observation ended otherwise."""
    policy = Policy(Toxicity(parse_rules([f"fatigue >= {grade}"])), "hold", down_to=0, at_most_days=most)
    go_on = Policy(Toxicity(None), "continue")
    changes = {"recovery": Recovery(median, 0.3), "dlt": parse_rules(["fatigue >= 4"])}
    held = pool_of(model, patients=30, policies=(policy, go_on), **changes).outcomes(3)
    fixed = pool_of(model, patients=30, policies=(go_on,), **changes).outcomes(3)
    assert (held.given <= fixed.given).all()
    fewer = (held.given < fixed.given).any(axis=1)
    assert fewer.any()
    fatigue = [k for k, event in enumerate(pool_of(model).plan.events) if event.term == "fatigue"]
    until = np.minimum(np.minimum(held.off_treatment, fixed.off_treatment), np.minimum(held.left, fixed.left))
    for threshold in fatigue:
        sooner = held.crossings[:, threshold] < fixed.crossings[:, threshold] - 1e-3
        assert not (sooner & (held.crossings[:, threshold] < until)).any()


def test_a_held_dose_is_none_until_the_event_is_over(acting):
    pool = acting["hold"]
    seen, plan = pool.outcomes(3), pool.plan
    event = next(k for k, e in enumerate(plan.events) if e.term == "fatigue" and e.grade == 1)
    ill = np.flatnonzero(np.isfinite(seen.recovered[:, event]))
    assert len(ill) > 20
    times = plan.doses.times
    for row in ill:
        day, over = seen.crossings[row, event], seen.recovered[row, event]
        inside = (times >= day) & (times < over)
        assert (seen.given[row, inside] == 0).all()
        if over - day > 14.0:
            assert seen.stopped[row].max() <= day + 14.0 + 1e-9
            assert seen.off_treatment[row] <= day + 14.0 + 1e-9
    after = (times[None, :] > seen.recovered[ill, event][:, None]) & (times < seen.off_treatment[ill][:, None])
    assert ((seen.given[ill] == 1) & after).any()


def test_the_record_says_what_was_given_and_why(acting):
    pool = acting["hold"]
    made = run_trials(pool, pool.protocol, ThreePlusThree(3), 5, 20)
    record = made.record.validate()
    table = made.replicates.validate().table("exposures")
    held = table[table["reason"].astype(str) == "held: fatigue grade 1"]
    assert len(held) > 10
    assert (held["amount"] == 0).all()
    assert (held["planned_amount"] > 0).all()
    assert (table[table["amount"] == 0]["reason"].astype(str) == "held: fatigue grade 1").all()
    events = made.replicates.table("adverse_events")
    answered = events[events["action"].astype(str) == "treatment held"]
    both = held.merge(answered, on=["trial", "subject_id"], suffixes=("", "_event"))
    assert (both["start_day"] >= both["start_day_event"]).any()
    assert answered["end_day"].notna().any()
    assert not record.exposures.empty


def test_a_reduction_by_a_level_gives_the_dose_of_the_level_below(acting):
    pool = acting["hold, then a level less"]
    seen, plan = pool.outcomes(3), pool.plan
    ladder = np.flatnonzero(plan.doses.treatment == 1)
    reduced = np.char.startswith(np.array([*plan.rules.reasons, ""])[seen.because[:, ladder]], "reduced")
    parts = np.unique(seen.given[:, ladder][reduced & (plan.doses.times[ladder] < seen.stopped[:, [1]])])
    np.testing.assert_allclose(parts, [200 / 500], rtol=1e-6)  # grade 3, which would reduce again, stops treatment
    lowest = pool.outcomes(1)  # nothing is below level 1: stopped
    words = [plan.rules.reasons[code] for code in lowest.reason]
    assert "stopped: fatigue grade 1 at the lowest dose level" in words


def test_what_a_policy_acted_on_is_what_the_record_shows(acting):
    pool = acting["hold by readings"]
    made = run_trials(pool, pool.protocol, ThreePlusThree(3), 5, 20).replicates
    marker = made.table("measurements")
    low = marker[(marker["marker"] == "NK") & (marker["value"] < 190.0) & (marker["day"] > -7)]
    first = low.groupby(["trial", "subject_id"], observed=True)["day"].min()
    table = made.table("exposures")
    held = table[table["amount"] == 0].groupby(["trial", "subject_id"], observed=True)["start_day"].min()
    assert len(held) > 5
    assert set(held.index) <= set(first.index)
    for key, day in held.items():
        assert day >= first[key]
    given = table[table["amount"] > 0]
    for key, day in first.items():  # nobody low is dosed before a reading was good again
        mine = marker[(marker["trial"] == key[0]) & (marker["subject_id"] == key[1]) & (marker["marker"] == "NK")]
        good = mine[(mine["day"] > day) & (mine["value"] >= 190.0)]["day"].min()
        doses = given[(given["trial"] == key[0]) & (given["subject_id"] == key[1])]
        inside = (doses["start_day"] >= day) & ~(doses["start_day"] >= good)
        assert not inside.any()


def test_treatment_beyond_progression_ends_when_confirmed_or_in_time(acting):
    pool = acting["go on after progression"]
    seen, plan = pool.outcomes(3), pool.plan
    beyond = np.flatnonzero(np.isfinite(seen.progression) & (seen.off_treatment > seen.progression))
    words = np.array(plan.rules.reasons)[seen.reason[beyond]]
    assert {"stopped: progression confirmed", "stopped: 60 days after progression"} & set(words.tolist())
    assert (seen.off_treatment[beyond] <= seen.progression[beyond] + 60.0).all()
    confirmed = beyond[words == "stopped: progression confirmed"]
    assert (seen.off_treatment[confirmed] >= seen.progression[confirmed] + 28.0).all()
    for row in beyond:  # scans go on while treatment does
        due = (
            (plan.scans > seen.progression[row])
            & (plan.scans <= seen.off_treatment[row])
            & (plan.scans < seen.left[row])
        )
        assert (~np.isnan(seen.seen_mm[row, 0, 1:]))[due].all()


def test_an_infusion_that_runs_when_treatment_stops_is_cut(model, acting):
    pool = acting["infusions"]
    seen, plan = pool.outcomes(3), pool.plan
    cut = (plan.doses.times < seen.off_treatment[:, None]) & (plan.doses.times + 0.5 > seen.off_treatment[:, None])
    rows = np.flatnonzero(cut.any(axis=1))
    assert len(rows) > 5
    np.testing.assert_allclose(
        seen.given[cut], ((seen.off_treatment[:, None] - plan.doses.times) / 0.5)[cut], rtol=1e-5, atol=1e-6
    )
    assert (seen.given[~cut & (plan.doses.times < seen.off_treatment[:, None])] == 1).all()
    made = run_trials(pool, pool.protocol, ThreePlusThree(3), 5, 20).replicates.validate()
    table = made.table("exposures")
    part = table[(table["amount"] > 0) & (table["amount"] < table["planned_amount"])]
    assert len(part) > 3
    np.testing.assert_allclose(
        (part["end_day"] - part["start_day"]) / 0.5, part["amount"] / part["planned_amount"], rtol=1e-4
    )
    assert part["reason"].astype(str).str.startswith("stopped: ").all()


def test_one_agent_stops_and_the_other_goes_on(model):
    """On a DLT of a drug given in two ways nothing tells them apart; agents left out have nothing to hold."""
    pool = acting_without = pool_of(model, policies=(HOLD, Policy(Progression(), "continue")))
    without = acting_without.outcomes(3, frozenset({"drug"}))
    assert np.nanmax(without.concentrations) == 0.0
    assert (without.given >= 0).all()
    made = run_trials(pool, pool.protocol, ThreePlusThree(3), 5, 3, left_out=["drug"])
    assert made.potential["drug"].validate().exposures.empty


def test_samples_are_taken_after_doses_that_were_given(acting):
    pool = acting["hold"]
    made = run_trials(pool, pool.protocol, ThreePlusThree(3), 5, 20).replicates
    table, doses = made.table("concentrations"), made.table("exposures")
    held = doses[doses["amount"] == 0]
    both = table.merge(held, on=["trial", "subject_id", "agent"])
    inside = (both["dose_day"] >= both["start_day"]) & (both["dose_day"] <= both["end_day"])
    assert len(both) > 20
    assert not inside.any()


@pytest.mark.parametrize(
    ("details", "message"),
    [
        ({"when": Progression(), "do": "hold"}, '`do` cannot be "hold" on progression; write "stop"'),
        ({"when": FATIGUE_1, "do": "reduce"}, "`by` is missing"),
        ({"when": FATIGUE_1, "do": "continue"}, '`do` can be "continue" on "progression" and "DLT" only'),
        ({"when": FATIGUE_1, "do": "hold", "down_to": 1}, "must be below the grade that begins it"),
        ({"when": RASH, "do": "stop", "at_most_days": 3.0}, "`at_most` goes with"),
        ({"when": RASH, "do": "hold", "down_to": 0, "at_most_days": 0.0}, "longer than 0 days"),
        ({"when": Reading("NK", "<", 5.0), "do": "hold", "until": Reading("B", ">", 5.0)}, "ask for the same"),
        ({"when": Reading("NK", "<", 5.0), "do": "hold", "until": Reading("NK", ">", 4.0)}, "can be met while"),
        ({"when": RASH, "do": "reduce", "keep": 1.0}, "less than 100 %"),
    ],
)
def test_policies_that_contradict_themselves_are_refused(details, message):
    with pytest.raises(StudyError, match=message):
        Policy(**details)


def test_policies_that_nothing_can_meet_are_named(model):
    for policy, message in (
        (Policy(RASH, "stop", ("aspirin",)), "is about 'aspirin', but the protocol gives drug"),
        (Policy(Reading("CD8+", "<", 5.0), "stop"), "looks at a reading that the protocol does not take"),
        (Policy(Toxicity(parse_rules(["fatigue >= 5"])), "stop"), "can never act"),
    ):
        with pytest.raises(StudyError, match=message):
            pool_of(model, policies=(policy,))
    early = small.small_protocol(
        policies=(Policy(Reading("NK", "<", 5.0), "stop"),), immune=ImmunePlan("P", (-7,)), sampling=SamplingPlan()
    )
    with pytest.raises(StudyError, match="NK is not read after the first dose"):
        Pool(model, small.small_patients(model, 2), early, seed=1)
