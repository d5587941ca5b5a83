"""A cut of a marker that was searched for, with the price of the search: an honest p and a shrunken ratio.

The cut that parts the outcome best looks better than it is: its p is too small and its ratio too large. The p here is
that of the largest of all cuts (permutation; approximations beside it). The ratio is shrunken by the cross-validated
factor: with every patient's group predicted from a search among the others, the slope of the outcome on these
predictions is what is left of the effect. Its interval takes the variance from bootstrap samples, searched anew.
Source: Lausen & Schumacher (1992), Biometrics 48:73; Schumacher, Holländer & Sauerbrei (1997), Stat Med 16:2813
(cross-validated shrinkage); Holländer, Sauerbrei & Schumacher (2004), Stat Med 23:1701 (interval).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from opsonin.analysis.findings import Finding
from opsonin.analysis.maximally_selected import (
    EXACT,
    SAME,
    Search,
    p_exact_bound,
    p_lausen_1992,
    p_lausen_1994,
    permuted_maxima,
    search,
)
from opsonin.analysis.searched_effect import Outcome, SurvivalOutcome, bootstrap_cuts, shrinkage_factor
from opsonin.analysis.statistics import NAN, Estimate, two_sided_p
from opsonin.analysis.survival.data import checked, checked_level, numbers, responses, strata_codes
from opsonin.errors import AnalysisError

SOURCE = "Lausen & Schumacher 1992, doi:10.2307/2532740; Hollaender, Sauerbrei & Schumacher 2004, doi:10.1002/sim.1611"


@dataclass(frozen=True)
class CutPoint:
    """The cut of a marker that parts an outcome best, and what is left of it after the search is paid for.

    cut: the smallest value of the high group (high: value >= cut); last_low: the largest of the low group.
    ratio: of high against low (hazard ratio or odds ratio) as if the cut had been stated beforehand; too far from 1.
    shrunken: the ratio times nothing but its cross-validated share (`shrinkage`, 0 to 1, of the log ratio), with an
    interval that knows of the search. p: of the largest statistic of all cuts by permutation (within strata);
    p_unsearched: what the same cut would have if it had been stated, for comparison. cut_interval: the middle
    share of the cuts that bootstrap samples choose. NaN where something was not asked for or does not apply.
    """

    kind: str
    cut: float
    last_low: float
    n: int
    n_high: int
    events: int
    events_high: int
    statistic: float
    p: float
    p_unsearched: float
    p_lausen_1992: float
    p_lausen_1994: float
    p_hothorn_lausen: float
    permutations: int
    ratio: Estimate
    shrinkage: float
    shrunken: Estimate
    cut_interval: tuple[float, float]
    level: float
    between: tuple[float, float]
    stratified: bool
    cuts: pd.DataFrame = field(repr=False)

    @property
    def p_se(self) -> float:
        """The Monte Carlo standard error of the permutation p."""
        return math.sqrt(self.p * (1 - self.p) / self.permutations) if self.permutations else NAN

    @property
    def sentence(self) -> str:
        """What was found and what the search costs, in words."""
        low, high = (f"{100 * share:.0f} %" for share in self.between)
        words = (
            f"Of {len(self.cuts)} cuts that leave {low} to {high} of {self.n} patients low, the best is "
            f"≥ {self.cut:.3g} ({self.n_high} high, {self.n - self.n_high} low): {self.kind} {self.ratio.value:.3g}, "
            f"p {_short(self.p_unsearched)} if it had been stated beforehand."
        )
        if math.isfinite(self.p):
            words += f" After the search p is {_short(self.p)}"
            words += f", and {100 * self.shrinkage:.0f} % of the effect" if math.isfinite(self.shrinkage) else ""
            words += f" is left ({self.kind} {self.shrunken.value:.3g})." if math.isfinite(self.shrinkage) else "."
        return words

    def to_frame(self) -> pd.DataFrame:
        """One row a cut: cut, last_low, n_low, statistic and, where samples were drawn, chosen (share of samples)."""
        return self.cuts.copy()

    def findings(self, name: str, group: str = "all", unit: str = "") -> list[Finding]:
        """`<name>.searched_cut` (in the marker's unit) and `<name>.searched_ratio` (shrunken, p of the search)."""
        method = "maximally selected statistic; p by permutation" + (" within strata" if self.stratified else "")
        lower, upper = self.cut_interval
        common: dict[str, Any] = {"group": group, "n": self.n, "events": self.events, "reference": SOURCE}
        common |= {"level": self.level, "note": self.sentence, "p": self.p}
        cut = Finding(
            f"{name}.searched_cut",
            estimate=self.cut,
            lower=lower,
            upper=upper,
            unit=unit,
            method=f"{method}; bootstrap interval of the cut",
            **common,
        )
        ratio = self.shrunken if math.isfinite(self.shrunken.value) else Estimate(self.ratio.value, NAN, NAN)
        effect = Finding(
            f"{name}.searched_ratio",
            estimate=ratio.value,
            lower=ratio.lower,
            upper=ratio.upper,
            unit=self.kind,
            method=f"{method}; cross-validated shrinkage, bootstrap variance",
            table=self.to_frame(),
            **common,
        )
        return [cut, effect]


def cut_point(
    time: Any,
    event: Any,
    marker: Any,
    *,
    strata: Any = None,
    between: tuple[float, float] = (0.1, 0.9),
    permutations: int = 10_000,
    shrink: bool = True,
    bootstrap: int = 200,
    seed: int = 1,
    level: float = 0.95,
) -> CutPoint:
    """Search the cut of a marker that parts survival best (log-rank scores), and say what the search costs.

    between: the smallest and largest share of patients that may be low. strata: scores, permutations and samples stay
    within them (dose level). permutations 0 leaves the approximations; shrink False leaves out the shrunken ratio,
    bootstrap 0 its interval and that of the cut. The result depends on `seed` and the patients, in their order.
    Raises: AnalysisError for unusable times, missing values, or a marker with no admissible cut.
    """
    t, d, _ = checked(time, event)
    if not d.any():
        raise AnalysisError("a cut is searched against events; all times are censored.")
    codes = strata_codes(strata, t.size)
    outcome = SurvivalOutcome.made(t, d, codes)
    return _search(outcome, marker, strata is not None, between, permutations, shrink, bootstrap, seed, level)


def cut_point_response(
    response: Any,
    marker: Any,
    *,
    strata: Any = None,
    between: tuple[float, float] = (0.1, 0.9),
    permutations: int = 10_000,
    shrink: bool = True,
    bootstrap: int = 200,
    seed: int = 1,
    level: float = 0.95,
) -> CutPoint:
    """Search the cut of a marker that parts responders from others best; as `cut_point`, with Peto's odds ratio.

    response: 1 or True for a response. Source of the ratio: Yusuf et al. (1985), Prog Cardiovasc Dis 27:335.
    Raises: AnalysisError where nobody or everybody responded, values are missing, or no cut is admissible.
    """
    d = responses(response)
    if d.all() or not d.any():
        raise AnalysisError(f"a cut is searched against responses; {'everybody' if d.all() else 'nobody'} responded.")
    codes = strata_codes(strata, d.size)
    outcome = Outcome(d.astype(float), d, codes)
    return _search(outcome, marker, strata is not None, between, permutations, shrink, bootstrap, seed, level)


def _search(
    outcome: Outcome,
    marker: Any,
    stratified: bool,
    between: tuple[float, float],
    permutations: int,
    shrink: bool,
    bootstrap: int,
    seed: int,
    level: float,
) -> CutPoint:
    x = _checked_marker(marker, outcome.scores.size, between)
    found = search(outcome.scores, x, outcome.strata, between)
    best, n = found.best, x.size
    high = x >= found.first_high[best]
    z = NormalDist().inv_cdf(0.5 + checked_level(level) / 2)
    effect, se = outcome.log_ratio(high.astype(float))
    factor = shrinkage_factor(outcome, x, between, seed) if shrink else NAN
    chosen, spread = bootstrap_cuts(outcome, x, between, bootstrap, seed)
    tail = (1 - level) / 2
    limits = tuple(np.quantile(chosen, [tail, 1 - tail], method="inverted_cdf").tolist()) if chosen.size else (NAN, NAN)
    kept = factor * effect
    p, largest = NAN, found.largest
    if permutations:
        null = permuted_maxima(found, permutations, seed, "cut-point")
        p = (1 + int((null >= largest - SAME).sum())) / (1 + permutations)
    plain = not stratified
    return CutPoint(
        kind=outcome.kind,
        cut=float(found.first_high[best]),
        last_low=float(found.last_low[best]),
        n=n,
        n_high=int(high.sum()),
        events=int(outcome.event.sum()),
        events_high=int(outcome.event[high].sum()),
        statistic=largest,
        p=p,
        p_unsearched=two_sided_p(largest),
        p_lausen_1992=p_lausen_1992(largest, between) if plain else NAN,
        p_lausen_1994=p_lausen_1994(largest, found.size, n) if plain else NAN,
        p_hothorn_lausen=p_exact_bound(outcome.scores, x, between) if plain and n <= EXACT else NAN,
        permutations=permutations,
        ratio=Estimate(*(_exp(v) for v in (effect, effect - z * se, effect + z * se))),
        shrinkage=factor,
        shrunken=Estimate(*(_exp(v) for v in (kept, kept - z * spread, kept + z * spread))),
        cut_interval=(float(limits[0]), float(limits[1])),
        level=level,
        between=between,
        stratified=stratified,
        cuts=_table(found, chosen),
    )


def _table(found: Search, chosen: Float[np.ndarray, " sample"]) -> pd.DataFrame:
    columns = {"cut": found.first_high, "last_low": found.last_low, "n_low": found.size, "statistic": found.statistic}
    table = pd.DataFrame(columns)
    if chosen.size:
        table["chosen"] = [float((chosen == cut).mean()) for cut in found.first_high]
    return table


def _checked_marker(marker: Any, n: int, between: tuple[float, float]) -> Float[np.ndarray, " n"]:
    x = numbers(marker, "marker")
    if x.shape != (n,):
        raise AnalysisError(f"a cut is searched in one value for each of {n} patients; shape {x.shape} was given.")
    missing = int((~np.isfinite(x)).sum())
    if missing:
        raise AnalysisError(f"the marker misses {missing} of {n} values; leave those patients out.")
    low, high = between
    if not 0 <= low < high <= 1:
        raise AnalysisError(
            f"the share of patients that may be low goes from {low:g} to {high:g}; use 0 to 1, in order."
        )
    return x


def _exp(value: float) -> float:
    return math.exp(min(value, 700.0)) if not math.isnan(value) else NAN


def _short(p: float) -> str:
    return "below 0.001" if p < 0.001 else f"{p:.2g}"
