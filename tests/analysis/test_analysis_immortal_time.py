"""What is only known later is never read as if it had been known from the start, unless the naive way is asked for."""

import numpy as np
import pandas as pd
import pytest

from made_up_trial import one_record
from opsonin.analysis import analyse, ask, read_marker
from opsonin.analysis.immortal_time import is_response
from opsonin.analysis.markers import biomarker_questions, labelled, parts_of_quotient
from opsonin.analysis.over_time import episodes_of
from opsonin.errors import AnalysisError
from opsonin.record import Manifest, TrialRecord


@pytest.fixture(scope="module")
def responders():
    """Four hundred patients in whom response comes at random and does nothing for survival."""
    rng = np.random.default_rng(12)
    n = 400
    ids = [f"P{k:03d}" for k in range(n)]
    death, response = rng.exponential(300, n) + 1, rng.exponential(250, n) + 20
    hit = response < np.minimum(death, 500)
    survival = pd.DataFrame({"subject_id": ids, "endpoint": "OS", "day": np.minimum(death, 700), "event": death < 700})
    visits = pd.DataFrame(
        {"subject_id": ids, "day": np.where(hit, response, 0.0), "overall": np.where(hit, "PR", "SD")}
    )
    best = visits.assign(best=True, criteria="RECIST 1.1", source="derived")
    subjects = pd.DataFrame({"subject_id": ids, "good": np.where(hit, "yes", "no"), "hit": hit.astype(float)})
    return TrialRecord(
        {"subjects": subjects, "survival": survival.assign(origin_day=0.0), "responses": best}, Manifest()
    )


def _of(record, **question):
    return analyse(record, questions={"biomarkers": [{"against": ["OS"], **question}]})


def test_responders_are_not_compared_with_the_others(responders):
    found = _of(responders, marker="response")
    assert not found.named("biomarker.OS")
    assert any("lived long enough to respond" in told and "time_varying = true" in told for told in found.notes)


def test_nor_are_they_under_another_name(responders):
    assert any("immortal time" in told for told in _of(responders, marker="hit").notes)
    found = analyse(responders, questions={"compare": "good"})
    assert [f.name for f in found.named("survival.OS")] == ["survival.OS.median"]
    assert any("Survival is not compared by 'good'" in told for told in found.notes)


def test_the_naive_way_finds_what_is_not_there_and_says_so(responders):
    found = _of(responders, marker="response", naive=True).get("biomarker.OS.response naive.hazard_ratio")
    assert found.upper < 0.7
    assert found.note.startswith("Naive, as asked")
    assert "Do not believe it." in found.note
    compared = analyse(responders, questions={"compare": "good", "naive": True})
    ratio = compared.get("survival.OS.hazard_ratio", "yes vs no")
    assert ratio.upper < 0.7
    assert "Naive, as asked: 'good' says who responded" in ratio.note


def test_a_landmark_and_a_covariate_over_time_do_not(responders):
    landmark = _of(responders, marker="response", day=100).get("biomarker.OS.response.hazard_ratio")
    assert landmark.lower < 1 < landmark.upper
    assert "with the event by then" in landmark.note
    assert "1 against 0" in landmark.method
    moving = _of(responders, marker="response", time_varying=True).get("biomarker.OS.response over time.hazard_ratio")
    assert moving.lower < 1 < moving.upper
    assert moving.n == 400


def test_episodes_change_where_the_marker_was_measured(record):
    asked = ask(record, {"biomarkers": [{"marker": "HLA-DR+ NK", "against": ["OS"], "time_varying": True}]})
    (question,) = biomarker_questions(asked)
    split = episodes_of(asked, question, "OS")
    own = split.rows[split.rows["subject_id"] == "P0003"]
    assert own["entry"].tolist() == [0.0, 14.0]
    assert own["value"].iloc[0] == 40.0
    assert own["value"].iloc[1] == read_marker(asked, "HLA-DR+ NK", 15).values["P0003"]
    assert not own["event"].iloc[0]
    assert split.events == int(record.survival.query("endpoint == 'OS'")["event"].sum())


def test_a_later_value_from_the_start_is_naive_and_says_so(record):
    plain = _of(record, marker="HLA-DR+ NK", day=15).get("biomarker.OS.HLA-DR+ NK.hazard_ratio")
    naive = _of(record, marker="HLA-DR+ NK", day=15, naive=True).get("biomarker.OS.HLA-DR+ NK naive.hazard_ratio")
    assert plain.note.startswith("Landmark at day 14")
    assert "the value was known on day 15 only" in naive.note
    assert naive.table["day"].min() == pytest.approx(plain.table["day"].min() + 14)


def test_a_marker_first_measured_later_has_no_baseline_and_the_note_says_what_to_ask(record):
    late = record.measurements[record.measurements["day"] > 0]
    found = analyse(TrialRecord(record.tables | {"measurements": late}), questions={"markers": ["CD8+"]})
    assert any("not measured at baseline" in told and "day = 15 (a landmark)" in told for told in found.notes)


# --- change from baseline, quotients ---------------------------------------------------------------------------------


def test_a_change_is_the_value_over_the_patient_s_own_baseline(record):
    asked = ask(record)
    now, change = read_marker(asked, "CD8+", 15), read_marker(asked, "CD8+", 15, "ratio")
    np.testing.assert_allclose(change.values, now.values / 400.0)
    assert change.step == "per doubling of the ratio"
    assert change.words == "CD8+ at day 15 (ratio to baseline)"
    less = read_marker(asked, "CD8+", 15, "difference")
    np.testing.assert_allclose(less.values, now.values - 400.0)
    with pytest.raises(AnalysisError, match="is read on a day"):
        read_marker(asked, "CD8+", None, "ratio")


def test_a_constant_baseline_makes_value_and_change_the_same_finding(record):
    value = _of(record, marker="HLA-DR+ NK", day=15).get("biomarker.OS.HLA-DR+ NK.hazard_ratio")
    change = _of(record, marker="HLA-DR+ NK", day=15, change="ratio")
    found = change.get("biomarker.OS.HLA-DR+ NK ratio to baseline.hazard_ratio")
    assert found.estimate == pytest.approx(value.estimate)


def test_a_quotient_of_two_markers_is_read_by_name():
    there = {"CD4+", "CD8+", "a:b", "a", "b"}
    assert parts_of_quotient("CD4:CD8", there) == ("CD4+", "CD8+")
    assert parts_of_quotient("CD4+/CD8+", there) == ("CD4+", "CD8+")
    assert parts_of_quotient("a:b", there) is None  # measured as it is
    assert parts_of_quotient("CD4:CD3", there) is None
    asked = ask(one_record())
    both = read_marker(asked, "HLA-DR+ NK:CD8", 15)
    one, other = (read_marker(asked, name, 15).values for name in ("HLA-DR+ NK", "CD8+"))
    np.testing.assert_allclose(both.values, one / other)
    assert both.unit == ""


def test_a_marker_of_two_compartments_is_asked_for_by_place(record):
    tumour = record.measurements.assign(compartment="tumour", value=record.measurements["value"] * 2)
    both = TrialRecord(record.tables | {"measurements": pd.concat([record.measurements, tumour])})
    asked = ask(both)
    with pytest.raises(AnalysisError, match=r"several places; ask for one of them: CD8\+ \(blood\), CD8\+ \(tumour\)"):
        read_marker(asked, "CD8+", 15)
    blood, other = (read_marker(asked, f"CD8+ ({where})", 15).values for where in ("blood", "tumour"))
    np.testing.assert_allclose(other, 2 * blood)


def test_labels_tell_questions_on_one_marker_apart(record):
    def labels(*asked):
        return [q.label for q in biomarker_questions(ask(record, {"biomarkers": list(asked)}))]

    assert labels({"marker": "NK", "day": 15}) == ["NK"]
    assert labels({"marker": "NK", "day": 15}, {"marker": "NK"}) == ["NK on day 15", "NK at baseline"]
    assert labels({"marker": "NK", "day": 15}, {"marker": "NK", "time_varying": True}) == ["NK", "NK over time"]
    assert labelled([]) == []


@pytest.mark.parametrize("name", ["response", "Responder", "best overall response", "BOR", "objective response"])
def test_names_of_response(name):
    assert is_response(name)
    assert not is_response(f"immune {name}")


@pytest.mark.parametrize("wrong", [{"change": "log"}, {"naive": "yes"}, {"time_varying": 2}, {"lag": 3}])
def test_wrong_questions_are_refused(record, wrong):
    with pytest.raises(AnalysisError, match=r"biomarkers = .* cannot be used"):
        ask(record, {"biomarkers": [{"marker": "CD8+", "day": 15, **wrong}]})
