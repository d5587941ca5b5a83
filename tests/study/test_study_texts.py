"""The three little languages of a study file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsonin.study.texts import Days, Dose, Duration, elapsed, say_day

DOSES = [
    ("400 mg", (400.0, "mg", "flat")),
    ("10 mg/kg", (10.0, "mg", "kg")),
    ("18 MIU/m2", (18.0, "MIU", "m2")),
    ("1.75MIU/m²", (1.75, "MIU", "m2")),
    ("1e6 cells/kg", (1e6, "cells", "kg")),
    ("0 mg", (0.0, "mg", "flat")),
]


@pytest.mark.parametrize(("text", "dose"), DOSES)
def test_doses_are_read(text, dose):
    read = Dose.read(text)
    assert (read.amount, read.unit, read.basis) == dose
    assert Dose.read(read.text) == read


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("400", "has no unit"),
        (400, "has no unit; write it as text, such as '400 mg'"),
        ("mg", "write a number and a unit"),
        ("-3 MIU", "is negative"),
        ("3 tomatoes", "'tomatoes', which is not known"),
        ("1e8 pfu", "'pfu', which is not known; .*'PFU', 'vg'"),
        ("3 mg/m3x", "not known"),
        ("1,5 mg", "a point for decimals"),
        ("5 percent", "no unit of amount"),
        (True, "not true or false"),
        ({"mg": 3}, "not a table"),
        ("1e999 mg", "too large"),
    ],
)
def test_doses_that_cannot_be_read_say_why(text, message):
    with pytest.raises(ValueError, match=message):
        Dose.read(text)


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("-21 to 14", ((-21, 14),)),
        ("−21 to −1", ((-21, -1),)),
        ("9", ((9, 9),)),
        (9, ((9, 9),)),
        ("1, 8, 15", ((1, 1), (8, 8), (15, 15))),
        ([1, 8], ((1, 1), (8, 8))),
        ("1 to 5, 8 to 12", ((1, 5), (8, 12))),
    ],
)
def test_days_are_read(text, blocks):
    assert Days.read(text).blocks == blocks


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("14 to 1", "run backwards; write '1 to 14'"),
        ("0 to 14", "there is no day 0"),
        (0, "there is no day 0"),
        ("1 to 5, 3 to 9", "go back or overlap at day 3"),
        ("day 1", "cannot be read"),
        ("1-14", "cannot be read"),
        ("", "cannot be read"),
        ([], "not a list"),
        (1.5, "not a number"),
    ],
)
def test_days_that_cannot_be_read_say_why(text, message):
    with pytest.raises(ValueError, match=message):
        Days.read(text)


protocol_days = st.integers(-60, 400).filter(bool)


@given(protocol_days, protocol_days)
def test_a_range_covers_every_day_once_without_a_day_zero(one, other):
    first, last = sorted((one, other))
    days = Days.read(f"{first} to {last}")
    assert days.count == len([d for d in range(first, last + 1) if d != 0])
    assert Days.read(days.text) == days


@given(protocol_days)
def test_protocol_days_and_elapsed_days_keep_their_order_and_leave_no_gap(day):
    following = 1 if day == -1 else day + 1
    assert elapsed(following) - elapsed(day) == 1.0
    assert say_day(day).replace("−", "-") == str(day)


@pytest.mark.parametrize(
    ("text", "days"),
    [("21 days", 21), ("1 day", 1), ("6 weeks", 42), ("24 months", 730.5), ("1 year", 365.25), ("12 hours", 0.5)],
)
def test_durations_are_read(text, days):
    assert Duration.read(text).days == pytest.approx(days, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("21", "write a number and a unit"),
        (21, "has no unit"),
        ("3 wks", "'wks'"),
        ("0 days", "not above 0"),
        ([], "a list"),
    ],
)
def test_durations_that_cannot_be_read_say_why(text, message):
    with pytest.raises(ValueError, match=message):
        Duration.read(text)
