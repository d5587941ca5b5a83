"""Survival functions beside lifelines: error against it, and time, on one trial and on many small ones.

The replicate case fits a thousand trials of 24 patients: one call here, a loop in lifelines (timed on fifty of them).
"""

import argparse
import json
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from opsonin.analysis import cox, cox_single_covariate_many, kaplan_meier, logrank, nca

PATIENTS, TRIALS, SMALL, LOOPED = 850, 1000, 24, 50


def best(work: Callable[[], Any], repeats: int = 5) -> tuple[float, Any]:
    """The shortest of a few runs in seconds, and what it gave."""
    seconds, result = [], None
    for _ in range(repeats):
        start = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - start)
    return min(seconds), result


def trial(patients: int, seed: int) -> pd.DataFrame:
    """Exponential survival with three covariates, times to the tenth of a day so that some are tied."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(patients, 3))
    day = np.round(rng.exponential(300 * np.exp(-x @ [0.3, -0.2, 0.0])) + 0.1, 1)
    follow = rng.uniform(100, 900, patients)
    frame = pd.DataFrame(x, columns=pd.Index(["a", "b", "c"]))
    return frame.assign(day=np.minimum(day, follow), event=day <= follow, arm=rng.integers(0, 2, patients))


def cases() -> dict[str, dict[str, Any]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import lifelines
        from lifelines.statistics import logrank_test

    data = trial(PATIENTS, 1)
    t, d, arm = data["day"], data["event"], data["arm"]
    found: dict[str, dict[str, Any]] = {}

    ours, curve = best(lambda: kaplan_meier(t, d))
    theirs, peer = best(lambda: lifelines.KaplanMeierFitter().fit(t, d))
    error = abs(curve.at(365.0)["survival"][0] - float(peer.predict(365.0)))
    found[f"Kaplan–Meier, {PATIENTS} patients"] = row(ours, error, theirs)

    ours, test = best(lambda: logrank(t, d, arm))
    theirs, peer = best(lambda: logrank_test(t[arm == 0], t[arm == 1], d[arm == 0], d[arm == 1]))
    found[f"log-rank, {PATIENTS} patients"] = row(ours, abs(test.chi2 - peer.test_statistic), theirs)

    columns = ["a", "b", "c"]
    ours, fit = best(lambda: cox(t, d, data[columns]))
    theirs, peer = best(lambda: lifelines.CoxPHFitter().fit(data[[*columns, "day", "event"]], "day", "event"))
    error = float(np.abs(fit.coefficient - peer.params_.to_numpy()).max())
    found[f"Cox, {PATIENTS} patients, 3 covariates"] = row(ours, error, theirs)

    small = [trial(SMALL, seed) for seed in range(TRIALS)]
    time_, event, x = (np.stack([s[name].to_numpy() for s in small]) for name in ("day", "event", "a"))
    ours, many = best(lambda: cox_single_covariate_many(time_, event, x))

    def loop() -> np.ndarray:
        fitter = lifelines.CoxPHFitter()
        return np.array([fitter.fit(s[["a", "day", "event"]], "day", "event").params_["a"] for s in small[:LOOPED]])

    theirs, peer = best(loop, repeats=1)
    error = float(np.nanmax(np.abs(many.coefficient[:LOOPED] - peer)))
    found[f"Cox in {TRIALS} trials of {SMALL}"] = row(ours, error, theirs * TRIALS / LOOPED)

    hours = np.array([0, 0.5, 1, 2, 4, 8, 12, 24.0])
    profile = 8 * (np.exp(-0.15 * hours) - np.exp(-1.2 * hours))
    ours, result = best(lambda: [nca(hours, profile, 100.0, method="linear-up log-down") for _ in range(200)])
    error = abs(result[0].lambda_z - 0.15) / 0.15
    found["NCA of 200 profiles"] = {"value": ours, "unit": "s", "error": error, "threads": 1}
    return found


def row(seconds: float, error: float, peer_seconds: float) -> dict[str, Any]:
    """One line of the table."""
    ratio = peer_seconds / seconds
    names = {"unit": "s", "peer": "lifelines", "threads": 1}
    return {"value": seconds, "error": float(error), "peer_value": peer_seconds, "ratio": ratio, **names}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = cases()
    if options.json:
        print(json.dumps(found))
        return
    print(f"{'case':<36}{'seconds':>10}{'error':>11}{'lifelines':>11}{'times':>8}")
    for name, case in found.items():
        peer = f"{case['peer_value']:>11.4f}{case['ratio']:>8.0f}" if "peer_value" in case else ""
        print(f"{name:<36}{case['value']:>10.4f}{case['error']:>11.1e}{peer}")


if __name__ == "__main__":
    main()
