"""Searched cuts: the price of the search, checked by enumeration, by simulation and by what must not matter."""

import itertools
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsonin.analysis import analyse, cut_point, cut_point_response, logrank
from opsonin.analysis.cutpoint import SOURCE
from opsonin.analysis.maximally_selected import (
    logrank_scores_of_ranks,
    p_exact_bound,
    p_lausen_1992,
    p_lausen_1994,
    permuted_maxima,
    search,
)
from opsonin.errors import AnalysisError
from opsonin.record import Manifest, TrialRecord

WIDE = (0.1, 0.9)


def _data(n, seed, effect=0.0):
    rng = np.random.default_rng(seed)
    marker = rng.normal(size=n)
    time, censoring = rng.exponential(np.exp(-effect * (marker > 0))), rng.exponential(2.0, n)
    return np.minimum(time, censoring), time <= censoring, marker


def _search(time, event, marker, strata=None, between=WIDE):
    codes = np.zeros(time.size, dtype=np.int64) if strata is None else strata
    scores = logrank_scores_of_ranks(time, event, codes)
    return scores, search(scores, marker, codes, between)


def test_the_exact_bound_lies_on_or_just_above_the_truth():
    """All 7! deals of the scores: the share in which the largest statistic is as large."""
    for seed in range(6):
        time, event, marker = _data(7, seed)
        if event.sum() < 3:
            continue
        scores = logrank_scores_of_ranks(time, event, np.zeros(7, dtype=np.int64))
        whole = np.rint((scores - scores.min()) * 7 / (scores.max() - scores.min()))
        found = search(whole, marker, np.zeros(7, dtype=np.int64), WIDE)
        deals = np.array(list(itertools.permutations(found.scores)))
        largest = np.abs(np.cumsum(deals, axis=1)[:, found.size - 1] * found.scale).max(axis=1)
        truth = float((largest >= found.largest - 1e-9).mean())
        bound = p_exact_bound(scores, marker, WIDE)
        assert truth - 1e-12 <= bound <= 1.5 * truth + 0.02


def test_permutation_and_approximations_agree_where_there_are_many_cuts():
    time, event, marker = _data(200, 2, effect=0.35)
    found = cut_point(time, event, marker, shrink=False, bootstrap=0)
    assert 0.02 < found.p < 0.1  # both approximations are made for small p, and are too large here
    assert found.p < found.p_lausen_1992 < found.p_lausen_1994 < 2.5 * found.p
    assert np.isnan(found.p_hothorn_lausen)
    assert found.p > 3 * found.p_unsearched


def test_the_honest_p_holds_its_level_and_the_naive_one_does_not():
    rejected = {"searched": 0, "naive": 0}
    for seed in range(120):
        found = cut_point(*_data(40, seed), permutations=299, shrink=False, bootstrap=0, seed=seed)
        rejected["searched"] += found.p <= 0.05
        rejected["naive"] += found.p_unsearched <= 0.05
    assert rejected["searched"] <= 13  # 6 expected; more than 13 in 1 of 200 such tests
    assert rejected["naive"] >= 24


def test_a_dose_that_moves_both_is_no_link_within_its_levels():
    rejected = {"stratified": 0, "unstratified": 0}
    for seed in range(60):
        rng = np.random.default_rng(seed)
        level = np.repeat([1, 2, 3], [6, 16, 12])
        marker = 1.5 * level + rng.normal(size=34)
        time = rng.exponential(2.5 ** level.astype(float))
        event = np.ones(34, dtype=bool)
        kept = {"permutations": 199, "shrink": False, "bootstrap": 0}
        rejected["stratified"] += cut_point(time, event, marker, strata=level, **kept).p <= 0.05
        rejected["unstratified"] += cut_point(time, event, marker, **kept).p <= 0.05
    assert rejected["stratified"] <= 9
    assert rejected["unstratified"] >= 18


def test_the_shrunken_ratio_is_nearer_the_truth_than_the_searched_one():
    searched, shrunken = [], []
    for seed in range(40):
        found = cut_point(*_data(60, seed, effect=0.7), permutations=0, bootstrap=0, seed=seed)
        searched.append(abs(np.log(found.ratio.value)))
        shrunken.append(abs(np.log(found.shrunken.value)))
        assert 0 <= found.shrinkage <= 1
    assert np.mean(searched) > 0.85
    assert 0.3 < np.mean(shrunken) < 0.75  # less than 0.7 is true of cuts that miss the step


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(8, 40))
def test_order_and_scale_of_the_patients_do_not_matter(seed, n):
    time, event, marker = _data(n, seed)
    if not event.any():
        return
    before = _search(time, event, marker)[1]
    order = np.random.default_rng(seed).permutation(n)
    after = _search(np.sqrt(time)[order], event[order], np.exp(marker)[order])[1]
    assert after.statistic == pytest.approx(before.statistic, abs=1e-9)
    mirrored = _search(time, event, -marker, between=(0.1, 0.9))[1]
    assert mirrored.largest == pytest.approx(before.largest, abs=1e-9) or n * 0.1 != int(n * 0.1)


def test_compiled_and_plain_permutations_are_the_same_numbers():
    time, event, marker = _data(50, 3)
    strata = np.repeat([0, 1, 2], [20, 18, 12])
    found = _search(time, event, marker, strata)[1]
    sys.modules.pop("opsonin.analysis.cutpoint_kernels", None)
    plain = permuted_maxima(found, 300, 9, "cut-point")
    from opsonin.analysis.cutpoint_kernels import key_of  # from here on the compiled path is taken

    assert key_of(9, "cut-point").size == 2
    compiled = permuted_maxima(found, 300, 9, "cut-point")
    assert compiled == pytest.approx(plain, abs=1e-12)
    assert permuted_maxima(found, 100, 9, "cut-point") == pytest.approx(compiled[:100], abs=0)


def test_the_same_seed_gives_the_same_answer_and_another_nearly():
    data = _data(70, 5, effect=1.0)
    first, again, other = (cut_point(*data, seed=seed) for seed in (1, 1, 2))
    assert (first.p, first.shrunken, first.cut_interval) == (again.p, again.shrunken, again.cut_interval)
    assert abs(first.p - other.p) < 5 * first.p_se + 2e-4
    assert first.cuts.equals(again.cuts)


def test_a_clear_cut_is_found_with_its_groups_and_words():
    time, event, marker = _data(150, 8, effect=1.6)
    found = cut_point(time, event, marker)
    assert found.cut == pytest.approx(0.0, abs=0.5)
    assert found.cut_interval[0] <= found.cut <= found.cut_interval[1]
    assert found.n_high == int((marker >= found.cut).sum())
    assert found.events_high == int(event[marker >= found.cut].sum())
    assert found.last_low == marker[marker < found.cut].max()
    assert found.p < 0.001
    assert found.shrinkage > 0.5
    assert found.shrunken.lower > 1
    assert "After the search p is below 0.001" in found.sentence
    assert found.to_frame()["chosen"].sum() > 0.9
    cut, ratio = found.findings("biomarker.OS.CD3", unit="cells/mm²")
    assert (cut.name, ratio.name) == ("biomarker.OS.CD3.searched_cut", "biomarker.OS.CD3.searched_ratio")
    assert (cut.unit, ratio.unit, ratio.p) == ("cells/mm²", "hazard ratio", found.p)
    assert ratio.reference == SOURCE


def test_each_statistic_is_the_log_rank_test_of_its_cut_but_for_the_variance():
    """Permutation and hypergeometric variance differ little where the groups do."""
    time, event, marker = _data(150, 8)
    cuts = cut_point(time, event, marker, permutations=0, shrink=False, bootstrap=0).cuts
    for cut, statistic in zip(cuts["cut"].tolist(), cuts["statistic"].tolist(), strict=True):
        test = logrank(time, event, marker >= cut)
        assert abs(statistic) == pytest.approx(np.sqrt(test.chi2), abs=0.15, rel=0.1)
        high_has_more = test.observed[1] > test.expected[1]
        assert (statistic < 0) == high_has_more or abs(statistic) < 0.15


def test_a_response_is_searched_in_the_same_way():
    rng = np.random.default_rng(6)
    marker = rng.normal(size=80)
    response = rng.random(80) < np.where(marker > 0.3, 0.75, 0.15)
    found = cut_point_response(response, marker)
    high = marker >= found.cut
    a, b, c, d = (int(v.sum()) for v in (response & high, ~response & high, response & ~high, ~response & ~high))
    assert found.ratio.value == pytest.approx(a * d / (b * c), rel=0.35)  # Peto's is nearer to 1 than the plain ratio
    assert found.kind == "odds ratio"
    assert found.p < 0.01 < found.p_unsearched * 1e4


def test_a_separating_cut_has_a_finite_ratio():
    time, marker = np.arange(1.0, 13.0), np.repeat([0.0, 1.0], 6)
    event = np.repeat([True, False], 6)
    found = cut_point(time, event, marker, bootstrap=50)
    assert np.isfinite(found.ratio).all()
    assert np.isfinite(found.shrunken.value)


def test_approximations_are_chances():
    sizes = np.arange(4, 37)
    for b in (0.0, 0.5, 1.5, 3.0, 6.0):
        assert 0 <= p_lausen_1992(b, WIDE) <= 1
        assert 0 <= p_lausen_1994(b, sizes, 40) <= 1
    assert np.isnan(p_lausen_1992(2.0, (0.0, 1.0)))  # the process has no bound at the ends


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"marker": np.ones(10)}, "no cut of the marker"),
        ({"marker": [np.nan, *range(9)]}, "misses 1 of 10"),
        ({"event": np.zeros(10)}, "all times are censored"),
        ({"marker": [*range(9), "high"]}, "'high' of row 10"),
        ({"between": (0.9, 0.1)}, "in order"),
        ({"marker": np.arange(9.0)}, "shape"),
    ],
)
def test_what_cannot_be_cut_is_said(change, words):
    given = {"time": np.arange(1.0, 11.0), "event": np.ones(10), "marker": np.arange(10.0)} | change
    time, event, marker = given.pop("time"), given.pop("event"), given.pop("marker")
    with pytest.raises(AnalysisError, match=words):
        cut_point(time, event, marker, **given)


@pytest.mark.parametrize(
    ("response", "words"),
    [([1, 1, 1], "everybody"), ([0, 2, 1], "row 2 is not"), (["PR", "SD", "PR"], "'PR' of row 1")],
)
def test_a_response_that_is_none_is_refused(response, words):
    with pytest.raises(AnalysisError, match=words):
        cut_point_response(response, [1.0, 2.0, 3.0])


def test_a_record_is_asked_for_a_searched_cut():
    rng = np.random.default_rng(2)
    level = np.repeat([1, 2], 30)
    marker = rng.lognormal(3, 1, 60)
    who = [f"P{k}" for k in range(60)]
    subjects = pd.DataFrame({"subject_id": who, "level": level, "CD3": marker})
    days = rng.exponential(np.where(marker > 20, 400, 120))
    survival = pd.DataFrame({"subject_id": who, "endpoint": "OS", "day": days, "event": True, "origin_day": 0.0})
    record = TrialRecord({"subjects": subjects, "survival": survival}, Manifest(title="sixty patients"))
    questions = {"biomarkers": [{"marker": "CD3", "against": ["OS"]}]}
    findings = analyse(record, questions={**questions, "search_cut": ["CD3"]})
    cut, ratio = findings.get("biomarker.OS.CD3.searched_cut"), findings.get("biomarker.OS.CD3.searched_ratio")
    alone = cut_point(days, np.ones(60, dtype=bool), marker, strata=level)
    assert cut.estimate == alone.cut == pytest.approx(20, rel=0.4)
    assert ratio.p == alone.p < 0.01
    assert "permutation within strata" in ratio.method
    stray = analyse(record, questions={**questions, "search_cut": ["CD8"]})
    assert any("search_cut names 'CD8'" in said for said in stray.notes)
    assert not analyse(record, questions=questions).named("biomarker.OS.CD3.searched_cut")
