"""How varied a sample is: kinds of cells in it, and how far apart its malignant cells lie.

Both would rise with the number of cells looked at if taken plainly; the estimators here do not.
Source: Simpson (1949), Nature 163:688 (unbiased); Chao & Shen (2003), Environ Ecol Stat 10:429 (entropy by coverage).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from jaxtyping import Float

from opsonin.discovery.feature_table import COLUMNS, FeatureTable
from opsonin.discovery.samples import Samples, composition
from opsonin.errors import DiscoveryError
from opsonin.random import permutation, stable_hash

FEWEST = 20  # cells
MOST = 2000  # malignant cells of a sample of which all pairs are taken; of more, a random choice


def inverse_simpson(counts: Float[np.ndarray, "sample label"]) -> Float[np.ndarray, " sample"]:
    """Effective number of kinds: 1 over the chance that two cells are of one kind; infinite where no two are."""
    total = counts.sum(axis=1)
    same = (counts * (counts - 1)).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(total > 1, total * (total - 1) / same, np.nan)


def shannon(counts: Float[np.ndarray, "sample label"]) -> Float[np.ndarray, " sample"]:
    """Entropy (natural logarithm) with what was not seen allowed for, by the share of kinds seen once."""
    found = np.full(len(counts), np.nan)
    for row, own in enumerate(counts):
        n = own.sum()
        if n <= 0:
            continue
        once = float((own == 1).sum())
        coverage = 1 - (once / n if once < n else (n - 1) / n)
        p = coverage * own[own > 0] / n
        found[row] = float(-(p * np.log(p) / (1 - (1 - p) ** n)).sum())
    return found


def mean_distance(places: Float[np.ndarray, "cell axis"], seed: int = 1, key: int = 0) -> float:
    """Mean distance between two cells; of more than 2,000 a random choice of that many stands for all. NaN for one."""
    from scipy.spatial.distance import pdist

    if len(places) < 2:
        return float("nan")
    chosen = permutation(seed, "pairs of cells", len(places), key)[:MOST] if len(places) > MOST else slice(None)
    return float(pdist(np.asarray(places, dtype=float)[chosen]).mean())


def heterogeneity_features(
    samples: Samples,
    *,
    label: str = "label",
    components: np.ndarray | None = None,
    malignant: np.ndarray | None = None,
    fewest: int = FEWEST,
    seed: int = 1,
    diversity: bool = True,
) -> FeatureTable:
    """Diversity of labels per sample, and the mean distance between malignant cells where they are known.

    components: (cell, axis), principal components of log-normalised expression.   malignant: which cells are.
    fewest: cells (malignant ones for the distance) a sample needs.   diversity: False leaves that of labels out.
    Raises: DiscoveryError where nothing is labelled, or for arrays of another length than the cells.
    """
    rows = []
    counts = composition(samples, by="sample", label=label)
    if diversity and (samples.counts is None or samples.counts_unit == "cells"):
        own = counts[counts.sum(axis=1) >= fewest]
        numbers = own.to_numpy(dtype=float)
        words = "labels, unbiased for the number of cells (Simpson 1949)"
        rows.append((own.index, inverse_simpson(numbers), "effective number of cell types", words))
        words = "labels, coverage-adjusted entropy, natural logarithm (Chao & Shen 2003)"
        rows.append((own.index, shannon(numbers), "Shannon diversity of cell types", words))
    if components is not None and malignant is not None:
        if len(components) != samples.n_cells or len(malignant) != samples.n_cells:
            raise DiscoveryError(f"{len(components)} places and {len(malignant)} marks for {samples.n_cells} cells.")
        sample = samples.cells["sample"].astype(str).to_numpy()
        names = [name for name in pd.unique(sample) if (malignant & (sample == name)).sum() >= fewest]
        far = [mean_distance(components[malignant & (sample == name)], seed, stable_hash(name)) for name in names]
        words = "mean distance of pairs in principal components"
        rows.append((pd.Index(names), np.array(far), "distance between malignant cells", words))
    of = (
        samples.samples.assign(sample=samples.samples["sample"].astype(str))
        .drop_duplicates("sample")
        .set_index("sample")
    )
    frames = []
    for index, values, feature, words in rows:
        made = pd.DataFrame({"sample": index.astype(str), "value": values, "feature": feature, "source": words})
        made["subject"] = made["sample"].map(of["subject"].astype(str).to_dict())
        made["time"] = made["sample"].map(of["time"].to_dict()) if "time" in of else None
        frames.append(made.assign(unit="", kind="heterogeneity"))
    if not frames:
        return FeatureTable(pd.DataFrame(columns=pd.Index(COLUMNS)), samples.samples)
    return FeatureTable(pd.concat(frames, ignore_index=True)[list(COLUMNS)], samples.samples)
