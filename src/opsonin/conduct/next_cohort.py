"""Advice to a trial's team: what to do now, why, what follows from everything the next cohort may show."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from opsonin.conduct.conduct import Conduct, Tables, decision_row, decision_table
from opsonin.conduct.listed import listed
from opsonin.conduct.prior import prior_sensitivity
from opsonin.designs import Decision, Outcomes, outcomes, pathways
from opsonin.designs.evidence import GRADES, IMMUNE


@dataclass(frozen=True, eq=False)
class Advice:
    """What the design says after `seen`.

    next_cohort: one row for each outcome of the next cohort; empty where none is treated, or its outcomes cannot be
    listed.   prior: what other priors would say; empty for designs without one.   assumed: by `next_cohort`, in words.
    subjects: how each was judged, where a record was read.
    """

    seen: Outcomes
    decision: Decision
    next_cohort: pd.DataFrame
    prior: pd.DataFrame
    assumed: str = ""
    subjects: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def prior_matters(self) -> bool:
        """Whether another prior would lead elsewhere."""
        if self.prior.empty:
            return False
        places = self.prior[["level", "mtd"]].fillna(0)
        return bool((places != places.iloc[0]).to_numpy().any())


def advise(conduct: Conduct, seen: Outcomes) -> Advice:
    """Advice after these outcomes.

    Raises: DesignError where they hold what the design does not have.
    """
    return _advice(conduct, seen, conduct.decide(seen))


def advise_on(conduct: Conduct, record: Tables, now: float | None = None) -> Advice:
    """Advice to the trial of a record.   now: the day on the trial's clock; all windows are over where None.

    Raises: DesignError where no subject has a level, or the design looks at what is not read from a record.
    """
    if not len(record.subjects):
        return advise(conduct, outcomes([], []))
    judged = conduct.judge(record, now)
    made = conduct.next(record, now)
    advice = _advice(conduct, conduct.outcomes(judged, now), made)
    return Advice(advice.seen, made, advice.next_cohort, advice.prior, advice.assumed, judged)


def _advice(conduct: Conduct, seen: Outcomes, made: Decision) -> Advice:
    design = conduct.design
    prior = prior_sensitivity(design, seen)
    waits = made.level is not None and not made.patients  # what those still in their window show comes first
    if waits:
        return Advice(seen, made, pd.DataFrame(), prior)
    if design.needs & {GRADES, IMMUNE}:
        table, assumed = listed(design, seen, made)
        return Advice(seen, made, table, prior, assumed)
    found = pathways(design, seen, cohorts=1)
    return Advice(seen, made, found.next_cohort(), prior, found.assumed)


def with_decision(decisions: pd.DataFrame, advice: Advice, design: str, day: float) -> pd.DataFrame | None:
    """A record's `decisions` with this one at its end; None where the last one is this one already.

    day: on the trial's clock.
    """
    made, seen = advice.decision, advice.seen.text
    if len(decisions):
        last = decisions.iloc[-1]
        same = (str(last["seen"]), str(last["decision"]), str(last["design"])) == (seen, made.action, design)
        goes = made.mtd if made.stop else made.level
        if same and (None if pd.isna(last["level_to"]) else int(last["level_to"])) == goes:
            return None
    last = np.flatnonzero(~advice.seen.beside)[-1:]
    cohort, level = (int(of[last[0]]) if len(last) else None for of in (advice.seen.cohorts, advice.seen.level))
    taken = set(decisions["decision_id"]) if len(decisions) else set()
    count = len(decisions) + 1
    while f"D{count:02d}" in taken:
        count += 1
    row = decision_table([decision_row(count, day, cohort, design, seen, level, made)])
    return row if not len(decisions) else pd.concat([decisions[list(row.columns)], row], ignore_index=True)
