"""Bad input: one clear message on stderr, exit code 2, no traceback, and earlier results as they were."""

import pytest
from typer.testing import CliRunner

from opsonin.cli.app import app
from opsonin.study.library import bundled, read

RUNNER = CliRunner()

# what is wrong: (text in the bundled study, what stands there instead, what the message must say)
MISTAKES = {
    "misspelt field": ("dlt_window", "dlt_windw", ["escalation", "'dlt_windw'", "did you mean 'dlt_window'"]),
    "misspelt section": ("[assessments]", "[asessments]", ["'asessments'", "did you mean 'assessments'"]),
    "missing field": ('indication = "refractory-solid"\n', "", ["population.indication", "missing"]),
    "unknown agent": ('"imatinib"\ndose', '"imatinb"\ndose', ["treatment[2].agent", "did you mean 'imatinib'"]),
    "unknown indication": ('"refractory-solid"', '"refractory-sold"', ["population.indication", "'refractory-solid'"]),
    "unknown design": ('design = "3+3"', 'design = "4+4"', ["escalation.design", "'4+4'", "3+3"]),
    "unknown design option": (
        'design = "3+3"',
        'design = { name = "3+3", colour = 1 }',
        ["escalation.design", "colour"],
    ),
    "dose without unit": ('"400 mg"', '"400"', ["treatment[2].dose", "has no unit", "'400 mg'"]),
    "dose as a number": ('"400 mg"', "400", ["treatment[2].dose", "has no unit", "'400 mg'"]),
    "negative dose": ('"400 mg"', '"-400 mg"', ["treatment[2].dose", "negative"]),
    "dose of the wrong dimension": ('"400 mg"', '"400 MIU"', ["treatment[2].dose", "imatinib", "cannot be converted"]),
    "unreadable dose unit": ('"400 mg"', '"400 mgs/x"', ["treatment[2].dose", "not known"]),
    "days backwards": ('"1 to 14"', '"14 to 1"', ["treatment[2].days", "run backwards", "'1 to 14'"]),
    "day 0": ('"1 to 14"', '"0 to 14"', ["treatment[2].days", "there is no day 0"]),
    "day 0 of a visit": ("[-21, 1, 10, 15]", "[-21, 0, 10, 15]", ["assessments.immune.days[2]", "there is no day 0"]),
    "unreadable days": ('"1 to 14"', '"two weeks"', ["treatment[2].days", "cannot be read", "'1 to 14'"]),
    "days beyond the cycle": (
        '"1 to 14"',
        '"1 to 24"',
        ["treatment[2]", "day 24 lies beyond the cycle", "without `cycle`"],
    ),
    "two ladders, and a design for one": (
        '"400 mg"',
        '["400 mg", "600 mg"]',
        ["escalation.design", "escalates imatinib and interleukin-2", "blrm-pair, boin-comb"],
    ),
    "a design for two, and one ladder": (
        'design = "3+3"',
        'design = "boin-comb"',
        ["escalation.design", "'boin-comb' is for two agents", "escalates interleukin-2 alone"],
    ),
    "falling ladder": ('"12 MIU"', '"2 MIU"', ["treatment[3]", "does not rise"]),
    "unknown analyte": ('"CGP74588", "interleukin-2"], days', '"CGP7458", "interleukin-2"], days', ["'CGP74588'"]),
    "unknown panel": ('"T-B-NK"', '"T-B-NX"', ["assessments.immune.panel", "'T-B-NK'"]),
    "unknown marker": ('"HLA-DR+ NK"', '"HLA-DR+ NX"', ["questions.biomarkers[1].marker", "'HLA-DR+ NK'"]),
    "marker on a day without a visit": ("day = 15", "day = 16", ["questions.biomarkers[1].day", "-21, 1, 10, 15"]),
    "unknown endpoint": ('["PFS", "OS"]', '["PFS", "SO"]', ["questions.biomarkers[1].against", "'SO'"]),
    "unknown DLT term": ('"fatigue >= 3"', '"boredom >= 3"', ["escalation.dlt", "boredom"]),
    "unreadable DLT rule": ('"fatigue >= 3"', '"fatigue bad"', ["escalation.dlt", "fatigue bad"]),
    "unreadable duration": ('"6 weeks"', '"6 wks"', ["assessments.tumour.every", "'wks'"]),
    "unknown criteria": ('"RECIST 1.1"', '"RECIST 1.2"', ["assessments.tumour.criteria", "did you mean 'RECIST 1.1'"]),
    "text for a number": ("pool = 2000", 'pool = "many"', ["population.pool", "a whole number"]),
    "empty pool": ("pool = 2000", "pool = 0", ["population.pool", "1 or more"]),
    "no TOML": ('title = "', "title = ", ["line 1", "TOML"]),
    "unknown route": ('dose = "400 mg"', 'dose = "400 mg"\nroute = "orall"', ["treatment[2].route", "'oral'"]),
    "a route the therapy lacks": (
        'dose = "400 mg"',
        'dose = "400 mg"\nroute = "transdermal"',
        ["'transdermal'", "oral"],
    ),
    "a day at the end of the world": ('"-21 to 14"', '"-999999999999 to 14"', ["treatment[1].days", "too far away"]),
    "follow-up without end": ('"24 months"', '"10000 years"', ["follow_up.observe", "too long"]),
    "a scan every minute": ('"6 weeks"', '"1 minute"', ["assessments.tumour", "one a day is the most"]),
    "window before the escalated agent": ('"21 days"\ndlt', '"9 days"\ndlt', ["dlt_window", "first given on day 10"]),
    "blood after follow-up": ("days = [9, 14]", "days = [9, 2000]", ["day 2000 lies after follow_up.observe"]),
    "a DLT grade that never comes": ('"fatigue >= 3"', '"fatigue >= 5"', ["escalation.dlt", "grades up to"]),
    "pool too large": ("pool = 2000", "pool = 100000000", ["population.pool", "1,000,000 or less"]),
    "follow-up too short": ('"24 months"', '"2 days"', ["longer than follow_up.observe"]),
}


@pytest.fixture
def older(tmp_path):
    """Results of an earlier run."""
    folder = tmp_path / "out"
    (folder / "record").mkdir(parents=True)
    (folder / "record" / "manifest.json").write_text("earlier")
    (folder / "findings.json").write_text("[]")
    return folder


def refused(arguments, older):
    """The message of a run that must fail."""
    before = {p: p.read_bytes() for p in older.rglob("*") if p.is_file()}
    done = RUNNER.invoke(app, [*map(str, arguments), "--out", str(older)])
    assert done.exit_code == 2, done.output
    assert isinstance(done.exception, SystemExit)
    assert any(line.startswith("error: ") for line in done.stderr.splitlines())
    assert "Traceback" not in done.output
    assert {p: p.read_bytes() for p in older.rglob("*") if p.is_file()} == before
    assert [p.name for p in older.parent.iterdir() if p.name.startswith(".")] == []
    return done.stderr


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_a_study_file_is_named(mistake, tmp_path, older):
    right, wrong, said = MISTAKES[mistake]
    text = read(bundled()["imatinib-il2"])
    assert text.count(right) == 1, right
    path = tmp_path / "my-study.toml"
    path.write_text(text.replace(right, wrong))
    message = refused(["run", path], older)
    assert "my-study.toml" in message
    for words in said:
        assert words in message


@pytest.mark.parametrize("mistake", ["misspelt field", "dose without unit"])
def test_the_line_is_named_and_check_says_the_same(mistake, tmp_path):
    right, wrong, _ = MISTAKES[mistake]
    lines = read(bundled()["imatinib-il2"]).replace(right, wrong).splitlines()
    number = next(n for n, line in enumerate(lines, start=1) if wrong in line)
    path = tmp_path / "my-study.toml"
    path.write_text("\n".join(lines))
    done = RUNNER.invoke(app, ["check", str(path)])
    assert done.exit_code == 2
    assert f"my-study.toml, line {number}: " in done.stderr


def test_several_mistakes_come_in_one_message(tmp_path, older):
    text = read(bundled()["imatinib-il2"]).replace('"400 mg"', '"400"').replace("pool = 2000", "pool = 0")
    path = tmp_path / "my-study.toml"
    path.write_text(text)
    message = refused(["run", path], older)
    assert "treatment[2].dose" in message
    assert "population.pool" in message


def test_a_missing_file_a_folder_and_a_misspelt_name_are_told_apart(tmp_path, older):
    assert "there is no study file" in refused(["run", tmp_path / "nowhere.toml"], older)
    assert "is a folder" in refused(["run", tmp_path], older)
    assert "did you mean 'imatinib-il2'" in refused(["run", "imatinib-il3"], older)


def test_a_mark_at_the_beginning_of_the_file_is_no_mistake(tmp_path):
    """Editors on Windows write one."""
    path = tmp_path / "study.toml"
    path.write_bytes(b"\xef\xbb\xbf" + read(bundled()["imatinib-il2"]).encode())
    done = RUNNER.invoke(app, ["check", str(path)])
    assert done.exit_code == 0, done.stderr


def test_a_table_that_needs_two_brackets_is_told_so(tmp_path, older):
    path = tmp_path / "study.toml"
    path.write_text(read(bundled()["imatinib-il2"]) + '\n[policy]\nwhen = "fatigue >= 3"\ndo = "stop"\n')
    assert "head each with [[policy]]" in refused(["run", path], older)


def test_a_file_that_is_no_text_is_refused(tmp_path, older):
    path = tmp_path / "study.toml"
    path.write_bytes(b"\xff\xfe\x00title")
    assert "not a UTF-8 text file" in refused(["run", path], older)


THERAPY = """from opsonin.model import Module


def module():
    raise ZeroDivisionError("my own mistake")
"""


@pytest.mark.parametrize(
    ("source", "agent", "said"),
    [
        (THERAPY, "./my_drug.py:module", ["my_drug.py", "my own mistake"]),
        (THERAPY, "./my_drug.py:modul", ["my_drug.py", "modul"]),
        (THERAPY, "./my_drug.py", ["names no function", "./my_drug.py:module"]),
        (THERAPY, "./your_drug.py:module", ["there is no file", "your_drug.py"]),
        ("def module(:\n", "./my_drug.py:module", ["my_drug.py"]),
        ("import nothing_of_that_name\n", "./my_drug.py:module", ["my_drug.py", "nothing_of_that_name"]),
        ("def module():\n    return 3\n", "./my_drug.py:module", ["my_drug.py", "Module"]),
        ("raise SystemExit(0)\n", "./my_drug.py:module", ["my_drug.py, line 1", "SystemExit"]),
        (
            "from opsonin.model import Module\n\ndef module():\n    return Module('drug', [])\n",
            "./my_drug.py:module",
            ["has no Administration"],
        ),
    ],
)
def test_a_users_therapy_that_fails_is_named(source, agent, said, tmp_path, older):
    (tmp_path / "my_drug.py").write_text(source)
    path = tmp_path / "my-study.toml"
    text = read(bundled()["imatinib-il2"])
    path.write_text(text.replace('agent = "cyclophosphamide"', f'agent = "{agent}"'))
    message = refused(["run", path], older)
    for words in said:
        assert words in message


DRUG = """from opsonin.model import Administration, Module, Parameter, Process, Species


def module():
    return Module("my drug", [
        Species("drug", "mg"),
        Species("mark", "dimensionless", {start}),
        Parameter("drug_k", 0.5, "1/day", "assumed: an example"),
        Process("drug_out", lambda drug, drug_k: drug_k * drug, consumes="drug"),
        Process("mark_in", lambda mark, drug_k: drug_k * mark**2, produces="mark"),
        Administration("my drug", "{route}", into="drug"),
    ])
"""


@pytest.mark.parametrize(
    ("start", "route", "said"),
    [
        (-1.0, "oral", ["species 'mark' starts at -1", "cannot be negative"]),
        (0.0, "by mouth", ["my_drug.py", "Administration('my drug', …) is 'by mouth'", "subcutaneous"]),
        pytest.param(
            1.0,
            "oral",
            ["more than the 20 patients of the pool", "patients of the pool stopped early", "stopped on day"],
            marks=pytest.mark.slow,  # compiles
        ),
    ],
)
def test_a_users_therapy_that_cannot_be_simulated_is_named(start, route, said, tmp_path, older):
    (tmp_path / "my_drug.py").write_text(DRUG.format(start=start, route=route))
    path = tmp_path / "my-study.toml"
    text = read(bundled()["imatinib-il2"]).replace("pool = 2000", "pool = 20")
    path.write_text(text.replace('agent = "cyclophosphamide"', 'agent = "./my_drug.py:module"'))
    message = refused(["run", path], older)
    for words in said:
        assert words in message


LAW = """from opsonin.model import Administration, Module, Parameter, Process, Species


def module():
    return Module("my drug", [
        Species("drug", "mg"),
        Parameter("drug_k", 0.5, "{unit}", "assumed: an example"),
        Process("drug loss", lambda drug, drug_k: {law}, consumes="drug"),
        Administration("my drug", "oral", into="drug"),
    ])
"""


@pytest.mark.parametrize(
    ("unit", "law", "said"),
    [
        ("1/day", "1 / 0", ["drug loss", "ZeroDivisionError"]),
        ("1/day", "drug_k", ["drug loss", "mg"]),
        ("1/dya", "drug_k * drug", ["1/dya"]),
        ("1/day", "drug_k * drug if drug > 1 else 0", ["drug loss"]),
    ],
)
def test_a_law_of_a_users_therapy_that_cannot_be_traced_is_named(unit, law, said, tmp_path, older):
    (tmp_path / "my_drug.py").write_text(LAW.format(unit=unit, law=law))
    path = tmp_path / "my-study.toml"
    path.write_text(
        read(bundled()["imatinib-il2"]).replace('agent = "cyclophosphamide"', 'agent = "./my_drug.py:module"')
    )
    message = refused(["run", path], older)
    for words in said:
        assert words in message


def test_results_never_replace_a_folder_of_other_files(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    done = RUNNER.invoke(app, ["run", "imatinib-il2", "--out", str(tmp_path)])
    assert done.exit_code == 2
    assert "would be lost" in done.stderr


def test_new_never_overwrites(tmp_path):
    path = tmp_path / "my-study.toml"
    assert RUNNER.invoke(app, ["new", str(path), "--from", "imatinib-il2"]).exit_code == 0
    before = path.read_text()
    path.write_text(before + "# mine\n")
    done = RUNNER.invoke(app, ["new", str(path)])
    assert done.exit_code == 2
    assert "exists already and is left as it is" in done.stderr
    assert path.read_text() == before + "# mine\n"


@pytest.mark.parametrize("command", [["show", "nowhere"], ["explain", "imatinb"], ["analyse", "nowhere.csv"]])
def test_other_commands_refuse_what_is_not_there(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = RUNNER.invoke(app, command)
    assert done.exit_code == 2, done.output
    assert any(line.startswith("error: ") for line in done.stderr.splitlines())
    assert list(tmp_path.iterdir()) == []
