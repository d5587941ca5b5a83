"""A study whose patients have lesions at several sites: mixed responses, one sum of diameters, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from opsonin.errors import StudyError
from opsonin.study import Study
from opsonin.study.changes import changed_patients

TEXT = """
title = "Pembrolizumab where lesions differ"
source = "made up"
[population]
indication = "{indication}"
pool = {pool}
sites = {sites}
[[treatment]]
agent = "{agent}"
dose = "{dose}"
days = "1"
cycle = "21 days"
[enrolment]
patients = {pool}
[assessments]
tumour = {{ every = "9 weeks" }}
[follow_up]
observe = "12 months"
"""


@pytest.fixture
def study(tmp_path):
    def made(sites=2, indication="melanoma", pool=120, agent="pembrolizumab", dose="200 mg") -> Study:
        path = tmp_path / f"{indication}-{sites}.toml"
        path.write_text(
            TEXT.format(sites=sites, indication=indication, pool=pool, agent=agent, dose=dose), encoding="utf-8"
        )
        return Study.load(path)

    return made


def test_it_says_how_many_sites_there_are(study):
    assert "lesions at 2 sites with immune cells of their own" in study().describe()
    assert "sites" not in study(sites=1).describe()


def test_some_lesions_shrink_while_others_of_the_same_patient_grow(study):
    """With one site all lesions of a patient change in proportion, but for what a reader of scans adds."""
    opposite = {}
    for sites in (1, 2):
        record = study(sites).simulate(seed=1).record
        rows = record.lesions[record.lesions["kind"].astype(str) == "target"]
        size = rows.pivot_table(index=["subject_id", "day"], columns="lesion_id", values="diameter_mm", observed=True)
        ratio = size / size.groupby(level=0).transform("first")
        opposite[sites] = ((ratio <= 0.7).any(axis=1) & (ratio >= 1.2).any(axis=1)).groupby(level=0).any().mean()
        sums = size.sum(axis=1, min_count=1)
        assert sums.notna().all()
        visits = record.responses[~record.responses["best"].astype(bool)].dropna(subset=["sum_mm"])
        joined = visits.set_index(["subject_id", "day"])["sum_mm"].astype(float)
        both = joined.to_frame().join(sums.rename("lesions"), how="inner")
        assert len(both) > 100
        np.testing.assert_allclose(both["sum_mm"], both["lesions"])
    assert opposite[1] < 0.02
    assert opposite[2] > 0.03


def test_a_change_of_a_mechanism_is_made_at_every_site(study):
    from opsonin.patients import sample_patients

    built = study().built
    symbolic = built.model.symbolic
    patients = sample_patients(built.model, built.indication, 20, seed=1)
    none = np.zeros(20, bool)
    changed = changed_patients(patients, {"access": 0.5, "pdl1_own": "responders"}, symbolic, np.arange(20) < 5, ~none)
    for name in ("access", "access_at_site_2"):
        at = symbolic.constants.index(name)
        np.testing.assert_allclose(changed.constants[:, at], 0.5 * patients.constants[:, at])
    for name in ("pdl1_own", "pdl1_own_at_site_2"):
        at = symbolic.constants.index(name)
        assert (changed.constants[:, at] != patients.constants[:, at]).any()


def test_the_first_core_has_one_site(study):
    with pytest.raises(StudyError, match=r"line 7.*population.*full core"):
        _ = study(indication="refractory-solid").built


@pytest.mark.parametrize(("agent", "dose"), [("car-t", "100 Mcell"), ("erlotinib", "150 mg")])
def test_agents_that_act_inside_one_tumour_are_refused_by_name(study, agent, dose):
    with pytest.raises(StudyError, match=f"'{agent}' acts inside the tumour .*clone_antigen"):
        _ = study(agent=agent, dose=dose).built


def test_four_sites_are_too_many(study):
    with pytest.raises(StudyError, match=r"population\.sites"):
        study(sites=4)
