"""The commands, as a user types them."""

import re
import subprocess
import sys

import pytest
from typer.testing import CliRunner

import opsonin
from opsonin.cli.app import app

RUNNER = CliRunner()


def says(*arguments):
    """Standard output of a command that must succeed."""
    done = RUNNER.invoke(app, [str(a) for a in arguments])
    assert done.exit_code == 0, done.output + repr(done.exception)
    return done.stdout


def test_the_help_names_every_command():
    said = says("--help")
    assert all(f" {name} " in said for name in ("list", "new", "check", "run", "analyse", "gate", "show", "explain"))


def test_the_version_is_the_packages():
    assert says("--version").strip() == f"opsonin {opsonin.__version__}"


def test_list_names_what_a_study_may_name():
    said = says("list")
    for name in (
        "imatinib-il2",
        "interleukin-2",
        "cyclophosphamide",
        "3+3",
        "refractory-solid",
        "oak",
        "poplar",
        "loris",
    ):
        assert re.search(rf"^{re.escape(name)}\s", said, re.MULTILINE), name


def test_check_says_what_the_study_means_and_how_to_run_it():
    said = says("check", "imatinib-il2")
    assert "level 2: interleukin-2 6 MIU" in said
    assert said.rstrip().endswith("run it with: opsonin run imatinib-il2")


def test_a_new_study_is_a_copy_that_is_in_order(tmp_path):
    path = tmp_path / "mine.toml"
    assert "opsonin check" in says("new", path)
    assert "level 4" in says("check", path)


def test_explain_prints_a_therapys_own_parts_with_their_sources():
    said = says("explain", "imatinib")
    for words in ("imatinib_cl", "l/hour", "published", "assumed", "Petain 2008", "imatinib_absorption", "CGP74588"):
        assert words in said
    assert "il2_cl" not in said


def test_explain_prints_the_whole_model_of_a_study():
    said = says("explain", "imatinib-il2")
    assert "imatinib_cl" in said
    assert "il2_cl" in said


def test_explain_says_of_a_core_what_every_signal_acts_on():
    from opsonin.biology import full_core
    from opsonin.model import Model, Signal

    said = says("explain", "full-core")
    table = said[said.index("Signals") : said.index("States")]
    for signal, _ in Model(full_core()).parts(Signal):
        assert re.search(rf"^{signal.name} +{signal.combine} .*\S", table, re.MULTILINE), signal.name
    assert re.search(r"^t_killing +product .* t_kill +$", table, re.MULTILINE)
    assert re.search(r"^exhaustion +product .* process effector_exhausted +$", table, re.MULTILINE)
    assert re.search(r"^severe_cytokine_release +sum +1/day .* hazard cytokine release", table, re.MULTILINE)
    states = said[said.index("States") : said.index("Quantities")]
    assert re.search(r"^cd8_exhausted +[\d.]+ +Mcell +exhausted cells", states, re.MULTILINE)
    assert "pd1_binding" not in says("explain", "first-core")


def test_explain_draws_the_whole_model_of_a_study(tmp_path):
    path = tmp_path / "model.dot"
    assert str(path) in says("explain", "imatinib-il2", "--diagram", path)
    graph = path.read_text()
    assert graph.startswith("digraph")
    assert "interleukin-2 in blood" in graph.replace("\n", " ")


DRUG = """from opsonin.model import Administration, Module, Parameter, Process, Species

def drug():
    return Module("my drug", [
        Species("drug", "mg", meaning="my drug in the body"),
        Parameter("drug_k", 0.5, "1/day", "assumed: an example"),
        Process("drug_loss", lambda drug, drug_k: drug_k * drug, consumes="drug"),
        Administration("my drug", "oral", into="drug"),
    ])
"""


def test_explain_reads_a_users_own_file(tmp_path, monkeypatch):
    (tmp_path / "my_drug.py").write_text(DRUG)
    monkeypatch.chdir(tmp_path)
    said = says("explain", "./my_drug.py:drug")
    assert "drug*drug_k" in said
    assert "assumed: an example" in said


def test_the_module_runs_as_a_program():
    done = subprocess.run([sys.executable, "-m", "opsonin", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"opsonin {opsonin.__version__}"


@pytest.mark.parametrize(
    "arguments", [["run"], ["run", "imatinib-il2", "--trials", "0"], ["runn"], ["run", "x", "--sed", "1"]]
)
def test_wrong_usage_exits_with_2(arguments):
    done = RUNNER.invoke(app, arguments)
    assert done.exit_code == 2
    assert "Traceback" not in done.output
