"""`opsonin discover`: from cells to record, findings, tables and report; what cannot be asked is one sentence."""

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from opsonin.analysis import Findings
from opsonin.cli.app import app
from opsonin.record import TrialRecord

MAP = """title = "Cells of ten patients"
[files]
cells = "cells.csv"
subjects = "patients.csv"
[cells]
subject = "who"
sample = "biopsy"
label = "type"
time = "when"
[subjects]
subject = "who"
response = "best"
[response]
responder = ["CR", "PR"]
[outcomes.OS]
time = "months"
unit = "months"
event = "dead"
[times]
before = 0
after = 28
[discovery]
baseline = true
"""
CLONES = """title = "Two barcoded populations"
[discovery.plasticity.clones]
file = "clones.csv"
before = ["b1", "b2"]
after = ["a1", "a2"]
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Cells of ten patients, before and after: those who respond hold more CD8 T cells before."""
    folder, draw = tmp_path_factory.mktemp("cells"), np.random.default_rng(4)
    rows = []
    for k in range(10):
        for when in ("before", "after"):
            chance = [0.5, 0.3, 0.2] if k < 5 and when == "before" else [0.2, 0.3, 0.5]
            for kind in draw.choice(["CD8 T", "B", "myeloid"], p=chance, size=60):
                rows.append((f"P{k}", f"P{k} {when}", when, kind))
    pd.DataFrame(rows, columns=["who", "biopsy", "when", "type"]).to_csv(folder / "cells.csv", index=False)
    who = {"who": [f"P{k}" for k in range(10)], "best": ["PR"] * 5 + ["PD"] * 5, "months": range(20, 10, -1),
           "dead": [0, 1] * 5}  # fmt: skip
    pd.DataFrame(who).to_csv(folder / "patients.csv", index=False)
    before = draw.poisson(draw.lognormal(5, 1, size=60))
    clones = {"clone": range(60), **{name: draw.poisson(before) + 1 for name in ("b1", "b2", "a1", "a2")}}
    pd.DataFrame(clones).to_csv(folder / "clones.csv", index=False)
    (folder / "map.toml").write_text(MAP)
    (folder / "clones.toml").write_text(CLONES)
    return folder


def discover(data, *more, mapping="map.toml"):
    """The command with a mapping of the folder."""
    words = ["discover", data, "--map", data / mapping, *more]
    return CliRunner().invoke(app, [str(word) for word in words])


def test_states_go_into_record_findings_tables_and_report(data, tmp_path):
    out = tmp_path / "found"
    ran = discover(data, "--out", out)
    assert ran.exit_code == 0, ran.output
    assert "states.CD8 T log-ratio.difference" in ran.output
    record = TrialRecord.load(out / "record")
    assert record.manifest.rows_left_out[0]["reason"] == "samples after day 0, as baseline alone is asked"
    measured = record.measurements
    assert set(measured["baseline"]) == {True}
    assert measured[measured["marker"] == "CD8 T share"]["value"].between(0, 100).all()
    assert len(record.survival) == 10
    found = Findings.load(out / "findings.json")
    cd8 = found.get("states.CD8 T log-ratio.difference")
    assert cd8.estimate > 0
    assert cd8.p < 0.05
    assert cd8.n == 10
    assert any(f.name.endswith(".auc.believability") for f in found)
    assert any(f.name.startswith("screen.OS.") for f in found)  # and the record's own analyses know the features
    tables = {path.stem: pd.read_csv(path) for path in (out / "tables").glob("*.csv")}
    assert {"composition", "features", "states", "methods", "read", "said"} <= set(tables)
    assert tables["composition"].groupby("sample")["share"].sum().to_numpy() == pytest.approx(1.0)
    page = (out / "report.html").read_text()
    assert "Cells of ten patients" in page
    assert "map.toml" in {path.name for path in out.iterdir()}


def test_the_same_seed_gives_the_same_findings(data, tmp_path):
    for name in ("one", "two"):
        assert discover(data, "--out", tmp_path / name, "--seed", 7).exit_code == 0
    one, two = ((tmp_path / name / "findings.json").read_text() for name in ("one", "two"))
    assert one == two


def test_clones_need_no_cells(data, tmp_path):
    ran = discover(data, "--question", "plasticity", "--out", tmp_path / "clones", mapping="clones.toml")
    assert ran.exit_code == 0, ran.output
    found = json.loads((tmp_path / "clones" / "findings.json").read_text())
    assert any(one["name"].startswith("plasticity.clones.") for one in found)
    assert (tmp_path / "clones" / "tables" / "clones.csv").is_file()


@pytest.mark.parametrize(
    ("old", "new", "question", "said"),
    [
        ("", "", "state", "'states'"),
        ("", "", "targets", "[discovery.targets] of the mapping, which is not there"),
        ('label = "type"', "", "states", "no cell has a label"),
        ("baseline = true", "baselines = true", "states", "unknown key 'baselines' (did you mean 'baseline'?)"),
        ("baseline = true", 'compare = "arm"', "states", "neither samples nor subjects have a column 'arm'"),
        ("baseline = true", 'strata = "centre"', "states", "no column 'centre'"),
        ("before = 0", "early = 0", "states", "[times] does not say the day of 'before'"),
        ('[files]\ncells = "cells.csv"\nsubjects = "patients.csv"', "", "states", "names no samples"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(data, tmp_path, old, new, question, said):
    (data / "wrong.toml").write_text(MAP.replace(old, new) if old else MAP)
    ran = discover(data, "--question", question, "--out", tmp_path / "x", mapping="wrong.toml")
    assert ran.exit_code == 2
    assert said in ran.output
    assert "Traceback" not in ran.output
    assert not (tmp_path / "x").exists()


def test_one_patient_in_a_group_is_named_and_the_rest_is_written(data, tmp_path):
    who = pd.read_csv(data / "patients.csv")
    who["best"] = ["PR"] + ["PD"] * 9
    who.to_csv(data / "few.csv", index=False)
    (data / "few.toml").write_text(MAP.replace("patients.csv", "few.csv"))
    ran = discover(data, "--out", tmp_path / "few", mapping="few.toml")
    assert ran.exit_code == 0
    assert "responder and non-responder are not compared" in ran.output
    assert (tmp_path / "few" / "tables" / "composition.csv").is_file()


def test_only_the_command_loads_what_is_heavy(data, tmp_path):
    import subprocess
    import sys

    words = ["opsonin", "discover", str(data), "--map", str(data / "map.toml"), "--out", str(tmp_path / "light")]
    code = (
        f"import sys; sys.argv = {words!r}\nfrom opsonin.cli.app import app\ntry:\n app()\nexcept SystemExit:\n pass\n"
        "print([m for m in ('scanpy', 'anndata', 'decoupler', 'sympy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
