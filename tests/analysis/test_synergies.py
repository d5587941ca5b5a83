"""Synergy: the excess over independent effects, its interval, and what is done with who died before the day."""

import numpy as np
import pandas as pd
import pytest

from opsonin import TrialRecord
from opsonin.analysis import analyse, synergy
from opsonin.errors import AnalysisError

ARMS = ("control", "A", "B", "A + B")


def draws(middle, n, seed):
    return middle * np.exp(0.4 * np.random.default_rng(seed).standard_normal(n))


def record(middles, n=10, gone=(), marker="tumour volume"):
    """Mice of four arms, measured on days 1 and 12; those in `gone` have no second value."""
    ids = [f"{arm}-{k}" for arm in ARMS for k in range(n)]
    arms = np.repeat(ARMS, n)
    first = pd.DataFrame({"subject_id": ids, "day": 0.0, "value": 20.0})
    later = np.concatenate([20 * draws(middle, n, k) for k, middle in enumerate(middles)])
    second = pd.DataFrame({"subject_id": ids, "day": 11.0, "value": later})
    second = second[~second["subject_id"].isin(gone)]
    rows = pd.concat([first, second])
    rows = rows.assign(marker=marker, unit="mm**3", compartment="tumour", baseline=False, below_limit=False)
    subjects = pd.DataFrame({"subject_id": ids, "arm": arms})
    return TrialRecord({"subjects": subjects, "measurements": rows})


def asked(middles, **how):
    question = {"marker": "tumour volume", "day": 12, "together": "A + B", "alone": ["A", "B"]}
    questions = {"compare": "arm", "reference": "control", "synergy": [question]}
    return analyse(record(middles, **how), questions=questions).named("synergy")


def test_the_excess_is_the_ratio_of_geometric_means():
    arms = [
        np.array([8.0, 10.0, 12.5]),
        np.array([4.0, 5.0, 6.25]),
        np.array([4.0, 5.0, 6.25]),
        np.array([0.8, 1, 1.25]),
    ]
    made = synergy(*arms)
    assert made.expected == pytest.approx(0.25)
    assert made.observed == pytest.approx(0.1)
    assert made.excess == pytest.approx(0.4)
    assert made.alone == pytest.approx((0.5, 0.5))
    assert made.verdict == "more"
    assert made.over_best[0] == pytest.approx(0.2)  # of half, which each alone leaves
    assert made.over_best[1] < 0.2 < made.over_best[2]


@pytest.mark.parametrize(("both", "verdict"), [(0.25, "as independent"), (0.02, "more"), (1.5, "less")])
def test_the_verdict_follows_the_interval(both, verdict):
    made = synergy(*(draws(middle, 40, k) for k, middle in enumerate((1, 0.5, 0.5, both))))
    assert made.verdict == verdict
    assert made.lower < made.excess < made.upper


def test_what_rises_more_than_expected_is_more_too():
    made = synergy(*(draws(middle, 40, k) for k, middle in enumerate((1, 2, 2, 20))))
    assert made.verdict == "more"


def test_it_is_found_no_more_often_than_it_should_be_where_there_is_none():
    told = [synergy(*(draws(m, 10, 4 * k + j) for j, m in enumerate((1, 0.5, 0.6, 0.3)))).verdict for k in range(200)]
    assert 0.01 <= np.mean([one != "as independent" for one in told]) <= 0.11  # 5 %, three standard errors and few mice


def test_units_and_the_order_of_the_two_change_nothing():
    arms = [draws(middle, 8, k) for k, middle in enumerate((1, 0.5, 0.7, 0.2))]
    made = synergy(*arms)
    scaled = synergy(*(1000 * values for values in arms))
    assert (scaled.excess, scaled.lower, scaled.upper) == pytest.approx((made.excess, made.lower, made.upper))
    assert synergy(arms[0], arms[2], arms[1], arms[3]).excess == pytest.approx(made.excess)


@pytest.mark.parametrize("wrong", [[1.0, 2.0], [1.0, 0.0, 2.0], [1.0, np.nan, 2.0]])
def test_too_few_and_impossible_values_are_refused(wrong):
    with pytest.raises(AnalysisError, match="one"):
        synergy([1.0, 2, 3], wrong, [1.0, 2, 3], [1.0, 2, 3])


def test_findings_tell_expected_observed_and_alone():
    found = asked((20, 10, 10, 0.5))
    excess = found.get("synergy.tumour volume, day 12.excess", "A + B")
    assert excess.upper < 1
    assert "More than independent" in excess.note
    expected, observed = (
        found.get(f"synergy.tumour volume, day 12.{what}").estimate for what in ("expected", "observed")
    )
    assert excess.estimate == pytest.approx(observed / expected)


def test_who_died_before_the_day_counts_with_the_last_value_after_the_first():
    whole = asked((20, 10, 10, 5)).get("synergy.tumour volume, day 12.excess")
    gone = asked((20, 10, 10, 5), gone=["control-0"]).get("synergy.tumour volume, day 12.excess")
    assert (gone.n, whole.n) == (39, 40)  # never measured again: nothing is known of its growth


def test_what_cannot_be_told_is_a_note():
    questions = {"compare": "arm", "reference": "control"}
    for wrong, words in (({"together": "C"}, "no arm 'C'"), ({"marker": "weight"}, "not measured")):
        question = {"marker": "tumour volume", "day": 12, "together": "A + B", "alone": ["A", "B"]} | wrong
        found = analyse(record((20, 10, 10, 5)), questions={**questions, "synergy": [question]})
        assert any(words in text for text in found.notes)
    with pytest.raises(AnalysisError, match="synergy"):
        analyse(record((20, 10, 10, 5)), questions={**questions, "synergy": [{"marker": "tumour volume"}]})
