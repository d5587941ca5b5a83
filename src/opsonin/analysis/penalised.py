"""A hazard ratio for small data: the usual one where it exists, Firth's where the likelihood is monotone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from opsonin.analysis.findings import Finding, note
from opsonin.analysis.survival import cox, firth_cox
from opsonin.errors import AnalysisError, MonotoneLikelihoodError

COX = "Cox proportional hazards, Efron ties; Wald interval and p"
COX_SOURCE = "Cox 1972, doi:10.1111/j.2517-6161.1972.tb00899.x; Efron 1977, doi:10.1080/01621459.1977.10480613"
FIRTH = "Cox model with Firth's penalty; profile interval and penalised likelihood ratio p"
FIRTH_SOURCE = "Firth 1993, doi:10.1093/biomet/80.1.27; Heinze & Schemper 2001, doi:10.1111/j.0006-341X.2001.00114.x"
WHY = (
    "A value separates those with the event from those without, so that the plain hazard ratio has no finite estimate."
)


def finite_hazard_ratio(
    rows: pd.DataFrame, covariate: Any, name: str, group: str, strata: Any = None, what: str = "", remark: str = ""
) -> Finding:
    """The hazard ratio of one covariate; with Firth's penalty where its likelihood is monotone, and the note says so.

    what: appended to the method ("per dose level").   remark: opens the note.
    Raises: AnalysisError where neither can be had (no events, a covariate that is the same for all).
    """
    x = np.asarray(covariate, dtype=float)
    try:
        fit = cox(rows["day"], rows["event"], x, strata=strata, names=[group])
        method, reference, said = COX, COX_SOURCE, remark
    except MonotoneLikelihoodError:
        fit = firth_cox(rows["day"], rows["event"], x, strata=strata, names=[group])
        method, reference, said = FIRTH, FIRTH_SOURCE, f"{remark} {WHY}".strip()
    lower, upper = (float(v) for v in fit.interval[0])
    return Finding(
        name=name,
        group=group,
        estimate=float(fit.hazard_ratio[0]),
        lower=lower,
        upper=upper,
        level=fit.level,
        p=float(fit.p[0]),
        n=fit.n,
        events=fit.events,
        unit="hazard ratio",
        method=method + what,
        reference=reference,
        note=said,
        table=fit.to_frame(),
    )


def finite_hazard_ratio_or_note(
    rows: pd.DataFrame, covariate: Any, name: str, group: str, strata: Any = None, what: str = "", remark: str = ""
) -> Finding:
    """The same; a note that says why where there is none."""
    try:
        return finite_hazard_ratio(rows, covariate, name, group, strata, what, remark)
    except AnalysisError as problem:
        return note(name, f"No hazard ratio ({name}, {group}): {problem}", group)


def stratified_hazard_ratio(rows: pd.DataFrame, name: str, strata: np.ndarray, what: str, said: str) -> Finding:
    """The hazard ratio of `x` within strata; without an estimate, the permutation test still stands.

    what: appended to the method.   said: opens the note.
    """
    try:
        return finite_hazard_ratio(rows, rows["x"], name, "all", strata, what, said)
    except AnalysisError as problem:
        return Finding(
            name,
            "all",
            n=len(rows),
            events=int(rows["event"].sum()),
            unit="hazard ratio",
            method=f"score test{what}",
            note=f"{said} No estimate: {problem}".strip(),
        )
