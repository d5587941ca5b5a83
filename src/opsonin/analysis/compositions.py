"""Compositions: parts of a whole, of which only ratios mean anything. Log-ratios, zeros, distances and tests of change.

A share that rises because another fell is no finding about its cells; ratios between parts do not depend on what else
is counted. Sources: Aitchison (1986), The Statistical Analysis of Compositional Data; Egozcue et al. (2003), Math Geol
35:279 (isometric coordinates); Martín-Fernández et al. (2003), Math Geol 35:253 (zeros); Anderson (2001), Austral Ecol
26:32, and McArdle & Anderson (2001), Ecology 82:290 (tests by permutation).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float

from opsonin.analysis.statistics import Estimate, mean_interval, t_p
from opsonin.errors import AnalysisError
from opsonin.random import permutation, uniform

SHARE_OF_LIMIT = 0.65  # what stands for a part below its detection limit (Martín-Fernández 2003)
EXACT = 12  # patients up to whom all 2ⁿ signs are tried
PERMUTATIONS = 9999
ALIKE = 1e-9  # relative; statistics of two permutations this close are the same one


def shares(parts: Any) -> Float[np.ndarray, "row part"]:
    """Parts divided by their sum, row by row.

    Raises: AnalysisError for fewer than two parts, negative or missing numbers, or a row without anything in it.
    """
    x = _positive_or_zero(parts)
    return x / x.sum(axis=1, keepdims=True)


def replace_zeros(parts: Any, limit: Any = None) -> Float[np.ndarray, "row part"]:
    """Parts with zeros replaced by 0.65 of the detection limit, the others left as they are (multiplicatively).

    limit: one a part, in the parts' unit; else the smallest positive value of each part.
    Raises: AnalysisError as `shares`, for a part that is zero everywhere without a limit, and a limit that is not
    positive.
    """
    x = _positive_or_zero(parts)
    if not (x == 0).any():
        return x
    if limit is None:
        known = np.where(x > 0, x, np.inf).min(axis=0)
    else:
        known = np.broadcast_to(np.asarray(limit, dtype=float), x.shape[1:])
        if not (known > 0).all():
            raise AnalysisError("detection limits of a composition are above 0, in the unit of its parts.")
    empty = np.flatnonzero((x == 0).any(axis=0) & ~np.isfinite(known))
    if empty.size:
        raise AnalysisError(f"part {empty[0] + 1} is zero in every row; leave it out, or give its detection limit.")
    return np.where(x == 0, SHARE_OF_LIMIT * known, x)


def centred_log_ratios(parts: Any) -> Float[np.ndarray, "row part"]:
    """log(part / geometric mean of the row): one a part, adding up to 0 (clr).

    Raises: AnalysisError as `shares`, and for a zero.
    """
    x = _positive_or_zero(parts)
    if (x == 0).any():
        row, part = (int(v) for v in np.argwhere(x == 0)[0])
        raise AnalysisError(f"part {part + 1} of row {row + 1} is 0, which has no logarithm; see replace_zeros.")
    logs = np.log(x)
    return logs - logs.mean(axis=1, keepdims=True)


def isometric_log_ratios(parts: Any) -> Float[np.ndarray, "row coordinate"]:
    """Coordinates in which straight distances are Aitchison's: the k-th part against those after it (ilr, pivots).

    Raises: AnalysisError as `centred_log_ratios`.
    """
    clr = centred_log_ratios(parts)
    return clr @ pivot_basis(clr.shape[1])


def pivot_basis(parts: int) -> Float[np.ndarray, "part coordinate"]:
    """The orthonormal basis of the pivot coordinates; columns add up to 0."""
    basis = np.zeros((parts, parts - 1))
    for k in range(parts - 1):
        after = parts - k - 1
        basis[k, k] = math.sqrt(after / (after + 1))
        basis[k + 1 :, k] = -1 / math.sqrt(after * (after + 1))
    return basis


def aitchison_distance(one: Any, other: Any) -> Float[np.ndarray, " row"]:
    """How far two compositions are apart, row by row: 0 where all ratios agree.

    Raises: AnalysisError as `centred_log_ratios`.
    """
    return np.linalg.norm(centred_log_ratios(one) - centred_log_ratios(other), axis=1)


class PartChange(NamedTuple):
    """How many times a part grew against the geometric mean of the others."""

    part: str
    ratio: Estimate
    p: float


@dataclass(frozen=True)
class CompositionChange:
    """The mean change of a composition.   distance: Aitchison's, between before and after the mean change.

    p: of no change, by the signs of whole patients.   parts: each against the others.   n: patients.
    """

    distance: float
    p: float
    parts: list[PartChange]
    n: int
    exact: bool

    def to_frame(self) -> pd.DataFrame:
        """One row a part."""
        rows = [{"part": c.part, "ratio": c.ratio.value, "lower": c.ratio.lower, "upper": c.ratio.upper, "p": c.p}
                for c in self.parts]  # fmt: skip
        return pd.DataFrame(rows)


def composition_change(
    before: Any, after: Any, *, names: list[str] | None = None, seed: int = 1, level: float = 0.95
) -> CompositionChange:
    """Whether a composition changed within patients, and which parts grew against the others.

    before, after: (patient, part).   The test: Hotelling's statistic of the changes (their length where patients are no
    more than parts), against all signs up to 12 patients, else 9,999 of them; it needs no distribution of the changes,
    only that without a change each is as likely as its opposite.
    Raises: AnalysisError as `centred_log_ratios`, and for other shapes or fewer than two patients.
    """
    start, end = centred_log_ratios(before), centred_log_ratios(after)
    if start.shape != end.shape:
        raise AnalysisError(f"a change has the same patients and parts: shapes {start.shape} and {end.shape} given.")
    n, count = start.shape
    if n < 2:
        raise AnalysisError("a change of composition needs two or more patients.")
    change = end - start
    labels = names or [f"part {k + 1}" for k in range(count)]
    against_others = change * count / (count - 1)  # log(part / geometric mean of the others)
    parts = []
    for label, column in zip(labels, against_others.T, strict=True):
        found = mean_interval(column, level)
        se = float(column.std(ddof=1)) / math.sqrt(n)
        p = t_p(found.value / se, n - 1) if se > 0 else math.nan
        parts.append(PartChange(label, Estimate(*(math.exp(v) for v in found)), p))
    p, exact = _sign_test(change @ pivot_basis(count), seed)
    return CompositionChange(float(np.linalg.norm(change.mean(axis=0))), p, parts, n, exact)


class CompositionTrend(NamedTuple):
    """How much of the compositions' spread goes with something: R², and p by permutation."""

    r_squared: float
    p: float
    n: int


def composition_trend(ratios: Any, against: Any, strata: Any = None, seed: int = 1) -> CompositionTrend:
    """Whether compositions, or their changes, go with a dose (numbers) or a group (texts).

    ratios: (row, coordinate) of centred or isometric log-ratios.   Pseudo-F of the distances' regression; rows are
    permuted, within strata where they are given.   Raises: AnalysisError for other shapes, or nothing that varies.
    """
    y = np.asarray(ratios, dtype=float)
    values = np.asarray(against)
    if y.ndim != 2 or values.shape != y.shape[:1]:
        raise AnalysisError(f"log-ratios are (row, coordinate) and have one value each: {y.shape} and {values.shape}.")
    if values.dtype.kind in "fiu":
        x = values.astype(float)[:, None]
    else:
        x = (values[:, None] == np.unique(values)[None, :-1]).astype(float)
    x = x - x.mean(axis=0)
    y = y - y.mean(axis=0)
    whole = float((y**2).sum())
    if not np.abs(x).max(initial=0) > 0 or whole <= 0 or y.shape[0] < x.shape[1] + 2:
        raise AnalysisError("a trend of compositions needs values that differ, and rows enough to tell.")
    basis = np.linalg.qr(x)[0]
    seen = float(((basis.T @ y) ** 2).sum())
    order = _orders(y.shape[0], strata, seed)
    at_least = 0
    for block in np.array_split(order, max(1, order.size * y.shape[1] // 2_000_000)):
        drawn = ((basis.T @ y[block]) ** 2).sum(axis=(1, 2))
        at_least += int((drawn >= seen * (1 - ALIKE)).sum())
    return CompositionTrend(seen / whole, (1 + at_least) / (1 + len(order)), len(y))


def _sign_test(change: np.ndarray, seed: int) -> tuple[float, bool]:
    """p of changes (patient, coordinate) being as likely as their opposites; whether all signs were tried."""
    n, count = change.shape
    if not np.abs(change).max() > 0:
        return 1.0, True
    exact = n <= EXACT
    if exact:
        signs = 1.0 - 2.0 * ((np.arange(2 ** (n - 1))[:, None] >> np.arange(n)) & 1)  # the first half: opposites agree
    else:
        signs = np.where(uniform(seed, "composition change", np.arange(PERMUTATIONS), draws=n) < 0.5, -1.0, 1.0)
    means = np.vstack([np.ones(n), signs]) @ change / n
    length = (means**2).sum(axis=1)
    if n > count + 1:  # T² rises with m'S⁻¹m, S the uncentred spread, which no sign changes
        metric = np.linalg.pinv(change.T @ change / n)
        length = np.einsum("si,ij,sj->s", means, metric, means)
    at_least = int((length[1:] >= length[0] * (1 - ALIKE)).sum())
    return (at_least / len(signs) if exact else (1 + at_least) / (1 + PERMUTATIONS)), exact


@lru_cache(maxsize=4)
def _permuted(n: int, seed: int) -> np.ndarray:
    """Orders of so many patients, the same for every trend: days and questions of a record share them."""
    order = permutation(seed, "composition trend", n, np.arange(PERMUTATIONS))
    order.flags.writeable = False
    return order


def _orders(n: int, strata: Any, seed: int) -> np.ndarray:
    order = _permuted(n, seed)
    if strata is None:
        return order
    code = np.unique(np.asarray(strata).astype(str), return_inverse=True)[1]
    mixed = np.empty_like(order)
    for stratum in np.unique(code):
        rows = np.flatnonzero(code == stratum)
        mixed[:, rows] = rows[np.argsort(order[:, rows], axis=1, kind="stable")]
    return mixed


def _positive_or_zero(parts: Any) -> np.ndarray:
    try:
        x = np.asarray(parts, dtype=float)
    except (TypeError, ValueError) as problem:
        raise AnalysisError(f"the parts of a composition are numbers ({problem}).") from None
    if x.ndim != 2 or x.shape[1] < 2 or x.shape[0] == 0:
        raise AnalysisError(f"a composition has two or more parts in columns and one row a sample; shape {x.shape}.")
    wrong = ~(np.isfinite(x) & (x >= 0))
    if wrong.any():
        row, part = (int(v) for v in np.argwhere(wrong)[0])
        raise AnalysisError(f"part {part + 1} of row {row + 1} is {x[row, part]:g}; parts are numbers of 0 or more.")
    if not (x.sum(axis=1) > 0).all():
        raise AnalysisError(f"row {int(np.flatnonzero(x.sum(axis=1) <= 0)[0]) + 1} has nothing in any part.")
    return x
