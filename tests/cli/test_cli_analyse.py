"""`opsonin analyse`: real data to a results folder; data that cannot be read leave the older one as it was."""

import subprocess
import sys

import pytest
from rich.console import Console
from typer.testing import CliRunner

from opsonin.analysis import Findings
from opsonin.cli.app import app
from opsonin.record import TrialRecord
from paths import DATA, needs_data

MAP = """title = "A small trial"
file = "trial.csv"
[subjects]
subject_id = "id"
arm = "arm"
[survival.OS]
time = "months"
unit = "months"
censored = "alive"
[responses.best]
overall = "best"
"""
ROWS = [
    "id,arm,months,alive,best",
    *(f"A{n},new,{3 + 2.5 * n},{n % 3 == 0:d},{'PR' if n % 4 == 0 else 'SD'}" for n in range(12)),
    *(f"B{n},old,{2 + 1.5 * n},{n % 5 == 0:d},{'PR' if n % 6 == 0 else 'PD'}" for n in range(12)),
]


@pytest.fixture
def data(tmp_path):
    (tmp_path / "trial.csv").write_text("\n".join(ROWS) + "\n")
    (tmp_path / "map.toml").write_text(MAP)
    return tmp_path


def analyse(data, file="trial.csv"):
    arguments = ["analyse", str(data / file), "--map", str(data / "map.toml"), "--out", str(data / "out")]
    return CliRunner().invoke(app, arguments)


def test_a_mapped_table_becomes_a_results_folder_that_can_be_shown(data):
    done = analyse(data)
    assert done.exit_code == 0, done.output + repr(done.exception)
    out = data / "out"
    assert len(TrialRecord.load(out / "record").subjects) == 24
    assert Findings.load(out / "findings.json").get("survival.OS.hazard_ratio").n == 24
    assert (out / "map.toml").read_text() == MAP
    assert str(out / "report.html") in done.stdout
    shown = CliRunner().invoke(app, ["show", str(out)])
    assert "survival.OS.hazard_ratio" in shown.stdout


def truncated(text):
    return text[: text.index("B3")]


MISTAKES = {
    "missing column": (lambda text: text.replace("months", "weeks"), "months"),
    "duplicate keys": (lambda text: text.replace("B3,", "B2,"), "B2"),
    "negative survival time": (lambda text: text.replace("B0,old,2.0", "B0,old,-2.0"), "row 14"),
    "text in a number column": (lambda text: text.replace("B0,old,2.0", "B0,old,two"), "two"),
    "empty file": (lambda text: "", "empty"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_data_that_cannot_be_used_are_named_and_older_results_stay(mistake, data):
    assert analyse(data).exit_code == 0
    before = {p: p.read_bytes() for p in (data / "out").rglob("*") if p.is_file()}
    spoil, said = MISTAKES[mistake]
    (data / "trial.csv").write_text(spoil((data / "trial.csv").read_text()))
    done = analyse(data)
    assert said in done.output
    assert "Traceback" not in done.output
    assert done.exit_code == 2
    assert {p: p.read_bytes() for p in (data / "out").rglob("*") if p.is_file()} == before
    assert sorted(p.name for p in data.iterdir()) == ["map.toml", "out", "trial.csv"]


def test_an_unknown_mapping_is_named(data):
    done = CliRunner().invoke(app, ["analyse", str(data / "trial.csv"), "--map", "oakk"])
    assert done.exit_code == 2
    assert "oak" in done.stderr


@needs_data
@pytest.mark.slow
def test_a_bundled_mapping_reads_the_trial_it_is_for(tmp_path):
    path = DATA / "oak-poplar-atezolizumab" / "oak_clinical.csv"
    done = CliRunner().invoke(app, ["analyse", str(path), "--map", "oak", "--out", str(tmp_path / "oak")])
    assert done.exit_code == 0, done.output + repr(done.exception)
    assert "hazard ratio 0.729 (0.618–0.859)" in done.stdout
    assert (tmp_path / "oak" / "map.toml").is_file()


@pytest.mark.parametrize("columns", ["80", "200"])
def test_what_is_shown_fits_the_terminal_and_breaks_no_name(data, columns, monkeypatch):
    assert analyse(data).exit_code == 0
    monkeypatch.setattr("opsonin.cli.showing.console", lambda: Console(width=int(columns), highlight=False))
    shown = CliRunner().invoke(app, ["show", str(data / "out")]).stdout
    lines = [line.rstrip() for line in shown.splitlines() if not line.startswith("report")]
    assert max(map(len, lines)) <= int(columns)
    names = [f.name for f in Findings.load(data / "out" / "findings.json").results]
    assert len(names) > 10
    for name in names:
        assert any(line == name or line.startswith(f"{name}  ") for line in lines), name
    assert not any("…" in line for line in lines)
    assert ("Kaplan–Meier; log-log interval" in shown) == (columns == "200")


def test_a_reader_that_stops_early_is_no_error(data):
    assert analyse(data).exit_code == 0
    command = f"{sys.executable} -m opsonin show {data / 'out'} | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1
