"""Checks that every survival function shares: what is no survival data is refused in words, by its row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from opsonin.errors import AnalysisError

DATES = "; count days from one origin, such as (end − start).dt.days in pandas"
TO_EVENTS = 'give 1 (event) or 0 (censored), such as event = (status == "dead")'


def checked(time: Any, event: Any, entry: Any = None) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Times and entries as float, events as bool, of one length, finite and in order.

    Raises: AnalysisError naming the first row (counted from 1) that cannot be used.
    """
    t, d = numbers(time, "survival time"), np.asarray(event)
    if t.ndim != 1 or t.shape != d.shape:
        raise AnalysisError(f"survival data have one event flag for each time; shapes {t.shape} and {d.shape} given.")
    d = _events(d)
    _refuse(~np.isfinite(t), t, "is not a number; leave out rows without a time")
    _refuse(t < 0, t, "is negative; survival times count from the origin")
    if entry is None:
        return t, d, None
    start = numbers(entry, "entry time")
    if start.shape != t.shape:
        raise AnalysisError(f"there are {t.size} times but {start.size} entry times.")
    _refuse(~(start < t), t, "is not after its entry time")
    return t, d, start


def numbers(values: Any, what: str) -> np.ndarray:
    """Values as float, missing ones as NaN.

    Raises: AnalysisError where they are dates, durations or texts, naming the first row (counted from 1).
    """
    array = np.asarray(values)
    if array.dtype.kind in "biuf":
        return array.astype(float)
    if array.dtype.kind == "M":
        raise AnalysisError(f"the {what}s are dates{DATES}.")
    if array.dtype.kind == "m":
        raise AnalysisError(f'the {what}s are durations; divide them by pandas.Timedelta("1 day").')
    out = np.full(array.shape, np.nan)
    for place, value in np.ndenumerate(array):
        if value is None or value is pd.NaT or value is pd.NA:
            continue
        try:
            out[place] = float(value)
        except (TypeError, ValueError):
            dated = hasattr(value, "isoformat") or _reads_as_date(value)
            how = "days, or any one unit, as numbers" if "time" in what else "numbers"
            problem = f"is a date{DATES}" if dated else f"is no number; give {how}"
            raise AnalysisError(f"the {what} {str(value)!r} of row {place[0] + 1} {problem}.") from None
    return out


def checked_level(level: float) -> float:
    """The confidence level of an interval.

    Raises: AnalysisError where it is not between 0 and 1.
    """
    if not 0 < level < 1:
        raise AnalysisError(f"the level of an interval lies between 0 and 1, such as 0.95; {level:g} was given.")
    return float(level)


def responses(values: Any) -> np.ndarray:
    """Responses as bool, one for each patient.

    Raises: AnalysisError where there is none, or one is neither 1 nor 0, naming its row (counted from 1).
    """
    flags = numbers(values, "response")
    wrong = ~np.isin(flags, (0.0, 1.0))
    if flags.ndim != 1 or not flags.size or wrong.any():
        row = f"; row {int(np.flatnonzero(wrong)[0]) + 1} is not" if flags.ndim == 1 and wrong.any() else ""
        raise AnalysisError(f"a response is 1 (yes) or 0 (no) for each patient{row}; leave out patients without one.")
    return flags == 1.0


def group_codes(group: Any, n: int) -> tuple[list[str], np.ndarray]:
    """The names of the groups in sorted order (numbers by size), and the place of each row's among them.

    Raises: AnalysisError where there is not one group for each of `n` times, or one is missing.
    """
    values = np.asarray(group)
    if values.shape != (n,):
        raise AnalysisError(f"there are {n} times but {values.size} groups.")
    _refuse_missing(values, "group")
    if values.dtype.kind in "iuf":
        distinct, code = np.unique(values, return_inverse=True)
        return [f"{v:.15g}" for v in distinct], code.reshape(-1)
    distinct, code = np.unique(values.astype(str), return_inverse=True)
    return distinct.tolist(), code.reshape(-1)


def strata_codes(strata: Any, n: int) -> np.ndarray:
    """Integer codes 0, 1, … of the strata; all 0 where there are none."""
    if strata is None:
        return np.zeros(n, dtype=np.int64)
    values = np.asarray(strata)
    if values.shape != (n,):
        raise AnalysisError(f"there are {n} times but strata of shape {values.shape}.")
    _refuse_missing(values, "stratum")
    return np.unique(values.astype(str), return_inverse=True)[1].reshape(-1)


def _events(d: np.ndarray) -> np.ndarray:
    if d.dtype == bool:
        return d
    texts = sorted({v for v in d.tolist() if isinstance(v, str)}) if d.dtype.kind in "OUS" else []
    if texts:
        texts = [v for v in texts if v not in ("0", "1")] or texts  # beside a word, NumPy makes texts of numbers too
        row = next(k for k, v in enumerate(d.tolist(), start=1) if v in texts)
        seen = ", ".join(repr(v) for v in texts[:4]) + (", …" if len(texts) > 4 else "")
        raise AnalysisError(f"the events are texts ({seen}; the first in row {row}); {TO_EVENTS}.")
    flags = numbers(d, "event")
    wrong = ~np.isin(flags, (0.0, 1.0))
    if not wrong.any():
        return flags == 1.0
    where = int(np.flatnonzero(wrong)[0])
    if np.isnan(flags[where]):
        raise AnalysisError(f"the event of row {where + 1} is missing; leave out rows without one, or {TO_EVENTS}.")
    hint = " Codes 1 and 2 are R's censored and dead: give event = (status == 2)." if set(flags) == {1.0, 2.0} else ""
    raise AnalysisError(f"the event of row {where + 1} is {flags[where]:g}; give 1 (event) or 0 (censored).{hint}")


def _reads_as_date(value: Any) -> bool:
    """Whether a text has the look of a date: two or three groups of digits with - / or . between them."""
    parts = str(value).replace("/", "-").replace(".", "-").split("T")[0].split(" ")[0].split("-")
    return len(parts) == 3 and all(part.isalnum() for part in parts) and any(part.isdigit() for part in parts)


def _refuse_missing(values: np.ndarray, what: str) -> None:
    missing = pd.isna(values)
    if missing.any():
        row = int(np.flatnonzero(missing)[0]) + 1
        raise AnalysisError(f"the {what} of row {row} is missing; leave the row out, or call it something.")


def _refuse(wrong: np.ndarray, time: np.ndarray, problem: str) -> None:
    if wrong.any():
        where = int(np.flatnonzero(wrong)[0])
        raise AnalysisError(f"the survival time {time[where]:g} of row {where + 1} {problem}.")
