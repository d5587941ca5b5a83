"""Lymphoma after the Lugano classification: by CT from two diameters of each lesion, by PET from the five-point scale.

Source: Cheson 2014, J Clin Oncol 32:3059, Table 3. What the trial's tables do not hold is left out and not assumed:
the marrow, and uptake as a number (the score stands for it). Codes are those of RECIST; CR stands for complete
metabolic response too, PR for partial, SD for none, PD for progressive metabolic disease.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from opsonin.criteria.assessment import Assessment, check_arrays, stacked, visit_by_visit
from opsonin.criteria.best import CR, NE, NONE, PD, PR, SD, best_response, first_day
from opsonin.criteria.recist import FIELDS
from opsonin.criteria.recist import RESPONSES as RESPONSES

RULES = (
    "",
    "Cheson 2014, Table 3 (CT): a lesion over 15 mm grown 50 % in product and 5 mm (10 mm from 20 mm on) in diameter",
    "Cheson 2014, Table 3 (CT): a lesion that had gone came back",
    "Cheson 2014, Table 3 (CT): new or clear progression of lesions that are not measured",
    "Cheson 2014, Table 3: new lesion",
    "Cheson 2014, Table 3 (CT): spleen longer by half of its excess, or by 20 mm where it was normal",
    "Cheson 2014, Table 3 (PET): score 4 or 5, higher than at baseline or after a complete metabolic response",
    "Cheson 2014, Table 3 (PET): score 1 to 3, with or without a residual mass",
    "Cheson 2014, Table 3 (PET): score 4 or 5, lower than at baseline",
    "Cheson 2014, Table 3 (PET): score 4 or 5, as at baseline",
    "Cheson 2014, Table 3 (CT): not every target lesion evaluated, no progression in the others",
    "Cheson 2014, Table 3 (CT): nodes at most 15 mm, other lesions gone, spleen normal",
    "Cheson 2014, Table 3 (CT): sum of products halved, spleen's excess too",
    "Cheson 2014, Table 3 (CT): sum of products not halved, no progression",
    "Cheson 2014, Table 3 (CT): lesions that are not measured only",
)
NORMAL_NODE_MM = 15.0  # longest diameter up to which a node is normal
NORMAL_SPLEEN_MM = 130.0  # vertical length up to which a spleen is normal
_EXACT = 1e-9


class Course(NamedTuple):
    """What earlier visits say. baseline: sum of products (mm²);   nadir: the smallest sum of longest diameters (mm).

    product, long, short: of each lesion its smallest so far (mm², mm, mm).   spleen, score: at baseline, NaN where not
    known.   lowest_score: seen so far.   complete: CR was reached.
    """

    baseline: Float[np.ndarray, " patient"]
    nadir: Float[np.ndarray, " patient"]
    product: Float[np.ndarray, "patient lesion"]
    long: Float[np.ndarray, "patient lesion"]
    short: Float[np.ndarray, "patient lesion"]
    spleen: Float[np.ndarray, " patient"]
    score: Float[np.ndarray, " patient"]
    lowest_score: Float[np.ndarray, " patient"]
    complete: Bool[np.ndarray, " patient"]


class Visit(NamedTuple):
    """One visit judged. sum_mm, nadir_mm: of longest diameters;   change_…: of the sum of products, in percent."""

    sum_mm: Float[np.ndarray, " patient"]
    measured: Bool[np.ndarray, " patient"]
    nadir_mm: Float[np.ndarray, " patient"]
    change_from_baseline: Float[np.ndarray, " patient"]
    change_from_nadir: Float[np.ndarray, " patient"]
    target: Int[np.ndarray, " patient"]
    overall: Int[np.ndarray, " patient"]
    rule: Int[np.ndarray, " patient"]


def begin(
    long_mm: Float[np.ndarray, "patient lesion"],
    short_mm: Float[np.ndarray, "patient lesion"] | None = None,
    spleen_mm: Float[np.ndarray, " patient"] | None = None,
    score: Float[np.ndarray, " patient"] | None = None,
) -> Course:
    """The course at baseline. long_mm, short_mm: each lesion's diameters, NaN where there is none.

    short_mm: perpendicular to the longest; left out, lesions are taken to be round.   spleen_mm: vertical length.
    score: of uptake on the five-point scale (Deauville).
    """
    short = long_mm if short_mm is None else short_mm
    unknown = np.full(len(long_mm), np.nan)
    score = unknown if score is None else score
    product = long_mm * short
    spleen = unknown if spleen_mm is None else spleen_mm
    no = np.zeros(len(long_mm), dtype=bool)
    sums = np.nansum(product, axis=1), np.nansum(long_mm, axis=1)
    whole = Course(*sums, product, long_mm, short, spleen, score, score, no)
    return Course(*(part.copy() for part in whole))  # who follows a block writes into them


def judge(
    course: Course,
    long_mm: Float[np.ndarray, "patient lesion"],
    exists: Bool[np.ndarray, "patient lesion"],
    nodal: Bool[np.ndarray, "patient lesion"],
    new_lesion: Bool[np.ndarray, " patient"],
    non_target: Int[np.ndarray, " patient"],
    short_mm: Float[np.ndarray, "patient lesion"] | None = None,
    spleen_mm: Float[np.ndarray, " patient"] | None = None,
    score: Float[np.ndarray, " patient"] | None = None,
) -> tuple[Visit, Course]:
    """Judge one visit. long_mm: NaN where not evaluated, 0 where gone; the rest as in `begin` and `recist.judge`.

    A score, where there is one, decides over the diameters, as in lymphomas that take up FDG.
    """
    short = long_mm if short_mm is None else short_mm
    unknown = np.full(len(long_mm), np.nan)
    spleen = unknown if spleen_mm is None else spleen_mm
    score = unknown if score is None else score
    seen = exists & ~np.isnan(long_mm) & ~np.isnan(short)
    long, short = np.where(seen, long_mm, 0.0), np.where(seen, short, 0.0)
    has_target, measured = exists.any(axis=1), (seen == exists).all(axis=1)
    whole = measured & has_target
    product = long * short
    step = np.where(course.long > 20, 10.0, 5.0)
    wider = (long >= course.long + step - _EXACT) | (short >= course.short + step - _EXACT)
    abnormal = long > np.where(nodal, NORMAL_NODE_MM, 10.0)
    grown = (seen & abnormal & wider & (product >= 1.5 * course.product - _EXACT)).any(axis=1)
    back = (seen & ~nodal & (course.long == 0) & (long > 0)).any(axis=1)
    normal = (~exists | (seen & np.where(nodal, long <= NORMAL_NODE_MM, long == 0))).all(axis=1)
    halved = product.sum(axis=1) <= 0.5 * course.baseline + _EXACT
    target = np.select([~has_target, grown | back, ~measured, normal, halved], [NONE, PD, NE, CR, PR], default=SD)

    excess, before = spleen - NORMAL_SPLEEN_MM, course.spleen - NORMAL_SPLEEN_MM
    large = before > 0
    organ = np.where(large, excess > 1.5 * before + _EXACT, (spleen >= course.spleen + 20 - _EXACT) & (excess > 0))
    fine = ~(excess > 0)  # normal, or not known
    less = fine | (large & (excess < 0.5 * before))
    clean = ((non_target == CR) | (non_target == NONE)) & fine
    worse = (target == PD) | (non_target == PD) | new_lesion | organ
    only_other = np.where(non_target == NONE, NE, non_target)
    overall = np.select(
        [worse, target == NONE, (target == CR) & ~clean, (target == PR) & ~less],
        [PD, only_other, np.where(less, PR, SD), SD],
        default=target,
    )
    hot, known = score >= 4, ~np.isnan(score)
    hotter = hot & ((score > course.score) | (course.lowest_score <= 3))
    by_score = np.select([new_lesion | hotter, ~hot, score < course.score], [PD, CR, PR], default=SD)
    overall = np.where(known, by_score, overall)
    found = (
        (known & new_lesion, 4),
        (known & hotter, 6),
        (known & ~hot, 7),
        (known & (score < course.score), 8),
        (known, 9),
        (grown, 1),
        (back, 2),
        (non_target == PD, 3),
        (new_lesion, 4),
        (organ, 5),
        (target == NONE, 14),
        (target == NE, 10),
        (overall == CR, 11),
        (overall == PR, 12),
    )
    rule = np.select([when for when, _ in found], [which for _, which in found], default=13)
    total, spd = long.sum(axis=1), product.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        change = np.where(whole & (course.baseline > 0), 100 * (spd / course.baseline - 1), np.nan)
        rise = np.where(whole & (course.nadir > 0), 100 * (total / course.nadir - 1), np.nan)
    after = Course(
        course.baseline,
        np.where(whole, np.minimum(course.nadir, total), course.nadir),
        np.where(seen, np.minimum(course.product, product), course.product),
        np.where(seen, np.minimum(course.long, long), course.long),
        np.where(seen, np.minimum(course.short, short), course.short),
        course.spleen,
        course.score,
        np.fmin(course.lowest_score, score),
        course.complete | (overall == CR),
    )
    return Visit(total, measured, course.nadir, change, rise, target, overall, rule), after


def assess(
    baseline_mm: Float[np.ndarray, "patient lesion"],
    diameters_mm: Float[np.ndarray, "patient lesion visit"],
    days: Float[np.ndarray, "patient visit"],
    *,
    nodal: Bool[np.ndarray, "patient lesion"] | None = None,
    new_lesion: Bool[np.ndarray, "patient visit"] | None = None,
    non_target: Int[np.ndarray, "patient visit"] | None = None,
    short_baseline_mm: Float[np.ndarray, "patient lesion"] | None = None,
    short_mm: Float[np.ndarray, "patient lesion visit"] | None = None,
    spleen_mm: tuple[Float[np.ndarray, " patient"], Float[np.ndarray, "patient visit"]] | None = None,
    score: tuple[Float[np.ndarray, " patient"], Float[np.ndarray, "patient visit"]] | None = None,
    confirm: bool = False,
    minimum_confirmation_days: float = 28.0,
    minimum_stable_days: float = 42.0,
) -> Assessment:
    """Judge every visit after baseline; arguments as in `recist.assess` and `begin`, nodes by their longest diameter.

    spleen_mm, score: at baseline and at the visits, NaN where not known.
    Raises: CriteriaError for negative diameters or days out of order.
    """
    check_arrays(baseline_mm, diameters_mm, days)
    shorts = diameters_mm if short_mm is None else short_mm
    exists = ~np.isnan(baseline_mm)
    nodes = np.zeros(exists.shape, dtype=bool) if nodal is None else nodal
    new = np.zeros(days.shape, dtype=bool) if new_lesion is None else new_lesion
    other = np.full(days.shape, NONE) if non_target is None else non_target
    unknown = (np.full(len(days), np.nan), np.full(days.shape, np.nan))
    spleens, scores = spleen_mm or unknown, score or unknown
    scanned = ~np.isnan(days)

    def step(v: int, course: Course) -> tuple[Visit, Course]:
        size, short = diameters_mm[:, :, v], shorts[:, :, v]
        return judge(course, size, exists, nodes, new[:, v], other[:, v], short, spleens[1][:, v], scores[1][:, v])

    start = begin(baseline_mm, short_baseline_mm, spleens[0], scores[0])
    _, judged = visit_by_visit(step, start, scanned)
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
