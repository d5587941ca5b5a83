import json
import subprocess
import sys

import pandas as pd
import pytest

from opsonin.conduct import Conduct
from opsonin.criteria import parse_rules
from opsonin.designs import ThreePlusThree
from opsonin.errors import DesignError
from opsonin.record import TrialRecord

RULES = parse_rules(["fatigue >= 3"])


def trial(subjects, events=(), disposition=()):
    """A small real trial: (id, level, cohort, enrolled_day), (id, term, grade, start_day), (id, milestone, day)."""
    tables = {"subjects": pd.DataFrame(subjects, columns=["subject_id", "level", "cohort", "enrolled_day"])}
    if events:
        made = pd.DataFrame(events, columns=["subject_id", "term", "grade", "start_day"])
        tables["adverse_events"] = made.assign(event_id=[str(k) for k in range(len(made))], related="yes")
    if disposition:
        tables["disposition"] = pd.DataFrame(disposition, columns=["subject_id", "milestone", "day"])
    return TrialRecord(tables)


def conduct(**options):
    return Conduct(ThreePlusThree(3), RULES, **options)


SIX = [("A", 1, 1, 0.0), ("B", 1, 1, 7.0), ("C", 1, 1, 9.0), ("D", 2, 2, 40.0), ("E", 2, 2, 45.0), ("F", 2, 2, 50.0)]


def test_outcomes_come_from_events_and_rules():
    record = trial(SIX, [("B", "Fatigue", 2, 3.0), ("E", "fatigue", 3, 12.0), ("F", "fatigue", 4, 30.0)])
    judged = conduct().judge(record)
    assert judged["status"].tolist() == ["no DLT"] * 4 + ["DLT", "no DLT"]
    assert judged["day"].tolist() == [21.0, 28.0, 30.0, 61.0, 57.0, 71.0]
    assert conduct().outcomes(judged).text == "1NNN 2NTN"
    assert conduct().next(record) == conduct().decide("1NNN 2NTN")


def test_who_leaves_before_the_window_ends_without_dlt_is_replaced():
    record = trial(
        [*SIX, ("G", 2, 2, 60.0)],
        [("F", "fatigue", 3, 4.0)],
        [("E", "off study", 10.0), ("F", "off treatment", 4.0), ("D", "off treatment", 60.0)],
    )
    judged = conduct().judge(record).set_index("subject_id")["status"]
    assert judged[["D", "E", "F", "G"]].tolist() == ["no DLT", "not evaluable", "DLT", "no DLT"]
    assert conduct().outcomes(conduct().judge(record)).text == "1NNN 2NTN"
    assert conduct(replace="nobody").outcomes(conduct().judge(record)).text == "1NNN 2NNTN"


def test_the_decisions_of_a_trial_are_written_cohort_by_cohort():
    table = conduct().decisions(trial(SIX, [("E", "fatigue", 3, 12.0)]))
    assert table["decision"].tolist() == ["start", "escalate", "stay"]
    assert table["seen"].tolist() == ["", "1NNN", "1NNN 2NTN"]
    assert table["day"].tolist() == [0.0, 30.0, 71.0]
    assert table["level_to"].tolist() == [1, 2, 2]
    assert json.loads(table["numbers"].iloc[-1]) == {"patients": [3, 3, 0], "dlt": [0, 1, 0], "next_patients": 3}
    TrialRecord({"decisions": table}).validate()


def test_an_open_window_means_waiting():
    record = trial(SIX)
    decision = conduct().next(record, now=66.5)
    assert (decision.action, decision.level, decision.patients) == ("stay", 2, 0)
    assert "F at level 2 is still open" in decision.reason
    assert conduct().next(record, now=71.0).action == "escalate"


def test_a_lead_in_shifts_protocol_day_one():
    record = trial(SIX[:3], disposition=[(s, "enrolled", -21.0) for s in "ABC"])
    assert conduct().judge(record)["day"].tolist() == [42.0, 49.0, 51.0]


def test_cohorts_follow_the_levels_where_none_are_recorded():
    record = trial([(s, level, None, day) for s, level, _, day in SIX])
    assert conduct().judge(record)["cohort"].tolist() == [1, 1, 1, 2, 2, 2]


def test_without_rules_the_flags_of_the_record_count():
    record = trial(SIX, [("B", "rash", 2, 3.0), ("C", "rash", 2, 3.0)])
    record.adverse_events["dlt"] = pd.array([True, False], dtype="boolean")
    assert Conduct(ThreePlusThree(3)).judge(record)["status"].tolist()[:3] == ["no DLT", "DLT", "no DLT"]


def test_the_first_decision_needs_no_patient():
    assert conduct().next(TrialRecord({})).action == "start"


def test_a_record_without_levels_is_refused():
    record = TrialRecord({"subjects": pd.DataFrame({"subject_id": ["A"]})})
    with pytest.raises(DesignError, match="no subject of this record has a dose level"):
        conduct().judge(record)


def test_conduct_loads_no_solver():
    heavy = {"opsonin.simulate", "opsonin.model", "sympy", "numba"}
    code = f"import sys, opsonin.conduct; assert not {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
