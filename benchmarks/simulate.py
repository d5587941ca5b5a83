"""Speed of the solvers at the error they make: the 18-state model of solver_benchmark, and a trial-sized pool.

    python benchmarks/simulate.py [--json] [--patients 200]

Cases "mild" and "stiff": 28 daily doses, 180 daily outputs, against LSODA at rtol 1e-10 (errors over patients 1-40 as
the reference's README defines them), with libRoadRunner's CVODE on the same patients in the same run. Case "pool": the
same model with 15 hazards, 154 doses in 25 months, 120 outputs. Numbers are patients per second on so many threads.
"""

import argparse
import csv
import gzip
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from opsonin.model import Administration, Hazard, Model, Module, Parameter, Process, Species, laws
from opsonin.simulate import build_schedule, dose_days, oral, simulate

REFERENCE = Path(os.environ.get("OPSONIN_REFERENCE") or Path(__file__).parents[1] / "../shared/reference")
FOLDER = REFERENCE / "solver_benchmark"
DAYS = np.arange(181.0)
FLOOR = 1e-3  # errors are relative to |x| + FLOOR × the largest |x|
IN_SBML = {"E": "Eff", "eps": "epsn"}


def equations() -> tuple[dict[str, float], dict[str, str]]:
    """Initial values and right-hand sides of equations.txt, with its auxiliary quantities put in."""
    initial, helpers, rates = {}, {}, {}
    for line in (FOLDER / "equations.txt").read_text(encoding="utf-8").splitlines():
        if "=" not in line or line.startswith("#"):
            continue
        left, right = (part.strip() for part in line.split("=", 1))
        try:
            initial[left] = float(right)
        except ValueError:
            for name, text in helpers.items():
                right = re.sub(rf"\b{name}\b", f"({text})", right)
            if left.startswith("d") and left[1:] in initial:
                rates[left[1:]] = right
            else:
                helpers[left] = right
    return initial, rates


def benchmark_model(hazards: int = 0) -> Model:
    """The benchmark in Opsonin's grammar: one process a state, everything without dimension."""
    initial, rates = equations()
    typical = {
        row["name"]: float(row["typical"])
        for row in csv.DictReader((FOLDER / "parameters.csv").read_text().splitlines())
    }
    parts: list = [Parameter(name, value, "dimensionless", "assumed: benchmark") for name, value in typical.items()]
    parts.append(Parameter("day", 1.0, "1/day", "assumed: unit of the rates"))
    for name, value in initial.items():
        parts.append(Species(name, "dimensionless", value, scale=400.0 if name in ("Ad", "Ac", "Ap") else None))
        used = sorted({word for word in re.findall(r"[A-Za-z_]\w*", rates[name]) if word in typical or word in initial})
        law = eval(f"lambda day, {', '.join(used)}: day * ({rates[name]})")
        parts.append(Process(f"d{name}", laws.reading(law, "day", *used), produces=name))
    for n in range(hazards):
        law = eval(f"lambda day, IL2, C: day * {1e-3 * (n + 1)} * IL2 / (IL2 + 0.1) * C / (C + {n + 5})")
        parts.append(Hazard(f"event {n}", law, term=f"event {n}"))
    parts.append(Administration("drug", "oral", "Ad"))
    return Model([Module("benchmark", parts)])


def population(model: Model, kind: str) -> np.ndarray:
    with gzip.open(FOLDER / f"population_{kind}.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    constants = np.tile(model.symbolic.typical, (len(rows), 1))
    for name in rows[0]:
        if name != "id":
            constants[:, model.symbolic.constants.index(name)] = [float(row[name]) for row in rows]
    return constants


def exact(model: Model, kind: str) -> np.ndarray:
    with gzip.open(FOLDER / f"reference_{kind}.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    names = model.symbolic.species
    return np.array([[float(row[name]) for name in names] for row in rows]).reshape(-1, len(DAYS), len(names))


def errors(states: np.ndarray, reference: np.ndarray) -> tuple[float, float]:
    """Error in the tumour cells C, and the worst of all states."""
    gap = np.abs(states[: len(reference), :, :18] - reference)
    largest = np.abs(reference).max(axis=(0, 1))
    relative = gap / (np.abs(reference) + FLOOR * largest)
    return float((gap[:, :, 3] / (np.abs(reference[:, :, 3]) + 1e-3)).max()), float(relative.max())


def roadrunner(kind: str, names: tuple[str, ...], patients: int, rtol: float) -> tuple[np.ndarray, float]:
    """States and patients per second of libRoadRunner's CVODE."""
    import roadrunner

    with gzip.open(FOLDER / f"population_{kind}.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))[:patients]
    runner = roadrunner.RoadRunner(str(FOLDER / "model.xml"))
    runner.integrator.relative_tolerance = rtol
    runner.integrator.absolute_tolerance = rtol * 1e-3
    runner.integrator.maximum_num_steps = 100_000
    runner.timeCourseSelections = ["time", *names]
    made = np.empty((len(rows), len(DAYS), len(names)))
    began = time.perf_counter()
    for n, row in enumerate(rows):
        runner.resetAll()
        for name, value in row.items():
            if name != "id":
                runner[IN_SBML.get(name, name)] = float(value)
        made[n] = np.asarray(runner.simulate(0, 180, len(DAYS)))[:, 1:]
    return made, len(rows) / (time.perf_counter() - began)


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    """The result and the seconds of the fastest of three calls."""
    best, made = np.inf, None
    for _ in range(3):
        began = time.perf_counter()
        made = call()
        best = min(best, time.perf_counter() - began)
    return made, best


def standard_cases(model: Model, patients: int, say) -> dict:
    cases = {}
    for kind in ("mild", "stiff"):
        constants = population(model, kind)[:patients]
        schedule = build_schedule(model, constants, [oral("drug", 400.0, "dimensionless", np.arange(28.0))])
        reference = exact(model, kind)
        there, peer = roadrunner(kind, model.symbolic.species, 40, 1e-6)
        there[:, :, 0] = reference[:40, :, 0]  # at the time of a dose its depot shows the dose already
        peer_error = errors(there, reference)
        say(
            f"{kind:6} libRoadRunner rtol 1e-06: {peer:8.0f} patients/s, error C {peer_error[0]:.1e}, "
            f"worst {peer_error[1]:.1e}"
        )
        for method in ("rosenbrock", "explicit") if kind == "mild" else ("rosenbrock",):
            for rtol in (1e-3, 1e-4, 1e-5, 1e-6):

                def call(method=method, rtol=rtol, constants=constants, schedule=schedule):
                    return simulate(model, constants, schedule, DAYS, method=method, rtol=rtol, threads=1)

                made, seconds = timed(call)
                speed = patients / seconds
                in_c, worst = errors(made.states, reference)
                say(
                    f"{kind:6} {method:10} rtol {rtol:.0e}: {speed:8.0f} patients/s, error C {in_c:.1e}, "
                    f"worst {worst:.1e}, steps {made.steps[:, 0].mean():.0f} + {made.steps[:, 1].mean():.0f}, "
                    f"failed {len(made.failures)}"
                )
                cases[f"{kind}, {method}, rtol {rtol:g}"] = {
                    "value": speed, "unit": "patients/s", "error": worst, "peer": "libRoadRunner rtol 1e-6",
                    "peer_value": peer, "peer_error": peer_error[1], "ratio": speed / peer, "threads": 1,
                }  # fmt: skip
    return cases


def pool_cases(patients: int, say) -> dict:
    model = benchmark_model(hazards=15)
    began = time.perf_counter()
    constants = np.resize(population(model, "stiff"), (patients, len(model.symbolic.constants)))
    doses = [oral("drug", 400.0, "dimensionless", dose_days(1, 14, cycle_days=21, cycles=11))]
    schedule = build_schedule(model, constants, doses)
    times = np.linspace(0.0, 761.0, 120)
    limits = np.random.default_rng(1).exponential(size=(patients, 15))
    simulate(model, constants[:1], schedule.rows(np.arange(1)), times, thresholds=limits[:1])
    compiled = time.perf_counter() - began
    say(f"pool   33 states, traced and compiled in {compiled:.1f} s")
    cases = {"tracing and compiling, 33 states": {"value": compiled, "unit": "s", "threads": 1}}
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for rtol in (1e-3, 1e-4, 1e-5):
        began = time.perf_counter()
        made = simulate(model, constants, schedule, times, thresholds=limits, rtol=rtol)
        seconds = time.perf_counter() - began
        tight = simulate(model, constants[:20], schedule.rows(np.arange(20)), times, thresholds=limits[:20], rtol=1e-9)
        gap = np.abs(made.states[:20] - tight.states) / (
            np.abs(tight.states) + FLOOR * np.abs(tight.states).max((0, 1))
        )
        say(
            f"pool   rtol {rtol:.0e}: {patients / seconds:8.0f} patients/s on {cores} threads, 8000 in "
            f"{8000 * seconds / patients:.1f} s, worst error {gap.max():.1e}, steps {made.steps.sum(1).mean():.0f}"
        )
        cases[f"pool of 33 states, 154 doses, 25 months, rtol {rtol:g}"] = {
            "value": patients / seconds, "unit": "patients/s", "error": float(gap.max()), "threads": cores,
        }  # fmt: skip
    return cases


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    parser.add_argument("--patients", type=int, default=200)
    options = parser.parse_args()
    if not FOLDER.is_dir():
        sys.exit(f"no solver_benchmark at {FOLDER}; set OPSONIN_REFERENCE to the folder of reference results.")

    def say(text: str) -> None:
        if not options.json:
            print(text, flush=True)

    with tempfile.TemporaryDirectory() as cache:  # an empty kernel cache, so that compilation is measured and not found
        os.environ["OPSONIN_CACHE"] = cache
        cases = standard_cases(benchmark_model(), options.patients, say) | pool_cases(2 * options.patients, say)
    if options.json:
        print(json.dumps(cases))


if __name__ == "__main__":
    main()
