"""A study that escalates two agents: its combinations are the dose levels, in the run, the record and the conduct."""

import numpy as np
import pytest

from opsonin.errors import StudyError
from opsonin.study import Study
from opsonin.study.dose_finding import level_names, study_conduct, study_design

TWO = """
title = "Two agents"
[population]
indication = "refractory-solid"
pool = 60
[[treatment]]
agent = "imatinib"
dose = ["200 mg", "400 mg"]
days = "1 to 14"
cycle = "21 days"
[[treatment]]
agent = "interleukin-2"
dose = ["3 MIU", "6 MIU", "9 MIU"]
days = "10 to 14"
cycle = "21 days"
[escalation]
design = { name = "boin-comb", target = 0.30, patients = 15 }
dlt_window = "21 days"
dlt = ["capillary leak syndrome >= 3", "fatigue >= 3", "anorexia >= 3"]
[assessments]
tumour = { every = "6 weeks" }
[follow_up]
observe = "6 months"
"""
THIRD = '[[treatment]]\nagent = "cyclophosphamide"\ndose = ["50 mg", "100 mg"]\ndays = "1"\n'


def study(tmp_path, text=TWO):
    path = tmp_path / "two.toml"
    path.write_text(text)
    return Study.load(path)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    read = study(tmp_path_factory.mktemp("two"))
    return read, read.run(seed=3, trials=2).record


def test_the_levels_are_the_cells_row_by_row(tmp_path):
    read = study(tmp_path)
    assert level_names(read)[1] == "imatinib 200 mg + interleukin-2 6 MIU"
    assert level_names(read)[3] == "imatinib 400 mg + interleukin-2 3 MIU"
    protocol = read.built.protocol
    assert [protocol.treatments[0].dose(k) for k in range(1, 7)] == [200, 200, 200, 400, 400, 400]
    assert [protocol.treatments[1].dose(k) for k in range(1, 7)] == [3, 6, 9, 3, 6, 9]
    assert "level 4 (2x1): imatinib 400 mg + interleukin-2 3 MIU" in read.describe()
    assert (study_design(read).levels, study_design(read).columns) == (6, 3)


def test_who_was_given_what_follows_the_cell(run):
    _, record = run
    level = record.subjects.set_index("subject_id")["level"].astype(int)
    first = record.exposures.sort_values("start_day").groupby(["subject_id", "agent"])["amount"].first().unstack()
    known = first.dropna()
    assert len(known) > 8
    assert (known["imatinib"] == np.where(level[known.index] > 3, 400.0, 200.0)).all()
    assert (known["interleukin-2"] == np.array([3.0, 6.0, 9.0])[(level[known.index] - 1) % 3]).all()


def test_the_record_tells_combinations_and_what_was_decided(run):
    read, record = run
    decisions = record.decisions
    assert decisions["seen"].iloc[1].startswith("1x1")
    assert decisions["decision"].iloc[-1] in ("declare", "stop")
    level = [int(k) for k in decisions["level_to"].iloc[:-1]]
    assert level == record.subjects.drop_duplicates("cohort")["level"].tolist()  # each cohort is where it was decided
    conduct = study_conduct(read)
    assert conduct.outcomes(conduct.judge(record)).text == decisions["seen"].iloc[-1]
    questions = record.manifest.questions
    assert questions["doses"] == {"imatinib": [200.0, 400.0], "interleukin-2": [3.0, 6.0, 9.0]}
    assert questions["compare"] == "arm"  # cells of a grid stand in no order


@pytest.mark.parametrize("name", ["pocrm", "waterfall", "blrm-pair"])
def test_every_design_for_two_agents_decides_on_the_same_record(run, name):
    read, record = run
    conduct = study_conduct(read, study_design(read, {"name": name, "patients": 15}))
    made = conduct.next(record)
    assert made.reason
    assert made == conduct.decide(conduct.outcomes(conduct.judge(record)).text)


def test_going_down_by_a_level_is_by_the_agents_own_ladder(tmp_path):
    held = '[[policy]]\nagent = "interleukin-2"\nwhen = "any >= 2"\ndo = "reduce"\nby = "1 level"\n'
    record = study(tmp_path, TWO + held).run(seed=3).record
    given = record.exposures[record.exposures["agent"] == "interleukin-2"]
    reduced = given[given["amount"] < given["planned_amount"]]
    assert len(reduced)
    assert set(zip(reduced["planned_amount"], reduced["amount"], strict=True)) <= {(6.0, 3.0), (9.0, 6.0), (9.0, 3.0)}
    kept = record.exposures[record.exposures["agent"] == "imatinib"]
    assert (kept["amount"] == kept["planned_amount"]).all()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('name = "boin-comb"', 'name = "boin"', "for two are blrm-pair, boin-comb, pocrm, waterfall"),
        ('agent = "interleukin-2"', 'agent = "imatinib"', "both have a ladder of doses"),
        ("[escalation]", f"{THIRD}[escalation]", "at most two agents"),
        ("patients = 15", "columns = 2", "the second agent has 3 levels"),
        ("patients = 15", "no_skipping = true", "is for one drug"),
    ],
)
def test_mistakes_are_named(tmp_path, old, new, words):
    with pytest.raises(StudyError, match=words):
        study(tmp_path, TWO.replace(old, new))
