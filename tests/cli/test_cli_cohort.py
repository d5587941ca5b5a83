"""`opsonin cohort` and `opsonin plan`: from data to a report; what cannot be asked is one sentence."""

import numpy as np
import pytest
from typer.testing import CliRunner

from opsonin.analysis import Findings
from opsonin.cli.app import app
from opsonin.record import TrialRecord

MAP = """title = "A small cohort"
file = "cohort.csv"
[subjects]
subject_id = "id"
stage = "stage"
[survival.RFS]
time = "months"
unit = "months"
event = "relapse"
[markers."CD8"]
value = "cd8"
unit = "cells/mm²"
"""


@pytest.fixture(autouse=True)
def few_samples(monkeypatch):
    monkeypatch.setattr("opsonin.analysis.cohort_value.SAMPLES", (20, 20))


@pytest.fixture
def data(tmp_path):
    rng = np.random.default_rng(6)
    cd8 = rng.lognormal(4, 1, 50)
    months = 20 * rng.exponential(1, 50) * (cd8 / 50) ** 0.7
    rows = [
        f"C{k},{('I', 'II', 'III')[k % 3]},{min(m, 60):.2f},{int(m < 60)},{'' if k % 10 == 0 else f'{c:.1f}'}"
        for k, (c, m) in enumerate(zip(cd8, months, strict=True))
    ]
    (tmp_path / "cohort.csv").write_text("\n".join(["id,stage,months,relapse,cd8", *rows]) + "\n")
    (tmp_path / "map.toml").write_text(MAP)
    return tmp_path


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def cohort(data, *more):
    asked = [] if "--markers" in more else ["--markers", "CD8"]
    asked += [] if "--outcome" in more else ["--outcome", "RFS"]
    return run("cohort", data / "cohort.csv", "--map", data / "map.toml", "--out", data / "out", *asked, *more)


def test_a_mapped_table_becomes_a_report_of_its_markers(data):
    done = cohort(data, "--adjust", "stage")
    assert done.exit_code == 0, done.output + repr(done.exception)
    assert "CD8, per doubling: hazard ratio" in done.stdout
    out = data / "out"
    found = Findings.load(out / "findings.json")
    assert found.get("cohort.RFS.multivariable.CD8").n == 45
    assert found.get("cohort.RFS.multivariable.stage", "stage, per step").events
    page = (out / "report.html").read_text(encoding="utf-8")
    for words in (
        "Cohort data",
        "Markers and outcome",
        "Added value",
        "What the search costs".lower(),
        "complete cases",
    ):
        assert words in page
    assert "opsonin cohort DATA --map map.toml --outcome RFS --markers CD8 --adjust stage --seed 1" in page
    assert TrialRecord.load(out / "record").manifest.questions["cohort"]["adjust"] == ["stage"]
    assert (out / "map.toml").read_text() == MAP
    shown = run("show", out)
    assert "cohort.RFS.multivariable.CD8" in shown.stdout


def test_the_question_may_stand_in_the_mapping(data):
    (data / "map.toml").write_text(MAP + '[analysis.cohort]\noutcome = "RFS"\nmarkers = ["CD8"]\nadjust = ["stage"]\n')
    done = run("analyse", data / "cohort.csv", "--map", data / "map.toml", "--out", data / "out")
    assert done.exit_code == 0, done.output + repr(done.exception)
    assert Findings.load(data / "out" / "findings.json").get("cohort.RFS.added.all markers.likelihood_ratio").p < 1


def test_the_same_seed_gives_the_same_bytes(data):
    pages = []
    for _ in range(2):
        assert cohort(data).exit_code == 0
        pages.append((data / "out" / "report.html").read_bytes())
    assert pages[0] == pages[1]


WRONG = [
    (["--outcome", "PFS"], "no outcome 'PFS'"),
    (["--markers", "CD88"], "CD88"),
    (["--markers", ""], "name them"),
    (["--adjust", "stge"], "did you mean 'stage'"),
    (["--adjust", "CD8"], "named twice"),
]


@pytest.mark.parametrize(("more", "said"), WRONG, ids=lambda v: v if isinstance(v, str) else "")
def test_what_cannot_be_asked_is_one_line_and_older_results_stay(data, more, said):
    assert cohort(data).exit_code == 0
    before = {p: p.read_bytes() for p in (data / "out").rglob("*") if p.is_file()}
    done = cohort(data, *more)
    assert done.exit_code == 2
    assert done.stderr.splitlines()[-1].startswith("error: ")
    assert said in done.stderr
    assert "Traceback" not in done.output
    assert {p: p.read_bytes() for p in (data / "out").rglob("*") if p.is_file()} == before


MISTAKES = {
    "events as text": (lambda t: t.replace(",1,", ",relapsed,"), "relapsed"),
    "a negative time": (lambda t: t.replace("C3,I,", "C3,I,-"), "negative"),
    "a date for a number": (lambda t: t.replace("C3,I,", "C3,I,2021-03-04x"), "2021-03-04"),
    "a patient twice": (lambda t: t.replace("C4,", "C3,"), "C3"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_data_that_cannot_be_used_are_named(data, mistake):
    spoil, said = MISTAKES[mistake]
    text = (data / "cohort.csv").read_text()
    assert spoil(text) != text
    (data / "cohort.csv").write_text(spoil(text))
    done = cohort(data)
    assert done.exit_code == 2
    assert said in done.stderr


def test_the_bundled_cohort_is_listed():
    assert "gist-cohort" in run("list").stdout


def test_a_plan_is_made_from_results_and_written(data):
    assert cohort(data).exit_code == 0
    out = data / "plan"
    done = run("plan", data / "out", "--endpoint", "RFS", "--control-median", 12, "--trials", 200, "--largest", 60,
               "--enrich", "CD8", "--doubt", 0, "--out", out)  # fmt: skip
    assert done.exit_code == 0, done.output + repr(done.exception)
    assert "Choosing patients by CD8" in done.stdout
    found = Findings.load(out / "findings.json")
    assert found.get("plan.RFS.ceiling").estimate > 0.5
    assert found.get("plan.RFS.enriched", "CD8, predictive").n is not None
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "The next trial" in page
    assert "opsonin plan RESULTS --endpoint RFS --control-median 12.0" in page
    assert "--doubt 0" in page
    assert "Markers and outcome" not in page


def test_a_plan_without_what_it_needs_says_so(data):
    assert cohort(data).exit_code == 0
    assert "--control-median" in run("plan", data / "out", "--endpoint", "RFS").stderr
    assert "no best overall responses" in run("plan", data / "out", "--endpoint", "response").stderr
    assert run("plan", data / "nowhere").exit_code == 2
