"""A retrospective cohort: variables in words, ratios, what markers add, and what cannot be asked."""

import numpy as np
import pandas as pd
import pytest

from opsonin.analysis import analyse, ask, cox
from opsonin.analysis.added_value import value_added
from opsonin.analysis.cohort import cohort_findings, table_one
from opsonin.analysis.cohort_data import read_cohort
from opsonin.analysis.findings import Findings
from opsonin.analysis.hazard_model import baseline_hazard, fit_hazards
from opsonin.errors import AnalysisError
from opsonin.record import Manifest, TrialRecord
from opsonin.record.virtual_cohorts import virtual_cohort


def asked(record=None, **question):
    record = virtual_cohort("gist-cohort") if record is None else record
    return ask(record, {"cohort": dict(record.manifest.questions.get("cohort") or {}) | question})


@pytest.fixture(scope="module")
def gist():
    return Findings(cohort_findings(asked()))


@pytest.fixture(autouse=True)
def fewer_samples(gist, monkeypatch):
    """After the cohort of sixty was analysed as users have it."""
    monkeypatch.setattr("opsonin.analysis.cohort_value.SAMPLES", (40, 20))


def made(n=80, seed=3, **columns):
    """A cohort of n patients whose marker works, in months of days."""
    rng = np.random.default_rng(seed)
    who = [f"P{k:03d}" for k in range(n)]
    marker = rng.lognormal(3, 1, n)
    day = np.ceil(rng.exponential(1, n) * 300 * (marker / 20) ** 0.5)
    event = day < 900
    tables = {
        "subjects": pd.DataFrame({"subject_id": who, **columns}),
        "survival": pd.DataFrame(
            {"subject_id": who, "endpoint": "OS", "day": np.minimum(day, 900), "event": event, "origin_day": 0.0}
        ),
        "measurements": pd.DataFrame({"subject_id": who, "marker": "M", "value": marker, "unit": "cells/µl"}).assign(
            compartment="blood", day=0.0, below_limit=False, baseline=True
        ),
    }
    return TrialRecord(tables, Manifest())


def test_the_published_structure_holds_in_the_virtual_cohort(gist):
    for marker in ("CD3", "NKp46"):
        ratio = gist.get(f"cohort.PFS.multivariable.{marker}")
        assert ratio.upper < 1
        assert gist.get(f"cohort.PFS.added.{marker}.likelihood_ratio").p < 0.05
    between = gist.get("cohort.correlation", "CD3 and NKp46")
    assert between.lower < 0 < between.upper
    assert gist.get("cohort.PFS.added.all markers.concordance_gain").lower > 0


def test_the_truth_lies_within_the_intervals(gist):
    for marker, truth in (("CD3", 0.62), ("NKp46", 0.66), ("miettinen", 2.0)):
        ratio = gist.get(f"cohort.PFS.multivariable.{marker}")
        assert ratio.lower < truth < ratio.upper


def test_the_model_of_all_variables_is_coxs(gist):
    cohort = read_cohort(asked())
    who = cohort.complete(cohort.variables)
    rows = cohort.rows.loc[who]
    fit = cox(rows["day"], rows["event"], cohort.design(cohort.variables, who))
    ratio = gist.get("cohort.PFS.multivariable.CD3")
    assert ratio.estimate == pytest.approx(fit.hazard_ratio[fit.names.index("CD3")])
    assert ratio.n == len(who) < len(cohort.rows)
    without = cox(rows["day"], rows["event"], cohort.design(cohort.clinical, who))
    test = gist.get("cohort.PFS.added.all markers.likelihood_ratio")
    assert test.estimate == pytest.approx(2 * (fit.log_likelihood - without.log_likelihood), rel=1e-9)


def test_what_is_missing_is_said_and_nothing_is_filled_in(gist):
    assert gist.get("cohort.missing.NKp46").estimate == pytest.approx(6 / 60)
    assert any("complete cases" in text for text in gist.notes)
    assert gist.get("cohort.PFS.univariable.NKp46").n == 54


def test_the_search_for_a_cut_has_a_price(gist):
    for marker in ("CD3", "NKp46"):
        ratio = gist.get(f"cohort.PFS.{marker}.searched_ratio")
        split = gist.get(f"cohort.PFS.median_split.{marker}")
        assert abs(np.log(ratio.estimate)) < abs(np.log(split.estimate))
        assert "After the search p is" in ratio.note


def test_apparent_performance_is_corrected_downwards(gist):
    for f in gist.named("cohort.PFS.added.all markers"):
        if f.name.endswith(".concordance"):
            apparent = float(f.note.split()[1].rstrip(","))
            assert f.estimate < apparent
    assert gist.get("cohort.PFS.added.all markers.calibration_slope").estimate < 1


def test_table_one_counts_every_patient():
    table = table_one(read_cohort(asked()))
    risk = table.iloc[2:7]
    assert risk["level"].tolist() == ["none", "very low", "low", "moderate", "high"]
    assert sum(int(v.split()[0]) for v in risk["value"]) == 60


def test_analyse_has_the_chapter_where_the_record_asks_for_it():
    found = analyse(virtual_cohort("gist-cohort"), questions={"cohort": {"markers": ["CD3"], "adjust": []}})
    assert found.get("cohort.PFS.added.all markers.likelihood_ratio").unit.startswith("chi-squared on 1 degree ")
    assert not analyse(made()).named("cohort")


def test_variables_are_taken_as_what_they_are():
    n = 80
    record = made(
        ecog=[k % 3 for k in range(n)],
        age_years=[40.0 + k % 37 for k in range(n)],
        grade=[("G1", "G2", "G3")[k % 3] for k in range(n)],
        smoker=[k % 2 == 0 for k in range(n)],
        site=[("A", "B", "A", "C")[k % 4] for k in range(n)],
    )
    cohort = read_cohort(asked(record, markers=["M"], adjust=["ecog", "age_years", "grade", "smoker", "site"]))
    kinds = {v.name: (v.kind, v.step) for v in cohort.clinical}
    assert kinds["ecog"] == ("scale", "per 1")
    assert kinds["age_years"][0] == "number"
    assert kinds["grade"] == ("scale", "per step")
    assert kinds["site"] == ("category", "against A")
    assert kinds["smoker"][0] == "category"
    terms = cohort.design(cohort.clinical, cohort.rows.index)
    assert {"site: B vs A", "site: C vs A", "grade"} <= set(terms.columns)
    assert terms["grade"].tolist()[:3] == [0.0, 1.0, 2.0]
    as_words = read_cohort(asked(record, markers=["M"], adjust=["grade"], categories=["grade"]))
    assert as_words.clinical[0].levels == ["G1", "G2", "G3"]
    assert as_words.clinical[0].kind == "category"


def test_the_order_of_patients_does_not_matter():
    record = made(grade=[("G1", "G2", "G3")[k % 3] for k in range(80)])
    shuffled = TrialRecord(
        {name: t.sample(frac=1, random_state=2) for name, t in record.tables.items() if len(t)}, Manifest()
    )
    question = {"outcome": "OS", "markers": ["M"], "adjust": ["grade"]}
    one, other = (Findings(cohort_findings(asked(r, **question))) for r in (record, shuffled))
    for name in ("univariable.M", "multivariable.M", "multivariable.grade", "added.all markers.likelihood_ratio"):
        a, b = one.get(f"cohort.OS.{name}"), other.get(f"cohort.OS.{name}")
        assert (a.estimate, a.p) == pytest.approx((b.estimate, b.p), rel=1e-8)


def test_a_variable_that_separates_the_events_gets_firths_penalty():
    record = made(40)
    events = record.survival["event"].to_numpy(dtype=bool)
    record.subjects["mutation"] = ["absent" if e or k % 2 else "present" for k, e in enumerate(events)]
    found = Findings(cohort_findings(asked(record, outcome="OS", markers=["M"], adjust=["mutation"])))
    ratio = found.get("cohort.OS.multivariable.mutation")
    assert "Firth" in ratio.method
    assert 0 < ratio.estimate < 1
    assert ratio.upper < 1.5
    test = found.get("cohort.OS.added.all markers.likelihood_ratio")
    assert "penalised" in test.method
    assert 0 <= test.p <= 1


def test_a_penalised_block_of_one_is_the_profile_test():
    rng = np.random.default_rng(8)
    time = rng.exponential(1, 30)
    event = rng.random(30) < 0.5
    x = pd.DataFrame({"a": rng.normal(size=30), "b": np.where(event, 0.0, rng.integers(0, 2, 30))})
    model = fit_hazards(time, event, x)
    assert model.penalised
    _, df, p, said = model.block_test(["b"], None)
    assert (df, said) == (1, "penalised likelihood ratio")
    assert p == pytest.approx(model.p[1], rel=1e-5)
    quick = fit_hazards(time, event, x, intervals=False)
    assert quick.coefficient == pytest.approx(model.coefficient, rel=1e-6)


def test_the_baseline_hazard_is_nelson_and_aalens_without_covariates():
    time, event = np.array([1.0, 2.0, 2.0, 3.0, 4.0]), np.array([True, True, True, False, True])
    assert baseline_hazard(time, event, np.zeros(5), 2.5) == pytest.approx(1 / 5 + 2 / 4)
    shifted = baseline_hazard(time, event, np.full(5, 0.7), 2.5) * np.exp(0.7)
    assert shifted == pytest.approx(1 / 5 + 2 / 4)


def test_two_events_still_give_a_test_and_say_why_nothing_is_corrected():
    record = made(30, stage=[("I", "II", "III")[k % 3] for k in range(30)], score=[float(k % 7) for k in range(30)])
    record.survival["event"] = [k in (3, 11) for k in range(30)]
    found = Findings(cohort_findings(asked(record, outcome="OS", markers=["M"], adjust=["stage", "score"])))
    test = found.get("cohort.OS.added.all markers.likelihood_ratio")
    assert "penalised" in test.method
    assert 0 <= test.p <= 1
    gain = found.get("cohort.OS.added.all markers.concordance_gain")
    assert "not corrected" in gain.method
    assert gain.note


def test_arms_that_are_thrown_together_are_mentioned_unless_adjusted_for():
    record = made(arm=["old" if k % 2 else "new" for k in range(80)])
    said = [Findings(cohort_findings(asked(record, markers=["M"], adjust=a))).notes for a in ([], ["arm"])]
    assert any("2 groups (arm) are analysed together" in text for text in said[0])
    assert not any("analysed together" in text for text in said[1])


def test_noise_adds_nothing_after_correction():
    rng = np.random.default_rng(11)
    n = 120
    signal, noise = rng.normal(size=n), rng.normal(size=(n, 6))
    time, event = rng.exponential(np.exp(-signal)), rng.random(n) < 0.8
    value = value_added(time, event, pd.DataFrame({"s": signal}), pd.DataFrame(noise).add_prefix("n"), samples=60)
    assert value.full.apparent > value.base.apparent - 1e-9
    assert value.gain.corrected.value < value.gain.apparent
    assert value.gain.corrected.value < 0.03
    assert value.full_slope.corrected.value < value.base_slope.corrected.value


def test_a_marker_beside_nothing_is_compared_with_chance():
    rng = np.random.default_rng(12)
    x = rng.normal(size=100)
    value = value_added(rng.exponential(np.exp(-x)), np.ones(100, dtype=bool), pd.DataFrame(index=range(100)),
                        pd.DataFrame({"x": x}), samples=40)  # fmt: skip
    assert value.base.apparent == 0.5
    assert value.base_model is None
    assert value.gain.corrected.value > 0.1


WRONG = [
    ({"outcome": "OSS"}, r"no outcome 'OSS'.*record has PFS"),
    ({"markers": []}, "name them"),
    ({"markers": ["CD33"]}, "CD33"),
    ({"adjust": ["mietinen"]}, r"did you mean 'miettinen'"),
    ({"adjust": ["CD3"]}, "'CD3' is named twice"),
    ({"adjust": ["indication"]}, "indication is the same in everyone"),
]


@pytest.mark.parametrize(("question", "said"), WRONG)
def test_what_cannot_be_asked_is_named(question, said):
    with pytest.raises(AnalysisError, match=said):
        read_cohort(asked(**question))


def test_free_text_is_no_category_and_nobody_with_the_event_is_no_cohort():
    record = made(note=[f"remark {k}" for k in range(80)])
    with pytest.raises(AnalysisError, match="80 different words"):
        read_cohort(asked(record, markers=["M"], adjust=["note"]))
    record.survival["event"] = False
    with pytest.raises(AnalysisError, match="nobody of the 80 patients"):
        read_cohort(asked(record, markers=["M"]))


def test_thirty_per_cent_missing_is_said_and_a_different_fate_of_the_missing_is_found():
    record = made(90)
    rows = record.survival.set_index("subject_id")["day"].astype(float)
    worst = set(rows.nsmallest(27).index)
    record.measurements = record.measurements[~record.measurements["subject_id"].isin(worst)]
    found = Findings(cohort_findings(asked(record, outcome="OS", markers=["M"], adjust=[])))
    missing = found.get("cohort.missing.M")
    assert missing.estimate == pytest.approx(0.3)
    assert missing.p < 0.001
    assert "not missing by chance" in missing.note
