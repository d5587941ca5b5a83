"""How far a ranking of targets can be believed: over patients and studies, and over the weights.

Intervals: a bootstrap that draws bulk cohorts, and their responders and non-responders, with replacement, and sources
of markers. Where patients are a source's replicates, they are drawn too, and with them both the share of expressing
cells and whether the gene is a marker: a moderated t-test of the patients drawn, held against the p at which the source
itself drew the line (for sums of counts, whose own test is another, too). A part without data is drawn evenly from 0 to
1, as nothing is known of it (its geometric mean is what the rank takes: `targets.UNKNOWN`). Normal expression is taken
as given, as the Atlas publishes no donors; so intervals are too narrow by what donors differ.
Weights: all of them, drawn evenly over everything that sums to 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from opsonin.discovery.bulk_cohorts import BulkCohort, content, design, firth
from opsonin.discovery.marker_sources import LEVEL, StateMarkers
from opsonin.discovery.pooling import pool
from opsonin.discovery.pseudobulk import moderated
from opsonin.discovery.targets import PARTS, TargetRanking, consistency, known, ranks, scored
from opsonin.errors import DiscoveryError
from opsonin.random import exponential, uniform

TOP = 10


@dataclass(frozen=True)
class RankIntervals:
    """frame: gene (index) → rank, median, lower, upper (of the bootstrap's ranks), top (share of replicates among the
    first ten).   sampled: replicate × gene, ranks.
    """

    frame: pd.DataFrame
    sampled: np.ndarray
    level: float
    replicates: int

    def of(self, gene: str) -> tuple[float, float]:
        """The interval of a gene's rank."""
        at = int(np.flatnonzero(self.frame.index == gene)[0])
        return float(self.frame["lower"].iloc[at]), float(self.frame["upper"].iloc[at])

    def middle(self, gene: str) -> float:
        """The median of a gene's ranks."""
        return float(self.frame["median"].iloc[int(np.flatnonzero(self.frame.index == gene)[0])])

    def above(self, first: str, second: str) -> float:
        """In what share of the replicates the first gene ranks better."""
        at = [int(np.flatnonzero(self.frame.index == gene)[0]) for gene in (first, second)]
        return float((self.sampled[:, at[0]] < self.sampled[:, at[1]]).mean())


def rank_intervals(
    ranking: TargetRanking, *, replicates: int = 300, seed: int = 1, level: float = 0.95
) -> RankIntervals:
    """Ranks under resampling of patients, cohorts and sources.

    Raises: DiscoveryError for fewer than 20 replicates.
    """
    if replicates < 20:
        raise DiscoveryError("intervals of ranks need 20 replicates or more.")
    genes = ranking.frame.index
    cohorts = [_Ready.of(c, genes, ranking.question.beside) for c in ranking.question.cohorts if c.usable]
    sources = [_Source.of(source, genes) for source in ranking.question.markers]
    parts = np.repeat(ranking.parts[None], replicates, axis=0)
    unknown = {part: ~known(ranking.frame, part) for part in PARTS}
    for replicate in range(replicates):
        if cohorts:
            parts[replicate, :, PARTS.index("resistance")] = _resistance(cohorts, genes.size, seed, replicate)
        for column, part in enumerate(PARTS):
            blank = unknown[part] | np.isnan(parts[replicate, :, column])  # also where no cohort drawn has it
            drawn = uniform(seed, f"unknown {part}", replicate, draws=genes.size).reshape(-1)
            parts[replicate, blank, column] = drawn[blank]
        state, steady = _markers(sources, genes.size, seed, replicate)
        parts[replicate, :, PARTS.index("state")] = state
        parts[replicate, :, PARTS.index("consistency")] = steady
    sampled = ranks(scored(parts, ranking.question.weight))
    return RankIntervals(_summary(ranking, sampled, level), sampled, level, replicates)


def weight_sensitivity(
    ranking: TargetRanking, *, draws: int = 2000, seed: int = 1, level: float = 0.95
) -> RankIntervals:
    """Ranks over weights drawn evenly from all that sum to 1 (a flat Dirichlet distribution); evidence as it is.

    Raises: DiscoveryError for fewer than 20 draws.
    """
    if draws < 20:
        raise DiscoveryError("the sensitivity to weights needs 20 draws or more.")
    weights = exponential(seed, "weights of target parts", np.arange(draws), draws=len(PARTS))
    sampled = ranks(np.stack([scored(ranking.parts, weight) for weight in weights]))
    return RankIntervals(_summary(ranking, sampled, level), sampled, level, draws)


def without_each(ranking: TargetRanking, genes: list[str]) -> pd.DataFrame:
    """The ranks of some genes by all parts, without each part, and without both of normal expression."""
    cases = {"all parts": {}} | {f"without {part}": {part: 0.0} for part in PARTS}
    cases["without blood and organs"] = {"blood": 0.0, "organs": 0.0}
    made = {name: ranking.with_weights(**weights).frame["rank"].reindex(genes) for name, weights in cases.items()}
    made["arithmetic mean"] = ranking.frame["arithmetic_rank"].reindex(genes)
    return pd.DataFrame(made).T.rename_axis("ranked by").reset_index()


@dataclass(frozen=True)
class _Ready:
    """A cohort's expression of the candidates it has, as arrays."""

    level: np.ndarray
    held: np.ndarray
    responder: np.ndarray
    beside: np.ndarray | None

    @classmethod
    def of(cls, cohort: BulkCohort, genes: pd.Index, beside: tuple[str, ...]) -> _Ready:
        return cls(*design(cohort, genes, beside), cohort.responder, content(cohort, beside))


def _resistance(cohorts: list[_Ready], genes: int, seed: int, replicate: int) -> np.ndarray:
    chosen = _drawn(len(cohorts), seed, "cohorts of a bootstrap", replicate)
    estimate, error = np.full((2, genes, chosen.size), np.nan)
    for place, which in enumerate(chosen):
        cohort = cohorts[which]
        if not cohort.held.any():
            continue
        patients = np.concatenate([
            group[_drawn(group.size, seed, "patients of a bootstrap", replicate, 2 * place + side)]
            for side, group in enumerate((np.flatnonzero(cohort.responder), np.flatnonzero(~cohort.responder)))
        ])  # fmt: skip
        level = cohort.level[:, patients]
        spread = level.std(axis=1, ddof=1, keepdims=True)
        level = (level - level.mean(axis=1, keepdims=True)) / np.where(spread > 0, spread, 1.0)
        more = None if cohort.beside is None else cohort.beside[patients]
        estimate[cohort.held, place], error[cohort.held, place] = firth(level, cohort.responder[patients], more)
    return (1 - pool(estimate, error)["above"]).to_numpy()


@dataclass(frozen=True)
class _Source:
    """A source of markers as arrays: per candidate how far it sets the state apart and whether it is a marker.

    shares: the same of each patient, NaN where unknown.  within: patient × gene, of every gene that has a p.  at: where
    the candidates are in it (-1: nowhere).  least: the p that made a marker of the source's genes.
    """

    apart: np.ndarray
    marked: np.ndarray
    shares: np.ndarray | None = None
    within: np.ndarray | None = None
    at: np.ndarray | None = None
    least: float = 0.0

    @classmethod
    def of(cls, source: StateMarkers, genes: pd.Index) -> _Source:
        apart, marked = source.apart(genes).to_numpy(), genes.isin(source.marked)
        if source.per_subject is None:
            return cls(apart, marked)
        tested = source.per_subject[source.frame["p"].reindex(source.per_subject.index).notna().to_numpy()]
        within = tested.to_numpy(dtype=float).T
        shares = None if source.share_per_subject is None else source.share_per_subject.reindex(genes).to_numpy()
        q = source.frame["q"].dropna()
        least = LEVEL * float((q <= LEVEL).sum()) / max(1, q.size)  # Benjamini and Hochberg's line through these genes
        return cls(apart, marked, shares, within, tested.index.get_indexer(genes), least)

    def drawn(self, patients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """apart and marked of patients drawn with replacement; one patient alone says nothing of the scatter."""
        apart = self.apart
        if self.shares is not None:
            own = self.shares[:, patients].mean(axis=1)
            apart = np.where(np.isfinite(own), np.clip(own, 0.0, 1.0), apart)
        if self.within is None or self.at is None or np.unique(patients).size < 2:
            return apart, self.marked
        found = moderated(self.within[patients], pd.RangeIndex(self.within.shape[1]))
        above = (found["log2_fold_change"] > 0) & (found["p"] <= self.least)
        return apart, np.where(self.at >= 0, above.to_numpy()[self.at], False)


def _markers(sources: list[_Source], genes: int, seed: int, replicate: int) -> tuple[np.ndarray, np.ndarray]:
    """The parts state and consistency, with sources (and their patients) drawn with replacement."""
    apart, times = np.zeros(genes), np.zeros(genes)
    chosen = _drawn(len(sources), seed, "sources of a bootstrap", replicate)
    for place, which in enumerate(chosen):
        source = sources[which]
        own, marked = source.apart, source.marked
        if source.within is not None:
            patients = _drawn(len(source.within), seed, "patients of a source", replicate, place)
            own, marked = source.drawn(patients)
        apart += own
        times += marked
    return apart / chosen.size, consistency(times, chosen.size)


def _drawn(size: int, seed: int, purpose: str, *counters: int) -> np.ndarray:
    """As many places as there are, with replacement."""
    return (uniform(seed, purpose, *counters, draws=size).reshape(-1) * size).astype(int)


def _summary(ranking: TargetRanking, sampled: np.ndarray, level: float) -> pd.DataFrame:
    low, middle, high = np.quantile(sampled, [(1 - level) / 2, 0.5, (1 + level) / 2], axis=0)
    columns = {"rank": ranking.frame["rank"].to_numpy(), "median": middle, "lower": low, "upper": high}
    return pd.DataFrame(columns | {"top": (sampled <= TOP).mean(axis=0)}, index=ranking.frame.index)
