"""The two studies of mice: virtual mice everywhere, and what they show."""

import re

import numpy as np
import pandas as pd
import pytest

from opsonin import write_report
from opsonin.errors import StudyError
from opsonin.record.species import said
from opsonin.study import Study, explain_benefit
from opsonin.study.library import find, read
from paths import DATA

NAMES = ("p21-mouse", "il2-imatinib-mouse")


def larger(name, folder, patients=60, more=""):
    """The study with so many mice a group, and nothing asked of why."""
    text = re.sub(r"(?ms)^\[questions.why.*", "", read(find(name)))
    text = re.sub(r"(?m)^patients = [^#\n]*", f"patients = {patients} ", text)
    path = folder / f"{name}.toml"
    path.write_text(text + more, encoding="utf-8")
    return Study.load(path)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mice")
    return {name: larger(name, folder).run(seed=3) for name in NAMES}


def means(run, marker, day):
    """Geometric mean of a marker on a protocol day, by group."""
    rows = run.record.measurements.merge(run.record.subjects[["subject_id", "arm"]], on="subject_id")
    rows = rows[(rows["marker"] == marker) & (rows["day"] == day - 1)]
    return np.exp(np.log(rows["value"].astype(float)).groupby(rows["arm"].astype(str)).mean())


def test_words_of_patients_become_words_of_mice_and_no_others():
    assert said("Patients' own; a patient of 3 patients", "mouse") == "Mice's own; a mouse of 3 mice"
    assert said("Virtual trial: simulated patients, no one was treated", "mouse").endswith("no animal was treated")
    assert said("outpatients and patiently", "mouse") == "outpatients and patiently"
    assert said("patients", "human") == "patients"


@pytest.mark.parametrize("name", NAMES)
def test_the_study_speaks_of_virtual_mice(name):
    told = Study.load(name).describe()
    assert "virtual mice" in told
    assert "patient" not in told.lower()
    assert "RECIST" not in told


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_report_speaks_of_mice_but_for_what_sources_say(name, runs, tmp_path):
    run = runs[name]
    page = write_report(run.record, run.findings, tmp_path / "report.html").read_text(encoding="utf-8")
    begin, end = page.index("<main>"), page.index('id="methods"')
    chapters = re.sub(r'(?s)<script type="application/json" id="values-.*?</script>', "", page[begin:end])
    chapters = re.sub(r"(?s)<h3>What is assumed.*?</ul>", "", chapters)
    assert "simulated mice, no animal was treated" in page
    assert " mice" in chapters
    for word in ("patient", "ECOG", "RECIST", "Objective response", "months"):
        assert word.lower() not in chapters.lower(), word


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_mice_have_weights_and_volumes_of_mice_and_no_scans(name, runs):
    record = runs[name].record
    assert record.subjects["weight_kg"].between(0.015, 0.035).all()
    assert record.subjects["ecog"].isna().all()
    assert record.lesions.empty
    assert record.responses.empty
    assert record.adverse_events.empty
    assert set(record.survival["endpoint"].astype(str)) == {"OS"}
    assert record.manifest.questions["species"] == "mouse"
    blood = next(row for row in record.manifest.model["parameters"] if row["name"] == "monocyte_baseline")
    assert blood["value"] == 230
    assert "C57BL/6" in blood["source"]


@pytest.mark.slow
def test_p21_monocytes_lower_the_burden_and_prolong_life_more_than_unmodified_ones(runs):
    burden = means(runs["p21-mouse"], "leukaemia cells", 22)
    assert burden["p21 monocytes"] < 0.5 * burden["unmodified monocytes"]
    assert burden["unmodified monocytes"] < burden["untreated"]
    ratio = runs["p21-mouse"].findings.get("survival.OS.hazard_ratio", "p21 monocytes vs untreated")
    assert ratio.upper < 1


@pytest.mark.slow
def test_bystanders_turn_inflammatory_beside_cells_with_the_vector(runs):
    share = means(runs["p21-mouse"], "inflammatory among them", 15)
    assert share["p21 monocytes"] > 2 * share["untreated"]


@pytest.mark.slow
def test_imatinib_lowers_regulatory_cells_and_makes_il2_activate_more_killers(runs):
    run = runs["il2-imatinib-mouse"]
    regulatory = means(run, "regulatory T", 12)
    assert regulatory["imatinib + cyclophosphamide"] < regulatory["cyclophosphamide"] < regulatory["control"]
    assert regulatory["imatinib + IL-2"] < regulatory["IL-2"]
    killers = means(run, "activated natural killers", 12)
    assert killers["imatinib + IL-2"] > killers["IL-2"] > killers["imatinib"] > killers["control"]
    volume = means(run, "tumour volume", 15)
    assert volume["imatinib + IL-2"] < volume["control"]
    assert {f.name.rpartition(".")[2] for f in run.findings.named("synergy")} >= {"excess", "expected", "observed"}


@pytest.mark.slow
def test_the_share_of_phagocytosis_in_the_burden_can_be_asked_for(tmp_path):
    study = larger("p21-mouse", tmp_path)
    off = {"phagocytosis": {"p21_appetite": 0}, "T cells": {"p21_presentation": 0}}
    shares = explain_benefit(study, off, outcome="lower leukaemia cells on day 22", level=3, patients=60)
    found = {f.name: f.estimate for f in shares.findings()}
    assert found["why.pathway.phagocytosis.benefit"] > 0.5
    assert abs(found["why.pathway.T cells.benefit"]) < 1e-6  # there are none
    with pytest.raises(StudyError, match="no marker"):
        explain_benefit(study, off, outcome="lower mood on day 22", level=3, patients=60)


def test_a_question_of_synergy_names_what_there_is(tmp_path):
    text = read(find("il2-imatinib-mouse")).replace('together = "imatinib + IL-2"', 'together = "imatinib + IL-3"', 1)
    path = tmp_path / "wrong.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(StudyError, match=re.escape("imatinib + IL-3")):
        Study.load(path).built  # noqa: B018


@pytest.mark.slow
def test_untreated_volumes_grow_about_as_fast_as_those_of_a_caliper_series(runs):
    """Growth over a week: 0.25 a day by cell division of B16, 0.35 to 0.45 in 15 untreated mice of a caliper series."""
    file = DATA / "mouse-tumour-volumes" / "mouse_tumour_volume_lag3.csv"
    if not file.exists():
        pytest.skip("the caliper series is not here")
    seen = pd.read_csv(file)
    seen = seen[seen["condition"].isin(["untreated", "pbs"]) & (seen["vol"] > 0)]
    rates = [
        np.polyfit(one["day"], np.log(one["vol"]), 1)[0]
        for _, one in seen.groupby(["fig", "condition", "mouse"])
        if len(one) > 2
    ]
    volume = means(runs["il2-imatinib-mouse"], "tumour volume", 8) / means(
        runs["il2-imatinib-mouse"], "tumour volume", 1
    )
    rate = np.log(volume["control"]) / 7
    assert 0.25 < rate < np.median(rates)
    assert rate > 0.7 * np.median(rates)
