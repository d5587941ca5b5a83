"""An event table simulated: the rows of its observations, with what the model says they would show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from opsonin.errors import SimulationError
from opsonin.simulate.nonmem import Compartments, EventTable
from opsonin.simulate.orders import PERIODIC
from opsonin.simulate.simulation import simulate
from opsonin.simulate.trajectories import Trajectories

if TYPE_CHECKING:
    import pandas as pd


def simulate_events(
    model: Any,
    table: EventTable,
    compartments: Compartments,
    outputs: Sequence[str],
    *,
    covariates: Mapping[str, str] | None = None,
    constants: Float[np.ndarray, "patient constant"] | None = None,
    amount_unit: str | None = None,
    settling: Sequence[str] | None = None,
    beyond_interval: str = PERIODIC,
    method: str = "auto",
    rtol: float = 1e-6,
    threads: int | None = None,
) -> pd.DataFrame:
    """The table's observation rows (EVID 0 and 2), with a column more for each output.

    outputs: states or observables, by name.   covariates: {column: constant}.   constants: of every subject, in place
    of the typical ones with covariates put in.   The rest: see `EventTable.schedule` and `simulate`.
    Raises: ImportDataError, RegimenError, SimulationError; the last also where a subject cannot be simulated.
    """
    given = covariates or {}
    rows = table.constants(model, given) if constants is None else constants
    schedule = table.schedule(
        model, rows, compartments, covariates=given, amount_unit=amount_unit, settling=settling,
        beyond_interval=beyond_interval,
    )  # fmt: skip
    seen = table.observations()
    if not seen.times.size:
        raise SimulationError(f"{table.name}: no row is an observation (EVID 0 or 2), so there is nothing to show.")
    first = table.rows.time[np.searchsorted(table.rows.patient, np.arange(len(table)))]
    times = seen.times.copy()
    times[:, 0] = np.where(np.isfinite(times[:, 0]), times[:, 0], first)  # nobody looks at this subject
    made = simulate(
        model, rows, schedule, times, after=seen.after, start=first, method=method, rtol=rtol, threads=threads
    )
    if made.failures:
        failure = made.failures[0]
        raise SimulationError(f"{table.name}, subject {table.subjects[failure.patient]}: {failure.reason}")
    picked = np.flatnonzero(seen.column >= 0)
    frame = table.frame.iloc[picked].copy()
    for name in outputs:
        shown = _shown(model, name, made, rows)
        frame[name] = shown[table.rows.patient[picked], seen.column[picked]]
    return frame


def _shown(
    model: Any, name: str, made: Trajectories, constants: Float[np.ndarray, "patient constant"]
) -> Float[np.ndarray, "patient time"]:
    """An observable or a state at every patient's times."""
    if name in model.symbolic.observables:
        return model.observe([name], made.states, constants, made.times)[:, :, 0]
    if name in made.names:
        return made.state(name)
    known = ", ".join([*model.symbolic.observables, *made.names])
    raise SimulationError(f"the model shows no {name!r}; it has {known}.")
