"""A model's solver: its functions as machine code, and the driver that calls them, both kept in the kernel cache."""

from __future__ import annotations

import atexit
import gc
from importlib.resources import files
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from opsonin.model import codegen, codegen_events, kernel_cache, linear_part, machine_code
from opsonin.model.lanes import LANES
from opsonin.simulate import calling, control, steps, tableaus

EXACT = "exact "  # before a method's name: the linear part of the model is advanced exactly, the rest by the method
METHODS = {"rosenbrock": tableaus.RODAS5P, "explicit": tableaus.TSIT5}
GENERATOR = (  # modules of opsonin.model that write machine code, or what it is written from
    "symbolic", "gradient", "linear_part", "codegen", "codegen_names", "codegen_events", "codegen_exact",
    "expressions", "lanes", "sparse_lu", "vector_math", "machine_code",
)  # fmt: skip
CONTROL = ("steps", "control", "tableaus", "calling", "compiled")  # those of opsonin.simulate


def _texts(package: str, modules: tuple[str, ...]) -> list[str]:
    return [files(package).joinpath(f"{name}.py").read_text(encoding="utf-8") for name in modules]


# Read when this module is, and never again: a process that outlives an update of the package would otherwise keep
# what its old generator writes under the name of the new one, and the next process would run into it.
_generator = "\n".join([*_texts("opsonin.model", GENERATOR), *_texts("opsonin.simulate", CONTROL)])
# when the process ends the collector would look several times at all that SymPy holds, a third of a second
atexit.register(gc.freeze)
_solvers: WeakKeyDictionary[Any, dict[str, Solver]] = WeakKeyDictionary()  # a trial asks many hundred times


class Solver(NamedTuple):
    """One model and one method.

    model: what the driver takes of it: places of its ranges, addresses of its functions, (row, column, place in LU) of
    its Jacobian's entries, states with a derivative by time, and the model's number of each state of w.   rows: the
    place of each of the model's states in w.   inputs: states of w that doses enter.   exact: the model's states that
    are advanced exactly.   code: keeps the addresses alive.
    """

    model: tuple[np.ndarray, ...]
    rows: np.ndarray
    inputs: np.ndarray
    exact: tuple[int, ...]
    code: machine_code.MachineCode


def solver(symbolic: Any, method: str) -> Solver:
    """The solver of a model for "rosenbrock", "explicit", "exact rosenbrock" or "exact explicit".

    What is not in the cache is compiled.
    """
    known = _solvers.setdefault(symbolic, {})
    if method not in known:
        exact = linear_part.linear_part(symbolic) if method.startswith(EXACT) else ()
        known[method] = _made(symbolic, tableau(symbolic, method, exact), exact)
    return known[method]


def tableau(symbolic: Any, method: str, exact: tuple[int, ...]) -> tableaus.Rosenbrock | tableaus.RungeKutta:
    """The coefficients for a method's name.

    Rodas5P needs half the steps of Rodas4, except where every dose lands in what is advanced exactly. There the rest
    only follows a given course, Rodas5P's error estimate is too hopeful by an order of magnitude and that of Rodas4 is
    not, so that for the same error Rodas4 needs as many steps and three quarters of the work (benchmarks/simulate.py).
    """
    name = method.removeprefix(EXACT)
    if name == "rosenbrock" and exact and set(codegen.administered_states(symbolic)) <= set(exact):
        return tableaus.RODAS4
    return METHODS[name]


def _made(symbolic: Any, method: tableaus.Rosenbrock | tableaus.RungeKutta, exact: tuple[int, ...]) -> Solver:
    name = kernel_cache.key(_generator, method.name, symbolic.content_hash, _also_in_key(symbolic), repr(exact))
    plan, code = machine_code.load(name, lambda: _written(symbolic, method, exact))
    functions = np.array([code.address(name) for name in calling.FUNCTIONS], dtype=np.int64)
    arrays = [np.array(plan[name], dtype=np.int64) for name in ("jacobian", "by_time", "order", "inputs")]
    arrays[0] = arrays[0].reshape(-1, 3)
    places = np.array(plan["places"], dtype=np.int64)
    *model, inputs = arrays
    return Solver((places, functions, *model), np.argsort(arrays[2]), inputs, exact, code)


def _written(
    symbolic: Any, method: tableaus.Rosenbrock | tableaus.RungeKutta, exact: tuple[int, ...]
) -> tuple[dict[str, Any], str]:
    """What the driver needs to know of a kernel, and the text of its functions."""
    made = codegen.generate(symbolic, exact)
    rows = np.argsort(np.array(made.order, dtype=np.int64))
    steps.add_step(made, method)
    control.add_control(made, method, tuple(rows[watched_states(symbolic)].tolist()))
    codegen_events.add_look(made, symbolic, method.stages)
    sizes = {
        "N_STATES": made.n_states, "N_BOUNDED": made.n_bounded, "N_INTEGRATED": made.n_integrated,
        "N_INPUTS": len(made.inputs), "N_CONSTANTS": made.n_constants, "N_JACOBIAN": len(made.jacobian),
        "N_BY_TIME": len(made.by_time), "N_WEIGHTS": 2 + method.stages, "N_ALL": made.rows * LANES,
        "ORDER": method.order, "N_GIVEN": len(symbolic.inputs), "N_EVENTS": len(symbolic.events),
    }  # fmt: skip
    plan = {
        "places": calling.places(made.first, sizes, LANES),
        "jacobian": [(i, j, made.elimination.entries[i, j]) for i, j in made.jacobian],
        "by_time": made.by_time,
        "order": made.order,
        "inputs": made.inputs,
    }
    return plan, made.text


def _also_in_key(symbolic: Any) -> str:
    """What the functions depend on beside the model's content hash: where doses land, what cannot be negative, what
    is watched."""
    bounded = [species.nonnegative for species in symbolic.species_list]
    return f"{codegen.administered_states(symbolic)} {bounded} {watched_states(symbolic).tolist()}"


def watched_states(symbolic: Any) -> np.ndarray:
    """The state whose crossing each of the model's thresholds waits for."""
    species = len(symbolic.species)
    return np.array([species + hazard for hazard, _, _ in symbolic.thresholds], dtype=np.int64)
