"""Published dose–toxicity series as truths."""

import numpy as np
import pytest

from opsonin.designs import Boin, MaxPatients, scenario_library, simulate
from opsonin.errors import DesignError
from paths import DATA, needs_data

HEAD = "model,outcome,AnalysisSeriesId,DoseLevel,EstProbEvent\n"


@needs_data
def test_the_published_series():
    path = DATA / "dose-escalation" / "dosefinding_expected_rates.csv"
    found = scenario_library(path)
    assert len(found) == 155
    assert len(scenario_library(path, "Model3")) == 154
    np.testing.assert_allclose(
        found[2].dlt, [0.0653089305877017, 0.155631786926047, 0.339073729974785, 0.577153607551468]
    )
    rising = scenario_library(path, levels=5, monotone=True)
    assert all(scenario.doses == 5 and scenario.monotone for scenario in rising)
    chosen = [simulate(MaxPatients(Boin(5, 0.30), 30), scenario, 50, seed=1) for scenario in rising[:5]]
    assert all(np.isclose(one.select.sum(), (one.mtd > 0).mean()) for one in chosen)


def test_order_and_choice(tmp_path):
    path = tmp_path / "series.csv"
    path.write_text(
        HEAD + "A,dlt,2,1,0.3\nA,dlt,2,0,0.1\nA,dlt,1,0,0.4\nA,dlt,1,1,0.2\nB,dlt,3,0,0.5\nA,obj_resp,2,0,0.9\n"
    )
    found = scenario_library(path, "A")
    assert [scenario.name for scenario in found] == ["series 1", "series 2"]
    assert found[1].dlt.tolist() == [0.1, 0.3]
    assert [scenario.name for scenario in scenario_library(path, "A", monotone=True)] == ["series 2"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("model,outcome\n", "no column AnalysisSeriesId"),
        (HEAD + "Model1,dlt,1,0,1.5\n", r"line 2: the rate 1.5"),
        (HEAD + "Model1,dlt,1,low,0.5\n", "line 2"),
        (HEAD + "Model2,dlt,1,0,0.5\n", "holds no DLT series"),
    ],
)
def test_files_that_are_no_library(tmp_path, text, says):
    path = tmp_path / "series.csv"
    path.write_text(text)
    with pytest.raises(DesignError, match=says):
        scenario_library(path)
    with pytest.raises(DesignError, match="cannot be read"):
        scenario_library(tmp_path / "absent.csv")
