"""A block of patients simulated together, and one run of the solver over a part of their time."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from opsonin.trial.plan import Plan
from opsonin.trial.planned import PlannedDoses

TIE = 1e-9  # days; moments nearer than this are one
# of the solver: states then err by less than 1e-4, 99 of 100 crossings by less than 4e-4 days; the best assay errs by
# several percent
RTOL = 1e-3


@dataclass(eq=False)
class Block:
    """Patients simulated together.   planned: all their doses if nothing stops them;   scores: standard normal
    measurement errors (patient, lesion, scan).   rows: of the pool;   levels: of each patient;   criteria: which of the
    protocol's criteria judges each one's scans;   left_out: agents that nobody is given.   failures: row → (reason,
    day)."""

    model: Any
    plan: Plan
    constants: np.ndarray
    thresholds: np.ndarray
    planned: PlannedDoses
    scores: np.ndarray
    rows: np.ndarray
    levels: np.ndarray
    criteria: np.ndarray
    left_out: tuple[str, ...]
    seed: int
    threads: int | None = None
    failures: dict[int, tuple[str, float]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.constants)

    @cached_property
    def modes(self) -> Any:
        """Of the patients' linear parts: found once for all segments."""
        from opsonin.simulate.exact_modes import exact_modes

        return exact_modes(self.model.symbolic, self.constants, self.threads or 1)


class Segment(NamedTuple):
    """What one run of the solver gives.   failures: row of this run → (reason, day)."""

    states: np.ndarray
    crossings: np.ndarray
    final: np.ndarray
    times: np.ndarray
    failures: dict[int, tuple[str, float]]


def solve(
    block: Block,
    rows: np.ndarray,
    state: np.ndarray,
    begin: np.ndarray,
    schedule: Any,
    times: np.ndarray,
    thresholds: np.ndarray,
) -> Segment:
    """Simulate some patients of a block, each from their own day on.

    schedule, thresholds: of these patients.   times: of all (T,), or of each (n, T) padded with inf.
    Who fails is shown as they were until then.
    """
    found = _solve(block, rows, state, begin, schedule, times, thresholds)
    for row, (_, day) in found.failures.items():
        if day > begin[row]:  # what was there until then is seen
            mine = times if times.ndim == 1 else times[row]
            before = mine < day
            one = np.array([row])
            shown = np.append(mine[before], day)
            seen = _solve(block, rows[one], state[one], begin[one], schedule.rows(one), shown, thresholds[one])
            found.states[row, before] = seen.states[0, :-1]
            found.crossings[row] = seen.crossings[0]
    return found


def _solve(
    block: Block,
    rows: np.ndarray,
    state: np.ndarray,
    begin: np.ndarray,
    schedule: Any,
    times: np.ndarray,
    thresholds: np.ndarray,
) -> Segment:
    from opsonin.simulate import simulate

    made = simulate(
        block.model,
        block.constants[rows],
        schedule,
        times,
        thresholds=thresholds,
        start=float(begin[0]) if (begin == begin[0]).all() and times.ndim == 1 else begin,
        initial_state=np.ascontiguousarray(state),
        method="rosenbrock",  # what suits a drug's first hours; to choose anew at every segment would cost a tenth
        rtol=RTOL,
        threads=block.threads,
        modes=block.modes.of(rows),
    )
    failures = {failure.patient: (failure.reason, failure.day) for failure in made.failures}
    crossings = np.where(np.isnan(made.crossings), np.inf, made.crossings)
    return Segment(made.states, crossings, made.final_state, times, failures)


def times_of_interest(plan: Plan, begin: float, end: float, given: np.ndarray) -> np.ndarray:
    """The times of a segment at which anything is observed or given, its beginning and end included."""
    every = np.concatenate([plan.sample_times, plan.immune_times, plan.scans, given])
    inside = np.unique(every[(every > begin) & (every < end)])
    apart = inside[np.diff(inside, prepend=begin) > TIE]
    return np.concatenate([[begin], apart[apart < end - TIE], [end]])


def first(crossings: np.ndarray, which: np.ndarray) -> np.ndarray:
    """The first of some thresholds' crossings, inf where there is none."""
    return crossings[:, which].min(axis=1, initial=np.inf)


def match(times: np.ndarray, planned: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Indices into both of the times they share."""
    pairs = np.argwhere(np.abs(times[:, None] - planned[None, :]) < TIE)
    return pairs[:, 0], pairs[:, 1]
