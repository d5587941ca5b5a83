"""Studies without a ladder: what may stand in [enrolment], what it means, and a run of it from file to report."""

import json

import pytest
from typer.testing import CliRunner

from opsonin.analysis import Findings
from opsonin.cli.app import app
from opsonin.errors import StudyError
from opsonin.patients import INDICATIONS
from opsonin.record import TrialRecord
from opsonin.study import Study

TWO_ARMS = """
title = "Two arms"
[population]
indication = "refractory-solid"
pool = 60
[[treatment]]
agent = "imatinib"
dose = "400 mg"
days = "1 to 14"
cycle = "21 days"
[[treatment]]
agent = "interleukin-2"
arm = "both"
dose = "6 MIU"
days = "10 to 14"
cycle = "21 days"
[enrolment]
arms = ["imatinib", "both"]
patients = 10
accrual = "3 days"
[assessments]
concentrations = { analytes = ["imatinib", "interleukin-2"], days = [9, 14], hours = [0, 4] }
immune = { panel = "T-B-NK", days = [1, 15] }
tumour = { every = "6 weeks" }
[follow_up]
observe = "12 months"
"""
STAGED = """
title = "One arm in two stages"
[population]
indication = "refractory-solid"
pool = 40
[[treatment]]
agent = "imatinib"
dose = "400 mg"
days = "1 to 14"
cycle = "21 days"
[enrolment]
design = { name = "simon", null = 0.05, target = 0.25 }
response = "18 weeks"
[assessments]
tumour = { every = "6 weeks" }
[follow_up]
observe = "12 months"
"""


@pytest.fixture
def study(tmp_path):
    """Writes a study file and loads it."""

    def load(text):
        path = tmp_path / "mine.toml"
        path.write_text(text, encoding="utf-8")
        return Study.load(path)

    return load


@pytest.fixture
def other_indication(monkeypatch):
    """A second indication, of the same patients."""
    monkeypatch.setitem(INDICATIONS, "other-solid", INDICATIONS["refractory-solid"])


def test_arms_become_doses_of_every_arm(study):
    made = study(TWO_ARMS).built.protocol
    assert [level.name for level in made.levels] == ["imatinib", "both"]
    assert made.arms.patients == ((10, 10),)
    assert {t.agent: t.doses for t in made.treatments} == {"imatinib": (400.0,), "interleukin-2": (0.0, 6.0)}
    assert made.gives("interleukin-2") == (False, True)
    assert (made.dlt, made.accrual_days) == ((), 3.0)


@pytest.mark.parametrize(
    ("patients", "expected"),
    [
        ("7", ((7, 7), (7, 7))),
        ("{ imatinib = 5, both = 10 }", ((5, 10), (5, 10))),
        ("{ refractory-solid = 4, other-solid = 8 }", ((4, 4), (8, 8))),
    ],
)
def test_numbers_are_given_for_all_by_arm_or_by_indication(study, other_indication, patients, expected):
    text = TWO_ARMS.replace("patients = 10", f"patients = {patients}")
    text = text.replace('indication = "refractory-solid"', 'indication = ["refractory-solid", "other-solid"]')
    assert study(text).built.protocol.arms.patients == expected


def test_a_basket_has_patients_of_its_own_in_each_indication(study, other_indication):
    from opsonin.study.run import _patients

    text = STAGED.replace('indication = "refractory-solid"', 'indication = ["refractory-solid", "other-solid"]')
    basket, alone = study(text), study(STAGED)
    patients, first = _patients(basket, 3), _patients(alone, 3)
    assert len(patients) == 80
    assert patients.ids.tolist() == list(range(80))
    assert (patients.constants[:40] == first.constants).all()
    assert not (patients.constants[40:] == first.constants).all()
    assert "80" not in basket.describe()
    assert "each of" in basket.describe()


CASES = {
    "neither": (TWO_ARMS.replace("[enrolment]", "[unknown]"), "no field 'unknown'"),
    "a ladder": (TWO_ARMS.replace('dose = "6 MIU"', 'dose = ["3 MIU", "6 MIU"]'), "which is a ladder and needs"),
    "unknown arm": (TWO_ARMS.replace('arm = "both"', 'arm = "bth"'), "of the arm 'bth', which is none of the arms"),
    "no patients": (TWO_ARMS.replace("patients = 10\n", ""), "give `patients`"),
    "both numbers": (STAGED.replace('response = "18', 'patients = 8\nresponse = "18'), "not both"),
    "half a table": (TWO_ARMS.replace("patients = 10", "patients = { both = 10 }"), "for each of the arms"),
    "a text": (TWO_ARMS.replace("patients = 10", 'patients = "ten"'), "cannot be read"),
    "nobody": (TWO_ARMS.replace("patients = 10", "patients = 0"), "nobody is enrolled"),
    "an empty arm": (
        TWO_ARMS.replace("patients = 10", "patients = { imatinib = 0, both = 8 }"),
        "nobody .* in 'imatinib'",
    ),
    "one arm": (TWO_ARMS.replace('["imatinib", "both"]', '["both"]'), "needs no list"),
    "twice": (TWO_ARMS.replace('["imatinib", "both"]', '["both", "both"]'), "not told apart"),
    "control": (TWO_ARMS.replace("patients = 10", 'patients = 10\ncontrol = "x"'), "the control 'x' is no arm"),
    "no rates": (
        STAGED.replace('{ name = "simon", null = 0.05, target = 0.25 }', '"simon"'),
        "needs its response rates",
    ),
    "design": (STAGED.replace('"simon"', '"simn"'), "enrolment.design.*did you mean 'simon'"),
    "small pool": (TWO_ARMS.replace("patients = 10", "patients = 31"), "enrol 62 patients of .*but the pool has 60"),
    "no scans": (STAGED.replace('[assessments]\ntumour = { every = "6 weeks" }', ""), "add scans"),
    "early": (STAGED.replace('response = "18 weeks"', 'response = "2 weeks"'), "between the first scan"),
    "basket of doses": (
        TWO_ARMS.replace("[enrolment]", "[escalation]")
        .replace(
            'arms = ["imatinib", "both"]\npatients = 10\naccrual = "3 days"', 'dlt_window = "21 days"\ndlt = "any >= 4"'
        )
        .replace('arm = "both"\n', "")
        .replace('"6 MIU"', '["3 MIU", "6 MIU"]')
        .replace('"refractory-solid"', '["refractory-solid", "other-solid"]'),
        "are a basket",
    ),
    "a policy on DLT": (TWO_ARMS + '[[policy]]\nwhen = "DLT"\ndo = "stop"\n', "does not define"),
    "misspelt": (TWO_ARMS.replace("accrual", "accruel"), "did you mean 'accrual'"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_does_not_fit_is_named(study, other_indication, case):
    text, words = CASES[case]
    with pytest.raises(StudyError, match=f"(?s){words}"):
        study(text)


def test_indications_of_different_models_are_named(study):
    text = STAGED.replace('"refractory-solid"', '["melanoma", "t-all-mouse"]')
    with pytest.raises(StudyError, match=r"'melanoma' and 't-all-mouse' are for different models.*one for each"):
        _ = study(text).built


def test_commands_that_look_for_a_dose_say_that_there_is_none(tmp_path):
    path = tmp_path / "two.toml"
    path.write_text(TWO_ARMS)
    compare = ["design", "compare", str(path), "--designs", "boin,3+3", "--out", str(tmp_path / "out")]
    for command in (["decide", str(path), "--outcomes", "1NNN"], compare):
        said = CliRunner().invoke(app, command)
        assert said.exit_code == 2, command
        assert "looks for no dose" in " ".join(said.stderr.split())


@pytest.mark.slow
def test_a_randomised_study_runs_whole(study, tmp_path):
    """From the file to record, findings and report; arms are the groups, and their hazard ratio is given."""
    made = study(TWO_ARMS)
    assert "randomised in permuted blocks" in made.describe()
    out = tmp_path / "results"
    said = CliRunner().invoke(app, ["run", str(made.path), "--seed", "3", "--trials", "6", "--out", str(out)])
    assert said.exit_code == 0, said.output
    record = TrialRecord.load(out / "record")
    record.validate()
    assert record.subjects["arm"].value_counts().to_dict() == {"both": 10, "imatinib": 10}
    found = Findings.load(out / "findings.json")
    names = {(f.name, f.group) for f in found.results}
    assert ("survival.PFS.hazard_ratio", "both vs imatinib") in names
    assert ("response.objective_rate", "both") in names
    assert ("design.OS.significant", "both vs imatinib") in names
    assert not any(f.name.startswith(("safety.mtd", "safety.dlt", "design.mtd")) for f in found.results)
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "How do imatinib and both compare, randomised?" in page
    assert "Dose-limiting" not in page
    assert "Which dose" not in page


@pytest.mark.slow
def test_a_basket_compares_its_indications(study, other_indication, tmp_path):
    text = STAGED.replace('indication = "refractory-solid"', 'indication = ["refractory-solid", "other-solid"]')
    run = study(text).run(seed=4, trials=3)
    names = {(f.name, f.group) for f in run.findings.results}
    for indication in ("refractory-solid", "other-solid"):
        assert ("phase_two.response_rate", indication) in names
        assert ("basket.response_rate", indication) in names
        assert ("response.objective_rate", indication) in names
        assert ("design.stopped_early", indication) in names
    assert ("basket.spread", "all") in names
    assert not any(" vs " in str(group) for _, group in names)  # indications are not compared
    from opsonin import write_report

    page = write_report(run.record, run.findings, tmp_path / "report.html", 3).read_text(encoding="utf-8")
    assert "alone and with what it borrows" in page
    assert "How many respond in other-solid and refractory-solid, and for how long?" in page


@pytest.mark.slow
def test_a_staged_study_reports_its_decision(study, tmp_path):
    made = study(STAGED)
    run = made.run(seed=4, trials=5)
    rows = run.record.decisions
    about = json.loads(rows["numbers"].iloc[-1])
    rate = next(f for f in run.findings.results if f.name == "phase_two.response_rate")
    assert (rate.n, rate.events) == (about["patients"], about["responses"])
    assert rate.lower <= rate.estimate <= rate.upper
    assert rows["reason"].iloc[-1].lower() in rate.note.lower()
    shares = {f.name: f.estimate for f in run.findings.results if f.name.startswith("design.")}
    assert 0 <= shares["design.worth_going_on"] <= 1 - shares["design.stopped_early"]
    from opsonin import write_report

    page = write_report(run.record, run.findings, tmp_path / "report.html", 5).read_text(encoding="utf-8")
    assert "Looks at the responses" in page
    assert "worth going on with, by the simon design" in page
