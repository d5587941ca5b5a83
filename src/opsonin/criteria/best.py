"""The best overall response of a patient, from the responses at the visits."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from opsonin.criteria.confirmation import confirmed

NONE, NE, PD, SD, PR, CR, CPD = range(7)  # codes of a response; CPD is iRECIST's confirmed progression
_EXACT = 1e-9


class Best(NamedTuple):
    """code: best overall response;   day: on which it was reached (0.0 where nothing was assessed).

    seen_again: which visits with CR or PR were confirmed as such;   confirmed: the best response was.
    """

    code: Int[np.ndarray, " patient"]
    day: Float[np.ndarray, " patient"]
    seen_again: Bool[np.ndarray, "patient visit"]
    confirmed: Bool[np.ndarray, " patient"]


def best_response(
    overall: Int[np.ndarray, "patient visit"],
    days: Float[np.ndarray, "patient visit"],
    confirm: bool = False,
    minimum_confirmation_days: float = 28.0,
    minimum_stable_days: float = 42.0,
    ends: int = PD,
) -> Best:
    """Best overall response, from the visits up to the first progression.

    confirm: CR and PR count only if confirmed; one that was not counts as SD where it came late enough for SD.
    Between a response and its confirmation only responses and visits that could not be evaluated may lie.
    minimum_stable_days: SD counts from this day on; before it, it is no better than what follows.
    ends: the code after which nothing counts: PD, or CPD where progression is to be confirmed (iRECIST): there a visit
    with unconfirmed progression (code PD) is passed by, and is the best response only where nothing better came.
    Source: Eisenhauer 2009, sections 4.4.3 and 4.6, Table 3; Seymour 2017, Table 3.
    """
    before = (overall != NONE) & (days <= first_day(overall == ends, days)[:, None])
    response = (overall == CR) | (overall == PR)
    nothing = (overall == NE) | (overall == NONE)
    cr = before & (overall == CR)
    pr = before & response
    cr_again = confirmed(cr, nothing, days, minimum_confirmation_days)
    pr_again = confirmed(pr, nothing, days, minimum_confirmation_days)
    long_enough = np.nan_to_num(days, nan=-np.inf) >= minimum_stable_days - _EXACT
    reached = (
        (NE, before),
        (PD, before & (overall == PD)),
        (CPD, before & (overall == CPD)),
        (SD, before & (response | (overall == SD)) & long_enough),
        (PR, pr_again if confirm else pr),
        (CR, cr_again if confirm else cr),
    )
    code, day = np.full(len(overall), NE), np.zeros(len(overall))
    for what, where in reached:
        found = where.any(axis=1)
        code = np.where(found, what, code)
        if overall.shape[1]:
            first = np.take_along_axis(days, where.argmax(axis=1)[:, None], axis=1)[:, 0]
            day = np.where(found, first, day)
    again = np.where(code[:, None] == CR, cr_again, pr_again).any(axis=1)
    seen_again = np.where(overall == CR, cr_again, pr_again & (overall == PR))
    return Best(code, day, seen_again, ((code == CR) | (code == PR)) & again)


def first_day(
    when: Bool[np.ndarray, "patient visit"], days: Float[np.ndarray, "patient visit"]
) -> Float[np.ndarray, " patient"]:
    """The first of these days, inf where there is none."""
    return np.where(when, days, np.inf).min(axis=1, initial=np.inf)
