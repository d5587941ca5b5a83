"""Why a study's virtual patients do well: the same patients again with a mechanism changed."""

import numpy as np
import pytest

from opsonin.analysis import Findings
from opsonin.errors import StudyError
from opsonin.study import Study
from opsonin.study.library import find
from opsonin.study.why import HIDDEN, Explained, explain_response

OUTCOME = "progression-free at 12 weeks"


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Study:
    text = find("imatinib-il2").read_text(encoding="utf-8")
    assert "pool = 2000" in text
    path = tmp_path_factory.mktemp("why") / "small.toml"
    path.write_text(text.replace("pool = 2000", "pool = 150"), encoding="utf-8")
    return Study.load(path)


@pytest.fixture(scope="module")
def explained(study) -> Explained:
    return explain_response(
        study,
        {
            "nothing changed": {"tumour_growth_rate": 1.0},
            "slower growth": {"tumour_growth_rate": "responders"},
            "no growth": {"tumour_growth_rate": 0.0},
        },
        outcome=OUTCOME,
        level=2,
        barriers={"slower growth": "fast growth"},
    )


def one(findings: Findings, mechanism: str, part: str) -> float:
    return findings.get(f"why.counterfactual.{mechanism}.{part}").estimate


def test_a_change_that_is_none_changes_nobody(explained):
    # the same random numbers: new lesions, deaths and readings are the patient's own
    assert one(explained.findings, "nothing changed", "turned") == 0
    assert one(explained.findings, "nothing changed", "lost") == 0
    table = explained.patients
    assert (table["response"] == table["response with nothing changed"]).all()


def test_restoring_the_mechanism_turns_patients_and_removing_it_turns_more(explained):
    slower, none = (one(explained.findings, name, "turned") for name in ("slower growth", "no growth"))
    assert 0.1 < slower < none
    assert one(explained.findings, "slower growth", "lost") < 0.05


def test_the_growth_rate_is_found_to_be_what_separates_and_what_counts(explained):
    first = next(f for f in explained.findings if f.name.startswith("why.separation."))
    assert first.name == "why.separation.tumour_growth_rate.auc"
    assert first.estimate < 0.3
    assert first.group == HIDDEN
    shares = [f for f in explained.findings if f.name.startswith("why.variance.") and f.name.endswith(".share")]
    assert shares[0].name == "why.variance.tumour_growth_rate.share"
    assert shares[0].note.startswith("calibrated to")


def test_markers_are_looked_at_at_baseline_and_early_on_treatment(explained):
    kinds = {f.name: f.group for f in explained.findings if f.name.startswith("why.separation.")}
    assert kinds["why.separation.HLA-DR+ NK.auc"] == "baseline"
    assert kinds["why.separation.change of HLA-DR+ NK.auc"] == "day 15"


def test_the_barrier_of_each_patient_without_the_outcome_is_named(explained):
    shares = {f.name: f.estimate for f in explained.findings if f.name.startswith("why.resistance.")}
    assert set(shares) >= {"why.resistance.no growth.share", "why.resistance.fast growth.share"}
    assert sum(v for name, v in shares.items() if name.endswith(".share")) == pytest.approx(1)


def test_an_early_day_may_be_chosen_and_one_without_a_panel_is_refused(study):
    with pytest.raises(StudyError, match=r"no panel on day 12; panels are on days -21, 1, 10, 15"):
        explain_response(study, outcome=OUTCOME, level=2, early=12)


@pytest.mark.parametrize(
    ("changes", "outcome", "message"),
    [
        ({"x": {"tumour_grow_rate": 2.0}}, OUTCOME, "did you mean 'tumour_growth_rate'"),
        ({"x": {"tumour_growth_rate": "half"}}, OUTCOME, "a factor of 0 or more"),
        ({"x": {"tumour_growth_rate": -1.0}}, OUTCOME, "a factor of 0 or more"),
        ({"x": {}}, OUTCOME, "changes no parameter"),
        ({}, "happy", "progression-free at 6 months"),
        ({}, "progression-free at 6 moons", "unit 'moons'"),
    ],
)
def test_bad_requests_are_named(study, changes, outcome, message):
    with pytest.raises(StudyError, match=message):
        explain_response(study, changes, outcome=outcome, level=2)


def test_the_same_seed_gives_the_same_findings(study, explained):
    again = explain_response(study, outcome=OUTCOME, level=2)
    mine = [f for f in explained.findings if f.name.startswith("why.separation.")]
    assert [f.to_dict() for f in again.findings if f.name.startswith("why.separation.")] == [f.to_dict() for f in mine]
    assert np.array_equal(again.patients["response"], explained.patients["response"])
