"""Cell types from marker genes, from the lineage downwards, and no further than the evidence goes.

At each branching a cell (or a pool of cells: its cluster, its neighbours) goes to the type of the best score, provided
that the score and its lead over the second are more than tables of exchanged genes give, and that its genes are there
at all (on average a tenth of what cells that express them have). Otherwise it stays where it is: "T cell" where CD4 and
CD8 cannot be told apart, "unknown" where not even the lineage can.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix, identity

from opsonin.discovery.marker_evidence import evidence, levels, log_normalised
from opsonin.discovery.marker_table import FEWEST, ROOT, CellType, MarkerTable, default_markers, gene_places, weights
from opsonin.discovery.proteins import positive_probability, protein_markers
from opsonin.discovery.samples import Samples
from opsonin.errors import DiscoveryError

UNKNOWN = "unknown"
ALPHA = 0.05  # how often exchanged genes may give as strong a score
LEAD_ALPHA = 0.2  # and such a lead over the second type, among relatives that share genes
PERMUTATIONS = 199
LEAST = 0.1  # of a type's genes, on average, of what cells that express them have; less is background
BLOCK = 20_000
Level = Literal["cell", "neighbours", "cluster"]


@dataclass(frozen=True)
class Annotation:
    """What each cell was taken for.

    cells: one row a cell: label (as deep as the evidence goes, or "unknown"), lineage, second (the runner-up where it
        stopped), strength, lead, p_strength, p_lead (of the last branching tried), in the order of the samples.
    scores: (cell, type), each type's own score whether reached or not; NaN where its genes were not measured.
    coverage: one row a type: type, measured, of (positive genes), looked_for.
    level: whether cells, their neighbours or their clusters were judged.
    """

    cells: pd.DataFrame
    scores: pd.DataFrame
    coverage: pd.DataFrame
    level: Level
    table: MarkerTable
    alpha: float

    def at(self, types: list[str]) -> pd.Series:
        """Labels joined into these types (each with all below it), the rest "other" or "unknown".

        Raises: DiscoveryError for a type that the table lacks.
        """
        joined = dict.fromkeys((*self.table.by_name, UNKNOWN), "other") | {UNKNOWN: UNKNOWN}
        for kind in types:
            self.table.path(kind)
        for kind in sorted(types, key=lambda name: len(self.table.path(name))):
            joined |= dict.fromkeys(self.table.below(kind), kind)
        return self.cells["label"].astype(str).map(joined)

    def told(self) -> list[str]:
        """What was judged and what could not be, as sentences."""
        label = self.cells["label"].astype(str)
        unknown = int((label == UNKNOWN).sum())
        said = [f"{len(label):,} cells by {self.level}; {unknown:,} unknown ({unknown / max(1, len(label)):.0%})."]
        unseen = self.coverage[~self.coverage["looked_for"]]["type"].tolist()
        if unseen:
            said.append(f"not looked for, as fewer than {FEWEST} of their genes were measured: {', '.join(unseen)}.")
        return said


def annotate(
    samples: Samples,
    table: MarkerTable | None = None,
    *,
    level: Level = "cluster",
    clusters: str = "cluster",
    neighbours: csr_matrix | None = None,
    alpha: float = ALPHA,
    lead_alpha: float = LEAD_ALPHA,
    permutations: int = PERMUTATIONS,
    seed: int = 1,
) -> Annotation:
    """The types of cells by their marker genes, or by surface proteins where these were counted.

    level: "cell" judges each cell alone (most stay unknown where few molecules were counted); "neighbours" the mean
    over the cell and rows of `neighbours` (cell, cell; a map's graph, or see `nearest`); "cluster" the mean over the
    column `clusters` of cells.
    Raises: DiscoveryError without expression, with too few marker genes measured, or without those clusters.
    """
    protein = samples.modality == "protein"
    markers = table or (protein_markers() if protein else default_markers())
    place = gene_places(markers.genes, samples.genes, markers.aliases)
    has = positive_probability(samples).to_numpy() if protein else np.empty((0, 0))
    if protein:  # what does not part cells into two groups says nothing
        place = {name: at for name, at in place.items() if has[:, at].any()}
    universe = [gene for gene in markers.genes if gene in place]
    coverage = _coverage(markers, place)
    if not coverage["looked_for"].any():
        raise DiscoveryError(
            f"only {len(place)} of {len(markers.genes)} marker genes stand among the {len(samples.genes):,} genes, "
            "too few for any cell type; give symbols (not Ensembl ids) of human genes, or a marker table of your own."
        )
    columns = [place[gene] for gene in universe]
    level_of = csr_matrix(has[:, columns]) if protein else levels(marker_values(samples, columns))
    pool, unit = _pools(samples, level, clusters, neighbours)
    looked_for = set(coverage["type"][coverage["looked_for"]])
    blocks = []
    whole: Any = level_of if pool is None else pool
    for first in range(0, whole.shape[0], BLOCK):
        part = whole[first : first + BLOCK] if pool is None else whole[first : first + BLOCK] @ level_of
        blocks.append(
            _descend(np.asarray(part.todense()), markers, universe, looked_for, (alpha, lead_alpha), permutations, seed)
        )
    found = pd.concat([frame for frame, _ in blocks], ignore_index=True)
    scores = np.concatenate([own for _, own in blocks])
    names = [kind.name for kind in markers.types]
    cells = found.take(unit).reset_index(drop=True)
    every = pd.DataFrame(scores[unit], columns=pd.Index(names))
    return Annotation(cells, every, coverage, level, markers, alpha)


def with_annotation(samples: Samples, annotation: Annotation) -> Samples:
    """The samples with a column `annotation`, and `label` filled with it where the user gave none.

    Labels that the user gave are kept; `label_source` says "given" or "annotated" for each cell.
    """
    own = annotation.cells["label"].astype(str).to_numpy()
    cells = samples.cells.copy(deep=False)
    cells["annotation"] = pd.Categorical(own)
    cells["lineage"] = pd.Categorical(annotation.cells["lineage"].astype(str).to_numpy())
    given = cells["label"].astype(object) if "label" in cells else pd.Series(None, index=cells.index, dtype=object)
    known = given.notna().to_numpy()
    cells["label"] = pd.Categorical(np.where(known, given.astype(str), own))
    cells["label_source"] = pd.Categorical(np.where(known, "given", "annotated"), ["given", "annotated"])
    made = samples.with_(cells=cells)
    for sentence in annotation.told():
        made = made.noted(f"annotated by markers: {sentence}")
    if known.any() and not known.all():
        made = made.noted("cells had no label of the user's and have that of the markers", count=int((~known).sum()))
    return made


def marker_values(samples: Samples, columns: list[int]) -> csr_matrix:
    """Log-normalised values (cell, gene) of some genes; counts are normalised by what the cell has in all genes.

    Raises: DiscoveryError without expression, or values below 0 (centred or scaled ones).
    """
    from scipy.sparse import vstack

    parts = []
    at = np.asarray(columns, dtype=int)
    counted = samples.units == "counts"  # whose normalisation asks for all genes
    for _, block in samples.chunks(None if counted else at):
        own = csr_matrix(block[:, at] if counted else block)
        if own.nnz and float(own.data.min()) < 0:
            raise DiscoveryError(
                "the expression has values below 0, as centred or scaled values do; give counts or "
                "log-normalised values."
            )
        if counted:
            own = log_normalised(own, np.asarray(block.sum(axis=1), dtype=float).ravel())
        parts.append(own)
    return csr_matrix(vstack(parts, format="csr")) if parts else csr_matrix((0, at.size))


def nearest(coordinates: np.ndarray, k: int = 15) -> csr_matrix:
    """Each cell's mean over itself and its nearest others, as weights (cell, cell).   coordinates: (cell, axis)."""
    from sklearn.neighbors import NearestNeighbors

    n = len(coordinates)
    size = min(k, n)
    found = NearestNeighbors(n_neighbors=size).fit(coordinates).kneighbors(coordinates, return_distance=False)
    return csr_matrix(
        (np.full(n * size, 1 / size, np.float32), found.ravel(), np.arange(0, n * size + 1, size)), (n, n)
    )


def _coverage(markers: MarkerTable, place: dict[str, int]) -> pd.DataFrame:
    measured = [sum(gene in place for gene in kind.positive) for kind in markers.types]
    enough = {kind.name: have >= FEWEST for kind, have in zip(markers.types, measured, strict=True)}
    rows = [
        (kind.name, kind.parent, have, len(kind.positive), all(enough[name] for name in markers.path(kind.name)))
        for kind, have in zip(markers.types, measured, strict=True)
    ]
    return pd.DataFrame(rows, columns=["type", "parent", "measured", "of", "looked_for"])


def _pools(
    samples: Samples, level: Level, clusters: str, neighbours: csr_matrix | None
) -> tuple[csr_matrix | None, np.ndarray]:
    """Weights (unit, cell) of the cells that are judged together, None for each alone; and each cell's unit."""
    n = samples.n_cells
    if level == "cell":
        return None, np.arange(n)
    if level == "neighbours":
        if neighbours is None or neighbours.shape != (n, n):
            raise DiscoveryError(f"judging cells by their neighbours needs weights of {n} × {n} cells; see `nearest`.")
        if not neighbours.diagonal().any():  # a graph of others: a cell speaks for itself too
            neighbours = csr_matrix(neighbours + identity(n, format="csr"))
        size = np.asarray(neighbours.sum(axis=1)).ravel()
        scale = np.repeat(1 / np.where(size > 0, size, 1), np.diff(neighbours.indptr))
        return csr_matrix((neighbours.data * scale, neighbours.indices, neighbours.indptr), (n, n)), np.arange(n)
    if level != "cluster":
        raise DiscoveryError(f"cells are judged by cell, neighbours or cluster, not by {level!r}.")
    if clusters not in samples.cells.columns:
        raise DiscoveryError(
            f'cells have no column {clusters!r}; find clusters first, or annotate with level = "cell".'
        )
    code, names = pd.factorize(samples.cells[clusters].astype(str), sort=True)
    size = np.bincount(code, minlength=len(names))
    return csr_matrix((1 / size[code], (code, np.arange(n))), (len(names), n)), code


def _descend(
    level: np.ndarray,
    markers: MarkerTable,
    universe: list[str],
    looked_for: set[str],
    alphas: tuple[float, float],
    draws: int,
    seed: int,
) -> tuple[pd.DataFrame, np.ndarray]:
    """One block of units from the root downwards: their rows of `cells`, and all scores."""
    units, (alpha, lead_alpha) = len(level), alphas
    label = np.full(units, ROOT, dtype=object)
    lineage, second = np.full(units, UNKNOWN, dtype=object), np.full(units, "", dtype=object)
    number = np.full((4, units), np.nan)
    column = {kind.name: at for at, kind in enumerate(markers.types)}
    scores = np.full((units, len(column)), np.nan, np.float32)
    parents = [ROOT, *(kind.name for kind in markers.types)]
    for parent in sorted(parents, key=lambda name: len(markers.path(name)) if name else 0):
        kinds = [kind for kind in markers.children(parent) if kind.name in looked_for]
        if not kinds:
            continue
        weight = weights(kinds, universe)
        scores[:, [column[kind.name] for kind in kinds]] = level @ weight.T
        here = np.flatnonzero(label == parent)
        if not here.size:
            continue
        own = _exchangeable(markers, parent, kinds, universe)
        seen = evidence(level[np.ix_(here, own)], weight[:, own], draws, seed)
        number[:, here] = seen.strength, seen.lead, seen.p_strength, seen.p_lead
        names = np.array([kind.name for kind in kinds], dtype=object)
        positive = np.where(weight > 0, weight, 0.0)
        expressed = (level[here] * positive[seen.best]).sum(axis=1) >= LEAST
        second[here] = np.where(seen.second >= 0, names[seen.second], "")
        sure = (seen.p_strength <= alpha) & (seen.p_lead <= lead_alpha) & expressed
        label[here[sure]] = names[seen.best[sure]]
        if parent == ROOT:
            lineage[here[sure]] = names[seen.best[sure]]
    label[label == ROOT] = UNKNOWN
    frame = {"label": pd.Categorical(label), "lineage": pd.Categorical(lineage), "second": pd.Categorical(second)}
    numbers = dict(zip(("strength", "lead", "p_strength", "p_lead"), number, strict=True))
    return pd.DataFrame(frame | numbers), scores


def _exchangeable(markers: MarkerTable, parent: str, kinds: list[CellType], universe: list[str]) -> np.ndarray:
    """The genes exchanged below a type: not those that made it one and so say nothing about what lies below it."""
    asked = {gene for kind in kinds for gene in (*kind.positive, *kind.negative)}
    settled = {gene for name in markers.path(parent) for gene in markers.by_name[name].positive} - asked
    return np.array([at for at, gene in enumerate(universe) if gene not in settled], dtype=int)
