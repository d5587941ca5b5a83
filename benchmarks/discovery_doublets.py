"""What looking for doublets costs, and whether a sample judged in random parts loses any.

Cost: cells of one sample, 20,000 genes (about 1,000 found in a cell), as `discovery_scale.py` makes them.
Finding: made-up cells of three kinds and 60 genes, one in thirty of them a T cell and a monocyte read as one; the area
under the curve of Scrublet's score, with its standard error over the draws, for the whole sample and for its parts.

    python benchmarks/discovery_doublets.py --cells 20000 60000     # cost: five minutes on one core
    python benchmarks/discovery_doublets.py --parts                 # finding: four minutes
"""

from __future__ import annotations

import argparse
import resource
import tempfile
from pathlib import Path
from time import monotonic, process_time

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

import discovery_scale as scale
from opsonin.discovery import doublets
from opsonin.discovery.read import read_samples
from opsonin.discovery.samples import Samples

SIZES = ((1200, (1200, 600, 400), 8), (6000, (6000, 3000, 1500), 5))  # cells, cells judged at once, draws
GENES = 60
MARKERS = {"T cell": [0, 1, 2], "B cell": [3, 4], "monocyte": [5, 6]}


def cost(cells: int) -> str:
    """Seconds and memory of one sample of so many cells."""
    scale.PATIENTS = 1
    with tempfile.TemporaryDirectory(prefix="discovery_doublets") as made:
        folder = Path(made)
        scale.write_cells(folder / "cells.h5ad", cells)
        (folder / "map.toml").write_text(scale.MAP.replace("on_disk = true", "on_disk = false"))
        samples = read_samples(folder, folder / "map.toml")
    began, worked = monotonic(), process_time()
    doublets.find_doublets(samples)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 2**30
    parts = -(-cells // doublets.MOST)
    return (
        f"{cells:>7,} cells in {parts} parts: {monotonic() - began:.0f} s ({process_time() - worked:.0f} s of "
        f"processor), {peak:.1f} GiB at the most, the cells themselves included"
    )


def mixed(cells: int, seed: int) -> tuple[Samples, np.ndarray]:
    """Cells of three kinds, the first thirtieth two cells in one; which those are."""
    draw = np.random.default_rng(seed)
    label = draw.choice(list(MARKERS), cells, p=[0.6, 0.2, 0.2])
    rate = np.full((cells, GENES), 0.4)
    rate[:, 9] = 8.0
    for kind, places in MARKERS.items():
        rate[np.ix_(label == kind, places)] = 6.0
    counts = draw.poisson(rate * draw.gamma(8, 1 / 8, size=(cells, 1)))
    both = cells // 30
    pairs = [np.flatnonzero(label == kind)[:both] for kind in ("T cell", "monocyte")]
    counts[:both] = counts[pairs[0]] + counts[pairs[1]]
    frame = pd.DataFrame({"cell": np.arange(cells), "subject": "P1", "sample": "P1"})
    one = pd.DataFrame({"subject": ["P1"], "sample": ["P1"]})
    genes = pd.Index([f"GENE{k}" for k in range(GENES)])
    made = Samples(frame, one[["subject"]], one, csr_matrix(counts.astype(np.float32)), genes, "counts")
    return made, np.arange(cells) < both


def area(score: np.ndarray, truth: np.ndarray) -> float:
    """The share of pairs in which a doublet scores higher than a cell, ties half."""
    from scipy.stats import mannwhitneyu

    known = np.isfinite(score)
    one, two = score[known & truth], score[known & ~truth]
    return float(mannwhitneyu(one, two).statistic / (one.size * two.size))


def main() -> None:
    """Print what was asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, nargs="*", default=[])
    parser.add_argument("--parts", action="store_true")
    asked = parser.parse_args()
    for cells in asked.cells:
        print(cost(cells), flush=True)
    for cells, at_once, draws in SIZES if asked.parts else ():
        found: dict[int, list[float]] = {most: [] for most in at_once}
        for seed in range(draws):
            samples, truth = mixed(cells, seed)
            for most in at_once:
                doublets.MOST = most
                found[most].append(area(doublets.find_doublets(samples, seed=seed).score, truth))
        for most, areas in found.items():
            error = np.std(areas, ddof=1) / draws**0.5
            print(f"{cells:,} cells, {most:,} at once: {np.mean(areas):.3f} (standard error {error:.3f})", flush=True)


if __name__ == "__main__":
    main()
