"""How far a ranking of targets can be believed: over patients and studies, and over the weights.

Intervals: a bootstrap that draws bulk cohorts, and their responders and non-responders, with replacement, and sources
of markers (patients within a source where they are the replicates). A part without data is drawn evenly from 0 to 1, as
nothing is known of it. Normal expression is taken as given, as the Atlas publishes no donors; so intervals are too
narrow by what donors differ.
Weights: all of them, drawn evenly over everything that sums to 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from opsonin.discovery.bulk_cohorts import BulkCohort, content, design, firth
from opsonin.discovery.marker_sources import StateMarkers
from opsonin.discovery.pooling import pool
from opsonin.discovery.targets import PARTS, UNKNOWN, TargetRanking, consistency, ranks, scored
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
    parts = np.repeat(ranking.parts[None], replicates, axis=0)
    unknown = {part: ~known(ranking, part) for part in PARTS}
    for replicate in range(replicates):
        if cohorts:
            parts[replicate, :, PARTS.index("resistance")] = _resistance(cohorts, genes.size, seed, replicate)
        for column, part in enumerate(PARTS):
            blank = unknown[part]
            drawn = uniform(seed, f"unknown {part}", replicate, draws=genes.size).reshape(-1)
            parts[replicate, blank, column] = drawn[blank]
        state, steady = _markers(ranking.question.markers, genes, seed, replicate)
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


def known(ranking: TargetRanking, part: str) -> np.ndarray:
    """For which candidates there are data for a part."""
    column = {"resistance": "log_odds", "blood": "blood_highest", "organs": "vital_highest"}.get(part)
    return np.ones(len(ranking.frame), dtype=bool) if column is None else ranking.frame[column].notna().to_numpy()


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
    return (1 - pool(estimate, error)["above"]).fillna(UNKNOWN).to_numpy()


def _markers(
    markers: tuple[StateMarkers, ...], genes: pd.Index, seed: int, replicate: int
) -> tuple[np.ndarray, np.ndarray]:
    """The parts state and consistency, with sources (and their patients) drawn with replacement."""
    apart, times = np.zeros(genes.size), np.zeros(genes.size)
    chosen = _drawn(len(markers), seed, "sources of a bootstrap", replicate)
    for place, which in enumerate(chosen):
        source = markers[which]
        apart += source.apart(genes).to_numpy()
        if source.per_subject is None:
            times += genes.isin(source.marked)
            continue
        within = source.per_subject.reindex(genes).to_numpy(dtype=float)
        drawn = within[:, _drawn(within.shape[1], seed, "patients of a source", replicate, place)]
        mean, error = drawn.mean(axis=1), drawn.std(axis=1, ddof=1) / np.sqrt(drawn.shape[1])
        times += np.nan_to_num(mean) > 1.96 * np.nan_to_num(error, nan=np.inf)
    return apart / chosen.size, consistency(times, chosen.size)


def _drawn(size: int, seed: int, purpose: str, *counters: int) -> np.ndarray:
    """As many places as there are, with replacement."""
    return (uniform(seed, purpose, *counters, draws=size).reshape(-1) * size).astype(int)


def _summary(ranking: TargetRanking, sampled: np.ndarray, level: float) -> pd.DataFrame:
    low, middle, high = np.quantile(sampled, [(1 - level) / 2, 0.5, (1 + level) / 2], axis=0)
    columns = {"rank": ranking.frame["rank"].to_numpy(), "median": middle, "lower": low, "upper": high}
    return pd.DataFrame(columns | {"top": (sampled <= TOP).mean(axis=0)}, index=ranking.frame.index)
