"""Trials on their own clock: patients come one by one, and what is known of each grows with the days.

Every trial of a block is looked at when its next patient could be treated. A design for late toxicity decides on what
is known then, or says "wait" and is asked again when more is; any other one waits until the last cohort is judged.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from opsonin.designs.backfilling import Backfilling
from opsonin.designs.base import WAIT, Design
from opsonin.designs.draws import DRAWN, Accrual, Lots, People, Waits
from opsonin.designs.evidence import EFFICACY, FOLLOW_UP, PATIENTS, Evidence, Patients
from opsonin.designs.truth import Shown, Truth
from opsonin.errors import DesignError

_TIE = 1e-9  # days; what is nearer than this to now has happened


class _Followed:
    """What is known and what will be of every patient of a block of trials; arrays (trial, patient)."""

    def __init__(
        self, trials: int, window: float, response_window: float, score: np.ndarray | None, responses: bool = False
    ):
        self.window, self.response_window, self.score = window, response_window, score
        self.responses = responses  # whether they are waited for, as DLTs are
        self.backfills = False
        self.size = np.zeros(trials, dtype=np.int64)
        self.clock = np.zeros(trials)
        self._make(trials, DRAWN)

    def _make(self, trials: int, room: int) -> None:
        self.dose, self.cohort, self.grade = (np.zeros((trials, room), dtype=np.int64) for _ in range(3))
        self.entry, self.onset, self.response = (np.full((trials, room), np.inf) for _ in range(3))
        self.immune = np.full((trials, room), np.nan)

    def room_for(self, patients: int) -> None:
        """At least so many columns."""
        have = self.dose.shape[1]
        if patients <= have:
            return
        old = {
            name: getattr(self, name) for name in ("dose", "cohort", "grade", "entry", "onset", "response", "immune")
        }
        self._make(len(self.size), max(patients, 2 * have))
        for name, array in old.items():
            getattr(self, name)[:, :have] = array

    def judged(self, rows: np.ndarray) -> np.ndarray:
        """The day on which everything about the cohorts of these trials is known."""
        known = np.minimum(self.onset[rows], self.window)
        if self.responses:
            known = np.maximum(known, np.minimum(self.response[rows], self.response_window))
        return np.where(self.cohort[rows] > 0, self.entry[rows] + known, -np.inf).max(axis=1, initial=-np.inf)

    def next_news(self, rows: np.ndarray) -> np.ndarray:
        """The first day after now on which something more is known of somebody."""
        entry, now = self.entry[rows], self.clock[rows][:, None]
        days = np.stack(
            [
                entry + np.minimum(self.onset[rows], self.window),
                entry + np.minimum(self.response[rows], self.response_window),
            ]
        )
        there = (self.dose[rows] > 0) & (days > now + _TIE)
        return np.where(there, days, np.inf).min(axis=(0, 2), initial=np.inf)

    def evidence(self, rows: np.ndarray, doses: int, individuals: bool) -> Evidence:
        """What is known of these trials now."""
        dose, there = self.dose[rows], self.dose[rows] > 0
        age = self.clock[rows][:, None] - np.where(there, self.entry[rows], self.clock[rows][:, None]) + _TIE
        dlt = there & (self.onset[rows] <= age)
        weight = np.where(dlt, 1.0, np.clip((age - _TIE) / self.window, 0.0, 1.0))
        open_ = there & ~dlt & (age < self.window)
        response = there & (self.response[rows] <= age)
        awaited = there & ~response & (age < self.response_window)
        grade, immune = self.grade[rows], self.immune[rows]
        immune_known = there & ~np.isnan(immune) & (age >= self.window)
        cell = (np.arange(len(rows))[:, None] * (doses + 1) + dose).ravel()

        def count(which: np.ndarray) -> np.ndarray:
            return np.bincount(cell[which.ravel()], minlength=len(rows) * (doses + 1)).reshape(-1, doses + 1)[:, 1:]

        def total(values: np.ndarray, which: np.ndarray) -> np.ndarray:
            chosen = which.ravel()
            summed = np.bincount(cell[chosen], weights=values.ravel()[chosen], minlength=len(rows) * (doses + 1))
            return summed.astype(float).reshape(-1, doses + 1)[:, 1:]

        cohort = self.cohort[rows]  # 0 on backfill
        final = (cohort > 0) & (cohort == cohort.max(axis=1, keepdims=True))
        known = there & ~open_
        points = np.zeros_like(age) if self.score is None else self.score[np.maximum(grade, 0)] * (grade >= 0)
        return Evidence(
            count(there),
            count(dlt),
            np.where(final, dose, 0).max(axis=1),
            final.sum(axis=1),
            (final & dlt).sum(axis=1),
            count(open_),
            total(weight, open_),
            count(response),
            count(response & dlt),
            count(awaited),
            total(np.clip(age / self.response_window, 0.0, 1.0), awaited),
            total(points, known),
            count(known & (grade >= 2)),
            total(np.nan_to_num(immune), immune_known),
            total(np.nan_to_num(immune) ** 2, immune_known),
            count(immune_known),
            self._patients(rows, dlt, np.where(there, weight, 0.0), age, response) if individuals else None,
            backfilled=count(there & (cohort == 0)) if self.backfills else None,
        )

    def admit(self, who: np.ndarray, dose: np.ndarray, cohort: np.ndarray | int, shown: Shown) -> None:
        """Treat the next patient of these trials now.   cohort: 0 on backfill."""
        slot = self.size[who]
        self.dose[who, slot], self.cohort[who, slot] = dose, cohort
        self.entry[who, slot], self.grade[who, slot] = self.clock[who], shown.grade
        # what shows after the design's window is neither a DLT nor a response to it
        self.onset[who, slot] = np.where(shown.onset <= self.window, shown.onset, np.inf)
        late = shown.response_onset > self.response_window
        self.response[who, slot] = np.where(late, np.inf, shown.response_onset)
        self.immune[who, slot] = shown.immune
        self.size[who] += 1

    def _patients(
        self, rows: np.ndarray, dlt: np.ndarray, weight: np.ndarray, age: np.ndarray, response: np.ndarray
    ) -> Patients:
        there = self.dose[rows] > 0
        time = np.clip(np.minimum(age, self.onset[rows]) / self.window, 0.0, 1.0)
        grade = np.where(there, self.grade[rows], -1)
        followed = np.where(response, 1.0, np.clip(age / self.response_window, 0.0, 1.0))
        return Patients(
            self.dose[rows],
            dlt,
            weight,
            np.where(there, time, 0.0),
            response,
            grade,
            self.immune[rows],
            np.where(there, followed, 0.0),
        )


def by_clock(design: Design, truth: Truth, numbers: np.ndarray, seed: int, accrual: Accrual) -> tuple[np.ndarray, ...]:
    """(mtd, patients, dlt, efficacy, days, backfilled) of trials on their own clock."""
    window = float(getattr(design, "window_days", None) or getattr(truth, "window_days", 28.0))
    response_window = float(
        getattr(design, "efficacy_window_days", None) or getattr(truth, "efficacy_window_days", window)
    )
    trials, doses = len(numbers), design.levels
    state = _Followed(
        trials, window, response_window, getattr(design, "score_of_grade", None), EFFICACY in design.needs
    )
    people, waits = People(truth, numbers, seed, timed=True), Waits(accrual, numbers, seed)
    beside = Backfilling(design, people, accrual, numbers, seed) if design.backfills else None
    state.backfills = design.backfills
    mtd = np.zeros(trials, dtype=np.int64)
    going, early, lots = np.arange(trials), FOLLOW_UP in design.needs, Lots(design, numbers, seed)
    while len(going):
        seen = replace(state.evidence(going, doses, PATIENTS in design.needs), lot=lots.next(going))
        made = design.decide_many(seen)
        mtd[going[made.stop]] = made.mtd[made.stop]
        on = ~made.stop
        going, made = going[on], made.take(on)
        if not len(going):
            break
        wait = made.action == WAIT
        if wait.any():
            news = state.next_news(going[wait])
            if not np.isfinite(news).all():
                raise DesignError(
                    f"the design {design.name!r} waits, but nothing more is to come; a fault of the design."
                )
            if beside:
                beside.fill(state, going[wait], news)
            state.clock[going[wait]] = news
        treat, chosen = going[~wait], made.take(~wait)
        if not len(treat):
            continue
        state.room_for(int(state.size[treat].max()) + int(chosen.patients.max()))
        number = state.cohort[treat].max(axis=1) + 1
        for member in range(int(chosen.patients.max())):
            here = np.flatnonzero(chosen.patients > member)
            who, slot = treat[here], state.size[treat[here]]
            state.clock[who] += waits.of(who, slot)
            if member:  # nobody of a cohort is dosed before the one ahead has been watched for a while
                gap = accrual.sentinel_days if member == 1 else accrual.stagger_days
                state.clock[who] = np.maximum(state.clock[who], state.entry[who, slot - 1] + gap)
            shown = people.show(who, slot, chosen.level[here])
            state.admit(who, chosen.level[here], number[here], shown)
        if not early:
            until = np.maximum(state.clock[treat], state.judged(treat))
            if beside:
                beside.fill(state, treat, until)
            state.clock[treat] = until
    everyone = np.arange(trials)
    days = np.maximum(state.clock, np.maximum(state.judged(everyone), 0.0))
    state.clock[:] = days + max(window, response_window)
    final = state.evidence(everyone, doses, False)
    assert final.efficacy is not None
    beside_them = np.zeros_like(final.patients) if final.backfilled is None else final.backfilled
    return mtd, final.patients, final.dlt, final.efficacy, np.where(state.size > 0, days, 0.0), beside_them
