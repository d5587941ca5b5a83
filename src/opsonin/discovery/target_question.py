"""The question `targets`: from a mapping's [discovery.targets] to a ranking with its intervals and pages.

    [discovery.targets]
    state = "M2 tumour macrophages"
    normal = "../normal-expression-hpa"          # left out: safety unknown
    cohorts = "../icb-expression-cohorts"        # left out: link with resistance unknown
    reach = "surface"                            # or secreted, any
    compare = ["CSF1R", "MARCO"]                 # pages of these too, and why the first is above them
    [[discovery.targets.markers]]                # published tables; `state = "closest"` matches the first source
    file = "de_25_immune_states.csv.gz"
    state = "M2 TAMs"
    name = "13 cancer types"

Further keys: surface (a table of one's own), weights, beside, own (labels of the samples' own cells that are the
state), others (labels they are compared with), by = "tumour type" (each type a source of its own), min_cells (of the
state and of the others that a patient needs: 10; of sorted bulk samples, each of which is many cells, 1), patients =
"non-responder" (whose own cells are the source; all by default).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from opsonin.discovery.answers import Answer, beside, finding, listed, needed, number, only
from opsonin.discovery.bulk_cohorts import read_bulk_cohorts
from opsonin.discovery.marker_sources import StateMarkers, closest_state, read_state_markers
from opsonin.discovery.normal import read_normal
from opsonin.discovery.own_cells import own_markers
from opsonin.discovery.samples import Samples
from opsonin.discovery.surface import SOURCE, read_places
from opsonin.discovery.target_intervals import RankIntervals, rank_intervals, weight_sensitivity, without_each
from opsonin.discovery.target_pages import TargetPage, pages, target_page, why_above
from opsonin.discovery.targets import PARTS, TargetQuestion, TargetRanking, rank_targets
from opsonin.errors import DiscoveryError

SECTION = "[discovery.targets]"
KEYS = (
    "state",
    "markers",
    "own",
    "others",
    "by",
    "min_cells",
    "patients",
    "normal",
    "cohorts",
    "surface",
    "reach",
    "weights",
    "beside",
    "compare",
)
FIRST = 10
METHOD = "weighted geometric mean of five parts; interval of the rank by bootstrap over cohorts, patients and sources"


def target_question(settings: Mapping[str, Any], data: Path, samples: Samples | None = None) -> TargetQuestion:
    """What a section asks for.   data: the folder (or file) that its paths are relative to.

    Raises: DiscoveryError for an unknown key, a missing file, or no source of markers.
    """
    only(settings, KEYS, SECTION)
    given = settings.get("weights", {})
    only(given, given if isinstance(given, Mapping) else PARTS, f"{SECTION} weights")
    published = _published(settings.get("markers", []), data)
    own, contrast, said = own_markers(settings, samples, SECTION)
    cohorts = tuple(read_bulk_cohorts(beside(data, settings["cohorts"], SECTION))) if "cohorts" in settings else ()
    return TargetQuestion(
        state=str(needed(settings, "state", SECTION)),
        markers=(*own, *published),
        normal=read_normal(beside(data, settings["normal"], SECTION)) if "normal" in settings else None,
        cohorts=cohorts,
        places=read_places(beside(data, settings["surface"], SECTION)) if "surface" in settings else None,
        reach=str(settings.get("reach", "surface")),
        weights={str(k): number(given, k, 1.0, f"{SECTION} weights") for k in given},
        beside=tuple(listed(settings, "beside", SECTION)),
        contrast=contrast,
        said=said,
    )


def answer_targets(
    settings: Mapping[str, Any], data: Path, samples: Samples | None = None, *, replicates: int = 200, seed: int = 1
) -> Answer:
    """Ranking, intervals, sensitivity to weights, and the pages of the first ten and of the genes compared.

    Raises: DiscoveryError as `target_question`, or where no marker is within reach.
    """
    asked = listed(settings, "compare", SECTION)
    question = target_question(settings, data, samples)
    ranking = rank_targets(question)
    intervals = rank_intervals(ranking, replicates=replicates, seed=seed)
    by_weight = weight_sensitivity(ranking, seed=seed)
    compare = [gene for gene in asked if gene in ranking.frame.index]
    missing = [gene for gene in asked if gene not in ranking.frame.index]
    first = [str(gene) for gene in ranking.frame.index[:FIRST]]
    every = list(dict.fromkeys([*first, *compare]))
    made = {one.gene: one for one in pages(ranking, FIRST, intervals)}
    made |= {gene: target_page(ranking, gene, intervals) for gene in compare if gene not in made}
    why = [(one, gene, why_above(ranking, one, gene)) for one, gene in _pairs(first[0], compare, ranking)]
    texts = {gene: made[gene].text() for gene in every}
    if why:
        texts["why"] = "\n".join(f"- {sentence}" for _, _, sentence in why) + "\n"
    parts = pd.concat([made[gene].parts.assign(gene=gene) for gene in every], ignore_index=True)
    tables = {
        "targets": ranked(ranking, intervals, by_weight),
        "target_parts": parts[["gene", *[c for c in parts.columns if c != "gene"]]],
        "target_pages": sentences(made.values()),
        "target_weights": without_each(ranking, every),
        "target_comparisons": pd.DataFrame(why, columns=pd.Index(["first", "second", "sentence"])),
    }
    return Answer(
        "targets",
        tables,
        _findings(ranking, intervals, by_weight, every),
        texts,
        _notes(ranking, intervals, why, missing),
    )


def _pairs(first: str, compare: Sequence[str], ranking: TargetRanking) -> list[tuple[str, str]]:
    """Which is said to be above which: the best of the genes compared above the others, the first candidate above all
    of them.
    """
    best = min(compare, key=lambda gene: int(ranking.at(gene)["rank"]), default=first)
    asked = [(best, gene) for gene in compare if gene != best]
    return asked if best == first else [*asked, *((first, gene) for gene in compare)]


def ranked(ranking: TargetRanking, intervals: RankIntervals, by_weight: RankIntervals) -> pd.DataFrame:
    """One row per candidate: gene, rank, the median and interval of its ranks over resampling, the interval over
    weights, score, parts, numbers.
    """
    made = ranking.frame.copy()
    over = {
        "median": intervals,
        "lower": intervals,
        "upper": intervals,
        "weights_lower": by_weight,
        "weights_upper": by_weight,
    }
    for place, (name, of) in enumerate(over.items(), start=1):
        made.insert(place, name, of.frame[name.removeprefix("weights_")])
    made.insert(6, "top_ten", intervals.frame["top"])
    made.insert(7, "top_ten_by_weights", by_weight.frame["top"])
    return made.rename_axis("gene").reset_index()


def sentences(shown: Iterable[TargetPage]) -> pd.DataFrame:
    """gene, side (for, against, not known), sentence."""
    rows = []
    for one in shown:
        for side, said in (("for", one.for_), ("against", one.against), ("not known", one.unknown)):
            rows += [(one.gene, side, sentence) for sentence in said]
    return pd.DataFrame(rows, columns=pd.Index(["gene", "side", "sentence"]))


def _published(given: Sequence[Mapping[str, Any]], data: Path) -> tuple[StateMarkers, ...]:
    made: list[StateMarkers] = []
    where = "[[discovery.targets.markers]]"
    if isinstance(given, str | Mapping):
        raise DiscoveryError(f"{where}: markers is {given!r}; a list of tables is needed, each with the keys file, "
                             "state and, if wanted, name.")  # fmt: skip
    for one in given:
        only(one, ("file", "state", "name"), where)
        file, state = beside(data, needed(one, "file", where), where), str(needed(one, "state", where))
        name = one.get("name")
        if state == "closest":
            if not made:
                raise DiscoveryError(f"{where}: the first source names its state; 'closest' is for those after it.")
            state = closest_state(file, made[0].marked)
            name = f"{name or file.parent.name}, closest cluster {state}"
        made.append(read_state_markers(file, state, name))
    return tuple(made)


def _findings(
    ranking: TargetRanking, intervals: RankIntervals, by_weight: RankIntervals, genes: list[str]
) -> list[dict[str, Any]]:
    """Ranks of all genes first, then what each is made of."""
    ranks, made = [], []
    base = {"level": intervals.level, "n": len(ranking.frame), "method": METHOD, "note": f"of {ranking.question.state}"}
    words = "share of all weights of the five parts that rank it among the first ten"
    for gene in genes:
        row, (low, high) = ranking.at(gene), intervals.of(gene)
        ranks.append(finding(f"targets.{gene}.rank", "all", float(row["rank"]), lower=low, upper=high, **base))
        for part in ("score", *PARTS):
            unit = "" if part == "score" else "proportion"
            made.append(finding(f"targets.{gene}.{part}", "all", float(row[part]), unit=unit, method=METHOD))
        share = float(by_weight.frame["top"][by_weight.frame.index == gene].iloc[0])
        name = f"targets.{gene}.top_ten_by_weights"
        made.append(finding(name, "all", share, unit="proportion", method=words))
    return [*ranks, *made]


def _notes(
    ranking: TargetRanking, intervals: RankIntervals, why: list[tuple[str, str, str]], missing: list[str]
) -> tuple[str, ...]:
    question = ranking.question
    first, (low, high) = str(ranking.frame.index[0]), intervals.of(str(ranking.frame.index[0]))
    said = [
        f"{first} is first of {len(ranking.frame)} candidates by these parts and weights; under resampling its rank is "
        f"{low:.0f} to {high:.0f}, median {intervals.middle(first):.0f}",
        *(sentence for _, _, sentence in why),
        *question.said,
        *(f"{count} markers are {place} and no candidates" for place, count in ranking.left_out.items()),
    ]
    if question.places is None:
        said.append(f"where proteins are found: {SOURCE}; a gene that is not listed may still be at the surface")
    cells = [source.source for source in question.markers if source.unit == "cells"]
    if cells:
        said.append(f"{'; '.join(cells)}: published tables that counted cells, not patients; their p are filters only")
    if question.normal is None:
        said.append("no normal expression was given: safety is unknown for every candidate")
    said += [f"{c.name} has too few patients with a response" for c in question.cohorts if not c.usable]
    unmeasured = int((ranking.frame["cohorts"] == 0).sum())
    if question.cohorts and unmeasured:
        said.append(f"{unmeasured} of {len(ranking.frame)} candidates were measured in no bulk cohort")
    said += [f"{gene} is no candidate: it marks the state in no source, or is out of reach" for gene in missing]
    return tuple(said)
