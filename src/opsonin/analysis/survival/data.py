"""Checks that every survival function shares."""

from __future__ import annotations

from typing import Any

import numpy as np

from opsonin.errors import AnalysisError


def checked(time: Any, event: Any, entry: Any = None) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Times and entries as float, events as bool, of one length, finite and in order.

    Raises: AnalysisError naming the first row (counted from 1) that cannot be used.
    """
    t, d = np.asarray(time, dtype=float), np.asarray(event)
    if t.ndim != 1 or t.shape != d.shape:
        raise AnalysisError(f"survival data have one event flag for each time; shapes {t.shape} and {d.shape} given.")
    if d.dtype != bool:
        numbers = d.astype(float)
        wrong = ~np.isin(numbers, (0.0, 1.0))
        if wrong.any():
            where = int(np.flatnonzero(wrong)[0])
            raise AnalysisError(f"the event of row {where + 1} is {numbers[where]:g}; give 1 (event) or 0 (censored).")
        d = numbers == 1.0
    _refuse(~np.isfinite(t), t, "is not a number; leave out rows without a time")
    _refuse(t < 0, t, "is negative; survival times count from the origin")
    if entry is None:
        return t, d, None
    start = np.asarray(entry, dtype=float)
    if start.shape != t.shape:
        raise AnalysisError(f"there are {t.size} times but {start.size} entry times.")
    _refuse(~(start < t), t, "is not after its entry time")
    return t, d, start


def strata_codes(strata: Any, n: int) -> np.ndarray:
    """Integer codes 0, 1, … of the strata; all 0 where there are none."""
    if strata is None:
        return np.zeros(n, dtype=np.int64)
    values = np.asarray(strata)
    if values.shape != (n,):
        raise AnalysisError(f"there are {n} times but strata of shape {values.shape}.")
    return np.unique(values.astype(str), return_inverse=True)[1].reshape(-1)


def _refuse(wrong: np.ndarray, time: np.ndarray, problem: str) -> None:
    if wrong.any():
        where = int(np.flatnonzero(wrong)[0])
        raise AnalysisError(f"the survival time {time[where]:g} of row {where + 1} {problem}.")
