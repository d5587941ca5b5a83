"""Small-sample statistics that several analyses share; SciPy's special functions load on first use."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from opsonin.random import permutation

NAN = math.nan


class Estimate(NamedTuple):
    """A number with its interval."""

    value: float
    lower: float
    upper: float


def two_sided_p(z: float) -> float:
    """The two-sided p of a standard normal statistic."""
    return math.erfc(abs(z) / math.sqrt(2)) if math.isfinite(z) else NAN


def proportion(events: int, n: int, level: float = 0.95) -> Estimate:
    """A share with its exact interval (Clopper & Pearson 1934, Biometrika 26:404)."""
    if n == 0:
        return Estimate(NAN, NAN, NAN)
    from scipy.special import betaincinv

    tail = (1 - level) / 2
    lower = float(betaincinv(events, n - events + 1, tail)) if events else 0.0
    upper = float(betaincinv(events + 1, n - events, 1 - tail)) if events < n else 1.0
    return Estimate(events / n, lower, upper)


def difference_of_proportions(a: int, n: int, b: int, m: int, level: float = 0.95) -> Estimate:
    """a/n − b/m with Newcombe's interval from two Wilson intervals (1998, Stat Med 17:873, method 10)."""
    one, other = _wilson(a, n, level), _wilson(b, m, level)
    gap = one.value - other.value
    below = math.hypot(one.value - one.lower, other.upper - other.value)
    above = math.hypot(one.upper - one.value, other.value - other.lower)
    return Estimate(gap, gap - below, gap + above)


def fisher_exact(a: int, n: int, b: int, m: int) -> float:
    """Two-sided p of a/n against b/m: tables no likelier than the one seen, their margins fixed."""
    total, hits = n + m, a + b
    low, high = max(0, hits - m), min(hits, n)
    ways = [_log_choose(n, k) + _log_choose(m, hits - k) - _log_choose(total, hits) for k in range(low, high + 1)]
    chance = np.exp(np.array(ways))
    seen = chance[a - low]
    return float(min(1.0, chance[chance <= seen * (1 + 1e-9)].sum()))


def mean_interval(values: Any, level: float = 0.95) -> Estimate:
    """A mean with Student's interval; no interval from fewer than two values."""
    x = np.asarray(values, dtype=float)
    x = x[np.isfinite(x)]
    if x.size == 0:
        return Estimate(NAN, NAN, NAN)
    mean = float(x.mean())
    if x.size == 1:
        return Estimate(mean, NAN, NAN)
    half = t_quantile(0.5 + level / 2, x.size - 1) * float(x.std(ddof=1)) / math.sqrt(x.size)
    return Estimate(mean, mean - half, mean + half)


def geometric_mean(values: Any, level: float = 0.95) -> Estimate:
    """The geometric mean of positive values with its interval (Student's on the log scale); others are left out."""
    x = np.asarray(values, dtype=float)
    found = mean_interval(np.log(x[np.isfinite(x) & (x > 0)]), level)
    return Estimate(*(math.exp(v) if math.isfinite(v) else NAN for v in found))


def geometric_cv_percent(values: Any) -> float:
    """The coefficient of variation that belongs to a geometric mean: 100 · √(exp(s²) − 1), s the SD of the logs."""
    x = np.asarray(values, dtype=float)
    x = x[np.isfinite(x) & (x > 0)]
    return 100 * math.sqrt(math.expm1(float(np.log(x).var(ddof=1)))) if x.size > 1 else NAN


def t_quantile(share: float, df: float | int) -> float:
    """The quantile of Student's t."""
    from scipy.special import stdtrit

    return float(stdtrit(df, share))


def t_p(t: float, df: float | int) -> float:
    """The two-sided p of a Student's t statistic."""
    from scipy.special import stdtr

    return float(2 * stdtr(df, -abs(t))) if math.isfinite(t) else NAN


def signed_rank_p(differences: Any) -> float:
    """Wilcoxon's signed-rank test, two-sided; zeros are left out.

    Exact (all signs of the mid-ranks) up to 25 differences, then the normal approximation with its tie correction.
    Source: Wilcoxon (1945), Biometrics Bull 1:80; Hollander & Wolfe (1999), ch. 3.
    """
    x = np.asarray(differences, dtype=float)
    x = x[np.isfinite(x) & (x != 0)]
    if x.size == 0:
        return NAN
    ranks = midranks(np.abs(x))
    positive, total = float(ranks[x > 0].sum()), float(ranks.sum())
    if x.size <= 25:
        doubled = np.rint(2 * ranks).astype(int)  # mid-ranks are halves
        ways = np.zeros(int(doubled.sum()) + 1)
        ways[0] = 1.0
        for r in doubled:
            ways[r:] = ways[r:] + ways[: ways.size - r]
        place = np.arange(ways.size) / 2
        far = np.abs(place - total / 2) >= abs(positive - total / 2) - 1e-9
        return float(min(1.0, ways[far].sum() / ways.sum()))
    return two_sided_p((positive - total / 2) / math.sqrt(float((ranks**2).sum()) / 4))


def rank_sum_p(x: Any, y: Any) -> float:
    """Wilcoxon's rank-sum test (Mann–Whitney), two-sided; missing values are left out.

    Exact (every division of the mid-ranks, ties and all) up to 80 values, and beyond where one side has few, such as 1
    of 250; otherwise by the normal approximation with its tie correction. Two-sided: divisions whose rank sum is at
    least as far from its mean.
    NaN where one side is empty; 1 where all values are the same.
    Source: Mann & Whitney (1947), Ann Math Stat 18:50; Hollander & Wolfe (1999), ch. 4; Lehmann (1975), ch. 1 (ties).
    """
    one, other = (np.asarray(v, dtype=float) for v in (x, y))
    one, other = one[np.isfinite(one)], other[np.isfinite(other)]
    if one.size > other.size:
        one, other = other, one
    m, n = one.size, one.size + other.size
    if not m:
        return NAN
    ranks = midranks(np.r_[one, other])
    mean, far = m * (n + 1) / 2, abs(float(ranks[:m].sum()) - m * (n + 1) / 2)
    if m * n**3 <= 2.1e7:  # a tenth of a second
        doubled = np.rint(2 * ranks).astype(int)  # mid-ranks are halves
        ways = np.zeros((m + 1, int(doubled.sum()) + 1))  # of choosing so many values with that sum
        ways[0, 0] = 1.0
        for r in doubled:
            ways[1:, r:] = ways[1:, r:] + ways[:-1, : ways.shape[1] - r]
        reached = np.abs(np.arange(ways.shape[1]) / 2 - mean) >= far - 1e-9
        return float(min(1.0, ways[m, reached].sum() / ways[m].sum()))
    variance = m * (n - m) / (n * (n - 1)) * float(((ranks - (n + 1) / 2) ** 2).sum())
    return two_sided_p(far / math.sqrt(variance)) if variance > 0 else 1.0


def midranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1, the tied sharing their mean."""
    _, where, count = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return (last - (count - 1) / 2)[where.reshape(-1)]


class Line(NamedTuple):
    """A fitted straight line; interval and p of the slope by Student's t."""

    slope: float
    lower: float
    upper: float
    p: float
    intercept: float


def line(x: np.ndarray, y: np.ndarray, level: float = 0.95) -> Line:
    """Least squares of y on x; NaN where fewer than three points or a single x."""
    dx, dy = x - x.mean(), y - y.mean()
    sxx = float(dx @ dx)
    if x.size < 3 or sxx <= 0:
        return Line(NAN, NAN, NAN, NAN, NAN)
    slope = float(dx @ dy) / sxx
    se = math.sqrt(max(float(((dy - slope * dx) ** 2).sum()), 0.0) / (x.size - 2) / sxx)
    half = t_quantile(0.5 + level / 2, x.size - 2) * se
    p = t_p(slope / se, x.size - 2) if se > 0 else NAN
    return Line(slope, slope - half, slope + half, p, float(y.mean() - slope * x.mean()))


def trend_p(group: np.ndarray, values: np.ndarray, seed: int, purpose: str, permutations: int = 1999) -> float:
    """Two-sided p that values rise or fall with the ordered group, by permutation of Jonckheere's statistic.

    Source: Jonckheere (1954), Biometrika 41:133: pairs of different groups in the same order, less those in the other.
    """
    if np.unique(group).size < 2 or values.size < 3:
        return NAN
    higher = np.sign(group[:, None] - group[None, :]).astype(float)
    sign = np.sign(values[:, None] - values[None, :])
    seen = abs(float((higher * sign).sum()))
    order = permutation(seed, purpose, values.size, np.arange(permutations))
    at_least = 0
    for block in np.array_split(order, max(1, order.shape[0] * values.size**2 // 4_000_000)):
        drawn = values[block]
        signs = np.sign(drawn[:, :, None] - drawn[:, None, :])
        at_least += int((np.abs(np.einsum("pij,ij->p", signs, higher)) >= seen - 1e-9).sum())
    return (1 + at_least) / (1 + permutations)


def _wilson(events: int, n: int, level: float) -> Estimate:
    from statistics import NormalDist

    z = NormalDist().inv_cdf(0.5 + level / 2)
    p = events / n
    centre, scale = p + z * z / (2 * n), 1 + z * z / n
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return Estimate(p, (centre - half) / scale, (centre + half) / scale)


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
