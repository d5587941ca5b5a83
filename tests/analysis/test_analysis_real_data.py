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


@pytest.fixture(scope="module")
def poplar():
    return analyse(read_data(FOLDER / "poplar_clinical.csv", "poplar"))


def test_poplar_gives_its_hazard_ratio(poplar):
    found = poplar.get("survival.OS.hazard_ratio")
    assert f"{found.estimate:.3f} ({found.lower:.3f}-{found.upper:.3f})" == "0.675 (0.511-0.893)"
    assert found.events == 200


@pytest.mark.parametrize(("arm", "printed"), [("atezolizumab", "12.55"), ("docetaxel", "9.72")])
def test_poplar_gives_its_medians_to_the_printed_digits(poplar, arm, printed):
    assert f"{poplar.get('survival.OS.median', arm).estimate:.2f}" == printed


@pytest.mark.parametrize(
    ("endpoint", "printed"), [("PFS", ("0.573", "0.33", "0.99")), ("OS", ("0.556", "0.31", "0.99"))]
)
def test_poplar_gives_the_treatment_effect_at_high_blood_tmb(poplar, endpoint, printed):
    group = "high (stated cut 16 mutations): atezolizumab vs docetaxel"
    found = poplar.get(f"biomarker.{endpoint}.blood TMB.treatment_hazard_ratio", group)
    assert (f"{found.estimate:.3f}", f"{found.lower:.2f}", f"{found.upper:.2f}") == printed
    assert found.n == 63


# source: R's survival conventions, 95 % Wald limits of the product term; likelihood ratio p. No publication gives them
@pytest.mark.parametrize(
    ("trial", "endpoint", "at_cut", "significant"),
    [
        ("oak", "PFS", ("0.65", "0.44", "0.95"), True),
        ("oak", "OS", ("0.87", "0.57", "1.32"), False),
        ("poplar", "PFS", ("0.54", "0.28", "1.02"), False),
        ("poplar", "OS", ("0.72", "0.36", "1.42"), False),
    ],
)
def test_the_interaction_with_blood_tmb_is_reported_for_pfs_and_for_os_where_it_is_weak(
    request, trial, endpoint, at_cut, significant
):
    findings, stem = request.getfixturevalue(trial), f"biomarker.{endpoint}.blood TMB"
    split = findings.get(f"{stem}.split_interaction", "atezolizumab vs docetaxel")
    assert tuple(f"{v:.2f}" for v in (split.estimate, split.lower, split.upper)) == at_cut
    assert (split.p < 0.05) == significant
    whole = findings.get(f"{stem}.interaction", "atezolizumab vs docetaxel")
    assert whole.p > 0.05  # per doubling it is weaker than at the cut that the authors chose
    assert "Only randomised arms" in whole.note


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
