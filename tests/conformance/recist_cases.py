"""The worked response cases of the reference: as a record's lesions table, and what must come out."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from opsonin.criteria import responses_from_lesions

STATES = {
    "present": "present",
    "absent": "absent",
    "unequivocal_progression": "unequivocal progression",
    "unchanged_from_iUPD": "unequivocal progression",  # as it was when it progressed
    "further_increase": "further increase",
    "not_evaluated": "not evaluable",
}
CRITERIA = {"RECIST1.1": "RECIST 1.1", "iRECIST": "iRECIST"}


def lesion_table(case):
    """The record's lesions table of a worked case, baseline on day −7."""
    rows = []
    for lesion in case["lesions"]:
        kind = "target" if lesion["role"] == "target" else "non-target"
        state = "measured" if kind == "target" else "present"
        rows.append((lesion["id"], -7.0, kind, lesion["nodal"], lesion["baseline_mm"], state))
    nodal = {lesion["id"]: lesion["nodal"] for lesion in case["lesions"]}
    for visit in case["assessments"]:
        for t in visit["target"]:
            state = "measured" if t["evaluated"] else "not evaluable"
            state = "too small to measure" if t["too_small_to_measure"] else state
            size = sum(t["fragments_mm"]) if t["fragments_mm"] else t["measured_mm"]
            rows.append((t["id"], float(visit["day"]), "target", nodal[t["id"]], size, state))
        rows += [_non_target(n, float(visit["day"]), nodal[n["id"]]) for n in visit["non_target"]]
        rows += [_new(n, float(visit["day"])) for n in visit["new_lesions"]]
    table = pd.DataFrame(rows, columns=["lesion_id", "day", "kind", "lymph_node", "diameter_mm", "state"])
    return table.assign(subject_id="P1", diameter_mm=table["diameter_mm"].astype(float))


def _non_target(lesion, day, nodal):
    state, size = STATES.get(lesion["status"]), lesion["short_axis_mm"]
    if state is None and size is None:
        raise AssertionError(f"the state {lesion['status']!r} of a non-target lesion is not known")
    return lesion["id"], day, "non-target", nodal, size, state or "measured"


def _new(lesion, day):
    if lesion["measurable"]:
        return lesion["id"], day, "new", False, lesion["mm"], "measured"
    state = "further increase" if lesion["change_from_last"] == "increased" else "present"
    return lesion["id"], day, "new", False, lesion["mm"], state


def check_recist(case: dict[str, Any]) -> None:
    """One worked case."""
    rules, criteria = case["protocol"], CRITERIA[case["criteria"]]
    table = responses_from_lesions(
        lesion_table(case),
        criteria,
        confirm=rules["confirmation_of_response_required"],
        minimum_confirmation_days=float(rules["minimum_confirmation_days"]),
        minimum_stable_days=float(rules["minimum_sd_days"]),
    )
    visits, best = table[~table["best"]], table[table["best"]]
    row: Any
    for row, visit in zip(visits.itertuples(), case["expected"]["timepoints"], strict=True):
        assert row.sum_mm == visit["sum_evaluated_mm"]
        assert row.nadir_mm == visit["reference_nadir_mm"]
        assert row.target == visit["target_response"]
        assert row.overall == visit["overall_response"]
        assert (row.non_target or "NA").upper() == visit["non_target_response"].upper()
        assert row.new_lesion == (visit["new_lesion"] == "Y")
        assert row.reason
        for ours, theirs in [
            (row.change_from_baseline_percent, visit["change_from_baseline_pct"]),
            (row.change_from_nadir_percent, visit["change_from_nadir_pct"]),
        ]:
            assert np.isnan(ours) if theirs is None else ours == pytest.approx(theirs, abs=1e-5)
    assert best["overall"].tolist() == [case["expected"]["best_overall_response"]]
    progressed = progression_day(visits, criteria)
    expected = case["expected"]["progression_day"]
    assert np.isnan(progressed) if expected is None else progressed == expected


def progression_day(visits, criteria):
    """The day of the first PD; of iRECIST the first iUPD of the run that was confirmed. NaN where there is none."""
    seen = visits["overall"] == "PD"
    if criteria == "iRECIST":
        seen = (visits["overall"] == "iUPD") & visits["confirmed"].fillna(False)
    return visits.loc[seen, "day"].min()
