"""Simulated trials: the same patients for every design, exact where exact answers exist, and named errors."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import isotonic_regression

from opsonin.designs import (
    Accrual,
    Boin,
    Boin12,
    BoinComb,
    Crm,
    MaxPatients,
    NoSkipping,
    PotentialDoses,
    Saturating,
    Scenario,
    StopWhenTreated,
    ThreePlusThree,
    TiteBoin,
    compare,
    difference,
    exact_characteristics,
    parse_outcomes,
    simulate,
)
from opsonin.designs.isotonic import isotonic
from opsonin.errors import DesignError

TRUTH = Scenario(np.array([0.05, 0.12, 0.25, 0.40, 0.55]))
BOIN = MaxPatients(Boin(5, 0.25), 30)


def test_simulated_3_plus_3_agrees_with_every_course_counted():
    found, exact = (
        simulate(ThreePlusThree(5), TRUTH, 20_000, seed=3),
        exact_characteristics(ThreePlusThree(5), TRUTH.dlt),
    )
    table = found.to_frame()
    assert (np.abs(found.select - exact.select) < 4 * table["declared_se"] + 1e-12).all()
    assert (np.abs(table["patients"] - exact.patients) < 4 * table["patients_se"]).all()
    assert abs(found.none - exact.none) < 4 * np.sqrt(exact.none / 20_000)


def test_more_trials_leave_the_first_ones_as_they_were():
    few, many = simulate(BOIN, TRUTH, 40, seed=5), simulate(BOIN, TRUTH, 400, seed=5)
    assert np.array_equal(few.mtd, many.mtd[:40])
    assert np.array_equal(few.dlt, many.dlt[:40])
    assert not np.array_equal(many.mtd[:40], simulate(BOIN, TRUTH, 40, seed=6).mtd)


def test_time_changes_nothing_for_a_design_that_waits():
    counted, timed = simulate(BOIN, TRUTH, 300, seed=2), simulate(BOIN, TRUTH, 300, seed=2, accrual=Accrual(9.0))
    assert np.array_equal(counted.mtd, timed.mtd)
    assert np.array_equal(counted.patients, timed.patients)
    assert np.array_equal(counted.dlt, timed.dlt)
    assert np.isnan(counted.days).all()
    full = timed.days[counted.patients.sum(axis=1) == 30]
    assert full.mean() > 10 * 28  # ten cohorts, each waited for, and the patients' coming


def test_designs_are_compared_on_the_same_patients():
    both = compare({"boin": BOIN, "again": BOIN, "3+3": ThreePlusThree(5)}, TRUTH, 500, seed=1)
    none = difference(both["boin"], both["again"])
    assert (none["difference"].dropna() == 0).all()
    table = difference(both["boin"], both["3+3"]).set_index("measure")
    apart = both["boin"].patients.sum(axis=1).mean() - both["3+3"].patients.sum(axis=1).mean()
    assert table.loc["patients", "difference"] == pytest.approx(apart)


def test_virtual_patients_show_what_the_pool_says():
    rng = np.random.default_rng(1)
    tolerance = rng.uniform(size=400)
    onset = np.where(tolerance[:, None] < TRUTH.dlt, 10.0, np.inf)
    pool = PotentialDoses(onset)
    assert pool.dlt == pytest.approx((onset < 28).mean(axis=0))
    found = simulate(BOIN, pool, 300, seed=4)
    rate = found.dlt.sum(axis=0) / found.patients.sum(axis=0)
    assert np.abs(rate - pool.dlt).max() < 0.06
    with pytest.raises(DesignError, match="the pool has 20"):
        simulate(BOIN, PotentialDoses(onset[:20]), 10)


def test_responses_after_the_window_are_none():
    response = np.tile([30.0, 70.0], (60, 1))
    pool = PotentialDoses(np.full((60, 2), np.inf), response, efficacy_window_days=56.0)
    assert pool.efficacy.tolist() == [1.0, 0.0]
    found = simulate(MaxPatients(Boin(2), 12), pool, 20)
    assert (found.efficacy == found.patients * [1, 0]).all()


def test_nothing_is_right_or_wrong_without_a_target():
    table = simulate(ThreePlusThree(5), TRUTH, 50).summary().set_index("measure")
    assert (
        table.loc[["right dose", "too toxic dose", "poor allocation", "share of patients overdosed"], "mean"]
        .isna()
        .all()
    )
    mean: Any = table["mean"]
    assert mean["patients"] > 3


def test_rates_that_fall_with_dose_are_an_error_unless_meant():
    rates = [0.5, 0.4, 0.3, 0.2, 0.1]
    with pytest.raises(DesignError, match="fall with dose, but the design 'boin' assumes that they do not"):
        simulate(BOIN, Scenario(rates), 10)
    assert simulate(BOIN, Scenario(rates, falling=True), 200).none > 0.5
    grid = Scenario([0.1, 0.2, 0.3, 0.05, 0.2, 0.4])
    with pytest.raises(DesignError, match="fall with dose"):
        simulate(MaxPatients(BoinComb(6, 3), 12), grid, 10)
    assert len(simulate(MaxPatients(BoinComb(6, 3), 12), Scenario([0.1, 0.2, 0.3, 0.15, 0.2, 0.4]), 10)) == 10


def test_late_toxicity_comes_in_the_second_half():
    late = Scenario(np.full(1, 1.0), late=0.9, window_days=40.0).draw(1, np.arange(1, 2001), 1)
    shown = late.show(np.arange(2000), np.zeros(2000, dtype=int), np.ones(2000, dtype=int))
    assert (shown.onset > 20).mean() == pytest.approx(0.9, abs=0.03)
    assert shown.onset.max() <= 40


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0.1, 9), st.booleans()), min_size=1, max_size=7))
def test_isotonic_means_are_those_of_pooling_adjacent_violators(doses):
    values, weights, there = (np.array(column) for column in zip(*doses, strict=True))
    found = isotonic(values[None], weights[None], there[None])[0]
    assert np.isnan(found[~there]).all()
    if there.any():
        expected = isotonic_regression(values[there], weights=weights[there]).x
        np.testing.assert_allclose(found[there], expected, atol=1e-9)


def test_a_protocol_reads_as_one_expression():
    protocol = StopWhenTreated(MaxPatients(NoSkipping(Boin(5, 0.30)), 12), 9)
    assert protocol.decide(parse_outcomes("1NNN 2NTN")).level == 2
    end = protocol.decide(parse_outcomes("1NNN 2NTN 2NNT 2NNN"))
    assert (end.action, end.mtd) == ("declare", 2)
    assert "12 patients are treated: level 2 is the maximum tolerated dose" in end.reason
    assert "12 patients" in protocol.describe()


def test_the_last_cohort_is_cut_to_fit():
    assert MaxPatients(Boin(3, 0.3), 10).decide(parse_outcomes("1NNN 1NTN 1NTN")).patients == 1


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Scenario(np.array([0.1, 1.2])), "between 0 and 1"),
        (lambda: Scenario(np.array([0.1, 0.2]), efficacy=np.array([0.3])), "2 DLT probabilities, but 1 of efficacy"),
        (lambda: Boin(5, 1.3), "target is 1.3"),
        (lambda: Boin(5, 0.3, too_low=0.4), "too_low < target < too_high"),
        (lambda: simulate(Boin(2, 0.3), Scenario(np.array([0.1, 0.2])), 5), "has gone beyond|table ends"),
        (lambda: simulate(BOIN, Scenario(np.array([0.1, 0.2])), 5), "5 levels, but the truth 2"),
        (lambda: Boin(3, 0.3).decide(parse_outcomes("4NNN")), "hold level 4, but the design has 3"),
        (lambda: Boin(3, 0.3).decide(parse_outcomes("1NN@3d")), "days of follow-up"),
        (lambda: parse_outcomes("1x2NN"), "one drug"),
        (lambda: Accrual(0.0), "above 0"),
    ],
)  # fmt: skip
def test_bad_input_is_named(make, words):
    with pytest.raises(DesignError, match=words):
        make()


@pytest.mark.parametrize("text", ["1NTEB", "1NN 2TE", "2Ng1Tg3", "1N@14dT 1NN@3.5d", "3B"])
def test_outcomes_with_more_than_toxicity_keep_their_text(text):
    assert parse_outcomes(text).text == text


def test_a_combination_is_written_by_row_and_column():
    seen = parse_outcomes("1x1NNN 2x3NT", columns=4)
    assert seen.level.tolist() == [1, 1, 1, 7, 7]
    assert seen.text == "1x1NNN 2x3NT"


def test_a_sentinel_and_staggering_make_cohorts_longer_and_nothing_else():
    plain = simulate(BOIN, TRUTH, 60, seed=2, accrual=Accrual(1.0, even=True))
    slow = simulate(BOIN, TRUTH, 60, seed=2, accrual=Accrual(1.0, even=True, sentinel_days=7.0, stagger_days=3.0))
    assert np.array_equal(plain.mtd, slow.mtd)
    full = plain.patients.sum(axis=1) == 30
    longer = (slow.days - plain.days)[full]
    assert (longer <= 10 * (6.0 + 2.0) + 1e-9).all()  # ten cohorts, the second patient 6 days later, the third 2 more
    assert longer.mean() > 60


def test_the_lowest_dose_that_saturates_the_immune_effect_is_declared():
    truth = Scenario([0.02, 0.04, 0.08, 0.15], immune=[0.3, 0.95, 1.0, 1.0], immune_sd=0.1)
    plain = simulate(MaxPatients(Boin(4, 0.25), 24), truth, 200, accrual=Accrual(7.0))
    low = simulate(MaxPatients(Saturating(Boin(4, 0.25)), 24), truth, 200, accrual=Accrual(7.0))
    assert plain.select.argmax() == 3
    assert low.select.argmax() == 1
    assert np.array_equal(plain.patients, low.patients)
    with pytest.raises(DesignError, match="share is a part"):
        Saturating(Boin(4), 1.5)


def test_what_shows_after_the_window_is_no_dlt():
    """Half of the DLTs come in the second half of the truth's window, which a design of half its length never sees."""
    truth = Scenario([1.0], window_days=60.0)
    seen = simulate(
        MaxPatients(TiteBoin(1, 0.30, window_days=30.0, confidence=0.999), 6), truth, 200, accrual=Accrual(400.0)
    )
    assert 0.4 < seen.dlt.sum() / seen.patients.sum() < 0.6


@pytest.mark.parametrize(
    ("rule", "accrual"),
    [(Boin(5, 0.25), None), (Crm(5, 0.25), None), (TiteBoin(5, 0.25), Accrual(7.0)), (Boin12(5), None)],
)
def test_threads_change_no_trial(rule, accrual):
    truth = Scenario([0.05, 0.1, 0.25, 0.4, 0.6], efficacy=[0.1, 0.2, 0.3, 0.4, 0.4])
    one, two = (
        simulate(MaxPatients(rule, 18), truth, 301, seed=4, accrual=accrual, threads=threads) for threads in (1, 3)
    )
    for name in ("mtd", "patients", "dlt", "efficacy", "days"):
        assert getattr(one, name).tobytes() == getattr(two, name).tobytes()


def test_no_threads_are_refused():
    with pytest.raises(DesignError, match="0 threads"):
        simulate(MaxPatients(Boin(5, 0.25), 18), Scenario([0.1] * 5), 10, threads=0)
