"""The uncompiled path: lambdify and SciPy, one patient at a time. Slow; the oracle for kernels and solvers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy
from jaxtyping import Float

from opsonin.errors import ModelError
from opsonin.model.evaluate import initial_state
from opsonin.model.symbolic import SymbolicModel

if TYPE_CHECKING:
    from opsonin.model.module import Model


MOST_EVALUATIONS = 100_000  # between two stops; LSODA would creep towards a pole for ever


def reference(
    model: Model,
    constants: Float[np.ndarray, " constant"],
    events: Sequence[tuple[Any, ...]],
    times: Float[np.ndarray, " time"],
    *,
    start: float | None = None,
    initial: Float[np.ndarray, " state"] | None = None,
    method: str = "LSODA",
    rtol: float = 1e-9,
) -> Float[np.ndarray, "time state"]:
    """The states of one patient at increasing times.

    events: (time, state index, amount in the species' unit, duration) of each dose; duration 0 is a bolus, any other
    an even infusion.

    start: where integration begins; the first of times and events where None. Doses before it are left out.
    A time that is also the time of a dose shows the state just before the dose.
    Raises: ModelError where SciPy gives up.
    """
    symbolic = model.symbolic
    scale = symbolic.absolute_scale
    events = [(e[0], e[1], e[2], e[3] if _apart(e[0], e[0] + e[3]) else 0.0) for e in events]
    begin = min([float(times[0]), *(event[0] for event in events)]) if start is None else start
    events = [event for event in events if event[0] + event[3] > begin or event[0] >= begin]
    state = initial_state(symbolic, constants[None, :])[0] if initial is None else initial.astype(float)
    rhs, jacobian = functions(symbolic)
    stops = sorted({begin, *times.tolist(), *(e[0] for e in events), *(e[0] + e[3] for e in events)})
    stops = [stop for stop in stops if begin <= stop <= times[-1]]
    wanted = {float(time): row for row, time in enumerate(times)}
    made = np.full((len(times), len(state)), np.nan)
    for here, following in zip(stops, [*stops[1:], None], strict=True):
        if here in wanted:
            made[wanted[here]] = state
        for _, index, amount, _ in (event for event in events if event[0] == here and event[3] == 0):
            state = state + amount * (np.arange(len(state)) == index)
        if following is None:
            break
        infused = np.zeros(len(state))
        for time, index, amount, duration in events:
            if duration > 0 and time <= here and following <= time + duration:
                infused[index] += amount / duration
        if _apart(here, following):
            state = _integrate(rhs, jacobian, infused, here, following, state, constants, scale, method, rtol)
    return made


def _apart(here: float, there: float) -> bool:
    """Whether two times differ by over a microsecond; 0.1 + 0.2 and 0.3 do not, and SciPy cannot step between them."""
    return abs(there - here) > 1e-11 * max(1.0, abs(here))


def functions(symbolic: SymbolicModel) -> tuple[Callable[..., np.ndarray], Callable[..., np.ndarray]]:
    """rhs(t, y, constants) and jacobian(t, y, constants) of one patient, as NumPy functions; made once per model."""
    if "rates" not in symbolic.functions:
        arguments = [symbolic.time, list(symbolic.state_symbols), list(symbolic.constant_symbols)]
        size = len(symbolic.states)
        rates = sympy.lambdify(arguments, list(symbolic.rates), modules="numpy", cse=True)
        entries = list(symbolic.jacobian)
        partials = sympy.lambdify(arguments, list(symbolic.jacobian.values()), modules="numpy", cse=True)
        rows, columns = ([entry[axis] for entry in entries] for axis in (0, 1))

        def rhs(t: float, y: np.ndarray, p: np.ndarray) -> np.ndarray:
            with np.errstate(all="ignore"):
                return np.array(rates(t, y, p), dtype=float)

        def jacobian(t: float, y: np.ndarray, p: np.ndarray) -> np.ndarray:
            dense = np.zeros((size, size))
            with np.errstate(all="ignore"):
                dense[rows, columns] = partials(t, y, p)
            return dense

        symbolic.functions["rates"] = (rhs, jacobian)
    return symbolic.functions["rates"]


def _integrate(
    rhs: Any,
    jacobian: Any,
    infused: Any,
    begin: float,
    end: float,
    state: Any,
    p: Any,
    scale: Any,
    method: str,
    rtol: float,
) -> np.ndarray:
    from scipy.integrate import solve_ivp

    implicit: dict[str, Any] = {"jac": lambda t, y: jacobian(t, y, p)}
    where = f"the reference path stopped between days {begin:g} and {end:g}"
    evaluations = 0

    def counted(t: float, y: np.ndarray) -> np.ndarray:
        nonlocal evaluations
        evaluations += 1
        if evaluations > MOST_EVALUATIONS:
            raise ModelError(f"{where}: {MOST_EVALUATIONS} evaluations brought it only to day {t:g}.")
        return rhs(t, y, p) + infused

    made = solve_ivp(
        counted,
        (begin, end),
        state,
        method=method,
        rtol=rtol,
        atol=1e-3 * rtol * scale,
        **(implicit if method in ("LSODA", "Radau", "BDF") else {}),
    )
    if not (made.success and np.isfinite(made.y[:, -1]).all()):
        why = made.message if not made.success else "a state is no longer a finite number"
        raise ModelError(f"{where}: {why}")
    return made.y[:, -1]
