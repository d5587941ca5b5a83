"""Exposure–response against SciPy's optimiser and closed forms, and what is said where the record lacks the data."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import brentq, minimize, minimize_scalar
from scipy.stats import spearmanr

from made_up_trial import one_record
from opsonin.analysis import analyse, ask, logistic
from opsonin.analysis.exposure_response import exposure_response_findings, exposure_responses, exposures, spearman
from opsonin.analysis.logistic_model import is_separated
from opsonin.errors import AnalysisError
from opsonin.record import TrialRecord


def drawn(n=24, slope=1.2, seed=3):
    rng = np.random.default_rng(seed)
    x = rng.normal(7.0, 0.8, n)
    return x, rng.random(n) < 1 / (1 + np.exp(-slope * (x - 7.2)))


def minus_log_likelihood(x, y, penalised):
    design = np.stack([np.ones_like(x), x], axis=1)

    def of(beta):
        eta = design @ beta
        value = np.where(y, -np.logaddexp(0, -eta), -np.logaddexp(0, eta)).sum()
        if penalised:
            w = 1 / (2 + np.exp(eta) + np.exp(-eta))
            value += 0.5 * math.log(np.linalg.det(design.T @ (design * w[:, None])))
        return -value

    return of


@pytest.mark.parametrize("penalised", [False, True])
@pytest.mark.parametrize("seed", [3, 4, 8])
def test_the_logistic_model_agrees_with_a_general_optimiser(penalised, seed):
    x, y = drawn(seed=seed)
    assert not is_separated(x, y)
    z = x - x.mean()  # so that the optimiser has an easy problem
    loss = minus_log_likelihood(z, y, penalised)
    options = {"xatol": 1e-11, "fatol": 1e-13, "maxiter": 4000, "maxfev": 4000}
    best = minimize(loss, [0.0, 0.0], method="Nelder-Mead", options=options)

    def fallen(slope):
        at = minimize_scalar(lambda a: loss(np.array([a, slope])), bracket=(-1.0, 1.0), tol=1e-12).fun
        return 2 * (at - best.fun) - 3.841458820694124

    found = logistic(x, y, penalised=penalised)
    assert found.slope == pytest.approx(best.x[1], rel=1e-6)
    assert found.intercept + found.slope * x.mean() == pytest.approx(best.x[0], rel=1e-5, abs=1e-7)
    assert found.lower == pytest.approx(brentq(fallen, best.x[1] - 15, best.x[1]), rel=1e-5)
    assert found.upper == pytest.approx(brentq(fallen, best.x[1], best.x[1] + 15), rel=1e-5)
    null = 2 * (fallen(0.0) + 3.841458820694124) / 2
    assert found.p == pytest.approx(math.erfc(math.sqrt(null / 2)), rel=1e-6)
    assert (found.n, found.events, found.penalised) == (24, int(y.sum()), penalised)


@pytest.mark.parametrize("cells", [(2, 5, 6, 1), (0, 6, 4, 2), (0, 5, 5, 0)])
def test_firths_penalty_on_a_two_by_two_table_is_half_a_patient_in_every_cell(cells):
    a, b, c, d = cells  # events and others at x = 0, then at x = 1
    x = np.repeat([0.0, 1.0], [a + b, c + d])
    y = np.repeat([True, False, True, False], [a, b, c, d])
    found = logistic(x, y, penalised=True)
    assert found.slope == pytest.approx(math.log((c + 0.5) * (b + 0.5) / ((d + 0.5) * (a + 0.5))), rel=1e-8)
    variance = 1 / (a + b + 1) / ((a + 0.5) * (b + 0.5) / (a + b + 1) ** 2)
    assert variance == pytest.approx(1 / (a + 0.5) + 1 / (b + 0.5))
    assert found.separated == (a == 0 or d == 0)


def test_separated_data_have_a_finite_penalised_slope_and_no_plain_one():
    x, y = np.arange(10.0), np.arange(10) >= 6
    assert is_separated(x, y)
    assert is_separated(-x, y)
    found = logistic(x, y)
    assert found.separated
    assert found.penalised
    assert 0 < found.lower < found.slope < 20
    assert found.p < 0.01
    with pytest.raises(AnalysisError, match="the slope is infinite"):
        logistic(x, y, penalised=False)


@pytest.mark.parametrize(("y", "said"), [(np.zeros(6, bool), "nobody had it"), (np.ones(6, bool), "everybody had it")])
def test_without_a_contrast_there_is_no_model(y, said):
    with pytest.raises(AnalysisError, match=said):
        logistic(np.arange(6.0), y)
    with pytest.raises(AnalysisError, match="differs between patients"):
        logistic(np.ones(6), np.array([True, False] * 3))


def test_scaling_the_exposure_scales_the_slope_and_nothing_else():
    x, y = drawn(seed=8)
    one, other = logistic(x, y), logistic(10 * x - 3, y)
    assert other.slope == pytest.approx(one.slope / 10)
    assert other.p == pytest.approx(one.p)
    assert other.probability(10 * x - 3) == pytest.approx(one.probability(x))
    low, high = one.probability(x)[1:]
    assert ((low < one.probability(x)[0]) & (one.probability(x)[0] < high)).all()


def test_spearman_agrees_with_scipy_and_counts_the_seen_order_once():
    rng = np.random.default_rng(1)
    x = rng.normal(size=14)
    y = np.round(0.5 * x + rng.normal(size=14), 1)
    rho, p = spearman(x, y, 1, "a test")
    assert rho == pytest.approx(spearmanr(x, y).statistic)
    assert p == pytest.approx(spearmanr(x, y).pvalue, abs=0.02)
    assert spearman(x, x, 1, "a test")[1] == pytest.approx(1e-4)
    assert math.isnan(spearman(x, np.ones(14), 1, "a test")[0])


def test_a_records_exposures_stand_against_toxicity_and_markers(record):
    (exposure,) = exposures(ask(record))
    assert (exposure.analyte, exposure.what, exposure.unit) == ("interleukin-2", "AUC (day 14)", "IU/ml·h")
    found = analyse(record).named("pk.interleukin-2")
    limiting = found.get("pk.interleukin-2.exposure_dlt", "day 14")
    hit = set(record.adverse_events.loc[record.adverse_events["dlt"].fillna(False), "subject_id"].astype(str))
    auc = exposure.rows.set_index("subject_id")["exposure"]
    again = logistic(np.log2(auc.to_numpy()), auc.index.isin(hit))
    assert limiting.estimate == pytest.approx(math.exp(again.slope))
    assert (limiting.n, limiting.events, limiting.unit) == (18, len(hit), "odds ratio")
    marker = found.get("pk.interleukin-2.exposure_HLA-DR+ NK")
    rows = marker.table
    slope = np.polyfit(np.log2(rows["exposure"]), np.log2(rows["fold"]), 1)[0]
    assert marker.estimate == pytest.approx(slope)
    assert f"ρ {spearmanr(rows['exposure'], rows['fold']).statistic:.2f}" in marker.note
    assert marker.group == "day 14, change of HLA-DR+ NK on day 15"


def without(record, *names):
    tables = {name: frame for name, frame in record.tables.items() if name not in names}
    return TrialRecord(tables, record.manifest)


@pytest.mark.parametrize("missing", ["concentrations", "adverse_events", "measurements", "exposures"])
def test_no_finding_where_the_record_lacks_the_data(record, missing):
    names = {f.name.rpartition(".")[2] for f in exposure_response_findings(ask(without(record, missing)))}
    expected = {
        "adverse_events": {"exposure_HLA-DR+ NK"},
        "measurements": {"exposure_dlt", "exposure_severe"},
    }
    assert names == expected.get(missing, set())


def test_an_occasion_that_few_reached_is_not_taken(record):
    late = record.concentrations[record.concentrations["period"] == "day 14"].head(12)
    late = late.assign(period="day 99", dose_day=12.0)
    more = TrialRecord({**record.tables, "concentrations": pd.concat([record.concentrations, late])}, record.manifest)
    assert [one.period for one in exposures(ask(more))] == ["day 14"]


def test_few_samples_give_the_peak_instead_of_the_area(record):
    sparse = record.concentrations[record.concentrations["hours_after_dose"].isin([0.0, 1.0])]
    (exposure,) = exposures(ask(TrialRecord({**record.tables, "concentrations": sparse}, record.manifest)))
    assert (exposure.measure, exposure.unit) == ("Cmax", "IU/ml")


def test_who_had_no_event_is_said_in_words(record):
    calm = record.adverse_events.assign(dlt=False)
    quiet = TrialRecord({**record.tables, "adverse_events": calm}, record.manifest)
    found = {one.name: one for one in exposure_responses(ask(quiet))}
    assert found["exposure_dlt"].fit is None
    notes = analyse(quiet).notes
    assert "interleukin-2, exposure–response: nobody of the 18 with an exposure had a dose-limiting toxicity." in notes


def test_patients_with_the_event_but_no_profile_are_counted():
    record = one_record()
    limited = record.adverse_events.loc[record.adverse_events["dlt"].fillna(False), "subject_id"].astype(str)
    gone = limited.iloc[0]
    kept = record.concentrations[record.concentrations["subject_id"].astype(str) != gone]
    fewer = TrialRecord({**record.tables, "concentrations": kept}, record.manifest)
    finding = analyse(fewer).get("pk.interleukin-2.exposure_dlt")
    assert finding.n == 17
    assert finding.events == len(limited) - 1
    assert "for want of an exposure on day 14: 1 more with it" in finding.note
