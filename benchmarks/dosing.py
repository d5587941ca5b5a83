"""Doses of every kind: NONMEM's event tables, and steady states against giving the doses that lead to them.

    python benchmarks/dosing.py [--json] [--patients N]

nmtest: the 27 subjects of nmtest_events.csv, 3,540 rows looked at; the error is the worst relative difference from
NONMEM's five digits, of which 5e-5 are its rounding. The peer of a steady state is the same solver with the doses
written out, as many as bring it as near; the error is the difference between the two. Nothing is timed before it has
been compiled.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

import numpy as np

from opsonin import random
from opsonin.simulate import GivenDoses, build_schedule, read_events, simulate, simulate_events

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
from dosing_models import plasma, saturable  # noqa: E402

EVENTS = Path(os.environ.get("OPSONIN_REFERENCE", ROOT / "../shared/reference")) / "pk/data/nmtest_events.csv"
TIMES = np.array([0.1, 0.5, 0.9])
RTOL = 1e-6


def timed(work):
    """The answer, and the least seconds of three goes after one that compiles."""
    answer, seconds = work(), []
    for _ in range(3):
        begin = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begin)
    return answer, min(seconds)


def nmtest():
    """The reference table through the compiled solvers."""
    table, model = read_events(EVENTS), plasma(nonnegative=False)
    where = {1: ("drug", "oral"), 2: ("drug", "into plasma")}
    laws = {"lagt": "lagt", "bioav": "bioav", "dur2": "dur2"}

    def work():
        return simulate_events(
            model, table, where, ["central"], covariates=laws, beyond_interval="continued", rtol=1e-9, threads=1
        )

    rows, seconds = timed(work)
    theirs = rows["cp"].astype(float).to_numpy()
    error = np.abs(rows["central"].to_numpy() * 50.0 - theirs) / np.where(theirs == 0, 1.0, np.abs(theirs))
    return {"value": seconds, "unit": "s", "error": float(error.max()), "rows": len(rows), "threads": 1}


def steady(model, varied, patients, doses, route):
    """Steady states of many patients, and the same by doses written out."""
    constants = np.tile(model.symbolic.typical, (patients, 1))
    people = np.arange(patients)
    for name in varied:
        constants[:, model.symbolic.constants.index(name)] *= np.exp(
            0.3 * random.normal(1, f"benchmark {name}", people)[:, 0]
        )

    def run(given, first):
        schedule = build_schedule(model, constants, [given])
        return simulate(model, constants, schedule, TIMES + first, start=0.0, rtol=RTOL, threads=1).states[:, :, :2]

    at_once = GivenDoses("drug", route, "mg", [0.0], 100.0, interval_days=1.0, steady_state=1)
    one, seconds = timed(lambda: run(at_once, 0.0))
    written = GivenDoses("drug", route, "mg", np.arange(float(doses)), 100.0)
    other, peer = timed(lambda: run(written, doses - 1.0))
    error = float((np.abs(one - other) / np.maximum(np.abs(other), 1e-3)).max())
    return {
        "value": patients / seconds, "unit": "patients/s", "error": error, "peer": f"{doses} doses written out",
        "peer_value": patients / peer, "ratio": peer / seconds, "threads": 1,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    parser.add_argument("--patients", type=int, default=2_000, help="patients of the steady states")
    options = parser.parse_args()
    if not EVENTS.is_file():
        sys.exit(f"no event table at {EVENTS}; set OPSONIN_REFERENCE to the folder of reference results.")
    cases = {
        "nmtest": nmtest(),
        "steady linear": steady(plasma(), ("ka", "clearance", "volume"), options.patients, 40, "oral"),
        "steady saturable": steady(saturable(), ("fastest", "half"), options.patients, 60, "oral"),
    }
    if options.json:
        print(json.dumps(cases))
        return
    for name, case in cases.items():
        against = f", {case['ratio']:.1f} × {case['peer']}" if "ratio" in case else f" for {case['rows']} rows"
        print(f"{name:<18}{case['value']:>12,.3g} {case['unit']}{against}; error {case['error']:.1e}")


if __name__ == "__main__":
    main()
