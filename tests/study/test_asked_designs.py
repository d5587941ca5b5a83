"""Designs and truths as they are asked for: in one line, or in a file."""

import numpy as np
import pytest

from opsonin.errors import DesignError
from opsonin.study import Study
from opsonin.study.asked_designs import compared_design, read_designs
from opsonin.study.truths import study_truths

TWO = """
title = "Two agents"
[population]
indication = "refractory-solid"
pool = 40
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
design = { name = "boin-comb", patients = 24 }
dlt_window = "21 days"
dlt = ["fatigue >= 3"]
[follow_up]
observe = "6 months"
"""


@pytest.fixture(scope="module")
def one():
    return Study.load("imatinib-il2")


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    path = tmp_path_factory.mktemp("study") / "two.toml"
    path.write_text(TWO)
    return Study.load(path)


def test_names_options_and_labels_are_read():
    asked = read_designs('boin, crm(model=logistic, prior=[0.1, 0.2]), careful = boin(target=0.25), "x": 3+3')
    assert asked == {
        "boin": {"name": "boin"},
        "crm(model=logistic, prior=[0.1, 0.2])": {"name": "crm", "model": "logistic", "prior": [0.1, 0.2]},
        "careful": {"name": "boin", "target": 0.25},
        '"x"': {"name": "3+3"},
    }


def test_a_file_has_a_table_each(tmp_path):
    (tmp_path / "designs.toml").write_text('[boin]\ntarget = 0.25\n[late]\nname = "tite-boin"\n')
    asked = read_designs(str(tmp_path / "designs.toml"))
    assert asked == {"boin": {"name": "boin", "target": 0.25}, "late": {"name": "tite-boin"}}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (" , ", "name the designs"),
        ("boin,boin", "'boin' is named twice"),
        ("boin(target=0.2", "brackets"),
        ("boin(target)", r"options of the design 'boin\(target\)' cannot be read"),
        ("boin crm", "'boin crm' cannot be read"),
        ("nowhere.toml", "cannot be read"),
    ],
)
def test_mistakes_in_designs_are_named(given, words):
    with pytest.raises(DesignError, match=words):
        read_designs(given)


def test_what_is_typed_counts_before_what_is_usual(one):
    usual, wanted = {"target": 0.3, "cohort": 3}, {"patients": 18}
    made = compared_design(one, {"name": "crm", "cohort": 1}, usual, wanted)
    assert (made.patients, made.target, made.cohort) == (18, 0.3, 1)
    assert compared_design(one, {"name": "boin", "patients": 9}, usual, wanted).patients == 9
    assert compared_design(one, {"name": "3+3"}, usual, wanted).name == "3+3"  # takes none of them


def test_a_study_of_two_agents_gives_designs_its_grid_and_doses(two):
    made = compared_design(two, {"name": "blrm-pair"}, {})
    assert (made.levels, made.columns) == (6, 3)
    assert made.row_doses == (200.0, 400.0)
    assert made.column_doses == (3.0, 6.0, 9.0)
    with pytest.raises(DesignError, match="escalates imatinib and interleukin-2, and the design 'boin' is for one"):
        compared_design(two, {"name": "boin"}, {})
    with pytest.raises(DesignError, match="the second agent has 3 levels; leave the option out"):
        compared_design(two, {"name": "boin-comb", "columns": 2}, {})


def test_truths_are_rates_scenarios_or_files(one, two, tmp_path):
    found, notes = study_truths(one, ["0.05,0.1,0.3,0.5 response 0.1,0.2,0.4,0.4", "standard"], 0.3)
    first = next(iter(found.values()))
    assert first.efficacy.tolist() == [0.1, 0.2, 0.4, 0.4]
    assert first.window_days == 21.0
    assert len(found) == 7
    assert len(notes) == 2
    (tmp_path / "s.toml").write_text('[[scenario]]\nname = "flat"\ndlt = [0.1, 0.1, 0.1, 0.1]\nimmune = [1, 2, 3, 3]\n')
    found, _ = study_truths(one, [str(tmp_path / "s.toml")], 0.3)
    assert found["flat"].immune.tolist() == [1, 2, 3, 3]
    found, _ = study_truths(two, ["0.05,0.1,0.2/0.1,0.2,0.4", "standard"], 0.3)
    assert all(truth.doses == 6 for truth in found.values())


def test_standard_scenarios_of_a_grid_rise_with_both_agents(two):
    found, _ = study_truths(two, ["standard"], 0.3)
    for truth in found.values():
        rates = truth.dlt.reshape(2, 3)
        assert (np.diff(rates, axis=0) > 0).all()
        assert (np.diff(rates, axis=1) > 0).all()
    right = [name for name, truth in found.items() if np.isclose(truth.dlt, 0.3).any()]
    assert set(found) - set(right) == {"all cells too toxic", "all cells safe"}
    first, second = (found[f"the {word} agent more toxic"].dlt.reshape(2, 3) for word in ("first", "second"))
    assert first[1, 0] > first[0, 1]
    assert second[0, 1] > second[1, 0]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([], "name at least one truth"),
        (["0.1,x"], "cannot be read"),
        (["0.1,0.2"], "2 DLT rates were given, but the study has 4"),
        (["0.1,0.2,0.3,1.4"], "between 0 and 1"),
        (["standard", "standard"], "asked for twice"),
        (["nowhere.toml"], "cannot be read"),
    ],
)
def test_mistakes_in_truths_are_named(one, given, words):
    with pytest.raises(DesignError, match=words):
        study_truths(one, given, 0.3)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[scenario]]\nrates = [0.1]\n", "has no key 'rates'"),
        ('[[scenario]]\nname = "a"\n', "needs dlt"),
        ("x = 1\n", r"holds tables \[\[scenario\]\]"),
        ("[[scenario]]\ndlt = [0.1, 0.2, 0.3, 0.4]\n[[scenario]]\nname='scenario 1'\ndlt = [0.1]\n", "given twice"),
    ],
)
def test_mistakes_in_a_file_of_scenarios_are_named(one, tmp_path, text, words):
    (tmp_path / "s.toml").write_text(text)
    with pytest.raises(DesignError, match=words):
        study_truths(one, [str(tmp_path / "s.toml")], 0.3)
