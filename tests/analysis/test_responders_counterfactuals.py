"""Counterfactuals and the map of resistance: counted by hand, and against a mechanism that is known to be the cause."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsonin.analysis.responders import counterfactuals, explained_response, resistance, resistance_by_state
from opsonin.analysis.responders.resistance import EITHER, NONE, SEVERAL
from opsonin.errors import AnalysisError
from opsonin.random import normal, uniform

RESPONSE = np.array([1, 1, 0, 0, 0, 0, 0, 0])
CHANGED = {
    "infiltration": np.array([1, 1, 1, 1, 1, 0, 0, 0]),
    "myeloid": np.array([1, 0, 0, 0, 1, 1, 0, 0]),
}


def test_a_table_counted_by_hand():
    found = counterfactuals(RESPONSE, CHANGED)
    table = found.table.set_index("mechanism")
    assert table.loc["infiltration", ["turned", "only", "lost", "rate"]].tolist() == [3 / 6, 2 / 6, 0, 5 / 8]
    assert table.loc["myeloid", ["turned", "only", "lost", "rate"]].tolist() == [2 / 6, 1 / 6, 1 / 2, 3 / 8]
    assert table.loc["myeloid", "difference"] == pytest.approx(1 / 8)
    assert found.order == ("infiltration", "myeloid")
    assert table["adds"].tolist() == pytest.approx([3 / 6, 1 / 6])
    assert (found.any_one.value, found.none.value) == (4 / 6, 2 / 6)
    # exact: 3 of 6 (Clopper & Pearson)
    assert table.loc["infiltration", ["turned_lower", "turned_upper"]].tolist() == pytest.approx(
        [0.1181, 0.8819], abs=1e-4
    )


def test_findings_are_named_and_count_the_patients_they_are_about():
    found = {f.name: f for f in counterfactuals(RESPONSE, CHANGED).findings()}
    assert found["why.counterfactual.infiltration.turned"].n == 6
    assert found["why.counterfactual.myeloid.lost"].n == 2
    assert found["why.counterfactual.any one.turned"].estimate == pytest.approx(4 / 6)
    assert (
        found["why.counterfactual.myeloid.rate_difference"].lower
        < 1 / 8
        < found["why.counterfactual.myeloid.rate_difference"].upper
    )


flags = st.lists(st.booleans(), min_size=12, max_size=12)


@settings(max_examples=40, deadline=None)
@given(flags, flags, flags)
def test_what_single_changes_turn_is_shared_out_without_rest(one, other, third):
    yes = np.r_[True, False, np.array(one)]
    changed = {"a": np.r_[True, False, other], "b": np.r_[True, False, third]}
    found = counterfactuals(yes, changed)
    table = found.table
    assert table["adds"].sum() == pytest.approx(found.any_one.value)
    assert (table["only"] <= table["turned"] + 1e-12).all()
    map_ = resistance(yes, changed)
    assert map_.table.groupby("group")["share"].sum().to_numpy() == pytest.approx([1.0])
    assert (map_.barrier[yes] == "").all()


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 300))
def test_patients_with_weight_two_are_two_patients(seed):
    u = uniform(seed, "flags", np.arange(20), draws=2)
    yes, now = np.r_[True, False, u[:, 0] < 0.4], np.r_[True, True, u[:, 1] < 0.6]
    weights = np.r_[1.0, 1.0, np.where(np.arange(20) < 8, 2.0, 1.0)]
    twice = np.repeat(np.arange(22), weights.astype(int))
    one = counterfactuals(yes, {"m": now}, weights=weights).table
    other = counterfactuals(yes[twice], {"m": now[twice]}).table
    columns = ["turned", "only", "lost", "rate", "difference"]
    assert one.loc[0, columns].to_numpy(dtype=float) == pytest.approx(other.loc[0, columns].to_numpy(dtype=float))


def test_the_map_names_the_mechanism_that_was_made_the_barrier():
    # every patient needs both entry and killing; each fails of its own cause
    n = 2000
    z = normal(12, "barriers", np.arange(n), draws=2)
    entry, kill = z[:, 0] > -0.2, z[:, 1] > -0.5
    response = entry & kill
    changed = pd.DataFrame({"exclusion": kill, "exhaustion": entry})
    found = resistance(response, changed)
    assert (found.barrier[~entry & kill] == "exclusion").all()
    assert (found.barrier[entry & ~kill] == "exhaustion").all()
    assert (found.barrier[~entry & ~kill] == SEVERAL).all()
    share, low, high = (
        found.table.set_index("barrier").loc["exclusion", ["share", "lower", "upper"]].to_numpy(dtype=float)
    )
    assert share == pytest.approx((~entry & kill).sum() / (~response).sum())
    assert low < share < high


def test_where_one_change_does_not_decide_the_greatest_benefit_does():
    response = np.array([1, 0, 0, 0])
    changed = {"a": np.array([1, 1, 1, 0]), "b": np.array([1, 1, 0, 0])}
    assert resistance(response, changed).barrier.tolist() == ["", EITHER, "a", SEVERAL]
    benefit = {"a": np.array([np.nan, 0.2, 0.5, 0.1]), "b": np.array([np.nan, 0.7, 9.0, 0.3])}
    found = resistance(response, changed, benefit=benefit, barriers={"b": "exclusion"})
    assert found.barrier.tolist() == ["", "exclusion", "a", "exclusion"]
    table = found.table.set_index("barrier")
    assert table.loc["exclusion", ["share", "alone"]].tolist() == pytest.approx([2 / 3, 1 / 3])
    assert {f.name: f.estimate for f in found.findings()}["why.resistance.exclusion.alone"] == pytest.approx(1 / 3)
    with pytest.raises(AnalysisError, match="benefits are given of a"):
        resistance(response, changed, benefit={"a": benefit["a"]})
    with pytest.raises(AnalysisError, match="patient 2 does not respond"):
        resistance(response, changed, benefit={"a": benefit["a"], "b": np.full(4, np.nan)})
    with pytest.raises(AnalysisError, match="named for 'c'"):
        resistance(response, changed, barriers={"c": "exclusion"})


def test_a_change_that_does_a_patient_no_good_is_no_barrier():
    """Without T cells nobody does better, so that T cells are not what holds them back."""
    response, without = np.array([1, 0, 0]), {"no T cells": np.array([0, 0, 0])}
    found = resistance(response, without, benefit={"no T cells": np.array([np.nan, -0.4, 0.0])})
    assert found.barrier.tolist() == ["", NONE, NONE]
    assert found.table.set_index("barrier")["share"].to_dict() == {"no T cells": 0.0, NONE: 1.0}


def test_groups_have_a_row_for_every_barrier_and_keep_their_order():
    response = np.array([1, 0, 0, 1, 0, 0])
    changed = {"a": np.array([1, 1, 0, 1, 1, 1]), "b": np.array([1, 0, 0, 1, 0, 0])}
    found = resistance(response, changed, groups=["melanoma"] * 3 + ["pancreas"] * 3)
    assert found.groups == ("melanoma", "pancreas")
    assert found.barriers == ("a", "b", SEVERAL)
    assert len(found.table) == 6
    shares = found.table.set_index(["group", "barrier"])["share"]
    assert shares["melanoma", "a"] == 0.5
    assert shares["pancreas", "a"] == 1.0


def test_a_map_from_states_finds_the_state_that_was_made_bad():
    n = 1500
    z = normal(13, "states", np.arange(n), draws=3)
    access, exhausted = z[:, 0], z[:, 1]
    response = (access > -0.8) & (exhausted < 0.8)
    found = resistance_by_state(response, {"exclusion": access, "exhaustion": exhausted, "idle": z[:, 2]})
    assert (found.barrier[(access < -2) & (exhausted < 0) & (np.abs(z[:, 2]) < 1)] == "exclusion").all()
    assert (found.barrier[(exhausted > 2) & (access > 0) & (np.abs(z[:, 2]) < 1)] == "exhaustion").all()
    strict = resistance_by_state(response, {"exclusion": access}, higher_is_worse={"exclusion": True})
    assert (strict.barrier[access < 0][~response[access < 0]] == NONE).all()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"a": np.array([1, 0, 2])}, "response of patient 3 with 'a' changed"),
        ({"a": np.array([1, 0])}, "'a': 3 patients need as many values"),
    ],
)
def test_bad_input_is_named(changed, message):
    with pytest.raises(AnalysisError, match=message):
        counterfactuals(np.array([1, 0, 0]), changed)


def test_states_that_cannot_be_compared_are_named():
    with pytest.raises(AnalysisError, match="'flat' is the same"):
        resistance_by_state([1, 0, 0], {"flat": [2.0, 2.0, 2.0]})
    with pytest.raises(AnalysisError, match="state 'x' of patient 2 is missing"):
        resistance_by_state([1, 0, 0], {"x": [2.0, np.nan, 1.0]})
    with pytest.raises(AnalysisError, match="higher_is_worse names 'y'"):
        resistance_by_state([1, 0, 0], {"x": [2.0, 3.0, 1.0]}, higher_is_worse={"y": True})
    with pytest.raises(AnalysisError, match="as many groups"):
        resistance([1, 0, 0], {"a": [1, 0, 1]}, groups=["x", "y"])


def test_all_questions_together_give_findings_and_say_what_could_not_be_asked():
    z = normal(14, "all", np.arange(30), draws=2)
    response = z[:, 0] > 0.3
    found = explained_response(
        response, quantities={"access": z[:, 0]}, parameters={"access": z[:, 0]}, changed={"access": z[:, 1] > -1}
    )
    assert found.get("why.response.rate").events == int(response.sum())
    assert found.get("why.separation.access.auc").estimate == 1.0
    assert found.get("why.counterfactual.access.turned").n == int((~response).sum())
    assert found.named("why.resistance")
    assert not found.named("why.variance")
    assert any("40 patients or more" in text for text in found.notes)
    with pytest.raises(AnalysisError, match="some do"):
        explained_response(np.ones(5))
