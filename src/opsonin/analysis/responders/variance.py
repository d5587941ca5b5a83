"""Which parameters make outcomes differ: first-order Sobol indices from the patients at hand.

A share is Var(E[Y | X]) / Var(Y): how much less the outcome would differ among patients alike in that parameter. It is
found from any sample, without a design: patients are cut into bins of equal number along the parameter, and the mean
variance within bins, each bin's own unbiased one, is taken off the whole.
Source: Sobol' (1993), Math Model Comput Exp 1:407; from given data, Plischke, Borgonovo & Smith (2013), Eur J Oper Res
226:536; the unbiased ratio, Kelley (1935), Proc Natl Acad Sci 21:554; interval: Rubin (1981), Ann Stat 9:130.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from opsonin.analysis.findings import Finding
from opsonin.analysis.responders.weighted import columns
from opsonin.analysis.survival.data import checked_level, numbers
from opsonin.errors import AnalysisError
from opsonin.random import exponential

FEWEST = 8  # patients in a bin, so that its variance means something
METHOD = "first-order Sobol index from given patients, binned, bias taken off; Bayesian bootstrap"
FEW = "too few patients to tell: the interval of the sum holds all from 0 to 100 %"
OVERLAP = (
    "the shares sum to more than 100 %: parameters go together and are counted more than once, as in a basket of "
    "indications, or patients are too few"
)
REFERENCE = "Plischke 2013, Eur J Oper Res 226:536"


@dataclass(frozen=True)
class VarianceShares:
    """table: one row a parameter, the largest first: parameter, share, lower, upper, source. An estimate may fall just
    below 0 where the share is none.   pairs: first, second, interaction (beyond the two alone), lower, upper, of the
    strongest parameters; somewhat too small where the outcome flips sharply.   alone: the sum of the shares with its
    interval: what parameters explain each by itself; what is missing to 1 they explain together, or nothing that was
    given does.   assumed: the same sum, of parameters whose source says "assumed".   untold: why a sum is not given
    ("alone", "assumed"): NaN where it passes 1, as where parameters go together and their shares overlap, or where its
    interval holds all from 0 to 1.   variance: of the outcome.
    """

    table: pd.DataFrame = field(repr=False)
    pairs: pd.DataFrame = field(repr=False)
    alone: tuple[float, float, float]
    assumed: tuple[float, float, float]
    variance: float
    n: int
    level: float
    untold: dict[str, str] = field(default_factory=dict)

    def to_frame(self) -> pd.DataFrame:
        return self.table.copy()

    def findings(self) -> list[Finding]:
        """`why.variance.<parameter>.share`, `.alone.total`, `.assumed.total` and `.<a> × <b>.interaction`."""
        common: dict[str, Any] = {"level": self.level, "n": self.n, "unit": "proportion", "reference": REFERENCE}
        made = [
            Finding(
                f"why.variance.{row['parameter']}.share",
                estimate=row["share"],
                lower=row["lower"],
                upper=row["upper"],
                method=METHOD,
                note=str(row["source"]),
                **common,
            )
            for _, row in self.table.iterrows()
        ]
        for name, sums, told in (
            (
                "alone",
                self.alone,
                "what parameters explain each by itself; the rest they explain together, or is chance",
            ),
            ("assumed", self.assumed, "what parameters explain whose values or spreads are assumed"),
        ):
            ends = dict(zip(("estimate", "lower", "upper"), sums, strict=True))
            said = self.untold.get(name, told)
            made.append(Finding(f"why.variance.{name}.total", method=METHOD, note=said, **ends, **common))
        for _, row in self.pairs.iterrows():
            made.append(
                Finding(
                    f"why.variance.{row['first']} × {row['second']}.interaction",
                    estimate=row["interaction"],
                    lower=row["lower"],
                    upper=row["upper"],
                    method=METHOD,
                    **common,
                )
            )
        return made


def variance_shares(
    outcome: Any,
    parameters: Any,
    *,
    sources: Mapping[str, str] | None = None,
    weights: Any = None,
    bins: int | None = None,
    pairs: int = 4,
    replicates: int = 200,
    seed: int = 1,
    level: float = 0.95,
) -> VarianceShares:
    """The share of the variance of an outcome that each parameter accounts for by itself.

    outcome: a number a patient; 1 or 0 for response.   parameters: a data frame (or arrays by name), a row a patient,
    without missing values.   sources: of each parameter ("assumed: …"), kept beside its share.   bins: None for about
    √n, with at least 8 patients each; values that are tied stay together.   pairs: interactions are found between so
    many of the strongest.   replicates: of the Bayesian bootstrap, by the seed.
    Raises: AnalysisError for missing values, an outcome that is the same in all patients, or fewer than 40 patients.
    """
    y = numbers(outcome, "outcome")
    if y.ndim != 1 or y.size < 40 or not np.isfinite(y).all():
        raise AnalysisError(
            f"shares of variance need an outcome for each of 40 patients or more, none missing; shape {y.shape} given."
        )
    if np.ptp(y) == 0:
        raise AnalysisError("the outcome is the same in all patients, so that nothing explains why it differs.")
    if (bins is not None and bins < 2) or replicates < 2:
        raise AnalysisError(
            f"2 bins and 2 replicates are the least; bins = {bins}, replicates = {replicates} were given."
        )
    level = checked_level(level)
    found = columns(parameters, y.size, "parameters")
    for name, x in found.items():
        if not np.isfinite(x).all():
            row = int(np.flatnonzero(~np.isfinite(x))[0]) + 1
            raise AnalysisError(f"the parameter {name!r} of patient {row} is missing; leave such patients out.")
    w = np.ones(y.size) if weights is None else numbers(weights, "weight")
    if w.shape != y.shape or not np.isfinite(w).all() or (w < 0).any() or not w.sum() > 0:
        raise AnalysisError(f"weights are one number of zero or more for each of {y.size} patients, not all zero.")
    count = bins if bins is not None else max(2, min(round(math.sqrt(y.size)), y.size // FEWEST))
    drawn = np.vstack([w, w * exponential(seed, "bootstrap of patients", np.arange(replicates), draws=y.size)])
    whole = _variance(np.zeros(y.size, dtype=int), y, drawn)[:, 0]
    every = {name: 1 - _within(_cut(x, count), y, drawn) / whole for name, x in found.items()}
    tail = (1 - level) / 2
    sources = {} if sources is None else dict(sources)
    rows = []
    for name, shares in every.items():
        low, high = np.quantile(shares[1:], [tail, 1 - tail])
        rows.append((name, float(shares[0]), float(low), float(high), sources.get(name, "")))
    table = pd.DataFrame(rows, columns=pd.Index(["parameter", "share", "lower", "upper", "source"]))
    table = table.iloc[np.argsort(-table["share"].to_numpy(), kind="stable")].reset_index(drop=True)
    guessed = [name for name in every if is_assumed(sources.get(name, ""))]
    (alone, no_sum), (assumed, none_assumed) = (_total([every[k] for k in names], tail) for names in (every, guessed))
    untold = {name: why for name, why in (("alone", no_sum), ("assumed", none_assumed)) if why}
    strongest = [name for name in table["parameter"].tolist()[: max(pairs, 0)] if np.ptp(found[name]) > 0]
    together = [_interaction(a, b, found, y, drawn, whole, tail) for a, b in combinations(strongest, 2)]
    both = pd.DataFrame(together, columns=pd.Index(["first", "second", "interaction", "lower", "upper"]))
    both = both.iloc[np.argsort(-both["interaction"].to_numpy(dtype=float), kind="stable")].reset_index(drop=True)
    return VarianceShares(table, both, alone, assumed, float(whole[0]), y.size, level, untold)


def is_assumed(source: str) -> bool:
    """Whether a parameter's source says that nobody measured it."""
    return source.strip().lower().startswith("assumed")


def _total(shares: list[np.ndarray], tail: float) -> tuple[tuple[float, float, float], str]:
    """The sum of some shares with its interval, 0 of none; or NaN, and why it is not told."""
    if not shares:
        return (0.0, 0.0, 0.0), ""
    total = np.sum(shares, axis=0)
    low, high = np.quantile(total[1:], [tail, 1 - tail])
    untold = (math.nan, math.nan, math.nan)
    if total[0] > 1 + 1e-9 or low > 1:
        return untold, OVERLAP
    return (untold, FEW) if low <= 0 and high >= 1 else ((float(total[0]), float(low), float(high)), "")


def _interaction(
    a: str, b: str, found: dict[str, np.ndarray], y: np.ndarray, drawn: np.ndarray, whole: np.ndarray, tail: float
) -> tuple[str, str, float, float, float]:
    """What two parameters explain together beyond each alone, all three found with the same bins.

    Bins are coarse in two directions: where the outcome flips along a sharp edge this falls short of the truth.
    """
    count = max(2, math.isqrt(y.size // FEWEST))
    one, other = _cut(found[a], count), _cut(found[b], count)
    joint = np.unique(one * (other.max() + 1) + other, return_inverse=True)[1].reshape(-1)
    both, first, second = (1 - _within(codes, y, drawn) / whole for codes in (joint, one, other))
    beyond = both - first - second
    low, high = np.quantile(beyond[1:], [tail, 1 - tail])
    return a, b, float(beyond[0]), float(low), float(high)


def _cut(x: np.ndarray, count: int) -> np.ndarray:
    """The bin of each patient, of about equal numbers; tied values stay together."""
    distinct, where, many = np.unique(x, return_inverse=True, return_counts=True)
    if distinct.size <= count:
        return where.reshape(-1)
    middle = np.cumsum(many) - 0.5 * many  # of the ranks of a value
    codes = np.minimum((middle * count / x.size).astype(int), count - 1)
    return np.unique(codes[where.reshape(-1)], return_inverse=True)[1].reshape(-1)


def _within(codes: np.ndarray, y: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """The mean variance within bins, by weight, for each set of weights; bins of one patient are left out."""
    order = np.argsort(codes, kind="stable")
    first = np.r_[0, np.flatnonzero(np.diff(codes[order])) + 1]
    out = np.empty(len(drawn))
    step = max(1, 8_000_000 // y.size)  # memory only
    for start in range(0, len(drawn), step):
        w = drawn[start : start + step][:, order]
        heavy, variance = _sums(w, y[order], first)
        usable = np.isfinite(variance)
        total = np.where(usable, heavy, 0.0)
        out[start : start + step] = (total * np.where(usable, variance, 0.0)).sum(axis=1) / total.sum(axis=1)
    return out


def _variance(codes: np.ndarray, y: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """The unbiased variance within each bin, (set of weights, bin)."""
    order = np.argsort(codes, kind="stable")
    first = np.r_[0, np.flatnonzero(np.diff(codes[order])) + 1]
    return _sums(drawn[:, order], y[order], first)[1]


def _sums(w: np.ndarray, y: np.ndarray, first: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The weight of each bin and its unbiased weighted variance Σ w (y − ȳ)² / (W − Σ w² / W); NaN where W has one."""
    y = y - y.mean()
    heavy, one, two = (np.add.reduceat(v, first, axis=1) for v in (w, w * y, w * y * y))
    squares = np.add.reduceat(w * w, first, axis=1)
    safe = np.where(heavy > 0, heavy, 1.0)
    free = heavy - squares / safe
    around = np.maximum(two - one**2 / safe, 0.0)
    return heavy, np.divide(around, free, out=np.full(heavy.shape, np.nan), where=free > 1e-9 * safe)
