"""Local sensitivities of outcomes: what a percent of each parameter does to an area, a peak, a risk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from opsonin.errors import SimulationError
from opsonin.simulate.outcomes import SMOOTH, outcomes_of
from opsonin.simulate.schedule import Schedule
from opsonin.simulate.sensitivity import sensitivities
from opsonin.simulate.trajectories import Failure


@dataclass(frozen=True)
class OutcomeSensitivities:
    """Derivatives of outcomes of n patients by P parameters.

    values: of the outcomes.   derivatives: in the outcome's unit per the parameter's.   elasticities: by how many
    percent the outcome changes with one percent of the parameter; NaN where the outcome is 0.
    failures: patients whose integration stopped, with the parameter.   switches: see `Sensitivities`.
    """

    outcomes: tuple[str, ...]
    parameters: tuple[str, ...]
    values: Float[np.ndarray, "patient outcome"]
    derivatives: Float[np.ndarray, "patient outcome parameter"]
    elasticities: Float[np.ndarray, "patient outcome parameter"]
    failures: list[Failure]
    switches: tuple[str, ...]


def outcome_sensitivities(
    model: Any,
    constants: Float[np.ndarray, "patient constant"],
    schedule: Schedule,
    times: Float[np.ndarray, " time"],
    parameters: Sequence[str],
    outcomes: Sequence[Any],
    **options: Any,
) -> OutcomeSensitivities:
    """The derivatives of outcomes (see outcomes.py) by parameters, by forward equations.

    times: days between which curves are taken for straight; the days that the outcomes name are added.
    options: of `sensitivities`.
    Raises: SimulationError for an outcome without a derivative; what `sensitivities` raises.
    """
    made = outcomes_of(model, outcomes)
    for one in made:
        if one.slope is None or one.of_course is None:
            raise SimulationError(
                f"the outcome {one.name!r} has no derivative that forward equations give; those of "
                f"{', '.join(SMOOTH)} and risk have. A global analysis takes any."
            )
    moments = [moment for one in made for moment in one.moments]
    grid = np.unique(np.concatenate([np.asarray(times, float), np.array(moments, float)]))
    reads = tuple(dict.fromkeys(one.reads for one in made))
    found = sensitivities(model, constants, schedule, grid, parameters, outputs=reads, **options)
    values, slopes = [], []
    for one in made:
        course, derived = found.values[:, :, reads.index(one.reads)], found.of(one.reads)
        if one.of_course is not None and one.slope is not None:
            values.append(one.of_course(grid, course))
            slopes.append(one.slope(grid, course, derived))
    value, slope = np.stack(values, axis=1), np.stack(slopes, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.where(value[:, :, None] == 0, np.nan, slope * found.constants[:, None, :] / value[:, :, None])
    names = tuple(one.name for one in made)
    return OutcomeSensitivities(names, found.parameters, value, slope, relative, found.failures, found.switches)
