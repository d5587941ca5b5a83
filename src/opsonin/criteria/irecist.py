"""iRECIST: progression under immunotherapy counts when the next assessments confirm it.

Source: Seymour 2017, Lancet Oncol 18:e143 (Tables 2 and 3), and the criteria's own answers to questions
(recist.eortc.org, "How do new lesions define progression?"), where the paper leaves a choice. Codes are those of
RECIST, PD read as iUPD, with iCPD added; vectorised over patients as `recist` is.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from opsonin.criteria import recist
from opsonin.criteria.assessment import Assessment, check_arrays, stacked, visit_by_visit
from opsonin.criteria.best import CPD, CR, NE, NONE, PD, PR, SD, best_response, first_day

RESPONSES = ("", "NE", "iUPD", "iSD", "iPR", "iCR", "iCPD")
RULES = (
    "",
    "Seymour 2017, Table 2: sum 20 % and 5 mm or more above its nadir",
    "Seymour 2017, Table 2: unequivocal progression of non-target disease",
    "Seymour 2017, Table 2: new lesion",
    "Seymour 2017, Table 2: disease seen again after a complete response",
    "Seymour 2017, Table 2: progression seen again, neither confirmed nor resolved",
    "Seymour 2017, Table 2: confirmed by a further increase of the sum by 5 mm or more",
    "Seymour 2017, Table 2: confirmed by further growth of non-target disease",
    "Seymour 2017, Table 2: confirmed by new lesions, larger or more of them",
    "Seymour 2017, Table 2: confirmed by progression in another category of lesions",
    "Seymour 2017, Table 3: progression was confirmed before",
    "Seymour 2017, Table 2: not every target lesion evaluated, no progression in the others",
    "Seymour 2017, Table 2: every lesion gone, nodes below 10 mm",
    "Seymour 2017, Table 2: target lesions gone; other disease remains or was not evaluated",
    "Seymour 2017, Table 2: sum 30 % or more below baseline",
    "Seymour 2017, Table 2: neither 30 % below baseline nor progression",
    "Seymour 2017, Table 2: non-target disease only",
    "Seymour 2017, Table 2: no disease at baseline to judge",
)
FURTHER_MM = 5.0  # growth that confirms progression, of target lesions or of measured new ones
APART_DAYS = 28.0  # the least time between an unconfirmed progression and the scan that confirms it
_EXACT = 1e-9


class NewLesions(NamedTuple):
    """New lesions at a visit (or, with a further axis, at all visits).

    present: any is there;   more: one is there that was not seen before;   sum_mm: of those that can be measured;
    grown: one that cannot be measured is larger than when first seen;   worse: one progressed unequivocally.
    """

    present: Bool[np.ndarray, ...]
    more: Bool[np.ndarray, ...]
    sum_mm: Float[np.ndarray, ...]
    grown: Bool[np.ndarray, ...]
    worse: Bool[np.ndarray, ...]


class Course(NamedTuple):
    """What earlier visits say. baseline, nadir, complete: as in RECIST.

    since: day on which the unconfirmed progression that is open was first seen, inf where none is.
    by_target, by_non_target, by_new: the categories in which it was seen.   confirmed: progression is.
    target_mm, new_mm: the sums when target lesions, and new ones, progressed;   opening_mm: the sum at `since`.
    tolerated: new lesions are there but a response followed, so that only their growth counts;   new_nadir: their
    smallest sum.
    """

    baseline: Float[np.ndarray, " patient"]
    nadir: Float[np.ndarray, " patient"]
    complete: Bool[np.ndarray, " patient"]
    since: Float[np.ndarray, " patient"]
    by_target: Bool[np.ndarray, " patient"]
    by_non_target: Bool[np.ndarray, " patient"]
    by_new: Bool[np.ndarray, " patient"]
    target_mm: Float[np.ndarray, " patient"]
    new_mm: Float[np.ndarray, " patient"]
    opening_mm: Float[np.ndarray, " patient"]
    tolerated: Bool[np.ndarray, " patient"]
    new_nadir: Float[np.ndarray, " patient"]
    confirmed: Bool[np.ndarray, " patient"]


class Visit(NamedTuple):
    """One visit judged, as in RECIST; rule: into RULES;   since: day of the progression that is open or confirmed."""

    sum_mm: Float[np.ndarray, " patient"]
    measured: Bool[np.ndarray, " patient"]
    nadir_mm: Float[np.ndarray, " patient"]
    change_from_baseline: Float[np.ndarray, " patient"]
    change_from_nadir: Float[np.ndarray, " patient"]
    target: Int[np.ndarray, " patient"]
    overall: Int[np.ndarray, " patient"]
    rule: Int[np.ndarray, " patient"]
    since: Float[np.ndarray, " patient"]


def no_new_lesions(shape: tuple[int, ...]) -> NewLesions:
    """Nothing new."""
    no = np.zeros(shape, dtype=bool)
    return NewLesions(no, no, np.zeros(shape), no, no)


def begin(baseline_mm: Float[np.ndarray, "patient lesion"]) -> Course:
    """The course at baseline.   baseline_mm: longest diameters (short axis for nodes), NaN where there is no lesion."""
    start = recist.begin(baseline_mm)
    no, unknown = np.zeros(len(baseline_mm), dtype=bool), np.full(len(baseline_mm), np.nan)
    never = np.full(len(baseline_mm), np.inf)
    whole = Course(*start, never, no, no, no, unknown, unknown, unknown, no, never, no)
    return Course(*(part.copy() for part in whole))  # who follows a block writes into them


def judge(
    course: Course,
    day: Float[np.ndarray, " patient"],
    diameters_mm: Float[np.ndarray, "patient lesion"],
    exists: Bool[np.ndarray, "patient lesion"],
    nodal: Bool[np.ndarray, "patient lesion"],
    new: NewLesions,
    non_target: Int[np.ndarray, " patient"],
    non_target_grown: Bool[np.ndarray, " patient"],
    apart_days: float = APART_DAYS,
) -> tuple[Visit, Course]:
    """Judge one visit.   diameters_mm, exists, nodal, non_target: as in `recist.judge`.

    non_target_grown: non-target disease grew further since it was found to progress, unequivocally or not.
    apart_days: a scan sooner after the unconfirmed progression neither confirms it nor opens another category.
    """
    burden = np.where(new.present & ((non_target == NONE) | (non_target == CR)), SD, non_target)
    plain = recist.Course(course.baseline, course.nadir, course.complete)
    nothing = np.zeros(len(day), dtype=bool)
    # a lesion that came back after iCR shows as PD without being one of the categories: `again`
    seen, after = recist.judge(plain, diameters_mm, exists, nodal, nothing, burden)
    target, other = seen.target == PD, non_target == PD
    again = (seen.overall == PD) & ~target & ~other & ~new.present
    larger = new.sum_mm >= course.new_mm + FURTHER_MM - _EXACT
    regrown = recist.grew(new.sum_mm, np.where(np.isfinite(course.new_nadir), course.new_nadir, new.sum_mm))
    open_ = np.isfinite(course.since)
    # further shrinkage while new lesions stay as they are: response in spite of them
    shrunk = ((seen.target == PR) | (seen.target == CR)) & (seen.sum_mm < course.opening_mm - _EXACT)
    passed = open_ & ~course.confirmed & shrunk & ~target & ~other & ~(new.more | larger | new.grown | new.worse)
    tolerated = (course.tolerated | passed) & ~new.more
    fresh = new.more | np.where(tolerated, regrown | new.worse, new.present)
    progressing = target | other | fresh | again
    late = open_ & (day >= course.since + apart_days - _EXACT)
    further = [
        target & course.by_target & (seen.sum_mm >= course.target_mm + FURTHER_MM - _EXACT),
        other & course.by_non_target & non_target_grown,
        fresh & course.by_new & (new.more | larger | new.grown),
        (target & ~course.by_target) | ((other | again) & ~course.by_non_target) | (fresh & ~course.by_new),
    ]
    further = [late & ~course.confirmed & one for one in further]
    confirms = further[0] | further[1] | further[2] | further[3]
    proven = course.confirmed | confirms
    overall = np.select([progressing & proven, progressing], [CPD, PD], default=seen.overall)
    rule = np.select(
        [*further, progressing & proven, progressing & open_, target & recist.grew(seen.sum_mm, course.nadir)],
        [6, 7, 8, 9, 10, 5, 1],
        default=np.select([other, fresh, progressing], [2, 3, 4], default=_calm(seen, non_target, overall)),
    )
    resolved = ~progressing & (overall >= SD) & ~course.confirmed
    joins = progressing & (~open_ | late)  # the categories of a scan made too early are looked at again later

    def first(when: np.ndarray, earlier: np.ndarray, now: np.ndarray) -> np.ndarray:
        return np.where(resolved, np.nan, np.where(when & np.isnan(earlier), now, earlier))

    since = np.where(resolved, np.inf, np.where(progressing & ~open_, day, course.since))
    made = Course(
        after.baseline,
        after.nadir,
        course.complete | (overall == CR),
        since,
        (course.by_target | (joins & target)) & ~resolved,
        (course.by_non_target | (joins & (other | again))) & ~resolved,
        (course.by_new | (joins & fresh)) & ~resolved,
        first(joins & target, course.target_mm, seen.sum_mm),
        first(joins & fresh, course.new_mm, new.sum_mm),
        first(progressing & ~open_ & seen.measured, course.opening_mm, seen.sum_mm),
        (tolerated | (resolved & new.present)) & new.present,
        np.where(new.present, np.where(new.more, new.sum_mm, np.minimum(course.new_nadir, new.sum_mm)), np.inf),
        proven,
    )
    return Visit(*seen[:5], seen.target, overall, rule, since), made


def _calm(
    seen: recist.Visit, non_target: Int[np.ndarray, " patient"], overall: Int[np.ndarray, " patient"]
) -> Int[np.ndarray, " patient"]:
    """The rule of a visit that shows no progression."""
    target = seen.target
    nothing = (target == NONE) & (non_target == NONE)
    cases = [nothing, target == NONE, target == NE, overall == CR, target == CR, target == PR]
    return np.select(cases, [17, 16, 11, 12, 13, 14], default=15)


def assess(
    baseline_mm: Float[np.ndarray, "patient lesion"],
    diameters_mm: Float[np.ndarray, "patient lesion visit"],
    days: Float[np.ndarray, "patient visit"],
    *,
    nodal: Bool[np.ndarray, "patient lesion"] | None = None,
    new: NewLesions | None = None,
    non_target: Int[np.ndarray, "patient visit"] | None = None,
    non_target_grown: Bool[np.ndarray, "patient visit"] | None = None,
    confirm: bool = False,
    minimum_confirmation_days: float = APART_DAYS,
    minimum_stable_days: float = 42.0,
) -> Assessment:
    """Judge every visit after baseline; arguments as in `recist.assess`, new lesions and growth as in `judge`.

    confirm: of response; progression always needs it.   minimum_confirmation_days: of both.
    Raises: CriteriaError for negative diameters or days out of order.
    """
    check_arrays(baseline_mm, diameters_mm, days)
    exists = ~np.isnan(baseline_mm)
    nodes = np.zeros(exists.shape, dtype=bool) if nodal is None else nodal
    news = no_new_lesions(days.shape) if new is None else new
    other = np.full(days.shape, NONE) if non_target is None else non_target
    grown = np.zeros(days.shape, dtype=bool) if non_target_grown is None else non_target_grown
    scanned = ~np.isnan(days)

    def step(v: int, course: Course) -> tuple[Visit, Course]:
        here = NewLesions(*(part[:, v] for part in news))
        day = np.nan_to_num(days[:, v])
        measured = diameters_mm[:, :, v]
        return judge(course, day, measured, exists, nodes, here, other[:, v], grown[:, v], minimum_confirmation_days)

    course, judged = visit_by_visit(step, begin(baseline_mm), scanned)
    made = stacked(judged, scanned, recist.FIELDS | {"rule": 0, "since": np.inf})
    since, overall = made.pop("since"), made["overall"]
    best = best_response(overall, days, confirm, minimum_confirmation_days, minimum_stable_days, ends=CPD)
    proven = first_day(overall == CPD, days)
    began = np.where(overall == CPD, since, np.inf).min(axis=1, initial=np.inf)
    run = (overall == PD) & (days >= began[:, None]) & (days <= proven[:, None])
    return Assessment(
        **made,
        non_target=np.where(scanned, other, NONE),
        confirmed=best.seen_again | run | (overall == CPD),
        best=best.code,
        best_day=best.day,
        best_confirmed=best.confirmed | (best.code == CPD),
        progression_day=began,
        open_day=np.where(np.isfinite(began), np.inf, course.since),
    )
