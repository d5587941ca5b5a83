"""Rate laws and functions to write laws with: the same text works on numbers, arrays and symbols.

Python's `math`, `if` and `max` cannot be traced, since a symbol has no value yet; these can.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from opsonin.errors import ModelError
from opsonin.model.parts import Law, Part, Process, Species


def exp(x: Any) -> Any:
    """The exponential of a dimensionless x."""
    return _sympy().exp(x) if _symbolic(x) else np.exp(x)


def log(x: Any) -> Any:
    """The natural logarithm of a dimensionless x."""
    return _sympy().log(x) if _symbolic(x) else np.log(x)


def sqrt(x: Any) -> Any:
    """The square root."""
    return _sympy().sqrt(x) if _symbolic(x) else np.sqrt(x)


def maximum(a: Any, b: Any) -> Any:
    """The larger of two of the same dimension."""
    return _sympy().Max(a, b) if _symbolic(a, b) else np.maximum(a, b)


def minimum(a: Any, b: Any) -> Any:
    """The smaller of two of the same dimension."""
    return _sympy().Min(a, b) if _symbolic(a, b) else np.minimum(a, b)


def where(condition: Any, then: Any, otherwise: Any) -> Any:
    """`then` where the condition holds, else `otherwise`: `where(cells > threshold, …)`, `where(t < last_day, …)`.

    Both sides of a comparison carry a unit, so that a limit is a parameter: `t < 14` is refused, as 14 what?
    """
    if _symbolic(condition, then, otherwise):
        return _sympy().Piecewise((then, condition), (otherwise, True))
    return np.where(condition, then, otherwise)


def positive(x: Any) -> Any:
    """x where it is positive, else 0: for powers of a state that a solver may carry a hair below zero."""
    return maximum(x, 0)


def smooth_positive(x: Any, width: Any) -> Any:
    """A smooth `positive(x)`: (x + sqrt(x² + width²)) / 2, with width in the unit of x."""
    return (x + sqrt(x**2 + width**2)) / 2


def smooth_step(x: Any, width: Any) -> Any:
    """Rises from 0 to 1 around x = 0 over about four widths: the logistic function of x / width."""
    return 1 / (1 + exp(-x / width))


def michaelis_menten(x: Any, vmax: Any, km: Any) -> Any:
    """Saturable rate: vmax · x / (km + x). Source: Michaelis & Menten 1913, Biochem Z 49:333."""
    return vmax * x / (km + x)


def hill(x: Any, half: Any, steepness: Any = 1) -> Any:
    """Saturation between 0 and 1: u^n / (1 + u^n) with u = x / half. Source: Hill 1910, J Physiol 40:iv.

    Negative x counts as 0 unless the steepness is a whole number.
    """
    ratio = x / half if isinstance(steepness, int) else positive(x) / half
    power = ratio**steepness
    return power / (1 + power)


def emax(x: Any, effect: Any, ec50: Any, steepness: Any = 1) -> Any:
    """The sigmoid Emax model: effect · hill(x, ec50, steepness)."""
    return effect * hill(x, ec50, steepness)


def inhibition(x: Any, ic50: Any, steepness: Any = 1, maximal: Any = 1) -> Any:
    """The factor that is left under an inhibitor: 1 − maximal · hill(x, ic50, steepness)."""
    return 1 - maximal * hill(x, ic50, steepness)


@dataclass(frozen=True)
class Reading:
    """A law that reads the model's `names`, in the order of its function's arguments."""

    function: Callable[..., Any]
    names: tuple[str, ...]

    def __call__(self, *values: Any) -> Any:
        return self.function(*values)


def reading(function: Callable[..., Any], *names: str) -> Reading:
    """The function as a law of the named things, for names that are only known when the module is built.

    `reading(lambda size, growth: growth * size, f"lesion_{k}", "growth")`

    Raises: ModelError where the function does not come first, or a name is no text.
    """
    if not callable(function) or not all(isinstance(name, str) for name in names):
        raise ModelError(
            f"laws.reading received {', '.join(map(_shown, (function, *names)))}; it takes the function first, then "
            'the names of what it reads as texts: reading(lambda size, growth: growth * size, f"lesion_{k}", "growth").'
        )
    return Reading(function, names)


def transit(
    name: str, steps: int, mean_time: str, unit: str, inflow: Law | None = None, into: str | None = None
) -> list[Part]:
    """A delay: a chain of `steps` species name_1 … name_n, which takes `mean_time` (a parameter's name) on average.

    inflow: the rate into the first (none where a dose lands there).   into: the species that receives the end of
    the chain, in the same unit.   The delay is Erlang distributed with shape `steps`.
    Raises: ModelError for fewer than one step.
    Source: Savic 2007, J Pharmacokinet Pharmacodyn 34:711.
    """
    if steps < 1:
        raise ModelError(f"transit chain {name!r} has {steps} steps; a delay needs at least one.")
    chain = [f"{name}_{step}" for step in range(1, steps + 1)]
    parts: list[Part] = [Species(link, unit, meaning=f"{name}, step {step}") for step, link in enumerate(chain, 1)]
    if inflow is not None:
        parts.append(Process(f"{name} entry", inflow, produces=chain[0]))
    for here, following in zip(chain, [*chain[1:], into], strict=True):
        rate = reading(lambda amount, time: steps * amount / time, here, mean_time)
        parts.append(Process(f"{here} to {following or 'outside'}", rate, consumes=here, produces=following))
    return parts


def _shown(given: object) -> str:
    return "a function" if callable(given) else repr(given)


def _symbolic(*values: Any) -> bool:
    """Whether any value is a SymPy object; looks for SymPy only where it has been loaded already."""
    sympy = sys.modules.get("sympy")
    return sympy is not None and any(isinstance(value, sympy.Basic) for value in values)


def _sympy() -> Any:
    return sys.modules["sympy"]
