"""Dose-finding reference results: every case found, unsupported kinds skipped by name."""

import json

import numpy as np
import pytest

from conformance import dose_blrm, dose_combinations, dose_crm, dose_efficacy, dose_intervals, dose_phase_two
from opsonin.designs import ThreePlusThree, exact_characteristics
from paths import REFERENCE

FOLDER = REFERENCE / "dose_finding"


def cases():
    found = []
    for path in sorted(FOLDER.glob("*.json")):
        try:
            content = json.loads(path.read_text())
            kind, listed = content["kind"], list(content["cases"])
        except (ValueError, KeyError, TypeError):
            found.append(pytest.param(path.stem, None, id=f"{path.stem}-unreadable"))
            continue
        for number, case in enumerate(listed, start=1):
            name = case.get("id", number) if isinstance(case, dict) else number
            found.append(pytest.param(kind, case, id=f"{kind}-{name}"))
    if not found:
        why = f"no dose-finding reference results at {FOLDER}; set OPSONIN_REFERENCE"
        found.append(pytest.param("none", {}, id="none", marks=pytest.mark.skip(reason=why)))
    return found


def three_plus_three_exact(inputs, expected):
    """Both variants of the reference: it declares the top level as soon as it is cleared (`fill_top=False`)."""
    assert inputs["cohort_size"] == 3
    truth = np.array(inputs["true_prob_tox"], dtype=float)
    design = ThreePlusThree(len(truth), return_to_lower=inputs["allow_deescalate"], fill_top=False)
    found = exact_characteristics(design, truth)
    for ours, theirs in [
        (found.none, expected["prob_no_dose"]),
        (found.select, expected["prob_select"]),
        (found.patients, expected["mean_n_at_dose"]),
        (found.dlt, expected["mean_tox_at_dose"]),
        (found.patients.sum(), expected["mean_n_total"]),
    ]:
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-10)


CHECKS = {"three_plus_three_exact": three_plus_three_exact}
for family in (dose_blrm, dose_combinations, dose_crm, dose_efficacy, dose_intervals, dose_phase_two):
    CHECKS |= family.CHECKS


@pytest.mark.parametrize(("kind", "case"), cases())
def test_dose_finding(kind, case):
    assert isinstance(case, dict), f"the case of kind {kind} cannot be read"
    if kind not in CHECKS:
        pytest.skip(f"{kind}: this design or calculation is not part of Opsonin yet")
    CHECKS[kind](case["inputs"], case["expected"])
