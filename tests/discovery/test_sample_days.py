"""A sample whose day nobody gave is no sample of before treatment, unless nothing tells of another time."""

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from made_up_samples import write_map
from opsonin.cli.app import app
from opsonin.discovery import as_record, composition_features, read_samples
from opsonin.discovery.plasticity_question import answer_plasticity
from opsonin.discovery.read.questions import Discovery
from opsonin.discovery.sample_days import before_treatment
from opsonin.discovery.states_question import answer_states
from opsonin.errors import DiscoveryError
from opsonin.record import TrialRecord

TEXT = """
[files]
counts = "counts.csv"
[counts]
sample = "s"
subject = "p"
response = "r"
labels = ["A", "B", "C"]
"""
RESPONSE = "[response]\nresponder = ['R']\n"
TIME = "time = 't'\n"
DAYS = "[times]\npre = 0\npost = "


@pytest.fixture
def folder(tmp_path):
    """Eight patients with a sample before and one after."""
    draw = np.random.default_rng(1)
    frame = pd.DataFrame({"s": range(16), "p": [f"P{k // 2}" for k in range(16)], "t": ["pre", "post"] * 8,
                          "r": ["R" if k < 8 else "NR" for k in range(16)]})  # fmt: skip
    frame["d"] = ["C1D1", "C2D1"] * 8
    for label in "ABC":
        frame[label] = draw.integers(20, 60, 16)
    frame.to_csv(tmp_path / "counts.csv", index=False)
    return tmp_path


def read(folder, text):
    return read_samples(folder, write_map(folder, text))


def values(samples):
    return as_record(samples, composition_features(samples, shares=False)).measurements


def test_two_time_points_are_never_averaged_into_a_value_of_before_treatment(folder):
    known = values(read(folder, TEXT + TIME + RESPONSE + DAYS + "42"))
    assert sorted(known["day"].unique()) == [0, 42]
    before = known[known["baseline"]]
    assert len(before) == 24
    assert not len(values(read(folder, TEXT + TIME + RESPONSE)))
    half = values(read(folder, TEXT + TIME + RESPONSE + DAYS + "'unknown'"))
    pd.testing.assert_frame_equal(half.reset_index(drop=True), before.reset_index(drop=True))
    assert not len(values(read(folder, TEXT + TIME + RESPONSE + "[times]\npre = 'unknown'\npost = 'unknown'\n")))
    none = values(read(folder, TEXT + RESPONSE))  # nothing tells of several times: all count as before treatment
    assert len(none) == 24
    assert none["baseline"].all()
    assert none["method"].str.contains("mean of 2 samples").all()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (TEXT + RESPONSE, "no day of the samples is known, and the record takes all as of before treatment (day 0)"),
        (TEXT + TIME + RESPONSE, "the day of 16 samples is not known (pre, post): what was measured in them stands"),
        (TEXT + TIME + RESPONSE + DAYS + "'unknown'", "the day of 8 samples is not known (post)"),
        (TEXT + TIME + RESPONSE + DAYS + "42", "8 of 16 samples were taken after day 0, and all are compared together"),
        (TEXT + TIME + RESPONSE, "samples are of several time points (pre, post), and all are compared together"),
    ],
)
def test_what_is_taken_for_granted_is_said(text, said, folder):
    samples = read(folder, text)
    assert any(said in note for note in answer_states(samples, Discovery()).answer.notes)


def test_the_record_says_it_too_and_so_does_plasticity(folder):
    samples = read(folder, TEXT + TIME + RESPONSE)
    notes = as_record(samples, composition_features(samples)).manifest.notes
    assert any("the day of 16 samples is not known" in note for note in notes)
    clones = pd.DataFrame({"sample": np.repeat(range(16), 3), "clone": list("abc") * 16, "reads": 50})
    clones.to_csv(folder / "clones.csv", index=False)
    answer = answer_plasticity({"repertoires": {"file": "clones.csv"}}, folder, samples)
    assert any("the day of 16 samples is not known" in note for note in answer.notes)


def test_nothing_is_said_where_every_day_is_known_and_baseline_alone_is_asked(folder):
    samples = read(folder, TEXT + TIME + RESPONSE + DAYS + "42")
    notes = answer_states(samples, Discovery(baseline=True)).answer.notes
    assert not any("day 0" in note or "day of" in note for note in notes)


def test_baseline_holds_for_every_question(folder):
    """Clones of the samples: with baseline alone, half of them are of no sample that is asked about."""
    text = TEXT + TIME + RESPONSE + DAYS + "42\n[discovery]\nbaseline = true\n"
    clones = pd.DataFrame({"sample": np.repeat(range(0, 16, 2), 3), "clone": list("abc") * 8, "reads": 50})
    clones.to_csv(folder / "clones.csv", index=False)
    path = write_map(folder, text + "[discovery.plasticity.repertoires]\nfile = 'clones.csv'\n")
    asked = ["discover", str(folder), "--map", str(path), "--question", "plasticity", "--out", str(folder / "out")]
    result = CliRunner().invoke(app, asked)
    assert result.exit_code == 0, result.output
    assert set(TrialRecord.load(folder / "out" / "record").measurements["day"]) == {0}
    assert len(before_treatment(read(folder, text)).samples) == 8
    with pytest.raises(DiscoveryError, match="no sample has a day"):
        before_treatment(read(folder, TEXT))


def test_a_day_that_is_no_number_is_named(folder):
    with pytest.raises(DiscoveryError, match="'C1D1' of the sample '0' is no number; map it as time"):
        read(folder, TEXT + "day = 'd'\n")
    days = read(folder, TEXT + "day = 'd'\npattern.day = '^C(.)'\n").samples["day"]
    assert sorted(days.unique()) == [1.0, 2.0]


def test_days_are_told_once(folder):
    pd.read_csv(folder / "counts.csv").assign(elapsed=3).to_csv(folder / "counts.csv", index=False)
    with pytest.raises(DiscoveryError, match=r"day is mapped, and \[times\] gives days too; keep one"):
        read(folder, TEXT + TIME + "day = 'elapsed'\n" + RESPONSE + DAYS + "42")


def test_one_time_point_of_an_unknown_day_is_not_taken_for_before_treatment(folder):
    frame = pd.read_csv(folder / "counts.csv")
    frame.assign(t="post").to_csv(folder / "counts.csv", index=False)
    samples = read(folder, TEXT + TIME + RESPONSE + "[times]\npost = 'unknown'\n")
    assert not len(values(samples))
    notes = answer_states(samples, Discovery()).answer.notes
    assert any("the day of 16 samples is not known (post)" in note for note in notes)
