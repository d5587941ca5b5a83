"""Interval designs: the laws of their papers, tables of one's own, late toxicity, and named errors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsonin.designs import (
    Accrual,
    Boin,
    I3Plus3,
    Keyboard,
    MaxPatients,
    Mtpi,
    Mtpi2,
    OwnTable,
    Scenario,
    TiteBoin,
    design,
    parse_outcomes,
    simulate,
)
from opsonin.errors import DesignError

FAMILY = [Boin, I3Plus3, Keyboard, Mtpi, Mtpi2]
PROTOCOL = (("E", "D"), ("E", "S", "DU"), ("E", "S", "D", "DU"), (), (), ("E", "E", "S", "D", "DU", "DU", "DU"))


@pytest.mark.parametrize("make", FAMILY)
@pytest.mark.parametrize("target", [0.15, 0.25, 0.33])
def test_more_dlts_never_mean_a_higher_dose(make, target):
    table = make(3, target).table(40)
    for n in range(1, 41):
        assert (np.diff(table.move[n, : n + 1]) <= 0).all(), n
        assert (np.diff(table.eliminate[n, : n + 1].astype(int)) >= 0).all(), n


@pytest.mark.parametrize("make", FAMILY)
def test_nobody_is_escalated_after_more_dlts_than_sought_nor_the_other_way(make):
    """Long-run coherence: up only while the observed rate is below the target, down only while it is above."""
    table = make(3, 0.25).table(40)
    for n in range(1, 41):
        rate = np.arange(n + 1) / n
        assert (rate[table.move[n, : n + 1] == 1] < 0.25).all()
        assert (rate[table.move[n, : n + 1] == -1] > 0.25).all()


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(FAMILY), st.lists(st.tuples(st.integers(1, 4), st.text("TN", min_size=1, max_size=4)), max_size=7)
)
def test_a_decision_is_a_level_one_step_away_with_a_reason(make, cohorts):
    text = " ".join(f"{level}{letters}" for level, letters in cohorts)
    seen, rule = parse_outcomes(text), make(4, 0.30)
    made = rule.decide(seen)
    assert made.reason
    shuffled = " ".join(f"{level}{''.join(sorted(letters))}" for level, letters in cohorts)
    assert rule.decide(parse_outcomes(shuffled)) == made
    if made.stop:
        assert made.mtd is None
        return
    assert made.level in (1, 2, 3, 4)
    allowed = int(rule.admissible(rule.evidence(seen))[0].sum())
    if cohorts:
        here = cohorts[-1][0]
        assert abs(made.level - here) <= 1 or made.level == allowed < here
        assert made.level <= max(allowed, 1)


def test_a_table_of_ones_own_decides_like_the_protocol_says():
    rule = OwnTable(3, PROTOCOL, target=0.3)
    assert rule.decide(parse_outcomes("1NNN")).action == "escalate"
    assert rule.decide(parse_outcomes("1NNT")).action == "stay"
    assert rule.decide(parse_outcomes("1NNN 2NTT")).level == 1
    gone = rule.decide(parse_outcomes("1NNN 2TTT"))
    assert gone.level == 1
    assert not rule.admissible(rule.evidence(parse_outcomes("1NNN 2TTT")))[0, 1]
    assert rule.decide(parse_outcomes("1NNT 1NTN")).action == "stay"  # 2 of 6
    assert MaxPatients(rule, 6).decide(parse_outcomes("1NNN 2NNT")).mtd == 2


def test_a_table_is_read_from_a_file(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("\n".join(", ".join(row) for row in PROTOCOL) + "\n")
    assert OwnTable.read(path, 3).decide(parse_outcomes("1NNN")).level == 2
    with pytest.raises(DesignError, match="cannot be read"):
        OwnTable.read(tmp_path / "none.csv", 3)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ((), "needs rows"),
        ((("E",),), "row 1 of the decision table has 1 entries"),
        ((("E", "D"), ("E", "S", "X")), "row 2 .* 'X'"),
    ],
)
def test_a_wrong_table_names_its_row(rows, words):
    with pytest.raises(DesignError, match=words):
        OwnTable(3, rows)


def test_late_toxicity_is_decided_by_what_has_been_followed():
    rule = TiteBoin(3, 0.30, window_days=28.0)
    early = rule.decide(parse_outcomes("1NNN 2NN@3dN@2d"))
    assert early.action == "wait"
    assert "2 still in the window" in early.reason
    later = rule.decide(parse_outcomes("1NNN 2NNN@20d"))
    assert (later.action, later.level) == ("escalate", 3)
    complete = parse_outcomes("1NNN 2NTN")
    assert rule.decide(complete).level == Boin(3, 0.30).decide(complete).level


def test_deciding_early_makes_trials_shorter_at_much_the_same_choice():
    truth = Scenario([0.05, 0.12, 0.30, 0.45], window_days=84.0)
    late = simulate(MaxPatients(TiteBoin(4, 0.30, window_days=84.0), 30), truth, 400, accrual=Accrual(10.0))
    waits = simulate(MaxPatients(Boin(4, 0.30), 30), truth, 400, accrual=Accrual(10.0))
    assert late.days.mean() < 0.75 * waits.days.mean()
    assert abs((late.mtd == 3).mean() - (waits.mtd == 3).mean()) < 0.12
    assert late.patients.sum(axis=1).max() <= 30


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"name": "keyboard", "below": 0.5}, "lies within"),
        ({"name": "tite-boin", "window_days": 0.0}, "above 0"),
        ({"name": "tite-boin", "most_pending": 2.0}, "at most 1"),
        ({"name": "boin", "target": "high"}, "must be a float"),
        ({"name": "boin", "start": 9}, "starts at level 9"),
        ({"name": "boin", "goal": 0.3}, "no option 'goal'; it has target"),
    ],
)
def test_wrong_options_are_named(given, words):
    with pytest.raises(DesignError, match=words):
        design(given, 4)


def test_a_study_writes_rules_beside_a_design():
    rule = design({"name": "boin", "target": 0.25, "patients": 24, "start": 2, "no_skipping": True}, 5)
    assert rule.decide(parse_outcomes("")).level == 2
    assert "24 patients" in rule.describe()
