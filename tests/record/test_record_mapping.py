"""Foreign tables come in as a mapping says: wide and long, with units, words, filters and several files."""

import gzip
from typing import Any

import numpy as np
import pandas as pd
import pytest

from opsonin.errors import ImportDataError
from opsonin.record import example, examples, read_data

WIDE = """\
ID,Site,ARM,AGE,OS,DEAD,PFS,CENS,BOR,TMB,wt
1,A,x,50,2,1,1,0,PR,10,110
2,A,y,61,4.5,0,3,1,SD,.,130
1,B,x,70,1,1,.,0,.,3,150
"""
MAP = """\
title = "Small"
source = "here"
missing = ["."]
[subjects]
subject_id = ["Site", "ID"]
arm = "ARM"
rename.arm = { "x" = "drug" }
age_years = "AGE"
weight_kg = "wt"
units.weight_kg = "lb"
smoking = "Site"
[survival.OS]
time = "OS"
unit = "months"
event = "DEAD"
[survival.PFS]
time = "PFS"
unit = "weeks"
censored = "CENS"
[responses.best]
overall = "BOR"
criteria = "RECIST 1.1"
[markers.TMB]
value = "TMB"
unit = "mutations"
[analysis]
compare = "arm"
reference = "drug"
"""


def read(folder, mapping=MAP, **files):
    for name, text in (files or {"data.csv": WIDE}).items():
        (folder / name.replace("_", ".")).write_text(text, encoding="utf-8")
    (folder / "map.toml").write_text(mapping, encoding="utf-8")
    first = next(iter(files or {"data.csv": ""})).replace("_", ".")
    return read_data(folder if "file =" in mapping else folder / first, folder / "map.toml")


def reasons(record):
    return {(e["section"], e["reason"]): e["rows"] for e in record.manifest.rows_left_out}


def test_a_wide_table(tmp_path):
    record = read(tmp_path)
    assert record.subjects["subject_id"].tolist() == ["A/1", "A/2", "B/1"]
    assert record.subjects["arm"].tolist() == ["drug", "y", "drug"]
    assert record.subjects["weight_kg"].tolist() == pytest.approx([49.895, 58.967, 68.039], abs=1e-3)
    assert record.subjects["smoking"].tolist() == ["A", "A", "B"]  # a covariate of the user's own
    survival: Any = record.survival.set_index(["endpoint", "subject_id"])
    assert survival.loc["OS", "day"].tolist() == [60.875, 136.96875, 30.4375]
    assert survival.loc["OS", "event"].tolist() == [True, False, True]
    assert survival.loc["PFS", "day"].to_dict() == {"A/1": 7.0, "A/2": 21.0}
    assert survival.loc["PFS", "event"].to_dict() == {"A/1": True, "A/2": False}
    assert record.responses[["best", "overall", "day", "source"]].to_numpy().tolist() == [
        [True, "PR", 0.0, "reported"],
        [True, "SD", 0.0, "reported"],
    ]
    assert record.measurements[["value", "unit", "day", "baseline"]].to_numpy().tolist() == [
        [10.0, "mutations", 0.0, True],
        [3.0, "mutations", 0.0, True],
    ]
    assert record.manifest.questions == {"compare": "arm", "reference": "drug"}
    assert (record.manifest.title, record.manifest.source, record.manifest.kind) == ("Small", "here", "real")


def test_rows_left_out_are_reported_with_line_and_reason(tmp_path):
    assert reasons(read(tmp_path)) == {
        ("[survival.PFS]", "no value of PFS"): "4",
        ("[responses.best]", "no value of BOR"): "4",
        ('[markers."TMB"]', "no value of TMB"): "3",
    }


def test_lines_are_counted_as_an_editor_counts_them(tmp_path):
    text = 'ID,Site,ARM,AGE,OS,DEAD,PFS,CENS,BOR,TMB,wt\n\n1,A,"x\ny",50,2,1,1,0,PR,10,110\n2,A,y,61,1,0,3,1,SD,.,130\n'
    record = read(tmp_path, MAP.replace('reference = "drug"', ""), data_csv=text)
    assert reasons(record) == {('[markers."TMB"]', "no value of TMB"): "5"}


@pytest.mark.parametrize("kind", ["tsv", "csv.gz", "parquet", "semicolons", "latin-1", "windows lines and a byte mark"])
def test_every_format_gives_the_same_record(tmp_path, kind):
    expected = read(tmp_path)
    mapping, path = MAP, tmp_path / "data.tsv"
    if kind == "tsv":
        path.write_text(WIDE.replace(",", "\t"))
    elif kind == "csv.gz":
        path = tmp_path / "again.csv.gz"
        path.write_bytes(gzip.compress(WIDE.encode()))
    elif kind == "parquet":
        path = tmp_path / "data.parquet"
        pd.read_csv(tmp_path / "data.csv", na_values=["."]).to_parquet(path)
    elif kind == "semicolons":
        path = tmp_path / "again.csv"
        path.write_text(WIDE.replace(",", ";").replace("4.5", "4,5"))
        mapping = 'delimiter = ";"\ndecimal = ","\n' + MAP
    elif kind == "latin-1":
        path = tmp_path / "again.csv"
        path.write_bytes(WIDE.replace("x", "é").encode("latin-1"))
        mapping = 'encoding = "latin-1"\n' + MAP.replace('"x"', '"é"')
    else:
        path = tmp_path / "again.csv"
        path.write_bytes(b"\xef\xbb\xbf" + WIDE.replace("\n", "\r\n").encode())
    (tmp_path / "again.toml").write_text(mapping, encoding="utf-8")
    assert read_data(path, tmp_path / "again.toml").equals(expected)


def test_sections_repeat_with_filters_and_units(tmp_path):
    mapping = MAP.replace("[survival.OS]", "[[survival.OS]]").replace(
        'event = "DEAD"',
        'event = "DEAD"\nwhere = { Site = "A" }\n[[survival.OS]]\ntime = "OS"\nunit = "days"\nevent = "DEAD"\n'
        'where = { Site = ["B"], ID = 1 }',
    )
    record = read(tmp_path, mapping)
    os = record.survival[record.survival["endpoint"] == "OS"]
    assert os["day"].tolist() == [60.875, 136.96875, 1.0]
    assert any("takes 2 of the 3 rows" in note for note in record.manifest.notes)


def test_words_tell_events_and_responders(tmp_path):
    text = "id,t,status,resp\n1,5,Dead,1\n2,6,Alive,0\n3,7,,1\n"
    mapping = (
        '[subjects]\nsubject_id = "id"\n[survival.OS]\ntime = "t"\nunit = "days"\n'
        'event_when = { column = "status", is = ["Dead"] }\n[responses.best]\nresponder = "resp"\n'
    )
    record = read(tmp_path, mapping, data_csv=text)
    assert record.survival["event"].tolist() == [True, False]
    assert reasons(record) == {("[survival.OS]", "no value of status"): "4"}
    assert record.responses["overall"].tolist() == ["PR", "SD", "PR"]
    assert record.responses["reason"].iloc[1] == "no responder: neither CR nor PR"
    assert record.manifest.questions["responder_only"] is True


LONG_MAP = """\
[subjects]
file = "lesions.csv"
subject_id = "pt"
arm = "arm"
repeated = true
[table.lesions]
file = "lesions.csv"
lesion_id = "lesion"
day = "visit"
protocol_days = ["day"]
diameter_mm = "size"
units.diameter_mm = "cm"
constant.kind = "target"
[[table.measurements]]
file = "labs.tsv"
subject_id = "who"
marker = "test"
day = "week"
units.day = "weeks"
value = "value"
unit = "unit"
constant.compartment = "blood"
[table.concentrations]
file = "pk.csv"
analyte = "drug"
constant.matrix = "plasma"
day = "t"
units.day = "hours"
value = "conc"
below = ["<LLOQ"]
constant.unit = "ng/ml"
limit = "lloq"
[table.adverse_events]
file = "ae.csv"
term = "ae"
grade = "gr"
rename.related = { "1" = "yes", "0" = "no" }
related = "rel"
"""
LONG = {
    "lesions_csv": "pt,arm,lesion,visit,size\n1,a,L1,-1,2.5\n1,a,L1,43,0\n1,a,L2,1,\n2,b,L1,1,3\n",
    "labs_tsv": "who\ttest\tweek\tvalue\tunit\n1\tCD8\t-1\t400\tcells/µl\n1\tCD8\t2\t0.5\t1000*cells/µl\n",
    "pk_csv": "pt,drug,t,conc,lloq\n1,x,0,<LLOQ,0.5\n1,x,12,7,0.5\n",
    "ae_csv": "pt,ae,gr,rel\n1,fatigue,3,1\n1,fatigue,2,0\n7,nausea,1,\n",
}


def test_long_tables_from_several_files(tmp_path):
    files = LONG | {"labs_tsv": LONG["labs_tsv"].replace("0.5\t1000*cells/µl", "0.5\tcells/nl")}
    record = read(tmp_path, LONG_MAP, **files)
    assert record.subjects[["subject_id", "arm"]].to_numpy().tolist() == [["1", "a"], ["2", "b"]]
    lesions = record.lesions[["lesion_id", "day", "kind", "diameter_mm", "state", "lymph_node"]]
    assert lesions.to_numpy().tolist() == [
        ["L1", -1.0, "target", 25.0, "measured", False],
        ["L1", 42.0, "target", 0.0, "absent", False],
        ["L1", 0.0, "target", 30.0, "measured", False],
    ]
    labs = record.measurements[["day", "value", "unit", "baseline"]]
    assert labs.to_numpy().tolist() == [[-7.0, 400.0, "cells/µl", True], [14.0, 500.0, "cells/µl", False]]
    pk = record.concentrations
    assert pk["day"].tolist() == [0.0, 0.5]
    assert np.isnan(pk["value"].iloc[0])
    assert pk["below_limit"].tolist() == [True, False]
    assert pk["agent"].tolist() == ["x", "x"]
    assert record.adverse_events["related"].tolist() == ["yes", "no"]
    assert record.adverse_events["event_id"].tolist() == ["2", "3"]
    assert reasons(record)["[table.lesions]", "no value of state"] == "4"
    # the nausea's causality is missing, and its subject unknown: the first reason that applies is told
    assert [e["rows"] for e in record.manifest.rows_left_out if e["file"] == "ae.csv"] == ["4"]


def test_the_bundled_examples_are_found_by_name():
    assert examples() == ["inspire", "loris", "oak", "poplar", "riaz"]
    for name in examples():
        assert example(name).is_file()
    with pytest.raises(ImportDataError, match="did you mean 'poplar'"):
        example("popler")


def test_reading_twice_gives_the_same_bytes(tmp_path):
    read(tmp_path).save(tmp_path / "one")
    read(tmp_path).save(tmp_path / "two")
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


VISITS = "id,day,resp,conf,crp,why\n1,43,PR,1,5,\n1,85,PD,,9,progression\n1,-7,,,3,\n1,1,,,4,\n"
VISITS_MAP = """\
[subjects]
subject_id = "id"
repeated = true
[responses.visits]
overall = "resp"
day = "day"
protocol_days = ["day"]
confirmed = "conf"
criteria = "iRECIST"
[markers.CRP]
value = "crp"
unit = "mg/l"
day = "day"
protocol_days = ["day"]
compartment = "blood"
method = "nephelometry"
[survival.TTP]
time = "day"
unit = "days"
event_when = { column = "resp", is = "PD" }
cause = "why"
where = { day = 85 }
"""


def test_visits_and_markers_over_time(tmp_path):
    record = read(tmp_path, VISITS_MAP, data_csv=VISITS)
    assert record.responses[["day", "best", "overall", "confirmed", "criteria"]].to_numpy().tolist() == [
        [42.0, False, "PR", True, "iRECIST"],
        [84.0, False, "PD", pd.NA, "iRECIST"],
    ]
    crp = record.measurements
    assert crp["day"].tolist() == [42.0, 84.0, -7.0, 0.0]
    assert crp["baseline"].tolist() == [False, False, False, True]  # the last value before the first dose
    assert set(crp["method"]) == {"nephelometry"}
    assert record.survival[["endpoint", "day", "event", "cause"]].to_numpy().tolist() == [
        ["TTP", 85.0, True, "progression"]
    ]


def test_markers_in_two_units_are_brought_to_the_first(tmp_path):
    text = "id,a,b\n1,5,\n2,,0.25\n"
    mapping = (
        '[subjects]\nsubject_id = "id"\n[[markers.CRP]]\nvalue = "a"\nunit = "mg/l"\n'
        '[[markers.CRP]]\nvalue = "b"\nunit = "g/l"\n'
    )
    record = read(tmp_path, mapping, data_csv=text)
    assert record.measurements[["subject_id", "value", "unit"]].to_numpy().tolist() == [
        ["1", 5.0, "mg/l"],
        ["2", 250.0, "mg/l"],
    ]


def test_the_mapping_is_kept_with_the_record(tmp_path):
    record = read(tmp_path, VISITS_MAP, data_csv=VISITS)
    assert record.manifest.study == VISITS_MAP
    record.save(tmp_path / "record")
    assert read_data(tmp_path / "record").manifest.study == VISITS_MAP


def test_subjects_spelt_with_other_capitals_are_the_same_where_the_mapping_says_so(tmp_path):
    (tmp_path / "patients.csv").write_text("id\nPt1\nPT2\n")
    (tmp_path / "cells.csv").write_text("id,count\npt1,3\npt2,4\npt3,5\n")
    mapping = tmp_path / "map.toml"
    sections = '[subjects]\nfile = "patients.csv"\nsubject_id = "id"\n'
    sections += '[markers.cells]\nfile = "cells.csv"\nvalue = "count"\nunit = "cells/µl"\n'
    mapping.write_text("ignore_case = true\n" + sections)
    record = read_data(tmp_path, mapping)
    assert record.measurements["subject_id"].tolist() == ["Pt1", "PT2"]
    assert [entry["count"] for entry in record.manifest.rows_left_out] == [1]
    assert any("2 subjects are spelt with other capitals" in text for text in record.manifest.notes)
    mapping.write_text(sections)
    assert not len(read_data(tmp_path, mapping).measurements)


def test_subjects_that_differ_by_case_alone_are_refused_where_case_is_ignored(tmp_path):
    (tmp_path / "patients.csv").write_text("id\nPt1\nPT1\n")
    mapping = tmp_path / "map.toml"
    mapping.write_text('ignore_case = true\n[subjects]\nfile = "patients.csv"\nsubject_id = "id"\n')
    with pytest.raises(ImportDataError, match="'Pt1' and 'PT1' differ by case alone"):
        read_data(tmp_path, mapping)
