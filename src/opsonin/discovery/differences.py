"""Which features differ between groups of patients, with patients as the unit, by permutation.

The p-values need no distribution of the features: if the groups do not differ, the patients' labels could be exchanged.
All permutations are taken where there are few, so that the level is exact. A patient's several samples are averaged
first; what cells would say if they were patients is not offered (benchmarks/discovery_units.py shows why).
Source: Westfall & Young (1993), Resampling-Based Multiple Testing (the largest statistic); Benjamini & Hochberg (1995),
J R Stat Soc B 57:289; DerSimonian & Laird (1986), Control Clin Trials 7:177 (the weights).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np
import pandas as pd
from jaxtyping import Float

from opsonin.errors import DiscoveryError
from opsonin.random import permutation

EXACT = 20_000  # ways to choose the first group, up to which all are tried
PERMUTATIONS = 9999
FEWEST = 3  # units a group must have
ALIKE = 1e-9
COLUMNS = ("feature", "n_first", "n_second", "median_first", "median_second", "difference", "lower", "upper", "above",
           "p", "p_max")  # fmt: skip
Test = Literal["mean", "rank"]
Unit = Literal["subject", "sample"]


@dataclass(frozen=True)
class Differences:
    """One row a feature.

    frame: feature, n_first, n_second, median_first, median_second, difference (of means, first less second; weighted
        where weights were given), lower, upper (95 %, Welch), above (how often a unit of the first lies above one of
        the second), p, p_bh (false discovery rate), p_max (chance that the strongest of all is as strong).
    first, second: the groups.   unit: what was exchanged.   permutations: how many; exact: all of them.
    left_out: units and features that could not be used, with the reason, and units made of several samples.
    paired: within the same patients, by the signs of their differences; n_first and n_second are then the pairs, above
        is how often a patient's first lies above the same one's second, and the interval is Student's.
    """

    frame: pd.DataFrame
    first: str
    second: str
    unit: Unit
    test: Test
    permutations: int
    exact: bool
    left_out: tuple[str, ...]
    paired: bool = False

    def told(self) -> list[str]:
        """What was done and what holds, as sentences."""
        n = self.frame[["n_first", "n_second"]].max() if len(self.frame) else pd.Series([0, 0])
        how = f"all {self.permutations:,}" if self.exact else f"{self.permutations:,}"
        kept = self.frame[self.frame["p_bh"] <= 0.05]["feature"].tolist()
        who = f"{self.first} ({int(n.iloc[0])}) against {self.second} ({int(n.iloc[1])}), unit: {self.unit}"
        if self.paired:
            who = f"{self.first} against {self.second} within the same {int(n.iloc[0])} patients"
        return [
            f"{who}; {how} {'sign flips' if self.paired else 'permutations'}; {len(self.frame)} features; at a false "
            f"discovery rate of 5 %: {', '.join(kept) or 'none'}.",
            *self.left_out,
        ]


def group_differences(
    values: pd.DataFrame,
    groups: Any,
    *,
    first: str,
    second: str,
    variances: pd.DataFrame | None = None,
    strata: Any = None,
    test: Test = "mean",
    unit: Unit = "subject",
    permutations: int = PERMUTATIONS,
    seed: int = 1,
) -> Differences:
    """Which columns of `values` (unit × feature) differ between two groups of its rows.

    groups: one for each row; rows of other groups, or of none, are left out.   variances: of the values' own
    uncertainty, which then count less; the spread between units is added to it.   strata: exchanged only
    within them; a Series by its index, else in the order of the rows.
    test: "mean" the difference of means, "rank" the rank sum.   A feature is compared among the units that have it.
    Raises: DiscoveryError for fewer than 3 units in a group, groups that are not there, or shapes that do not fit.
    """
    group = pd.Series(list(groups), index=values.index, dtype=object)
    kept = group.isin([first, second]).to_numpy()
    is_first = (group[kept] == first).to_numpy()
    for name, count in ((first, int(is_first.sum())), (second, int((~is_first).sum()))):
        if count < FEWEST:
            raise DiscoveryError(
                f"the group {name!r} has {count} {unit}(s); with fewer than {FEWEST} nothing can be told from chance: "
                "add some, or compare other groups. "
                f"The groups are {', '.join(map(str, group.dropna().unique())) or 'not given'}."
            )
    if variances is not None and (variances.shape != values.shape or not variances.columns.equals(values.columns)):
        raise DiscoveryError(f"variances {variances.shape} do not belong to values {values.shape}.")
    x = values[kept].to_numpy(dtype=float)
    v = np.zeros_like(x) if variances is None else variances[kept].to_numpy(dtype=float)
    stratum = np.zeros(len(x), dtype=int) if strata is None else _strata(strata, values.index, kept)
    _refuse_strata_of_one(is_first, stratum, unit)
    left = [f"{int((~kept).sum())} {unit}s are of neither group and were left out."] if not kept.all() else []
    known = np.isfinite(x)
    enough = ((known & is_first[:, None]).sum(axis=0) >= FEWEST) & ((known & ~is_first[:, None]).sum(axis=0) >= FEWEST)
    differs = np.array(
        [np.ptp(column[has]) > 0 if has.any() else False for column, has in zip(x.T, known.T, strict=True)]
    )
    usable = np.flatnonzero(enough & differs)
    if usable.size < x.shape[1]:
        names = ", ".join(map(str, values.columns[~(enough & differs)]))
        left.append(f"not compared, as fewer than {FEWEST} units of a group have it or all are alike: {names}.")
    orders, exact = _orders(is_first, stratum, permutations, seed)
    centre, weight = _weighted(x[:, usable], v[:, usable], known[:, usable], stratum, test)
    p, p_max = _permuted(centre, weight, orders, exact)
    rows = []
    for place, column in enumerate(usable):
        has = known[:, column]
        one, other = x[has & is_first, column], x[has & ~is_first, column]
        w = precision(x[has, column], v[has, column])
        difference, lower, upper = _welch(one, other, w[is_first[has]], w[~is_first[has]])
        above = float((np.sign(one[:, None] - other[None, :]) + 1).mean() / 2)
        name = values.columns[int(column)]
        rows.append((name, one.size, other.size, float(np.median(one)), float(np.median(other)),
                     difference, lower, upper, above, p[place], p_max[place]))  # fmt: skip
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    frame.insert(10, "p_bh", false_discovery_rate(frame["p"].to_numpy(dtype=float)))
    draws = len(orders) if exact else len(orders) - 1
    return Differences(frame.sort_values("p", kind="stable").reset_index(drop=True), first, second, unit, test, draws,
                       exact, tuple(left))  # fmt: skip


def false_discovery_rate(p: Float[np.ndarray, " test"]) -> Float[np.ndarray, " test"]:
    """Benjamini–Hochberg's adjusted p-values."""
    order = np.argsort(p, kind="stable")
    scaled = p[order] * p.size / np.arange(1, p.size + 1)
    found = np.empty(p.size)
    found[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return found


def _strata(strata: Any, index: pd.Index, kept: np.ndarray) -> np.ndarray:
    """A number for the stratum of each row kept; a Series is taken by its index, else in the order of the rows."""
    given = strata.reindex(index) if isinstance(strata, pd.Series) else pd.Series(list(strata))
    if len(given) != len(index):
        raise DiscoveryError(f"{len(given)} strata are given for {len(index)} units; give one each.")
    lacking = given.isna().to_numpy() & kept
    if lacking.any():
        raise DiscoveryError(f"{index[int(np.argmax(lacking))]!r} has no stratum; give every unit one.")
    return pd.factorize(given.to_numpy()[kept])[0]


def _refuse_strata_of_one(is_first: np.ndarray, stratum: np.ndarray, unit: Unit) -> None:
    """Raises: DiscoveryError where no stratum holds both groups, so that nobody can be exchanged."""
    for one in np.unique(stratum):
        if 0 < is_first[stratum == one].sum() < (stratum == one).sum():
            return
    raise DiscoveryError(
        f"no stratum holds {unit}s of both groups ({np.unique(stratum).size} strata of {stratum.size} {unit}s), so "
        "that none can be exchanged within one; take a coarser column for strata, or leave strata out."
    )


def _orders(is_first: np.ndarray, stratum: np.ndarray, permutations: int, seed: int) -> tuple[np.ndarray, bool]:
    """(draw, unit): whether each unit is of the first group; the first row as observed. And whether these are all."""
    n, k = is_first.size, int(is_first.sum())
    if not stratum.any() and math.comb(n, k) <= EXACT:
        every = np.zeros((math.comb(n, k), n), dtype=bool)
        for row, chosen in enumerate(combinations(range(n), k)):
            every[row, list(chosen)] = True
        same = np.flatnonzero((every == is_first).all(axis=1))[0]
        every[[0, same]] = every[[same, 0]]
        return every, True
    drawn = permutation(seed, "differences", n, np.arange(permutations))
    found = np.empty((permutations + 1, n), dtype=bool)
    found[0] = is_first
    for one in np.unique(stratum):
        rows = np.flatnonzero(stratum == one)
        place = np.argsort(drawn[:, rows], axis=1, kind="stable")
        found[1:, rows] = is_first[rows][place]
    return found, False


def _weighted(
    x: np.ndarray, v: np.ndarray, known: np.ndarray, stratum: np.ndarray, test: Test
) -> tuple[np.ndarray, np.ndarray]:
    """Values (or ranks) and weights, 0 where missing; neither looks at the groups, so that exchange stays exact."""
    if test not in ("mean", "rank"):
        raise DiscoveryError(f"the test {test!r} is unknown; use 'mean' or 'rank'.")
    values, weight = np.zeros_like(x), np.zeros_like(x)
    for column in range(x.shape[1]):
        has = known[:, column]
        own = x[has, column]
        weight[has, column] = 1.0 if test == "rank" else precision(own, v[has, column])
        values[has, column] = pd.Series(own).rank().to_numpy() if test == "rank" else own
        scale = np.abs(values[has, column]).max(initial=0.0)
        for one in np.unique(stratum[has]):  # the level of a stratum is no difference between groups
            rows = has & (stratum == one)
            values[rows, column] -= np.average(values[rows, column], weights=weight[rows, column])
        # what centring leaves of values that are alike is rounding
        values[np.abs(values[:, column]) <= 1e-13 * scale, column] = 0.0
    return values, weight


def precision(values: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Weights 1 / (spread between units + own variance); alike where no variance is given."""
    if not variance.any():
        return np.ones_like(values)
    floor = max(float(variance[variance > 0].min()), 1e-12)
    w = 1 / np.maximum(variance, floor)
    mean = float((w * values).sum() / w.sum())
    scale = float(w.sum() - (w**2).sum() / w.sum())
    between = max(0.0, (float((w * (values - mean) ** 2).sum()) - (values.size - 1)) / scale) if scale > 0 else 0.0
    return 1 / (between + np.maximum(variance, floor))


def _permuted(values: np.ndarray, weight: np.ndarray, orders: np.ndarray, exact: bool) -> tuple[np.ndarray, np.ndarray]:
    """p of each feature, and of the strongest; two-sided, by |difference of weighted means| in standard deviations."""
    features = values.shape[1]
    if not features:
        return np.empty(0), np.empty(0)
    strength = np.empty((len(orders), features), dtype=np.float64)
    total = weight.sum(axis=0)
    whole = (weight * values).sum(axis=0)
    step = max(1, 2_000_000 // max(1, values.shape[0]))
    for first in range(0, len(orders), step):
        one = orders[first : first + step].astype(float)
        mass, sums = one @ weight, one @ (weight * values)
        with np.errstate(divide="ignore", invalid="ignore"):
            gap = np.abs(sums / mass - (whole - sums) / (total - mass))
            strength[first : first + step] = np.nan_to_num(gap * np.sqrt(mass * (total - mass)), nan=0.0)
    spread = np.sqrt((weight * values**2).sum(axis=0) * total)
    strength = np.where(spread > 0, strength / np.where(spread > 0, spread, 1.0), 0.0)  # alike in every stratum: p is 1
    reached = (strength >= strength[0] * (1 - ALIKE)).sum(axis=0)
    largest = strength.max(axis=1)
    beyond = (largest[:, None] >= strength[0][None, :] * (1 - ALIKE)).sum(axis=0)
    return reached / len(orders), beyond / len(orders)


def _welch(one: np.ndarray, other: np.ndarray, w_one: np.ndarray, w_other: np.ndarray) -> tuple[float, float, float]:
    """Difference of weighted means and its 95 % interval, by each group's own spread."""
    from scipy.special import stdtrit

    means, errors, freedom = [], [], []
    for values, w in ((one, w_one), (other, w_other)):
        share = w / w.sum()
        mean = float((share * values).sum())
        effective = 1 / float((share**2).sum())
        square = float((share * (values - mean) ** 2).sum()) / max(effective - 1, 1e-9)
        means.append(mean)
        errors.append(square)
        freedom.append(max(effective - 1, 1e-9))
    difference, square = means[0] - means[1], errors[0] + errors[1]
    if not square > 0:
        return difference, difference, difference
    df = square**2 / sum(e**2 / f for e, f in zip(errors, freedom, strict=True))
    half = float(stdtrit(df, 0.975)) * math.sqrt(square)
    return difference, difference - half, difference + half
