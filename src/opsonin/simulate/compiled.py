"""A model's solver, compiled: generated model functions, the step of a method and the driver in one kernel file."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from types import ModuleType
from typing import Any
from weakref import WeakKeyDictionary

from opsonin.model import codegen
from opsonin.simulate import steps, tableaus

METHODS = {"rosenbrock": tableaus.RODAS5P, "explicit": tableaus.TSIT5}
_solvers: WeakKeyDictionary[Any, dict[str, ModuleType]] = WeakKeyDictionary()  # a trial asks many hundred times


def solver(symbolic: Any, method: str) -> ModuleType:
    """The kernel module of a model for "rosenbrock" or "explicit"; its functions compile at their first call."""
    known = _solvers.setdefault(symbolic, {})
    if method not in known:
        steps_text = step_source(METHODS[method], len(symbolic.states))
        known[method] = codegen.kernels(symbolic, steps_text, driver_source())
    return known[method]


def step_source(tableau: tableaus.Rosenbrock | tableaus.RungeKutta, n_states: int) -> str:
    """Source of one method's step."""
    if isinstance(tableau, tableaus.Rosenbrock):
        return steps.rosenbrock_source(tableau, n_states)
    return steps.explicit_source(tableau, n_states)


@cache
def driver_source() -> str:
    """The driver's text below its imports (see driver.py)."""
    text = files("opsonin.simulate").joinpath("driver.py").read_text(encoding="utf-8")
    return text.split("# driver\n", 1)[1]
