"""Dose records become the doses that arrive: additional ones, trains to a steady state, what resets cancel."""

import numpy as np
import pytest

from opsonin.errors import RegimenError
from opsonin.simulate.marks import ADDED, RESET, STEADY
from opsonin.simulate.orders import Orders, resolve

USUAL = {
    "patient": 0, "time": 0.0, "administration": 0, "amount": 100.0, "duration": 0.0, "lag": 0.0, "interval": 0.0,
    "additional": 0, "steady": 0, "reset": False, "dose": True,
}  # fmt: skip


def orders(*records):
    whole = [USUAL | record for record in records]
    return Orders(*(np.array([record[name] for record in whole]) for name in Orders._fields))


def arrivals(schedule, patient=0):
    """(day, amount, duration) of a patient, in order of time."""
    rows = zip(*(np.broadcast_to(a, schedule.amounts.shape)[patient] for a in _arrays(schedule)), strict=True)
    return sorted((round(float(t), 9), round(float(a), 9), round(float(d), 9)) for t, a, d in rows if a > 0)


def _arrays(schedule):
    return schedule.times, schedule.amounts, schedule.durations


def marks(schedule, patient=0):
    kept = np.isfinite(schedule.marks.times[patient])
    return list(
        zip(schedule.marks.times[patient][kept].tolist(), schedule.marks.kinds[patient][kept].tolist(), strict=True)
    )


def test_additional_doses_are_doses_written_out():
    short = resolve(orders({"interval": 0.5, "additional": 3, "lag": 0.1, "duration": 0.2}), 1)
    long = resolve(orders(*({"time": 0.5 * n, "lag": 0.1, "duration": 0.2} for n in range(4))), 1)
    assert arrivals(short) == arrivals(long)
    assert [day for day, *_ in arrivals(short)] == [0.1, 0.6, 1.1, 1.6]


def test_each_administration_has_columns_of_its_own_and_each_patient_rows():
    made = resolve(orders({"time": 1.0}, {"administration": 2}, {"patient": 1, "administration": 2, "amount": 7.0}), 3)
    assert sorted(made.administration.tolist()) == [0, 2]
    assert arrivals(made, 0) == [(0.0, 100.0, 0.0), (1.0, 100.0, 0.0)]
    assert arrivals(made, 1) == [(0.0, 7.0, 0.0)]
    assert arrivals(made, 2) == []


@pytest.mark.parametrize(
    ("record", "expected", "elapsed"),
    [
        ({}, [(0.0, 100.0, 0.0)], 1.0),  # just before the record's own dose
        ({"lag": 0.25}, [(0.25, 100.0, 0.0)], 0.75),
        ({"duration": 0.5, "lag": 0.75}, [(0.0, 50.0, 0.25), (0.75, 100.0, 0.5)], 0.25),  # one still runs
        ({"duration": 2.5}, [(0.0, 20.0, 0.5), (0.0, 60.0, 1.5), (0.0, 100.0, 2.5)], 1.0),  # two still run
        ({"duration": 1.0}, [(0.0, 100.0, 1.0)], 1.0),
        ({"lag": 1.0}, [(0.0, 100.0, 0.0), (1.0, 100.0, 0.0)], 1.0),
        ({"lag": 2.25}, [(0.25, 100.0, 0.0), (1.25, 100.0, 0.0), (2.25, 100.0, 0.0)], 0.75),  # two on their way
    ],
)
def test_what_is_on_its_way_at_a_steady_state_arrives(record, expected, elapsed):
    made = resolve(orders({"steady": 1, "interval": 1.0} | record), 1)
    assert arrivals(made) == expected
    assert marks(made) == [(0.0, STEADY)]
    assert made.marks.elapsed[0, 0] == pytest.approx(elapsed)


def test_nonmem_forgets_what_is_on_its_way_and_runs_infusions_backwards():
    record = {"steady": 1, "interval": 1.0, "lag": 2.25, "duration": 1.5}
    made = resolve(orders(record), 1, beyond_interval="continued")
    # at the next arrival (day 1.25) the infusions begun then and a day before run; both have run since the record
    assert arrivals(made) == [
        (0.0, pytest.approx(100 * 1.75 / 1.5), 1.75),
        (0.0, pytest.approx(100 * 2.75 / 1.5), 2.75),
        (2.25, 100.0, 1.5),
    ]
    assert made.marks.elapsed[0, 0] == pytest.approx(-1.25)
    with pytest.raises(RegimenError, match="neither 'periodic' nor 'continued'"):
        resolve(orders(record), 1, beyond_interval="backwards")


def test_a_reset_cancels_what_earlier_records_order_and_nothing_of_later_ones():
    made = resolve(
        orders(
            {"interval": 1.0, "additional": 5, "duration": 0.5, "amount": 50.0},
            {"time": 1.9, "lag": 0.3},
            {"time": 2.25, "dose": False, "reset": True, "amount": 0.0},
            {"time": 2.25, "amount": 9.0},
        ),
        1,
    )
    assert arrivals(made) == [
        (0.0, 50.0, 0.5),
        (1.0, 50.0, 0.5),
        (2.0, 25.0, 0.25),
        (2.2, 100.0, 0.0),
        (2.25, 9.0, 0.0),
    ]
    assert marks(made) == [(2.25, RESET)]


def test_a_steady_state_of_kind_two_cancels_nothing():
    first = {"interval": 1.0, "additional": 2}
    one = resolve(orders(first, {"time": 1.5, "steady": 1, "interval": 1.0}), 1)
    two = resolve(orders(first, {"time": 1.5, "steady": 2, "interval": 1.0}), 1)
    assert [day for day, *_ in arrivals(one)] == [0.0, 1.0, 1.5]
    assert [day for day, *_ in arrivals(two)] == [0.0, 1.0, 1.5, 2.0]
    assert marks(two) == [(1.5, ADDED)]


def test_a_reset_with_a_dose_comes_before_an_added_steady_state():
    made = resolve(orders({"reset": True, "steady": 2, "interval": 1.0}), 1)
    assert marks(made) == [(0.0, RESET), (0.0, ADDED)]


def test_an_infusion_that_has_always_run_ends_at_its_record():
    made = resolve(orders({"time": 1.0, "steady": 1, "amount": 24.0}), 1)
    assert arrivals(made) == []
    assert (made.marks.amounts[0, 0], made.marks.intervals[0, 0]) == (24.0, 0.0)


def test_too_many_doses_are_refused():
    with pytest.raises(RegimenError, match="20000001 doses"):
        resolve(orders({"interval": 1.0, "additional": 20_000_000}), 1)
