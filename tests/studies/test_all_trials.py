"""What all patients of replicate trials show together."""

import numpy as np
import pandas as pd
import pytest

from opsonin.errors import RecordError
from opsonin.record import Replicates
from opsonin.studies.all_trials import AllTrials, page

TRIALS, ARM = 4, 250  # patients of each arm in a trial
RATES = {"old": 0.02, "new": 0.01}  # of death, a day: a hazard ratio of 0.5


@pytest.fixture(scope="module")
def replicates() -> Replicates:
    rng = np.random.default_rng(7)
    keys = [(t, f"P{k:04d}", arm) for t in range(1, TRIALS + 1) for a, arm in enumerate(RATES)
            for k in range(a * ARM, (a + 1) * ARM)]  # fmt: skip
    who = pd.DataFrame(keys, columns=pd.Index(["trial", "subject_id", "arm"]))
    who["indication"] = np.where(np.arange(len(who)) % 2, "melanoma", "nsclc")
    day = rng.exponential(1 / who["arm"].map(RATES))
    survival = who[["trial", "subject_id"]].assign(
        endpoint="OS", day=np.minimum(day, 400.0), event=day < 400.0, origin_day=0.0
    )
    half = np.where(who["arm"] == "new", 4.0, 1.0)
    before = who[["trial", "subject_id"]].assign(
        marker="cells", compartment="blood", unit="cells", day=0.0, value=2.0, below_limit=False, baseline=True
    )
    after = before.assign(day=14.0, value=2.0 * half)
    best = who[["trial", "subject_id"]].assign(
        criteria="RECIST 1.1",
        source="derived",
        confirmed=False,
        day=56.0,
        best=True,
        overall=np.where(who["arm"] == "new", "PR", "PD"),
    )
    tables = {"subjects": who, "survival": survival, "measurements": pd.concat([before, after]), "responses": best}
    return Replicates(tables)


def test_the_hazard_ratio_of_known_hazards_is_found_and_inverts(replicates):
    many = AllTrials(replicates)
    found, other = many.hazard_ratio("new", "old", "OS"), many.hazard_ratio("old", "new", "OS")
    assert found.lower < 0.5 < found.upper
    assert found.value * other.value == pytest.approx(1, rel=1e-6)
    assert found.upper - found.lower < 0.12  # 2,000 patients
    wider = many.hazard_ratio("new", "old", "OS", "nsclc")
    assert wider.upper - wider.lower > found.upper - found.lower
    assert np.isnan(many.hazard_ratio("new", "old", "PFS").value)


def test_markers_are_geometric_means_and_ratios_to_baseline(replicates):
    table = AllTrials(replicates).marker("cells", 15).set_index("arm")
    assert table.loc["new", ["patients", "mean", "ratio"]].tolist() == pytest.approx([TRIALS * ARM, 8.0, 4.0])
    assert table.loc["old", ["mean", "ratio"]].tolist() == pytest.approx([2.0, 1.0])


def test_outcomes_are_told_by_arm_and_by_indication_within_it(replicates):
    rows = {row[0]: row for row in AllTrials(replicates).outcomes()}
    assert list(rows) == ["new", "new, melanoma", "new, nsclc", "old", "old, melanoma", "old, nsclc"]
    assert rows["new"][1] == "1,000"
    assert rows["new"][2].startswith("100.0%")
    assert rows["old"][2].startswith("0.0%")
    assert rows["new"][3] == "–"  # no PFS there
    assert float(rows["new"][6].split()[0]) == pytest.approx(np.log(2) / 0.01 / 30.4375, rel=0.15)


def test_a_wrong_arm_or_marker_names_those_that_there_are(replicates, tmp_path):
    replicates.save(tmp_path / "replicates")
    assert "0.5" in page(tmp_path, "old")
    with pytest.raises(RecordError, match="no arm 'none'; there are new, old"):
        page(tmp_path, "none")
    with pytest.raises(RecordError, match="'cells' was not measured on day 3; measured: cells, on days 1, 15"):
        page(tmp_path, markers=["cells"], days=[3])
    for markers, days in ((["cells"], []), ([], [15])):
        with pytest.raises(RecordError, match="give --marker and --day together"):
            page(tmp_path, markers=markers, days=days)


def test_responses_by_irecist_count_as_well(replicates):
    responses = replicates.table("responses")
    immune = responses.assign(criteria="iRECIST", overall=responses["overall"].map({"PR": "iPR", "PD": "iCPD"}))
    tables = {name: replicates.table(name) for name in ("subjects", "survival")}
    rows = {row[0]: row for row in AllTrials(Replicates({**tables, "responses": immune})).outcomes()}
    assert rows["new"][2].startswith("100.0%")
    assert rows["old"][2].startswith("0.0%")


def test_where_nobody_or_only_one_arm_had_the_event_there_is_no_hazard_ratio(replicates):
    survival = replicates.table("survival")
    old = survival["subject_id"].astype(str) < f"P{ARM:04d}"
    for event in (False, old):
        rows = {"subjects": replicates.table("subjects"), "survival": survival.assign(event=event)}
        assert np.isnan(AllTrials(Replicates(rows)).hazard_ratio("new", "old", "OS").value)


def test_a_group_in_which_all_had_the_event_is_told_of_though_nobody_was_followed_so_long(replicates):
    survival = replicates.table("survival")
    died = survival["subject_id"].astype(str) < f"P{ARM:04d}"  # the old arm
    survival = survival.assign(day=survival["day"].where(~died, 90.0), event=survival["event"] | died)
    tables = {"subjects": replicates.table("subjects"), "responses": replicates.table("responses")}
    rows = {row[0]: row for row in AllTrials(Replicates({**tables, "survival": survival})).outcomes()}
    assert rows["old"][6:9] == ("3.0 months", "0%", "–")  # nobody was followed for two years
    assert rows["new"][7].endswith("%)")


def test_one_trial_is_told_as_well(replicates, tmp_path):
    replicates.trial(1).save(tmp_path / "record")
    assert f"| new | {ARM} | 100.0%" in page(tmp_path)
