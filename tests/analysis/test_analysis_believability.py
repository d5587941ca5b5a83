"""Biomarkers held against chance: what dose alone makes is not believed, what is there is."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_up_trial import QUESTIONS, escalation, one_record
from opsonin.analysis import Finding, Null, analyse, ask, believe, biomarker_data, read_marker
from opsonin.analysis.believability import Arrays, shuffle_within, verdict
from opsonin.analysis.biomarkers import permuted_strengths
from opsonin.analysis.survival import cox
from opsonin.analysis.survival.likelihood import logrank_scores
from opsonin.errors import AnalysisError
from opsonin.random import uniform
from opsonin.record import Manifest, Replicates, TrialRecord


@given(st.integers(0, 50), st.integers(1, 12))
def test_a_shuffle_keeps_each_strata_s_values(seed, slots):
    strata = np.floor(uniform(seed, "strata", np.arange(4), draws=slots) * 3).astype(np.int64)
    values = uniform(seed, "values", np.arange(4), draws=slots)
    mixed = shuffle_within(strata, values, uniform(seed, "order", np.arange(4), draws=slots))
    for row in range(4):
        for s in range(3):
            assert sorted(mixed[row][strata[row] == s]) == sorted(values[row][strata[row] == s])


@given(st.integers(0, 200))
def test_log_rank_scores_are_the_gradient_of_the_cox_model_at_zero(seed):
    rng = np.random.default_rng(seed)
    t, d = rng.integers(1, 9, 15).astype(float), rng.random(15) < 0.7
    d[0] = True
    strata, x = rng.integers(0, 2, 15), rng.normal(size=15)
    scores = logrank_scores(t, d, strata)
    for s in (0, 1):
        assert scores[strata == s].sum() == pytest.approx(0, abs=1e-9)
    from opsonin.analysis.survival.likelihood import PartialLikelihood

    assert x @ scores == pytest.approx(
        PartialLikelihood(t, d, x[:, None], strata, None, "efron").at(np.zeros(1)).gradient[0]
    )


def test_permutation_p_values_are_even_when_nothing_is_there():
    p = []
    for seed in range(60):
        rows = pd.DataFrame(
            {"day": uniform(seed, "t", 0, draws=18), "event": True, "x": uniform(seed, "x", 0, draws=18)}
        )
        rows["group"] = np.repeat(["1", "2", "3"], 6)
        p.append(permuted_strengths(rows, seed, "test").share)
    assert 0.40 < np.mean(p) < 0.60
    assert np.mean(np.array(p) < 0.2) == pytest.approx(0.2, abs=0.13)


def test_an_association_made_by_dose_alone_is_not_believed():
    rng = np.random.default_rng(4)
    level = np.repeat([1, 2, 3], 30)
    x = level * 3.0 + rng.normal(0, 0.5, 90)
    rows = pd.DataFrame({"day": rng.exponential(1 / 4.0**level), "event": True, "x": x, "group": level.astype(str)})
    assert cox(rows["day"], rows["event"], x).p[0] < 1e-6
    assert permuted_strengths(rows, 1, "dose").share > 0.05


def test_an_association_within_levels_is_believed_and_repeats():
    record = one_record(effect=-2.0, seed=11)
    replicates = Replicates(escalation(200, seed=3, effect=-2.0), Manifest(kind="virtual"))
    found = analyse(record, replicates)
    stem = "biomarker.OS.HLA-DR+ NK.hazard_ratio"
    assert found.get(stem).p < 0.01
    assert found.get(stem).estimate < 0.5
    assert found.get(f"{stem}.believability").estimate < 0.02
    assert found.get(f"{stem}.replication").estimate > 0.5
    said = found.get(f"{stem}.believability").note
    assert "1,999 permutations of the patients within level" in said
    assert "strongest association, among 6 looked at" in said  # two markers; OS, PFS and response; one baseline for all
    pooled = found.get(f"{stem}.pooled")
    assert pooled.lower < 0.25 < pooled.upper  # 2 ** -2.0, as it was made


def test_replicates_without_an_association_look_like_their_null(findings):
    found = findings.get("biomarker.OS.HLA-DR+ NK.hazard_ratio.replication")
    assert np.quantile(found.table["permuted_z"].abs(), 0.95) == pytest.approx(1.96, abs=0.35)
    pooled = findings.get("biomarker.OS.HLA-DR+ NK.hazard_ratio.pooled")
    assert pooled.lower < 1 < pooled.upper
    assert findings.get("biomarker.OS.HLA-DR+ NK.hazard_ratio.replication").estimate < 0.1


def test_whoever_had_the_event_before_the_sample_is_left_out_and_counted(record):
    early = record.survival.copy()
    gone = (early["endpoint"] == "PFS") & (early["subject_id"].isin(["P0001", "P0002"]))
    early.loc[gone, "day"] = [3.0, 14.0]
    early.loc[gone, "event"] = [True, False]
    asked = ask(TrialRecord(record.tables | {"survival": early}, record.manifest))
    rows, said = biomarker_data(asked, read_marker(asked, "HLA-DR+ NK", 15), "PFS")
    assert len(rows) == 16
    assert "2 left out, 1 with the event by then, 1 censored by then" in said
    assert (rows["day"] > 0).all()  # from the sample on


def test_arrays_of_replicates_hold_what_the_tables_say(replicates):
    arrays = Arrays(replicates)
    rows = replicates.table("survival")
    time, event = arrays.endpoint("OS")
    one = rows[(rows["trial"] == 7) & (rows["endpoint"] == "OS") & (rows["subject_id"] == "P0003")].iloc[0]
    assert (time[6, 2], event[6, 2]) == (one["day"], one["event"])
    assert arrays.level[0].tolist() == [1] * 6 + [2] * 6 + [3] * 6
    assert np.isnan(arrays.marker("HLA-DR+ NK", 8)).all()


def test_believing_says_it_in_words():
    finding = Finding("biomarker.OS.x.hazard_ratio", "all", 0.4)
    strengths = np.r_[np.full(30, 3.0), np.full(970, 0.5)]
    found = believe(finding, Null(2.5, strengths, "of 1,000 shuffles")).believability
    assert found.estimate == pytest.approx(0.03)
    assert found.note == "Of 1,000 shuffles, 3.0 % look at least this good: chance seldom makes this."
    assert "none looks" in believe(finding, Null(9.0, strengths, "of 1,000 shuffles")).words
    best = believe(finding, Null(2.5, strengths, "of 1,000 shuffles", 40, np.full(1000, 0.1))).believability
    assert "3.0 % have a strongest association, among 40 looked at, this strong" in best.note
    assert best.note.endswith("If it had been the only one looked at: none.")
    with pytest.raises(AnalysisError, match="cannot be held against chance"):
        believe(finding, Null(1.0, np.array([]), "of none"))
    assert [verdict(v)[:6] for v in (0.001, 0.03, 0.1, 0.5)] == ["chance", "chance", "chance", "this i"]


def test_a_marker_that_separates_perfectly_keeps_its_permutation_p():
    tables = {name: frame.drop(columns="trial") for name, frame in escalation(1).items()}
    survival = tables["survival"]
    os = survival["endpoint"] == "OS"
    order = survival.loc[os, "day"].rank().to_numpy()
    survival.loc[os, "day"] = 20.0 + order
    survival.loc[os, "event"] = order <= 9
    late = tables["measurements"]["day"] > 0
    nk = late & (tables["measurements"]["marker"] == "HLA-DR+ NK")
    tables["measurements"].loc[nk, "value"] = 100.0 - order
    found = analyse(TrialRecord(tables, Manifest(questions=QUESTIONS)))
    main = found.get("biomarker.OS.HLA-DR+ NK.hazard_ratio")
    assert main.p < 0.01
    assert "Firth" in main.method
    assert "no finite estimate" in main.note
    assert 5 < main.estimate < np.inf
    assert main.lower > 1
    assert found.get("biomarker.OS.HLA-DR+ NK.hazard_ratio.probability_real").estimate > 0.5
