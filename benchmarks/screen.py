"""Screens of many markers: time beside lifelines, and how it grows with markers and with patients.

One core. The peer is a loop of lifelines' Cox models, timed on a few markers and scaled up; error: the largest
difference of coefficients from it. Compilation is timed apart, on a tiny screen before.
"""

import argparse
import json
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from opsonin.analysis import screening as module
from opsonin.analysis.screening import screen, screen_response

LOOPED = 5


def best(work: Callable[[], Any], repeats: int = 3) -> tuple[float, Any]:
    """The shortest of a few runs in seconds, and what it gave."""
    seconds, result = [], None
    for _ in range(repeats):
        start = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - start)
    return min(seconds), result


def cohort(patients: int, markers: int, seed: int, missing: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Exponential survival in whole days (tied), two thirds with an event; the first marker is linked to it."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(patients, markers))
    day = np.ceil(rng.exponential(300 * np.exp(-0.2 * x[:, 0])))
    follow = np.ceil(rng.uniform(100, 900, patients))
    x[rng.random(x.shape) < missing] = np.nan
    return np.minimum(day, follow), day <= follow, x


def beside_lifelines(patients: int, markers: int) -> dict[str, Any]:
    """A screen, and the loop in lifelines."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import lifelines

    day, event, x = cohort(patients, markers, 1)
    ours, found = best(lambda: screen(day, event, x, test="likelihood ratio"))

    def loop() -> list[float]:
        fitter, out = lifelines.CoxPHFitter(), []
        for k in range(LOOPED):
            frame = pd.DataFrame({"x": x[:, k], "day": day, "event": event})
            out.append(float(fitter.fit(frame, "day", "event").params_["x"]))
        return out

    theirs, peer = best(loop, repeats=2)
    theirs *= markers / LOOPED
    error = float(np.abs(found.table["coefficient"].to_numpy()[:LOOPED] - peer).max())
    numbers = {"value": ours, "unit": "s", "error": error, "peer": "lifelines", "peer_value": theirs}
    return numbers | {"ratio": theirs / ours, "threads": 1, "events": int(event.sum())}


def alone(patients: int, markers: int, **options: Any) -> dict[str, Any]:
    """A screen without a peer."""
    missing = options.pop("missing", 0.0)
    response = options.pop("response", False)
    day, event, x = cohort(patients, markers, 2, missing)
    if options.pop("adjusted", False):
        options["adjust"] = np.random.default_rng(3).normal(size=(patients, 2))
    if response:
        seconds, _ = best(lambda: screen_response(event.astype(float), x, **options))
    else:
        seconds, _ = best(lambda: screen(day, event, x, **options))
    return {"value": seconds, "unit": "s", "threads": 1}


def cases() -> dict[str, dict[str, Any]]:
    few, module.FEW = module.FEW, (0, 0)  # compiled code also for the tiny screen that compiles it
    start = time.perf_counter()
    day, event, x = cohort(20, 3, 1)
    screen(day, event, x, test="score")
    screen_response(event.astype(float), x, test="score")
    compiled = time.perf_counter() - start
    module.FEW = few
    plain = {"test": "likelihood ratio"}
    found = {
        "compilation (or loading what was compiled before)": {"value": compiled, "unit": "s", "threads": 1},
        "Cox, 1,000 markers × 3,000 patients, Efron": beside_lifelines(3000, 1000),
        "Cox, 20,000 genes × 500 patients": alone(500, 20_000, **plain),
        "the same, 30 % of the values missing": alone(500, 20_000, missing=0.3, **plain),
        "the same, adjusted for two covariates": alone(500, 20_000, adjusted=True, **plain),
        "Firth's penalty and profile, 1,000 markers × 500": alone(500, 1000, method="firth", **plain),
        "logistic, 1,000 markers × 500 patients": alone(500, 1000, response=True, **plain),
        "permutation p, 100 markers × 40 patients": alone(40, 100, test="permutation"),
    }
    base = alone(3000, 250, **plain)["value"]
    for markers in (500, 1000, 2000):
        case = alone(3000, markers, **plain)
        found[f"{markers:,} markers × 3,000 patients"] = case | {"ratio": case["value"] / base, "peer": "250 markers"}
    base = alone(1500, 500, **plain)["value"]
    for patients in (3000, 6000, 12_000):
        case = alone(patients, 500, **plain)
        name = f"{patients:,} patients × 500 markers"
        found[name] = case | {"ratio": case["value"] / base, "peer": "1,500 patients"}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = cases()
    if options.json:
        print(json.dumps(found))
        return
    print(f"{'case':<52}{'seconds':>9}{'error':>10}{'lifelines':>11}{'ratio':>8}")
    for name, case in found.items():
        error = f"{case['error']:.1e}" if "error" in case else ""
        peer = f"{case['peer_value']:.1f}" if "peer_value" in case else ""
        ratio = f"{case['ratio']:.3g}" if "ratio" in case else ""
        print(f"{name:<52}{case['value']:>9.3f}{error:>10}{peer:>11}{ratio:>8}")


if __name__ == "__main__":
    main()
