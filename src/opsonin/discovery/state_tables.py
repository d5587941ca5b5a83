"""Tables that figures of samples are drawn from: composition, dots of genes by label, the map of cells."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from opsonin.discovery.cell_map import CellMap
from opsonin.discovery.marker_table import default_markers
from opsonin.discovery.normalising import normalised
from opsonin.discovery.samples import Samples, composition
from opsonin.errors import DiscoveryError
from opsonin.random import permutation
from opsonin.record.schema import near

MOST_CELLS = 20_000  # of a map that is drawn
MOST_GENES, OF_A_TYPE = 40, 3  # of the dot plot


def composition_table(samples: Samples) -> pd.DataFrame:
    """subject, sample, time, tissue, response (as known), label, cells (or percent), share."""
    counts = composition(samples).astype(float)
    share = counts.div(counts.sum(axis=1).where(counts.sum(axis=1) > 0), axis=0)
    long = counts.rename_axis(index="sample").reset_index().melt("sample", var_name="label", value_name="cells")
    long["share"] = share.reset_index(drop=True).melt()["value"].to_numpy()
    known = samples.samples.assign(sample=samples.samples["sample"].astype(str)).set_index("sample")
    about = [one for one in ("subject", "time", "day", "tissue", "response") if one in known.columns]
    made = pd.DataFrame({name: long["sample"].astype(str).map(known[name].to_dict()) for name in about})
    if "response" not in made.columns and "response" in samples.subjects.columns:
        made["response"] = made["subject"].map(samples.subjects.set_index("subject")["response"].to_dict())
    return pd.concat([made, long], axis=1)


def map_table(samples: Samples, found: CellMap, seed: int = 1) -> pd.DataFrame:
    """cell, subject, sample, cluster, umap_1, umap_2, label, and response; a random 20,000 of more cells."""
    made = found.table(samples)
    if "label" in samples.cells.columns:
        made["label"] = samples.cells["label"].astype(object).to_numpy()
    if "response" in samples.subjects.columns:
        known = samples.subjects.assign(subject=samples.subjects["subject"].astype(str)).set_index("subject")
        made["response"] = made["subject"].astype(str).map(known["response"].to_dict())
    if len(made) > MOST_CELLS:
        made = made.iloc[np.sort(permutation(seed, "cells of a map", len(made), 0)[:MOST_CELLS])]
    return made.reset_index(drop=True)


def dot_table(samples: Samples, genes: Sequence[str] = (), label: str = "label") -> pd.DataFrame:
    """label, gene, mean (log-normalised), share (of cells in which it was found).

    genes: those asked for; the first markers of the types found otherwise.
    Raises: DiscoveryError for a gene that is not there.
    """
    wanted = list(genes) or _markers_of(samples, label)
    places, lacking = samples.places(wanted)
    if lacking and genes:
        raise DiscoveryError(
            f"[discovery] dots: there is no gene {lacking[0]!r}{near(lacking[0], samples.genes)} in these samples."
        )
    names = [str(samples.genes[place]) for place in places]
    named = samples.cells[label].astype(object)
    kinds = sorted(set(named.dropna().astype(str)))
    at = pd.Index(kinds).get_indexer(pd.Index([None if pd.isna(one) else str(one) for one in named]))
    sums, found, cells = np.zeros((len(kinds), len(names))), np.zeros((len(kinds), len(names))), np.zeros(len(kinds))
    own = normalised(samples)
    for rows, part in own.chunks(places):
        block = part.toarray()
        for k in range(len(kinds)):
            mine = block[at[rows] == k]
            sums[k] += mine.sum(axis=0)
            found[k] += (mine > 0).sum(axis=0)
            cells[k] += len(mine)
    rows = [(kind, name, sums[k, g] / cells[k], found[k, g] / cells[k], int(cells[k]))
            for k, kind in enumerate(kinds) for g, name in enumerate(names)]  # fmt: skip
    return pd.DataFrame(rows, columns=pd.Index(["label", "gene", "mean", "share", "cells"]))


def _markers_of(samples: Samples, label: str) -> list[str]:
    """The first markers of the types that stand in the labels, or in the annotation, or of every type."""
    table = default_markers()
    there: set[str] = set()
    for column in (label, "annotation"):
        if column in samples.cells.columns:
            there |= set(samples.cells[column].dropna().astype(str))
    types = [kind for kind in table.types if kind.name in there] or list(table.types)
    own = set(samples.genes)
    chosen: dict[str, None] = {}
    for kind in types:
        chosen.update(dict.fromkeys([gene for gene in kind.positive if gene in own][:OF_A_TYPE]))
    return list(chosen)[:MOST_GENES]
