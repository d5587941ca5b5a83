"""When a virtual patient's response is known: judged at every scan by the criteria of the protocol."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from opsonin.criteria import irecist, lugano, marrow, recist
from opsonin.criteria.assessment import Assessment
from opsonin.errors import StudyError
from opsonin.trial.plan import Plan
from opsonin.trial.potential import PotentialOutcomes
from opsonin.trial.protocol import Protocol

CRITERIA: dict[str, Any] = {"RECIST 1.1": recist, "iRECIST": irecist, "Lugano": lugano, "marrow": marrow}
_GOOD = ("CR", "PR", "iCR", "iPR")
_AGAIN_DAYS = 28.0  # a response is confirmed no sooner than four weeks after it (Eisenhauer 2009, section 4.6)


class Judged(NamedTuple):
    """The scans of patients whom the same criteria judge.   criteria: by name;   rows: which of the patients these are;
    scanned: which scans were made (patient, scan);   new: number of the first scan that shows a new lesion, 0 for none.
    """

    criteria: str
    rows: Int[np.ndarray, " patient"]
    assessment: Assessment
    scanned: Bool[np.ndarray, "patient scan"]
    new: Int[np.ndarray, " patient"]


class Responded(NamedTuple):
    """responder: within the time given;   day: the patient's own day on which that was known."""

    responder: Bool[np.ndarray, " patient"]
    day: Float[np.ndarray, " patient"]


def judged_by(protocol: Protocol, number: Int[np.ndarray, " patient"]) -> Int[np.ndarray, " patient"]:
    """Which of the criteria in use (`TumourPlan.used`) judges each patient's scans.

    number: of the patients, who stand one indication after the other in the pool.
    Raises: StudyError for a patient beyond the last indication.
    """
    tumour, arms = protocol.tumour, protocol.arms
    if tumour is None or arms is None or isinstance(tumour.criteria, str):
        return np.zeros(len(number), dtype=np.int64)
    indication = number // arms.pool
    if indication.max(initial=0) >= len(tumour.criteria):
        raise StudyError(
            f"patient {int(number.max())} is of none of the {len(tumour.criteria)} indications of {arms.pool} patients "
            "each; criteria that differ between indications need patients numbered one indication after the other."
        )
    return np.array([tumour.used.index(name) for name in tumour.criteria], dtype=np.int64)[indication]


def judge(plan: Plan, seen: PotentialOutcomes, until: float = np.inf) -> list[Judged]:
    """Every scan after baseline by the criteria of each patient; the protocol must have scans and lesions.

    until: later scans are not looked at.   One entry for each of the criteria in use, with patients or without.
    """
    tumour = plan.protocol.tumour
    assert tumour is not None
    if len(tumour.used) == 1:
        return [_judge(plan, seen, tumour.used[0], np.arange(len(seen.death)), until)]
    rows = [np.flatnonzero(seen.criteria == number) for number in range(len(tumour.used))]
    return [_judge(plan, seen.take(mine), name, mine, until) for name, mine in zip(tumour.used, rows, strict=True)]


def _judge(plan: Plan, seen: PotentialOutcomes, name: str, rows: np.ndarray, until: float) -> Judged:
    """The same for patients whom these criteria judge.   rows: of all patients."""
    tumour = plan.protocol.tumour
    assert tumour is not None
    count = int(np.searchsorted(plan.scans, until, side="right"))
    days = plan.scans[:count]
    exists = seen.true_mm[:, :, 0] > 0
    scanned = made_scans(seen)[:, :count]
    new = new_lesion_scan(plan, seen)
    criteria = CRITERIA[name]
    number = np.arange(1, len(days) + 1)
    present = scanned & (new[:, None] > 0) & (number >= new[:, None])
    no = np.zeros(present.shape, dtype=bool)
    lesions = irecist.NewLesions(present, present & (number == new[:, None]), np.zeros(present.shape), no, no)
    judged = criteria.assess(
        np.where(exists, seen.seen_mm[:, :, 0], np.nan),
        seen.seen_mm[:, :, 1 : count + 1],
        np.where(scanned, days[None, :], np.nan),
        confirm=tumour.confirm,
        minimum_stable_days=tumour.minimum_stable_days,
        **({"new": lesions} if criteria is irecist else {"new_lesion": present}),
    )
    return Judged(name, rows, judged, scanned, new)


def made_scans(seen: PotentialOutcomes) -> Bool[np.ndarray, "patient scan"]:
    """Which scans after baseline were made."""
    return np.asarray((~np.isnan(seen.seen_mm[:, :, 1:])).any(axis=1))


def new_lesion_scan(plan: Plan, seen: PotentialOutcomes) -> Int[np.ndarray, " patient"]:
    """The number of the first scan made after a new lesion appeared, 0 for none."""
    if not plan.lesions:
        return np.zeros(len(seen.death), dtype=np.int64)
    shows = made_scans(seen) & (plan.scans[None, :] >= seen.new_lesion[:, None])
    return np.where(shows.any(axis=1), shows.argmax(axis=1) + 1, 0)


def responded(plan: Plan, seen: PotentialOutcomes, days: float) -> Responded:
    """Whose best response by so many days from day 1 is CR or PR, and when that is known.

    That is at the scan that shows it (or the one that may confirm it, where responses are to be confirmed), or once no
    further scan can.
    """
    responder, day = np.zeros(len(seen.death), dtype=bool), np.zeros(len(seen.death))
    for part in judge(plan, seen, days):
        responder[part.rows], day[part.rows] = _responded(plan, seen.left[part.rows], part, days)
    return Responded(responder, day)


def _responded(plan: Plan, left: Float[np.ndarray, " patient"], part: Judged, days: float) -> Responded:
    """The same for patients whom the same criteria judge.   left: the day each is last seen."""
    tumour, judged = plan.protocol.tumour, part.assessment
    assert tumour is not None
    names = np.array(CRITERIA[part.criteria].RESPONSES)
    responder = np.isin(names[judged.best], _GOOD)
    good = np.isin(names[judged.overall], _GOOD) & (judged.confirmed | (not tumour.confirm))
    scans = plan.scans[: good.shape[1]]
    told = scans + (_AGAIN_DAYS if tumour.confirm else 0.0)
    told = np.append(plan.scans, np.inf)[np.searchsorted(plan.scans, told - 1e-9)]  # at a scan
    when = np.where(good, told[None, :], np.inf).min(axis=1, initial=np.inf)
    last = min(days, plan.end)
    none_left = np.minimum(np.minimum(left, judged.progression_day), last)
    return Responded(responder, np.where(responder, np.minimum(when, last), none_left))
