"""Does discovery hold half a million cells? Synthetic cells through quality control, features and composition.

Counts of 20,000 genes (about 1,000 found in a cell) are written by blocks to an h5ad, which then stays on disk: quality
control, normalisation, annotation of every cell by markers, states, heterogeneity and composition read it by blocks.
Reported: time and peak memory of each number of cells, and by what power of the cells the processor's time grows.

    python benchmarks/discovery_scale.py --cells 50000 100000      # a minute or two
    python benchmarks/discovery_scale.py --cells 500000            # the whole: needs 5 GB of disk
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np

GENES, PATIENTS, DRAWN, BLOCK = 20_000, 50, 2_500, 5_000
KINDS = ("CD8 T cell", "B cell", "macrophage", "melanoma cell", "fibroblast")
LIMIT_GIB, LIMIT_MINUTES = 8.0, 30.0
MAP = """
[files]
expression = "cells.h5ad"
[expression]
units = "counts"
on_disk = true
[cells]
subject = "patient"
sample = "patient"
label = "type"
response = "response"
constant.tissue = "tumour"
[response]
responder = "R"
"""


def names() -> list[str]:
    """Marker genes of the shipped tables first, so that cells can be annotated, then made-up ones."""
    from opsonin.discovery.marker_table import default_markers

    known = list(dict.fromkeys(default_markers().genes))
    return [*known, *(["MT-CO1", "MT-ND1"]), *(f"GENE{k}" for k in range(GENES - len(known) - 2))]


def profiles(genes: list[str]) -> np.ndarray:
    """How often each gene is drawn in each kind of cell, cumulated: (kind, gene)."""
    from opsonin.discovery.marker_table import default_markers

    draw = np.random.default_rng(1)
    base = draw.lognormal(0.0, 2.0, size=len(genes))
    place = {gene: k for k, gene in enumerate(genes)}
    table, found = default_markers(), []
    markers = {gene for kind in table.types for gene in kind.positive}
    for kind in KINDS:
        own = base.copy()
        own[[place[g] for g in markers]] = 0.02 * base.mean()
        for name in table.path(kind):
            here = [place[g] for g in table.by_name[name].positive] if name in table.by_name else []
            own[here] = 12 * base.mean()
        found.append(np.cumsum(own / own.sum()))
    return np.array(found)


def write_cells(path: Path, cells: int, seed: int = 1) -> None:
    """An h5ad of so many cells, written block by block."""
    import pandas as pd

    from opsonin.discovery.libraries import library

    h5py, write = library("h5py"), library("anndata.io").write_elem
    genes = names()
    cumulated = profiles(genes)
    draw = np.random.default_rng(seed)
    patient = np.sort(np.arange(cells) % PATIENTS)
    tilt = np.where(np.arange(PATIENTS) % 2 == 0, 0.35, 0.15)[patient]
    kind = np.where(draw.random(cells) < tilt, 0, draw.integers(1, len(KINDS), size=cells))
    depth = np.maximum(200, draw.lognormal(np.log(DRAWN), 0.35, size=cells)).astype(int)
    about = pd.DataFrame({"patient": [f"P{k + 1:02d}" for k in patient], "type": np.array(KINDS)[kind],
                          "response": np.where(patient % 2 == 0, "R", "NR")})  # fmt: skip
    about.index = pd.Index([f"c{k}" for k in range(cells)])
    with h5py.File(path, "w") as file:
        file.attrs["encoding-type"], file.attrs["encoding-version"] = "anndata", "0.1.0"
        write(file, "obs", about)
        write(file, "var", pd.DataFrame(index=pd.Index(genes)))
        group = file.create_group("X")
        group.attrs.update({"encoding-type": "csr_matrix", "encoding-version": "0.1.0", "shape": [cells, len(genes)]})
        data = group.create_dataset("data", (0,), maxshape=(None,), dtype="f4", chunks=(1 << 20,))
        indices = group.create_dataset("indices", (0,), maxshape=(None,), dtype="i4", chunks=(1 << 20,))
        starts = [0]
        for first in range(0, cells, BLOCK):
            rows = np.arange(first, min(first + BLOCK, cells))
            values, columns, sizes = drawn(kind[rows], cumulated, depth[rows], draw)
            at = starts[-1]
            for store, part in ((data, values), (indices, columns)):
                store.resize((at + len(part),))
                store[at:] = part
            starts += (at + np.cumsum(sizes)).tolist()
        group["indptr"] = np.array(starts, dtype=np.int64)


def drawn(
    kind: np.ndarray, cumulated: np.ndarray, depth: np.ndarray, draw: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Molecules of a block of cells: counts, genes, and how many genes each cell has."""
    from scipy.sparse import coo_matrix

    row = np.repeat(np.arange(len(kind)), depth)
    at, of = draw.random(len(row)), np.repeat(kind, depth)
    gene = np.empty(len(row), dtype=np.int32)
    for one in np.unique(kind):
        mine = of == one
        gene[mine] = np.searchsorted(cumulated[one], at[mine])
    made = coo_matrix((np.ones(len(row), np.float32), (row, gene)), shape=(len(kind), cumulated.shape[1])).tocsr()
    return made.data, made.indices, np.diff(made.indptr)


def run(folder: Path, cells: int, clusters: bool) -> dict[str, Any]:
    """The whole way for one number of cells; seconds by step and peak memory."""
    from opsonin.cli.screen import Phases
    from opsonin.discovery.all_features import patient_features
    from opsonin.discovery.annotation import annotate, with_annotation
    from opsonin.discovery.prepare import prepare
    from opsonin.discovery.read import read_samples
    from opsonin.discovery.samples import composition

    (folder / "map.toml").write_text(MAP)
    steps: dict[str, float] = {}
    began = monotonic()
    with Phases() as progress:
        progress("reading")
        samples = read_samples(folder, folder / "map.toml")
        steps["read"] = monotonic() - began
        prepared = prepare(samples, seed=1, progress=progress, doublets=False, mapped=clusters)
        steps["quality control"] = monotonic() - began - sum(steps.values())
        progress("annotation")
        found = annotate(prepared.samples, level="cell", seed=1)
        own = with_annotation(prepared.samples, found)
        steps["annotation"] = monotonic() - began - sum(steps.values())
        progress("features")
        features = patient_features(own, found, seed=1)
        steps["features"] = monotonic() - began - sum(steps.values())
        progress("composition")
        table = composition(own)
        steps["composition"] = monotonic() - began - sum(steps.values())
    used = resource.getrusage(resource.RUSAGE_SELF)
    peak = used.ru_maxrss * 1024 / 2**30
    unknown = float((found.cells["label"] == "unknown").mean())
    return {"cells": cells, "seconds": monotonic() - began, "cpu": used.ru_utime + used.ru_stime, "peak_gib": peak,
            "steps": steps, "unknown": unknown,
            "features": int(features.frame["feature"].nunique()), "composition": list(table.shape)}  # fmt: skip


def measured(cells: int, clusters: bool, keep: Path | None) -> dict[str, Any]:
    """One number of cells in a process of its own, so that its peak memory is its own."""
    with tempfile.TemporaryDirectory(prefix="discovery_scale") as made:
        folder = keep or Path(made)
        path = folder / "cells.h5ad"
        if not path.exists():
            began = monotonic()
            write_cells(path, cells)
            size = path.stat().st_size / 2**30
            print(f"wrote {cells:,} cells, {size:.1f} GiB, in {monotonic() - began:.0f} s", file=sys.stderr)
        command = [sys.executable, __file__, "--child", str(folder), "--cells", str(cells)]
        done = subprocess.run(
            [*command, *(["--map"] if clusters else [])], stdout=subprocess.PIPE, check=True, text=True
        )
        return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Run the numbers of cells asked for and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, nargs="+", default=[50_000, 100_000])
    parser.add_argument("--map", action="store_true", help="also the map of cells (neighbours, clusters, UMAP)")
    parser.add_argument("--keep", type=Path, help="a folder in which the cells are kept for another run")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child is not None:
        print(json.dumps(run(asked.child, asked.cells[0], asked.map)))
        return
    rows = [measured(cells, asked.map, asked.keep) for cells in asked.cells]
    power = None
    if len(rows) > 1:
        size, time = (np.log([row[key] for row in rows]) for key in ("cells", "cpu"))
        power = float(np.polyfit(size, time, 1)[0])
    if asked.json:
        cases = {}
        for row in rows:
            name = f"{row['cells']} cells × {GENES} genes"
            cases[name] = case(row["seconds"], "s", LIMIT_MINUTES * 60)
            cases[f"{name}, peak memory"] = case(row["peak_gib"], "GiB", LIMIT_GIB)
        if power is not None:
            cases["power of cells"] = case(power, "", 1.0)
        print(json.dumps(cases))
        return
    for row in rows:
        steps = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in row["steps"].items())
        times = f"{row['seconds'] / 60:6.1f} min ({row['cpu'] / 60:.1f} min of processor)  {row['peak_gib']:5.2f} GiB"
        found = f"{row['features']} features, {row['unknown']:.0%} of cells unknown"
        print(f"{row['cells']:>9,} cells  {times}  ({steps}); {found}")
    if power is not None:
        print(f"time of the processor grows with cells to the power {power:.2f}")


def case(value: float, unit: str, limit: float) -> dict[str, Any]:
    """One line of RESULTS.md; the peer is the limit that was set."""
    return {"value": value, "unit": unit, "error": 0.0, "peer": "limit", "peer_value": limit, "ratio": limit / value,
            "threads": os.cpu_count()}  # fmt: skip


if __name__ == "__main__":
    main()
