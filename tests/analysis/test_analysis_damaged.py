"""Whatever a hospital's record lacks, the analysis says so and goes on."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from made_up_trial import QUESTIONS, escalation, one_record
from opsonin.analysis import Findings, analyse
from opsonin.record import Manifest, Replicates, TrialRecord
from opsonin.record.schema import TABLES


@pytest.fixture(scope="module")
def whole():
    return one_record(), Replicates(escalation(20), Manifest(kind="virtual"))


@settings(max_examples=12)
@given(seed=st.integers(0, 10_000))
def test_a_record_with_holes_is_analysed_as_far_as_it_goes(whole, seed, tmp_path_factory):
    record, replicates = whole
    rng = np.random.default_rng(seed)
    tables = {name: _with_holes(name, frame, rng) for name, frame in record.tables.items() if rng.random() > 0.15}
    if "subjects" not in tables:
        tables["subjects"] = record.subjects
    questions = {key: value for key, value in QUESTIONS.items() if rng.random() > 0.2}
    questions["markers"] = ["age_years", "CD8+"]
    damaged = TrialRecord(tables, Manifest(questions=questions))
    found = analyse(damaged, replicates if rng.random() < 0.3 else None)
    assert found.get("trial.enrolled").n is not None
    path = found.save(tmp_path_factory.mktemp("findings") / "findings.json")
    assert len(Findings.load(path)) == len(found)


def _with_holes(name: str, frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Rows dropped, optional columns emptied in part or whole."""
    share = 1.0 if name == "subjects" else rng.choice([1.0, 0.9, 0.3, 0.05])
    out = frame[rng.random(len(frame)) < share].copy()
    for column in TABLES[name].columns:
        if column.optional and rng.random() < 0.3:
            gone = rng.random(len(out)) < rng.choice([0.5, 1.0])
            out.loc[gone, column.name] = None
    return out
