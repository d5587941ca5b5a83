"""`opsonin sensitivity` on the bundled study and on what it cannot do."""

import pandas as pd
import pytest
from typer.testing import CliRunner

from opsonin.cli.app import app


def run(*arguments: str):
    return CliRunner().invoke(app, ["sensitivity", *arguments])


def test_local_sensitivities_of_what_the_study_asks_about(tmp_path):
    made = run("imatinib-il2", "--level", "2", "--most", "3", "--out", str(tmp_path / "local.csv"))
    assert made.exit_code == 0, made.output
    assert "interleukin-2 6 MIU" in made.output
    frame = pd.read_csv(tmp_path / "local.csv").set_index(["outcome", "factor"])["value"]
    clearance = frame["interleukin-2: AUC from 13 to 14", "il2_cl"]
    assert clearance == pytest.approx(-1, abs=0.01)  # linear kinetics: AUC = F · dose / CL
    assert frame["CGP74588: AUC from 13 to 14", "cgp74588_cl"] == pytest.approx(-1, abs=0.02)
    assert frame["HLA-DR+ NK: at 14", "nk_baseline"] == pytest.approx(1, abs=0.01)
    assert frame["interleukin-2: AUC from 13 to 14", "nk_baseline"] == 0


def test_morris_of_parameters_by_name(tmp_path):
    made = run(
        "imatinib-il2", "--method", "morris", "--samples", "4", "--outcome", "imatinib: AUC from 13 to 14",
        "--parameters", "imatinib_cl, imatinib_ka, il2_toxic_level", "--out", str(tmp_path / "morris.csv"),
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    assert "16 patients simulated" in made.output
    frame = pd.read_csv(tmp_path / "morris.csv")
    effects = frame[frame["index"] == "effect"].set_index("factor")["value"]
    assert effects["imatinib_cl"] > 10 * effects["imatinib_ka"] > 0
    assert effects["il2_toxic_level"] == 0


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--method", "guess"], "method 'guess' is none of local, sobol, morris, pawn"),
        (["--outcome", "imatinib"], "the outcome 'imatinib' cannot be read"),
        (["--outcome", "imatinob: AUC"], "did you mean 'imatinib'"),
        (["--outcome", "imatinib: time above 3"], "has no derivative that forward equations give"),
        (["--parameters", "imatinib_clearance"], "did you mean"),
        (["--method", "sobol", "--samples", "100"], "power of 2, not 100"),
        (["--method", "morris", "--parameters", "treg_growth", "--outcome", "imatinib: max"], "none of treg_growth"),
        (["--level", "7"], "there is no dose level 7; the study has 1 to 4"),
        (["--days", "-30"], "day -30 is not after the first dose"),
        (["--out", "table.txt"], "no .csv file"),
        (["--out", "no-such-folder/table.csv"], "lies in no-such-folder, which is no folder"),
        (["--outcome", "imatinib: at 99"], "looks at day 99, but patients are followed from day -21 to day 21"),
        (["--days", "1e9"], "day 1e+09 is out of reach"),
        (["--method", "morris", "--fold", "1"], "--fold 1 is no range"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(arguments, why):
    made = run("imatinib-il2", *arguments)
    assert made.exit_code == 2
    assert why in made.stderr
    assert "Traceback" not in made.stderr


def test_an_outcome_that_is_nothing_has_no_factors():
    made = run("imatinib-il2", "--days", "0", "--outcome", "fatigue: risk of grade 3", "--parameters", "imatinib_cl")
    assert made.exit_code == 0, made.output
    assert "none of 1 has an effect" in made.output
    assert "is 0 in the typical patient: nothing has a percent of nought" in made.output
