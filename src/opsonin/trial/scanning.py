"""Scans of a block of patients: judged by the criteria as they come, and what the protocol does on progression."""

from __future__ import annotations

from typing import Any

import numpy as np

from opsonin.criteria import irecist, recist
from opsonin.trial.block import TIE, Block
from opsonin.trial.decisions import Decisions, progression_rules
from opsonin.trial.potential import PotentialOutcomes
from opsonin.trial.responding import CRITERIA
from opsonin.trial.rules import NOT_IN_TIME, STOPPED

GROWTH_MM = 5.0  # further growth that confirms progression (iRECIST: Seymour 2017, Lancet Oncol 18:e143)
APART_DAYS = 28.0  # the least time between a progression and the scan that confirms it (the same)


class Scans:
    """The course of every patient of a block by the criteria that judge them, and treatment beyond progression.

    Where the criteria ask for progression to be confirmed (iRECIST), treatment and scans go on until it is; the day of
    progression is that of the first of the scans that ended in it, and none while the last one showed no progression.
    courses: of all patients by each of the criteria in use, of which only that of a patient's own is kept up;
    which: the number of each patient's own.
    worst_mm: sum of the lesions when progression was seen, NaN while there is none to confirm;   since: that day.
    known_new: whose new lesion a scan has shown.
    """

    def __init__(self, block: Block, made: PotentialOutcomes, decisions: Decisions):
        self.block, self.made, self.plan, self.decisions = block, made, block.plan, decisions
        tumour = self.plan.protocol.tumour
        self.criteria = tumour.used if tumour is not None else ()
        self.courses: list[Any] = []
        self.which = block.criteria
        self.exists = np.zeros((len(block), len(self.plan.lesions)), dtype=bool)
        self.worst_mm = np.full(len(block), np.nan)
        self.since = np.full(len(block), np.inf)
        self.known_new = np.zeros(len(block), dtype=bool)

    def read_baseline(self) -> None:
        """What later scans are compared with."""
        if self.plan.lesions:
            self.exists = self.made.true_mm[:, :, 0] > 0
            baseline = np.where(self.exists, self.made.seen_mm[:, :, 0], np.nan)
            self.courses = [CRITERIA[name].begin(baseline) for name in self.criteria]

    def settled(self, rows: np.ndarray) -> np.ndarray:
        """Whose progression is known, so that nobody looks for it any more."""
        settled = np.isfinite(self.made.progression[rows])
        for number, name in enumerate(self.criteria):
            if name == "iRECIST":
                mine = self.which[rows] == number
                settled[mine] = self.courses[number].confirmed[rows[mine]]
        return settled

    def judge(self, rows: np.ndarray, time: float) -> None:
        """Judge the scan at this time; the rules say what progression means for treatment.

        Who is treated beyond progression is scanned on, to see whether it is confirmed.
        """
        plan, made = self.plan, self.made
        if not self.courses or not np.isin(time, plan.scans):
            return
        number = int(np.searchsorted(plan.scans, time)) + 1
        wanted = ~self.settled(rows) | (made.off_treatment[rows] > time)
        scanned = (made.left[rows] > time) & wanted
        made.seen_mm[rows[~scanned], :, number] = np.nan
        rows = rows[scanned]
        for criteria in range(len(self.criteria)):
            self._judge(criteria, rows[self.which[rows] == criteria], time, number)

    def _judge(self, criteria: int, rows: np.ndarray, time: float, number: int) -> None:
        """Judge the scan of this number of patients who share their criteria."""
        made = self.made
        new = made.new_lesion[rows] <= time
        visit, after = self._judged(criteria, rows, time, made.seen_mm[rows, :, number], new)
        before = self.settled(rows)
        for part, value in zip(self.courses[criteria], after, strict=True):
            part[rows] = value
        if self.criteria[criteria] == "iRECIST":
            made.progression[rows] = visit.since
            proven = (visit.overall == irecist.CPD) & ~before
            self._act(rows, time, proven, visit.since == time, proven)
        else:
            self._progressed(rows, time, visit.overall == recist.PD, visit.sum_mm, new)

    def _judged(
        self, criteria: int, rows: np.ndarray, time: float, seen_mm: np.ndarray, new: np.ndarray
    ) -> tuple[Any, Any]:
        """The scan of these patients, and their course after it. New lesions are seen or not, and not measured."""
        course, by = self.courses[criteria], CRITERIA[self.criteria[criteria]]
        before = type(course)(*(part[rows] for part in course))
        none = np.full(len(rows), recist.NONE)
        exists, nodal = self.exists[rows], np.zeros((len(rows), len(self.plan.lesions)), dtype=bool)
        if by is not irecist:
            return by.judge(before, seen_mm, exists, nodal, new, none)
        no, more = np.zeros(len(rows), dtype=bool), new & ~self.known_new[rows]
        self.known_new[rows] |= new
        lesions = irecist.NewLesions(new, more, np.zeros(len(rows)), no, no)
        return irecist.judge(before, np.full(len(rows), time), seen_mm, exists, nodal, lesions, none, no)

    def _progressed(
        self, rows: np.ndarray, time: float, worse: np.ndarray, sum_mm: np.ndarray, new: np.ndarray
    ) -> None:
        made = self.made
        first = worse & ~np.isfinite(made.progression[rows])
        made.progression[rows[first]] = time
        grown = new | (sum_mm >= self.worst_mm[rows] + GROWTH_MM)
        confirmed = worse & ~np.isnan(self.worst_mm[rows]) & (time >= self.since[rows] + APART_DAYS - TIE) & grown
        begins = worse & np.isnan(self.worst_mm[rows])
        self.worst_mm[rows[begins]], self.since[rows[begins]] = sum_mm[begins], time
        self.worst_mm[rows[~worse]] = np.nan  # what shrank again was none: the next one needs confirming anew
        self._act(rows, time, first, first, confirmed)

    def _act(self, rows: np.ndarray, time: float, proven: np.ndarray, first: np.ndarray, confirmed: np.ndarray) -> None:
        """What the rules do. proven: who has progressed by the criteria;   first: at this scan for the first time."""
        rules = self.decisions.rules
        for r in progression_rules(rules):
            policy = rules[r].policy
            if policy.do == "stop":
                self._stop(r, rows[proven], time, time, STOPPED)
                continue
            if policy.at_most_days is not None:
                self._stop(r, rows[first], time, time + policy.at_most_days, NOT_IN_TIME)
            if policy.confirmed:
                self._stop(r, rows[confirmed], time, time, STOPPED)

    def _stop(self, r: int, rows: np.ndarray, time: float, day: float, word: int) -> None:
        rows = rows[self.made.off_treatment[rows] > time]
        if len(rows) and self.decisions.rules[r].treatments.any():
            self.decisions.stop(r, rows, np.full(len(rows), day), word)
