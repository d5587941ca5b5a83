"""The bundled virtual cohort: the same every time, labelled as made up, with the structure it is meant to show."""

import numpy as np
import pytest

from opsonin.errors import RecordError
from opsonin.record.virtual_cohorts import KIT, RISKS, miettinen_risk, virtual_cohort

# source: Miettinen & Lasota (2006), as tabulated in the PDQ of the National Cancer Institute, table 1
CLASSES = [
    (2.0, 3, True, "none"), (4.0, 3, True, "very low"), (8.0, 3, True, "low"), (12.0, 3, True, "moderate"),
    (2.0, 6, True, "none"), (4.0, 6, True, "moderate"), (8.0, 6, True, "high"), (12.0, 6, True, "high"),
    (2.0, 3, False, "none"), (4.0, 3, False, "low"), (8.0, 3, False, "moderate"), (12.0, 3, False, "high"),
    (2.0, 6, False, "high"), (4.0, 6, False, "high"), (8.0, 6, False, "high"), (12.0, 6, False, "high"),
    (5.0, 5, True, "very low"), (5.1, 5, True, "low"), (10.0, 5, False, "moderate"),
]  # fmt: skip


@pytest.mark.parametrize(("size", "mitoses", "stomach", "risk"), CLASSES)
def test_the_risk_follows_the_published_table(size, mitoses, stomach, risk):
    assert miettinen_risk(np.array([size]), np.array([float(mitoses)]), np.array([stomach])).tolist() == [risk]


def test_the_cohort_is_the_same_every_time_and_another_with_another_seed():
    first, again, other = (virtual_cohort("gist-cohort", seed=s) for s in (14, 14, 15))
    assert first.equals(again)
    assert not first.equals(other)
    assert virtual_cohort("gist-cohort").equals(first)


def test_the_cohort_is_labelled_as_made_up():
    manifest = virtual_cohort("gist-cohort").manifest
    assert manifest.kind == "virtual"
    assert "virtual" in manifest.title
    assert manifest.source.startswith("Made up")
    assert any("made up" in item["sentence"] for item in manifest.assumptions)
    assert sum("ssumed" in item["sentence"] for item in manifest.assumptions) >= 3


def test_the_cohort_is_a_valid_record_of_sixty_patients_with_gaps():
    record = virtual_cohort("gist-cohort").validate()
    assert len(record.subjects) == 60
    assert set(record.subjects["miettinen"]) <= set(RISKS)
    assert set(record.subjects["kit"].dropna()) == set(KIT)
    counts = record.measurements["marker"].value_counts()
    assert counts["CD3"] == 60
    assert 45 <= counts["NKp46"] < 60
    assert 20 <= record.survival["event"].sum() <= 45


def test_the_first_patients_do_not_depend_on_how_many_there_are():
    small, large = virtual_cohort("gist-cohort", 10), virtual_cohort("gist-cohort", 30)
    assert small.subjects.equals(large.subjects.head(10))


def test_an_unknown_cohort_is_named():
    with pytest.raises(RecordError, match=r"gist-cohrt.*did you mean 'gist-cohort'"):
        virtual_cohort("gist-cohrt")
    with pytest.raises(RecordError, match="0 were asked for"):
        virtual_cohort("gist-cohort", 0)
