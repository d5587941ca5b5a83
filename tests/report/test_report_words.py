"""Numbers as the report writes them: three significant digits, intervals in brackets, p to two digits."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsonin.report import words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.7293, "0.729"),
        (13.771, "13.8"),
        (99.96, "100"),
        (9.996, "10.0"),
        (1234.5, "1,230"),
        (17, "17"),
        (3722, "3,722"),
        (0, "0"),
        (-12.34, "−12.3"),
        (0.00002101, "2.10 × 10⁻⁵"),
        (12345678.9, "1.23 × 10⁷"),
        (math.inf, "∞"),
        (math.nan, "–"),
        (None, "–"),
    ],
)
def test_numbers_have_three_significant_digits(value, text):
    assert words.number(value) == text


@given(st.floats(1e-3, 999_999, allow_nan=False))
def test_a_written_number_is_within_half_a_unit_of_its_third_digit(value):
    read = float(words.number(value, whole=False).replace(",", ""))
    assert abs(read - value) <= 0.5001 * 10 ** (math.floor(math.log10(value)) - 2)


def test_intervals_stand_in_brackets():
    assert words.with_interval(0.7293, 0.6184, 0.8594) == "0.729 (0.618–0.859)"
    assert words.with_interval(-12.3, -20.1, 3.2) == "−12.3 (−20.1 to 3.20)"
    assert words.with_interval(9.1, 6.25, math.nan) == "9.10 (6.25 to not reached)"
    assert words.with_interval(0.58, 0.55, 0.61, percent=True) == "58.0 % (55.0–61.0 %)".replace(" %", "\u00a0%")
    assert words.with_interval(84, 56, 120) == "84 (56–120)"
    assert words.with_interval(1.2, None, None) == "1.20"


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0.0, "p < 0.001"),
        (0.0004, "p < 0.001"),
        (0.0031, "p = 0.0031"),
        (0.0449, "p = 0.045"),
        (0.38, "p = 0.38"),
        (0.999, "p > 0.99"),
        (math.nan, ""),
    ],
)
def test_p_values_have_two_digits_and_are_never_zero(p, text):
    assert words.p_value(p) == text


@given(st.floats(0, 1))
def test_no_p_value_reads_as_zero(p):
    assert "0.000" not in words.p_value(p)


def test_shares_at_the_ends_are_not_rounded_to_none_or_all():
    assert words.share(0.0001) == "< 0.1\u00a0%"
    assert words.share(0.9999) == "> 99.9\u00a0%"
    assert words.count_of(3, 17, "patients") == "3 of 17 patients (17.6\u00a0%)"
    assert words.count_of(0, 0) == "0 of 0"


@pytest.mark.parametrize(("time", "text"), [(0.0, "day 1"), (13.9, "day 14"), (-1.0, "day −1"), (-21.0, "day −21")])
def test_there_is_no_day_zero(time, text):
    assert words.protocol_day(time) == text


def test_lists_and_sentences():
    assert words.listed(["a", "b", "c"]) == "a, b and c"
    assert words.sentence("all is well") == "All is well."
    assert words.counted(1, "patient") == "one patient"
    assert words.counted(17, "patient") == "17 patients"
    assert words.counted(3, "histology") == "three histologies"
    assert words.some_of("abcde", "sex") == "5 sexes (a, b, c …)"
    assert words.several("day") == "days"
    assert words.code_safe("HLA-DR+ NK / day 15") == "hla-dr-nk-day-15"
