"""Backfill: doses below the escalation's that are open to patients who come while it waits, and whose DLTs count."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool

from opsonin.designs.base import DECLARE, WAIT, Decision, Decisions, Design, decisions
from opsonin.designs.evidence import FOLLOW_UP, Evidence
from opsonin.designs.outcomes import Outcomes
from opsonin.designs.rolling_six import RollingSix
from opsonin.designs.table import DOWN, UP, TableDesign
from opsonin.designs.three_plus_three import ThreePlusThree
from opsonin.designs.wrappers import Wrapper, check_ladder
from opsonin.errors import DesignError


@dataclass(frozen=True)
class Backfill(Wrapper):
    """Treat patients below the dose of the escalation while its last cohort is watched, and pool what they show.

    A dose below the current one is open where a response has been seen there or lower (`responses`; else without), it
    has fewer than `most` patients, and neither it nor a lower one is closed. A dose is closed while the design would go
    down from it, by its own patients and also together with those of the next higher dose; designs that draw a curve
    over all doses close those above the one they recommend, others those that are not admissible. Who comes is treated
    at the highest open dose.
    The escalation decides on all patients of whom it is known whether they had a DLT, on backfill or not, and on their
    responses as far as these are known. Where a lower dose speaks against
    what the current one asks for, both and all doses between are pooled (see `Pooling`). The 3+3, which knows three and
    six patients only, decides on those of its cohorts alone.
    Patients on backfill are not among those that `MaxPatients` counts, and the escalation does not wait for them;
    complete: a dose is declared only when the last of them has been judged; nobody is then taken on backfill once the
    escalation has all its patients. (Where it looks at follow-up itself, nobody is in any case.)
    Source: Zhao, Yuan, Korn & Freidlin (2024), Clin Cancer Res 30:673, doi:10.1158/1078-0432.CCR-23-2585 (BF-BOIN).
    """

    most: int = 12
    responses: bool = True
    complete: bool = False

    def __post_init__(self) -> None:
        check_ladder(self.inner, "backfill")
        if self.inner.backfills:
            raise DesignError(f"the design {self.inner.name!r} has backfill already.")
        if isinstance(innermost(self.inner), RollingSix):
            raise DesignError("the rolling six goes on without waiting, and so takes no backfill; use the 3+3 or boin.")
        if self.most < 1:
            raise DesignError(f"a dose open to backfill has room for a patient; most = {self.most} was given.")

    @property
    def backfills(self) -> bool:  # type: ignore[override]
        return True

    @cached_property
    def escalation(self) -> Design:
        """The inner design, deciding on pooled doses where it decides from the counts at single ones."""
        return _pooling(self.inner)

    def evidence(self, seen: Outcomes) -> Evidence:
        """Patients on backfill may still be followed ("+1N@5d"), whatever the design of the escalation looks at."""
        open_ = np.zeros(len(seen), dtype=bool)
        if seen.followed_days is not None and FOLLOW_UP not in self.inner.needs:
            open_ = seen.beside & ~seen.dlt & np.isfinite(seen.followed_days)
        if not open_.any() or seen.followed_days is None:
            return self.inner.evidence(seen)
        days = np.where(open_, np.inf, seen.followed_days)
        known = self.inner.evidence(replace(seen, followed_days=days if np.isfinite(days).any() else None))
        pending = seen.count(self.levels, open_)[None]
        return replace(known, pending=pending, followed=np.zeros(pending.shape))

    @property
    def pooled(self) -> bool:
        """Whether the escalation decides on patients on backfill too."""
        return not isinstance(innermost(self.inner), ThreePlusThree)

    def judged(self, seen: Evidence) -> Evidence:
        """What the escalation decides on: those judged, unless its design looks at follow-up itself."""
        known = self._known(seen)
        if self.pooled or known.backfilled is None or known.backfilled_dlt is None:
            return known
        patients, dlt = known.patients - known.backfilled, known.dlt - known.backfilled_dlt
        return replace(known, patients=patients, dlt=dlt, backfilled=None, backfilled_dlt=None)

    def _known(self, seen: Evidence) -> Evidence:
        if seen.pending is None or FOLLOW_UP in self.inner.needs:
            return seen
        beside = None if seen.backfilled is None else np.maximum(seen.backfilled - seen.pending, 0)
        patients = seen.patients - seen.pending
        # who responded before the DLT window closed is not among the patients yet
        efficacy = None if seen.efficacy is None else np.minimum(seen.efficacy, patients)
        return replace(seen, patients=patients, pending=None, followed=None, efficacy=efficacy, backfilled=beside)

    def decide_many(self, seen: Evidence) -> Decisions:
        made = self.escalation.decide_many(self.judged(seen))
        if not self.complete or seen.pending is None:
            return made
        waits = (made.action == DECLARE) & (seen.pending.sum(axis=1) > 0)
        nothing = np.zeros_like(made.level)
        return made.where(waits, Decisions(np.full_like(made.action, WAIT), nothing, nothing, nothing))

    def select_many(self, seen: Evidence) -> np.ndarray:
        return self.escalation.select_many(self.judged(seen))

    def open_to_backfill(self, seen: Evidence) -> Bool[np.ndarray, "trial dose"]:
        doses = np.arange(1, self.levels + 1)
        open_ = (doses < seen.current[:, None]) & (seen.patients < self.most)
        if self.responses:
            if seen.efficacy is None:
                return np.zeros_like(open_)
            open_ &= np.cumsum(seen.efficacy, axis=1) > 0
        open_ &= self.tolerated(self._known(seen))
        if self.complete or FOLLOW_UP in self.inner.needs:  # it may only be waiting for the last ones
            everybody = replace(seen, pending=None, followed=None, efficacy_pending=None, efficacy_followed=None)
            open_ &= ~self.escalation.decide_many(self.judged(everybody)).stop[:, None]
        return open_

    def explain(self, seen: Evidence, made: Decision) -> tuple[str, dict[str, Any]]:
        known = self.judged(seen)
        inner = self.escalation.decide_many(known).first()
        reason, numbers = self.escalation.explain(known, inner)
        if made.action == "wait" != inner.action:
            reason = f"{reason}; wait until everybody on backfill has been judged"
        open_ = self._backfill(seen, made)
        if not made.stop and not (self.responses and seen.efficacy is None):
            told = ", ".join(self.dose_name(dose) for dose in open_) or "no level"
            reason = f"{reason}; open to backfill: {told}"
        return reason, numbers | {"open_to_backfill": list(open_)}

    def said(self) -> str:
        active = " where a response has been seen there or lower" if self.responses else ""
        count = "count, pooled over levels that disagree" if self.pooled else "close levels, but do not count otherwise"
        return (
            "While a cohort is watched, patients who come are treated at the highest lower level that is open"
            f"{active}, up to {self.most} patients a level; their DLTs {count}."
        )


@dataclass(frozen=True)
class Pooling(Wrapper):
    """Where a lower dose speaks against what the current one asks for, let their pooled patients decide.

    Of the doses below that ask for another direction (not to go up where the current one says up; to go down where it
    says stay or down) the highest is taken, b. The patients at b to the current dose together say: go up, stay, or go
    down to the highest dose k at which those of b to k together do not ask to go down; without one to b - 1.
    Source: Zhao et al. (2024), Clin Cancer Res 30:673, as the R package bfboin 0.1 has it.
    """

    def __post_init__(self) -> None:
        if not isinstance(self.inner, TableDesign):
            raise DesignError(f"the design {self.inner.name!r} does not decide from the counts at single doses.")

    def pooled(self, seen: Evidence) -> tuple[np.ndarray, np.ndarray]:
        """The dose b from which on doses are pooled, 0 where none disagree; and where that leads, with b."""
        base = self.inner
        assert isinstance(base, TableDesign)
        patients, dlt = base.counted(seen)
        trials, current = seen.trials, np.maximum(seen.current, 1)
        doses = np.arange(1, seen.doses + 1)
        alone = base.verdict(patients, dlt)
        here = alone[trials, current - 1][:, None]
        against = np.where(here == UP, alone != UP, alone == DOWN)
        against &= (doses < current[:, None]) & (patients > 0)
        first = np.where(against, doses, 0).max(axis=1)
        inside = (doses >= first[:, None]) & (doses <= current[:, None]) & (first > 0)[:, None]
        sums = [np.cumsum(np.where(inside, table, 0), axis=1) for table in (patients, dlt)]
        together = base.verdict(*sums)
        all_of_them = together[trials, current - 1]
        safe = np.where(inside & (together != DOWN), doses, 0).max(axis=1)
        down = np.where(safe > 0, safe, np.maximum(first - 1, 1))
        return first, np.where(all_of_them == UP, current + 1, np.where(all_of_them == DOWN, down, current))

    def changed(self, seen: Evidence, made: Decisions) -> Decisions:
        first, level = self.pooled(seen)
        other = (first > 0) & (made.level > 0)
        if not other.any():
            return made
        highest = np.clip(self.inner.admissible(seen).sum(axis=1), 1, self.levels)
        return made.where(other, decisions(seen.current, np.minimum(level, highest), made.patients))

    def why(self, seen: Evidence, inner: Decision, made: Decision) -> str:
        first, here = int(self.pooled(seen)[0][0]), int(seen.current[0])
        treated, toxic = (int(table[0, first - 1 : here].sum()) for table in (seen.patients, seen.dlt))
        to = "stay" if made.level == here else f"{made.action} to {self.dose_name(made.level or 0)}"
        return (
            f"but {self.dose_name(first)} speaks against it: {toxic} of {treated} with DLT at levels {first} to {here} "
            f"together: {to}"
        )


def with_backfill(design: Design, given: Any) -> Design:
    """A design with backfill as a study file asks for it: patients a level at most, or a table of `Backfill`'s options.

    Raises: DesignError for anything else.
    """
    if given is False:
        return design
    if given is True:
        return Backfill(design)
    options: Any = {"most": given} if type(given) is int else given
    kinds = {"most": int, "responses": bool, "complete": bool}
    if not isinstance(options, dict) or any(type(value) is not kinds.get(key) for key, value in options.items()):
        raise DesignError(
            f"backfill is {given!r}; give the patients a level has at most, such as 12, or a table of most (a number), "
            "responses and complete (true or false)."
        )
    return Backfill(design, **options)


def innermost(design: Design) -> Design:
    """The design within all its wrappers."""
    while isinstance(design, Wrapper):
        design = design.inner
    return design


def _pooling(design: Design) -> Design:
    if isinstance(design, Wrapper):
        return replace(design, inner=_pooling(design.inner))
    return Pooling(design) if isinstance(design, TableDesign) else design
