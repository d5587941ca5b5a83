"""Published trials and CDISC's own test data come in with the counts that their sources state."""

import pandas as pd
import pytest

from opsonin.record import TrialRecord, read_data
from opsonin.units import DAYS_PER_MONTH
from paths import DATA, needs_data

pytestmark = needs_data
TRIALS = DATA / "oak-poplar-atezolizumab"


def left_out(record: TrialRecord) -> dict[tuple[str, str], int]:
    return {(entry["section"], entry["reason"]): entry["count"] for entry in record.manifest.rows_left_out}


def test_oak():
    record = read_data(TRIALS / "oak_clinical.csv", "oak")
    assert record.subjects["arm"].value_counts().to_dict() == {"docetaxel": 425, "atezolizumab": 425}
    assert record.survival.groupby("endpoint")["event"].sum().to_dict() == {"OS": 569, "PFS": 755}
    responders = record.responses[record.responses["overall"].isin(["CR", "PR"])].merge(record.subjects)
    assert responders["arm"].value_counts().to_dict() == {"atezolizumab": 58, "docetaxel": 57}
    assert record.measurements.groupby("marker").size().to_dict() == {
        "blood TMB": 642,
        "sum of longest diameters": 849,
    }
    assert left_out(record) == {
        ('[markers."blood TMB"]', "no value of btmb"): 208,
        ('[markers."sum of longest diameters"]', "no value of blSLD"): 1,
        ("[responses.best]", "no value of BCOR"): 80,
    }
    assert record.manifest.left_out == 289
    assert record.manifest.questions["cut"] == {"blood TMB": 16}
    first = record.survival[record.survival["subject_id"] == "318"].set_index("endpoint")["day"]
    assert first["OS"] == pytest.approx(5.190965092 * DAYS_PER_MONTH, rel=1e-15)


def test_poplar_by_its_folder():
    record = read_data(TRIALS, "poplar")
    assert record.subjects["arm"].value_counts().to_dict() == {"atezolizumab": 144, "docetaxel": 143}
    assert record.survival.groupby("endpoint")["event"].sum().to_dict() == {"OS": 200, "PFS": 254}
    assert (record.measurements["marker"] == "blood TMB").sum() == 211


def test_loris_with_its_traps():
    record = read_data(DATA / "loris-icb", "loris")
    sizes = record.subjects["arm"].value_counts().to_dict()
    assert sizes["Chowell_train"] == 964
    assert sizes["MSK_nonICB"] == 841
    assert sum(sizes.values()) == 3722
    survival = record.survival.merge(record.subjects[["subject_id", "arm"]])
    medians = survival.groupby(["arm", "endpoint"])["day"].median()
    assert medians["Ravi_NSCLC", "PFS"] == pytest.approx(150, abs=1)  # days, though the column says months
    assert medians["Ravi_NSCLC", "OS"] == pytest.approx(402, abs=1)
    assert set(survival.loc[survival["endpoint"] == "PFS", "arm"]).isdisjoint({"MSK_nonICB", "Pradat_panCancer"})
    measured = record.measurements.merge(record.subjects[["subject_id", "arm"]])
    constants = measured[measured["marker"].isin(["albumin", "neutrophil to lymphocyte ratio"])]
    assert set(constants["arm"]).isdisjoint({"Kato_panCancer", "Ravi_NSCLC"})
    responders = record.responses.merge(record.subjects[["subject_id", "arm"]])
    chowell = responders[responders["arm"].str.startswith("Chowell")]
    assert ((chowell["overall"] == "PR").sum(), len(chowell)) == (409, 1479)
    assert "MSK_nonICB" not in set(responders["arm"])
    assert record.manifest.questions["responder_only"] is True


def test_the_cdisc_pilot_without_a_mapping():
    record = read_data(DATA / "cdisc-pilot")
    assert len(record.subjects) == 254
    assert record.subjects["arm"].value_counts().to_dict() == {
        "Placebo": 86,
        "Xanomeline High Dose": 84,
        "Xanomeline Low Dose": 84,
    }
    assert left_out(record) == {("subjects", "in DM but not in ADSL: screened and not enrolled"): 52}
    assert len(record.adverse_events) == 1191
    assert record.adverse_events["subject_id"].nunique() == 225
    assert len(record.exposures) == 591
    assert set(record.exposures["route"]) == {"transdermal"}
    assert record.exposures["start_day"].min() == 0.0  # study day 1
    events = record.survival.merge(record.subjects[["subject_id", "arm"]]).groupby("arm")["event"].agg(["sum", "size"])
    assert events.to_numpy().tolist() == [[29, 86], [61, 84], [62, 84]]
    assert record.manifest.questions["reference"] == "Placebo"


@pytest.fixture(scope="module")
def pharmaverse():
    return read_data(DATA / "pharmaverse-adam")


def test_pharmaverse_is_read_as_far_as_its_files_go(pharmaverse):
    sizes = {name: len(frame) for name, frame in pharmaverse.tables.items() if len(frame)}
    assert sizes == {
        "subjects": 254,
        "exposures": 591,
        "adverse_events": 1191,
        "concentrations": 3024,
        "measurements": 56891,
        "lesions": 78,
        "responses": 30,
        "survival": 512,
        "disposition": 1017,
    }


def test_every_row_of_pharmaverse_is_in_the_record_or_reported(pharmaverse):
    rows = {"adlb": 83652, "adpc": 4479, "adrs_onco": 3694, "adtr_onco": 181, "adex": 6315, "adsl": 306}
    tables = {"adlb": "measurements", "adpc": "concentrations", "adrs_onco": "responses", "adtr_onco": "lesions"}
    tables |= {"adex": "exposures", "adsl": "subjects"}
    for file, size in rows.items():
        gone = sum(e["count"] for e in pharmaverse.manifest.rows_left_out if e["file"].startswith(file + "."))
        assert len(pharmaverse.tables[tables[file]]) + gone == size, file


def test_pharmaverse_lesions_add_up_to_its_own_sums(pharmaverse):
    """Nodes count by the short axis: only so do the diameters of a scan add up to the SDIAM of the file."""
    file = pd.read_csv(DATA / "pharmaverse-adam" / "adtr_onco.csv.gz", low_memory=False)
    sums = file[file["PARAMCD"] == "SDIAM"].assign(day=lambda one: one["ADY"] - 1).set_index(["USUBJID", "day"])
    ours = pharmaverse.lesions.groupby(["subject_id", "day"])["diameter_mm"].agg(["sum", "count"])
    both = ours.join(sums[["AVAL", "LSASS"]].rename_axis(["subject_id", "day"]), how="inner")
    whole = both[both["count"] == both["LSASS"].str.count("T")]
    assert len(whole) > 10
    assert whole["sum"].to_numpy() == pytest.approx(whole["AVAL"].to_numpy())


def test_pharmaverse_values_below_the_limit_are_missing_not_zero(pharmaverse):
    below = pharmaverse.concentrations[pharmaverse.concentrations["below_limit"].astype(bool)]
    assert len(below) > 100
    assert below["value"].isna().all()
    assert (below["limit"] == 0.01).all()
    assert set(pharmaverse.concentrations["matrix"]) == {"plasma", "urine"}


def test_pharmaverse_cell_counts_are_per_microlitre(pharmaverse):
    white = pharmaverse.measurements[pharmaverse.measurements["marker"] == "Leukocytes"]
    assert set(white["unit"]) == {"cells/µl"}
    assert 4000 < white["value"].median() < 9000


def test_pharmaverse_responses_keep_what_confirmation_says(pharmaverse):
    best = pharmaverse.responses[pharmaverse.responses["best"].astype(bool)]
    assert best["overall"].value_counts().to_dict() == {"CR": 3, "SD": 2, "PR": 1, "PD": 1, "NE": 1}
    assert best["confirmed"].sum() == 1
    assert best["reason"].notna().sum() == 1  # the one non-CR/non-PD


def test_a_record_that_was_read_can_be_saved_and_read_back(tmp_path, pharmaverse):
    pharmaverse.save(tmp_path / "r")
    again = read_data(tmp_path / "r")
    assert again.equals(pharmaverse)
    assert again.manifest == pharmaverse.manifest
