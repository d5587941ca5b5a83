"""One analyte in several matrices: each its own exposure, and none for what collects."""

import warnings

import pandas as pd
import pytest

from opsonin.analysis import analyse
from opsonin.record import Manifest, TrialRecord


def _record(matrices):
    rows = [
        {"subject_id": s, "analyte": "drug", "matrix": matrix, "day": day + hour / 24, "value": scale * value,
         "unit": "ng/ml", "below_limit": False, "agent": "drug", "dose_day": day, "hours_after_dose": hour}
        for s in ("P1", "P2", "P3")
        for matrix, scale in matrices.items()
        for day in (0.0, 7.0)
        for hour, value in ((1.0, 8.0), (4.0, 4.0), (8.0, 2.0))
    ]  # fmt: skip
    subjects = pd.DataFrame({"subject_id": ["P1", "P2", "P3"]})
    return TrialRecord({"subjects": subjects, "concentrations": pd.DataFrame(rows)}, Manifest())


def test_each_matrix_has_its_own_exposure_and_ratio():
    found = analyse(_record({"plasma": 1.0, "blood": 0.5}), questions={"interaction": ["drug"]})
    plasma, blood = (found.get(f"pk.drug ({m}).auc", "all, day 1") for m in ("plasma", "blood"))
    assert plasma.n == blood.n == 3
    assert plasma.estimate == pytest.approx(2 * blood.estimate)
    assert found.get("pk.drug (blood).auc_ratio", "day 8 vs day 1").estimate == pytest.approx(1.0)


def test_urine_is_no_exposure_and_leaves_the_plain_name_to_plasma():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = analyse(_record({"plasma": 1.0, "urine": 30.0}))
    assert found.get("pk.drug.cmax", "all, day 1").estimate == pytest.approx(8.0)
    assert any(text.startswith("drug: 18 samples of urine have no profile") for text in found.notes)


def test_without_a_partner_that_comes_or_goes_two_periods_are_no_interaction():
    assert analyse(_record({"plasma": 1.0})).named("pk.drug.auc_ratio") == []


def _with_doses(*given):
    """The record with exposures: agent, start day, end day, amount, for each subject."""
    record = _record({"plasma": 1.0})
    rows = [
        {"subject_id": s, "agent": agent, "start_day": start, "end_day": end, "amount": amount, "unit": "mg",
         "route": "intravenous infusion"}
        for s in ("P1", "P2", "P3")
        for agent, start, end, amount in given
    ]  # fmt: skip
    return TrialRecord({**record.tables, "exposures": pd.DataFrame(rows)}, Manifest())


DRUG = (("drug", 0.0, 0.0, 5.0), ("drug", 7.0, 7.0, 5.0))
STEPPED = (("drug", 0.0, 0.0, 5.0), ("drug", 7.0, 7.0, 17.0))


def test_a_partner_between_two_of_its_doses_has_not_been_stopped():
    every_three_weeks = [("antibody", day, day, 200.0) for day in (0.0, 21.0, 42.0)]
    assert analyse(_with_doses(*DRUG, *every_three_weeks)).named("pk.drug.auc_ratio") == []
    once = analyse(_with_doses(*DRUG, ("antibody", 0.0, 0.0, 200.0)))
    assert "antibody stopped" in once.get("pk.drug.auc_ratio", "day 8 vs day 1").note
    by_day = analyse(_with_doses(*DRUG, ("tablet", 0.0, 4.0, 400.0), ("tablet", 21.0, 25.0, 400.0)))
    assert "tablet stopped" in by_day.get("pk.drug.auc_ratio", "day 8 vs day 1").note


def test_a_higher_dose_of_the_drug_itself_is_no_interaction():
    partner = ("tablet", 7.0, 9.0, 400.0)
    assert "tablet added" in analyse(_with_doses(*DRUG, partner)).get("pk.drug.auc_ratio", "day 8 vs day 1").note
    assert analyse(_with_doses(*STEPPED, partner)).named("pk.drug.auc_ratio") == []
    asked = analyse(_with_doses(*STEPPED, partner), questions={"interaction": ["drug"]})
    said = asked.get("pk.drug.auc_ratio", "day 8 vs day 1").note
    assert said == "Between the periods: tablet added and its own dose changed."


def test_the_samples_after_one_dose_are_one_profile_though_the_visit_changes_its_name():
    record = _record({"plasma": 1.0})
    rows = record.concentrations
    rows = rows[rows["dose_day"] == 0]
    rows = rows.assign(period=["Day 2" if hours > 4 else "Day 1" for hours in rows["hours_after_dose"]])
    found = analyse(TrialRecord({"subjects": record.subjects, "concentrations": rows}, Manifest()))
    assert [f.group for f in found.named("pk.drug.auc")] == ["all, Day 1"]
    assert found.get("pk.drug.auc").table["samples"].tolist() == [3, 3, 3]
