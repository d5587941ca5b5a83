"""A benefit shared out between pathways: by hand, by the laws that define the shares, and by coverage."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsonin.analysis.responders import pathways
from opsonin.errors import AnalysisError
from opsonin.random import normal, uniform

NAMES = ("phagocytosis", "reprogramming", "T cells")


def every(outcome, names=NAMES) -> dict:
    """The outcomes of all combinations."""
    return {some: outcome(set(some)) for size in range(len(names) + 1) for some in combinations(names, size)}


def test_pathways_that_add_up_have_what_they_add():
    n = 50
    effect = {name: k + uniform(1, name, np.arange(n))[:, 0] for k, name in enumerate(NAMES)}
    found = pathways(every(lambda on: sum((effect[name] for name in on), np.zeros(n))))
    table = found.table.set_index("pathway")
    for name in NAMES:
        for part in ("benefit", "alone", "needed"):
            assert table.loc[name, part] == pytest.approx(effect[name].mean())
    assert found.together.value == pytest.approx(0, abs=1e-12)
    assert table["share"].sum() == pytest.approx(1)


def test_pathways_that_only_work_together_share_alike():
    # two of the three are both needed; the third does nothing
    n = 30
    found = pathways(every(lambda on: np.full(n, float({"phagocytosis", "T cells"} <= on))))
    table = found.table.set_index("pathway")
    parts = table[["benefit", "alone", "needed"]]
    assert parts.loc["phagocytosis"].tolist() == pytest.approx([0.5, 0, 1])
    assert parts.loc["T cells"].tolist() == pytest.approx([0.5, 0, 1])
    assert parts.loc["reprogramming"].tolist() == pytest.approx([0, 0, 0])
    assert found.together.value == pytest.approx(1)
    assert found.findings()[0].note == "1 with all pathways, 0 with none"


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-5, 5), min_size=8, max_size=8))
def test_shares_add_up_to_the_whole_whatever_the_combinations_do(levels):
    keys = [frozenset(some) for size in range(4) for some in combinations(NAMES, size)]
    value = dict(zip(keys, levels, strict=True))
    found = pathways({tuple(k): np.full(5, v) for k, v in value.items()})
    assert found.table["benefit"].sum() == pytest.approx(value[frozenset(NAMES)] - value[frozenset()], abs=1e-9)
    assert found.whole.value == pytest.approx(found.with_all - found.with_none)


def test_intervals_hold_the_truth_of_the_population():
    hits, trials = 0, 200
    z = normal(31, "pathway trials", np.arange(trials), draws=80)
    for k, row in enumerate(z):
        found = pathways({(): np.zeros(80), ("a",): 0.3 + row}, seed=k).table.iloc[0]
        hits += bool(found["benefit_lower"] <= 0.3 <= found["benefit_upper"])
    assert 0.9 < hits / trials < 0.99


def test_a_whole_that_may_be_nothing_has_no_shares():
    z = normal(32, "nothing", np.arange(40))[:, 0]
    quiet = pathways({(): np.zeros(40), ("a",): z - z.mean()})
    assert np.isnan(quiet.table["share"]).all()


@pytest.mark.parametrize(
    ("outcomes", "message"),
    [
        ({("a",): np.ones(4)}, "with no pathway at work are missing"),
        ({(): np.ones(4), ("a",): np.ones(4), ("b",): np.ones(4)}, "with a and b at work are missing; 4"),
        ({(): np.ones(4), ("a",): np.ones(3)}, "with a at work 4 patients need a number each"),
        ({(): np.ones(4)}, "0 were named"),
    ],
)
def test_bad_input_is_named(outcomes, message):
    with pytest.raises(AnalysisError, match=message):
        pathways(outcomes)
