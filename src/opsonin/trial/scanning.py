"""Scans of a block of patients: judged by RECIST as they come, and what the protocol does on progression."""

from __future__ import annotations

import numpy as np

from opsonin.criteria import recist
from opsonin.trial.block import TIE, Block
from opsonin.trial.decisions import Decisions, progression_rules
from opsonin.trial.potential import PotentialOutcomes
from opsonin.trial.rules import NOT_IN_TIME, STOPPED

GROWTH_MM = 5.0  # further growth that confirms progression (iRECIST: Seymour 2017, Lancet Oncol 18:e143)
APART_DAYS = 28.0  # the least time between a progression and the scan that confirms it (the same)


class Scans:
    """The RECIST course of every patient of a block, and treatment beyond progression.

    worst_mm: sum of the lesions when progression was seen, NaN while there is none to confirm;   since: that day.
    """

    def __init__(self, block: Block, made: PotentialOutcomes, decisions: Decisions):
        self.block, self.made, self.plan, self.decisions = block, made, block.plan, decisions
        self.recist: recist.Course | None = None
        self.exists = np.zeros((len(block), len(self.plan.lesions)), dtype=bool)
        self.worst_mm = np.full(len(block), np.nan)
        self.since = np.full(len(block), np.inf)

    def read_baseline(self) -> None:
        """What later scans are compared with."""
        if self.plan.lesions:
            self.exists = self.made.true_mm[:, :, 0] > 0
            baseline = np.where(self.exists, self.made.seen_mm[:, :, 0], np.nan)
            self.recist = recist.begin(baseline)

    def judge(self, rows: np.ndarray, time: float) -> None:
        """Judge the scan at this time; the rules say what progression means for treatment.

        Who is treated beyond progression is scanned on, to see whether it is confirmed.
        """
        plan, made = self.plan, self.made
        if self.recist is None or not np.isin(time, plan.scans):
            return
        number = int(np.searchsorted(plan.scans, time)) + 1
        wanted = ~np.isfinite(made.progression[rows]) | (made.off_treatment[rows] > time)
        scanned = (made.left[rows] > time) & wanted
        made.seen_mm[rows[~scanned], :, number] = np.nan
        rows = rows[scanned]
        before = recist.Course(*(part[rows] for part in self.recist))
        new = made.new_lesion[rows] <= time
        none = np.full(len(rows), recist.NONE)
        nodal = np.zeros((len(rows), len(plan.lesions)), dtype=bool)
        visit, after = recist.judge(before, made.seen_mm[rows, :, number], self.exists[rows], nodal, new, none)
        for part, value in zip(self.recist, after, strict=True):
            part[rows] = value
        self._progressed(rows, time, visit.overall == recist.PD, visit.sum_mm, new)

    def _progressed(
        self, rows: np.ndarray, time: float, worse: np.ndarray, sum_mm: np.ndarray, new: np.ndarray
    ) -> None:
        made, rules = self.made, self.decisions.rules
        first = worse & ~np.isfinite(made.progression[rows])
        made.progression[rows[first]] = time
        grown = new | (sum_mm >= self.worst_mm[rows] + GROWTH_MM)
        confirmed = worse & ~np.isnan(self.worst_mm[rows]) & (time >= self.since[rows] + APART_DAYS - TIE) & grown
        begins = worse & np.isnan(self.worst_mm[rows])
        self.worst_mm[rows[begins]], self.since[rows[begins]] = sum_mm[begins], time
        self.worst_mm[rows[~worse]] = np.nan  # what shrank again was none: the next one needs confirming anew
        for r in progression_rules(rules):
            policy = rules[r].policy
            if policy.do == "stop":
                self._stop(r, rows[first], time, time, STOPPED)
                continue
            if policy.at_most_days is not None:
                self._stop(r, rows[first], time, time + policy.at_most_days, NOT_IN_TIME)
            if policy.confirmed:
                self._stop(r, rows[confirmed], time, time, STOPPED)

    def _stop(self, r: int, rows: np.ndarray, time: float, day: float, word: int) -> None:
        rows = rows[self.made.off_treatment[rows] > time]
        if len(rows) and self.decisions.rules[r].treatments.any():
            self.decisions.stop(r, rows, np.full(len(rows), day), word)
