"""The worked response cases of the reference: as a record's lesions table, and what must come out."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from opsonin.criteria import responses_from_lesions

STATES = {"present": "present", "absent": "absent", "unequivocal_progression": "unequivocal progression"}


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
        for n in visit["non_target"]:
            rows.append((n["id"], float(visit["day"]), "non-target", nodal[n["id"]], None, STATES[n["status"]]))
        for n in visit["new_lesions"]:
            rows.append(
                (n["id"], float(visit["day"]), "new", False, n["mm"], "measured" if n["measurable"] else "present")
            )
    table = pd.DataFrame(rows, columns=["lesion_id", "day", "kind", "lymph_node", "diameter_mm", "state"])
    return table.assign(subject_id="P1", diameter_mm=table["diameter_mm"].astype(float))


def check_recist(case: dict[str, Any]) -> None:
    """One worked case; criteria that Opsonin does not know yet are skipped by name."""
    if case["criteria"] != "RECIST1.1":
        pytest.skip(f"recist: {case['criteria']} is not part of Opsonin yet")
    rules = case["protocol"]
    table = responses_from_lesions(
        lesion_table(case),
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
        assert (row.non_target or "NA").upper() == visit["non_target_response"]
        assert row.new_lesion == (visit["new_lesion"] == "Y")
        for ours, theirs in [
            (row.change_from_baseline_percent, visit["change_from_baseline_pct"]),
            (row.change_from_nadir_percent, visit["change_from_nadir_pct"]),
        ]:
            assert np.isnan(ours) if theirs is None else ours == pytest.approx(theirs, abs=1e-5)
    assert best["overall"].tolist() == [case["expected"]["best_overall_response"]]
    progressed = visits.loc[visits["overall"] == "PD", "day"].min()
    expected = case["expected"]["progression_day"]
    assert np.isnan(progressed) if expected is None else progressed == expected
