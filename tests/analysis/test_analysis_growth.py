"""Growth and shrinkage rates: known truths come back, laws hold, real series are read."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsonin.analysis import growth_table, tumour_sizes
from opsonin.analysis.growth_models import MODELS, fit_growth, nadir_day, predicted
from opsonin.errors import AnalysisError
from paths import DATA

SERIES = DATA / "atezolizumab-tumour-size" / "target_lesion_diameters.csv"
DAYS = np.arange(42.0, 42 * 9, 42.0)
CURVES = {
    "gx": lambda t, g, d, phi: np.exp(g * t),
    "dx": lambda t, g, d, phi: np.exp(-d * t),
    "gd": lambda t, g, d, phi: np.exp(-d * t) + np.exp(g * t) - 1,
    "gdphi": lambda t, g, d, phi: (1 - phi) * np.exp(g * t) + phi * np.exp(-d * t),
}


@pytest.mark.parametrize("model", MODELS)
def test_the_rates_of_a_curve_without_error_come_back(model):
    truth = {"g": 0.003, "d": 0.03, "phi": 0.4} if model == "gdphi" else {"g": 0.004, "d": 0.012, "phi": None}
    fits = fit_growth(DAYS[None], CURVES[model](DAYS, **truth)[None])
    assert MODELS[fits.model[0]] == model
    for name in {"gx": "g", "dx": "d", "gd": "gd", "gdphi": "gd"}[model]:
        assert getattr(fits, name)[0] == pytest.approx(truth[name], rel=1e-5)
    if model == "gdphi":
        assert fits.phi[0] == pytest.approx(0.4, rel=1e-5)
    assert predicted(fits, DAYS[None])[0] == pytest.approx(CURVES[model](DAYS, **truth), rel=1e-6)


@settings(max_examples=20)
@given(st.floats(0.001, 0.008), st.floats(0.004, 0.03), st.integers(1, 5))
def test_rates_scale_with_the_unit_of_time_and_not_with_that_of_size(g, d, unit):
    size = CURVES["gd"](DAYS, g, d, None)
    one = fit_growth(DAYS[None], size[None])
    table = pd.DataFrame({"subject_id": "A", "day": [0.0, *DAYS], "sum_mm": [30.0 * unit, *(30.0 * unit * size)]})
    assert growth_table(table)["growth_per_day"].item() == pytest.approx(one.g[0], rel=1e-6)
    slow = fit_growth(DAYS[None] * 2, size[None])
    assert slow.g[0] == pytest.approx(one.g[0] / 2, rel=1e-4)


def test_a_patient_does_not_depend_on_the_others():
    rng = np.random.default_rng(3)
    size = CURVES["gd"](DAYS, rng.uniform(0.001, 0.01, (30, 1)), rng.uniform(0.002, 0.02, (30, 1)), None)
    size *= 1 + 0.03 * rng.normal(size=size.shape)
    together = fit_growth(np.tile(DAYS, (30, 1)), size)
    order = rng.permutation(30)
    again = fit_growth(np.tile(DAYS, (30, 1)), size[order])
    np.testing.assert_array_equal(together.model[order], again.model)
    np.testing.assert_allclose(together.g[order], again.g, rtol=1e-6)
    for row in range(5):
        alone = fit_growth(DAYS[None], size[[row]])
        assert alone.model[0] == together.model[row]


def test_noise_is_averaged_over_patients():
    rng = np.random.default_rng(5)
    size = CURVES["gd"](DAYS, 0.003, 0.01, None) * (1 + 0.05 * rng.normal(size=(200, len(DAYS))))
    fits = fit_growth(np.tile(DAYS, (200, 1)), size)
    known = fits.model == MODELS.index("gd")
    assert known.sum() > 120
    assert np.median(fits.g[known]) == pytest.approx(0.003, rel=0.05)
    inside = np.abs(fits.g[known] - 0.003) < 2.571 * fits.g_se[known]  # 97.5 % of Student's t with 5 degrees of freedom
    assert inside.mean() > 0.85


def test_too_few_scans_or_nothing_to_see_give_no_model():
    assert fit_growth(np.array([[42.0]]), np.array([[0.5]])).model[0] == -1
    flat = fit_growth(DAYS[None], np.ones((1, len(DAYS))))
    assert flat.model[0] == -1
    assert np.isnan(flat.g[0])
    gone = fit_growth(DAYS[None], np.zeros((1, len(DAYS))))
    assert not np.isfinite(gone.g[0])


def test_the_nadir_of_the_model_is_where_its_curve_is_smallest():
    fits = fit_growth(DAYS[None], CURVES["gd"](DAYS, 0.004, 0.012, None)[None])
    fine = np.linspace(0, 400, 4001)
    smallest = fine[predicted(fits, fine[None])[0].argmin()]
    assert nadir_day(fits)[0] == pytest.approx(smallest, abs=0.2)


def test_early_shrinkage_is_read_at_the_scan_nearest_to_week_eight():
    table = pd.DataFrame(
        {"subject_id": "A", "day": [-10.0, 30.0, 50.0, 62.0, 90.0], "sum_mm": [100.0, 90.0, 70.0, 75.0, 40.0]}
    )
    assert growth_table(table)["early_change_percent"].item() == pytest.approx(-30.0)  # day 50 is 60 after baseline
    assert growth_table(table.iloc[[0, 4]])["early_change_percent"].isna().all()


def test_bad_sizes_are_named():
    table = pd.DataFrame({"subject_id": ["A", "A"], "day": [0.0, 0.0], "sum_mm": [30.0, 31.0]})
    with pytest.raises(AnalysisError, match="subject A has two sizes on day 0"):
        growth_table(table)
    with pytest.raises(AnalysisError, match="size below nought"):
        growth_table(table.assign(day=[0.0, 9.0], sum_mm=[30.0, -1.0]))
    with pytest.raises(AnalysisError, match="no column 'sum_mm'"):
        growth_table(table.drop(columns="sum_mm"))


def test_sizes_leave_out_scans_that_missed_a_lesion():
    lesions = pd.DataFrame(
        {
            "subject_id": "A",
            "lesion_id": ["T1", "T2", "T1", "T2", "T1"],
            "day": [-7.0, -7.0, 42.0, 42.0, 84.0],
            "kind": "target",
            "diameter_mm": [30.0, 20.0, 20.0, 15.0, 10.0],
            "state": "measured",
        }
    )
    assert tumour_sizes(lesions)[["day", "sum_mm"]].to_numpy().tolist() == [[-7.0, 50.0], [42.0, 35.0]]


@pytest.mark.skipif(not SERIES.is_file(), reason=f"no series at {SERIES}; set OPSONIN_DATA")
def test_the_series_of_five_atezolizumab_studies_are_read():
    """Of study 4 (OAK): tumours grow back slower under atezolizumab (arm 2) than under docetaxel (arm 1)."""
    raw = pd.read_csv(SERIES, dtype="string").set_axis(["patient", "day", "sum_mm", "arm"], axis=1)
    small = raw["sum_mm"] == "TOO SMALL TO MEASURE"
    size = pd.to_numeric(raw["sum_mm"].mask(small, "2"), errors="coerce")
    table = raw.assign(subject_id=raw["arm"] + "/" + raw["patient"], day=raw["day"].astype(float), sum_mm=size)
    table = table.dropna(subset=["day", "sum_mm"]).drop_duplicates(["subject_id", "day"])
    assert table["subject_id"].nunique() == 1472
    found = growth_table(table[["subject_id", "day", "sum_mm"]])
    arm = found["subject_id"].str.split("/").str[0]
    # the share given with the data set: smallest diameter at most 70 % of the first, of those that are numbers
    read = raw.assign(sum_mm=pd.to_numeric(raw["sum_mm"], errors="coerce"), who=raw["arm"] + "/" + raw["patient"])
    first = read.dropna(subset=["sum_mm"]).groupby("who")["sum_mm"]
    shrunk = (first.min() <= 0.7 * first.first()).groupby(lambda one: one.split("/")[0]).mean()
    assert round(100 * shrunk["Study_4_Arm_2"], 1) == 22.9
    assert round(100 * shrunk["Study_4_Arm_1"], 1) == 26.2
    assert found["model"].notna().mean() > 0.6
    rates = found.groupby(arm)["growth_per_day"].median()
    assert 0.0005 < rates["Study_4_Arm_2"] < rates["Study_4_Arm_1"] < 0.005
