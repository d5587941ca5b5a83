"""Random numbers inside compiled loops: those of `opsonin.random`, and shuffles that stay within their blocks."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from opsonin.analysis.random_kernels import fill_uniform, key_of, shuffle
from opsonin.random import uniform


@given(st.integers(0, 2**31), st.integers(0, 2**40), st.integers(1, 23))
@settings(max_examples=60)
def test_compiled_numbers_are_those_of_the_library(seed, counter, draws):
    out = np.empty(draws)
    fill_uniform(out, key_of(seed, "a purpose"), counter)
    np.testing.assert_array_equal(out, uniform(seed, "a purpose", counter, draws=draws))


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(0, 1000))
@settings(max_examples=40)
def test_a_shuffle_keeps_every_block_its_own_values(sizes, counter):
    last = np.repeat(np.cumsum(sizes), sizes)
    values = np.arange(last.size, dtype=float)
    block = np.repeat(np.arange(len(sizes)), sizes)
    shuffle(values, last, np.empty(last.size), key_of(1, "shuffle"), counter)
    np.testing.assert_array_equal(block[values.astype(int)], block)
    assert sorted(values) == list(range(last.size))


def test_every_order_of_four_is_equally_likely():
    seen = np.zeros(256, dtype=int)
    unit, key, last = np.empty(4), key_of(5, "orders"), np.full(4, 4)
    for k in range(12_000):
        values = np.arange(4)
        shuffle(values, last, unit, key, k)
        seen[values @ np.array([64, 16, 4, 1])] += 1
    counts = seen[seen > 0]
    assert counts.size == 24
    assert ((counts - 500.0) ** 2 / 500).sum() < 55  # chi-squared on 23 degrees of freedom: p = 0.0002
