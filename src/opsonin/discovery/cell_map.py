"""The map of cells: variable genes, principal components, integration, neighbours, clusters and two dimensions.

Each step is scanpy's (Wolf, Angerer & Theis 2018, Genome Biol 19:15); what was done stands in `methods`.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from opsonin.discovery.libraries import library
from opsonin.discovery.memory import GIB, csr_bytes, refuse_beyond, said
from opsonin.discovery.neighbour_search import EXACT, NearestCells
from opsonin.discovery.normalising import METHOD, normalised
from opsonin.discovery.progress import Progress, silent
from opsonin.discovery.samples import Samples
from opsonin.errors import DiscoveryError
from opsonin.random import uniform

Integration = Literal["none", "harmony", "combat"]
LOOKED_AT = 20_000  # cells in which variable genes are chosen
ALMOST_ALL = 0.8  # of a cluster from one subject: said, as such a cluster may be a patient and no cell type
REFERENCE = "scanpy: Wolf 2018, Genome Biol 19:15; Leiden: Traag 2019, Sci Rep 9:5233; UMAP: McInnes 2018"


@dataclass(frozen=True)
class CellMap:
    """Where cells lie.

    components: (cells, k) principal components, integrated where asked.   measured: those before integration, for
    distances that are features of a sample.   umap: (cells, 2), or None.
    cluster: the cluster of every cell as text, "0" the largest.   genes: the variable genes.   neighbours: the graph's
    connectivities (cells × cells, sparse).   methods: what was done, in sentences.
    """

    components: np.ndarray
    cluster: pd.Categorical
    genes: list[str]
    neighbours: Any
    measured: np.ndarray
    umap: np.ndarray | None = None
    methods: list[str] = field(default_factory=list)

    def table(self, samples: Samples) -> pd.DataFrame:
        """cell, subject, sample, cluster, umap_1, umap_2."""
        made = samples.cells[["cell", "subject", "sample"]].copy()
        made["cluster"] = np.asarray(self.cluster)
        if self.umap is not None:
            made["umap_1"], made["umap_2"] = self.umap[:, 0], self.umap[:, 1]
        return made


def needed_bytes(cells: int, genes: int = 2000, filled: float = 0.1) -> int:
    """Memory that the map takes at its peak: variable genes, components, neighbour search and graph, roughly."""
    values = csr_bytes(int(cells * genes * filled), cells)
    return int(3 * values + cells * (50 * 4 * 4 + 15 * 12 * 6 + 400) + 0.5 * GIB)


def map_cells(
    samples: Samples,
    seed: int = 1,
    n_genes: int = 2000,
    n_components: int = 30,
    n_neighbours: int = 15,
    resolution: float = 1.0,
    integrate: Integration = "none",
    umap: bool = True,
    progress: Progress = silent,
) -> CellMap:
    """Clusters and map of the cells, the same for the same seed.

    integrate: "harmony" (needs harmonypy, GPL, the user's choice) or "combat" take differences between samples away;
    "none" keeps them, since patients do differ, and names clusters that are nearly one subject's.
    Either changes the components that neighbours, clusters and map are made of, and no value besides.
    Raises: DiscoveryError for fewer than 20 cells, no expression, missing libraries, too little memory, or samples that
    cannot be integrated.
    """
    if samples.n_cells < 20:
        raise DiscoveryError(f"{samples.n_cells} cells are too few for a map; it needs 20 or more.")
    refuse_beyond(needed_bytes(samples.n_cells, n_genes), f"a map of {samples.n_cells:,} cells",
                  "map a part of them (samples.take), or use fewer variable genes.")  # fmt: skip
    scanpy = library("scanpy", "mapping cells")
    methods = [METHOD] if samples.units == "counts" else []
    own = normalised(samples, progress=progress)
    progress("variable genes", 0, 0)
    genes, told = variable_genes(own, n_genes, seed)
    methods.append(told)
    data = own.anndata(genes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scanpy's own, of its own insides
        progress("principal components", 0, 0)
        parts = max(2, min(n_components, len(genes) - 1, samples.n_cells - 1))
        scanpy.pp.pca(data, n_comps=parts, random_state=seed)
        methods.append(f"{parts} principal components of centred log-normalised values.")
        measured = components = np.asarray(data.obsm["X_pca"], dtype=np.float32)
        if integrate != "none":
            progress("integration", 0, 0)
            _refuse_single(own, integrate)
            components = _combat(data, parts, seed) if integrate == "combat" else _harmony(components, own, seed)
        data.obsm["X_pca"] = components
        methods.append(_integration(integrate))
        progress("neighbours", 0, 0)
        near = min(n_neighbours, data.n_obs - 1)
        search = NearestCells(near) if data.n_obs >= EXACT else None
        scanpy.pp.neighbors(data, n_neighbors=near, use_rep="X_pca", random_state=seed, transformer=search)
        progress("clusters", 0, 0)
        scanpy.tl.leiden(data, resolution=resolution, flavor="igraph", n_iterations=2, directed=False,
                         random_state=seed, key_added="cluster")  # fmt: skip
        methods.append(f"{n_neighbours} nearest neighbours; Leiden clusters at resolution {resolution:g}; seed {seed}. "
                       f"({REFERENCE})")  # fmt: skip
        flat = None
        if umap:
            progress("UMAP", 0, 0)
            scanpy.tl.umap(data, random_state=seed)
            flat = np.asarray(data.obsm["X_umap"], dtype=np.float32)
    cluster = _by_size(data.obs["cluster"])
    methods += _of_one(own, np.asarray(cluster)) if integrate == "none" else []
    return CellMap(components, cluster, genes, data.obsp["connectivities"], measured, flat, methods)


def variable_genes(samples: Samples, count: int, seed: int = 1) -> tuple[list[str], str]:
    """The genes that vary most, of log-normalised values, ranked within samples; and how, in words.

    All cells up to 20,000, a keyed random choice of that many beyond.
    """
    if len(samples.genes) <= count:
        return [str(gene) for gene in samples.genes], f"All {len(samples.genes):,} genes are used (no choice)."
    scanpy = library("scanpy", "choosing variable genes")
    keep = None
    if samples.n_cells > LOOKED_AT:
        keep = uniform(seed, "cells for variable genes", np.arange(samples.n_cells))[:, 0] < LOOKED_AT / samples.n_cells
    data = samples.anndata(keep=keep)
    found = np.asarray(data.X.getnnz(axis=0)).ravel() >= 3
    data = data[:, found].copy()
    sizes = data.obs["sample"].astype(str).value_counts()
    by = "sample" if (sizes >= 50).sum() >= 2 and (sizes >= 20).all() else None
    data.obs["sample"] = data.obs["sample"].astype(str).astype("category")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scanpy's own, of its own insides
        scanpy.pp.highly_variable_genes(data, n_top_genes=min(count, data.n_vars), batch_key=by)
    chosen = [str(gene) for gene in data.var_names[data.var["highly_variable"].to_numpy(dtype=bool)]]
    where = f"in {data.n_obs:,} cells chosen at random" if keep is not None else "in all cells"
    within = ", ranked within samples and joined" if by else ""
    return chosen, f"{len(chosen):,} variable genes by normalised dispersion, {where}{within}."


def _by_size(found: pd.Series) -> pd.Categorical:
    """Clusters named by their size: "0" is the largest."""
    order = found.astype(str).value_counts(sort=True).index.tolist()
    names = {old: str(new) for new, old in enumerate(order)}
    return pd.Categorical(found.astype(str).map(names), categories=list(names.values()))


def _refuse_single(samples: Samples, way: str) -> None:
    """Raises: DiscoveryError where there is one sample, or one has a single cell, whose differences nobody can tell."""
    sizes = samples.cells["sample"].astype(str).value_counts()
    if len(sizes) < 2:
        raise DiscoveryError(f'integrate = "{way}" needs two samples or more, and all cells are of {sizes.index[0]!r}; '
                             "leave integrate out, or map the column that parts them ([cells] sample).")  # fmt: skip
    if sizes.min() < 2:
        raise DiscoveryError(f'integrate = "{way}" needs two cells of each sample, and {sizes.index[-1]!r} has one; '
                             "leave that sample out with where in [cells], or leave integrate out.")  # fmt: skip


def _combat(data: Any, parts: int, seed: int) -> np.ndarray:
    scanpy = library("scanpy", "integration by ComBat")
    refuse_beyond(16.0 * data.n_obs * data.n_vars, "ComBat, which holds every value,", 'take "harmony".')
    own = data.copy()
    own.X = own.X.toarray()
    scanpy.pp.combat(own, key="sample")
    scanpy.pp.pca(own, n_comps=parts, random_state=seed)
    return np.asarray(own.obsm["X_pca"], dtype=np.float32)


def _harmony(components: np.ndarray, samples: Samples, seed: int) -> np.ndarray:
    harmonypy = library("harmonypy", "integration by Harmony")
    names = samples.cells[["sample"]].astype(str).reset_index(drop=True)
    found = np.asarray(harmonypy.run_harmony(components, names, ["sample"], verbose=False, random_state=seed).Z_corr)
    return np.asarray(found if found.shape == components.shape else found.T, dtype=np.float32)


def _integration(way: str) -> str:
    if way == "none":
        return "Samples were not integrated."
    by = {
        "harmony": "Harmony (Korsunsky 2019, Nat Methods 16:1289)",
        "combat": "ComBat (Johnson 2007, Biostatistics 8:118)",
    }[way]
    return (
        f"Samples were integrated by {by}, for neighbours, clusters (and what is annotated by them) and the map alone; "
        "counts, states, distances between cells and every comparison are of the values as they were measured."
    )


def _of_one(samples: Samples, cluster: np.ndarray) -> list[str]:
    """Clusters that are nearly one subject's."""
    if samples.n_subjects < 2:
        return []
    table = pd.crosstab(cluster, samples.cells["subject"].astype(str).to_numpy())
    alone = table.div(table.sum(axis=1), axis=0).max(axis=1) >= ALMOST_ALL
    if not alone.any():
        return []
    return [
        f"{int(alone.sum())} of {len(alone)} clusters hold cells of nearly one subject alone: tumour cells do so, "
        'immune cells seldom; integrate = "harmony" or "combat" takes differences between samples away.'
    ]


def memory_said(samples: Samples, mapped: bool = True) -> str:
    """What memory the cells take and the map will take, in words, before anything starts."""
    held: Any = samples.expression
    if samples.on_disk:
        words = "expression stays on disk and is read by blocks"
    else:
        words = f"expression takes {said(held.data.nbytes + held.indices.nbytes + held.indptr.nbytes)}"
    return f"{words}, the map about {said(needed_bytes(samples.n_cells))}" if mapped else words
