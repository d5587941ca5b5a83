"""Protocol days and dates as elapsed days, and which value is a subject's baseline."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from opsonin.errors import ImportDataError
from opsonin.record.read.cells import Reader


def elapsed(days: np.ndarray, reader: Reader | None = None) -> np.ndarray:
    """Elapsed days from the start of protocol day 1: day 1 is 0.0, day -1 is -1.0.

    Raises: ImportDataError, where `reader` tells the rows, for a day 0, which protocols do not have.
    """
    zero = days == 0
    if reader is not None and zero.any():
        raise ImportDataError(f"{reader.place(zero)}: day 0 in protocol days, which go from -1 to 1; correct the day.")
    return np.where(days > 0, days - 1, days)


def in_days(delta: Any) -> np.ndarray:
    """Differences of dates as days, NaN where one is missing."""
    return (delta.dt.total_seconds() / 86400.0).to_numpy(dtype=float)


def baseline_rows(groups: list[pd.Series], day: np.ndarray, usable: np.ndarray, first_dose: float = 0.0) -> np.ndarray:
    """True at each group's last usable row up to the first dose (day 0.0: samples of that day are taken before it)."""
    frame = pd.DataFrame({str(number): group.to_numpy() for number, group in enumerate(groups)})
    names = list(frame.columns)
    frame["day"] = day
    before = frame[usable & (day <= first_dose)].sort_values("day", kind="stable")
    found = np.zeros(len(frame), dtype=bool)
    found[before.drop_duplicates(names, keep="last").index.to_numpy()] = True
    return found
