"""The report says who is not among the patients that a marker is judged in."""

from opsonin.analysis import Finding
from opsonin.report.chapters.biomarkers import left_out


def test_the_report_says_who_is_not_among_those_compared():
    note = "Landmark at day 42: 2 left out, 2 with the event by then. 20 without the marker are left out. Wald p 0.02."
    said = left_out(Finding("x", note=note)).replace("\u00a0", " ")
    assert said == note.removesuffix(" Wald p 0.02.")
    assert left_out(Finding("x", note="Naive, as asked: do not believe it. Wald p 0.1.")).startswith("Naive, as asked")
    assert left_out(Finding("x", note="Wald p 0.1.")) == ""
