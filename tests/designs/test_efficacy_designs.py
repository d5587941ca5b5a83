"""Designs that weigh response against toxicity, judged patients only: U-BOIN, BOIN-ET, and what all share."""

import itertools
from math import factorial

import numpy as np
import pytest
from hypothesis import given, settings

from efficacy_counts import PLATEAU, cohorts, random_counts, text
from opsonin.designs import (
    Accrual,
    Boin12,
    BoinEt,
    EffTox,
    MaxPatients,
    TiteBoin12,
    TiteBoinEt,
    UBoin,
    evidence,
    parse_outcomes,
    simulate,
)
from opsonin.designs.beta_tails import above, below
from opsonin.designs.evidence import Evidence
from opsonin.errors import DesignError


def test_tails_are_those_of_the_beta_distribution_whatever_is_shared():
    from scipy.stats import beta

    seen = random_counts(50)
    wanted = beta.sf(0.3, 1.0 + seen.dlt, 1.0 + seen.patients - seen.dlt)
    assert above(seen.dlt, seen.patients, 0.3) == pytest.approx(wanted, rel=1e-12)
    assert below(seen.dlt, seen.patients, 0.3) == pytest.approx(1 - wanted, rel=1e-9)
    half = beta.sf(0.3, 0.5 + seen.dlt, 0.5 + seen.patients - seen.dlt)
    assert above(seen.dlt, seen.patients, 0.3, 0.5) == pytest.approx(half, rel=1e-12)


@pytest.mark.parametrize("rule", [Boin12(4), UBoin(4), BoinEt(4), EffTox(4)], ids=lambda rule: rule.name)
def test_on_the_clock_responses_are_waited_for(rule):
    """A design that decides on judged patients decides the same however slowly its responses come."""
    ends = MaxPatients(rule, 21)
    counts, clock = simulate(ends, PLATEAU, 60, seed=4), simulate(ends, PLATEAU, 60, seed=4, accrual=Accrual(3.0))
    assert np.array_equal(counts.mtd, clock.mtd)
    assert np.array_equal(counts.patients, clock.patients)


@pytest.mark.parametrize("rule", [Boin12(4), UBoin(4), BoinEt(4, efficacy=0.5)], ids=lambda rule: rule.name)
def test_a_dose_where_response_levels_off_is_found(rule):
    found = simulate(MaxPatients(rule, 36), PLATEAU, 400)
    assert found.select[1] + found.select[2] > 0.7
    assert found.select[3] < 0.15


@pytest.mark.parametrize(
    "rule", [UBoin(4), BoinEt(4), EffTox(4), TiteBoin12(4), TiteBoinEt(4)], ids=lambda rule: rule.name
)
def test_many_trials_are_decided_as_each_alone(rule):
    seen = random_counts(40)
    many, selected = rule.decide_many(seen), rule.select_many(seen)
    for row in range(40):
        one = seen.take(np.array([row]))
        assert [int(a[row]) for a in many[:4]] == [int(a[0]) for a in rule.decide_many(one)[:4]]
        assert selected[row] == rule.select_many(one)[0]


def test_uboin_moves_as_published():
    rule = UBoin(4)
    assert rule.target == pytest.approx(0.25)
    assert rule.decide(parse_outcomes("1NNE")).level == 2
    assert rule.decide(parse_outcomes("1NNE 2NNT")).level == 1
    tried = rule.decide(parse_outcomes("1NNN 1NNN 1NNN 1NNN"))
    assert (tried.level, tried.numbers["stage"]) == (2, 2)
    assert "is tried" in tried.reason
    # level 2 is not low enough in DLTs (2 of 6) for level 3 to be tried; its utility is the higher one
    back = rule.decide(parse_outcomes("1NNN 2EET 1NNN 1NNN 1NNN 2EEB"))
    assert back.level == 2
    assert "highest utility" in back.reason
    done = rule.decide(parse_outcomes(" ".join(["1EEN"] * 8)))
    assert (done.action, done.mtd) == ("declare", 1)
    assert rule.decide(parse_outcomes("1TTT")).action == "stop"


def test_uboin_utility_is_the_dirichlet_mean():
    seen = evidence(parse_outcomes("1NTEBEE"), 2)
    # cells after a quarter of a patient each: neither 1.25, T 1.25, E 3.25, both 1.25 of 7
    assert UBoin(2).utility(seen)[0] == pytest.approx([(30 * 1.25 + 100 * 3.25 + 50 * 1.25) / 7, 45.0])


def test_uboin_selects_as_an_independent_enumeration_does():
    """Two doses, two cohorts of three, second stage after the first: selection probabilities worked out in R by the
    authors of mdanderson_stats (github.com/dx-li/mdanderson-stats, docs/uboin.md) from the paper's rules."""
    rule = MaxPatients(UBoin(2, first_stage=3, second_stage=9), 6)
    toxicity, efficacy, association = (0.15, 0.35), (0.35, 0.65), np.tanh(0.1)
    chance = {}
    for dose, (t, e) in enumerate(zip(toxicity, efficacy, strict=True), start=1):
        extra = t * (1 - t) * e * (1 - e) * association
        chance[dose] = {
            "N": (1 - t) * (1 - e) + extra, "T": t * (1 - e) - extra, "E": (1 - t) * e - extra, "B": t * e + extra,
        }  # fmt: skip

    def courses(dose):
        for people in itertools.combinations_with_replacement("NTEB", 3):
            ways = factorial(3) / np.prod([factorial(people.count(letter)) for letter in "NTEB"])
            yield "".join(people), ways * np.prod([chance[dose][letter] for letter in people])

    selected = np.zeros(3)
    for people, p in courses(1):
        first = rule.decide(parse_outcomes(f"1{people}"))
        if first.stop:
            selected[first.mtd or 0] += p
            continue
        for more, q in courses(first.level):
            second = rule.decide(parse_outcomes(f"1{people} {first.level}{more}"))
            assert second.stop
            selected[second.mtd or 0] += p * q
    assert selected == pytest.approx([0.035787468407932, 0.627499667282430, 0.336712864309637], abs=1e-12)


def test_uboin_by_lot_takes_doses_as_their_utilities():
    seen = parse_outcomes("1EEN 2EEN 3EET 3NET 2NNN 1NNN 1NNN 1NNN 3EET")
    rule = UBoin(3, allocation="proportional")
    one = evidence(seen, 3)
    utility = rule.utility(one)[0] * rule.admissible(one)[0]
    lots = (np.arange(2000) + 0.5) / 2000
    many = Evidence(
        *(np.repeat(a, 2000, axis=0) for a in (one.patients, one.dlt, one.current)),
        efficacy=np.repeat(one.efficacy, 2000, axis=0), both=np.repeat(one.both, 2000, axis=0), lot=lots,
    )  # fmt: skip
    share = np.bincount(rule.decide_many(many).level, minlength=4)[1:] / 2000
    assert share == pytest.approx(utility / utility.sum(), abs=1e-3)
    assert "by lot" in rule.decide(seen).reason


@settings(max_examples=60, deadline=None)
@given(given=cohorts)
def test_uboin_never_treats_where_it_gave_up_nor_far_above_what_was_tried(given):
    rule = UBoin(4)
    seen = parse_outcomes(text(given))
    made = rule.decide(seen)
    if made.level is not None:
        known = evidence(seen, 4)
        assert made.level <= known.highest[0] + 1
        assert not rule.given_up(known)[0, made.level - 1] or made.level == 1


def wrong_by_hand(low, high, few, phi, phi1, phi2, delta, delta1, n=100):
    """The probability of a wrong decision after n patients, summed outcome by outcome."""
    from scipy.stats import binom

    total = 0.0
    t, e = np.arange(n + 1)[:, None], np.arange(n + 1)[None, :]
    is_low, is_high, is_few = t / n <= low + 1e-12, t / n >= high - 1e-12, e / n <= few + 1e-12
    up, stay, down = is_low & is_few, ~is_high & ~is_few, is_high & (e >= 0)
    three = ~is_low & ~is_high & is_few
    for p, q, right in (
        (phi1, delta1, up), (phi1, delta, stay), (phi, delta, stay), (phi2, delta1, down), (phi2, delta, down),
    ):  # fmt: skip
        mass = binom.pmf(t, n, p) * binom.pmf(e, n, q)
        total += 1 - mass[right].sum() - mass[three].sum() / 3
    return total


def test_boin_et_bounds_make_wrong_decisions_least_likely():
    """The authors' own program finds (0.14, 0.35, 0.48): its fourth term subtracts the wrong probability."""
    rule = BoinEt(6)
    assert tuple(rule.bounds) == pytest.approx((0.14, 0.35, 0.47))
    rates = (0.3, 0.03, 0.42, 0.6, 0.36)
    best = wrong_by_hand(*rule.bounds, *rates)
    for step in itertools.product((-0.01, 0.0, 0.01), repeat=3):
        assert wrong_by_hand(*(b + s for b, s in zip(rule.bounds, step, strict=True)), *rates) >= best - 1e-12
    assert wrong_by_hand(0.14, 0.35, 0.48, *rates) > best


def boin_et_by_hand(rule, n, t, e, here):
    """The paper's rule for one trial, written out: the doses it may lead to."""
    low, high, few = rule.bounds
    pt, pe = t[here] / n[here], e[here] / n[here]
    top = len(n) - 1
    if pt >= high:
        wanted = [here - 1]
    elif pe > few:
        wanted = [here]
    elif pt <= low or (here < top and n[here + 1] == 0):
        wanted = [here + 1]
    else:
        near = [k for k in (here - 1, here, here + 1) if 0 <= k <= top and n[k] > 0]
        most = max(e[k] / n[k] for k in near)
        wanted = [k for k in near if e[k] / n[k] == most]
    toxic = above(t, n, rule.toxicity) > 0.95
    out = np.logical_or.accumulate(toxic) | (below(e, n, rule.rates_apart[2]) > 0.99)
    allowed, found = np.flatnonzero(~out), set()
    for k in np.clip(wanted, 0, top):
        beyond = [a for a in allowed if a >= k] if k > here else []
        found.add(beyond[0] if beyond else max((a for a in allowed if a <= k), default=-1))
    return found


def test_boin_et_moves_as_written_out():
    rule, seen = BoinEt(4), random_counts(400)
    made = rule.decide_many(seen)
    for row in range(400):
        n, t, e = (table[row] for table in (seen.patients, seen.dlt, seen.efficacy))
        found = boin_et_by_hand(rule, n, t, e, seen.current[row] - 1)
        assert made.level[row] - 1 in found


def test_boin_et_breaks_ties_by_lot_and_says_so():
    rule = BoinEt(3)
    tie = parse_outcomes("1NNN 2NNT 3NNN 2NNT")
    made = rule.decide(tie)
    assert made.numbers["options"] == [1, 2, 3]
    assert "by lot" in made.reason
    one = rule.evidence(tie)
    many = Evidence(
        *(np.repeat(a, 300, axis=0) for a in (one.patients, one.dlt, one.current)),
        efficacy=np.repeat(one.efficacy, 300, axis=0), both=np.repeat(one.both, 300, axis=0),
        lot=(np.arange(300) + 0.5) / 300,
    )  # fmt: skip
    assert np.bincount(rule.decide_many(many).level)[1:].tolist() == [100, 100, 100]


def test_boin_et_declares_the_most_responses_up_to_the_mtd():
    seen = BoinEt(4).evidence(parse_outcomes("1NNNEEE 2NNEEEE 3NTEEEE 4TTTEEE"))
    assert BoinEt(4).select_many(seen)[0] == 2  # of equal ones the lowest; level 4 is above the MTD
    tolerant = BoinEt(4).evidence(parse_outcomes("1NNNNNN 2NNNNEE 3NNTEEE"))
    assert BoinEt(4).select_many(tolerant)[0] == 3
    assert BoinEt(4, best="utility").select_many(tolerant)[0] == 3


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: UBoin(3, toxicity=1.2), "toxicity is 1.2"),
        (lambda: UBoin(3, margin=0.4), "margin is 0.4"),
        (lambda: UBoin(3, first_stage=30), "not to be smaller"),
        (lambda: UBoin(3, good=-3), "between 0 and 100"),
        (lambda: UBoin(3, allocation="any"), "'any' is unknown"),
        (lambda: UBoin(3, prior_patients=0.0), "above 0"),
        (lambda: BoinEt(3, too_low=0.4), "too_low < toxicity"),
        (lambda: BoinEt(3, too_few=0.7), "too_few < efficacy"),
        (lambda: BoinEt(3, best="size"), "'size' is unknown"),
        (lambda: UBoin(2).decide_many(Evidence(np.array([[3, 0]]), np.array([[0, 0]]), np.array([1]))), "1NTEB"),
        (lambda: BoinEt(2).admissible(Evidence(np.array([[3, 0]]), np.array([[0, 0]]), np.array([1]))), "1NTEB"),
        (lambda: BoinEt(2).decide(parse_outcomes("1NN@10d")), "use one for late toxicity"),
    ],
)
def test_bad_input_is_named(make, words):
    with pytest.raises(DesignError, match=words):
        make()
