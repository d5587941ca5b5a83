"""Areas, Brier scores, calibration, decision curves: against their definitions where nothing is censored, and laws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsonin.analysis import auc_over_time, brier, calibration, calibration_response, decision_curve, roc_curve
from opsonin.analysis.performance import decision_curve_response
from opsonin.analysis.performance.censoring import censoring_curve, weighted
from opsonin.analysis.survival import kaplan_meier
from opsonin.errors import AnalysisError


def _data(n, seed, censored=True, effect=1.0):
    """Times, events, a marker and the true chance of the event by time 1."""
    rng = np.random.default_rng(seed)
    marker = rng.normal(size=n)
    rate = np.exp(effect * marker)
    time, censoring = rng.exponential(1 / rate), rng.exponential(1.5, n) if censored else np.full(n, np.inf)
    return np.minimum(time, censoring), time <= censoring, marker, 1 - np.exp(-rate)


def test_without_censoring_the_area_is_the_share_of_pairs_in_order():
    time, event, marker, _ = _data(60, 1, censored=False)
    marker = np.round(marker, 1)
    found = auc_over_time(time, event, marker, [0.3, 1.0])
    for k, at in enumerate([0.3, 1.0]):
        case, control = marker[time <= at], marker[time > at]
        order = np.sign(case[:, None] - control[None, :])
        assert found.auc[k] == pytest.approx((order > 0).mean() + (order == 0).mean() / 2)
        assert (found.cases[k], found.controls[k]) == (case.size, control.size)
    table = found.to_frame()
    assert (table["lower"] <= table["auc"]).all()
    assert (table["auc"] <= table["upper"]).all()


def test_without_censoring_the_brier_score_is_the_mean_squared_error():
    time, event, _, risk = _data(80, 2, censored=False)
    found = brier(time, event, risk, 1.0)
    assert found.brier[0] == pytest.approx(((risk - (time <= 1)) ** 2).mean())
    assert found.reference[0] == pytest.approx((time <= 1).mean() * (time > 1).mean())
    assert found.se[0] == pytest.approx(((risk - (time <= 1)) ** 2).std(ddof=1) / np.sqrt(80))


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(20, 60))
def test_order_of_patients_and_scale_of_markers_do_not_matter(seed, n):
    time, event, marker, risk = _data(n, seed)
    time = np.round(time, 1)  # ties
    at = float(np.quantile(time, 0.5))
    if at >= time.max():
        return
    order = np.random.default_rng(seed).permutation(n)
    one, other = (
        auc_over_time(time, event, marker, at),
        auc_over_time(time[order], event[order], 3 ** marker[order], at),
    )
    assert (other.auc[0], other.se[0]) == pytest.approx((one.auc[0], one.se[0]), nan_ok=True)
    down = auc_over_time(time, event, -marker, at)
    assert down.auc[0] == pytest.approx(1 - one.auc[0], nan_ok=True)
    first, second = brier(time, event, risk, at), brier(time[order], event[order], risk[order], at)
    assert (second.brier[0], second.se[0]) == pytest.approx((first.brier[0], first.se[0]))


def test_errors_are_the_spread_over_new_samples():
    found = {"auc": [], "auc_se": [], "brier": [], "brier_se": [], "benefit": [], "benefit_se": []}
    for seed in range(300):
        time, event, marker, risk = _data(150, seed)
        area, score = auc_over_time(time, event, marker, 0.8), brier(time, event, risk, 0.8)
        gain = decision_curve(time, event, risk, 0.8, thresholds=[0.5])
        for key, value in (("auc", area.auc), ("auc_se", area.se), ("brier", score.brier), ("brier_se", score.se)):
            found[key].append(value[0])
        found["benefit"].append(gain.benefit[0])
        found["benefit_se"].append(gain.se[0])
    for key in ("auc", "brier", "benefit"):
        assert np.mean(found[f"{key}_se"]) == pytest.approx(np.std(found[key]), rel=0.12), key


def test_the_weights_of_the_observed_stand_for_everybody():
    time, event, _, _ = _data(100, 4)
    w = weighted(time, event, 0.7)
    assert w.case.sum() + w.control.sum() == pytest.approx(100)
    assert w.case.mean() == pytest.approx(1 - float(kaplan_meier(time, event).at(0.7)["survival"].iloc[0]))
    assert (censoring_curve(time, np.ones(100, dtype=bool)).survival == 1).all()


def test_a_curve_encloses_its_area_and_a_day_of_events_can_be_left_out():
    time, event, marker, _ = _data(120, 5)
    time = np.round(time, 1) + 0.1
    curve = roc_curve(time, event, marker, 0.5)
    x, y = 1 - curve["specificity"].to_numpy(), curve["sensitivity"].to_numpy()
    area = float(np.trapezoid(np.r_[0.0, y[::-1]], np.r_[0.0, x[::-1]]))
    assert area == pytest.approx(auc_over_time(time, event, marker, 0.5).auc[0])
    assert curve["sensitivity"].iloc[0] == 1
    closed, left_out = (auc_over_time(time, event, marker, 0.5, closed=c) for c in (True, False))
    assert closed.cases[0] - left_out.cases[0] == int((event & (time == 0.5)).sum()) > 0


def test_predictions_for_each_time_and_two_models_are_compared():
    time, event, marker, _ = _data(800, 6)
    times = [0.2, 0.5, 1.0]
    risk = 1 - np.exp(-np.exp(marker)[:, None] * np.array(times)[None, :])
    noise = np.random.default_rng(60).normal(size=800)
    worse = 1 - np.exp(-np.exp(marker + 1.5 * noise)[:, None] * np.array(times)[None, :])
    good, bad = brier(time, event, risk, times), brier(time, event, worse, times)
    assert (good.minus(bad)["upper"] < 0).all()
    assert (good.minus()["difference"] < 0).all()
    assert good.minus(good)["difference"].tolist() == [0, 0, 0]
    assert good.scaled.min() > 0 > bad.scaled.max() - 0.5
    total, se = good.integrated()
    assert total == pytest.approx(np.trapezoid(good.brier, times) / 0.8)
    assert 0 < se < 0.05
    assert good.integrated_scaled() > bad.integrated_scaled()
    gap, p = good.integrated_minus(bad)
    assert gap.upper < 0
    assert p < 0.001
    areas = auc_over_time(time, event, risk, times).minus(auc_over_time(time, event, worse, times))
    assert (areas["difference"] > 0).all()
    with pytest.raises(AnalysisError, match="same times"):
        good.minus(brier(time, event, risk[:, :2], times[:2]))
    with pytest.raises(AnalysisError, match="two or more times"):
        brier(time, event, risk[:, 0], 0.2).integrated()


def test_true_chances_are_calibrated_and_exaggerated_ones_are_not():
    time, event, _, risk = _data(3000, 7)
    fair = calibration(time, event, risk, 1.0)
    assert fair.ratio.lower < 1 < fair.ratio.upper
    assert fair.slope.lower < 1 < fair.slope.upper
    assert fair.n == 3000
    inside = (fair.groups["lower"] - 0.02 < fair.groups["predicted"]) & (
        fair.groups["predicted"] < fair.groups["upper"] + 0.02
    )
    assert inside.all()
    extreme = 1 - (1 - risk) ** (np.log1p(-risk) / np.log1p(-risk).mean())  # high chances higher, low ones lower
    assert calibration(time, event, extreme, 1.0).slope.upper < 0.8
    assert calibration(time, event, np.full(3000, 0.9), 1.0).ratio.upper < 1
    assert np.isnan(calibration(time, event, np.full(3000, 0.9), 1.0).slope.value)


def test_responses_are_calibrated_in_the_same_way():
    rng = np.random.default_rng(8)
    linear = rng.normal(size=2000)
    chance = 1 / (1 + np.exp(-linear))
    response = rng.random(2000) < chance
    fair = calibration_response(response, chance, groups=5)
    assert abs(fair.intercept.value) < 0.15
    assert fair.slope.lower < 1 < fair.slope.upper
    assert len(fair.to_frame()) == 5
    assert fair.groups["events"].sum() == fair.events == int(response.sum())
    shifted = calibration_response(response, 1 / (1 + np.exp(-(linear - 1))))
    assert shifted.intercept.value == pytest.approx(1, abs=0.15)
    assert shifted.ratio.lower > 1
    steep = calibration_response(response, 1 / (1 + np.exp(-2 * linear)))
    assert steep.slope.value == pytest.approx(0.5, abs=0.1)


def test_a_prediction_that_separates_patients_has_no_slope_and_keeps_the_rest():
    time, event = np.arange(1.0, 21.0), np.ones(20, dtype=bool)
    found = calibration(time, event, np.where(time <= 10, 0.9, 0.1), 10.5)
    assert np.isnan(found.slope.value)
    assert found.ratio.value == pytest.approx(1)
    assert len(found.groups) == 2


def test_net_benefit_is_what_it_says():
    response = np.array([1, 1, 0, 0, 0, 1, 0, 0, 0, 0])
    chance = np.array([0.9, 0.6, 0.7, 0.1, 0.2, 0.3, 0.1, 0.4, 0.2, 0.1])
    found = decision_curve_response(response, chance, thresholds=[0.25, 0.5])
    assert found.benefit == pytest.approx([3 / 10 - 2 / 10 / 3, 2 / 10 - 1 / 10])
    assert found.everyone == pytest.approx([3 / 10 - 7 / 10 / 3, 3 / 10 - 7 / 10])
    assert found.treated == pytest.approx([0.5, 0.3])
    table = found.to_frame()
    assert table["gain"].tolist() == pytest.approx([found.benefit[0] - found.everyone[0], found.benefit[1]])
    assert table["spared"].iloc[0] == pytest.approx(100 * (7 - 2) / 10)  # of the 7 without response 5 are spared


def test_a_useless_model_gains_nothing_by_the_time_asked_for():
    time, event, _, risk = _data(2000, 9)
    useful = decision_curve(time, event, risk, 1.0)
    useless = decision_curve(time, event, np.random.default_rng(9).permutation(risk), 1.0)
    assert useful.gain.max() > 0.05
    assert useless.gain.max() < 0.02


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda t, d, x, p: auc_over_time(t, d, x, 50.0), "nobody was followed beyond 50"),
        (lambda t, d, x, p: auc_over_time(t, d, x, [2.0, 1.0]), "increasing order"),
        (lambda t, d, x, p: brier(t, d, p + 1, 0.5), "patient 1 is 1"),
        (lambda t, d, x, p: brier(t, d, p[:5], 0.5), "shape"),
        (lambda t, d, x, p: brier(t, d, np.where(p > 0.5, np.nan, p), 0.5), "misses values"),
        (lambda t, d, x, p: roc_curve(t, d, x, 0.0), "no patients with the event"),
        (lambda t, d, x, p: calibration(t, d, p, 0.0), "nobody had the event"),
        (lambda t, d, x, p: calibration(t, d, p, 0.5, groups=0), "0 groups"),
        (lambda t, d, x, p: decision_curve(t, d, p, 0.5, thresholds=[1.0]), "between 0 and 1"),
        (lambda t, d, x, p: brier(t, d, ["high"] * 30, 0.5), "'high' of row 1 is no number"),
        (lambda t, d, x, p: brier([], [], [], 0.5), "no patients"),
        (lambda t, d, x, p: calibration_response(["PR"] * 30, p), "'PR' of row 1"),
        (lambda t, d, x, p: calibration_response(np.ones(30), p), "everybody responded"),
        (lambda t, d, x, p: calibration_response(np.full(30, 0.5), p), "1 .yes. or 0"),
        (lambda t, d, x, p: decision_curve_response(np.full(30, 2), p), "1 .yes. or 0"),
    ],
)
def test_what_cannot_be_judged_is_said(call, words):
    with pytest.raises(AnalysisError, match=words):
        call(*_data(30, 3))
