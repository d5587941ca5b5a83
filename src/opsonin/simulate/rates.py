"""A model's rates and Jacobian as NumPy functions over rows of patients: for single moments, uncompiled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from opsonin.errors import SimulationError


class Rates:
    """dy/dt and its derivatives at time 0, in the species' units per day, under constant infusions.

    Inputs have their defaults. Events play no part: a state at rest is one, though an event may keep patients from it.

    symbolic: of the model.   scale: a typical size of every state.   nonnegative: which states cannot be below 0.
    inflow: (patient, state) what infusions bring a day.
    """

    def __init__(self, symbolic: Any, infusions: Mapping[tuple[str, str], Any], patients: int):
        self.symbolic = symbolic
        self.scale = symbolic.absolute_scale
        hazards = len(symbolic.hazards)
        self.nonnegative = np.array([s.nonnegative for s in symbolic.species_list] + [True] * hazards)
        self.inflow = np.zeros((patients, len(symbolic.states)))
        for (agent, route), amount in infusions.items():
            if (agent, route) not in symbolic.administrations:
                known = "; ".join(f"{a}, {r}" for a, r in symbolic.administrations) or "none"
                raise SimulationError(f"the model does not administer {agent!r} by {route!r}; it knows {known}.")
            rate = np.asarray(amount, float)
            if rate.shape not in ((), (patients,)) or not ((rate >= 0) & np.isfinite(rate)).all():
                raise SimulationError(f"{agent}, {route}: the infusion is {amount!r}; give one finite amount a day, 0 "
                                      f"or more, or one for each of {patients} patients.")  # fmt: skip
            self.inflow[:, symbolic.administrations[agent, route].species] += rate
        self._rates, self._partials = _functions(symbolic)
        self._entries = list(symbolic.jacobian)

    def __call__(
        self, state: Float[np.ndarray, "row state"], constants: Float[np.ndarray, "patient constant"],
        which: Int[np.ndarray, " row"],
    ) -> Float[np.ndarray, "row state"]:  # fmt: skip
        """The rates of change of every row, each of patient which[row]."""
        with np.errstate(all="ignore"):
            made = self._rates(0.0, list(state.T), list(constants[which].T))
        return np.stack([np.broadcast_to(value, (len(state),)) for value in made], axis=1) + self.inflow[which]

    def jacobian(
        self, state: Float[np.ndarray, "row state"], constants: Float[np.ndarray, "patient constant"],
        which: Int[np.ndarray, " row"],
    ) -> Float[np.ndarray, "row state state"]:  # fmt: skip
        """The derivatives of the rates by the states, of every row."""
        dense = np.zeros((*state.shape, state.shape[1]))
        with np.errstate(all="ignore"):
            made = self._partials(0.0, list(state.T), list(constants[which].T))
        for (i, j), value in zip(self._entries, made, strict=True):
            dense[:, i, j] = value
        return dense


def _functions(symbolic: Any) -> tuple[Any, Any]:
    if "rates of rows" not in symbolic.functions:
        import sympy

        arguments = [symbolic.time, list(symbolic.state_symbols), list(symbolic.constant_symbols)]
        defaults = {given.symbol: sympy.Float(given.default) for given in symbolic.inputs}
        symbolic.functions["rates of rows"] = tuple(
            sympy.lambdify(arguments, [each.xreplace(defaults) for each in expressions], modules="numpy", cse=True)
            for expressions in (symbolic.rates, symbolic.jacobian.values())
        )
    return symbolic.functions["rates of rows"]
