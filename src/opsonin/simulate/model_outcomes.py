"""A model as a function of what varies: values of its constants in, outcomes of simulated patients out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float

from opsonin.errors import ModelError, SimulationError
from opsonin.model.derived import completed
from opsonin.simulate.factors import Factor
from opsonin.simulate.outcomes import outcomes_of
from opsonin.simulate.regimen import GivenDoses, build_schedule
from opsonin.simulate.simulation import simulate

MOST_BYTES = 2.0e8  # of trajectories held at a time
Doses = Sequence[GivenDoses] | Callable[[np.ndarray], Sequence[GivenDoses]]


@dataclass(eq=False)
class ModelOutcomes:
    """Called with values (sample, factor), gives outcomes (sample, outcome) of patients who have those values.

    factors: names among the model's constants.   outcomes: words (see outcomes.py), Outcome objects, or functions of
    (trajectories, constants).   times: days between which curves are taken for straight; the days that the outcomes
    name, and close days within their windows, are added.
    constants: of the patient who is varied, the typical one where None.
    doses: given to every patient, or a function of their constants (patient, constant).
    names: of the outcomes.   reasons: of the last call, sample row -> why it has no numbers.
    Raises: ModelError for unknown names, SimulationError for outcomes that cannot be read.
    """

    model: Any
    factors: Sequence[str | Factor]
    outcomes: Sequence[Any]
    times: Float[np.ndarray, " time"]
    constants: Float[np.ndarray, " constant"] | None = None
    doses: Doses = ()
    start: float | int | None = None
    method: str = "auto"
    rtol: float = 1e-5
    threads: int | None = None
    progress: Callable[[int, int], None] | None = None
    reasons: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        from opsonin.model.trace import unknown

        symbolic = self.model.symbolic
        self.columns = []
        for factor in self.factors:
            name = factor if isinstance(factor, str) else factor.name
            if name not in symbolic.constants or symbolic.constants.index(name) in symbolic.derived:
                known = dict.fromkeys(symbolic.constants)
                raise ModelError(f"factor {name!r} is to vary, {unknown(name, known)}")
            self.columns.append(symbolic.constants.index(name))
        self.made = outcomes_of(self.model, self.outcomes)
        self.base = np.asarray(symbolic.typical if self.constants is None else self.constants, float)
        if self.base.shape != (len(symbolic.constants),):
            raise SimulationError(
                f"constants have shape {self.base.shape}; give one number for each of the {len(symbolic.constants)} of "
                "model.symbolic.constants."
            )
        moments = [moment for one in self.made for moment in one.moments]
        self.grid = np.unique(np.concatenate([np.asarray(self.times, float), np.array(moments, float)]))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(one.name for one in self.made)

    @property
    def noise(self) -> float:
        """Relative differences of outcomes below this are the solver's."""
        return 10 * self.rtol

    def __call__(self, values: Float[np.ndarray, "sample factor"]) -> Float[np.ndarray, "sample outcome"]:
        """The outcomes of every row; NaN where its simulation stopped."""
        if values.ndim != 2 or values.shape[1] != len(self.columns):
            raise SimulationError(
                f"a sample of shape {values.shape} is to be simulated, but {len(self.columns)} constants vary here; "
                "give the analysis the same factors as ModelOutcomes."
            )
        self.reasons = {}
        samples = len(values)
        found = np.empty((samples, len(self.made)))
        size = max(8, int(MOST_BYTES / (8 * len(self.grid) * len(self.model.symbolic.states))))
        for first in range(0, samples, size):
            constants = np.tile(self.base, (min(size, samples - first), 1))
            constants[:, self.columns] = values[first : first + size]
            constants = completed(self.model.symbolic, constants)
            found[first : first + size] = self._block(constants, first, samples)
        return found

    def _block(self, constants: np.ndarray, first: int, samples: int) -> np.ndarray:
        doses = self.doses(constants) if callable(self.doses) else self.doses
        report = self.progress
        made = simulate(
            self.model,
            constants,
            build_schedule(self.model, constants, list(doses)),
            self.grid,
            start=self.start,
            method=self.method,
            rtol=self.rtol,
            threads=self.threads,
            progress=None if report is None else lambda done, _: report(first + done, samples),
        )
        for failure in made.failures:
            self.reasons[first + failure.patient] = f"{failure.reason} (day {failure.day:g})"
        columns = [np.asarray(one.value(made, constants), float) for one in self.made]
        for one, column in zip(self.made, columns, strict=True):
            if column.shape != (len(constants),):
                raise SimulationError(
                    f"outcome {one.name!r} has shape {column.shape} for {len(constants)} patients; expected one number "
                    "a patient."
                )
        return np.stack(columns, axis=1)
