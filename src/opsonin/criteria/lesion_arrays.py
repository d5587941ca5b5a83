"""The record's lesions table as arrays over (patient, lesion, visit), which the criteria judge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from opsonin.criteria import recist
from opsonin.criteria.irecist import NewLesions
from opsonin.criteria.lesion_checks import without_baseline

TOO_SMALL_MM = 5.0  # counted for a lesion that is seen but too small to measure: Eisenhauer 2009, section 4.3.2
SAME_VISIT_DAYS = 14.0  # scans of one scan_id within this time are one visit (CT and MRI are seldom on one day)
STATES = ("", "measured", "too small to measure", "not evaluable", "absent", "present", "unequivocal progression",
          "further increase")  # fmt: skip
UNSEEN, MEASURED, TOO_SMALL, NOT_EVALUABLE, ABSENT, PRESENT, WORSE, FURTHER = range(8)


@dataclass(frozen=True, eq=False)
class Placed:
    """Lesions of one kind. Visit 0 is baseline.

    names: text, "" where a patient has no such lesion.   size, other: the two diameters in mm, 0 where gone, NaN where
    not evaluated.   state: index into STATES, 0 where the visit says nothing of the lesion.   nodal: is a lymph node.
    """

    names: Any
    size: Float[np.ndarray, "patient lesion visit"]
    other: Float[np.ndarray, "patient lesion visit"]
    state: Int[np.ndarray, "patient lesion visit"]
    nodal: Bool[np.ndarray, "patient lesion"]


@dataclass(frozen=True, eq=False)
class LesionArrays:
    """A lesions table laid out.   days: of the visits after baseline, NaN beyond a patient's last."""

    subjects: list[str]
    baseline_day: Float[np.ndarray, " patient"]
    days: Float[np.ndarray, "patient visit"]
    target: Placed
    non_target: Placed
    new: Placed


def lay_out(lesions: pd.DataFrame) -> LesionArrays:
    """The arrays of a checked table.

    Baseline is a subject's last visit until day 0.0, or the first where all are later; a lesion's own baseline is its
    last row until then.

    Raises: CriteriaError for a target lesion without a baseline.
    """
    table = lesions.assign(subject_id=lesions["subject_id"].astype(str), lesion_id=lesions["lesion_id"].astype(str))
    table = table.reset_index(drop=True)
    table["day"] = _visit_days(table)
    subjects = table["subject_id"].drop_duplicates().tolist()
    patient = table["subject_id"].map({s: k for k, s in enumerate(subjects)}).to_numpy(dtype=np.int64)
    day = table["day"].to_numpy(dtype=float)
    base = _baseline_days(patient, day, len(subjects))
    after = day > base[patient]
    visit = table[after].groupby("subject_id")["day"].rank(method="dense").astype(int).reindex(table.index).fillna(0)
    table = table.assign(patient=patient, visit=visit.to_numpy(dtype=np.int64))
    table = table.assign(size=_sizes(table, "diameter_mm"), other=_sizes(table, "perpendicular_mm"))
    days = np.full((len(subjects), int(table["visit"].max())), np.nan)
    days[patient[after], table["visit"].to_numpy()[after] - 1] = day[after]
    table = table.sort_values("day", kind="stable")  # so that of several rows before treatment the last one stands
    kinds = {kind: _place(table[table["kind"] == kind], days.shape) for kind in ("target", "non-target", "new")}
    target = kinds["target"]
    bad = (target.names != "") & np.isnan(target.size[:, :, 0])
    if bad.any():
        p, k = np.argwhere(bad)[0]
        mine = table[(table["patient"] == p) & (table["lesion_id"] == target.names[p, k])]
        raise without_baseline((subjects[p], target.names[p, k]), float(mine["day"].min()), float(base[p]))
    return LesionArrays(subjects, base, days, target, kinds["non-target"], kinds["new"])


def _visit_days(table: pd.DataFrame) -> pd.Series:
    """Each row's day; the last of its visit where scans of one scan_id were made on several days."""
    if "scan_id" not in table or table["scan_id"].isna().all():
        return table["day"].astype(float)
    days = table["day"].astype(float)
    groups = days.groupby([table["subject_id"], table["scan_id"].astype("string")])
    last, first = groups.transform("max"), groups.transform("min")
    return days.where(last.isna() | (last - first > SAME_VISIT_DAYS) | ((first <= 0) & (last > 0)), last)


def _baseline_days(patient: np.ndarray, day: np.ndarray, size: int) -> np.ndarray:
    first, last = np.full(size, np.inf), np.full(size, -np.inf)
    np.minimum.at(first, patient, day)
    np.maximum.at(last, patient, np.where(day <= 0, day, -np.inf))
    return np.where(np.isfinite(last), last, first)


def _sizes(table: pd.DataFrame, column: str) -> np.ndarray:
    """What each row counts: its diameter, 5 mm where too small to measure, 0 where absent."""
    if column not in table:
        return np.full(len(table), np.nan)
    state = table["state"].astype(str).to_numpy()
    size = table[column].to_numpy(dtype=float, na_value=np.nan)
    size = np.where((state == "too small to measure") & np.isnan(size), TOO_SMALL_MM, size)
    size = np.where(state == "absent", 0.0, size)
    return np.where(state == "not evaluable", np.nan, size)


def _place(rows: pd.DataFrame, shape: tuple[int, int]) -> Placed:
    first = rows.drop_duplicates(["patient", "lesion_id"])
    number = first.groupby("patient").cumcount().to_numpy(dtype=np.int64)
    many = int(number.max(initial=-1)) + 1
    who = first["patient"].to_numpy(dtype=np.int64)
    names = np.full((shape[0], many), "", dtype=object)
    names[who, number] = first["lesion_id"].to_numpy(dtype=object)
    index = pd.Series(number, index=pd.MultiIndex.from_frame(first[["patient", "lesion_id"]]))
    lesion = index.reindex(pd.MultiIndex.from_frame(rows[["patient", "lesion_id"]])).to_numpy(dtype=np.int64)
    at = rows["patient"].to_numpy(dtype=np.int64), lesion, rows["visit"].to_numpy(dtype=np.int64)
    size, other = (np.full((shape[0], many, shape[1] + 1), np.nan) for _ in range(2))
    state = np.zeros(size.shape, dtype=np.int64)
    nodal = np.zeros((shape[0], many), dtype=bool)
    size[at], other[at] = rows["size"].to_numpy(dtype=float), rows["other"].to_numpy(dtype=float)
    state[at] = rows["state"].astype(str).map({s: k for k, s in enumerate(STATES)}).fillna(PRESENT).to_numpy()
    if "lymph_node" in rows:
        nodes = rows["lymph_node"].fillna(False).to_numpy(dtype=bool)
        nodal[at[0][nodes], lesion[nodes]] = True
    return Placed(names, size, other, state, nodal)


def non_target_codes(placed: Placed) -> tuple[np.ndarray, np.ndarray]:
    """Response of non-target lesions (patient, visit), and whether they grew further since the visit before.

    Section 4.3.3: all gone (nodes below 10 mm) is CR, one unequivocally worse PD, one not evaluated NE, else neither.
    A visit that says nothing of a non-target lesion known from before is NE. "Further increase" is progression of a
    lesion that had progressed unequivocally before.
    """
    known = (placed.names != "")[:, :, None]
    state, size = placed.state[:, :, 1:], placed.size[:, :, 1:]
    ever = np.maximum.accumulate(placed.state == WORSE, axis=2)[:, :, :-1]
    worse = (state == WORSE) | ((state == FURTHER) & ever)
    gone = (state == ABSENT) | (placed.nodal[:, :, None] & (state == MEASURED) & (size < 10))
    looked = (state != UNSEEN) & (state != NOT_EVALUABLE)
    cases = [~known.any(axis=1), worse.any(axis=1), (known & ~looked).any(axis=1), (~known | gone).all(axis=1)]
    codes = np.select(cases, [recist.NONE, recist.PD, recist.NE, recist.CR], recist.SD)
    return codes.astype(np.int64), ((state == FURTHER) & ever).any(axis=1)


def new_lesions(arrays: LesionArrays) -> tuple[NewLesions, np.ndarray]:
    """New lesions of every visit, and at which visits one was reported.

    Once seen, a lesion is there until it is said to be absent, at visits that looked at anything. One of 10 mm (nodes
    15 mm) when first seen is measured and counts in the sum; of others any growth counts (Seymour 2017, new lesions).
    """
    placed = arrays.new
    visits = arrays.days.shape[1]
    known = (placed.names != "")[:, :, None] & np.ones(visits, dtype=bool)
    state, size = placed.state[:, :, 1:], placed.size[:, :, 1:]
    reported = known & (state != UNSEEN) & (state != NOT_EVALUABLE) & (state != ABSENT)
    before, there = np.zeros(known.shape[:2], dtype=bool), np.zeros(known.shape, dtype=bool)
    last, first = np.zeros(before.shape), np.full(before.shape, np.nan)
    more, grown = np.zeros(known.shape, dtype=bool), np.zeros(known.shape, dtype=bool)
    sums = np.zeros(arrays.days.shape)
    least = np.where(placed.nodal, 15.0, 10.0)
    for v in range(visits):
        more[:, :, v] = reported[:, :, v] & ~before
        there[:, :, v] = (before | reported[:, :, v]) & (state[:, :, v] != ABSENT)
        here = size[:, :, v]
        first = np.where(more[:, :, v], here, first)
        measurable = first >= least
        last = np.where(np.isnan(here), last, here)
        larger = (state[:, :, v] == FURTHER) | (here > first)
        grown[:, :, v] = ~measurable & larger & ~more[:, :, v]
        sums[:, v] = np.where(measurable & there[:, :, v], last, 0.0).sum(axis=1)
        before = (before | reported[:, :, v]) & (state[:, :, v] != ABSENT)
    looked = [((p.state[:, :, 1:] != UNSEEN) & (p.state[:, :, 1:] != NOT_EVALUABLE)).any(axis=1)
              for p in (arrays.target, arrays.non_target, placed)]  # fmt: skip
    something = looked[0] | looked[1] | looked[2]
    worse = (state == WORSE).any(axis=1)
    present, first_seen, further = (np.asarray(one.any(axis=1)) for one in (there, more, grown))
    made = NewLesions(present & something, first_seen, sums, further, np.asarray(worse))
    return made, np.asarray(reported.any(axis=1))
