"""Two therapies written from docs/therapy.md alone: how long they are, and that they run alone and beside another."""

import shutil

import pytest

from opsonin.biology import full_core
from opsonin.model import Model, Parameter
from opsonin.study import Study
from opsonin.therapies import check_at_rest, load_agent
from paths import ROOT

OWN = ROOT / "tests" / "therapies" / "own"
FILES = ("anti_lag3.py", "engager.py")
STUDY = """
title = "Two therapies of one's own, alone and with pembrolizumab"

[population]
indication = "melanoma"
pool = 60

[[treatment]]
agent = "./anti_lag3.py:module"
arm = ["anti-LAG-3", "with anti-LAG-3"]
dose = "160 mg"
infusion = "30 minutes"
days = "1"
cycle = "28 days"

[[treatment]]
agent = "./engager.py:module"
arm = ["engager", "with engager"]
dose = "20 µg"
infusion = "20 minutes"
days = "1"

[[treatment]]
agent = "./engager.py:module"
arm = ["engager", "with engager"]
dose = "68 µg"
infusion = "20 minutes"
days = "8"
cycle = "7 days"

[[treatment]]
agent = "pembrolizumab"
arm = ["with anti-LAG-3", "with engager"]
dose = "200 mg"
infusion = "30 minutes"
days = "1"
cycle = "21 days"

[enrolment]
arms = ["none", "anti-LAG-3", "with anti-LAG-3", "engager", "with engager"]
patients = 12

[[policy]]
agent = "./engager.py:module"
when = "cytokine release syndrome >= 3"
do = "stop"

[assessments]
concentrations = { analytes = ["anti-lag-3", "engager"], days = [1], hours = [1, 24, 168] }
tumour = { every = "8 weeks" }

[follow_up]
observe = "4 months"
"""


@pytest.mark.parametrize("file", FILES)
def test_a_therapy_is_shorter_than_60_lines_and_says_of_every_number_where_it_comes_from(file):
    assert len((OWN / file).read_text(encoding="utf-8").splitlines()) < 60
    module = load_agent(f"./{file}:module", OWN)
    model = Model([module, *full_core()])
    check_at_rest(module, model)
    numbers = [part for part, home in model.parts(Parameter) if home == module.name]
    assert numbers
    assert all(part.kind == "assumed" and part.meaning for part in numbers)


@pytest.mark.slow  # compiles
def test_two_therapies_of_ones_own_run_alone_and_beside_another(tmp_path):
    for file in FILES:
        shutil.copy(OWN / file, tmp_path)
    (tmp_path / "study.toml").write_text(STUDY, encoding="utf-8")
    record = Study.load(tmp_path / "study.toml").run(seed=1, trials=1).record
    arm = record.subjects.set_index("subject_id")["arm"].astype(str)

    samples = record.concentrations.assign(arm=record.concentrations["subject_id"].map(arm))
    assert set(samples.loc[samples["analyte"] == "anti-lag-3", "arm"]) == {"anti-LAG-3", "with anti-LAG-3"}
    antibody = samples[(samples["analyte"] == "anti-lag-3")].groupby("hours_after_dose")["value"].median()
    assert 20 < antibody[1.0] < 30  # 160 mg in 6.6 l
    assert antibody[168.0] > 0.7 * antibody[1.0]

    events = record.adverse_events.assign(arm=record.adverse_events["subject_id"].map(arm))
    release = events[events["term"] == "cytokine release syndrome"]
    assert set(release["arm"]) == {"engager", "with engager"}
    assert release["subject_id"].nunique() > 15  # of 24
    assert (release["start_day"] < 21).mean() > 0.8
    assert not set(events["arm"]) & {"none"}

    doses = record.exposures[record.exposures["agent"].astype(str) == "engager"]
    first = doses[doses["subject_id"] == doses["subject_id"].iloc[0]]
    assert first["start_day"].tolist()[:3] == [0.0, 7.0, 14.0]
    assert first["amount"].tolist()[:3] == [20.0, 68.0, 68.0]
