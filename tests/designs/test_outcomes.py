import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsonin.designs import Outcomes, design, names, outcomes, parse_outcomes
from opsonin.errors import DesignError

words = st.lists(st.tuples(st.integers(1, 12), st.text("TN", min_size=1, max_size=6)), max_size=6)


@given(words)
def test_the_text_form_comes_back_as_it_was(cohorts):
    text = " ".join(f"{level}{letters}" for level, letters in cohorts)
    assert parse_outcomes(text).text == text


def test_runs_of_one_level_are_a_cohort_where_none_is_given():
    assert outcomes([1, 1, 2], [False, True, True]).text == "1NT 2T"


@pytest.mark.parametrize("text", ["1NNN 2NXN", "1NNN 0NNN", "1NNN 2", "1NNN NTN", "1NNN 2ntn"])
def test_bad_text_names_the_cohort(text):
    with pytest.raises(DesignError, match=r"cohort 2 of .* expected a dose level and one letter"):
        parse_outcomes(text)


def test_bad_arrays_are_named():
    with pytest.raises(DesignError, match="one entry per patient"):
        Outcomes(np.array([1, 1]), np.array([True]))
    with pytest.raises(DesignError, match="at level 0"):
        outcomes([0], [True])


def test_designs_are_found_by_name_and_table():
    assert {"3+3", "boin"} <= set(names())
    assert design("3+3", 4).levels == 4
    assert design({"name": "3+3", "fill_top": False}, 4).decide(parse_outcomes("1NNN 2NNN 3NNN 4NNN")).mtd == 4


def test_unknown_names_and_options_list_the_known():
    with pytest.raises(DesignError, match=r"no design '3\+4'; known are 3\+3, "):
        design("3+4", 4)
    with pytest.raises(DesignError, match="no option 'target'; it has return_to_lower, fill_top"):
        design({"name": "3+3", "target": 0.3}, 4)
    with pytest.raises(DesignError, match=r"'fill_top' .* is 'yes'; it must be a bool"):
        design({"name": "3+3", "fill_top": "yes"}, 4)


def test_a_level_beyond_all_reason_is_named():
    with pytest.raises(DesignError, match="cohort 1"):
        parse_outcomes("99999999999999999999N")
