"""The log-rank test for two or more groups, stratified where asked.

Source: Mantel (1966), Cancer Chemother Rep 50:163; weights of Harrington & Fleming (1982), Biometrika 69:553.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from opsonin.analysis.survival.data import checked, strata_codes
from opsonin.errors import AnalysisError


@dataclass(frozen=True)
class LogRank:
    """A log-rank test: statistic with its degrees of freedom, and per group what was seen and what was expected."""

    chi2: float
    df: int
    p: float
    groups: list[str]
    n: np.ndarray
    observed: Float[np.ndarray, " group"]
    expected: Float[np.ndarray, " group"]
    variance: Float[np.ndarray, "group group"]

    def to_frame(self) -> pd.DataFrame:
        """One row a group."""
        return pd.DataFrame({"group": self.groups, "n": self.n, "observed": self.observed, "expected": self.expected})


def logrank(time: Any, event: Any, group: Any, *, strata: Any = None, rho: float | int = 0) -> LogRank:
    """Compare the survival of groups (in sorted order). rho: 0 log-rank, 1 Peto–Peto weights S(t−).

    Raises: AnalysisError where fewer than two groups or no event can be compared.
    """
    t, d, _ = checked(time, event)
    names, code = np.unique(np.asarray(group).astype(str), return_inverse=True)
    if code.reshape(-1).shape != t.shape:
        raise AnalysisError(f"there are {t.size} times but {code.size} groups.")
    if names.size < 2:
        raise AnalysisError(f"a log-rank test compares two or more groups; there is {', '.join(names) or 'none'}.")
    k, code = names.size, code.reshape(-1)
    observed, expected, variance = np.zeros(k), np.zeros(k), np.zeros((k, k))
    stratum = strata_codes(strata, t.size)
    for s in np.unique(stratum):
        here = stratum == s
        o, e, v = _one_stratum(t[here], d[here], code[here], k, float(rho))
        observed, expected, variance = observed + o, expected + e, variance + v
    usable = expected > 0
    if usable.sum() < 2:
        raise AnalysisError("a log-rank test needs events while two groups or more are at risk; there are none.")
    from scipy.special import chdtrc

    keep = np.flatnonzero(usable)[:-1]
    difference = (observed - expected)[keep]
    chi2 = float(difference @ np.linalg.pinv(variance[np.ix_(keep, keep)]) @ difference)
    df = int(usable.sum()) - 1
    size = np.bincount(code, minlength=k)
    return LogRank(chi2, df, float(chdtrc(df, chi2)), names.tolist(), size, observed, expected, variance)


def _one_stratum(t: np.ndarray, d: np.ndarray, code: np.ndarray, k: int, rho: float):
    times = np.unique(t[d])
    risk = np.stack([t[code == g].size - np.searchsorted(np.sort(t[code == g]), times) for g in range(k)], axis=1)
    deaths = np.stack(
        [np.bincount(np.searchsorted(times, t[d & (code == g)]), minlength=times.size) for g in range(k)], axis=1
    )
    all_risk, all_deaths = risk.sum(axis=1).astype(float), deaths.sum(axis=1).astype(float)
    before = np.cumprod(np.r_[1.0, 1.0 - all_deaths / all_risk])[:-1]
    weight = before**rho
    share = risk / all_risk[:, None]
    spread = weight**2 * all_deaths * np.where(all_risk > 1, all_risk - all_deaths, 0.0) / np.maximum(all_risk - 1, 1.0)
    variance = np.diag(spread @ share) - (share * spread[:, None]).T @ share
    return weight @ deaths, (weight * all_deaths) @ share, variance
