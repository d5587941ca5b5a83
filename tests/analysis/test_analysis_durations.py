"""Records that hold lesions or visits and no more: responses, times and durations follow from them."""

import pandas as pd
import pytest

from opsonin.analysis import analyse, duration_of_response, response_times
from opsonin.analysis.derived import completed
from opsonin.cli.headlines import headlines
from opsonin.record import Manifest, TrialRecord
from opsonin.report import write_report


def scans(courses, first=-7.0, every=42.0):
    """A lesions table: one target lesion a subject, its diameters from baseline on (None: not evaluated)."""
    rows = [
        (subject, "T1", first if k == 0 else every * k, "target", False, size, "measured" if size else "not evaluable")
        for subject, course in courses.items()
        for k, size in enumerate(course)
    ]
    columns = ["subject_id", "lesion_id", "day", "kind", "lymph_node", "diameter_mm", "state"]
    return pd.DataFrame(rows, columns=columns)


COURSES = {
    "A": [50, 30, 28, 26, 40],  # PR on day 42, PD on day 168
    "B": [50, 33, 34, 34],  # PR, not progressed, last seen on day 126
    "C": [50, 48, 62],  # SD, PD on day 84
    "D": [50, 70],  # PD on day 42
    "E": [50, 34, 48],  # PR once, PD on day 84
    "F": [50, 45, 30, 30],  # PR on day 84
}


def record(courses=COURSES, questions=None, **tables):
    subjects = pd.DataFrame({"subject_id": list(courses)})
    return TrialRecord({"subjects": subjects, "lesions": scans(courses), **tables}, Manifest(questions=questions or {}))


def test_everything_follows_from_the_lesions_alone():
    made = record()
    found = analyse(made)
    rate = found.get("response.objective_rate")
    assert (rate.events, rate.n) == (4, 6)
    confirmed = found.get("response.objective_rate_confirmed")
    assert (confirmed.events, confirmed.n) == (3, 6)
    lasting = found.get("response.duration_of_response")
    assert (lasting.n, lasting.events) == (4, 2)
    assert found.get("response.time_to_response").estimate == pytest.approx(42 / 30.4375)
    assert found.get("survival.TTP.median").events == 4
    assert "derived from the lesions by RECIST 1.1" in rate.note
    assert "Time to progression was derived from the visits" in rate.note
    assert found.get("tumour.early_shrinkage_rate").n == 6
    assert made.responses.empty  # the record itself stays as it was read


def test_confirmation_and_criteria_are_questions():
    found = analyse(record(questions={"confirm": True}))
    assert found.get("response.objective_rate").events == 3
    immune = analyse(record(questions={"criteria": "iRECIST"}))
    assert immune.get("response.pseudoprogression_rate").n == 4
    with pytest.raises(ValueError, match="criteria = 'WHO' cannot be used"):
        analyse(record(), questions={"criteria": "WHO"})


def test_times_are_counted_from_the_scans():
    whole = analyse(record()).get("response.duration_of_response").table.set_index("subject_id")
    assert whole["day"].to_dict() == {"A": 126.0, "B": 84.0, "E": 42.0, "F": 42.0}
    assert whole["event"].to_dict() == {"A": True, "B": False, "E": True, "F": False}


def test_death_ends_a_response_and_makes_a_progression_free_survival():
    deaths = pd.DataFrame({"subject_id": ["B"], "endpoint": "OS", "day": 150.0, "event": True, "origin_day": 0.0})
    found = analyse(record(survival=deaths))
    lasting = found.get("response.duration_of_response").table.set_index("subject_id")
    assert (lasting.loc["B", "day"], bool(lasting.loc["B", "event"])) == (108.0, True)
    assert found.get("survival.PFS.median").events == 5
    assert found.get("survival.TTP.median").events == 4


def visits(*words, best=None):
    table = pd.DataFrame({"day": [42.0 * (k + 1) for k in range(len(words))], "overall": words, "best": False})
    if best:
        table.loc[len(table)] = [0.0, best, True]
    return table.assign(subject_id="A", criteria="iRECIST", confirmed=pd.array([pd.NA] * len(table), dtype="boolean"))


@pytest.mark.parametrize(
    ("words", "progression", "resolved"),
    [
        (("iSD", "iUPD", "iCPD"), 84.0, False),
        (("iUPD", "iSD", "iUPD", "iCPD"), 126.0, True),
        (("iUPD", "NE", "iUPD"), 42.0, False),
        (("iUPD", "iPR", "iPR"), None, True),
        (("iSD", "iSD"), None, False),
        (("SD", "PD", "PD"), 84.0, False),
    ],
)
def test_progression_by_irecist_is_the_run_that_nothing_resolved(words, progression, resolved):
    times = response_times(visits(*words)).iloc[0]
    assert pd.isna(times["progression_day"]) if progression is None else times["progression_day"] == progression
    assert times["resolved"] == resolved


def test_a_responder_counts_from_the_confirmed_response_where_that_is_asked():
    table = visits("PR", "SD", "PR", "PR", best="PR")
    table["confirmed"] = pd.array([False, pd.NA, True, False, True], dtype="boolean")
    assert response_times(table)["response_day"].item() == 126.0
    table["confirmed"] = pd.array([False, pd.NA, True, False, False], dtype="boolean")
    assert response_times(table)["response_day"].item() == 42.0
    assert duration_of_response(response_times(table))["day"].item() == 126.0


def test_lesions_that_cannot_be_judged_are_said_and_the_rest_is_analysed():
    wrong = record({"A": [5.0, 3.0], "B": [4.0, 4.0]})
    found = analyse(wrong)
    assert any("look like centimetres" in words for words in found.notes)
    assert not found.named("response.objective_rate")


def test_the_report_draws_what_was_derived(tmp_path):
    made = record()
    page = write_report(made, analyse(made), tmp_path / "report.html").read_text()
    for figure in ("response-waterfall", "response-spider", "response-best"):
        assert figure in page
    assert "Responses were derived from the lesions by RECIST 1.1" in page


def test_who_died_before_the_first_scan_after_baseline_has_had_the_event():
    dead = pd.DataFrame(
        {"subject_id": ["A", "G", "H"], "endpoint": "OS", "day": [300.0, 20.0, 90.0], "origin_day": 0.0}
    )
    made = record(courses=COURSES | {"G": [50], "H": [50]}, survival=dead.assign(event=[False, True, False]))
    times = completed(made).record.survival
    progression_free = times[times["endpoint"] == "PFS"].set_index("subject_id")
    assert bool(progression_free.loc["G", "event"])
    assert progression_free.loc["G", ["day", "cause"]].tolist() == [20.0, "death"]
    assert progression_free.loc["H", ["day", "event"]].tolist() == [0.0, False]
    assert len(progression_free) == 8
    found = analyse(made).get("survival.PFS.median")
    assert (found.n, found.events) == (8, 5)


def test_a_first_scan_long_after_the_start_is_said_to_stand_for_baseline():
    late = scans({"A": [50, 30, 28]}).assign(day=[42.0, 84.0, 126.0])
    made = TrialRecord({"subjects": pd.DataFrame({"subject_id": ["A"]}), "lesions": late}, Manifest())
    assert "the first A: the scan of day 42 stands for baseline" in completed(made).derived[0]
    assert "stands for baseline" not in completed(record()).derived[0]


def test_the_command_says_what_follows_from_lesions_and_why_they_cannot_be_judged():
    made = record()
    assert any("Objective response" in line for line in headlines(made, analyse(made), None))
    small = record(courses={name: [v / 10 for v in sizes] for name, sizes in COURSES.items()})
    assert "these look like centimetres" in headlines(small, analyse(small), None)[0]
