"""R's numbers for restricted means, the exact log-rank test, cumulative incidence, Gray's test and Fine–Gray."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from opsonin.analysis.survival import cumulative_incidence, exact_logrank, fine_gray, gray_test, restricted_means
from paths import REFERENCE

CLOSE = 1e-6  # nothing of these is iterated but Fine–Gray
ITERATED = 1e-5


def _data(name: str, *columns: str) -> Any:
    return pd.read_csv(REFERENCE / "survival" / f"data_{name}.csv").dropna(subset=list(columns))


def close(ours: float, theirs: float, what: str, relative: float = CLOSE) -> None:
    assert ours == pytest.approx(theirs, rel=relative, abs=1e-12), what


def check_rmst(spec, results, dataset):
    data = _data(dataset, spec["time"], spec["event"], spec["arm"])
    found = restricted_means(data[spec["time"]], data[spec["event"]], data[spec["arm"]], reference=0, until=spec["tau"])
    for expected in results["arms"]:
        place = found.groups.index(str(expected["arm"]))
        close(found.mean[place], expected["rmst"], "restricted mean")
        close(found.se[place], expected["se"], "its standard error")
    names = {"difference": found.difference, "ratio": found.ratio, "rmtl_ratio": found.lost_ratio}
    for expected in results["contrasts"]:
        ours = names[expected["contrast"].split("_arm1")[0]]
        for mine, key in zip(ours, ("estimate", "lower95", "upper95", "p"), strict=True):
            close(mine, expected[key], f"{key} of {expected['contrast']}")


def check_logrank_exact(spec, results, dataset):
    assert (spec["scores"], spec["alternative"]) == ("mid-ranks", "two.sided")
    data = _data(dataset, spec["time"], spec["event"], spec["group"])
    found = exact_logrank(data[spec["time"]], data[spec["event"]], data[spec["group"]])
    assert found.n == results["n"]
    close(found.z, results["z"], "z")
    close(found.p, results["p_exact"], "exact p")
    close(found.p_asymptotic, results["p_asymptotic"], "asymptotic p")
    # coin's scores are expected less observed
    np.testing.assert_allclose(-found.scores, [row["score"] for row in results["scores"]], rtol=CLOSE)
    assert found.groups == sorted({str(row["group"]) for row in results["scores"]})


def check_cuminc_gray(spec, results, dataset):
    data = _data(dataset, spec["time"], spec["status"], spec["group"])
    time, status, group = (data[spec[key]] for key in ("time", "status", "group"))
    assert len(data) == results["n"]
    for expected in results["tests"]:
        found = gray_test(time, status, expected["cause"], group, censored=spec["censor"])
        close(found.chi2, expected["statistic"], f"Gray's statistic of cause {expected['cause']}")
        close(found.p, expected["p"], f"Gray's p of cause {expected['cause']}")
        assert found.df == expected["df"]
    for expected in results["cif"]:
        rows = (group.astype(str) == expected["group"]).to_numpy()
        curve = cumulative_incidence(time[rows], status[rows], expected["cause"], censored=spec["censor"])
        ours = curve.at(expected["time"]).iloc[0]
        close(ours["incidence"], expected["cif"], f"incidence at {expected['time']}")
        close(ours["se"] ** 2, expected["variance"], f"variance at {expected['time']}")


def check_fine_gray(spec, results, dataset):
    data = _data(dataset, spec["time"], spec["status"], *spec["covariates"])
    fit = fine_gray(
        data[spec["time"]], data[spec["status"]], spec["cause"], data[spec["covariates"]], censored=spec["censor"]
    )
    assert fit.n == results["n"]
    close(fit.log_likelihood_null, results["loglik_null"], "null log likelihood", ITERATED)
    close(fit.log_likelihood, results["loglik_model"], "log likelihood", ITERATED)
    for k, expected in enumerate(results["coefficients"]):
        assert fit.names[k] == expected["term"]
        ours = (fit.coefficient[k], fit.se[k], fit.p[k], fit.hazard_ratio[k], *fit.interval[k])
        keys = ("coef", "se", "p", "shr", "shr_lower95", "shr_upper95")
        for mine, key in zip(ours, keys, strict=True):
            close(mine, expected[key], f"{key} of {expected['term']}", ITERATED)


NONPARAMETRIC_CHECKS = {
    "rmst": check_rmst,
    "logrank_exact": check_logrank_exact,
    "cuminc_gray": check_cuminc_gray,
    "fine_gray": check_fine_gray,
}
