"""Who leaves the trial: by death, by drop-out, or because their simulation stopped."""

from __future__ import annotations

import numpy as np

from opsonin.trial.block import Block, Segment
from opsonin.trial.potential import PotentialOutcomes
from opsonin.trial.rules import DIED, DROPPED_OUT, FAILED


def leave(made: PotentialOutcomes, rows: np.ndarray) -> None:
    """Death and drop-out end treatment; after the first of the two the other is not seen."""
    death, drop_out = made.death[rows], made.drop_out[rows]
    made.death[rows] = np.where(death <= drop_out, death, np.inf)
    made.drop_out[rows] = np.where(death <= drop_out, np.inf, drop_out)
    for day, reason in ((made.death, DIED), (made.drop_out, DROPPED_OUT)):
        ends = rows[day[rows] < made.off_treatment[rows]]
        made.off_treatment[ends] = day[ends]
        made.reason[ends] = reason


def fail(block: Block, made: PotentialOutcomes, rows: np.ndarray, found: Segment) -> None:
    """A patient whose integration stopped while they were still seen leaves at that moment and is reported."""
    for patient, (why, day) in found.failures.items():
        row = int(rows[patient])
        if made.left[row] <= day:
            continue  # what comes after death or drop-out is never looked at
        block.failures[row] = (why, day)
        made.failed[row] = True
        made.drop_out[row] = day
        if day < made.off_treatment[row]:
            made.off_treatment[row] = day
            made.reason[row] = FAILED
