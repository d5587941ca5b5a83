"""RECIST 1.1: from lesion diameters to the response at each visit, the best response and the day of progression.

Source: Eisenhauer 2009, Eur J Cancer 45:228 (sections in the code). Everything is vectorised over patients; `judge`
looks at one visit with what is known until then, so that a trial's policy and its analysis use the same rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from opsonin.errors import CriteriaError

# codes in rising order of benefit; 0 stands for a visit without a scan, and for "no such lesions"
RESPONSES = ("", "NE", "PD", "SD", "PR", "CR")
NONE, NE, PD, SD, PR, CR = range(6)
_EXACT = 1e-9  # a sum of decimals that is 30 % by hand may miss it by one unit of the last binary place


class Course(NamedTuple):
    """What earlier visits say.   nadir: smallest complete sum so far, baseline included.   complete: CR was reached."""

    baseline: Float[np.ndarray, " patient"]
    nadir: Float[np.ndarray, " patient"]
    complete: Bool[np.ndarray, " patient"]


class Visit(NamedTuple):
    """One visit judged.   sum_mm: of the lesions evaluated;   measured: all target lesions were.
    Changes are in percent, NaN where a lesion was missed or there is nothing to divide by."""

    sum_mm: Float[np.ndarray, " patient"]
    measured: Bool[np.ndarray, " patient"]
    nadir_mm: Float[np.ndarray, " patient"]
    change_from_baseline: Float[np.ndarray, " patient"]
    change_from_nadir: Float[np.ndarray, " patient"]
    target: Int[np.ndarray, " patient"]
    overall: Int[np.ndarray, " patient"]


def begin(baseline_mm: Float[np.ndarray, "patient lesion"]) -> Course:
    """The course at baseline.   baseline_mm: longest diameters (short axis for nodes), NaN where there is no lesion."""
    total = np.nansum(baseline_mm, axis=1)
    return Course(total, total.copy(), np.zeros(len(total), dtype=bool))


def judge(
    course: Course,
    diameters_mm: Float[np.ndarray, "patient lesion"],
    exists: Bool[np.ndarray, "patient lesion"],
    nodal: Bool[np.ndarray, "patient lesion"],
    new_lesion: Bool[np.ndarray, " patient"],
    non_target: Int[np.ndarray, " patient"],
) -> tuple[Visit, Course]:
    """Judge one visit.

    diameters_mm: NaN where a lesion was not evaluated; 0 where it has gone; 5 where it is too small to measure.
    exists: the target lesions chosen at baseline.   nodal: lymph nodes, measured by their short axis.
    non_target: response of the non-target lesions (NONE where there are none at baseline; SD stands for non-CR/non-PD).
    """
    seen = exists & ~np.isnan(diameters_mm)
    measured = (seen == exists).all(axis=1)
    total = np.where(seen, diameters_mm, 0.0).sum(axis=1)
    has_target = exists.any(axis=1)
    gone = (~exists | (seen & np.where(nodal, diameters_mm < 10, diameters_mm == 0))).all(axis=1)
    reappeared = course.complete & (seen & ~nodal & (np.nan_to_num(diameters_mm) > 0)).any(axis=1)
    growth = total - course.nadir
    # section 4.3.1; what was evaluated may prove progression by itself (section 4.4.2)
    worse = (growth >= 0.2 * course.nadir - _EXACT) & (growth >= 5 - _EXACT) | reappeared
    shrunk = total <= 0.7 * course.baseline + _EXACT
    target = np.select([~has_target, worse, ~measured, gone, shrunk], [NONE, PD, NE, CR, PR], default=SD)
    overall = _overall(target, non_target, new_lesion)
    whole = measured & has_target
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        change = np.where(whole, 100 * (total / course.baseline - 1), np.nan)
        rise = np.where(whole & (course.nadir > 0), 100 * (total / course.nadir - 1), np.nan)
    after = Course(
        course.baseline,
        np.where(whole, np.minimum(course.nadir, total), course.nadir),
        course.complete | (overall == CR),
    )
    return Visit(total, measured, course.nadir, change, rise, target, overall), after


def _overall(
    target: Int[np.ndarray, " patient"],
    non_target: Int[np.ndarray, " patient"],
    new_lesion: Bool[np.ndarray, " patient"],
) -> Int[np.ndarray, " patient"]:
    """Tables 1 and 2 of section 4.4: target, non-target and new lesions together."""
    only_non_target = target == NONE
    clean = (non_target == CR) | (non_target == NONE)
    return np.select(
        [(target == PD) | (non_target == PD) | new_lesion, only_non_target, (target == CR) & ~clean],
        [PD, np.where(non_target == NONE, NE, non_target), PR],
        default=target,
    )


@dataclass(frozen=True, eq=False)
class Assessment:
    """All visits of all patients judged.   overall, target, non_target: indices into RESPONSES, 0 without a scan.

    best: best overall response;   best_day: the day it was reached (0.0 where nothing was assessed).
    progression_day: first PD, inf if none.
    """

    sum_mm: Float[np.ndarray, "patient visit"]
    nadir_mm: Float[np.ndarray, "patient visit"]
    change_from_baseline: Float[np.ndarray, "patient visit"]
    change_from_nadir: Float[np.ndarray, "patient visit"]
    target: Int[np.ndarray, "patient visit"]
    non_target: Int[np.ndarray, "patient visit"]
    overall: Int[np.ndarray, "patient visit"]
    best: Int[np.ndarray, " patient"]
    best_day: Float[np.ndarray, " patient"]
    progression_day: Float[np.ndarray, " patient"]


def assess(
    baseline_mm: Float[np.ndarray, "patient lesion"],
    diameters_mm: Float[np.ndarray, "patient lesion visit"],
    days: Float[np.ndarray, "patient visit"],
    *,
    nodal: Bool[np.ndarray, "patient lesion"] | None = None,
    new_lesion: Bool[np.ndarray, "patient visit"] | None = None,
    non_target: Int[np.ndarray, "patient visit"] | None = None,
    confirm: bool = False,
    minimum_confirmation_days: float = 28.0,
    minimum_stable_days: float = 42.0,
) -> Assessment:
    """Judge every visit after baseline.

    baseline_mm: NaN where a patient has no such lesion.   diameters_mm: as in `judge`.
    days: elapsed days, rising within a patient, NaN where there was no scan (such visits stay unjudged).
    confirm: CR and PR count for the best response only if seen again `minimum_confirmation_days` later (needed where
    response is the endpoint of a trial without comparison; section 4.6).   minimum_stable_days: SD counts from here on.
    Raises: CriteriaError for negative diameters or days out of order.
    """
    _check(baseline_mm, diameters_mm, days)
    patients, visits = days.shape
    exists = ~np.isnan(baseline_mm)
    nodal = np.zeros(exists.shape, dtype=bool) if nodal is None else nodal
    new_lesion = np.zeros(days.shape, dtype=bool) if new_lesion is None else new_lesion
    non_target = np.full(days.shape, NONE) if non_target is None else non_target
    scanned = ~np.isnan(days)
    course, judged = begin(baseline_mm), []
    for v in range(visits):
        visit, after = judge(course, diameters_mm[:, :, v], exists, nodal, new_lesion[:, v], non_target[:, v])
        here = scanned[:, v]
        course = Course(*(np.where(here, new, old) for new, old in zip(after, course, strict=True)))
        judged.append(visit)

    def stack(name: str, missing: float | int) -> np.ndarray:
        columns = [np.where(scanned[:, v], getattr(judged[v], name), missing) for v in range(visits)]
        return np.stack(columns, axis=1) if columns else np.full((patients, 0), missing)

    overall = stack("overall", NONE).astype(np.int64)
    best, best_day = best_response(overall, days, confirm, minimum_confirmation_days, minimum_stable_days)
    return Assessment(
        stack("sum_mm", np.nan),
        stack("nadir_mm", np.nan),
        stack("change_from_baseline", np.nan),
        stack("change_from_nadir", np.nan),
        stack("target", NONE).astype(np.int64),
        np.where(scanned, non_target, NONE),
        overall,
        best,
        best_day,
        progression_day(overall, days),
    )


def progression_day(
    overall: Int[np.ndarray, "patient visit"], days: Float[np.ndarray, "patient visit"]
) -> Float[np.ndarray, " patient"]:
    """The day of the first PD, inf where there is none."""
    return np.where(overall == PD, days, np.inf).min(axis=1, initial=np.inf)


def best_response(
    overall: Int[np.ndarray, "patient visit"],
    days: Float[np.ndarray, "patient visit"],
    confirm: bool = False,
    minimum_confirmation_days: float = 28.0,
    minimum_stable_days: float = 42.0,
) -> tuple[Int[np.ndarray, " patient"], Float[np.ndarray, " patient"]]:
    """Best overall response and the day it was reached, from the visits up to the first PD.

    Between a response and its confirmation only responses and visits that could not be evaluated may lie.
    Source: Eisenhauer 2009, section 4.4.3 and Table 3.
    """
    before = (overall != NONE) & (days <= progression_day(overall, days)[:, None])
    long_enough = np.nan_to_num(days, nan=-np.inf) >= minimum_stable_days - _EXACT
    cr, pr = before & (overall == CR), before & (overall >= PR)
    reached = {
        CR: _confirmed(cr, overall, days, minimum_confirmation_days) if confirm else cr,
        PR: _confirmed(pr, overall, days, minimum_confirmation_days) if confirm else pr,
        SD: before & (overall >= SD) & long_enough,
        PD: before & (overall == PD),
        NE: before,
    }
    best = np.full(len(overall), NE)
    day = np.zeros(len(overall))
    for code in (NE, PD, SD, PR, CR):
        found = reached[code].any(axis=1)
        best = np.where(found, code, best)
        if overall.shape[1]:
            first = np.take_along_axis(days, reached[code].argmax(axis=1)[:, None], axis=1)[:, 0]
            day = np.where(found, first, day)
    return best, day


def _confirmed(
    wanted: Bool[np.ndarray, "patient visit"],
    overall: Int[np.ndarray, "patient visit"],
    days: Float[np.ndarray, "patient visit"],
    minimum: float,
) -> Bool[np.ndarray, "patient visit"]:
    """Which of the `wanted` visits are followed by another one at least `minimum` days later, unbroken."""
    found = np.zeros(wanted.shape, dtype=bool)
    for first in range(wanted.shape[1]):
        unbroken = wanted[:, first].copy()
        for later in range(first + 1, wanted.shape[1]):
            again = wanted[:, later] & (days[:, later] - days[:, first] >= minimum - _EXACT)
            found[:, first] |= unbroken & again
            unbroken &= wanted[:, later] | (overall[:, later] == NE) | (overall[:, later] == NONE)
    return found


def _check(
    baseline: Float[np.ndarray, "patient lesion"],
    diameters: Float[np.ndarray, "patient lesion visit"],
    days: Float[np.ndarray, "patient visit"],
) -> None:
    if np.any(baseline < 0) or np.any(diameters < 0):
        row = int(np.argwhere((baseline < 0).any(axis=1) | (diameters < 0).any(axis=(1, 2)))[0, 0])
        raise CriteriaError(
            f"a lesion of patient row {row} has a negative diameter; give millimetres, NaN where not seen."
        )
    known = np.where(np.isnan(days), -np.inf, days)
    if known.shape[1] > 1 and np.any(np.maximum.accumulate(known, axis=1)[:, :-1] >= days[:, 1:]):
        raise CriteriaError("the scan days of a patient must rise from visit to visit; sort the visits by day.")
