"""The response figures tell confirmed from unconfirmed, and progression from its first sign."""

import pandas as pd

from opsonin.analysis.response import best_responses
from opsonin.record import Manifest, TrialRecord
from opsonin.report.figures import response, swimmer
from opsonin.report.groups import grouped
from opsonin.report.write import chapters_of

# subject: diameters at baseline and every six weeks
COURSES = {"A": [50, 30, 28, 26], "B": [50, 33, 48, 55], "C": [50, 62, 30, 30], "D": [50, 61, 68], "E": [50, 48, 45]}


def record(criteria="iRECIST"):
    lesions = pd.DataFrame(
        [
            (subject, "T1", -7.0 if k == 0 else 42.0 * k, "target", False, float(size), "measured")
            for subject, course in COURSES.items()
            for k, size in enumerate(course)
        ],
        columns=["subject_id", "lesion_id", "day", "kind", "lymph_node", "diameter_mm", "state"],
    )
    doses = pd.DataFrame(
        {"subject_id": list(COURSES), "agent": "drug", "start_day": 0.0, "end_day": 120.0, "amount": 1.0, "unit": "mg"}
    ).assign(route="oral")
    subjects = pd.DataFrame({"subject_id": list(COURSES)})
    questions = {"criteria": criteria}
    return TrialRecord({"subjects": subjects, "lesions": lesions, "exposures": doses}, Manifest(questions=questions))


def figures(criteria="iRECIST"):
    return {one.name: one for chapter in chapters_of(record(criteria), []) for one in chapter.figures}


def test_the_swimmer_marks_what_was_confirmed_and_what_was_not():
    key = dict(figures()["response-swimmer"].key)
    assert key["confirmed response"].startswith("star:")
    assert key["response, not seen again"].startswith("star-open:")
    assert key["unconfirmed progression (iUPD)"].startswith("diamond-open:")
    assert key["progression"].startswith("diamond:")
    plain = dict(figures("RECIST 1.1")["response-swimmer"].key)
    assert "unconfirmed progression (iUPD)" not in plain


def test_the_waterfall_rings_responses_that_were_seen_once():
    figure = figures()["response-waterfall"]
    best = figure.data.set_index("subject_id")
    assert best["best"].to_dict() == {"A": "PR", "B": "PR", "C": "PR", "D": "PD", "E": "SD"}
    assert best.loc["B", "confirmed"] == False  # noqa: E712 a nullable flag
    assert "°" in figure.caption
    labels = figure.plot.plotly().data[0].text
    assert sorted(labels) == ["PD", "PR", "PR", "PR°", "SD"]


def test_the_spider_marks_the_first_sign_of_progression():
    figure = figures()["response-spider"]
    assert [name for name, _ in figure.key if "iUPD" in name]
    assert "2 of 5 lines end in progression" in figure.caption


def test_figures_read_records_that_know_nothing_of_confirmation():
    made = record()
    visits = pd.DataFrame(
        {
            "subject_id": list("ABCDE"),
            "day": 42.0,
            "overall": "PR",
            "best": False,
            "change_from_baseline_percent": -40.0,
        }
    ).assign(criteria="RECIST 1.1", source="reported")
    reported = TrialRecord({"subjects": made.subjects, "exposures": made.exposures, "responses": visits})
    groups = grouped(reported)
    drawn = swimmer.swimmer(reported, groups)
    assert drawn is not None
    assert [name for name, _ in drawn.key if "response" in name] == ["response"]
    assert response.waterfall(reported, groups) is not None


def test_figures_say_what_a_change_in_size_is_a_change_of():
    def titles(drawn):
        names = ("response-waterfall", "response-spider")
        return [drawn[name].plot.plotly().layout.yaxis.title.text for name in names]

    assert titles(figures()) == ["best change in sum of diameters, %", "change in sum of diameters, %"]
    blasts = figures("marrow")
    assert titles(blasts) == ["best change in blasts of the marrow, %", "change in blasts of the marrow, %"]
    assert "RECIST limits" not in blasts["response-waterfall"].caption
    assert "RECIST limits" in figures()["response-waterfall"].caption


def test_of_two_criteria_of_one_patient_figures_show_the_one_that_findings_count():
    made = record()
    rows = [
        (criteria, subject, day, best, overall, change)
        for criteria, overall, change in (("iRECIST", "iCPD", 60.0), ("RECIST 1.1", "PR", -40.0))
        for subject in "ABCDE"
        for day, best in ((42.0, False), (84.0, False), (84.0, True))
    ]
    names = ["criteria", "subject_id", "day", "best", "overall", "change_from_baseline_percent"]
    responses = pd.DataFrame(rows, columns=pd.Index(names)).assign(source="reported")
    both = TrialRecord({"subjects": made.subjects, "responses": responses})
    best = response.best_responses(both, grouped(both))
    assert set(best["best"]) == {"PR"}
    assert best_responses(both.responses).eq("PR").all()
    assert set(response.best_change(both, grouped(both))["change"]) == {-40.0}
    drawn = response.spider(both, grouped(both))
    assert drawn is not None
    assert "0 of 5 lines end in progression" in drawn.caption


def test_where_patients_are_judged_by_different_criteria_figures_say_of_whom_what_is_drawn():
    made = record()
    visits = pd.DataFrame({"subject_id": list("ABCDE") * 2, "day": [42.0] * 5 + [84.0] * 5, "overall": "SD"})
    visits = visits.assign(best=False, change_from_baseline_percent=-40.0, source="derived")
    visits["criteria"] = ["marrow", "marrow", "RECIST 1.1", "RECIST 1.1", "RECIST 1.1"] * 2
    mixed = TrialRecord({"subjects": made.subjects, "responses": visits})
    for draw in (response.waterfall, response.spider):
        figure = draw(mixed, grouped(mixed))
        said = "What changes is for two patients the blasts of the marrow and for three patients the sum of diameters."
        assert said in figure.caption
        assert "change in size, %" in figure.plot.plotly().layout.yaxis.title.text
