"""Two cells read as one: Scrublet's score sample by sample, and a stated threshold.

Wolock, Lopez & Klein (2019), Cell Syst 8:281, as in scanpy. Its neighbours are searched exactly, so that time and
memory grow with the square of the cells judged at once: a sample of more than 10,000 cells is cut at random into equal
parts of at most that many, each judged by doublets of its own, as a random part of a sample holds what the whole does
(`benchmarks/discovery_doublets.py`: what that costs and finds).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from opsonin.discovery.libraries import library
from opsonin.discovery.memory import csr_bytes, refuse_beyond
from opsonin.discovery.progress import Progress, silent
from opsonin.discovery.quality import TO_SD
from opsonin.discovery.samples import Samples
from opsonin.errors import DiscoveryError
from opsonin.random import permutation, stable_hash

FEWEST = 100  # cells of a sample that simulated doublets need
MOST = 10_000  # cells judged at once
DEVIATIONS = 5.0
REFERENCE = "Wolock 2019, Cell Syst 8:281"


@dataclass(frozen=True)
class Doublets:
    """score, doublet: one for each cell (NaN and False where it or its sample was not judged).   methods: sentences."""

    score: np.ndarray
    doublet: np.ndarray
    thresholds: pd.DataFrame
    methods: list[str]


def find_doublets(samples: Samples, seed: int = 1, rate: float = 0.06, progress: Progress = silent) -> Doublets:
    """Scrublet's score for every cell of samples that hold counts of at least 100 cells.

    A doublet: a score above that of half of the simulated doublets, and more than 5 median absolute deviations above
    the sample's median.   rate: doublets expected, as of a 10x run.
    Samples of more than 10,000 cells are judged in random parts, all of them against the whole sample's threshold.
    """
    names = samples.cells["sample"].astype(str).to_numpy()
    score, doublet = np.full(len(names), np.nan), np.zeros(len(names), dtype=bool)
    rows_of = pd.Series(np.arange(len(names))).groupby(names, sort=False).indices
    told, skipped, halved, done, bare = [], [], 0, 0, 0
    judged = samples.units == "counts" and samples.modality == "RNA"
    for name, rows in rows_of.items():
        if not judged or len(rows) < FEWEST:
            skipped.append(str(name))
            continue
        own, simulated = np.full(len(rows), np.nan), []
        parts = _parts(len(rows), seed, str(name))
        halved += len(parts) > 1
        for number, part in enumerate(parts):
            progress("doublets", done, len(names))
            keep = np.zeros(len(names), dtype=bool)
            keep[rows[part]] = True
            key = stable_hash(str(name) if len(parts) == 1 else f"{name}, part {number}")
            own[part], doubled = _scores(samples, keep, (seed + key) % 2**31, rate)
            simulated.append(doubled)
            done += len(part)
        middle = float(np.nanmedian(own))
        above = float(np.median(np.concatenate(simulated)))
        limit = max(middle + DEVIATIONS * TO_SD * float(np.nanmedian(np.abs(own - middle))), above)
        score[rows], doublet[rows] = own, own > limit
        bare += int(np.isnan(own).sum())
        told.append({"sample": name, "cells": len(rows), "doublets": int((own > limit).sum()), "threshold": limit})
    if not judged:
        said = "Doublets were not looked for, as that needs counts of RNA."
    else:
        said = (
            f"Doublets: Scrublet's score by sample ({rate:.0%} expected); left out above the sample's median + "
            f"{DEVIATIONS:g} median absolute deviations and above half of the simulated doublets: "
            f"{int(doublet.sum()):,} cells. ({REFERENCE})"
        )
        if skipped:
            said += f" {len(skipped)} samples of fewer than {FEWEST} cells were not judged."
        if bare:
            said += f" {bare} cells of fewer than 3 genes have no score and were not judged."
        if halved:
            said += (
                f" {halved} samples of more than {MOST:,} cells were judged in equal random parts of at most that many."
            )
    return Doublets(score, doublet, pd.DataFrame(told, columns=pd.Index(["sample", "cells", "doublets", "threshold"])),
                    [said])  # fmt: skip


def _parts(cells: int, seed: int, name: str) -> list[np.ndarray]:
    """Which of a sample's cells are judged together, in order within each part."""
    if cells <= MOST:
        return [np.arange(cells)]
    order = permutation(seed, "parts of a sample judged for doublets", cells, stable_hash(name))
    return [np.sort(part) for part in np.array_split(order, -(-cells // MOST))]


def _scores(samples: Samples, keep: np.ndarray, seed: int, rate: float) -> tuple[np.ndarray, np.ndarray]:
    import contextlib
    import io
    import warnings

    scanpy = library("scanpy", "looking for doublets")
    own = samples.anndata(keep=keep)
    refuse_beyond(12 * csr_bytes(own.X.nnz, own.n_obs), f"looking for doublets in {own.n_obs:,} cells")
    found = np.asarray(own.X.getnnz(axis=0)).ravel() >= 3
    own = own[:, found].copy()
    parts = max(2, min(30, own.n_obs - 1, own.n_vars - 1))
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")  # scanpy's own, of its own insides
        while True:
            try:
                scanpy.pp.scrublet(own, expected_doublet_rate=rate, n_prin_comps=parts, threshold=1.0,
                                   use_approx_neighbors=False, random_state=seed, verbose=False)  # fmt: skip
                break
            except ValueError as problem:  # Scrublet keeps variable genes alone: fewer than components in small panels
                if "n_components" not in str(problem) or parts <= 2:
                    raise DiscoveryError(
                        f"doublets cannot be looked for in {own.n_obs:,} cells and {own.n_vars:,} genes ({problem}); "
                        "go on without (doublets = false)."
                    ) from problem
                parts //= 2
    simulated = np.asarray(own.uns["scrublet"]["doublet_scores_sim"], dtype=float)
    return own.obs["doublet_score"].to_numpy(dtype=float), simulated
