"""The `responses` table from the `lesions` table, for any trial, virtual or real."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from opsonin.criteria import recist
from opsonin.errors import CriteriaError

TOO_SMALL_MM = 5.0  # counted for a lesion that is seen but too small to measure: Eisenhauer 2009, section 4.3.2
_NEEDED = ("subject_id", "lesion_id", "day", "kind", "diameter_mm", "state")
_BOTH = {recist.SD: "non-CR/non-PD"}


def responses_from_lesions(
    lesions: pd.DataFrame,
    criteria: str = "RECIST 1.1",
    *,
    confirm: bool = False,
    minimum_confirmation_days: float = 28.0,
    minimum_stable_days: float = 42.0,
) -> pd.DataFrame:
    """Responses at every visit after baseline and the best one, one row each, with the columns of `responses`.

    lesions: the record's table. Baseline is a subject's last visit until day 0.0, or the first one where all are later.
    confirm, minimum_…: as in `recist.assess`.
    Raises: CriteriaError for other criteria, missing columns, or a lesion with two rows on one day.
    """
    if criteria != "RECIST 1.1":
        raise CriteriaError(f"the criteria {criteria!r} are not known; known are RECIST 1.1.")
    missing = [name for name in _NEEDED if name not in lesions]
    if missing:
        raise CriteriaError(
            f"the lesions table has no column {', '.join(missing)}; responses need {', '.join(_NEEDED)}."
        )
    if lesions.empty:
        return pd.DataFrame(columns=_COLUMNS)
    arrays = _arrays(lesions)
    judged = recist.assess(
        arrays["baseline"],
        arrays["diameters"],
        arrays["days"],
        nodal=arrays["nodal"],
        new_lesion=arrays["new"],
        non_target=arrays["non_target"],
        confirm=confirm,
        minimum_confirmation_days=minimum_confirmation_days,
        minimum_stable_days=minimum_stable_days,
    )
    return _rows(arrays, judged, criteria, confirm)


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


def _arrays(lesions: pd.DataFrame) -> dict[str, Any]:
    """Patient × lesion × visit arrays from the long table."""
    table = lesions.copy()
    table["subject_id"] = table["subject_id"].astype(str)
    doubled = table.duplicated(["subject_id", "lesion_id", "day"])
    if doubled.any():
        row = table[doubled].iloc[0]
        raise CriteriaError(
            f"lesion {row['lesion_id']} of subject {row['subject_id']} has two rows on day {row['day']}; keep one."
        )
    table["size"] = _sizes(table)
    subjects = table["subject_id"].drop_duplicates().tolist()
    patient = table["subject_id"].map({s: k for k, s in enumerate(subjects)}).to_numpy(dtype=np.int64)
    base = _baseline_days(table)
    after = table["day"].to_numpy(dtype=float) > table["subject_id"].map(base).to_numpy(dtype=float)
    visit = table[after].groupby("subject_id")["day"].rank(method="dense").astype(int) - 1
    visit = visit.reindex(table.index, fill_value=-1).to_numpy()
    shape = (len(subjects), int(visit.max(initial=-1)) + 1)
    days = np.full(shape, np.nan)
    days[patient[after], visit[after]] = table["day"].to_numpy(dtype=float)[after]
    kind = table["kind"].astype(str).to_numpy()
    target = kind == "target"
    index = _lesion_numbers(table, target)
    at_base = ~after & (table["day"].to_numpy(dtype=float) == table["subject_id"].map(base).to_numpy(dtype=float))
    baseline = np.full((len(subjects), int(index.max(initial=-1)) + 1), np.nan)
    nodal = np.zeros(baseline.shape, dtype=bool)
    size = table["size"].to_numpy(dtype=float)
    here = target & at_base
    baseline[patient[here], index[here]] = size[here]
    if "lymph_node" in table:
        nodal[patient[here], index[here]] = table["lymph_node"].fillna(False).astype(bool).to_numpy()[here]
    diameters = np.full((*baseline.shape, shape[1]), np.nan)
    here = target & after
    diameters[patient[here], index[here], visit[here]] = size[here]
    new = np.zeros(shape, dtype=bool)
    here = (kind == "new") & after & ~np.isin(table["state"].astype(str), ["absent", "not evaluable"])
    new[patient[here], visit[here]] = True
    non_target = _non_target(table, patient, visit, kind == "non-target", shape)
    return {
        "subjects": subjects,
        "baseline": baseline,
        "diameters": diameters,
        "days": days,
        "nodal": nodal,
        "new": new,
        "non_target": non_target,
    }


def _sizes(table: pd.DataFrame) -> np.ndarray:
    """What each row counts in the sum: its diameter, 5 mm where too small to measure, 0 where absent."""
    state = table["state"].astype(str).to_numpy()
    size = table["diameter_mm"].to_numpy(dtype=float, na_value=np.nan)
    small = (state == "too small to measure") & np.isnan(size)
    size = np.where(small, TOO_SMALL_MM, size)
    size = np.where(state == "absent", 0.0, size)
    return np.where(state == "not evaluable", np.nan, size)


def _baseline_days(table: pd.DataFrame) -> dict[Any, Any]:
    first = table.groupby("subject_id")["day"].min()
    last_before = table[table["day"] <= 0].groupby("subject_id")["day"].max()
    return last_before.reindex(first.index).fillna(first).to_dict()


def _lesion_numbers(table: pd.DataFrame, target: np.ndarray) -> np.ndarray:
    """0, 1, … for each subject's target lesions, −1 for other rows."""
    rows = table.loc[target, ["subject_id", "lesion_id"]].astype(str)
    first = rows.drop_duplicates()
    number = pd.Series(first.groupby("subject_id").cumcount().to_numpy(), index=pd.MultiIndex.from_frame(first))
    index = np.full(len(table), -1)
    index[target] = number.reindex(pd.MultiIndex.from_frame(rows)).to_numpy()
    return index


def _non_target(
    table: pd.DataFrame, patient: np.ndarray, visit: np.ndarray, rows: np.ndarray, shape: tuple[int, int]
) -> np.ndarray:
    """Section 4.3.4: all gone is CR, one unequivocally worse PD, one not evaluated NE, else neither.

    A visit that says nothing of a non-target lesion known from before is NE.
    """
    made = np.full(shape, recist.NONE)
    if not rows.any():
        return made
    state = table["state"].astype(str).to_numpy()
    known = pd.Series(table["lesion_id"].astype(str).to_numpy()[rows]).groupby(patient[rows]).nunique()
    expected = np.zeros(shape[0], dtype=int)
    expected[known.index.to_numpy(dtype=int)] = known.to_numpy()
    later = rows & (visit >= 0)

    def count(which: np.ndarray) -> np.ndarray:
        total = np.zeros(shape, dtype=int)
        np.add.at(total, (patient[later & which], visit[later & which]), 1)
        return total

    every = np.ones(len(table), dtype=bool)
    gone, worse = count(state == "absent"), count(state == "unequivocal progression")
    looked_at = count(every) - count(state == "not evaluable")
    incomplete = looked_at < expected[:, None]
    made = np.select([worse > 0, incomplete, gone == expected[:, None]], [recist.PD, recist.NE, recist.CR], recist.SD)
    return np.where(expected[:, None] > 0, made, recist.NONE)


def _rows(arrays: dict[str, Any], judged: recist.Assessment, criteria: str, confirm: bool) -> pd.DataFrame:
    words = np.array([*recist.RESPONSES], dtype=object)
    words[0] = None
    patient, visit = np.nonzero(~np.isnan(arrays["days"]))
    subjects = np.array(arrays["subjects"], dtype=object)
    other = words.copy()
    other[recist.SD] = _BOTH[recist.SD]
    visits = pd.DataFrame(
        {
            "subject_id": subjects[patient],
            "day": arrays["days"][patient, visit],
            "best": False,
            "overall": words[judged.overall[patient, visit]],
            "target": words[judged.target[patient, visit]],
            "non_target": other[judged.non_target[patient, visit]],
            "new_lesion": arrays["new"][patient, visit],
            "sum_mm": judged.sum_mm[patient, visit],
            "nadir_mm": judged.nadir_mm[patient, visit],
            "change_from_baseline_percent": judged.change_from_baseline[patient, visit],
            "change_from_nadir_percent": judged.change_from_nadir[patient, visit],
        }
    )
    best = pd.DataFrame(
        {"subject_id": subjects, "day": judged.best_day, "best": True, "overall": words[judged.best]},
    )
    if confirm:
        best["confirmed"] = judged.best >= recist.PR
    table = pd.concat([visits, best], ignore_index=True)
    table["criteria"] = criteria
    table["source"] = "derived"
    return table.reindex(columns=_COLUMNS)
