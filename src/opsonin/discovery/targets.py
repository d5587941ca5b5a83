"""Targets of a cell state: candidates scored by five parts that anyone can read, and ranked.

Each part runs from 0 to 1 on a scale of its own meaning, not relative to the other candidates, so that a gene's score
does not change with the company it keeps:

    state         how far the gene sets the state apart: share of the state's cells that express it less the share of
                  the others, mean over the sources (a source that does not list it counts 0)
    consistency   in how many independent sources (studies, tumour types) it marks the state, (k + 1) / (n + 2):
                  Laplace's rule, so that two of two says more than one of one
    resistance    probability that higher expression before therapy goes with resistance, pooled over bulk cohorts
    blood         freedom of normal blood: 1 at the limit of detection, 0 at 100, linear in the logarithm of the highest
    organs        the same of the highest vital organ

The score is their weighted geometric mean: a target must be on the cells and absent elsewhere, and a flaw in one cannot
be paid for by plenty of the other (an arithmetic mean puts a transporter of hepatocytes first, as it is on macrophages
too; the rank by it is shown beside). The default weights are equal: nothing at hand says what a unit of safety is worth
in units of abundance, and unequal weights would claim to know. `target_intervals` says what the ranking owes to them.
A part without data is named as unknown and counts 1/e = 0.37: the geometric mean of all values that it could have, 0 to
1 alike, as the bootstrap draws it (an arithmetic mean of the same is one half, which is what `arithmetic_rank` takes).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from opsonin.discovery.bulk_cohorts import BulkCohort, association
from opsonin.discovery.consistency import pooled_fold
from opsonin.discovery.marker_sources import StateMarkers
from opsonin.discovery.normal import VITAL, NormalExpression, freedom, specificity
from opsonin.discovery.surface import REACHABLE, places
from opsonin.errors import DiscoveryError

PARTS = ("state", "consistency", "resistance", "blood", "organs")
UNKNOWN = math.exp(-1)  # exp of the mean logarithm of what is drawn evenly from 0 to 1
HALF = 0.5  # the arithmetic mean of the same
FLOOR = 0.01  # least value of a part in the product: a scale's end is no proof that a target is impossible
SAFETY = ("blood", "organs")


@dataclass(frozen=True)
class TargetQuestion:
    """What a ranking is made of.

    state: of which cells, in words.  markers: one or more sources.  normal, cohorts: None or empty leaves their parts
    unknown.  places: a table of the surface, the shipped one otherwise.  reach: "surface", "secreted" or "any".
    weights: by part, others 1; 0 leaves a part out of the score.  beside: genes of the cell type, whose mean in bulk is
    held constant when resistance is asked.  vital: the organs that count.
    contrast: the state's own cells in patients who resist against those who respond; shown beside the score, no part of
    it.  said: what to know of how the markers came about.
    """

    state: str
    markers: tuple[StateMarkers, ...]
    normal: NormalExpression | None = None
    cohorts: tuple[BulkCohort, ...] = ()
    places: pd.DataFrame | None = field(default=None, repr=False)
    reach: str = "surface"
    weights: Mapping[str, float] = field(default_factory=dict)
    beside: tuple[str, ...] = ()
    vital: tuple[str, ...] = VITAL
    contrast: StateMarkers | None = field(default=None, repr=False)
    said: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raises: DiscoveryError for no markers, an unknown part or reach, or weights that cannot be."""
        if not self.markers:
            raise DiscoveryError(
                "targets: give one or more sources of the state's markers: tables ([[discovery.targets.markers]]), or "
                "own = the label of the samples' own cells."
            )
        if self.reach not in REACHABLE:
            raise DiscoveryError(f"targets: reach is {self.reach!r}; use one of {', '.join(REACHABLE)}.")
        unknown = sorted(set(self.weights) - set(PARTS))
        if unknown:
            raise DiscoveryError(
                f"targets: there is no part {unknown[0]!r} to weigh; the parts are {', '.join(PARTS)}."
            )
        given = self.weight
        if not (np.isfinite(given).all() and (given >= 0).all() and given.sum() > 0):
            raise DiscoveryError("targets: weights are 0 or more, and one is above 0.")

    @property
    def weight(self) -> np.ndarray:
        """Of each part, in order, not yet scaled to sum to 1."""
        return np.array([float(self.weights.get(part, 1.0)) for part in PARTS])


@dataclass(frozen=True)
class TargetRanking:
    """frame: gene (index), best first: rank, score, arithmetic_rank, the five parts, place, the numbers behind each.

    left_out: how many markers are not within reach, by place.
    """

    frame: pd.DataFrame
    question: TargetQuestion
    left_out: dict[str, int]

    @cached_property
    def parts(self) -> np.ndarray:
        """Gene × part, in the order of the ranking."""
        return self.frame[list(PARTS)].to_numpy(dtype=float)

    def at(self, gene: str) -> pd.Series:
        """A gene's row.

        Raises: DiscoveryError where it is no candidate, saying why.
        """
        if gene in self.frame.index:
            return self.frame.iloc[int(np.flatnonzero(self.frame.index == gene)[0])]
        if any(gene in source.marked for source in self.question.markers):
            where = places(pd.Index([gene]), self.question.places).iloc[0]
            raise DiscoveryError(f"{gene} marks {self.question.state}, but it is {where}; ask with reach = 'any'.")
        raise DiscoveryError(f"{gene} marks {self.question.state} in none of {len(self.question.markers)} sources.")

    def above(self, first: str, second: str) -> bool:
        """Whether the first gene ranks better."""
        return bool(self.at(first)["rank"] < self.at(second)["rank"])

    def factors(self) -> pd.DataFrame:
        """What each part makes of the score: gene × part; the product of a row is the score."""
        weight = self.question.weight
        made = np.maximum(self.parts, FLOOR) ** (weight / weight.sum())
        return pd.DataFrame(made, index=self.frame.index, columns=pd.Index(PARTS))

    def with_weights(self, **weights: float) -> TargetRanking:
        """The same evidence ranked by other weights; parts not named keep theirs."""
        from dataclasses import replace

        question = replace(self.question, weights={**self.question.weights, **weights})
        return TargetRanking(_ordered(self.frame, question), question, self.left_out)


def rank_targets(question: TargetQuestion) -> TargetRanking:
    """Score and rank every gene that marks the state in at least one source and is within reach.

    Raises: DiscoveryError where no marker is within reach.
    """
    marked = pd.Index(sorted(set().union(*(source.marked for source in question.markers))), name="gene")
    where = places(marked, question.places)
    within = where.isin(REACHABLE[question.reach])
    genes = marked[within.to_numpy()]
    if not len(genes):
        raise DiscoveryError(f"targets: none of {len(marked)} markers of {question.state} is {question.reach}.")
    frame = pd.DataFrame({"place": where[genes]}, index=genes)
    frame = frame.join(_state(question.markers, genes))
    frame = frame.join(_resistance(question, genes))
    frame = frame.join(_normal(question, genes))
    if question.contrast is not None:
        own = question.contrast.frame.reindex(genes)
        frame = frame.assign(
            resistant_fold=own["log2_fold_change"],
            resistant_p=own["p"],
            resistant_fdr=own["q"],
            resistant_n=question.contrast.n,
        )
    left_out = where[~within.to_numpy()].value_counts().to_dict()
    return TargetRanking(_ordered(frame, question), question, {str(k): int(v) for k, v in left_out.items()})


def scored(parts: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The weighted geometric mean of the parts, over the last axis."""
    return np.exp(np.log(np.maximum(parts, FLOOR)) @ (weight / weight.sum()))


def ranks(score: np.ndarray) -> np.ndarray:
    """1 is the best; ties share the better rank.   score: … × gene."""
    from scipy.stats import rankdata

    return rankdata(-score, method="min", axis=-1)


def consistency(times: np.ndarray, sources: int) -> np.ndarray:
    """Laplace's rule for the share of sources in which a gene marks the state."""
    return (times + 1) / (sources + 2)


def known(frame: pd.DataFrame, part: str) -> np.ndarray:
    """For which candidates of a ranking's frame there are data for a part."""
    column = {"resistance": "log_odds", "blood": "blood_highest", "organs": "vital_highest"}.get(part)
    return np.ones(len(frame), dtype=bool) if column is None else frame[column].notna().to_numpy()


def _ordered(frame: pd.DataFrame, question: TargetQuestion) -> pd.DataFrame:
    made = frame.drop(columns=["rank", "score", "arithmetic_rank"], errors="ignore")
    parts = made[list(PARTS)].to_numpy(dtype=float)
    score = scored(parts, question.weight)
    even = np.column_stack([np.where(known(made, part), parts[:, at], HALF) for at, part in enumerate(PARTS)])
    made.insert(0, "arithmetic_rank", ranks(even @ question.weight).astype(int))
    made.insert(0, "score", score)
    made.insert(0, "rank", ranks(score).astype(int))
    order = np.lexsort((made.index.to_numpy(dtype=str), made["rank"].to_numpy()))
    return made.iloc[order]


def _state(markers: tuple[StateMarkers, ...], genes: pd.Index) -> pd.DataFrame:
    apart = pd.DataFrame({source.source: source.apart(genes) for source in markers})
    times = sum(genes.isin(source.marked).astype(int) for source in markers)
    made = pd.DataFrame({"state": apart.mean(axis=1)}, index=genes)
    made["consistency"] = consistency(np.asarray(times, dtype=float), len(markers))
    made["marked_in"] = times
    made = made.join(pooled_fold(markers, genes))
    for source in markers:
        own = source.frame.reindex(genes)
        made[f"log2 fold: {source.source}"] = own["log2_fold_change"]
        made[f"inside: {source.source}"] = own["inside"]
        made[f"outside: {source.source}"] = own["outside"]
    return made


def _resistance(question: TargetQuestion, genes: pd.Index) -> pd.DataFrame:
    if not question.cohorts:
        empty = dict.fromkeys(("log_odds", "log_odds_lower", "log_odds_upper", "i2"), np.nan)
        return pd.DataFrame({"resistance": UNKNOWN, **empty, "cohorts": 0}, index=genes)
    found = association(question.cohorts, genes, question.beside)
    named = {"pooled": "log_odds", "lower": "log_odds_lower", "upper": "log_odds_upper", "k": "cohorts"}
    made = found.drop(columns=["se", "p", "tau2"]).rename(columns=named)
    made["resistance"] = made["resistance"].where(made["log_odds"].notna(), UNKNOWN)
    return made


def _normal(question: TargetQuestion, genes: pd.Index) -> pd.DataFrame:
    if question.normal is None:
        empty = {"blood_highest": np.nan, "blood_in": "", "vital_highest": np.nan, "vital_in": ""}
        return pd.DataFrame({"blood": UNKNOWN, "organs": UNKNOWN, **empty}, index=genes)
    top = question.normal.highest(genes, question.vital)
    named = {
        "blood": "blood_highest",
        "vital": "vital_highest",
        "organ": "any_organ_highest",
        "organ_in": "any_organ_in",
    }
    made = top.rename(columns=named)
    organs = question.normal.tissue.reindex(genes)
    made["tau"] = np.where(organs.notna().any(axis=1), specificity(organs.to_numpy(dtype=float)), np.nan)
    made.insert(0, "organs", freedom(top["vital"]).fillna(UNKNOWN))
    made.insert(0, "blood", freedom(top["blood"]).fillna(UNKNOWN))
    return made
