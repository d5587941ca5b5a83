"""The page of assumptions names studies, outcomes and parameters that there are, and is what its program writes."""

import re

import numpy as np
import pandas as pd
import pytest

from opsonin.analysis import variance_shares
from opsonin.model import Parameter
from opsonin.studies.assumptions import ASKED, HEAD, PAGE, SHOWN, section
from opsonin.study import Study
from opsonin.study.assumptions import FOLD, Assumptions, value_of
from paths import ROOT

TEXT = (ROOT / PAGE).read_text(encoding="utf-8")


@pytest.mark.parametrize("asked", ASKED, ids=lambda asked: asked.study)
def test_every_study_has_its_section_and_every_parameter_in_it_is_assumed_there(asked):
    study = Study.load(asked.study)
    part = TEXT.split(f"## {study.file.title}\n")[1].split("\n## ")[0]
    assert f'`opsonin why {asked.study} --assumed --level {asked.level} --outcome "{asked.outcome}"`' in part
    named = re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE)
    assert len(named) <= SHOWN
    known = {part.name: part for part, _ in study.built.model.parts(Parameter)}
    for name in named:
        value, source = value_of(known[name], study.built.indication)
        assert Parameter(name, value, known[name].unit, source).kind == "assumed", name


def test_the_page_begins_as_its_program_writes_it():
    assert TEXT.startswith(HEAD.format(fold=FOLD))


def test_a_section_says_what_was_found():
    asked = ASKED[0]
    x = np.linspace(0.0, 1.0, 200)
    shares = variance_shares((x > 0.5).astype(float), {"pdl1_own": x}, sources={"pdl1_own": "assumed: so"}, pairs=0)
    row = ("pdl1_own", "checkpoints", 0.5, "dimensionless", 0.7, 0.6, 0.8, "assumed: a half | or so")
    columns = ["parameter", "module", "value", "unit", "share", "lower", "upper", "source"]
    table = pd.DataFrame([row], columns=pd.Index(columns))
    found = Assumptions(table, shares, (), 0, 0.25, 0.2, asked.outcome, FOLD, 200)
    text = section(asked, Study.load(asked.study), found)
    assert "1 parameters are assumed. Response: 20.0 % as assumed, 25.0 % with all of them uncertain." in text
    assert (
        "One of them can be told from nought and accounts for 70 % of the variance; a share below about 10.0 %" in text
    )
    assert "| `pdl1_own` | 0.5 | 70.0 % (60.0 to 80.0) | a half / or so |" in text
