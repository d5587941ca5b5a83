"""When a virtual patient's response is known: judged at every scan by the protocol's criteria."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from opsonin.criteria import irecist, lugano, marrow, recist
from opsonin.criteria.assessment import Assessment
from opsonin.trial.plan import Plan
from opsonin.trial.potential import PotentialOutcomes

CRITERIA: dict[str, Any] = {"RECIST 1.1": recist, "iRECIST": irecist, "Lugano": lugano, "marrow": marrow}
_GOOD = ("CR", "PR", "iCR", "iPR")
_AGAIN_DAYS = 28.0  # a response is confirmed no sooner than four weeks after it (Eisenhauer 2009, section 4.6)


class Judged(NamedTuple):
    """All scans judged.   scanned: which were made (patient, scan);   new: number of the first scan that shows a new
    lesion, 0 for none."""

    assessment: Assessment
    scanned: Bool[np.ndarray, "patient scan"]
    new: Int[np.ndarray, " patient"]


class Responded(NamedTuple):
    """responder: within the time given;   day: the patient's own day on which that was known."""

    responder: Bool[np.ndarray, " patient"]
    day: Float[np.ndarray, " patient"]


def judge(plan: Plan, seen: PotentialOutcomes, until: float = np.inf) -> Judged:
    """Every scan after baseline by the criteria of the protocol, which must have scans and lesions.

    until: later scans are not looked at.
    """
    tumour = plan.protocol.tumour
    assert tumour is not None
    count = int(np.searchsorted(plan.scans, until, side="right"))
    days = plan.scans[:count]
    exists = seen.true_mm[:, :, 0] > 0
    scanned = made_scans(seen)[:, :count]
    new = new_lesion_scan(plan, seen)
    criteria = CRITERIA[tumour.criteria]
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
    return Judged(judged, scanned, new)


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
    tumour = plan.protocol.tumour
    assert tumour is not None
    judged, _, _ = judge(plan, seen, days)
    names = np.array(CRITERIA[tumour.criteria].RESPONSES)
    responder = np.isin(names[judged.best], _GOOD)
    good = np.isin(names[judged.overall], _GOOD) & (judged.confirmed | (not tumour.confirm))
    scans = plan.scans[: good.shape[1]]
    told = scans + (_AGAIN_DAYS if tumour.confirm else 0.0)
    told = np.append(plan.scans, np.inf)[np.searchsorted(plan.scans, told - 1e-9)]  # at a scan
    when = np.where(good, told[None, :], np.inf).min(axis=1, initial=np.inf)
    last = min(days, plan.end)
    none_left = np.minimum(np.minimum(seen.left, judged.progression_day), last)
    return Responded(responder, np.where(responder, np.minimum(when, last), none_left))
