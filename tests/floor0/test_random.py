import numpy as np
import pytest

from opsonin import random


@pytest.mark.parametrize("seed", [0, 1, 20261122])
def test_philox_agrees_with_numpys_bit_for_bit(seed):
    key = random.stream_key(seed, "oracle")
    counter = [np.array([3], dtype=np.uint64), *(np.array([c], dtype=np.uint64) for c in (5, 2**63 + 7, 11))]
    ours = np.concatenate(random.philox(counter, key))
    # NumPy increments the counter before it draws, so its first block is our block of counter + 1
    theirs = np.random.Philox(
        counter=np.array([2, 5, 2**63 + 7, 11], dtype=np.uint64), key=np.array(key, dtype=np.uint64)
    ).random_raw(4)
    assert np.array_equal(ours, theirs)


def test_a_patients_numbers_do_not_depend_on_who_else_is_drawn():
    everyone = random.normal(7, "parameters", np.arange(100), random.stable_hash("clearance"), draws=3)
    alone = random.normal(7, "parameters", 42, random.stable_hash("clearance"), draws=3)
    assert np.array_equal(everyone[42], alone)
    backwards = random.normal(7, "parameters", np.arange(100)[::-1], random.stable_hash("clearance"), draws=3)
    assert np.array_equal(backwards[::-1], everyone)


def test_more_draws_keep_the_first_ones():
    assert np.array_equal(random.uniform(1, "x", 5, draws=9)[:4], random.uniform(1, "x", 5, draws=4))


def test_numbers_are_uniform_and_different_keys_are_independent():
    a = random.uniform(1, "a", np.arange(20_000))[:, 0]
    b = random.uniform(1, "b", np.arange(20_000))[:, 0]
    assert 0 < a.min() < a.max() < 1
    assert abs(a.mean() - 0.5) < 0.01
    assert abs(a.var() - 1 / 12) < 0.002
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.03


def test_exponential_and_permutation():
    assert abs(random.exponential(3, "hazard", np.arange(20_000)).mean() - 1) < 0.03
    order = random.permutation(3, "enrolment", 50, np.arange(10))
    assert order.shape == (10, 50)
    assert np.array_equal(np.sort(order, axis=-1), np.tile(np.arange(50), (10, 1)))


def test_four_counters_are_refused():
    with pytest.raises(ValueError, match="one to three counters"):
        random.uniform(1, "x", 1, 2, 3, 4)


@pytest.mark.parametrize(("word", "side"), [(0, 0.0), (2**64 - 1, 1.0)])
def test_the_first_and_the_last_word_give_neither_0_nor_1(word, side, monkeypatch):
    monkeypatch.setattr("opsonin.random._words", lambda *_: np.array([word], dtype=np.uint64))
    number = random.uniform(1, "edge", 0)
    assert 0 < number[0] < 1
    assert abs(number[0] - side) < 1e-15
