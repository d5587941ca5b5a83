"""Adjusted p-values: laws that every method keeps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsonin.analysis import adjust_p
from opsonin.analysis.multiplicity import METHODS
from opsonin.errors import AnalysisError

p_values = st.lists(st.floats(0, 1), min_size=1, max_size=15)


@settings(max_examples=50)
@given(p_values, st.sampled_from(METHODS), st.randoms(use_true_random=False))
def test_an_adjusted_p_is_no_smaller_and_keeps_the_order(p, method, random):
    adjusted = adjust_p(p, method)
    assert (adjusted >= np.array(p) - 1e-12).all()
    assert (adjusted <= 1).all()
    order = np.argsort(p)
    assert (np.diff(adjusted[order]) >= -1e-12).all()
    shuffled = list(range(len(p)))
    random.shuffle(shuffled)
    assert adjust_p([p[i] for i in shuffled], method) == pytest.approx(adjusted[shuffled])


@settings(max_examples=50)
@given(p_values)
def test_the_methods_are_ordered_by_what_they_promise(p):
    found = {method: adjust_p(p, method) for method in METHODS}
    for stricter, looser in (("bonferroni", "holm"), ("holm", "hochberg"), ("hochberg", "hommel"), ("hommel", "bh")):
        assert (found[stricter] >= found[looser] - 1e-12).all()
    assert (found["by"] >= found["bh"] - 1e-12).all()


@settings(max_examples=30)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=7))
def test_hommel_is_simes_test_of_every_subset(p):
    """The closed test: p of a hypothesis is the largest Simes p of the subsets that hold it."""
    p = np.array(p)
    worst = np.zeros(p.size)
    for code in range(1, 2**p.size):
        members = [i for i in range(p.size) if code >> i & 1]
        ordered = np.sort(p[members])
        simes = (len(members) * ordered / np.arange(1, len(members) + 1)).min()
        worst[members] = np.maximum(worst[members], simes)
    assert adjust_p(p, "hommel") == pytest.approx(np.minimum(worst, 1))


def test_a_missing_p_was_not_looked_at():
    assert adjust_p([0.01, np.nan, 0.04], "bonferroni") == pytest.approx([0.02, np.nan, 0.08], nan_ok=True)
    assert np.isnan(adjust_p([np.nan, np.nan], "bh")).all()
    assert adjust_p([], "hommel").size == 0


@pytest.mark.parametrize(
    ("p", "method", "words"),
    [
        ([0.1, 1.2], "bh", "1.2 at place 2"),
        ([0.1], "fdr", "'fdr' is unknown"),
        ([[0.1]], "bh", "one list"),
        (["0.1?"], "bh", "row 1"),
    ],
)
def test_what_is_no_p_is_refused(p, method, words):
    with pytest.raises(AnalysisError, match=words):
        adjust_p(p, method)
