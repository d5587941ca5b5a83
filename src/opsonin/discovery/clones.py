"""Clones under therapy: were survivors selected from a few, or did most clones change and live on (transition)?

From a table of barcode (or T-cell receptor) reads before and after. Everything is calibrated on replicates, not on a
threshold for "similar": replicates before therapy say how much two samples of the same population differ.

- Loss: clones that were common before and are not seen after, against what sampling would lose.
- Diversity: the effective number of clones, exp(Shannon), after against before, by the spread between replicates.
- Likeness: correlation of log frequencies between before and after, divided by what replicates allow (Spearman 1904, Am
  J Psychol 15:72: correction for attenuation).
- Reproducible change: the covariance of two independent replicates' log ratios. Noise of sampling and drift differ
  between replicates and cancel; what remains is the variance of clones' own fitness under therapy.
- Founders' share: 1 / Σ f_after² / f_before, the share of the founding population that would give the survivors if all
  of it survived alike: 1 when clones keep their shares, p when only a fraction p of the population could survive.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from jaxtyping import Float

from opsonin.discovery.clone_measures import (
    KINDS,
    Bounded,
    corrected,
    fall,
    founders,
    interval,
    likeness,
    lost,
    shannon,
    spread,
)
from opsonin.errors import DiscoveryError
from opsonin.random import uniform

HALF_READ = 0.5  # added to every count before logarithms
LEVEL = 0.05
# A fall that matters: to half of the clones' effective number, which the loss of half of the founders, whoever they
# are, would make. It is the bound that tells "mixed" from "selection", in the share of founders.
MATTERS = 0.5


@dataclass(frozen=True)
class CloneDynamics:
    """What a table of clones says.

    common: clones with at least `min_reads` before; kept: those seen after; lost_expected, lost_p: by sampling alone.
    likeness: pair of samples → correlation of log frequencies (all clones); corrected: before–after, corrected for what
    replicates allow, with interval (NaN without replicates of both).
    diversity: sample → effective number of clones; diversity_ratio: after over before; fall_p: one-sided.
    spread: SD of reproducible log2 change of the common clones, with interval; spread_p: that there is none.
    founders: the founders' share, with interval.   cautions: in words.
    table: one row per clone: reads before and after, mean log2 change, common.
    """

    clones: int
    common: int
    kept: int
    lost_expected: float
    lost_p: float
    likeness: pd.DataFrame
    corrected: Bounded
    diversity: pd.Series
    diversity_ratio: Bounded
    fall_p: float
    spread: Bounded
    spread_p: float
    founders: Bounded
    table: pd.DataFrame = field(repr=False)
    cautions: tuple[str, ...] = ()

    @property
    def reproducible(self) -> bool:
        """Whether some clones change by more than others in every replicate."""
        return self.spread_p <= LEVEL

    @property
    def poorer(self) -> bool:
        """Whether therapy cost clones: diversity fell beyond replicates, or common clones were lost beyond sampling."""
        return self.fall_p <= LEVEL / 2 or self.lost_p <= LEVEL / 2  # two tests: 5 % together

    @property
    def verdict(self) -> str:
        """transition, selection, mixed, drift, or cannot tell.

        No loss of clones beyond replicates, and a fall that matters (`MATTERS`) excluded by the interval of the ratio
        of diversities: transition, as survivors come from nearly all clones. Not finding a loss is not enough: where
        the replicates scatter so much that such a fall could be there, nobody can tell. A loss that differs between
        replicates is drift (a bottleneck); one that repeats is selection, mixed where more than half of the founders
        would still account for the survivors.
        """
        if not math.isfinite(self.fall_p):
            return "cannot tell"  # clones are lost to drift and uneven copying too, which replicates alone show
        if not self.poorer:
            return "transition" if self.diversity_ratio[1] > MATTERS else "cannot tell"
        if not self.reproducible:
            return "drift"
        return "mixed" if self.founders[1] > MATTERS else "selection"

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why, in sentences."""
        chance = f"{self.lost_expected:.2g}" if self.lost_expected >= 0.01 else "none"
        said = [f"{self.kept} of {self.common} common clones are seen after (sampling alone would lose {chance})"]
        ratio, low, high = self.diversity_ratio
        said.append(
            f"the effective number of clones is {ratio:.2f} times that before"
            + (f" ({low:.2f} to {high:.2f}; of a fall: P {self.fall_p:.2g})" if math.isfinite(self.fall_p) else "")
        )
        if math.isfinite(self.fall_p) and not self.poorer:
            below = "any fall" if low >= 1 else f"a fall below {low:.2f}"
            weak = f", but not one to {MATTERS:g}, which would matter (half of the founders lost)"
            said.append(f"no fall beyond replicates; {below} can be excluded{'' if low > MATTERS else weak}")
        alike = self.mean_likeness(KINDS[0])
        said.append(
            f"log frequencies correlate by {self.mean_likeness(KINDS[2]):.3f} between before and after"
            + (f", by {alike:.3f} between replicates before" if math.isfinite(alike) else "")
        )
        size, low, high = self.spread
        if self.reproducible:
            said.append(
                f"clones do differ in how they fare, alike in every replicate: SD {size:.2f} log2 ({low:.2f} to "
                f"{high:.2f}), so that the survivors are what {100 * self.founders[0]:.0f} % of the founders would give"
            )
        return tuple(said)

    def mean_likeness(self, kind: str) -> float:
        """The mean correlation of pairs of a kind ("within before", "within after", "before to after")."""
        return float(self.likeness.loc[self.likeness["kind"] == kind, "correlation"].mean())

    def to_frame(self) -> pd.DataFrame:
        """One row per number: what, value, lower, upper, p."""
        none = (math.nan, math.nan)
        rows = [("common clones", self.common, *none, math.nan), ("common clones kept", self.kept, *none, self.lost_p)]
        rows += [(f"correlation {kind}", self.mean_likeness(kind), *none, math.nan) for kind in KINDS]
        rows += [("correlation before to after, corrected for replicates", *self.corrected, math.nan)]
        rows += [("effective number of clones, after over before", *self.diversity_ratio, self.fall_p)]
        rows += [("SD of reproducible log2 change", *self.spread, self.spread_p)]
        rows += [("share of founders", *self.founders, math.nan)]
        return pd.DataFrame(rows, columns=pd.Index(["what", "value", "lower", "upper", "p"]))


def clone_dynamics(
    counts: pd.DataFrame,
    before: Sequence[str],
    after: Sequence[str],
    *,
    min_reads: float = 100,
    replicates: int = 500,
    seed: int = 1,
) -> CloneDynamics:
    """Judge a table of reads, clones × samples.

    before, after: columns that are biological replicates (sum technical ones first).  min_reads: of all samples before
    together, for a clone to count as common.  replicates: of the bootstrap over clones and of the permutations.
    Raises: DiscoveryError for columns that are not there, negative or missing counts, or no common clone.
    """
    both = [name for name in before if name in after]
    if both:
        raise DiscoveryError(f"the sample {both[0]!r} of clones is given as before and as after; it is one of the two.")
    if counts.index.has_duplicates:
        raise DiscoveryError(f"the clone {counts.index[counts.index.duplicated()][0]!r} stands in the table twice; "
                             "add its reads up first.")  # fmt: skip
    b, a = _checked(counts, before), _checked(counts, after)
    if not b.shape[1] or not a.shape[1]:
        raise DiscoveryError("clones need one sample or more before and after.")
    chosen = b.sum(axis=1) >= min_reads
    if chosen.sum() < 10:
        raise DiscoveryError(
            f"{int(chosen.sum())} clones have {min_reads:g} reads before; 10 are needed. Lower min_reads."
        )
    everything = np.column_stack([b, a])
    names = [*map(str, before), *map(str, after)]
    log = np.log((everything + HALF_READ) / (everything + HALF_READ).sum(axis=0))
    alike = likeness(log, names, len(before))
    gone, expected, lost_p = lost(b[chosen], b.sum(), a, chosen)
    drawn = (uniform(seed, "clones of a bootstrap", np.arange(replicates), draws=len(b)) * len(b)).astype(int)
    diversity = pd.Series([math.exp(shannon(column)) for column in everything.T], index=names, name="effective clones")
    ratio, fall_p = fall(np.log(diversity.to_numpy()), len(before))
    own, spread_p = spread(log, chosen, len(before), drawn, seed)
    share = interval(founders(b, a, chosen, np.arange(len(b))), [founders(b, a, chosen, rows) for rows in drawn])
    true = interval(corrected(log, len(before)), [corrected(log[rows], len(before)) for rows in drawn])
    common = int(chosen.sum())
    table = pd.DataFrame({"before": b.sum(axis=1), "after": a.sum(axis=1)}, index=counts.index)
    table["change"] = (log[:, len(before) :].mean(axis=1) - log[:, : len(before)].mean(axis=1)) / math.log(2)
    table["common"] = chosen
    made = CloneDynamics(len(b), common, common - gone, expected, lost_p, alike, true, diversity, ratio, fall_p, own,
                         spread_p, share, table)  # fmt: skip
    return replace(made, cautions=_cautions(everything, made))


def _cautions(everything: np.ndarray, made: CloneDynamics) -> tuple[str, ...]:
    """What the reader must know before believing the verdict."""
    said = []
    if (everything > 0).all():
        said.append(
            "every clone of the table was seen in every sample: the table may have been cut down to such clones, and "
            "then it cannot show a lost one; diversity and shares still can"
        )
    if not math.isfinite(made.fall_p):
        said.append("without two replicates before and two after, selection cannot be told from noise")
    if made.lost_expected > 1:
        said.append(f"sampling alone would lose {made.lost_expected:.0f} of the common clones; raise min_reads")
    return tuple(said)


def _checked(counts: pd.DataFrame, columns: Sequence[str]) -> Float[np.ndarray, "clone sample"]:
    for name in columns:
        if name not in counts.columns:
            there = ", ".join(map(str, counts.columns[:12]))
            raise DiscoveryError(f"the table of clones has no column {name!r}; its columns are {there}.")
    try:
        made = counts[list(columns)].to_numpy(dtype=float)
    except ValueError as problem:
        raise DiscoveryError(f"the table of clones holds text among its counts: {problem}.") from problem
    wrong = ~(np.isfinite(made) & (made >= 0))
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise DiscoveryError(
            f"clone {counts.index[row]!r}, sample {columns[column]!r}: {made[row, column]} is no count."
        )
    empty = made.sum(axis=0) == 0
    if empty.any():
        raise DiscoveryError(f"the sample {columns[int(np.flatnonzero(empty)[0])]!r} has no reads at all.")
    return made
