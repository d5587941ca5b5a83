"""`opsonin design compare`: the document a protocol needs."""

import json
import re
import xml.etree.ElementTree as ElementTree
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from opsonin.cli.app import app

RUNNER = CliRunner()


def run(*arguments):
    return RUNNER.invoke(app, ["design", "compare", "imatinib-il2", *(str(a) for a in arguments)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("protocol") / "comparison"
    done = run("--designs", "boin,crm,3+3", "--out", place, "--no-virtual", "--trials", 200, "--cohorts", 2)
    assert done.exit_code == 0, done.output
    assert "right dose" in done.stdout
    assert str(place / "comparison.html") in done.stdout
    return place


def test_the_page_holds_tables_errors_and_pathways(folder):
    page = (folder / "comparison.html").read_text(encoding="utf-8")
    assert "interleukin-2 9 MIU" in page
    for words in ("Decision tables", "Operating characteristics", "Differences from boin", "Dose-transition pathways"):
        assert words in page
    assert re.search(r"\d\.\d % ± \d\.\d", page)
    assert "http://" not in page.replace("http://www.w3.org", "")
    pictures = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(pictures) == 3
    for picture in pictures:
        assert ElementTree.fromstring(picture).tag.endswith("svg")


def test_the_page_says_which_designs_go_over_untried_levels(folder):
    page = (folder / "comparison.html").read_text(encoding="utf-8")
    assert re.search(
        r"crm goes over untried levels: after 3 without a DLT at level 1 it treats the next at level [34]", page
    )
    assert "boin goes over" not in page
    assert "3+3 goes over" not in page


def test_the_tables_come_as_csv_and_the_pathways_as_json(folder):
    table = pd.read_csv(folder / "operating_characteristics.csv")
    assert set(table["design"]) == {"boin", "crm", "3+3"}
    assert {"mean", "se"} <= set(table)
    boin = pd.read_csv(folder / "decision_table.csv").query("design == 'boin' and patients == 6").iloc[0]
    assert (boin["up"], boin["down"], boin["give_up"]) == (1, 3, 4)
    told = json.loads((folder / "pathways.json").read_text())
    assert len(told["3+3"]["nodes"]) == (pd.read_csv(folder / "pathways.csv")["design"] == "3+3").sum()


def test_word_holds_the_same_tables(folder):
    docx = pytest.importorskip("docx", reason="python-docx is not installed")
    made = docx.Document(str(folder / "comparison.docx"))
    headings = [p.text for p in made.paragraphs if p.style.name.startswith("Heading 1")]
    assert headings[0] == "What was compared"
    cells = [cell.text for table in made.tables for row in table.rows for cell in row.cells]
    assert "right dose" in cells
    page = (folder / "comparison.html").read_text(encoding="utf-8")
    assert len(made.tables) == page.count("<table>")


TWO = """
title = "Two agents"
[population]
indication = "refractory-solid"
pool = 40
[[treatment]]
agent = "imatinib"
dose = ["200 mg", "400 mg"]
days = "1 to 14"
cycle = "21 days"
[[treatment]]
agent = "interleukin-2"
dose = ["3 MIU", "6 MIU", "9 MIU"]
days = "10 to 14"
cycle = "21 days"
[escalation]
design = { name = "boin-comb", patients = 18 }
dlt_window = "21 days"
dlt = ["fatigue >= 3"]
[follow_up]
observe = "6 months"
"""


def test_two_agents_are_told_by_cells(tmp_path):
    study = tmp_path / "two.toml"
    study.write_text(TWO)
    wanted = ("--truth", "0.05,0.1,0.2/0.1,0.2,0.4", "--trials", 60, "--cohorts", 2, "--no-word")
    arguments = [study, "--designs", "boin-comb, pocrm, waterfall(enough=9)", *wanted, "--out", tmp_path / "c"]
    done = RUNNER.invoke(app, ["design", "compare", *(str(a) for a in arguments)])
    assert done.exit_code == 0, done.output
    page = (tmp_path / "c" / "comparison.html").read_text(encoding="utf-8")
    assert "2x3 imatinib 400 mg + interleukin-2 9 MIU" in page
    assert '<th scope="col" class="right">2x3</th>' in page
    assert "waterfall(enough=9): by DLTs at the current level" in page
    assert "→ 2x1" in page
    assert "one is drawn by lot in a trial; here" in page
    paths = pd.read_csv(tmp_path / "c" / "pathways.csv")
    assert paths["seen"].str.contains("1x1: 0/3").any()
    table = pd.read_csv(tmp_path / "c" / "by_dose.csv")
    assert len(table) == 3 * 6
    assert table.query("design == 'pocrm'")["true_dlt"].tolist() == [0.05, 0.1, 0.2, 0.1, 0.2, 0.4]


def test_designs_that_look_at_responses_are_judged_by_what_they_are_worth(tmp_path):
    given = ["--truth", "0.05,0.1,0.2,0.35 response 0.1,0.4,0.42,0.42", "--truth", "standard"]
    done = run(
        "--designs", "boin12, boin(target=0.25)", *given, "--out", tmp_path / "c", "--trials", 100, "--cohorts", 1
    )
    assert done.exit_code == 0, done.output
    assert "best dose" in done.stdout
    page = (tmp_path / "c" / "comparison.html").read_text(encoding="utf-8")
    assert "response rates 10.0%, 40.0%, 42.0%, 42.0%" in page
    assert "boin12: outcomes by desirability" in page
    assert "level 2 is best" in page
    table = pd.read_csv(tmp_path / "c" / "operating_characteristics.csv").set_index(["scenario", "design", "measure"])
    scene = "0.05,0.1,0.2,0.35 response 0.1,0.4,0.42,0.42"
    mean: Any = table["mean"]
    assert mean[(scene, "boin12", "best dose")] > mean[(scene, "boin(target=0.25)", "best dose")]
    assert table.loc[("no level works", "boin12", "best dose"), "mean"] == pytest.approx(
        table.loc[("no level works", "boin12", "no dose"), "mean"]
    )


def test_a_design_that_scores_grades_is_compared(tmp_path):
    given = ["--truth", "standard", "--trials", 20, "--cohorts", 1, "--no-word"]
    done = run("--designs", "boin, gboin", *given, "--out", tmp_path / "c")
    assert done.exit_code == 0, done.output
    page = (tmp_path / "c" / "comparison.html").read_text(encoding="utf-8")
    assert "gBOIN with target" in page
    assert "goes over" not in page


@pytest.mark.slow
def test_the_studys_virtual_patients_come_with_their_pools_error(tmp_path):
    done = run("--designs", "boin,3+3", "--out", tmp_path / "c", "--trials", 200, "--no-word")
    assert done.exit_code == 0, done.output
    page = (tmp_path / "c" / "comparison.html").read_text(encoding="utf-8")
    assert "virtual patients: DLT rates" in page
    assert "standard error of a pool of this size" in page
    assert not (tmp_path / "c" / "comparison.docx").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--designs", ""], "name the designs"),
        (["--designs", "boin,boin"], "named twice"),
        (["--designs", "bion"], "no design 'bion'"),
        (["--designs", "boin", "--target", "1.2"], "target is 1.2"),
        (["--designs", "boin(targt=0.2)"], "no option 'targt'"),
        (["--designs", "boin-comb"], "is for two agents, but the study escalates interleukin-2 alone"),
        (["--designs", "boin", "--truth", "0.1,0.2"], "2 DLT rates were given"),
        (["--designs", "boin12", "--truth", "0.1,0.2,0.3,0.4"], "looks at responses, which patients of the truth"),
    ],
)
def test_mistakes_are_named(arguments, words, tmp_path):
    done = run(*arguments, "--out", tmp_path / "x", "--no-virtual")
    assert done.exit_code == 2
    assert words in done.stderr


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    done = run("--designs", "3+3", "--out", tmp_path / "file", "--no-virtual", "--trials", 5, "--cohorts", 1)
    assert done.exit_code == 2
    assert "cannot be written" in done.stderr
