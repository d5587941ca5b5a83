"""The first trial of imatinib with interleukin-2 on the full core: one trial, another model of the patients."""

from __future__ import annotations

import re

import numpy as np
import pytest

from opsonin.patients import sample_patients
from opsonin.studies.claims import CLAIMS
from opsonin.studies.compare_cores import FULL, PREDICTED_BY_FULL, both, of_the_trial, put
from opsonin.studies.published import Row, Simulated, targets
from opsonin.studies.trial_figures import TrialFigures
from opsonin.study import Study
from opsonin.study.library import find, read
from opsonin.trial import Pool, run_trials
from paths import ROOT

PAGE = ROOT / "docs" / "imatinib-il2-full.md"


def test_the_protocol_is_that_of_the_first_core():
    one, other = (
        re.sub(r'(?m)^(title|indication) = ".*"$', r"\1", read(find(name))) for name in ("imatinib-il2", FULL)
    )
    assert one == other


def test_nothing_of_the_blood_or_of_the_drugs_differs():
    """A patient's lymphocytes, exposure and toxicity under the first treatment are those of the other core."""
    first, full = (Study.load(name).built for name in ("imatinib-il2", FULL))
    pools = [sample_patients(one.model, one.indication, 5, seed=1) for one in (first, full)]
    shared = ("il2_cl", "nk_baseline", "toxicity_susceptibility", "cd4_baseline")
    for name in shared:
        mine, theirs = (
            pool.constants[:, one.model.symbolic.constants.index(name)]
            for pool, one in zip(pools, (first, full), strict=True)
        )
        np.testing.assert_array_equal(mine, theirs)
    assert set(first.model.symbolic.hazards) <= set(full.model.symbolic.hazards) | {"new_lesion"}


def test_the_table_says_of_each_core_what_is_calibrated():
    found = [Row(claim, Simulated(1.0, 0.0, 20.0), "calibrated") for claim in CLAIMS]
    table = both(found, found)
    assert len(table.splitlines()) == 2 + len(of_the_trial(found))
    for claim in (row.claim for row in of_the_trial(found)):
        line = next(line for line in table.splitlines() if line.startswith(f"| {claim.quantity} |"))
        status = re.findall(r"(calibrated|predicted), ", line)
        assert status == ["calibrated", "predicted" if claim.id in PREDICTED_BY_FULL else "calibrated"]
    assert set(PREDICTED_BY_FULL) < {target["id"] for target in targets()}


def test_only_what_stands_between_the_marks_is_made_anew():
    begin, end = ("<!-- x: made by opsonin.studies.compare_cores -->", "<!-- end of x -->")
    page = f"before\n{begin}\nold\n{end}\nafter"
    assert put(page, "x", "new") == f"before\n{begin}\n\nnew\n\n{end}\nafter"
    with pytest.raises(ValueError, match="no marks"):
        put("nothing here", "x", "new")


@pytest.mark.skipif(not PAGE.is_file(), reason="docs are not in this copy")
def test_the_page_has_a_row_for_every_claim_of_the_trial():
    text = PAGE.read_text(encoding="utf-8")
    for row in of_the_trial([Row(claim, Simulated(1.0), "predicted") for claim in CLAIMS]):
        assert f"| {row.claim.quantity} |" in text


@pytest.mark.slow  # a hundred trials on a model of 40 states
def test_the_trial_on_the_full_core_comes_near_what_was_published():
    built = Study.load(FULL).built
    pool = Pool(built.model, sample_patients(built.model, built.indication, 500, seed=1), built.protocol, seed=1)
    made = run_trials(pool, built.protocol, built.design, 1, 100).replicates
    simulated = TrialFigures(made, len(built.protocol.levels)).all()
    claims = {claim.id: claim for claim in CLAIMS}
    for name in ("mtd", "imatinib-exposure", "treg-fold", "hladr-nk", "objective-responses", "stable-disease"):
        assert claims[name].agrees(simulated[name]), simulated[name]
    assert 5.5 < simulated["stable-disease"].value < 10.5
    assert 32 < simulated["survival-phase-1"].value < 58  # weeks; 43 published
