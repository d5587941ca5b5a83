import subprocess
import sys

import opsonin


def test_every_public_name_can_be_had():
    for name in opsonin.__all__:
        assert getattr(opsonin, name).__name__ == name


def test_the_public_names_are_these():
    assert opsonin.__all__ == [
        "Finding",
        "Findings",
        "Replicates",
        "Run",
        "Study",
        "TrialRecord",
        "analyse",
        "read_data",
        "write_report",
    ]


def test_importing_the_package_loads_nothing_heavy():
    heavy = ["numpy", "pandas", "sympy", "numba", "plotly", "pydantic", "typer", "scipy", "pint"]
    check = f"import opsonin, sys; print([m for m in {heavy!r} if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
