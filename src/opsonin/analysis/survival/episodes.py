"""Follow-up split where a marker was measured, so that everyone is judged by what was known of them at the time.

A patient who lives longer has more time to show a late value; a model that takes it as known from the start makes the
value look good (immortal time). Here a value counts from the day it was measured, and before it the patient belongs
to the value measured earlier, or to nobody. Source: Andersen & Gill (1982), Ann Stat 10:1100; Suissa (2008), Am J
Epidemiol 167:492; Therneau & Grambsch (2000), Modeling Survival Data, ch. 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from opsonin.analysis.survival.data import checked
from opsonin.errors import AnalysisError


@dataclass(frozen=True)
class Episodes:
    """Counting-process rows, for `cox(rows["exit"], rows["event"], rows[markers], entry=rows["entry"])`.

    rows: subject_id, entry, exit (at risk after entry and up to exit), event, then the markers and what else the
    follow-up table held.   never_measured: subjects without any value while they were at risk.   events,
    events_left_out: with a value of every marker, and without (on day 0, before the first one, or after a value had
    lost its validity).
    """

    rows: pd.DataFrame
    markers: list[str]
    subjects: int
    never_measured: list[str]
    events: int
    events_left_out: int

    @property
    def sentence(self) -> str:
        """Who is judged, and who is not, in words."""
        said = f"{self.subjects} patients with {self.events} events, each by the latest value known at the time"
        gone = len(self.never_measured)
        if gone:
            said += f"; {gone} left out for want of a value while at risk"
        if self.events_left_out:
            said += f"; {self.events_left_out} events fell on day 0 or where no value was known"
        return said + "."


def episodes(
    survival: pd.DataFrame,
    measured: pd.DataFrame,
    *,
    delay_days: float | int = 0.0,
    valid_days: float | int | None = None,
) -> Episodes:
    """Split each subject's follow-up at the days on which markers were measured.

    survival: one row a subject with subject_id, day (of the event or of censoring, from 0) and event; further columns
    (treatment, dose level) go with every row.   measured: subject_id, day (the same clock; 0 or before is baseline)
    and one column per marker, empty where it was not measured that day.   delay_days: a value counts from so many
    days after its sample (the time to a result).   valid_days: how long a value may be carried forward; None: to the
    next one.
    Raises: AnalysisError for missing columns, a subject with two follow-ups, two values of one day, or no value at all.
    """
    if not delay_days >= 0 or (valid_days is not None and not valid_days > 0):
        raise AnalysisError("delay_days is 0 or more, and valid_days above 0.")
    markers = _markers(survival, measured)
    day, event, _ = checked(survival["day"], survival["event"])
    followed = survival.assign(subject_id=survival["subject_id"].astype(str), day=day, event=event)
    twice = followed["subject_id"].duplicated()
    if twice.any():
        raise AnalysisError(f"subject {followed['subject_id'][twice].iloc[0]!r} has more than one follow-up; give one.")
    known = _known(measured, markers, float(delay_days))
    known = known[known["subject_id"].isin(followed["subject_id"])]
    rows = _between_knots(followed, known, valid_days)
    for marker in markers:
        rows[marker] = _latest(rows, known[["subject_id", "known", marker]].dropna(), marker, valid_days)
    covered = rows[markers].notna().all(axis=1)
    kept = rows[covered].sort_values(["_order", "entry"], kind="stable").reset_index(drop=True)
    if not len(kept):
        raise AnalysisError(
            f"nobody has a value of {', '.join(markers)} while at risk; look at the days, or at valid_days."
        )
    there = set(kept["subject_id"])
    others = [c for c in survival.columns if c not in ("subject_id", "day", "event")]
    return Episodes(
        kept[["subject_id", "entry", "exit", "event", *markers, *others]],
        markers,
        len(there),
        [s for s in followed["subject_id"] if s not in there],
        int(kept["event"].sum()),
        int(rows.loc[~covered, "event"].sum() + followed.loc[followed["day"] <= 0, "event"].sum()),
    )


def _markers(survival: pd.DataFrame, measured: pd.DataFrame) -> list[str]:
    """The columns of `measured` that are values."""
    for table, name, columns in (
        (survival, "the follow-up table", ("subject_id", "day", "event")),
        (measured, "the measurements", ("subject_id", "day")),
    ):
        absent = [c for c in columns if c not in table]
        if absent:
            raise AnalysisError(f"{name} lacks the column {absent[0]!r}; it needs {', '.join(columns)}.")
    markers = [str(c) for c in measured.columns if c not in ("subject_id", "day")]
    shared = [m for m in markers if m in survival or m in ("entry", "exit")]
    if not markers or shared:
        why = f"{shared[0]!r} stands in both tables" if shared else "there is none"
        raise AnalysisError(f"the measurements need one column per marker, named as nothing else is; {why}.")
    return markers


def _known(measured: pd.DataFrame, markers: list[str], delay: float) -> pd.DataFrame:
    """The measurements with the day from which each is known."""
    known = measured.assign(subject_id=measured["subject_id"].astype(str))
    try:
        known["known"] = pd.to_numeric(known["day"]).astype(float) + delay
        known[markers] = known[markers].apply(pd.to_numeric).astype(float)
    except (TypeError, ValueError) as problem:
        raise AnalysisError(f"days and markers are numbers ({problem}).") from problem
    if not np.isfinite(known["known"]).all():
        who = known["subject_id"][~np.isfinite(known["known"])].iloc[0]
        raise AnalysisError(f"a measurement of subject {who!r} has no day; leave it out.")
    twice = known.duplicated(["subject_id", "day"])
    if twice.any():
        who, when = known.loc[twice, ["subject_id", "day"]].iloc[0]
        raise AnalysisError(f"subject {who!r} has two rows of measurements on day {when:g}; give one a day.")
    return known.sort_values("known", kind="stable")


def _between_knots(followed: pd.DataFrame, known: pd.DataFrame, valid: float | int | None) -> pd.DataFrame:
    """One row between any two days on which what is known of a subject changes; the event belongs to the last."""
    ends = [] if valid is None else [known[["subject_id"]].assign(entry=known["known"] + valid)]
    knots = [known[["subject_id"]].assign(entry=known["known"]), *ends]
    knots.append(followed[["subject_id"]].assign(entry=0.0))
    every = pd.concat(knots).assign(entry=lambda k: k["entry"].clip(lower=0.0)).drop_duplicates()
    last = followed.assign(_order=np.arange(len(followed))).rename(columns={"day": "_day"})
    rows = every.merge(last, on="subject_id")
    rows = rows[rows["entry"] < rows["_day"]].sort_values(["_order", "entry"], kind="stable")
    following = rows.groupby("_order")["entry"].shift(-1)
    rows["exit"] = following.fillna(rows["_day"])
    rows["event"] = rows["event"] & following.isna()
    return rows.sort_values("entry", kind="stable")


def _latest(rows: pd.DataFrame, known: pd.DataFrame, marker: str, valid: float | int | None) -> np.ndarray:
    """The last value known when each row begins, of the rows in order of entry; NaN where there is none (any more)."""
    found = pd.merge_asof(
        rows[["subject_id", "entry"]], known, left_on="entry", right_on="known", by="subject_id", direction="backward"
    )
    values = found[marker].to_numpy(dtype=float)
    if valid is None:
        return values
    return np.where(found["entry"] - found["known"] < valid, values, np.nan)
