"""The record's tables of all replicate trials at once: who was enrolled, treated, followed, and what became of them.

Every function takes the enrolled patients, their potential outcomes at their level (the same rows), and the pool.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from opsonin.trial.columns import MISSING, Rows, integers, subject_ids, words
from opsonin.trial.enrol import Enrolment
from opsonin.trial.given import used_words
from opsonin.trial.plan import Plan
from opsonin.trial.potential import PotentialOutcomes
from opsonin.trial.responding import CRITERIA, Judged, judge, made_scans, new_lesion_scan
from opsonin.trial.rules import DIED, DROPPED_OUT, FAILED, REASONS, TOXIC

ENDPOINTS = ("OS", "PFS", "TTP")
_OF_LADDERS = ("DLT-evaluable", "replaced")  # milestones of a trial that looks for a dose
_OFF_STUDY = ("end of observation", "drop-out", "simulation failed")


def subjects(plan: Plan, enrolment: Enrolment, pool: Any) -> pd.DataFrame:
    """Baseline, level, arm and cohort. Where there are arms and no ladder, no level, and a cohort is a stage."""
    protocol, arms = plan.protocol, plan.protocol.arms
    unknown = np.full(len(enrolment), np.nan)
    made: dict[str, Any] = {
        "trial": enrolment.trial,
        "subject_id": subject_ids(enrolment.slot),
        "arm": words(enrolment.level - 1, [level.name for level in protocol.levels]),
        "level": integers(enrolment.level if arms is None else unknown),
        "cohort": integers(enrolment.cohort if arms is None or arms.stages > 1 else unknown),
        "indication": words(np.full(len(enrolment), 0 if protocol.indication else MISSING), [protocol.indication])
        if arms is None
        else words(enrolment.patient // arms.pool, arms.indications),
        "enrolled_day": enrolment.enrolled_day,
    }
    for name, column in pool.covariates.items():
        values = column.to_numpy()[enrolment.patient]
        made[str(name)] = pd.Categorical(values) if values.dtype == object or values.dtype.kind in "US" else values
    return pd.DataFrame(made)


def adverse_events(plan: Plan, enrolment: Enrolment, seen: PotentialOutcomes) -> pd.DataFrame:
    """One row for each grade that an event reaches; it ends where the next grade begins.

    Events are collected until death, drop-out, the end of observation or so many days after treatment.
    """
    kinds = [k for k, event in enumerate(plan.events) if event.role == "adverse event"]
    protocol = plan.protocol
    until = np.minimum(np.minimum(seen.left, plan.end), seen.off_treatment + protocol.event_follow_up_days)
    start = np.where(seen.crossings[:, kinds] < until[:, None], seen.crossings[:, kinds], np.inf)
    worse = np.full(start.shape, np.inf)  # when the same event reaches its next grade
    for k in range(len(kinds) - 1):
        if plan.events[kinds[k]].term == plan.events[kinds[k + 1]].term:
            worse[:, k] = start[:, k + 1]
    row, kind = np.nonzero(np.isfinite(start) & (worse > start))
    day = start[row, kind]
    order = np.lexsort((kind, day, row))
    row, kind, day = row[order], kind[order], day[order]
    limiting = plan.limiting[kinds][kind]
    number = np.arange(len(row)) - np.searchsorted(row, row)
    ends = worse[row, kind]
    rows = Rows(enrolment)
    rows.add(
        row,
        event_id=number,
        term=kind,
        grade=np.array([plan.events[k].grade or np.nan for k in kinds], dtype=float)[kind],
        start_day=day,
        end_day=_over(ends, seen, row, np.array(kinds, dtype=np.int64)[kind], until),
        related=np.array([0 if plan.events[k].related else 1 for k in kinds], dtype=np.int64)[kind],
        dlt=limiting & (day >= 0) & (day < protocol.dlt_window_days),
        action=np.where(
            limiting & (day == seen.off_treatment[row]) & (seen.reason[row] == TOXIC),
            0,
            _answers(plan, seen, row, np.array(kinds, dtype=np.int64)[kind]),
        ),
    )
    text = {
        "event_id": [f"E{k + 1:02d}" for k in range(int(number.max(initial=-1)) + 1)],
        "term": [plan.events[k].term for k in kinds],
        "related": ["yes", "no"],
        "action": used_words(["treatment stopped"], ("", *plan.rules.actions), rows, "action"),
    }
    table = rows.table(text, flags=("dlt",), whole=("grade",))
    if protocol.arms is not None:  # no event is dose-limiting where no dose is looked for
        table["dlt"] = pd.array(np.full(len(table), None), dtype="boolean")
    return table


def _over(
    ends: np.ndarray, seen: PotentialOutcomes, row: np.ndarray, event: np.ndarray, until: np.ndarray
) -> np.ndarray:
    """The end of each event: when its next grade begins, or when it was over, as far as a policy waited for that."""
    ends = np.where(np.isfinite(ends), ends, np.nan)
    if not seen.recovered.shape[1]:
        return ends
    over = seen.recovered[row, event]
    return np.where(over < np.minimum(np.nan_to_num(ends, nan=np.inf), until[row]), over, ends)


def _answers(plan: Plan, seen: PotentialOutcomes, row: np.ndarray, event: np.ndarray) -> np.ndarray:
    """What a policy did about each event: 1 + the number of its rule, MISSING for nothing."""
    if not plan.rules.written:
        return np.full(len(row), MISSING)
    answer = seen.answer[row, event].astype(np.int64)
    return np.where(answer >= 0, answer + 1, MISSING)


def lesions(plan: Plan, enrolment: Enrolment, seen: PotentialOutcomes) -> pd.DataFrame:
    """Target lesions at every scan, and new ones on the scan that shows them."""
    days = np.concatenate([[plan.start], plan.scans])
    exists = seen.true_mm[:, :, :1] > 0
    row, scan, lesion = np.nonzero((exists & ~np.isnan(seen.seen_mm)).transpose(0, 2, 1))
    size = seen.seen_mm[row, lesion, scan]
    count = len(plan.lesions)
    states = ("measured", "too small to measure", "absent", "present")
    tumour = plan.protocol.tumour
    smallest = tumour.smallest_mm if tumour is not None else 0.0
    rows = Rows(enrolment)
    rows.add(
        row,
        lesion_id=lesion,
        day=days[scan],
        kind=0,
        lymph_node=False,
        diameter_mm=size,
        state=np.where(size == 0, 2, np.where(size <= smallest, 1, 0)),
        scan_id=scan,
    )
    shown = new_lesion_scan(plan, seen)
    new = np.flatnonzero(shown > 0)
    rows.add(
        new,
        lesion_id=count,
        day=days[shown[new]],
        kind=1,
        lymph_node=False,
        diameter_mm=np.nan,
        state=3,
        scan_id=shown[new],
    )
    text = {
        "lesion_id": [*(f"T{k + 1}" for k in range(count)), "N1"],
        "kind": ["target", "new"],
        "state": states,
        "scan_id": ["baseline", *(f"scan {k}" for k in range(1, len(days)))],
    }
    return rows.table(text, flags=("lymph_node",))


def responses(plan: Plan, enrolment: Enrolment, seen: PotentialOutcomes) -> pd.DataFrame:
    """The response at each scan after baseline, then the best one."""
    tumour = plan.protocol.tumour
    if tumour is None or not plan.lesions:
        return Rows(enrolment).table({})
    rows, answers, reasons = Rows(enrolment), list[str](), list[str]()
    for number, part in enumerate(judge(plan, seen)):
        criteria = CRITERIA[part.criteria]
        _judged(rows, plan, part, number, len(answers), len(reasons))
        answers += criteria.RESPONSES[1:]
        reasons += criteria.RULES[1:]
    text = {"criteria": tumour.used, "overall": answers, "target": answers, "source": ["derived"], "reason": reasons}
    return rows.table(text, flags=("best", "new_lesion", "confirmed"))


def _judged(rows: Rows, plan: Plan, part: Judged, number: int, answers: int, reasons: int) -> None:
    """Add the responses of patients whom the same criteria judge.

    number: of the criteria;   answers, reasons: how many words stand before theirs.
    """
    judged, new = part.assessment, part.new
    mine, scan = np.nonzero(part.scanned)
    rows.add(
        part.rows[mine],
        criteria=number,
        day=plan.scans[scan],
        best=False,
        overall=_after(judged.overall[mine, scan] - 1, answers),
        target=_after(judged.target[mine, scan] - 1, answers),
        new_lesion=(new[mine] > 0) & (scan + 1 >= new[mine]),
        sum_mm=judged.sum_mm[mine, scan],
        nadir_mm=judged.nadir_mm[mine, scan],
        change_from_baseline_percent=judged.change_from_baseline[mine, scan],
        change_from_nadir_percent=judged.change_from_nadir[mine, scan],
        confirmed=judged.confirmed[mine, scan],
        source=0,
        reason=_after(judged.rule[mine, scan] - 1, reasons),
    )
    unknown = np.full(len(part.rows), np.nan)
    rows.add(
        part.rows,
        criteria=number,
        day=judged.best_day,
        best=True,
        overall=_after(judged.best - 1, answers),
        target=MISSING,
        new_lesion=new > 0,
        sum_mm=unknown,
        nadir_mm=unknown,
        change_from_baseline_percent=unknown,
        change_from_nadir_percent=unknown,
        confirmed=judged.best_confirmed,
        source=0,
        reason=MISSING,
    )


def _after(codes: np.ndarray, words_before: int) -> np.ndarray:
    """Codes into a list of words that begins so many words later; a missing word stays missing."""
    return np.where(codes == MISSING, MISSING, codes + words_before)


def survival(plan: Plan, enrolment: Enrolment, seen: PotentialOutcomes) -> pd.DataFrame:
    """Overall survival, progression-free survival and time to progression from protocol day 1.

    Survival is censored at the end of observation or at drop-out; the two others at the last scan before (day 0 without
    one), since nobody knows what came after it. Time to progression is also censored at death. Who leaves before day 1
    is counted on day 0.
    Source: FDA 2018, Clinical Trial Endpoints for the Approval of Cancer Drugs and Biologics, appendix on PFS.
    """
    censored = np.minimum(seen.drop_out, plan.end)
    causes = ["death", "progression", *_OFF_STUDY]
    lost = np.where(seen.drop_out < plan.end, np.where(seen.failed, 4, 3), 2)
    scanned = made_scans(seen)
    last_scan = np.where(scanned, plan.scans[None, :], 0.0).max(axis=1, initial=0.0)
    rows = Rows(enrolment)
    for number, (death, progression) in enumerate(((True, False), (True, True), (False, True))):
        died = seen.death if death else np.full(len(enrolment), np.inf)
        progressed = seen.progression if progression else np.full(len(enrolment), np.inf)
        happened = np.minimum(died, progressed)
        until = censored if death else np.minimum(censored, seen.death)
        event = happened <= until
        known = until if death and not progression else np.where(seen.death <= censored, until, last_scan)
        cause = np.where(event, np.where(died <= progressed, 0, 1), np.where(seen.death < censored, 0, lost))
        rows.add(
            np.arange(len(enrolment)),
            endpoint=number,
            day=np.maximum(np.where(event, happened, known), 0.0),
            event=event,
            origin_day=0.0,
            cause=cause,
        )
    endpoints = [k for k in range(len(ENDPOINTS)) if plan.lesions or ENDPOINTS[k] == "OS"]
    rows.parts = [rows.parts[k] for k in endpoints]
    return rows.table({"endpoint": ENDPOINTS, "cause": causes}, flags=("event",))


def disposition(plan: Plan, enrolment: Enrolment, seen: PotentialOutcomes) -> pd.DataFrame:
    """Enrolment, first dose, whether DLT could be judged, replacement, and when and why treatment and study ended."""
    milestones = ("enrolled", "first dose", "DLT-evaluable", "replaced", "off treatment", "off study", "death")
    everyone = np.arange(len(enrolment))
    known = seen.judged_on(plan)
    left = np.minimum(seen.left, plan.end)
    treated = everyone[(seen.off_treatment > plan.protocol.first_time) & _gets_any(plan, enrolment)]
    replaced = everyone[~enrolment.evaluable] if plan.protocol.replace == "not evaluable" else everyone[:0]
    dead = everyone[seen.death < plan.end]
    study = np.where(seen.death < plan.end, DIED, np.where(seen.drop_out < plan.end, DROPPED_OUT, 0))
    study = np.where(seen.failed, FAILED, study)
    rows, because = Rows(enrolment), seen.off_because(plan)
    steps = (
        (everyone, 0, np.full(len(everyone), plan.start), np.full(len(everyone), MISSING)),
        (treated, 1, np.full(len(everyone), plan.protocol.first_time), np.full(len(everyone), MISSING)),
        (everyone[enrolment.evaluable], 2, known, np.where(enrolment.dlt, TOXIC, MISSING)),
        (replaced, 3, known, because),
        (everyone, 4, np.minimum(seen.off_treatment, plan.end), because),
        (everyone, 5, left, study),
        (dead, 6, seen.death, np.full(len(everyone), MISSING)),
    )
    for row, milestone, day, reason in steps:
        if plan.protocol.arms is None or milestones[milestone] not in _OF_LADDERS:
            rows.add(row, milestone=milestone, day=day[row], reason=reason[row])
    reasons = tuple(reason.removeprefix("stopped: ") for reason in plan.rules.reasons)
    return rows.table({"milestone": milestones, "reason": used_words(list(REASONS), reasons, rows, "reason")})


def _gets_any(plan: Plan, enrolment: Enrolment) -> np.ndarray:
    """Who is given any treatment: everybody, but for an arm without."""
    protocol = plan.protocol
    if protocol.arms is None:
        return np.ones(len(enrolment), dtype=bool)
    doses = [any(t.dose(level.number) > 0 for t in protocol.treatments) for level in protocol.levels]
    return np.array(doses, dtype=bool)[enrolment.level - 1]
