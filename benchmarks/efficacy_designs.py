"""Designs that look at responses beside one that does not: how often the best dose is declared, and what it takes.

    python benchmarks/efficacy_designs.py [--trials 2000] [--json]

One core. Prints the table of docs/efficacy-designs.md. `error`: the Monte Carlo standard error of the share.
"""

import argparse
import json
import time

from opsonin.designs import (
    Accrual,
    Boin,
    Boin12,
    BoinEt,
    Design,
    EffTox,
    MaxPatients,
    Scenario,
    TiteBoin12,
    TiteBoinEt,
    UBoin,
    efftox_prior,
    simulate,
)

# the best dose, DLT and response probabilities at five doses
TRUTHS = {
    "level 3, then level": (3, [0.03, 0.06, 0.12, 0.25, 0.40], [0.10, 0.30, 0.50, 0.52, 0.53]),
    "level 2, then toxic": (2, [0.05, 0.12, 0.30, 0.45, 0.60], [0.20, 0.45, 0.48, 0.50, 0.50]),
    "level 5, rising": (5, [0.02, 0.05, 0.10, 0.16, 0.25], [0.05, 0.15, 0.30, 0.45, 0.60]),
    "none: toxic": (0, [0.45, 0.55, 0.65, 0.70, 0.75], [0.30, 0.40, 0.50, 0.50, 0.50]),
    "none: no response": (0, [0.03, 0.06, 0.10, 0.20, 0.30], [0.05] * 5),
}
LIMIT = 0.30  # the highest DLT rate that is acceptable
DOSES = (1.0, 2.0, 4.0, 8.0, 16.0)


def designs() -> dict[str, Design]:
    """Each with at most 30% DLTs and at least 25% responses, as far as it can be told that."""
    prior = efftox_prior(DOSES, (0.05, 0.10, 0.15, 0.22, 0.30), (0.15, 0.25, 0.35, 0.45, 0.50), 0.9)
    return {
        "BOIN": Boin(5, 0.25),
        "BOIN12": Boin12(5, toxicity=LIMIT, efficacy=0.25),
        "U-BOIN": UBoin(5, toxicity=LIMIT, efficacy=0.25, good=40.0, bad=60.0),
        "BOIN-ET": BoinEt(5, toxicity=LIMIT, efficacy=0.50),
        "EffTox": EffTox(5, DOSES, toxicity=LIMIT, efficacy=0.25, contour=(0.25, 0.5, 0.5, 0.3), prior=prior),
        "TITE-BOIN12": TiteBoin12(5, toxicity=LIMIT, efficacy=0.25),
        "TITE-BOIN-ET": TiteBoinEt(5, toxicity=LIMIT, efficacy=0.50),
    }


def measured(trials: int) -> dict[str, dict]:
    made = {}
    for name, design in designs().items():
        for truth, (best, toxicity, efficacy) in TRUTHS.items():
            began = time.perf_counter()
            scene = Scenario(toxicity, efficacy=efficacy, window_days=28.0, efficacy_window_days=56.0)
            found = simulate(MaxPatients(design, 36), scene, trials, seed=1, accrual=Accrual(10.0))
            right = float(found.select[best - 1] if best else 1 - found.select.sum())
            over = found.patients[:, [p > LIMIT for p in toxicity]].sum(axis=1).mean()
            made[f"{name}; {truth}"] = {
                "value": right, "unit": "share", "error": (right * (1 - right) / trials) ** 0.5, "threads": 1,
                "overdosed": float(over), "patients": float(found.patients.sum(axis=1).mean()),
                "months": float(found.days.mean() / 30.44), "seconds": time.perf_counter() - began,
            }  # fmt: skip
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measured(options.trials)
    if options.json:
        print(json.dumps(found))
        return
    print("| design |", " | ".join(TRUTHS), "| months |")
    print("|---|" + "---|" * (len(TRUTHS) + 1))
    for name in designs():
        rows = [found[f"{name}; {truth}"] for truth in TRUTHS]
        cells = [f"{row['value']:.0%} ({row['overdosed']:.1f})" for row in rows]
        print("|", name, "|", " | ".join(cells), f"| {rows[0]['months']:.0f} |")
    print(f"largest standard error {max(row['error'] for row in found.values()):.1%}")
    print({name: round(sum(found[f"{name}; {t}"]["seconds"] for t in TRUTHS), 1) for name in designs()}, "s")


if __name__ == "__main__":
    main()
