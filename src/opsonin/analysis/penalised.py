"""A hazard ratio for small data: the usual one where it exists, a penalised one where the likelihood is monotone."""

from __future__ import annotations

import numpy as np
import pandas as pd

from opsonin.analysis.findings import Finding
from opsonin.analysis.time_to_event import hazard_ratio
from opsonin.errors import AnalysisError


def stratified_hazard_ratio(rows: pd.DataFrame, name: str, strata: np.ndarray, what: str, said: str) -> Finding:
    """The hazard ratio of `x` within strata.   what: appended to the method.   said: opens the note."""
    try:
        return hazard_ratio(rows, rows["x"], name, "all", strata, what, said)
    except AnalysisError as problem:  # the permutation test still stands
        return Finding(
            name,
            "all",
            n=len(rows),
            events=int(rows["event"].sum()),
            unit="hazard ratio",
            method=f"score test{what}",
            note=f"{said} No estimate: {problem}".strip(),
        )
