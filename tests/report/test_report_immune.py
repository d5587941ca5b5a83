"""The chapter on immune monitoring with its models: dose, outcome and composition, from a record with all of them."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from opsonin.analysis.everything import analyse_part
from opsonin.analysis.findings import Findings
from opsonin.record import Manifest, TrialRecord
from opsonin.report.chapters.immune import chapter
from opsonin.report.context import Context
from opsonin.report.figures.immune import trends
from opsonin.report.figures.immune_courses import composition_ratios, courses_by_outcome, dose_exponents
from opsonin.report.groups import grouped

DOSES = {1: 3.0, 2: 6.0, 3: 12.0}


@pytest.fixture(scope="module")
def record():
    """Fifteen patients at three doses: NK cells rise with the dose, CD8+ cells do where disease is controlled."""
    rng = np.random.default_rng(7)
    who = [f"P{k:02d}" for k in range(15)]
    level, well = np.repeat([1, 2, 3], 5), np.arange(15) % 2 == 0
    dose = np.array([DOSES[k] for k in level])
    rows = []
    base = {part: np.exp(rng.normal(6, 0.4, 15)) for part in ("B", "CD4+", "CD8+", "NK")}
    for day in (-3.0, 7.0, 14.0):
        for part, start in base.items():
            change = rng.normal(0, 0.1, 15) if day > 0 else np.zeros(15)
            if day == 14.0:
                change = change + {"NK": np.log(dose / 3), "CD8+": 0.8 * well}.get(part, np.zeros(15))
            rows.append(pd.DataFrame({"subject_id": who, "marker": part, "day": day, "value": start * np.exp(change)}))
    table = pd.concat(rows, ignore_index=True)
    best = pd.DataFrame({"subject_id": who, "overall": np.where(well, "SD", "PD"), "criteria": "RECIST 1.1"})
    given = pd.DataFrame({"subject_id": who, "agent": "interleukin-2", "start_day": 0.0, "amount": dose, "unit": "MIU"})
    tables = {
        "subjects": pd.DataFrame({"subject_id": who, "level": level}),
        "measurements": table.assign(
            compartment="blood", unit="cells/µl", below_limit=False, baseline=table["day"] < 0
        ),
        "responses": best.assign(day=0.0, best=True, source="reported"),
        "exposures": given.assign(route="subcutaneous"),
    }
    return TrialRecord(tables, Manifest()).validate()


@pytest.fixture(scope="module")
def findings(record):
    return Findings(analyse_part(["immune"], record)["immune"]).results


def test_the_chapter_draws_what_the_models_found(record, findings):
    page = chapter(Context(record, findings, grouped(record)))
    names = [figure.name for figure in page.figures]
    assert names == [
        "immune-changes", "immune-dose", "immune-exponents", "immune-outcome", "immune-composition", "immune-ratios",
    ]  # fmt: skip
    for figure in page.figures:
        assert figure.plot.plotly().to_dict()["data"], figure.name
        assert figure.caption.endswith(".")
        assert len(figure.data)


def test_the_dose_is_told_on_the_day_it_works(record, findings):
    figure = dose_exponents(record, findings)
    assert figure.title.endswith("on day 15")
    nk: Any = figure.data.set_index("marker").loc["NK"]
    assert nk["lower"] < 2 < nk["upper"]  # NK cells rise in proportion to the dose
    assert "NK (× " in figure.caption
    assert figure.data["marker"].tolist() == ["B", "CD4+", "CD8+", "NK"]


def test_courses_part_where_disease_is_controlled(record, findings):
    figure = courses_by_outcome(record, grouped(record), findings)
    assert "CD8+ on day 15 (× 2." in figure.caption
    assert "disease control" in figure.title
    assert set(figure.data["outcome"]) == {label for label, _ in figure.key}
    assert courses_by_outcome(record, grouped(record), []) is None


def test_ratios_of_cell_types_by_level(record, findings):
    figure = composition_ratios(grouped(record), findings)
    rows: Any = figure.data.set_index(["part", "group"])
    assert rows.loc[("NK", "level 3"), "estimate"] > rows.loc[("NK", "level 1"), "estimate"]
    assert len(rows) == 12
    assert "level 3: p = 0.063; all: p = 0.0031" in figure.caption  # five patients: at best 2 of 32 signs
    assert composition_ratios(grouped(record), []) is None


def test_the_composition_is_no_marker_of_the_trends_with_dose(record, findings):
    assert findings.get("immune.composition.with_dose", "day 15").p < 0.05
    assert set(trends(findings, 14.0)) == {"B", "CD4+", "CD8+", "NK"}
