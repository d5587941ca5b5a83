"""The full core under pembrolizumab and interleukin-2 for twelve months: patients a second, error beside it.

    python benchmarks/full_core.py [--json] [--patients 4000]

Tolerance as in trials (rtol 1e-3). The error is the worst difference of any state on any of the days from a run at rtol
1e-8, relative to the value or a thousandth of the state's largest, over 100 patients. Compiled before it is timed; each
figure is the fastest of three. There is no peer: no published model of tumour and immune system runs outside MATLAB.
"""

import argparse
import json
import time

import numpy as np

from opsonin.biology import full_core
from opsonin.model import Model
from opsonin.patients import indication, sample_patients
from opsonin.simulate import build_schedule, dose_days, intravenous_infusion, simulate, subcutaneous
from opsonin.therapies import load_agent

DAYS = np.arange(0.0, 366.0, 7.0)
RTOL = 1e-3


def problem(patients: int, interleukin: bool):
    """Model, constants and schedule; interleukin-2 is five injections a cycle, each a quick rise and fall."""
    agents = ["pembrolizumab", *(["interleukin-2"] if interleukin else [])]
    model = Model([*full_core(), *(load_agent(agent) for agent in agents)])
    drawn = sample_patients(model, indication("melanoma"), patients, seed=1)
    doses = [intravenous_infusion("pembrolizumab", 200.0, "mg", dose_days(1, 1, cycle_days=21, cycles=17), hours=0.5)]
    if interleukin:
        doses.append(subcutaneous("interleukin-2", 6.0, "MIU", dose_days(10, 14, cycle_days=21, cycles=17)))
    return model, drawn.constants, build_schedule(model, drawn.constants, doses)


def worst(found: np.ndarray, exact: np.ndarray) -> float:
    """Relative difference, small values against a thousandth of the state's largest."""
    size = np.maximum(np.abs(exact), 1e-3 * np.abs(exact).max(axis=(0, 1)) + 1e-300)
    return float((np.abs(found - exact) / size).max())


def seconds(model, constants, schedule, threads: int) -> float:
    best = np.inf
    for _ in range(3):
        began = time.perf_counter()
        made = simulate(model, constants, schedule, DAYS, rtol=RTOL, threads=threads)
        best = min(best, time.perf_counter() - began)
        assert not made.failures
    return best


def measure(patients: int) -> dict:
    cases = {}
    for interleukin in (False, True):
        model, constants, schedule = problem(patients, interleukin)
        few, rows = slice(0, 100), schedule.rows(np.arange(100))
        exact = simulate(model, constants[few], rows, DAYS, rtol=1e-8)
        found = simulate(model, constants[few], rows, DAYS, rtol=RTOL)
        given = "pembrolizumab + interleukin-2" if interleukin else "pembrolizumab"
        for threads in (1, 2):
            cases[f"{given}, {len(model.symbolic.states)} states, {threads} core{'s' if threads > 1 else ''}"] = {
                "value": patients / seconds(model, constants, schedule, threads),
                "unit": "patients/s",
                "error": worst(found.states, exact.states),
                "peer": None,
                "peer_value": None,
                "ratio": None,
                "threads": threads,
            }
    return cases


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--patients", type=int, default=4000)
    asked = parser.parse_args()
    cases = measure(asked.patients)
    if asked.json:
        print(json.dumps(cases))
        return
    for name, case in cases.items():
        print(f"{name:55s} {case['value']:10.0f} {case['unit']}   error {case['error']:.1e}")


if __name__ == "__main__":
    main()
