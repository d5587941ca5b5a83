"""[[policy]] tables: what they may say, what they come to, and what is wrong with those that do not hold."""

import re

import numpy as np
import pytest

from opsonin.errors import StudyError
from opsonin.study import Study, bundled
from opsonin.study.library import read
from opsonin.study.policies import Condition, Step
from opsonin.trial import Progression, Reading, Toxicity

HEAD = re.sub(r"pool = 2000", "pool = 40", read(bundled()["imatinib-il2"]))
HELD = """
[[policy]]
agent = "interleukin-2"
when = "any >= 2"
do = "hold"
until = "grade <= 1"
at_most = "14 days"

[[policy]]
agent = "imatinib"
when = "progression"
do = "continue"
until = "confirmed"
at_most = "12 weeks"
"""


def study(tmp_path, policies, head=HEAD):
    path = tmp_path / "mine.toml"
    path.write_text(head + policies, encoding="utf-8")
    return Study.load(path)


@pytest.mark.parametrize(
    ("text", "name", "sign", "value", "unit"),
    [
        ("fatigue >= 2", "fatigue", ">=", 2.0, ""),
        ("capillary leak syndrome ≥ grade 3", "capillary leak syndrome", ">=", 3.0, ""),
        ("CD4+ < 200 cells/µl", "CD4+", "<", 200.0, "cells/µl"),
        ("HLA-DR+ NK<1.5", "HLA-DR+ NK", "<", 1.5, ""),
        ("imatinib > 3e3 ng/ml", "imatinib", ">", 3000.0, "ng/ml"),
        ("CD4:CD8 <= 0.5", "CD4:CD8", "<=", 0.5, ""),
    ],
)
def test_occasions_are_read(text, name, sign, value, unit):
    read_ = Condition.read(text)
    assert (read_.name, read_.sign, read_.value, read_.unit) == (name, sign, value, unit)


@pytest.mark.parametrize("text", ["progression", "Progression ", "DLT", "dose-limiting toxicity"])
def test_events_are_read(text):
    assert Condition.read(text).is_event


def test_reductions_are_read():
    assert Step.read("25 %").keep == 0.75
    assert [Step.read(t).levels for t in ("1 level", "2 dose levels", "one level")] == [1, 2, 1]
    for text in ("100 %", "0 levels", "a bit", "25", 25):
        with pytest.raises(ValueError, match="write '25 %'"):
            Step.read(text)


def test_policies_come_to_the_protocol(tmp_path):
    policies = study(
        tmp_path,
        HELD
        + """
[[policy]]
when = ["Fatigue >= 2", "fever >= 3"]
agent = ["imatinib", "interleukin-2"]
do = "reduce"
by = "25 %"
times = 2
seen = "at visits"

[[policy]]
when = "CD4+ < 0.2 cells/nl"
do = "delay"
until = "CD4+ >= 300"
""",
    ).built.protocol.policies
    assert [p.do for p in policies] == ["hold", "continue", "reduce", "delay"]
    assert isinstance(policies[1].when, Progression)
    assert policies[0].down_to == 1
    assert policies[0].at_most_days == 14.0
    assert policies[1].confirmed
    assert policies[1].at_most_days == 84.0
    assert isinstance(policies[2].when, Toxicity)
    assert policies[2].when.at_visits
    assert [rule.grade for rule in policies[2].when.rules] == [2, 3]
    assert policies[2].keep == 0.75
    assert isinstance(policies[3].when, Reading)
    assert policies[3].when.value == pytest.approx(200.0)
    assert policies[3].when.unit == "cells/µl"
    assert policies[3].until == Reading("CD4+", ">=", 300.0, "cells/µl")


def test_policies_are_said_in_words(tmp_path):
    text = study(tmp_path, HELD).describe()
    assert (
        "interleukin-2 is held on any adverse event of grade 2 or worse (at once), until it is down to grade 1, or "
        "stopped where that takes more than 14 days." in text
    )
    assert "imatinib goes on after progression seen on a scan, until a later scan" in text
    assert "interleukin-2 for progression seen on a scan" in text  # whom the default still stops
    assert "falls by one grade in 7 days (median" in text
    assert "Policies" not in Study.load("imatinib-il2").describe()


def test_assumptions_name_the_policies(tmp_path):
    from opsonin.trial import assumptions

    said = " ".join(a["sentence"] for a in assumptions(study(tmp_path, HELD).built.protocol))
    assert "Interleukin-2 is held on any adverse event of grade 2 or worse" in said
    assert "Doses are not reduced or delayed" not in said


WRONG = {
    "agent": ('agent = "IL2"\nwhen = "fever >= 2"\ndo = "stop"', "policy[1].agent: there is no agent"),
    "term": ('when = "fatige >= 2"\ndo = "hold"', "or analyte 'fatige'; did you mean 'fatigue'"),
    "grade": ('when = "fatigue >= 7"\ndo = "hold"', "counts from a CTCAE grade on, 1 to 5"),
    "below": ('when = "fatigue < 2"\ndo = "hold"', "write 'fatigue >= 2'"),
    "never": ('when = "fatigue >= 5"\ndo = "stop"', "can never be met: the model knows grades up to"),
    "unreadable": ('when = "fatigue"\ndo = "hold"', "the occasion 'fatigue' cannot be read; write 'fatigue >= 2'"),
    "equal": ('when = "fatigue = 2"\ndo = "hold"', "write >= or <= instead of ="),
    "do": ('when = "fever >= 2"\ndo = "holds"', "'holds' is not known; did you mean 'hold'?"),
    "field": ('when = "fever >= 2"\ndo = "hold"\nuntill = "grade <= 1"', "did you mean 'until'?"),
    "unit": ('when = "CD4+ < 2 mg"\ndo = "hold"', "CD4+ is measured in cells/µl, not in 'mg'"),
    "until": ('when = "fever >= 2"\ndo = "hold"\nuntil = "grade <= 2"', "must be below the grade that begins it"),
    "until what": ('when = "fever >= 2"\ndo = "hold"\nuntil = "CD4+ > 3"', "write 'grade <= 1'"),
    "until far": ('when = "fever >= 2"\ndo = "hold"\nuntil = "grade <= 1e999"', "'grade <= 1e999' is too large"),
    "until stop": ('when = "fever >= 2"\ndo = "stop"\nuntil = "grade <= 1"', 'not with "stop"; leave it out'),
    "by": ('when = "fever >= 2"\ndo = "reduce"', "policy[1].by: is missing: how much is the dose reduced?"),
    "by what": ('when = "fever >= 2"\ndo = "reduce"\nby = "half"', "write '25 %'"),
    "ladder": ('agent = "imatinib"\nwhen = "fever >= 2"\ndo = "reduce"\nby = "1 level"', "for interleukin-2, which"),
    "progression": ('when = "progression"\ndo = "hold"', 'or "continue" for treatment beyond progression'),
    "seen": ('when = "progression"\ndo = "stop"\nseen = "at visits"', "is seen at visits anyway"),
    "list": ('when = ["progression", "fever >= 2"]\ndo = "stop"', "a [[policy]] of its own"),
    "overlap": ('when = "CD4+ < 200"\ndo = "hold"\nuntil = "CD4+ > 100"', "can be met while"),
    "at_most": ('when = "fever >= 2"\ndo = "hold"\nat_most = "14"', "write a number and a unit"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_named_with_file_line_and_field(tmp_path, case):
    table, message = WRONG[case]
    with pytest.raises(StudyError) as caught:
        study(tmp_path, f"\n[[policy]]\n{table}\n").built  # noqa: B018 the property checks
    first = str(caught.value).splitlines()[0]
    assert message in first
    line = int(re.search(r"mine\.toml, line (\d+): policy", first)[1])
    assert line > len(HEAD.splitlines())


def test_what_one_policy_stops_no_other_lets_go_on(tmp_path):
    stop, on = (f'\n[[policy]]\nwhen = "progression"\ndo = "{do}"\n' for do in ("stop", "continue"))
    with pytest.raises(
        StudyError, match=r"policy\[2\]\.do: this policy lets go on what another stops on progression; keep"
    ):
        study(tmp_path, stop + on).built  # noqa: B018
    with pytest.raises(StudyError, match=r"policy\[2\]\.do: this policy stops what another lets go on"):
        study(tmp_path, on + stop + 'agent = "imatinib"\n').built  # noqa: B018
    apart = stop + 'agent = "imatinib"\n' + on + 'agent = "interleukin-2"\n'
    assert len(study(tmp_path, apart).built.protocol.policies) == 2


def test_readings_must_be_taken_and_after_the_first_dose(tmp_path):
    early = HEAD.replace("days = [-21, 1, 10, 15]", "days = [-21]").replace(
        'biomarkers = [{ marker = "HLA-DR+ NK", day = 15, against = ["PFS", "OS"] }]', ""
    )
    table = '\n[[policy]]\nwhen = "CD4+ < 200"\ndo = "hold"\n'
    with pytest.raises(StudyError, match="last measured on day −21, before treatment begins"):
        study(tmp_path, table, early).built  # noqa: B018
    fewer = HEAD.replace(
        '"imatinib", "CGP74588", "interleukin-2"], days', '"imatinib", "interleukin-2"], days'
    ).replace('interaction = ["imatinib", "CGP74588", "interleukin-2"]', "")
    with pytest.raises(
        StudyError, match=r"CGP74588 is not measured in this study; add it to assessments\.concentrations"
    ):
        study(tmp_path, '\n[[policy]]\nwhen = "CGP74588 > 200"\ndo = "hold"\n', fewer).built  # noqa: B018


@pytest.mark.slow
def test_il2_is_held_on_grade_2_and_stopped_on_progression(tmp_path):
    """The trial of the issue, from file to record."""
    run = study(tmp_path, HELD).run(seed=5, trials=2, threads=1)
    tables = run.replicates
    given = tables.table("exposures")
    il2 = given[given["agent"] == "interleukin-2"]
    held = il2[il2["amount"] == 0]
    assert held["reason"].astype(str).str.match(r"held: .+ grade [234]").all()
    assert len(held) > 5
    events = tables.table("adverse_events")
    answered = events[events["action"].astype(str) == "interleukin-2 held"]
    assert (answered["grade"] >= 2).all()
    for (trial, subject), mine in il2[il2["amount"] > 0].groupby(["trial", "subject_id"], observed=True):
        ill = answered[(answered["trial"] == trial) & (answered["subject_id"] == subject)]
        for event in ill.itertuples():
            over = event.end_day if np.isfinite(event.end_day) else event.start_day
            inside = (mine["start_day"] < over) & (mine["end_day"] >= event.start_day)
            assert not (inside & (mine["start_day"] >= event.start_day)).any()
    scans = tables.table("responses")
    worse = scans[(scans["overall"] == "PD") & ~scans["best"].astype(bool)]
    first = worse.groupby(["trial", "subject_id"], observed=True)["day"].min().rename("progression").reset_index()
    after = given[given["amount"] > 0].merge(first, on=["trial", "subject_id"])
    beyond = after[after["start_day"] >= after["progression"]]
    assert set(beyond["agent"]) == {"imatinib"}
    run.record.validate()
    assert "Interleukin-2 is held" in str(run.record.manifest.assumptions)
