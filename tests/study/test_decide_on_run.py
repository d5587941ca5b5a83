"""What `opsonin decide --record` reads of a virtual trial is what its design decided on, whatever it looks at."""

from typing import Any

import pandas as pd
import pytest

from opsonin.study import Study
from opsonin.study.dose_finding import study_conduct

STUDY = """
title = "One agent"
[population]
indication = "refractory-solid"
pool = 60
[[treatment]]
agent = "imatinib"
dose = "400 mg"
days = "1 to 14"
cycle = "21 days"
[[treatment]]
agent = "interleukin-2"
dose = ["3 MIU", "6 MIU", "9 MIU"]
days = "10 to 14"
cycle = "21 days"
[escalation]
design = { DESIGN, patients = 12 }
dlt_window = "21 days"
dlt = ["capillary leak syndrome >= 3", "fatigue >= 3", "anorexia >= 3"]
response = "12 weeks"
immune = { marker = "HLA-DR+ NK", day = 15, change = "ratio" }
[assessments]
immune = { panel = "T-B-NK", days = [1, 15] }
tumour = { every = "6 weeks" }
[follow_up]
observe = "6 months"
"""


@pytest.mark.parametrize("design", ['name = "boin12"', 'name = "gboin"', 'name = "boin", saturating = 0.9'])
def test_the_record_leads_to_the_decisions_that_were_made(design, tmp_path):
    path = tmp_path / "one.toml"
    path.write_text(STUDY.replace("DESIGN", design))
    study = Study.load(path)
    record = study.run(seed=5).record
    conduct, made = study_conduct(study), record.decisions
    last = conduct.next(record)
    assert last.action == made["decision"].iloc[-1]
    assert (last.mtd or 0) == (0 if made["level_to"].isna().iloc[-1] else made["level_to"].iloc[-1])
    assert last.reason == made["reason"].iloc[-1]
    rows: Any = made.iloc[1:].itertuples()
    for row in rows:  # each on its day: who came, and what was known of them then
        seen = conduct.outcomes(conduct.judge(record, row.day + 1e-9), row.day + 1e-9)
        assert seen.text == row.seen


LATE = ['name = "tite-boin12"', 'name = "tite-crm"', 'name = "tite-boin", saturating = 0.9, stop_when_treated = 6']


@pytest.mark.parametrize("design", LATE)
def test_a_late_design_is_asked_again_on_the_days_of_its_trial(design, tmp_path):
    path = tmp_path / "one.toml"
    path.write_text(STUDY.replace("DESIGN", design))
    study = Study.load(path)
    record = study.run(seed=5).record
    conduct = study_conduct(study)
    for row in record.decisions.itertuples():  # for who comes on that day, knowing what is known by then
        made = conduct.next(record, row.day)
        goes = made.mtd if made.stop else made.level
        assert (made.action, goes) == (row.decision, None if pd.isna(row.level_to) else row.level_to)
        assert conduct.outcomes(conduct.judge(record, row.day), row.day).text == row.seen
    assert conduct.next(record).action == record.decisions["decision"].iloc[-1]
