"""Dose-finding designs: simulated operating characteristics beside the exact ones, and the time a decision takes.

The peer of the array form is the same design deciding for one trial at a time.
"""

import argparse
import json
import time

import numpy as np

from opsonin.designs import Design, ThreePlusThree, exact_characteristics

TRUTH = np.array([0.05, 0.12, 0.25, 0.40, 0.55])
MANY, FEW = 200_000, 2_000


def simulate(design: Design, trials: int, one_by_one: bool) -> np.ndarray:
    """The MTD of each simulated trial, 0 for none."""
    rng = np.random.default_rng(1)
    levels = design.levels
    patients, dlt = np.zeros((trials, levels), dtype=np.int64), np.zeros((trials, levels), dtype=np.int64)
    current, mtd = np.zeros(trials, dtype=np.int64), np.zeros(trials, dtype=np.int64)
    going = np.arange(trials)
    while len(going):
        ask = Design.decide_many if one_by_one else type(design).decide_many
        made = ask(design, patients[going], dlt[going], current[going])
        mtd[going[made.stop]] = made.mtd[made.stop]
        on = ~made.stop
        going, level, wanted = going[on], made.level[on] - 1, made.patients[on]
        patients[going, level] += wanted
        dlt[going, level] += rng.binomial(wanted, TRUTH[level])
        current[going] = level + 1
    return mtd


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    design = ThreePlusThree(len(TRUTH))
    began = time.perf_counter()
    exact = exact_characteristics(design, TRUTH)
    enumerated = time.perf_counter() - began
    began = time.perf_counter()
    mtd = simulate(design, MANY, one_by_one=False)
    arrays = MANY / (time.perf_counter() - began)
    began = time.perf_counter()
    simulate(design, FEW, one_by_one=True)
    single = FEW / (time.perf_counter() - began)
    error = float(np.abs(np.bincount(mtd, minlength=design.levels + 1)[1:] / MANY - exact.select).max())
    cases = {
        "3+3, five levels, simulated trials": {
            "value": arrays,
            "unit": "trials/s",
            "error": error,
            "peer": "one trial at a time",
            "peer_value": single,
            "ratio": arrays / single,
            "threads": 1,
        },
        "3+3, five levels, exact operating characteristics": {"value": enumerated, "unit": "s", "threads": 1},
    }
    if options.json:
        print(json.dumps(cases))
        return
    for name, case in cases.items():
        print(
            f"{name}: {case['value']:.4g} {case['unit']}"
            + (f", {case['ratio']:.0f} × its peer" if "ratio" in case else "")
        )
    print(f"largest error of a selection probability: {error:.4f} (Monte Carlo standard error {0.5 / MANY**0.5:.4f})")


if __name__ == "__main__":
    main()
