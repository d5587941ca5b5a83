"""What designs are shown in virtual trials: an immune effect, confirmed responses, lots, patients on backfill."""

import numpy as np
import pandas as pd
import pytest

from opsonin.designs import Backfill, Boin, Boin12, BoinComb, MaxPatients, Saturating, TiteBoin, parse_outcomes
from opsonin.errors import StudyError
from opsonin.trial import ImmuneEffect, Pool, TumourPlan, run_trials
from opsonin.trial.enrol import escalate
from trial import small

TRIALS = 8


@pytest.mark.parametrize("change", ["", "ratio", "difference"])
def test_the_immune_effect_is_the_one_of_the_record(model, change):
    protocol = small.small_protocol(immune_effect=ImmuneEffect("NK", 15, change))
    pool = Pool(model, small.small_patients(model, 120), protocol, seed=11)
    design = MaxPatients(Saturating(Boin(3, 0.3)), 12)

    def at(level, patients):
        return pool.outcomes(level, frozenset(), patients)

    made = escalate(pool.plan, pool.weights, at, design, 5, 3, pool.seed)
    replicates = run_trials(pool, protocol, design, 5, 3).replicates
    table = replicates.table("measurements")
    table = table[table["marker"] == "NK"].set_index(["trial", "subject_id", "day"])["value"]
    enrolled = made.enrolment
    for trial, slot in zip(enrolled.trial.tolist(), enrolled.slot.tolist(), strict=True):
        who = f"P{slot + 1:04d}"
        value, base = table.get((trial, who, 14.0)), table.get((trial, who, -7.0))
        ours = made.state.immune[trial - 1, slot]
        if value is None:
            assert np.isnan(ours)
            continue
        expected = {"": value, "ratio": value / base, "difference": value - base}[change]
        assert ours == pytest.approx(expected, rel=1e-12)


def test_the_dose_of_a_saturating_effect_is_declared_when_the_effect_is_known(model):
    """The panel of day 22 comes after the DLT window; nothing is declared before it."""
    protocol = small.small_protocol(
        immune=small.ImmunePlan("P", (-7, 1, 29)), immune_effect=ImmuneEffect("NK", 29, "ratio")
    )
    pool = Pool(model, small.small_patients(model, 120), protocol, seed=11)
    for inner in (Boin(3, 0.3), TiteBoin(3, 0.3, window_days=21.0)):
        made = run_trials(pool, protocol, MaxPatients(Saturating(inner), 12), 5, 8).replicates
        decisions, subjects = made.table("decisions"), made.table("subjects")
        off = made.table("disposition").query("milestone == 'off study'").set_index(["trial", "subject_id"])["day"]
        for trial, rows in decisions.groupby("trial"):
            if rows["decision"].iloc[-1] != "declare":
                continue
            mine = subjects[subjects["trial"] == trial]
            seen_on_day = [off[trial, subject] > 28 for subject in mine["subject_id"]]
            last = mine["enrolled_day"][seen_on_day].max() + 7 + 28
            assert rows["day"].iloc[-1] >= last - 1e-9


@pytest.mark.parametrize(
    ("design", "changes", "match"),
    [
        (Boin12(3), {}, "looks at responses.*response = "),
        (Boin12(3), {"response_days": 84.0, "tumour": None}, "has no scans"),
        (Saturating(Boin(3, 0.3)), {}, "looks at an immune effect; say which"),
        (Saturating(Boin(3, 0.3)), {"immune_effect": ImmuneEffect("CD8", 15)}, "'CD8' is not measured on day 15"),
        (Saturating(Boin(3, 0.3)), {"immune_effect": ImmuneEffect("NK", 16)}, "'NK' is not measured on day 16"),
    ],
)
def test_what_the_protocol_does_not_measure_is_named(model, design, changes, match):
    protocol = small.small_protocol(**changes)
    pool = Pool(model, small.small_patients(model, 40), protocol, seed=11)
    with pytest.raises(StudyError, match=match):
        run_trials(pool, protocol, MaxPatients(design, 12), 5, 1)


def test_lots_are_told_as_they_fell(model):
    """Two drugs: equal neighbours are drawn by lot, and the record tells the cell that was drawn."""
    levels = tuple(small.Level(k, f"cell {k}") for k in range(1, 5))
    doses = tuple(
        small.Treatment("drug", amounts, "mg", "oral", ((1, 5),), cycle_days=21.0) for amounts in ((20.0, 20, 90, 90),)
    )
    protocol = small.small_protocol(levels=levels, treatments=doses)
    pool = Pool(model, small.small_patients(model, 120), protocol, seed=11)
    design = MaxPatients(BoinComb(4, columns=2, target=0.3), 12)
    made = run_trials(pool, protocol, design, 5, 20).replicates
    subjects, decisions = made.table("subjects"), made.table("decisions")
    went = set()
    for trial, rows in decisions.groupby("trial"):
        mine = subjects[subjects["trial"] == trial].groupby("cohort")["level"].first()
        treats = rows[rows["level_to"].notna() & ~rows["decision"].isin(["declare", "stop"])]
        assert treats["level_to"].tolist() == mine.tolist()
        assert all("x" in word for word in rows["seen"].iloc[-1].split())
        went |= {tuple(mine.tolist()[:2])}
    assert {(1, 2), (1, 3)} <= went


def test_a_response_to_be_confirmed_counts_when_it_is(model):
    """A response that must be confirmed is seen at the scan that confirms it, four weeks later at the earliest."""
    protocol = small.small_protocol(
        response_days=126.0, tumour=TumourPlan(every_days=42.0, confirm=True), observe_days=200.0
    )
    pool = Pool(model, small.small_patients(model, 120), protocol, seed=11)
    made = run_trials(pool, protocol, MaxPatients(Boin12(3), 12), 5, 6).replicates
    seen = confirmed = 0
    for trial in range(1, 7):
        record = made.trial(trial)
        visits = record.responses[~record.responses["best"].astype(bool)]
        sure = visits[visits["confirmed"].fillna(False).astype(bool) & (visits["day"] <= 84)]
        judged = set(record.disposition.query("milestone == 'DLT-evaluable'")["subject_id"])
        confirmed += len(set(sure["subject_id"].astype(str)) & judged)
        text = record.decisions["seen"].iloc[-1]
        seen += text.count("E") + text.count("B")
    assert seen == confirmed > 0


def test_patients_on_backfill_are_treated_below_and_counted(model):
    """Their cohort is 0; their DLTs stand in what was seen, and doses open where a response has been seen."""
    pool = Pool(model, small.small_patients(model, 120), small.small_protocol(response_days=84.0), seed=11)
    for responses in (True, False):
        design = MaxPatients(Backfill(Boin(3, 0.3), responses=responses), 15)
        made = run_trials(pool, pool.protocol, design, 5, TRIALS).replicates
        subjects, decisions = made.table("subjects"), made.table("decisions")
        beside = subjects[subjects["cohort"] == 0]
        assert len(beside) > (0 if responses else 10)
        for trial, rows in decisions.groupby("trial"):
            last = rows["seen"].iloc[-1]
            assert len([word for word in last.split() if word.startswith("+")]) <= (beside["trial"] == trial).sum()
            for now in rows.itertuples():
                again = design.decide(parse_outcomes(now.seen))
                assert again.action == now.decision
                assert again.level == (None if again.stop or pd.isna(now.level_to) else now.level_to)
        for row in beside.itertuples():  # never above what the escalation had reached
            earlier = subjects[(subjects["trial"] == row.trial) & (subjects["enrolled_day"] < row.enrolled_day)]
            assert row.level < earlier["level"].max()


def test_backfill_by_response_needs_to_know_until_when_responses_count(model):
    pool = Pool(model, small.small_patients(model, 40), small.small_protocol(), seed=11)
    with pytest.raises(StudyError, match="looks at responses"):
        run_trials(pool, pool.protocol, MaxPatients(Backfill(Boin(3, 0.3)), 12), 5, 1)
