"""RECIST 1.1: from lesion diameters to the response at each visit, the best response and the day of progression.

Source: Eisenhauer 2009, Eur J Cancer 45:228 (sections in the code). Everything is vectorised over patients; `judge`
looks at one visit with what is known until then, so that a trial's policy and its analysis use the same rule.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from opsonin.criteria.assessment import Assessment, check_arrays, stacked, visit_by_visit
from opsonin.criteria.best import CR, NE, NONE, PD, PR, SD, best_response, first_day

# codes in rising order of benefit; 0 stands for a visit without a scan, and for "no such lesions"
RESPONSES = ("", "NE", "PD", "SD", "PR", "CR")
RULES = (
    "",
    "Eisenhauer 2009, 4.3.1: sum 20 % and 5 mm or more above its nadir",
    "Eisenhauer 2009, 4.3.4: unequivocal progression of non-target disease",
    "Eisenhauer 2009, 4.3.5: new lesion",
    "Eisenhauer 2009, Table 3, footnote: disease seen again after a complete response",
    "Eisenhauer 2009, 4.4.2: not every target lesion evaluated, no progression in the others",
    "Eisenhauer 2009, 4.3.1: every target lesion gone, nodes below 10 mm, no other disease",
    "Eisenhauer 2009, Table 1: target lesions gone; other disease remains or was not evaluated",
    "Eisenhauer 2009, 4.3.1: sum 30 % or more below baseline",
    "Eisenhauer 2009, 4.3.1: neither 30 % below baseline nor 20 % and 5 mm above the nadir",
    "Eisenhauer 2009, Table 2: non-target disease only",
    "Eisenhauer 2009, Table 1: no disease at baseline to judge",
)
# what a judged visit tells, and what stands where there was no scan
FIELDS: dict[str, float | int] = {
    "sum_mm": np.nan,
    "nadir_mm": np.nan,
    "change_from_baseline": np.nan,
    "change_from_nadir": np.nan,
    "target": NONE,
    "overall": NONE,
}
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
    worse = grew(total, course.nadir) | reappeared  # of what was evaluated: it may prove progression (section 4.4.2)
    shrunk = total <= 0.7 * course.baseline + _EXACT
    target = np.select([~has_target, worse, ~measured, gone, shrunk], [NONE, PD, NE, CR, PR], default=SD)
    back = course.complete & (non_target == SD)  # any disease seen after a complete response: Table 3, footnote
    overall = _overall(target, np.where(back, PD, non_target), new_lesion)
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


def grew(sum_mm: Float[np.ndarray, ...], nadir_mm: Float[np.ndarray, ...]) -> Bool[np.ndarray, ...]:
    """Whether a sum is 20 % and 5 mm above its nadir (section 4.3.1)."""
    growth = sum_mm - nadir_mm
    return np.asarray((growth >= 0.2 * nadir_mm - _EXACT) & (growth >= 5 - _EXACT))


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
    check_arrays(baseline_mm, diameters_mm, days)
    exists = ~np.isnan(baseline_mm)
    nodes = np.zeros(exists.shape, dtype=bool) if nodal is None else nodal
    new = np.zeros(days.shape, dtype=bool) if new_lesion is None else new_lesion
    other = np.full(days.shape, NONE) if non_target is None else non_target
    scanned = ~np.isnan(days)

    def step(v: int, course: Course) -> tuple[Visit, Course]:
        return judge(course, diameters_mm[:, :, v], exists, nodes, new[:, v], other[:, v])

    _, judged = visit_by_visit(step, begin(baseline_mm), scanned)
    made = stacked(judged, scanned, FIELDS)
    overall, other = made["overall"], np.where(scanned, other, NONE)
    best = best_response(overall, days, confirm, minimum_confirmation_days, minimum_stable_days)
    return Assessment(
        **made,
        non_target=other,
        rule=_rules(made, other, scanned & new),
        confirmed=best.seen_again,
        best=best.code,
        best_day=best.day,
        best_confirmed=best.confirmed,
        progression_day=first_day(overall == PD, days),
        open_day=np.full(len(days), np.inf),
    )


def _rules(
    made: dict[str, np.ndarray],
    non_target: Int[np.ndarray, "patient visit"],
    new_lesion: Bool[np.ndarray, "patient visit"],
) -> Int[np.ndarray, "patient visit"]:
    """Which of the RULES gave each visit its overall response; of several the first in their order."""
    overall, target = made["overall"], made["target"]
    grown = grew(made["sum_mm"], made["nadir_mm"])
    gone = target == CR
    return np.select(
        [
            overall == NONE,
            (target == PD) & grown,
            non_target == PD,
            new_lesion,
            overall == PD,
            (target == NONE) & (non_target == NONE),
            target == NONE,
            target == NE,
            gone & (overall == CR),
            gone,
            target == PR,
        ],
        [0, 1, 2, 3, 4, 11, 10, 5, 6, 7, 8],
        default=9,
    ).astype(np.int64)
