"""Ten dose-finding designs on the virtual patients of imatinib-il2: the tables of docs/dose-finding.md.

    python benchmarks/imatinib_il2_designs.py [--trials 10000] [--json]

Every number comes with its Monte Carlo standard error, and beside it stands what the pool's finite size adds: the
standard deviation over pools drawn anew from the pool (bootstrap), the trials' random numbers held the same.
"""

import argparse
import json
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from opsonin.designs import Accrual, Design, PotentialDoses, Scenario, design, simulate
from opsonin.designs.comparison import compare_designs
from opsonin.designs.standard_truths import standard_scenarios
from opsonin.study import Study
from opsonin.study.dose_finding import study_doses

TARGET, PATIENTS, LEVELS, WINDOW = 0.30, 24, 4, 21.0
ACCRUAL = Accrual(14.0)
POOLS = 40
MONTH = 30.4375
_INTERVAL = {"target": TARGET, "patients": PATIENTS}
_MODEL = {"cohort": 3, "no_skipping": True, "patients": PATIENTS}
_LATE = {"window_days": WINDOW}
GIVEN: dict[str, dict] = {
    "3+3": {"name": "3+3"},
    "rolling six": {"name": "rolling-six"},
    "BOIN": {"name": "boin", **_INTERVAL},
    "Keyboard": {"name": "keyboard", **_INTERVAL},
    "mTPI-2": {"name": "mtpi-2", **_INTERVAL},
    "i3+3": {"name": "i3+3", **_INTERVAL},
    "CRM": {"name": "crm", "target": TARGET, "confidence": 0.95, **_MODEL},
    "BLRM": {"name": "blrm", "target": TARGET, "doses": (3.0, 6.0, 9.0, 12.0), **_MODEL},
    "TITE-BOIN": {"name": "tite-boin", **_INTERVAL, **_LATE},
    "TITE-CRM": {"name": "tite-crm", "target": TARGET, "confidence": 0.95, **_MODEL, **_LATE},
    "BOIN, 36 patients": {"name": "boin", "target": TARGET, "patients": 36},
    "BOIN, 48 patients": {"name": "boin", "target": TARGET, "patients": 48},
}
MEASURES = (
    "right dose", "too toxic dose", "no dose", "patients", "DLTs", "share of patients overdosed", "days",
)  # fmt: skip


def pools(truth: PotentialDoses, seed: int = 1) -> list[np.ndarray]:
    """DLT rates at each dose in pools drawn anew from the pool."""
    rng = np.random.default_rng(seed)
    toxic, weights = truth.onset < truth.window_days, np.asarray(truth.weights)
    made = []
    for _ in range(POOLS):
        rows = rng.integers(len(toxic), size=len(toxic))
        made.append(weights[rows] @ toxic[rows] / weights[rows].sum())
    return made


def pool_error(one: Design, rates: list[np.ndarray], right: int) -> float:
    """The standard deviation over pools of the probability that the right dose is declared."""
    found = [
        simulate(one, Scenario(np.maximum.accumulate(p), window_days=WINDOW), 2000, 7, accrual=ACCRUAL) for p in rates
    ]
    return float(np.std([simulated.select[right] for simulated in found], ddof=1))


def table(designs: Mapping[str, Design], truth: PotentialDoses, trials: int) -> list[dict]:
    """One row a design: means and standard errors, the pool's error, seconds."""
    rates, right = pools(truth), int(np.abs(truth.dlt - TARGET).argmin())
    rows = []
    for name, one in designs.items():
        began = time.perf_counter()
        found = compare_designs({name: one}, {"pool": truth}, TARGET, trials, 1, ACCRUAL, cohorts=0)
        seconds = time.perf_counter() - began
        numbers: Any = found.characteristics().set_index("measure")
        rows.append(
            {"design": name, "seconds": seconds, "pool": pool_error(one, rates, right)}
            | {m: (float(numbers.loc[m, "mean"]), float(numbers.loc[m, "se"])) for m in MEASURES}
            | {"select": found.simulated["pool"][name].select.tolist()}
        )
    return rows


def robust(designs: Mapping[str, Design], trials: int) -> dict[str, list[float]]:
    """The probability of the right answer in each standard scenario."""
    scenes = standard_scenarios(LEVELS, TARGET, WINDOW)
    found = compare_designs(designs, scenes, TARGET, trials, 2, ACCRUAL, cohorts=0)
    numbers = found.characteristics().query("measure == 'right dose'").set_index(["scenario", "design"])["mean"]
    return {name: [float(numbers[scene, name]) for scene in scenes] for name in designs}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    designs = {name: design(given, LEVELS) for name, given in GIVEN.items()}
    pool = study_doses(Study.load("imatinib-il2"), 1)
    rows = table(designs, pool.truth, options.trials)
    if options.json:
        cases = {
            f"{row['design']}, virtual patients, {options.trials:,} trials": {
                "value": row["seconds"], "unit": "s", "error": row["right dose"][1], "threads": 1,
            }
            for row in rows
        }  # fmt: skip
        print(json.dumps(cases))
        return
    nearest = np.array([np.abs(p - TARGET).argmin() for p in pools(pool.truth)])
    print("DLT rates", pool.dlt.round(4), "±", pool.dlt_se.round(4), f"left out {pool.left_out:.1%}")
    print("nearest to the target in the pools:", np.bincount(nearest, minlength=LEVELS).tolist(), "\n")
    print("| design | right dose | its pool error | too toxic | none | patients | DLTs | overdosed | months |")
    print("|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        share = [f"{100 * row[m][0]:.1f} % ± {100 * row[m][1]:.1f}" for m in MEASURES[:3]]
        number = [f"{row[m][0]:.1f} ± {row[m][1]:.1f}" for m in ("patients", "DLTs")]
        over, days = row["share of patients overdosed"], row["days"]
        last = [f"{100 * over[0]:.1f} % ± {100 * over[1]:.1f}", f"{days[0] / MONTH:.1f} ± {days[1] / MONTH:.1f}"]
        cells = [row["design"], share[0], f"± {100 * row['pool']:.1f}", *share[1:], *number, *last]
        print("| " + " | ".join(cells) + " |")
    print("\nlevels declared:")
    for row in rows:
        print(row["design"], [round(100 * p, 1) for p in row["select"]])
    print("\nright answer in the standard scenarios (level 1, 2, 3, 4 right; all too toxic; all safe):")
    for name, shares in robust(designs, 2000).items():
        print(name, [round(100 * p) for p in shares], f"mean {100 * np.mean(shares):.0f}")


if __name__ == "__main__":
    main()
