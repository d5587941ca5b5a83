"""Which assumptions an outcome hangs on: every assumed number differs, nothing else does, and what counts is found."""

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from opsonin.cli.app import app
from opsonin.errors import StudyError
from opsonin.model import LogitNormal, LogNormal, Parameter
from opsonin.patients import sample_patients
from opsonin.study import Study
from opsonin.study.again import Again
from opsonin.study.assumptions import assumed_shares, uncertain, value_of
from opsonin.study.library import find

WEEKS = "progression-free at 12 weeks"


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Study:
    text = find("imatinib-il2").read_text(encoding="utf-8").replace("pool = 2000", "pool = 400")
    path = tmp_path_factory.mktemp("assumed") / "small.toml"
    path.write_text(text, encoding="utf-8")
    return Study.load(path)


def kinds(study: Study) -> dict[str, str]:
    one = study.built.indication
    found = {}
    for part, _ in study.built.model.parts(Parameter):
        value, source = value_of(part, one)
        found[part.name] = Parameter(part.name, value, part.unit, source).kind
    return found


@pytest.mark.parametrize("fold", [2.0, 5.0])
def test_every_assumed_number_differs_by_the_fold_and_no_other_number_changes(small, fold):
    made, nought = uncertain(small, fold)
    before, after = (
        sample_patients(small.built.model, one.built.indication, 2000, 5).constants for one in (small, made)
    )
    symbolic, known = small.built.model.symbolic, kinds(small)
    assert "assumed" in known.values()
    for place, name in enumerate(symbolic.constants):
        if place in symbolic.derived:
            continue
        one, other = before[:, place], after[:, place]
        if known.get(name) != "assumed" or name in nought:
            np.testing.assert_array_equal(one, other, err_msg=name)
        elif np.ptp(one) == 0 and one[0] < 0:
            assert np.std(other) == pytest.approx(-one[0] * np.log(fold) / 1.96, rel=0.1), name
        elif np.ptp(one) == 0:
            spread = made.built.indication.spreads[name]
            ratio = other / one[0]
            if isinstance(spread, LogitNormal):
                ratio = ratio * (1 - one[0]) / (1 - other)
            assert np.quantile(ratio, 0.975) < fold * 1.1, name
            assert np.quantile(ratio, 0.025) > 1 / fold / 1.1, name
            assert np.ptp(ratio) > 0.1 * np.log(fold), name


def test_a_number_that_differs_between_patients_already_keeps_its_spread(small):
    made, _ = uncertain(small)
    for part, _ in small.built.model.parts(Parameter):
        if part.spread is not None and part.name not in small.built.indication.spreads:
            assert part.name not in made.built.indication.spreads


def test_a_share_stays_one():
    made, _ = uncertain(Study.load("checkpoint-basket"), 50.0)
    first = made.built.indication
    assert isinstance(first.spreads["escape_visibility"], LogitNormal)
    assert isinstance(first.spreads["burst_divisions"], LogNormal)
    patients = sample_patients(made.built.model, made.built.indication, 500, 1)
    values = patients.constants[:, made.built.model.symbolic.constants.index("escape_visibility")]
    assert 0 < values.min() < values.max() < 1


@pytest.mark.slow
def test_shares_are_of_assumed_parameters_and_the_strongest_one_really_moves_the_outcome():
    basket = Study.load("checkpoint-basket")
    found = assumed_shares(basket, patients=120, fold=3.0)
    known = kinds(basket)
    assert len(found.table) > 50
    assert {known[name] for name in found.table["parameter"]} == {"assumed"}
    assert (found.table["share"].diff().dropna() <= 0).all()
    assert found.unable > 0  # their numbers do not go together
    assert 500 < found.n <= 1200 - found.unable
    again = Again(basket, "response", 1, 1, 60)
    low, high = (_rate(again, {found.table["parameter"][0]: factor}) for factor in (1 / 3, 3.0))
    assert abs(high - low) > 0.1, (found.table["parameter"][0], low, high)


def _rate(again: Again, change: dict[str, float]) -> float:
    _, good, known = again.changed(change)
    return float(good[known].mean())


@pytest.mark.parametrize("fold", [1.0, 0.5, float("inf"), float("nan")])
def test_an_uncertainty_that_is_none_is_refused(small, fold):
    with pytest.raises(StudyError, match="a factor above 1"):
        assumed_shares(small, outcome=WEEKS, fold=fold)


def test_the_command_prints_the_strongest_and_writes_all(small, tmp_path):
    asked = ["why", str(small.path), "--assumed", "--outcome", WEEKS, "--level", "2"]
    made = CliRunner().invoke(app, [*asked, "--out", str(tmp_path / "out")])
    assert made.exit_code == 0, made.output
    assert "parameters are assumed" in made.output
    table = pd.read_csv(tmp_path / "out" / "assumptions.csv")
    assert table["source"].str.lower().str.startswith("assumed").all()
    assert table["parameter"][0].replace("_", " ") in made.output
    refused = CliRunner().invoke(app, [*asked, "--change", "slower growth: tumour_growth_rate = 0.5"])
    assert refused.exit_code == 2
    assert "one at a time" in refused.stderr
