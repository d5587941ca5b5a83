"""Studies whose design looks at responses or an immune effect: from the file to the record."""

import pytest

from opsonin.designs import Saturating
from opsonin.errors import StudyError
from opsonin.study import Study
from opsonin.study.dose_finding import study_design

STUDY = """
title = "By response and immune effect"
[population]
indication = "refractory-solid"
pool = 60
[[treatment]]
agent = "interleukin-2"
dose = ["3 MIU", "6 MIU", "9 MIU"]
days = "1 to 5"
cycle = "21 days"
[escalation]
design = {design}
dlt_window = "21 days"
dlt = ["capillary leak syndrome >= 3", "fatigue >= 3", "anorexia >= 3"]
{keys}
[assessments]
immune = {{ panel = "T-B-NK", days = [1, 15] }}
tumour = {{ every = "6 weeks" }}
[follow_up]
observe = "6 months"
"""
KEYS = 'response = "12 weeks"\nimmune = { marker = "HLA-DR+ NK", day = 15, change = "ratio" }'


def study(folder, design, keys=KEYS):
    path = folder / "study.toml"
    path.write_text(STUDY.format(design=design, keys=keys), encoding="utf-8")
    return Study.load(path)


def test_the_protocol_says_what_counts(tmp_path):
    protocol = study(tmp_path, '{ name = "boin12", patients = 9 }').built.protocol
    assert protocol.response_days == 84.0
    effect = protocol.immune_effect
    assert (effect.marker, effect.day, effect.change) == ("HLA-DR+ NK", 15, "ratio")


def test_a_ratio_is_counted_from_one(tmp_path):
    made = study_design(study(tmp_path, '{ name = "3+3", saturating = 0.8 }'))
    assert isinstance(made, Saturating)
    assert (made.share, made.baseline) == (0.8, 1.0)
    value = study(tmp_path, '{ name = "3+3", saturating = 0.8 }', KEYS.replace(', change = "ratio"', ""))
    assert study_design(value).baseline == 0.0
    own = study(tmp_path, '{ name = "3+3", saturating = { share = 0.8, baseline = 0.5 } }')
    assert study_design(own).baseline == 0.5


@pytest.mark.parametrize("given", ["true", '"much"', "{ part = 0.9 }", "1.5"])
def test_a_wrong_share_is_named(tmp_path, given):
    with pytest.raises(StudyError, match=r"share|saturating"):
        study(tmp_path, f'{{ name = "boin", saturating = {given} }}')


def test_a_run_says_which_dose_is_sought_and_keeps_every_decision(tmp_path):
    run = study(tmp_path, '{ name = "boin", target = 0.3, patients = 9, saturating = 0.9 }').run(seed=2, trials=3)
    assert run.record.manifest.questions["design_seeks"] == "optimal biological dose"
    decisions = run.replicates.table("decisions")
    assert set(decisions.groupby("trial").tail(1)["decision"]) <= {"declare", "stop"}
    plain = study(tmp_path, '{ name = "boin", target = 0.3, patients = 9 }').run(seed=2, trials=1)
    assert "design_seeks" not in plain.record.manifest.questions
