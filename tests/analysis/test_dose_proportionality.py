"""The power model: numbers of Smith et al. (2000), a straight line without repeats, and what must not matter."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from opsonin.analysis import dose_proportionality
from opsonin.analysis.power_model import proportional_limits, verdict
from opsonin.errors import AnalysisError

DOSES = np.array([3.0, 6.0, 9.0, 12.0])


def study(seed, exponent=1.0, patients=12, between=0.4, within=0.1, occasions=2):
    rng = np.random.default_rng(seed)
    subject = np.repeat(np.arange(patients), occasions)
    dose = DOSES[(subject + np.tile(np.arange(occasions), patients)) % 4]
    value = 5 * dose**exponent * np.exp(rng.normal(0, between, patients)[subject] + rng.normal(0, within, subject.size))
    return value, dose, subject


def test_the_limits_of_smith_2000_for_a_tenfold_range():
    # source: Smith et al. (2000), Pharm Res 17:1278, Table II: r = 10
    assert proportional_limits(10.0) == pytest.approx((0.903, 1.097), abs=5e-4)
    assert verdict(0.679, 0.844, proportional_limits(10.0)) == "not proportional"


def test_one_value_a_patient_is_a_straight_line():
    value, dose, _ = study(1, occasions=1)
    found = dose_proportionality(value, dose)
    line = stats.linregress(np.log(dose), np.log(value))
    half = stats.t.ppf(0.95, 10) * line.stderr
    assert (found.exponent, found.lower, found.upper) == pytest.approx(
        (line.slope, line.slope - half, line.slope + half), rel=1e-9
    )
    assert found.df == pytest.approx(10)
    assert found.dose_ratio == pytest.approx(4.0)
    assert found.normalised[0] == pytest.approx(4 ** (line.slope - 1))


def test_patients_measured_twice_are_their_own_controls():
    value, dose, subject = study(2)
    own = dose_proportionality(value, dose, subject)
    ignored = dose_proportionality(value, dose)
    assert own.upper - own.lower < 0.6 * (ignored.upper - ignored.lower)
    assert own.verdict == "proportional"
    assert own.to_frame()["verdict"].tolist() == ["proportional"]


def test_the_nominal_share_of_intervals_holds_the_exponent():
    inside = 0
    for seed in range(200):
        found = dose_proportionality(*study(seed, exponent=0.7, patients=8))
        inside += found.lower <= 0.7 <= found.upper
    assert abs(inside / 200 - 0.90) < 3 * np.sqrt(0.9 * 0.1 / 200)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([1e-6, 3.0, 1e8]))
def test_units_do_not_matter(seed, unit):
    value, dose, subject = study(seed)
    one, other = dose_proportionality(value, dose, subject), dose_proportionality(value * unit, dose / unit, subject)
    assert (other.exponent, other.lower, other.upper) == pytest.approx((one.exponent, one.lower, one.upper), rel=1e-6)


def test_each_occasion_has_its_own_level():
    value, dose, subject = study(3)
    occasion = np.tile(["first", "second"], 12)
    shifted = value * np.where(occasion == "second", 5.0, 1.0)
    found = dose_proportionality(shifted, dose, subject, occasion)
    assert found.exponent == pytest.approx(dose_proportionality(value, dose, subject, occasion).exponent, rel=1e-6)


def test_the_verdict_follows_the_interval():
    limits = (0.8, 1.2)
    assert verdict(0.85, 1.15, limits) == "proportional"
    assert verdict(0.5, 0.79, limits) == "not proportional"
    assert verdict(1.21, 1.5, limits) == "not proportional"
    assert verdict(0.7, 1.0, limits) == "inconclusive"


WRONG = [
    (([1.0, 0.0, 3.0], [1, 2, 3]), "value 0 of row 2 has no logarithm"),
    (([1.0, 2.0, 3.0], [1, 2, -3]), "dose -3 of row 3"),
    (([1.0, 2.0, 3.0], [2, 2, 2]), "two or more doses"),
    (([1.0, 2.0], [1, 2, 3]), "2 values but 3 doses"),
    ((["a", 2.0, 3.0], [1, 2, 3]), "value of dose proportionality must be numbers"),
]


@pytest.mark.parametrize(("arguments", "words"), WRONG, ids=[words for _, words in WRONG])
def test_what_cannot_be_used_is_named(arguments, words):
    with pytest.raises(AnalysisError, match=words):
        dose_proportionality(*arguments)
