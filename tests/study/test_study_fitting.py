"""A therapy whose patients lack what it acts on, and scans that judge a leukaemia: told in words, with a remedy."""

import pytest

from opsonin.errors import ModelError, StudyError
from opsonin.study import Study
from opsonin.study.planned import check_level

TEXT = """title = "Cells"
[population]
indication = {indication}
pool = 60
[[treatment]]
agent = "{agent}"
dose = "{dose}"
days = "1"
[enrolment]
patients = 20
[assessments]
tumour = {{ every = "8 weeks", criteria = "{criteria}" }}
[follow_up]
observe = "6 months"
"""


@pytest.fixture
def study(tmp_path):
    def made(indication='"b-all"', agent="car-t", dose="200 Mcell", criteria="RECIST 1.1") -> Study:
        path = tmp_path / "cells.toml"
        text = TEXT.format(indication=indication, agent=agent, dose=dose, criteria=criteria)
        path.write_text(text, encoding="utf-8")
        return Study.load(path)

    return made


def test_cells_that_need_the_full_core_are_refused_by_name(study):
    words = r"line 6: treatment\[1\]\.agent: 'car-t' acts on .*'refractory-solid' are of the first core.*-solid-full"
    with pytest.raises(StudyError, match=words):
        _ = study('"refractory-solid"').built


def test_a_therapy_that_fits_no_patient_is_not_sent_to_another_indication(study, tmp_path):
    (tmp_path / "own.py").write_text(
        "from opsonin.model import Administration, Module, Process, Species\n"
        "def module():\n"
        "    return Module('own', [Species('own_drug', 'mg', 0.0, 'a drug', scale=1.0),\n"
        "        Administration('own', 'oral', into='own_drug', meaning='a drug'),\n"
        "        Process('gone', lambda own_drug, nowhere: own_drug * nowhere, consumes='own_drug')],\n"
        "        title='Own', source='made up')\n",
        encoding="utf-8",
    )
    with pytest.raises(ModelError, match="'nowhere', which the model does not define"):
        _ = study('"refractory-solid"', agent="./own.py:module", dose="1 mg").built


@pytest.mark.parametrize(
    ("indication", "criteria", "advice"),
    [
        ('"b-all"', "RECIST 1.1", '"marrow"'),
        ('"b-all"', "marrow", ""),
        ('["b-all", "dlbcl"]', "Lugano", '{ b-all = "marrow" }'),
        ('"dlbcl"', "Lugano", ""),
    ],
)
def test_scans_of_a_leukaemia_are_warned_of(study, indication, criteria, advice):
    words = study(indication, criteria=criteria).describe()
    assert ("warning: of b-all, a leukaemia" in words) == bool(advice)
    assert (f"criteria = {advice} judges it by its blasts" in words) == bool(advice)


def test_what_a_level_is_called_follows_the_study(study):
    with pytest.raises(StudyError, match=r"there is no arm 2; the study has 1\."):
        check_level(study(), 2)
