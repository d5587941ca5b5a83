"""How far annotation can be trusted: blood cells with labels from elsewhere, types taken out of the table, proteins.

Prints the figures of docs/discovery-cells.md that are not of `discovery_units.py`. The data are the shared sets
scrna-pbmc68k and citeseq-pbmc-dsb; the map of cells needs the extra `discovery`.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from opsonin.discovery import MarkerTable, agreement, annotate, read_samples
from opsonin.discovery.annotation import UNKNOWN, Level
from opsonin.discovery.cell_map import CellMap, map_cells
from opsonin.discovery.label_agreement import Agreement, adjusted_rand
from opsonin.discovery.marker_table import CellType, default_markers
from opsonin.discovery.proteins import default_gates, gate, positive_probability, protein_markers
from opsonin.discovery.samples import Samples

DATA = Path(__file__).resolve().parents[1] / "../shared/data"
LINEAGES = {
    "CD14+ Monocyte": "mononuclear phagocyte", "Dendritic": "mononuclear phagocyte", "CD19+ B": "B cell",
    "CD34+": "blood progenitor", "CD56+ NK": "NK cell", "CD4+/CD25 T Reg": "T cell",
    "CD4+/CD45RA+/CD25- Naive T": "T cell", "CD4+/CD45RO+ Memory": "T cell", "CD8+ Cytotoxic T": "T cell",
    "CD8+/CD45RA+ Naive Cytotoxic": "T cell",
}  # fmt: skip
LEVELS: tuple[Level, ...] = ("neighbours", "cluster", "cell")
TAKEN_OUT = {"B cell": ("B cell", "plasma cell"), "mononuclear phagocyte": ("mononuclear phagocyte",),
             "T cell": ("T cell",), "NK cell": ("NK cell",)}  # fmt: skip


def blood() -> tuple[Samples, CellMap]:
    """700 blood cells with ten labels, and their map; the labels take no part in it."""
    samples = read_samples(DATA / "scrna-pbmc68k", "pbmc68k")
    found = map_cells(samples, umap=False)
    return samples.with_(cells=samples.cells.assign(cluster=pd.Categorical(found.cluster))), found


def recovered(samples: Samples, found: CellMap) -> dict[str, Agreement]:
    """Lineages found against labels given, by what the cells are judged by."""
    made = {}
    for level in LEVELS:
        own = (
            annotate(samples, level=level, neighbours=found.neighbours if level == "neighbours" else None)
            .cells["lineage"]
            .astype(str)
        )
        made[level] = agreement(samples.cells["label"], own.replace({"plasma cell": "B cell"}), same=LINEAGES)
    return made


def finest(samples: Samples, found: CellMap) -> dict[str, float]:
    """Adjusted Rand index against all ten labels: ours, and the clustering that came with the data."""
    label = samples.cells["label"].astype(str)
    ours = annotate(samples, level="neighbours", neighbours=found.neighbours).cells["label"].astype(str)
    theirs = pd.read_csv(DATA / "scrna-pbmc68k" / "cell_metadata.csv")["louvain"].astype(str)
    return {"annotation": adjusted_rand(label, ours), "clustering of the data": adjusted_rand(label, theirs)}


def without_a_type(samples: Samples, found: CellMap) -> dict[str, float]:
    """Of the cells whose type is taken out of the table, how many are unknown."""
    whole, made = default_markers(), {}
    given = samples.cells["label"].astype(str).map(LINEAGES)
    for kind, branches in TAKEN_OUT.items():
        out = {name for one in branches for name in whole.below(one)}
        less = MarkerTable(tuple(one for one in whole.types if one.name not in out), whole.aliases)
        own = annotate(samples, less, level="neighbours", neighbours=found.neighbours).cells["lineage"].astype(str)
        made[kind] = float((own[(given == kind).to_numpy()] == UNKNOWN).mean())
    return made


def proteins() -> pd.DataFrame:
    """Gated lineages against annotation by proteins that no gate used: cells."""
    samples = read_samples(DATA / "citeseq-pbmc-dsb", "citeseq-dsb")
    gates = default_gates()[0]
    gated = gate(positive_probability(samples), gates).replace({"CD4 T cell": "T cell", "CD8 T cell": "T cell"})
    used = {word[:-1] for words in gates.values() for word in words.split()}
    kinds = ("T cell", "B cell", "NK cell", "mononuclear phagocyte")
    others = tuple(
        CellType(one.name, "", tuple(x for x in one.positive if x not in used),
                 tuple(x for x in one.negative if x not in used), one.source)
        for one in protein_markers().types if one.name in kinds
    )  # fmt: skip
    found = annotate(samples, MarkerTable(others, {}), level="cell").cells["label"].astype(str)
    kept = gated.isin(kinds).to_numpy()
    return pd.crosstab(gated[kept].rename("gated"), found[kept].rename("by other proteins")).reindex(list(kinds))


def cases() -> dict[str, Any]:
    """Agreement with labels from elsewhere, and what is unknown where the table lacks a type."""
    samples, found = blood()
    base = {"error": None, "ratio": None, "threads": 1}
    made: dict[str, Any] = {}
    for level, one in recovered(samples, found).items():
        made[f"700 blood cells, judged by {level}: adjusted Rand index"] = {
            "value": one.adjusted_rand, "unit": "", "peer": "among those found", "peer_value": one.adjusted_rand_known,
            **base}  # fmt: skip
    for kind, share in without_a_type(samples, found).items():
        made[f"{kind} taken out of the table: unknown"] = {
            "value": share, "unit": "share of its cells", "peer": None, "peer_value": None, **base}  # fmt: skip
    table = proteins()
    called = table.drop(columns=UNKNOWN)
    right = np.trace(called[called.index].to_numpy())
    made["surface proteins, annotation against gates: same type"] = {
        "value": float(right / called.to_numpy().sum()), "unit": "share of those called", "peer": "called",
        "peer_value": float(called.to_numpy().sum() / table.to_numpy().sum()), **base}  # fmt: skip
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    if parser.parse_args().json:
        print(json.dumps(cases()))
        return
    samples, found = blood()
    for level, one in recovered(samples, found).items():
        print(f"judged by {level}: {one.told()[0]}\n{one.types.to_string(index=False, float_format='{:.2f}'.format)}\n")
    print("all ten labels, adjusted Rand index\n" + pd.Series(finest(samples, found)).round(2).to_string())
    print("\ntaken out of the table: unknown\n" + pd.Series(without_a_type(samples, found)).round(2).to_string())
    print("\ngates against annotation by other proteins, cells\n" + proteins().to_string())


if __name__ == "__main__":
    main()
