"""Residuals of a Cox model: what a fit does not explain, row by row or event by event.

Source: Therneau & Grambsch (2000), Modeling Survival Data, ch. 4 (martingale, deviance), 6 (Schoenfeld, Grambsch &
Therneau 1994, Biometrika 81:515) and 7 (score, dfbeta).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from opsonin.errors import AnalysisError

if TYPE_CHECKING:
    from opsonin.analysis.survival.cox import CoxFit

KINDS = ("martingale", "deviance", "score", "dfbeta", "dfbetas", "schoenfeld", "scaled schoenfeld")


def residuals(fit: CoxFit, kind: str) -> pd.DataFrame:
    """Residuals as a table.

    martingale: events seen less events expected, one column.   deviance: the same made symmetric.   score: each row's
    share of the gradient.   dfbeta: about how much each coefficient would change without the row, its sign reversed
    (coefficient with the row less without); dfbetas: in standard errors.   schoenfeld: the covariate of who had the
    event less its mean among those at risk, one row per event with its time and its row in the data (from 0); scaled:
    its mean over time is the coefficient, its trend a hazard ratio that changes.
    Raises: AnalysisError for an unknown kind, or one that exact ties do not have.
    """
    if kind not in KINDS:
        raise AnalysisError(f"residuals of kind {kind!r} are unknown; choose from {', '.join(KINDS)}.")
    data, beta = fit._data, fit.coefficient * fit._data.scale
    model = data.likelihood()
    if kind in ("martingale", "deviance"):
        rest = model.martingale_residuals(beta)
        return pd.DataFrame({kind: rest if kind == "martingale" else _deviance(rest, data.event)})
    if fit.ties == "exact":
        raise AnalysisError(f"{kind} residuals belong to Efron's or Breslow's ties; fit with ties='efron'.")
    if kind in ("score", "dfbeta", "dfbetas"):
        score = model.score_residuals(beta) * data.scale
        change = score @ fit.variance
        values = {"score": score, "dfbeta": change, "dfbetas": change / np.sqrt(np.diag(fit.variance))}[kind]
        return pd.DataFrame(values, columns=fit.names)
    parts = []
    for m in model.moments(beta):
        s, at = m.stratum, m.stratum.of_time
        average = s.per_time(m.mean / s.count[at][:, None])[at]  # of Efron's thinned risk sets, as R has it
        own = pd.DataFrame((model.x[s.dead] - average) * data.scale, columns=fit.names)
        parts.append(pd.concat([pd.DataFrame({"time": s.times[at], "row": s.dead}), own], axis=1))
    table = pd.concat(parts, ignore_index=True)
    if kind == "scaled schoenfeld":
        spread = table[fit.names].to_numpy() @ fit.variance * fit.events
        table[fit.names] = spread + fit.coefficient
    return table


def _deviance(martingale: np.ndarray, event: np.ndarray) -> np.ndarray:
    """sign(m) √(−2 (m + δ log(δ − m)))."""
    expected = np.where(event, event - martingale, 1.0)  # of those with the event, always above 0
    inside = -2 * (martingale + np.where(event, np.log(np.maximum(expected, 1e-300)), 0.0))
    return np.sign(martingale) * np.sqrt(np.maximum(inside, 0.0))
