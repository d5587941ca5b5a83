"""`opsonin design compare`: the document a protocol needs."""

import json
import re
import xml.etree.ElementTree as ElementTree

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
