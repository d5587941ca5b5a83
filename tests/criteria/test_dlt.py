import numpy as np
import pytest

from opsonin.criteria import DltRule, canonical, check_terms, is_dose_limiting, parse_rules, same_term
from opsonin.errors import CriteriaError


@pytest.mark.parametrize(
    ("text", "term", "grade"),
    [
        ("capillary leak syndrome >= 3", "capillary leak syndrome", 3),
        ("fatigue ≥ grade 3", "fatigue", 3),
        ("any > 3", "any", 4),
        ("  alanine aminotransferase increased>=4 ", "alanine aminotransferase increased", 4),
    ],
)
def test_rules_are_read(text, term, grade):
    assert DltRule.parse(text) == DltRule(term, grade)


@pytest.mark.parametrize("text", ["fatigue", "fatigue 3", ">= 3", "fatigue >= ", "fatigue <= 3", "fatigue >= 3.5"])
def test_unreadable_rules_show_the_form(text):
    with pytest.raises(CriteriaError, match=r"such as 'fatigue >= 3'"):
        DltRule.parse(text)


@pytest.mark.parametrize("text", ["fatigue >= 0", "fatigue >= 6", "fatigue > 5"])
def test_grades_are_one_to_five(text):
    with pytest.raises(CriteriaError, match="grades are 1 to 5"):
        DltRule.parse(text)


def test_one_term_with_two_grades_is_refused():
    with pytest.raises(CriteriaError, match="two grades"):
        parse_rules(["fatigue >= 3", "Fatigue >= 4"])


def test_terms_compare_without_case_and_spelling():
    assert same_term("ALT increased", "Alanine aminotransferase  increased")
    assert canonical("Diarrhea") == "diarrhoea"
    assert not same_term("fever", "febrile neutropenia")


def test_a_rule_that_can_never_be_met_is_named():
    with pytest.raises(CriteriaError, match=r"'rash >= 3' can never be met.*known are fatigue, fever"):
        check_terms(parse_rules(["rash >= 3"]), ["fever", "fatigue"])
    check_terms(parse_rules(["any >= 4"]), ["fever"])


def test_grade_term_and_window_decide():
    rules = parse_rules(["fatigue >= 3", "any >= 4"])
    terms = ["Fatigue", "fatigue", "fatigue", "fever", "fever", "fatigue", "fatigue"]
    grades = np.array([3, 2, 3, 3, 4, np.nan, 3])
    days = np.array([0.0, 5.0, 21.0, 5.0, 20.9, 3.0, -2.0])
    assert is_dose_limiting(rules, terms, grades, days, 21.0).tolist() == [
        True,
        False,
        False,
        False,
        True,
        False,
        False,
    ]
