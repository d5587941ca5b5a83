"""A marker asked about against response has its answer on the first page, as an area under the ROC curve."""

import numpy as np
import pandas as pd
import pytest

from opsonin.analysis import Findings, analyse
from opsonin.record import Manifest, TrialRecord
from opsonin.report.believing import believed, biomarker, looked_into, to_confirm
from opsonin.report.context import Context
from opsonin.report.groups import grouped

N = 60


@pytest.fixture(scope="module")
def context() -> Context:
    """Sixty patients whose baseline NK cells are higher in responders, and whose B cells tell nothing."""
    draw = np.random.default_rng(11)
    ids = [f"P{k:02d}" for k in range(N)]
    answer = np.arange(N) % 3 == 0
    rows = [
        (who, 0.0, marker, float(value), "cells/µl", "blood", True, False)
        for marker, shift in (("NK", 1.5), ("B", 0.0))
        for who, value in zip(ids, np.exp(draw.normal(3 + shift * answer, 0.6)), strict=True)
    ]
    columns = ["subject_id", "day", "marker", "value", "unit", "compartment", "baseline", "below_limit"]
    responses = {"criteria": "RECIST 1.1", "day": 84.0, "best": True, "source": "reported"}
    tables = {
        "subjects": pd.DataFrame({"subject_id": ids}),
        "measurements": pd.DataFrame(rows, columns=columns),
        "responses": pd.DataFrame({"subject_id": ids, **responses, "overall": np.where(answer, "PR", "PD")}),
    }
    asked = [{"marker": name, "day": 1, "against": ["response"]} for name in ("NK", "B")]
    record = TrialRecord(tables, Manifest(title="Markers of response", questions={"biomarkers": asked}))
    return Context(record, list(analyse(record)), grouped(record))


def test_the_strongest_is_told_with_its_area(context):
    (begin, rest), *more = biomarker(context)
    assert not more
    area = Findings(context.findings).get("biomarker.response.NK.auc")
    assert begin.startswith(f"NK and response: area under the ROC curve {area.estimate:.3f} (")
    assert "chance makes one this strong" in rest


def test_both_are_ranked_by_what_chance_makes(context):
    lines = believed(context)
    assert [begin for begin, _ in lines] == ["NK and response:", "B and response:"]
    assert f"with {N // 3} responders" in lines[0][1]
    assert "azard" not in lines[0][1]
    assert lines[1][1].startswith("do not build on it")


def test_what_the_next_trial_needs_is_told(context):
    (line,) = to_confirm(context)
    assert line.startswith("Fix NK, its day, its scale and response in the protocol")
    assert "responders" in line


def test_a_marker_with_a_ratio_is_not_told_twice(context):
    seen = [(endpoint, marker) for endpoint, marker, _, _ in looked_into(context)]
    assert len(seen) == len(set(seen)) == 2
