"""A study goes in; tables, findings and a folder come out, the same for any number of threads and batch size."""

import dataclasses
import hashlib
import re
import signal
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
from typer.testing import CliRunner

from opsonin.analysis import Findings
from opsonin.cli.app import app
from opsonin.record import Replicates, TrialRecord
from opsonin.study import Study, bundled
from opsonin.study.library import read

POOL, TRIALS = 60, 3


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The bundled study with a small pool."""
    path = tmp_path_factory.mktemp("study") / "small.toml"
    text = read(bundled()["imatinib-il2"])
    path.write_text(re.sub(r"pool = 2000", f"pool = {POOL}", text))
    return path


@pytest.fixture(scope="module")
def run(small):
    return Study.load(small).run(seed=5, trials=TRIALS, threads=1)


def digests(folder):
    """SHA-256 of every file of the tables."""
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.suffix in (".parquet", ".json")
    }


@pytest.mark.slow
def test_the_record_holds_what_the_protocol_asks_for(run):
    record = run.record
    ids = set(record.subjects["subject_id"])
    assert len(ids) == len(record.subjects) >= 3
    assert set(record.subjects["level"]) <= {1, 2, 3, 4}
    assert set(record.exposures["agent"]) <= {"cyclophosphamide", "imatinib", "interleukin-2"}
    assert set(record.concentrations["analyte"]) == {"imatinib", "CGP74588", "interleukin-2"}
    assert "HLA-DR+ NK" in set(record.measurements["marker"])
    assert set(record.survival["endpoint"]) >= {"OS", "PFS"}
    assert (record.survival["day"] >= 0).all()
    assert set(record.lesions["subject_id"]) <= ids
    assert len(record.decisions)
    record.validate()


@pytest.mark.slow
def test_the_manifest_says_what_was_run(run, small):
    about = run.record.manifest
    assert (about.kind, about.seed, about.study) == ("virtual", 5, small.read_text())
    assert about.study_hash == hashlib.sha256(small.read_bytes()).hexdigest()
    assert any("il2_capillary_leak" in a["parameters"] for a in about.assumptions)
    assert about.assumptions[0]["kind"] == "calibrated"
    assert about.questions["level_names"][1] == "interleukin-2 6 MIU"
    assert about.questions["biomarkers"] == [{"marker": "HLA-DR+ NK", "day": 15, "against": ["PFS", "OS"]}]
    assert {row["name"] for row in about.model["parameters"]} >= {"imatinib_cl", "il2_cl"}


@pytest.mark.slow
def test_trial_1_of_the_replicates_is_the_record(run):
    assert list(run.replicates.trials) == list(range(1, TRIALS + 1))
    assert run.replicates.trial(1).equals(run.record)


@pytest.mark.slow
def test_the_potential_outcomes_are_of_the_same_patients_without_the_partner(run):
    assert set(run.potential) == {"imatinib"}
    without = run.potential["imatinib"]
    assert set(without.subjects["subject_id"]) == set(run.record.subjects["subject_id"])
    assert "imatinib" not in set(without.exposures["agent"])
    assert "interleukin-2" in set(without.concentrations["analyte"])


@pytest.mark.slow
def test_findings_answer_the_studys_questions(run):
    names = {f.name for f in run.findings}
    assert {"safety.mtd", "response.objective_rate", "survival.OS.median"} <= names
    assert any(n.startswith("pk.imatinib.") for n in names)
    assert any(n.startswith("pk.interleukin-2.") for n in names)
    assert any(n.startswith("design.") for n in names)


@pytest.mark.slow
def test_tables_are_the_same_byte_for_byte_with_two_threads_and_another_batch_size(small, run, tmp_path, monkeypatch):
    from opsonin import trial

    monkeypatch.setattr(trial, "Pool", partial(trial.Pool, batch=7))
    again = Study.load(small).run(seed=5, trials=TRIALS, threads=2)
    run.save(tmp_path / "one")
    again.save(tmp_path / "two")
    assert digests(tmp_path / "one") == digests(tmp_path / "two")
    assert any("replicates" in name for name in digests(tmp_path / "one"))


@pytest.mark.slow
def test_another_seed_is_another_trial(small, run):
    other = Study.load(small).run(seed=6, trials=1)
    assert other.replicates is None
    assert not other.record.equals(run.record)


@pytest.mark.slow
def test_the_folder_gives_back_what_was_saved(run, small, tmp_path):
    run.save(tmp_path / "out")
    assert TrialRecord.load(tmp_path / "out/record").equals(run.record)
    assert len(Replicates.load(tmp_path / "out/replicates").trials) == TRIALS
    assert TrialRecord.load(tmp_path / "out/potential/imatinib").equals(run.potential["imatinib"])
    back, made = Findings.load(tmp_path / "out/findings.json"), run.findings
    assert [(f.name, f.group) for f in back] == [(f.name, f.group) for f in made]
    np.testing.assert_allclose([f.estimate for f in back], [_finite(f.estimate) for f in made])
    assert (tmp_path / "out/study.toml").read_text() == small.read_text()


def _finite(value):
    return value if np.isfinite(value) else np.nan


@pytest.mark.slow
def test_the_command_runs_shows_and_leaves_older_results_when_it_fails(small, tmp_path, monkeypatch):
    out = tmp_path / "out"
    done = CliRunner().invoke(app, ["run", str(small), "--out", str(out), "--threads", "2"])
    assert done.exit_code == 0, done.output + repr(done.exception)
    assert (out / "report.html").stat().st_size > 1_000_000
    assert str(out / "report.html") in done.stdout
    assert "building the model" in done.stderr
    shown = CliRunner().invoke(app, ["show", str(out)])
    assert shown.exit_code == 0, shown.output + repr(shown.exception)
    for words in ("subjects", "interleukin-2 3 MIU", "safety.mtd", "response.objective_rate"):
        assert words in shown.stdout

    before = {p: p.read_bytes() for p in out.rglob("*") if p.is_file()}

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("opsonin.report.write_report", interrupted)
    again = ["run", str(small), "--out", str(out), "--seed", "2", "--threads", "1"]  # the report is written here then
    stopped = CliRunner().invoke(app, again)
    assert stopped.exit_code == 130
    assert "earlier results are as they were" in stopped.stderr
    assert "the same command with --resume goes on" in stopped.stderr
    assert {p: p.read_bytes() for p in out.rglob("*") if p.is_file()} == before
    assert sorted(p.name for p in tmp_path.iterdir()) == [".out.unfinished", "out"]
    monkeypatch.undo()
    done = CliRunner().invoke(app, ["run", str(small), "--out", str(out), "--seed", "2", "--resume"])
    assert done.exit_code == 0, done.output + repr(done.exception)
    assert "going on: " in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


@pytest.mark.slow
def test_ctrl_c_stops_a_run_without_a_trace(tmp_path):
    command = [sys.executable, "-m", "opsonin", "run", "imatinib-il2", "--trials", "1000", "--out", "out"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        assert "building the model" in running.stderr.readline()
        running.send_signal(signal.SIGINT)
        said = running.stderr.read()
        assert running.wait(timeout=60) == 130
    assert "interrupted" in said
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_users_own_therapy_runs_and_travels_with_the_results(small, tmp_path):
    (tmp_path / "my_drug.py").write_text(DRUG)
    path = tmp_path / "mine.toml"
    text = small.read_text()
    path.write_text(text.replace('agent = "cyclophosphamide"', 'agent = "./my_drug.py:drug"'))
    run = Study.load(path).run(seed=1)
    assert "my drug" in set(run.record.exposures["agent"])
    run.save(tmp_path / "out")
    assert (tmp_path / "out/my_drug.py").read_text() == DRUG
    assert Study.load(tmp_path / "out/study.toml").digest == run.record.manifest.study_hash


DRUG = """from opsonin.model import Administration, Modulation, Module, Parameter, Process, Species

def drug():
    return Module("my drug", [
        Species("drug", "mg", scale=50.0),
        Parameter("drug_k", 0.5, "1/day", "assumed: an example"),
        Parameter("drug_kill", 1e-5, "1/day/mg", "assumed: an example"),
        Process("drug_loss", lambda drug, drug_k: drug_k * drug, consumes="drug"),
        Modulation("tumour_killing", lambda drug, drug_kill: drug_kill * drug),
        Administration("my drug", "oral", into="drug"),
    ])
"""


def test_a_run_is_a_plain_value():
    from opsonin.study import Run

    assert [f.name for f in dataclasses.fields(Run)] == ["study", "record", "replicates", "findings", "potential"]
