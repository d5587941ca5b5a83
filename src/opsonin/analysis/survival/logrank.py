"""The log-rank test for two or more groups, weighted and stratified where asked.

Source: Mantel (1966), Cancer Chemother Rep 50:163; weights of Harrington & Fleming (1982), Biometrika 69:553.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from opsonin.analysis.survival.data import checked, group_codes, strata_codes
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


def logrank(
    time: Any, event: Any, group: Any, *, strata: Any = None, rho: float | int = 0, gamma: float | int = 0
) -> LogRank:
    """Compare the survival of groups (in sorted order).

    rho, gamma: events weigh S(t−)^rho (1 − S(t−))^gamma, S the curve of all of the stratum: (0, 0) the log-rank test,
    (1, 0) Peto–Peto (early differences), (0, 1) late ones. observed and expected are weighted sums then.
    Raises: AnalysisError where fewer than two groups or no event can be compared.
    """
    t, d, _ = checked(time, event)
    names, code = group_codes(group, t.size)
    if len(names) < 2:
        raise AnalysisError(f"a log-rank test compares two or more groups; there is {', '.join(names) or 'none'}.")
    if not (np.isfinite([rho, gamma]).all() and min(rho, gamma) >= 0):
        raise AnalysisError(f"the weights rho = {rho:g} and gamma = {gamma:g} must be numbers from 0.")
    k = len(names)
    observed, expected, variance = np.zeros(k), np.zeros(k), np.zeros((k, k))
    stratum = strata_codes(strata, t.size)
    for s in np.unique(stratum):
        here = stratum == s
        o, e, v = _one_stratum(t[here], d[here], code[here], k, float(rho), float(gamma))
        observed, expected, variance = observed + o, expected + e, variance + v
    usable = expected > 0
    if usable.sum() < 2 or not np.abs(variance).max() > 1e-12:  # nor where all who are at risk have the event at once
        raise AnalysisError("a log-rank test needs events while two groups or more are at risk; there are none.")
    from scipy.special import chdtrc

    keep = np.flatnonzero(usable)[:-1]
    difference = (observed - expected)[keep]
    chi2 = float(difference @ np.linalg.pinv(variance[np.ix_(keep, keep)]) @ difference)
    df = int(usable.sum()) - 1
    size = np.bincount(code, minlength=k)
    return LogRank(chi2, df, float(chdtrc(df, chi2)), names, size, observed, expected, variance)


def _one_stratum(t: np.ndarray, d: np.ndarray, code: np.ndarray, k: int, rho: float, gamma: float):
    times = np.unique(t[d])
    risk = np.stack([t[code == g].size - np.searchsorted(np.sort(t[code == g]), times) for g in range(k)], axis=1)
    deaths = np.stack(
        [np.bincount(np.searchsorted(times, t[d & (code == g)]), minlength=times.size) for g in range(k)], axis=1
    )
    all_risk, all_deaths = risk.sum(axis=1).astype(float), deaths.sum(axis=1).astype(float)
    w = weight(curve_before(all_deaths, all_risk), rho, gamma)
    share = risk / all_risk[:, None]
    spread = w**2 * all_deaths * np.where(all_risk > 1, all_risk - all_deaths, 0.0) / np.maximum(all_risk - 1, 1.0)
    variance = np.diag(spread @ share) - (share * spread[:, None]).T @ share
    return w @ deaths, (w * all_deaths) @ share, variance


def curve_before(deaths: np.ndarray, risk: np.ndarray) -> np.ndarray:
    """The Kaplan–Meier curve just before each event time."""
    return np.cumprod(np.r_[1.0, 1.0 - deaths / risk])[:-1]


def weight(survival: np.ndarray, rho: float, gamma: float) -> np.ndarray:
    """S^ρ (1 − S)^γ, with 0⁰ = 1."""
    return survival**rho * np.maximum(1.0 - survival, 0.0) ** gamma
