"""Trials of a design under a known truth on their own clock: patients come one by one and are followed day by day."""

from __future__ import annotations

import numpy as np

from opsonin.designs.backfilling import Backfilling
from opsonin.designs.base import Design
from opsonin.designs.draws import Accrual, Lots, People, Waits
from opsonin.designs.evidence import EFFICACY
from opsonin.designs.followed import Followed
from opsonin.designs.on_clock import run_on_clock
from opsonin.designs.truth import Truth


def by_clock(design: Design, truth: Truth, numbers: np.ndarray, seed: int, accrual: Accrual) -> tuple[np.ndarray, ...]:
    """(mtd, patients, dlt, efficacy, days, backfilled) of trials on their own clock."""
    window = float(getattr(design, "window_days", None) or getattr(truth, "window_days", 28.0))
    response_window = float(
        getattr(design, "efficacy_window_days", None) or getattr(truth, "efficacy_window_days", window)
    )
    trials = len(numbers)
    score, backfills = getattr(design, "score_of_grade", None), design.backfills
    state = Followed(trials, design.levels, design.needs, window, response_window, score, backfills=backfills)
    people, waits = People(truth, numbers, seed, timed=True), Waits(accrual, numbers, seed)
    beside = Backfilling(design, people, accrual, numbers, seed) if backfills else None
    gaps = (accrual.sentinel_days, accrual.stagger_days)
    mtd = run_on_clock(design, state, people, waits, Lots(design, numbers, seed), gaps, beside)
    everyone = np.arange(trials)
    days = state.ended(everyone)
    final = state.evidence(everyone, days + max(window, response_window), needs=frozenset({EFFICACY}))
    assert final.efficacy is not None
    beside_them = np.zeros_like(final.patients) if final.backfilled is None else final.backfilled
    return mtd, final.patients, final.dlt, final.efficacy, days, beside_them
