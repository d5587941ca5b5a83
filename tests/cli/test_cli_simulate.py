"""`opsonin simulate`: tables, summaries, resuming, and refusals that say what to do."""

import json
import os
import signal
import subprocess
import sys

import pandas as pd
import pytest
from typer.testing import CliRunner

from opsonin.cli.app import app
from opsonin.simulate import open_stream

RUNNER = CliRunner()
SHORT = ("imatinib-il2", "--days", 20, "--every", 5, "--outputs", "NK, imatinib", "--level", 2)


def call(*arguments):
    return RUNNER.invoke(app, ["simulate", *(str(a) for a in arguments)])


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """A folder of 300 patients with a summary, and what was said."""
    out = tmp_path_factory.mktemp("simulate") / "out"
    done = call(*SHORT, "--patients", 300, "--out", out, "--summary")
    assert done.exit_code == 0, done.output + repr(done.exception)
    return out, done.stdout


def test_tables_hold_outputs_and_patients(simulated):
    out, said = simulated
    stream = open_stream(out)
    assert stream.units == ("cells/µl", "ng/ml")  # imatinib is what the clinic measures, not the amount of the model
    table = stream.table()
    assert table["day"].unique().tolist() == [0, 5, 10, 15, 20]
    assert len(table) == 300 * 5
    assert {"age_years", "sex", "weight_kg", "day of death", "failure"} <= set(stream.patient_table().columns)
    assert f"tables    {out}" in said


def test_the_summary_is_that_of_the_table(simulated):
    out, said = simulated
    table, summary = open_stream(out).table(), pd.read_csv(out / "summary.csv")
    row = summary[(summary["output"] == "NK") & (summary["day"] == 15)].iloc[0]
    there = table.loc[table["day"] == 15, "NK"]
    assert row["mean"] == pytest.approx(there.mean(), rel=1e-5)
    assert row["50 %"] == pytest.approx(there.median(), rel=2**-7)
    assert "interleukin-2 6 MIU: 300 virtual patients, every dose given" in said


def test_the_first_patients_are_those_of_the_studys_pool(simulated):
    from opsonin.patients import indication, sample_patients
    from opsonin.study import Study

    built = Study.load("imatinib-il2").built
    pool = sample_patients(built.model, indication("refractory-solid"), 300, seed=1)
    shown = open_stream(simulated[0]).patient_table()
    assert shown["weight_kg"].tolist() == pool.covariates["weight_kg"].tolist()


def test_going_on_needs_to_be_asked_for(simulated):
    out, _ = simulated
    refused = call(*SHORT, "--patients", 300, "--out", out, "--summary")
    assert refused.exit_code == 2
    assert "--resume" in refused.stderr
    again = call(*SHORT, "--patients", 300, "--out", out, "--summary", "--resume")
    assert again.exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--patients", 10**9),
            "no place: only 1 GiB are kept in memory. Name a folder (--out), about 28.8 GB on disk",
        ),
        (("--patients", 10, "--level", 9), "there is no dose level 9; the study has 1 to 4."),
        (("--patients", 10, "--outputs", "NKs"), "the output 'NKs' is asked for"),
        (("--patients", 10, "--every", 0), "there is no value to give"),
        (("--patients", 10, "--resume"), "name it with --out"),
        (("--patients", 10, "--every", "1e-9"), "give a larger --every"),
        (("--patients", 10, "--days", "1e9"), "day 1e+09 is out of reach"),
        (("--patients", 10, "--days", "nan"), "there is no value to give"),
        (("--patients", 10**24, "--summary"), "are more than can be numbered"),
        (("--patients", 10, "--rtol", 0), "rtol is 0.0; give a relative tolerance"),
        (("--patients", 10, "--out", "/dev/null"), "/dev/null is a file; name a folder"),
        (("--patients", 10, "--out", "/dev/null/x"), "the folder /dev/null/x cannot be written"),
        (("--patients", 10, "--format", "feather", "--out", "x"), "storage 'feather' is none of parquet, zarr"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_code_2(arguments, message):
    done = call(*SHORT, *arguments)
    assert done.exit_code == 2
    assert message in done.stderr
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    ("other", "difference"),
    [(("--seed", 2), "its seed is 1, now it is 2"), (("--level", 3), "its level is 2, now it is 3")],
)
def test_other_patients_or_doses_are_not_gone_on_with(simulated, other, difference):
    done = call(*SHORT, "--patients", 300, "--out", simulated[0], "--summary", "--resume", *other)
    assert done.exit_code == 2
    assert difference in done.stderr


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_keeps_what_is_finished_and_resume_goes_on(tmp_path, simulated):
    out = tmp_path / "out"
    many = [str(a) for a in (*SHORT[:-1], 2, "--patients", 20_000, "--out", out)]
    command = [sys.executable, "-m", "opsonin", "simulate", *many]
    running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    log = out / "finished.jsonl"
    while running.poll() is None and not (log.is_file() and log.read_text().count("\n") > 1):
        pass
    running.send_signal(signal.SIGINT)
    errors = running.communicate()[1]
    assert running.returncode == 130, errors
    assert "patients are finished and kept in" in errors
    assert "Traceback" not in errors
    kept = len(open_stream(out).patient_table())
    assert 0 < kept < 20_000
    done = subprocess.run([*command, "--resume"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads((out / "stream.json").read_text())["complete"]
    assert open_stream(out).patient_table()["patient"].tolist() == list(range(20_000))
