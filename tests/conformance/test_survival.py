"""Survival, performance, mixed models and responses against the numbers of established R packages."""

import json
import math
from typing import Any

import pandas as pd
import pytest

from conformance.recist_cases import check_recist
from conformance.survival_cox import COX_CHECKS
from conformance.survival_mixed_models import MIXED_CHECKS
from conformance.survival_nonparametric import NONPARAMETRIC_CHECKS
from conformance.survival_performance import PERFORMANCE_CHECKS
from opsonin.analysis.survival import cox, kaplan_meier, logrank
from paths import REFERENCE

FOLDER = REFERENCE / "survival"
LATER = "needs the survival methods of a later issue"
NOT_YET: dict[str, str] = {}
RELATIVE = 1e-6  # R's own convergence tolerance; what is not iterated agrees much closer


def _cases():
    if not FOLDER.is_dir():
        reason = f"no reference results at {FOLDER}; set OPSONIN_REFERENCE to their folder"
        return [pytest.param(None, None, id="survival-missing", marks=pytest.mark.skip(reason=reason))]
    found = []
    for path in sorted(FOLDER.glob("*.json")):
        try:
            cases = json.loads(path.read_text())
        except ValueError:
            cases = None
        if not isinstance(cases, list):
            found.append(pytest.param(path.stem, None, id=f"{path.stem}-unreadable"))
            continue
        for number, case in enumerate(cases, start=1):
            readable = isinstance(case, dict)
            name = str(case.get("id") or f"{path.stem}-{number}") if readable else f"{path.stem}-{number}"
            kind = str(case.get("kind") or path.stem) if readable else path.stem
            name = name if name.startswith(kind) else f"{kind}-{name}"
            found.append(pytest.param(kind, case, id=name))
    return found


@pytest.mark.parametrize(("kind", "case"), _cases())
def test_survival_agrees_with_r(kind, case):
    assert isinstance(case, dict), f"the case of kind {kind} cannot be read"
    if kind in NOT_YET:
        pytest.skip(f"{kind}: {NOT_YET[kind]}")
    if kind == "recist":
        return check_recist(case)
    assert kind in CHECKS, f"the kind {kind!r} is not known"
    return CHECKS[kind](case["spec"], case["results"], case["dataset"])


def _data(name, *columns, keep=None):
    data: Any = pd.read_csv(FOLDER / f"data_{name}.csv")
    if keep:
        data = data[_filter(data, keep)]
    return data.dropna(subset=[c for c in columns if c])


def _filter(data, condition):
    """The row conditions of the cases: "time > 30" and "!is.na(inst)"."""
    if condition.startswith("!is.na("):
        return data[condition[7:-1]].notna()
    return data.eval(condition)


def _close(ours, theirs, what, relative=RELATIVE):
    if theirs is None:
        assert ours is None or math.isnan(ours), f"{what}: R has none, ours is {ours}"
    else:
        assert ours == pytest.approx(theirs, rel=relative, abs=1e-12), what


def _km(spec, results, dataset):
    data = _data(dataset, spec["time"], spec["event"], spec["group"])
    groups = data[spec["group"]].astype(str) if spec["group"] else pd.Series("all", index=data.index)
    for expected in results["groups"]:
        rows = data[groups == expected["group"]]
        curve = kaplan_meier(rows[spec["time"]], rows[spec["event"]], interval=spec["conf_type"])
        assert (curve.n, curve.n_events) == (expected["n"], expected["events"])
        mean, se = curve.restricted_mean(float(spec["tau"]))
        _close(mean, expected["rmst"], "restricted mean")
        _close(se, expected["rmst_se"], "its standard error")
        for q in (q for q in results["quantiles"] if q["group"] == expected["group"]):
            for ours, key in zip(curve.quantile(q["prob"]), ("quantile", "lower95", "upper95"), strict=True):
                _close(ours, q[key], f"{key} at {q['prob']}")
        for row in (r for r in results["survival"] if r["group"] == expected["group"]):
            ours = curve.at(row["time"]).iloc[0]
            assert ours["at_risk"] == row["n_risk"]
            for mine, key in (("survival", "survival"), ("se", "se"), ("lower", "lower95"), ("upper", "upper95")):
                _close(ours[mine], row[key], f"{key} at {row['time']}")


def _logrank(spec, results, dataset):
    data = _data(dataset, spec["time"], spec["event"], spec["group"], spec["strata"])
    strata = data[spec["strata"]] if spec["strata"] else None
    test = logrank(data[spec["time"]], data[spec["event"]], data[spec["group"]], strata=strata, rho=spec["rho"])
    _close(test.chi2, results["chisq"], "chi-squared")
    _close(test.p, results["p"], "p")
    assert test.df == results["df"]
    for g, expected in enumerate(results["groups"]):
        assert test.groups[g] == str(expected["group"])
        _close(test.observed[g], expected["observed"], "observed")
        _close(test.expected[g], expected["expected"], "expected")
    _close(test.variance[0, 0], results["variance_first_group"], "variance")


def _cox(spec, results, dataset):
    names = spec["covariates"]
    data = _data(
        dataset,
        spec["time"],
        spec["event"],
        spec["entry"],
        spec["strata"],
        spec["cluster"],
        *names,
        keep=spec["filter"],
    )
    optional = {k: data[spec[k]] for k in ("entry", "strata", "cluster") if spec[k]}
    fit = cox(data[spec["time"]], data[spec["event"]], data[names], ties=spec["ties"], **optional)
    assert (fit.n, fit.events) == (results["n"], results["n_events"])
    _close(fit.log_likelihood_null, results["loglik_null"], "null log likelihood")
    _close(fit.log_likelihood, results["loglik_model"], "log likelihood")
    for k, expected in enumerate(results["coefficients"]):
        assert fit.names[k] == expected["term"]
        robust = None if fit.robust_se is None else float(fit.robust_se[k])
        low, high = fit.interval[k]
        ours = (fit.coefficient[k], fit.se[k], robust, fit.z[k], fit.p[k], fit.hazard_ratio[k], low, high)
        keys = ("coef", "se", "robust_se", "z", "p", "hr", "hr_lower95", "hr_upper95")
        for mine, key in zip(ours, keys, strict=True):
            _close(mine, expected[key], f"{key} of {expected['term']}", relative=1e-5)
    for expected in results["tests"]:
        test = getattr(fit, expected["test"])
        # R prints the Wald statistic rounded to two decimals
        loose: dict[str, Any] = {"abs": 0.00501} if expected["test"] == "wald" else {"rel": 1e-5}
        assert test.statistic == pytest.approx(expected["statistic"], **loose), expected["test"]
        assert test.df == expected["df"]
    order = fit.concordance()
    _close(order.estimate, results["concordance"], "concordance")
    _close(order.se, results["concordance_se"], "its standard error", 1e-5)


def _interaction(spec, results, dataset):
    main, product = spec["main"], spec["product"]
    data = _data(dataset, spec["time"], spec["event"], *main, product)
    without = cox(data[spec["time"]], data[spec["event"]], data[main], ties=spec["ties"])
    with_it = cox(data[spec["time"]], data[spec["event"]], data[[*main, product]], ties=spec["ties"])
    assert (with_it.n, with_it.events) == (results["n"], results["n_events"])
    _close(2 * (with_it.log_likelihood - without.log_likelihood), results["lr_chisq"], "likelihood ratio", 1e-5)
    _close(with_it.coefficient[-1], results["coef"], "coefficient", 1e-5)
    _close(with_it.se[-1], results["se"], "standard error", 1e-5)
    _close(with_it.p[-1], results["p_wald"], "Wald p", 1e-5)


CHECKS = {"km": _km, "logrank": _logrank, "cox": _cox, "interaction": _interaction}
CHECKS |= COX_CHECKS
CHECKS |= PERFORMANCE_CHECKS
CHECKS |= MIXED_CHECKS
CHECKS |= NONPARAMETRIC_CHECKS
