"""A results folder changes all at once, and nothing foreign is ever replaced."""

import os
import stat

import pytest

from opsonin.errors import RecordError
from opsonin.record import replacing
from opsonin.results import new_results, record_folder


def results(folder, text):
    (folder / "record").mkdir(parents=True)
    (folder / "record" / "manifest.json").write_text(text)
    (folder / "findings.json").write_text("[]")


def fail_half_way(folder, problem):
    (folder / "record").mkdir()
    raise problem


def test_a_finished_run_replaces_older_results(tmp_path):
    results(tmp_path / "out", "old")
    with new_results(tmp_path / "out") as fresh:
        results(fresh, "new")
    assert (tmp_path / "out/record/manifest.json").read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("problem", [ValueError, KeyboardInterrupt])
def test_a_failed_or_interrupted_run_leaves_older_results_whole(tmp_path, problem):
    results(tmp_path / "out", "old")
    with pytest.raises(problem), new_results(tmp_path / "out") as fresh:
        fail_half_way(fresh, problem)
    assert (tmp_path / "out/record/manifest.json").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_folders_are_made_on_the_way(tmp_path):
    with new_results(tmp_path / "a/b/out") as fresh:
        results(fresh, "new")
    assert record_folder(tmp_path / "a/b/out") == tmp_path / "a/b/out/record"


def test_a_folder_with_other_files_is_refused_and_untouched(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(RecordError, match="would be lost; choose another folder"), new_results(tmp_path):
        pass
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_a_file_is_refused(tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(RecordError, match="is a file"), new_results(tmp_path / "out"):
        pass


def test_a_pipe_a_device_or_a_link_to_nowhere_is_refused_and_stays(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("pipe", "link"):
        with pytest.raises(RecordError, match="is a file; name a folder"), new_results(tmp_path / name) as fresh:
            results(fresh, "new")
    with pytest.raises(NotADirectoryError), replacing(tmp_path / "pipe") as fresh:
        results(fresh, "new")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link", "pipe"]


def test_a_link_to_older_results_stays_a_link(tmp_path):
    results(tmp_path / "disk/out", "old")
    (tmp_path / "out").symlink_to(tmp_path / "disk/out")
    with new_results(tmp_path / "out") as fresh:
        results(fresh, "new")
    assert (tmp_path / "out").is_symlink()
    assert (tmp_path / "disk/out/record/manifest.json").read_text() == "new"
    assert [p.name for p in (tmp_path / "disk").iterdir()] == ["out"]


def test_a_path_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordError, match="cannot be written"), new_results(tmp_path / "file" / "out"):
        pass


def test_a_folder_without_a_record_is_refused(tmp_path):
    with pytest.raises(RecordError, match="neither results nor a record"):
        record_folder(tmp_path)
    with pytest.raises(RecordError, match="there is no folder"):
        record_folder(tmp_path / "nowhere")
