"""Tables are cast to the schema and checked against it; messages name table, column and row."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from opsonin.errors import RecordError
from opsonin.record import TABLES, Replicates, TrialRecord, conform, empty_table, validate

SURVIVAL = pd.DataFrame(
    {"subject_id": ["P1", "P2", "P3"], "endpoint": "OS", "day": [10, 20, 30], "event": [1, 0, 1], "origin_day": 0}
)
BROKEN = {
    "a word for a number": ({"day": [1, "ten", 3]}, r"survival\.day: 'ten' is not a number \(row 2\)"),
    "a negative time": ({"day": [1, 2, -3]}, r"survival\.day: -3 in row 3 is out of range; it must be at least 0"),
    "neither yes nor no": ({"event": [1, 0, 7]}, r"survival\.event: 7 is neither true nor false \(row 3\)"),
    "nothing": ({"day": [1.0, np.nan, np.nan]}, r"survival\.day: missing in rows 2 and 3"),
    "a repeated key": ({"subject_id": ["P1", "P2", "P1"]}, r"rows 1 and 3 have the same key \(subject_id 'P1', endpo"),
    "a column too many": ({"hazzard": 1}, "unknown column 'hazzard'"),
    "a column nearly right": ({"caus": "?"}, "did you mean 'cause'"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_table_is_refused_with_its_place(what):
    change, message = BROKEN[what]
    with pytest.raises(RecordError, match=message):
        validate("survival", conform("survival", SURVIVAL.assign(**change)))


def test_a_missing_column_and_an_unknown_table_are_named():
    with pytest.raises(RecordError, match="survival: column 'event' is missing"):
        conform("survival", SURVIVAL.drop(columns="event"))
    with pytest.raises(RecordError, match=r"no table 'survivals'.*did you mean 'survival'"):
        TrialRecord({"survivals": SURVIVAL})


def test_words_outside_the_list_are_refused_with_the_list():
    frame = pd.DataFrame({"subject_id": ["P1"], "milestone": ["graduated"], "day": [0.0]})
    with pytest.raises(RecordError, match="'graduated' in row 1 is not accepted; give enrolled, first dose"):
        validate("disposition", conform("disposition", frame))


def test_whole_numbers_stay_whole_and_missing_ones_missing():
    frame = conform("subjects", pd.DataFrame({"subject_id": ["a", "b"], "level": [1.0, np.nan]}))
    assert frame["level"].tolist() == [1, pd.NA]
    with pytest.raises(RecordError, match=r"level: 1\.5 is not a whole number \(row 2\)"):
        conform("subjects", pd.DataFrame({"subject_id": ["a", "b"], "level": [1.0, 1.5]}))


def test_subjects_take_covariates_and_other_tables_do_not():
    frame = conform("subjects", pd.DataFrame({"aag_g_per_l": [0.8], "smoker": [True], "subject_id": ["a"]}))
    assert list(frame.columns) == [*TABLES["subjects"].names, "aag_g_per_l", "smoker"]
    assert frame["smoker"].dtype == "boolean"


def test_conform_neither_changes_its_input_nor_keeps_its_index():
    given = SURVIVAL.set_index(pd.Index([7, 8, 9]))
    before = given.copy(deep=True)
    assert conform("survival", given).index.tolist() == [0, 1, 2]
    pd.testing.assert_frame_equal(given, before)


def test_every_subject_must_stand_in_subjects():
    tables = {"subjects": pd.DataFrame({"subject_id": ["P1", "P3"]}), "survival": SURVIVAL}
    with pytest.raises(RecordError, match="survival: row 2 is about a subject that is not in subjects \\('P2'\\)"):
        TrialRecord(tables).validate()


@pytest.mark.parametrize("name", TABLES)
def test_every_table_can_be_empty(name):
    frame = empty_table(name)
    assert validate(name, conform(name, frame)).empty
    assert set(TABLES[name].key) <= {c.name for c in TABLES[name].columns if not c.optional}


def test_replicates_need_their_trial_and_a_unique_key_within_it():
    with pytest.raises(RecordError, match="survival: column 'trial' is missing"):
        Replicates({"survival": SURVIVAL})
    twice = pd.concat([SURVIVAL.assign(trial=1), SURVIVAL.assign(trial=2)])
    Replicates({"survival": twice}).validate()
    with pytest.raises(RecordError, match="rows 1 and 4 have the same key"):
        Replicates({"survival": twice.assign(trial=1)}).validate()


def loaded(statement: str, *modules: str) -> str:
    code = f"import sys; {statement}; print([m for m in {modules!r} if m in sys.modules])"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_importing_the_room_is_light():
    heavy = ("pandas", "pyarrow.parquet", "pandera", "pyreadstat", "pint", "pydantic")
    assert loaded("import opsonin.record", *heavy) == "[]"
    assert loaded("from opsonin.record import TrialRecord, Replicates", *heavy[1:]) == "[]"
