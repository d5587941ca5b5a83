"""What a searched cut promises and what it keeps: bias and coverage of its log hazard ratio, shrunken or not.

The truth of a cut is its log hazard ratio in 4,000 further patients; the peer of the shrunken ratio is the ratio as
found. A third of the patients is censored.
"""

import argparse
import json
from typing import Any

import numpy as np

from opsonin.analysis import cut_point
from opsonin.analysis.survival import cox

TRIALS, FURTHER = 200, 4000
SHAPES = {"none": lambda x: 0.0 * x, "a step": lambda x: 0.9 * (x >= 0), "a line": lambda x: 0.7 * x}


def trial(shape: str, n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times, events and the marker of one trial."""
    rng = np.random.default_rng([seed, n, sorted(SHAPES).index(shape)])
    marker = rng.normal(size=n)
    time, censoring = rng.exponential(np.exp(-SHAPES[shape](marker))), rng.exponential(2.0, n)
    return np.minimum(time, censoring), time <= censoring, marker


def case(shape: str, n: int) -> dict[str, Any]:
    """Bias (towards more of an effect) and coverage over the trials."""
    more = trial(shape, FURTHER, -1 % 2**32)
    error = {"found": [], "shrunken": []}
    held = {"found": 0, "shrunken": 0}
    rejected = 0
    for seed in range(TRIALS):
        ours = cut_point(*trial(shape, n, seed), permutations=199, bootstrap=100, seed=seed)
        truth = 0.0
        if shape != "none":
            truth = float(cox(more[0], more[1], more[2] >= ours.cut).coefficient[0])
        for name, ratio in (("found", ours.ratio), ("shrunken", ours.shrunken)):
            towards = np.sign(truth) if truth else np.sign(np.log(ours.ratio.value))
            error[name].append((np.log(ratio.value) - truth) * towards)
            held[name] += np.log(ratio.lower) <= truth <= np.log(ratio.upper)
        rejected += ours.p <= 0.05
    bias = {name: float(np.mean(values)) for name, values in error.items()}
    return {
        "value": bias["shrunken"],
        "unit": "log hazard ratio",
        "error": float(np.std(error["shrunken"]) / TRIALS**0.5),
        "peer": "the ratio as found",
        "peer_value": bias["found"],
        "coverage": held["shrunken"] / TRIALS,
        "peer_coverage": held["found"] / TRIALS,
        "rejected": rejected / TRIALS,
        "threads": 1,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    cases = {f"{n} patients, effect: {shape}": case(shape, n) for n in (17, 60, 200) for shape in SHAPES}
    if options.json:
        print(json.dumps(cases))
        return
    print(f"{'case':<32}{'bias':>8}{'found':>8}{'held':>7}{'found':>7}{'p <= 0.05':>11}")
    for name, c in cases.items():
        numbers = f"{c['value']:>8.2f}{c['peer_value']:>8.2f}{c['coverage']:>7.2f}{c['peer_coverage']:>7.2f}"
        print(f"{name:<32}{numbers}{c['rejected']:>11.2f}")


if __name__ == "__main__":
    main()
