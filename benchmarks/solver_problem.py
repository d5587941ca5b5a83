"""The problem of solver_benchmark: an 18-state model, its patients, exact answers, and libRoadRunner on the same."""

import csv
import gzip
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from opsonin.model import Administration, Hazard, Model, Module, Parameter, Process, Species, laws

REFERENCE = Path(os.environ.get("OPSONIN_REFERENCE") or Path(__file__).parents[1] / "../shared/reference")
FOLDER = REFERENCE / "solver_benchmark"
DAYS = np.arange(181.0)
FLOOR = 1e-3  # errors are relative to |x| + FLOOR × the largest |x|
CELLS = 3  # the state C
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
    """Error in the tumour cells C, and the worst of all other states, as the reference's README defines them."""
    gap = np.abs(states[: len(reference), :, :18] - reference)
    largest = np.abs(reference).max(axis=(0, 1))
    relative = gap / (np.abs(reference) + FLOOR * largest)
    others = [state for state in range(18) if state != CELLS]
    in_cells = gap[:, :, CELLS] / (np.abs(reference[:, :, CELLS]) + 1e-3)
    return float(in_cells.max()), float(relative[:, :, others].max())


def roadrunner(kind: str, names: tuple[str, ...], patients: int, rtol: float) -> tuple[np.ndarray, float]:
    """States and patients per second (of the processor) of libRoadRunner's CVODE."""
    import roadrunner

    with gzip.open(FOLDER / f"population_{kind}.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))[:patients]
    runner = roadrunner.RoadRunner(str(FOLDER / "model.xml"))
    runner.integrator.relative_tolerance = rtol
    runner.integrator.absolute_tolerance = rtol * 1e-3
    runner.integrator.maximum_num_steps = 100_000
    runner.timeCourseSelections = ["time", *names]
    made = np.empty((len(rows), len(DAYS), len(names)))
    began = time.process_time()
    for n, row in enumerate(rows):
        runner.resetAll()
        for name, value in row.items():
            if name != "id":
                runner[IN_SBML.get(name, name)] = float(value)
        made[n] = np.asarray(runner.simulate(0, 180, len(DAYS)))[:, 1:]
    return made, len(rows) / (time.process_time() - began)


def timed(call: Callable[[], Any], clock: Callable[[], float] = time.perf_counter) -> tuple[Any, float]:
    """The result and the seconds of the fastest of five calls."""
    best, made = np.inf, None
    for _ in range(5):
        began = clock()
        made = call()
        best = min(best, clock() - began)
    return made, best
