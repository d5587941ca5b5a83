"""Long tables from arrays: text as codes into a list of words, so that a million rows stay small."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from opsonin.trial.enrol import Enrolment

MISSING = -1  # the code of a missing word


class Rows:
    """Collects the rows of one table in parts, each part with the enrolled patient (`row`) every row belongs to."""

    def __init__(self, enrolment: Enrolment):
        self.enrolment = enrolment
        self.parts: list[dict[str, Any]] = []

    def add(self, row: np.ndarray, **columns: Any) -> None:
        """Add rows; a column is an array as long as `row`, or one value for all."""
        full = {name: np.broadcast_to(np.asarray(value), row.shape) for name, value in columns.items()}
        self.parts.append({"row": row, **full})

    def table(
        self, text: Mapping[str, Sequence[str]], flags: Sequence[str] = (), whole: Sequence[str] = ()
    ) -> pd.DataFrame:
        """The table with `trial` and `subject_id`, sorted by trial and order of enrolment (parts in turn).

        text: columns of codes and the words they stand for;   flags, whole: columns of true/false and of integers.
        """
        names = list(self.parts[0]) if self.parts else ["row"]
        joined = {name: np.concatenate([part[name] for part in self.parts]) for name in names} if self.parts else {}
        row = joined.pop("row", np.zeros(0, dtype=np.int64)).astype(np.int64)
        order = np.argsort(row, kind="stable")
        row = row[order]
        made: dict[str, Any] = {"trial": self.enrolment.trial[row], "subject_id": subject_ids(self.enrolment.slot[row])}
        for name, values in joined.items():
            values = values[order]
            if name in text:
                made[name] = words(values, text[name])
            elif name in flags:
                made[name] = pd.array(values.astype(bool), dtype="boolean")
            elif name in whole:
                made[name] = integers(values)
            else:
                made[name] = values.astype(float)
        return pd.DataFrame(made, copy=False)  # the columns are this table's own: they need not be laid out anew


def words(codes: Any, of: Sequence[str]) -> pd.Categorical:
    """A text column from codes into a list of words. Words that stand twice in the list are one."""
    unique = list(dict.fromkeys(of))
    place = np.array([*(unique.index(word) for word in of), MISSING], dtype=np.int32)
    placed = place[np.asarray(codes, dtype=np.int64)]
    kind = pd.CategoricalDtype(pd.Index(unique, dtype=object))
    return pd.Categorical.from_codes(placed, dtype=kind)  # pyright: ignore[reportArgumentType] its stub wants a list


def subject_ids(slot: np.ndarray) -> pd.Categorical:
    """P0001, P0002, … by order of enrolment in the trial."""
    last = int(slot.max(initial=-1)) + 1
    return words(slot, [f"P{number:04d}" for number in range(1, last + 1)])


def integers(values: np.ndarray) -> Any:
    """An integer column; NaN is missing."""
    known = np.asarray(values, dtype=float)
    return pd.arrays.IntegerArray(np.nan_to_num(known).astype(np.int64), np.isnan(known))
