"""Published trials give their published numbers."""

import pytest

from opsonin.analysis import analyse
from opsonin.record.read import read_data
from paths import DATA, needs_data

pytestmark = needs_data
FOLDER = DATA / "oak-poplar-atezolizumab"


@pytest.fixture(scope="module")
def oak():
    return analyse(read_data(FOLDER / "oak_clinical.csv", "oak"))


# source: the README of the data set, recomputed there from the supplement of Gandara 2018, Nat Med 24:1441
@pytest.mark.parametrize(
    ("endpoint", "printed"), [("OS", ("0.729", "0.618", "0.859")), ("PFS", ("0.938", "0.812", "1.083"))]
)
def test_oak_gives_its_hazard_ratios_to_the_printed_digits(oak, endpoint, printed):
    found = oak.get(f"survival.{endpoint}.hazard_ratio", "atezolizumab vs docetaxel")
    assert tuple(f"{v:.3f}" for v in (found.estimate, found.lower, found.upper)) == printed
    assert (found.n, found.events) == (850, {"OS": 569, "PFS": 755}[endpoint])


@pytest.mark.parametrize(
    ("endpoint", "arm", "printed"),
    [
        ("OS", "atezolizumab", "13.77"),
        ("OS", "docetaxel", "9.63"),
        ("PFS", "atezolizumab", "2.79"),
        ("PFS", "docetaxel", "4.04"),
    ],
)
def test_oak_gives_its_medians_to_the_printed_digits(oak, endpoint, arm, printed):
    found = oak.get(f"survival.{endpoint}.median", arm)
    assert f"{found.estimate:.2f}" == printed
    assert found.unit == "months"


def test_oak_counts_its_responders_among_all_who_were_randomised(oak):
    for arm, responders in (("atezolizumab", 58), ("docetaxel", 57)):
        found = oak.get("response.objective_rate", arm)
        assert (found.events, found.n) == (responders, 425)
    assert oak.get("response.objective_rate_evaluable", "atezolizumab").n < 425


@pytest.mark.parametrize(
    ("endpoint", "side", "printed", "n"),
    [("PFS", "high", "0.658", 160), ("PFS", "low", "1.000", 482), ("OS", "high", "0.622", 160)],
)
def test_oak_gives_the_treatment_effect_by_blood_tmb(oak, endpoint, side, printed, n):
    group = f"{side} (stated cut 16 mutations): atezolizumab vs docetaxel"
    found = oak.get(f"biomarker.{endpoint}.blood TMB.treatment_hazard_ratio", group)
    assert f"{found.estimate:.3f}" == printed
    assert found.n == n


def test_oak_marks_what_the_record_cannot_answer(oak):
    assert any("no concentrations" in text for text in oak.notes)
    assert any("No adverse events" in text for text in oak.notes)


def test_poplar_gives_its_hazard_ratio():
    found = analyse(read_data(FOLDER / "poplar_clinical.csv", "poplar")).get("survival.OS.hazard_ratio")
    assert f"{found.estimate:.3f} ({found.lower:.3f}-{found.upper:.3f})" == "0.675 (0.511-0.893)"
    assert found.events == 200


def test_loris_gives_response_per_cohort_and_tmb_against_outcome():
    findings = analyse(read_data(DATA / "loris-icb", "loris"))
    train = findings.get("response.objective_rate", "Chowell_train")
    test = findings.get("response.objective_rate", "Chowell_test")
    assert (train.events, train.n, test.events, test.n) == (282, 964, 127, 515)  # 409 of 1,479 in both
    assert findings.get("biomarker.PFS.TMB.hazard_ratio", "Chowell_train").estimate < 1
    assert 0.5 < findings.get("biomarker.response.TMB.auc").estimate < 0.7
    assert any("MSK_nonICB" in text and "No response" in text for text in findings.notes)


def test_the_cdisc_pilot_gives_events_exposure_and_time_to_dermatologic_event():
    findings = analyse(read_data(DATA / "cdisc-pilot"))
    assert findings.get("safety.any_event", "all").events == 225
    endpoint = next(f.name.split(".")[1] for f in findings if f.name.endswith(".median"))
    counts = {f.group: (f.events, f.n) for f in findings if f.name == f"survival.{endpoint}.median"}
    assert counts["Placebo"] == (29, 86)
    assert sorted(v for k, v in counts.items() if "anomeline" in k) == [(61, 84), (62, 84)]
    for contrast in (f for f in findings if f.name == f"survival.{endpoint}.hazard_ratio"):
        assert contrast.group.endswith("vs Placebo")
        assert contrast.lower > 1.5
    assert findings.get(f"survival.{endpoint}.logrank").p < 1e-10
    assert findings.get("safety.exposure.xanomeline.days", "all").n == 168
