"""Speed and error of the Cox family against lifelines: delayed entry, proportional hazards, curves; Firth, exact ties.

Run: python benchmarks/cox.py [--json]. Error: the largest difference from lifelines' coefficient, or survival; for what
lifelines lacks (exact ties, Firth's penalty) the length of the gradient at the estimate, which is 0 at the top.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from opsonin.analysis import cox, firth_cox, firth_logistic, proportional_hazards_test
from opsonin.analysis.logistic_firth import FirthLogisticLikelihood
from opsonin.analysis.survival.design import cox_data
from opsonin.analysis.survival.exact_ties import ExactLikelihood
from opsonin.analysis.survival.firth import FirthLikelihood

PATIENTS, FEW = 1000, 17
COLUMNS = ["a", "b", "c"]


def trial(n: int, seed: int) -> pd.DataFrame:
    """Three covariates, of which `a` doubles the hazard per SD; whole days, about a third censored, late entries."""
    rng = np.random.default_rng(seed)
    data = pd.DataFrame(rng.normal(size=(n, 3)), columns=COLUMNS)
    data["day"] = np.ceil(rng.exponential(300 * np.exp(-0.69 * data["a"])))
    data["event"] = (rng.random(n) < 0.67).astype(float)
    data["entry"] = np.where(rng.random(n) < 0.5, 0.0, np.floor(data["day"] * rng.random(n)))
    return data


def best(call: Callable[[], Any], repeats: int = 3) -> tuple[float, Any]:
    """The shortest of a few runs in seconds, and what was computed."""
    seconds, result = np.inf, None
    for _ in range(repeats):
        begin = time.perf_counter()
        result = call()
        seconds = min(seconds, time.perf_counter() - begin)
    return seconds, result


def against_lifelines() -> dict[str, dict[str, Any]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from lifelines import CoxPHFitter, CoxTimeVaryingFitter
        from lifelines.statistics import proportional_hazard_test as peer_test

    data, found = trial(PATIENTS, 1), {}
    t, d, x = data["day"], data["event"], data[COLUMNS]

    def peer(function: Callable[[], Any]) -> tuple[float, Any]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return best(function)

    ours, fit = best(lambda: cox(t, d, x))
    plain = data.drop(columns="entry")
    theirs, other = peer(lambda: CoxPHFitter().fit(plain, "day", "event"))
    error = float(np.abs(fit.coefficient - other.params_.to_numpy()).max())
    found[f"Cox, {PATIENTS} patients"] = row(ours, error, theirs)

    ours, late = best(lambda: cox(t, d, x, entry=data["entry"]))
    rows = data.assign(id=np.arange(PATIENTS))
    theirs, other_late = peer(
        lambda: CoxTimeVaryingFitter().fit(rows, id_col="id", event_col="event", start_col="entry", stop_col="day")
    )
    error = float(np.abs(late.coefficient - other_late.params_.to_numpy()).max())
    found[f"Cox with delayed entry, {PATIENTS} patients"] = row(ours, error, theirs)

    times = [100.0, 300.0, 600.0]
    ours, curves = best(lambda: fit.survival(x).probability(times))
    theirs, other_curves = peer(lambda: other.predict_survival_function(x, times=times))
    error = float(np.abs(curves - other_curves.to_numpy().T).max())
    found[f"survival of {PATIENTS} patients at 3 times (Efron's steps, theirs Breslow's)"] = row(ours, error, theirs)

    ours, held = best(lambda: proportional_hazards_test(fit, "rank"))
    theirs, other_test = peer(lambda: peer_test(other, plain, time_transform="rank"))
    error = float(np.abs(held.p - other_test.p_value).max())
    found["proportional hazards, score test (lifelines: correlation)"] = row(ours, error, theirs)
    return found


def without_peer() -> dict[str, dict[str, Any]]:
    data, few, found = trial(PATIENTS, 1), trial(FEW, 2), {}
    ours, fit = best(lambda: cox(data["day"], data["event"], data[COLUMNS], ties="exact"))
    checked = cox_data(data["day"], data["event"], data[COLUMNS], None, None, None, "exact")
    exact = ExactLikelihood(checked.time, checked.event, checked.scaled, checked.strata, None)
    found[f"exact ties, {PATIENTS} patients"] = row(ours, norm(exact.at(fit.coefficient * checked.scale).gradient))

    x = few[COLUMNS[:2]]
    ours, fit = best(lambda: firth_cox(few["day"], few["event"], x))
    checked = cox_data(few["day"], few["event"], x, None, None, None, "efron")
    at = FirthLikelihood(checked.likelihood()).at(fit.coefficient * checked.scale)
    found[f"Firth's Cox with profiles, {FEW} patients"] = row(ours, norm(at.gradient))

    ours, fit = best(lambda: firth_logistic(few["event"], x))
    at = FirthLogisticLikelihood(np.column_stack([np.ones(FEW), x]), few["event"].to_numpy()).at(fit.coefficient)
    found[f"Firth's logistic with profiles, {FEW} patients"] = row(ours, norm(at.gradient))
    return found


def norm(gradient: np.ndarray) -> float:
    """Its largest entry."""
    return float(np.abs(gradient).max())


def row(seconds: float, error: float, peer: float | None = None) -> dict[str, Any]:
    """One line of the table."""
    line = {"value": seconds, "unit": "s", "error": error, "threads": 1}
    return line if peer is None else line | {"peer": "lifelines", "peer_value": peer, "ratio": peer / seconds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = against_lifelines() | without_peer()
    if options.json:
        print(json.dumps(found))
        return
    print(f"{'case':<74}{'seconds':>9}{'error':>10}{'lifelines':>11}{'times':>8}")
    for name, case in found.items():
        peer = f"{case['peer_value']:>11.4f}{case['ratio']:>8.0f}" if "peer_value" in case else ""
        print(f"{name:<74}{case['value']:>9.4f}{case['error']:>10.1e}{peer}")


if __name__ == "__main__":
    main()
