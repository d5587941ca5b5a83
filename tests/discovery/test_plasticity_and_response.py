"""Clones and programmes of samples against response: the same comparison, record and report as states have."""

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from made_up_samples import write_map
from opsonin.analysis import Findings
from opsonin.cli.app import app
from opsonin.discovery import read_samples
from opsonin.discovery.plasticity_question import answer_plasticity
from opsonin.discovery.read.questions import Discovery
from opsonin.errors import DiscoveryError
from opsonin.record import TrialRecord

TEXT = """
[files]
counts = "counts.csv"
[counts]
sample = "s"
subject = "p"
response = "r"
arm = "a"
labels = ["A", "B"]
constant.day = 0
[response]
responder = ["R"]
[discovery.plasticity.repertoires]
file = "clones.csv"
"""
ASKED = {"repertoires": {"file": "clones.csv"}}


@pytest.fixture
def folder(tmp_path):
    """Ten patients with a blood sample each: those of responders hold a clone of half the reads."""
    draw = np.random.default_rng(3)
    frame = pd.DataFrame({"s": [f"S{k}" for k in range(10)], "p": [f"P{k}" for k in range(10)],
                          "r": ["R", "NR"] * 5, "a": ["one"] * 5 + ["two"] * 5, "A": 30, "B": 40})  # fmt: skip
    frame.to_csv(tmp_path / "counts.csv", index=False)
    rows = []
    for k in range(10):
        share = np.full(40, 1.0)
        share[0] = 40.0 if k % 2 == 0 else 1.0
        reads = draw.multinomial(2000 + 100 * k, share / share.sum())
        rows += [(f"S{k}", f"c{j}", int(n)) for j, n in enumerate(reads)]
    pd.DataFrame(rows, columns=["sample", "clone", "reads"]).to_csv(tmp_path / "clones.csv", index=False)
    return tmp_path


def test_clones_are_compared_by_patients(folder):
    samples = read_samples(folder, write_map(folder, TEXT))
    answer = answer_plasticity(ASKED, folder, samples)
    table = answer.tables["states"].set_index("feature")
    assert table["p"]["largest clone"] == pytest.approx(2 / 252)  # all exchanges of ten patients
    assert table["difference"]["largest clone"] > 30
    assert any("responder (5) against non-responder (5), unit: subject" in note for note in answer.notes)
    assert "states.largest clone.difference" in {row["name"] for row in answer.findings}


def test_other_groups_can_be_asked_for(folder):
    samples = read_samples(folder, write_map(folder, TEXT))
    asked = Discovery(compare="arm", groups=["two", "one"])
    table = answer_plasticity(ASKED, folder, samples, asked=asked).tables["states"].set_index("feature")
    assert table["p"]["largest clone"] > 0.1
    with pytest.raises(DiscoveryError, match="compare: neither samples nor subjects have a column 'arms'"):
        answer_plasticity(ASKED, folder, samples, asked=Discovery(compare="arms"))


def test_it_stands_in_record_findings_and_report(folder):
    args = ["discover", str(folder), "--map", str(write_map(folder, TEXT)), "--question", "plasticity"]
    ran = CliRunner().invoke(app, [*args, "--out", str(folder / "out")])
    assert ran.exit_code == 0, ran.output
    assert "states.largest clone.difference" in ran.output
    assert "largest clone" in set(TrialRecord.load(folder / "out" / "record").measurements["marker"])
    found = Findings.load(folder / "out" / "findings.json")
    assert found.get("states.largest clone.difference").p < 0.05
    assert any(one.name.startswith("biomarker.response.largest clone") for one in found)
    page = (folder / "out" / "report.html").read_text()
    assert "Plasticity was not asked" not in page
    assert "discovery-differences" in page
