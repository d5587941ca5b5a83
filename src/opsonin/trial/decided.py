"""The record's decisions of replicate trials as they were made, with what was known then and the reason in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from opsonin.conduct import decision_row, decision_table
from opsonin.designs import ACTIONS, Decision, Decisions, Design, Outcomes
from opsonin.designs.evidence import FOLLOW_UP, IMMUNE, LOTS
from opsonin.designs.followed import Followed
from opsonin.trial.enrolment import Enrolment


@dataclass(frozen=True, eq=False)
class Steps:
    """Every decision of every trial, sorted by trial (from 1) and time.   cohort: how many had been treated by then."""

    trial: Int[np.ndarray, " step"]
    cohort: Int[np.ndarray, " step"]
    made: Decisions

    def __len__(self) -> int:
        return len(self.trial)

    @classmethod
    def joined(cls, parts: Sequence[tuple[np.ndarray, np.ndarray, Decisions]]) -> Steps:
        """Steps from those of each round: trial, cohort, what was decided."""
        trial, cohort = (np.concatenate([part[k] for part in parts]) for k in (0, 1))
        order = np.argsort(trial, kind="stable")  # rounds are in order of time
        made = Decisions(*(np.concatenate(column)[order] for column in zip(*(part[2] for part in parts), strict=True)))
        return cls(trial[order], cohort[order], made)

    def take(self, rows: Bool[np.ndarray, " step"]) -> Steps:
        """Some of the steps."""
        return Steps(self.trial[rows], self.cohort[rows], self.made.take(rows))

    def one(self, row: int) -> Decision:
        """One decision, without its reason."""
        action, level, patients, mtd = (int(column[row]) for column in self.made)
        return Decision(ACTIONS[action], level or None, patients, mtd or None, "")

    def of(self, trials: Int[np.ndarray, " trial"]) -> Int[np.ndarray, " step"]:
        """The steps of some trials."""
        return np.flatnonzero(np.isin(self.trial, trials))


def decided_by_cohort(
    enrolled: Enrolment, steps: Steps, design: Design, counted: Bool[np.ndarray, " enrolled"], seed: int
) -> pd.DataFrame:
    """The decisions of these patients' trials, each once a cohort was judged.

    counted: whom the design looks at.   seed: of the lots.
    """
    rows, made = [], steps.of(np.unique(enrolled.trial))
    known: dict[tuple[Any, ...], dict[str, Any]] = {}
    columns = getattr(design, "columns", None)
    looked_at = [column[counted] for column in (enrolled.level, enrolled.dlt, enrolled.cohort)]
    before = np.concatenate([[0], np.cumsum(counted)])  # how many of those stand before each enrolled patient
    first = np.flatnonzero((np.diff(enrolled.trial, prepend=0) != 0) | (np.diff(enrolled.cohort, prepend=0) != 0))
    last_day = np.maximum.reduceat(enrolled.judged_day, first).tolist()
    ends = [*first[1:].tolist(), len(enrolled)]
    cohorts = iter(zip(first.tolist(), ends, last_day, strict=True))
    begin = end = 0
    for step in made.tolist():
        cohort, level, day = int(steps.cohort[step]), None, 0.0
        if cohort == 0:
            begin = end
        else:
            _, end, day = next(cohorts)
            level = int(enrolled.level[end - 1])
        told = [column[before[begin] : before[end]] for column in looked_at]
        decision = steps.one(step)
        places = (decision.action, decision.level, decision.mtd, decision.patients)
        key = (cohort, level, places, *(part.tobytes() for part in told))  # a thousand trials go few ways
        if key not in known:
            seen = Outcomes(told[0], told[1], told[2], columns=columns)
            evidence = design.evidence(seen)
            if LOTS in design.needs:
                from opsonin.trial.enrol import cohort_lot

                lot = cohort_lot(seed, steps.trial[[step]], steps.cohort[[step]])
                evidence = replace(evidence, lot=lot)
            whole = design.told(evidence, decision)
            known[key] = decision_row(cohort + 1, 0.0, cohort or None, design.name, seen.text, level, whole)
        rows.append(known[key] | {"day": day})
    return _table(rows, steps.trial[made])


def decided_on_clock(
    enrolled: Enrolment,
    steps: Steps,
    design: Design,
    state: Followed,
    days: Float[np.ndarray, " step"],
    sizes: Int[np.ndarray, " step"],
    lots: Float[np.ndarray, " step"] | None,
) -> pd.DataFrame:
    """The decisions of these patients' trials on the days on which they were made, "wait" included.

    sizes: patients enrolled by then.
    """
    mine = steps.of(np.unique(enrolled.trial))
    rows: list[dict[str, Any]] = []
    trial = steps.trial[mine] - 1
    evidence = state.evidence(trial, days[mine], sizes[mine])
    if lots is not None:
        evidence = replace(evidence, lot=lots[mine])
    number = np.arange(len(mine)) - np.searchsorted(trial, trial) + 1
    told = state.outcomes(trial, days[mine], sizes[mine], getattr(design, "columns", None))
    again: dict[tuple[Any, ...], Decision] = {}  # without days and values, a thousand trials go few ways
    few = not design.needs & {FOLLOW_UP, IMMUNE, LOTS}
    for place, (step, seen) in enumerate(zip(mine.tolist(), told, strict=True)):
        plain, text = steps.one(step), seen.text
        key = (text, plain.action, plain.level, plain.patients, plain.mtd) if few else (place,)
        if key not in again:
            again[key] = design.told(evidence.take(np.array([place])), plain)
        cohort, level = int(steps.cohort[step]) or None, int(evidence.current[place]) or None
        day = float(days[step])
        rows.append(decision_row(int(number[place]), day, cohort, design.name, text, level, again[key]))
    return _table(rows, steps.trial[mine])


def _table(rows: list[dict[str, Any]], trial: np.ndarray) -> pd.DataFrame:
    table = decision_table(rows)
    table.insert(0, "trial", trial.astype(np.int64))
    return table
