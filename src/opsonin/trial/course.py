"""What a block of patients shows: simulate from scan to scan and cycle to cycle, with the doses the protocol gives.

Policies act on what is observed: an adverse event on its day or at a visit, a reading at its visit, progression at a
scan. A part of the course is first simulated with the doses decided so far; where something observed in it changes a
later dose, that patient runs again from that dose on, so that nobody pays for what does not happen to them. Patients
off treatment are simulated to the end in one piece.
What happens before the first dose that differs between levels (`Plan.parting`) is simulated once for all of them; a
patient of whom a policy changes a dose by then is simulated again from the start at each level.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from opsonin.trial.block import TIE, Block, Segment, first, solve, times_of_interest
from opsonin.trial.decisions import Decisions
from opsonin.trial.dosing import Dosing
from opsonin.trial.leaving import fail, leave
from opsonin.trial.noting import note, note_scans, observed
from opsonin.trial.plan import Plan
from opsonin.trial.potential import PotentialOutcomes
from opsonin.trial.readings import block_readings
from opsonin.trial.scanning import Scans

TOGETHER = 250  # patients whose doses are written down at once: tables that the processor's cache holds


def lead_in(block: Block) -> tuple[PotentialOutcomes, np.ndarray]:
    """What a block of patients shows until levels part, the same at every level, and their states then.

    Written policies do not act here: whom they concern runs again at each level (`follow`).
    """
    plan = block.plan
    made = PotentialOutcomes.empty(plan, len(block))
    course = _Course(block, made, acting=not plan.rules.written)
    everyone = np.arange(len(block))
    state = block.model.initial_state(block.constants)
    course.note_start(everyone, state)
    if plan.parting > plan.start:
        state = course.treat(everyone, state, plan.start, plan.parting)
    return made, state


def follow(
    block: Block, made: PotentialOutcomes, state: np.ndarray, progress: Callable[[int], None] | None = None
) -> PotentialOutcomes:
    """The outcomes of a block of patients, from what `lead_in` gave: `made` is filled and given back.

    progress: called with the number of patients that are finished, counted by the time they have been followed.
    """
    plan = block.plan
    course = _Course(block, made)
    state = course.take_over(state)
    course.scans.judge(np.arange(len(block)), plan.parting)  # where levels part no sooner than at the first scan
    on, state = course.still_treated(np.arange(len(block)), state, plan.parting)
    begin = plan.parting
    for end in _edges(plan):
        if not len(on):
            break
        state = course.treat(on, state, begin, end)
        course.scans.judge(on, end)
        on, state = course.still_treated(on, state, end)
        begin = end
        if progress is not None:
            missing = (plan.end - end) * len(on) + sum(float((plan.end - since).sum()) for *_, since in course.waiting)
            progress(int(len(block) - missing / (plan.end - plan.parting)))
    course.untreated()
    course.write_down()
    made.criteria[:] = block.criteria
    made.done[:] = True
    return made


def _edges(plan: Plan) -> list[float]:
    """Ends of the segments on treatment: scans and starts of cycles (so that few doses are simulated in vain)."""
    cycles = [t.cycle_days for t in plan.protocol.treatments if t.cycle_days is not None]
    starts = np.concatenate([plan.scans, *(np.arange(0.0, plan.end, length) for length in cycles)])
    return [*np.unique(starts[(starts > plan.parting) & (starts < plan.end)]).tolist(), plan.end]


class _Course:
    """The running state of a block: what has been observed, and what has been decided about the doses.

    acting: whether rules act; else what is planned is given to everybody.
    """

    def __init__(self, block: Block, made: PotentialOutcomes, acting: bool = True):
        self.block, self.made, self.plan, self.acting = block, made, block.plan, acting
        self.thresholds = np.where(np.isfinite(made.crossings), np.inf, block.thresholds)
        self.roles = {role: self.plan.thresholds(role) for role in ("death", "drop-out", "new lesion")}
        self.dosing = Dosing(block)
        self.decisions = Decisions(block, made, self.dosing)
        self.scans = Scans(block, made, self.decisions)
        self.waiting: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []  # off treatment: rows, states, since when

    def note_start(self, rows: np.ndarray, state: np.ndarray) -> None:
        """What is seen before the first dose: values at the start, and the baseline scan."""
        plan = self.plan
        note(self.block, self.made, rows, state[:, None, :], np.array([plan.start]))
        if plan.lesions:
            note_scans(self.block, self.made, rows, state[:, None, :], np.array([plan.start]), np.array([0]))

    def take_over(self, state: np.ndarray) -> np.ndarray:
        """Go on from the lead-in; who would have been dosed otherwise in it is simulated again. The states then."""
        plan, made, everyone = self.plan, self.made, np.arange(len(self.block))
        self.scans.read_baseline()
        if not plan.rules.written:
            self._stop_all(everyone)
            return state
        rows = everyone[self._acted_on(everyone)]
        if len(rows):
            self.decisions.forget(rows)
            made.put(rows, PotentialOutcomes.empty(plan, len(rows)))
            self.thresholds[rows] = self.block.thresholds[rows]
            begun = self.block.model.initial_state(self.block.constants[rows])
            self.note_start(rows, begun)
            state = state.copy()
            state[rows] = self.treat(rows, begun, plan.start, plan.parting)
        self.decisions.clock[:] = plan.parting
        self._stop_all(everyone)
        return state

    def _acted_on(self, rows: np.ndarray) -> np.ndarray:
        """Answer what happened in the lead-in; whether that changes a dose that was given in it."""
        plan, made = self.plan, self.made
        readings = block_readings(self.block, rows, made.concentrations, made.measurements)
        columns = self.dosing.window(rows, plan.start, plan.parting)
        changed = np.full(len(rows), np.inf)
        open_ = np.arange(len(rows))
        while len(open_):
            mine = rows[open_]
            days = self.decisions.following(mine, made.crossings[mine], [read[open_] for read in readings])
            day = days.min(axis=1, initial=np.inf)
            due = (day <= plan.parting) & (day < np.minimum(made.left[mine], made.off_treatment[mine]))
            open_, now = open_[due], mine[due]
            before = self.dosing.effective(now, columns)
            self.decisions.act(now, day[due], days[due] == day[due][:, None])
            changed[open_] = np.minimum(changed[open_], self.dosing.first_change(now, columns, before))
            open_ = open_[~np.isfinite(changed[open_])]
        return changed < plan.parting

    def still_treated(self, rows: np.ndarray, state: np.ndarray, now: float) -> tuple[np.ndarray, np.ndarray]:
        """Those of the rows whose treatment goes on, with their states; the others wait to be followed to the end."""
        made, plan = self.made, self.plan
        if now >= plan.end:
            return rows[:0], state[:0]
        going = made.off_treatment[rows] > now - TIE
        off = ~going & (made.left[rows] > now)
        if off.any():
            self.waiting.append((rows[off], state[off], np.full(int(off.sum()), now)))
        return rows[going], state[going]

    def treat(self, rows: np.ndarray, state: np.ndarray, begin: float, end: float) -> np.ndarray:
        """One segment on treatment; what happens in it may change its later doses."""
        found = self._run(rows, state, begin, end)
        if self.acting:
            self._govern(rows, found, begin, end)
        self._after(rows, found)
        if self.plan.lesions and np.isin(end, self.plan.scans):
            number = np.searchsorted(self.plan.scans, end) + 1
            note_scans(self.block, self.made, rows, found.states[:, -1:], found.times[-1:], np.array([number]))
        return found.final

    def untreated(self) -> None:
        """Follow all whose treatment has ended to the end of observation, each from their own day, in one call.

        There are no doses any more: what is left to see are scans, samples and events.
        """
        if not self.waiting:
            return
        plan, made = self.plan, self.made
        rows, state, begin = (np.concatenate(part) for part in zip(*self.waiting, strict=True))
        self._stop_all(rows)
        seen = times_of_interest(plan, float(begin.min()), plan.end, np.zeros(0))[1:]
        passed = np.searchsorted(seen, begin + TIE, side="right")
        left = np.append(seen, np.full(int(passed.max()), np.inf))  # of each patient, padded
        times = left[passed[:, None] + np.arange(len(seen) - int(passed.min()))]
        columns = self.dosing.window(rows, float(begin.min()), plan.end)
        schedule = self.dosing.schedule(rows, columns, begin)
        found = solve(self.block, rows, state, begin, schedule, times, self.thresholds[rows])
        self._events(rows, found.crossings)
        leave(made, rows)
        fail(self.block, made, rows, found)
        for number, time in enumerate(seen.tolist()):
            here = np.flatnonzero(passed <= number)
            states = found.states[here, number - passed[here]][:, None]
            note(self.block, made, rows[here], states, np.array([time]))
            for scan in np.flatnonzero(np.abs(plan.scans - time) < TIE) if plan.lesions else ():
                waiting = ~self.scans.settled(rows[here])
                mine = rows[here][waiting]
                note_scans(self.block, made, mine, states[waiting], np.array([time]), np.array([scan + 1]))
                self.scans.judge(mine, float(plan.scans[scan]))

    def write_down(self) -> None:
        """The doses as they were decided, into the outcomes."""
        made, dosing = self.made, self.dosing
        if not self.plan.varies:
            return
        columns = np.arange(len(dosing.dose))
        self._stop_all(np.arange(len(self.block)))
        for rows in np.array_split(np.arange(len(self.block)), max(1, len(self.block) // TOGETHER)):
            given = dosing.effective(rows, columns)
            made.given[np.ix_(rows, dosing.dose)] = dosing.share(rows, columns, given)
            made.late[np.ix_(rows, dosing.dose)] = given.taken - dosing.taken
        if dosing.because is not None:
            made.because[:, dosing.dose] = dosing.because
        made.stopped[:] = dosing.off
        made.stop_code[:] = self.decisions.stop_code

    def _govern(self, rows: np.ndarray, found: Segment, begin: float, end: float) -> None:
        """Answer what happens in a segment, patient by patient in order of time, until nothing is left to answer.

        valid: until when a patient's simulation follows the doses as decided; from there it is run again.
        """
        decisions, dosing = self.decisions, self.dosing
        columns = dosing.window(rows, begin, end)
        valid = np.full(len(rows), np.inf)
        open_ = np.arange(len(rows))
        readings = self._readings(rows, found, open_)
        while len(open_):
            crossings = np.minimum(self.made.crossings[rows[open_]], found.crossings[open_])
            days = decisions.following(rows[open_], crossings, [read[open_] for read in readings])
            day = days.min(axis=1, initial=np.inf)
            left = first(found.crossings[open_], self.roles["death"] | self.roles["drop-out"])
            until = np.minimum(left, self.made.off_treatment[rows[open_]])
            due = (day <= np.minimum(valid[open_], end)) & (day < until)
            now = open_[due]
            if len(now):
                before = dosing.effective(rows[now], columns)
                decisions.act(rows[now], day[due], days[due] == day[due][:, None])
                changed = np.maximum(dosing.first_change(rows[now], columns, before), begin)
                valid[now] = np.minimum(valid[now], np.where(changed < end, changed, np.inf))
                open_ = open_[due | np.isfinite(valid[open_])]
                continue
            open_ = open_[np.isfinite(valid[open_])]
            self._again(rows, found, open_, valid, end)
            for read, anew in zip(readings, self._readings(rows, found, open_), strict=True):
                read[open_] = anew
            valid[open_] = np.inf
        decisions.clock[rows] = end

    def _readings(self, rows: np.ndarray, found: Segment, which: np.ndarray) -> list[np.ndarray]:
        """What a clinic reads of these patients' segment, for each watch of the rules."""
        watches, mine = self.plan.rules.watches, rows[which]
        begin, end = found.times[0], found.times[-1]
        if not any(np.any((watch.times > begin) & (watch.times <= end)) for watch in watches):
            return [np.full((len(mine), len(watch.times)), np.nan) for watch in watches]
        return block_readings(self.block, mine, *observed(self.block, mine, found.states[which], found.times))

    def _again(self, rows: np.ndarray, found: Segment, which: np.ndarray, since: np.ndarray, end: float) -> None:
        """Run patients again, each from the first dose that is decided otherwise.

        Starting again at a dose is exact, so until that day nothing changes. Every dose's day is a time of the segment.
        """
        if not len(which):
            return
        mine, begin = rows[which], since[which]
        at = np.searchsorted(found.times, begin - TIE)
        begin = found.times[at]
        self._keep(mine, np.where(found.crossings[which] <= since[which][:, None], found.crossings[which], np.inf))
        left = np.append(found.times, np.full(int(at.max()), np.inf))  # of each patient, padded
        times = left[at[:, None] + np.arange(len(found.times) - int(at.min()))]
        columns = self.dosing.window(mine, float(begin.min()), end)
        schedule = self.dosing.schedule(mine, columns, begin)
        rerun = solve(self.block, mine, found.states[which, at], begin, schedule, times, self.thresholds[mine])
        found.crossings[which] = np.minimum(self.made.crossings[mine], rerun.crossings)
        found.final[which] = rerun.final
        for first_time in np.unique(at).tolist():
            here = at == first_time
            found.states[which[here], first_time:] = rerun.states[here, : len(found.times) - first_time]
        for row in which.tolist():
            found.failures.pop(row, None)  # it may have been the doses that were not given
        found.failures.update({int(which[row]): why for row, why in rerun.failures.items()})

    def _run(self, rows: np.ndarray, state: np.ndarray, begin: float, end: float) -> Segment:
        """Simulate from `begin` to `end` with the doses as decided so far."""
        columns = self.dosing.window(rows, begin, end)
        starts = np.full(len(rows), begin)
        times = times_of_interest(self.plan, begin, end, self.dosing.days(columns, begin, end))
        schedule = self.dosing.schedule(rows, columns, starts)
        return solve(self.block, rows, state, starts, schedule, times, self.thresholds[rows])

    def _stop_all(self, rows: np.ndarray) -> None:
        """Whose treatment has ended is given nothing from that day on."""
        ended = self.made.off_treatment[rows]
        ended = np.where(self.made.off_treatment[rows] < self.plan.end, ended, np.inf)
        self.dosing.off[rows] = np.minimum(self.dosing.off[rows], ended[:, None])

    def _after(self, rows: np.ndarray, found: Segment) -> None:
        self._events(rows, found.crossings)
        leave(self.made, rows)
        fail(self.block, self.made, rows, found)
        note(self.block, self.made, rows, found.states, found.times)

    def _keep(self, rows: np.ndarray, crossings: np.ndarray) -> None:
        """Keep these crossings; a threshold crossed once is not looked for again."""
        made = self.made
        made.crossings[rows] = np.minimum(made.crossings[rows], crossings)
        self.thresholds[rows] = np.where(np.isfinite(made.crossings[rows]), np.inf, self.thresholds[rows])

    def _events(self, rows: np.ndarray, crossings: np.ndarray) -> None:
        """The crossings of a segment, and what they mean for the patient."""
        made = self.made
        self._keep(rows, crossings)
        made.death[rows] = first(made.crossings[rows], self.roles["death"])
        made.drop_out[rows] = first(made.crossings[rows], self.roles["drop-out"])
        made.new_lesion[rows] = first(made.crossings[rows], self.roles["new lesion"])
