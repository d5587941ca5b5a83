"""What the lesions of a real trial get wrong: refused with a sentence, or judged and named."""

import numpy as np
import pandas as pd
import pytest

from opsonin.criteria import responses_from_lesions, suspicious_sizes
from opsonin.errors import CriteriaError
from opsonin.record import read_data
from paths import DATA

PHARMAVERSE = DATA / "pharmaverse-adam"


def rows(*entries):
    """(lesion, day, kind, diameter) of subject A."""
    table = pd.DataFrame(entries, columns=["lesion_id", "day", "kind", "diameter_mm"])
    state = np.where(table["diameter_mm"].isna(), "not evaluable", "measured")
    return table.assign(subject_id="A", state=state, diameter_mm=table["diameter_mm"].astype(float))


def test_a_target_lesion_without_baseline_is_refused_by_name():
    late = rows(("T1", -7.0, "target", 40), ("T1", 42.0, "target", 30), ("T2", 42.0, "target", 20))
    with pytest.raises(CriteriaError, match=r"lesion T2 of subject A .* without a diameter at baseline \(day -7\)"):
        responses_from_lesions(late)
    unread = rows(("T1", -7.0, "target", None), ("T1", 42.0, "target", 30), ("T2", -7.0, "target", 20))
    with pytest.raises(CriteriaError, match=r"lesion T1 .* give its baseline"):
        responses_from_lesions(unread)


def test_centimetres_are_refused_with_the_way_to_say_so():
    with pytest.raises(CriteriaError, match=r'look like centimetres.*units\.diameter_mm = "cm"'):
        responses_from_lesions(
            rows(("T1", -7.0, "target", 4.2), ("T2", -7.0, "target", 1.8), ("T1", 42.0, "target", 3))
        )


def test_an_area_or_a_sum_of_another_unit_is_refused():
    with pytest.raises(CriteriaError, match=r"lesion T1 of subject A measures 1600 mm on day 42"):
        responses_from_lesions(rows(("T1", -7.0, "target", 40), ("T1", 42.0, "target", 1600)))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: pd.concat([t, t.iloc[[1]]]), r"lesion T1 of subject A has two rows on day 42\.0; keep one"),
        (lambda t: t.assign(day=[-7.0, np.nan]), "lesion T1 of subject A has no day"),
        (lambda t: t.assign(diameter_mm=[40.0, -3.0]), "has a negative diameter"),
        (lambda t: t.drop(columns="kind"), "no column kind"),
    ],
)
def test_other_mistakes_are_named(change, said):
    with pytest.raises(CriteriaError, match=said):
        responses_from_lesions(change(rows(("T1", -7.0, "target", 40), ("T1", 42.0, "target", 30))))


def test_sizes_to_look_at_again_are_named_and_judged_as_they_stand():
    table = rows(
        ("T1", -7.0, "target", 42),
        ("T1", 42.0, "target", 4.1),
        ("T1", 84.0, "target", 40),
        ("T2", -7.0, "target", 8),
        ("T2", 42.0, "target", 8),
        ("T2", 84.0, "target", 8),
    )
    odd = suspicious_sizes(table)
    assert odd[["lesion_id", "day"]].to_numpy().tolist() == [["T2", -7.0], ["T1", 42.0], ["T1", 84.0]]
    assert "two units" in odd["why"].iloc[1]
    assert responses_from_lesions(table)["overall"].tolist() == ["PR", "PD", "PR"]
    assert suspicious_sizes(rows(("T1", -7.0, "target", 42), ("T1", 42.0, "target", 20))).empty


def test_baseline_may_be_spread_over_days_and_a_visit_over_a_week():
    table = rows(
        ("T1", -20.0, "target", 60),
        ("T1", -9.0, "target", 40),
        ("T2", -6.0, "target", 30),
        ("T1", 40.0, "target", 20),
        ("T2", 44.0, "target", 15),
    ).assign(scan_id=["S", "B", "B", "V1", "V1"])
    visits = responses_from_lesions(table).query("not best")
    assert visits[["day", "overall", "sum_mm", "nadir_mm"]].to_numpy().tolist() == [[44.0, "PR", 35.0, 70.0]]
    apart = responses_from_lesions(table.drop(columns="scan_id")).query("not best")
    assert apart["overall"].tolist() == ["NE", "NE"]


def test_a_subject_whose_scans_all_come_after_day_1_has_the_first_as_baseline():
    visits = responses_from_lesions(rows(("T1", 3.0, "target", 40), ("T1", 42.0, "target", 20))).query("not best")
    assert visits[["day", "overall"]].to_numpy().tolist() == [[42.0, "PR"]]


def test_nothing_in_nothing_out():
    empty = rows(("T1", 0.0, "target", 20)).iloc[:0]
    assert list(responses_from_lesions(empty)["overall"]) == []
    with pytest.raises(CriteriaError, match=r"known are RECIST 1\.1, iRECIST, Lugano"):
        responses_from_lesions(empty, "irRC")


@pytest.mark.skipif(not PHARMAVERSE.is_dir(), reason=f"no data at {PHARMAVERSE}; set OPSONIN_DATA")
def test_the_responses_derived_from_a_cdisc_trial_are_those_it_reports():
    """ADTR's lesions judged by us against ADRS, whose oncology part is made up by the data's authors."""
    record = read_data(PHARMAVERSE)
    mine = responses_from_lesions(record.lesions).query("not best")
    theirs = record.responses[~record.responses["best"]]
    both = mine.merge(theirs, on=["subject_id", "day"], suffixes=("", "_reported"))
    assert len(both) == 18
    assert (both["overall"] == both["overall_reported"]).all()
    assert {"CR", "PR", "SD", "PD", "NE"} == set(both["overall"])


def test_a_visit_that_evaluated_no_target_lesion_names_no_sum():
    rows = [("P1", "T1", day, "target", size, state) for day, size, state in (
        (-7.0, 30.0, "measured"), (42.0, None, "not evaluable"), (84.0, 0.0, "absent"))]  # fmt: skip
    columns = ["subject_id", "lesion_id", "day", "kind", "diameter_mm", "state"]
    judged = responses_from_lesions(pd.DataFrame(rows, columns=pd.Index(columns)).assign(lymph_node=False))
    visits = judged[~judged["best"].astype(bool)]
    assert "not evaluated: no sum; baseline 30" in visits["reason"].iloc[0]
