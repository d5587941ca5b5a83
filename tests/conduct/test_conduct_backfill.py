"""A trial with backfill from its record: cohort 0 is beside the cohorts, waits for nobody, and counts when judged."""

import numpy as np
import pandas as pd
import pytest

from opsonin import TrialRecord
from opsonin.conduct import Conduct, advise_on
from opsonin.conduct.endpoints import Endpoints
from opsonin.designs import Backfill, Boin, MaxPatients, parse_outcomes
from opsonin.errors import DesignError

DESIGN = Backfill(MaxPatients(Boin(4, 0.30), 12), most=6, responses=False)
CONDUCT = Conduct(DESIGN, window_days=21.0)
# level, cohort, enrolled on, DLT on the patient's day (none: NaN)
COURSE = [
    (1, 1, 0, np.nan), (1, 1, 5, np.nan), (1, 1, 10, np.nan),
    (2, 2, 40, np.nan), (2, 2, 45, np.nan), (2, 2, 50, 12.0), (1, 0, 52, 4.0), (1, 0, 60, np.nan),
]  # fmt: skip


def record(course=COURSE):
    level, cohort, day, dlt = zip(*course, strict=True)
    names = [f"P{number}" for number in range(1, len(course) + 1)]
    subjects = pd.DataFrame(
        {"subject_id": names, "level": level, "cohort": cohort, "enrolled_day": np.array(day, dtype=float)}
    )
    who = [k for k, onset in enumerate(dlt) if not np.isnan(onset)]
    events = pd.DataFrame(
        {
            "subject_id": [names[k] for k in who],
            "event_id": [str(k) for k in who],
            "term": ["Fatigue"] * len(who),
            "grade": [3] * len(who),
            "start_day": [dlt[k] for k in who],
            "related": ["yes"] * len(who),
            "dlt": [True] * len(who),
        }
    )
    return TrialRecord({"subjects": subjects, "adverse_events": events})


def test_no_cohort_waits_for_who_is_on_backfill():
    made = CONDUCT.next(record(), now=72.0)  # P8 is in the window until day 81
    assert (made.action, made.level) == ("stay", 2)
    assert made.backfill == (1,)
    seen = CONDUCT.outcomes(CONDUCT.judge(record(), 72.0), 72.0)
    assert seen.text == "1NNN 2NNT +1TN@12d"
    assert DESIGN.decide(parse_outcomes(seen.text)) == made
    assert int(DESIGN.evidence(seen).pending.sum()) == 1


def test_while_a_cohort_is_watched_the_open_levels_are_told():
    made = CONDUCT.next(record(), now=58.0)
    assert made.patients == 0
    assert "the DLT window of P4, P5" in made.reason
    assert made.backfill == (1,)
    assert made.numbers["open_to_backfill"] == [1]
    full = record([*COURSE, (1, 0, 60, np.nan)])  # six at level 1
    assert CONDUCT.next(full, now=62.0).backfill == ()


def test_decisions_made_anew_know_what_was_known_then():
    table = CONDUCT.decisions(record())
    assert table["cohort"].dropna().tolist() == [1, 2]
    assert table["seen"].tolist() == ["", "1NNN", "1NNN 2NNT +1TN@6d"]
    assert table["day"].tolist() == [0.0, 31.0, 66.0]


def test_the_end_may_wait_for_the_last_on_backfill():
    last = [(2, 3, 90, np.nan), (2, 3, 91, np.nan), (2, 3, 92, np.nan), (1, 0, 105, np.nan)]
    small = Backfill(MaxPatients(Boin(4, 0.30), 9), responses=False)
    for complete, action in ((False, "declare"), (True, "wait")):
        conduct = Conduct(Backfill(small.inner, responses=False, complete=complete), window_days=21.0)
        assert conduct.next(record([*COURSE, *last]), now=115.0).action == action
        assert conduct.next(record([*COURSE, *last]), now=130.0).action == "declare"


def test_advice_follows_the_next_cohort_with_patients_on_backfill():
    advice = advise_on(CONDUCT, record())
    assert advice.next_cohort["outcome"].tolist() == ["NNN", "NNT", "NTT", "TTT"]
    assert advice.next_cohort["decision"].tolist()[0] == "escalate"  # 9 of 12 in cohorts: the trial goes on
    assert advice.decision.backfill == (1,)


def test_responses_are_read_where_levels_open_by_them():
    made = Conduct(Backfill(MaxPatients(Boin(4, 0.30), 12)), window_days=21.0, endpoints=Endpoints(60.0))
    tables = dict(record().tables)
    tables["responses"] = pd.DataFrame(
        {
            "subject_id": ["P2"],
            "day": [40.0],
            "overall": ["PR"],
            "best": [False],
            "source": ["assessor"],
            "criteria": ["RECIST 1.1"],
        }
    )
    with_ = made.next(TrialRecord(tables), now=130.0)
    assert with_.backfill == (1,)
    assert "1NEN" in made.outcomes(made.judge(TrialRecord(tables), 130.0), 130.0).text
    with pytest.raises(DesignError, match="neither responses nor lesions"):
        made.next(record(), now=130.0)


def test_a_design_without_backfill_takes_no_patients_on_it():
    with pytest.raises(DesignError, match="hold patients on backfill, which the design 'boin' does not have"):
        Conduct(Boin(4)).decide("1NNN +1N")
