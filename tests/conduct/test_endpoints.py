"""What a design looks at beside DLTs, read from a record: responses, worst grades, an immune effect."""

import numpy as np
import pandas as pd
import pytest

from opsonin.conduct import Conduct, Endpoints, ImmuneEndpoint, advise, advise_on
from opsonin.criteria import parse_rules
from opsonin.designs import Boin, Boin12, BoinComb, GBoin, MaxPatients, Saturating, parse_outcomes
from opsonin.errors import DesignError
from opsonin.record import TrialRecord

RULES = parse_rules(["fatigue >= 3"])
DAYS = {"A": 0.0, "B": 5.0, "C": 9.0}


def record(responses=(), events=(), values=(), lesions=None, left=(), levels=(1, 1, 1)):
    """Three patients.   responses: (id, day, overall, confirmed);   events: (id, term, grade, day, related);
    values: (id, day, value, baseline) of CD8+."""
    tables = {
        "subjects": pd.DataFrame(
            {"subject_id": list(DAYS), "level": levels, "cohort": 1, "enrolled_day": list(DAYS.values())}
        )
    }
    if responses:
        made = pd.DataFrame(responses, columns=["subject_id", "day", "overall", "confirmed"])
        tables["responses"] = made.assign(criteria="RECIST 1.1", best=False, source="reported")
    if events:
        made = pd.DataFrame(events, columns=["subject_id", "term", "grade", "start_day", "related"])
        tables["adverse_events"] = made.assign(event_id=[str(k) for k in range(len(made))])
    if values:
        made = pd.DataFrame(values, columns=["subject_id", "day", "value", "baseline"])
        tables["measurements"] = made.assign(
            marker="CD8+", compartment="blood", unit="1/uL", method="", below_limit=False
        )
    if left:
        tables["disposition"] = pd.DataFrame(left, columns=["subject_id", "milestone", "day"])
    if lesions is not None:
        tables["lesions"] = lesions
    return TrialRecord(tables)


def conduct(design=None, **options):
    made = MaxPatients(Boin12(4), 24) if design is None else design
    return Conduct(made, RULES, 21.0, "not evaluable", Endpoints(response_days=84.0, **options))


SCANS = [("A", 42.0, "SD", None), ("A", 84.0, "PR", None), ("B", 42.0, "PD", None), ("C", 42.0, "PR", None)]


def test_responses_and_dlts_of_a_record_are_those_of_the_text():
    trial = record(SCANS, [("C", "Fatigue", 3, 4.0, "yes")])
    assert conduct().outcomes(conduct().judge(trial)).text == "1ENB"
    assert conduct().next(trial) == conduct().decide("1ENB")
    assert advise_on(conduct(), trial).next_cohort["outcome"].tolist()[0] == "EEE"


def test_a_response_after_the_time_allowed_or_after_progression_does_not_count():
    late = record([("A", 90.0, "CR", None), ("B", 42.0, "PD", None), ("B", 84.0, "PR", None), ("C", 42.0, "NE", None)])
    assert conduct().outcomes(conduct().judge(late)).text == "1NNN"


def test_a_confirmed_response_is_known_when_it_is_seen_again():
    trial = record(
        [("A", 42.0, "PR", True), ("A", 84.0, "PR", False), ("B", 42.0, "PR", False), ("C", 42.0, "SD", None)]
    )
    judged = conduct(confirm=True).judge(trial)
    assert judged["response"].tolist() == [True, False, False]
    assert judged["responded_day"].tolist() == [84.0, 5.0 + 84.0, 9.0 + 84.0]
    assert conduct().judge(trial)["responded_day"].tolist() == [42.0, 47.0, 9.0 + 84.0]


def test_who_may_still_respond_is_waited_for():
    trial = record(SCANS)
    early = conduct().next(trial, now=60.0)
    assert (early.action, early.patients) == ("stay", 0)
    assert early.reason == "wait: the response of A at level 1 is still awaited"  # B has progressed, C has responded
    both = conduct().next(trial, now=25.0)
    assert "the DLT window of B, C at level 1 is still open" in both.reason
    assert conduct().next(trial, now=84.0) == conduct().decide("1ENE")


def test_nobody_waits_for_who_left_or_cannot_be_judged():
    trial = record(SCANS[2:], left=[("A", "off study", 50.0)])
    assert conduct().next(trial, now=60.0) == conduct().decide("1NNE")
    gone = record(SCANS[2:], left=[("A", "off study", 5.0)])
    assert conduct().next(gone, now=60.0) == conduct().decide("1NE")


def test_responses_come_from_lesions_where_none_are_recorded():
    rows = [(who, "T1", day, size) for who, sizes in {"A": (50, 20), "B": (50, 51), "C": (50, 30)}.items()
            for day, size in zip((0.0, 42.0), sizes, strict=True)]  # fmt: skip
    lesions = pd.DataFrame(rows, columns=["subject_id", "lesion_id", "day", "diameter_mm"]).assign(
        kind="target", lymph_node=False, state="measured"
    )
    assert conduct().outcomes(conduct().judge(record(lesions=lesions))).text == "1ENE"


def test_every_patient_is_judged_by_their_own_criteria_and_of_several_by_the_first_by_name():
    visits = [("A", 42.0, "PR", None), ("B", 42.0, "CR", None), ("B", 42.0, "SD", None), ("C", 42.0, "CR", None)]
    trial = record(visits)
    trial.responses["criteria"] = ["RECIST 1.1", "Lugano", "RECIST 1.1", "marrow"]
    assert conduct().judge(trial)["response"].tolist() == [True, True, True]
    trial.responses["criteria"] = ["RECIST 1.1", "marrow", "RECIST 1.1", "marrow"]
    assert conduct().judge(trial)["response"].tolist() == [True, False, True]


def test_the_worst_grade_in_the_window_counts():
    events = [
        ("A", "Nausea", 2, 3.0, "yes"),
        ("A", "Rash", 1, 1.0, "unknown"),
        ("A", "Rash", 4, 30.0, "yes"),  # after the window
        ("B", "Anaemia", 3, 2.0, "no"),  # not the treatment's
        ("C", "Fatigue", 3, 8.0, "no"),  # dose-limiting by the rules all the same
    ]
    one = Conduct(MaxPatients(GBoin(4), 24), RULES, 21.0)
    assert one.outcomes(one.judge(record(events=events))).text == "1Ng2Ng0Tg3"
    assert one.next(record(events=events)) == one.decide("1Ng2Ng0Tg3")
    with pytest.raises(DesignError, match="Rash of A on day 2 has none; record its grade"):
        one.next(record(events=[("A", "Rash", None, 2.0, "yes")]))


def test_the_immune_effect_is_read_on_its_day():
    values = [("A", -1.0, 100.0, True), ("A", 14.2, 300.0, False), ("B", 0.0, 50.0, True), ("B", 14.0, 50.0, False)]
    values += [("C", 0.0, 80.0, True), ("C", 20.0, 800.0, False)]
    design = Saturating(MaxPatients(Boin(4), 3), baseline=1.0)
    one = Conduct(design, RULES, 21.0, endpoints=Endpoints(immune=ImmuneEndpoint("CD8+", 14.0, "ratio")))
    seen = one.outcomes(one.judge(record(values=values)))
    np.testing.assert_allclose(seen.immune, [3.0, 1.0, np.nan])
    assert np.isnan(one.outcomes(one.judge(record(values=values), 12.0), 12.0).immune).all()  # day 15 has not come
    assert one.next(record(values=values)).mtd == 1
    soon = one.next(record(values=values), now=30.0)  # C came on day 9: the window is over, and so is day 15
    assert soon.mtd == 1
    late = Conduct(design, RULES, 21.0, endpoints=Endpoints(immune=ImmuneEndpoint("CD8+", 28.0, "ratio")))
    awaited = late.next(record(values=values), now=31.0)
    assert awaited.action == "wait"
    assert "the immune effect in B, C is not known yet" in awaited.reason
    less = Conduct(design, RULES, 21.0, endpoints=Endpoints(immune=ImmuneEndpoint("CD8+", 14.0, "difference")))
    assert less.judge(record(values=values))["immune"].tolist()[:2] == [200.0, 0.0]


def test_the_next_cohort_of_a_design_for_an_immune_effect_is_listed_by_dlts():
    values = [(who, day, 50.0 + day, day == 0.0) for who in "ABC" for day in (0.0, 14.0)]
    design = Saturating(MaxPatients(Boin(4), 6), baseline=1.0)
    one = Conduct(design, RULES, 21.0, endpoints=Endpoints(immune=ImmuneEndpoint("CD8+", 14.0, "ratio")))
    advice = advise_on(one, record(values=values))
    assert advice.next_cohort["outcome"].tolist() == ["NNN", "NNT", "NTT", "TTT"]
    assert advice.next_cohort["decision"].tolist()[0] == "declare"
    assert advice.assumed == "the immune effect in the next cohort is not known yet"


def test_cells_of_two_agents_are_told_by_row_and_column():
    one = Conduct(MaxPatients(BoinComb(6, 3), 18), RULES, 21.0)
    trial = record(levels=(5, 5, 5))
    assert one.outcomes(one.judge(trial)).text == "2x2NNN"
    assert "at 2x2 is still open" in one.next(trial, now=25.0).reason
    assert one.decisions(trial)["seen"].tolist() == ["", "2x2NNN"]


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: Conduct(Boin12(4), RULES).judge(record(SCANS)), "say until when they count"),
        (lambda: conduct().judge(record()), "neither responses nor lesions"),
        (lambda: Conduct(Saturating(Boin(4)), RULES).judge(record()), "say which in the study's"),
        (
            lambda: conduct(Saturating(Boin(4)), immune=ImmuneEndpoint("HLA-DR+ NK", 14.0)).judge(record()),
            "'HLA-DR\\+ NK', which the record has no measurement of",
        ),
        (lambda: advise(conduct(Saturating(Boin(4))), parse_outcomes("1NNN")), "outcomes as text do not hold"),
    ],
)
def test_what_is_missing_is_named(ask, words):
    with pytest.raises(DesignError, match=words):
        ask()
