"""Why a study's virtual patients do well: the same patients again with a mechanism changed."""

import re
from types import SimpleNamespace

import numpy as np
import pytest

from opsonin.analysis import Findings
from opsonin.errors import StudyError
from opsonin.report.write import chapters_of
from opsonin.study import Study, explain_benefit, explain_response
from opsonin.study.changes import check_changes
from opsonin.study.library import find
from opsonin.study.why import HIDDEN, INDICATION, Explained, asked_why

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


WHY = """
[questions.why]
outcome = "progression-free at 12 weeks"
level = 2
patients = 100
change = { "slower growth" = { tumour_growth_rate = "responders" } }
barrier = { "slower growth" = "fast growth" }
pathways = { "NK cells" = { nk_kill_rate = 0.0 }, "T cells" = { t_kill_rate = 0 } }
"""


def asking(tmp_path, table: str) -> Study:
    text = find("imatinib-il2").read_text(encoding="utf-8").replace("pool = 2000", "pool = 150")
    path = tmp_path / "asking.toml"
    path.write_text(text + table, encoding="utf-8")
    return Study.load(path)


def test_a_study_file_asks_and_its_run_and_report_answer(tmp_path):
    study = asking(tmp_path, WHY)
    assert "why patients do well (progression-free at 12 weeks): 100 of the pool, and again with slower growth." in (
        study.describe()
    )
    run = study.run(seed=1)
    found = run.findings
    assert int(found.get("why.response.rate").n or 0) in range(40, 101)
    shares = [found.get(f"why.resistance.{name}.share").estimate for name in ("fast growth", "none stands out")]
    assert shares[0] > 0.5  # the others grow slowly already, or nobody saw them again
    assert sum(shares) == pytest.approx(1)
    whole, parts = (
        found.get("why.pathway.whole.benefit").estimate,
        [found.get(f"why.pathway.{name}.benefit").estimate for name in ("NK cells", "T cells")],
    )
    assert sum(parts) == pytest.approx(whole)
    assert whole > 0.02
    names = [chapter.name for chapter in chapters_of(run.record, run.findings)]
    assert names[-2:] == ["why", "methods"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('tumour_growth_rate = "responders"', 'tumour_growth = "responders"', "did you mean 'tumour_growth_rate'"),
        ("level = 2", "level = 9", "there is no level or arm 9; there are 4"),
        ("at 12 weeks", "at 9 years", "lies beyond"),
        ('"slower growth" = "fast', '"slow growth" = "fast', "there is no change 'slow growth'"),
        ("nk_kill_rate = 0.0", 'nk_kill_rate = "off"', "a factor of 0 or more"),
        ("patients = 100", "patients = 3", "patients"),
    ],
)
def test_what_a_study_file_asks_wrongly_is_named_before_anything_runs(tmp_path, old, new, message):
    with pytest.raises(StudyError, match=message):
        _ = asking(tmp_path, WHY.replace(old, new)).built


def test_where_it_cannot_be_answered_the_run_says_so(study, tmp_path):
    late = WHY.replace("patients = 100", "patients = 40").replace("12 weeks", "23 months")
    (told,) = asked_why(asking(tmp_path, late))  # some drop out before that
    assert told.is_note
    assert "of the virtual patients can be judged; enlarge" in told.note


def test_pathways_are_shared_out_and_too_many_are_refused(study):
    off = {"NK cells": {"nk_kill_rate": 0.0}, "growth": {"tumour_growth_rate": 0.0}}
    found = explain_benefit(study, off, outcome="smaller tumour", level=2, patients=80)
    table = found.table.set_index("pathway")
    assert float(table["alone"].loc["NK cells"]) > 0  # without them the tumour is larger, growth or not
    with pytest.raises(StudyError, match="one to 5 pathways; 6 were named"):
        explain_benefit(study, {str(k): {"nk_kill_rate": 0.0} for k in range(6)})


def test_what_follows_from_other_parameters_cannot_be_changed_by_itself():
    symbolic = SimpleNamespace(constants=("access", "entry"), derived={1: "access * 2"})
    check_changes({"x": {"access": 2.0}}, symbolic)
    with pytest.raises(StudyError, match="'entry', which follows from other parameters"):
        check_changes({"x": {"entry": 2.0}}, symbolic)


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


def test_a_tumour_that_only_grows_does_better_where_it_grows_less():
    """Its size before treatment is the best of both courses, and must not hide the difference."""
    from types import SimpleNamespace

    from opsonin.study.judging import benefit

    base, now = (SimpleNamespace(true_mm=np.array([[[50.0, later, 90.0]]])) for later in (80.0, 60.0))
    assert benefit(base, now) == pytest.approx([np.log(80 / 60)])


def test_what_an_indication_fixes_is_one_parameter(tmp_path):
    text = find("checkpoint-basket").read_text(encoding="utf-8")
    path = tmp_path / "basket.toml"
    path.write_text(re.sub(r"pool = \d+", "pool = 60", text), encoding="utf-8")
    found = explain_response(Study.load(path), patients=60)
    shares = [f for f in found.findings if f.name.startswith("why.variance.") and f.name.endswith(".share")]
    whole = next(f for f in shares if f.name == f"why.variance.{INDICATION}.share")
    assert "death rate" in whole.note
    assert whole.note.startswith("in part assumed: ")
    assert not [f for f in shares if f.name in ("why.variance.death_rate.share", "why.variance.cell_density.share")]
    assert [f for f in shares if f.name == "why.variance.access.share"]  # differs between patients, too
    areas = {f.name for f in found.findings if f.name.startswith("why.separation.")}
    assert "why.separation.access.auc" in areas
    assert "why.separation.death_rate.auc" not in areas
    assert "death_rate" in found.patients


def test_the_report_says_of_whom_it_was_asked(study):
    from opsonin.study.provenance import questions

    assert study.file.questions.why is None
    assert questions(study, study.built).get("why_of") is None
    cells = Study.load("cart-liquid-solid")
    asked = cells.file.questions.why
    assert asked is not None
    assert questions(cells, cells.built)["why_of"] == cells.built.protocol.levels[asked.level - 1].name
