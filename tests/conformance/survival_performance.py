"""Concordance, AUC over time, Brier scores, cut-points and adjusted p-values against R."""

import math

import numpy as np
import pandas as pd
import pytest

from opsonin.analysis.cutpoint import cut_point
from opsonin.analysis.maximally_selected import logrank_scores_of_ranks, p_exact_bound
from opsonin.analysis.multiplicity import METHODS, adjust_p
from opsonin.analysis.performance import auc_over_time, brier, concordance, concordance_many
from opsonin.analysis.survival import cox
from paths import REFERENCE


def _columns(dataset, *columns):
    data = pd.read_csv(REFERENCE / "survival" / f"data_{dataset}.csv")[list(columns)].dropna()
    return [data[c].to_numpy(dtype=float) for c in columns]


def check_cindex(spec, results, dataset):
    time, event, marker = _columns(dataset, spec["time"], spec["event"], spec["marker"])
    ours = concordance(time, event, marker, weight=spec["weight"], until=spec["tau"])
    assert ours.n == results["n"]
    assert ours.estimate == pytest.approx(results["concordance"], rel=1e-12)
    assert ours.se == pytest.approx(results["se"], rel=1e-12)
    keys = ("concordant", "discordant", "tied.x", "tied.y", "tied.xy")
    for mine, key in zip(vars(ours.pairs).values(), keys, strict=True):
        assert mine == pytest.approx(results["counts"][key], rel=1e-12), key
    many = concordance_many(time, event, np.column_stack([marker, -marker]), weight=spec["weight"], until=spec["tau"])
    assert many.estimate == pytest.approx([results["concordance"], 1 - results["concordance"]], rel=1e-12)
    assert many.se == pytest.approx([results["se"]] * 2, rel=1e-10)


def check_multiplicity(spec, results, dataset):
    assert dataset is None
    for method in METHODS:
        expected = [row[method] for row in results["adjusted"]]
        assert adjust_p(spec["p"], method) == pytest.approx(expected, rel=1e-12), method
        assert math.isclose(spec["p"][0], results["adjusted"][0]["p"])


def check_cutpoint(spec, results, dataset):
    time, event, marker = _columns(dataset, spec["time"], spec["event"], spec["marker"])
    between = (spec["minprop"], spec["maxprop"])
    ours = cut_point(time, event, marker, between=between, permutations=20_000, shrink=False, bootstrap=0)
    assert ours.n == results["n"]
    assert ours.last_low == results["cutpoint"]
    assert ours.statistic == pytest.approx(results["max_statistic"], rel=1e-10)
    assert ours.p_lausen_1992 == pytest.approx(results["p_lausen92"], rel=1e-8)
    assert ours.p_lausen_1994 == pytest.approx(results["p_lausen94"], rel=1e-8)
    assert ours.cuts["last_low"].tolist() == [row["cut"] for row in results["candidates"]]
    assert ours.cuts["statistic"].abs().tolist() == pytest.approx([row["statistic"] for row in results["candidates"]])
    # both are Monte Carlo, ours counting the data themselves as one of its 20,001
    se = math.hypot(ours.p_se, results["p_monte_carlo_se"])
    assert abs(ours.p - results["p_monte_carlo"]) < 4 * se + 1 / 20_001
    if results["p_hothorn_lausen"] is None:
        return
    # R leaves out the statistic seen itself, and subsets whose scores sum to 0; ours, which does not, is larger
    scores = logrank_scores_of_ranks(time, event == 1, np.zeros(time.size, dtype=np.int64))
    as_r = p_exact_bound(scores, marker, between, as_maxstat=True)
    assert as_r == pytest.approx(results["p_hothorn_lausen"], rel=1e-8)
    assert as_r <= ours.p_hothorn_lausen == pytest.approx(results["p_hothorn_lausen"], rel=0.02)


def check_time_roc(spec, results, dataset):
    time, event, marker = _columns(dataset, spec["time"], spec["event"], spec["marker"])
    ours = auc_over_time(time, event, marker, [row["time"] for row in results["table"]], closed=False)
    assert ours.n == results["n"]
    assert ours.auc == pytest.approx([row["auc"] for row in results["table"]], rel=1e-10)
    # timeROC takes patients tied on a day one after the other, so that its errors depend on the order of the rows
    assert ours.se == pytest.approx([row["se"] for row in results["table"]], rel=2e-4)


def check_brier(spec, results, dataset):
    data = pd.read_csv(REFERENCE / "survival" / f"data_{dataset}.csv")
    data = data.dropna(subset=[spec["time"], spec["event"], *spec["covariates"]])
    time, event = data[spec["time"]], data[spec["event"]]
    fit = cox(time, event, data[spec["covariates"]], ties=spec["ties"])
    times = sorted({row["time"] for row in results["auc"]})
    risk = 1 - fit.survival(data[spec["covariates"]]).probability(times)
    ours = brier(time, event, risk, times)
    assert ours.n == results["n"]
    for row in results["brier"]:
        k = times.index(row["time"])
        null = row["model"] == "Null model"
        assert (ours.reference if null else ours.brier)[k] == pytest.approx(row["brier"], rel=1e-8)
        assert (ours.reference_se if null else ours.se)[k] == pytest.approx(row["se"], rel=1e-8)
    area = auc_over_time(time, event, risk, times)
    assert area.auc == pytest.approx([row["auc"] for row in results["auc"]], rel=1e-8)
    assert area.se == pytest.approx([row["se"] for row in results["auc"]], rel=1e-8)


PERFORMANCE_CHECKS = {"brier": check_brier, "cindex": check_cindex, "cutpoint": check_cutpoint}
PERFORMANCE_CHECKS |= {"multiplicity": check_multiplicity, "time_roc": check_time_roc}
