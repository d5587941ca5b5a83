"""A marker whose cut is to be searched (`search_cut = ["CD3"]`): the cut and its ratio, the search paid for."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from opsonin.analysis.asked import Asked
from opsonin.analysis.cutpoint import cut_point
from opsonin.analysis.findings import Finding, note
from opsonin.analysis.markers import Marker
from opsonin.errors import AnalysisError


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
