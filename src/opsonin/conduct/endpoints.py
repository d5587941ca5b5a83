"""What a design looks at beside DLTs, read from a record: responses, worst grades, an immune effect.

The same for a virtual and a real trial. Days are a subject's own: 0.0 is the start of protocol day 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from opsonin.criteria import responses_from_lesions
from opsonin.errors import DesignError

GOOD = ("CR", "PR", "iCR", "iPR")
OVER = ("PD", "iCPD")  # after which no response counts
AGAIN_DAYS = 28.0  # a response is confirmed no sooner than four weeks after it (Eisenhauer 2009, section 4.6)
_LEAVES = ("off study", "death")


@dataclass(frozen=True)
class ImmuneEndpoint:
    """A marker on a day.   day: of the subject, 14.0 for protocol day 15.   change: "" the value itself, "ratio" or
    "difference" to the baseline."""

    marker: str
    day: float
    change: str = ""


@dataclass(frozen=True)
class Endpoints:
    """What counts beside DLTs.   response_days: a response by then counts; None where the protocol says nothing.
    confirm: only if seen again four weeks later.   criteria: by which lesions are judged where no response is recorded.
    """

    response_days: float | None = None
    confirm: bool = False
    criteria: str = "RECIST 1.1"
    immune: ImmuneEndpoint | None = None


def response_days(
    record: Any, subjects: pd.Series, asked: Endpoints, design: str
) -> tuple[Float[np.ndarray, " subject"], Float[np.ndarray, " subject"]]:
    """The day on which each subject's response was known, inf without one, and from which on nothing more can come.

    The second is that of the response, of progression, of leaving, or the end of the time allowed.
    Raises: DesignError where the protocol does not say until when a response counts, or nothing of it is recorded.
    """
    until = asked.response_days
    if until is None:
        raise DesignError(
            f'the design {design!r} looks at responses; say until when they count, such as response = "12 weeks" in '
            "the study's [escalation]."
        )
    rows = record.responses
    if rows.empty and not record.lesions.empty:
        rows = responses_from_lesions(record.lesions, asked.criteria, confirm=asked.confirm)
    if rows.empty and len(subjects):
        raise DesignError(
            f"the design {design!r} looks at responses, but the record has neither responses nor lesions."
        )
    rows = rows.assign(subject_id=rows["subject_id"].astype(str), day=rows["day"].astype(float))
    named = rows["criteria"].astype(str)
    rows = rows[named == named.groupby(rows["subject_id"]).transform("min")]  # of several the first by name
    visits = rows[~rows["best"].fillna(False).astype(bool)]
    over = visits[visits["overall"].isin(OVER)].groupby("subject_id")["day"].min()
    end = subjects.map(over).astype(float).fillna(np.inf).to_numpy()
    good = _good_rows(rows, visits, asked.confirm)
    before = good["day"].to_numpy() <= np.minimum(good["subject_id"].map(over).astype(float).fillna(np.inf), until)
    first = good[before].groupby("subject_id")["known"].min()
    known = subjects.map(first).astype(float).fillna(np.inf).to_numpy()
    left = record.disposition[record.disposition["milestone"].isin(_LEAVES)]
    gone = left["day"].astype(float).groupby(left["subject_id"].astype(str)).min()
    last = np.minimum(np.minimum(subjects.map(gone).astype(float).fillna(np.inf).to_numpy(), end), until)
    return known, np.where(np.isfinite(known), known, last)


def _good_rows(rows: pd.DataFrame, visits: pd.DataFrame, confirm: bool) -> pd.DataFrame:
    """The rows that show a response, with the day on which that was `known`: of a confirmed one when it was seen again.

    Visits where there are any, else the best response.
    """
    table = visits if len(visits) else rows
    good = table[table["overall"].isin(GOOD)]
    if not confirm:
        return good.assign(known=good["day"])
    sure = good[good["confirmed"].fillna(False).astype(bool)] if "confirmed" in good else good.iloc[:0]
    days = {who: np.sort(mine["day"].to_numpy()) for who, mine in good.groupby("subject_id")}
    known = []
    for who, day in zip(sure["subject_id"], sure["day"], strict=True):
        again = days[who][days[who] >= day + AGAIN_DAYS - 1e-9]
        known.append(float(again[0]) if len(again) else float(day) + AGAIN_DAYS)
    return sure.assign(known=known)


def worst_grades(
    record: Any, subjects: pd.Series, limiting: Bool[np.ndarray, " event"], window_days: float
) -> Int[np.ndarray, " subject"]:
    """The worst grade of each subject's adverse events that began within the window, 0 without any.

    limiting: events that count as dose-limiting. Those that are said to be unrelated to treatment are left out, unless
    they are dose-limiting.
    Raises: DesignError for an event without a grade.
    """
    events = record.adverse_events
    if events.empty:
        return np.zeros(len(subjects), dtype=np.int64)
    day = events["start_day"].to_numpy(dtype=float, na_value=np.nan)
    related = (events["related"].astype(str) != "no").to_numpy()
    counted = events[(related | limiting) & (day >= 0) & (day < window_days)]
    unknown = counted[counted["grade"].isna()]
    if len(unknown):
        one = unknown.iloc[0]
        raise DesignError(
            f"the design looks at grades, but {one['term']} of {one['subject_id']} on day {float(one['start_day']):g} "
            "has none; record its grade."
        )
    worst = counted["grade"].astype(int).groupby(counted["subject_id"].astype(str)).max()
    return subjects.map(worst).astype(float).fillna(0).to_numpy().astype(np.int64)


def immune_values(
    record: Any, subjects: pd.Series, asked: Endpoints, design: str
) -> tuple[Float[np.ndarray, " subject"], Float[np.ndarray, " subject"]]:
    """Each subject's immune effect, NaN unknown, and the day on which it was measured.

    That is the value on that protocol day; of several compartments that of blood. A change is from the value marked as
    baseline, or, where none is, from the last one up to the start of day 1.
    Raises: DesignError where the protocol names no marker, or nobody's was measured.
    """
    immune = asked.immune
    if immune is None:
        raise DesignError(
            f"the design {design!r} looks at an immune effect; say which in the study's [escalation], such as "
            'immune = { marker = "CD8+", day = 15, change = "ratio" }.'
        )
    rows = record.measurements
    mine = rows[rows["marker"].astype(str) == immune.marker]
    if mine.empty and len(subjects):
        raise DesignError(f"the design {design!r} looks at {immune.marker!r}, which the record has no measurement of.")
    if (mine["compartment"].astype(str) == "blood").any():
        mine = mine[mine["compartment"].astype(str) == "blood"]
    mine = mine.assign(
        subject_id=mine["subject_id"].astype(str), day=mine["day"].astype(float), value=mine["value"].astype(float)
    )
    then = mine[np.floor(mine["day"]) == np.floor(immune.day)].sort_values("day").groupby("subject_id")["value"].first()
    value = subjects.map(then).astype(float).to_numpy()
    if immune.change:
        marked = mine["baseline"].fillna(False).astype(bool)
        flagged = mine[marked if marked.any() else mine["day"] <= 0.0].sort_values("day")
        base = subjects.map(flagged.groupby("subject_id")["value"].last()).astype(float).to_numpy()
        positive = np.where(base > 0, base, np.nan)
        value = value / positive if immune.change == "ratio" else value - base
    return value, np.full(len(subjects), immune.day)
