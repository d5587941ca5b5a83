"""Every worked sequence, through the record's tables; and laws that hold for all of them."""

import numpy as np
import pandas as pd
import pytest

from conformance.recist_cases import progression_day
from criteria.response_sequences import CASES
from opsonin.criteria import responses_from_lesions

KINDS = {"T": "target", "K": "target", "N": "non-target", "L": "non-target", "X": "new"}
IDS = [case.id for case in CASES]


def days_of(case):
    count = max(len(course) for course in case.lesions.values()) - 1
    return [-7.0, *(case.days or (42.0 * (k + 1) for k in range(count)))]


def lesion_table(case, subject="A"):
    rows = []
    for name, course in case.lesions.items():
        for k, (day, seen) in enumerate(zip(days_of(case), course, strict=True)):
            if seen is None:
                continue
            size = float(seen) if isinstance(seen, int | float) else np.nan
            state = (
                {"TS": "too small to measure", "NE": "not evaluable"}.get(seen, seen) if np.isnan(size) else "measured"
            )
            state = "absent" if size == 0 else state
            second = case.other.get(name, [np.nan] * len(course))[k]
            rows.append((subject, name, day, KINDS[name[0]], name[0] in "KL", size, state, second))
    columns = ["subject_id", "lesion_id", "day", "kind", "lymph_node", "diameter_mm", "state", "perpendicular_mm"]
    return pd.DataFrame(rows, columns=columns)


def measured(case, subject="A"):
    rows = [
        (subject, marker, day, value)
        for marker, values in case.other.items()
        if marker not in case.lesions
        for day, value in zip(days_of(case), values, strict=True)
    ]
    return pd.DataFrame(rows, columns=["subject_id", "marker", "day", "value"])


def judged(case, **changes):
    table = responses_from_lesions(
        lesion_table(case), case.criteria, **case.options, **changes, measurements=measured(case)
    )
    return table[~table["best"]], table[table["best"]]


def test_there_are_forty_and_more_and_each_names_its_paragraph():
    assert len(CASES) >= 40
    assert len(set(IDS)) == len(CASES)
    for case in CASES:
        assert case.rule.split()[1].strip(";,").isdigit(), case.id
        assert len(case.rule) > 20, case.id


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_the_published_rules_give_this_response(case):
    visits, best = judged(case)
    assert visits["overall"].tolist() == case.visits.split(), visits["reason"].tolist()
    assert best["overall"].item() == case.best
    day = progression_day(visits, case.criteria)
    assert np.isnan(day) if case.progression is None else day == case.progression


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_every_visit_names_its_rule_and_the_lesions_it_came_from(case):
    visits, _ = judged(case)
    author = case.rule.split()[0]
    for k, row in enumerate(visits.to_dict("records"), start=1):
        assert row["reason"].startswith(author)
        for name, course in case.lesions.items():
            if isinstance(course[k], int | float) and course[k] > 0:
                assert f"{name} {max(course[k], case.other.get(name, [0] * 9)[k] or 0):g} mm" in row["reason"]


def test_all_patients_at_once_are_judged_as_one_by_one():
    for criteria in ("RECIST 1.1", "iRECIST", "Lugano"):
        mine = [case for case in CASES if case.criteria == criteria and not case.options]
        parts = [lesion_table(case, case.id) for case in mine]
        rows = [row for part in parts for row in part.to_dict("records")]
        lesions = pd.DataFrame(rows, index=[0] * len(rows)).sample(frac=1.0, random_state=1)
        markers = [measured(case, case.id) for case in mine]
        markers = pd.concat([one for one in markers if len(one)] or markers[:1])
        table = responses_from_lesions(lesions, criteria, measurements=markers)
        for case in mine:
            own = table[table["subject_id"] == case.id]
            assert own.loc[~own["best"], "overall"].tolist() == case.visits.split(), case.id
            assert own.loc[own["best"], "overall"].item() == case.best


@pytest.mark.parametrize("case", [c for c in CASES if c.criteria == "RECIST 1.1"], ids=lambda c: c.id)
def test_irecist_differs_from_recist_only_after_the_first_progression(case):
    """Until the first PD the two are the same words; the first PD is an iUPD."""
    plain, _ = judged(case)
    immune = responses_from_lesions(lesion_table(case), "iRECIST")
    immune = immune.loc[~immune["best"], "overall"].str.removeprefix("i").tolist()
    for one, other in zip(plain["overall"], immune, strict=True):
        assert other == ("UPD" if one == "PD" else one)
        if one == "PD":
            break
