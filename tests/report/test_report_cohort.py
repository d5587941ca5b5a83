"""The reports of a cohort and of a plan: chapters in order, drawings that Plotly accepts, numbers that agree."""

import pytest

from opsonin.analysis import Findings, PlanRequest, ask, plan_from_record
from opsonin.analysis.everything import analyse_part, joined
from opsonin.record.virtual_cohorts import virtual_cohort
from opsonin.report.chapters.cohort_summary import found as lines_of
from opsonin.report.chapters.plan import _sentences
from opsonin.report.context import Context
from opsonin.report.groups import grouped
from opsonin.report.write import chapters_of, render


@pytest.fixture(scope="module")
def cohort():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("opsonin.analysis.cohort_value.SAMPLES", (20, 20))
        record = virtual_cohort("gist-cohort")
        return record, joined(analyse_part(["groups", "survival", "cohort"], record))


@pytest.fixture(scope="module")
def plan(cohort):
    request = PlanRequest("PFS", control_median_months=40, trials=200, largest=80, enrich="NKp46")
    return cohort[0], Findings(plan_from_record(ask(cohort[0]), request).findings())


def test_a_cohort_has_a_report_of_its_own(cohort):
    chapters = chapters_of(*cohort)
    assert [c.name for c in chapters] == ["summary", "patients", "markers", "value", "methods"]
    assert not any(c.absent for c in chapters)
    page = render(*cohort)
    assert "Virtual cohort: made-up patients" in page
    assert "opsonin cohort gist-cohort --outcome PFS --markers CD3,NKp46 --adjust miettinen,kit" in page


def test_every_drawing_is_one_that_plotly_accepts(cohort, plan):
    for record, findings in (cohort, plan):
        figures = [f for chapter in chapters_of(record, findings) for f in chapter.figures]
        names = [f.name for f in figures]
        assert len(names) == len(set(names)) > 1
        for figure in figures:
            assert figure.plot.plotly().data
            assert figure.title
            assert figure.caption.endswith(".")
            assert len(figure.data)


def test_the_first_page_gives_the_ratios_of_the_model(cohort):
    record, findings = cohort
    lines = " ".join(f"{a} {b}" for a, b in lines_of(Context(record, findings, grouped(record), None)))
    ratio = findings.get("cohort.PFS.multivariable.CD3")
    assert f"{ratio.estimate:.3f} ({ratio.lower:.3f}–{ratio.upper:.3f})" in lines
    assert "with the price of the search" in lines


def test_a_plan_has_a_report_of_its_own(plan):
    assert [c.name for c in chapters_of(*plan)] == ["plan", "methods"]
    page = render(*plan)
    assert "Choosing patients by NKp46" in page
    assert "if NKp46 is predictive" in page


def test_a_trial_keeps_its_chapters(cohort):
    record, _ = cohort
    assert [c.name for c in chapters_of(record, [])][:2] == ["summary", "trial"]


def test_notes_are_parted_at_sentences_and_not_within_brackets():
    assert _sentences("One (1.5 to 2. 3). Two. ") == ["One (1.5 to 2. 3).", "Two."]
