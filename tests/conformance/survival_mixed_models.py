"""The kind lmm: mixed models against lmerTest (Satterthwaite) and pbkrtest (Kenward and Roger).

Both sides iterate: lme4 stops its search near 1e-6 of the deviance and lmerTest differentiates numerically, so that its
degrees of freedom hold about seven digits and variances about five.
"""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from opsonin.analysis.mixed import mixed_model
from paths import REFERENCE

ITERATED = 1e-5


def check_mixed_model(spec: dict[str, Any], results: dict[str, Any], dataset: str) -> None:
    """Compare every number of one case."""
    data: Any = pd.read_csv(REFERENCE / "survival" / f"data_{dataset}.csv")
    slope = None
    if spec["random"] != "1":
        one, name = (part.strip() for part in spec["random"].split("+"))
        assert one == "1"
        slope = data[name]
    fit = mixed_model(
        data[spec["outcome"]], fixed_effects(spec["fixed"], data), data[spec["subject"]], slope=slope, reml=spec["reml"]
    )
    assert (fit.n, fit.n_subjects) == (results["n"], results["n_subjects"])
    assert fit.log_likelihood == pytest.approx(results["loglik"], rel=1e-8)
    assert fit.names == [row["term"] for row in results["fixed"]]
    for k, expected in enumerate(results["fixed"]):
        term = expected["term"]
        assert fit.coefficient[k] == pytest.approx(expected["coef"], rel=ITERATED), term
        assert fit.se[k] == pytest.approx(expected["se"], rel=ITERATED), term
        row = np.eye(len(fit.names))[k]
        for method, key in (("satterthwaite", "satterthwaite"), ("kenward-roger", "kenward_roger")):
            if expected[f"df_{key}"] is None:
                continue  # Kenward and Roger's method is not defined by ML
            ours = fit.contrast(row, method)
            assert ours.df == pytest.approx(expected[f"df_{key}"], rel=ITERATED), (term, method)
            assert ours.p == pytest.approx(expected[f"p_{key}"], rel=2e-4, abs=1e-300), (term, method)  # far tails
            if key == "kenward_roger":
                assert ours.se == pytest.approx(expected["se_kenward_roger"], rel=ITERATED), term
    for expected in results["variance_components"]:
        if expected["group"] == "Residual":
            assert fit.sigma**2 == pytest.approx(expected["vcov"], rel=ITERATED)
            assert fit.sigma == pytest.approx(expected["sdcor"], rel=ITERATED)
            continue
        i = fit.random_names.index(expected["var1"])
        j = i if expected["var2"] is None else fit.random_names.index(expected["var2"])
        assert fit.covariance[i, j] == pytest.approx(expected["vcov"], rel=1e-4 if i != j else ITERATED)
        spread = np.sqrt(np.diag(fit.covariance))
        ours = spread[i] if i == j else fit.covariance[i, j] / (spread[i] * spread[j])
        assert ours == pytest.approx(expected["sdcor"], rel=1e-4 if i != j else ITERATED)


def fixed_effects(formula: str, data: pd.DataFrame) -> pd.DataFrame:
    """The columns of "a", "a + b" and "a * b" (both and their product)."""
    columns: dict[str, Any] = {}
    for term in (part.strip() for part in formula.split("+")):
        names = [name.strip() for name in term.split("*")]
        columns |= {name: data[name] for name in names}
        if len(names) == 2:
            columns[":".join(names)] = data[names[0]] * data[names[1]]
    return pd.DataFrame(columns)


MIXED_CHECKS = {"lmm": check_mixed_model}
