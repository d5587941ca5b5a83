"""Saving and loading give the same record back, always the same bytes, and a crash never costs the old one."""

import json
import os
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsonin.errors import RecordError
from opsonin.record import TABLES, Manifest, Replicates, TrialRecord, conform, empty_table, replacing
from opsonin.record.schema import SCHEMA_VERSION

WORDS = st.sampled_from(["", "a", "µg/ml", 'no "quotes", no\nlines', "日本語", "NaN", "None", " 7 "])
SUBJECTS = ["P0001", "P0002", "é/µ 3"]


def values(column):
    """Accepted values of a column, missing ones included where they may be."""
    low = -1e6 if column.lower is None else column.lower
    high = 1e6 if column.upper is None else column.upper
    if column.name == "subject_id":
        return st.sampled_from(SUBJECTS)
    if column.kind == "text":
        found = st.sampled_from(column.choices) if column.choices else WORDS
    elif column.kind == "number":
        found = st.floats(low, high, allow_nan=False)
    elif column.kind == "integer":
        found = st.integers(int(low), int(high))
    else:
        found = st.booleans()
    return st.none() | found if column.optional else found


def rows_of(table):
    return st.lists(st.fixed_dictionaries({column.name: values(column) for column in table.columns}), max_size=4)


OTHERS = [table for table in TABLES.values() if table.name != "subjects"]
ROWS = st.lists(st.sampled_from(OTHERS), min_size=1, max_size=3, unique_by=lambda table: table.name).flatmap(
    lambda chosen: st.fixed_dictionaries({table.name: rows_of(table) for table in chosen})
)


def tables(rows):
    """Tables of the rows drawn; covariates of each kind beside."""
    subjects = {"subject_id": SUBJECTS, "tmb": [1.5, np.nan, 3], "smoker": [True, None, False], "lines": [1, 2, 3]}
    made = {"subjects": pd.DataFrame(subjects).astype({"smoker": "boolean", "lines": "Int64"})}
    for name, drawn in rows.items():
        frame = conform(name, pd.DataFrame(drawn)) if drawn else empty_table(name)
        made[name] = frame.drop_duplicates(list(TABLES[name].key))
    return made


@settings(max_examples=25)
@given(ROWS)
def test_a_saved_record_loads_as_it_was_and_saves_to_the_same_bytes(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("record")
    record = TrialRecord(tables(rows), Manifest(kind="virtual", title="µ", seed=3, questions={"compare": "arm"}))
    record.save(folder / "one")
    again = TrialRecord.load(folder / "one")
    assert again.equals(record)
    assert again.manifest == record.manifest
    again.save(folder / "two")
    for path in (folder / "one").iterdir():
        assert path.read_bytes() == (folder / "two" / path.name).read_bytes()


@settings(max_examples=6)
@given(ROWS, ROWS)
def test_replicates_give_back_every_trial(tmp_path_factory, first, second):
    folder = tmp_path_factory.mktemp("replicates")
    trials = {2: tables(second), 1: tables(first)}
    whole = {
        number: {name: conform(name, made.get(name, empty_table(name))) for name in TABLES}
        for number, made in trials.items()
    }
    stacked = {name: pd.concat([made[name].assign(trial=number) for number, made in whole.items()]) for name in TABLES}
    replicates = Replicates(stacked, Manifest(kind="virtual")).validate()
    replicates.save(folder / "r")
    again = Replicates.load(folder / "r")
    assert again.trials.tolist() == [1, 2]
    for name in TABLES:
        pd.testing.assert_frame_equal(again.table(name), replicates.table(name))
        for number in (1, 2):
            pd.testing.assert_frame_equal(again.trial(number).tables[name], whole[number][name])


def small() -> TrialRecord:
    return TrialRecord(
        {"subjects": pd.DataFrame({"subject_id": ["P1", "P2"], "arm": ["a", "b"]})}, Manifest(title="old")
    )


def test_tables_not_given_are_there_and_empty():
    record = small()
    assert record.survival.empty
    assert tuple(record.survival.columns) == TABLES["survival"].names
    assert record.subjects["age_years"].isna().all()
    assert record.subjects.dtypes["level"] == "Int64"


def test_a_crash_while_writing_leaves_the_old_record_whole(tmp_path, monkeypatch):
    small().save(tmp_path / "r")
    newer = small()
    newer.manifest.title = "new"

    def crash(*arguments, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("pyarrow.parquet.write_table", crash)
        with pytest.raises(KeyboardInterrupt):
            newer.save(tmp_path / "r")
    assert TrialRecord.load(tmp_path / "r").manifest.title == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["r"]


def test_a_crash_between_the_two_renames_is_mended_on_loading(tmp_path):
    small().save(tmp_path / "r")
    os.rename(tmp_path / "r", tmp_path / ".r.old")  # what a power cut at the worst moment leaves
    assert TrialRecord.load(tmp_path / "r").manifest.title == "old"
    assert not (tmp_path / ".r.old").exists()


def test_a_rename_that_fails_puts_the_old_folder_back(tmp_path, monkeypatch):
    small().save(tmp_path / "r")
    rename = os.rename

    def refuse_the_new(source, target):
        if ".new-" in str(source):
            raise OSError("disk full")
        rename(source, target)

    monkeypatch.setattr(os, "rename", refuse_the_new)
    with pytest.raises(OSError, match="disk full"), replacing(tmp_path / "r") as fresh:
        (fresh / "x").write_text("x")
    assert TrialRecord.load(tmp_path / "r").manifest.title == "old"


def test_saving_over_something_else_is_refused(tmp_path):
    (tmp_path / "thesis.docx").write_text("years of work")
    with pytest.raises(RecordError, match="not a record and would be lost"):
        small().save(tmp_path)
    assert (tmp_path / "thesis.docx").read_text() == "years of work"


def damage_a_table(folder):
    content = bytearray((folder / "subjects.parquet").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "subjects.parquet").write_bytes(content)


def set_version(folder, version):
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["schema_version"] = version
    (folder / "manifest.json").write_text(json.dumps(manifest))


DAMAGES = {
    "a flipped bit": (damage_a_table, "subjects.parquet is not the file that was saved"),
    "a missing table": (lambda f: (f / "survival.parquet").unlink(), "survival.parquet is missing"),
    "no manifest": (lambda f: (f / "manifest.json").unlink(), "holds no manifest.json"),
    "half a manifest": (lambda f: (f / "manifest.json").write_text('{"format": "ops'), "is damaged"),
    "somebody else's manifest": (lambda f: (f / "manifest.json").write_text("{}"), "not an Opsonin record"),
    "a binary manifest": (lambda f: (f / "manifest.json").write_bytes(b"\xff\xfe"), "is damaged"),
    "a table too many": (lambda f: (f / "mice.parquet").write_bytes(b""), "mice.parquet is not in the manifest"),
    "a newer version": (lambda f: set_version(f, SCHEMA_VERSION + 1), "update Opsonin"),
    "no version": (lambda f: set_version(f, None), "no schema version"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_or_foreign_folder_is_refused(tmp_path, damage):
    small().save(tmp_path / "r")
    act, message = DAMAGES[damage]
    act(tmp_path / "r")
    with pytest.raises(RecordError, match=message):
        TrialRecord.load(tmp_path / "r")


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(RecordError, match="is not a folder"):
        TrialRecord.load(tmp_path / "nothing")


def test_older_versions_pass_through_their_steps(tmp_path, monkeypatch):
    monkeypatch.setattr("opsonin.record.migrations.SCHEMA_VERSION", SCHEMA_VERSION + 1)
    monkeypatch.setattr(
        "opsonin.record.migrations.MANIFEST_STEPS", {SCHEMA_VERSION: lambda m: m | {"title": m["title"] + ", moved"}}
    )
    assert Manifest.from_json(Manifest(title="x").to_json()).title == "x, moved"


def test_one_trial_and_many_are_told_apart(tmp_path):
    small().save(tmp_path / "one")
    Replicates({"subjects": pd.DataFrame({"trial": [1], "subject_id": ["P1"]})}).save(tmp_path / "many")
    with pytest.raises(RecordError, match=r"TrialRecord\.load"):
        Replicates.load(tmp_path / "one")
    with pytest.raises(RecordError, match=r"Replicates\.load"):
        TrialRecord.load(tmp_path / "many")
    with pytest.raises(RecordError, match="no trial 7"):
        Replicates.load(tmp_path / "many").trial(7)


def test_numpy_values_in_a_manifest_become_plain_json():
    manifest = Manifest(seed=None, questions={"cut": np.float64(16), "levels": np.array([1, 2])})
    assert Manifest.from_json(manifest.to_json()).questions == {"cut": 16.0, "levels": [1, 2]}


SAVING = """
import sys
from itertools import count
import pandas as pd
from opsonin.record import Manifest, TrialRecord
for number in count():
    subjects = pd.DataFrame({"subject_id": [f"P{i}" for i in range(200)], "arm": str(number)})
    TrialRecord({"subjects": subjects}, Manifest(title=str(number))).save(sys.argv[1])
    print(number, flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("patience", [0.0, 0.013, 0.029, 0.041])
def test_a_process_killed_while_it_saves_leaves_a_whole_record(tmp_path, patience):
    with subprocess.Popen([sys.executable, "-c", SAVING, tmp_path / "r"], stdout=subprocess.PIPE, text=True) as saving:
        assert saving.stdout is not None
        for _ in range(3):
            saving.stdout.readline()
        time.sleep(patience)
        saving.kill()
    record = TrialRecord.load(tmp_path / "r")
    assert set(record.subjects["arm"]) == {record.manifest.title}
    assert int(record.manifest.title) >= 2
