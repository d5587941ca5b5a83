"""Patients of many trials on the trials' own clocks: what is known of each on any day, as a design may look at it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float, Int

from opsonin.designs.evidence import EFFICACY, FOLLOW_UP, GRADES, IMMUNE, PATIENTS, Evidence, Patients
from opsonin.designs.outcomes import Outcomes
from opsonin.designs.truth import Shown

DRAWN = 36  # patients of a trial for whom there is room at first
TIE = 1e-9  # days; what is nearer than this to now has happened
_COLUMNS = {
    "dose": 0, "cohort": 0, "grade": 0, "counted": True, "entry": np.inf, "onset": np.inf, "judged_on": np.inf,
    "response": np.inf, "settled_on": np.inf, "immune": np.nan,
}  # fmt: skip


class Followed:
    """What is known and what will be of every patient of a block of trials; arrays (trial, patient).

    dose: 0 where a trial has no such patient (yet).   cohort: from 1; 0 on backfill.   entry: day 1 of the patient's
    windows on the trial's clock, which is `lead` days after the patient came.
    On the patient's own days from there: onset of the DLT, inf without one;   judged_on: when it is known whether there
    is one;   response, inf without one;   settled_on: when it is known whether there is one.
    counted: False for who turns out on that day to be impossible to judge, and is then left out.
    needs: what the design looks at (evidence.NEEDS), and waits for;   also: what it is shown and does not wait for.
    window, response_window: days.   score: of each grade.
    immune_day: from when the immune endpoint is known.   backfills: whether patients are treated beside the cohorts.
    size: patients so far;   clock: now, of each trial.
    """

    dose: Int[np.ndarray, "trial patient"]
    cohort: Int[np.ndarray, "trial patient"]
    grade: Int[np.ndarray, "trial patient"]
    counted: Bool[np.ndarray, "trial patient"]
    entry: Float[np.ndarray, "trial patient"]
    onset: Float[np.ndarray, "trial patient"]
    judged_on: Float[np.ndarray, "trial patient"]
    response: Float[np.ndarray, "trial patient"]
    settled_on: Float[np.ndarray, "trial patient"]
    immune: Float[np.ndarray, "trial patient"]

    def __init__(
        self,
        trials: int,
        doses: int,
        needs: frozenset[str],
        window: float,
        response_window: float,
        score: np.ndarray | None = None,
        immune_day: float | None = None,
        lead: float = 0.0,
        backfills: bool = False,
        also: frozenset[str] = frozenset(),
    ):
        self.doses, self.needs, self.window, self.response_window = doses, needs, window, response_window
        self.score, self.immune_day = score, window if immune_day is None else immune_day
        self.lead, self.backfills, self.also = lead, backfills, also
        self.size = np.zeros(trials, dtype=np.int64)
        self.clock = np.zeros(trials)
        for name, usual in _COLUMNS.items():
            setattr(self, name, np.full((trials, DRAWN), usual))

    def room_for(self, patients: int) -> None:
        """At least so many columns."""
        have = self.dose.shape[1]
        if patients <= have:
            return
        more = max(patients, 2 * have) - have
        for name, usual in _COLUMNS.items():
            old = getattr(self, name)
            setattr(self, name, np.concatenate([old, np.full((len(old), more), usual, dtype=old.dtype)], axis=1))

    def admit(
        self,
        rows: Int[np.ndarray, " chosen"],
        dose: Int[np.ndarray, " chosen"],
        cohort: Int[np.ndarray, " chosen"] | int,
        shown: Shown,
    ) -> None:
        """Treat the next patient of each of these trials, who has come now.   cohort: 0 on backfill."""
        slot = self.size[rows]
        self.room_for(int(slot.max()) + 1)
        at = rows, slot
        self.dose[at], self.cohort[at], self.grade[at] = dose, cohort, shown.grade
        self.entry[at] = self.clock[rows] + self.lead
        # what shows after the design's windows is neither a DLT nor a response to it
        onset = np.where(shown.onset <= self.window, shown.onset, np.inf)
        response = np.where(shown.response_onset <= self.response_window, shown.response_onset, np.inf)
        self.onset[at], self.response[at], self.immune[at] = onset, response, shown.immune
        self.judged_on[at] = np.minimum(onset, self.window) if shown.judged_on is None else shown.judged_on
        settled = np.minimum(response, self.response_window)
        self.settled_on[at] = settled if shown.settled_on is None else np.minimum(settled, shown.settled_on)
        self.counted[at] = True if shown.counted is None else shown.counted
        self.size[rows] += 1

    def known_on(self, rows: np.ndarray) -> Float[np.ndarray, "chosen patient"]:
        """The day of the trial on which all that the design looks at is known of each patient; -inf for nobody."""
        known = self.judged_on[rows]
        if EFFICACY in self.needs:
            known = np.where(self.counted[rows], np.maximum(known, self.settled_on[rows]), known)
        if IMMUNE in self.needs:
            measured = self.counted[rows] & ~np.isnan(self.immune[rows])
            known = np.where(measured, np.maximum(known, self.immune_day), known)
        return np.where(self.dose[rows] > 0, self.entry[rows] + known, -np.inf)

    def judged(self, rows: np.ndarray) -> Float[np.ndarray, " chosen"]:
        """The day on which everything about the cohorts of these trials is known."""
        return np.where(self.cohort[rows] > 0, self.known_on(rows), -np.inf).max(axis=1, initial=-np.inf)

    def ended(self, rows: np.ndarray) -> Float[np.ndarray, " chosen"]:
        """The day on which trials are over that have been decided on: now, but not after the last news of anybody."""
        last = self.known_on(rows).max(axis=1, initial=-np.inf)
        return np.maximum(np.maximum(self.judged(rows), np.minimum(self.clock[rows], last)), 0.0)

    def next_news(self, rows: np.ndarray) -> Float[np.ndarray, " chosen"]:
        """The first day after now on which something more is known of somebody."""
        entry, now = self.entry[rows], self.clock[rows][:, None]
        parts = [entry + self.judged_on[rows]]
        if EFFICACY in self.needs:
            parts.append(entry + self.settled_on[rows])
        if IMMUNE in self.needs:
            parts.append(np.where(np.isnan(self.immune[rows]), np.inf, entry + self.immune_day))
        days = np.stack(parts)
        there = (self.dose[rows] > 0) & (days > now + TIE)
        return np.where(there, days, np.inf).min(axis=(0, 2), initial=np.inf)

    def evidence(
        self,
        rows: Int[np.ndarray, " chosen"],
        clock: Float[np.ndarray, " chosen"] | None = None,
        size: Int[np.ndarray, " chosen"] | None = None,
        needs: frozenset[str] | None = None,
    ) -> Evidence:
        """What is known of these trials on these days (now where None) of their first `size` patients (all)."""
        needs = self.needs | self.also if needs is None else needs
        now = _Now(self, rows, self.clock[rows] if clock is None else clock, self.size[rows] if size is None else size)
        there, dlt, open_, age = now.there, now.dlt, now.open, now.age
        cell = (np.arange(len(rows))[:, None] * (self.doses + 1) + now.dose).ravel()
        cells = len(rows) * (self.doses + 1)

        def count(which: np.ndarray) -> np.ndarray:
            return np.bincount(cell[which.ravel()], minlength=cells).reshape(-1, self.doses + 1)[:, 1:]

        def total(values: np.ndarray, which: np.ndarray) -> np.ndarray:
            chosen = which.ravel()
            summed = np.bincount(cell[chosen], weights=values.ravel()[chosen], minlength=cells)
            return summed.astype(float).reshape(-1, self.doses + 1)[:, 1:]

        cohort = np.where(there, self.cohort[rows], 0)
        final = (cohort > 0) & (cohort == cohort.max(axis=1, keepdims=True))
        given: dict[str, np.ndarray] = {"pending": count(open_), "followed": total(now.weight, open_)}
        if EFFICACY in needs:
            response = now.response
            given |= {"efficacy": count(response), "both": count(response & dlt)}
            given |= {"efficacy_pending": count(now.awaited), "efficacy_followed": total(now.part, now.awaited)}
        if GRADES in needs:
            grade, known = self.grade[rows], there & ~open_
            points = np.zeros_like(age) if self.score is None else self.score[np.maximum(grade, 0)] * (grade >= 0)
            given |= {"score": total(points, known), "moderate": count(known & (grade >= 2))}
        if IMMUNE in needs:
            immune, known = np.nan_to_num(now.immune), ~np.isnan(now.immune)
            given |= {"immune": total(immune, known), "immune_squared": total(immune**2, known)}
            given["immune_known"] = count(known)
        return Evidence(
            count(there),
            count(dlt),
            np.where(final, now.dose, 0).max(axis=1),
            final.sum(axis=1),
            (final & dlt).sum(axis=1),
            **given,  # type: ignore[arg-type]
            individuals=now.patients() if PATIENTS in needs else None,
            backfilled=count(there & (cohort == 0)) if self.backfills else None,
            backfilled_dlt=count(dlt & (cohort == 0)) if self.backfills else None,
        )

    def outcomes(
        self,
        rows: Int[np.ndarray, " chosen"],
        clock: Float[np.ndarray, " chosen"],
        size: Int[np.ndarray, " chosen"],
        columns: int | None = None,
    ) -> Iterator[Outcomes]:
        """What is known of each of these trials on a day of its first `size` patients, as `decide` takes it."""
        now, needs = _Now(self, rows, clock, size), self.needs | self.also
        awaited = now.open | now.awaited if EFFICACY in self.needs else now.open
        age = np.where(awaited, np.maximum(now.age, 0.0), np.inf)
        cohort, grade = self.cohort[rows], np.where(now.open, -1, self.grade[rows])
        for row in range(len(rows)):
            who = np.flatnonzero(now.there[row])
            late = (FOLLOW_UP in needs or self.backfills) and awaited[row, who].any()
            yield Outcomes(
                now.dose[row, who],
                now.dlt[row, who],
                cohort[row, who],
                now.response[row, who] if EFFICACY in needs else None,
                age[row, who] if late else None,
                grade[row, who] if GRADES in needs else None,
                now.immune[row, who] if IMMUNE in needs else None,
                columns,
                cohort[row, who] == 0 if self.backfills else None,
            )


class _Now:
    """Of some trials on some days, arrays (trial, patient): who is there, what is known, what is still open."""

    def __init__(self, state: Followed, rows: np.ndarray, clock: np.ndarray, size: np.ndarray):
        self.state, self.rows = state, rows
        there = (state.dose[rows] > 0) & (np.arange(state.dose.shape[1]) < size[:, None])
        self.age = clock[:, None] - np.where(there, state.entry[rows], clock[:, None]) + TIE
        closed = state.judged_on[rows] <= self.age
        self.there = there & (state.counted[rows] | ~closed)
        self.dose = np.where(self.there, state.dose[rows], 0)
        self.dlt = self.there & (state.onset[rows] <= self.age)
        self.open = self.there & ~self.dlt & ~closed
        part = np.clip((self.age - TIE) / state.window, 0.0, 1.0)
        self.weight = np.where(self.there, np.where(self.open, part, 1.0), 0.0)
        self.response = self.there & (state.response[rows] <= self.age)
        self.awaited = self.there & ~self.response & (self.age < state.settled_on[rows])
        self.part = np.clip(self.age / state.response_window, 0.0, 1.0)
        known = self.there & (self.age >= state.immune_day)
        self.immune = np.where(known, state.immune[rows], np.nan)

    def patients(self) -> Patients:
        """The single patients."""
        state, rows, there = self.state, self.rows, self.there
        passed = np.where(there & ~self.open & ~self.dlt, state.window, np.minimum(self.age, state.onset[rows]))
        return Patients(
            self.dose,
            self.dlt,
            self.weight,
            np.where(there, np.clip(passed / state.window, 0.0, 1.0), 0.0),
            self.response,
            np.where(there, state.grade[rows], -1),
            self.immune,
            np.where(there, np.where(self.awaited, self.part, 1.0), 0.0),
        )
