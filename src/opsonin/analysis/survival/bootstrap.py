"""How far a median, a restricted mean, a survival or a hazard ratio could have come out otherwise: patients resampled.

Patients are drawn with replacement (of each group or stratum its own number), thousands of times in one compiled call.
Source: Efron (1981), J Am Stat Assoc 76:312, for censored data; Efron & Tibshirani (1993), An Introduction to the
Bootstrap, ch. 13 and 14, for the intervals.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any

import numpy as np
from jaxtyping import Float

from opsonin.analysis.survival.data import checked, group_codes, strata_codes
from opsonin.analysis.survival.design import design
from opsonin.errors import AnalysisError

CURVES = ("median", "restricted mean", "survival")
STATISTICS = (*CURVES, "hazard ratio")


@dataclass(frozen=True)
class Bootstrap:
    """Replicates of a statistic. A median that is not reached is infinite, and so is a monotone hazard ratio (or 0).

    what: in words.  estimate: of the data as they are.  jackknife: the statistic without each patient in turn.
    """

    what: str
    estimate: float
    replicates: Float[np.ndarray, " replicate"]
    level: float
    jackknife: Float[np.ndarray, " n"] = field(repr=False)

    @property
    def undefined(self) -> int:
        """Replicates in which the statistic does not exist (everyone drawn had the same covariate)."""
        return int(np.isnan(self.replicates).sum())

    @property
    def se(self) -> float:
        """The SD of the replicates (of their logarithms for a hazard ratio); NaN where one is infinite."""
        known = self.replicates[~np.isnan(self.replicates)]
        if self.what == "hazard ratio":
            with np.errstate(divide="ignore"):
                known = np.log(known)
        return float(known.std(ddof=1)) if known.size > 1 and np.isfinite(known).all() else math.nan

    def interval(self, kind: str = "percentile") -> tuple[float, float]:
        """The interval; an infinite limit says "not reached".

        kind: percentile; or bca, corrected for bias and for a spread that changes with the value, for all but medians.
        Raises: AnalysisError for an unknown kind, the bca of a median, or where most replicates are undefined.
        """
        known = np.sort(self.replicates[~np.isnan(self.replicates)])
        if known.size < self.replicates.size / 2:
            raise AnalysisError(f"in most bootstrap samples the {self.what} does not exist; there are too few events.")
        tails = np.array([0.5 - self.level / 2, 0.5 + self.level / 2])
        if kind == "bca":
            tails = self._corrected(known, tails)
        elif kind != "percentile":
            raise AnalysisError(f"the bootstrap interval {kind!r} is unknown; use 'percentile' or 'bca'.")
        low = int(min(max(math.floor((known.size + 1) * tails[0]), 1), known.size))
        high = int(min(max(math.ceil((known.size + 1) * tails[1]), 1), known.size))
        return float(known[low - 1]), float(known[high - 1])

    def _corrected(self, known: np.ndarray, tails: np.ndarray) -> np.ndarray:
        if self.what.startswith("median"):
            raise AnalysisError("the bca interval needs a smooth statistic; use 'percentile' for a median.")
        normal = NormalDist()
        below = float((known < self.estimate).sum() + (known == self.estimate).sum() / 2) / known.size
        bias = normal.inv_cdf(min(max(below, 0.5 / known.size), 1 - 0.5 / known.size))
        with np.errstate(divide="ignore"):
            values = np.log(self.jackknife) if self.what == "hazard ratio" else self.jackknife
        rest = values[np.isfinite(values)]
        rest = rest.mean() - rest if rest.size else rest
        spread = float((rest**2).sum()) ** 1.5
        bend = float((rest**3).sum()) / (6 * spread) if spread > 0 else 0.0
        z = bias + np.array([normal.inv_cdf(float(tail)) for tail in tails])
        return np.array([normal.cdf(v) for v in bias + z / (1 - bend * z)])


def bootstrap(
    time: Any,
    event: Any,
    statistic: str = "median",
    *,
    group: Any = None,
    reference: Any = None,
    covariate: Any = None,
    strata: Any = None,
    at: float | int | None = None,
    until: float | int | None = None,
    replicates: int = 10_000,
    level: float = 0.95,
    seed: int = 1,
) -> Bootstrap:
    """Resample patients and give the statistic of each sample: median, restricted mean, survival or hazard ratio.

    group: two groups; the statistic is then the difference of the other from the `reference` (the first in order).
    covariate: what the hazard ratio is of; strata: of its Cox model, resampled each on its own.  at: the time of the
    survival.  until: the horizon of the restricted mean.  After the last time of a sample its curve stays as it is.
    Raises: AnalysisError for arguments that do not go with the statistic.
    """
    t, d, _ = checked(time, event)
    _fitting(statistic, group, covariate, strata, at, until)
    if replicates < 1 or not t.size:
        raise AnalysisError(f"a bootstrap needs patients and replicates; {t.size} and {replicates} were given.")
    if statistic == "hazard ratio":
        return _of_hazard_ratio(t, d, covariate, strata, replicates, level, seed)
    argument = float({"median": 0.5, "restricted mean": until, "survival": at}[statistic] or 0.0)
    if not argument > 0:
        raise AnalysisError(f"the {statistic} is asked for at {argument:g}; give a time later than 0.")
    if group is None:
        estimate, drawn, jackknife = _of_curve(t, d, statistic, argument, replicates, seed, "all")
        return Bootstrap(statistic, estimate, drawn, level, jackknife)
    names, code = group_codes(group, t.size)
    base = names[0] if reference is None else str(reference)
    if len(names) != 2 or base not in names:
        raise AnalysisError(f"a bootstrap compares two groups, one of them the reference; there are {names}.")
    a, b = 1 - names.index(base), names.index(base)
    one, other = (_of_curve(t[code == g], d[code == g], statistic, argument, replicates, seed, str(g)) for g in (a, b))
    with np.errstate(invalid="ignore"):  # neither median reached: their difference does not exist
        drawn = one[1] - other[1]
        jackknife = np.r_[one[2] - other[0], one[0] - other[2]]
    estimate = one[0] - other[0] if math.isfinite(one[0]) or math.isfinite(other[0]) else math.nan
    return Bootstrap(f"{statistic}, {names[a]} less {names[b]}", estimate, drawn, level, jackknife)


def _fitting(statistic: str, group: Any, covariate: Any, strata: Any, at: Any, until: Any) -> None:
    """Refuse arguments that do not go together."""
    if statistic not in STATISTICS:
        raise AnalysisError(f"the statistic {statistic!r} is unknown; choose from {', '.join(STATISTICS)}.")
    needed = {"restricted mean": ("until", until), "survival": ("at", at), "hazard ratio": ("covariate", covariate)}
    name, value = needed.get(statistic, ("", True))
    if value is None:
        raise AnalysisError(f"the {statistic} needs `{name}`.")
    given = {"at": at, "until": until, "covariate": covariate, "strata": strata, "group": group}
    takes = {"hazard ratio": ("covariate", "strata")}.get(statistic, ("group", name))
    surplus = [key for key, value in given.items() if value is not None and key not in takes]
    if surplus:
        raise AnalysisError(f"the {statistic} takes no `{surplus[0]}`.")


def _of_curve(t: np.ndarray, d: np.ndarray, statistic: str, argument: float, replicates: int, seed: int, which: str):
    """The estimate, the replicates and the jackknife of one group."""
    from opsonin.analysis.random_kernels import key_of
    from opsonin.analysis.survival.bootstrap_kernels import curve_statistic, curve_statistics

    order = np.argsort(t, kind="stable")
    t, d, kind = t[order], d[order], CURVES.index(statistic)
    if statistic == "survival" and argument > t[-1] and bool((~d[t == t[-1]]).any()):
        raise AnalysisError(f"the curve is known up to {t[-1]:g}; the survival at {argument:g} is not.")
    last = np.full(t.size, t.size)
    estimate = curve_statistic(t, d, np.ones(t.size), kind, argument)
    drawn = curve_statistics(t, d, last, kind, argument, key_of(seed, f"bootstrap {which}"), 0, replicates)
    left_out = [curve_statistic(t, d, row, kind, argument) for row in 1 - np.eye(t.size)] if t.size > 1 else [math.nan]
    return estimate, drawn, np.array(left_out)


def _of_hazard_ratio(
    t: np.ndarray, d: np.ndarray, covariate: Any, strata: Any, replicates: int, level: float, seed: int
) -> Bootstrap:
    from opsonin.analysis.random_kernels import key_of
    from opsonin.analysis.survival.bootstrap_kernels import log_hazard_ratio, log_hazard_ratios

    x = design(covariate, None, t.size)[0]
    if x.shape[1] != 1:
        raise AnalysisError(f"the hazard ratio is bootstrapped for one covariate; {x.shape[1]} were given.")
    spread = float(x.std())
    if not spread > 1e-12 * max(float(np.abs(x).max()), 1e-300):
        raise AnalysisError("the covariate is the same for everyone, so that it has no hazard ratio.")
    stratum = strata_codes(strata, t.size)
    order = np.lexsort((t, stratum))
    t, d, stratum, scaled = t[order], d[order], stratum[order], ((x[:, 0] - x.mean()) / spread)[order]
    opens = np.where(np.r_[True, np.diff(stratum) > 0], 2, np.where(np.r_[True, np.diff(t) > 0], 1, 0)).astype(np.int64)
    last = np.searchsorted(stratum, stratum, side="right")
    whole = log_hazard_ratio(opens, d, scaled, np.ones(t.size))
    if not math.isfinite(whole):
        raise AnalysisError("the hazard ratio has no finite estimate to begin with; use firth_cox.")
    drawn = log_hazard_ratios(opens, d, scaled, last, key_of(seed, "bootstrap all"), 0, replicates)
    left_out = np.array([log_hazard_ratio(opens, d, scaled, row) for row in 1 - np.eye(t.size)])
    with np.errstate(over="ignore"):  # per unit of a covariate in tiny units, a ratio may be beyond all numbers
        whole, drawn, left_out = (np.exp(np.asarray(log) / spread) for log in (whole, drawn, left_out))
    return Bootstrap("hazard ratio", float(whole), drawn, level, left_out)
