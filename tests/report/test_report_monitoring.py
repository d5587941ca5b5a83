"""The summary's line on markers: over everybody where all are treated alike, arm by arm where arms differ."""

import re

import numpy as np
import pandas as pd
import pytest

from opsonin.analysis import analyse
from opsonin.record import Manifest, TrialRecord
from opsonin.report.context import Context
from opsonin.report.groups import grouped
from opsonin.report.monitoring import immune

RISES = {"cells": 4.0, "antibody": 1.0, "both": 0.25, "A": 2.0, "B": 3.0, "C": 5.0, "D": 0.2, "E": 1.1, "F": 1.0}


def measured(arms: list[str], compare: str = "arm", each: int = 8) -> TrialRecord:
    """`each` patients an arm; p21 changes by the arm's factor from day 1 to day 22, TCF7 falls a little in all."""
    draw = np.random.default_rng(5)
    rows, subjects = [], []
    for arm in arms:
        for k in range(each):
            who = f"{arm}{k}"
            subjects.append((who, arm))
            for marker, factor in (("p21", RISES[arm]), ("TCF7", 0.9)):
                for day, value in ((0.0, 10.0), (21.0, 10.0 * factor)):
                    noise = np.exp(draw.normal(0, 0.02))
                    rows.append((who, day, marker, value * noise, "cells/µl", "blood", day == 0.0, False))
    columns = ["subject_id", "day", "marker", "value", "unit", "compartment", "baseline", "below_limit"]
    tables = {
        "subjects": pd.DataFrame(subjects, columns=["subject_id", compare]),
        "measurements": pd.DataFrame(rows, columns=columns),
    }
    return TrialRecord(tables, Manifest(title="Markers", questions={"compare": compare}))


def said(record: TrialRecord) -> str:
    lines = immune(Context(record, analyse(record), grouped(record)))
    assert len(lines) == 1
    return " ".join(lines[0])


def test_three_arms_are_named_with_what_moved_most_in_each():
    text = said(measured(["antibody", "both", "cells"]))
    assert text.startswith("Markers on day 22, × baseline:")
    assert re.search(r"with antibody TCF7 fell most, 0\.(89|9)", text)
    assert re.search(r"with both p21 fell most, 0\.2[45]", text)
    assert re.search(r"with cells p21 rose most, (3\.9|4\.0)", text)


def test_two_arms_say_what_fell_and_what_rose():
    text = said(measured(["antibody", "cells"]))
    assert "with cells p21 rose most" in text
    assert "and TCF7 fell most" in text


def test_of_many_arms_the_three_that_move_most_are_named():
    text = said(measured(["A", "B", "C", "D", "E", "F"]))
    assert [arm for arm in "ABCDEF" if f"with {arm} " in text] == ["B", "C", "D"]


@pytest.mark.parametrize("arms", [["cells"]])
def test_one_group_needs_no_name(arms):
    text = said(measured(arms))
    assert "with" not in text
    assert "p21" in text
    assert "rose most" in text
