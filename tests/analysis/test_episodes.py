"""Follow-up split at measurements: each value counts from its day; splitting as such changes no estimate."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsonin.analysis import cox, episodes
from opsonin.errors import AnalysisError

FOLLOWED = pd.DataFrame({"subject_id": ["a", "b", "c", "d"], "day": [100.0, 50, 30, 10], "event": [1, 0, 1, 1]})
MEASURED = pd.DataFrame(
    {
        "subject_id": ["a", "a", "b", "b", "c", "c"],
        "day": [-5.0, 15, 20, 60, 0, 30],
        "NK": [1.0, 2, 3, 4, 5, 6],
    }
)


def as_rows(found):
    return [tuple(row) for row in found.rows.itertuples(index=False)]


def test_a_value_counts_from_its_day_to_the_next_and_the_event_stands_in_the_last():
    found = episodes(FOLLOWED, MEASURED)
    assert as_rows(found) == [
        ("a", 0.0, 15.0, False, 1.0),
        ("a", 15.0, 100.0, True, 2.0),
        ("b", 20.0, 50.0, False, 3.0),  # at risk from the first value on; the one of day 60 came too late
        ("c", 0.0, 30.0, True, 5.0),  # a value of the day of the event did not foretell it
    ]
    assert found.never_measured == ["d"]
    assert (found.subjects, found.events, found.events_left_out) == (3, 2, 1)
    assert "1 left out for want of a value" in found.sentence


def test_values_count_from_when_they_were_known_and_lose_their_validity():
    found = episodes(FOLLOWED, MEASURED, delay_days=1, valid_days=40)
    spans = [row[:3] for row in as_rows(found)]
    assert ("a", 0.0, 16.0) in spans
    assert max(stop for who, _, stop in spans if who == "a") == 56.0  # 15 + 1 + 40
    assert ("c", 1.0, 30.0) in spans
    assert found.events_left_out == 2


def test_several_markers_each_carry_their_own_last_value_and_other_columns_go_along():
    measured = MEASURED.assign(CD4=[np.nan, 7.0, 8, np.nan, 9, np.nan])
    found = episodes(FOLLOWED.assign(arm=[1, 0, 1, 0]), measured)
    assert as_rows(found) == [
        ("a", 15.0, 100.0, True, 2.0, 7.0, 1),
        ("b", 20.0, 50.0, False, 3.0, 8.0, 0),
        ("c", 0.0, 30.0, True, 5.0, 9.0, 1),
    ]
    assert found.markers == ["NK", "CD4"]


@given(st.integers(0, 10_000))
@settings(max_examples=20)
def test_splitting_at_days_on_which_nothing_changes_changes_no_estimate(seed):
    rng = np.random.default_rng(seed)
    n = 40
    followed = pd.DataFrame(
        {
            "subject_id": [f"P{k}" for k in range(n)],
            "day": np.ceil(rng.exponential(30, n)),
            "event": rng.random(n) < 0.7,
        }
    )
    x = rng.normal(size=n)
    days = [np.unique(np.r_[0.0, rng.integers(1, 40, 4)]) for _ in range(n)]
    measured = pd.concat(
        [pd.DataFrame({"subject_id": f"P{k}", "day": days[k], "marker": x[k]}) for k in range(n)], ignore_index=True
    )
    rows = episodes(followed, measured.sample(frac=1, random_state=seed)).rows
    whole = cox(followed["day"], followed["event"], x)
    split = cox(rows["exit"], rows["event"], rows["marker"], entry=rows["entry"], cluster=rows["subject_id"])
    assert split.coefficient[0] == pytest.approx(whole.coefficient[0], rel=1e-6, abs=1e-8)
    assert split.se[0] == pytest.approx(whole.se[0], rel=1e-6)
    by_patient = cox(followed["day"], followed["event"], x, cluster=followed["subject_id"])
    assert split.robust_se[0] == pytest.approx(by_patient.robust_se[0], rel=1e-6)


def test_immortal_time_makes_a_useless_response_look_good_and_episodes_do_not():
    """Who lives longer has more time to respond: against the outcome from day 1, response "protects"."""
    rng = np.random.default_rng(11)
    n = 1500
    death, response = rng.exponential(200, n), rng.exponential(150, n)
    who = [f"P{k}" for k in range(n)]
    followed = pd.DataFrame({"subject_id": who, "day": death, "event": 1})
    naive = cox(death, np.ones(n), (response < death).astype(float))
    measured = pd.concat(
        [
            pd.DataFrame({"subject_id": who, "day": 0.0, "responded": 0.0}),
            pd.DataFrame({"subject_id": who, "day": response, "responded": 1.0}),
        ]
    )
    rows = episodes(followed, measured).rows
    honest = cox(rows["exit"], rows["event"], rows["responded"], entry=rows["entry"])
    assert naive.hazard_ratio[0] < 0.5
    assert naive.p[0] < 1e-20
    assert honest.interval[0, 0] < 1 < honest.interval[0, 1]


@pytest.mark.parametrize(
    ("followed", "measured", "options", "message"),
    [
        (pd.concat([FOLLOWED, FOLLOWED.iloc[[1]]]), MEASURED, {}, "subject 'b' has more than one follow-up"),
        (FOLLOWED, pd.concat([MEASURED, MEASURED.iloc[[1]]]), {}, "'a' has two rows of measurements on day 15"),
        (FOLLOWED.drop(columns="event"), MEASURED, {}, "the follow-up table lacks the column 'event'"),
        (FOLLOWED, MEASURED.drop(columns="NK"), {}, "one column per marker, .* there is none"),
        (FOLLOWED.assign(NK=1.0), MEASURED, {}, "'NK' stands in both tables"),
        (FOLLOWED, MEASURED.assign(NK="high"), {}, "days and markers are numbers"),
        (FOLLOWED, MEASURED.assign(day=np.nan), {}, "a measurement of subject 'a' has no day"),
        (FOLLOWED, MEASURED.assign(day=MEASURED["day"] + 500), {}, "nobody has a value of NK while at risk"),
        (FOLLOWED, MEASURED, {"valid_days": 0}, "valid_days above 0"),
    ],
)
def test_tables_that_cannot_be_split_say_why(followed, measured, options, message):
    with pytest.raises(AnalysisError, match=message):
        episodes(followed, measured, **options)
