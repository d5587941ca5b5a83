"""Studies that ask for sentinels and staggering, and designs whose window is not the study's."""

import pandas as pd
import pytest
from typer.testing import CliRunner

from opsonin.cli.app import app
from opsonin.errors import DesignError, StudyError
from opsonin.study import Study
from opsonin.study.asked_designs import compared_design, read_designs
from opsonin.study.dose_finding import study_design

STUDY = """
title = "Watched"
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
dlt_window = "3 weeks"
dlt = ["capillary leak syndrome >= 3", "fatigue >= 3"]
{keys}
[follow_up]
observe = "3 months"
"""
BOTH = 'sentinel = "1 week"\nstagger = "2 days"'


def study(folder, design='"3+3"', keys=BOTH):
    path = folder / "watched.toml"
    path.write_text(STUDY.format(design=design, keys=keys), encoding="utf-8")
    return Study.load(path)


def test_the_protocol_and_the_words_have_them(tmp_path):
    asked = study(tmp_path)
    assert asked.built.protocol.gaps == (7.0, 2.0)
    assert "dosed 1 week after the first or later" in asked.describe()
    assert "each is dosed 2 days after the one ahead or later" in asked.describe()


def test_who_asks_for_none_has_none(tmp_path):
    asked = study(tmp_path, keys="")
    assert asked.built.protocol.gaps == (0.0, 0.0)
    assert "or later" not in asked.describe()


@pytest.mark.parametrize(("keys", "words"), [('sentinel = "soon"', "escalation.sentinel"), ("stagger = 2", "no unit")])
def test_what_is_no_length_of_time_is_named(tmp_path, keys, words):
    with pytest.raises(StudyError, match=words):
        study(tmp_path, keys=keys)


@pytest.mark.parametrize("design", ['"rolling-six"', '{ name = "boin", cohort = 1 }', '"crm"'])
@pytest.mark.parametrize("key", ["sentinel", "stagger"])
def test_cohorts_of_one_have_nobody_who_could_wait(tmp_path, design, key):
    with pytest.raises(StudyError, match=rf"escalation.{key}: .* treats one patient at a time"):
        study(tmp_path, design, f'{key} = "7 days"')


@pytest.mark.parametrize(
    ("design", "keys"),
    [
        ('{ name = "crm", cohorts = [1, 3, 3] }', BOTH),
        ('{ name = "crm", cohort = 3 }', BOTH),
        ('"tite-boin"', BOTH),
        ('{ name = "3+3", accelerated = true }', BOTH),
        ('"rolling-six"', ""),
        ('"crm"', ""),
    ],
)
def test_who_has_larger_cohorts_or_asks_for_nothing_goes_on(tmp_path, design, keys):
    assert study(tmp_path, design, keys).file.escalates is not None


def test_a_run_keeps_them(tmp_path):
    subjects = study(tmp_path).run(seed=2).record.subjects.sort_values("enrolled_day")
    since = subjects.groupby("cohort")["enrolled_day"].diff().dropna()
    assert len(since)
    assert since.min() >= 2.0 - 1e-9


def test_compared_designs_keep_them(tmp_path):
    days = {}
    for name, keys in (("plain", ""), ("watched", 'sentinel = "30 days"')):
        (tmp_path / name).mkdir()
        path, out = study(tmp_path / name, keys=keys).path, tmp_path / name / "out"
        asked = ["design", "compare", str(path), "--designs", "boin", "--out", str(out), "--no-virtual", "--no-word"]
        done = CliRunner().invoke(app, [*asked, "--trials", "50", "--cohorts", "1"])
        assert done.exit_code == 0, done.output
        told = "(the second of a cohort 30 days after the first or later)"
        assert (told in (out / "comparison.html").read_text(encoding="utf-8")) == (name == "watched")
        table = pd.read_csv(out / "operating_characteristics.csv").query("measure == 'days'")
        days[name] = table["mean"].to_numpy()
    assert (days["watched"] > days["plain"] + 10).all()


def test_a_design_has_the_studys_window_or_is_refused(tmp_path):
    made = study(tmp_path, '{ name = "tite-boin", window_days = 21 }', "")
    assert study_design(made).window_days == 21.0
    with pytest.raises(StudyError, match=r'escalation.design: .*window_days = 28, .* dlt_window is "3 weeks" \(21'):
        study(tmp_path, '{ name = "tite-boin", window_days = 28 }', "")
    one = read_designs("tite-crm(window_days=60)")["tite-crm(window_days=60)"]
    with pytest.raises(DesignError, match="'tite-crm' follows patients for DLTs for window_days = 60"):
        compared_design(made, one, {})
