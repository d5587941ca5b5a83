"""Performance of a score part by part, pooled over cohorts, and held against other scores of the same patients."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from opsonin.analysis.meta import MetaAnalysis, meta_analysis
from opsonin.analysis.performance import Calibration, calibration_response
from opsonin.analysis.signature_outcomes import Outcome, Rows, Survival
from opsonin.analysis.statistics import NAN, Estimate
from opsonin.analysis.survival.cox import cox
from opsonin.analysis.survival.data import numbers
from opsonin.errors import AnalysisError

OWN = "signature"


def others_beside(beside: Mapping[str, Any] | None, n: int) -> dict[str, np.ndarray]:
    found = {str(who): numbers(score, f"score {who}") for who, score in (beside or {}).items()}
    for who, score in found.items():
        if score.shape != (n,) or not np.isfinite(score).all():
            raise AnalysisError(f"the score {who!r} needs a number for each of {n} patients; leave out who has none.")
    if OWN in found:
        raise AnalysisError(f"a score beside the signature cannot be called {OWN!r}; name it otherwise.")
    return found


def judged_in(outcome: Outcome, score: np.ndarray, rows: Rows, level: float) -> tuple[Estimate, float]:
    """Performance in some rows, and the standard error of its log odds; NaN where nothing can be compared."""
    try:
        found = outcome.discrimination(score[rows], rows)
    except AnalysisError:  # a cohort without the event, or where all had it, judges nothing
        return Estimate(NAN, NAN, NAN), NAN
    c = found.estimate
    usable = 0 < c < 1 and found.se > 0
    return found.interval, found.se / (c * (1 - c)) if usable else NAN


def pooled_over_cohorts(judged: list[tuple[float, float]], labels: list[str], level: float) -> MetaAnalysis:
    usable = [(math.log(c / (1 - c)), se, label) for (c, se), label in zip(judged, labels, strict=True) if se > 0]
    if len(usable) < 2:
        raise AnalysisError("fewer than two cohorts have events and others to compare; nothing can be pooled.")
    estimate, se, kept = (list(column) for column in zip(*usable, strict=True))
    return meta_analysis(estimate, se, names=kept, level=level)


def back_from_logit(logit: Estimate) -> Estimate:
    return Estimate(*(1 / (1 + math.exp(-v)) if math.isfinite(v) else NAN for v in logit))


def gain_over(
    outcome: Outcome,
    own: np.ndarray,
    other: np.ndarray,
    code: np.ndarray,
    labels: list[str],
    cohorts: bool,
    level: float,
) -> tuple[Estimate, float]:
    """The signature's performance less another's in the same patients; over cohorts, pooled by random effects."""
    if not cohorts:
        everyone = np.arange(outcome.n)
        return outcome.discrimination(own, everyone, code).minus(outcome.discrimination(other, everyone, code))
    gaps, errors, kept = [], [], []
    for k, label in enumerate(labels):
        rows = np.flatnonzero(code == k)
        try:
            one, two = outcome.discrimination(own[rows], rows), outcome.discrimination(other[rows], rows)
        except AnalysisError:  # as in `judged_in`
            continue
        se = math.sqrt(float(((one.influence - two.influence) ** 2).sum()))
        if se > 0:
            gaps.append(one.estimate - two.estimate)
            errors.append(se)
            kept.append(label)
    if len(gaps) < 2:
        return Estimate(NAN, NAN, NAN), NAN
    pooled = meta_analysis(gaps, errors, names=kept, level=level)
    return pooled.pooled, pooled.p


def slope_of(
    outcome: Outcome, linear: np.ndarray, code: np.ndarray, level: float
) -> tuple[Estimate, Calibration | None]:
    """The calibration slope of scores made elsewhere; a signature that kept nothing has none."""
    if not isinstance(outcome, Survival):
        found = calibration_response(outcome.event, np.exp(-np.logaddexp(0.0, -linear)), level=level)
        return found.slope, found
    try:
        fit = cox(outcome.time, outcome.event, linear, names=["score"], strata=code, level=level)
    except AnalysisError:
        return Estimate(NAN, NAN, NAN), None
    lower, upper = (math.log(v) for v in fit.interval[0])
    return Estimate(float(fit.coefficient[0]), lower, upper), None
