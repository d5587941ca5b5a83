"""A damaged record folder is refused with one message that names the file."""

import json

import pandas as pd
import pytest

from opsonin.errors import RecordError
from opsonin.record import Manifest, TrialRecord, read_data


@pytest.fixture
def folder(tmp_path):
    subjects = pd.DataFrame({"subject_id": ["1", "2"]})
    left = [{"file": "a.csv", "section": "s", "reason": "r", "count": 1, "rows": "2"}]
    TrialRecord({"subjects": subjects}, Manifest(title="small", rows_left_out=left)).save(tmp_path / "record")
    return tmp_path / "record"


DAMAGE = {
    "title": 3, "seed": "x", "rows_left_out": [3], "notes": [3], "questions": [], "tables": {"subjects": None},
    "model": 3, "assumptions": ["text"], "source": None,
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGE)
def test_a_manifest_entry_of_the_wrong_kind_is_named(folder, name):
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {name: DAMAGE[name]}))
    with pytest.raises(RecordError, match=rf"manifest\.json is damaged: {name} "):
        TrialRecord.load(folder)


def test_left_out_rows_without_a_count_that_is_one_are_named(folder):
    path = folder / "manifest.json"
    path.write_text(path.read_text().replace('"count": 1', '"count": "x"'))
    with pytest.raises(RecordError, match="rows_left_out holds no counts"):
        TrialRecord.load(folder)


def test_a_manifest_nested_without_end_is_damaged(folder):
    (folder / "manifest.json").write_text("[" * 100_000)
    with pytest.raises(RecordError, match="damaged"):
        TrialRecord.load(folder)


def test_a_folder_in_place_of_a_table_is_named(folder):
    (folder / "subjects.parquet").unlink()
    (folder / "subjects.parquet").mkdir()
    with pytest.raises(RecordError, match=r"subjects\.parquet cannot be read: Is a directory"):
        TrialRecord.load(folder)


def test_a_results_folder_is_read_as_the_record_in_it(folder):
    assert read_data(folder.parent).equals(TrialRecord.load(folder))
