"""Small CDISC files made here: standard names, XPT and CSV, study days, units, and what cannot be used."""

import datetime
import importlib
from typing import Any

import numpy as np
import pandas as pd
import pytest

from opsonin.errors import ImportDataError
from opsonin.record import read_data
from opsonin.record.read.adam_units import cdisc_unit

ADSL = pd.DataFrame(
    {
        "STUDYID": "TEST-1",
        "USUBJID": ["T-1", "T-2", "T-3"],
        "TRT01P": ["Drug", "Control", "Screen Failure"],
        "AGE": [50.0, 61.0, 40.0],
        "SEX": ["F", "M", "U"],
        "WEIGHTBL": [60.5, np.nan, 80.0],
        "TRTSDT": [datetime.date(2024, 1, 10), datetime.date(2024, 1, 20), None],
        "TRTEDT": [datetime.date(2024, 2, 9), datetime.date(2024, 2, 20), None],
    }
)
ADAE = pd.DataFrame(
    {
        "USUBJID": ["T-1", "T-1", "T-2", "T-9"],
        "AESEQ": [1.0, 2.0, 1.0, 1.0],
        "AEDECOD": ["NAUSEA", "Fièvre", "FATIGUE", "RASH"],
        "AETOXGR": ["2", "3", "", "1"],
        "ASTDY": [1.0, -1.0, np.nan, 3.0],
        "ASTDT": [None, None, datetime.date(2024, 1, 25), None],
        "AESER": ["N", "Y", "N", "N"],
        "AREL": ["PROBABLE", "NONE", "", "Y"],
    }
)
ADTTE = pd.DataFrame(
    {
        "USUBJID": ["T-1", "T-2"],
        "PARAMCD": "OS",
        "PARAM": "Overall Survival",
        "AVAL": [2.0, 3.0],
        "AVALU": "MONTHS",
        "CNSR": [0, 2],
        "EVNTDESC": ["Death", "Lost to follow-up"],
    }
)


def write_xport(frame, path, **options):
    pyreadstat: Any = importlib.import_module("pyreadstat")  # its stubs know a data frame of their own alone
    pyreadstat.write_xport(frame, path, **options)


def csv_folder(folder, **tables):
    for name, frame in tables.items():
        frame.to_csv(folder / f"{name}.csv", index=False)
    return folder


def reasons(record):
    return {(e["file"], e["reason"]): e["rows"] for e in record.manifest.rows_left_out}


def test_transport_files_in_latin_1(tmp_path):
    events = ADAE.drop(columns="ASTDT").replace({"AEDECOD": {"Fièvre": "Fi#vre"}})
    for name, frame in {"adsl": ADSL, "adae": events, "adtte": ADTTE}.items():
        write_xport(frame, str(tmp_path / f"{name}.xpt"), file_format_version=5)
    content = (tmp_path / "adae.xpt").read_bytes()
    (tmp_path / "adae.xpt").write_bytes(content.replace(b"Fi#vre", "Fièvre".encode("latin-1")))
    record = read_data(tmp_path)
    assert record.manifest.title == "TEST-1"
    assert len(record.subjects) == 2
    assert record.adverse_events["term"].tolist() == ["nausea", "Fièvre", "fatigue"]
    assert record.survival["event"].tolist() == [True, False]


def test_study_days_dates_and_words_become_the_records(tmp_path):
    record = read_data(csv_folder(tmp_path, adsl=ADSL, adae=ADAE, adtte=ADTTE))
    events = record.adverse_events
    assert events["start_day"].tolist() == [0.0, -1.0, 5.0]  # study day 1, study day -1, five days after the first dose
    assert events["term"].tolist() == ["nausea", "Fièvre", "fatigue"]
    assert events["grade"].tolist() == [2, 3, pd.NA]
    assert events["related"].tolist() == ["yes", "no", "unknown"]
    assert record.survival["day"].tolist() == [2 * 30.4375, 3 * 30.4375]
    assert record.survival["event"].tolist() == [True, False]  # CNSR 0 is an event; 2 is censored too
    assert record.survival["cause"].tolist() == ["Death", pd.NA]
    assert record.subjects["sex"].tolist() == ["F", "M"]
    assert record.subjects["enrolled_day"].tolist() == [0.0, 10.0]
    ends = record.disposition.set_index(["subject_id", "milestone"])["day"]
    assert ends["T-1", "off treatment"] == 30.0


def test_rows_that_cannot_be_used_are_reported_with_file_row_and_reason(tmp_path):
    record = read_data(csv_folder(tmp_path, adsl=ADSL, adae=ADAE, adtte=ADTTE.assign(AVAL=[2.0, np.nan])))
    assert reasons(record) == {
        ("adsl.csv", "screen failure: never enrolled"): "4",
        ("adae.csv", "the subject is not among the record's subjects"): "5",
        ("adtte.csv", "no value of AVAL"): "3",
    }


def test_onco_endings_gzip_and_dm_alone(tmp_path):
    dm = ADSL.rename(columns={"TRT01P": "ARM", "TRTSDT": "RFSTDTC"})
    dm.to_csv(tmp_path / "DM.csv.gz", index=False)
    ADTTE.to_csv(tmp_path / "adtte_onco.csv", index=False)
    record = read_data(tmp_path)
    assert record.subjects["arm"].tolist() == ["Drug", "Control"]
    assert len(record.survival) == 2


def test_latin_1_csv_is_read(tmp_path):
    csv_folder(tmp_path, adsl=ADSL)
    ADAE.to_csv(tmp_path / "adae.csv", index=False, encoding="latin-1")
    assert "Fièvre" in set(read_data(tmp_path).adverse_events["term"])


@pytest.mark.parametrize(("scale", "unit"), [(1, "days"), (7, "weeks"), (30.4375, "months")])
def test_the_unit_of_times_is_found_from_the_dates_beside(tmp_path, scale, unit):
    start = pd.Timestamp("2024-01-10")
    days = np.array([50, 200])
    frame = ADTTE.drop(columns="AVALU").assign(
        AVAL=days / scale,
        STARTDT=str(start.date()),
        ADT=[str((start + pd.Timedelta(days=int(d))).date()) for d in days],
    )
    record = read_data(csv_folder(tmp_path, adsl=ADSL, adtte=frame))
    assert record.survival["day"].to_numpy() == pytest.approx(days)
    assert any(f"is in {unit}" in note for note in record.manifest.notes)


def test_doses_of_ex_and_adex_agree(tmp_path):
    ex = pd.DataFrame(
        {"USUBJID": "T-1", "EXSEQ": [1, 2], "EXTRT": "DRUG", "EXDOSE": [5.0, 2.5], "EXDOSU": "mg",
         "EXROUTE": "INTRAVENOUS", "EXSTDY": [1, 22], "EXENDY": [1, 22]}
    )  # fmt: skip
    one, two = tmp_path / "ex", tmp_path / "adex"
    one.mkdir()
    two.mkdir()
    first = read_data(csv_folder(one, adsl=ADSL, ex=ex)).exposures
    parameters = pd.concat(
        [ex.assign(PARAMCD="DOSE"), ex.assign(PARAMCD="DURD"), ex[:1].assign(PARAMCD="TDOSE", EXSEQ=None)]
    )
    record = read_data(csv_folder(two, adsl=ADSL, adex=parameters))
    pd.testing.assert_frame_equal(first, record.exposures)
    assert first["start_day"].tolist() == [0.0, 21.0]
    assert set(first["route"]) == {"intravenous infusion"}
    assert reasons(record)["adex.csv", "a summary over doses"] == "6"


def test_laboratory_units_are_cdiscs(tmp_path):
    labs = pd.DataFrame(
        {
            "USUBJID": "T-1",
            "PARAM": ["Leukocytes (10^9/L)", "Leukocytes (10^9/L)", "Hemoglobin per cell (fmol(Fe))", "pH"],
            "PARCAT1": ["HEMATOLOGY", "HEMATOLOGY", "HEMATOLOGY", "URINALYSIS"],
            "AVAL": [5.5, 7, 1.8, 6],
            "ADY": [-1, 8, 1, 1],
            "ABLFL": ["Y", "", "Y", "Y"],
            "DTYPE": ["", "LOV", "", ""],
        }
    )
    record = read_data(csv_folder(tmp_path, adsl=ADSL, adlb=labs))
    assert record.measurements[["marker", "value", "unit", "compartment", "day", "baseline"]].to_numpy().tolist() == [
        ["Leukocytes", 5500.0, "cells/µl", "blood", -1.0, True],
        ["pH", 6.0, "dimensionless", "urine", 0.0, True],
    ]
    assert ("adlb.csv", "the unit 'fmol(Fe)' cannot be read") in reasons(record)
    assert ("adlb.csv", "derived from other rows (DTYPE)") in reasons(record)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10^9/L", ("cells/µl", 1e3)),
        ("10*9/L", ("cells/µl", 1e3)),
        ("GI/L", ("cells/µl", 1e3)),
        ("10^3/uL", ("cells/µl", 1e3)),
        ("THOU/UL", ("cells/µl", 1e3)),
        ("TI/L", ("cells/µl", 1e6)),
        ("/uL", ("cells/µl", 1.0)),
        ("MG/DL", ("mg/dl", 1.0)),
        ("ug/mL", ("ug/mL", 1.0)),
        ("%", ("percent", 1.0)),
        ("mg/m2", ("mg/m**2", 1.0)),
        ("BEATS/MIN", ("1/min", 1.0)),
        ("wibbles", None),
    ],
)
def test_cdisc_units(text, expected):
    made = cdisc_unit(text)
    assert made is expected if expected is None else made == (expected[0], pytest.approx(expected[1]))


BAD = {
    "no ADSL": ({"adae": ADAE}, "neither ADSL nor DM"),
    "a missing column": ({"adsl": ADSL, "adtte": ADTTE.drop(columns="USUBJID")}, r"adtte\.csv has no column USUBJID"),
    "no censoring": (
        {"adsl": ADSL, "adtte": ADTTE.rename(columns={"CNSR": "CENSR"})},
        r"adtte\.csv has no column CNSR, which ADTTE needs \(did you mean 'CENSR'",
    ),
    "no terms": ({"adsl": ADSL, "adae": ADAE.drop(columns="AEDECOD")}, r"adae\.csv has no column AEDECOD or AETERM"),
    "text in a number": ({"adsl": ADSL.assign(AGE=["50", "old", "40"])}, r"adsl\.csv, row 3.*'old' in column 'AGE'"),
    "a repeated subject": ({"adsl": ADSL.assign(USUBJID=["T-1", "T-1", "T-3"])}, r"adsl\.csv, subjects, rows 2 and 3"),
    "a negative time": (
        {"adsl": ADSL, "adtte": ADTTE.assign(AVAL=[2, -3])},
        r"adtte\.csv, row 3, .*from AVAL.*negative",
    ),
    "an unknown time": ({"adsl": ADSL, "adtte": ADTTE.assign(AVALU="MOONS")}, r"adtte\.csv, rows 2 and 3.*'moons'"),
    "no response": (
        {"adsl": ADSL, "adrs": pd.DataFrame({"USUBJID": ["T-1"], "PARAMCD": ["OVR"], "AVALC": ["good"], "ADY": [5]})},
        r"adrs\.csv, row 2, .*'GOOD' is not accepted",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_files_are_refused_with_their_place(tmp_path, what):
    tables, message = BAD[what]
    with pytest.raises(ImportDataError, match=message):
        read_data(csv_folder(tmp_path, **tables))


@pytest.mark.parametrize("share", [0.01, 0.2, 0.5, 0.9, 0.99])
def test_a_truncated_transport_file_is_refused(tmp_path, share):
    write_xport(ADSL, str(tmp_path / "adsl.xpt"), file_format_version=5)
    content = (tmp_path / "adsl.xpt").read_bytes()
    (tmp_path / "adsl.xpt").write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ImportDataError, match=r"adsl\.xpt (is truncated|is not a SAS transport)"):
        read_data(tmp_path)


def test_a_transport_file_cut_at_a_whole_record_is_refused_too(tmp_path):
    long = pd.DataFrame({"USUBJID": [f"T-{i}" for i in range(50)], "COMMENT": "a long remark " * 9})
    write_xport(long, str(tmp_path / "adsl.xpt"), file_format_version=5)
    content = (tmp_path / "adsl.xpt").read_bytes()
    (tmp_path / "adsl.xpt").write_bytes(content[: len(content) // 160 * 80])
    with pytest.raises(ImportDataError, match=r"adsl\.xpt is truncated: after \d+ whole rows"):
        read_data(tmp_path)


def test_something_else_under_the_name_of_a_transport_file_is_refused(tmp_path):
    (tmp_path / "adsl.xpt").write_text("USUBJID,ARM\n" * 20)
    with pytest.raises(ImportDataError, match="is not a SAS transport file"):
        read_data(tmp_path)


def test_an_empty_transport_file_is_refused(tmp_path):
    (tmp_path / "adsl.xpt").write_bytes(b"")
    with pytest.raises(ImportDataError, match=r"adsl\.xpt is empty"):
        read_data(tmp_path)


def test_two_files_of_one_domain_are_not_chosen_between(tmp_path):
    csv_folder(tmp_path, adsl=ADSL)
    ADSL.to_csv(tmp_path / "adsl.csv.gz", index=False)
    with pytest.raises(ImportDataError, match="ADSL more than once"):
        read_data(tmp_path)


def test_a_single_table_needs_a_mapping(tmp_path):
    csv_folder(tmp_path, patients=ADSL)
    with pytest.raises(ImportDataError, match="give a mapping"):
        read_data(tmp_path / "patients.csv")
    with pytest.raises(ImportDataError, match="is not there"):
        read_data(tmp_path / "nowhere")
