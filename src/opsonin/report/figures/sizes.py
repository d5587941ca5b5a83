"""What a change in size is a change of: diameters by RECIST, products of them by Lugano, blasts of the marrow."""

from __future__ import annotations

from typing import Any, NamedTuple

import pandas as pd

from opsonin.report import words

_OF = {"marrow": "blasts of the marrow", "Lugano": "sum of products of diameters"}
_USUAL = "sum of diameters"


class Sized(NamedTuple):
    """axis: of what, for a title;   told: a sentence with a space before it where that is not diameters, else "".
    limits: whether the limits of RECIST say something of anybody here."""

    axis: str
    told: str
    limits: bool


def sized(record: Any, subjects: pd.Series) -> Sized:
    """What is drawn of these subjects. Of several criteria of a subject the first by name counts."""
    named = record.responses["criteria"].astype(str).groupby(record.responses["subject_id"].astype(str)).min()
    counts = subjects.map(named.map(lambda one: _OF.get(one, _USUAL))).value_counts().sort_index()
    if set(counts.index) <= {_USUAL}:
        return Sized(_USUAL, "", True)
    if len(counts) == 1:
        return Sized(str(counts.index[0]), "", False)
    said = [f"for {words.counted(int(n), 'patient')} the {what}" for what, n in counts.items()]
    return Sized("size", f" What changes is {words.listed(said)}.", _USUAL in counts)
