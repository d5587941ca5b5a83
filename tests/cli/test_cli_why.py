"""`opsonin why`: what it prints, what it leaves in its folder, and what it refuses."""

import re

import pandas as pd
import pytest
from typer.testing import CliRunner

from opsonin.analysis import Finding, Findings
from opsonin.cli.app import app
from opsonin.cli.why import _record, read_change
from opsonin.errors import StudyError
from opsonin.record import TrialRecord
from opsonin.report.write import chapters_of
from opsonin.study import Study
from opsonin.study.library import find

WEEKS = ("--outcome", "progression-free at 12 weeks", "--level", "2")


def run(*arguments: str):
    return CliRunner().invoke(app, ["why", *arguments])


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> str:
    text = find("imatinib-il2").read_text(encoding="utf-8").replace("pool = 2000", "pool = 120")
    path = tmp_path_factory.mktemp("why-cli") / "small.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_the_folder_holds_findings_patients_and_a_report_that_says_how_to_make_them_again(small, tmp_path):
    change = "slower growth: tumour_growth_rate = responders"
    made = run(small, *WEEKS, "--change", change, "--out", str(tmp_path / "why"))
    assert made.exit_code == 0, made.output
    assert "interleukin-2 6 MIU, progression-free at 12 weeks" in made.output
    assert re.search(r"tumour growth rate +model parameter +0\.\d+ \(", made.output)
    findings = Findings.load(tmp_path / "why" / "findings.json")
    patients = pd.read_csv(tmp_path / "why" / "patients.csv")
    assert findings.get("why.response.rate").events == int(patients["response"].sum())
    turned = patients.loc[~patients["response"], "response with slower growth"].mean()
    assert findings.get("why.counterfactual.slower growth.turned").estimate == pytest.approx(turned)
    assert len(TrialRecord.load(tmp_path / "why" / "record").subjects) == 120
    page = (tmp_path / "why" / "report.html").read_text(encoding="utf-8")
    assert "Why they respond" in page
    assert "To respond means here: progression-free at 12 weeks." in page
    command = "opsonin why study.toml --change &#39;slower growth: tumour_growth_rate = responders&#39;"
    assert f"{command} --outcome &#39;progression-free at 12 weeks&#39; --level 2 --seed 1" in page


def test_a_basket_s_pool_makes_a_record_though_nobody_is_in_an_arm():
    record = _record(
        Study.load("checkpoint-basket"), 1, {"outcome": "response", "level": 1, "early": None, "change": []}
    )
    findings = [Finding("why.response.rate", estimate=0.3, n=10, events=3, unit="proportion", note="response")]
    assert [chapter.name for chapter in chapters_of(record, findings)] == ["why", "methods"]


def test_a_change_is_read_from_words():
    assert read_change("no brakes: a = 0, b = responders") == ("no brakes", {"a": 0.0, "b": "responders"})
    for text in ("a = 2", "x: a", "x:", ": a = 2", "x: a = 2,"):
        with pytest.raises(StudyError, match="cannot be read; write"):
            read_change(text)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--change", "x: tumour_growth = responders"), "did you mean"),
        (("--change", "x: nk_kill_rate = 2", "--change", "x: t_kill_rate = 2"), "two changes have the same name"),
        (("--change", "x: nk_kill_rate = twice"), "a factor of 0 or more"),
        (("--outcome", "cured"), "the outcome 'cured' is unknown"),
        (("--level", "9"), "there is no dose level 9"),
        (("--outcome", "progression-free at 20 years"), "beyond the 730.5 days that patients are followed"),
    ],
)
def test_what_cannot_be_asked_is_one_line(small, arguments, message):
    made = run(small, *arguments)
    assert made.exit_code == 2
    assert message in made.output
    assert "Traceback" not in made.output
