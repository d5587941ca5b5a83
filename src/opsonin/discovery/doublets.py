"""Two cells read as one: Scrublet's score sample by sample, and a stated threshold.

Wolock, Lopez & Klein (2019), Cell Syst 8:281, as in scanpy.
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
from opsonin.random import stable_hash

FEWEST = 100  # cells of a sample that simulated doublets need
DEVIATIONS = 5.0
REFERENCE = "Wolock 2019, Cell Syst 8:281"


@dataclass(frozen=True)
class Doublets:
    """score, doublet: one for each cell (NaN and False where its sample was not judged).   methods: sentences."""

    score: np.ndarray
    doublet: np.ndarray
    thresholds: pd.DataFrame
    methods: list[str]


def find_doublets(samples: Samples, seed: int = 1, rate: float = 0.06, progress: Progress = silent) -> Doublets:
    """Scrublet's score for every cell of samples that hold counts of at least 100 cells.

    A doublet: a score above that of half of the simulated doublets, and more than 5 median absolute deviations above
    the sample's median.   rate: doublets expected, as of a 10x run.
    """
    names = samples.cells["sample"].astype(str).to_numpy()
    score, doublet = np.full(len(names), np.nan), np.zeros(len(names), dtype=bool)
    rows_of = pd.Series(np.arange(len(names))).groupby(names, sort=False).indices
    told, skipped = [], []
    judged = samples.units == "counts" and samples.modality == "RNA"
    for done, (name, rows) in enumerate(rows_of.items()):
        if not judged or len(rows) < FEWEST:
            skipped.append(str(name))
            continue
        progress("doublets", done, len(rows_of))
        keep = np.zeros(len(names), dtype=bool)
        keep[rows] = True
        own, simulated = _scores(samples, keep, (seed + stable_hash(str(name))) % 2**31, rate)
        middle = float(np.median(own))
        limit = max(middle + DEVIATIONS * TO_SD * float(np.median(np.abs(own - middle))), float(np.median(simulated)))
        score[rows], doublet[rows] = own, own > limit
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
    return Doublets(score, doublet, pd.DataFrame(told, columns=pd.Index(["sample", "cells", "doublets", "threshold"])),
                    [said])  # fmt: skip


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
                                   random_state=seed, verbose=False)  # fmt: skip
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
