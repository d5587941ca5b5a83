"""What a hazard ratio does not say: whether it holds over time, the mean time gained, curves that cross, exact p."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from opsonin.analysis.findings import Finding, with_note
from opsonin.analysis.survival import cox, exact_logrank, max_combo, proportional_hazards_test, restricted_means
from opsonin.analysis.survival.data import strata_codes
from opsonin.analysis.survival.rank_scores import rank_scores
from opsonin.errors import AnalysisError
from opsonin.random import uniform

FEW = 50  # patients of two groups up to whom the log-rank test is also given exactly
MANY = 500  # patients from whom on a dose trend needs no permutations: the Wald test of the hazard ratio is as good
DOUBTFUL = 0.05  # a test of proportional hazards below this brings the max-combo test
PERMUTATIONS = 9999
RMST = "restricted mean survival time by Kaplan–Meier; Wald interval and p"
RMST_SOURCE = "Royston & Parmar 2013, doi:10.1186/1471-2288-13-152"
PH_SOURCE = "Grambsch & Therneau 1994, doi:10.1093/biomet/81.3.515"
COMBO_SOURCE = "Fleming & Harrington 1991; Karrison 2016, doi:10.1177/1536867X1601600311"
EXACT_SOURCE = "Streitberg & Röhmel 1986; Hothorn 2006, doi:10.1198/000313006X118430"
TREND_SOURCE = "Kalbfleisch & Prentice 2002, ch. 7; Phipson & Smyth 2010, doi:10.2202/1544-6115.1585"


def pair_findings(
    rows: pd.DataFrame, endpoint: str, pair: tuple[str, str], unit: tuple[str, float], strata: Any, ratio: Finding
) -> list[Finding]:
    """Of one group against the reference: the hazard ratio, with a note where it changes over time, and what it lacks.

    rows, strata: of the two groups.  unit: of the endpoint, and its days.  ratio: the hazard ratio's finding.
    """
    found = [ratio, *_restricted_mean(rows, endpoint, pair, unit)]
    if not ratio.is_note:
        doubt = _proportionality(rows, endpoint, pair, strata)
        found += doubt
        if doubt and doubt[0].p < DOUBTFUL:
            said = "The hazard ratio changes over time: it is an average that depends on the follow-up."
            found[0] = with_note(ratio, said)
            found += _max_combo(rows, endpoint, pair, strata)
    return found + _exact(rows, endpoint, pair, strata)


def _restricted_mean(rows: pd.DataFrame, endpoint: str, pair: tuple[str, str], unit: tuple[str, float]):
    try:
        means = restricted_means(rows["day"], rows["event"], rows["group"].astype(str), reference=pair[1])
    except AnalysisError:  # no time was followed in a group: the curves have said so
        return []
    if not sum(means.events):
        return []
    name, days = unit
    gap = means.difference
    a, b = (mean / days for mean in means.mean)
    return [
        Finding(
            name=f"survival.{endpoint}.restricted_mean_difference",
            group=" vs ".join(pair),
            estimate=gap.estimate / days,
            lower=gap.lower / days,
            upper=gap.upper / days,
            level=means.level,
            p=gap.p,
            n=sum(means.n),
            events=sum(means.events),
            unit=name,
            method=f"{RMST}; up to {means.until / days:.3g} {name}",
            reference=RMST_SOURCE,
            note=f"Mean time free of the event, up to {means.until / days:.3g} {name}: {a:.3g} against {b:.3g}.",
            table=means.to_frame(),
        )
    ]


def _proportionality(rows: pd.DataFrame, endpoint: str, pair: tuple[str, str], strata: Any) -> list[Finding]:
    treated = (rows["group"] == pair[0]).to_numpy(dtype=float)
    try:
        fit = cox(rows["day"], rows["event"], treated, strata=strata, names=[pair[0]])
        test = proportional_hazards_test(fit)
    except AnalysisError:  # one event time, or a separated group: nothing can change over time
        return []
    one = test.tests[0]
    return [
        Finding(
            name=f"survival.{endpoint}.proportional_hazards",
            group=" vs ".join(pair),
            estimate=one.statistic,
            p=one.p,
            n=fit.n,
            events=fit.events,
            unit="chi-squared on 1 degree of freedom",
            method="score test for a hazard ratio that changes with time (Kaplan–Meier scale)",
            reference=PH_SOURCE,
            table=test.to_frame(),
        )
    ]


def _max_combo(rows: pd.DataFrame, endpoint: str, pair: tuple[str, str], strata: Any) -> list[Finding]:
    try:
        test = max_combo(rows["day"], rows["event"], rows["group"].astype(str), strata=strata)
    except AnalysisError:
        return []
    rho, gamma = test.strongest
    when = {(0.0, 0.0): "all along", (0.0, 1.0): "late", (1.0, 0.0): "early", (1.0, 1.0): "midway"}[(rho, gamma)]
    return [
        Finding(
            name=f"survival.{endpoint}.max_combo",
            group=" vs ".join(pair),
            estimate=test.statistic,
            p=test.p_joint,
            n=test.n,
            events=test.events,
            unit="largest |z| of 4 weighted log-rank tests",
            method="max-combo test: G(0,0), G(0,1), G(1,0), G(1,1), p by their joint distribution",
            reference=COMBO_SOURCE,
            note=f"The curves differ most {when}. This test was added because the hazard ratio changes over time, as "
            "the same data show.",
            table=test.to_frame(),
        )
    ]


def _exact(rows: pd.DataFrame, endpoint: str, pair: tuple[str, str], strata: Any) -> list[Finding]:
    if len(rows) > FEW:
        return []
    try:
        test = exact_logrank(rows["day"], rows["event"], rows["group"].astype(str), strata=strata)
    except AnalysisError:  # no events, or more arrangements than can be counted: the usual test stands
        return []
    return [
        Finding(
            name=f"survival.{endpoint}.logrank_exact",
            group=" vs ".join(pair),
            estimate=test.z if test.groups[1] == pair[0] else -test.z,
            p=test.p,
            n=test.n,
            events=test.events,
            unit="z",
            method="exact log-rank test over all arrangements of the groups"
            + (" within strata" * (strata is not None)),
            reference=EXACT_SOURCE,
            note="Negative: the first-named group has the event later.",
        )
    ]


def dose_trend(rows: pd.DataFrame, endpoint: str, place: np.ndarray, strata: Any, seed: int) -> list[Finding]:
    """The log-rank trend over dose levels, its p by permutation, which few patients a level do not upset.

    place: the level of each row, 0, 1, …
    """
    if len(rows) > MANY:
        return []
    t, d = rows["day"].to_numpy(dtype=float), rows["event"].to_numpy(dtype=bool)
    stratum = strata_codes(strata, t.size)
    order = np.argsort(stratum, kind="stable")
    scores, x, stratum = rank_scores(t, d, stratum)[order], place[order].astype(float), stratum[order]
    for s in np.unique(stratum):
        x[stratum == s] -= x[stratum == s].mean()
    seen = float(scores @ x)
    block = max(1, 2_000_000 // max(t.size, 1))
    drawn = np.empty(PERMUTATIONS)
    for first in range(0, PERMUTATIONS, block):
        number = np.arange(first, min(first + block, PERMUTATIONS))
        unit = uniform(seed, f"dose trend {endpoint}", number, draws=t.size)
        # a stratum's whole number in front of the random fraction keeps its patients together
        drawn[number] = (scores[np.argsort(stratum + unit, axis=1, kind="stable")] * x).sum(axis=1)
    spread = float(drawn.std())
    if not spread > 1e-12 * max(1.0, float(np.abs(scores).max())):
        return []
    reached = int((np.abs(drawn) >= abs(seen) * (1 - 1e-9)).sum())
    p = (1 + reached) / (1 + PERMUTATIONS)
    return [
        Finding(
            name=f"survival.{endpoint}.dose_trend",
            group="per dose level",
            estimate=seen / spread,
            p=p,
            n=int(t.size),
            events=int(d.sum()),
            unit="z",
            method=f"log-rank scores against dose level; p by {PERMUTATIONS:,} permutations"
            + (" within strata" * (strata is not None)),
            reference=TREND_SOURCE,
            note=f"Negative: the event comes later at higher levels. Monte Carlo error of p: "
            f"{math.sqrt(p * (1 - p) / PERMUTATIONS):.1g}.",
        )
    ]
