"""Meta-analysis: one estimate from several cohorts or trials, and how far they disagree.

Source: DerSimonian & Laird (1986), Control Clin Trials 7:177; restricted maximum likelihood and its Fisher scoring:
Viechtbauer (2005), J Educ Behav Stat 30:261; Hartung & Knapp (2001), Stat Med 20:3875, its error never
below the usual one: Knapp & Hartung (2003), Stat Med 22:2693, and Röver, Knapp & Friede (2015), BMC Med Res Methodol
15:99; interval of τ²: Viechtbauer
(2007), Stat Med 26:37 (Q profile); I²: Higgins & Thompson (2002), Stat Med 21:1539; prediction: Higgins, Thompson &
Spiegelhalter (2009), J R Stat Soc A 172:137.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from opsonin.analysis.findings import Finding
from opsonin.analysis.statistics import NAN, Estimate, t_p, t_quantile, two_sided_p
from opsonin.analysis.survival.data import checked_level, numbers
from opsonin.errors import AnalysisError

METHODS = {"fixed": "one common effect", "dersimonian-laird": "DerSimonian-Laird", "reml": "restricted likelihood"}
SOURCE = "Viechtbauer 2005, doi:10.3102/10769986030003261; Hartung & Knapp 2001, doi:10.1002/sim.1009"
STEPS = 100


@dataclass(frozen=True)
class MetaAnalysis:
    """The pooled estimate, on the scale of the estimates given (log hazard ratios stay logs).

    pooled: with its interval; p: that it is 0. prediction: where the effect of a further cohort is expected, NaN for a
    fixed effect or fewer than three cohorts. tau2: variance of the true effects between cohorts; i2: its share of all
    variance, in percent; both with intervals. q, q_p: Cochran's test that all cohorts share one effect.
    """

    method: str
    hartung_knapp: bool
    pooled: Estimate
    se: float
    p: float
    prediction: Estimate
    tau2: Estimate
    i2: Estimate
    q: float
    q_p: float
    names: list[str]
    estimate: Float[np.ndarray, " cohort"] = field(repr=False)
    standard_error: Float[np.ndarray, " cohort"] = field(repr=False)
    weight: Float[np.ndarray, " cohort"] = field(repr=False)
    level: float

    @property
    def k(self) -> int:
        """How many cohorts there are."""
        return len(self.names)

    def to_frame(self) -> pd.DataFrame:
        """One row a cohort: estimate, se, lower, upper, weight (in percent), and the pooled estimate without it."""
        half = NormalDist().inv_cdf(0.5 + self.level / 2) * self.standard_error
        columns = {"cohort": self.names, "estimate": self.estimate, "se": self.standard_error}
        columns |= {"lower": self.estimate - half, "upper": self.estimate + half, "weight": 100 * self.weight}
        return pd.DataFrame(columns | {"pooled_without": self._without_each()})

    def findings(self, name: str, *, ratio: bool = False, unit: str = "", note: str = "") -> list[Finding]:
        """`<name>.pooled`, `.prediction`, `.tau2`, `.i2`; ratio: estimates are logs and the ratio is given."""
        back = (lambda e: Estimate(*(math.exp(v) for v in e))) if ratio else (lambda e: e)
        interval = "Hartung-Knapp interval" if self.hartung_knapp else "normal interval"
        common: dict[str, Any] = {"n": self.k, "level": self.level, "reference": SOURCE, "note": note}
        method = f"meta-analysis of {self.k} cohorts, {METHODS[self.method]}"
        made = [("pooled", back(self.pooled), self.p, unit, f"{method}, {interval}")]
        made += [("prediction", back(self.prediction), NAN, unit, f"{method}; of a further cohort")]
        made += [("tau2", self.tau2, self.q_p, "", f"{method}; Q-profile interval, p of Cochran's Q")]
        made += [("i2", self.i2, self.q_p, "percent", f"{method}; Q-profile interval, p of Cochran's Q")]
        return [
            Finding(f"{name}.{key}", "all cohorts", v.value, v.lower, v.upper, p=p, unit=u, method=how, **common)
            for key, v, p, u, how in made
            if math.isfinite(v.value)
        ]

    def _without_each(self) -> list[float]:
        if self.k < 3:
            return [NAN] * self.k
        left = [np.arange(self.k) != i for i in range(self.k)]
        kept = ((self.estimate[rows], self.standard_error[rows] ** 2) for rows in left)
        return [_pooled(y, v, _tau2(y, v, self.method))[0] for y, v in kept]


def meta_analysis(
    estimate: Any,
    se: Any,
    *,
    names: Any = None,
    method: str = "reml",
    hartung_knapp: bool = True,
    level: float = 0.95,
) -> MetaAnalysis:
    """Pool estimates (log hazard ratios, differences …) with their standard errors.

    method: "fixed", "dersimonian-laird" or "reml". hartung_knapp: the interval by Student's t and the spread of the
    estimates themselves, as few cohorts need, but never less than their standard errors say; without effect on "fixed".
    Raises: AnalysisError for fewer than two cohorts, a missing value or a standard error that is not positive.
    """
    y, s = numbers(estimate, "estimate"), numbers(se, "standard error")
    if y.ndim != 1 or y.shape != s.shape:
        raise AnalysisError(
            f"a meta-analysis takes one standard error for each estimate; {y.shape} and {s.shape} given."
        )
    labels = [str(v) for v in (names if names is not None else [f"cohort {i + 1}" for i in range(y.size)])]
    if len(labels) != y.size:
        raise AnalysisError(f"there are {y.size} estimates but {len(labels)} names.")
    wrong = ~(np.isfinite(y) & np.isfinite(s) & (s > 0))
    if wrong.any():
        where = int(np.flatnonzero(wrong)[0])
        raise AnalysisError(
            f"{labels[where]}: the estimate {y[where]:g} with standard error {s[where]:g} cannot be pooled; leave the "
            "cohort out or give a finite estimate (Firth's, where a marker separates the events)."
        )
    if y.size < 2:
        raise AnalysisError("a meta-analysis needs two or more cohorts.")
    if method not in METHODS:
        raise AnalysisError(f"the method {method!r} is unknown; use one of {', '.join(METHODS)}.")
    v, df, level = s**2, y.size - 1, checked_level(level)
    tau2 = _tau2(y, v, method)
    mean, error = _pooled(y, v, tau2)
    knapp = hartung_knapp and method != "fixed"
    if knapp:
        w = 1 / (v + tau2)
        # never below the usual error: two cohorts that happen to agree would else leave no doubt at all
        error = max(error, math.sqrt(float((w * (y - mean) ** 2).sum()) / df / float(w.sum())))
        width, p = t_quantile(0.5 + level / 2, df) * error, t_p(mean / error, df) if error > 0 else NAN
    else:
        width, p = NormalDist().inv_cdf(0.5 + level / 2) * error, two_sided_p(mean / error)
    prediction = Estimate(NAN, NAN, NAN)
    if method != "fixed" and y.size > 2:
        reach = t_quantile(0.5 + level / 2, df - 1) * math.sqrt(tau2 + error**2)
        prediction = Estimate(mean, mean - reach, mean + reach)
    q = _q(y, v, 0.0)
    from scipy.special import chdtrc

    between = Estimate(tau2, *_q_profile(y, v, level))
    typical = _typical_variance(v)
    shares = Estimate(*(100 * t / (t + typical) for t in between))
    if method == "fixed":  # one common effect has no variance to estimate; its share is judged by Q
        shares = shares._replace(value=100 * max(0.0, 1 - df / q) if q > 0 else 0.0)
    weight = 1 / (v + tau2)
    return MetaAnalysis(
        method,
        knapp,
        Estimate(mean, mean - width, mean + width),
        error,
        p,
        prediction,
        between,
        shares,
        q,
        float(chdtrc(df, q)),
        labels,
        y,
        s,
        weight / weight.sum(),
        level,
    )


def _pooled(y: Float[np.ndarray, " k"], v: Float[np.ndarray, " k"], tau2: float) -> tuple[float, float]:
    """The weighted mean and its standard error."""
    w = 1 / (v + tau2)
    return float((w * y).sum() / w.sum()), 1 / math.sqrt(float(w.sum()))


def _q(y: Float[np.ndarray, " k"], v: Float[np.ndarray, " k"], tau2: float) -> float:
    """The weighted sum of squares about the pooled estimate."""
    return float(((y - _pooled(y, v, tau2)[0]) ** 2 / (v + tau2)).sum())


def _typical_variance(v: Float[np.ndarray, " k"]) -> float:
    """The variance within a typical cohort (Higgins & Thompson 2002, equation 9)."""
    w = 1 / v
    return (v.size - 1) * float(w.sum()) / _products(w)


def _products(w: Float[np.ndarray, " k"]) -> float:
    """(Σ w)² − Σ w², as a sum of products of pairs, which stays above 0 however unequal the weights are."""
    return 2 * float((w[1:] * np.cumsum(w)[:-1]).sum())


def _tau2(y: Float[np.ndarray, " k"], v: Float[np.ndarray, " k"], method: str) -> float:
    if method == "fixed":
        return 0.0
    w = 1 / v
    moment = (_q(y, v, 0.0) - (y.size - 1)) * float(w.sum()) / _products(w)
    return max(0.0, moment) if method == "dersimonian-laird" else _restricted(y, v)


def _restricted(y: Float[np.ndarray, " k"], v: Float[np.ndarray, " k"]) -> float:
    """The τ² of the highest restricted likelihood: the best of a grid, then the score's root beside it.

    The likelihood may have more than one top, which a climb from one start can miss.
    """
    top = 10 * float(y.var(ddof=1)) + float(v.max())
    grid = np.r_[0.0, np.geomspace(1e-6 * top, top, 120)]
    at = int(np.argmax([_restricted_likelihood(y, v, t) for t in grid]))
    low, high = float(grid[max(at - 1, 0)]), float(grid[min(at + 1, grid.size - 1)])
    if _restricted_score(y, v, low) <= 0:
        return low
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if _restricted_score(y, v, middle) > 0 else (low, middle)
    return (low + high) / 2


def _restricted_likelihood(y: np.ndarray, v: np.ndarray, tau2: float) -> float:
    w = 1 / (v + tau2)
    return 0.5 * float(np.log(w).sum() - math.log(float(w.sum()))) - 0.5 * _q(y, v, tau2)


def _restricted_score(y: np.ndarray, v: np.ndarray, tau2: float) -> float:
    """Twice the derivative of the restricted log likelihood in τ²."""
    w = 1 / (v + tau2)
    squares = float((w**2).sum())
    return float((w**2 * (y - _pooled(y, v, tau2)[0]) ** 2).sum()) - float(w.sum()) + squares / float(w.sum())


def _q_profile(y: Float[np.ndarray, " k"], v: Float[np.ndarray, " k"], level: float) -> tuple[float, float]:
    """The τ² at which Q equals each quantile of its χ² distribution; 0 where no variance is already enough.

    NaN where the cohorts agree better than chance would have them: no τ² is compatible with that, and 0 to 0 would
    claim to know that there is none.
    """
    from scipy.special import chdtri

    if _q(y, v, 0.0) <= float(chdtri(y.size - 1, (1 + level) / 2)):
        return NAN, NAN
    limits = []
    for tail in ((1 - level) / 2, (1 + level) / 2):
        goal = float(chdtri(y.size - 1, tail))
        if _q(y, v, 0.0) <= goal:
            limits.append(0.0)
            continue
        low, high = 0.0, 10 * float(y.var(ddof=1)) + float(v.max())
        while _q(y, v, high) > goal:
            high *= 4
        for _ in range(STEPS):
            middle = (low + high) / 2
            low, high = (middle, high) if _q(y, v, middle) > goal else (low, middle)
        limits.append((low + high) / 2)
    return limits[0], limits[1]
