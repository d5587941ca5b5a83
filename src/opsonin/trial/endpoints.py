"""What a design may look at of virtual patients: DLTs, responses, worst grades, an immune effect, and when it is known.

Days are the patient's own, from protocol day 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from opsonin.designs import Design
from opsonin.designs.evidence import EFFICACY, GRADES, IMMUNE
from opsonin.errors import StudyError
from opsonin.trial.observe import flow
from opsonin.trial.plan import Plan
from opsonin.trial.potential import PotentialOutcomes
from opsonin.trial.protocol import elapsed
from opsonin.trial.readings import marker_errors, normal, shares
from opsonin.trial.responding import responded

Outcomes = Callable[[int, np.ndarray], PotentialOutcomes]


class Seen(NamedTuple):
    """What patients show at a level, one entry each.

    dlt, response: day, inf without one; a response is known at a scan.   judged, settled: when it is known whether
    there is one.   evaluable: can be judged for DLT.   grade: of the worst toxicity in the DLT window, 0 without any.
    """

    dlt: Float[np.ndarray, " patient"]
    judged: Float[np.ndarray, " patient"]
    evaluable: Bool[np.ndarray, " patient"]
    response: Float[np.ndarray, " patient"]
    settled: Float[np.ndarray, " patient"]
    grade: Int[np.ndarray, " patient"]


def check_endpoints(plan: Plan, design: Design) -> None:
    """Raises: StudyError where the protocol does not say, or measure, what the design looks at."""
    needs, who = looked_at(design), f"the design {design.name!r}"
    if EFFICACY in needs and (plan.protocol.response_days is None or not plan.lesions):
        raise StudyError(
            f"{who} looks at responses, but the protocol does not say until when they count, or has no scans; write "
            'response = "12 weeks" in [escalation], and assessments.tumour.'
        )
    if IMMUNE in needs:
        immune = plan.protocol.immune_effect
        if immune is None:
            raise StudyError(
                f'{who} looks at an immune effect; say which: immune = {{ marker = "…", day = 15, change = "ratio" }} '
                "in [escalation]."
            )
        immune_place(plan)


def looked_at(design: Design) -> frozenset[str]:
    """What a design needs to be shown beside counts; backfill may open on responses that nobody waits for."""
    by_response = design.backfills and getattr(design, "responses", False)
    return design.needs | {EFFICACY} if by_response else design.needs


def immune_place(plan: Plan) -> tuple[int, int, int]:
    """The marker of the immune effect, its visit and that of baseline.

    Raises: StudyError where the marker or the day is not measured.
    """
    immune = plan.protocol.immune_effect
    assert immune is not None
    names, days = [marker.name for marker in plan.markers], list(plan.protocol.immune.days)
    before = np.flatnonzero(plan.immune_times <= plan.protocol.first_time)
    if immune.marker not in names or immune.day not in days:
        raise StudyError(
            f"{immune.marker!r} is not measured on day {immune.day}; assessments.immune has "
            f"{', '.join(names) or 'none'} on days {', '.join(map(str, days)) or 'none'}."
        )
    if immune.change and not len(before):
        raise StudyError(f"the change of {immune.marker!r} needs a baseline: a day before the first dose of any agent.")
    return names.index(immune.marker), days.index(immune.day), int(before[-1]) if len(before) else -1


class Shows:
    """What the pool's patients show at each level, worked out once for each who is asked for.

    outcomes: (level, rows of the pool) → the potential outcomes at a level, in which these rows are simulated.
    """

    def __init__(self, plan: Plan, outcomes: Outcomes, patients: int, needs: frozenset[str] = frozenset()):
        self.plan, self.outcomes, self.patients, self.needs = plan, outcomes, patients, needs
        self._kept: dict[int, tuple[np.ndarray, Seen]] = {}

    def seen(self, level: Int[np.ndarray, " asked"], patient: Int[np.ndarray, " asked"]) -> Seen:
        """What each of these patients (rows of the pool) shows at their level."""
        found: list[np.ndarray] = []
        for number in np.unique(level).tolist():
            here = np.flatnonzero(level == number)
            kept = self._at(number, patient[here])
            found = found or [np.empty(len(level), dtype=column.dtype) for column in kept]
            for column, all_of_them in zip(found, kept, strict=True):
                column[here] = all_of_them[patient[here]]
        return Seen(*found)

    def _at(self, level: int, patient: np.ndarray) -> Seen:
        if level not in self._kept:
            room = (np.full(self.patients, value) for value in (np.inf, 0.0, False, np.inf, 0.0, 0))
            self._kept[level] = np.zeros(self.patients, dtype=bool), Seen(*room)
        done, kept = self._kept[level]
        new = np.unique(patient[~done[patient]])
        if len(new):
            made = look(self.plan, self.outcomes(level, new).take(new), self.needs)
            for column, values in zip(kept, made, strict=True):
                column[new] = values
            done[new] = True
        return kept


def look(plan: Plan, seen: PotentialOutcomes, needs: frozenset[str]) -> Seen:
    """What a design may look at of these patients.   needs: responses and grades are worked out where asked for."""
    dlt, judged = seen.first_limiting(plan), seen.judged_on(plan)
    nobody = len(dlt)
    response, settled, grade = np.full(nobody, np.inf), np.zeros(nobody), np.zeros(nobody, dtype=np.int64)
    if EFFICACY in needs:
        assert plan.protocol.response_days is not None
        found = responded(plan, seen, plan.protocol.response_days)
        response, settled = np.where(found.responder, found.day, np.inf), np.maximum(found.day, 0.0)
    if GRADES in needs:
        grade = worst_grade(plan, seen)
        # a DLT is known on its day, the worst grade only when nothing more can come
        window_over = np.minimum(seen.left, plan.protocol.dlt_window_days)
        judged = np.where(np.isfinite(dlt), np.maximum(judged, window_over), judged)
    return Seen(dlt, judged, seen.evaluable(plan), response, settled, grade)


def worst_grade(plan: Plan, seen: PotentialOutcomes) -> Int[np.ndarray, " patient"]:
    """The worst grade that an adverse event reaches within the DLT window, 0 without any.

    Events that are not related to treatment do not count, unless they are dose-limiting; like every event they are seen
    only until some time after treatment.
    """
    events = plan.events
    counted = np.array([e.role == "adverse event" and (e.related or e.limiting) for e in events], dtype=bool)
    grades = np.array([e.grade or 0 for e in events], dtype=np.int64)
    until = np.minimum(seen.left, seen.off_treatment + plan.protocol.event_follow_up_days)
    days = seen.crossings
    inside = (days >= 0) & (days < plan.protocol.dlt_window_days) & (days < until[:, None])
    return np.where(inside & counted[None, :], grades[None, :], 0).max(axis=1, initial=0)


def immune_effect(
    plan: Plan,
    seen: PotentialOutcomes,
    patient: Int[np.ndarray, " patient"],
    seed: int,
    pool_seed: int,
    enrolled: tuple[np.ndarray, np.ndarray] | None = None,
) -> Float[np.ndarray, " patient"]:
    """The immune effect as it is measured in these patients (rows of the pool), NaN below the limit or after leaving.

    enrolled: trial and slot of each, to which assay errors belong; to the patient where None, or where a policy acts on
    the reading (`pool_seed`), as in the record's measurements.
    """
    index, visit, base = immune_place(plan)
    marker, effect = plan.markers[index], plan.protocol.immune_effect
    assert effect is not None
    watched = plan.rules.watch_of(marker.name) is not None or enrolled is None
    keys, whose = ((patient,), pool_seed) if watched or enrolled is None else (enrolled, seed)
    visits = [visit, base] if effect.change else [visit]
    days = np.array(plan.protocol.immune.days)[visits]
    drawn = marker_errors(whose, marker.name, keys, days, watched)
    true = seen.measurements[:, :, visits]
    read = flow(
        true[:, index],
        shares(plan, true)[:, index],
        drawn[..., 0],
        normal(drawn[..., 1]),
        marker.cv,
        marker.limit,
        marker.cells_counted,
    ).value
    read = np.where(plan.immune_times[visits][None, :] < seen.left[:, None], read, np.nan)
    if not effect.change:
        return read[:, 0]
    if effect.change == "difference":
        return read[:, 0] - read[:, 1]
    return np.divide(read[:, 0], read[:, 1], out=np.full(len(read), np.nan), where=read[:, 1] > 0)


def immune_day(plan: Plan) -> float | None:
    """The day from which the immune effect is known; None where the protocol has none."""
    effect = plan.protocol.immune_effect
    return None if effect is None else elapsed(effect.day)
