"""One dose level for a block of patients: simulate from scan to scan, stopping treatment as the protocol says.

Doses end with observed progression (decided at a scan), death, drop-out, and an adverse event that meets a DLT rule, in
any cycle: from that moment on, not from the next visit. Patients off treatment are simulated to the end in one piece.
What happens before the first dose that differs between levels (`Plan.parting`) is simulated once for all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from opsonin.criteria import recist
from opsonin.trial.observe import seen_diameters
from opsonin.trial.plan import Plan
from opsonin.trial.potential import DIED, DROPPED_OUT, FAILED, PROGRESSED, TOXIC, PotentialOutcomes

_TIE = 1e-9
RTOL = (
    1e-4  # of the solver: states then err by about 2e-5, crossings by 2e-4 days; the best assay errs by several percent
)


@dataclass(eq=False)
class Block:
    """Patients simulated together.   schedule: all their doses if nothing stops them;   scores: standard normal
    measurement errors (patient, lesion, scan)."""

    model: Any
    plan: Plan
    constants: np.ndarray
    thresholds: np.ndarray
    schedule: Any
    scores: np.ndarray
    threads: int | None = None
    failures: dict[int, tuple[str, float]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.constants)


def lead_in(block: Block) -> tuple[PotentialOutcomes, np.ndarray]:
    """What a block of patients shows until levels part, the same at every level, and their states then."""
    plan = block.plan
    made = PotentialOutcomes.empty(plan, len(block))
    course = _Course(block, made)
    state = block.model.initial_state(block.constants)
    course.note_start(state)
    if plan.parting > plan.start:
        state = course.treat(np.arange(len(block)), state, plan.start, plan.parting)
    return made, state


def follow(
    block: Block, made: PotentialOutcomes, state: np.ndarray, progress: Callable[[int], None] | None = None
) -> PotentialOutcomes:
    """The outcomes of a block of patients, from what `lead_in` gave: `made` is filled and given back.

    progress: called with the number of patients that are finished, counted by the time they have been followed.
    """
    plan = block.plan
    course = _Course(block, made)
    course.read_baseline()
    on, state = course.still_treated(np.arange(len(block)), state, plan.parting)
    begin = plan.parting
    for end in _edges(plan):
        if not len(on):
            break
        state = course.treat(on, state, begin, end)
        course.scan(on, end)
        on, state = course.still_treated(on, state, end)
        begin = end
        if progress is not None:
            share = (end - plan.parting) / (plan.end - plan.parting)
            progress(int(len(block) - len(on) * (1 - share)))
    made.done[:] = True
    return made


def _edges(plan: Plan) -> list[float]:
    """Ends of the segments on treatment: scans and starts of cycles (so that few doses are simulated in vain)."""
    cycles = [t.cycle_days for t in plan.protocol.treatments if t.cycle_days is not None]
    starts = np.concatenate([plan.scans, *(np.arange(0.0, plan.end, length) for length in cycles)])
    return [*np.unique(starts[(starts > plan.parting) & (starts < plan.end)]).tolist(), plan.end]


class _Segment(NamedTuple):
    """What one run of the solver gives.   failures: row of this run → (reason, day)."""

    states: np.ndarray
    crossings: np.ndarray
    final: np.ndarray
    times: np.ndarray
    failures: dict[int, tuple[str, float]]


class _Course:
    """The running state of a block: what has been observed, and each patient's RECIST course."""

    def __init__(self, block: Block, made: PotentialOutcomes):
        self.block, self.made, self.plan = block, made, block.plan
        self.thresholds = np.where(np.isfinite(made.crossings), np.inf, block.thresholds)
        self.roles = {role: self.plan.thresholds(role) for role in ("death", "drop-out", "new lesion")}
        self.recist: recist.Course | None = None
        self.exists = np.zeros((len(block), len(self.plan.lesions)), dtype=bool)

    def note_start(self, state: np.ndarray) -> None:
        """What is seen before the first dose: values at the start, and the baseline scan."""
        plan, everyone = self.plan, np.arange(len(self.block))
        self._note(everyone, state[:, None, :], np.array([plan.start]))
        if plan.lesions:
            self._diameters(everyone, state[:, None, :], np.array([plan.start]), np.array([0]))

    def read_baseline(self) -> None:
        """What later scans are compared with."""
        if self.plan.lesions:
            self.exists = self.made.true_mm[:, :, 0] > 0
            baseline = np.where(self.exists, self.made.seen_mm[:, :, 0], np.nan)
            self.recist = recist.begin(baseline)

    def still_treated(self, rows: np.ndarray, state: np.ndarray, now: float) -> tuple[np.ndarray, np.ndarray]:
        """Those of the rows whose treatment goes on, with their states; the others are followed to the end."""
        made, plan = self.made, self.plan
        if now >= plan.end:
            return rows[:0], state[:0]
        going = made.off_treatment[rows] > now - _TIE
        off = ~going & (np.minimum(made.death[rows], made.drop_out[rows]) > now)
        if off.any():
            self.untreated(rows[off], state[off], now)
        return rows[going], state[going]

    def treat(self, rows: np.ndarray, state: np.ndarray, begin: float, end: float) -> np.ndarray:
        """One segment on treatment. A patient with a limiting toxicity runs it again without the doses after it."""
        made = self.made
        found = self._run(rows, state, begin, end, made.off_treatment[rows])
        toxic = self._first(found.crossings, self.plan.limiting)
        leaving = self.roles["death"] | self.roles["drop-out"]
        stop = toxic < np.minimum(self._first(found.crossings, leaving), made.off_treatment[rows])
        made.off_treatment[rows[stop]] = toxic[stop]
        made.reason[rows[stop]] = TOXIC
        self._undo_doses(rows, found, np.where(stop, toxic, np.inf), end)
        self._after(rows, found)
        if self.plan.lesions and np.isin(end, self.plan.scans):
            number = np.searchsorted(self.plan.scans, end) + 1
            self._diameters(rows, found.states[:, -1:], found.times[-1:], np.array([number]))
        return found.final

    def scan(self, rows: np.ndarray, time: float) -> None:
        """Judge the scan at this time; progression stops treatment."""
        plan, made = self.plan, self.made
        if self.recist is None or not np.isin(time, plan.scans):
            return
        number = int(np.searchsorted(plan.scans, time)) + 1
        scanned = np.minimum(made.death[rows], made.drop_out[rows]) > time
        made.seen_mm[rows[~scanned], :, number] = np.nan
        rows = rows[scanned & ~np.isfinite(made.progression[rows])]
        before = recist.Course(*(part[rows] for part in self.recist))
        new = made.new_lesion[rows] <= time
        none = np.full(len(rows), recist.NONE)
        nodal = np.zeros((len(rows), len(plan.lesions)), dtype=bool)
        visit, after = recist.judge(before, made.seen_mm[rows, :, number], self.exists[rows], nodal, new, none)
        for part, value in zip(self.recist, after, strict=True):
            part[rows] = value
        worse = rows[visit.overall == recist.PD]
        made.progression[worse] = time
        stopping = worse[made.off_treatment[worse] > time]
        made.off_treatment[stopping] = time
        made.reason[stopping] = PROGRESSED

    def untreated(self, rows: np.ndarray, state: np.ndarray, begin: float) -> None:
        """From here to the end of observation without doses: what is left to see are scans, samples and events."""
        plan, made = self.plan, self.made
        found = self._run(rows, state, begin, plan.end, np.minimum(made.off_treatment[rows], begin))
        self._after(rows, found)
        if not plan.lesions:
            return
        for number, time in enumerate(plan.scans.tolist(), start=1):
            if time > begin:
                at = np.flatnonzero(np.abs(found.times - time) < _TIE)[:1]
                waiting = ~np.isfinite(made.progression[rows])
                self._diameters(rows[waiting], found.states[waiting][:, at], found.times[at], np.array([number]))
                self.scan(rows[waiting], time)

    def _after(self, rows: np.ndarray, found: _Segment) -> None:
        self._events(rows, found.crossings)
        self._leaving(rows)
        self._fail(rows, found)
        self._note(rows, found.states, found.times)

    def _run(
        self,
        rows: np.ndarray,
        state: np.ndarray,
        begin: float,
        end: float,
        off: np.ndarray,
        times: np.ndarray | None = None,
    ) -> _Segment:
        """Simulate from `begin` to `end` without the doses from each patient's day `off` on.

        times: to note states at; None for those of visits and, while treatment goes on, doses.
        """
        from opsonin.simulate import Schedule

        whole = self.block.schedule
        here = (whole.times + whole.durations >= begin) & (whole.times < end) & (whole.times < off.max())
        cut = Schedule(
            whole.times[here], whole.administration[here], whole.amounts[np.ix_(rows, here)], whole.durations[here]
        ).stopped(off)
        found = self._solve(rows, state, begin, cut, self._times(begin, end, cut.times) if times is None else times)
        for row, (_, day) in found.failures.items():
            if day > begin:  # what was there until then is seen
                before = found.times < day
                one = np.array([row])
                alone = Schedule(cut.times, cut.administration, cut.amounts[one], cut.durations)
                seen = self._solve(rows[one], state[one], begin, alone, np.append(found.times[before], day))
                found.states[row, before] = seen.states[0, :-1]
                found.crossings[row] = seen.crossings[0]
        return found

    def _solve(self, rows: np.ndarray, state: np.ndarray, begin: float, schedule: Any, times: np.ndarray) -> _Segment:
        from opsonin.simulate import simulate

        block = self.block
        made = simulate(
            block.model,
            block.constants[rows],
            schedule,
            times,
            thresholds=self.thresholds[rows],
            start=begin,
            initial_state=np.ascontiguousarray(state),
            rtol=RTOL,
            threads=block.threads,
        )
        failures = {failure.patient: (failure.reason, failure.day) for failure in made.failures}
        crossings = np.where(np.isnan(made.crossings), np.inf, made.crossings)
        return _Segment(made.states, crossings, made.final_state, made.times, failures)

    def _times(self, begin: float, end: float, given: np.ndarray) -> np.ndarray:
        """The times of this segment at which anything is observed or given, its beginning and end included."""
        plan = self.plan
        every = np.concatenate([plan.sample_times, plan.immune_times, plan.scans, given])
        inside = np.unique(every[(every > begin) & (every < end)])
        apart = inside[np.diff(inside, prepend=begin) > _TIE]
        return np.concatenate([[begin], apart[apart < end - _TIE], [end]])

    def _undo_doses(self, rows: np.ndarray, found: _Segment, day: np.ndarray, end: float) -> None:
        """Run again, without doses, from the last dose before a patient's day (inf: nothing to undo).

        Starting again at a dose is exact, so until that day nothing changes.
        """
        schedule = self.block.schedule
        later = (schedule.times[None, :] >= day[:, None]) & (schedule.times[None, :] < end)
        undo = (later & (schedule.amounts[rows] > 0)).any(axis=1)
        last = np.searchsorted(found.times, day, side="right") - 1  # every time of a dose is a time of the segment
        for at in np.unique(last[undo]).tolist():
            again = np.flatnonzero(undo & (last == at))
            since = float(found.times[at])
            before = found.crossings[again] <= day[again][:, None]
            self._keep(rows[again], np.where(before, found.crossings[again], np.inf))
            rerun = self._run(rows[again], found.states[again, at], since, end, day[again], found.times[at:])
            found.crossings[again] = np.minimum(self.made.crossings[rows[again]], rerun.crossings)
            found.states[again, at:] = rerun.states
            found.final[again] = rerun.final
            for row in again.tolist():
                found.failures.pop(row, None)  # it may have been the doses that were not given
            found.failures.update({int(again[row]): why for row, why in rerun.failures.items()})

    def _first(self, crossings: np.ndarray, which: np.ndarray) -> np.ndarray:
        return crossings[:, which].min(axis=1, initial=np.inf)

    def _keep(self, rows: np.ndarray, crossings: np.ndarray) -> None:
        """Keep these crossings; a threshold crossed once is not looked for again."""
        made = self.made
        made.crossings[rows] = np.minimum(made.crossings[rows], crossings)
        self.thresholds[rows] = np.where(np.isfinite(made.crossings[rows]), np.inf, self.thresholds[rows])

    def _events(self, rows: np.ndarray, crossings: np.ndarray) -> None:
        """The crossings of a segment, and what they mean for the patient."""
        made = self.made
        self._keep(rows, crossings)
        made.death[rows] = self._first(made.crossings[rows], self.roles["death"])
        made.drop_out[rows] = self._first(made.crossings[rows], self.roles["drop-out"])
        made.new_lesion[rows] = self._first(made.crossings[rows], self.roles["new lesion"])

    def _leaving(self, rows: np.ndarray) -> None:
        """Death and drop-out end treatment; after the first of the two the other is not seen."""
        made = self.made
        death, drop_out = made.death[rows], made.drop_out[rows]
        made.death[rows] = np.where(death <= drop_out, death, np.inf)
        made.drop_out[rows] = np.where(death <= drop_out, np.inf, drop_out)
        for day, reason in ((made.death, DIED), (made.drop_out, DROPPED_OUT)):
            ends = rows[day[rows] < made.off_treatment[rows]]
            made.off_treatment[ends] = day[ends]
            made.reason[ends] = reason

    def _fail(self, rows: np.ndarray, found: _Segment) -> None:
        """A patient whose integration stopped while they were still seen leaves at that moment and is reported."""
        made = self.made
        for patient, (why, day) in found.failures.items():
            row = int(rows[patient])
            if min(made.death[row], made.drop_out[row]) <= day:
                continue  # what comes after death or drop-out is never looked at
            self.block.failures[row] = (why, day)
            made.failed[row] = True
            made.drop_out[row] = day
            if day < made.off_treatment[row]:
                made.off_treatment[row] = day
                made.reason[row] = FAILED

    def _note(self, rows: np.ndarray, states: np.ndarray, times: np.ndarray) -> None:
        """True concentrations and cell counts at the planned times among these."""
        plan, made = self.plan, self.made
        for planned, names, into in (
            (plan.sample_times, [a.name for a in plan.analytes], made.concentrations),
            (plan.immune_times, [m.name for m in plan.markers], made.measurements),
        ):
            at, where = _match(times, planned)
            if len(at) and names and len(rows):
                values = self.block.model.observe(names, states[:, at], self.block.constants[rows], times[at])
                into[np.ix_(rows, np.arange(len(names)), where)] = values.transpose(0, 2, 1)

    def _diameters(self, rows: np.ndarray, states: np.ndarray, times: np.ndarray, numbers: np.ndarray) -> None:
        """True and measured diameters at these scans."""
        if not len(rows):
            return
        plan, made = self.plan, self.made
        assert plan.protocol.tumour is not None
        true = self.block.model.observe(list(plan.lesions), states, self.block.constants[rows], times).transpose(
            0, 2, 1
        )
        place = np.ix_(rows, np.arange(len(plan.lesions)), numbers)
        made.true_mm[place] = true
        made.seen_mm[place] = seen_diameters(true, self.block.scores[place], plan.protocol.tumour)


def _match(times: np.ndarray, planned: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Indices into both of the times they share."""
    pairs = np.argwhere(np.abs(times[:, None] - planned[None, :]) < _TIE)
    return pairs[:, 0], pairs[:, 1]
