"""What is there to see of a block's states: concentrations, cell counts and lesions at the plan's times."""

from __future__ import annotations

import numpy as np

from opsonin.trial.block import Block, match
from opsonin.trial.observe import seen_diameters
from opsonin.trial.plan import Plan
from opsonin.trial.potential import PotentialOutcomes


def observed(block: Block, rows: np.ndarray, states: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """True concentrations (patient, analyte, time) and cell counts (patient, marker, visit), NaN at other times.

    states: of these patients at `times`.
    """
    found = []
    for planned, names in _planned(block.plan):
        values = np.full((len(rows), len(names), len(planned)), np.nan)
        at, where = match(times, planned)
        if len(at) and names and len(rows):
            true = block.model.observe(names, states[:, at], block.constants[rows], times[at])
            values[:, :, where] = true.transpose(0, 2, 1)
        found.append(values)
    return found[0], found[1]


def note(block: Block, made: PotentialOutcomes, rows: np.ndarray, states: np.ndarray, times: np.ndarray) -> None:
    """Write true concentrations and cell counts at the planned times among these into the outcomes."""
    for (planned, names), into in zip(_planned(block.plan), (made.concentrations, made.measurements), strict=True):
        at, where = match(times, planned)
        if len(at) and names and len(rows):
            values = block.model.observe(names, states[:, at], block.constants[rows], times[at])
            into[np.ix_(rows, np.arange(len(names)), where)] = values.transpose(0, 2, 1)


def note_scans(
    block: Block,
    made: PotentialOutcomes,
    rows: np.ndarray,
    states: np.ndarray,
    times: np.ndarray,
    numbers: np.ndarray,
) -> None:
    """Write true and measured diameters at these scans into the outcomes.   numbers: of the scans, 0 for baseline."""
    if not len(rows):
        return
    plan = block.plan
    assert plan.protocol.tumour is not None
    true = block.model.observe(list(plan.lesions), states, block.constants[rows], times).transpose(0, 2, 1)
    place = np.ix_(rows, np.arange(len(plan.lesions)), numbers)
    made.true_mm[place] = true
    made.seen_mm[place] = seen_diameters(true, block.scores[place], plan.protocol.tumour)


def _planned(plan: Plan) -> tuple[tuple[np.ndarray, list[str]], tuple[np.ndarray, list[str]]]:
    return (
        (plan.sample_times, [a.name for a in plan.analytes]),
        (plan.immune_times, [m.name for m in plan.markers]),
    )
