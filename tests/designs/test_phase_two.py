"""Phase II designs: published ones, exact against brute force, and named errors."""

import itertools
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsonin.designs.phase_two import (
    Looks,
    bop2,
    pick_the_winner,
    predictive_probability,
    predictive_probability_design,
    selection_size,
    simon,
    single_stage,
    two_stage_inference,
)
from opsonin.errors import DesignError


def test_simons_published_table():
    """Simon 1989, table 1: p0 = 0.10, p1 = 0.30, alpha 0.05, beta 0.10 and 0.20."""
    found = simon(0.10, 0.30, 0.05, 0.10)
    assert found.optimal[:4] == (2, 18, 6, 35)
    assert found.minimax[:4] == (2, 22, 6, 33)
    assert simon(0.10, 0.30, 0.05, 0.20).optimal[:4] == (1, 10, 5, 29)


def test_a_two_stage_design_is_two_looks():
    best = simon(0.05, 0.25, 0.10, 0.10).optimal
    looks = Looks(np.array([best.n1, best.n]), np.array([best.r1, best.r]))
    assert looks.at(0.05).go == pytest.approx(best.type1)
    assert looks.at(0.25).go == pytest.approx(best.power)
    assert looks.at(0.05).patients == pytest.approx(best.en_p0)
    assert looks.at(0.05).stop[0] == pytest.approx(best.pet_p0)


def test_looks_agree_with_every_course_counted():
    looks, p = Looks(np.array([3, 5, 8]), np.array([0, 1, 3])), 0.35
    go, patients = 0.0, 0.0
    for course in itertools.product([0, 1], repeat=8):
        weight = p ** sum(course) * (1 - p) ** (8 - sum(course))
        ended = next((n for n, futile in ((3, 0), (5, 1)) if sum(course[:n]) <= futile), 8)
        patients += weight * ended
        go += weight * (ended == 8 and sum(course) > 3)
    assert looks.at(p).go == pytest.approx(go)
    assert looks.at(p).patients == pytest.approx(patients)


def test_single_stage_errors_are_binomial_tails():
    design = single_stage(0.2, 0.4, 0.05, 0.2)[0]
    assert design.type1 <= 0.05
    assert design.type2 <= 0.2
    smaller = [n for n in range(1, design.n) if _feasible(n, 0.2, 0.4, 0.05, 0.2)]
    assert not smaller


def _feasible(n, p0, p1, alpha, beta):
    from scipy.stats import binom

    return any(binom.sf(r, n, p0) <= alpha and binom.cdf(r, n, p1) <= beta for r in range(n + 1))


@cache
def _after_two_stages(x: int, r1: int, n1: int, n: int) -> float:
    return two_stage_inference(x, r1, n1, n, 0.2).estimate


@settings(max_examples=30, deadline=None)
@given(st.floats(0.05, 0.9))
def test_the_estimate_after_two_stages_is_unbiased(p):
    from scipy.stats import binom

    r1, n1, n = 1, 6, 15
    mean = sum(binom.pmf(x, n1, p) * _after_two_stages(x, r1, n1, n) for x in range(r1 + 1))
    for x1 in range(r1 + 1, n1 + 1):
        for x2 in range(n - n1 + 1):
            chance = binom.pmf(x1, n1, p) * binom.pmf(x2, n - n1, p)
            mean += chance * _after_two_stages(x1 + x2, r1, n1, n)
    assert mean == pytest.approx(p, abs=1e-9)


@pytest.mark.parametrize("p", [0.15, 0.4, 0.62])
def test_limits_cover_the_rate_as_often_as_they_say(p):
    from scipy.stats import binom

    r1, n1, n, below, above = 1, 8, 20, 0.0, 0.0
    for x1 in range(n1 + 1):
        seconds = [0] if x1 <= r1 else range(n - n1 + 1)
        for x2 in seconds:
            chance = binom.pmf(x1, n1, p) * (1.0 if x1 <= r1 else binom.pmf(x2, n - n1, p))
            found = two_stage_inference(x1 + x2, r1, n1, n, 0.2)
            below += chance * (found.lower > p)
            above += chance * (found.upper < p)
    assert below <= 0.05 + 1e-9
    assert above <= 0.05 + 1e-9


def test_predictive_probability_is_the_mean_of_what_may_come():
    """Lee & Liu 2008, section 2: 16 responses in 23 of 40 patients, p0 = 0.60, prior Beta(0.6, 0.4), 0.5656."""
    assert predictive_probability(16, 23, 40, 0.60, 0.90, (0.6, 0.4)) == pytest.approx(0.5656, abs=5e-4)
    assert predictive_probability(40, 40, 40, 0.60, 0.90) == pytest.approx(1.0)


def test_a_predictive_design_keeps_its_errors():
    looks, futility, final = predictive_probability_design(0.2, 0.4, 36, range(10, 36, 5), 0.10, 0.10, grid=15)
    assert looks.at(0.2).go <= 0.10
    assert looks.at(0.4).go >= 0.90
    assert 0 <= futility < final < 1
    assert (np.diff(looks.futile) >= 0).all()


def test_bop2_keeps_its_error_and_stops_early():
    found = bop2(0.2, 0.4, [10, 20, 30, 40], 0.10)
    assert found.type1 <= 0.10
    assert found.power > 0.85
    assert found.looks.at(0.2).patients < 32
    assert found.looks.at(0.2).go == pytest.approx(found.type1)


def test_selection_takes_the_best_arm_as_often_as_published():
    """Simon, Wittes & Ellenberg 1985, table 1: 20 % against 35 %, 29 patients in each of two arms, 44 of three."""
    assert selection_size(2, 0.20, 0.15) == 29
    assert selection_size(3, 0.20, 0.15) == 44
    chances = pick_the_winner(20, np.array([0.3, 0.3, 0.3]))
    np.testing.assert_allclose(chances, 1 / 3)
    assert pick_the_winner(15, np.array([0.2, 0.5])).sum() == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: simon(0.4, 0.3), "p0 < p1"),
        (lambda: simon(0.2, 0.22, most=60), "at most 60"),
        (lambda: single_stage(0.1, 0.3, 1.2), "between 0 and 1"),
        (lambda: two_stage_inference(50, 1, 10, 29, 0.1), "0 to n responses"),
        (lambda: Looks(np.array([5, 5]), np.array([0, 1])), "rising numbers"),
        (lambda: predictive_probability(5, 4, 10, 0.2, 0.9), "cannot be"),
        (lambda: pick_the_winner(10, np.array([0.2])), "two or more arms"),
        (lambda: bop2(0.2, 0.4, [3], 0.0001), "no boundary"),
        (lambda: bop2(0.2, 0.4, [20, 10]), r"rising numbers of patients; \[20, 10\]"),
        (lambda: bop2(0.2, 0.4, [10, 10]), "rising numbers"),
        (lambda: bop2(0.2, 0.4, []), "needs a look"),
        (lambda: predictive_probability_design(0.2, 0.4, 36, [20, 10]), "rising numbers"),
    ],
)
def test_bad_input_is_named(ask, words):
    with pytest.raises(DesignError, match=words):
        ask()
