"""The `responses` table from the `lesions` table, for any trial, virtual or real."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from opsonin.criteria import irecist, lugano, marrow, recist
from opsonin.criteria.assessment import Assessment
from opsonin.criteria.lesion_arrays import TOO_SMALL_MM as TOO_SMALL_MM
from opsonin.criteria.lesion_arrays import LesionArrays, lay_out, new_lesions, non_target_codes
from opsonin.criteria.lesion_checks import check_lesions
from opsonin.criteria.reasons import best_reasons, visit_reasons
from opsonin.errors import CriteriaError

CRITERIA: dict[str, Any] = {"RECIST 1.1": recist, "iRECIST": irecist, "Lugano": lugano, "marrow": marrow}
SCORE = "Deauville score"  # markers of the measurements table that Lugano's rules read
SPLEEN = "spleen length"
_COLUMNS = [
    "subject_id",
    "criteria",
    "day",
    "best",
    "overall",
    "target",
    "non_target",
    "new_lesion",
    "sum_mm",
    "nadir_mm",
    "change_from_baseline_percent",
    "change_from_nadir_percent",
    "confirmed",
    "source",
    "reason",
]


def responses_from_lesions(
    lesions: pd.DataFrame,
    criteria: str = "RECIST 1.1",
    *,
    confirm: bool = False,
    minimum_confirmation_days: float = 28.0,
    minimum_stable_days: float = 42.0,
    measurements: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Responses at every visit after baseline and the best one, one row each, with the columns of `responses`.

    lesions: the record's table. Baseline is a subject's last visit until day 0.0, or the first one where all are later.
    criteria: "RECIST 1.1", "iRECIST", "Lugano", "marrow".   confirm, minimum_…: as in `recist.assess`.
    `confirmed` says of each response whether it was seen again (whether that is asked for or not), of each iUPD whether
    it was confirmed.   `reason`: the rule and the measurements it was applied to.
    measurements: the record's table, for Lugano: markers "Deauville score" and "spleen length" (mm), at the days of the
    lesions; diameters are a lesion's two (`perpendicular_mm`; without it lesions are taken to be round), and `sum_mm`
    then adds longest diameters while the change from baseline is that of the sum of products.
    Raises: CriteriaError for other criteria, and as `check_lesions` and `lay_out` say.
    """
    if criteria not in CRITERIA:
        raise CriteriaError(f"the criteria {criteria!r} are not known; known are {', '.join(CRITERIA)}.")
    check_lesions(lesions)
    if lesions.empty:
        return pd.DataFrame(columns=pd.Index(_COLUMNS))
    arrays = lay_out(lesions)
    codes, grown = non_target_codes(arrays.non_target)
    seen, reported = new_lesions(arrays)
    given: dict[str, Any] = {
        "non_target": codes,
        "confirm": confirm,
        "minimum_confirmation_days": minimum_confirmation_days,
        "minimum_stable_days": minimum_stable_days,
        "nodal": arrays.target.nodal,
    }
    size = arrays.target.size
    if criteria == "iRECIST":
        given |= {"new": seen, "non_target_grown": grown}
    else:
        given |= {"new_lesion": reported}
    if criteria == "Lugano":
        size, given = _two_diameters(arrays, given, measurements)
    judged = CRITERIA[criteria].assess(size[:, :, 0], size[:, :, 1:], arrays.days, **given)
    return _rows(arrays, judged, criteria, confirm, reported)


def _two_diameters(
    arrays: LesionArrays, given: dict[str, Any], measurements: pd.DataFrame | None
) -> tuple[np.ndarray, dict[str, Any]]:
    """The longest diameters, and what Lugano's rules read besides."""
    one, other = arrays.target.size, arrays.target.other
    other = np.where(np.isnan(other), one, other)
    short = np.where(np.isnan(one), np.nan, np.minimum(one, other))
    more = {"short_baseline_mm": short[:, :, 0], "short_mm": short[:, :, 1:]}
    if measurements is not None:
        more |= {"score": _marker(arrays, measurements, SCORE), "spleen_mm": _marker(arrays, measurements, SPLEEN)}
    return np.fmax(one, other), given | more


def _marker(arrays: LesionArrays, measurements: pd.DataFrame, marker: str) -> tuple[np.ndarray, np.ndarray]:
    """A marker at baseline (its last value until then) and at the visits, NaN where it was not measured that day."""
    base, at = np.full(len(arrays.subjects), np.nan), np.full(arrays.days.shape, np.nan)
    rows = measurements[(measurements["marker"] == marker) & measurements["value"].notna()].sort_values("day")
    place = {subject: k for k, subject in enumerate(arrays.subjects)}
    for subject, day, value in zip(rows["subject_id"].astype(str), rows["day"], rows["value"], strict=True):
        p = place.get(subject)
        if p is not None and day <= arrays.baseline_day[p]:
            base[p] = value
        elif p is not None:
            at[p, np.abs(arrays.days[p] - day) < 1e-6] = value
    return base, at


def _rows(arrays: LesionArrays, judged: Assessment, criteria: str, confirm: bool, reported: np.ndarray) -> pd.DataFrame:
    module = CRITERIA[criteria]
    words = np.array([*module.RESPONSES], dtype=object)
    words[0] = None
    other = words.copy()
    other[recist.SD] = "non-iCR/non-iUPD" if criteria == "iRECIST" else "non-CR/non-PD"
    patient, visit = np.nonzero(~np.isnan(arrays.days))
    subjects = np.array(arrays.subjects, dtype=object)
    overall = judged.overall[patient, visit]
    known = (overall == recist.CR) | (overall == recist.PR)
    if criteria == "iRECIST":
        known |= (overall == recist.PD) | (overall == irecist.CPD)
    confirmed = pd.array(judged.confirmed[patient, visit], dtype="boolean")
    confirmed[~known] = pd.NA
    visits = pd.DataFrame(
        {
            "subject_id": subjects[patient],
            "day": arrays.days[patient, visit],
            "best": False,
            "overall": words[overall],
            "target": words[judged.target[patient, visit]],
            "non_target": other[judged.non_target[patient, visit]],
            "new_lesion": reported[patient, visit],
            "sum_mm": judged.sum_mm[patient, visit],
            "nadir_mm": judged.nadir_mm[patient, visit],
            "change_from_baseline_percent": judged.change_from_baseline[patient, visit],
            "change_from_nadir_percent": judged.change_from_nadir[patient, visit],
            "confirmed": confirmed,
            "reason": visit_reasons(arrays, judged, module.RULES, patient, visit),
        }
    )
    again = pd.array(judged.best_confirmed, dtype="boolean")
    again[(judged.best != recist.CR) & (judged.best != recist.PR)] = pd.NA
    best = pd.DataFrame(
        {
            "subject_id": subjects,
            "day": judged.best_day,
            "best": True,
            "overall": words[judged.best],
            "confirmed": again,
            "reason": best_reasons(judged, module.RESPONSES, confirm),
        }
    )
    table = pd.concat([part for part in (visits, best) if len(part)], ignore_index=True)
    table["criteria"] = criteria
    table["source"] = "derived"
    return table.reindex(columns=_COLUMNS)
