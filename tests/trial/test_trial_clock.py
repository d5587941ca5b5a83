"""Replicate trials whose design looks at more than counts: on their own clock, as the record tells."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from opsonin.conduct import Conduct, Endpoints, ImmuneEndpoint
from opsonin.criteria import responses_from_lesions
from opsonin.designs import (
    Boin,
    Boin12,
    GBoin,
    MaxPatients,
    RollingSix,
    Saturating,
    TiteBoin,
    TiteCrm,
    parse_outcomes,
)
from opsonin.designs.evidence import EFFICACY, GRADES, IMMUNE
from opsonin.trial import ImmuneEffect, Pool, run_trials
from trial import small

SEEN = {
    "response_days": 84.0,
    "immune_effect": ImmuneEffect("NK", 15, "ratio"),
}
DESIGNS = {
    "tite-boin": MaxPatients(TiteBoin(3, 0.3, window_days=21.0), 15),
    "tite-crm": MaxPatients(TiteCrm(3, window_days=21.0), 15),
    "rolling-six": RollingSix(3, window_days=21.0),
    "gboin": MaxPatients(GBoin(3), 15),
    "boin12": MaxPatients(Boin12(3), 15),
    "saturating": MaxPatients(Saturating(Boin(3, 0.3), baseline=1.0), 15),
    "saturating tite-boin": MaxPatients(Saturating(TiteBoin(3, 0.3, window_days=21.0), baseline=1.0), 15),
}
TRIALS = 8


@pytest.fixture(scope="module")
def pools(model):
    """Pools under a protocol that says what counts, by who is replaced."""
    made = {}
    for replace in ("not evaluable", "nobody"):
        protocol = small.small_protocol(**SEEN, replace=replace)
        made[replace] = Pool(model, small.small_patients(model, 120), protocol, seed=11)
    return made


@pytest.fixture(scope="module")
def runs(pools):
    pool = pools["not evaluable"]
    return {name: run_trials(pool, pool.protocol, design, 5, TRIALS) for name, design in DESIGNS.items()}


@pytest.mark.parametrize("name", DESIGNS)
def test_the_record_is_valid_and_is_trial_one(runs, pools, name):
    run, pool = runs[name], pools["not evaluable"]
    run.record.validate()
    run.replicates.validate()
    assert run_trials(pool, pool.protocol, DESIGNS[name], 5, 1).record.equals(run.record)


@pytest.mark.parametrize("name", ["tite-crm", "boin12", "saturating tite-boin"])
def test_the_same_tables_for_any_threads_and_batch(runs, pools, model, name):
    protocol = pools["not evaluable"].protocol
    for threads, batch in ((1, 1000), (2, 37)):
        pool = Pool(model, small.small_patients(model, 120), protocol, seed=11, threads=threads, batch=batch)
        again = run_trials(pool, protocol, DESIGNS[name], 5, TRIALS)
        for table, rows in runs[name].replicates.tables.items():
            pd.testing.assert_frame_equal(rows, again.replicates.table(table), check_exact=True)


@pytest.mark.parametrize("name", [name for name in DESIGNS if "saturating" not in name])
def test_decisions_follow_from_what_the_record_says_was_seen(runs, name):
    """The text form of what was seen leads the single design to the same decision."""
    design, decisions = DESIGNS[name], runs[name].replicates.table("decisions")
    for _, rows in decisions.groupby("trial"):
        assert rows["decision"].iloc[-1] in ("declare", "stop")
        assert rows["day"].is_monotonic_increasing
        for now in rows.itertuples():
            made = design.decide(parse_outcomes(now.seen))
            assert made.action == now.decision, now.seen
            goes = made.mtd if made.stop else made.level
            assert goes == (None if pd.isna(now.level_to) else now.level_to)
            assert now.reason


@pytest.mark.parametrize("name", DESIGNS)
def test_who_comes_is_treated_at_the_level_of_the_last_decision(runs, name):
    replicates = runs[name].replicates
    subjects, decisions = replicates.table("subjects"), replicates.table("decisions")
    for trial, rows in decisions.groupby("trial"):
        mine = subjects[subjects["trial"] == trial]
        treats = rows[~rows["decision"].isin(["wait", "stop", "declare"])]
        for (_, cohort), (_, made) in zip(mine.groupby("cohort"), treats.iterrows(), strict=True):
            assert (cohort["level"] == made["level_to"]).all()
            assert (cohort["enrolled_day"] >= made["day"] - 1e-9).all()


def test_late_toxicity_designs_wait_and_are_quicker_than_those_that_wait_for_everybody(runs, pools):
    pool = pools["not evaluable"]
    slow = run_trials(pool, pool.protocol, MaxPatients(Boin(3, 0.3), 15), 5, TRIALS).replicates
    quick = runs["tite-boin"].replicates
    assert "wait" in set(quick.table("decisions")["decision"])

    def lasts(made):
        last = made.table("decisions").groupby("trial")["day"].max()
        return (last / made.table("subjects").groupby("trial").size()).mean()

    assert lasts(quick) < 0.9 * lasts(slow)


def test_nobody_is_judged_before_their_own_dlt_day(runs):
    """A DLT is a T in what was seen from its own day on the trial's clock, and not before."""
    replicates = runs["tite-crm"].replicates
    subjects, decisions = replicates.table("subjects"), replicates.table("decisions")
    events = replicates.table("adverse_events")
    first = events[events["dlt"].astype(bool)].groupby(["trial", "subject_id"], observed=True)["start_day"].min()
    checked = 0
    for trial, rows in decisions.groupby("trial"):
        mine = subjects[subjects["trial"] == trial]
        day = [first.get((trial, subject), np.inf) for subject in mine["subject_id"]]
        known = mine["enrolled_day"].to_numpy() + 7.0 + np.array(day)  # patients come a week before day 1
        for now in rows.itertuples():
            assert now.seen.count("T") == (known <= now.day + 1e-9).sum()
            checked += now.seen.count("T")
    assert checked > 20


def test_who_leaves_before_the_window_is_over_is_no_longer_seen(runs, pools):
    """Replaced in effect: another patient comes; where nobody is replaced they count as without a DLT."""
    replicates = runs["tite-boin"].replicates
    last = replicates.table("decisions").groupby("trial").tail(1)
    letters = last["seen"].str.count("[NT]").to_numpy()
    disposition = replicates.table("disposition")
    evaluable = disposition[disposition["milestone"] == "DLT-evaluable"].groupby("trial").size()
    enrolled = replicates.table("subjects").groupby("trial").size()
    assert (letters == evaluable.to_numpy()).all()
    assert (enrolled > evaluable).any()
    pool = pools["nobody"]
    kept = run_trials(pool, pool.protocol, DESIGNS["tite-boin"], 5, TRIALS).replicates
    last = kept.table("decisions").groupby("trial").tail(1)
    assert (last["seen"].str.count("[NT]").to_numpy() == kept.table("subjects").groupby("trial").size()).all()


def test_responses_that_were_seen_are_those_of_the_lesions(runs):
    """At the end: who responds by RECIST within the time given, and only they, is an E or a B."""
    replicates = runs["boin12"].replicates
    responders = 0
    for trial in range(1, TRIALS + 1):
        record = replicates.trial(trial)
        derived = responses_from_lesions(record.lesions)
        visits = derived[~derived["best"].astype(bool) & (derived["day"] <= 84)]
        judged = set(record.disposition.query("milestone == 'DLT-evaluable'")["subject_id"])
        good = set(visits[visits["overall"].isin(["CR", "PR"])]["subject_id"].astype(str)) & judged
        seen = record.decisions["seen"].iloc[-1]
        assert seen.count("E") + seen.count("B") == len(good)
        responders += len(good)
    assert responders > 5


def test_a_design_that_waits_does_so_until_responses_are_known(runs):
    replicates = runs["boin12"].replicates
    subjects, decisions = replicates.table("subjects"), replicates.table("decisions")
    opened = decisions.assign(cohort=decisions["cohort"].fillna(0) + 1)[["trial", "cohort", "day"]]
    gap = opened.groupby("trial")["day"].diff().dropna()
    assert gap.median() > 42  # the first scan, not the DLT window of three weeks
    both = subjects.merge(opened, on=["trial", "cohort"])
    assert (both["enrolled_day"] >= both["day"]).all()


def test_grades_are_the_worst_of_the_window(runs):
    record = runs["gboin"].record
    seen = parse_outcomes(record.decisions["seen"].iloc[-1])
    events = record.adverse_events[(record.adverse_events["related"] == "yes")]
    inside = events[(events["start_day"] >= 0) & (events["start_day"] < 21)]
    worst = inside.groupby(inside["subject_id"].astype(str))["grade"].max()
    judged = set(record.disposition.query("milestone == 'DLT-evaluable'")["subject_id"])
    expected = [int(worst.get(s, 0)) for s in record.subjects["subject_id"].astype(str) if s in judged]
    assert seen.grade is not None
    assert seen.grade.tolist() == expected
    assert max(expected) > 1


def test_needs_are_what_this_file_covers():
    needs = frozenset().union(*(design.needs for design in DESIGNS.values()))
    assert {EFFICACY, GRADES, IMMUNE} < needs


@pytest.mark.parametrize("name", [name for name in DESIGNS if name != "saturating tite-boin"])
def test_conduct_says_the_same_on_each_day_from_the_record_so_far(runs, name):
    """The record taken for a real trial's: of the patients who had come before that day, what is known by then."""
    effect = ImmuneEndpoint("NK", 14.0, "ratio")
    protocol = small.small_protocol(**SEEN)
    conduct = Conduct(
        DESIGNS[name], protocol.dlt, protocol.dlt_window_days, protocol.replace, Endpoints(84.0, immune=effect)
    )
    for trial in (1, 2):
        record = runs[name].replicates.trial(trial)
        for made in record.decisions.iloc[1:].itertuples():
            come = record.subjects[record.subjects["enrolled_day"] < made.day - 1e-9]
            tables = ("adverse_events", "disposition", "responses", "lesions", "measurements")
            so_far = {table: getattr(record, table) for table in tables}
            so_far = {table: rows[rows["subject_id"].isin(come["subject_id"])] for table, rows in so_far.items()}
            said = conduct.next(SimpleNamespace(subjects=come, **so_far), made.day)
            assert said.action == made.decision, made.seen
            goes = said.mtd if said.stop else said.level
            assert goes == (None if pd.isna(made.level_to) else made.level_to)
