"""Regimens: from what a protocol says to amounts at times."""

import numpy as np
import pytest

from opsonin.errors import RegimenError
from opsonin.simulate import (
    GivenDoses,
    Schedule,
    build_schedule,
    day_time,
    dose_days,
    intravenous_infusion,
    oral,
    subcutaneous,
)


def test_protocol_days_have_no_day_nought():
    assert [day_time(day) for day in (-21, -1, 1, 2)] == [-21.0, -1.0, 0.0, 1.0]
    with pytest.raises(RegimenError, match="no protocol day 0"):
        day_time(0)


def test_a_block_without_cycle_is_given_once():
    times = dose_days(-21, 14)
    assert (times[0], times[-1], len(times)) == (-21.0, 13.0, 35)


def test_blocks_repeat_from_day_one():
    assert dose_days(10, 11, cycle_days=21, until_day=52).tolist() == [9.0, 10.0, 30.0, 31.0, 51.0]
    assert dose_days(10, 11, cycle_days=21, cycles=2).tolist() == [9.0, 10.0, 30.0, 31.0]
    assert dose_days(10, 11, cycle_days=21, until_day=10, cycles=9).tolist() == [9.0]


def test_doses_are_spread_over_the_day():
    assert dose_days(1, 2, times_per_day=2).tolist() == [0.0, 0.5, 1.0, 1.5]


WRONG_DAYS = [
    ({"first_day": 0, "last_day": 3}, "no protocol day 0"),
    ({"first_day": 5, "last_day": 3}, "run backwards"),
    ({"first_day": 1, "last_day": 3, "times_per_day": 0}, "0 doses a day"),
    ({"first_day": 1, "last_day": 3, "cycle_days": 21}, "have no end"),
    ({"first_day": 1, "last_day": 30, "cycle_days": 21, "cycles": 2}, "do not fit into a cycle of 21"),
    ({"first_day": -3, "last_day": 3, "cycle_days": 21, "cycles": 2}, "begin before day 1"),
    ({"first_day": 1, "last_day": 3, "cycles": 2}, "length of a cycle is missing"),
]


@pytest.mark.parametrize(("given", "message"), WRONG_DAYS, ids=[message for _, message in WRONG_DAYS])
def test_days_that_make_no_sense_are_named(given, message):
    with pytest.raises(RegimenError, match=message):
        dose_days(**given)


def test_amounts_arrive_in_the_species_unit(linear, constants):
    rows = constants(linear, 2, absorbed=np.array([0.5, 1.0]), activity=np.array([16.0, 8.0]))
    made = build_schedule(
        linear,
        rows,
        [
            subcutaneous("cytokine", 6.0, "MIU", [2.0]),
            oral("drug", np.array([[0.4], [0.2]]), "g", [1.0]),
            intravenous_infusion("drug", [10.0, 20.0], "mg", [0.0, 3.0], hours=[6, 12]),
        ],
    )
    assert made.times.tolist() == [0.0, 1.0, 2.0, 3.0]
    assert made.durations.tolist() == [0.25, 0.0, 0.0, 0.5]
    np.testing.assert_allclose(made.amounts, [[10.0, 200.0, 0.375, 20.0], [10.0, 200.0, 0.75, 20.0]])


def test_a_schedule_stops_merges_and_picks_rows(linear, constants):
    rows = constants(linear, 2)
    made = build_schedule(linear, rows, [oral("drug", 1.0, "mg", [0.0, 1.0, 2.0])])
    stopped = made.stopped(np.array([1.0, np.inf]))
    assert (stopped.amounts > 0).tolist() == [[True, False, False], [True, True, True]]
    assert made.rows(np.array([True, False])).patients == 1
    both = made.merged(build_schedule(linear, rows, [oral("drug", 2.0, "mg", [0.5])]))
    assert both.times.tolist() == [0.0, 0.5, 1.0, 2.0]
    assert both.amounts[0].tolist() == [0.8, 1.6, 0.8, 0.8]


WRONG_DOSES = [
    (oral("drugg", 1.0, "mg", [0.0]), "no agent 'drugg' in this model; known: cytokine, drug. Did you mean 'drug'?"),
    (subcutaneous("drug", 1.0, "mg", [0.0]), "its routes: oral, intravenous bolus, intravenous infusion"),
    (oral("drug", 1.0, "MIU", [0.0]), "a dose in 'MIU' cannot be given where the model needs 'mg'"),
    (oral("drug", 1.0, "mgg", [0.0]), "'mgg' cannot be read"),
    (oral("drug", -1.0, "mg", [0.0]), "amounts are finite and 0 or more"),
    (oral("drug", float("nan"), "mg", [0.0]), "patient row 0 at day 0 is nan"),
    (oral("drug", [1.0, 2.0], "mg", [0.0, 1.0, 2.0]), "2 patients and 3 doses"),
    (GivenDoses("drug", "intravenous infusion", "mg", [0.0], 1.0, -0.5), "durations are 0 or more"),
    (GivenDoses("drug", "intravenous infusion", "mg", [0.0, 1.0], 1.0, [1.0, 2.0, 3.0]), "lengths of infusion"),
    (oral("drug", float("inf"), "mg", [0.0]), "patient row 0 at day 0 is inf"),
    (oral("drug", 1e305, "kg", [1.0]), "patient row 0 at day 1 is inf"),
    (oral("drug", 1.0, "mg", [0.0, float("nan")]), "dose 2 of patient row 0: its time or duration is not a number"),
    (GivenDoses("drug", "oral", "mg", [0.0], 1.0, steady_state=1, interval_days=float("inf")), "need the days between"),
]


@pytest.mark.parametrize(("given", "message"), WRONG_DOSES, ids=[message for _, message in WRONG_DOSES])
def test_doses_that_cannot_be_given_are_named(linear, constants, given, message):
    with pytest.raises(RegimenError) as met:
        build_schedule(linear, constants(linear, 2), [given])
    assert message in str(met.value)


@pytest.mark.parametrize("hours", [0, -1.0, float("nan"), float("inf")])
def test_an_infusion_needs_hours(hours):
    with pytest.raises(RegimenError, match=f"{hours} hours has no rate"):
        intravenous_infusion("drug", 1.0, "mg", [0.0], hours=hours)


@pytest.mark.parametrize("until", [None, float("inf")])
def test_cycles_need_an_end_and_a_length(until):
    with pytest.raises(RegimenError, match="every 7 days have no end"):
        dose_days(1, 3, cycle_days=7, until_day=until)
    with pytest.raises(RegimenError, match="a cycle of nan days"):
        dose_days(1, 3, cycle_days=float("nan"), until_day=7)


def test_a_schedule_names_administrations_by_their_place():
    with pytest.raises(RegimenError, match="whole number from 0 on"):
        Schedule(np.zeros(1), np.array([-1]), np.ones((1, 1)), np.zeros(1))


def test_a_schedule_says_what_does_not_fit():
    with pytest.raises(RegimenError, match="time or duration is not a number"):
        Schedule(np.array([0.0, np.nan]), np.zeros(2, dtype=np.int64), np.zeros((3, 2)), np.zeros(2))
