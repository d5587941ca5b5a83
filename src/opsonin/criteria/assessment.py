"""What every set of response criteria gives: each visit of each patient judged, and the best response."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from opsonin.errors import CriteriaError


@dataclass(frozen=True, eq=False)
class Assessment:
    """All visits of all patients judged.

    overall, target, non_target: indices into the criteria's RESPONSES, 0 without a scan.   rule: into their RULES.
    confirmed: visits with a response that was seen again, or a progression that was.
    best: best overall response;   best_day: the day it was reached (0.0 where nothing was assessed).
    progression_day: first PD, inf if none; where progression is to be confirmed, the first iUPD of the run that was.
    open_day: of the unconfirmed progression with which the visits end, inf if none (never with other criteria).
    """

    sum_mm: Float[np.ndarray, "patient visit"]
    nadir_mm: Float[np.ndarray, "patient visit"]
    change_from_baseline: Float[np.ndarray, "patient visit"]
    change_from_nadir: Float[np.ndarray, "patient visit"]
    target: Int[np.ndarray, "patient visit"]
    non_target: Int[np.ndarray, "patient visit"]
    overall: Int[np.ndarray, "patient visit"]
    rule: Int[np.ndarray, "patient visit"]
    confirmed: Bool[np.ndarray, "patient visit"]
    best: Int[np.ndarray, " patient"]
    best_day: Float[np.ndarray, " patient"]
    best_confirmed: Bool[np.ndarray, " patient"]
    progression_day: Float[np.ndarray, " patient"]
    open_day: Float[np.ndarray, " patient"]


def visit_by_visit(
    step: Callable[[int, Any], tuple[Any, Any]], course: Any, scanned: Bool[np.ndarray, "patient visit"]
) -> tuple[Any, list[Any]]:
    """The course after all visits, and each visit judged. step(v, course) judges visit v of every patient.

    A patient without a scan at a visit stays as before.
    """
    judged = []
    for v in range(scanned.shape[1]):
        visit, after = step(v, course)
        here = scanned[:, v]
        both = zip(after, course, strict=True)
        wide = (np.where(here if new.ndim == 1 else here[:, None], new, old) for new, old in both)
        course = type(course)(*wide)
        judged.append(visit)
    return course, judged


def stacked(
    judged: Sequence[Any], scanned: Bool[np.ndarray, "patient visit"], missing: Mapping[str, float | int]
) -> dict[str, np.ndarray]:
    """Fields of the judged visits as (patient, visit).   missing: what each field says where there was no scan."""
    made = {}
    for name, unknown in missing.items():
        columns = [np.where(scanned[:, v], getattr(visit, name), unknown) for v, visit in enumerate(judged)]
        whole = np.stack(columns, axis=1) if columns else np.full(scanned.shape, unknown)
        made[name] = whole.astype(np.int64) if isinstance(unknown, int) else whole.astype(float)
    return made


def check_arrays(
    baseline: Float[np.ndarray, "patient lesion"],
    diameters: Float[np.ndarray, "patient lesion visit"],
    days: Float[np.ndarray, "patient visit"],
) -> None:
    """Raises: CriteriaError for negative diameters or days out of order."""
    if np.any(baseline < 0) or np.any(diameters < 0):
        row = int(np.argwhere((baseline < 0).any(axis=1) | (diameters < 0).any(axis=(1, 2)))[0, 0])
        raise CriteriaError(
            f"a lesion of patient row {row} has a negative diameter; give millimetres, NaN where not seen."
        )
    known = np.where(np.isnan(days), -np.inf, days)
    if known.shape[1] > 1 and np.any(np.maximum.accumulate(known, axis=1)[:, :-1] >= days[:, 1:]):
        raise CriteriaError("the scan days of a patient must rise from visit to visit; sort the visits by day.")
