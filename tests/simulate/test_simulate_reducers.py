"""Reducers: parts merged in order give what all values at once give."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from opsonin.errors import SimulationError
from opsonin.simulate import Mean, Quantiles

AT = (0.0, 0.1, 0.5, 0.9, 1.0)
numbers = st.floats(-(2.0**99), 2.0**99, width=32, allow_subnormal=False) | st.just(float("nan"))
values = arrays.arrays(np.float64, st.tuples(st.integers(1, 40), st.just(2), st.just(1)), elements=numbers)


def merged(reducer, some, cuts):
    """The state of all values, by way of parts that end at the cuts."""
    pieces = [part for part in np.split(some, sorted(cuts)) if len(part)]
    state = reducer.of(pieces[0])
    for part in pieces[1:]:
        state = reducer.merge(state, reducer.of(part))
    return state


@given(values, st.lists(st.integers(0, 40), max_size=3))
def test_quantiles_do_not_depend_on_the_cuts_and_err_by_less_than_a_bin(some, cuts):
    reducer = Quantiles(AT)
    whole, cut = reducer.result(reducer.of(some)), reducer.result(merged(reducer, some, cuts))
    assert np.array_equal(whole, cut, equal_nan=True)
    for column in range(2):
        known = some[:, column, 0][~np.isnan(some[:, column, 0])]
        if not len(known):
            assert np.isnan(whole[:, column, 0]).all()
            continue
        ranks = np.asarray(AT) * (len(known) - 1)
        low, high = np.sort(known)[np.floor(ranks).astype(int)], np.sort(known)[np.ceil(ranks).astype(int)]
        slack = 2.0**-7 * np.maximum(np.abs(low), np.abs(high)) + 1e-12
        assert (whole[:, column, 0] >= low - slack).all()
        assert (whole[:, column, 0] <= high + slack).all()


@given(values, st.lists(st.integers(0, 40), max_size=3))
def test_moments_are_those_of_all_values(some, cuts):
    got = Mean().result(merged(Mean(), some / 1e20, cuts))
    for column in range(2):
        known = some[:, column, 0][~np.isnan(some[:, column, 0])] / 1e20
        assert got.count[column, 0] == len(known)
        if len(known):
            assert got.mean[column, 0] == pytest.approx(known.mean(), rel=1e-9, abs=1e-9 * np.abs(known).max())
            assert (got.smallest[column, 0], got.largest[column, 0]) == (known.min(), known.max())
        if len(known) > 1:
            expected = known.std(ddof=1)
            assert got.sd[column, 0] == pytest.approx(expected, rel=1e-6, abs=1e-6 * np.abs(known).max())


def test_equal_values_and_noughts_are_exact():
    same = np.concatenate([np.full((50, 1, 1), 10.0), np.zeros((50, 1, 1))], axis=2)
    assert Quantiles(AT).result(Quantiles(AT).of(same))[:, 0, 0].tolist() == [10.0] * 5
    assert Quantiles(AT).result(Quantiles(AT).of(same))[:, 0, 1].tolist() == [0.0] * 5


def test_quantiles_of_many_patients_are_close():
    many = np.random.default_rng(1).lognormal(size=(20_000, 1, 1))
    got = Quantiles(AT).result(Quantiles(AT).of(many))[:, 0, 0]
    assert np.allclose(got, np.quantile(many, AT), rtol=2e-3)


def test_infinite_values_are_kept_apart():
    some = np.array([-np.inf, 1.0, 2.0, np.inf])[:, None, None]
    got = Quantiles((0.0, 0.4, 1.0)).result(Quantiles((0.0, 0.4, 1.0)).of(some))[:, 0, 0]
    assert (got[0], got[2]) == (-np.inf, np.inf)
    assert 1.0 <= got[1] <= 2.02


def test_more_bins_than_memory_are_refused():
    wide = np.array([1e-30, 1e30])[:, None, None] * np.ones((1, 1000, 1))
    with pytest.raises(SimulationError, match=r"fewer bits than 12, or a higher floor than 1e-36"):
        Quantiles(bits=12, floor=1e-36).of(wide)


def test_what_is_no_probability_is_refused():
    with pytest.raises(SimulationError, match=r"1\.5 is no probability"):
        Quantiles((0.5, 1.5))
