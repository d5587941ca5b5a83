"""A marker whose cut is to be searched (`search_cut = ["CD3"]`): the cut and its ratio, the search paid for."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from opsonin.analysis.asked import Asked
from opsonin.analysis.cutpoint import cut_point
from opsonin.analysis.findings import Finding, note
from opsonin.analysis.markers import Marker, Question
from opsonin.errors import AnalysisError


def cuts_not_asked(asked: Asked, questions: list[Question]) -> Iterator[Finding]:
    """A note for each marker whose cut is to be searched but that is set against no outcome."""
    known = {question.marker for question in questions}
    for name in asked.questions.get("search_cut") or []:
        if name not in known:
            said = f"search_cut names {name!r}, but no question sets it against an outcome; add it to the markers."
            yield note("biomarker.searched_cut", said)


def searched_cut(asked: Asked, marker: Marker, rows: pd.DataFrame, stem: str, strata: np.ndarray) -> Iterator[Finding]:
    """`<stem>.searched_cut` and `<stem>.searched_ratio` within the strata, where the question is put."""
    if marker.name not in (asked.questions.get("search_cut") or []):
        return
    try:
        found = cut_point(rows["day"], rows["event"], rows["value"], strata=strata, seed=asked.seed)
    except AnalysisError as problem:
        yield note(f"{stem}.searched_cut", f"No cut of {marker.words} was searched: {problem}")
        return
    yield from found.findings(stem, unit=marker.unit)
