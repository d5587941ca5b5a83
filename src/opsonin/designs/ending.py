"""How rules end a trial: with what the design selects once everybody has been judged, so that they wait for that."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Int

from opsonin.designs.base import DECLARE, STOP, WAIT, Decisions, Design
from opsonin.designs.evidence import EFFICACY, Evidence


def ended_where(which: Bool[np.ndarray, " trial"], made: Decisions, seen: Evidence, design: Design) -> Decisions:
    """The decisions, but some trials ended with what a design selects in them.

    Who is still in their window is waited for first: what is declared counts everybody as without a DLT who had none.
    """
    if not which.any():
        return made
    open_ = which & still_open(seen, design)
    if open_.any():
        made, which = made.where(open_, waiting(made)), which & ~open_
    mtd, rows = np.zeros_like(made.level), np.flatnonzero(which)
    if len(rows):
        mtd[rows] = design.select_many(seen.take(rows))
    return made.where(which, ended(mtd))


def still_open(seen: Evidence, design: Design) -> Bool[np.ndarray, " trial"]:
    """Whether somebody is in a window that the design looks at: of DLTs, or of responses."""
    found = np.zeros(len(seen), dtype=bool)
    if seen.pending is not None:
        found |= seen.pending.sum(axis=1) > 0
        if seen.efficacy_pending is not None and EFFICACY in design.needs:
            found |= seen.efficacy_pending.sum(axis=1) > 0
    return found


def waiting(made: Decisions) -> Decisions:
    """Decisions to wait, in every trial."""
    nothing = np.zeros_like(made.level)
    return Decisions(np.full_like(made.action, WAIT), nothing, nothing, nothing)


def ended(mtd: Int[np.ndarray, " trial"]) -> Decisions:
    """Decisions that end every trial, with these doses declared (0: none)."""
    nothing = np.zeros_like(mtd)
    return Decisions(np.where(mtd > 0, DECLARE, STOP), nothing, nothing, mtd)
