"""Growth rates: two states are told from one, also from one with tails, and rates come back from counts."""

import numpy as np
import pandas as pd
import pytest

from opsonin.discovery.colonies import growth_rates
from opsonin.discovery.growth_states import _LOG_DENSITY, em, growth_mixture, growth_table, lines_differ
from opsonin.errors import DiscoveryError


def two(n=200, apart=4.0, share=0.4, seed=0):
    rng = np.random.default_rng(seed)
    return np.where(rng.random(n) < share, rng.normal(apart, 1.0, n), rng.normal(0.0, 1.0, n))


def test_two_states_are_found_with_their_rates_and_shares():
    found = growth_mixture(0.001 * two(), "line", replicates=39)
    assert found.states == 2
    assert found.margin > 10
    assert found.p == pytest.approx(1 / 40)
    assert found.mean == pytest.approx((0.0, 0.004), abs=4e-4)
    assert found.share[1] == pytest.approx(0.4, abs=0.08)


@pytest.mark.parametrize("shape", ["normal", "heavy tails", "skewed"])
def test_one_state_of_any_shape_is_not_taken_for_two(shape):
    rng = np.random.default_rng(4)
    rates = {"normal": rng.normal(size=150), "heavy tails": rng.standard_t(3, 150), "skewed": rng.gamma(2.0, 1.0, 150)}
    assert growth_mixture(rates[shape], replicates=39).states == 1


def test_a_few_colonies_that_went_wrong_are_no_state():
    rng = np.random.default_rng(1)
    assert growth_mixture(np.r_[rng.normal(0, 1, 150), -15.0], replicates=0).states == 1


def test_the_unit_and_the_order_of_rates_do_not_matter():
    rates = two(120)
    one, other = growth_mixture(rates, replicates=0), growth_mixture(5 - 1e-3 * rates[::-1], replicates=0)
    assert other.margin == pytest.approx(one.margin, abs=0.2)
    assert other.share[0] == pytest.approx(one.share[1], abs=0.01)


def test_em_of_many_data_sets_is_that_of_one():
    sets = np.stack([two(seed=s) for s in range(3)])
    together, alone = em(sets), [em(row[None]) for row in sets]
    assert list(together[0]) == pytest.approx([float(one[0][0]) for one in alone])


def test_em_climbs_to_what_scikit_learn_finds():
    from sklearn.mixture import GaussianMixture

    x = two()
    peer = GaussianMixture(2, n_init=5, random_state=0).fit(x[:, None])
    assert float(em(x[None])[0][0]) == pytest.approx(peer.score(x[:, None]) * x.size, abs=0.5)


@pytest.mark.parametrize(
    ("name", "shape"), [("t", (3.0,)), ("skewnorm", (-2.5,)), ("jf_skew_t", (1.5, 4.0)), ("jf_skew_t", (30.0, 0.7))]
)
def test_densities_of_one_state_are_those_of_scipy(name, shape):
    from scipy import stats

    z = np.r_[-40.0, -3.0, -0.1, 0.0, 0.5, 2.0, 60.0]
    assert _LOG_DENSITY[name](z, *shape) == pytest.approx(getattr(stats, name).logpdf(z, *shape), rel=1e-6, abs=1e-6)


def test_lines_that_differ_are_told():
    table = pd.DataFrame({"line": ["a"] * 40 + ["b"] * 40, "rate": np.r_[two(40), 3 + two(40, seed=1)]})
    assert lines_differ(table, "line", "rate")[1] < 1e-3
    assert list(growth_table(table, "line", "rate", replicates=0)["line"]) == ["a", "b"]
    with pytest.raises(DiscoveryError, match="two lines"):
        lines_differ(table[table["line"] == "a"], "line", "rate")


def plate(slope=0.01):
    times = np.arange(0, 168, 24.0)
    rows = [
        ("x", well, t, start * 2 ** (0.03 * min(t, 48) + slope * max(0.0, t - 48)))
        for well, start in (("B2", 100), ("C7", 400), ("D9", 40), ("A5", 300), ("H24", 300))
        for t in times
    ]
    return pd.DataFrame(rows, columns=["line", "well", "time_h", "nuclei"])


def test_rates_are_the_slope_once_the_drug_has_acted():
    found = growth_rates(plate())
    assert list(found["well"]) == ["B2", "C7"]  # D9 began with too few; A5 and H24 are at the edge
    assert found["rate"].to_numpy() == pytest.approx([0.01, 0.01])
    assert list(growth_rates(plate(), outer=True)["well"]) == ["A5", "B2", "C7", "H24"]


def test_wells_that_die_out_are_left_out_and_a_bare_plate_is_named():
    table = plate()
    table.loc[(table["well"] == "B2") & (table["time_h"] == 144), "nuclei"] = 0
    assert list(growth_rates(table)["well"]) == ["C7"]
    with pytest.raises(DiscoveryError, match="no well is left after 500"):
        growth_rates(table, stable_h=500)
    with pytest.raises(DiscoveryError, match="no column 'nuclei'"):
        growth_rates(table.drop(columns="nuclei"))


def test_too_few_or_equal_rates_are_named():
    with pytest.raises(DiscoveryError, match="DS1 has 5 growth rates"):
        growth_mixture(np.arange(5.0), "DS1")
    with pytest.raises(DiscoveryError, match="all growth rates are alike"):
        growth_mixture(np.full(30, 0.01))
