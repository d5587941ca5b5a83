"""`opsonin gate`: FCS files to a record that `opsonin analyse` reads; what cannot be gated is one line on stderr."""

import pytest
from typer.testing import CliRunner

from opsonin.analysis import Findings
from opsonin.cli.app import app
from record.make_fcs import strategy, write_fcs

pytest.importorskip("flowkit", reason="FlowKit is not installed (extra: cytometry)")

PANEL = """
title = "NK cells in four patients"
strategy = "nk.xml"
samples = "samples.csv"
[counting]
method = "beads"
gate = "Beads"
beads = 30000
blood_ul = 50
[markers]
"NK" = "NK"
"HLA-DR+ NK" = "HLA-DRpos"
"""


@pytest.fixture
def panel(tmp_path):
    (tmp_path / "nk.xml").write_text(strategy())
    (tmp_path / "nk.toml").write_text(PANEL)
    rows = ["file,subject_id,protocol_day"]
    for patient in range(4):
        for day, activated in ((1, 5), (15, 20 + 3 * patient)):
            name = f"P{patient}_{day}.fcs"
            write_fcs(tmp_path / name, {"T": 50, "dim": 60, "dim HLA-DR+": activated, "beads": 1500}, patient)
            rows.append(f"{name},P{patient},{day}")
    (tmp_path / "samples.csv").write_text("\n".join(rows) + "\n")
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(app, [str(one) for one in arguments])


def test_files_become_counts_and_counts_findings(panel):
    done = run("gate", panel / "nk.toml", "--out", panel / "out")
    assert done.exit_code == 0, done.output + repr(done.exception)
    assert "HLA-DR+ NK" in done.stdout
    assert (panel / "out" / "panel.toml").read_text() == PANEL
    assert (panel / "out" / "measurements.csv").read_text().startswith("subject_id,marker,compartment,day,value,unit")
    assert len((panel / "out" / "gates.csv").read_text().splitlines()) == 1 + 8 * 8
    again = run("gate", panel / "nk.toml", "--out", panel / "out")
    assert again.exit_code == 0, again.output
    analysed = run("analyse", panel / "out", "--out", panel / "results")
    assert analysed.exit_code == 0, analysed.output
    found = Findings.load(panel / "results" / "findings.json").get("immune.HLA-DR+ NK.fold_change", "all, day 15")
    assert found.n == 4
    assert 4 < found.estimate < 6


def test_a_folder_of_something_else_is_left_alone(panel):
    refused = run("gate", panel / "nk.toml", "--out", panel)
    assert refused.exit_code == 2
    assert "error:" in refused.stderr
    assert (panel / "nk.xml").is_file()


def test_a_missing_gate_is_one_line(panel):
    (panel / "nk.toml").write_text(PANEL.replace("HLA-DRpos", "HLA-DR"))
    refused = run("gate", panel / "nk.toml", "--out", panel / "out")
    assert refused.exit_code == 2
    assert "no gate 'HLA-DR' (did you mean 'HLA-DRpos'?)" in refused.stderr
    assert not (panel / "out").exists()
