"""Acute leukaemia by the blasts of the marrow, where a virtual marrow is followed as one sphere of them.

Blasts go with the cube of the sphere's diameter, from the share of the marrow's cells that they were at baseline.
Sources: remission below one in twenty, relapse from there on (Cheson 2003, J Clin Oncol 21:4642, whose classes of
response in acute leukaemia ELIANA's follow); progression of what never went into remission by a quarter of the
marrow's cells or disease elsewhere. What a virtual marrow does not show is left out: counts of the blood, and so
whether remission is one with incomplete recovery of these. Codes are those of RECIST; CR stands for remission, SD for
none; there is no partial one, as it would not count.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from opsonin.criteria.assessment import Assessment, check_arrays, stacked, visit_by_visit
from opsonin.criteria.best import CR, NE, NONE, PD, SD, best_response, first_day
from opsonin.criteria.recist import FIELDS
from opsonin.criteria.recist import RESPONSES as RESPONSES

RULES = (
    "",
    "marrow: disease outside it, new or clearly worse",
    "marrow: 5 % of blasts or more after a remission",
    "marrow: more blasts than before by a quarter of its cells",
    "marrow: not evaluated",
    "marrow: less than 5 % of blasts",
    "marrow: neither remission nor progression",
    "marrow: none was measured before treatment",
)
# assumed: of the marrow's cells; thought to be the median of ELIANA, but its table of patients could not be read, and
# its abstracts tell only that 5 % or more were asked for. A half in its place would bring remission within reach of a
# marrow that shrinks to a tenth, not to a fifteenth
BLASTS_BEFORE = 0.74
_REMISSION, _MORE = 0.05, 0.25


class Course(NamedTuple):
    """What earlier visits say. baseline: volume of all spheres (mm³);   nadir: the smallest sum of diameters (mm).

    least: smallest share of blasts so far.   complete: remission was reached.
    """

    baseline: Float[np.ndarray, " patient"]
    nadir: Float[np.ndarray, " patient"]
    least: Float[np.ndarray, " patient"]
    complete: Bool[np.ndarray, " patient"]


class Visit(NamedTuple):
    """One visit judged. sum_mm, nadir_mm: of diameters;   change_…: of the blasts, in percent."""

    sum_mm: Float[np.ndarray, " patient"]
    measured: Bool[np.ndarray, " patient"]
    nadir_mm: Float[np.ndarray, " patient"]
    change_from_baseline: Float[np.ndarray, " patient"]
    change_from_nadir: Float[np.ndarray, " patient"]
    target: Int[np.ndarray, " patient"]
    overall: Int[np.ndarray, " patient"]
    rule: Int[np.ndarray, " patient"]


def begin(diameter_mm: Float[np.ndarray, "patient lesion"]) -> Course:
    """The course at baseline. diameter_mm: NaN where there is no sphere."""
    n = len(diameter_mm)
    before = np.full(n, BLASTS_BEFORE)
    return Course(np.nansum(diameter_mm**3, axis=1), np.nansum(diameter_mm, axis=1), before, np.zeros(n, dtype=bool))


def judge(
    course: Course,
    diameter_mm: Float[np.ndarray, "patient lesion"],
    exists: Bool[np.ndarray, "patient lesion"],
    nodal: Bool[np.ndarray, "patient lesion"],
    new_lesion: Bool[np.ndarray, " patient"],
    non_target: Int[np.ndarray, " patient"],
) -> tuple[Visit, Course]:
    """Judge one visit. diameter_mm: NaN where not evaluated, 0 where gone; the rest as in `recist.judge`."""
    seen = exists & ~np.isnan(diameter_mm)
    size = np.where(seen, diameter_mm, 0.0)
    has, measured = exists.any(axis=1) & (course.baseline > 0), (seen == exists).all(axis=1)
    whole = has & measured
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        relative = np.where(has, (size**3).sum(axis=1) / course.baseline, np.nan)
        blasts = BLASTS_BEFORE * relative
        rise = np.where(whole & (course.least > 0), 100 * (blasts / course.least - 1), np.nan)
    elsewhere = new_lesion | (non_target == PD)
    back = whole & course.complete & (blasts >= _REMISSION)
    more = whole & (blasts >= course.least + _MORE)
    gone = whole & (blasts < _REMISSION)
    target = np.select([~has, back | more, ~measured, gone], [NONE, PD, NE, CR], default=SD)
    overall = np.select([elsewhere, target == NONE], [PD, NE], default=target)
    found = ((elsewhere, 1), (~has, 7), (back, 2), (more, 3), (~measured, 4), (gone, 5))
    rule = np.select([when for when, _ in found], [which for _, which in found], default=6)
    total = size.sum(axis=1)
    after = Course(
        course.baseline,
        np.where(whole, np.minimum(course.nadir, total), course.nadir),
        np.where(whole, np.minimum(course.least, blasts), course.least),
        course.complete | (overall == CR),
    )
    change = np.where(whole, 100 * (relative - 1), np.nan)
    return Visit(total, measured, course.nadir, change, rise, target, overall, rule), after


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
    """Judge every visit after baseline; arguments as in `recist.assess`.

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
    made = stacked(judged, scanned, FIELDS | {"rule": 0})
    best = best_response(made["overall"], days, confirm, minimum_confirmation_days, minimum_stable_days)
    return Assessment(
        **made,
        non_target=np.where(scanned, other, NONE),
        confirmed=best.seen_again,
        best=best.code,
        best_day=best.day,
        best_confirmed=best.confirmed,
        progression_day=first_day(made["overall"] == PD, days),
        open_day=np.full(len(days), np.inf),
    )
