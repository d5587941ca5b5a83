"""Proportional hazards tests and predicted survival of Cox models, Firth's Cox and logistic models, against R's."""

import pandas as pd
import pytest

from opsonin.analysis import firth_cox, firth_logistic
from opsonin.analysis.survival import cox, proportional_hazards_test
from paths import REFERENCE

FOLDER = REFERENCE / "survival"


def data_of(name, *columns):
    data = pd.read_csv(FOLDER / f"data_{name}.csv")
    return data.dropna(subset=[c for c in columns if c])


def close(ours, theirs, what, relative=1e-5):
    assert ours == pytest.approx(theirs, rel=relative, abs=1e-12), what


def fitted(spec, dataset, model=cox):
    optional = {key: spec.get(key) for key in ("entry", "strata")}
    data = data_of(dataset, spec["time"], spec["event"], *optional.values(), *spec["covariates"])
    given = {key: data[column] for key, column in optional.items() if column}
    return model(data[spec["time"]], data[spec["event"]], data[spec["covariates"]], ties=spec["ties"], **given)


def check_cox_zph(spec, results, dataset):
    found = proportional_hazards_test(fitted(spec, dataset), transform=spec["transform"])
    tests = dict(zip([*found.names, "GLOBAL"], [*found.tests, found.overall], strict=True))
    for row in results["table"]:
        test = tests[row["term"]]
        close(test.statistic, row["chisq"], f"chi-squared of {row['term']}")
        close(test.p, row["p"], f"p of {row['term']}")
        assert test.df == row["df"]


def check_cox_predict(spec, results, dataset):
    curves = fitted(spec, dataset).survival(spec["newdata"], interval=spec["conf_type"])
    times = [row["time"] for row in results["table"]]
    for row, (_, ours) in zip(results["table"], curves.at(times).iterrows(), strict=True):
        keys = (("survival", "survival"), ("se", "se_survival"), ("lower", "lower95"), ("upper", "upper95"))
        for mine, key in keys:
            close(ours[mine], row[key], f"{key} at {row['time']}")


def check_firth_cox(spec, results, dataset):
    fit = fitted(spec, dataset, firth_cox)
    assert fit.n == results["n"]
    for k, row in enumerate(results["coefficients"]):
        assert fit.names[k] == row["term"]
        low, high = fit.interval[k]
        ours = (fit.coefficient[k], fit.se[k], low, high, fit.p[k], fit.wald_p[k])
        keys = ("coef", "se", "hr_lower95_profile", "hr_upper95_profile", "p_profile", "p_wald")
        for mine, key in zip(ours, keys, strict=True):
            close(mine, row[key], f"{key} of {row['term']}")
    close(fit.likelihood_ratio.statistic, results["penalised_lr_chisq"], "penalised likelihood ratio")
    assert fit.likelihood_ratio.df == results["df"]


def check_firth_logistic(spec, results, dataset):
    data = data_of(dataset, spec["outcome"], *spec["covariates"])
    fit = firth_logistic(data[spec["outcome"]], data[spec["covariates"]])
    assert fit.n == results["n"]
    for k, row in enumerate(results["coefficients"]):
        assert fit.names[k] == row["term"].replace("(Intercept)", "intercept")
        ours = (fit.coefficient[k], fit.se[k], fit.lower[k], fit.upper[k], fit.p[k])
        keys = ("coef", "se", "lower95_profile", "upper95_profile", "p_profile")
        for mine, key in zip(ours, keys, strict=True):
            close(mine, row[key], f"{key} of {row['term']}")
    close(fit.likelihood_ratio.statistic, results["penalised_lr_chisq"], "penalised likelihood ratio")
    assert fit.likelihood_ratio.df == results["df"]


COX_CHECKS = {"cox_zph": check_cox_zph, "cox_predict": check_cox_predict}
COX_CHECKS |= {"firth_cox": check_firth_cox, "firth_logistic": check_firth_logistic}
