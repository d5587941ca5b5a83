"""Every table of many replicate trials of the bundled study, held against the others: no event after leaving, no dose
after treatment, endpoints in order, decisions from the events that are written down."""

import numpy as np
import pandas as pd
import pytest

from opsonin.study import Study
from opsonin.study.library import bundled, read

KEY = ["trial", "subject_id"]
LIMITING = ("capillary leak syndrome", "fatigue", "anorexia")


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    path = tmp_path_factory.mktemp("study") / "small.toml"
    path.write_text(read(bundled()["imatinib-il2"]).replace("pool = 2000", "pool = 60"))
    run = Study.load(path).run(seed=3, trials=30)
    found = {name: table.copy() for name, table in run.replicates.tables.items()}
    for table in found.values():
        for column in table.select_dtypes("category"):
            table[column] = table[column].astype("string")
    return found


@pytest.fixture(scope="module")
def days(tables):
    """One row a subject: milestones, and the day and event of each endpoint."""
    wide = tables["disposition"].pivot(index=KEY, columns="milestone", values="day")
    for endpoint, rows in tables["survival"].groupby("endpoint"):
        wide = wide.join(rows.set_index(KEY)[["day", "event", "cause"]].add_prefix(f"{endpoint} "))
    reasons = tables["disposition"].pivot(index=KEY, columns="milestone", values="reason")
    return wide.join(reasons.add_suffix(" reason"))


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("adverse_events", "start_day"),
        ("concentrations", "day"),
        ("measurements", "day"),
        ("lesions", "day"),
        ("responses", "day"),
        ("exposures", "end_day"),
    ],
)
def test_nothing_happens_after_a_patient_has_left(tables, days, name, column):
    rows = tables[name]
    if name == "responses":
        rows = rows[~rows["best"].astype(bool)]  # the best of none is written on day 0
    both = rows.merge(days.reset_index(), on=KEY)
    assert len(both) == len(rows) > 100
    assert (both[column] < both["off study"]).all() or (both[column] <= 730.5).all()
    gone = both[both["off study reason"] != "end of observation"]
    assert (gone[column] < gone["off study"]).all()


def test_no_dose_is_given_once_treatment_is_off(tables, days):
    both = tables["exposures"].merge(days.reset_index(), on=KEY)
    assert (both["end_day"] < both["off treatment"]).all()
    assert (days["off treatment"] <= days["off study"]).all()


def test_endpoints_are_in_order_and_agree_with_why_the_patient_left(days):
    assert (days["PFS day"] <= days["OS day"]).all()
    assert (days["TTP day"] <= days["OS day"]).all()
    died = days["OS event"].astype(bool)
    assert (died == days["death"].notna()).all()
    assert (days.loc[died, "OS day"] == days.loc[died, "death"].clip(lower=0)).all()
    assert (days["OS cause"] == days["off study reason"]).all()


def test_progression_is_the_first_scan_that_shows_it_and_the_last_one_made(tables, days):
    visits = tables["responses"][~tables["responses"]["best"].astype(bool)]
    first = visits[visits["overall"] == "PD"].groupby(KEY)["day"].min()
    progressed = days["PFS cause"] == "progression"
    assert (days.loc[progressed, "PFS day"] == first).all()
    assert set(days.index[progressed]) == set(first.index)
    last = visits.groupby(KEY)["day"].max()
    assert (last[first.index] == first).all()


def test_dlts_are_the_limiting_events_within_the_window_and_make_a_patient_evaluable(tables, days):
    events = tables["adverse_events"]
    limiting = events["term"].isin(LIMITING) & (events["grade"] >= 3) & events["start_day"].between(0, 21, "left")
    assert (events["dlt"].astype(bool) == limiting).all()
    toxic = days.index.isin(pd.MultiIndex.from_frame(events.loc[limiting, KEY]))
    evaluable = days["DLT-evaluable"].notna()
    assert toxic.any()
    assert not evaluable.all()
    assert evaluable[toxic].all()
    assert (evaluable != days["replaced"].notna()).all()
    assert (days.loc[evaluable & ~toxic, "off treatment"] >= 21).all()


def test_decisions_see_the_evaluable_patients_of_each_cohort(tables, days):
    events = tables["adverse_events"]
    toxic = pd.MultiIndex.from_frame(events.loc[events["dlt"].astype(bool), KEY])
    subjects = tables["subjects"].set_index(KEY)
    letter = np.where(subjects.index.isin(toxic), "T", "N")
    counted = subjects.assign(letter=letter)[days["DLT-evaluable"].reindex(subjects.index).notna()]
    for trial, rows in tables["decisions"].groupby("trial"):
        cohorts = counted.loc[trial].groupby("cohort")
        seen = [f"{cohort['level'].iloc[0]}{''.join(cohort['letter'])}" for _, cohort in cohorts]
        assert rows["seen"].iloc[-1] == " ".join(seen)
        assert rows["decision"].iloc[-1] in ("declare", "stop")


def test_a_cohort_comes_when_everybody_before_it_has_been_judged(tables, days):
    subjects = tables["subjects"].set_index(KEY)
    judged = days["DLT-evaluable"].fillna(days["replaced"]) - days["enrolled"]
    known = subjects["enrolled_day"] + judged.reindex(subjects.index)
    for _, rows in subjects.assign(known=known).groupby("trial"):
        assert rows["enrolled_day"].is_monotonic_increasing
        for cohort in range(2, int(rows["cohort"].max()) + 1):
            before = rows[rows["cohort"] == cohort - 1]
            assert rows.loc[rows["cohort"] == cohort, "enrolled_day"].min() >= before["known"].max()


def test_the_level_is_the_dose_that_was_given_and_baseline_is_before_any_agent(tables):
    given = tables["exposures"].query("agent == 'interleukin-2'").merge(tables["subjects"], on=KEY)
    assert (given["amount"] == 3.0 * given["level"].astype(float)).all()
    counts = tables["measurements"]
    assert set(counts.loc[counts["baseline"].astype(bool), "day"]) == {-21.0}
    assert (counts.groupby([*KEY, "marker"])["baseline"].sum() == 1).all()
