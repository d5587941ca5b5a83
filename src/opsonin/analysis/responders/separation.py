"""Which quantities separate responders from the others: areas under the curve with intervals, in order.

Source: DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44:837, computed from ranks as Sun & Xu (2014), IEEE Signal
Process Lett 21:1389; the interval on the logit scale, or where nothing overlaps by Newcombe (2006), Stat Med 25:559
(method 5); p-value of Wilcoxon's rank sum with ties (Lehmann 1975, Nonparametrics).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd

from opsonin.analysis.findings import Finding
from opsonin.analysis.multiplicity import adjust_p
from opsonin.analysis.responders.weighted import answers, columns, effective, weighted_median
from opsonin.analysis.statistics import NAN, Estimate, two_sided_p
from opsonin.analysis.survival.data import checked_level
from opsonin.errors import AnalysisError

BASELINE = "baseline"
METHOD = "area under the ROC curve; DeLong's interval (logit scale), Wilcoxon's p"
REFERENCE = "DeLong 1988, Biometrics 44:837"


@dataclass(frozen=True)
class Separation:
    """One row a quantity, the strongest first: quantity, kind, auc (the chance that of a responder and another patient
    the responder has the higher value), lower, upper, se (DeLong's), p, p_adjusted, responders, others (patients with
    a value), missing, median_responders, median_others, like (the stronger quantity it goes along with most) and rho
    (Spearman's, with it).
    """

    table: pd.DataFrame = field(repr=False)
    adjustment: str
    level: float

    def to_frame(self) -> pd.DataFrame:
        return self.table.copy()

    def findings(self) -> list[Finding]:
        """`why.separation.<quantity>.auc`, one a quantity, in order; the group says when it was measured."""
        tested = int(self.table["p"].notna().sum())
        return [
            Finding(
                f"why.separation.{row['quantity']}.auc",
                group=str(row["kind"]),
                estimate=float(row["auc"]),
                lower=float(row["lower"]),
                upper=float(row["upper"]),
                level=self.level,
                p=float(row["p"]),
                n=int(row["responders"] + row["others"]),
                events=int(row["responders"]),
                method=METHOD,
                reference=REFERENCE,
                note=_told(row, tested, self.adjustment),
            )
            for _, row in self.table.iterrows()
        ]


def separation(
    response: Any,
    quantities: Any,
    *,
    kinds: Mapping[str, str] | None = None,
    weights: Any = None,
    adjustment: str = "holm",
    level: float = 0.95,
) -> Separation:
    """How well each quantity, by itself, tells responders from the others; the strongest first.

    response: 1 or 0 a patient.   quantities: a data frame (or arrays by name), a row a patient; missing values are left
    out quantity by quantity.   kinds: when each was measured ("baseline", "day 22"); baseline where not named.
    weights: of a virtual population.   adjustment: of p for all the quantities looked at, as in `adjust_p`.
    In a pool of virtual patients p tells how sure the pool is, which grows with the pool; the area tells how much a
    quantity is worth, which does not.
    Raises: AnalysisError where all or none respond, or a quantity does not have one value a patient.
    """
    yes, w = answers(response, weights)
    level, found = checked_level(level), columns(quantities, yes.size, "quantities")
    kinds = {} if kinds is None else dict(kinds)
    strange = sorted(set(kinds) - set(found))
    if strange:
        raise AnalysisError(f"the kind of {strange[0]!r} is given, but there is no such quantity.")
    table = pd.DataFrame([_row(name, kinds.get(name, BASELINE), x, yes, w, level) for name, x in found.items()])
    table.insert(7, "p_adjusted", adjust_p(table["p"], adjustment))
    strength = (table["auc"] - 0.5).abs()
    table = table.iloc[np.argsort(-strength.fillna(-1.0).to_numpy(), kind="stable")].reset_index(drop=True)
    like = [_alike(place, table["quantity"].tolist(), found) for place in range(len(table))]
    return Separation(table.assign(like=[name for name, _ in like], rho=[rho for _, rho in like]), adjustment, level)


def _row(name: str, kind: str, x: np.ndarray, yes: np.ndarray, w: np.ndarray, level: float) -> dict[str, Any]:
    known = np.isfinite(x) & (w > 0)
    row: dict[str, Any] = {"quantity": name, "kind": kind}
    high, low = known & yes, known & ~yes
    if high.any() and low.any():
        auc, se, null = area(x[high], x[low], w[high], w[low])
        ends = area_interval(auc, se, effective(w[high]), effective(w[low]), level)
        p = two_sided_p((auc - 0.5) / null) if null > 0 else NAN
        row |= {"auc": auc, "lower": ends.lower, "upper": ends.upper, "se": se, "p": p}
    else:
        row |= dict.fromkeys(("auc", "lower", "upper", "se", "p"), NAN)
    row |= {"responders": int(high.sum()), "others": int(low.sum()), "missing": int((~np.isfinite(x)).sum())}
    medians = [weighted_median(x[some], w[some]) for some in (high, low)]
    return row | {"median_responders": medians[0], "median_others": medians[1]}


def area(x: np.ndarray, y: np.ndarray, wx: np.ndarray, wy: np.ndarray) -> tuple[float, float, float]:
    """The area of x over y (ties count half), DeLong's standard error, and the standard deviation of the area where x
    and y are drawn from one distribution (Wilcoxon's).

    Weights take the place of equal shares: with equal ones these are the published formulas.
    """
    wx, wy = wx / wx.sum(), wy / wy.sum()
    of_x, of_y = _below(x, y, wy), 1 - _below(y, x, wx)  # each one's share of the other group that it beats, or lacks
    auc = round(float(wx @ of_x), 14)  # where nothing overlaps it is 0 or 1, whatever the weights' sum is rounded to
    variance = 0.0
    for w, placement in ((wx, of_x), (wy, of_y)):
        many = 1 / float((w**2).sum())
        if many > 1 + 1e-9:
            variance += float((w**2) @ (placement - auc) ** 2) * many / (many - 1)
    both, pooled = np.r_[x, y], np.r_[wx, wy] / 2
    if np.ptp(wx) < 1e-15 and np.ptp(wy) < 1e-15:
        pooled = np.full(both.size, 1 / both.size)
    place = _below(both, both, pooled)  # mid-distribution: ranks less a half, over n
    many = 1 / float((pooled**2).sum())
    spread = float(pooled @ (place - pooled @ place) ** 2) * many / max(many - 1, 1e-12)
    null = math.sqrt(spread * (float((wx**2).sum()) + float((wy**2).sum())))
    return auc, math.sqrt(variance) if variance > 1e-24 else 0.0, null


def _below(x: np.ndarray, y: np.ndarray, wy: np.ndarray) -> np.ndarray:
    """The weight of y below each x, half of that at it."""
    order = np.argsort(y, kind="stable")
    heaped = np.r_[0.0, np.cumsum(wy[order])]
    ordered = y[order]
    low, high = (heaped[np.searchsorted(ordered, x, side=side)] for side in ("left", "right"))
    return 0.5 * (low + high)


def area_interval(auc: float, se: float, m: float, n: float, level: float) -> Estimate:
    """DeLong's interval on the logit scale; Newcombe's where the area is 0 or 1, or one side is a single patient.

    se: DeLong's.   m, n: patients of either side (effective ones, where they are weighted).
    """
    z = NormalDist().inv_cdf(0.5 + level / 2)
    if 0 < auc < 1 and se > 0 and min(m, n) >= 2:
        half = min(z * se / (auc * (1 - auc)), 50.0)
        at = math.log(auc / (1 - auc))
        return Estimate(auc, 1 / (1 + math.exp(half - at)), 1 / (1 + math.exp(-half - at)))
    half_n = 0.5 * (m + n) - 1

    def gap(theta: float) -> float:
        inside = 1 + half_n * ((1 - theta) / (2 - theta) + theta / (1 + theta))
        return (auc - theta) ** 2 - z * z * theta * (1 - theta) * inside / (m * n)

    edge = 1e-9
    lower = upper = auc
    if auc > 2 * edge:
        lower = _root(gap, edge, auc - edge) if gap(edge) > 0 else 0.0
    if auc < 1 - 2 * edge:
        upper = _root(gap, auc + edge, 1 - edge) if gap(1 - edge) > 0 else 1.0
    return Estimate(auc, lower, upper)


def _root(gap: Callable[[float], float], low: float, high: float) -> float:
    """Where a gap changes sign between two places, by halving."""
    below = gap(low) > 0
    for _ in range(60):
        middle = 0.5 * (low + high)
        if (gap(middle) > 0) == below:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def _alike(place: int, order: list[str], found: dict[str, np.ndarray]) -> tuple[str, float]:
    """The stronger quantity with which this one goes along most, and Spearman's correlation with it."""
    best, strongest = "", NAN
    x = found[order[place]]
    for name in order[:place]:
        rho = _spearman(x, found[name])
        if math.isfinite(rho) and (not best or abs(rho) > abs(strongest)):
            best, strongest = name, rho
    return best, strongest


def _spearman(x: np.ndarray, y: np.ndarray) -> float:
    from opsonin.analysis.statistics import midranks

    known = np.isfinite(x) & np.isfinite(y)
    if known.sum() < 3:
        return NAN
    a, b = midranks(x[known]), midranks(y[known])
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return NAN
    return float(np.corrcoef(a, b)[0, 1])


def _told(row: Any, tested: int, adjustment: str) -> str:
    """What a reader has to know beside the number."""
    said = []
    if math.isfinite(row["auc"]):
        side = "higher" if row["auc"] > 0.5 else "lower" if row["auc"] < 0.5 else "neither higher nor lower"
        said.append(f"{side} in responders (median {row['median_responders']:.3g} against {row['median_others']:.3g})")
    if math.isfinite(row["p_adjusted"]):
        adjusted = row["p_adjusted"]
        p = "p < 0.001" if adjusted < 0.001 else f"p = {adjusted:.2g}"
        said.append(f"{p} adjusted for the {tested} quantities looked at ({adjustment.capitalize()})")
    if row["missing"]:
        said.append(f"{row['missing']} patients without a value are left out")
    if row["like"] and abs(row["rho"]) >= 0.5:
        said.append(f"goes along with {row['like']} (rank correlation {row['rho']:.2f})")
    return "; ".join(said) + "." if said else ""
