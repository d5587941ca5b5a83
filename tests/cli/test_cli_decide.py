"""`opsonin decide`, as a trial's team types it."""

import subprocess
import sys

import pandas as pd
import pytest
from typer.testing import CliRunner

from opsonin.cli.app import app
from opsonin.record import TrialRecord

RUNNER = CliRunner()


def run(*arguments):
    return RUNNER.invoke(app, ["decide", *(str(a) for a in arguments)])


@pytest.fixture
def folder(tmp_path):
    """A trial with three patients at level 1, one with a DLT, and one more who left early."""
    subjects = pd.DataFrame(
        {"subject_id": list("ABCD"), "level": 1, "cohort": 1, "enrolled_day": [0.0, 5.0, 9.0, 20.0]}
    )
    events = pd.DataFrame(
        {
            "subject_id": ["B"],
            "event_id": ["1"],
            "term": ["Fatigue"],
            "grade": [3],
            "start_day": [5.0],
            "related": "yes",
        }
    )
    left = pd.DataFrame({"subject_id": ["C"], "milestone": ["off study"], "day": [6.0]})
    TrialRecord({"subjects": subjects, "adverse_events": events, "disposition": left}).save(tmp_path / "record")
    return tmp_path / "record"


def test_outcomes_as_text_give_decision_reason_and_every_next_outcome():
    said = run("imatinib-il2", "--outcomes", "1NNN 2NTN").stdout
    assert "stay: treat 3 patients at level 2, interleukin-2 6 MIU" in said
    assert "1 of 3 with DLT at level 2: treat up to six" in said
    assert all(outcome in said for outcome in ("NNN", "NNT", "NTT", "TTT"))
    assert "Under other priors" not in said


def test_a_model_based_design_says_how_much_hangs_on_its_prior():
    said = run("imatinib-il2", "--design", "crm", "--outcomes", "1NNN 2NTN").stdout
    assert "Under other priors" in said
    assert "level 4 thought to be the MTD" in said
    assert "Another prior would decide otherwise." in said


def test_the_decision_is_written_into_the_record_and_only_once(folder):
    first = run("imatinib-il2", "--record", folder)
    assert first.exit_code == 0, first.output
    assert "1 not evaluable" in first.stdout
    assert "written   decision D01" in first.stdout
    decisions = TrialRecord.load(folder).decisions
    assert decisions["seen"].tolist() == ["1NTN"]
    assert decisions["decision"].tolist() == ["stay"]
    assert len(TrialRecord.load(folder).adverse_events) == 1
    assert "nothing was written" in run("imatinib-il2", "--record", folder).stdout
    assert len(TrialRecord.load(folder).decisions) == 1


def test_nothing_is_written_where_not_asked(folder):
    assert run("imatinib-il2", "--record", folder, "--no-write").exit_code == 0
    assert len(TrialRecord.load(folder).decisions) == 0


def test_an_open_window_is_waited_for(folder):
    said = run("imatinib-il2", "--record", folder, "--day", 30, "--no-write").stdout
    assert "wait: treat nobody yet" in said
    assert "the DLT window of D at level 1 is still open" in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "neither was given"),
        (["--outcomes", "1NNN", "--record", "x"], "both were given"),
        (["--outcomes", "1NNN", "--day", "3"], "days of follow-up as 2N@14d"),
        (["--outcomes", "1NXN"], "cohort 1 of '1NXN'"),
        (["--outcomes", "9NNN"], "hold level 9"),
        (["--outcomes", "1NNN", "--design", "bion"], "no design 'bion'"),
        (["--outcomes", "1NNN", "--design", "boin, crm"], "asks one design"),
        (["--outcomes", "1NNN", "--design", "boin(target=2)"], "target"),
        (["--record", "nowhere"], "nowhere"),
    ],
)
def test_mistakes_are_named(arguments, words):
    done = run("imatinib-il2", *arguments)
    assert done.exit_code == 2
    assert words in done.stderr
    assert "Traceback" not in done.output


def test_no_solver_is_loaded():
    code = (
        "import sys\nfrom opsonin.cli.app import app\n"
        "try:\n    app(['decide', 'imatinib-il2', '--outcomes', '1NNN 2NTN'])\nexcept SystemExit:\n    pass\n"
        "print('LOADED', [m for m in ('opsonin.simulate', 'opsonin.trial', 'sympy', 'numba') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.rstrip().endswith("LOADED []")


def test_a_curve_over_doses_is_drawn_over_the_studys_own():
    said = run("imatinib-il2", "--design", "blrm", "--outcomes", "1NNN 2NTN").stdout
    assert "3, 6, 9, 12" in said
    assert "Under other priors" in said


def test_a_design_takes_options_of_its_own():
    said = run("imatinib-il2", "--design", "boin(target=0.2, patients=12)", "--outcomes", "1NNN").stdout
    assert "BOIN with target 20%" in said
    assert "at most 12 patients" in said


def test_a_design_that_goes_over_levels_says_so():
    crm = "crm(target=0.3, cohort=3{})"
    said = run("imatinib-il2", "--design", crm.format(""), "--outcomes", "1NNN").stdout
    assert "treat 3 patients at level 4" in said
    assert "caution   nobody has been treated at level 2 and level 3; the design's option no_skipping = true" in said
    held = run("imatinib-il2", "--design", crm.format(", no_skipping=true"), "--outcomes", "1NNN").stdout
    assert "treat 3 patients at level 2" in held
    assert "caution" not in held
    assert "caution" not in run("imatinib-il2", "--outcomes", "1NNN").stdout


def test_two_agents_are_decided_on_by_cells(tmp_path):
    text = tmp_path / "two.toml"
    text.write_text(
        'title = "Two"\n[population]\nindication = "refractory-solid"\n'
        '[[treatment]]\nagent = "imatinib"\ndose = ["200 mg", "400 mg"]\ndays = "1 to 14"\n'
        '[[treatment]]\nagent = "interleukin-2"\ndose = ["3 MIU", "6 MIU"]\ndays = "10 to 14"\n'
        '[escalation]\ndesign = "boin-comb"\ndlt_window = "21 days"\ndlt = ["fatigue >= 3"]\n'
    )
    said = run(text, "--outcomes", "1x1NNN 1x2NTN").stdout
    assert "treat 3 patients at 1x2, imatinib 200 mg + interleukin-2 6 MIU" in said
    assert "2x2  imatinib 400 mg + interleukin-2 6 MIU" in said
    ordered = run(text, "--design", "pocrm", "--outcomes", "1x1NNN 1x2NTN").stdout
    assert "by ordering" in ordered
    moved = run(text, "--design", "pocrm", "--outcomes", "1x1NNN 1x2NNN").stdout
    assert "move: treat 3 patients at 2x1, imatinib 400 mg + interleukin-2 3 MIU" in moved
    assert "is for one agent; for two are" in run(text, "--design", "boin", "--outcomes", "1x1NNN").stderr
