"""A page per target: each part with its number in words, the evidence for it, against it, and what nobody measured."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from opsonin.discovery.surface import UNLISTED
from opsonin.discovery.target_intervals import RankIntervals
from opsonin.discovery.targets import HALF, PARTS, SAFETY, TargetRanking
from opsonin.errors import DiscoveryError

NAMES = {
    "state": "sets the state apart",
    "consistency": "found again",
    "resistance": "linked with resistance",
    "blood": "free of normal blood",
    "organs": "free of vital organs",
}
# why a rank may lie outside the interval of its resamplings
PASSED = "those draw what nobody measured of other genes from 0 to 1, and some of them always draw well"
EVEN = 1.05  # a part whose factor differs by less than this between two genes decides nothing


@dataclass(frozen=True)
class TargetPage:
    """gene, rank of how many candidates, score, where its protein is; lower, upper, median: of the ranks of resamplings
    (NaN if not asked).

    parts: one row per part: part, name, value, median (of the candidates), better_than (share of them), factor, said.
    for_, against, unknown: sentences. A part speaks for a gene that is as good in it as the median candidate, or, for
    normal expression, that stays below 10 (the middle of its scale); otherwise against it.
    """

    gene: str
    rank: int
    candidates: int
    score: float
    place: str
    parts: pd.DataFrame
    for_: tuple[str, ...]
    against: tuple[str, ...]
    unknown: tuple[str, ...]
    lower: float = math.nan
    upper: float = math.nan
    median: float = math.nan

    def text(self) -> str:
        """The page as Markdown."""
        reach = (
            f" (median of resamplings {self.median:.0f}, 95 % {self.lower:.0f} to {self.upper:.0f})"
            if math.isfinite(self.lower)
            else ""
        )
        head = f"### {self.gene}: rank {self.rank} of {self.candidates}{reach}, score {self.score:.2f}, {self.place}"
        lines = [head, ""]
        for title, said in (("For", self.for_), ("Against", self.against), ("Not known", self.unknown)):
            lines += [f"- {title}: {sentence}" for sentence in said]
        return "\n".join(lines) + "\n"


def target_page(ranking: TargetRanking, gene: str, intervals: RankIntervals | None = None) -> TargetPage:
    """The page of one candidate.

    Raises: DiscoveryError where the gene is no candidate.
    """
    row = ranking.at(gene)
    place = int(np.flatnonzero(ranking.frame.index == gene)[0])
    median = np.median(ranking.parts, axis=0)
    better = (ranking.parts[place] > ranking.parts).mean(axis=0)
    said = {part: _SAY[part](ranking, row) for part in PARTS}
    known = {part: _known(ranking, part, row) for part in PARTS}
    frame = pd.DataFrame({
        "part": PARTS, "name": [NAMES[p] for p in PARTS], "value": ranking.parts[place], "median": median,
        "better_than": better, "factor": ranking.factors().to_numpy()[place], "said": [said[p] for p in PARTS],
    })  # fmt: skip
    # safety has a scale of its own (10 is its middle); what is good in the other parts shows beside the candidates
    bar = {part: HALF if part in SAFETY else float(median[i]) for i, part in enumerate(PARTS)}
    speaks = {part: bool(ranking.parts[place][i] >= bar[part]) for i, part in enumerate(PARTS)}
    good = tuple(said[p] for p in PARTS if known[p] and speaks[p])
    bad = tuple(said[p] for p in PARTS if known[p] and not speaks[p])
    unknown = [said[p] for p in PARTS if not known[p]]
    if row["place"] == UNLISTED:
        unknown.append("whether its protein reaches the surface is not in the table used")
    low, high = (math.nan, math.nan) if intervals is None else intervals.of(gene)
    if row["rank"] < low:
        unknown.append(f"whether it is as high as its rank, as nearly no resampling has it there ({PASSED}): trust the "
                       "interval")  # fmt: skip
    middle = math.nan if intervals is None else intervals.middle(gene)
    return TargetPage(gene, int(row["rank"]), len(ranking.frame), float(row["score"]), str(row["place"]), frame,
                      good, bad, tuple(unknown), low, high, middle)  # fmt: skip


def pages(ranking: TargetRanking, first: int = 10, intervals: RankIntervals | None = None) -> list[TargetPage]:
    """The pages of the first so many."""
    return [target_page(ranking, str(gene), intervals) for gene in ranking.frame.index[:first]]


def why_above(ranking: TargetRanking, first: str, second: str) -> str:
    """In words which parts put one gene above another; the factors multiply to the ratio of their scores."""
    if first == second:
        raise DiscoveryError("two different genes are needed to say why one is above the other.")
    one, two = ranking.at(first), ranking.at(second)
    upper, lower = (first, second) if one["score"] >= two["score"] else (second, first)
    factors = ranking.factors()
    quotient = (factors[factors.index == upper].to_numpy() / factors[factors.index == lower].to_numpy())[0]
    ratio = dict(zip(PARTS, map(float, quotient), strict=True))
    helps, costs = [], []
    for part in sorted(ratio, key=lambda p: -ratio[p]):
        numbers = f"{_brief(ranking, part, upper)} against {_brief(ranking, part, lower)}"
        side = helps if ratio[part] >= EVEN else costs if ratio[part] <= 1 / EVEN else []
        side.append(f"{NAMES[part]} × {ratio[part]:.2f} ({numbers})")
    better, worse = ranking.at(upper), ranking.at(lower)
    told = f"{upper} (rank {better['rank']}) is above {lower} (rank {worse['rank']}), "
    told += f"score × {better['score'] / worse['score']:.2f}: {'; '.join(helps) if helps else 'no part decides alone'}"
    return told + (f"; in spite of {'; '.join(costs)}." if costs else ".")


def _known(ranking: TargetRanking, part: str, row: pd.Series) -> bool:
    column = {"resistance": "log_odds", "blood": "blood_highest", "organs": "vital_highest"}.get(part)
    return column is None or bool(np.isfinite(row[column]))


def _brief(ranking: TargetRanking, part: str, gene: str) -> str:
    row = ranking.at(gene)
    if not _known(ranking, part, row):
        return "not measured"
    if part == "blood":
        return f"{row['blood_highest']:.1f} in {row['blood_in']}"
    if part == "organs":
        return f"{row['vital_highest']:.1f} in {row['vital_in']}"
    return f"{row[part]:.2f}"


def _say_state(ranking: TargetRanking, row: pd.Series) -> str:
    said = []
    for source in ranking.question.markers:
        inside, outside = row[f"inside: {source.source}"], row[f"outside: {source.source}"]
        fold = row[f"log2 fold: {source.source}"]
        if np.isfinite(inside) and np.isfinite(outside):
            shares = f"{100 * inside:.0f} % of the state's cells express it, {100 * outside:.0f} % of the others"
            said.append(f"in {source.source} {shares}")
        elif np.isfinite(fold):
            said.append(f"in {source.source} log2 fold change {fold:.2f}")
        else:
            said.append(f"not listed as a marker in {source.source}")
    return "; ".join(said)


def _say_consistency(ranking: TargetRanking, row: pd.Series) -> str:
    sources = ranking.question.markers
    cells = sum(source.unit == "cells" for source in sources)
    caution = f" ({cells} counted cells, not patients)" if cells else ""
    fold = f"pooled log2 fold change {row['fold']:.2f}"
    if np.isfinite(row["fold_lower"]):
        fold += f" ({row['fold_lower']:.2f} to {row['fold_upper']:.2f})"
    return f"marks the state in {int(row['marked_in'])} of {len(sources)} sources{caution}; {fold}"


def _say_resistance(ranking: TargetRanking, row: pd.Series) -> str:
    own = _contrast(row)
    if not np.isfinite(row["log_odds"]):
        asked = len(ranking.question.cohorts)
        return (f"no bulk cohort of {asked} measured it" if asked else "no bulk cohort was given") + own
    low, high = np.exp([row["log_odds_lower"], row["log_odds_upper"]])
    ratio = f"{np.exp(row['log_odds']):.2f} ({low:.2f} to {high:.2f}) over {int(row['cohorts'])} cohorts"
    return f"odds ratio of response per SD {ratio}; probability {row['resistance']:.2f} of going with resistance{own}"


def _contrast(row: pd.Series) -> str:
    """What the state's own cells say of resistance, where who responded is known."""
    if "resistant_p" not in row.index:
        return ""
    if not np.isfinite(row["resistant_p"]):
        return "; hardly found in the state's own cells"
    said = f"p {row['resistant_p']:.2g}, false discovery rate {row['resistant_fdr']:.2g}"
    who = f"the state's own cells of {int(row['resistant_n'])} patients"
    return f"; in {who} log2 fold {row['resistant_fold']:.2f} in those who resist ({said})"


def _say_blood(ranking: TargetRanking, row: pd.Series) -> str:
    if not np.isfinite(row["blood_highest"]):
        return "normal blood is not known"
    return f"highest in normal blood {row['blood_highest']:.1f} ({row['blood_in']})"


def _say_organs(ranking: TargetRanking, row: pd.Series) -> str:
    if not np.isfinite(row["vital_highest"]):
        return "normal organs are not known"
    said = f"highest in a vital organ {row['vital_highest']:.1f} ({row['vital_in']})"
    if row["any_organ_highest"] > row["vital_highest"]:
        said += f", in any organ {row['any_organ_highest']:.1f} ({row['any_organ_in']})"
    return said


_SAY = {
    "state": _say_state,
    "consistency": _say_consistency,
    "resistance": _say_resistance,
    "blood": _say_blood,
    "organs": _say_organs,
}
