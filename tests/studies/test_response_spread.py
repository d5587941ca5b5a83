"""Where every mechanism of every cancer is distributed alike, all cancers respond alike."""

import numpy as np
import pytest

from opsonin.model import Model
from opsonin.studies.response_spread import (
    AS_THEY_ARE,
    EVERYTHING,
    MECHANISMS,
    REFERENCE,
    as_in,
    equalised,
    rates,
    table,
)
from opsonin.study import Study


def test_values_are_given_by_rank():
    assert as_in(np.array([3.0, 1.0, 2.0]), np.array([10.0, 30.0, 20.0])).tolist() == [30.0, 10.0, 20.0]


def test_the_reference_stays_as_it_is_and_other_columns_do():
    rng = np.random.default_rng(3)
    constants, groups = rng.normal(size=(20, 3)), np.repeat([REFERENCE, "hcc"], 10)
    made = equalised(constants, groups, [1])
    assert np.array_equal(made[groups == REFERENCE], constants[groups == REFERENCE])
    assert np.array_equal(made[:, [0, 2]], constants[:, [0, 2]])
    assert np.array_equal(np.sort(made[groups == "hcc", 1]), np.sort(constants[groups == REFERENCE, 1]))


def test_mechanisms_are_parameters_of_the_model():
    model: Model = Study.load("checkpoint-basket").built.model
    assert {one for parts in MECHANISMS.values() for one in parts} <= set(model.symbolic.constants)


@pytest.mark.slow  # seven pools of 960 patients
def test_no_cancer_has_a_response_rate_of_its_own():
    found = rates(120, 2)
    spread = {name: np.std(list(row.values()), ddof=1) for name, row in found.items()}
    assert spread[AS_THEY_ARE] > 0.15
    assert spread[EVERYTHING] < 0.06  # 0.034 by chance
    assert min(spread, key=lambda name: spread[name]) == EVERYTHING
    assert "standard deviation between cancers" in table(found)
