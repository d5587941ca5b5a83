"""Dose-finding designs: how long simulated trials take, at the error against exact or published characteristics.

    python benchmarks/designs.py [--json]

One core, but where two threads are named: those say something on a quiet machine only. `error`: the largest distance of
a selection probability from the exact one where that can be counted (3+3). The peers are measured elsewhere: the
issue's figures of the reference R packages, on another machine.
"""

import argparse
import json
import time

import numpy as np

from opsonin.designs import (
    Backfill,
    Blrm,
    BlrmPair,
    Boin,
    Boin12,
    BoinComb,
    BoinEt,
    Crm,
    Design,
    EffTox,
    MaxPatients,
    Pocrm,
    Scenario,
    Simulated,
    StopWhenHere,
    ThreePlusThree,
    TiteBoin,
    TiteBoin12,
    TiteBoinEt,
    TiteCrm,
    UBoin,
    Waterfall,
    exact_characteristics,
    pathways,
    simulate,
)

TRUTH = Scenario([0.05, 0.12, 0.25, 0.40, 0.55])


def best(design: Design, truth: Scenario, trials: int, repeats: int = 5, threads: int = 1) -> tuple[float, Simulated]:
    """The shortest of several simulations in seconds, and its result."""
    seconds, found = [], []
    for _ in range(repeats):
        began = time.perf_counter()
        found.append(simulate(design, truth, trials, seed=1, threads=threads))
        seconds.append(time.perf_counter() - began)
    return min(seconds), found[-1]


def cases() -> dict[str, dict]:
    made = {}
    three = ThreePlusThree(5)
    began = time.perf_counter()
    exact = exact_characteristics(three, TRUTH.dlt)
    made["3+3, five levels, exact operating characteristics"] = {
        "value": time.perf_counter() - began, "unit": "s", "threads": 1,
    }  # fmt: skip
    seconds, found = best(three, TRUTH, 100_000, 2)
    error = float(np.abs(found.select - exact.select).max())
    made["3+3, 100,000 trials"] = {"value": seconds, "unit": "s", "error": error, "threads": 1}
    boin = MaxPatients(Boin(5, 0.25), 30)
    seconds, _ = best(boin, TRUTH, 10_000)
    made["BOIN, 10,000 trials x 10 cohorts, 5 levels"] = {
        "value": seconds, "unit": "s", "peer": "BOIN::get.oc (R), another machine", "peer_value": 10.6,
        "ratio": 10.6 / seconds, "threads": 1,
    }  # fmt: skip
    return made


def families() -> dict[str, dict]:
    """A thousand trials of designs of every other kind, and a million of one."""
    six = Scenario([0.05, 0.10, 0.25, 0.35, 0.50, 0.60])
    responses = Scenario([0.05, 0.10, 0.20, 0.30, 0.45], efficacy=[0.1, 0.3, 0.5, 0.5, 0.5])
    late = Scenario([0.05, 0.12, 0.30, 0.45, 0.60], window_days=84.0)
    pairs = Scenario(
        [0.01, 0.03, 0.10, 0.20, 0.30, 0.03, 0.05, 0.15, 0.30, 0.60, 0.08, 0.10, 0.30, 0.60, 0.75], columns=5
    )
    comb = MaxPatients(StopWhenHere(BoinComb(15, 5, 0.30), 12, stays=True), 60)
    asked = {
        "CRM, 1,000 trials x 30 patients one by one, 6 levels": (MaxPatients(Crm(6, 0.25), 30), six, 1000, 18.8),
        "BOIN for two drugs, 3 x 5, 1,000 trials": (comb, pairs, 1000, 0.39),
        "CRM for partial orders, 3 x 5, 1,000 trials": (MaxPatients(Pocrm(15, 5), 60), pairs, 1000, None),
        "waterfall, 3 x 5, 1,000 trials": (MaxPatients(Waterfall(15, 5), 60), pairs, 1000, None),
        "BOIN12, 1,000 trials, 5 levels": (MaxPatients(Boin12(5), 36), responses, 1000, None),
        "TITE-BOIN, 1,000 trials, 5 levels": (MaxPatients(TiteBoin(5, 0.30, window_days=84.0), 30), late, 1000, None),
        "TITE-CRM, 1,000 trials, 5 levels": (MaxPatients(TiteCrm(5, 0.30, window_days=84.0), 30), late, 1000, None),
        "BOIN, a million trials": (MaxPatients(Boin(5, 0.25), 30), TRUTH, 1_000_000, None),
    }
    made = {}
    for name, (design, truth, trials, theirs) in asked.items():
        seconds, _ = best(design, truth, trials, 3 if trials < 10_000 else 1)
        made[name] = {"value": seconds, "unit": "s", "threads": 1}
        if theirs is not None:
            made[name] |= {"peer": "the R package, another machine", "peer_value": theirs, "ratio": theirs / seconds}
    return made


def efficacy() -> dict[str, dict]:
    """A thousand trials of the designs that look at responses; late ones on the trial's clock."""
    truth = Scenario(
        [0.05, 0.10, 0.20, 0.30, 0.45], efficacy=[0.1, 0.3, 0.5, 0.5, 0.5], window_days=45.0, efficacy_window_days=60.0
    )
    made = {}
    for name, design in {
        "U-BOIN": UBoin(5),
        "BOIN-ET": BoinEt(5),
        "TITE-BOIN-ET": TiteBoinEt(5, window_days=45.0, efficacy_window_days=60.0),
        "TITE-BOIN12": TiteBoin12(5, window_days=45.0, efficacy_window_days=60.0),
        "EffTox": EffTox(5),
    }.items():
        seconds, _ = best(MaxPatients(design, 36), truth, 1000, 1 if name == "EffTox" else 3)
        made[f"{name}, 1,000 trials x 12 cohorts, 5 levels"] = {"value": seconds, "unit": "s", "threads": 1}
    return made


def transitions() -> dict[str, dict]:
    """Dose-transition pathways of 8 cohorts of 3; the error is that of the probabilities of all states from 1."""
    made = {}
    for name, design in {
        "BOIN": MaxPatients(Boin(5, 0.25), 30),
        "CRM": MaxPatients(Crm(5, 0.25, cohort=3), 30),
        "TITE-CRM": MaxPatients(TiteCrm(5, cohort=3), 30),
        "3+3": ThreePlusThree(5),
    }.items():
        began = time.perf_counter()
        found = pathways(design, cohorts=8, truth=TRUTH)
        seconds = time.perf_counter() - began
        ended = [stage.probability[stage.decisions.level == 0].sum() for stage in found.stages[:-1]]
        error = abs(float(sum(ended) + found.stages[-1].probability.sum()) - 1.0)
        told = f"pathways of {name}, 8 cohorts of 3: {found.states:,} states for {found.courses:,} courses"
        made[told] = {"value": seconds, "unit": "s", "error": error, "threads": 1}
    return made


def regressions() -> dict[str, dict]:
    """BLRM for one drug and for two."""
    made = {}
    grid = Scenario([0.02, 0.08, 0.15, 0.08, 0.15, 0.30, 0.15, 0.30, 0.50])
    for name, design, truth, trials in (
        ("BLRM, 1,000 trials x 10 cohorts, 5 levels", MaxPatients(Blrm(5), 30), TRUTH, 1_000),
        ("BLRM for two drugs, 3 x 3, 50 trials x 10 cohorts", MaxPatients(BlrmPair(9, 3), 30), grid, 50),
    ):
        seconds, _ = best(design, truth, trials, 1)
        made[name] = {"value": seconds, "unit": "s", "threads": 1}
    return made


def two_cores() -> dict[str, dict]:
    """Blocks of trials on two threads; `error` counts the trials that came out otherwise, of which there are none."""
    made = {}
    responses = Scenario([0.05, 0.12, 0.25, 0.40, 0.55], efficacy=[0.1, 0.2, 0.3, 0.4, 0.4])
    for name, design, truth, trials in (
        ("BOIN, 10,000 trials x 10 cohorts, 5 levels", MaxPatients(Boin(5, 0.25), 30), TRUTH, 10_000),
        ("BOIN, 200,000 trials", MaxPatients(Boin(5, 0.25), 30), TRUTH, 200_000),
        ("CRM, 20,000 trials x 30 patients", MaxPatients(Crm(5, 0.25), 30), TRUTH, 20_000),
        ("BF-BOIN, 4,000 trials", Backfill(MaxPatients(Boin(5, 0.25), 30)), responses, 4_000),
    ):
        repeats = 5 if trials == 10_000 else 2
        one, first = best(design, truth, trials, repeats)
        two, second = best(design, truth, trials, repeats, threads=2)
        other = (first.mtd != second.mtd) | (first.patients != second.patients).any(axis=1)
        made[f"{name}, one thread"] = {"value": one, "unit": "s", "threads": 1}
        made[f"{name}, two threads"] = {
            "value": two, "unit": "s", "threads": 2, "error": float(other.sum()), "ratio": one / two,
        }  # fmt: skip
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = cases() | families() | efficacy() | transitions() | regressions() | two_cores()
    if options.json:
        print(json.dumps(found))
        return
    for name, case in found.items():
        error = f", error {case['error']:.4f}" if "error" in case else ""
        print(f"{name:55} {1e3 * case['value']:8.1f} ms{error}")


if __name__ == "__main__":
    main()
