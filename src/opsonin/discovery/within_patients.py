"""Which features differ within the same patients, by the signs of their differences.

If nothing differs, a patient's two values could be exchanged, which turns the sign of the difference: all 2^n ways to
turn them are taken up to 2^14, else 9,999 at random and the observed one. The level holds for any distribution.
Source: Fisher (1935), The Design of Experiments, section 21; Westfall & Young (1993), Resampling-Based Multiple
Testing (the largest statistic).
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from opsonin.discovery.differences import (
    ALIKE,
    COLUMNS,
    FEWEST,
    PERMUTATIONS,
    Differences,
    Test,
    false_discovery_rate,
    precision,
)
from opsonin.errors import DiscoveryError
from opsonin.random import uniform

EXACT = 14  # pairs up to which all signs are tried


def paired_differences(
    one: pd.DataFrame,
    other: pd.DataFrame,
    *,
    first: str,
    second: str,
    variances: pd.DataFrame | None = None,
    test: Test = "mean",
    permutations: int = PERMUTATIONS,
    seed: int = 1,
) -> Differences:
    """Which columns differ between two tables (patient × feature) of the same patients.

    variances: of the differences' own uncertainty, which then count less.   test: "mean" the mean difference, "rank"
    Wilcoxon's signed ranks.   A feature is compared among the patients that have it in both.
    Raises: DiscoveryError for fewer than 3 patients, an unknown test, or tables that are not of the same patients.
    """
    if not (one.index.equals(other.index) and one.columns.equals(other.columns)):
        raise DiscoveryError("pairs are two tables of the same patients and features, in the same order.")
    if len(one) < FEWEST:
        raise DiscoveryError(f"{len(one)} patient(s) have samples of both {first!r} and {second!r}; with fewer than "
                             f"{FEWEST} nothing can be told from chance.")  # fmt: skip
    if test not in ("mean", "rank"):
        raise DiscoveryError(f"the test {test!r} is unknown; use 'mean' or 'rank'.")
    x, y = one.to_numpy(dtype=float), other.to_numpy(dtype=float)
    known = np.isfinite(x) & np.isfinite(y)
    gap = np.where(known, x - y, 0.0)
    v = np.zeros_like(gap) if variances is None else variances.to_numpy(dtype=float)
    usable = np.flatnonzero((known.sum(axis=0) >= FEWEST) & (gap != 0).any(axis=0))
    left = []
    if usable.size < gap.shape[1]:
        names = ", ".join(str(name) for k, name in enumerate(one.columns) if k not in set(usable.tolist()))
        left.append(f"not compared, as fewer than {FEWEST} patients have it in both or all are alike: {names}.")
    if 2.0 ** (1 - len(one)) > 0.05:
        left.append(f"with {len(one)} pairs no p can be below {2.0 ** (1 - len(one)):.2g}.")
    scores, weights, rows = np.zeros((len(one), usable.size)), [], []
    for place, column in enumerate(usable):
        has = known[:, column]
        d, own = gap[has, column], v[has, column]
        # both signs together, so that the weights do not know the signs and the flips stay exact
        w = precision(np.r_[d, -d], np.r_[own, own])[: d.size]
        weights.append(w)
        scores[has, place] = np.sign(d) * pd.Series(np.abs(d)).rank().to_numpy() if test == "rank" else w * d
    signs, exact = _signs(len(one), permutations, seed)
    p, p_max = _flipped(scores, signs)
    for place, column in enumerate(usable):
        has = known[:, column]
        d = gap[has, column]
        rows.append((one.columns[int(column)], d.size, d.size, float(np.median(x[has, column])),
                     float(np.median(y[has, column])), *_student(d, weights[place]),
                     float((np.sign(d) + 1).mean() / 2), p[place], p_max[place]))  # fmt: skip
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    frame.insert(10, "p_bh", false_discovery_rate(frame["p"].to_numpy(dtype=float)))
    draws = len(signs) if exact else len(signs) - 1
    return Differences(frame.sort_values("p", kind="stable").reset_index(drop=True), first, second, "subject", test,
                       draws, exact, tuple(left), paired=True)  # fmt: skip


def _signs(pairs: int, permutations: int, seed: int) -> tuple[np.ndarray, bool]:
    """(draw, pair) of 1 and −1, the first row as observed; and whether these are all."""
    if pairs <= EXACT:
        return 1.0 - 2.0 * ((np.arange(2**pairs)[:, None] >> np.arange(pairs)) & 1), True
    drawn = np.where(uniform(seed, "sign flips", np.arange(permutations), draws=pairs) < 0.5, -1.0, 1.0)
    return np.vstack([np.ones((1, pairs)), drawn]), False


def _flipped(scores: np.ndarray, signs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """p of each feature, and of the strongest; two-sided, by |sum| in standard deviations of what flips give."""
    if not scores.shape[1]:
        return np.empty(0), np.empty(0)
    strength = np.abs(signs @ scores) / np.sqrt((scores**2).sum(axis=0))
    held = strength[0] * (1 - ALIKE) - 1e-12
    beyond = (strength.max(axis=1)[:, None] >= held[None, :]).mean(axis=0)
    return (strength >= held).mean(axis=0), beyond


def _student(d: np.ndarray, w: np.ndarray) -> tuple[float, float, float]:
    """The weighted mean and its 95 % interval."""
    from scipy.special import stdtrit

    share = w / w.sum()
    mean, effective = float((share * d).sum()), 1 / float((share**2).sum())
    freedom = max(effective - 1, 1e-9)
    half = float(stdtrit(freedom, 0.975)) * math.sqrt(float((share * (d - mean) ** 2).sum()) / freedom)
    return mean, mean - half, mean + half
