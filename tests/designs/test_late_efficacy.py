"""TITE-BOIN12 and TITE-BOIN-ET: what is known of patients still in their windows, and what is decided on it."""

import numpy as np
import pytest
from hypothesis import given, settings

from efficacy_counts import PLATEAU, cohorts, text
from opsonin.designs import (
    Accrual,
    Boin12,
    BoinEt,
    MaxPatients,
    Outcomes,
    Scenario,
    TiteBoin12,
    TiteBoinEt,
    UBoin,
    evidence,
    parse_outcomes,
    pathways,
    simulate,
)
from opsonin.errors import DesignError


@pytest.mark.parametrize(("late", "judged"), [(TiteBoin12(4), Boin12(4)), (TiteBoinEt(4), BoinEt(4))])
@settings(max_examples=60, deadline=None)
@given(given=cohorts)
def test_when_everybody_is_judged_late_designs_are_the_others(late, judged, given):
    seen = parse_outcomes(text(given))
    one, other = late.decide(seen), judged.decide(seen)
    assert (one.action, one.level, one.mtd, one.reason) == (other.action, other.level, other.mtd, other.reason)


PAPER = (  # Zhou et al. (2022), table 2: dose, day of entry, day of DLT and of response after it (0: none)
    (1, 1, 0, 0), (1, 11, 0, 0), (1, 21, 0, 0), (2, 72, 0, 40), (2, 82, 30, 0), (2, 92, 0, 0), (3, 143, 0, 40),
    (3, 153, 25, 0), (3, 163, 0, 0), (4, 214, 0, 0), (4, 224, 40, 0), (4, 234, 35, 0), (3, 285, 25, 30),
    (3, 295, 0, 55), (3, 305, 0, 0), (3, 316, 0, 50), (3, 326, 0, 50), (3, 336, 30, 0),
)  # fmt: skip


def published(day):
    """The trial of the paper as it was known on a day."""
    rows = [row for row in PAPER if row[1] < day]
    age = np.array([day - entry for _, entry, _, _ in rows], dtype=float)
    seen = [[0 < event <= a for event in row[2:]] for row, a in zip(rows, age, strict=True)]
    return Outcomes(
        np.array([row[0] for row in rows]), np.array([dlt for dlt, _ in seen]), np.repeat(np.arange(6), 3)[: len(rows)],
        efficacy=np.array([response for _, response in seen]), followed_days=age,
    )  # fmt: skip


def test_the_published_tite_boin12_trial():
    """Levels 2, 3, 4, 3 as the paper has it. On day 315 the paper stays at level 3, while its own formula gives
    3 / 7 of DLTs, above BOIN's bound for 0.35 (0.419), and so level 2; nothing in the text resolves that."""
    rule = TiteBoin12(4, window_days=45.0, efficacy_window_days=60.0)
    for day, pending, late, level in ((71, 0, 1, 2), (142, 0, 1, 3), (213, 0, 1, 4), (284, 0, 1, 3)):
        seen = rule.evidence(published(day))
        here = seen.current[0] - 1
        assert (seen.pending[0, here], seen.efficacy_pending[0, here]) == (pending, late)
        assert rule.decide(published(day)).level == level
    made = rule.decide(published(315))
    seen = rule.evidence(published(315))
    assert (seen.pending[0, 2], seen.efficacy_pending[0, 2]) == (2, 2)
    assert made.numbers["patients_for_dlt"][2] == pytest.approx(14 / 3, abs=1e-6)
    assert made.numbers["desirability"][1:3] == pytest.approx([0.1558, 0.1172], abs=1e-4)
    assert made.level == 2
    assert rule.select_many(rule.evidence(published(396)))[0] == 3


def test_who_is_followed_longer_without_an_event_counts_less_of_one():
    rule = TiteBoin12(1, toxicity=0.3, window_days=30.0, efficacy_window_days=30.0)
    start = "1TEN 1N@{}d"
    counts = [
        rule.utility_counts(rule.evidence(parse_outcomes(start.format(day))))[0, 0] for day in (1, 10, 20, 29, 40)
    ]
    # of the one followed: response is worth 60 more, toxicity 40 less, and both are as likely here
    assert (np.diff(counts) < 0).all()
    judged = Boin12(1).utility_counts(Boin12(1).evidence(parse_outcomes("1TENN")))[0, 0]
    assert counts[-1] == pytest.approx(judged)


@pytest.mark.parametrize("rule", [TiteBoin12(3), TiteBoinEt(3)], ids=lambda rule: rule.name)
def test_late_designs_wait_for_enough_to_be_known(rule):
    waits = rule.decide(parse_outcomes("1N@5dN@15dN@30d"))
    assert waits.action == "wait"
    assert "not known yet" in waits.reason
    assert rule.decide(parse_outcomes("1NNN@30d")).action == "escalate"
    nobody = rule.decide(parse_outcomes("1TTTTTT@2dN@50d"))  # too toxic, but one may respond yet
    assert nobody.action in ("wait", "stop")
    assert rule.decide(parse_outcomes("1TTTTTTT")).action == "stop"


@pytest.mark.parametrize("kind", [TiteBoin12, TiteBoinEt])
def test_on_nothing_known_nothing_is_decided(kind):
    rule = kind(3, most_pending=1.0)
    assert rule.decide(parse_outcomes("1N@0dN@0dN@0d")).action == "wait"
    assert rule.decide(parse_outcomes("1N@3dN@0dN@0d")).action != "wait"


@pytest.mark.parametrize("rule", [TiteBoin12(4), TiteBoinEt(4), Boin12(4), BoinEt(4)], ids=lambda rule: rule.name)
@settings(max_examples=80, deadline=None)
@given(given=cohorts)
def test_no_dose_is_left_upwards_for_its_dlts(rule, given):
    """Never up from a dose that may be given while its DLT rate is at or above the bound."""
    seen = rule.evidence(parse_outcomes(text(given)))
    here = seen.current[0] - 1
    high = rule.bounds.high if isinstance(rule, BoinEt) else rule.single.bounds[1]
    made = rule.decide_many(seen)
    if rule.admissible(seen)[0, here] and seen.dlt[0, here] / seen.patients[0, here] >= high:
        assert made.level[0] <= here + 1


def test_nobody_counts_as_without_response_who_may_have_one():
    rule = TiteBoinEt(2, efficacy=0.6, window_days=20.0, efficacy_window_days=200.0)
    early = rule.decide(parse_outcomes("1NNNNNNNNN@21d".replace("N", "N@21d")[:-4]))
    assert early.action == "wait"
    seen = rule.evidence(parse_outcomes("1" + "N@21d" * 12))
    assert rule.admissible(seen)[0, 0]
    assert not BoinEt(2, efficacy=0.6).admissible(evidence(parse_outcomes("1" + "N" * 12), 2))[0, 0]


@pytest.mark.parametrize(
    ("kind", "selected", "patients", "days"),
    [
        (BoinEt, (1, 3, 3, 1, 17, 75), (3.1, 3.2, 3.5, 3.9, 8.3, 14.1), 965.8),
        (TiteBoinEt, (3, 0, 4, 4, 16, 73), (3.1, 3.3, 3.8, 4.7, 9.2, 12.0), 611.2),
    ],
)
def test_characteristics_are_those_of_the_authors_package(kind, selected, patients, days):
    """Of 100 trials by the R package boinet (its tests): 12 cohorts of 3, one patient in 10 days."""
    late = {"window_days": 30.0, "efficacy_window_days": 60.0} if kind is TiteBoinEt else {}
    rule = MaxPatients(kind(6, toxicity=0.33, efficacy=0.70, **late), 36)
    truth = Scenario(
        [0.01, 0.03, 0.06, 0.12, 0.18, 0.30], efficacy=[0.06, 0.08, 0.15, 0.25, 0.40, 0.80],
        window_days=30.0, efficacy_window_days=60.0,
    )  # fmt: skip
    found = simulate(rule, truth, 1000, seed=2, accrual=Accrual(10.0))
    error = np.sqrt(found.select * (1 - found.select) * (1 / 100 + 1 / 1000))
    assert (np.abs(found.select - np.array(selected) / 100) < 4 * error).all()
    spread = found.patients.std(axis=0) / 10 + 0.05  # theirs are printed to a tenth
    assert (np.abs(found.patients.mean(axis=0) - patients) < 4 * spread).all()
    assert found.days.mean() == pytest.approx(days, rel=0.05)


@pytest.mark.parametrize(("late", "judged"), [(TiteBoin12(4), Boin12(4)), (TiteBoinEt(4), BoinEt(4))])
def test_late_designs_end_sooner_and_choose_as_well(late, judged):
    truth = Scenario(PLATEAU.dlt, efficacy=PLATEAU.efficacy, window_days=28.0, efficacy_window_days=56.0)
    soon, slow = (simulate(MaxPatients(rule, 24), truth, 150, accrual=Accrual(7.0)) for rule in (late, judged))
    assert soon.days.mean() < 0.75 * slow.days.mean()
    assert soon.select[1:3].sum() > slow.select[1:3].sum() - 0.12


@pytest.mark.parametrize("rule", [TiteBoin12(3), TiteBoinEt(3), UBoin(3)], ids=lambda rule: rule.name)
def test_pathways_keep_who_had_both(rule):
    found = pathways(MaxPatients(rule, 9), cohorts=2, truth=Scenario([0.1, 0.2, 0.3], efficacy=[0.2, 0.4, 0.6]))
    stage = found.stages[-1]
    for row in np.linspace(0, len(stage.evidence) - 1, 25).astype(int):
        seen = stage.evidence.take(np.array([row]))
        people = seen.individuals
        if people is not None:
            for dose in (1, 2, 3):
                both = (people.dlt & people.efficacy & (people.dose == dose)).sum()
                assert (both, (people.efficacy & (people.dose == dose)).sum()) == (
                    seen.both[0, dose - 1], seen.efficacy[0, dose - 1],
                )  # fmt: skip
    assert sum(float(p.sum()) for p in [stage.probability]) + sum(
        float(s.probability[s.decisions.level == 0].sum()) for s in found.stages[:-1]
    ) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: TiteBoin12(3, window_days=0.0), "window days are 0"),
        (lambda: TiteBoinEt(3, most_pending=1.5), "most_pending is 1.5"),
    ],
)
def test_bad_input_is_named(make, words):
    with pytest.raises(DesignError, match=words):
        make()
