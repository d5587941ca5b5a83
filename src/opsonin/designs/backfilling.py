"""Backfill on the trial's clock: who comes while the escalation waits is treated at a lower dose that is open."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from opsonin.designs.base import Design
from opsonin.designs.draws import Accrual, Waits
from opsonin.designs.evidence import EFFICACY
from opsonin.designs.followed import TIE, Followed
from opsonin.designs.on_clock import Comers


class Backfilling:
    """Patients who come while no cohort is open, of a block of trials; who finds no open dose goes elsewhere."""

    def __init__(self, design: Design, people: Comers, accrual: Accrual, numbers: Int[np.ndarray, " trial"], seed: int):
        self.design, self.people = design, people
        self.waits = Waits(accrual, numbers, seed, "design backfill")
        self.came = np.zeros(len(numbers), dtype=np.int64)  # who found a dose and who did not

    def fill(self, state: Followed, trials: Int[np.ndarray, " going"], until: Float[np.ndarray, " going"]) -> None:
        """Treat who comes between now and `until`, each at the highest dose open then; the clocks are left anywhere.

        Doses open where responses have been seen so far, which the escalation need not wait for.
        """
        who = trials
        while len(who):
            self.came[who] += 1
            day = state.clock[who] + self.waits.of(who, self.came[who])
            come = day < until - TIE
            who, until = who[come], until[come]
            if not len(who):
                return
            state.clock[who] = day[come]
            open_ = self.design.open_to_backfill(state.evidence(who, needs=state.needs | {EFFICACY}))
            dose = np.where(open_, np.arange(1, open_.shape[1] + 1), 0).max(axis=1)
            here = np.flatnonzero(dose)
            if len(here):
                shown = self.people.show(who[here], state.size[who[here]], dose[here])
                state.admit(who[here], dose[here], 0, shown)
