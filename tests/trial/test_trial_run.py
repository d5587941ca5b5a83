"""Replicate trials: the record's tables agree with the pool, with one another and with conduct."""

import numpy as np
import pandas as pd
import pytest

from opsonin.conduct import Conduct
from opsonin.criteria import responses_from_lesions
from opsonin.designs import Coherent, Crm, MaxPatients, NoSkipping, ThreePlusThree, parse_outcomes
from opsonin.errors import StudyError
from opsonin.trial import ImmunePlan, Level, Pool, SamplingPlan, Treatment, run_trials
from opsonin.trial.enrol import enrol
from trial import small

DESIGN = ThreePlusThree(3)
TRIALS = 40


@pytest.fixture(scope="module")
def run(pool):
    return run_trials(pool, pool.protocol, DESIGN, 5, TRIALS, left_out=["drug"])


def test_the_record_is_valid_and_is_trial_one(run, pool):
    run.record.validate()
    run.replicates.validate()
    alone = run_trials(pool, pool.protocol, DESIGN, 5, 1)
    assert alone.record.equals(run.record)
    for name, table in run.record.tables.items():
        assert len(table) or name == "products", name


def test_the_same_seed_gives_the_same_tables_for_any_threads_and_batch(run, model, pool):
    for threads, batch in ((1, 1000), (2, 50)):
        other = Pool(model, small.small_patients(model, 120), pool.protocol, seed=11, threads=threads, batch=batch)
        again = run_trials(other, pool.protocol, DESIGN, 5, TRIALS)
        for name, table in run.replicates.tables.items():
            pd.testing.assert_frame_equal(table, again.replicates.table(name), check_exact=True)


def test_another_seed_gives_another_trial(run, pool):
    assert not run_trials(pool, pool.protocol, DESIGN, 6, 1).record.equals(run.record)


def test_decisions_are_those_of_the_single_design(run):
    """The arrays' path decided; `decide` on the outcomes as text must have said the same."""
    table = run.replicates.table("decisions")
    subjects = run.replicates.table("subjects")
    for trial, rows in table.groupby("trial"):
        assert rows["decision"].iloc[-1] in ("declare", "stop")
        enrolled = subjects[subjects["trial"] == trial]
        for now, after in zip(rows.itertuples(), list(rows.itertuples())[1:], strict=False):
            made = DESIGN.decide(parse_outcomes(now.seen))
            assert (made.action, made.level) == (now.decision, now.level_to)
            assert (enrolled.loc[enrolled["cohort"] == after.cohort, "level"] == made.level).all()
        assert DESIGN.decide(parse_outcomes(rows["seen"].iloc[-1])).stop


def test_conduct_reads_the_same_decisions_from_the_record(run, pool):
    """A virtual trial's record, taken for a real one's."""
    conduct = Conduct(DESIGN, pool.protocol.dlt, pool.protocol.dlt_window_days, pool.protocol.replace)
    for trial in range(1, TRIALS + 1):
        record = run.replicates.trial(trial)
        made = conduct.decisions(record)
        columns = ["seen", "decision", "level_from", "level_to", "reason", "cohort"]
        assert made[columns].astype(str).equals(record.decisions[columns].astype(str))
        np.testing.assert_allclose(made["day"][1:].astype(float), record.decisions["day"][1:].astype(float))


def test_levels_rise_by_one_and_hold_at_most_six_evaluable(run):
    subjects = run.replicates.table("subjects")
    disposition = run.replicates.table("disposition")
    judged = disposition[disposition["milestone"] == "DLT-evaluable"].merge(subjects, on=["trial", "subject_id"])
    assert judged.groupby(["trial", "level"]).size().max() <= 6
    for _, mine in subjects.groupby("trial"):
        highest = mine["level"].cummax()
        assert highest.iloc[0] == 1
        assert highest.diff().fillna(0).max() <= 1


def test_who_cannot_be_judged_is_replaced_in_the_same_cohort(run):
    disposition = run.replicates.table("disposition")
    replaced = disposition[disposition["milestone"] == "replaced"]
    evaluable = disposition[disposition["milestone"] == "DLT-evaluable"]
    subjects = run.replicates.table("subjects")
    assert len(replaced) > 5
    assert len(replaced) + len(evaluable) == len(subjects)
    size = evaluable.merge(subjects, on=["trial", "subject_id"]).groupby(["trial", "cohort"]).size()
    assert set(size) == {3}


def test_nobody_is_replaced_where_the_protocol_says_so(model):
    protocol = small.small_protocol(replace="nobody")
    pool = Pool(model, small.small_patients(model, 120), protocol, seed=11)
    made = run_trials(pool, protocol, DESIGN, 5, 20).replicates
    assert "replaced" not in set(made.table("disposition")["milestone"])
    assert set(made.table("subjects").groupby(["trial", "cohort"]).size()) == {3}
    # the decisions are those by which patients were enrolled: who left early counts as without DLT
    last = made.table("decisions").groupby("trial").tail(1)
    assert set(last["decision"]) <= {"declare", "stop"}
    letters = last["seen"].str.count("[TN]").to_numpy()
    assert (letters == made.table("subjects").groupby("trial").size().to_numpy()).all()
    conduct = Conduct(DESIGN, protocol.dlt, protocol.dlt_window_days, replace="nobody")
    for trial in range(1, 21):
        record = made.trial(trial)
        assert conduct.decisions(record)["seen"].tolist() == record.decisions["seen"].tolist()


def test_enrolment_days_rise_and_cohorts_wait_for_the_one_before(run):
    subjects = run.replicates.table("subjects")
    decisions = run.replicates.table("decisions")
    opened = decisions.assign(cohort=decisions["cohort"].fillna(0) + 1)[["trial", "cohort", "day"]]
    both = subjects.merge(opened, on=["trial", "cohort"])
    assert (both["enrolled_day"] > both["day"]).all()
    assert (subjects.groupby("trial")["enrolled_day"].diff().dropna() > 0).all()


def test_patients_are_drawn_without_replacement(pool):
    def outcomes(level, patients):
        return pool.outcomes(level)

    drawn = enrol(pool.plan, pool.weights, outcomes, DESIGN, 5, TRIALS)
    for trial in range(1, TRIALS + 1):
        mine = drawn.patient[drawn.of_trial(trial)]
        assert len(set(mine.tolist())) == len(mine)
    assert len(set(drawn.patient.tolist())) > 100


def test_weights_are_followed(pool):
    weights = np.where(np.arange(120) < 60, 9.0, 1.0)
    drawn = enrol(pool.plan, weights, lambda level, patients: pool.outcomes(level), DESIGN, 5, 200)
    first = drawn.patient[drawn.slot == 0]
    assert (first < 60).mean() == pytest.approx(0.9, abs=0.07)


def test_a_pool_that_is_too_small_is_named(model):
    few = Pool(model, small.small_patients(model, 4), small.small_protocol(), seed=11)
    with pytest.raises(StudyError, match="more than the 4 patients of the pool"):
        run_trials(few, few.protocol, DESIGN, 5, 3)


def test_responses_follow_from_the_lesions_of_the_record(run):
    for trial in range(1, 9):
        record = run.replicates.trial(trial)
        ours = record.responses.sort_values(["subject_id", "best", "day"]).reset_index(drop=True)
        derived = (
            responses_from_lesions(record.lesions).sort_values(["subject_id", "best", "day"]).reset_index(drop=True)
        )
        assert ours["overall"].tolist() == derived["overall"].tolist()
        np.testing.assert_allclose(ours["day"].astype(float), derived["day"].astype(float))
        for column in ("sum_mm", "nadir_mm", "change_from_baseline_percent", "change_from_nadir_percent"):
            np.testing.assert_allclose(ours[column].to_numpy(float), derived[column].to_numpy(float), atol=1e-9)


def test_survival_agrees_with_disposition_and_responses(run):
    survival = run.replicates.table("survival").set_index(["trial", "subject_id", "endpoint"])
    disposition = run.replicates.table("disposition").set_index(["trial", "subject_id", "milestone"])["day"]
    responses = run.replicates.table("responses")
    visits = responses[~responses["best"].astype(bool)]
    scans = visits.groupby(["trial", "subject_id"], observed=True)["day"].max()
    progressed = visits[visits["overall"] == "PD"]
    progressed = progressed.set_index(["trial", "subject_id"])["day"]
    deaths = survival.xs("OS", level="endpoint")
    for (trial, subject), row in deaths.iterrows():
        died = disposition.get((trial, subject, "death"))
        assert bool(row["event"]) == (died is not None)
        assert row["day"] == max(died if died is not None else disposition[trial, subject, "off study"], 0.0)
        pfs = survival.loc[(trial, subject, "PFS")]
        day = progressed.get((trial, subject))
        if day is not None:
            assert bool(pfs["event"])
            assert pfs["day"] == day
            assert bool(survival.loc[(trial, subject, "TTP"), "event"])
        else:
            assert bool(pfs["event"]) == bool(row["event"])
            # without an event, nothing is known of progression after the last scan
            assert pfs["day"] == (row["day"] if row["event"] else scans.get((trial, subject), 0.0))
        assert pfs["day"] <= row["day"]


def test_doses_stop_with_treatment(run):
    exposures = run.record.exposures
    off = run.record.disposition.query("milestone == 'off treatment'").set_index("subject_id")["day"]
    last = exposures.groupby("subject_id")["end_day"].max()
    assert (last < off[last.index]).all()
    blocks = exposures[exposures["start_day"] >= 0]
    assert (blocks["start_day"] % 21 == 0).all()
    cut = blocks[blocks["end_day"] < blocks["start_day"] + 4]
    assert cut["reason"].str.startswith("stopped: ").all()
    levels = run.record.subjects.set_index("subject_id")["level"]
    assert blocks["amount"].tolist() == [{1: 50.0, 2: 200.0, 3: 500.0}[levels[s]] for s in blocks["subject_id"]]


def test_events_grow_worse_and_dlts_are_flagged(run):
    events = run.replicates.table("adverse_events")
    disposition = run.replicates.table("disposition")
    for _, mine in events.groupby(["trial", "subject_id", "term"], observed=True):
        assert (mine["grade"].diff().dropna() > 0).all()
        assert (mine["end_day"].iloc[:-1].to_numpy() == mine["start_day"].iloc[1:].to_numpy()).all()
    flagged = events[events["dlt"].astype(bool)][["trial", "subject_id"]].astype(str).drop_duplicates()
    toxic = disposition[
        (disposition["milestone"] == "DLT-evaluable") & (disposition["reason"] == "dose-limiting toxicity")
    ]
    assert set(map(tuple, flagged.to_numpy())) == set(map(tuple, toxic[["trial", "subject_id"]].astype(str).to_numpy()))
    assert len(flagged) > 20
    stopped = disposition[disposition["milestone"] == "off treatment"]
    limited = stopped[stopped["reason"] == "dose-limiting toxicity"]
    late = stopped[stopped["reason"] == "toxicity outside the DLT window"]
    keys = [set(map(tuple, t[["trial", "subject_id"]].astype(str).to_numpy())) for t in (limited, late, flagged)]
    assert keys[0] <= keys[2]
    assert len(keys[1]) > 0
    assert not keys[1] & keys[2]
    assert set(events.loc[events["term"] == "rash", "related"]) == {"no"}


def test_one_baseline_for_each_marker_before_the_first_dose(run):
    table = run.record.measurements
    baseline = table[table["baseline"]]
    assert (baseline["day"] == -7.0).all()
    assert (baseline.groupby(["subject_id", "marker"]).size() == 1).all()
    assert len(baseline) == 2 * len(run.record.subjects)


def test_samples_carry_their_dose_and_limit(run):
    table = run.record.concentrations
    assert set(table["period"]) == {"day 1", "day 5"}
    np.testing.assert_allclose(table["day"], table["dose_day"] + table["hours_after_dose"] / 24)
    assert (table["value"].isna() == table["below_limit"]).all()
    assert (table["limit"] == 0.2).all()


def test_assay_errors_differ_between_trials_but_not_between_runs(run, pool):
    """The same patient in two trials has the same truth and other readings."""
    table = run.replicates.table("measurements")
    first = table[(table["marker"] == "NK") & table["baseline"].astype(bool)]
    assert first["value"].nunique() == len(first)


def test_left_out_agents_are_gone_from_the_potential_record(run):
    record = run.potential["drug"].validate()
    assert record.subjects.equals(run.record.subjects)
    assert record.exposures.empty
    assert record.concentrations.empty


def test_operating_characteristics_match_the_pools_own_rates(model):
    """No replacement needed: the share of trials that stop at level 1 follows from the pool's DLT rate there."""
    protocol = small.small_protocol(replace="nobody")
    pool = Pool(model, small.small_patients(model, 120), protocol, seed=11)
    trials = 1500
    made = run_trials(pool, protocol, ThreePlusThree(1), 5, trials).replicates.table("decisions")
    none = (made["decision"] == "stop").sum() / trials
    dlt = np.isfinite(pool.outcomes(1).first_limiting(pool.plan))
    rng = np.random.default_rng(0)
    six = np.array([rng.permutation(dlt)[:6] for _ in range(20_000)])
    expected = ((six[:, :3].sum(axis=1) >= 2) | (six.sum(axis=1) >= 2)).mean()
    assert none == pytest.approx(expected, abs=4 * np.sqrt(expected / trials) + 0.002)


def test_a_bare_protocol_runs(model):
    """Nothing but doses and toxicity: no samples, no immune monitoring, no scans; infusions, and two doses a day."""
    infused = Treatment(
        "drug", (50.0, 400.0), "mg", "intravenous infusion", ((1, 2), (4, 4)), infusion_days=1.5, cycle_days=21.0
    )
    twice = Treatment("drug", (20.0,), "mg", "oral", ((2, 3), (6, 7)), times_per_day=2)
    protocol = small.small_protocol(
        levels=(Level(1, "low"), Level(2, "high")),
        treatments=(infused, twice),
        sampling=SamplingPlan(),
        immune=ImmunePlan(),
        tumour=None,
    )
    pool = Pool(model, small.small_patients(model, 60), protocol, seed=11)
    record = run_trials(pool, protocol, ThreePlusThree(2), 5, 3).record.validate()
    assert set(record.survival["endpoint"]) == {"OS"}
    assert record.lesions.empty
    assert record.responses.empty
    assert record.concentrations.empty
    first = record.exposures[(record.exposures["subject_id"] == "P0001") & (record.exposures["start_day"] < 21)]
    assert sorted(zip(first["start_day"], first["end_day"], first["route"], strict=True)) == [
        (0.0, 1.0, "intravenous infusion"),
        (1.0, 2.5, "oral"),
        (3.0, 3.0, "intravenous infusion"),
        (5.0, 6.5, "oral"),
    ]


def test_a_design_that_looks_back_at_the_last_cohort_decides_as_it_does_alone(pool):
    design = MaxPatients(Coherent(NoSkipping(Crm(3, 0.3, cohort=3))), 12)
    made = run_trials(pool, pool.protocol, design, 5, 20).replicates.table("decisions")
    for _, rows in made.groupby("trial"):
        for now in rows.itertuples():
            again = design.decide(parse_outcomes(now.seen))
            assert again.action == now.decision
            assert (again.mtd if again.stop else again.level) == (None if pd.isna(now.level_to) else now.level_to)
