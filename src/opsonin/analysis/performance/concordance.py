"""Concordance: the share of comparable pairs in which the patient with the higher marker has the event first.

Every number follows R's survival (concordance, reverse = TRUE): a pair is comparable when the earlier of the two times
is an event, a patient censored on the day of an event outlived it; pairs tied on the marker count one half; pairs tied
on the time of the event are left out and counted. The standard error is the infinitesimal jackknife.
Source: Harrell et al. (1982), J Am Med Assoc 247:2543; Uno et al. (2011), Stat Med 30:1105; Therneau & Atkinson (2024),
"Concordance", vignette of the R package survival.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from opsonin.analysis.performance.censoring import censoring_curve
from opsonin.analysis.statistics import NAN, Estimate, two_sided_p
from opsonin.analysis.survival.data import checked, numbers, strata_codes
from opsonin.errors import AnalysisError

WEIGHTS = ("harrell", "uno")
BLOCK = 2_000_000  # pairs looked at together: some 50 MB


@dataclass(frozen=True)
class Pairs:
    """Pairs by kind; with Uno's weights, sums of weights."""

    concordant: float
    discordant: float
    tied_marker: float
    tied_time: float
    tied_both: float


@dataclass(frozen=True)
class Concordance:
    """The concordance of one marker; one half says nothing, above it a high marker means an early event.

    se: infinitesimal jackknife, grouped where clusters were given. influence: what each patient adds to the estimate
    (its squares sum to se²); it compares two markers of the same patients.
    """

    estimate: float
    se: float
    pairs: Pairs
    influence: Float[np.ndarray, " patient"] = field(repr=False)
    n: int
    events: int
    weight: str
    level: float

    @property
    def interval(self) -> Estimate:
        """The estimate with its limits (Wald on the log odds, so that they stay in 0 to 1).

        Limits are missing (NaN) where all pairs agree, or all disagree: the jackknife then sees no variation.
        """
        c = self.estimate
        if not (0 < c < 1) or not self.se > 0:
            return Estimate(c, NAN, NAN)
        width = NormalDist().inv_cdf(0.5 + self.level / 2) * self.se / (c * (1 - c))
        middle = math.log(c / (1 - c))
        return Estimate(c, 1 / (1 + math.exp(width - middle)), 1 / (1 + math.exp(-width - middle)))

    @property
    def p(self) -> float:
        """Two-sided p that the concordance is one half (Wald)."""
        return two_sided_p((self.estimate - 0.5) / self.se) if self.se > 0 else NAN

    def minus(self, other: Concordance) -> tuple[Estimate, float]:
        """This concordance less that of another marker of the same patients, with its interval and two-sided p.

        Raises: AnalysisError where the two were not made from the same number of patients.
        """
        if self.influence.shape != other.influence.shape:
            raise AnalysisError(
                f"two concordances are compared in the same patients; they were made from {self.n} and {other.n}."
            )
        gap = self.estimate - other.estimate
        se = math.sqrt(float(((self.influence - other.influence) ** 2).sum()))
        half = NormalDist().inv_cdf(0.5 + self.level / 2) * se
        return Estimate(gap, gap - half, gap + half), two_sided_p(gap / se) if se > 0 else NAN

    def to_frame(self) -> pd.DataFrame:
        """One row: the estimate, its interval and the pairs by kind."""
        value, lower, upper = self.interval
        row = {"concordance": value, "se": self.se, "lower": lower, "upper": upper, "p": self.p}
        return pd.DataFrame([row | self.pairs.__dict__ | {"n": self.n, "events": self.events}])


def concordance(
    time: Any,
    event: Any,
    marker: Any,
    *,
    weight: str = "harrell",
    until: float | None = None,
    strata: Any = None,
    entry: Any = None,
    cluster: Any = None,
    level: float = 0.95,
) -> Concordance:
    """How well a marker (or a model's linear predictor) orders the patients by their time to the event.

    A high marker is taken to mean an early event. weight: "harrell" counts every comparable pair once; "uno" weights it
    by 1/G(t−)², G the chance of not being censored, so that the result does not depend on the censoring. until: only
    events by this time count. strata: only pairs within a stratum are compared. entry: delayed entry (counting process;
    give `cluster` where a patient has several rows). For many markers: `concordance_many`.

    Raises: AnalysisError for unusable times, a missing marker, or no comparable pair.
    """
    t, d, start = checked(time, event, entry)
    x = _one_marker(marker, t.size)
    counting = _event_weights(t, d, weight, until, start)
    codes = strata_codes(strata, t.size)
    totals, own = np.zeros(5), np.zeros((t.size, 3))
    for s in np.unique(codes):
        rows = np.flatnonzero(codes == s)
        found, each = _pairs(t[rows], d[rows], x[rows], counting[rows], None if start is None else start[rows])
        totals += found
        own[rows] = each
    comparable = float(totals[:3].sum())
    if comparable <= 0:
        raise AnalysisError(_no_pair(d, until))
    estimate = float((totals[0] + totals[2] / 2) / comparable)
    influence = (own[:, 0] + own[:, 2] / 2 - estimate * own.sum(axis=1)) / comparable
    if cluster is not None:
        influence = np.bincount(strata_codes(cluster, t.size), influence)
    se = math.sqrt(float((influence**2).sum()))
    return Concordance(estimate, se, Pairs(*map(float, totals)), influence, t.size, int(d.sum()), weight, level)


@dataclass(frozen=True)
class ManyConcordances:
    """One entry per marker; NaN where a marker has no comparable pair. n, events: its own complete cases."""

    names: list[str]
    estimate: Float[np.ndarray, " marker"]
    se: Float[np.ndarray, " marker"]
    n: Int[np.ndarray, " marker"]
    events: Int[np.ndarray, " marker"]
    weight: str

    @property
    def p(self) -> np.ndarray:
        """Two-sided p that a concordance is one half (Wald); not adjusted for the number of markers."""
        fine = self.se > 0
        z = np.divide(self.estimate - 0.5, self.se, out=np.full(self.se.size, np.nan), where=fine)
        return np.array([two_sided_p(float(v)) for v in z])

    def to_frame(self) -> pd.DataFrame:
        """One row a marker."""
        columns = {"marker": self.names, "concordance": self.estimate, "se": self.se, "p": self.p}
        return pd.DataFrame(columns | {"n": self.n, "events": self.events})


def concordance_many(
    time: Any,
    event: Any,
    markers: Any,
    *,
    weight: str = "harrell",
    until: float | None = None,
    names: list[str] | None = None,
) -> ManyConcordances:
    """The concordance of each column of `markers` (n, k), compiled: n log n a marker (Fenwick trees).

    A missing value (NaN) leaves that patient out for that marker alone.
    Raises: AnalysisError for unusable times or shapes that disagree.
    """
    t, d, _ = checked(time, event)
    if isinstance(markers, pd.DataFrame):
        names = names or [str(c) for c in markers.columns]
    x = numbers(markers, "marker")
    if x.ndim != 2 or x.shape[0] != t.size:
        raise AnalysisError(f"markers have one row per time: {t.size} times, but markers of shape {x.shape}.")
    labels = list(names) if names is not None else [f"x{i + 1}" for i in range(x.shape[1])]
    if len(labels) != x.shape[1]:
        raise AnalysisError(f"there are {x.shape[1]} markers but {len(labels)} names.")
    from opsonin.analysis.performance.concordance_kernels import concordances

    order = np.lexsort((~d, t))
    t, d = t[order], d[order]
    columns = np.ascontiguousarray(x.T[:, order])
    there = np.isfinite(columns)
    estimate, se = np.full(len(labels), np.nan), np.full(len(labels), np.nan)
    whole = there.all(axis=1)
    if whole.any():
        estimate[whole], se[whole] = concordances(t, d, columns[whole], _event_weights(t, d, weight, until, None))
    for k in np.flatnonzero(~whole & (there.sum(axis=1) > 1)):
        rows = there[k]
        counting = _event_weights(t[rows], d[rows], weight, until, None)
        one = concordances(t[rows], d[rows], np.ascontiguousarray(columns[k : k + 1, rows]), counting)
        estimate[k], se[k] = one[0][0], one[1][0]
    return ManyConcordances(labels, estimate, se, there.sum(axis=1), (there & d).sum(axis=1), weight)


def _event_weights(
    t: np.ndarray, d: np.ndarray, weight: str, until: float | None, entry: np.ndarray | None
) -> Float[np.ndarray, " n"]:
    """What each pair counts whose earlier member is this row: 0 for the censored."""
    if weight not in WEIGHTS:
        raise AnalysisError(f"the weight {weight!r} is unknown; use 'harrell' or 'uno'.")
    counting = d.astype(float)
    if until is not None:
        counting = np.where(t <= until, counting, 0.0)
    if weight == "harrell":
        return counting
    if entry is not None:
        raise AnalysisError("Uno's weights are not defined with delayed entry; use weight='harrell'.")
    chance = censoring_curve(t, d).before(t)
    return counting / np.where(counting > 0, chance, 1.0) ** 2


def _pairs(
    t: np.ndarray, d: np.ndarray, x: np.ndarray, counting: np.ndarray, entry: np.ndarray | None
) -> tuple[Float[np.ndarray, " 5"], Float[np.ndarray, "n 3"]]:
    """Sums over pairs by kind, and each row's share of the first three kinds (every pair counts for both members)."""
    totals, own = np.zeros(5), np.zeros((t.size, 3))
    first = np.flatnonzero(counting > 0)
    step = max(1, BLOCK // max(t.size, 1))
    for i in (first[k : k + step] for k in range(0, first.size, step)):
        same_day = t[None, :] == t[i, None]
        later = (t[None, :] > t[i, None]) | (same_day & ~d[None, :])
        tied = same_day & d[None, :]
        tied[np.arange(i.size), i] = False
        if entry is not None:
            there = entry[None, :] < t[i, None]
            later, tied = later & there, tied & there
        sign = np.sign(x[i, None] - x[None, :])
        w = counting[i, None]
        for kind, which in enumerate((1.0, -1.0, 0.0)):
            part = np.where(later & (sign == which), w, 0.0)
            own[i, kind] += part.sum(axis=1)
            own[:, kind] += part.sum(axis=0)
            totals[kind] += part.sum()
        totals[3] += np.where(tied & (sign != 0), w, 0.0).sum() / 2  # each such pair is met twice
        totals[4] += np.where(tied & (sign == 0), w, 0.0).sum() / 2
    return totals, own


def _one_marker(marker: Any, n: int) -> Float[np.ndarray, " n"]:
    x = numbers(marker, "marker")
    if x.shape != (n,):
        raise AnalysisError(f"there are {n} times but markers of shape {x.shape}; for many markers: concordance_many.")
    missing = int((~np.isfinite(x)).sum())
    if missing:
        raise AnalysisError(f"the marker misses {missing} of {n} values; leave those patients out.")
    return x


def _no_pair(d: Bool[np.ndarray, " n"], until: float | None) -> str:
    if not d.any():
        return "a concordance needs events; all times are censored."
    by = "" if until is None else f" by {until:g}"
    return f"no two patients can be compared: nobody outlived an event{by} in their stratum."
