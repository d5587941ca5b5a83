"""The uncompiled path: lambdify and SciPy, one patient at a time. Slow; the oracle for kernels and solvers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import sympy
from jaxtyping import Float

from opsonin.errors import ModelError
from opsonin.model.evaluate import initial_state
from opsonin.model.reference_events import Events, Happening
from opsonin.model.series import InputsOfPatient, Series
from opsonin.model.symbolic import SymbolicModel

if TYPE_CHECKING:
    from opsonin.model.module import Model


MOST_EVALUATIONS = 100_000  # between two stops; LSODA would creep towards a pole for ever


class Course(NamedTuple):
    """One patient's states at the times asked for, and the events that took place, in order."""

    states: Float[np.ndarray, "time state"]
    happened: list[Happening]


def reference(
    model: Model,
    constants: Float[np.ndarray, " constant"],
    events: Sequence[tuple[Any, ...]],
    times: Float[np.ndarray, " time"],
    **options: Any,
) -> Float[np.ndarray, "time state"]:
    """The states of one patient at increasing times; arguments and errors are those of `course`."""
    return course(model, constants, events, times, **options).states


def course(
    model: Model,
    constants: Float[np.ndarray, " constant"],
    events: Sequence[tuple[Any, ...]],
    times: Float[np.ndarray, " time"],
    *,
    inputs: Mapping[str, Series] | None = None,
    start: float | None = None,
    initial: Float[np.ndarray, " state"] | None = None,
    method: str = "LSODA",
    rtol: float = 1e-9,
) -> Course:
    """One patient at increasing times.

    events: (time, state index, amount in the species' unit, duration) of each dose; duration 0 is a bolus, any other
    an even infusion.   inputs: (days, values) of the model's inputs, their default where there is none.

    start: where integration begins; the first of times and events where None. Doses before it are left out.
    At one moment inputs step first, then events happen, then the state is looked at, then doses are given, and last
    what events they bring about. So a time that is also that of a dose shows the state just before the dose.
    Raises: ModelError where SciPy gives up, events never end, or a law has no value at the start.
    """
    symbolic = model.symbolic
    given = InputsOfPatient(symbolic, inputs)
    watch = Events(symbolic, constants)
    events = [(e[0], e[1], e[2], e[3] if _apart(e[0], e[0] + e[3]) else 0.0) for e in events]
    begin = min([float(times[0]), *(event[0] for event in events)]) if start is None else start
    events = [event for event in events if event[0] + event[3] > begin or event[0] >= begin]
    state = initial_state(symbolic, constants[None, :])[0] if initial is None else initial.astype(float)
    stops = sorted({begin, *times.tolist(), *given.knots, *(e[0] for e in events), *(e[0] + e[3] for e in events)})
    stops = [stop for stop in stops if begin <= stop <= times[-1]]
    wanted = {float(time): row for row, time in enumerate(times)}
    made = np.full((len(times), len(state)), np.nan)
    sides = watch.sides(begin, state, given.values(begin))
    for here, following in zip(stops, [*stops[1:], None], strict=True):
        values = given.values(here)
        state, sides = watch.settle(here, state, values, sides)
        if here in wanted:
            made[wanted[here]] = state
        for _, index, amount, _ in (event for event in events if event[0] == here and event[3] == 0):
            state = state + amount * (np.arange(len(state)) == index)
        state, sides = watch.settle(here, state, values, sides)
        if following is None:
            break
        infused = np.zeros(len(state))
        for time, index, amount, duration in events:
            if duration > 0 and time <= here and following <= time + duration:
                infused[index] += amount / duration
        if _apart(here, following):
            piece = _Piece(symbolic, constants, infused, here, following, values, given.slopes(here, following))
            state, sides = piece.integrate(state, sides, watch, method, rtol)
    return Course(made, watch.happened)


def _apart(here: float, there: float) -> bool:
    """Whether two times differ by over a microsecond; 0.1 + 0.2 and 0.3 do not, and SciPy cannot step between them."""
    return abs(there - here) > 1e-11 * max(1.0, abs(here))


def functions(symbolic: SymbolicModel) -> tuple[Callable[..., np.ndarray], Callable[..., np.ndarray]]:
    """rhs(t, y, constants, inputs) and jacobian(...) of one patient, as NumPy functions; made once per model.

    inputs: their values at t; the defaults where left out.
    """
    if "rates" not in symbolic.functions:
        given = [each.symbol for each in symbolic.inputs]
        default = np.array([each.default for each in symbolic.inputs])
        arguments = [symbolic.time, list(symbolic.state_symbols), list(symbolic.constant_symbols), given]
        size = len(symbolic.states)
        rates = sympy.lambdify(arguments, list(symbolic.rates), modules="numpy", cse=True)
        entries = list(symbolic.jacobian)
        partials = sympy.lambdify(arguments, list(symbolic.jacobian.values()), modules="numpy", cse=True)
        rows, columns = ([entry[axis] for entry in entries] for axis in (0, 1))

        def rhs(t: float, y: np.ndarray, p: np.ndarray, u: np.ndarray = default) -> np.ndarray:
            with np.errstate(all="ignore"):
                return np.array(rates(t, y, p, u), dtype=float)

        def jacobian(t: float, y: np.ndarray, p: np.ndarray, u: np.ndarray = default) -> np.ndarray:
            dense = np.zeros((size, size))
            with np.errstate(all="ignore"):
                dense[rows, columns] = partials(t, y, p, u)
            return dense

        symbolic.functions["rates"] = (rhs, jacobian)
    return symbolic.functions["rates"]


class _Piece:
    """A stretch between two stops, in which infusions and the inputs' slopes are constant."""

    def __init__(
        self,
        symbolic: SymbolicModel,
        constants: np.ndarray,
        infused: np.ndarray,
        begin: float,
        end: float,
        values: np.ndarray,
        slopes: np.ndarray,
    ) -> None:
        self.scale = symbolic.absolute_scale
        self.begin, self.end = begin, end
        self.symbolic, self.constants, self.infused = symbolic, constants, infused
        self.values, self.slopes = values, slopes
        self.rates, self.partials = functions(symbolic)
        self.where = f"the reference path stopped between days {begin:g} and {end:g}"
        self.evaluations = 0

    def inputs(self, t: float) -> np.ndarray:
        return self.values + self.slopes * (t - self.begin)

    def rhs(self, t: float, y: np.ndarray) -> np.ndarray:
        self.evaluations += 1
        if self.evaluations > MOST_EVALUATIONS:
            raise ModelError(f"{self.where}: {MOST_EVALUATIONS} evaluations brought it only to day {t:g}.")
        return self.rates(t, y, self.constants, self.inputs(t)) + self.infused

    def jacobian(self, t: float, y: np.ndarray) -> np.ndarray:
        return self.partials(t, y, self.constants, self.inputs(t))

    def integrate(
        self, state: np.ndarray, sides: np.ndarray, watch: Events, method: str, rtol: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """The state at the end, events on the way done, and the sides of their guards."""
        here = self.begin
        while True:
            self._check_start(here, state)
            here, state, sides = self._to_event(here, state, sides, watch, method, rtol)
            if not np.isfinite(state).all():
                raise ModelError(f"{self.where}: a state is no longer a finite number")
            state, sides = watch.settle(here, state, self.inputs(here), sides)
            if not _apart(here, self.end):
                return state, sides

    def _to_event(
        self, here: float, state: np.ndarray, sides: np.ndarray, watch: Events, method: str, rtol: float
    ) -> tuple[float, np.ndarray, np.ndarray]:
        """Time and state just before the next event, or at the end, and the sides of the guards on the way there."""
        from scipy import integrate

        implicit: dict[str, Any] = {"jac": self.jacobian} if method in ("LSODA", "Radau", "BDF") else {}
        solver = getattr(integrate, method)(
            self.rhs, here, state, self.end, rtol=rtol, atol=1e-3 * rtol * self.scale, **implicit
        )
        while solver.status == "running":
            message = solver.step()
            if solver.status == "failed":
                raise ModelError(f"{self.where}: {message}")
            if watch.names and np.isfinite(solver.y).all():
                at = solver.dense_output()
                moment, sides = watch.first(solver.t_old, solver.t, at, self.inputs, sides)
                if moment is not None:
                    return moment, at(moment), sides
        return self.end, solver.y.copy(), sides

    def _check_start(self, t: float, state: np.ndarray) -> None:
        """Raises: ModelError naming the law that has no value here, and what stands in it."""
        from opsonin.model.diagnosis import what_is_undefined

        if not np.isfinite(self.rates(t, state, self.constants, self.inputs(t))).all():
            why = what_is_undefined(self.symbolic, self.constants, state, t, self.inputs(t))
            raise ModelError(f"{self.where}: {why}")
