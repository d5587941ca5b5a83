"""Knowing the model: speed and error of local and global sensitivities and of steady states.

    python benchmarks/sensitivity.py [--json] [--patients 40]

Case "local": derivatives of all 18 states of solver_benchmark (mild) by the 19 parameters of its population, 28 daily
doses, 181 days, by forward equations; (patient, parameter) pairs a second. Its error is the largest difference from
fourth-order differences of simulations at rtol 1e-11, relative to the largest derivative of that state by that
parameter along that patient's course. Peer: central differences of libRoadRunner's simulations of the same model (its
own forward sensitivities, version 2.10, contradict those differences on this model file, which has assignment rules).
Case "differences": the same derivatives by central differences of simulations at the same tolerance.
Case "study": elasticities of all that imatinib-il2 asks about by the 42 things that differ between its patients.
Case "sobol": Sobol's indices of imatinib-il2, patients a second with the analysis; error: of Ishigami's function.
Case "steady": steady states of imatinib-il2's patients; peer: scipy.optimize.root on the same equations.
"""

import argparse
import json
import time
from typing import Any

import numpy as np

from opsonin.model import Model
from opsonin.patients import sample_patients
from opsonin.simulate import build_schedule, oral, simulate
from opsonin.simulate.factors import between
from opsonin.simulate.global_sensitivity import sobol
from opsonin.simulate.model_outcomes import ModelOutcomes
from opsonin.simulate.outcome_sensitivity import outcome_sensitivities
from opsonin.simulate.rates import Rates
from opsonin.simulate.sensitivity import sensitivities
from opsonin.simulate.steady_state import steady_states
from opsonin.study import Study
from opsonin.study.sensitivity import Asked
from solver_problem import DAYS, FOLDER, IN_SBML, benchmark_model, population, timed


def varied(model: Model, constants: np.ndarray) -> list[str]:
    """The parameters that differ between the population's patients."""
    return [name for k, name in enumerate(model.symbolic.constants) if np.ptp(constants[:, k]) > 0]


def schedule_for(model: Model, rows: np.ndarray) -> Any:
    return build_schedule(model, rows, [oral("drug", 400.0, "dimensionless", np.arange(28.0))])


def by_differences(
    model: Model, rows: np.ndarray, names: list[str], rtol: float, step: float, order: int
) -> np.ndarray:
    """(patient, time, state, parameter) by central differences of relative step, of order 2 or 4."""
    weights = {1: 0.5, -1: -0.5} if order == 2 else {1: 2 / 3, -1: -2 / 3, 2: -1 / 12, -2: 1 / 12}
    made = []
    for name in names:
        column = model.symbolic.constants.index(name)
        moved = np.concatenate([rows] * len(weights))
        shift = step * np.abs(rows[:, column])
        moved[:, column] += np.repeat(list(weights), len(rows)) * np.tile(shift, len(weights))
        states = simulate(model, moved, schedule_for(model, moved), DAYS, rtol=rtol, threads=1).states
        states = states.reshape(len(weights), len(rows), *states.shape[1:])
        made.append(np.tensordot(list(weights.values()), states, axes=1) / shift[:, None, None])
    return np.stack(made, axis=3)


def error(made: np.ndarray, exact: np.ndarray, value: np.ndarray, parameter: np.ndarray) -> float:
    """The largest difference relative to the largest derivative of that state by that parameter in that patient.

    value: of the states, or their scales where larger. Where one percent of the parameter makes less than a millionth
    of a percent of it, differences are noise.
    """
    size = np.abs(exact).max(axis=1, keepdims=True)
    noise = 1e-6 * np.abs(value).max(axis=1, keepdims=True)[:, :, :, None] / parameter[:, None, None, :]
    return float((np.abs(made - exact) / np.where(size > noise, size, np.inf)).max())


def roadrunner_differences(names: list[str], row: dict[str, str], species: tuple[str, ...]) -> tuple[Any, float]:
    """Derivatives (1, time, state, parameter) by differences of libRoadRunner's simulations, and the seconds."""
    import roadrunner

    runner = roadrunner.RoadRunner(str(FOLDER / "model.xml"))
    runner.integrator.relative_tolerance = 1e-8
    runner.integrator.absolute_tolerance = 1e-11
    runner.integrator.maximum_num_steps = 100_000
    runner.timeCourseSelections = [IN_SBML.get(name, name) for name in species]
    made = []
    began = time.perf_counter()
    for name in names:
        ends, step = [], 1e-3 * float(row[name])
        for sign in (1, -1):
            runner.resetAll()
            for other, value in row.items():
                if other != "id":
                    runner[IN_SBML.get(other, other)] = float(value) + (sign * step if other == name else 0.0)
            ends.append(np.array(runner.simulate(0, 180, len(DAYS))))
        made.append((ends[0] - ends[1]) / (2 * step))
    return np.stack(made, axis=2)[None], time.perf_counter() - began


def local_cases(patients: int, say: Any) -> dict:
    import csv
    import gzip

    model = benchmark_model()
    constants = population(model, "mild")
    names = varied(model, constants)
    rows = constants[:patients]
    began = time.perf_counter()
    sensitivities(
        model, rows[:1], schedule_for(model, rows[:1]), DAYS, names, outputs=model.symbolic.species, threads=1
    )
    say(f"local: first call, with deriving and compiling {time.perf_counter() - began:.1f} s")
    made, seconds = timed(
        lambda: sensitivities(
            model, rows, schedule_for(model, rows), DAYS, names, outputs=model.symbolic.species, threads=1
        )
    )
    exact = by_differences(model, rows[:4], names, 1e-11, 2e-3, 4)

    def off(slopes: np.ndarray) -> float:
        count = min(4, len(slopes))
        value = np.maximum(np.abs(made.values[:count]), model.symbolic.absolute_scale)
        return error(slopes[:count], exact[:count], value, made.constants[:count])

    pairs = patients * len(names)
    (rough, slow) = timed(lambda: by_differences(model, rows, names, 1e-5, 1e-3, 2))
    say(f"local: {pairs / seconds:9.0f} pairs/s, error {off(made.derivatives):.1e}; central differences "
        f"{pairs / slow:9.0f} pairs/s, error {off(rough):.1e}")  # fmt: skip
    with gzip.open(FOLDER / "population_mild.csv.gz", "rt") as file:
        given = next(csv.DictReader(file))
    peer, peer_seconds = roadrunner_differences(names, given, model.symbolic.species)
    there = len(names) / peer_seconds
    say(f"local: libRoadRunner by central differences {there:9.1f} pairs/s, error {off(peer):.1e}")
    return {
        "local": case(pairs / seconds, "pairs/s", off(made.derivatives), "libRoadRunner, differences", there),
        "differences": case(pairs / slow, "pairs/s", off(rough), "local", pairs / seconds),
    }


def study_cases(say: Any) -> dict:
    asked = Asked(Study.load("imatinib-il2"), 2, 21.0)
    factors = asked.factors()
    constants = asked.patient[None, :]
    schedule = build_schedule(asked.model, constants, asked.doses(constants))

    def local() -> Any:
        return outcome_sensitivities(
            asked.model, constants, schedule, asked.times, [f.name for f in factors], asked.questions(), threads=1
        )

    local()
    made, seconds = timed(local)
    fewer = ModelOutcomes(asked.model, factors, asked.questions(), asked.times, asked.patient, asked.doses, rtol=1e-10)
    centre = np.array([[asked.patient[k] for k in fewer.columns]])
    steps = np.concatenate([centre + sign * 1e-3 * np.diag(centre[0]) for sign in (1, -1)])
    ends = fewer(steps).reshape(2, len(factors), -1)
    exact = (ends[0] - ends[1]).T / (2e-3 * np.where(made.values[0] == 0, 1, made.values[0]))[:, None]
    order = [[f.name for f in factors].index(name) for name in made.parameters]
    gap = float(np.abs(made.elasticities[0] - exact[:, order]).max())
    say(f"study: {len(factors) / seconds:9.0f} parameters/s of {len(asked.questions())} outcomes, error {gap:.1e}")
    function = ModelOutcomes(
        asked.model, factors, asked.questions(), asked.times, asked.patient, asked.doses, threads=1
    )
    began = time.perf_counter()
    shares = sobol(function, factors, samples=256)
    whole = time.perf_counter() - began
    angles = [between(name, -np.pi, np.pi) for name in "abc"]
    known = sobol(lambda x: np.sin(x[:, 0]) + 7 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0]), angles,
                  samples=4096)  # fmt: skip
    ishigami = float(np.abs(known.indices["total"][:, 0] - [0.557576, 0.442411, 0.243682]).max())
    say(
        f"sobol: {shares.evaluations / whole:9.0f} patients/s with the analysis of {len(shares.outcomes)} outcomes "
        f"({whole:.1f} s), Ishigami error {ishigami:.1e}"
    )
    return {
        "study": case(len(factors) / seconds, "parameters/s", gap),
        "sobol": case(shares.evaluations / whole, "patients/s", ishigami),
        "steady": steady_case(asked, say),
    }


def steady_case(asked: Asked, say: Any) -> dict:
    from scipy.optimize import root

    model = asked.model
    constants = sample_patients(model, asked.study.built.indication, 500, 1).constants
    steady_states(model, constants[:8], starts=0)
    made, seconds = timed(lambda: steady_states(model, constants, starts=0))
    rates = Rates(model.symbolic, {}, len(constants))
    species = len(model.symbolic.species)
    began, right, few = time.perf_counter(), 0, 40
    for patient in range(few):
        row = constants[patient : patient + 1]
        full = model.initial_state(row)

        def change(y: np.ndarray, row: np.ndarray = row, full: np.ndarray = full) -> np.ndarray:
            full[0, :species] = y
            return rates(full, row, np.array([0]))[0, :species]

        found = root(change, full[0, :species].copy())
        right += bool(found.success and np.allclose(found.x, made.first[patient, :species], rtol=1e-4, atol=1e-6))
    there = few / (time.perf_counter() - began)
    left = np.abs(rates(made.first, constants, np.arange(len(constants)))[:, :species])
    gap = float((left / (np.abs(made.first[:, :species]) + rates.scale[:species])).max())
    say(f"steady: {500 / seconds:9.0f} patients/s, stable in {made.stable[:, 0].sum()} of 500, largest relative "
        f"change {gap:.1e} a day; scipy.optimize.root {there:.0f} patients/s, the same state in {right} of "
        f"{few} (it finds the tumour-free one, which is steady but unstable)")  # fmt: skip
    return case(len(constants) / seconds, "patients/s", gap, "scipy.optimize.root", there)


def case(value: float, unit: str, error: float, peer: str | None = None, peer_value: float | None = None) -> dict:
    ratio = None if peer_value is None else value / peer_value
    return {
        "value": value,
        "unit": unit,
        "error": error,
        "peer": peer,
        "peer_value": peer_value,
        "ratio": ratio,
        "threads": 1,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--patients", type=int, default=40)
    options = parser.parse_args()
    say = (lambda text: None) if options.json else print
    cases = local_cases(options.patients, say) | study_cases(say)
    if options.json:
        print(json.dumps(cases))


if __name__ == "__main__":
    main()
