"""Calibrated and predicted are told apart by targets.toml, and the page of the docs says what that file says."""

import re

import numpy as np
import pytest

from combination import combination, parameters
from opsonin.studies.claims import CLAIMS
from opsonin.studies.published import Claim, Simulated, compare, markdown, targets
from paths import ROOT

PREDICTED = {
    "enrolled",
    "stable-disease-duration",
    "treg-fold",
    "bright-nk",
    "il2-auc-ratio",
    "pfs-phase-1",
    "cd4-cd8-outcome",
    "il2-low-dose-peak",
    "cyp3a-low",
    "imatinib-peak",
    "imatinib-trough",
    "metabolite-ratio",
}
PAGE = ROOT / "docs" / "published.md"


def test_no_row_called_predicted_stands_in_the_targets():
    listed = {target["id"] for target in targets()}
    assert not PREDICTED & listed
    assert {claim.id for claim in CLAIMS} - listed == PREDICTED


def test_every_target_has_its_quantity_value_and_source():
    found = targets()
    assert len({target["id"] for target in found}) == len(found)
    for target in found:
        assert all(target[key].strip() for key in ("id", "quantity", "value", "source")), target["id"]


def test_every_calibrated_parameter_is_named_by_a_target():
    known = {parameter.name: parameter for parameter in parameters(combination())}
    named = {name for target in targets() for name in target["parameters"]}
    assert named <= set(known)
    assert {name for name, parameter in known.items() if parameter.kind == "calibrated"} <= named
    assert not {name for name in named if known[name].kind == "published"}


@pytest.mark.skipif(
    not PAGE.is_file(), reason="docs/published.md is not in this copy; python -m opsonin.studies.compare"
)
def test_the_page_marks_each_row_as_the_targets_do():
    listed = {target["id"] for target in targets()}
    marks = dict(re.findall(r"^\| ([^|]+) \|[^|]+\|[^|]+\| (calibrated|predicted) \|", PAGE.read_text("utf-8"), re.M))
    assert marks == {claim.quantity: "calibrated" if claim.id in listed else "predicted" for claim in CLAIMS}


def test_a_row_that_disagrees_stays_with_its_cause():
    claims = [
        Claim("mtd", "one", "2", lambda s: s.value == 2, "the cause"),
        Claim("new", "other", "5", lambda s: s.lower <= 5 <= s.upper, "too late", 5),
    ]
    rows = compare(claims, {"mtd": Simulated(3), "new": Simulated(9.0, 4.0, 12.0, "weeks")})
    assert [row.status for row in rows] == ["calibrated", "predicted"]
    table = markdown(rows)
    assert "**no**: the cause" in table
    assert "9 (4–12); weeks | predicted | within the spread of trials: too late" in table


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_no_claim_agrees_with_nothing(claim):
    assert not claim.agrees(Simulated(np.nan, np.nan, np.nan))
