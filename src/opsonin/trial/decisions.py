"""A block's policies as they run: what each patient's doctor comes to see next, and what is then done with the doses.

Everything is arrays over the block's rows. `following` says when the next thing happens that a rule answers to;
`act` answers, on a patient's own day, by changing `Dosing` for the doses from that day on.
"""

from __future__ import annotations

from itertools import groupby
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from opsonin.trial.block import Block
from opsonin.trial.dosing import PLANNED, Dosing
from opsonin.trial.policy import Progression, Reading, Toxicity
from opsonin.trial.potential import PotentialOutcomes
from opsonin.trial.recovery import days_per_grade
from opsonin.trial.rules import (
    DELAYED,
    HELD,
    LOWEST,
    NOT_IN_TIME,
    REDUCED,
    STOPPED,
    TOO_OFTEN,
    Rule,
    graded,
)

_RANK = {"continue": 0, "delay": 1, "hold": 1, "reduce": 2, "stop": 3}


class Column(NamedTuple):
    """A way in which a rule may be called on.   threshold: of the event, −1 for a reading or for time running out."""

    rule: int
    threshold: int
    expiry: bool = False


class Decisions:
    """The running state of every rule for every patient.

    clock: what happened until then has been answered.   until: when a rule's hold or delay ends (−inf: none; inf: when
    a later reading says so), and since when it lasts;   count: holds or reductions so far.
    """

    def __init__(self, block: Block, made: PotentialOutcomes, dosing: Dosing):
        self.block, self.made, self.dosing, plan = block, made, dosing, block.plan
        self.rules = plan.rules.rules
        patients, treatments, rules = len(block), len(plan.protocol.treatments), len(self.rules)
        self.clock = np.full(patients, -np.inf)
        self.until = np.full((patients, rules), -np.inf)
        self.since = np.full((patients, rules), np.inf)
        self.count = np.zeros((patients, rules), dtype=np.int64)
        self.keep = np.ones((patients, treatments))
        self.lower = np.zeros((patients, treatments), dtype=np.int64)
        self.codes = tuple(np.full((patients, treatments), PLANNED, dtype=np.int16) for _ in range(3))
        self.stop_code = np.full((patients, treatments), PLANNED, dtype=np.int16)
        self.columns = [Column(r, int(j)) for r, rule in enumerate(self.rules) for j in np.flatnonzero(rule.thresholds)]
        for r, rule in enumerate(self.rules):
            if rule.watch >= 0:
                self.columns.append(Column(r, -1))
                if rule.policy.interrupts and rule.policy.at_most_days is not None:
                    self.columns.append(Column(r, -1, True))
        self.calls = _calls(self.columns)
        self.touches = np.zeros(treatments, dtype=bool)  # treatments whose doses may change otherwise than end
        for rule in self.rules:
            if rule.policy.interrupts or rule.policy.reduces:
                self.touches |= rule.treatments
        # whether a decision may change doses without end: a reduction, a delay, or a hold that a reading takes back
        self.lasting = any(r.policy.reduces or r.policy.do == "delay" or r.watch >= 0 for r in self.rules)
        self._per_grade: np.ndarray | None = None

    def following(
        self,
        rows: Int[np.ndarray, " chosen"],
        crossings: Float[np.ndarray, "chosen threshold"],
        readings: list[np.ndarray],
    ) -> Float[np.ndarray, "chosen column"]:
        """When each of the columns next calls on its rule, inf for never.

        crossings: all so far.   readings: of each watch (patient, visit), NaN where not (yet) read.
        """
        days = np.full((len(rows), len(self.columns)), np.inf)
        visits = self.block.plan.rules.visits
        for k, (r, threshold, expiry) in enumerate(self.columns):
            rule = self.rules[r]
            if expiry:
                days[:, k] = self._expiry(rows, r)
            elif threshold < 0:
                days[:, k] = self._read(rows, r, readings[rule.watch])
            else:
                days[:, k] = crossings[:, threshold]
                if isinstance(rule.policy.when, Toxicity) and rule.policy.when.at_visits:
                    days[:, k] = _next(visits, crossings[:, threshold])
        return np.where(days > self.clock[rows][:, None], days, np.inf)

    def act(self, rows: np.ndarray, day: np.ndarray, called: Bool[np.ndarray, "chosen column"]) -> None:
        """Answer what happens on each patient's day; the rules in the order of the protocol.

        A rule answers one event of every patient at once, then a second of those who have two on that day.
        """
        for r, expiry, causes, columns in self.calls:
            asked = called[:, columns]
            here = np.flatnonzero(asked.any(axis=1))
            while len(here):
                place = asked[here].argmax(axis=1)
                asked[here, place] = False
                mine = rows[here]
                if expiry:
                    self.stop(r, mine, self.since[mine, r] + self._limit(r), NOT_IN_TIME)
                else:
                    self._answer(r, mine, day[here], causes[place])
                here = here[asked[here].any(axis=1)]
        written = rows[self._touched(rows)]
        if len(written):
            self._write(written, day[self._touched(rows)])
        self.clock[rows] = day

    def forget(self, rows: np.ndarray) -> None:
        """As if nothing had happened to these patients yet."""
        self.clock[rows], self.until[rows], self.since[rows] = -np.inf, -np.inf, np.inf
        self.count[rows], self.keep[rows], self.lower[rows] = 0, 1.0, 0
        for codes in (*self.codes, self.stop_code):
            codes[rows] = PLANNED
        self.dosing.forget(rows)

    def stop(self, r: int, rows: np.ndarray, day: np.ndarray, word: int, cause: np.ndarray | int = 0) -> None:
        """No further dose of the rule's treatments; what that means for the treatment as a whole.

        cause: the threshold that was crossed, of each patient or of all; 0 where no event is the cause.
        """
        if not len(rows):
            return
        rule, dosing = self.rules[r], self.dosing
        sooner = (dosing.off[rows] > day[:, None]) & rule.treatments
        code = np.broadcast_to(rule.codes[cause, word], rows.shape)
        dosing.off[rows] = np.where(sooner, day[:, None], dosing.off[rows])
        self.stop_code[rows] = np.where(sooner, code[:, None], self.stop_code[rows])
        self._ends(rows, day, code, bool((rule.treatments | ~dosing.present).all()))

    def _ends(self, rows: np.ndarray, day: np.ndarray, code: np.ndarray, everything: bool) -> None:
        """Treatment as a whole ends when every treatment has been stopped or has had its last dose."""
        made, dosing = self.made, self.dosing
        ended, why = day, code
        if not everything:
            off, last, taking = dosing.off[rows], dosing.last_taken(rows), dosing.taking[rows]
            stopped = taking & (off <= last)
            ended = np.where(stopped, off, -np.inf).max(axis=1, initial=-np.inf)
            over = (~taking | stopped | (last < ended[:, None])).all(axis=1) & stopped.any(axis=1)
            final = np.where(stopped, off, -np.inf).argmax(axis=1)
            why = self.stop_code[rows, final].astype(np.int64)
            rows, ended, why = rows[over], ended[over], why[over]
        sooner = ended < made.off_treatment[rows]
        made.off_treatment[rows[sooner]] = ended[sooner]
        made.reason[rows[sooner]] = why[sooner]

    def _answer(self, r: int, rows: np.ndarray, day: np.ndarray, cause: np.ndarray) -> None:
        rule = self.rules[r]
        policy = rule.policy
        if isinstance(policy.when, Toxicity) and rule.written and policy.do != "hold":
            self._told(r, rows, cause)
        if policy.do == "stop":
            self.stop(r, rows, day, STOPPED, cause)
        elif policy.do == "reduce":
            self._reduce(r, rows, day, cause)
        elif policy.interrupts:
            self._interrupt(r, rows, day, cause)

    def _told(self, r: int, rows: np.ndarray, cause: np.ndarray) -> None:
        """The event's action in the record: the strongest answer to it."""
        answers = self.made.answer[rows, cause]
        rank = np.array([*(_RANK[rule.policy.do] for rule in self.rules), -1])
        stronger = rank[answers] < rank[r]
        self.made.answer[rows[stronger], cause[stronger]] = r

    def _reduce(self, r: int, rows: np.ndarray, day: np.ndarray, cause: np.ndarray) -> None:
        going = self._counted(r, rows, day, cause)
        self._step_down(r, rows[going], day[going], cause[going])

    def _interrupt(self, r: int, rows: np.ndarray, day: np.ndarray, cause: np.ndarray) -> None:
        """Begin a hold or a delay, lengthen one that lasts, or end one whose reading is good again."""
        rule, policy = self.rules[r], self.rules[r].policy
        reading = isinstance(policy.when, Reading)
        lasts = self.until[rows, r] >= day
        if reading and policy.do == "hold":
            self.until[rows[lasts], r] = day[lasts]
            rows, day, cause, lasts = rows[~lasts], day[~lasts], cause[~lasts], lasts[~lasts]
        new = np.flatnonzero(~lasts)
        new = new[self._counted(r, rows[new], day[new], cause[new])]
        self.since[rows[new], r] = day[new]
        if policy.reduces:
            self._step_down(r, rows[new], day[new], cause[new])
        lasts[new] = True
        rows, day, cause = rows[lasts], day[lasts], cause[lasts]
        over = self._over(r, rows, day, cause)
        waits = reading and policy.do == "hold"  # for a reading; time runs out by itself (Column.expiry)
        ended = np.where(waits, np.inf, np.maximum(self.until[rows, r], over))
        self.until[rows, r] = ended
        limit = self.since[rows, r] + self._limit(r)
        limit = np.where(np.isfinite(limit), limit, np.where(np.isfinite(ended), np.inf, day))
        late = (ended > limit) & (not waits)
        self.stop(r, rows[late], limit[late], NOT_IN_TIME, cause[late])
        for treatment in np.flatnonzero(rule.treatments):
            word = HELD if policy.do == "hold" else DELAYED
            self.codes[0 if policy.do == "hold" else 2][rows, treatment] = rule.codes[cause, word]
        if policy.do == "hold":
            self.dosing.interrupt(rows, day, rule.treatments, rule.codes[cause, HELD])
            if not reading:  # a hold into which no dose falls is none
                missed = self.dosing.any_due(rows, day, ended, rule.treatments)
                self._told(r, rows[missed], cause[missed])
        else:
            self.dosing.put_off(rows, day, np.minimum(ended, limit), rule.treatments)

    def _over(self, r: int, rows: np.ndarray, day: np.ndarray, cause: np.ndarray) -> np.ndarray:
        """When what began a hold or a delay is over, or is looked at again."""
        rule = self.rules[r]
        if rule.watch >= 0:
            return _next(self.block.plan.rules.watches[rule.watch].times, day, strictly=True)
        grade = graded(self.block.plan.events)[cause]
        over = day + self._days_per_grade()[rows, cause] * np.maximum(grade - rule.policy.down_to, 0)
        self.made.recovered[rows, cause] = over
        return over

    def _counted(self, r: int, rows: np.ndarray, day: np.ndarray, cause: np.ndarray) -> Bool[np.ndarray, " chosen"]:
        """One more answer of a rule; whether it goes on: those for whom it is one too many are stopped."""
        self.count[rows, r] += 1
        most = self.rules[r].policy.times
        more = np.zeros(len(rows), dtype=bool) if most is None else self.count[rows, r] > most
        self.stop(r, rows[more], day[more], TOO_OFTEN, cause[more])
        return ~more

    def _step_down(self, r: int, rows: np.ndarray, day: np.ndarray, cause: np.ndarray) -> None:
        """A smaller dose from now on; nobody goes below the lowest level."""
        rule, policy = self.rules[r], self.rules[r].policy
        if policy.levels:
            lowest = self._rungs_left(rows, np.flatnonzero(rule.treatments)) < policy.levels
            self.stop(r, rows[lowest], day[lowest], LOWEST, cause[lowest])
            rows, cause = rows[~lowest], cause[~lowest]
        for treatment in np.flatnonzero(rule.treatments):
            if policy.keep is not None:
                self.keep[rows, treatment] *= policy.keep
            elif self.block.plan.protocol.treatments[treatment].is_ladder:
                self.lower[rows, treatment] += policy.levels
            self.codes[1][rows, treatment] = rule.codes[cause, REDUCED]

    def _rungs_left(self, rows: np.ndarray, treatments: np.ndarray) -> np.ndarray:
        """How many levels of its own ladder each patient can still go down, of these treatments the fewest."""
        left = np.full(len(rows), np.iinfo(np.int64).max)
        for number in treatments:
            treatment = self.block.plan.protocol.treatments[number]
            if treatment.is_ladder:
                rung = np.searchsorted(treatment.ladder, np.array(treatment.doses)[self.block.levels[rows] - 1])
                left = np.minimum(left, rung - self.lower[rows, number])
        return left

    def _write(self, rows: np.ndarray, day: np.ndarray) -> None:
        """Bring the doses from each patient's day on in line with what holds now."""
        keep = self.keep[rows].copy()
        for number, treatment in enumerate(self.block.plan.protocol.treatments):
            if treatment.is_ladder:
                own, full = np.array(treatment.ladder), np.array(treatment.doses)[self.block.levels[rows] - 1]
                lower = own[np.searchsorted(own, full) - self.lower[rows, number]]
                keep[:, number] *= np.divide(lower, full, out=np.ones(len(rows)), where=full > 0)
        resume = np.full(keep.shape, -np.inf)
        for r, rule in enumerate(self.rules):
            if rule.policy.do == "hold":
                resume = np.where(rule.treatments, np.maximum(resume, self.until[rows, r][:, None]), resume)
        held, reduced, delayed = (code[rows] for code in self.codes)
        latest = np.inf if self.lasting else float(resume.max(initial=-np.inf))
        self.dosing.write(rows, day, keep, resume, (held, reduced, delayed), self.touches, latest)

    def _touched(self, rows: np.ndarray) -> np.ndarray:
        """Whose doses may differ from the plan in other ways than that they end."""
        return np.any(self.count[rows] > 0, axis=1)

    def _read(self, rows: np.ndarray, r: int, values: np.ndarray) -> np.ndarray:
        """The next visit whose reading calls on a rule: begins its answer, or ends it, or has it go on."""
        policy, times = self.rules[r].policy, self.block.plan.rules.watches[self.rules[r].watch].times
        assert isinstance(policy.when, Reading)
        calls = policy.when.holds(values)
        if policy.interrupts:
            over = ~calls if policy.until is None else policy.until.holds(values)
            until = self.until[rows, r][:, None]
            if policy.do == "hold":
                calls = np.where(np.isposinf(until), over, calls)
            else:
                calls = np.where(until == times, ~over, calls)  # put off until this visit, which may put off again
        calls = calls & ~np.isnan(values) & (times > self.clock[rows][:, None])
        return np.where(calls, times, np.inf).min(axis=1, initial=np.inf)

    def _expiry(self, rows: np.ndarray, r: int) -> np.ndarray:
        open_ = np.isposinf(self.until[rows, r])
        return np.where(open_, self.since[rows, r] + self._limit(r), np.inf)

    def _days_per_grade(self) -> np.ndarray:
        if self._per_grade is None:
            self._per_grade = days_per_grade(self.block)
        return self._per_grade

    def _limit(self, r: int) -> float:
        most = self.rules[r].policy.at_most_days
        return np.inf if most is None else most


def _calls(columns: list[Column]) -> list[tuple[int, bool, np.ndarray, np.ndarray]]:
    """The columns rule by rule, in their order: the rule, whether its time runs out, causes, and which columns."""
    groups = groupby(range(len(columns)), key=lambda k: (columns[k].rule, columns[k].threshold < 0, columns[k].expiry))
    made = []
    for (r, _, expiry), members in groups:
        mine = list(members)
        made.append((r, expiry, np.array([max(columns[k].threshold, 0) for k in mine]), np.array(mine)))
    return made


def _next(times: np.ndarray, day: np.ndarray, strictly: bool = False) -> np.ndarray:
    """The first of the rising times on or after (strictly: after) each day, inf where there is none."""
    side = "right" if strictly else "left"
    return np.append(times, np.inf)[np.searchsorted(times, day, side=side)]


def progression_rules(rules: tuple[Rule, ...]) -> list[int]:
    """The rules that answer to progression."""
    return [r for r, rule in enumerate(rules) if isinstance(rule.policy.when, Progression)]
