"""The numbers by which clones before and after therapy are compared; `clones.py` says what each one is for."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from jaxtyping import Float

from opsonin.random import permutation

KINDS = ("within before", "within after", "before to after")
SIZES, FEWEST_OF_A_SIZE = 10, 20  # groups of clones by size, and clones in each
Bounded = tuple[float, float, float]  # a value with the limits of its 95 % interval, NaN where there is none


def likeness(log: np.ndarray, names: list[str], n_before: int) -> pd.DataFrame:
    r = np.corrcoef(log.T)
    rows = []
    for i in range(len(names)):
        for j in range(i + 1, len(names)):
            kind = KINDS[0] if j < n_before else KINDS[1] if i >= n_before else KINDS[2]
            rows.append((names[i], names[j], kind, r[i, j]))
    return pd.DataFrame(rows, columns=pd.Index(["first", "second", "kind", "correlation"]))


def lost(b: np.ndarray, reads: float, a: np.ndarray, chosen: np.ndarray) -> tuple[int, float, float]:
    """Common clones not seen after, how many a sample of that depth would miss, and the chance of missing as many."""
    from scipy.special import gammaincc

    lost = int((a[chosen].sum(axis=1) == 0).sum())
    expected = float(np.exp(-b.sum(axis=1) * a.sum() / reads).sum())
    if lost == 0:
        return 0, expected, 1.0
    return lost, expected, float(1 - gammaincc(lost, expected)) if expected > 0 else 0.0


def shannon(counts: np.ndarray) -> float:
    f = counts[counts > 0] / counts.sum()
    return float(-(f * np.log(f)).sum())


def fall(entropy: np.ndarray, n_before: int) -> tuple[Bounded, float]:
    """The ratio of effective numbers by Student's t over replicates, and the one-sided p of a fall."""
    from scipy.special import stdtr, stdtrit

    one, two = entropy[:n_before], entropy[n_before:]
    difference, df = float(two.mean() - one.mean()), entropy.size - 2
    if min(one.size, two.size) < 2:
        return (math.exp(difference), math.nan, math.nan), math.nan
    squares = float(((one - one.mean()) ** 2).sum() + ((two - two.mean()) ** 2).sum())
    se = math.sqrt(max(squares / df, 1e-12) * (1 / one.size + 1 / two.size))
    half = float(stdtrit(df, 0.975)) * se
    bounds = (math.exp(difference), math.exp(difference - half), math.exp(difference + half))
    return bounds, float(stdtr(df, difference / se))


def _pairs(log: np.ndarray, chosen: np.ndarray, n_before: int) -> Float[np.ndarray, "clone pair"] | None:
    """log2 ratios of disjoint pairs of samples (first before with first after, …), less what clones of that size do.

    Small clones are lost more easily, in every replicate, by chance alone; so each ratio is taken from the mean of the
    clones of like size. None for fewer than two pairs.
    """
    pairs = min(n_before, log.shape[1] - n_before)
    if pairs < 2:
        return None
    own = log[chosen]
    ratio = (own[:, n_before : n_before + pairs] - own[:, :pairs]) / math.log(2)
    order = np.argsort(own[:, :n_before].mean(axis=1), kind="stable")
    made = np.empty_like(ratio)
    for group in np.array_split(order, max(1, min(SIZES, len(own) // FEWEST_OF_A_SIZE))):
        made[group] = (ratio[group] - ratio[group].mean(axis=0)) * math.sqrt(group.size / max(1, group.size - 1))
    return made


def spread(log: np.ndarray, chosen: np.ndarray, n_before: int, drawn: np.ndarray, seed: int) -> tuple[Bounded, float]:
    """SD of the reproducible change (0 where the covariance is negative), its interval, and the p of none."""
    ratio = _pairs(log, chosen, n_before)
    if ratio is None:
        return (math.nan, math.nan, math.nan), math.nan
    size = len(ratio)
    rows = (drawn[:, :size].astype(float) / len(log) * size).astype(int)
    made = interval(_deviation(ratio), [_deviation(ratio[r]) for r in rows])
    shuffled = permutation(seed, "clones of a permutation", size, np.arange(len(drawn)))
    null = np.array([_covariance(np.column_stack([ratio[:, 0], ratio[order, 1]])) for order in shuffled])
    seen = _covariance(ratio[:, :2])
    return made, float((1 + (null >= seen).sum()) / (1 + null.size))


def _covariance(ratio: np.ndarray) -> float:
    """The mean covariance over pairs of columns."""
    c = np.cov(ratio.T)
    return float(c[np.triu_indices_from(c, 1)].mean())


def _deviation(ratio: np.ndarray) -> float:
    return math.sqrt(max(0.0, _covariance(ratio)))


def founders(b: np.ndarray, a: np.ndarray, chosen: np.ndarray, rows: np.ndarray) -> float:
    """1 / Σ after² / before, with independent replicates multiplied so that their noise does not count as selection.

    After: the product of two replicates has the mean of the square without noise. Before, in the denominator, 1 / mean
    is too large by the relative variance of the mean of n replicates; product of two / mean³ is free of that to first
    order, as the product is too small by as much as the cube is too large, and never above 1 / mean. A sole sample
    before (or after) stands for itself, and its noise pulls the share down.
    """
    own = rows[chosen[rows]]
    if not own.size:
        return math.nan
    start, end = (sample[own] / np.maximum(sample[own].sum(axis=0), 1.0) for sample in (b, a))
    inverse = _square(start) / start.mean(axis=1) ** 3
    return float(min(1.0, 1 / max((_square(end) * inverse).sum(), 1e-12)))


def _square(share: Float[np.ndarray, "clone sample"]) -> Float[np.ndarray, " clone"]:
    """The mean product of two different replicates; of a sole one its square."""
    if share.shape[1] == 1:
        return share[:, 0] ** 2
    return (share.sum(axis=1) ** 2 - (share**2).sum(axis=1)) / (share.shape[1] * (share.shape[1] - 1))


def corrected(log: np.ndarray, n_before: int) -> float:
    n_after = log.shape[1] - n_before
    if min(n_before, n_after) < 2:
        return math.nan
    r = np.corrcoef(log.T)
    within_b = r[:n_before, :n_before][np.triu_indices(n_before, 1)].mean()
    within_a = r[n_before:, n_before:][np.triu_indices(n_after, 1)].mean()
    return float(r[:n_before, n_before:].mean() / math.sqrt(max(within_b * within_a, 1e-12)))


def interval(value: float, sampled: list[float]) -> Bounded:
    known = np.array([v for v in sampled if math.isfinite(v)])
    if not math.isfinite(value) or not known.size:
        return value, math.nan, math.nan
    return value, float(np.quantile(known, 0.025)), float(np.quantile(known, 0.975))
