"""Each chapter on a made-up escalation whose truth is known."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from made_up_trial import LEVELS, QUESTIONS, bloods, escalation
from opsonin.analysis import Findings, analyse, ask, change_table, dlt_table, groups, nca_table
from opsonin.errors import AnalysisError
from opsonin.record import Manifest, TrialRecord


def _record(**tables):
    subjects = pd.DataFrame({"subject_id": ["a", "b", "c", "d"], "arm": ["drug", "drug", "placebo", "placebo"]})
    return TrialRecord({"subjects": subjects} | tables, Manifest())


def test_levels_are_named_by_the_study_in_dose_order(findings):
    enrolled = [f.group for f in findings if f.name == "trial.enrolled"]
    assert enrolled == [*LEVELS, "all"]
    assert findings.get("trial.enrolled", "all").estimate == 18


def test_each_milestone_is_counted_whole_and_then_by_reason(findings, record):
    for milestone, rows in record.disposition.groupby("milestone"):
        if milestone == "enrolled":
            continue
        name = f"trial.{milestone}".replace(" ", "_")
        assert findings.get(name).estimate == rows["subject_id"].nunique()
        for reason, part in rows.groupby("reason"):
            assert findings.get(f"{name}.{reason}").estimate == part["subject_id"].nunique()


def test_the_declared_dose_is_the_one_of_the_last_decision(findings):
    found = findings.get("safety.mtd")
    assert (found.estimate, found.group) == (2, LEVELS[1])
    assert "fewer than 2 of 6" in found.note


def test_dlt_rates_are_among_those_evaluable(record):
    table = dlt_table(ask(record)).set_index("level")
    hits = record.adverse_events[record.adverse_events["dlt"].fillna(False)]["subject_id"]
    level = record.subjects.set_index("subject_id")["level"]
    for number in (1, 2, 3):
        assert table.loc[number, "dlt"] == (level[hits] == number).sum()
        assert table.loc[number, "evaluable"] == 6
    some = record.subjects["subject_id"][:4]
    disposition = pd.DataFrame({"subject_id": some, "milestone": "DLT-evaluable", "day": 21.0})
    fewer = TrialRecord(record.tables | {"disposition": disposition}, record.manifest)
    assert dlt_table(ask(fewer)).set_index("level").loc[1, "evaluable"] == 4


def test_operating_characteristics_count_the_trials(findings, replicates):
    selected = {f.group: f.events for f in findings if f.name == "design.mtd_selected"}
    assert selected == {"none": 50, LEVELS[0]: 50, LEVELS[1]: 50, LEVELS[2]: 50}
    rate = findings.get("design.dlt_rate", LEVELS[2])
    events = replicates.table("adverse_events")
    assert rate.estimate == pytest.approx(0.6, abs=0.06)
    assert findings.get("design.dlt", "all").estimate == pytest.approx(events["dlt"].sum() / 200)
    assert findings.get("design.patients", "all").estimate == 18


def test_the_interval_of_a_pooled_rate_allows_for_trials_that_differ():
    from opsonin.analysis.trial_flow import _rate_over_trials

    given = np.full(100, 6.0)
    same, clustered = np.full(100, 3.0), np.repeat([0.0, 6.0], 50)
    one, other = _rate_over_trials("x", same, given), _rate_over_trials("x", clustered, given)
    assert one.estimate == other.estimate == 0.5
    assert one.upper - one.lower == pytest.approx(0)
    assert other.upper - other.lower == pytest.approx(2 * 1.96 * 0.5 / np.sqrt(99), rel=0.01)


def test_a_partner_added_between_two_periods_shows_in_the_paired_ratio(findings):
    found = findings.get("pk.imatinib.auc_ratio")
    assert found.group == "day 14 vs day 9"
    assert found.lower < 1.5 < found.upper
    assert found.level == 0.90
    assert "interleukin-2 added" in found.note
    assert found.n == 18


def test_an_analyte_never_given_alone_is_compared_with_its_potential_outcome(findings):
    found = findings.get("pk.interleukin-2.auc_ratio")
    assert found.group == "with vs without imatinib, day 14"
    assert found.estimate == pytest.approx(1.0, abs=0.03)
    assert "potential outcome" in found.note


def test_exposure_in_proportion_to_dose_has_the_exponent_one(findings):
    found = findings.get("pk.interleukin-2.dose_proportionality")
    assert found.lower < 1 < found.upper


def test_clearance_at_steady_state_is_dose_over_the_interval_and_metabolites_have_none():
    blood = bloods(["a", "b"], [1, 2])
    blood["concentrations"].loc[blood["concentrations"]["analyte"] == "interleukin-2", "agent"] = "imatinib"
    record = TrialRecord({"subjects": pd.DataFrame({"subject_id": ["a", "b"]})} | blood, Manifest())
    table = nca_table(record.concentrations, record.exposures)
    parent = table[table["analyte"] == "imatinib"]
    np.testing.assert_allclose(parent["clearance"], 400 / parent["auc"] * 1000)  # mg/(ng/ml·h) to l/h
    assert table[table["analyte"] == "interleukin-2"]["clearance"].isna().all()


def test_samples_below_the_limit_count_as_zero_at_the_ends_of_a_profile_alone():
    rows = pd.DataFrame(
        {"hours_after_dose": [0.0, 1.0, 2.0, 3.0, 4.0, 6.0], "value": [np.nan, 4.0, np.nan, 2.0, 1.0, np.nan]}
    )
    rows = rows.assign(subject_id="a", analyte="x", matrix="plasma", day=0.0, unit="ng/ml", agent="x", dose_day=0.0)
    rows = rows.assign(below_limit=rows["value"].isna(), limit=0.5, period=None)
    record = TrialRecord({"subjects": pd.DataFrame({"subject_id": ["a"]}), "concentrations": rows}, Manifest())
    found = nca_table(record.concentrations, record.exposures).iloc[0]
    log = (4.0 - 2.0) / np.log(2) * 2 + (2.0 - 1.0) / np.log(2)
    assert found["auc"] == pytest.approx(2.0 + log + 1.0)  # up, 1–3 h without the gap, 3–4 h, triangle to 6 h
    assert (found["below_limit"], found["period"]) == (3, "day 1")


def test_a_fall_in_proportion_to_dose_is_seen(findings):
    falls = [findings.get("immune.CD8+.fold_change", f"{name}, day 15").estimate for name in LEVELS]
    assert falls == sorted(falls, reverse=True)
    trend = findings.get("immune.CD8+.dose_trend", "day 15")
    assert trend.upper < 0
    assert trend.p < 0.01
    assert trend.unit == "log2 fold change per doubling of the interleukin-2 dose"


def test_baseline_is_the_last_value_before_the_first_dose_of_any_agent():
    day = [-21.0, -1.0, 5.0]
    rows = pd.DataFrame({"subject_id": "a", "marker": "NK", "day": day, "value": [100.0, 50.0, 200.0]})
    rows = rows.assign(compartment="blood", unit="cells/µl", below_limit=False, baseline=False)
    dose = pd.DataFrame(
        {"subject_id": ["a"], "agent": ["x"], "start_day": [0.0], "amount": [1.0], "unit": ["mg"], "route": ["oral"]}
    )
    record = TrialRecord(
        {"subjects": pd.DataFrame({"subject_id": ["a"]}), "measurements": rows, "exposures": dose}, Manifest()
    )
    assert change_table(record.measurements, record.exposures)["fold"].tolist() == [4.0]
    early = dose.assign(start_day=-20.0)
    assert change_table(record.measurements, early)["fold"].tolist() == [0.5, 2.0]


def test_response_divides_by_all_subjects_and_the_evaluable_rate_by_those_judged():
    best = pd.DataFrame({"subject_id": ["a", "b", "c"], "overall": ["PR", "NE", "SD"], "best": True})
    best = best.assign(criteria="RECIST 1.1", day=0.0, source="reported")
    found = analyse(_record(responses=best))
    assert found.get("response.objective_rate", "drug").estimate == 0.5
    assert found.get("response.objective_rate_evaluable", "drug").estimate == 1.0
    assert found.get("response.objective_rate", "placebo").n == 2
    assert found.get("response.objective_rate_difference").group == "drug vs placebo"
    assert found.get("response.disease_control_rate", "all").events == 2


def test_severity_stands_where_there_is_no_grade_and_each_subject_counts_once():
    events = pd.DataFrame(
        {"subject_id": ["a", "a", "b", "c"], "event_id": list("1234"), "term": ["rash", "rash", "rash", "cough"]}
    )
    events = events.assign(
        severity=["MILD", "SEVERE", "MODERATE", "MILD"],
        related=["no", "yes", "no", "no"],
        start_day=[9.0, 3.0, 5.0, 1.0],
    )
    found = analyse(_record(adverse_events=events))
    assert found.get("safety.event.rash", "drug").estimate == 1.0
    assert found.get("safety.severe_event.rash", "drug").events == 1
    assert found.get("safety.related_event", "all").events == 1
    assert found.get("safety.onset.rash").estimate == 4.0
    assert found.get("safety.any_event", "placebo").events == 1


def test_groups_follow_the_question_else_levels_else_arms_else_everyone():
    subjects = _record().subjects
    assert groups(subjects).labels == ["drug", "placebo"]
    assert groups(subjects).reference == "placebo"
    assert groups(subjects, {"reference": "drug"}).contrasts() == [("placebo", "drug")]
    assert groups(subjects.assign(level=pd.array([2, 2, 1, 1], dtype="Int64"))).labels == ["placebo", "drug"]
    assert groups(subjects.drop(columns="arm").assign(level=pd.array([None] * 4, dtype="Int64"))).labels == ["all"]
    with pytest.raises(AnalysisError, match="no 'colour' to compare by; filled columns are arm"):
        groups(subjects, {"compare": "colour"})
    with pytest.raises(AnalysisError, match="'x' is no arm of this record"):
        groups(subjects, {"reference": "x"})


def test_who_has_no_group_counts_among_all_and_is_mentioned():
    survival = pd.DataFrame({"subject_id": ["a", "b", "c", "d"], "endpoint": "OS", "day": [9.0, 5.0, 7.0, 3.0]})
    subjects = _record().subjects
    subjects.loc[3, "arm"] = None
    found = analyse(_record(survival=survival.assign(event=True, origin_day=0.0), subjects=subjects))
    assert found.get("survival.OS.median", "all").n == 4
    assert found.get("survival.OS.logrank").n == 3
    assert "Subjects without arm: 1;" in found.notes[0]


def test_a_record_without_subjects_is_refused_and_an_empty_one_says_what_is_missing():
    with pytest.raises(AnalysisError, match="no subjects"):
        analyse(TrialRecord({}, Manifest()))
    found = analyse(_record())
    assert [f.name for f in found.results] == ["trial.enrolled"] * 3
    assert len(found.notes) >= 6


def test_the_same_seed_gives_the_same_findings_and_they_survive_the_file(findings, record, replicates, tmp_path):
    again = analyse(record, replicates)
    wanted = [f for f in findings if not f.name.endswith(("auc_ratio", "cmax_ratio"))]
    same = [f for f in again if not f.name.endswith(("auc_ratio", "cmax_ratio"))]
    assert [f.to_dict() for f in same] == [f.to_dict() for f in wanted]
    findings.save(tmp_path / "findings.json")
    assert [f.to_dict() for f in Findings.load(tmp_path / "findings.json")] == [f.to_dict() for f in findings]


def test_questions_given_by_hand_win_over_those_of_the_record(record):
    found = analyse(record, questions={"biomarkers": [{"marker": "CD8+", "day": 15, "against": ["OS"]}]})
    assert found.named("biomarker.OS.CD8+")
    assert not found.named("biomarker.PFS")
    assert QUESTIONS["biomarkers"][0]["marker"] == "HLA-DR+ NK"


def test_a_marker_nobody_measured_is_named_in_a_note(record):
    found = analyse(record, questions={"biomarkers": [{"marker": "CD99", "day": 15}, {"marker": "CD8+", "day": 8}]})
    assert any("CD99" in text and "markers are CD8+" in text for text in found.notes)
    assert any("was not measured on day 8" in text for text in found.notes)


def test_a_thousand_replicates_take_less_than_two_seconds(record):
    from time import process_time  # of this process alone: others may keep the machine busy

    from opsonin.record import Replicates

    many = Replicates(escalation(1000), Manifest(kind="virtual"))
    analyse(record, many)
    start = process_time()
    analyse(record, many)
    assert process_time() - start < 2.0


def test_importing_analysis_loads_no_simulator_and_analysing_none_either():
    code = (
        "import sys, opsonin.analysis as a; assert 'pandas' not in sys.modules; a.analyse, a.cox, a.nca; "
        "heavy = {'sympy', 'numba', 'scipy.stats', 'plotly', 'pint', 'opsonin.simulate', 'opsonin.model'};"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
