"""Start-up: what a command or an import may load, and how long the help takes."""

import os
import subprocess
import sys

import pytest

HEAVY = ["numpy", "pandas", "scipy", "sympy", "numba", "pint", "plotly", "pydantic", "pyarrow", "pandera"]
SOLVER = ["opsonin.simulate", "opsonin.model", "opsonin.trial", "sympy", "numba"]


def loaded(statement, names):
    """Which of the modules a fresh interpreter has after a statement."""
    code = f"{statement}\nimport sys\nprint(*[m for m in {names!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_importing_opsonin_loads_nothing_heavy():
    assert loaded("import opsonin", HEAVY) == []


def test_the_command_line_loads_nothing_heavy_before_a_command_runs():
    assert loaded("import opsonin.cli", HEAVY) == []


@pytest.mark.parametrize("room", ["analysis", "report", "record", "conduct", "designs", "criteria"])
def test_reading_a_trial_never_loads_a_solver(room):
    assert loaded(f"import opsonin.{room}", SOLVER) == []


def test_a_name_of_the_api_loads_its_own_room():
    assert "opsonin.record.trial_record" in loaded(
        "import opsonin; opsonin.TrialRecord", ["opsonin.record.trial_record"]
    )


def test_the_help_answers_in_half_a_second():
    def once():
        before = os.times()
        subprocess.run([sys.executable, "-m", "opsonin", "--help"], capture_output=True, check=True)
        after = os.times()
        return after.children_user + after.children_system - before.children_user - before.children_system

    once()  # compiles the bytecode
    # the work it takes, not the clock: tests share their machine with one another
    assert min(once() for _ in range(3)) < 0.5
