"""Through which pathways a treatment does its good: the benefit shared out between mechanisms that work together.

The same patients are simulated with every combination of the treatment's pathways at work. A pathway's share is what it
adds, averaged over all orders in which the pathways may be added one to another: shares add up to the whole benefit,
and pathways that only work together share what they do together.
Source: Shapley (1953), Contributions to the Theory of Games II:307; as an analysis of variance between factors that act
together, Owen (2014), SIAM/ASA J Uncertain Quantif 2:245; interval: Rubin (1981), Ann Stat 9:130.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from math import factorial
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from opsonin.analysis.findings import Finding
from opsonin.analysis.statistics import Estimate
from opsonin.analysis.survival.data import checked_level, numbers
from opsonin.errors import AnalysisError
from opsonin.random import exponential

MOST = 6  # pathways: 64 combinations
METHOD = "Shapley value over all combinations of pathways in the same patients; Bayesian bootstrap"
REFERENCE = "Shapley 1953; Owen 2014, SIAM/ASA J Uncertain Quantif 2:245"


@dataclass(frozen=True)
class Pathways:
    """table: one row a pathway, the largest first: pathway, benefit (its part of the mean benefit), benefit_lower,
    benefit_upper, share (of the whole; NaN where the whole cannot be told from none), alone (the mean benefit with this
    pathway alone), needed (what is lost without it).   together: the benefit beyond the sum of what pathways do alone.
    whole: the mean outcome with all pathways less that with none.   with_all, with_none: these means.
    """

    table: pd.DataFrame = field(repr=False)
    whole: Estimate
    together: Estimate
    with_all: float
    with_none: float
    n: int
    level: float

    def to_frame(self) -> pd.DataFrame:
        return self.table.copy()

    def findings(self) -> list[Finding]:
        """`why.pathway.<pathway>.benefit`, `.alone`, `.needed`, and `why.pathway.whole.benefit`, `together.benefit`."""
        common: dict[str, Any] = {"n": self.n, "method": METHOD, "reference": REFERENCE}
        made = []
        for name, part, note in (
            ("whole", self.whole, f"{self.with_all:.3g} with all pathways, {self.with_none:.3g} with none"),
            ("together", self.together, "benefit beyond the sum of what each pathway does alone"),
        ):
            ends = {"estimate": part.value, "lower": part.lower, "upper": part.upper, "level": self.level}
            made.append(Finding(f"why.pathway.{name}.benefit", note=note, **ends, **common))
        for _, row in self.table.iterrows():
            for part in ("benefit", "alone", "needed"):
                ends = {"estimate": row[part], "lower": row[f"{part}_lower"], "upper": row[f"{part}_upper"]}
                share = f"{100 * row['share']:.0f} % of the whole" if row["share"] == row["share"] else ""
                note = share if part == "benefit" else ""
                made.append(
                    Finding(f"why.pathway.{row['pathway']}.{part}", note=note, level=self.level, **ends, **common)
                )
        return made


def pathways(
    outcomes: Mapping[Iterable[str], Any],
    *,
    weights: Any = None,
    replicates: int = 400,
    seed: int = 1,
    level: float = 0.95,
) -> Pathways:
    """A treatment's benefit shared out between its pathways.

    outcomes: from the names of the pathways at work, such as ("phagocytosis", "T cells") and () for none, to what each
    patient then shows: a number, or 1 and 0 for response. Every combination is needed.   weights: of a virtual
    population.   replicates: of the Bayesian bootstrap of patients, by the seed.
    Raises: AnalysisError where a combination is missing, there are no pathways or more than six, or outcomes do not
    have one number a patient.
    """
    found = {frozenset(names): numbers(x, "outcome") for names, x in outcomes.items()}
    names = list(dict.fromkeys(name for key in outcomes for name in key))
    level = checked_level(level)
    if not 1 <= len(names) <= MOST:
        raise AnalysisError(f"a benefit is shared out between one to {MOST} pathways; {len(names)} were named.")
    sets = [frozenset(some) for size in range(len(names) + 1) for some in combinations(names, size)]
    missing = [one for one in sets if one not in found]
    if missing:
        told = " and ".join(sorted(missing[0])) or "no pathway"
        raise AnalysisError(f"the outcomes with {told} at work are missing; {len(sets)} combinations are needed.")
    n = found[frozenset()].size
    for key, x in found.items():
        if x.shape != (n,) or not np.isfinite(x).all():
            told = " and ".join(sorted(key)) or "no pathway"
            raise AnalysisError(f"with {told} at work {n} patients need a number each, none missing.")
    w = np.ones(n) if weights is None else numbers(weights, "weight")
    if w.shape != (n,) or not np.isfinite(w).all() or (w < 0).any() or not w.sum() > 0:
        raise AnalysisError(f"weights are one number of zero or more for each of {n} patients, not all zero.")
    drawn = np.vstack([w, w * exponential(seed, "bootstrap of patients", np.arange(replicates), draws=n)])
    drawn = drawn / drawn.sum(axis=1, keepdims=True)
    mean = {one: drawn @ found[one] for one in sets}
    whole = mean[frozenset(names)] - mean[frozenset()]
    alone = {name: mean[frozenset({name})] - mean[frozenset()] for name in names}
    rows = []
    for name in names:
        parts = {"benefit": _shapley(name, names, mean), "alone": alone[name]}
        parts["needed"] = mean[frozenset(names)] - mean[frozenset(names) - {name}]
        row: dict[str, Any] = {"pathway": name}
        for part, values in parts.items():
            told = _estimate(values, level)
            row |= {part: told.value, f"{part}_lower": told.lower, f"{part}_upper": told.upper}
        rows.append(row)
    table = pd.DataFrame(rows).sort_values("benefit", ascending=False, kind="stable").reset_index(drop=True)
    all_in = _estimate(whole, level)
    clear = all_in.lower > 0 or all_in.upper < 0
    table.insert(4, "share", table["benefit"] / all_in.value if clear else np.full(len(table), np.nan))
    together = _estimate(whole - np.sum(list(alone.values()), axis=0), level)
    with_all, with_none = (float(mean[one][0]) for one in (frozenset(names), frozenset()))
    return Pathways(table, all_in, together, with_all, with_none, n, level)


def _shapley(
    name: str, names: list[str], mean: dict[frozenset[str], Float[np.ndarray, " draw"]]
) -> Float[np.ndarray, " draw"]:
    """What a pathway adds, averaged over all orders of adding pathways."""
    others = [one for one in names if one != name]
    total = np.zeros_like(mean[frozenset()])
    for size in range(len(others) + 1):
        often = factorial(size) * factorial(len(others) - size) / factorial(len(names))
        for some in combinations(others, size):
            total += often * (mean[frozenset({*some, name})] - mean[frozenset(some)])
    return total


def _estimate(values: Float[np.ndarray, " draw"], level: float) -> Estimate:
    tail = (1 - level) / 2
    low, high = np.quantile(values[1:], [tail, 1 - tail])
    return Estimate(float(values[0]), float(low), float(high))
