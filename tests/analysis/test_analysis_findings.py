"""Findings: looked up by name, tabulated, saved and read back."""

import json
import math

import pandas as pd
import pytest

from opsonin.analysis.findings import Finding, Findings, note
from opsonin.errors import AnalysisError

HR = Finding("survival.OS.hazard_ratio", "a vs b", 0.729, 0.618, 0.859, 0.95, 1.5e-4, 850, 569, "dimensionless", "Cox")
MEDIAN = Finding("survival.OS.median", "a", estimate=13.77, upper=math.inf, n=425, unit="months")


def test_a_saved_list_comes_back_the_same(tmp_path):
    findings = Findings([HR, MEDIAN, note("immune", "no measurements")])
    findings.save(tmp_path / "findings.json")
    again = Findings.load(tmp_path / "findings.json")
    assert again[0] == HR
    assert again.notes == ["no measurements"]
    assert [f.name for f in again.results] == [HR.name, MEDIAN.name]
    assert list(tmp_path.iterdir()) == [tmp_path / "findings.json"]


def test_what_is_not_a_number_is_null_in_the_file(tmp_path):
    Findings([MEDIAN]).save(tmp_path / "f.json")
    row = json.loads((tmp_path / "f.json").read_text())[0]
    assert row["lower"] is None
    assert row["upper"] is None
    assert row["p"] is None
    assert "table" not in row


def test_a_finding_is_found_by_name_and_group_and_a_miss_names_the_near():
    findings = Findings([HR, MEDIAN])
    assert findings.get("survival.OS.median", "a") is MEDIAN
    assert findings.named("survival.OS") == [HR, MEDIAN]
    with pytest.raises(AnalysisError, match=r"did you mean .*survival\.OS\.median"):
        findings.get("survival.OS.medain")
    with pytest.raises(AnalysisError, match="its groups are 'a'"):
        findings.get("survival.OS.median", "b")


def test_a_finding_in_words_has_three_digits_and_its_interval():
    assert HR.text() == "0.729 (0.618 to 0.859)"
    assert MEDIAN.text() == "13.8 months"
    assert Finding("x").text() == "not estimable"


def test_the_table_of_a_finding_is_its_own_or_itself():
    table = pd.DataFrame({"a": [1, 2]})
    pd.testing.assert_frame_equal(Finding("x", table=table).to_frame(), table)
    assert HR.to_frame()["estimate"].tolist() == [0.729]
    assert list(Findings([HR]).to_frame()["name"]) == [HR.name]


def test_a_figure_shows_the_estimate_and_its_interval():
    dot = HR.plot().data[0]
    assert list(dot.x) == [0.729]
    assert dot.error_x.array[0] == pytest.approx(0.13)


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "is no JSON"), ("{}", "no list of findings"), ('[{"name": "x", "colour": 1}]', "no list of findings")],
)
def test_a_damaged_file_is_refused(tmp_path, text, message):
    (tmp_path / "f.json").write_text(text)
    with pytest.raises(AnalysisError, match=message):
        Findings.load(tmp_path / "f.json")
    with pytest.raises(AnalysisError, match="cannot be read"):
        Findings.load(tmp_path / "none.json")


def test_every_public_name_is_there_and_none_other_is_listed():
    import opsonin.analysis as room

    assert sorted(room._HOME) == sorted(room.__all__) == sorted(dir(room))
    for name in room.__all__:
        assert getattr(room, name) is not None
    with pytest.raises(AttributeError, match=r"its public names are .*Asked"):
        room.analysis  # noqa: B018
