"""Real cohorts give what was published of them, or what their tables hold when counted by hand."""

import numpy as np
import pandas as pd
import pytest

from opsonin.analysis import analyse, concordance, cox, leave_one_cohort_out, loris
from opsonin.record.read import example, examples, read_data
from opsonin.study.library import title_of
from paths import DATA, needs_data

pytestmark = needs_data


@pytest.fixture(scope="module")
def inspire():
    return analyse(read_data(DATA / "inspire-pembrolizumab-ctdna", "inspire"))


@pytest.fixture(scope="module")
def riaz():
    return analyse(read_data(DATA / "melanoma-riaz2017", "riaz"))


@pytest.fixture(scope="module")
def patients():
    return pd.read_csv(DATA / "loris-icb" / "loris_all_cohorts.csv", low_memory=False)


# source: the README of the data set; published, adjusted: 0.36 (0.18-0.71) and 0.33 (0.19-0.58), Bratman 2020
@pytest.mark.parametrize(
    ("endpoint", "hazard_ratio", "n"),
    [("OS", ["0.327", "0.173", "0.617"], 73), ("PFS", ["0.307", "0.178", "0.529"], 71)],
)
def test_inspire_gives_its_hazard_ratios_from_each_patients_own_cycle_3(endpoint, hazard_ratio, n):
    rows = pd.read_csv(DATA / "inspire-pembrolizumab-ctdna" / "ctdna_baseline_c3.csv")
    rows = rows.dropna(subset=["change_ctDNA group", f"{endpoint}TIME_Months_since_C3"])
    fell = (rows["change_ctDNA group"] == "Decrease from baseline").astype(float)
    fit = cox(rows[f"{endpoint}TIME_Months_since_C3"], rows[f"{endpoint}_status"], fell, names=["fell"])
    assert [f"{v:.3f}" for v in (fit.hazard_ratio[0], *fit.interval[0])] == hazard_ratio
    assert fit.n == n


def test_inspire_names_who_never_reached_the_landmark(inspire):
    change = "ctDNA ratio to baseline"
    progression = inspire.get(f"biomarker.PFS.{change}.hazard_ratio", "all")
    assert progression.n == 72
    assert "2 left out, 2 with the event by then" in progression.note
    assert (
        "20 without the marker are left out, 14 of them with the event before they could reach it" in progression.note
    )
    survival = inspire.get(f"biomarker.OS.{change}.hazard_ratio", "all")
    assert (survival.n, survival.events) == (74, 46)
    assert "20 without the marker are left out, 3 of them" in survival.note


def test_inspire_says_that_rising_ctdna_goes_with_early_progression_and_death(inspire):
    for endpoint, at_least in (("PFS", 1.6), ("OS", 1.3)):
        split = inspire.get(f"biomarker.{endpoint}.ctDNA ratio to baseline.split_hazard_ratio")
        assert split.lower > at_least
    answer = inspire.get("response.objective_rate", "all")
    assert (answer.events, answer.n) == (16, 94)  # source: the README of the data set


def test_riaz_counts_its_best_responses(riaz):
    """Source: the README of the data set: CR 3, PR 12, SD 24, PD 31, NE 3."""
    found = {word: riaz.get(f"response.best.{word}", "all").events for word in ("CR", "PR", "SD", "PD", "NE")}
    assert found == {"CR": 3, "PR": 12, "SD": 24, "PD": 31, "NE": 3}


@pytest.mark.parametrize(
    ("cell", "column"), [("T-cell fraction", "TIL_Infil_On-Pre"), ("T-cell clonality", "CLcdr3_On-Pre")]
)
def test_riaz_change_on_treatment_is_the_tables_own(riaz, cell, column):
    rows = pd.read_csv(DATA / "melanoma-riaz2017" / "tcr_metrics.csv").set_index("Patient")
    table = riaz.get(f"biomarker.response.{cell} difference to baseline.auc").table
    own = rows[column].reindex([one.lower() for one in table["subject_id"]])
    assert len(table) == 33  # one of the 34 pairs was not evaluable for response
    assert np.abs(table["value"].to_numpy() - own.to_numpy()).max() < 0.0015  # the table rounds to three digits


def test_riaz_is_read_by_landmark_and_not_believed_beyond_what_34_pairs_can_say(riaz):
    for cell in ("T-cell fraction", "T-cell clonality"):
        for endpoint, events in (("OS", 19), ("PFS", 29)):
            found = riaz.get(f"biomarker.{endpoint}.{cell} difference to baseline.hazard_ratio", "all")
            assert (found.n, found.events) == (34, events)
            assert "Landmark at day 28" in found.note
            assert found.p > 0.1
            assert riaz.get(f"{found.name}.believability").estimate > 0.5


JUDGED = ["Chowell_train", "Chowell_test", "MSK1", "Shim_NSCLC", "Vanguri_NSCLC", "Pradat_panCancer"]
MEASURED = ["TMB", "Systemic_therapy_history", "Albumin", "NLR", "Age", "Response"]


def score(rows):
    columns = [rows[name] for name in (*MEASURED[:5], "CancerType")]
    return loris(*columns)


def area(rows, values):
    hit = rows["Response"] == 1
    return concordance(np.where(hit, 1.0, 2.0), hit, values).estimate


def test_loris_has_its_responders(patients):
    chowell = patients[patients["Cohort"].isin(["Chowell_train", "Chowell_test"])]
    assert (int(chowell["Response"].sum()), len(chowell)) == (409, 1479)


def test_the_stored_score_is_reproduced_in_its_841_patients(patients):
    own = patients[patients["Cohort"] == "MSK_nonICB"]
    assert len(own) == 841
    assert np.abs(score(own) - own["LORIS"]).max() < 0.001  # the coefficients are printed with four digits


# source: the README of the data set, recomputed there
@pytest.mark.parametrize(
    ("cohort", "n", "by_score", "by_tmb"),
    [
        ("Chowell_train", 964, "0.741", "0.609"),
        ("Chowell_test", 515, "0.754", "0.648"),
        ("MSK1", 453, "0.699", "0.537"),
        ("Vanguri_NSCLC", 246, "0.664", "0.611"),
    ],
)
def test_loris_orders_responders_better_than_tmb(patients, cohort, n, by_score, by_tmb):
    rows = patients[patients["Cohort"] == cohort]
    assert len(rows) == n
    assert (f"{area(rows, score(rows)):.3f}", f"{area(rows, rows['TMB']):.3f}") == (by_score, by_tmb)


@pytest.mark.slow
def test_a_simpler_score_does_as_well_in_cohorts_it_was_not_made_from(patients):
    """Five measurements and the three commonest cancers, refitted without each cohort in turn: the docs' table."""
    rows = patients[patients["Cohort"].isin(JUDGED)].dropna(subset=MEASURED).copy()
    commonest = rows["CancerType"].value_counts().index[:3]
    assert set(commonest) == {"NSCLC", "Melanoma", "Renal"}
    capped = {name: rows[name].clip(upper=top) for name, top in {"TMB": 50, "NLR": 25, "Age": 85}.items()}
    simple = rows[MEASURED[:5]].assign(**capped)
    simple = simple.assign(**{cancer: (rows["CancerType"] == cancer).astype(float) for cancer in commonest})
    beside = {"LORIS": score(rows), "TMB": rows["TMB"]}
    found = leave_one_cohort_out(simple, rows["Cohort"], response=rows["Response"], beside=beside)
    assert found.n == 2425
    pooled = {who: f"{value.value:.2f}" for who, value in found.overall.items()}
    assert pooled == {"signature": "0.70", "LORIS": "0.70", "TMB": "0.59"}
    gap, _ = found.gain["LORIS"]
    assert gap.lower > -0.015
    assert gap.upper < 0.01
    above, p = found.gain["TMB"]
    assert above.value > 0.08
    assert p < 0.05
    assert found.slope.lower > 0.85
    assert found.slope.upper < 1.25
    alone = leave_one_cohort_out(
        simple[["TMB", "Albumin", "NLR"]], rows["Cohort"], response=rows["Response"], beside=beside
    )
    assert alone.gain["LORIS"][0].upper < 0  # without the earlier therapy and the cancer much is lost


def test_adam_is_read_without_a_mapping():
    record = read_data(DATA / "pharmaverse-adam")
    rows = {name: len(getattr(record, name)) for name in ("subjects", "adverse_events", "lesions", "survival")}
    assert rows["subjects"] == 254  # screen failures are left out, and said so
    assert rows["adverse_events"] == 1191  # source: the README of the data set
    assert rows["survival"] == 512
    assert rows["lesions"] > 0
    assert any("screen" in entry["reason"].casefold() for entry in record.manifest.rows_left_out)
    source = pd.read_csv(DATA / "pharmaverse-adam" / "adtte_onco.csv.gz")
    own = source[(source["PARAMCD"] == "OS") & source["USUBJID"].isin(record.subjects["subject_id"])]
    mine = record.survival[record.survival["endpoint"] == "OS"]
    assert int(mine["event"].sum()) == int((own["CNSR"] == 0).sum())


def test_every_bundled_mapping_has_a_title_and_a_source():
    assert examples() == ["inspire", "loris", "oak", "poplar", "riaz"]
    for name in examples():
        assert title_of(example(name))
        assert 'source = "' in example(name).read_text()
