"""The course of trials on their own clock, whoever the patients are: people of a scenario, or a study's virtual ones.

Each trial is looked at when its next patient has come. A design for late toxicity then decides on what is known, or
says "wait", and is asked again when more is known; any other one is asked once its last cohort is judged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int

from opsonin.designs.base import WAIT, Decisions, Design
from opsonin.designs.draws import Lots
from opsonin.designs.evidence import FOLLOW_UP, IMMUNE
from opsonin.designs.followed import TIE, Followed
from opsonin.designs.truth import Shown
from opsonin.errors import DesignError

Note = Callable[[np.ndarray, np.ndarray, Decisions, np.ndarray | None], None]


@runtime_checkable
class Comers(Protocol):
    """Who comes to the trials of a block."""

    def show(
        self, trial: Int[np.ndarray, " patient"], slot: Int[np.ndarray, " patient"], dose: Int[np.ndarray, " patient"]
    ) -> Shown:
        """What patient `slot` (from 0) of a trial (from 0) shows at a dose (from 1)."""
        ...


@runtime_checkable
class Arrivals(Protocol):
    """When they come."""

    def of(
        self, trial: Int[np.ndarray, " patient"], slot: Int[np.ndarray, " patient"]
    ) -> Float[np.ndarray, " patient"]:
        """Days between patient `slot` and the one before."""
        ...


@runtime_checkable
class Beside(Protocol):
    """Who is treated beside the cohorts, on backfill."""

    def fill(self, state: Followed, trials: Int[np.ndarray, " going"], until: Float[np.ndarray, " going"]) -> None:
        """Treat who comes between now and `until`; the clocks are left anywhere."""
        ...


def run_on_clock(
    design: Design,
    state: Followed,
    people: Comers,
    waits: Arrivals,
    lots: Lots,
    gaps: tuple[float, float] = (0.0, 0.0),
    beside: Beside | None = None,
    note: Note | None = None,
) -> Int[np.ndarray, " trial"]:
    """Run the trials of `state` until each has ended: the dose each declares, 0 for none.

    gaps: days that the second patient of a cohort waits after the first one's day 1, and each further one after the one
    before.   note: told of every decision: trials (from 0), the day of each on its clock, what was decided and
    by which lot.
    Who cannot be judged is left out of what the design sees; one that waits for its cohort has another patient instead,
    one that does not sees that there is one fewer.
    Raises: DesignError where a design waits and nothing more is to come.
    """
    trials = len(state.size)
    mtd, going, early = np.zeros(trials, dtype=np.int64), np.arange(trials), FOLLOW_UP in design.needs
    course = _Course(state, people, waits, gaps, np.zeros(trials, dtype=bool))
    while len(going):
        if early:
            course.next_comes(going)
        seen = replace(state.evidence(going), lot=lots.next(going))
        made = design.decide_many(seen)
        if early and IMMUNE in design.needs:
            # what is declared hangs on values that are not there yet
            made = _waiting(made, (made.mtd > 0) & (state.judged(going) > state.clock[going] + TIE))
        if note is not None:
            last = state.known_on(going).max(axis=1, initial=-np.inf)
            day = np.where(
                made.stop & (state.size[going] > 0), np.minimum(state.clock[going], last), state.clock[going]
            )
            note(going, day, made, seen.lot)
        mtd[going[made.stop]] = made.mtd[made.stop]
        on = ~made.stop
        going, made = going[on], made.take(on)
        wait = made.action == WAIT
        if wait.any():
            news = state.next_news(going[wait])
            if not np.isfinite(news).all():
                raise DesignError(
                    f"the design {design.name!r} waits, but nothing more is to come; a fault of the design."
                )
            if beside is not None:
                beside.fill(state, going[wait], news)
            state.clock[going[wait]] = news
        treat, chosen = going[~wait], made.take(~wait)
        if not len(treat):
            continue
        if chosen.patients.min() < 1:
            raise DesignError(
                f"the design {design.name!r} treats nobody and does not end; this is a fault of the design."
            )
        course.treat(treat, chosen.level, chosen.patients, replaces=not early)
        if not early:
            until = np.maximum(state.clock[treat], state.judged(treat))
            if beside is not None:
                beside.fill(state, treat, until)
            state.clock[treat] = until
    return mtd


def _waiting(made: Decisions, which: np.ndarray) -> Decisions:
    nothing = np.zeros_like(made.level)
    return made.where(which, Decisions(np.full_like(made.action, WAIT), nothing, nothing, nothing))


class _Course:
    """Patients as they come.   come: trials whose next patient is there, and waits for the decision."""

    def __init__(self, state: Followed, people: Comers, waits: Arrivals, gaps: tuple[float, float], come: np.ndarray):
        self.state, self.people, self.waits, self.gaps, self.come = state, people, waits, gaps, come

    def next_comes(self, rows: np.ndarray) -> None:
        """Let the next patient of each of these trials come; the first is told of when the trial begins."""
        fresh = rows[~self.come[rows] & (self.state.size[rows] > 0)]
        if len(fresh):
            self.state.clock[fresh] += self.waits.of(fresh, self.state.size[fresh])
            self.come[fresh] = True

    def treat(self, rows: np.ndarray, level: np.ndarray, patients: np.ndarray, replaces: bool) -> None:
        """A cohort of each of these trials.   replaces: whether others come for who turns out impossible to judge."""
        state = self.state
        number = state.cohort[rows].max(axis=1, initial=0) + 1
        missing, begun = patients.copy(), state.size[rows]
        while (missing > 0).any():
            before = state.size[rows]
            for member in range(int(missing.max())):
                here = np.flatnonzero(missing > member)
                self._one(rows[here], level[here], number[here], state.size[rows[here]] - begun[here])
            if not replaces:
                return
            mine = (np.arange(state.dose.shape[1]) >= before[:, None]) & (state.dose[rows] > 0)
            lost = mine & ~state.counted[rows]
            known = np.where(lost, state.entry[rows] + state.judged_on[rows], -np.inf).max(axis=1, initial=-np.inf)
            state.clock[rows] = np.maximum(state.clock[rows], known)
            missing = lost.sum(axis=1)

    def _one(self, who: np.ndarray, level: np.ndarray, cohort: np.ndarray, member: np.ndarray) -> None:
        state = self.state
        slot = state.size[who]
        there = self.come[who]
        state.clock[who] += np.where(there, 0.0, self.waits.of(who, slot))
        self.come[who] = False
        if any(self.gaps) and (member > 0).any():  # nobody is dosed before the one ahead has been watched for a while
            gap = np.where(member == 1, *self.gaps)
            day = state.entry[who, np.maximum(slot - 1, 0)] - state.lead + gap
            state.clock[who] = np.where(member > 0, np.maximum(state.clock[who], day), state.clock[who])
        state.admit(who, level, cohort, self.people.show(who, slot, level))
