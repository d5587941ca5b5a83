"""Concordance, AUC over time, Brier scores, cut-points and adjusted p-values against R."""

import math

import numpy as np
import pandas as pd
import pytest

from opsonin.analysis.multiplicity import METHODS, adjust_p
from opsonin.analysis.performance import concordance, concordance_many
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


PERFORMANCE_CHECKS = {"cindex": check_cindex, "multiplicity": check_multiplicity}
