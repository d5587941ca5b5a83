"""Fitting of indications: the search recovers a truth, and only rows marked for calibration are used."""

from __future__ import annotations

import numpy as np
import pytest

from opsonin.errors import FitError, StudyError
from opsonin.fit import Target as FitTarget
from opsonin.patients import indication, indication_names
from opsonin.studies.calibrate import BOUNDS, FITTED, fit_target, fitted, rows_of
from opsonin.studies.calibration_plans import fitted_rows, plans
from opsonin.studies.clinical_pools import Mapped
from opsonin.studies.clinical_targets import Target
from opsonin.studies.few_steps import few_steps

LOWER, UPPER = [0.001, 0.01], [0.1, 1.0]


def row(**changes):
    words = {
        "id": "A-ORR",
        "indication": "melanoma",
        "treatment": "pembrolizumab",
        "setting": "first line",
        "quantity": "objective_response_rate",
        "value": 40.0,
        "lower": 33.0,
        "upper": 47.0,
        "n": 200,
        "unit": "percent",
        "source": "a trial",
        "how_known": "made up for this test",
        "suggested_use": "calibrate",
        "note": "",
        "computed": False,
    }
    return Target(**{**words, **changes})


def curved(values):
    growth, access = values
    return np.array([1 / (1 + (0.2 / access) ** 1.2 * (growth / 0.01) ** 0.3), 0.03 / growth * access**0.2])


@pytest.mark.parametrize("truth", [(0.004, 0.5), (0.03, 0.1), (0.012, 0.8)])
def test_few_steps_recover_values_that_made_the_figures(truth):
    share, months = curved(truth)
    targets = [FitTarget("share", share, 0.1, "logit"), FitTarget("months", months, 0.1, "log")]
    found = few_steps(curved, targets, [0.01, 0.3], LOWER, UPPER, names=["growth", "access"], prior_sd=100.0, steps=12)
    np.testing.assert_allclose(found.values, truth, rtol=0.03)
    assert np.abs(found.misfit).max() < 0.3
    assert found.evaluations <= 1 + 2 + 12


def test_what_no_figure_tells_stays_where_it_was():
    targets = [FitTarget("months", 2.0, 0.1, "log")]
    found = few_steps(
        lambda v: np.array([0.03 / v[0]]), targets, [0.01, 0.3], LOWER, UPPER, names=["growth", "access"], prior_sd=1.0
    )
    assert found.values[1] == pytest.approx(0.3)
    assert found.values[0] == pytest.approx(0.015, rel=0.05)
    assert found.se[1] == pytest.approx(1.0)  # what the prior leaves


def test_a_start_without_figures_is_refused():
    targets = [FitTarget("months", 2.0, 0.1, "log")]
    with pytest.raises(FitError, match="not a number at the start"):
        few_steps(lambda v: np.array([np.nan]), targets, [0.01, 0.3], LOWER, UPPER, names=["a", "b"], prior_sd=1.0)


def test_every_plan_is_of_an_indication_and_of_values_with_bounds():
    for name, plan in plans().items():
        assert name in indication_names()
        assert set(plan.knobs) <= set(BOUNDS)
        for knob in plan.knobs:
            value = indication(name).values.get(knob)
            assert value is None or BOUNDS[knob][0] < value < BOUNDS[knob][1]


@pytest.mark.parametrize(
    "changes",
    [
        {"suggested_use": "predict"},
        {"indication": "NSCLC"},
        {"treatment": "a drug without a module"},
        {"quantity": "grade3plus_trae_rate"},
        {"setting": "ctDNA decrease at cycle 3"},
    ],
)
def test_only_marked_rows_of_the_whole_pool_are_fitted(changes):
    mapped = Mapped.read()
    plan = plans()["melanoma"]
    kept = rows_of(plan, [row(), row(**changes)], mapped)
    assert [one.suggested_use for one in kept] == ["calibrate"]
    assert len(kept) == 1


def test_rows_of_others_are_left_out_and_stand_ins_stand_in():
    mapped = Mapped.read()
    assert rows_of(plans()["nsclc"], [row(id="KN001-LUNG1L-ORR", indication="NSCLC")], mapped) == []
    [first] = rows_of(plans()["nsclc-first-line"], [row(id="KN001-LUNG1L-ORR", indication="NSCLC")], mapped)
    assert first.indication == "NSCLC, first line"
    durvalumab = row(indication="pancreas adenocarcinoma", treatment="durvalumab")
    assert [one.treatment for one in rows_of(plans()["pancreas"], [durvalumab], mapped)] == ["atezolizumab"]


def test_a_rate_is_fitted_on_the_logit_and_a_time_on_the_logarithm():
    rate = fit_target(row(n=10_000))
    assert rate.scale == "logit"
    assert rate.se == pytest.approx(0.10)  # trials differ by more than their numbers
    few = fit_target(row(n=20, value=0.0))
    assert 0 < few.value < 0.05
    months = fit_target(row(quantity="median_os_months", unit="months", value=20.0, lower=16.0, upper=25.0))
    assert months.scale == "log"
    assert months.se == pytest.approx(np.log(25 / 16) / (2 * 1.96), rel=1e-3)
    assert fit_target(row(quantity="median_pfs_months", unit="months", value=3.0, lower=2.9, upper=3.1)).se == 0.25


@pytest.mark.parametrize(
    "quantity", ["median_pfs_months", "os_rate_60m", "median_duration_of_response_months", "objective_response_rate"]
)
def test_quantities_that_are_fitted(quantity):
    assert FITTED.fullmatch(quantity)


def test_an_indication_without_rows_is_refused():
    with pytest.raises(StudyError, match="no row marked 'calibrate' of hcc"):
        fitted(plans()["hcc"], [row()], patients=10, seed=1)


def test_rows_fitted_are_marked_so_and_of_no_cancer_without_fitted_values():
    assert "CM017-ORR" in fitted_rows()
    for name, plan in plans().items():
        if plan.fitted:
            assert set(plan.knobs) <= set(indication(name).values), name
        assert not set(plan.fitted) & set(plan.left_out)
