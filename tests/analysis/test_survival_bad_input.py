"""Survival data that are none: each refused with a sentence that says what, in which row, and what to do."""

import datetime

import numpy as np
import pandas as pd
import pytest

from opsonin.analysis.survival import (
    bootstrap,
    cox,
    cumulative_incidence,
    exact_logrank,
    kaplan_meier,
    logrank,
    max_combo,
    permutation_logrank,
    restricted_means,
)
from opsonin.errors import AnalysisError

DAYS, EVENTS = [1.0, 2.0, 3.0, 4.0], [1, 0, 1, 1]
WRONG = {
    "events as words": (
        DAYS,
        ["dead", "alive", "dead", "dead"],
        r"texts \('alive', 'dead'; the first in row 1\); give 1",
    ),
    "events as quoted numbers": (DAYS, ["1", "0", "1", "1"], "the events are texts"),
    "a word among events": (DAYS, [1, 0, "lost", 1], r"texts \('lost'; the first in row 3\)"),
    "events of 1 and 2": (
        DAYS,
        [1, 2, 2, 1],
        r"event of row 2 is 2.*R's censored and dead: give event = \(status == 2\)",
    ),
    "an event of a half": (DAYS, [1, 0.5, 1, 0], r"event of row 2 is 0.5; give 1 \(event\) or 0 \(censored\)\.$"),
    "a missing event": (DAYS, [1, None, 0, 1], "event of row 2 is missing"),
    "a missing flag of pandas": (DAYS, pd.array([True, False, None, True], "boolean"), "event of row 3 is missing"),
    "a negative time": ([1.0, 2.0, -3.0, 4.0], EVENTS, "-3 of row 3 is negative"),
    "an infinite time": ([1.0, np.inf, 3.0, 4.0], EVENTS, "inf of row 2 is not a number"),
    "a missing time": (pd.array([1, 2, None, 4], "Int64"), EVENTS, "row 3 is not a number; leave out"),
    "dates": (pd.date_range("2021-03-01", periods=4), EVENTS, r"times are dates; count days from one origin"),
    "dates as objects": ([datetime.date(2021, 3, k) for k in (1, 2, 3, 4)], EVENTS, "'2021-03-01' of row 1 is a date"),
    "dates as texts": (["12", "2021-03-01", "4", "5"], EVENTS, "'2021-03-01' of row 2 is a date; count days"),
    "dates the European way": (["03/04/2021"] * 4, EVENTS, "'03/04/2021' of row 1 is a date"),
    "durations": (pd.to_timedelta([1, 2, 3, 4], "D"), EVENTS, "times are durations; divide them"),
    "times with their unit": (["12 days", "3 days", "4 days", "9 days"], EVENTS, "'12 days' of row 1 is no number"),
    "too few events": (DAYS, [1, 0, 1], "one event flag for each time"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_survival_data_is_named(case):
    time, event, message = WRONG[case]
    with pytest.raises(AnalysisError, match=message):
        kaplan_meier(time, event)


GROUP = ["a", "b", "a", "b"]
CALLS = {
    "kaplan_meier": kaplan_meier,
    "logrank": lambda t, d: logrank(t, d, GROUP),
    "max_combo": lambda t, d: max_combo(t, d, GROUP),
    "exact_logrank": lambda t, d: exact_logrank(t, d, GROUP),
    "permutation_logrank": lambda t, d: permutation_logrank(t, d, GROUP),
    "restricted_means": lambda t, d: restricted_means(t, d, GROUP),
    "bootstrap": bootstrap,
    "cox": lambda t, d: cox(t, d, [1.0, 2.0, 2.0, 1.0]),
}


@pytest.mark.parametrize("call", CALLS)
def test_every_function_refuses_a_negative_time_and_events_as_words(call):
    with pytest.raises(AnalysisError, match="row 2 is negative"):
        CALLS[call]([1.0, -2.0, 3.0, 4.0], EVENTS)
    with pytest.raises(AnalysisError, match="the events are texts"):
        CALLS[call](DAYS, ["yes", "no", "yes", "yes"])


def test_events_and_times_may_come_in_any_numeric_or_boolean_kind():
    expected = kaplan_meier(DAYS, EVENTS).survival
    kinds = [np.array(EVENTS, "int8"), np.array(EVENTS, float), np.array(EVENTS, bool), pd.array(EVENTS, "Int64")]
    kinds += [pd.array([True, False, True, True], "boolean"), pd.Series(EVENTS, index=[9, 4, 2, 7])]
    for event in kinds:
        np.testing.assert_array_equal(kaplan_meier(DAYS, event).survival, expected)
    for time in (pd.array([1, 2, 3, 4], "Int64"), [1, 2, 3, 4], ["1", "2", "3", "4"], pd.Series(DAYS, dtype=object)):
        np.testing.assert_array_equal(kaplan_meier(time, EVENTS).survival, expected)


def test_a_time_of_zero_counts_from_the_first_moment():
    curve = kaplan_meier([0.0, 0.0, 3.0, 4.0], [1, 0, 1, 1])
    assert curve.at(0.0)["survival"][0] == 0.75
    assert curve.at_risk.tolist() == [4, 2, 1]
    assert cumulative_incidence([0.0, 0.0, 3.0], [1, 2, 1], 1).incidence[0] == pytest.approx(1 / 3)


def test_all_censored_is_a_curve_at_one_and_no_test():
    curve = kaplan_meier(DAYS, [0, 0, 0, 0])
    assert curve.survival.tolist() == [1.0] * 4
    assert np.isnan(curve.median.estimate)
    with pytest.raises(AnalysisError, match="at least one event; all times are censored"):
        cox(DAYS, [0, 0, 0, 0], [1.0, 2.0, 2.0, 1.0])
    with pytest.raises(AnalysisError, match="there are none"):
        logrank(DAYS, [0, 0, 0, 0], GROUP)


def test_a_missing_group_or_stratum_is_named():
    with pytest.raises(AnalysisError, match="group of row 2 is missing"):
        logrank(DAYS, EVENTS, ["a", None, "a", "b"])
    with pytest.raises(AnalysisError, match="stratum of row 4 is missing"):
        logrank(DAYS, EVENTS, GROUP, strata=[1.0, 1.0, 2.0, np.nan])


def test_groups_that_are_numbers_stand_in_the_order_of_their_size():
    assert logrank(DAYS, EVENTS, [10, 9, 10, 9]).groups == ["9", "10"]
    assert logrank(DAYS, EVENTS, ["10", "9", "10", "9"]).groups == ["10", "9"]


def test_a_category_without_patients_is_no_group():
    arms = pd.Categorical(GROUP, categories=["a", "b", "c"])
    assert logrank(DAYS, EVENTS, arms).groups == ["a", "b"]
