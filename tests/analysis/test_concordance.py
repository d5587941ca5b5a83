"""Concordance: what the words say, pair by pair, and the laws that hold for any data."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsonin.analysis import concordance, concordance_many, cox
from opsonin.errors import AnalysisError

patients = st.tuples(st.integers(1, 12), st.booleans(), st.integers(0, 6))
data = st.lists(patients, min_size=2, max_size=25).filter(
    lambda rows: any(d and any(u > t or (u == t and not e) for u, e, _ in rows) for t, d, _ in rows)
)


def _arrays(rows):
    time, event, marker = zip(*rows, strict=True)
    return np.array(time, dtype=float), np.array(event), np.array(marker, dtype=float)


def _pair_by_pair(time, event, marker):
    """Concordant, discordant and tied pairs as the definition reads."""
    counts = [0, 0, 0]
    for i in range(time.size):
        for j in range(time.size):
            outlived = time[j] > time[i] or (time[j] == time[i] and not event[j])
            if event[i] and i != j and outlived:
                counts[0 if marker[i] > marker[j] else 1 if marker[i] < marker[j] else 2] += 1
    return counts


@settings(max_examples=60)
@given(data)
def test_pairs_are_counted_as_the_definition_reads(rows):
    time, event, marker = _arrays(rows)
    found = concordance(time, event, marker)
    concordant, discordant, tied = _pair_by_pair(time, event, marker)
    assert (found.pairs.concordant, found.pairs.discordant, found.pairs.tied_marker) == (concordant, discordant, tied)
    assert found.estimate == pytest.approx((concordant + tied / 2) / (concordant + discordant + tied))


@settings(max_examples=40)
@given(data, st.sampled_from(["harrell", "uno"]))
def test_compiled_and_plain_paths_agree_on_any_data(rows, weight):
    time, event, marker = _arrays(rows)
    plain = concordance(time, event, marker, weight=weight)
    many = concordance_many(time, event, np.column_stack([marker, -marker, marker]), weight=weight)
    assert many.estimate == pytest.approx([plain.estimate, 1 - plain.estimate, plain.estimate])
    assert many.se == pytest.approx([plain.se] * 3, abs=1e-12)


@settings(max_examples=40)
@given(data, st.randoms(use_true_random=False))
def test_only_the_order_of_times_and_markers_counts(rows, random):
    time, event, marker = _arrays(rows)
    before = concordance(time, event, marker)
    shuffled = list(range(len(rows)))
    random.shuffle(shuffled)
    after = concordance(np.exp(time / 3)[shuffled], event[shuffled], (marker**3 + marker)[shuffled])
    assert after.estimate == pytest.approx(before.estimate)
    assert after.se == pytest.approx(before.se)
    assert after.influence == pytest.approx(before.influence[shuffled])


@settings(max_examples=30)
@given(data, data)
def test_pairs_within_strata_are_those_of_the_strata_apart(one, other):
    time, event, marker = _arrays(one + other)
    found = concordance(time, event, marker, strata=["a"] * len(one) + ["b"] * len(other))
    apart = [concordance(*_arrays(rows)).pairs for rows in (one, other)]
    assert found.pairs.concordant == sum(p.concordant for p in apart)
    assert found.pairs.tied_both == sum(p.tied_both for p in apart)


def test_the_jackknife_error_is_the_spread_over_new_samples():
    rng = np.random.default_rng(2)
    estimates, errors = [], []
    for _ in range(300):
        marker = rng.normal(size=120)
        time, censoring = rng.exponential(np.exp(-0.6 * marker)), rng.exponential(2.0, 120)
        found = concordance(np.minimum(time, censoring), time <= censoring, marker, weight="uno", until=1.5)
        estimates.append(found.estimate)
        errors.append(found.se)
    assert np.mean(errors) == pytest.approx(np.std(estimates), rel=0.12)


def test_harrells_depends_on_the_censoring_and_unos_does_not():
    rng = np.random.default_rng(7)
    marker = rng.normal(size=6000)
    time = rng.exponential(1.0, 6000) ** np.where(marker > 0, 0.3, 1.0)  # the marker separates late times better
    gaps = {}
    for weight in ("harrell", "uno"):
        found = []
        for scale in (0.6, 6.0):
            censoring = rng.exponential(scale, 6000)
            seen = np.minimum(time, censoring)
            found.append(concordance(seen, time <= censoring, -marker, weight=weight, until=1.2).estimate)
        gaps[weight] = abs(found[0] - found[1])
    assert gaps["uno"] < 0.01 < gaps["harrell"]


def test_two_markers_of_the_same_patients_are_compared_with_their_correlation():
    rng = np.random.default_rng(4)
    truth = rng.normal(size=200)
    time, event = rng.exponential(np.exp(-truth)), np.ones(200, dtype=bool)
    good, bad = (concordance(time, event, truth + rng.normal(size=200) * noise) for noise in (0.2, 2.0))
    gap, p = good.minus(bad)
    assert gap.value == pytest.approx(good.estimate - bad.estimate)
    assert p < 0.001
    same, p_same = good.minus(good)
    assert same.value == same.lower == same.upper == 0
    assert np.isnan(p_same)
    with pytest.raises(AnalysisError, match="same patients"):
        good.minus(concordance(time[:50], event[:50], truth[:50]))


def test_missing_values_leave_a_patient_out_of_that_marker_alone():
    rng = np.random.default_rng(5)
    time, event = rng.exponential(1.0, 60), rng.random(60) < 0.7
    markers = pd.DataFrame({"CD3": rng.normal(size=60), "NKp46": rng.normal(size=60), "empty": np.nan})
    markers.loc[:17, "NKp46"] = np.nan
    many = concordance_many(time, event, markers)
    alone = concordance(time[18:], event[18:], markers["NKp46"][18:])
    assert many.names == ["CD3", "NKp46", "empty"]
    assert many.n.tolist() == [60, 42, 0]
    assert many.estimate[1] == pytest.approx(alone.estimate)
    assert many.se[1] == pytest.approx(alone.se)
    assert np.isnan(many.estimate[2])
    assert many.to_frame()["events"].tolist() == [int(event.sum()), int(event[18:].sum()), 0]


def test_a_perfect_marker_has_no_interval_and_a_model_can_be_judged():
    time = np.arange(1.0, 9.0)
    perfect = concordance(time, np.ones(8, dtype=bool), -time)
    assert perfect.estimate == 1.0
    assert np.isnan(perfect.interval.lower)
    rng = np.random.default_rng(1)
    x = rng.normal(size=(80, 2))
    t = rng.exponential(np.exp(-x[:, 0]))
    fit = cox(t, np.ones(80, dtype=bool), x)
    low, high = concordance(t, np.ones(80, dtype=bool), x @ fit.coefficient).interval[1:]
    assert 0.5 < low < high < 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"event": np.zeros(4)}, "all times are censored"),
        ({"marker": [1.0, np.nan, 2.0, 3.0]}, "misses 1 of 4"),
        ({"marker": ["high", "low", "high", "low"]}, "'high' of row 1 is no number"),
        ({"event": ["yes", "no", "yes", "no"]}, "events are texts"),
        ({"marker": np.ones((4, 2))}, "concordance_many"),
        ({"weight": "gonen"}, "'gonen' is unknown"),
        ({"until": 0.5}, "nobody outlived an event by 0.5"),
        ({"time": [1.0, -2.0, 3.0, 4.0]}, "-2 of row 2 is negative"),
        ({"weight": "uno", "entry": [0.0, 0.0, 0.0, 0.0]}, "delayed entry"),
    ],
)
def test_what_cannot_be_judged_is_said(change, words):
    given = {"time": [1.0, 2.0, 3.0, 4.0], "event": [1, 1, 0, 1], "marker": [4.0, 3.0, 2.0, 1.0]} | change
    time, event, marker = given.pop("time"), given.pop("event"), given.pop("marker")
    with pytest.raises(AnalysisError, match=words):
        concordance(time, event, marker, **given)
