"""Persister and plasticity programmes: do gene sets of drug tolerance agree with a residual disease, and who has them?

A patient's score of a set is rank-based (singscore; Foroutan 2018, BMC Bioinformatics 19:404): the mean rank of the
set's genes in that patient's own malignant cells, so that it depends on no other patient and on no normalisation. How
plastic a tumour is, is another matter: how many programmes its malignant cells are in at once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool

from opsonin.discovery.feature_table import COLUMNS, FeatureTable
from opsonin.discovery.gene_names import current_symbols
from opsonin.discovery.heterogeneity import inverse_simpson
from opsonin.discovery.marker_sources import LEVEL, read_state_markers, read_table
from opsonin.discovery.overlaps import UNIVERSE, overlap, overlap_table
from opsonin.discovery.samples import Samples
from opsonin.errors import DiscoveryError

FEWEST_CELLS, FEWEST_GENES = 20, 5
UNIVERSES = (12_000, 15_000, 20_000, 25_000)  # sizes over which an overlap's p is shown where none was measured


def named_sets(path: str | Path) -> dict[str, tuple[str, ...]]:
    """Gene sets in long form (columns set or gs_name, and gene; csv or tsv, also gz), with current symbols.

    Raises: DiscoveryError where a column is missing.
    """
    table = read_table(path)
    name = next((c for c in ("set", "gs_name") if c in table.columns), None)
    if name is None or "gene" not in table.columns:
        raise DiscoveryError(f"{path}: gene sets in long form have the columns set (or gs_name) and gene.")
    genes = pd.Series(current_symbols(table["gene"]), index=table.index)
    return {str(key): tuple(dict.fromkeys(own)) for key, own in genes.groupby(table[name].astype(str))}


def changed_genes(path: str | Path, contrast: str, higher_in: str) -> pd.Index:
    """Genes of a published contrast ("EGFR TN vs PR") that are higher in one of its sides, at 5 % false discovery.

    A positive fold change is higher in the side named first.
    Raises: DiscoveryError where the contrast is not there, or `higher_in` is neither of its sides.
    """
    sides = [side.strip() for side in contrast.split(" vs ")]
    first = sides[0].split()[-1] if sides else ""
    if len(sides) != 2 or higher_in not in (first, sides[1]):
        raise DiscoveryError(f"{higher_in!r} is no side of the contrast {contrast!r} ('… A vs B').")
    own = read_state_markers(path, contrast).frame
    up = own["log2_fold_change"] > 0 if higher_in == first else own["log2_fold_change"] < 0
    return own.index[up & (own["q"] < LEVEL)]


def set_agreement(
    genes: Collection[str], sets: Mapping[str, Collection[str]], universe: Collection[str] | int = UNIVERSE
) -> pd.DataFrame:
    """The overlap of genes with each set, with the p that other sizes of the universe would give.

    A column "p of N" for each of 12,000, 15,000, 20,000 and 25,000 genes, where only a size is known: an overlap whose
    p hangs on that is none.
    """
    made = overlap_table(genes, sets, universe)
    if isinstance(universe, int):
        for size in UNIVERSES:
            own = [overlap(genes, sets[name], max(size, len(set(genes) | set(sets[name])))).p for name in made["set"]]
            made[f"p of {size}"] = own
    return made


def rank_scores(expression: pd.DataFrame, up: Collection[str], down: Collection[str] = ()) -> pd.Series:
    """Per sample −0.5 to 0.5 (twice that with both sets): how high genes of `up`, and how low those of `down`, rank.

    expression: gene × sample, on any scale that keeps the order.
    Raises: DiscoveryError where fewer than five genes of a set were measured.
    """
    return _directed(expression, up, "up") + (_directed(-expression, down, "down") if len(down) else 0.0)


def plasticity_features(
    samples: Samples,
    sets: Mapping[str, Collection[str]],
    malignant: Bool[np.ndarray, " cell"],
    *,
    fewest: int = FEWEST_CELLS,
) -> FeatureTable:
    """Per sample: each set's score in the sum of its malignant cells, and the effective number of programmes.

    The latter, for two sets or more: cells are given to the set whose genes they express most (standardised over all
    malignant cells), and the inverse Simpson index counts how many sets share them, unbiased for the number of cells.
    Samples with fewer than `fewest` malignant cells have no value.
    Raises: DiscoveryError for a mask of another length, or where no sample has enough malignant cells.
    """
    if len(malignant) != samples.n_cells:
        raise DiscoveryError(f"{len(malignant)} marks of malignant cells for {samples.n_cells} cells.")
    sample = samples.cells["sample"].astype(str).to_numpy()
    sizes = pd.Series(sample[malignant]).value_counts()
    names = sorted(sizes.index[sizes >= fewest])
    if not names:
        raise DiscoveryError(f"no sample has {fewest} malignant cells or more; map or annotate them, or lower fewest.")
    at = np.where(malignant, pd.Index(names).get_indexer(pd.Index(sample)), -1)
    sums = _summed(samples, at, len(names))
    expression = pd.DataFrame(sums.T, index=current_symbols(samples.genes), columns=pd.Index(names))
    expression = expression[~expression.index.duplicated()]
    rows = []
    for name, genes in sets.items():
        words = f"mean rank of {len(set(genes) & set(expression.index))} of {len(set(genes))} genes (Foroutan 2018)"
        score = rank_scores(expression, genes)
        rows += [(n, f"{name} score of malignant cells", float(score[n]), words) for n in names]
    if len(sets) > 1:
        words = f"inverse Simpson index of the {len(sets)} sets' cells"
        found = _programmes(samples, sets, at, len(names))
        rows += [(n, "effective number of programmes", float(v), words) for n, v in zip(names, found, strict=True)]
    frame = pd.DataFrame(rows, columns=pd.Index(["sample", "feature", "value", "source"]))
    known = samples.samples.assign(sample=samples.samples["sample"].astype(str)).drop_duplicates("sample")
    known = known.set_index("sample")
    frame["subject"] = frame["sample"].map(known["subject"].astype(str).to_dict())
    frame["time"] = frame["sample"].map(known["time"].to_dict()) if "time" in known else None
    return FeatureTable(frame.assign(unit="", kind="plasticity")[list(COLUMNS)], samples.samples)


def _directed(expression: pd.DataFrame, genes: Collection[str], what: str) -> pd.Series:
    own = sorted(set(genes) & set(expression.index))
    if len(own) < FEWEST_GENES:
        had = f"{len(own)} of {len(set(genes))} genes of the set ({what}) were measured"
        raise DiscoveryError(f"{had}; {FEWEST_GENES} are needed.")
    total, k = len(expression), len(own)
    mean = expression.rank().loc[own].mean()
    least = (k + 1) / 2
    return (mean - least) / max(total - k, 1) - 0.5


def _summed(samples: Samples, at: np.ndarray, size: int) -> np.ndarray:
    """Sample × gene: expression of the chosen cells added up."""
    from scipy.sparse import csr_matrix

    sums = np.zeros((size, len(samples.genes)))
    for rows, part in samples.chunks():
        own = at[rows]
        cells = np.flatnonzero(own >= 0)
        if cells.size:
            gather: Any = csr_matrix((np.ones(cells.size), (own[cells], cells)), shape=(size, own.size))
            sums += (gather @ part).toarray()
    return sums


def _programmes(samples: Samples, sets: Mapping[str, Collection[str]], at: np.ndarray, size: int) -> np.ndarray:
    """The effective number of sets among each sample's malignant cells."""
    from opsonin.discovery.normalising import normalised

    symbols = pd.Index(current_symbols(samples.genes))
    level = normalised(samples) if samples.units == "counts" else samples
    chosen, score = np.flatnonzero(at >= 0), []
    for genes in sets.values():
        columns = samples.genes[symbols.isin(list(genes))]
        score.append(np.asarray(level.matrix(list(columns), at >= 0).mean(axis=1)).reshape(-1))
    made = np.column_stack(score)
    spread = made.std(axis=0)
    best = ((made - made.mean(axis=0)) / np.where(spread > 0, spread, 1.0)).argmax(axis=1)
    counts = np.zeros((size, len(sets)))
    np.add.at(counts, (at[chosen], best), 1)
    return inverse_simpson(counts)
