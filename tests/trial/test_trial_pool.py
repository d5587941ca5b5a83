"""What the pool's patients would show: the policy, and that nobody depends on their neighbours."""

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from opsonin.criteria import parse_rules, recist
from opsonin.errors import StudyError
from opsonin.simulate import GivenDoses, build_schedule, simulate
from opsonin.trial import ImmunePlan, Level, Policy, Pool, SamplingPlan, Toxicity, Treatment, TumourPlan
from opsonin.trial.plan import dose_times
from opsonin.trial.rules import DIED, DROPPED_OUT, FAILED, PROGRESSED, TOXIC
from trial import small


def assert_same(one, other, rows: Any = slice(None)):
    for field in fields(one):
        np.testing.assert_array_equal(getattr(one, field.name)[rows], getattr(other, field.name)[rows], field.name)


@pytest.mark.parametrize(("threads", "batch"), [(1, 2000), (2, 2000), (2, 29)])
def test_outcomes_are_the_same_for_any_threads_and_batch(pool, model, threads, batch):
    other = Pool(model, small.small_patients(model, 120), pool.protocol, seed=11, threads=threads, batch=batch)
    assert_same(pool.outcomes(2), other.outcomes(2))


def test_all_levels_at_once_are_the_same_as_one_after_the_other(pool, model):
    told = []
    protocol = pool.protocol
    patients = small.small_patients(model, 120)
    other = Pool(model, patients, protocol, 11, batch=100, progress=lambda *what: told.append(what))
    other.expect(119)
    assert told == []
    other.outcomes(2, patients=np.array([3, 50]))
    other.expect(120)
    counts = [done for _, done, _ in told]
    assert counts == sorted(counts)
    assert told[-1] == ("simulating virtual patients", 3 * 120, 3 * 120)
    assert told[0] == ("simulating virtual patients", 0, 0)
    for level in (1, 2, 3):
        assert_same(pool.outcomes(level), other.outcomes(level))
    assert told[-1] == ("simulating virtual patients", 3 * 120, 3 * 120)


def test_patients_asked_for_later_are_the_same(pool, model):
    other = Pool(model, small.small_patients(model, 120), pool.protocol, seed=11)
    other.outcomes(3, patients=np.array([5, 70, 5]))
    assert np.flatnonzero(other.outcomes(3, patients=np.array([5])).done).tolist() == [5, 70]
    other.outcomes(3, patients=np.arange(40, 110))
    rows = np.array([5, *range(40, 110)])
    assert_same(pool.outcomes(3), other.outcomes(3, patients=rows), rows)


def test_more_patients_in_the_pool_change_nobody(pool, model):
    larger = Pool(model, small.small_patients(model, 150), pool.protocol, seed=11)
    assert_same(pool.outcomes(1), larger.outcomes(1, patients=np.arange(120)), slice(0, 120))


def test_every_end_of_treatment_has_its_reason_and_day(pool):
    for level in (1, 2, 3):
        seen = pool.outcomes(level)
        limiting = np.where(pool.plan.limiting, seen.crossings, np.inf).min(axis=1)
        for reason, day in (
            (PROGRESSED, seen.progression),
            (DIED, seen.death),
            (DROPPED_OUT, seen.drop_out),
            (TOXIC, limiting),
        ):
            here = seen.reason == reason
            assert here.any() or (level, reason) in {(1, TOXIC), (3, DROPPED_OUT)}
            np.testing.assert_array_equal(seen.off_treatment[here], day[here])
        earliest = np.minimum.reduce([limiting, seen.progression, seen.left, np.full(120, pool.plan.end)])
        np.testing.assert_array_equal(seen.off_treatment, earliest)


def alone(pool, row, level, off):
    """One patient simulated in one piece with the doses before `off`: what stopping at once must come to."""
    constants = pool.patients.constants[[row]]
    doses = []
    for treatment in pool.protocol.treatments:
        times = dose_times(treatment, pool.plan.end)
        doses.append(GivenDoses("drug", "oral", "mg", times[times < off], treatment.dose(level)))
    schedule = build_schedule(pool.model, constants, doses)
    days = np.concatenate([[pool.plan.start], pool.plan.scans])
    return simulate(
        pool.model, constants, schedule, days, thresholds=pool.patients.thresholds[[row]], start=pool.plan.start
    )


@pytest.mark.parametrize("reason", [TOXIC, PROGRESSED])
def test_doses_stop_at_once_and_what_came_before_stays(pool, reason):
    """Against the same patient in one piece, with exactly the doses before the day treatment stopped."""
    level = 3
    seen = pool.outcomes(level)
    rows = np.flatnonzero((seen.reason == reason) & (seen.off_treatment > 0))[:6]
    assert len(rows) > 2
    for row in rows:
        whole = alone(pool, row, level, seen.off_treatment[row])
        both = np.isfinite(seen.crossings[row]) & np.isfinite(whole.crossings[0])
        np.testing.assert_allclose(seen.crossings[row][both], whole.crossings[0][both], rtol=1e-3, atol=1e-3)
        until = np.where(np.isfinite(seen.crossings[row]), seen.crossings[row], np.inf)
        assert (np.isfinite(whole.crossings[0]) == (until <= pool.plan.scans[-1])).all()
        lesion = pool.plan.lesions.index("lesion 1")
        true = pool.model.observe(["lesion 1"], whole.states, pool.patients.constants[[row]], whole.times)[0, :, 0]
        known = ~np.isnan(seen.true_mm[row, lesion])
        np.testing.assert_allclose(seen.true_mm[row, lesion][known], true[known], rtol=1e-3)


def test_progression_is_what_recist_says_of_the_scans(pool):
    for level in (1, 3):
        seen = pool.outcomes(level)
        exists = seen.true_mm[:, :, 0] > 0
        scanned = ~np.isnan(seen.seen_mm[:, :, 1:]).all(axis=1)
        days = np.where(scanned, pool.plan.scans, np.nan)
        judged = recist.assess(
            np.where(exists, seen.seen_mm[:, :, 0], np.nan),
            seen.seen_mm[:, :, 1:],
            days,
            new_lesion=scanned & (pool.plan.scans >= seen.new_lesion[:, None]),
        )
        np.testing.assert_array_equal(judged.progression_day, seen.progression)


def test_nobody_is_scanned_after_death_drop_out_or_progression(pool):
    seen = pool.outcomes(2)
    scanned = ~np.isnan(seen.seen_mm[:, 0, 1:])
    until = np.minimum(seen.left, seen.progression)
    assert not (scanned & (pool.plan.scans[None, :] > until[:, None])).any()
    due = (pool.plan.scans[None, :] <= seen.progression[:, None]) & (pool.plan.scans[None, :] < seen.left[:, None])
    np.testing.assert_array_equal(scanned, due)


def test_scan_errors_do_not_depend_on_the_level(pool):
    one, other = pool.outcomes(1), pool.outcomes(3)
    np.testing.assert_array_equal(one.seen_mm[:, :, 0], other.seen_mm[:, :, 0])
    spread = np.log(one.seen_mm[:, 0, 0] / one.true_mm[:, 0, 0]).std()
    assert 0.04 < spread < 0.09


def test_an_agent_left_out_is_not_there(pool):
    without = pool.outcomes(3, frozenset({"drug"}))
    assert np.nanmax(without.concentrations) == 0.0
    assert not np.isfinite(without.first_limiting(pool.plan)).any()
    assert np.nanmin(pool.outcomes(3).concentrations[:, 0, 1]) > 1.0


def test_more_dose_harms_more(pool):
    rates = [np.isfinite(pool.outcomes(level).first_limiting(pool.plan)).mean() for level in (1, 2, 3)]
    assert rates[0] < rates[1] < rates[2]


def test_a_patient_whose_integration_fails_is_reported_and_stops_nobody(pool, model):
    patients = small.small_patients(model, 20)
    patients.constants[4, model.symbolic.constants.index("growth")] = np.nan
    broken = Pool(model, patients, pool.protocol, seed=11)
    seen = broken.outcomes(1)
    assert [(row, level) for row, level, _, _ in broken.failures] == [(4, 1)]
    assert not seen.evaluable(broken.plan)[4]
    others = np.delete(np.arange(20), 4)
    assert_same(pool.outcomes(1), broken.outcomes(1), others)


def test_what_was_seen_before_a_failure_stays_and_what_nobody_would_see_does_not_matter(pool, model):
    """A tumour that grows beyond all numbers within days: patient 2 is dead by then, patient 4 off treatment."""
    patients = small.small_patients(model, 6)
    patients.constants[[2, 3, 4], model.symbolic.constants.index("growth")] = 60.0
    plan = pool.plan
    patients.thresholds[:] = np.inf
    patients.thresholds[2, plan.thresholds("death")] = 0.002 * 8.0  # day 1 where follow-up begins on day −7
    rash = [event.term == "rash" for event in plan.events]
    patients.thresholds[3, rash] = 0.02 * 7.5
    patients.thresholds[4, np.flatnonzero(plan.limiting)[0]] = 1e-9
    seen = Pool(model, patients, pool.protocol, seed=11).outcomes(1)
    assert seen.failed.tolist() == [False, False, False, True, True, False]
    assert seen.reason[2] == DIED
    np.testing.assert_allclose(seen.death[2], 1.0, rtol=1e-3)
    np.testing.assert_allclose(seen.crossings[3, rash], 0.5, rtol=1e-3)
    assert [seen.reason[3], seen.reason[4]] == [FAILED, TOXIC]
    assert seen.off_treatment[3] == seen.drop_out[3] > 0.5
    assert seen.off_treatment[4] < -6.9 < seen.drop_out[4]
    assert np.isfinite(seen.measurements[3:5, :, plan.immune_times < seen.drop_out[3]]).all()


def test_a_toxicity_after_follow_up_of_events_is_not_seen(pool):
    seen = pool.outcomes(3).take(np.flatnonzero(np.isfinite(pool.outcomes(3).first_limiting(pool.plan))))
    seen.off_treatment[:] = seen.first_limiting(pool.plan) - pool.protocol.event_follow_up_days - 1.0
    assert np.isinf(seen.first_limiting(pool.plan)).all()


def test_unknown_levels_agents_analytes_and_panels_are_named(pool, model):
    with pytest.raises(StudyError, match="no dose level 4; the protocol has 1 to 3"):
        pool.outcomes(4)
    with pytest.raises(StudyError, match="'aspirin' cannot be left out: the protocol gives drug"):
        pool.outcomes(1, frozenset({"aspirin"}))
    patients = small.small_patients(model, 2)
    with pytest.raises(StudyError, match="no analyte 'x'; it has drug"):
        Pool(model, patients, small.small_protocol(sampling=SamplingPlan(("x",), (1,), (0.0,))), seed=1)
    with pytest.raises(StudyError, match="no panel 'Q'; it has P"):
        Pool(model, patients, small.small_protocol(immune=ImmunePlan("Q", (1,))), seed=1)


def test_doses_by_weight_need_a_weight(model):
    by_weight = Treatment("drug", (1.0,), "mg", "oral", ((1, 5),), basis="kg")
    by_surface = Treatment("drug", (1.0,), "mg", "oral", ((8, 9),), basis="m2")
    patients = small.small_patients(model, 4)
    pool = Pool(model, patients, small.small_protocol(treatments=(by_weight, by_surface)), seed=1)
    np.testing.assert_allclose(
        pool.amounts(by_weight, 1, np.array([2, 0])), patients.covariates["weight_kg"].to_numpy()[[2, 0]]
    )
    with pytest.raises(StudyError, match="dosed per m2, but these patients have no bsa_m2"):
        pool.amounts(by_surface, 1, np.array([0]))


@pytest.mark.parametrize("criteria", ["RECIST 1.1", "iRECIST"])
@pytest.mark.parametrize("policies", [(), (Policy(Toxicity(parse_rules(["fatigue >= 2"])), "hold"),)])
def test_the_first_scan_is_acted_on_though_levels_part_no_sooner(model, criteria, policies):
    """Two levels of one dose part with that dose; one level never does, and its first scan ends what is shared."""
    usual = {"dlt": (), "tumour": TumourPlan(criteria, every_days=42.0), "policies": policies}
    treatment = Treatment("drug", (50.0,), "mg", "oral", ((1, 5),), cycle_days=21.0)
    one = small.small_protocol(levels=(Level(1, "one"),), treatments=(treatment,), **usual)
    levels = (Level(1, "one"), Level(2, "as much"))
    two = small.small_protocol(levels=levels, treatments=(replace(treatment, doses=(50.0, 50.0)),), **usual)
    patients = small.small_patients(model, 120)
    pool, other = (Pool(model, patients, protocol, seed=11) for protocol in (one, two))
    assert pool.plan.parting == pool.plan.scans[0] > other.plan.parting
    seen, theirs = pool.outcomes(1), other.outcomes(1)
    assert (seen.progression == 42.0).any()
    assert np.isnan(seen.seen_mm[seen.left < 42.0, :, 1]).all()
    np.testing.assert_array_equal(seen.progression, theirs.progression)
    np.testing.assert_array_equal(np.isnan(seen.seen_mm), np.isnan(theirs.seen_mm))
    np.testing.assert_allclose(seen.off_treatment, theirs.off_treatment, rtol=1e-3)


def test_scans_after_the_end_of_follow_up_are_refused():
    with pytest.raises(StudyError, match="scans every 400 days come after the 300 days of follow-up"):
        small.small_protocol(tumour=TumourPlan(every_days=400.0), observe_days=300.0)


def test_one_agent_is_not_given_by_two_treatments_on_a_day(model):
    twice = tuple(Treatment("drug", (1.0,), "mg", route, ((8, 9),)) for route in ("oral", "intravenous infusion"))
    later = (
        Treatment("drug", (1.0,), "mg", "oral", ((1, 10),)),
        Treatment("drug", (2.0,), "mg", "oral", ((3, 3),), cycle_days=7.0),
    )
    apart = (replace(later[0], blocks=((1, 2),)), later[1])
    for treatments, said in ((twice, "begins by two treatments on protocol day 8"), (later, "is given by .* day 3")):
        with pytest.raises(StudyError, match=f"drug {said}; "):
            Pool(model, small.small_patients(model, 2), small.small_protocol(treatments=treatments), seed=1)
    Pool(model, small.small_patients(model, 2), small.small_protocol(treatments=apart), seed=1)
