"""A model's solver, compiled: generated model functions, the step of a method and the driver in one kernel file."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.resources import files
from types import ModuleType
from typing import Any
from weakref import WeakKeyDictionary

from opsonin.model import codegen, kernel_cache
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


def ready(symbolic: Any, method: str, call: Callable[[ModuleType], Any]) -> ModuleType:
    """The solver after `call(module)`, which compiles its functions or reads their machine code from the disk.

    Numba's files are pickles: a damaged one may raise anything. So whatever the call raises, the kernel is deleted and
    made anew once; what it raises then is the caller's.
    """
    module = solver(symbolic, method)
    try:
        call(module)
    except Exception:
        kernel_cache.discard(module)
        del _solvers[symbolic][method]
        module = solver(symbolic, method)
        call(module)
    return module


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
