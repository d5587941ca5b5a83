"""The uncompiled path: Python and SciPy, one patient at a time. Slow; the oracle for kernels and solvers."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jaxtyping import Float

from opsonin.errors import ModelError
from opsonin.model.evaluate import initial_state
from opsonin.model.reference_events import Events, Happening
from opsonin.model.scalar_code import ScalarCode
from opsonin.model.series import InputsOfPatient, Series
from opsonin.model.symbolic import SymbolicModel

if TYPE_CHECKING:
    from opsonin.model.module import Model


MOST_EVALUATIONS = 100_000  # between two times looked at; LSODA would creep towards a pole for ever


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
    smooth = method == "LSODA" and not watch.names  # then nothing has to be looked for within a piece
    looked = [float(times[-1])] if smooth else times.tolist()
    stops = sorted({begin, *looked, *given.knots, *(e[0] for e in events), *(e[0] + e[3] for e in events)})
    stops = [stop for stop in stops if begin <= stop <= times[-1]]
    laws = _Laws(symbolic, constants)
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
            slopes = given.slopes(here, following)
            piece = _Piece(symbolic, constants, laws, infused, here, following, values, slopes)
            if smooth:
                inside = [time for time in wanted if here < time < following]
                made[[wanted[time] for time in inside]], state = piece.smooth(state, inside, rtol)
            else:
                state, sides = piece.integrate(state, sides, watch, method, rtol)
    return Course(made, watch.happened)


def _apart(here: float, there: float) -> bool:
    """Whether two times differ by over a microsecond; 0.1 + 0.2 and 0.3 do not, and SciPy cannot step between them."""
    return abs(there - here) > 1e-11 * max(1.0, abs(here))


def functions(symbolic: SymbolicModel) -> tuple[Callable[..., np.ndarray], Callable[..., np.ndarray]]:
    """rates(t, y, constants, inputs) and jacobian(...) of one patient.

    inputs: their values at t; the defaults where left out.
    """
    default = [each.default for each in symbolic.inputs]

    def rates(t: float, y: np.ndarray, p: np.ndarray, u: Sequence[float] = default) -> np.ndarray:
        return _Laws(symbolic, p).rates(t, y, list(u))

    def jacobian(t: float, y: np.ndarray, p: np.ndarray, u: Sequence[float] = default) -> np.ndarray:
        return _Laws(symbolic, p).jacobian(t, y, list(u))

    return rates, jacobian


class _Laws:
    """Rates and Jacobian of one patient; the code is made once per model.

    rates(t, y, u) and jacobian(t, y, u) take and give arrays; u are the inputs' values at t.
    """

    def __init__(self, symbolic: SymbolicModel, constants: np.ndarray) -> None:
        if "rates" not in symbolic.functions:
            entries = list(symbolic.jacobian.values())
            symbolic.functions["rates"] = (ScalarCode(symbolic, symbolic.rates), ScalarCode(symbolic, entries))
        rates, partials = symbolic.functions["rates"]
        self.law, self._partials = rates.of(constants), partials.of(constants)
        self.size = len(symbolic.states)
        self.rows, self.columns = ([entry[axis] for entry in symbolic.jacobian] for axis in (0, 1))

    def rates(self, t: float, y: np.ndarray, u: list[float]) -> np.ndarray:
        return np.array(self.law(t, y.tolist(), u))

    def jacobian(self, t: float, y: np.ndarray, u: list[float]) -> np.ndarray:
        dense = np.zeros((self.size, self.size))
        dense[self.rows, self.columns] = self._partials(t, y.tolist(), u)
        return dense


class _Piece:
    """A stretch between two stops, in which infusions and the inputs' slopes are constant."""

    def __init__(
        self,
        symbolic: SymbolicModel,
        constants: np.ndarray,
        laws: _Laws,
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
        self.laws, self.fixed = laws, None if slopes.any() else values.tolist()
        self.where = f"the reference path stopped between days {begin:g} and {end:g}"
        self.evaluations, self.most = 0, MOST_EVALUATIONS
        self.rhs = self._right_hand_side()

    def inputs(self, t: float) -> np.ndarray:
        return self.values + self.slopes * (t - self.begin)

    def given(self, t: float) -> list[float]:
        return self.inputs(t).tolist() if self.fixed is None else self.fixed

    def _right_hand_side(self) -> Callable[[float, np.ndarray], np.ndarray]:
        """Called a hundred thousand times for one patient, so that what it needs is at hand."""
        law, fixed, array = self.laws.law, self.fixed, np.array
        infused = self.infused if self.infused.any() else None

        def rhs(t: float, y: np.ndarray) -> np.ndarray:
            self.evaluations += 1
            if self.evaluations > self.most:
                raise ModelError(f"{self.where}: {self.most} evaluations brought it only to day {t:g}.")
            made = array(law(t, y.tolist(), self.inputs(t).tolist() if fixed is None else fixed))
            return made if infused is None else made + infused

        return rhs

    def jacobian(self, t: float, y: np.ndarray) -> np.ndarray:
        return self.laws.jacobian(t, y, self.given(t))

    def smooth(self, state: np.ndarray, inside: list[float], rtol: float) -> tuple[np.ndarray, np.ndarray]:
        """The states at times inside and at the end, by LSODA's own loop: it interpolates as accurately as it steps."""
        from scipy.integrate import ODEintWarning, odeint

        self._check_start(self.begin, state)
        near = [time for time in inside if not _apart(self.begin, time)]  # LSODA cannot step there
        inside = inside[len(near) :]
        self.most = MOST_EVALUATIONS * (len(inside) + 1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ODEintWarning)  # its message is raised below
            made, told = odeint(
                self.rhs, state, [self.begin, *inside, self.end], Dfun=self.jacobian, tfirst=True, rtol=rtol,
                atol=1e-3 * rtol * self.scale, tcrit=[self.end], mxstep=MOST_EVALUATIONS, full_output=True,
            )  # fmt: skip
        if told["message"] != "Integration successful.":
            raise ModelError(f"{self.where}: {told['message']}")
        if not np.isfinite(made[-1]).all():
            raise ModelError(f"{self.where}: a state is no longer a finite number")
        return np.concatenate([np.tile(state, (len(near), 1)), made[1:-1]]), made[-1]

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

        if not np.isfinite(self.laws.rates(t, state, self.given(t))).all():
            why = what_is_undefined(self.symbolic, self.constants, state, t, self.inputs(t))
            raise ModelError(f"{self.where}: {why}")
